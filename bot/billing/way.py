"""A way out as a value: what it costs, until when it is open, and what it takes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.billing.account import Account
from bot.billing.coherence import currency_of
from bot.billing.money import Money
from bot.billing.quote import Notice, Quote
from bot.billing.renewal import Anchor, AnchorKind, open_orders
from bot.billing.subscription import Subscription
from bot.billing.worst import Cause


class WayKind(StrEnum):
    """The ways of contract section 6, in the order in which equally cheap ones stand."""

    TURN_OFF = "turn-off"
    KEEP = "keep"
    GIVE_BACK = "give-back"
    LATER = "later"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way out; an amount of None is not known.

    `at` is when the money moves. `works_until` is None when it ends at once, and for a renewal of
    unknown length. Acting is safe before `last_moment`, not at it. `lost` is what does not come
    back besides money, `caution` what else has to be done or known. A closed way says why, and from
    when it is open where that is known. `rule` is the number behind it; `cause` is why waiting
    changes the money.
    """

    kind: WayKind
    rule: str
    money_out: Money | None
    money_back: Money | None
    open: bool = True
    closed_because: str | None = None
    opens_at: datetime | None = None
    at: datetime | None = None
    works_until: datetime | None = None
    last_moment: datetime | None = None
    months: int | None = None
    quote: Quote | None = None
    cause: Cause | None = None
    lost: tuple[Notice, ...] = ()
    caution: Notice | None = None

    @property
    def coupons_back(self) -> Money | None:
        """The cash coupons that come back besides; None where there are none."""
        back = self.quote.total.cash_coupon if self.quote and self.quote.total else None
        return back or None

    @property
    def cost(self) -> Money | None:
        """What is paid less what comes back; None where one of them is not known."""
        if self.money_out is None or self.money_back is None:
            return None
        return self.money_out - self.money_back


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysOut:
    """Every way, cheapest first and closed ones last; `because` completes *Cheapest because*."""

    ways: tuple[Way, ...]
    cheapest: WayKind
    because: str

    def way(self, kind: WayKind) -> Way | None:
        """The way of a kind; `later` is there only when waiting changes the money."""
        return next((way for way in self.ways if way.kind is kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What every way looks at."""

    subscription: Subscription
    account: Account
    at: datetime
    ahead: Anchor | None

    @property
    def nothing(self) -> Money:
        """Zero in the currency of the newest order that is not over."""
        orders = open_orders(self.subscription, at=self.at)
        named = currency_of(orders[-1], self.account) if orders else self.subscription.currency
        return Money.zero(named or self.account.currency)

    @property
    def renewal_price(self) -> Money | None:
        """What the next renewal is expected to cost."""
        price = self.subscription.renewal_price
        return Money(price, self.nothing.currency) if price is not None else None

    @property
    def deducted_at(self) -> datetime | None:
        """When it is taken, if a deduction is what comes next."""
        deducted = self.ahead is not None and self.ahead.kind is AnchorKind.DEDUCTION
        return self.ahead.at if self.ahead is not None and deducted else None
