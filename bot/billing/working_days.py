"""Working days: the last one on which people can still act before a date."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holidays import HolidayBase

ONE_DAY = timedelta(days=1)


def last_working_day(before: date, *, countries: Sequence[str]) -> date:
    """The last day before `before` that is neither weekend nor holiday in any of the countries.

    Days that China moves to a weekend as work days are working days there. ISO 3166 codes; without
    any, Monday to Friday. Raises ValueError for a country whose holidays are not known.
    """
    day = before - ONE_DAY
    while not _works(day, countries):
        day -= ONE_DAY
    return day


def _works(day: date, countries: Sequence[str]) -> bool:
    if not countries:
        return day.weekday() < 5
    return all(_calendar(country, day.year).is_working_day(day) for country in countries)


@cache
def _calendar(country: str, year: int) -> "HolidayBase":
    import holidays  # noqa: PLC0415 - it is slow to load and most calls never need it

    try:
        return holidays.country_holidays(country, years=year)
    except NotImplementedError as unknown:
        raise ValueError(f"No holidays are known for {country}; use an ISO 3166 code.") from unknown
