"""What was saved, as people read it: three figures a currency, grouped as they ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.billing.money import Money
from bot.billing.savings import Stage


class By(StrEnum):
    """What savings are grouped by."""

    MONTH = "month"
    ACCOUNT = "account"
    SERVICE = "service"
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsQuery:
    """Which savings: from the first day to the last, in the readers' zone; None has no end."""

    first: date | None = None
    last: date | None = None
    by: By | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came to one stage: refunds read at the cloud, estimated ones, renewals avoided.

    A refund is in one of both, and of a verified one only what was read counts. What a renewal
    would have cost is always an estimate. `subscriptions` is how many they are about.
    """

    refund_at_cloud: Money
    refund_estimate: Money
    renewals: Money
    subscriptions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsRow:
    """One currency of a group; `group` is None without groups, and of what belongs to none."""

    group: str | None
    currency: str
    figures: Mapping[Stage, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """Every figure by its own date: what was decided in a month may be executed in the next.

    Not in the sums are: `renewals_not_known` whose amount nobody knows, `refunds_not_found` of what
    was verified and has no refund order yet, the `hidden` subscriptions whose amounts the reader
    may not see, and those of `dry_runs`.
    """

    query: SavingsQuery
    zone: ZoneInfo
    rows: tuple[SavingsRow, ...]
    renewals_not_known: int = 0
    refunds_not_found: int = 0
    hidden: int = 0
    dry_runs: int = 0
