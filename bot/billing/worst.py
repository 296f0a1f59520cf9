"""The worst figure that a span of time can bring: what a requester acknowledges."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing.account import Account
from bot.billing.cases import covered, five_day_end
from bot.billing.money import Money
from bot.billing.plan import Plan
from bot.billing.quote import Case, Lost, QuoteTotal, Scope
from bot.billing.refund import Worst, quote
from bot.billing.rulesets import rule_set
from bot.billing.subscription import Order, Status, Subscription, SubscriptionKey
from bot.billing.usage import ONE_HOUR, anniversary, counted_end

ONE_SECOND = timedelta(seconds=1)


def worst_until(
    subscription: Subscription,
    account: Account,
    *,
    start: datetime,
    until: datetime,
    scope: Scope = Scope.ALL,
) -> Worst:
    """The highest fee, lowest refund and most coupons lost if it goes at any moment of the span.

    Between two steps of the figures a refund only falls, so the two ends and both sides of every
    step are enough. Moments at which it is refused cannot execute and count for nothing; raises
    ValueError when that is all of them.
    """
    moments = {start, until, *steps(subscription, account, start=start, until=until, scope=scope)}
    figures = [
        found
        for at in sorted(moments)
        if (found := _figures(subscription, account, start=start, at=at, scope=scope))
    ]
    if not figures:
        raise ValueError(f"{subscription.key} cannot be unsubscribed from in that time.")
    return Worst(
        handling_fee=_highest(total.handling_fee for total, _ in figures),
        refund=-_highest(-total.refund for total, _ in figures),
        coupons_lost=_highest(lost.coupons for _, lost in figures),
    )


def worst_of_plan(
    plan: Plan,
    subscriptions: Mapping[SubscriptionKey, Subscription],
    account: Account,
    *,
    start: datetime,
    until: datetime,
) -> Worst:
    """The worst of every item that goes, added up; raises ValueError when nothing goes.

    Each five-day return before an item uses one of the year's (R37), as in the plan.
    """
    worsts: list[Worst] = []
    used = account.five_day_returns_used
    for step in plan.steps:
        for key in step.subscriptions:
            planned = plan.quotes[key]
            counted = replace(account, five_day_returns_used=used)
            worsts.append(
                worst_until(
                    subscriptions[key], counted, start=start, until=until, scope=planned.scope
                )
            )
            used += planned.case is Case.FIVE_DAY
    if not worsts:
        raise ValueError("A plan in which nothing goes has no worst figure.")
    return _added(worsts)


def is_worse(now: Worst, *, than: Worst) -> bool:
    """Whether any figure is worse than the acknowledged one: such a request goes stale."""
    return (
        now.handling_fee > than.handling_fee
        or now.refund < than.refund
        or now.coupons_lost > than.coupons_lost
    )


def steps(
    subscription: Subscription,
    account: Account,
    *,
    start: datetime,
    until: datetime,
    scope: Scope = Scope.ALL,
) -> Sequence[datetime]:
    """Both sides of every moment in the span at which the figures jump, in order.

    Fee years (R43), the end of the five days (R36), starts and ends of terms (R46), and the day on
    which a cash coupon expires (R33).
    """
    edges = {
        edge
        for order in covered(subscription, at=start, scope=scope)
        for edge in _edges(order, account)
    }
    sides = {moment for edge in edges for moment in (edge - ONE_SECOND, edge)}
    return sorted(moment for moment in sides if start < moment <= until)


def _edges(order: Order, account: Account) -> Iterator[datetime]:
    if order.effective_at is not None:
        yield order.effective_at
        for year in range(1, (order.term_months or 0) // 12 + 1):
            yield anniversary(order.effective_at, year=year) + ONE_HOUR
    if order.expires_at is not None:
        yield counted_end(order.expires_at)
    ends = five_day_end(order)
    if ends is not None and rule_set(account).five_day:
        yield ends
    if order.cash_coupon_expires_at is not None:
        yield order.cash_coupon_expires_at


def _figures(
    subscription: Subscription, account: Account, *, start: datetime, at: datetime, scope: Scope
) -> tuple[QuoteTotal, Lost] | None:
    found = quote(_as_of(subscription, start=start, at=at), account, at=at, scope=scope)
    return (found.total, found.lost) if found.total and found.lost else None


def _as_of(subscription: Subscription, *, start: datetime, at: datetime) -> Subscription:
    """What was read as inactive is in use once its beginning, still ahead at the start, is past."""
    begins = [order.effective_at for order in subscription.orders if order.effective_at]
    begun = any(start < moment <= at for moment in begins)
    if subscription.status is Status.INACTIVE and begun:
        return replace(subscription, status=Status.IN_USE)
    return subscription


def _highest(amounts: Iterator[Money]) -> Money:
    first = next(amounts)
    for each in amounts:
        first = max(first, each)
    return first


def _added(worsts: Sequence[Worst]) -> Worst:
    first, *rest = worsts
    for each in rest:
        first = Worst(
            handling_fee=first.handling_fee + each.handling_fee,
            refund=first.refund + each.refund,
            coupons_lost=first.coupons_lost + each.coupons_lost,
        )
    return first
