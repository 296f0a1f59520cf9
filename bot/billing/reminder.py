"""Reminders: derived from subscription, anchor date and lead; owed from their hour to the cut-off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from bot.billing.renewal import Anchor
from bot.billing.subscription import SubscriptionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a reader wants to hear: whole days before the anchor, at an hour, in a zone."""

    lead_days: tuple[int, ...]
    at: time
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One lead of one anchor of one subscription."""

    subscription: SubscriptionKey
    anchor: Anchor
    lead_days: int
    due_at: datetime

    @property
    def id(self) -> str:
        """`<account>/<subscription id>/<anchor date>/<lead>d`, each part percent-encoded."""
        return reminder_id(self.subscription, self.anchor, self.lead_days)


def reminder_id(subscription: SubscriptionKey, anchor: Anchor, lead_days: int) -> str:
    """The derived identity of contract section 6, for example `prod/sm-quota/2026-11-30/7d`."""
    raise NotImplementedError


def due_at(anchor: Anchor, *, lead_days: int, schedule: Schedule) -> datetime:
    """The reader's hour, that many days before the anchor's date; never after the safe cut-off.

    One that would come later moves to the last such hour before the cut-off. An hour that daylight
    saving skips falls on the first instant after the gap, one that it repeats on the first.
    """
    raise NotImplementedError


def reminders(
    subscription: SubscriptionKey, anchor: Anchor, schedule: Schedule
) -> Sequence[Reminder]:
    """Every lead of the schedule for this anchor, earliest first."""
    raise NotImplementedError


def owed(
    all_leads: Sequence[Reminder], *, known_since: datetime, until: datetime
) -> Sequence[Reminder]:
    """Those to arm up to `until`; of the leads passed before the subscription was known, the nearest."""
    raise NotImplementedError
