"""Reminders: their identity, their hour, and which of them are owed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.reminder import (
    Schedule,
    SnoozeKind,
    due_at,
    local_instant,
    owed,
    reminder_id,
    reminders,
    snooze_choices,
)
from bot.billing.renewal import Anchor, AnchorKind, safe_cutoff
from tests.factories import NOW, instant, key
from tests.strategies import instants, schedules, zones

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
NINE = time(9)
NOTICE = Anchor(kind=AnchorKind.NOTICE, date=date(2026, 12, 1), at=None)
DEDUCTION = Anchor(
    kind=AnchorKind.DEDUCTION, date=date(2026, 11, 30), at=instant("2026-11-30 03:00")
)
DEFAULT = Schedule(lead_days=(30, 14, 7, 3, 1), at=NINE, zone=SHANGHAI)


def anchors():
    kinds = st.sampled_from((AnchorKind.DEDUCTION, AnchorKind.EXPIRY, AnchorKind.NOTICE))
    return st.builds(_anchor, instants(), kinds)


def _anchor(moment: datetime, kind: AnchorKind) -> Anchor:
    local = moment.astimezone(SHANGHAI)
    if kind is AnchorKind.DEDUCTION:
        local = local.replace(hour=3, minute=0, second=0)
    return Anchor(kind=kind, date=local.date(), at=None if kind is AnchorKind.NOTICE else local)


# Identity


def test_the_id_names_account_subscription_date_and_lead():
    assert reminder_id(key("sm-quota", "prod"), DEDUCTION, 7) == "prod/sm-quota/2026-11-30/7d"


def test_every_part_of_an_id_is_percent_encoded():
    strange = key("a/b c%", "büro/1")

    assert reminder_id(strange, DEDUCTION, 30) == "b%C3%BCro%2F1/a%2Fb%20c%25/2026-11-30/30d"


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_two_subscriptions_never_share_an_id(account_1, id_1, account_2, id_2):
    one, other = key(id_1, account_1), key(id_2, account_2)

    same = reminder_id(one, DEDUCTION, 7) == reminder_id(other, DEDUCTION, 7)

    assert same == (one == other)


# The hour


def test_a_lead_falls_due_at_the_reader_s_hour_that_many_days_before():
    assert due_at(DEDUCTION, lead_days=7, schedule=DEFAULT) == instant("2026-11-23 09:00")


def test_r25_a_lead_that_would_come_after_the_cutoff_moves_a_day_ahead():
    los_angeles = Schedule(lead_days=(1,), at=NINE, zone=ZoneInfo("America/Los_Angeles"))

    due = due_at(DEDUCTION, lead_days=1, schedule=los_angeles)

    assert due == datetime(2026, 11, 28, 9, tzinfo=ZoneInfo("America/Los_Angeles"))


def test_r25_a_lead_due_at_the_cutoff_itself_moves_a_day_ahead():
    midnight = Schedule(lead_days=(0,), at=time(0), zone=SHANGHAI)
    ends = Anchor(kind=AnchorKind.EXPIRY, date=date(2026, 12, 7), at=instant("2026-12-07 09:00"))

    assert due_at(DEDUCTION, lead_days=0, schedule=midnight) == instant("2026-11-29 00:00")
    assert due_at(ends, lead_days=0, schedule=DEFAULT) == instant("2026-12-06 09:00")


def test_a_notice_can_be_given_until_its_date_ends_where_the_reader_is():
    late_in_new_york = Schedule(lead_days=(0,), at=time(23), zone=NEW_YORK)

    due = due_at(NOTICE, lead_days=0, schedule=late_in_new_york)

    assert due == datetime(2026, 12, 1, 23, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    "skipped", [time(2), time(2, 0, 1), time(2, 20), time(2, 30), time(2, 59, 58), time(2, 59, 59)]
)
def test_an_hour_that_daylight_saving_skips_falls_on_the_first_instant_after(skipped):
    found = local_instant(date(2026, 3, 29), skipped, BERLIN)

    assert found == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert found.tzinfo is UTC


def test_an_hour_that_the_winter_zone_shares_with_utc_is_skipped_too():
    london = ZoneInfo("Europe/London")

    found = local_instant(date(2026, 3, 29), time(1, 30), london)

    assert found == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_the_hours_around_a_gap_stay_where_they_are():
    spring = date(2026, 3, 29)

    assert local_instant(spring, time(1, 59, 59), BERLIN) == datetime(
        2026, 3, 29, 0, 59, 59, tzinfo=UTC
    )
    assert local_instant(spring, time(3), BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_hour_that_daylight_saving_repeats_falls_on_the_first():
    assert local_instant(date(2026, 10, 25), time(2, 30), BERLIN) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


def test_an_instant_is_told_in_utc():
    assert local_instant(date(2026, 11, 23), NINE, SHANGHAI).isoformat() == (
        "2026-11-23T01:00:00+00:00"
    )
    assert due_at(DEDUCTION, lead_days=7, schedule=DEFAULT).tzinfo is UTC


def test_a_day_that_a_zone_skipped_altogether_falls_on_the_first_instant_after():
    samoa = ZoneInfo("Pacific/Apia")

    found = local_instant(date(2011, 12, 30), NINE, samoa)

    assert found.astimezone(samoa) == datetime(2011, 12, 31, tzinfo=samoa)


@given(instants(), st.times(), zones())
def test_a_local_hour_is_the_wished_one_or_the_first_after_a_gap(moment, at, zone):
    at = at.replace(microsecond=0)
    day = moment.date()

    found = local_instant(day, at, zone).astimezone(zone)

    wished = datetime.combine(day, at)
    if found.replace(tzinfo=None) != wished:
        just_before = (found.astimezone(UTC) - timedelta(seconds=1)).astimezone(zone)
        assert just_before.replace(tzinfo=None) < wished < found.replace(tzinfo=None)


@given(anchors(), st.integers(0, 366), schedules())
def test_r25_a_reminder_is_never_due_at_or_after_the_safe_cutoff(anchor, lead, schedule):
    due = due_at(anchor, lead_days=lead, schedule=schedule)

    assert due < safe_cutoff(anchor, reader=schedule.zone)


@given(anchors(), st.integers(0, 366), schedules())
def test_r25_a_lead_that_moves_takes_the_last_such_hour_before_the_safe_cutoff(
    anchor, lead, schedule
):
    cutoff = safe_cutoff(anchor, reader=schedule.zone)
    days = [anchor.date - timedelta(days=lead + earlier) for earlier in range(5)]
    hours = [local_instant(day, schedule.at, schedule.zone) for day in days]

    due = due_at(anchor, lead_days=lead, schedule=schedule)

    assert due == max(hour for hour in hours if hour < cutoff)


# Which are owed


def test_leads_stand_earliest_first_and_once():
    twice = Schedule(lead_days=(1, 30, 7, 7), at=NINE, zone=SHANGHAI)

    found = reminders(key(), DEDUCTION, twice)

    assert [each.lead_days for each in found] == [30, 7, 1]
    assert found[1].id == "default/sm-quota/2026-11-30/7d"


def test_of_the_leads_that_passed_before_it_was_known_only_the_nearest_is_owed():
    leads = reminders(key(), DEDUCTION, DEFAULT)

    found = owed(leads, known_since=NOW, until=instant("2026-11-27 09:00"))

    assert [each.lead_days for each in found] == [7, 3]


def test_a_known_subscription_is_owed_every_lead_up_to_the_horizon():
    leads = reminders(key(), DEDUCTION, DEFAULT)

    found = owed(leads, known_since=instant("2026-01-01"), until=NOW)

    assert [each.lead_days for each in found] == [30, 14, 7]


def test_a_lead_due_at_the_moment_it_became_known_is_not_late():
    leads = reminders(key(), DEDUCTION, DEFAULT)
    due = instant("2026-11-23 09:00")

    found = owed(leads, known_since=due, until=due)

    assert [each.lead_days for each in found] == [14, 7]


# Snoozing


def test_a_moment_to_snooze_to_is_called_by_one_of_three_words():
    assert [kind.value for kind in SnoozeKind] == ["tomorrow", "in-two-days", "last-working-day"]


def test_snooze_offers_tomorrow_the_day_after_and_the_last_working_day():
    monday = instant("2026-11-16 09:00")
    anchor = Anchor(
        kind=AnchorKind.DEDUCTION, date=date(2026, 11, 23), at=instant("2026-11-23 03:00")
    )

    found = snooze_choices(anchor, schedule=DEFAULT, now=monday, countries=["CN"])

    assert [(each.kind, each.date, each.at) for each in found] == [
        (SnoozeKind.TOMORROW, date(2026, 11, 17), instant("2026-11-17 09:00")),
        (SnoozeKind.IN_TWO_DAYS, date(2026, 11, 18), instant("2026-11-18 09:00")),
        (SnoozeKind.LAST_WORKING_DAY, date(2026, 11, 20), instant("2026-11-20 09:00")),
    ]


@pytest.mark.parametrize(
    ("now", "kinds"),
    [
        ("2026-11-26 10:00", [SnoozeKind.TOMORROW, SnoozeKind.IN_TWO_DAYS]),
        ("2026-11-27 09:00", [SnoozeKind.TOMORROW, SnoozeKind.IN_TWO_DAYS]),
        ("2026-11-28 10:00", [SnoozeKind.TOMORROW]),
        ("2026-11-29 10:00", []),
    ],
)
def test_r25_snooze_never_reaches_the_cutoff_and_names_no_day_twice(now, kinds):
    found = snooze_choices(DEDUCTION, schedule=DEFAULT, now=instant(now), countries=["CN"])

    assert [each.kind for each in found] == kinds


def test_r25_snooze_does_not_offer_the_cutoff_itself():
    midnight = Schedule(lead_days=(1,), at=time(0), zone=SHANGHAI)

    found = snooze_choices(
        DEDUCTION, schedule=midnight, now=instant("2026-11-28 12:00"), countries=["CN"]
    )

    assert [each.at for each in found] == [instant("2026-11-29 00:00")]


def test_snooze_counts_days_where_the_reader_is():
    evening = datetime(2026, 11, 17, 22, tzinfo=NEW_YORK)
    schedule = Schedule(lead_days=(1,), at=NINE, zone=NEW_YORK)

    found = snooze_choices(DEDUCTION, schedule=schedule, now=evening, countries=[])

    assert [(each.kind, each.date) for each in found] == [
        (SnoozeKind.TOMORROW, date(2026, 11, 18)),
        (SnoozeKind.IN_TWO_DAYS, date(2026, 11, 19)),
        (SnoozeKind.LAST_WORKING_DAY, date(2026, 11, 27)),
    ]


def test_snooze_knows_the_holidays_of_the_reader_s_countries():
    after_golden_week = Anchor(
        kind=AnchorKind.DEDUCTION, date=date(2026, 10, 8), at=instant("2026-10-08 03:00")
    )

    found = snooze_choices(
        after_golden_week, schedule=DEFAULT, now=instant("2026-09-21 12:00"), countries=["CN"]
    )

    assert found[-1].date == date(2026, 9, 30)


def test_snooze_of_a_notice_reaches_to_the_end_of_its_date_where_the_reader_is():
    schedule = Schedule(lead_days=(1,), at=time(23), zone=NEW_YORK)
    day_before = datetime(2026, 11, 30, 12, tzinfo=NEW_YORK)

    found = snooze_choices(NOTICE, schedule=schedule, now=day_before, countries=[])

    assert [each.at for each in found] == [
        datetime(2026, 12, 1, 23, tzinfo=NEW_YORK),
        datetime(2026, 11, 30, 23, tzinfo=NEW_YORK),
    ]


@given(anchors(), schedules(), instants())
def test_r25_every_moment_to_snooze_to_is_ahead_and_before_the_safe_cutoff(anchor, schedule, now):
    cutoff = safe_cutoff(anchor, reader=schedule.zone)

    found = snooze_choices(anchor, schedule=schedule, now=now, countries=[])

    assert all(now < each.at < cutoff for each in found)
    assert len({each.date for each in found}) == len(found)
