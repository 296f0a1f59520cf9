"""Why a subscription cannot be unsubscribed from: one function a rule (R1, R31, R34, R35, R48)."""

from collections.abc import Sequence
from datetime import datetime

from bot.billing.account import Account
from bot.billing.days import CLOUD_ZONE, cloud_date, written
from bot.billing.expiry import Phase, afterlife
from bot.billing.quote import Refusal, Scope
from bot.billing.renewal import renewal_periods
from bot.billing.subscription import (
    BillingMode,
    Edition,
    Kind,
    Order,
    OrderType,
    Status,
    Subscription,
)

NEVER_TAKEN_BACK = frozenset(
    {
        "huawei cloud meeting",
        "meeting",
        "welink",
        "domains",
        "ssl certificate manager",
        "cloud certificate manager",
        "devcloud",
        "support plan",
    }
)
"""Services that are never unsubscribed from, by their names in small letters (R34)."""

RENEWALS_KEPT = frozenset({"cloudsite"})
"""Services whose renewal periods are not taken back alone, in small letters (R48)."""

_GONE = Refusal(rule="R34", reason="It is unsubscribed from already.")
_FROZEN = Refusal(rule="R34", reason="The cloud froze it.")
_POSTPAID = Refusal(rule="R31", reason="It is pay-per-use, nothing is prepaid.")
_CONTRACT = Refusal(rule="R31", reason="It is a contract outside the cloud, it ends by notice.")
_FREE = Refusal(rule="R1", reason="The basic edition is free.")
_LOCKED = Refusal(rule="R48", reason="The cloud does not take its renewal period back alone.")
_NO_PERIOD = Refusal(rule="R45", reason="There is no renewal period to give back.")
_BUSY = Refusal(rule="R34", reason="Another transaction is in progress.")
_RENEWAL_BUSY = Refusal(rule="R48", reason="Another transaction is in progress.")


def is_over_by_itself(why: Refusal) -> bool:
    """Whether nobody has to do anything about it: another transaction comes to its end."""
    return why in {_BUSY, _RENEWAL_BUSY}


def refusal(
    subscription: Subscription,
    account: Account,
    running: Sequence[Order],
    *,
    at: datetime,
    scope: Scope,
) -> Refusal | None:
    """The first rule that forbids it at an instant, None when all allow it (R31, R34, R48).

    `running` are the orders whose term is not over then. Needs no amounts and no terms: a refusal
    comes before any figure is missed. Source: EU en-us_topic_0083138804, 2026-05-26; INTL
    unsubscription_topic_2000010, 2025-07-28.
    """
    if (never := _never(subscription)) is not None:
        return never
    if _expired(subscription, running):
        return Refusal(rule="R34", reason=_expiry_sentence(subscription, account, at=at))
    if scope is Scope.RENEWALS:
        return _renewals_alone(subscription, at=at)
    return _everything(subscription, running)


def _never(subscription: Subscription) -> Refusal | None:
    """What no instant and no scope changes (R1, R31, R34, R35).

    Pay-per-use items, packages of a pay-per-use edition among them, are cancelled and carry no
    refund (R4, R10). Source: INTL unsubscription_topic_2000010, 2025-07-28; EU secmaster_04_0004.
    """
    if subscription.billing_mode is BillingMode.PAY_PER_USE:
        return _POSTPAID
    if subscription.kind is Kind.SAAS:
        return _CONTRACT
    if subscription.kind is Kind.QUOTA and subscription.edition is Edition.BASIC:
        return _FREE
    if subscription.status is Status.UNSUBSCRIBED:
        return _GONE
    return _FROZEN if subscription.status is Status.FROZEN else _not_by_itself(subscription)


def _not_by_itself(subscription: Subscription) -> Refusal | None:
    """A service that is never taken back (R34); what goes with its main resource only (R35)."""
    if (subscription.service or "").casefold() in NEVER_TAKEN_BACK:
        return Refusal(rule="R34", reason=f"The cloud does not take {subscription.service} back.")
    if subscription.parent_id is not None:
        reason = f"It belongs to {subscription.parent_id} and goes with it."
        return Refusal(rule="R35", reason=reason)
    return None


def _everything(subscription: Subscription, orders: Sequence[Order]) -> Refusal | None:
    """R34: another transaction, an invoiced order, a purchase in a promotion (R39).

    `invoiced` is true only where a rule depends on it; whether the cloud refuses any invoice or
    only those of marketplace and partner orders is for its API to decide (X13).
    """
    if subscription.transaction_in_progress:
        return _BUSY
    for order in orders:
        if order.promotion and order.order_type is OrderType.NEW:
            reason = "Bought in a promotion, it cannot be unsubscribed from."
            return Refusal(rule="R34", reason=reason)
    for order in orders:
        if order.invoiced:
            return Refusal(rule="R34", reason="It is invoiced already.")
    return None


def _renewals_alone(subscription: Subscription, *, at: datetime) -> Refusal | None:
    """R45, R46, R48: there is a renewal period, it has not begun, and nothing holds it.

    Source: CN unsubscription_topic_2000001, 2025-02-20; its intl/th-th version.
    """
    periods = renewal_periods(subscription, at=at)
    if not periods:
        return _no_period(subscription)
    return _held(subscription, periods)


def _held(subscription: Subscription, periods: Sequence[Order]) -> Refusal | None:
    """R48: a transaction, a change since, a service, a promotion or an invoice holds them.

    Source: CN unsubscription_topic_2000001, 2025-02-20, and its intl/th-th version.
    """
    if subscription.transaction_in_progress:
        return _RENEWAL_BUSY
    if (held := renewals_held(subscription)) is not None:
        return held
    if any(order.promotion for order in periods):
        return Refusal(rule="R48", reason="The renewal was a promotion.")
    if any(order.invoiced for order in periods):
        return Refusal(rule="R48", reason="The renewal is invoiced already.")
    return None


def renewals_held(subscription: Subscription) -> Refusal | None:
    """R48: what holds every renewal period, one that is still to be paid as well."""
    if subscription.renewals_locked:
        return _LOCKED
    if (subscription.service or "").casefold() in RENEWALS_KEPT:
        reason = f"The cloud does not take renewals of {subscription.service} back alone."
        return Refusal(rule="R48", reason=reason)
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


def _expired(subscription: Subscription, orders: Sequence[Order]) -> bool:
    over = bool(subscription.orders) and not orders
    return over or subscription.status is Status.EXPIRED


def _expiry_sentence(subscription: Subscription, account: Account, *, at: datetime) -> str:
    """Since when it is expired, and how long it can still be used, then still be renewed (R15)."""
    expires_at = subscription.expires_at
    if expires_at is None:
        return "It has expired."
    if expires_at > at:
        ends = written(cloud_date(expires_at))
        return f"The cloud calls it expired, although its term ends on {ends}."
    after = afterlife(expires_at, account)
    phase, day = after.phase(at=at), written(cloud_date(expires_at))
    if phase in {Phase.RUNNING, Phase.GRACE}:
        return f"It expired on {day}; grace until {_moment(after.grace_ends)}."
    if phase is Phase.RETENTION:
        return f"It expired on {day}; frozen, and kept until {_moment(after.released_at)}."
    return f"It expired on {day}."


def _moment(at: datetime) -> str:
    return f"{written(cloud_date(at))}, {at.astimezone(CLOUD_ZONE):%H:%M} GMT+08:00"
