"""Auto-renewal: when the money is taken, what comes next, and until when acting is safe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from bot.billing import days
from bot.billing.account import Account
from bot.billing.days import cloud_date
from bot.billing.expiry import afterlife
from bot.billing.subscription import (
    BillingMode,
    Kind,
    Order,
    OrderType,
    Status,
    Subscription,
)
from bot.billing.terms import term_end
from bot.billing.usage import is_over

CLOUD_ZONE = days.CLOUD_ZONE
"""The zone in which the cloud dates deductions and term ends."""

ONE_DAY, ONE_SECOND = timedelta(days=1), timedelta(seconds=1)
ATTEMPT = time(3, tzinfo=CLOUD_ZONE)
"""The hour of a deduction; the account can choose the day, never the hour (R19, R20)."""

_NEVER_CHARGED = frozenset({Status.UNSUBSCRIBED, Status.FAILED, Status.EXPIRED})


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


def deduction_at(subscription: Subscription, account: Account) -> datetime | None:
    """First attempt: 03:00 GMT+08:00, `deduction_days_before` the Beijing expiry date (R19, R20).

    A calendar subtraction; each subscription by its own auto-renewal setting (R7), as deep as the
    account's one deduction date says. None when nothing will be deducted: auto-renewal off or
    unknown, pay-per-use, no expiry, gone. A contract that asks for notice is not charged by the
    cloud either. Source: INTL renewals_topic_20000006, 2025-02-24; api_order_00031, 2025-12-02.
    """
    expires_at = subscription.expires_at
    charged = (
        subscription.auto_renew is True
        and renewable(subscription)
        and subscription.status not in _NEVER_CHARGED
        and not asks_for_notice(subscription)
    )
    if not charged or expires_at is None:
        return None
    return _first_attempt(expires_at, account)


def renewable(subscription: Subscription) -> bool:
    """Whether a renewal can extend it at all: prepaid and not unsubscribed from (R18).

    An unpaid change of specification or a product no longer sold forbids it too, which no catalogue
    tells. Source: en-us renewals_topic_10000002.
    """
    prepaid = subscription.billing_mode is not BillingMode.PAY_PER_USE
    return prepaid and subscription.status is not Status.UNSUBSCRIBED


def anchor(subscription: Subscription, account: Account, *, at: datetime) -> Anchor | None:
    """What comes next for a subscription at an instant; None when nothing does.

    With auto-renewal on the deduction; past one that did not succeed the next daily attempt until
    expiry (R21, R22); with auto-renewal off the expiry; with `notice_days` the notice deadline,
    and once that has passed unused the one of the next term. Source: EU renewals_faq_0000004,
    2025-05-26.
    """
    expires_at = subscription.expires_at
    if expires_at is None or not renewable(subscription) or subscription.status in _NEVER_CHARGED:
        return None
    if (notice := notice_date(subscription, at=at)) is not None:
        return Anchor(kind=AnchorKind.NOTICE, date=notice, at=None)
    if at >= expires_at:
        return None
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
    `auto_renew_months`, or for the last order's term where that is not known. Source: eu/es-es
    secmaster_04_0015.
    """
    ahead = anchor(subscription, account, at=start)
    if ahead is None or ahead.kind is not AnchorKind.DEDUCTION or ahead.at is None:
        return ()
    found = [ahead.at] if ahead.at < end else []
    expires_at, months = subscription.expires_at, renewal_months(subscription)
    while expires_at and months and found:
        expires_at = term_end(expires_at, months=months)
        attempt = _first_attempt(expires_at, account)
        if attempt >= end:
            break
        found.append(attempt)
    return tuple(
        Anchor(kind=AnchorKind.DEDUCTION, date=cloud_date(each), at=each) for each in found
    )


