"""Which orders an unsubscription takes, and which of the five ways of R32 each one goes."""

from datetime import datetime, timedelta

from bot.billing.account import Account
from bot.billing.quote import Case, Scope
from bot.billing.refusal import running_or_ahead
from bot.billing.renewal import renewal_periods
from bot.billing.rulesets import rule_set
from bot.billing.subscription import Order, OrderType, Status, Subscription

FIVE_DAYS = timedelta(hours=5 * 24)
"""To the second, not calendar days (R36)."""

FIVE_DAY_RETURNS = 10
"""Per account and calendar year (R37)."""


def covered(subscription: Subscription, *, at: datetime, scope: Scope) -> tuple[Order, ...]:
    """The orders that a scope takes: all terms that are not over, or renewals ahead (R44, R45)."""
    if scope is Scope.RENEWALS:
        return renewal_periods(subscription, at=at)
    if subscription.status is Status.FAILED:
        return subscription.orders
    return tuple(order for order in subscription.orders if running_or_ahead(order, at=at))


def case_of(order: Order, subscription: Subscription, account: Account, *, at: datetime) -> Case:
    """The way that an order goes at an instant (R32)."""
    ahead = order.effective_at is not None and order.effective_at > at
    if subscription.status is Status.FAILED:
        return Case.FAILED
    if ahead and order.order_type is OrderType.RENEWAL:
        return Case.RENEWAL_PERIOD
    if ahead or subscription.status is Status.INACTIVE:
        return Case.INACTIVE
    return Case.FIVE_DAY if _within_five_days(order, account, at=at) else Case.CONDITIONAL


def five_day_end(order: Order) -> datetime | None:
    """When the five days of a new purchase are over, itself no longer inside (R36).

    None for a renewal, which is no new purchase (R39), and where the beginning is not known.
    """
    provisioned_at = order.provisioned_at or order.effective_at
    if order.order_type is not OrderType.NEW or provisioned_at is None:
        return None
    return provisioned_at + FIVE_DAYS


def _within_five_days(order: Order, account: Account, *, at: datetime) -> bool:
    """R36 to R40: a rule set that knows them, returns left this year, and the time not over."""
    ends = five_day_end(order)
    returns_left = account.five_day_returns_used < FIVE_DAY_RETURNS
    return rule_set(account).five_day and returns_left and ends is not None and at < ends
