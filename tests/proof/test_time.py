"""When a reminder is due, in every zone and at every transition, against an independent oracle."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from bot.billing.reminder import Schedule, due_at
from bot.billing.renewal import Anchor, AnchorKind

YEARS = (2024, 2038)
LEADS = (30, 14, 7, 3, 1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = sorted(available_timezones() - {"localtime"})
PARTS = 40


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


@pytest.mark.parametrize("part", range(PARTS))
def test_every_transition_of_every_zone_agrees_with_the_oracle(part: int) -> None:
    differing = []
    for name in ZONES[part::PARTS]:
        zone = ZoneInfo(name)
        for at in transitions(zone):
            for day, hour in hours_around(zone, at):
                expected = oracle(day, hour, zone)
                schedule = Schedule(lead_days=LEADS, at=hour, zone=zone)
                for lead in LEADS:
                    # An expiry long after the hour, so that no cut-off moves the reminder.
                    ends = datetime.combine(day + lead * DAY, time(23, 59, 59), UTC) + 2 * DAY
                    anchor = Anchor(kind=AnchorKind.EXPIRY, date=day + lead * DAY, at=ends)
                    if due_at(anchor, lead_days=lead, schedule=schedule) != expected:
                        differing.append((name, day, hour, lead))

    assert differing == []


def test_the_oracle_meets_gaps_and_folds() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    assert sum(1 for _ in transitions(berlin)) == 28
    gap = oracle(date(2026, 3, 29), time(2, 30), berlin)
    fold = oracle(date(2026, 10, 25), time(2, 30), berlin)
    assert gap == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert fold == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
