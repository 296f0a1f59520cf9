"""What an embedded account does by itself: begin, charge, extend, expire; values in and out."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bot.billing import renewal
from bot.billing.account import Account
from bot.billing.renewal import AnchorKind
from bot.billing.subscription import (
    BillingMode,
    Order,
    OrderType,
    Status,
    Subscription,
)
from bot.billing.terms import term_end

ONE_SECOND = timedelta(seconds=1)

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
    ahead = renewal.anchor(subscription, account, at=after)
    charges = ahead is not None and ahead.kind is AnchorKind.DEDUCTION and _chargeable(subscription)
    return ahead.at if ahead is not None and charges else subscription.expires_at


def happen(subscription: Subscription, *, at: datetime) -> Subscription:
    """The subscription after the event that `next_event` announced for `at`.

    A contract that asks for notice and got none is renewed when its term ends.
    """
    if _starts_at(subscription) == at:
        return replace(subscription, status=Status.IN_USE)
    expires_at = subscription.expires_at
    if expires_at is None or at < expires_at:
        return charged(subscription)
    unnoticed = renewal.asks_for_notice(subscription) and subscription.auto_renew is True
    return (
        charged(subscription) if unnoticed and _chargeable(subscription) else expired(subscription)
    )


def charged(subscription: Subscription) -> Subscription:
    """Renewed once: one more order, paid in cash, which follows the running term directly (R14).

    The length is `auto_renew_months`, else that of the last order (R23); the amount is the
    renewal price, else what the last order cost in cash. Unchanged where the length is not known.
    """
    ends, months = subscription.expires_at, renewal.renewal_months(subscription)
    if ends is None or months is None:
        return subscription
    price = subscription.renewal_price
    order = Order(
        order_type=OrderType.RENEWAL,
        term_months=months,
        effective_at=ends + ONE_SECOND,
        expires_at=term_end(ends, months=months),
        currency=subscription.currency,
        cash=price if price is not None else subscription.orders[-1].cash,
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
        subscription, status=Status.UNSUBSCRIBED, auto_renew=False, transaction_in_progress=False
    )


def without_renewals(subscription: Subscription, *, at: datetime) -> Subscription:
    """The renewal periods that were not in effect at an instant given back (R45)."""
    given_back = renewal.renewal_periods(subscription, at=at)
    kept = tuple(order for order in subscription.orders if order not in given_back)
    return replace(subscription, orders=kept, transaction_in_progress=False)


def _starts_at(subscription: Subscription) -> datetime | None:
    if subscription.status is not Status.INACTIVE or not subscription.orders:
        return None
    return subscription.orders[0].effective_at


def _chargeable(subscription: Subscription) -> bool:
    return renewal.renewal_months(subscription) is not None
