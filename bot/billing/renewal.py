"""When the money is taken: term ends, deduction instants, anchors, cut-offs, working days."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum

from bot.billing.account import Account
from bot.billing.subscription import Subscription

CLOUD_ZONE = timezone(timedelta(hours=8), "GMT+08:00")
"""All console deadlines are Beijing time, which has no daylight saving."""


class AnchorKind(StrEnum):
    """What comes next: the deduction, else the end of the term, else the notice to give."""

    DEDUCTION = "deduction"
    EXPIRY = "expiry"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What reminders count back from; `at` is None for a notice, a date in the reader's zone.

    For a deduction and an expiry `date` is the date of `at` in the cloud's zone.
    """

    kind: AnchorKind
    date: date
    at: datetime | None


def term_end(effective_at: datetime, *, months: int) -> datetime:
    """23:59:59 GMT+08:00 of the day that many months after the purchase day (R14).

    The next term follows directly: for a renewal pass the expiry that it extends. A day that the
    month does not have becomes its last day.
    """
    day = add_months(effective_at.astimezone(CLOUD_ZONE), months=months)
    return day.replace(hour=23, minute=59, second=59, microsecond=0)


def add_months(moment: datetime, *, months: int) -> datetime:
    """The same local time that many calendar months later, on the month's last day at most."""
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


def deduction_at(subscription: Subscription, account: Account) -> datetime | None:
    """First attempt: 03:00 GMT+08:00, `deduction_days_before` the Beijing date of expiry (R19, R20).

    None when nothing will be deducted: auto-renewal off or unknown, pay-per-use, no expiry, gone.
    """
    raise NotImplementedError


def anchor(subscription: Subscription, account: Account, *, at: datetime) -> Anchor | None:
    """What comes next for a subscription at an instant; None when nothing does.

    With auto-renewal on the deduction; past one that did not succeed the next daily attempt until
    expiry (R21, R22); with auto-renewal off the expiry; with `notice_days` the notice deadline.
    """
    raise NotImplementedError


def safe_cutoff(what: Anchor, *, reader: tzinfo) -> datetime:
    """The instant before which acting is safe, itself no longer safe.

    00:00 GMT+08:00 of the deduction day (R25); the expiry itself; the end of a notice date in the
    reader's zone.
    """
    raise NotImplementedError


def last_working_day(before: date, *, countries: Sequence[str]) -> date:
    """The last day before `before` that is neither weekend nor holiday in any of the countries.

    Days that China moves to a weekend as work days are working days there. ISO 3166 codes.
    """
    raise NotImplementedError
