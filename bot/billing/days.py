"""Calendar days: the cloud's zone, months added to a day, and how a day is written."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta, timezone

CLOUD_ZONE = timezone(timedelta(hours=8), "GMT+08:00")
"""All console deadlines are Beijing time, which has no daylight saving."""

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def cloud_date(moment: datetime) -> date:
    """The date of an instant in the cloud's zone."""
    return moment.astimezone(CLOUD_ZONE).date()


def beginning(day: date) -> datetime:
    """When a day begins in the cloud's zone."""
    return datetime.combine(day, time(), CLOUD_ZONE)


def add_months(moment: datetime, *, months: int) -> datetime:
    """The same local time that many calendar months later, on the month's last day at most."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def counted(number: int, unit: str) -> str:
    """`1 day`, `12 months`."""
    return f"{number} {unit}{'' if number == 1 else 's'}"


def written(day: date) -> str:
    """`Mon 30 Nov 2026`, whatever the machine's locale."""
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"
