"""The refund: what one subscription returns when it is unsubscribed from (R31 to R50)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.billing.account import Account
from bot.billing.cases import covered
from bot.billing.figures import Figures, UnclearFacts, added, currency_of, figures, missing
from bot.billing.money import Money
from bot.billing.notices import is_large, notices
from bot.billing.quote import Lost, Quote, QuoteTotal, Refusal, Scope
from bot.billing.refusal import refusal
from bot.billing.rulesets import PaidWith, rule_set
from bot.billing.subscription import Order, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The highest fee, lowest refund and most coupons lost that a span of time can bring."""

    handling_fee: Money
    refund: Money
    coupons_lost: Money


def quote(
    subscription: Subscription, account: Account, *, at: datetime, scope: Scope = Scope.ALL
) -> Quote:
    """Quote the refund at an instant, with the account's rule set; an estimate (R41 to R47).

    Never raises for a refusal: `Quote.refused` then says which rule and why (R31, R34, R48).
    Raises UnclearFacts when an order lacks what its figures need, UnknownRuleSet for a rule set
    that the site does not have.
    """
    rules = rule_set(account)
    refused = refusal(subscription, account, at=at, scope=scope)
    if refused is not None:
        return _refused(refused, subscription, account, at=at, scope=scope)
    orders = covered(subscription, at=at, scope=scope)
    currency = _one_currency(orders, account)
    worked: list[Figures] = []
    for order in orders:
        found = figures(order, subscription, account, at=at)
        if isinstance(found, Refusal):
            return _refused(found, subscription, account, at=at, scope=scope)
        worked.append(found)
    total = _total(worked, currency)
    pairs = tuple(zip(orders, (each.quote for each in worked), strict=True))
    return Quote(
        at=at,
        scope=scope,
        refused=None,
        case=worked[0].quote.case,
        currency=currency,
        rules=rules.id,
        large_value=is_large(total.refund, rules),
        orders=tuple(each.quote for each in worked),
        total=total,
        lost=_lost(worked, currency),
        warnings=notices(subscription, account, rules, pairs, at=at),
    )


def worst(quotes: Mapping[str, Quote]) -> Worst:
    """Add up quotes taken at the latest possible execution; all in one currency.

    Refused ones have no figures and count for nothing; raises ValueError when no other is left.
    """
    known = [(q.total, q.lost) for q in quotes.values() if q.total and q.lost]
    if not known:
        raise ValueError("None of these quotes has figures; ask for allowed ones.")
    currency = known[0][0].refund.currency
    return Worst(
        handling_fee=added((total.handling_fee for total, _ in known), currency),
        refund=added((total.refund for total, _ in known), currency),
        coupons_lost=added((lost.coupons for _, lost in known), currency),
    )


def combined(totals: Sequence[QuoteTotal]) -> QuoteTotal:
    """Totals of one currency added up, figure by figure; at least one."""
    first, *rest = totals
    for each in rest:
        first = QuoteTotal(
            paid=first.paid + each.paid,
            consumed=first.consumed + each.consumed,
            handling_fee=first.handling_fee + each.handling_fee,
            refund=first.refund + each.refund,
            cash=first.cash + each.cash,
            cash_coupon=first.cash_coupon + each.cash_coupon,
            flexi_coupon=first.flexi_coupon + each.flexi_coupon,
            stored_value=first.stored_value + each.stored_value,
        )
    return first


def _refused(
    why: Refusal, subscription: Subscription, account: Account, *, at: datetime, scope: Scope
) -> Quote:
    return Quote(
        at=at,
        scope=scope,
        refused=why,
        case=None,
        currency=subscription.currency or account.currency,
        rules=rule_set(account).id,
        large_value=False,
        orders=(),
        total=None,
        lost=None,
        warnings=(),
    )


def _one_currency(orders: Sequence[Order], account: Account) -> str:
    if not orders:
        raise missing("orders", rule="R42")
    currencies = sorted({currency_of(order, account) for order in orders})
    if len(currencies) > 1:
        sentence = f"currency differs between orders ({', '.join(currencies)}); figures need one."
        raise UnclearFacts(sentence, field="currency", rule="R42")
    return currencies[0]


def _total(worked: Sequence[Figures], currency: str) -> QuoteTotal:
    def back(way: PaidWith) -> Money:
        return added((each.parts[way] for each in worked), currency)

    quotes = [each.quote for each in worked]
    return QuoteTotal(
        paid=added((each.paid for each in quotes), currency),
        consumed=added((each.consumed for each in quotes), currency),
        handling_fee=added((each.handling_fee for each in quotes), currency),
        refund=added((each.refund for each in quotes), currency),
        cash=back(PaidWith.CASH),
        cash_coupon=added((each.coupon_back for each in worked), currency),
        flexi_coupon=back(PaidWith.FLEXI_COUPON),
        stored_value=back(PaidWith.STORED_VALUE),
    )


def _lost(worked: Sequence[Figures], currency: str) -> Lost:
    return Lost(
        cash_coupon=added((each.coupon_lost for each in worked), currency),
        discount_coupon=added((each.discount_lost for each in worked), currency),
    )
