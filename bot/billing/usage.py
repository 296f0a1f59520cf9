"""How long an order lasts and how much of it is used: full hours, or days under older rules."""

from datetime import datetime, timedelta

from bot.billing.days import CLOUD_ZONE, add_months, cloud_date
from bot.billing.rulesets import Unit

ONE_HOUR = timedelta(hours=1)


def full_hour(moment: datetime) -> datetime:
    """The full hour that an instant lies in, in the cloud's zone (R42)."""
    return moment.astimezone(CLOUD_ZONE).replace(minute=0, second=0, microsecond=0)


def counted_end(expires_at: datetime) -> datetime:
    """The full hour at which a term ends: 23:59:59 counts as 00:00 of the next day (R42)."""
    local = expires_at.astimezone(CLOUD_ZONE)
    last_second = (local.hour, local.minute, local.second) == (23, 59, 59)
    return full_hour(local + timedelta(seconds=1) if last_second else local)


def is_over(expires_at: datetime, *, at: datetime) -> bool:
    """Whether a term that ends then has ended."""
    return at >= max(expires_at, counted_end(expires_at))


def duration_hours(effective_at: datetime, expires_at: datetime, *, unit: Unit) -> int:
    """The whole term; days include the day of purchase and the day of expiry (R42, X2)."""
    if unit is Unit.DAY:
        return ((cloud_date(expires_at) - cloud_date(effective_at)).days + 1) * 24
    return (counted_end(expires_at) - full_hour(effective_at)) // ONE_HOUR


def used_hours(effective_at: datetime, *, at: datetime, unit: Unit) -> int:
    """What is used at an instant; days leave out the day of unsubscription (R42, X2)."""
    if unit is Unit.DAY:
        return (cloud_date(at) - cloud_date(effective_at)).days * 24
    return (full_hour(at) - full_hour(effective_at)) // ONE_HOUR


def fee_year(effective_at: datetime, *, term_months: int, at: datetime) -> int:
    """In which year of use an instant lies, counted from 1; limits are inclusive above (R43).

    The full hour at which use ends is compared with the anniversaries of the full hour at which
    the order began. The hours of the term's last day after its last anniversary are still its
    last year.
    """
    begun, ends = full_hour(effective_at), full_hour(at)
    year = 1
    while anniversary(begun, year=year) < ends:
        year += 1
    years = max(1, term_months // 12)
    last_day = cloud_date(anniversary(begun, year=years))
    return years if year == years + 1 and cloud_date(at) == last_day else year


def anniversary(effective_at: datetime, *, year: int) -> datetime:
    """The full hour of the order's effect, that many calendar years later."""
    return add_months(full_hour(effective_at), months=12 * year)
