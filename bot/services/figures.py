"""Figures of a request as facts are read now, compared with what was acknowledged."""

from collections.abc import Mapping

from bot.billing.money import CurrencyMismatch, Money
from bot.billing.plan import Plan
from bot.billing.quote import Quote
from bot.billing.subscription import SubscriptionKey
from bot.billing.unsubscription import ItemState, Request
from bot.billing.worst import COUPONS, FEE, REFUND, Worst, is_worse, summed


def remaining(request: Request, plan: Plan) -> Worst:
    """The request's figures: what `plan` quotes of it now, the rest as it was asked for or paid.

    The plan refuses none of it: what it refuses would count as it was once.
    """
    quotes = {str(item.key): plan.quotes.get(item.key, item.quote) for item in request.items}
    return _with_actual(request, quotes)


def exceeds(now: Worst, request: Request) -> str | None:
    """What is worse than acknowledged, in one sentence; None when nothing is."""
    before = request.acknowledgement.worst
    try:
        if not is_worse(now, than=before):
            return None
    except CurrencyMismatch:
        return f"The currency is {now.refund.currency}, before {before.refund.currency}."
    said = [
        text
        for text, worse in (
            (_said(REFUND, now.refund, before.refund), now.refund < before.refund),
            (
                _said(FEE, now.handling_fee, before.handling_fee),
                now.handling_fee > before.handling_fee,
            ),
            (
                _said(COUPONS, now.coupons_lost, before.coupons_lost),
                now.coupons_lost > before.coupons_lost,
            ),
        )
        if worse
    ]
    first, *more = said
    return f"{'; '.join([first, *(f'{each[0].lower()}{each[1:]}' for each in more)])}."


def _said(what: str, now: Money, before: Money) -> str:
    return f"{what} {now}, acknowledged {before}"


def _with_actual(request: Request, quotes: Mapping[str, Quote]) -> Worst:
    """The sum, with what the cloud has paid back already in place of its estimate."""
    total = summed(quotes)
    for item in request.items:
        estimate = item.quote.total
        known = item.state is ItemState.GONE and estimate is not None
        if known and item.refund_actual is not None and estimate is not None:
            total = Worst(
                handling_fee=total.handling_fee
                - estimate.handling_fee
                + (item.fee_actual or estimate.handling_fee),
                refund=total.refund - estimate.refund + item.refund_actual,
                coupons_lost=total.coupons_lost,
            )
    return total


def keys_of(request: Request) -> tuple[SubscriptionKey, ...]:
    """The subscriptions of a request, in the order in which they go."""
    return tuple(item.key for item in request.items)
