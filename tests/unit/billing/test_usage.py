"""How long an order lasts and how much of it is used (R42, R43, X2)."""

import pytest

from bot.billing.rulesets import Unit
from bot.billing.usage import (
    anniversary,
    counted_end,
    fee_year,
    full_day,
    full_hour,
    hours_of,
    is_over,
)
from tests.factories import instant

BEGUN = instant("2024-01-01 10:30:00")
ENDS = instant("2024-02-01 23:59:59")


# R42


@pytest.mark.parametrize(
    ("moment", "hour"),
    [
        ("2024-01-01 10:00:00", "2024-01-01 10:00"),
        ("2024-01-01 10:59:59.999999", "2024-01-01 10:00"),
        ("2024-01-01T10:59:00+05:45", "2024-01-01 13:00"),
        ("1969-12-31 23:30:00", "1969-12-31 23:00"),
    ],
)
def test_r42_a_full_hour_is_one_of_the_cloud_s_zone(moment, hour):
    assert full_hour(instant(moment)) == instant(hour)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2024-01-01 00:00:00", "2024-01-01 00:00"),
        ("2024-01-01 23:59:59", "2024-01-01 00:00"),
        ("2023-12-31T17:00:00+00:00", "2024-01-01 00:00"),
    ],
)
def test_x2_a_full_day_is_one_of_the_cloud_s_zone(moment, day):
    assert full_day(instant(moment)) == instant(day)


@pytest.mark.parametrize(
    ("expires_at", "hour"),
    [
        ("2024-02-01 23:59:59", "2024-02-02 00:00"),
        ("2024-02-01T15:59:59+00:00", "2024-02-02 00:00"),
        ("2024-02-01 23:59:58", "2024-02-01 23:00"),
        ("2024-02-01 00:00:00", "2024-02-01 00:00"),
        ("2024-02-01 12:59:59", "2024-02-01 12:00"),
    ],
)
def test_r42_only_the_last_second_of_a_day_counts_as_the_next_one(expires_at, hour):
    assert counted_end(instant(expires_at)) == instant(hour)


@pytest.mark.parametrize(
    ("expires_at", "at", "over"),
    [
        ("2024-02-01 23:59:59", "2024-02-01 23:59:58", False),
        ("2024-02-01 23:59:59", "2024-02-01 23:59:59", False),
        ("2024-02-01 23:59:59", "2024-02-01 23:59:59.999", False),
        ("2024-02-01 23:59:59", "2024-02-02 00:00:00", True),
        ("2024-02-01 12:30:00", "2024-02-01 12:15:00", False),
        ("2024-02-01 12:30:00", "2024-02-01 12:29:59", False),
        ("2024-02-01 12:30:00", "2024-02-01 12:30:00", True),
    ],
)
def test_r42_a_term_is_over_after_the_whole_of_its_last_second(expires_at, at, over):
    assert is_over(instant(expires_at), at=instant(at)) is over


@pytest.mark.parametrize(
    ("at", "used"),
    [
        ("2024-01-01 10:30:00", 0),
        ("2024-01-01 10:59:59", 0),
        ("2024-01-01 11:00:00", 1),
        ("2024-01-15 18:40:00", 344),
        ("2024-02-01 23:59:59", 757),
        ("2024-01-01 09:59:59", -1),
        ("2024-02-02 01:00:00", 759),
    ],
)
def test_r42_hours_run_from_the_full_hour_of_the_effect(at, used):
    assert hours_of(BEGUN, ENDS, at=instant(at), unit=Unit.HOUR) == (758, used)


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("2024-01-01 10:30:00", 0),
        ("2024-01-01 23:59:59", 0),
        ("2024-01-02 00:00:00", 1),
        ("2024-01-15 18:40:00", 14),
        ("2023-12-31 23:59:59", -1),
        ("2024-02-02 00:00:00", 32),
    ],
)
def test_x2_days_count_the_purchase_and_the_expiry_but_not_the_unsubscription(at, days):
    assert hours_of(BEGUN, ENDS, at=instant(at), unit=Unit.DAY) == (32 * 24, days * 24)


def test_x2_days_are_those_of_the_cloud_s_zone():
    begun = instant("2023-12-31T23:00:00+00:00")

    found = hours_of(begun, ENDS, at=instant("2024-01-02T15:59:00+00:00"), unit=Unit.DAY)

    assert found == (32 * 24, 24)


# R43


@pytest.mark.parametrize(
    ("months", "at", "year"),
    [
        (24, "2024-01-01 10:30:00", 1),
        (24, "2025-01-01 10:59:59", 1),
        (24, "2025-01-01 11:00:00", 2),
        (24, "2026-01-01 10:59:59", 2),
        (36, "2026-01-01 11:00:00", 3),
        (60, "2027-01-01 11:00:00", 4),
        (60, "2028-01-01 11:00:00", 5),
    ],
)
def test_r43_exactly_on_the_anniversary_is_still_the_lower_year(months, at, year):
    assert fee_year(BEGUN, term_months=months, at=instant(at)) == year


@pytest.mark.parametrize(
    ("months", "at", "year"),
    [
        (12, "2025-01-01 11:00:00", 1),
        (12, "2025-01-01 23:59:59", 1),
        (12, "2025-01-02 00:00:00", 2),
        (24, "2025-01-01 23:00:00", 2),
        (24, "2026-01-01 23:59:59", 2),
        (24, "2026-01-02 00:00:00", 3),
        (1, "2025-01-01 11:00:00", 1),
        (1, "2025-01-02 00:00:00", 2),
        (1, "2026-01-01 11:00:00", 3),
        (18, "2025-01-01 12:00:00", 1),
        (18, "2025-01-02 00:00:00", 2),
    ],
)
def test_r43_the_last_day_s_hours_after_the_last_anniversary_are_the_last_year(months, at, year):
    assert fee_year(BEGUN, term_months=months, at=instant(at)) == year


def test_r43_what_began_on_a_leap_day_has_its_anniversary_on_the_last_of_february():
    begun = instant("2024-02-29 10:30:00")

    assert anniversary(begun, year=1) == instant("2025-02-28 10:00")
    assert anniversary(begun, year=4) == instant("2028-02-29 10:00")
    assert fee_year(begun, term_months=24, at=instant("2025-02-28 10:59:59")) == 1
    assert fee_year(begun, term_months=24, at=instant("2025-02-28 11:00:00")) == 2


def test_r43_the_year_is_the_same_in_every_zone():
    at = instant("2025-01-01T03:00:00+00:00")

    assert fee_year(BEGUN.astimezone(at.tzinfo), term_months=24, at=at) == 2
