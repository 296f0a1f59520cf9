"""Which orders an unsubscription takes, and which of the five ways of R32 each one goes."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing.account import Account
from bot.billing.days import CLOUD_ZONE, cloud_date
from bot.billing.quote import Case, Scope
from bot.billing.renewal import open_orders, renewal_periods
from bot.billing.rulesets import RuleSet
from bot.billing.subscription import Order, OrderType, Status, Subscription

FIVE_DAYS = timedelta(hours=5 * 24)
"""To the second, not calendar days (R36)."""

FIVE_DAY_RETURNS = 10
"""Per account and calendar year, 1 January to 31 December; a main resource counts as one (R37)."""


def covered(subscription: Subscription, *, at: datetime, scope: Scope) -> tuple[Order, ...]:
    """The orders that a scope takes: all terms that are not over, or renewals ahead (R44, R45)."""
    if scope is Scope.RENEWALS:
        return renewal_periods(subscription, at=at)
    return open_orders(subscription, at=at)


def case_of(
    order: Order, subscription: Subscription, account: Account, rules: RuleSet, *, at: datetime
) -> Case:
    """The way that an order goes at an instant (R32, R46, R47).

    Source: INTL unsubscription_topic_2000010, 2025-07-28, and the CN table of the same scenarios.
    """
    ahead = order.effective_at is not None and order.effective_at > at
    if ahead and order.order_type is OrderType.RENEWAL:
        return Case.RENEWAL_PERIOD
    if subscription.status is Status.FAILED:
        return Case.FAILED
    if ahead or subscription.status is Status.INACTIVE:
        return Case.INACTIVE
    if within_five_days(order, rules, at=at) and account.five_day_returns_used < FIVE_DAY_RETURNS:
        return Case.FIVE_DAY
    return Case.CONDITIONAL


def five_day_end(order: Order) -> datetime | None:
    """When the five days of a new purchase are over, itself no longer inside (R36).

    None for a renewal, which is no new purchase (R39), and where the beginning is not known.
    Source: CN unsubscription_topic_20000081.
    """
    provisioned_at = order.provisioned_at or order.effective_at
    if order.order_type is not OrderType.NEW or provisioned_at is None:
        return None
    return provisioned_at.astimezone(CLOUD_ZONE) + FIVE_DAYS


def within_five_days(order: Order, rules: RuleSet, *, at: datetime) -> bool:
    """Whether the rule set knows the five days and they are not over; CN only (R36, R40, X1).

    Source: INTL unsubscription_topic_2000010, 2025-07-28, which has no such row.
    """
    if not rules.five_day:
        return False
    ends = five_day_end(order)
    return ends is not None and at < ends


def as_counted(account: Account, *, read_at: datetime, at: datetime) -> Account:
    """The account with the five-day returns that count at a later instant.

    The ten are those of a calendar year, so a new year in the cloud's zone begins with none used
    (R37). Source: CN unsubscription_topic_20000081.
    """
    if cloud_date(at).year == cloud_date(read_at).year:
        return account
    return replace(account, five_day_returns_used=0)
