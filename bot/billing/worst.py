"""The worst figure that a span of time can bring: what a requester acknowledges."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.billing.account import Account
from bot.billing.cases import as_counted, covered, five_day_end
from bot.billing.days import CLOUD_ZONE, cloud_date
from bot.billing.money import Money, added
from bot.billing.plan import Plan
from bot.billing.quote import Case, Quote, Scope
from bot.billing.refund import quote
from bot.billing.rulesets import Unit, rule_set
from bot.billing.subscription import Order, OrderType, Status, Subscription, SubscriptionKey
from bot.billing.usage import ONE_DAY, ONE_HOUR, anniversary, counted_end, full_day, full_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The highest fee, lowest refund and most coupons lost that a span of time can bring."""

    handling_fee: Money
    refund: Money
    coupons_lost: Money


REFUND, FEE, COUPONS = "Refund at least", "Handling fee at most", "Coupons lost"
"""What each is called where it got worse; such a sentence begins with one of them."""


class Cause(StrEnum):
    """Why figures step at a moment."""

    FULL_HOUR = "full hour"
    DAY = "day"
    FEE_YEAR = "fee year"
    FIVE_DAYS = "end of the five days"
    BEGINNING = "start of a term"
    RENEWAL_PERIOD = "start of a renewal period"
    TERM_END = "end of a term"
    COUPON = "expiry of a cash coupon"
    NEW_YEAR = "five-day returns of a new year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A moment from which the figures of a subscription are others, and why."""

    at: datetime
    cause: Cause
    subscription: SubscriptionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What unsubscribing can come to between two instants, both included.

    `worst` of a plan adds up the worst of each item, since they go one after the other. `steps`
    are all moments at which a figure steps, in order; between two of them nothing changes.
    `five_day` says whether something may go within its five days, which uses a return.
    """

    start: datetime
    until: datetime
    worst: Worst
    steps: tuple[Step, ...]
    five_day: bool


def worst(plan: Plan, *, until: datetime) -> Span:
    """The highest fee and lowest refund that the plan can reach from its instant until then.

    Each item that may go within its five days uses one of the year's returns, which those after it
    then lack (R37). Raises ValueError when nothing goes.
    """
    spans: list[Span] = []
    for key in plan.going:
        span = worst_until(
            plan.subscriptions[key],
            plan.account,
            start=plan.at,
            until=until,
            scope=plan.scope,
            earlier_returns=sum(span.five_day for span in spans),
        )
        spans.append(span)
    if not spans:
        raise ValueError("A plan in which nothing goes has no worst figure.")
    steps = sorted(
        (step for span in spans for step in span.steps),
        key=lambda step: (step.at, step.subscription),
    )
    return Span(
        start=plan.at,
        until=until,
        worst=_sum([span.worst for span in spans]),
        steps=tuple(steps),
        five_day=any(span.five_day for span in spans),
    )


def worst_until(
    subscription: Subscription,
    account: Account,
    *,
    start: datetime,
    until: datetime,
    scope: Scope = Scope.ALL,
    earlier_returns: int = 0,
) -> Span:
    """The same for one subscription, after so many five-day returns of others.

    Figures are constant from one step to the next, so that the start of the span and every step
    are enough. Moments at which it is refused cannot execute and count for nothing; raises
    ValueError when that is all of them.
    """

    def quoted(at: datetime) -> Quote:
        counted = as_counted(account, read_at=start, at=at)
        used = counted.five_day_returns_used + earlier_returns
        then = replace(counted, five_day_returns_used=used)
        return quote(as_of(subscription, start=start, at=at), then, at=at, scope=scope)

    reached = [quoted(start)]
    steps: list[Step] = []
    for step in _possible_steps(subscription, account, start=start, until=until, scope=scope):
        found = quoted(step.at)
        if _as_worst(found) != _as_worst(reached[-1]):
            steps.append(step)
        reached.append(found)
    known = [figures for each in reached if (figures := _as_worst(each)) is not None]
    if not known:
        raise ValueError(f"{subscription.key} cannot be unsubscribed from in that time.")
    return Span(
        start=start,
        until=until,
        worst=_highest(known),
        steps=tuple(steps),
        five_day=any(each.case is Case.FIVE_DAY for each in reached),
    )


def summed(quotes: Mapping[str, Quote]) -> Worst:
    """The figures of quotes at their own instants, added up; all in one currency.

    Refused ones have no figures and count for nothing; raises ValueError when no other is left.
    """
    known = [figures for each in quotes.values() if (figures := _as_worst(each)) is not None]
    if not known:
        raise ValueError("None of these quotes has figures; ask for allowed ones.")
    return _sum(known)


def is_worse(now: Worst, *, than: Worst) -> bool:
    """Whether any figure is worse than the acknowledged one: such a request goes stale."""
    return (
        now.handling_fee > than.handling_fee
        or now.refund < than.refund
        or now.coupons_lost > than.coupons_lost
    )


def jump_steps(
    subscription: Subscription,
    account: Account,
    *,
    start: datetime,
    until: datetime,
    scope: Scope = Scope.ALL,
) -> Sequence[Step]:
    """The moments in (start, until] at which the figures jump, in order, one a moment.

    Fee years (R43), the end of the five days (R36), a new year's five-day returns (R37), starts
    and ends of terms (R46), and the day on which a cash coupon expires (R33).
    """
    found = {
        at: Step(at=at, cause=Cause.NEW_YEAR, subscription=subscription.key)
        for at in _new_years(account, start=start, until=until)
    }
    found |= {
        at: Step(at=at, cause=cause, subscription=subscription.key)
        for order in covered(subscription, at=start, scope=scope)
        for at, cause in _jumps(order, account)
        if start < at <= until
    }
    return sorted(found.values(), key=lambda step: step.at)


def _jumps(order: Order, account: Account) -> Iterator[tuple[datetime, Cause]]:
    if order.cash_coupon_expires_at is not None:
        yield order.cash_coupon_expires_at, Cause.COUPON
    if order.effective_at is not None:
        for year in range(1, (order.term_months or 0) // 12 + 1):
            yield anniversary(order.effective_at, year=year) + ONE_HOUR, Cause.FEE_YEAR
        renewal = order.order_type is OrderType.RENEWAL
        yield order.effective_at, Cause.RENEWAL_PERIOD if renewal else Cause.BEGINNING
    if order.expires_at is not None:
        yield counted_end(order.expires_at), Cause.TERM_END
    ends = five_day_end(order)
    if ends is not None and rule_set(account).five_day:
        yield ends, Cause.FIVE_DAYS


def _new_years(account: Account, *, start: datetime, until: datetime) -> Iterator[datetime]:
    if not rule_set(account).five_day:
        return
    for year in range(cloud_date(start).year + 1, cloud_date(until).year + 1):
        yield datetime(year, 1, 1, tzinfo=CLOUD_ZONE)


def _possible_steps(
    subscription: Subscription, account: Account, *, start: datetime, until: datetime, scope: Scope
) -> Sequence[Step]:
    """The jumps, and every full hour, or day under older rules, in between (R42, X2)."""
    by_day = rule_set(account).unit is Unit.DAY
    cause, unit = (Cause.DAY, ONE_DAY) if by_day else (Cause.FULL_HOUR, ONE_HOUR)
    at = (full_day(start) if by_day else full_hour(start)) + unit
    found: dict[datetime, Step] = {}
    while at <= until:
        found[at] = Step(at=at, cause=cause, subscription=subscription.key)
        at += unit
    for jump in jump_steps(subscription, account, start=start, until=until, scope=scope):
        found[jump.at] = jump
    return [found[at] for at in sorted(found)]


def as_of(subscription: Subscription, *, start: datetime, at: datetime) -> Subscription:
    """What was read as inactive is in use once its beginning, still ahead at the start, is past."""
    begins = [order.effective_at for order in subscription.orders if order.effective_at]
    begun = any(start < moment <= at for moment in begins)
    if subscription.status is Status.INACTIVE and begun:
        return replace(subscription, status=Status.IN_USE)
    return subscription


def _as_worst(found: Quote) -> Worst | None:
    """The figures of one quote, None where it is refused."""
    if found.total is None or found.lost is None:
        return None
    return Worst(
        handling_fee=found.total.handling_fee,
        refund=found.total.refund,
        coupons_lost=found.lost.coupons,
    )


def _highest(reached: Sequence[Worst]) -> Worst:
    """Figure by figure; they need not belong to the same moment."""
    return Worst(
        handling_fee=max(each.handling_fee for each in reached),
        refund=min(each.refund for each in reached),
        coupons_lost=max(each.coupons_lost for each in reached),
    )


def _sum(worsts: Sequence[Worst]) -> Worst:
    currency = worsts[0].refund.currency
    return Worst(
        handling_fee=added((each.handling_fee for each in worsts), currency),
        refund=added((each.refund for each in worsts), currency),
        coupons_lost=added((each.coupons_lost for each in worsts), currency),
    )