def charges(
    subscription: Subscription, account: Account, *, span: tuple[datetime, datetime], reader: tzinfo
) -> Sequence[Anchor]:
    """The anchors in a span of the renewals that the orders show, earliest first (R14).

    Each by its first attempt; of a contract the notice that was not given. No order tells who
    renewed: they came only while auto-renewal was on.
    """
    if not renewable(subscription):
        return ()
    found = [_announced(subscription, account, ends=ends) for ends in _renewed_terms(subscription)]
    return tuple(each for each in found if span[0] <= hard_cutoff(each, reader=reader) <= span[1])


def came(
    subscription: Subscription, account: Account, *, span: tuple[datetime, datetime], reader: tzinfo
) -> Sequence[Anchor]:
    """The anchor of the last term in a span, of a contract also those of the terms after it.

    Of something that expired it is the expiry (R15). Whether a term was renewed of which the orders
    do not tell is not supposed here.
    """
    subscription = before_it_expired(subscription)
    found: list[Anchor] = []
    start, end = span
    last = anchor(subscription, account, at=start)
    while last is not None and hard_cutoff(last, reader=reader) <= end:
        found.append(last)
        if last.kind is not AnchorKind.NOTICE:
            break
        last = anchor(subscription, account, at=_over_everywhere(last.date))
    return tuple(each for each in found if start <= hard_cutoff(each, reader=reader))


def before_it_expired(subscription: Subscription) -> Subscription:
    """Something that expired as it was while that was still to come; else the same."""
    if subscription.status is not Status.EXPIRED:
        return subscription
    return replace(subscription, status=Status.IN_USE, auto_renew=False)


def charge_after_expiry(
    subscription: Subscription, account: Account, *, at: datetime
) -> datetime | None:
    """The next attempt, where it comes after the term is over; None where none can (X4).

    User guides end the daily attempts at expiry (R21), the API's pages when the resource is
    released: so nothing is called safe before the release. Source: EU renewals_faq_0000004,
    2025-05-26; INTL api_order_00031, 2025-12-02.
    """
    expires_at = subscription.expires_at
    tries = (
        subscription.auto_renew is True
        and renewable(subscription)
        and subscription.status is not Status.FAILED
        and not asks_for_notice(subscription)
    )
    if expires_at is None or not tries:
        return None
    attempt = _next_attempt(_first_attempt(expires_at, account), at=at)
    late = expires_at <= attempt < afterlife(expires_at, account).released_at
    return attempt if late else None


def deducts_at_once(subscription: Subscription, *, at: datetime) -> bool:
    """Whether switching auto-renewal on charges now: no attempt is left before expiry (R22).

    Source: EU renewals_faq_0000004, 2025-05-26; INTL renewals_topic_20000006.
    """
    ends = subscription.expires_at
    charged = (
        renewable(subscription)
        and subscription.status not in _NEVER_CHARGED
        and not asks_for_notice(subscription)
    )
    if ends is None or at >= ends or not charged:
        return False
    today = datetime.combine(cloud_date(at), ATTEMPT)
    return ends < (today if at < today else today + ONE_DAY)


def renewal_months(subscription: Subscription) -> int | None:
    """For how long the next renewal extends: the setting, else the last order's term (R23, X5).

    Source: the SDK's documentation of AutoRenewalResourcesReq; INTL secmaster_04_0026, 2024-01-04.
    """
    last = subscription.orders[-1].term_months if subscription.orders else None
    return subscription.auto_renew_months or last


def open_orders(subscription: Subscription, *, at: datetime) -> tuple[Order, ...]:
    """The running order and those ahead: every term that is not over, or has no known end.

    Unsubscribing takes them together (R44). Source: the CN page on in-use unsubscription.
    """
    return tuple([each for each in subscription.orders if _is_open(each, at=at)])


def _is_open(order: Order, *, at: datetime) -> bool:
    return order.expires_at is None or not is_over(order.expires_at, at=at)


def renewal_periods(subscription: Subscription, *, at: datetime) -> tuple[Order, ...]:
    """The renewals that are paid and have not begun: they can be given back in full (R45, R46).

    Source: CN unsubscription_topic_2000001, 2025-02-20.
    """
    return tuple(
        order
        for order in subscription.orders
        if order.order_type is OrderType.RENEWAL
        and order.effective_at is not None
        and order.effective_at > at
    )


