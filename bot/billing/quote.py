"""The quote: what unsubscribing returns at one instant, as section 5 of the contract shapes it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from bot.billing.money import Money
from bot.billing.subscription import OrderType

CONTRACT = "contract"
"""In place of a rule set: what comes back of a contract outside the cloud is for it to say."""


class Scope(StrEnum):
    """Everything (API type 1, R44) or only the renewal periods not yet in effect (type 2, R45)."""

    ALL = "all"
    RENEWALS = "renewals"


class Case(StrEnum):
    """The five ways of R32."""

    CONDITIONAL = "conditional"
    FIVE_DAY = "five-day"
    INACTIVE = "inactive"
    RENEWAL_PERIOD = "renewal-period"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the cloud would not allow it: the rule's number and one sentence for a person."""

    rule: str
    reason: str


class OrderQuote(NamedTuple):
    """The figures of one order; durations in full hours, amounts rounded half up to cents.

    A named tuple, as it is made for every instant that a worst figure looks at: a frozen dataclass
    of as many fields takes twice as long to make.
    """

    order_type: OrderType
    case: Case
    duration_hours: int
    used_hours: int
    paid: Money
    consumed: Money
    fee_rate: Decimal
    handling_fee: Money
    refund: Money
    rule: str


class QuoteTotal(NamedTuple):
    """The orders added up; `refund` = cash + flexi_coupon + stored_value, coupons stand apart."""

    paid: Money
    consumed: Money
    handling_fee: Money
    refund: Money
    cash: Money
    cash_coupon: Money
    flexi_coupon: Money
    stored_value: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Coupons that do not come back (R32, R33)."""

    cash_coupon: Money
    discount_coupon: Money

    @property
    def coupons(self) -> Money:
        """All of them together, which is what people acknowledge."""
        return self.cash_coupon + self.discount_coupon


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that people should know before they act: a rule or contradiction number, a text."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """An estimate for one subscription at one instant; the cloud's bill is binding.

    When `refused` is set there are no figures: `orders` is empty, `total` and `lost` are None.
    """

    at: datetime
    scope: Scope
    refused: Refusal | None
    case: Case | None
    currency: str
    rules: str
    large_value: bool
    orders: tuple[OrderQuote, ...]
    total: QuoteTotal | None
    lost: Lost | None
    warnings: tuple[Notice, ...]

    @property
    def allowed(self) -> bool:
        """Whether the rules let it be unsubscribed from now."""
        return self.refused is None
