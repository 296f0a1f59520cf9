"""The last working day before a date, with holidays and moved days."""

from datetime import date

import pytest

from bot.billing.working_days import last_working_day


@pytest.mark.parametrize(
    ("before", "countries", "expected"),
    [
        (date(2026, 11, 30), ["CN"], date(2026, 11, 27)),
        (date(2026, 10, 8), ["CN"], date(2026, 9, 30)),
        (date(2025, 9, 29), ["CN"], date(2025, 9, 28)),
        (date(2025, 9, 29), ["CN", "DE"], date(2025, 9, 26)),
        (date(2026, 12, 28), ["DE"], date(2026, 12, 24)),
        (date(2026, 1, 2), ["CN", "DE"], date(2025, 12, 31)),
    ],
)
def test_the_last_working_day_knows_holidays_and_moved_days(before, countries, expected):
    assert last_working_day(before, countries=countries) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (date(2026, 11, 30), date(2026, 11, 27)),
        (date(2026, 11, 29), date(2026, 11, 27)),
        (date(2026, 11, 28), date(2026, 11, 27)),
        (date(2026, 11, 27), date(2026, 11, 26)),
        (date(2026, 12, 26), date(2026, 12, 25)),
    ],
)
def test_without_a_country_it_is_monday_to_friday(before, expected):
    assert last_working_day(before, countries=[]) == expected


def test_a_day_has_to_be_a_working_day_in_every_country():
    new_year = date(2026, 1, 2)

    assert last_working_day(new_year, countries=["DE"]) == date(2025, 12, 31)
    assert last_working_day(date(2026, 2, 24), countries=["DE"]) == date(2026, 2, 23)
    assert last_working_day(date(2026, 2, 24), countries=["DE", "CN"]) == date(2026, 2, 13)


def test_an_unknown_country_is_named():
    with pytest.raises(ValueError, match="XX") as raised:
        last_working_day(date(2026, 11, 30), countries=["XX"])

    assert str(raised.value) == "No holidays are known for XX; use an ISO 3166 code."
