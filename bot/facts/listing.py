"""What the catalogue answers: a page, one subscription with its ways out, the deductions ahead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NewType

from bot.billing.account import Account
from bot.billing.money import Money, sums
from bot.billing.renewal import Anchor
from bot.billing.subscription import Edition, Subscription
from bot.billing.unsubscription import Request, State
from bot.billing.way import Way, WayKind

Place = NewType("Place", str)
"""Where a row stood in a list, in letters that a button can carry; only a store reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """One subscription of a page; `number` is what is typed in front of it, over all pages.

    `package_of` is the quota that a package belongs to; `amount` what the anchor will cost, None
    when it is not known or nothing will be deducted.
    """

    number: int
    subscription: Subscription
    anchor: Anchor | None
    amount: Money | None
    open_request: int | None
    open_state: State | None
    package_of: Subscription | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """At most ten rows of `count` (more than 1,000 when `more`).

    `page` counts from 1; `previous` and `next` are the places where the pages around it end and
    begin, None where there is none.
    """

    rows: tuple[ListRow, ...]
    count: int
    more: bool
    page: int
    previous: Place | None
    next: Place | None
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One line of a subscription's record: who did what, when; `actor` is a user id or a word."""

    at: datetime
    actor: str
    action: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestFilter:
    """A filter that finds something when the one that was typed finds nothing.

    It finds `count`, more than 1,000 when `more`.
    """

    field: str
    value: str
    count: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One subscription and its surroundings.

    `ways` are cheapest first, closed ones last; `because` completes *Cheapest because*.
    `packages` are those of a quota, `quota` is the one of a package. `off_by_request`: the settings
    ask for an approval before auto-renewal is turned off.
    """

    subscription: Subscription
    account: Account
    anchor: Anchor | None
    amount: Money | None
    current_edition: Edition | None
    ways: tuple[Way, ...]
    because: str
    packages: tuple[Subscription, ...]
    quota: Subscription | None
    open_request: Request | None
    read_at: datetime | None
    last_working_day: date | None
    dry_run: bool
    now: datetime
    off_by_request: bool = False

    @property
    def cheapest(self) -> Way | None:
        """The open way that costs least, None when every amount is unknown or every way closed."""
        return next((way for way in self.ways if way.open and way.cost is not None), None)

    def way(self, kind: WayKind) -> Way | None:
        """The way of a kind, open or closed; None when it makes no sense for this subscription."""
        return next((way for way in self.ways if way.kind is kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingRow:
    """One subscription of a day; `amount` None is not known."""

    subscription: Subscription
    amount: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingDay:
    """What happens at one anchor: deductions with sums per currency, or notices to give.

    `hidden` amounts the reader may not see; they are not in the sums.
    """

    anchor: Anchor
    last_working_day: date
    rows: tuple[UpcomingRow, ...]
    sums: tuple[Money, ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencySum:
    """The deductions in one currency: what they add up to, and how many they are."""

    total: Money
    count: int

    @classmethod
    def of(cls, amounts: Sequence[Money]) -> "tuple[CurrencySum, ...]":
        """One a currency, in order of currency code."""
        return tuple(
            cls(total=total, count=sum(each.currency == code for each in amounts))
            for code, total in sums(amounts).items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """The deductions and notices until the end of a day in the cloud's zone.

    `unknown` and `hidden` amounts are not in the sums. `next_after` is the first deduction beyond
    `until`, looked for when there is none before.
    """

    days: tuple[UpcomingDay, ...]
    sums: tuple[CurrencySum, ...]
    notices: int
    unknown: int
    until: date
    span: int
    next_after: UpcomingDay | None
    now: datetime
    hidden: int = 0
