"""Terms: when one ends, when a late renewal begins, and where a unified renewal date moves it."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time

from bot.billing.days import CLOUD_ZONE, add_months, cloud_date

LAST_SECOND = time(23, 59, 59)
LAST_DAY = -1
"""The API's value for a renewal date on the last day of each month (R30)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """What a renewal adds: whole months, then days up to the renewal date, and the new expiry.

    The expiry is certain, the number of days is not: the pages count it in two ways (X6).
    """

    months: int
    days: int
    expires_at: datetime


def term_end(effective_at: datetime, *, months: int) -> datetime:
    """23:59:59 GMT+08:00 of the day that many months after the purchase day (R14).

    The next term follows directly: for a renewal pass the expiry that it extends. A day that the
    month does not have becomes its last day. Source: bare metal guide, 2024-09-06.
    """
    return _end_of(add_months(effective_at.astimezone(CLOUD_ZONE), months=months).date())


def renewed_late(expires_at: datetime, *, months: int) -> datetime:
    """The new expiry of a renewal paid during grace or retention (R17).

    The term begins at the original expiry, not at the day of payment, so the days that have passed
    since come off it. Source: INTL renewals_topic_10000002, 2025-10-10.
    """
    return term_end(expires_at, months=months)


def unified(expires_at: datetime, *, months: int, renewal_date: int = 1) -> Extension:
    """A renewal with a unified renewal date: the months, then the days up to that date (R30).

    `renewal_date` is 1 to 28, or -1 for the last day of the month; anything else raises ValueError.
    Added is at least a month. Source: INTL renewals_topic_10000004, 2024-10-29; api_order_00031.
    """
    if renewal_date != LAST_DAY and not 1 <= renewal_date <= 28:
        raise ValueError(f"renewal_date is {renewal_date}; allowed are 1 to 28, and -1 (R30).")
    whole = cloud_date(term_end(expires_at, months=months))
    day = _next_on(whole, renewal_date)
    return Extension(months=months, days=(day - whole).days, expires_at=_end_of(day))


def _next_on(day: date, renewal_date: int) -> date:
    """The first day, from this one on, that is the renewal date of its month."""
    this_month = day.replace(day=_day_of(day, renewal_date))
    if this_month >= day:
        return this_month
    following = add_months(datetime.combine(day.replace(day=1), time()), months=1).date()
    return following.replace(day=_day_of(following, renewal_date))


def _day_of(month: date, renewal_date: int) -> int:
    last = monthrange(month.year, month.month)[1]
    return last if renewal_date == LAST_DAY else renewal_date


def _end_of(day: date) -> datetime:
    return datetime.combine(day, LAST_SECOND, CLOUD_ZONE)
