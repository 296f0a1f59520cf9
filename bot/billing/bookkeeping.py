"""What an embedded account does by itself: begin, charge, extend, expire (values in, values out)."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal

from bot.billing import renewal
from bot.billing.account import Account
from bot.billing.renewal import CLOUD_ZONE
from bot.billing.subscription import BillingMode, Order, OrderType, Status, Subscription

CHARGED_AT = time(3)
"""Deductions are attempted at 03:00 GMT+08:00 (R19, R21)."""

ONE_SECOND = timedelta(seconds=1)
ONE_DAY = timedelta(days=1)

_OVER = frozenset({Status.UNSUBSCRIBED, Status.EXPIRED, Status.FAILED})


def next_event(subscription: Subscription, account: Account, *, after: datetime) -> datetime | None:
    """When the book must look at a subscription next: its start, its charge, or its expiry.

    A first attempt that lies before `after` is made up for on the next day at 03:00 (R21). An
    expiry that has passed unnoticed is due at once, so the answer may lie before `after`. None
    when nothing happens by itself any more.
    """
    if subscription.status in _OVER or subscription.billing_mode is BillingMode.PAY_PER_USE:
        return None
    starts_at = _starts_at(subscription)
    if starts_at is not None:
        return starts_at
    attempt = _attempt(subscription, account, after=after)
    return attempt if attempt is not None else subscription.expires_at


def happen(subscription: Subscription, account: Account, *, at: datetime) -> Subscription:
    """The subscription after the event that `next_event` announced for `at`."""
    if _starts_at(subscription) == at:
        return replace(subscription, status=Status.IN_USE)
    expires_at = subscription.expires_at
    if expires_at is not None and at >= expires_at:
        return expired(subscription)
    return charged(subscription)


def charged(subscription: Subscription) -> Subscription:
    """Renewed once: one more order, paid in cash, which follows the running term directly (R14).

    The length is `auto_renew_months`, else that of the last order (R23); the amount is the
    renewal price, else what the last order cost in cash.
    """
    [*_, last] = subscription.orders
    ends = subscription.expires_at
    months = subscription.auto_renew_months or last.term_months
    if ends is None or months is None:
        return subscription
    price = subscription.renewal_price
    order = Order(
        order_type=OrderType.RENEWAL,
        term_months=months,
        effective_at=ends + ONE_SECOND,
        expires_at=renewal.term_end(ends, months=months),
        currency=subscription.currency,
        cash=price if price is not None else last.cash,
        cash_coupon=Decimal(0),
        flexi_coupon=Decimal(0),
        stored_value=Decimal(0),
        discount_coupon=Decimal(0),
    )
    return replace(subscription, orders=(*subscription.orders, order))


def expired(subscription: Subscription) -> Subscription:
    """Past its last paid instant and not renewed (R15)."""
    return replace(subscription, status=Status.EXPIRED)


def unsubscribed(subscription: Subscription) -> Subscription:
    """Gone: kept for history, and nothing will be deducted any more."""
    return replace(
        subscription,
        status=Status.UNSUBSCRIBED,
        auto_renew=False,
        transaction_in_progress=False,
    )


def without_renewals(subscription: Subscription, *, at: datetime) -> Subscription:
    """The renewal periods that are not in effect at an instant given back (R45)."""
    kept = tuple(order for order in subscription.orders if not _ahead(order, at=at))
    return replace(subscription, orders=kept, transaction_in_progress=False)


def too_late_to_wait(subscription: Subscription, *, at: datetime) -> bool:
    """Whether switching auto-renewal on deducts at once: no attempt is left before expiry (R22)."""
    ends = subscription.expires_at
    return ends is not None and at < ends < _next_charge_hour(at)


def _starts_at(subscription: Subscription) -> datetime | None:
    if subscription.status is not Status.INACTIVE or not subscription.orders:
        return None
    return subscription.orders[0].effective_at


def _attempt(subscription: Subscription, account: Account, *, after: datetime) -> datetime | None:
    first = renewal.deduction_at(subscription, account) if subscription.orders else None
    ends = subscription.expires_at
    if first is None or ends is None or not _length_known(subscription):
        return None
    if first > after:
        return first
    again = _next_charge_hour(after)
    return again if again < ends else None


def _next_charge_hour(after: datetime) -> datetime:
    """The first 03:00 GMT+08:00 later than an instant."""
    local = after.astimezone(CLOUD_ZONE)
    hour = datetime.combine(local.date(), CHARGED_AT, tzinfo=CLOUD_ZONE)
    return hour if hour > after else hour + ONE_DAY


def _length_known(subscription: Subscription) -> bool:
    [*_, last] = subscription.orders
    return (subscription.auto_renew_months or last.term_months) is not None


def _ahead(order: Order, *, at: datetime) -> bool:
    starts = order.effective_at
    return order.order_type is OrderType.RENEWAL and starts is not None and starts > at
