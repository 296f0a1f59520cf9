"""How long an order lasts and how much of it is used: full hours, or days under older rules.

Hours and days are numbered from 1970 in the cloud's zone, so that durations are differences of
whole numbers (R42: both start at the full hour; the CN and Intl pages of July 2025).
"""

from datetime import datetime, timedelta

from bot.billing.days import CLOUD_ZONE, add_months, cloud_date
from bot.billing.rulesets import Unit

ONE_HOUR = timedelta(hours=1)
ONE_DAY = timedelta(days=1)
HOURS_A_DAY = 24
SHORTEST_YEAR = 364 * ONE_DAY
"""Whoever used less has seen no anniversary of a full hour yet, in whatever zone it is written."""

_START = datetime(1970, 1, 1, tzinfo=CLOUD_ZONE)
_SECONDS_AN_HOUR = 3600
_LAST_SECOND = HOURS_A_DAY * _SECONDS_AN_HOUR - 1


def full_hour(moment: datetime) -> datetime:
    """The full hour that an instant lies in, in the cloud's zone (R42)."""
    return _START + _hour(moment) * ONE_HOUR


def full_day(moment: datetime) -> datetime:
    """00:00 of the day that an instant lies in, in the cloud's zone."""
    return _START + _day(moment) * ONE_DAY


def counted_end(expires_at: datetime) -> datetime:
    """The full hour at which a term ends: 23:59:59 counts as 00:00 of the next day (R42)."""
    return _START + _end_hour(expires_at) * ONE_HOUR


def is_over(expires_at: datetime, *, at: datetime) -> bool:
    """Whether a term that ends then has ended; 23:59:59 is the whole of its second (R42)."""
    return at >= expires_at and at >= counted_end(expires_at)


def hours_of(
    effective_at: datetime, expires_at: datetime, *, at: datetime, unit: Unit
) -> tuple[int, int]:
    """The hours of a whole term, and those that are used at an instant (R42, X2).

    Counted in days, the term includes the day of purchase and the day of expiry, and use leaves out
    the day of unsubscription. Use is negative before the term and more than it afterwards. Source:
    CN zh-cn_topic_0083138805, 2025-07-24; in days, CN unsubscriptions_faq_300004, 2024-02-05, and
    intl/es-us topic_0083138805, 2024-06-28.
    """
    if unit is Unit.DAY:
        begun = _day(effective_at)
        return (_day(expires_at) + 1 - begun) * HOURS_A_DAY, (_day(at) - begun) * HOURS_A_DAY
    begun = _hour(effective_at)
    return _end_hour(expires_at) - begun, _hour(at) - begun


def fee_year(effective_at: datetime, *, term_months: int, at: datetime) -> int:
    """In which year of use an instant lies, counted from 1; limits are inclusive above (R43).

    The full hour at which use ends is compared with the anniversaries of the full hour at which
    the order began. The hours of the term's last day after its last anniversary are still its
    last year.
    """
    if at - effective_at < SHORTEST_YEAR:
        return 1
    ends, year = full_hour(at), 1
    while anniversary(effective_at, year=year) < ends:
        year += 1
    years = max(1, term_months // 12)
    last_day = cloud_date(anniversary(effective_at, year=years))
    return years if year == years + 1 and cloud_date(at) == last_day else year


def anniversary(effective_at: datetime, *, year: int) -> datetime:
    """The full hour of the order's effect, that many calendar years later (R43)."""
    return add_months(full_hour(effective_at), months=12 * year)


def _hour(moment: datetime) -> int:
    return _full_hours(moment - _START)


def _day(moment: datetime) -> int:
    return (moment - _START).days


def _end_hour(expires_at: datetime) -> int:
    passed = expires_at - _START
    hour = _full_hours(passed)
    return hour + 1 if passed.seconds == _LAST_SECOND else hour


def _full_hours(passed: timedelta) -> int:
    return passed.days * HOURS_A_DAY + passed.seconds // _SECONDS_AN_HOUR
