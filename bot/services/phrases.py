"""How dates, instants and lists read in the sentences of refusals."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from bot.billing.renewal import CLOUD_ZONE

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(on: date) -> str:
    """A date without an hour, for example `Mon 30 Nov 2026`."""
    return f"{_DAYS[on.weekday()]} {on.day} {_MONTHS[on.month - 1]} {on.year}"


def instant(at: datetime) -> str:
    """An instant in the cloud's zone, for example `Mon 30 Nov 2026, 03:00 GMT+08:00`."""
    there = at.astimezone(CLOUD_ZONE)
    return f"{day(there)}, {there:%H:%M} GMT+08:00"


def hour(at: datetime) -> str:
    """The hour of an instant in the cloud's zone, for example `10:53 GMT+08:00`."""
    return f"{at.astimezone(CLOUD_ZONE):%H:%M} GMT+08:00"


def last_minute(cutoff: datetime) -> str:
    """The last minute before an exclusive cut-off (R25)."""
    return instant(cutoff - timedelta(minutes=1))


def listed(words: Sequence[str], *, last: str = "and") -> str:
    """Words joined for reading: `a, b and c`."""
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def quoted(text: str) -> str:
    """Foreign text between backticks, on one line and without backticks of its own."""
    return f"`{' '.join(text.replace('`', '').split())[:100]}`"


def counted(number: int, noun: str) -> str:
    """A number with its noun in the right form: `1 line`, `3 lines`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
