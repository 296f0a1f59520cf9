"""When the money is taken: term ends, deduction instants, anchors, cut-offs, working days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from bot.billing import days
from bot.billing.account import Account, Site
from bot.billing.days import add_months, cloud_date
from bot.billing.subscription import (
    BillingMode,
    Kind,
    Order,
    OrderType,
    Status,
    Subscription,
)

if TYPE_CHECKING:
    from holidays import HolidayBase

CLOUD_ZONE = days.CLOUD_ZONE
"""The zone in which the cloud dates deductions and term ends."""

ONE_DAY = timedelta(days=1)
ATTEMPT = time(3, tzinfo=CLOUD_ZONE)
"""The hour of a deduction; the account can choose the day, never the hour (R19, R20)."""

_NEVER_CHARGED = frozenset({Status.UNSUBSCRIBED, Status.FAILED, Status.EXPIRED})
_GRACE = {"V5": 7, "V4": 7, "V3": 7, "V2": 1, "V1": 1, "V0": 1}


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


def grace_end(expires_at: datetime, account: Account) -> datetime:
    """Until when an expired subscription can still be used (R15, R16)."""
    length = _GRACE[account.customer_tier] if account.site is Site.CN else 15
    return expires_at + length * ONE_DAY


def deduction_at(subscription: Subscription, account: Account) -> datetime | None:
    """First attempt: 03:00 GMT+08:00, `deduction_days_before` the Beijing expiry date (R19, R20).

    None when nothing will be deducted: auto-renewal off or unknown, pay-per-use, no expiry, gone.
    A contract that asks for notice is not charged by the cloud either.
    """
    expires_at = subscription.expires_at
    charged = (
        subscription.auto_renew is True
        and subscription.billing_mode is not BillingMode.PAY_PER_USE
        and subscription.status not in _NEVER_CHARGED
        and not _asks_for_notice(subscription)
    )
    if not charged or expires_at is None:
        return None
    return _first_attempt(expires_at, account)


def anchor(subscription: Subscription, account: Account, *, at: datetime) -> Anchor | None:
    """What comes next for a subscription at an instant; None when nothing does.

    With auto-renewal on the deduction; past one that did not succeed the next daily attempt until
    expiry (R21, R22); with auto-renewal off the expiry; with `notice_days` the notice deadline.
    """
    expires_at = subscription.expires_at
    prepaid = subscription.billing_mode is not BillingMode.PAY_PER_USE
    if expires_at is None or at >= expires_at or not prepaid:
        return None
    if subscription.status in _NEVER_CHARGED:
        return None
    if (notice := _notice(subscription, expires_at, at=at)) is not None:
        return Anchor(kind=AnchorKind.NOTICE, date=notice, at=None)
    if (first := deduction_at(subscription, account)) is not None:
        attempt = _next_attempt(first, at=at)
        if attempt < expires_at:
            return Anchor(kind=AnchorKind.DEDUCTION, date=cloud_date(attempt), at=attempt)
    return Anchor(kind=AnchorKind.EXPIRY, date=cloud_date(expires_at), at=expires_at)


def deductions(
    subscription: Subscription, account: Account, *, start: datetime, end: datetime
) -> Sequence[Anchor]:
    """Every deduction in [start, end): the next attempt, then one for each term that follows (R24).

    Later ones are expected: they assume that each charge succeeds and renews for
    `auto_renew_months`, or for the last order's term where that is not known.
    """
    ahead = anchor(subscription, account, at=start)
    if ahead is None or ahead.kind is not AnchorKind.DEDUCTION or ahead.at is None:
        return ()
    found = [ahead.at] if ahead.at < end else []
    expires_at, months = subscription.expires_at, renewal_months(subscription)
    terms = 1
    while expires_at and months and found:
        attempt = _first_attempt(term_end(expires_at, months=terms * months), account)
        if attempt >= end:
            break
        found.append(attempt)
        terms += 1
    return tuple(
        Anchor(kind=AnchorKind.DEDUCTION, date=cloud_date(each), at=each) for each in found
    )


def renewal_months(subscription: Subscription) -> int | None:
    """For how long the next renewal extends: the setting, else the last order's term (R23)."""
    last = subscription.orders[-1].term_months if subscription.orders else None
    return subscription.auto_renew_months or last


def renewal_periods(subscription: Subscription, *, at: datetime) -> tuple[Order, ...]:
    """The renewals that are paid and have not begun: they can be given back in full (R46)."""
    return tuple(
        order
        for order in subscription.orders
        if order.order_type is OrderType.RENEWAL
        and order.effective_at is not None
        and order.effective_at > at
    )


def give_back_until(subscription: Subscription, *, at: datetime) -> datetime | None:
    """The start of the next renewal period, before which it is given back in full (R25, R46)."""
    starts = (order.effective_at for order in renewal_periods(subscription, at=at))
    return min((start for start in starts if start is not None), default=None)


def safe_cutoff(what: Anchor, *, reader: tzinfo) -> datetime:
    """The instant before which acting is safe, itself no longer safe.

    00:00 GMT+08:00 of the deduction day (R25); the expiry itself; the end of a notice date in the
    reader's zone.
    """
    if what.kind is AnchorKind.DEDUCTION:
        return datetime.combine(what.date, time(), CLOUD_ZONE)
    if what.at is not None:
        return what.at
    return datetime.combine(what.date + ONE_DAY, time(), reader).astimezone(UTC)


def last_working_day(before: date, *, countries: Sequence[str]) -> date:
    """The last day before `before` that is neither weekend nor holiday in any of the countries.

    Days that China moves to a weekend as work days are working days there. ISO 3166 codes; without
    any, Monday to Friday. Raises ValueError for a country whose holidays are not known.
    """
    day = before - ONE_DAY
    while not _works(day, countries):
        day -= ONE_DAY
    return day


def _first_attempt(expires_at: datetime, account: Account) -> datetime:
    day = cloud_date(expires_at) - account.deduction_days_before * ONE_DAY
    return datetime.combine(day, ATTEMPT)


def _next_attempt(first: datetime, *, at: datetime) -> datetime:
    """The first attempt, or the next daily one that is still to come (R21)."""
    return first if at < first else first + ((at - first) // ONE_DAY + 1) * ONE_DAY


def _asks_for_notice(subscription: Subscription) -> bool:
    return subscription.kind is Kind.SAAS and subscription.notice_days is not None


def _notice(subscription: Subscription, expires_at: datetime, *, at: datetime) -> date | None:
    """The last date for the notice, until it is over for readers in every zone."""
    if not _asks_for_notice(subscription) or subscription.notice_days is None:
        return None
    day = cloud_date(expires_at) - subscription.notice_days * ONE_DAY
    over_everywhere = datetime.combine(day + ONE_DAY, time(12), UTC)
    return day if at < over_everywhere else None


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
