"""Readable builders of subscriptions, orders and accounts; every field can be overridden.

The defaults tell one story: account `default` (intl, USD) holds a SecMaster professional quota
bought on 7 December 2025 for a year, renewed by itself, with packages of the same term. `NOW` is
Mon 23 Nov 2026, 10:12 GMT+08:00. Instants may be written as text in the cloud's zone.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.billing.account import Account, CarriedOut, ExecuteMode, Site
from bot.billing.deciding import Terms
from bot.billing.money import Money
from bot.billing.renewal import CLOUD_ZONE
from bot.billing.subscription import (
    AccountName,
    BillingMode,
    Edition,
    Kind,
    Order,
    OrderType,
    Package,
    SlackUser,
    Status,
    Subscription,
    SubscriptionKey,
)
from bot.billing.terms import term_end

OWNER = SlackUser("U0OWNER")
DEPUTY = SlackUser("U0DEPUTY")
REQUESTER = SlackUser("U0REQUESTER")
APPROVER_1 = SlackUser("U0APPROVER1")
APPROVER_2 = SlackUser("U0APPROVER2")
OUTSIDER = SlackUser("U0OUTSIDER")


def instant(text: str) -> datetime:
    """`2026-11-23 10:12` in the cloud's zone, or any ISO 8601 instant with its own offset."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=CLOUD_ZONE)


NOW = instant("2026-11-23 10:12")


def usd(amount: str | int) -> Money:
    """`usd("44.62")`."""
    return Money(Decimal(amount), "USD")


def cny(amount: str | int) -> Money:
    """`cny("44.62")`."""
    return Money(Decimal(amount), "CNY")


def key(ref: str = "sm-quota", account: str = "default") -> SubscriptionKey:
    """The identity of a subscription."""
    return SubscriptionKey(AccountName(account), ref)


def account(name: str = "default", **changes: Any) -> Account:
    """An embedded account of the intl site; `account("cn", site=Site.CN)` for another."""
    return replace(Account(name=AccountName(name)), **changes)


def order(effective_at: str | datetime = "2025-12-07 09:20", **changes: Any) -> Order:
    """A new purchase for a year at USD 3,600.00 cash; its end follows from R14.

    Amounts may be written as text; `months` is short for `term_months`.
    """
    return _order(OrderType.NEW, effective_at, **changes)


def renewal(after: Order, **changes: Any) -> Order:
    """The renewal that follows an order directly, paid alike, by default for as long."""
    assert after.expires_at is not None
    months = changes.pop("months", changes.pop("term_months", after.term_months))
    facts = {
        "currency": after.currency,
        "cash": after.cash,
        "expires_at": term_end(after.expires_at, months=months),
        "months": months,
    }
    return _order(OrderType.RENEWAL, after.expires_at + timedelta(seconds=1), **(facts | changes))


def quota(ref: str = "sm-quota", *, account: str = "default", **changes: Any) -> Subscription:
    """A SecMaster professional quota, in use, auto-renewal on, expected price USD 3,600.00."""
    facts: dict[str, Any] = {
        "name": "SecMaster Professional, 50 ECS",
        "service": "SecMaster",
        "spec": "secmaster.professional",
        "quantity": Decimal(50),
        "kind": Kind.QUOTA,
        "edition": Edition.PROFESSIONAL,
        "renewal_price": Decimal("3600.00"),
        "orders": (order(),),
    }
    return _subscription(ref, account, facts | changes)


def package(
    ref: str = "sm-screen",
    package: Package = Package.LARGE_SCREEN,
    *,
    account: str = "default",
    **changes: Any,
) -> Subscription:
    """A SecMaster package beside `quota()`, paid USD 900.00."""
    facts: dict[str, Any] = {
        "name": package.value.replace("-", " ").capitalize(),
        "service": "SecMaster",
        "kind": Kind.PACKAGE,
        "package": package,
        "renewal_price": Decimal("900.00"),
        "orders": (order(cash="900.00"),),
    }
    return _subscription(ref, account, facts | changes)


def resource(
    ref: str = "build-runner-01", *, account: str = "default", **changes: Any
) -> Subscription:
    """A cloud server paid by the month, USD 61.20, auto-renewal on."""
    facts: dict[str, Any] = {
        "name": "build-runner-01, ECS",
        "service": "ECS",
        "kind": Kind.RESOURCE,
        "auto_renew_months": 1,
        "renewal_price": Decimal("61.20"),
        "orders": (order("2026-11-12 14:05", months=1, cash="61.20"),),
    }
    return _subscription(ref, account, facts | changes)


def contract(ref: str = "status-page", *, account: str = "default", **changes: Any) -> Subscription:
    """A SaaS contract outside the cloud that asks for 30 days of notice."""
    facts: dict[str, Any] = {
        "name": "Status page, Team plan",
        "service": "Status page",
        "region": None,
        "kind": Kind.SAAS,
        "notice_days": 30,
        "renewal_price": Decimal("348.00"),
        "orders": (order("2025-12-31 00:00", cash="348.00"),),
    }
    return _subscription(ref, account, facts | changes)


def disk(ref: str = "disk", **changes: Any) -> Subscription:
    """The published monthly disk of case P3: paid 100.00, 1 Jan 2024 10:30 to 1 Feb 2024."""
    facts: dict[str, Any] = {
        "name": "Disk",
        "service": "EVS",
        "kind": Kind.RESOURCE,
        "orders": (order("2024-01-01 10:30:00", months=1, cash="100.00"),),
    }
    return _subscription(ref, "default", facts | changes)


CN = Site.CN
EU = Site.EU
INTL = Site.INTL

_AMOUNTS = ("cash", "cash_coupon", "flexi_coupon", "stored_value", "discount_coupon")
_INSTANTS = ("effective_at", "expires_at", "provisioned_at", "cash_coupon_expires_at")


def _order(kind: OrderType, effective_at: str | datetime, **changes: Any) -> Order:
    facts: dict[str, Any] = {"currency": "USD", "cash": "3600.00", "months": 12} | changes
    facts["effective_at"] = effective_at
    facts["term_months"] = facts.pop("term_months", facts.pop("months"))
    facts.pop("months", None)
    facts |= {n: Decimal(facts[n]) for n in _AMOUNTS if facts.get(n) is not None}
    facts |= {n: instant(facts[n]) for n in _INSTANTS if isinstance(facts.get(n), str)}
    if "expires_at" not in facts:
        facts["expires_at"] = term_end(facts["effective_at"], months=facts["term_months"])
    return Order(order_type=kind, **facts)


def _subscription(ref: str, account: str, facts: dict[str, Any]) -> Subscription:
    defaults: dict[str, Any] = {
        "region": "ap-southeast-1",
        "billing_mode": BillingMode.YEARLY_MONTHLY,
        "status": Status.IN_USE,
        "auto_renew": True,
        "auto_renew_months": 12,
        "owner": OWNER,
    }
    return Subscription(key=key(ref, account), **(defaults | facts))


def terms(settings: Account | None = None, **changes: Any) -> Terms:
    """One approval of two people, five minutes to cool off, carried out as the account is set."""
    of = settings or account()
    facts: dict[str, Any] = {
        "required_approvals": 1,
        "approvers": (APPROVER_1, APPROVER_2),
        "cooling_off_minutes": 5,
        "dry_run": of.execute is ExecuteMode.DRY_RUN,
        "by_hand": of.carried_out is CarriedOut.BY_HAND,
        "if_kept": {},
    }
    return Terms(**(facts | changes))
