"""When a reminder is due, in every zone and at every transition, by an independent oracle."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from bot.billing.reminder import Schedule, due_at
from bot.billing.renewal import Anchor, AnchorKind

YEARS = (2024, 2038)
LEADS = (30, 14, 7, 3, 1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = sorted(available_timezones() - {"localtime"})


def transitions(zone: ZoneInfo) -> Iterator[datetime]:
    """Every instant from 2024 to 2037 at which the zone's offset changes, to the minute, in UTC."""
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in YEARS)
    day = first
    while day < last:
        before, after = day, day + DAY
        if before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            yield _found(zone, before, after)
        day = after


def _found(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    offset = before.astimezone(zone).utcoffset()
    while after - before > MINUTE:
        middle = before + (after - before) // 2
        middle = middle.replace(second=0, microsecond=0)
        if middle <= before:
            break
        same = middle.astimezone(zone).utcoffset() == offset
        before, after = (middle, after) if same else (before, middle)
    return after


def oracle(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """The first minute, walking forward, at which the clocks there show that hour or later."""
    wished = datetime.combine(day, hour)
    yesterday = datetime.combine(day, hour, UTC) - DAY
    offset = yesterday.astimezone(zone).utcoffset() or timedelta(0)
    moment = yesterday + DAY - offset - 3 * HOUR  # well before, whatever the clocks do meanwhile
    while moment.astimezone(zone).replace(tzinfo=None) < wished:
        moment += MINUTE
    return moment


def hours_around(zone: ZoneInfo, at: datetime) -> Iterator[tuple[date, time]]:
    """Local days and hours before, inside and after what the clocks skip or repeat."""
    before = (at - MINUTE).astimezone(zone).replace(tzinfo=None)
    after = at.astimezone(zone).replace(tzinfo=None)
    edges = (before, after, after - timedelta(minutes=30), before + timedelta(minutes=31))
    for edge in (*edges, after + HOUR, before - HOUR):
        yield edge.date(), edge.time().replace(second=0, microsecond=0, fold=0)


def differences(name: str) -> tuple[int, list[str]]:
    """How many instants of a zone were compared, and those on which Lapse and the oracle differ."""
    zone, compared, differing = ZoneInfo(name), 0, []
    for at in transitions(zone):
        for day, hour in hours_around(zone, at):
            expected = oracle(day, hour, zone)
            schedule = Schedule(lead_days=LEADS, at=hour, zone=zone)
            for lead in LEADS:
                # An expiry long after the hour, so that no cut-off moves the reminder.
                ends = datetime.combine(day + lead * DAY, time(23, 59, 59), UTC) + 2 * DAY
                anchor = Anchor(kind=AnchorKind.EXPIRY, date=day + lead * DAY, at=ends)
                compared += 1
                if due_at(anchor, lead_days=lead, schedule=schedule) != expected:
                    differing.append(f"{name}, {day} at {hour}, {lead} days ahead")
    return compared, differing
