"""A prepaid subscription, the orders that paid for it, and how the field names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NewType

AccountName = NewType("AccountName", str)
SlackUser = NewType("SlackUser", str)
SlackChannel = NewType("SlackChannel", str)


class Kind(StrEnum):
    """What is sold: a SecMaster edition with its quota, a package on it, a resource, a contract."""

    QUOTA = "quota"
    PACKAGE = "package"
    RESOURCE = "resource"
    SAAS = "saas"


class Edition(StrEnum):
    """A SecMaster edition; basic is free and what is left without quotas (R1, R8)."""

    BASIC = "basic"
    STANDARD = "standard"
    PROFESSIONAL = "professional"


class Package(StrEnum):
    """A SecMaster value-added package (R3)."""

    LARGE_SCREEN = "large-screen"
    INTELLIGENT_ANALYSIS = "intelligent-analysis"
    SECURITY_ORCHESTRATION = "security-orchestration"


class BillingMode(StrEnum):
    """Prepaid or postpaid; only the first can be unsubscribed from (R31)."""

    YEARLY_MONTHLY = "yearly/monthly"
    PAY_PER_USE = "pay-per-use"


class Status(StrEnum):
    """Where a subscription stands at the cloud."""

    IN_USE = "in-use"
    INACTIVE = "inactive"
    FAILED = "failed"
    FROZEN = "frozen"
    EXPIRED = "expired"
    UNSUBSCRIBED = "unsubscribed"


class OrderType(StrEnum):
    """A purchase, or one renewal after it."""

    NEW = "new"
    RENEWAL = "renewal"


@dataclass(frozen=True, slots=True, order=True)
class SubscriptionKey:
    """The identity of a subscription; ids are unique within an account only."""

    account: AccountName
    id: str

    def __str__(self) -> str:
        return f"{self.account}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One paid term, `effective_at` to `expires_at`; `None` is unknown, never zero.

    Instants are aware. Amounts are in `currency`: `cash`, `flexi_coupon` and `stored_value` count
    as paid, `cash_coupon` and `discount_coupon` lowered what had to be paid (R42).
    """

    order_type: OrderType
    term_months: int | None = None
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    provisioned_at: datetime | None = None
    currency: str | None = None
    cash: Decimal | None = None
    cash_coupon: Decimal | None = None
    flexi_coupon: Decimal | None = None
    stored_value: Decimal | None = None
    discount_coupon: Decimal | None = None
    cash_coupon_expires_at: datetime | None = None
    promotion: bool | None = None
    invoiced: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as section 4 of the contract describes it; `None` is unknown.

    `renewal_price` is the expected amount of the next renewal, in the currency of the last order.
    `orders` holds the purchase first, then each renewal.
    """

    key: SubscriptionKey
    name: str | None = None
    service: str | None = None
    region: str | None = None
    spec: str | None = None
    quantity: Decimal | None = None
    kind: Kind | None = None
    edition: Edition | None = None
    package: Package | None = None
    parent_id: str | None = None
    billing_mode: BillingMode | None = None
    status: Status | None = None
    auto_renew: bool | None = None
    auto_renew_months: int | None = None
    renewal_price: Decimal | None = None
    notice_days: int | None = None
    owner: SlackUser | None = None
    deputy: SlackUser | None = None
    channel: SlackChannel | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None
    transaction_in_progress: bool | None = None
    renewals_locked: bool | None = None
    orders: tuple[Order, ...] = ()

    @property
    def label(self) -> str:
        """What every surface calls it: its name, else service, edition or package, and quantity."""
        if self.name:
            return self.name
        sized = f"{self.quantity:f}" if self.quantity is not None else None
        words = (self.service, self.edition or self.package, sized)
        return " ".join(str(word) for word in words if word) or self.key.id

    @property
    def expires_at(self) -> datetime | None:
        """The last instant that is paid for, over all orders."""
        return max((o.expires_at for o in self.orders if o.expires_at), default=None)

    @property
    def currency(self) -> str | None:
        """The currency of the newest order that names one."""
        return next((o.currency for o in reversed(self.orders) if o.currency), None)