def give_back_until(subscription: Subscription, *, at: datetime) -> datetime | None:
    """The start of the next renewal period, before which it is given back in full (R25, R46).

    Source: CN unsubscription_topic_2000001, 2025-02-20, and its intl/th-th version.
    """
    starts = (order.effective_at for order in renewal_periods(subscription, at=at))
    return min((start for start in starts if start is not None), default=None)


def safe_cutoff(what: Anchor, *, reader: tzinfo) -> datetime:
    """The instant before which acting is safe, itself no longer safe.

    00:00 GMT+08:00 of the deduction day (R25); the expiry itself; the end of a notice date in the
    reader's zone. Source: EU secmaster_04_0018, 2024-01-05.
    """
    if what.kind is AnchorKind.DEDUCTION:
        return datetime.combine(what.date, time(), CLOUD_ZONE)
    if what.at is not None:
        return what.at
    return datetime.combine(what.date + ONE_DAY, time(), reader).astimezone(UTC)


def hard_cutoff(what: Anchor, *, reader: tzinfo) -> datetime:
    """The instant at which it is too late for certain: the deduction itself, 03:00 (R25).

    Between the safe and the hard one it may work or not. An expiry and a notice have one cut-off.
    """
    return what.at if what.at is not None else safe_cutoff(what, reader=reader)


def asks_for_notice(subscription: Subscription) -> bool:
    """Whether it is a contract that renews unless notice is given in time."""
    return subscription.kind is Kind.SAAS and subscription.notice_days is not None


def notice_date(subscription: Subscription, *, at: datetime) -> date | None:
    """The last date for the notice of a contract, until it is over for readers in every zone.

    One that passes unused renews the contract, so the next is that of the following term, and so
    on, as long as auto-renewal is on and the length of a renewal is known. None for anything but a
    contract that asks for notice, and when no deadline is left.
    """
    ends, notice_days = subscription.expires_at, subscription.notice_days
    if not asks_for_notice(subscription) or ends is None or notice_days is None:
        return None
    months = renewal_months(subscription) if subscription.auto_renew is True else None
    while at >= _over_everywhere(day := cloud_date(ends) - notice_days * ONE_DAY):
        if not months:
            return None
        ends = term_end(ends, months=months)
    return day if months or at < ends else None


def _over_everywhere(day: date) -> datetime:
    """The instant at which a date has ended in the last zone, 12 hours behind UTC."""
    return datetime.combine(day + ONE_DAY, time(12), UTC)


def _renewed_terms(subscription: Subscription) -> Iterator[datetime]:
    """When the terms ended that a renewal among the orders extended; of the first one as it says.

    A cloud may list the last order alone.
    """
    before: datetime | None = None
    for order in subscription.orders:
        starts = order.effective_at
        ends = before or (starts - ONE_SECOND if starts is not None else None)
        if order.order_type is OrderType.RENEWAL and ends is not None:
            yield ends
        before = order.expires_at


def _announced(subscription: Subscription, account: Account, *, ends: datetime) -> Anchor:
    """What reminders counted back from while a term was the last."""
    if asks_for_notice(subscription):
        day = cloud_date(ends) - (subscription.notice_days or 0) * ONE_DAY
        return Anchor(kind=AnchorKind.NOTICE, date=day, at=None)
    attempt = _first_attempt(ends, account)
    return Anchor(kind=AnchorKind.DEDUCTION, date=cloud_date(attempt), at=attempt)


def _first_attempt(expires_at: datetime, account: Account) -> datetime:
    day = cloud_date(expires_at) - account.deduction_days_before * ONE_DAY
    return datetime.combine(day, ATTEMPT)


def _next_attempt(first: datetime, *, at: datetime) -> datetime:
    """The first attempt, or the next daily one that is still to come (R21)."""
    return first if at < first else first + ((at - first) // ONE_DAY + 1) * ONE_DAY
