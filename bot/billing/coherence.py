"""What a quote needs of its facts: nothing missing, and nothing that contradicts itself."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from bot.billing.account import Account
from bot.billing.days import cloud_date, written
from bot.billing.subscription import Order, OrderType


class UnclearFacts(ValueError):
    """What a quote needs is missing or contradicts itself: `field` of an order, by which `rule`."""

    def __init__(self, sentence: str, *, field: str, rule: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.rule = rule


def missing(field: str, *, rule: str) -> UnclearFacts:
    """The refusal to work out figures without a field."""
    return UnclearFacts(
        f"{field} is not known; the figures need it ({rule}).", field=field, rule=rule
    )


def demand_coherent(orders: Sequence[Order], account: Account) -> None:
    """Refuse orders that cannot belong together; raises UnclearFacts.

    They need one currency (R42), a purchase that comes before its renewals (R47), and terms that
    follow each other instead of overlapping (R14). A purchase is provisioned before it ends (R36).
    """
    for order in orders:
        _demand_provisioned_in_time(order)
    for before, after in pairwise(orders):
        _demand_same_currency(before, after, account)
        _demand_following(before, after)


def currency_of(order: Order, account: Account) -> str:
    """The order's own currency, else that of the account's site."""
    return order.currency or account.currency


def _demand_same_currency(before: Order, after: Order, account: Account) -> None:
    found = sorted({currency_of(before, account), currency_of(after, account)})
    if len(found) > 1:
        sentence = f"currency differs between orders ({', '.join(found)}); figures need one (R42)."
        raise UnclearFacts(sentence, field="currency", rule="R42")


def _demand_provisioned_in_time(order: Order) -> None:
    provisioned_at, ends = order.provisioned_at, order.expires_at
    if provisioned_at is not None and ends is not None and provisioned_at > ends:
        sentence = f"provisioned_at is after expires_at, {_day(ends)}; correct one of them (R36)."
        raise UnclearFacts(sentence, field="provisioned_at", rule="R36")


def _demand_following(before: Order, after: Order) -> None:
    if after.order_type is OrderType.NEW:
        sentence = "order_type is new after the first order; what follows is a renewal (R47)."
        raise UnclearFacts(sentence, field="order_type", rule="R47")
    ends, begins = before.expires_at, after.effective_at
    if ends is not None and begins is not None and cloud_date(begins) < cloud_date(ends):
        sentence = (
            f"effective_at is {_day(begins)}, before the term that it follows ends on "
            f"{_day(ends)}; a renewal begins when the term before it ends (R14)."
        )
        raise UnclearFacts(sentence, field="effective_at", rule="R14")


def _day(moment: datetime) -> str:
    return written(cloud_date(moment))
