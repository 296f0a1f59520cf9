"""Calendar days: the cloud's zone, months added, and how a day is written."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.days import CLOUD_ZONE, add_months, cloud_date, written
from tests.factories import instant
from tests.strategies import instants


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-30T15:59:59+00:00", date(2026, 11, 30)),
        ("2026-11-30T16:00:00+00:00", date(2026, 12, 1)),
        ("2026-12-01T00:00:00+14:00", date(2026, 11, 30)),
    ],
)
def test_a_date_is_that_of_beijing_without_daylight_saving(moment, day):
    assert cloud_date(instant(moment)) == day
    assert CLOUD_ZONE.utcoffset(None) == timedelta(hours=8)


@pytest.mark.parametrize(
    ("moment", "months", "later"),
    [
        ("2024-01-31 10:30:15", 1, "2024-02-29 10:30:15"),
        ("2023-01-31 10:30:15", 1, "2023-02-28 10:30:15"),
        ("2024-02-29 10:30:15", 12, "2025-02-28 10:30:15"),
        ("2024-02-29 10:30:15", 48, "2028-02-29 10:30:15"),
        ("2024-11-30 10:30:15", 1, "2024-12-30 10:30:15"),
        ("2024-12-31 10:30:15", 1, "2025-01-31 10:30:15"),
        ("2024-12-31 10:30:15", 2, "2025-02-28 10:30:15"),
        ("2024-05-15 10:30:15", 0, "2024-05-15 10:30:15"),
        ("2024-05-15 10:30:15", 60, "2029-05-15 10:30:15"),
    ],
)
def test_months_later_it_is_the_same_time_on_the_month_s_last_day_at_most(moment, months, later):
    assert add_months(instant(moment), months=months) == instant(later)


@given(instants(), st.integers(0, 60))
def test_adding_months_keeps_the_day_or_ends_with_the_month(moment, months):
    found = add_months(moment, months=months)

    assert (found.year - moment.year) * 12 + found.month - moment.month == months
    assert found.timetz() == moment.timetz()
    assert found.day == moment.day or (found + timedelta(days=1)).day == 1


def test_a_day_is_written_the_same_everywhere():
    days = [date(2026, month, month) for month in range(1, 13)]

    assert [written(day) for day in days] == [
        "Thu 1 Jan 2026",
        "Mon 2 Feb 2026",
        "Tue 3 Mar 2026",
        "Sat 4 Apr 2026",
        "Tue 5 May 2026",
        "Sat 6 Jun 2026",
        "Tue 7 Jul 2026",
        "Sat 8 Aug 2026",
        "Wed 9 Sep 2026",
        "Sat 10 Oct 2026",
        "Wed 11 Nov 2026",
        "Sat 12 Dec 2026",
    ]
    assert written(date(2026, 11, 27)) == "Fri 27 Nov 2026"
    assert written(date(2026, 11, 29)) == "Sun 29 Nov 2026"
