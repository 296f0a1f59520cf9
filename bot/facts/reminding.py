"""Snoozing: the moments to choose from. Recalling: what is armed, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.billing.reminder import SnoozeChoice
from bot.billing.renewal import Anchor
from bot.billing.subscription import SlackChannel, SlackUser, Subscription
from bot.facts.messages import ReminderItem


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeOptions:
    """What the modal *Snooze* offers; hour and zone are the reader's, `safe_until` exclusive."""

    subscriptions: tuple[Subscription, ...]
    choices: tuple[SnoozeChoice, ...]
    hour: time
    zone: ZoneInfo
    safe_until: datetime
    now: datetime


class Standing(StrEnum):
    """What became of a reminder, in the order in which people read it."""

    ARMED = "armed"
    UNKNOWN = "unknown"
    MISSED = "missed"
    LATE = "late"
    SENT = "sent"


class Because(StrEnum):
    """Why a reminder stands as it does, or why it goes where it goes."""

    OWNER = "owner"
    OWN_CHANNEL = "own-channel"
    ROUTE = "route"
    NO_ROUTE = "no-route"
    MOVED = "moved"
    SNOOZED = "snoozed"
    ON_ITS_WAY = "on-its-way"
    NOT_CONFIRMED = "not-confirmed"
    KEPT = "kept"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """A reason with what belongs to it.

    `detail` is what a route matches, why a channel refused, or the reason as it was recorded;
    `by` snoozed or kept it; `channel` is the one that would not take it.
    """

    because: Because
    detail: str = ""
    by: SlackUser | None = None
    channel: SlackChannel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRow:
    """One reminder for one destination: a channel, or a person when it is `direct`."""

    subscription: Subscription
    anchor: Anchor
    lead_days: int
    standing: Standing
    due_at: datetime
    sent_at: datetime | None
    destination: str
    direct: bool
    why: Why | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextReminder:
    """The next lead that falls due, however far ahead, and the channel that it goes to."""

    at: datetime
    subscription: Subscription
    channel: SlackChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class RestPage:
    """Some of what a message only counted, for *Show all*; `number` counts the first item."""

    batch_id: str
    items: tuple[ReminderItem, ...]
    count: int
    page: int
    pages: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderPage:
    """Ten reminders of one destination, or of all when that is None.

    Armed ones are always in it, the others when they are not older than `since`. `counts` is over
    all pages; `number` counts the first row. `next` is looked for when nothing is armed.
    """

    destination: str | None
    rows: tuple[ReminderRow, ...]
    counts: Mapping[Standing, int]
    page: int
    pages: int
    number: int
    since: datetime
    next: NextReminder | None
    now: datetime

    @property
    def count(self) -> int:
        """How many there are on all pages."""
        return sum(self.counts.values())
