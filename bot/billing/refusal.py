"""Why a subscription cannot be unsubscribed from: one function a rule (R1, R31, R34, R35, R48)."""

from collections.abc import Callable
from datetime import datetime

from bot.billing.account import Account
from bot.billing.days import CLOUD_ZONE, cloud_date, written
from bot.billing.quote import Refusal, Scope
from bot.billing.renewal import grace_end, renewal_periods
from bot.billing.subscription import (
    BillingMode,
    Edition,
    Kind,
    Order,
    OrderType,
    Status,
    Subscription,
)
from bot.billing.usage import is_over

_GONE = Refusal(rule="R34", reason="It is unsubscribed from already.")
_FROZEN = Refusal(rule="R34", reason="The cloud froze it.")
_POSTPAID = Refusal(rule="R31", reason="It is pay-per-use, nothing is prepaid.")
_CONTRACT = Refusal(rule="R31", reason="It is a contract outside the cloud, it ends by notice.")
_FREE = Refusal(rule="R1", reason="The basic edition is free.")
_LOCKED = Refusal(rule="R48", reason="The cloud does not take its renewal period back alone.")
_NO_PERIOD = Refusal(rule="R45", reason="There is no renewal period to give back.")


def refusal(
    subscription: Subscription, account: Account, *, at: datetime, scope: Scope
) -> Refusal | None:
    """The first rule that forbids it at an instant, None when all allow it.

    Needs no amounts and no terms: a refusal comes before any figure is missed.
    """
    if (never := _never(subscription)) is not None:
        return never
    if _expired(subscription, at=at):
        return Refusal(rule="R34", reason=_expiry_sentence(subscription, account, at=at))
    if scope is Scope.RENEWALS:
        return _renewals_alone(subscription, at=at)
    return _everything(subscription, at=at)


def _never(subscription: Subscription) -> Refusal | None:
    """What no instant and no scope changes (R1, R31, R34, R35)."""
    for holds, why in _NEVER:
        if holds(subscription):
            return why
    if subscription.parent_id is not None:
        reason = f"It belongs to {subscription.parent_id} and goes with it."
        return Refusal(rule="R35", reason=reason)
    return None


def _everything(subscription: Subscription, *, at: datetime) -> Refusal | None:
    """R34: another transaction, an invoiced order, a purchase in a promotion."""
    if subscription.transaction_in_progress:
        return Refusal(rule="R34", reason="Another transaction is in progress.")
    orders = [order for order in subscription.orders if running_or_ahead(order, at=at)]
    if any(order.promotion and order.order_type is OrderType.NEW for order in orders):
        reason = "Bought in a promotion, it cannot be unsubscribed from."
        return Refusal(rule="R34", reason=reason)
    if any(order.invoiced for order in orders):
        return Refusal(rule="R34", reason="It is invoiced already.")
    return None


def _renewals_alone(subscription: Subscription, *, at: datetime) -> Refusal | None:
    """R45, R46, R48: there is a renewal period, it has not begun, and nothing holds it."""
    periods = renewal_periods(subscription, at=at)
    if not periods:
        return _no_period(subscription)
    if subscription.transaction_in_progress:
        return Refusal(rule="R48", reason="Another transaction is in progress.")
    if subscription.renewals_locked:
        return _LOCKED
    if any(order.promotion for order in periods):
        return Refusal(rule="R48", reason="The renewal was a promotion.")
    if any(order.invoiced for order in periods):
        return Refusal(rule="R48", reason="The renewal is invoiced already.")
    return None


def _no_period(subscription: Subscription) -> Refusal:
    begun = [
        order.effective_at
        for order in subscription.orders
        if order.order_type is OrderType.RENEWAL and order.effective_at is not None
    ]
    if not begun:
        return _NO_PERIOD
    day = written(cloud_date(max(begun)))
    return Refusal(rule="R46", reason=f"The renewal period began on {day}.")


def running_or_ahead(order: Order, *, at: datetime) -> bool:
    """Whether an order's term is not over; one without a known end is not."""
    return order.expires_at is None or not is_over(order.expires_at, at=at)


def _expired(subscription: Subscription, *, at: datetime) -> bool:
    if subscription.status is Status.FAILED or not subscription.orders:
        return subscription.status is Status.EXPIRED
    over = not any(running_or_ahead(order, at=at) for order in subscription.orders)
    return over or subscription.status is Status.EXPIRED


def _expiry_sentence(subscription: Subscription, account: Account, *, at: datetime) -> str:
    expires_at = subscription.expires_at
    if expires_at is None or expires_at > at:
        return "It has expired."
    day = written(cloud_date(expires_at))
    grace = grace_end(expires_at, account)
    if at >= grace:
        return f"It expired on {day}."
    hour = f"{grace.astimezone(CLOUD_ZONE):%H:%M} GMT+08:00"
    return f"It expired on {day}; grace until {written(cloud_date(grace))}, {hour}."


_NEVER: tuple[tuple[Callable[[Subscription], bool], Refusal], ...] = (
    (lambda s: s.billing_mode is BillingMode.PAY_PER_USE, _POSTPAID),
    (lambda s: s.kind is Kind.SAAS, _CONTRACT),
    (lambda s: s.kind is Kind.QUOTA and s.edition is Edition.BASIC, _FREE),
    (lambda s: s.status is Status.UNSUBSCRIBED, _GONE),
    (lambda s: s.status is Status.FROZEN, _FROZEN),
)
