"""Health: of readings, reminders and deliveries, for `/lapse status`, Home and `lapse doctor`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.billing.account import Account


class TroubleKind(StrEnum):
    """What can be wrong."""

    NOT_READ = "not-read"
    HELD_UP = "held-up"
    UNDELIVERABLE = "undeliverable"
    UNKNOWN = "unknown"
    NOT_TICKING = "not-ticking"
    CLOCKS_APART = "clocks-apart"
    LOCKED_OUT = "locked-out"
    TWICE = "twice"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong: with what (an account, a channel), since when, how often."""

    kind: TroubleKind
    subject: str = ""
    since: datetime | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHealth:
    """One account: when it was last read and how many subscriptions it lists (up to 1,000)."""

    account: Account
    read_at: datetime | None
    count: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The four instants under everything; None means never, or nothing ahead.

    `read_at` is the oldest reading of all accounts, `armed_at` when reminders were last armed.
    """

    read_at: datetime | None
    armed_at: datetime | None
    next_reminder_at: datetime | None
    next_delivery_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """What `/lapse status` says. Deliveries are counted by where they stand."""

    accounts: tuple[AccountHealth, ...]
    health: Health
    armed: int
    pending: int
    sent: int
    unknown: int
    undeliverable: int
    waiting_requests: int
    troubles: tuple[Trouble, ...]
    now: datetime
