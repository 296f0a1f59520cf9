"""Listing: pages of the catalogue, one subscription with its ways out, the deductions ahead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Any

from bot.billing.account import ExecuteMode
from bot.billing.change import Change
from bot.billing.days import cloud_date
from bot.billing.edition import current_edition, is_live_quota
from bot.billing.money import Money, sums
from bot.billing.renewal import (
    CLOUD_ZONE,
    Anchor,
    AnchorKind,
    anchor,
    deductions,
)
from bot.billing.subscription import Edition, Kind, Status, Subscription
from bot.billing.ways_out import ways_out
from bot.billing.working_days import last_working_day
from bot.facts.listing import (
    CurrencySum,
    HistoryLine,
    ListPage,
    ListRow,
    NearestFilter,
    Shown,
    Upcoming,
    UpcomingDay,
    UpcomingRow,
)
from bot.ports.clock import Clock
from bot.ports.store import PAGE, ListQuery, Page, Store, Transaction
from bot.services.errors import DaysOutOfRange
from bot.services.finding import account_of, expected_amount, find
from bot.services.planning import GROUPED
from bot.services.policy import Policy

SECMASTER = "SecMaster"
MOST_DAYS = 366
FURTHEST = timedelta(days=10 * MOST_DAYS)

_ENDED = frozenset({Status.UNSUBSCRIBED, Status.EXPIRED, Status.FAILED})
_FILTERS = ("service", "account", "region")


_BESIDE = ("cloud.", "click.")
"""Lines that are about how something was done, or that nothing was."""


class Listing:
    """Answers what people and programs ask about the catalogue; changes nothing."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    def page(self, query: ListQuery) -> ListPage:
        """One page of ten, nearest anchor first; a page beyond the last counted one is that."""
        now = self._clock.now()
        with self._store.reading() as tx:
            found = _clamped(tx, query)
            rows = tuple(
                self._row(tx, each, number=number, now=now)
                for number, each in enumerate(found.rows, start=found.number)
            )
        return ListPage(
            rows=rows,
            count=found.count,
            more=found.more,
            page=-(-found.number // PAGE),
            previous=found.previous,
            next=found.next,
            now=now,
        )

    def find(self, ref: str) -> Subscription:
        """The subscription that `id` or `account/id` names.

        Raises UnknownSubscription and AmbiguousId.
        """
        with self._store.reading() as tx:
            return find(tx, ref)

    def show(self, ref: str) -> Shown:
        """One subscription with its ways out compared; raises what `find` raises."""
        now = self._clock.now()
        with self._store.reading() as tx:
            held = find(tx, ref)
            account = account_of(self._store, held.key.account)
            group = _group(tx, held)
            ahead = anchor(held, account, at=now)
            ways = ways_out(held, account, at=now)
            return Shown(
                subscription=held,
                account=account,
                anchor=ahead,
                amount=self._amount(held, ahead),
                current_edition=edition_of(held, group),
                ways=ways.ways,
                because=ways.because,
                packages=_packages(held, group),
                quota=_quota(held, group),
                open_request=tx.requests.open_with(held.key),
                read_at=tx.catalogue.read_at(held.key.account),
                last_working_day=self._working_day(ahead) if ahead else None,
                dry_run=account.execute is ExecuteMode.DRY_RUN,
                now=now,
                off_by_request=self._policy.needing_approval.of(Change.RENEWAL_OFF),
            )

    def upcoming(self, days: int) -> Upcoming:
        """The deductions and notices until the end of the day `days` from today, GMT+08:00.

        Raises DaysOutOfRange outside of 1 to 366.
        """
        if not 1 <= days <= MOST_DAYS:
            raise DaysOutOfRange
        now = self._clock.now()
        until = cloud_date(now) + timedelta(days=days)
        end = datetime.combine(until + timedelta(days=1), time(), CLOUD_ZONE)
        with self._store.reading() as tx:
            found = self._between(tx, start=now, end=end)
            next_after = None if found else self._first_after(tx, end)
        deducted = [row for day in found if _is_deducted(day) for row in day.rows]
        known = [row.amount for row in deducted if row.amount is not None]
        return Upcoming(
            days=found,
            sums=CurrencySum.of(known),
            notices=sum(len(day.rows) for day in found if not _is_deducted(day)),
            unknown=len(deducted) - len(known),
            until=until,
            span=days,
            next_after=next_after,
            now=now,
        )

    def suggestions(self, text: str) -> tuple[Subscription, ...]:
        """The ten nearest in spelling; before anything is typed the ten nearest anchors."""
        typed = text.strip()
        with self._store.reading() as tx:
            if not typed:
                return tx.catalogue.page(ListQuery()).rows
            near = tx.catalogue.near(typed, limit=PAGE)
        return tuple(each for each in near if each.status is not Status.UNSUBSCRIBED)

    def nearest(self, query: ListQuery) -> NearestFilter | None:
        """A filter spelled like the one that finds nothing, and how many it finds."""
        with self._store.reading() as tx:
            for field in _FILTERS:
                wanted = getattr(query, field)
                if wanted is None:
                    continue
                near = _nearest(wanted, tx.catalogue.values(field))
                if near is not None:
                    return _filter(tx, field, near)
            services = tx.catalogue.values("service") if query.words else ()
            near = next(filter(None, (_nearest(word, services) for word in query.words)), None)
            return _filter(tx, "service", near) if near else None

    def history(self, ref: str) -> tuple[HistoryLine, ...]:
        """What was done about a subscription, oldest first; raises what `find` raises."""
        with self._store.reading() as tx:
            held = find(tx, ref)
            return tuple(
                HistoryLine(at=entry.at, actor=entry.actor, action=entry.action, facts=entry.facts)
                for entry in tx.audit.entries(str(held.key))
                if not entry.action.startswith(_BESIDE)
            )

    def _row(
        self, tx: Transaction, subscription: Subscription, *, number: int, now: datetime
    ) -> ListRow:
        account = account_of(self._store, subscription.key.account)
        ahead = anchor(subscription, account, at=now)
        request = tx.requests.open_with(subscription.key)
        return ListRow(
            number=number,
            subscription=subscription,
            anchor=ahead,
            amount=self._amount(subscription, ahead),
            open_request=request.number if request else None,
            open_state=request.state if request else None,
            package_of=_quota(subscription, _group(tx, subscription)),
        )

    def _amount(self, subscription: Subscription, ahead: Anchor | None) -> Money | None:
        if ahead is None or ahead.kind is AnchorKind.EXPIRY:
            return None
        return expected_amount(subscription, account_of(self._store, subscription.key.account))

    def _working_day(self, ahead: Anchor) -> date:
        return last_working_day(ahead.date, countries=self._policy.holidays)

    def _between(
        self, tx: Transaction, *, start: datetime, end: datetime
    ) -> tuple[UpcomingDay, ...]:
        """Everything that is deducted or to be announced in [start, end), by instant."""
        days: dict[Anchor, list[Subscription]] = {}
        for each in tx.catalogue.anchored(start=start, end=end):
            for ahead in self._ahead(each, start=start, end=end):
                days.setdefault(ahead, []).append(each)
        return tuple(self._day(ahead, days[ahead]) for ahead in sorted(days, key=_when))

    def _ahead(
        self, subscription: Subscription, *, start: datetime, end: datetime
    ) -> Sequence[Anchor]:
        account = account_of(self._store, subscription.key.account)
        first = anchor(subscription, account, at=start)
        if first is not None and first.kind is AnchorKind.NOTICE:
            return (first,)
        return deductions(subscription, account, start=start, end=end)

    def _day(self, ahead: Anchor, subscriptions: Sequence[Subscription]) -> UpcomingDay:
        rows = tuple(
            UpcomingRow(
                subscription=each,
                amount=expected_amount(each, account_of(self._store, each.key.account)),
            )
            for each in sorted(subscriptions, key=_together)
        )
        known = [row.amount for row in rows if row.amount is not None]
        return UpcomingDay(
            anchor=ahead,
            last_working_day=self._working_day(ahead),
            rows=rows,
            sums=tuple(sums(known).values()),
        )

    def _first_after(self, tx: Transaction, end: datetime) -> UpcomingDay | None:
        """The first deduction from `end` on, looked for in ever longer spans."""
        span = timedelta(days=MOST_DAYS)
        start, last = end, end + FURTHEST
        while start < last:
            found = self._between(tx, start=start, end=start + span)
            deducted = next((day for day in found if _is_deducted(day)), None)
            if deducted is not None:
                return deducted
            start += span
        return None


def edition_of(subscription: Subscription, group: Sequence[Subscription]) -> Edition | None:
    """The current edition of a subscription's account and region; None if it is not SecMaster."""
    if subscription.service != SECMASTER:
        return None
    return current_edition(group)


def _clamped(tx: Transaction, query: ListQuery) -> Page:
    found = tx.catalogue.page(query)
    if found.rows or not found.count:
        return found
    last = -(-found.count // PAGE)
    return tx.catalogue.page(replace(query, page=last, after=None, before=None))


def _group(tx: Transaction, subscription: Subscription) -> Sequence[Subscription]:
    if subscription.kind not in GROUPED:
        return ()
    return tx.catalogue.group(subscription.key.account, subscription.region)


def _packages(
    subscription: Subscription, group: Sequence[Subscription]
) -> tuple[Subscription, ...]:
    if subscription.kind is not Kind.QUOTA:
        return ()
    return tuple(e for e in group if e.kind is Kind.PACKAGE and e.status not in _ENDED)


def _quota(subscription: Subscription, group: Sequence[Subscription]) -> Subscription | None:
    if subscription.kind is not Kind.PACKAGE:
        return None
    return next((each for each in group if is_live_quota(each)), None)


def _is_deducted(day: UpcomingDay) -> bool:
    return day.anchor.kind is AnchorKind.DEDUCTION


def _when(ahead: Anchor) -> tuple[object, ...]:
    return (ahead.date, ahead.at is not None, ahead.at or datetime.min.replace(tzinfo=CLOUD_ZONE))


def _together(subscription: Subscription) -> tuple[object, ...]:
    """A group stands together, its quota before its packages."""
    key = subscription.key
    grouped = subscription.kind in GROUPED
    return (
        key.account,
        subscription.region or "",
        not grouped,
        subscription.kind is not Kind.QUOTA,
        subscription.label,
        key.id,
    )


def _nearest(wanted: str, values: Sequence[str]) -> str | None:
    alike = {value.lower(): value for value in values}
    near = get_close_matches(wanted.lower(), alike, n=1)
    return alike[near[0]] if near else None


def _filter(tx: Transaction, field: str, value: str) -> NearestFilter:
    wanted: dict[str, Any] = {field: value}
    found = tx.catalogue.page(ListQuery(**wanted))
    return NearestFilter(field=field, value=value, count=found.count, more=found.more)
