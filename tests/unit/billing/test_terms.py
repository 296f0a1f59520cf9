"""Terms: when one ends, when a late renewal begins, and what a renewal date adds (R14 to R30)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.days import CLOUD_ZONE, cloud_date
from bot.billing.terms import Extension, renewed_late, term_end, unified
from tests.factories import instant
from tests.strategies import instants

# R14


@pytest.mark.parametrize(
    ("bought", "months", "ends"),
    [
        ("2024-01-31 10:00", 1, "2024-02-29 23:59:59"),
        ("2024-02-29 10:00", 12, "2025-02-28 23:59:59"),
        ("2025-12-07 00:00", 12, "2026-12-07 23:59:59"),
        ("2025-11-15 10:00", 3, "2026-02-15 23:59:59"),
        ("2025-12-31T17:00:00+00:00", 1, "2026-02-01 23:59:59"),
    ],
)
def test_r14_a_term_ends_on_the_beijing_day_that_many_months_later(bought, months, ends):
    found = term_end(instant(bought), months=months)

    assert found == instant(ends)
    assert found.utcoffset() == timedelta(hours=8)


def test_r14_months_of_a_renewal_count_from_the_expiry_that_it_extends():
    assert term_end(instant("2024-07-08 23:59:59"), months=12) == instant("2025-07-08 23:59:59")


@given(instants(), st.sampled_from((1, 3, 12, 24, 36, 60)))
def test_r14_every_term_ends_with_the_last_second_of_a_beijing_day(bought, months):
    local = term_end(bought, months=months).astimezone(CLOUD_ZONE)

    assert (local.hour, local.minute, local.second, local.microsecond) == (23, 59, 59, 0)


# R17


@pytest.mark.parametrize(
    ("months", "ends"), [(1, "2027-01-07 23:59:59"), (12, "2027-12-07 23:59:59")]
)
def test_r17_a_renewal_paid_late_begins_at_the_original_expiry(months, ends):
    assert renewed_late(instant("2026-12-07 23:59:59"), months=months) == instant(ends)


# R30


def test_r30_a_unified_renewal_ends_on_the_first_of_a_month_unless_told_otherwise():
    found = unified(instant("2024-05-10 23:59:59"), months=2)

    assert found == Extension(months=2, days=22, expires_at=instant("2024-08-01 23:59:59"))


@pytest.mark.parametrize(
    ("ends", "renewal_date", "days", "unified_end"),
    [
        ("2024-03-25 23:59:59", -1, 5, "2024-04-30 23:59:59"),
        ("2024-03-25 23:59:59", 25, 0, "2024-04-25 23:59:59"),
        ("2024-03-25 23:59:59", 24, 29, "2024-05-24 23:59:59"),
        ("2024-03-25 23:59:59", 28, 3, "2024-04-28 23:59:59"),
        ("2024-01-31 23:59:59", -1, 0, "2024-02-29 23:59:59"),
        ("2024-01-31 23:59:59", 28, 28, "2024-03-28 23:59:59"),
        ("2023-01-15 23:59:59", -1, 13, "2023-02-28 23:59:59"),
        ("2026-11-15 23:59:59", 1, 17, "2027-01-01 23:59:59"),
    ],
)
def test_r30_after_whole_months_come_the_days_up_to_the_renewal_date(
    ends, renewal_date, days, unified_end
):
    found = unified(instant(ends), months=1, renewal_date=renewal_date)

    assert found == Extension(months=1, days=days, expires_at=instant(unified_end))


@pytest.mark.parametrize("renewal_date", [-2, 0, 29, 31])
def test_r30_no_other_day_can_be_a_renewal_date(renewal_date):
    with pytest.raises(ValueError, match="renewal_date") as raised:
        unified(instant("2024-03-25 23:59:59"), months=1, renewal_date=renewal_date)

    assert str(raised.value) == (
        f"renewal_date is {renewal_date}; allowed are 1 to 28, and -1 (R30)."
    )


@given(instants(), st.sampled_from((1, 3, 12)), st.sampled_from((*range(1, 29), -1)))
def test_r30_the_days_up_to_the_renewal_date_are_less_than_a_month(ends, months, renewal_date):
    found = unified(ends, months=months, renewal_date=renewal_date)

    day = cloud_date(found.expires_at)
    last_of_month = (day + timedelta(days=1)).day == 1
    assert day == cloud_date(term_end(ends, months=months)) + timedelta(days=found.days)
    assert last_of_month if renewal_date == -1 else day.day == renewal_date
    assert 0 <= found.days < 31


def test_x6_both_ways_of_counting_end_on_the_first_of_may():
    found = unified(instant("2024-03-25 23:59:59"), months=1, renewal_date=1)

    assert found.expires_at == instant("2024-05-01 23:59:59")
    assert cloud_date(found.expires_at) == date(2024, 5, 1)
    assert (found.months, found.days) == (1, 6)
