"""Reminders: derived from subscription, anchor and lead; owed from their hour to the cut-off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from hashlib import sha256
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bot.billing.renewal import ONE_DAY, Anchor, safe_cutoff
from bot.billing.subscription import SubscriptionKey
from bot.billing.working_days import last_working_day


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


class SnoozeKind(StrEnum):
    """What a moment to snooze to is called."""

    TOMORROW = "tomorrow"
    IN_TWO_DAYS = "in-two-days"
    LAST_WORKING_DAY = "last-working-day"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeChoice:
    """One moment to snooze to: its date in the reader's zone, and the instant."""

    kind: SnoozeKind
    date: date
    at: datetime


def reminder_id(subscription: SubscriptionKey, anchor: Anchor, lead_days: int) -> str:
    """The derived identity of contract section 6, for example `prod/sm-quota/2026-11-30/7d`."""
    parts = (subscription.account, subscription.id, anchor.date.isoformat(), f"{lead_days}d")
    return "/".join(quote(part, safe="") for part in parts)


def due_at(anchor: Anchor, *, lead_days: int, schedule: Schedule) -> datetime:
    """The reader's hour, that many days before the anchor's date; never after the safe cut-off.

    One that would come later moves to the last such hour before the cut-off. An hour that daylight
    saving skips falls on the first instant after the gap, one that it repeats on the first. In UTC.
    """
    cutoff = safe_cutoff(anchor, reader=schedule.zone)
    day = anchor.date - lead_days * ONE_DAY
    while (due := local_instant(day, schedule.at, schedule.zone)) >= cutoff:
        day -= ONE_DAY
    return due


def reminders(
    subscription: SubscriptionKey, anchor: Anchor, schedule: Schedule
) -> Sequence[Reminder]:
    """Every lead of the schedule for this anchor, earliest first."""
    return tuple(
        Reminder(
            subscription=subscription,
            anchor=anchor,
            lead_days=lead,
            due_at=due_at(anchor, lead_days=lead, schedule=schedule),
        )
        for lead in sorted(set(schedule.lead_days), reverse=True)
    )


def owed(
    all_leads: Sequence[Reminder], *, known_since: datetime, until: datetime
) -> Sequence[Reminder]:
    """Those to arm up to `until`; of the leads passed before it was known, only the nearest."""
    passed = [each for each in all_leads if each.due_at < known_since]
    ahead = [each for each in all_leads if known_since <= each.due_at <= until]
    return (*passed[-1:], *ahead)


def snooze_choices(
    anchor: Anchor, *, schedule: Schedule, now: datetime, countries: Sequence[str]
) -> Sequence[SnoozeChoice]:
    """Moments to snooze to, at the reader's hour, all before the safe cut-off (R25), none twice."""
    today = now.astimezone(schedule.zone).date()
    days = {
        SnoozeKind.TOMORROW: today + ONE_DAY,
        SnoozeKind.IN_TWO_DAYS: today + 2 * ONE_DAY,
        SnoozeKind.LAST_WORKING_DAY: last_working_day(anchor.date, countries=countries),
    }
    cutoff = safe_cutoff(anchor, reader=schedule.zone)
    choices: dict[date, SnoozeChoice] = {}
    for kind, day in days.items():
        at = local_instant(day, schedule.at, schedule.zone)
        if now < at < cutoff:
            choices.setdefault(day, SnoozeChoice(kind=kind, date=day, at=at))
    return tuple(choices.values())


@cache
def rules_of(zone: ZoneInfo, year: int) -> str:
    """A name of the offsets that a zone has in that year and the next, hour by hour."""
    hour, ends = timedelta(hours=1), datetime(year + 2, 1, 1, tzinfo=UTC)
    at, offset, changes = datetime(year, 1, 1, tzinfo=UTC), None, []
    while at < ends:
        if (found := at.astimezone(zone).utcoffset()) != offset:
            offset = found
            changes.append(f"{at.isoformat()} {offset}")
        at += hour
    return sha256("\n".join(changes).encode()).hexdigest()


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """An hour of a day in a zone, in UTC: a repeated one the first time, a skipped one after."""
    wished = datetime.combine(day, at)
    late = wished.replace(tzinfo=zone).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == wished:
        return late
    early = wished.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _transition(early, late, zone)


def _transition(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first whole second in (before, after] that has the offset of `after`."""
    offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        moved = (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset
        low, high = (low, middle) if moved else (middle, high)
    return before + timedelta(seconds=high)
