"""A model of the store: what the engine uses of its ports, in memory, a hundred times as fast.

It keeps the contract tests that the SQL stores keep, and a life on it is the same life as on
SQLite, event by event (`test_model.py`). Committed tables are never altered: a transaction works
on copies and swaps them in, a read keeps those that it began with, and a power cut puts earlier
ones back. A new table is a field of `Tables` and a class over it, an attribute of the transaction.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta
from threading import Lock
from types import MappingProxyType
from typing import Any, NamedTuple

from bot.billing.account import Account, account_named
from bot.billing.delegation import Delegation
from bot.billing.renewal import CLOUD_ZONE, anchor
from bot.billing.subscription import AccountName, Kind, Status, Subscription, SubscriptionKey
from bot.facts.erased import ERASED
from bot.ports.record import Personal
from bot.ports.store import (
    ArmedReminder,
    AuditEntry,
    AuditHead,
    ChangedMeanwhile,
    Delivery,
    DeliveryState,
    Lane,
    ReminderState,
    moved,
)
from tests.proof.memory_delegations import MemoryDelegations
from tests.proof.memory_requests import Kept, MemoryRequests

FINISHED = frozenset(
    {
        DeliveryState.SENT,
        DeliveryState.UNCONFIRMED,
        DeliveryState.UNDELIVERABLE,
        DeliveryState.CANCELLED,
    }
)
TOLD = frozenset({ReminderState.SENT, ReminderState.LATE, ReminderState.MISSED})
SETTLED_BY_PEOPLE = frozenset({ReminderState.KEPT, ReminderState.SNOOZED, ReminderState.CANCELLED})
REMEMBERED = timedelta(days=1)
GROUPED = frozenset({Kind.QUOTA, Kind.PACKAGE})

Pair = tuple[str, str]
"""A reminder's id and destination."""


class Known(NamedTuple):
    """A subscription with what the catalogue derives and remembers of it."""

    subscription: Subscription
    anchor_at: datetime | None
    since: datetime
    gone: bool = False

    @property
    def is_live(self) -> bool:
        return not self.gone and self.subscription.status is not Status.UNSUBSCRIBED


class Owed(NamedTuple):
    """A delivery with when it may be claimed and swept, and its place in the order."""

    delivery: Delivery
    place: int
    work_at: datetime | None
    sweep_at: datetime | None = None

    @property
    def in_stream(self) -> tuple[int, int]:
        return self.delivery.sequence, self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Everything that is kept of a workspace at one moment."""

    subscriptions: MutableMapping[SubscriptionKey, Known] = field(default_factory=dict)
    accounts_read: MutableMapping[AccountName, datetime] = field(default_factory=dict)
    reminders: MutableMapping[Pair, ArmedReminder] = field(default_factory=dict)
    unplanned: MutableMapping[SubscriptionKey, None] = field(default_factory=dict)
    deliveries: MutableMapping[str, Owed] = field(default_factory=dict)
    pacing: MutableMapping[str, datetime] = field(default_factory=dict)
    keys: MutableMapping[str, str] = field(default_factory=dict)
    notes: MutableMapping[str, Mapping[str, object]] = field(default_factory=dict)
    seen: MutableMapping[str, datetime] = field(default_factory=dict)
    record: MutableMapping[int, Mapping[str, object]] = field(default_factory=dict)
    requests: MutableMapping[int, Kept] = field(default_factory=dict)
    numbers: MutableMapping[str, int] = field(default_factory=dict)
    delegations: MutableMapping[str, Delegation] = field(default_factory=dict)

    def copied(self, how: Callable[[Any], Any]) -> "Tables":
        """Every table once more, as `how` makes it."""
        return Tables(**{name: how(getattr(self, name)) for name in _NAMES})


_NAMES = tuple(each.name for each in fields(Tables))


class MemoryTransaction:
    """Everything of one workspace, over tables that are its own or may only be read."""

    def __init__(self, tables: Tables, accounts: Mapping[AccountName, Account]) -> None:
        self.catalogue = MemoryCatalogue(tables, accounts)
        self.reminders = MemoryReminders(tables)
        self.outbox = MemoryOutbox(tables)
        self.notes = MemoryNotes(tables)
        self.audit = MemoryAudit(tables)
        self.requests = MemoryRequests(tables.requests, tables.numbers, keyed=self.outbox.keyed)
        self.pacing = MemoryPacing(tables)
        self.delegations = MemoryDelegations(tables.delegations)


class MemoryStore:
    """The Store port; one writer at a time, as in SQLite."""

    def __init__(self, accounts: Mapping[AccountName, Account]) -> None:
        self.accounts = dict(accounts)
        self._writes = Lock()
        self.restore(Tables())

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        """A write transaction: swapped in at the end of the block, dropped on an exception."""
        with self._writes:
            tables = self.committed.copied(dict)
            yield MemoryTransaction(tables, self.accounts)
            self.restore(tables)

    def give_way(self) -> None:
        """Nobody waits."""

    def reading(self) -> AbstractContextManager[MemoryTransaction]:
        """A consistent read; writing in it is a TypeError."""
        return nullcontext(self._reader)

    def restore(self, tables: Tables) -> None:
        """What is committed is this, from now on."""
        self.committed = tables.copied(MappingProxyType)
        self._reader = MemoryTransaction(self.committed, self.accounts)


class MemoryCatalogue:
    """What arming and composing use of the catalogue."""

    def __init__(self, tables: Tables, accounts: Mapping[AccountName, Account]) -> None:
        self._rows = tables.subscriptions
        self._read_at = tables.accounts_read
        self._unplanned = tables.unplanned
        self._accounts = accounts

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Everything is at hand."""

    def hold(self, keys: Collection[SubscriptionKey]) -> None:
        """There is one writer."""

    def get(self, key: SubscriptionKey) -> Subscription | None:
        known = self._rows.get(key)
        return known.subscription if known else None

    def named(self, id: str) -> Sequence[Subscription]:  # noqa: A002 - the port's word
        return [known.subscription for key, known in sorted(self._rows.items()) if key.id == id]

    def near(self, _text: str) -> Sequence[Subscription]:
        """Nothing is spelled alike here."""
        return ()

    def anchored(self, *, start: datetime, end: datetime) -> Iterator[Subscription]:
        found = self._between(start, end)
        return iter(self.soonest(start=start, end=end, limit=len(found)))

    def anchored_keys(self, *, start: datetime, end: datetime) -> Iterator[SubscriptionKey]:
        return (each.key for each in self.anchored(start=start, end=end))

    def unplanned(self, *, limit: int) -> Sequence[SubscriptionKey]:
        return sorted(self._unplanned)[:limit]

    def unplan(self, keys: Collection[SubscriptionKey]) -> None:
        self._unplanned.update(dict.fromkeys(keys))

    def planned(self, keys: Collection[SubscriptionKey]) -> None:
        for key in keys:
            del self._unplanned[key]

    def soonest(self, *, start: datetime, end: datetime, limit: int = 10) -> Sequence[Subscription]:
        found = self._between(start, end)
        found.sort(key=lambda each: (each.anchor_at, each.subscription.key))
        return [each.subscription for each in found[:limit]]

    def put(self, subscriptions: Collection[Subscription], *, at: datetime) -> None:
        for each in {each.key: each for each in subscriptions}.values():
            known = self._rows.get(each.key)
            since = at if known is None or known.gone else known.since
            self._rows[each.key] = Known(each, self._anchor(each, at=at), since)
            self._unplanned[each.key] = None
            self.mark_read(each.key.account, at=at)

    def mark_gone(self, keys: Collection[SubscriptionKey], *, at: datetime) -> None:
        for key in self._rows.keys() & set(keys):
            self._rows[key] = self._rows[key]._replace(gone=True)
            self._unplanned[key] = None

    def is_gone(self, key: SubscriptionKey) -> bool:
        known = self._rows.get(key)
        return known is not None and known.gone

    def mark_read(self, account: AccountName, *, at: datetime) -> None:
        self._read_at[account] = at

    def read_at(self, account: AccountName) -> datetime | None:
        return self._read_at.get(account)

    def all(self) -> Iterator[Subscription]:
        return iter(
            [self._rows[key].subscription for key in sorted(self._rows) if not self.is_gone(key)]
        )

    def date_passed(self, *, at: datetime, limit: int) -> int:
        passed = [
            known
            for known in self._rows.values()
            if known.is_live and known.anchor_at is not None and known.anchor_at < at
        ]
        self.date_anew([known.subscription.key for known in passed[:limit]], at=at)
        return len(passed[:limit])

    def date_anew(self, keys: Collection[SubscriptionKey], *, at: datetime) -> None:
        for known in [self._rows[key] for key in keys]:
            each = known.subscription
            self._rows[each.key] = known._replace(anchor_at=self._anchor(each, at=at))
            self._unplanned[each.key] = None

    def known_since(self, key: SubscriptionKey) -> datetime | None:
        known = self._rows.get(key)
        return known.since if known else None

    def group(self, account: AccountName, region: str | None) -> Sequence[Subscription]:
        return [
            each
            for each in self.all()
            if (each.key.account, each.region) == (account, region)
            and each.kind in GROUPED
            and each.status is not Status.UNSUBSCRIBED
        ]

    def parts(self, mains: Collection[SubscriptionKey]) -> Sequence[Subscription]:
        wanted = {(key.account, key.id) for key in mains}
        return [each for each in self.all() if (each.key.account, each.parent_id) in wanted]

    def _between(self, start: datetime, end: datetime) -> list[Known]:
        return [
            known
            for known in self._rows.values()
            if known.is_live and known.anchor_at is not None and start <= known.anchor_at < end
        ]

    def _anchor(self, subscription: Subscription, *, at: datetime) -> datetime | None:
        """When it comes; a notice, which has only a date, at the end of that date."""
        what = anchor(subscription, account_named(subscription.key.account, self._accounts), at=at)
        if what is None or what.at is not None:
            return what.at if what else None
        return datetime.combine(what.date, time(23, 59, 59), CLOUD_ZONE)


class MemoryReminders:
    """The rows of reminders, all but what only lists show."""

    def __init__(self, tables: Tables) -> None:
        self._rows = tables.reminders
        self._deliveries = tables.deliveries

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Everything is at hand."""

    def arm(self, reminders: Collection[ArmedReminder]) -> int:
        wanted = {(each.id, each.destination): each for each in reminders}
        fresh = wanted.keys() - self._rows.keys()
        for pair, each in wanted.items():
            if pair in fresh:
                self._rows[pair] = each
            elif each.state is ReminderState.ARMED:
                self._rows[pair] = _moved(self._rows[pair], each)
        return len(fresh)

    def disarm(self, ids: Collection[Pair], *, reason: str) -> int:
        known = [(pair, self._rows[pair]) for pair in ids if pair in self._rows]
        lost = [
            (pair, row)
            for pair, row in known
            if row.state is ReminderState.ARMED and not self._is_on_its_way(row)
        ]
        for pair, row in lost:
            self._rows[pair] = replace(row, state=ReminderState.CANCELLED, reason=reason)
        return len(lost)

    def due(
        self,
        *,
        now: datetime,
        limit: int,
        most: int | None = None,
        without: Collection[str] = (),
    ) -> Sequence[ArmedReminder]:
        by_destination = self._due_by_destination(now)
        few = [
            rows
            for destination, rows in by_destination.items()
            if destination not in without and (most is None or len(rows) <= most)
        ]
        first_come = sorted(few, key=lambda rows: (rows[0].due_at, rows[0].destination))
        chosen: list[ArmedReminder] = []
        for rows in first_come:
            if len(chosen) >= limit:
                break
            chosen += rows
        return chosen

    def crowds(self, *, now: datetime, most: int) -> Sequence[str]:
        found = self._due_by_destination(now)
        return sorted(destination for destination, rows in found.items() if len(rows) > most)

    def waiting(
        self, *, until: datetime, destination: str | None = None
    ) -> Iterator[ArmedReminder]:
        rows = [
            row
            for row in self._rows.values()
            if _is_open(row, until) and destination in {None, row.destination}
        ]
        return iter(sorted(rows, key=_by_id))

    def count_waiting(self) -> int:
        return sum(map(_is_open, self._rows.values()))

    def bundle(self, ids: Collection[Pair], *, delivery_id: str) -> None:
        for pair in ids:
            row = self._rows.get(pair)
            if row is None or not _is_open(row):
                raise ChangedMeanwhile
            self._rows[pair] = replace(row, delivery_id=delivery_id)

    def take(
        self, ids: Collection[Pair], *, due_until: datetime, delivery_id: str
    ) -> Collection[Pair]:
        free = {
            pair for pair in ids if pair in self._rows and _is_open(self._rows[pair], due_until)
        }
        self.bundle(free, delivery_id=delivery_id)
        return free

    def release(self, delivery_id: str, *, most: int | None = None) -> int:
        carried = [row for row in self.carried_by(delivery_id) if row.state is ReminderState.ARMED]
        for row in carried[:most]:
            self._rows[row.id, row.destination] = replace(row, delivery_id=None)
        return len(carried[:most])

    def carried_by(self, delivery_id: str) -> Sequence[ArmedReminder]:
        return self._read(lambda row: row.delivery_id == delivery_id)

    def streamed_by(self, delivery_id: str) -> Iterator[ArmedReminder]:
        rows = self.carried_by(delivery_id)
        return iter(sorted((row for row in rows if row.state is ReminderState.ARMED), key=_by_id))

    def told_by(
        self, delivery_id: str, *, armed: bool, skip: int = 0, limit: int | None = None
    ) -> Iterator[ArmedReminder]:
        nearest: dict[tuple[date, SubscriptionKey], ArmedReminder] = {}
        for row in sorted(
            self.carried_by(delivery_id), key=lambda each: (each.reminder.lead_days, each.id)
        ):
            told = row.state is ReminderState.ARMED
            if told or not (armed or row.state is ReminderState.CANCELLED):
                about = row.reminder.anchor.date, row.reminder.subscription
                nearest.setdefault(about, row)
        end = None if limit is None else skip + limit
        return iter([nearest[about] for about in sorted(nearest)[skip:end]])

    def count_told_by(self, delivery_id: str, *, armed: bool) -> int:
        return len(list(self.told_by(delivery_id, armed=armed)))

    def settle(
        self,
        delivery_id: str,
        *,
        state: ReminderState,
        at: datetime | None,
        reason: str = "",
        most: int | None = None,
    ) -> int:
        facts: dict[str, Any] = {"state": state, "reason": reason}
        if state in TOLD:
            facts["sent_at"] = at
        unlike = [
            row
            for row in self.carried_by(delivery_id)
            if row.state not in SETTLED_BY_PEOPLE and replace(row, **facts) != row
        ]
        for row in unlike[:most]:
            self._rows[row.id, row.destination] = replace(row, **facts)
        return len(unlike[:most])

    def move(self, delivery_id: str, *, to: str, reason: str, most: int | None = None) -> int:
        carried = self.carried_by(delivery_id)
        found = [row for row in carried if row.state not in SETTLED_BY_PEOPLE][:most]
        facts: dict[str, Any] = {"state": ReminderState.CANCELLED, "reason": reason}
        for row in found:
            self._rows[row.id, row.destination] = replace(row, **facts)
        self.arm([moved(row, to=to, reason=reason) for row in found])
        return len(found)

    def set_state(self, ids: Collection[str], *, state: ReminderState, reason: str) -> None:
        for pair, row in list(self._rows.items()):
            if row.id in ids:
                self._rows[pair] = replace(row, state=state, reason=reason)

    def of(self, key: SubscriptionKey, anchor_date: str | None = None) -> Sequence[ArmedReminder]:
        return self._read(
            lambda row: (
                row.reminder.subscription == key
                and anchor_date in {None, row.reminder.anchor.date.isoformat()}
            )
        )

    def listed(
        self, *, until: datetime | None, states: Collection[ReminderState]
    ) -> Iterator[ArmedReminder]:
        yield from self._read(
            lambda row: row.state in states and (until is None or row.due_at <= until)
        )

    def next_due(self) -> datetime | None:
        return min((row.due_at for row in self._rows.values() if _is_open(row)), default=None)

    def _due_by_destination(self, now: datetime) -> Mapping[str, list[ArmedReminder]]:
        due = sorted((row for row in self._rows.values() if _is_open(row, now)), key=_in_order)
        found: dict[str, list[ArmedReminder]] = {}
        for row in due:
            found.setdefault(row.destination, []).append(row)
        return found

    def _is_on_its_way(self, row: ArmedReminder) -> bool:
        owed = self._deliveries.get(row.delivery_id) if row.delivery_id else None
        return owed is not None and owed.delivery.started_at is not None

    def _read(self, wanted: Callable[[ArmedReminder], bool]) -> list[ArmedReminder]:
        return sorted((row for row in self._rows.values() if wanted(row)), key=_in_order)


class MemoryOutbox:
    """Deliveries with their leases and fences."""

    def __init__(self, tables: Tables) -> None:
        self._rows = tables.deliveries
        self._ids = tables.keys

    def owe(self, delivery: Delivery) -> bool:
        if delivery.key in self._ids:
            return False
        self._ids[delivery.key] = delivery.id
        self._rows[delivery.id] = Owed(delivery, len(self._rows) + 1, work_at=delivery.due_at)
        return True

    def claim(
        self, *, now: datetime, lease_until: datetime, limit: int, lane: Lane | None = None
    ) -> Sequence[Delivery]:
        first: dict[str, Owed] = {}
        for each in self._rows.values():
            known = first.get(each.delivery.stream)
            if each.work_at is not None and (known is None or each.in_stream < known.in_stream):
                first[each.delivery.stream] = each
        due = [
            each
            for each in first.values()
            if each.work_at is not None
            and each.work_at <= now
            and lane in {None, _lane(each.delivery)}
        ]
        due.sort(key=lambda each: (each.work_at, each.place))
        claimed = [
            each._replace(
                delivery=replace(each.delivery, fence=each.delivery.fence + 1), work_at=lease_until
            )
            for each in due[:limit]
        ]
        self._rows.update((each.delivery.id, each) for each in claimed)
        claimed.sort(key=lambda each: (each.delivery.due_at, each.place))
        return [each.delivery for each in claimed]

    def postpone(self, delivery: Delivery, *, until: datetime) -> None:
        held = self._held(delivery)
        if held is not None:
            waiting = replace(held.delivery, slot_at=until)
            self._rows[delivery.id] = held._replace(delivery=waiting, work_at=until)

    def renew(self, delivery: Delivery, *, until: datetime) -> bool:
        held = self._held(delivery)
        if held is not None:
            self._rows[delivery.id] = held._replace(work_at=until)
        return held is not None

    def begin(self, delivery: Delivery, *, at: datetime) -> Delivery | None:
        held = self._held(delivery)
        if held is None:
            return None
        known = held.delivery
        begun = replace(
            known,
            state=DeliveryState.SENDING,
            attempt=known.attempt + 1,
            started_at=at,
            first_at=known.first_at or at,
        )
        self._rows[delivery.id] = held._replace(delivery=begun)
        return begun

    def settle(
        self,
        delivery: Delivery,
        *,
        state: DeliveryState,
        at: datetime,
        channel: str | None = None,
        ts: str | None = None,
        error: str | None = None,
        again_at: datetime | None = None,
        sweep_at: datetime | None = None,
    ) -> bool:
        held = self._held(delivery)
        if held is None:
            return False
        facts: dict[str, Any] = {"state": state, "error": error}
        if sweep_at is not None:
            facts["sweep_until"] = sweep_at
        if state is DeliveryState.SENT:
            facts |= {"sent_at": at, "channel": channel, "ts": ts}
        if state is DeliveryState.CANCELLED:
            facts["sent_at"] = at
        if state is DeliveryState.PENDING:
            facts["started_at"] = None
        if state is DeliveryState.UNKNOWN:
            facts["started_at"] = delivery.started_at
        self._rows[delivery.id] = held._replace(
            delivery=replace(held.delivery, **facts),
            work_at=None if state in FINISHED else again_at or at,
            sweep_at=sweep_at or held.sweep_at,
        )
        return True

    def waiting(self, destination: str) -> Sequence[Delivery]:
        found = [
            each
            for each in self._rows.values()
            if (each.delivery.state, each.delivery.destination)
            == (DeliveryState.PENDING, destination)
            and each.delivery.update_of is None
        ]
        return [each.delivery for each in sorted(found, key=lambda each: each.place)]

    def withdraw(
        self, delivery_id: str, *, at: datetime, error: str, sweep_at: datetime | None = None
    ) -> bool:
        held = self._rows[delivery_id]
        known = held.delivery
        if known.state is not DeliveryState.PENDING:
            return False
        cancelled = replace(
            known,
            state=DeliveryState.CANCELLED,
            error=error,
            fence=known.fence + 1,
            sent_at=at,
            sweep_until=sweep_at or known.sweep_until,
        )
        self._rows[delivery_id] = Owed(
            cancelled, held.place, work_at=None, sweep_at=sweep_at or held.sweep_at
        )
        return True

    def sweep(self, delivery_id: str, *, at: datetime, by: datetime) -> None:
        held = self._rows[delivery_id]
        known = held.sweep_at
        later = known if known and at <= known <= by else at
        self._rows[delivery_id] = held._replace(
            delivery=replace(held.delivery, sweep_until=at), sweep_at=later
        )

    def claim_sweeps(self, *, now: datetime, again_at: datetime, limit: int) -> Sequence[Delivery]:
        due = [each for each in self._rows.values() if each.sweep_at and each.sweep_at <= now]
        due.sort(key=lambda each: (each.sweep_at, each.place))
        for each in due[:limit]:
            self._rows[each.delivery.id] = each._replace(sweep_at=again_at)
        return [each.delivery for each in sorted(due[:limit], key=lambda each: each.place)]

    def swept(
        self,
        delivery: Delivery,
        *,
        ts: str | None,
        next_at: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        row = self._rows[delivery.id]
        shown = replace(row.delivery, ts=ts) if ts is not None else row.delivery
        if shown.sweep_until == delivery.sweep_until:
            shown = replace(shown, sweep_until=until or shown.sweep_until)
            row = row._replace(sweep_at=next_at)
        self._rows[delivery.id] = row._replace(delivery=shown)

    def next_sweep(self) -> datetime | None:
        return min((each.sweep_at for each in self._rows.values() if each.sweep_at), default=None)

    def superseded(self, delivery: Delivery) -> bool:
        this = self._rows[delivery.id]
        return delivery.update_of is not None and any(
            each.delivery.update_of == delivery.update_of
            and each.delivery.state not in FINISHED
            and each.in_stream > this.in_stream
            for each in self._rows.values()
        )

    def get(self, delivery_id: str) -> Delivery | None:
        row = self._rows.get(delivery_id)
        return row.delivery if row else None

    def keyed(self, key: str) -> Delivery | None:
        id_ = self._ids.get(key)
        return self._rows[id_].delivery if id_ else None

    def next_due(self) -> datetime | None:
        return min((each.work_at for each in self._rows.values() if each.work_at), default=None)

    def next_waiting(self) -> datetime | None:
        waiting = (
            each
            for each in self._rows.values()
            if each.delivery.attempt > 0 or each.delivery.slot_at is not None
        )
        return min((each.work_at for each in waiting if each.work_at), default=None)

    def counts(self) -> Mapping[DeliveryState, int]:
        states = [each.delivery.state for each in self._rows.values()]
        return {state: states.count(state) for state in DeliveryState}

    def _held(self, delivery: Delivery) -> Owed | None:
        """The row, for the holder of the newest fence while it is unfinished."""
        row = self._rows.get(delivery.id)
        valid = row is not None and row.work_at is not None
        return row if valid and row.delivery.fence == delivery.fence else None


class MemoryNotes:
    """Small facts, and the events that were seen within a day."""

    def __init__(self, tables: Tables) -> None:
        self._notes = tables.notes
        self._seen = tables.seen

    def look_up(self, names: Collection[str]) -> None:
        """Everything is at hand."""

    def get(self, name: str) -> Mapping[str, object] | None:
        return self._notes.get(name)

    def held(self, name: str) -> Mapping[str, object]:
        return self._notes.get(name) or {}

    def put(self, name: str, value: Mapping[str, object]) -> None:
        self._notes[name] = dict(value)

    def forget(self, person: str) -> None:
        for name, value in self._notes.items():
            if value.get("by") == person:
                self._notes[name] = {**value, "by": ERASED}

    def seen(self, event: str, *, at: datetime) -> bool:
        for old in [each for each, when in self._seen.items() if when < at - REMEMBERED]:
            del self._seen[old]
        new = event not in self._seen
        self._seen.setdefault(event, at)
        return new


class MemoryAudit:
    """The record, without its chain."""

    def __init__(self, tables: Tables) -> None:
        self._lines = tables.record

    def append(
        self,
        *,
        at: datetime,
        actor: str | Personal,
        action: str,
        subject: str,
        facts: Mapping[str, object],
    ) -> None:
        who = actor.value if isinstance(actor, Personal) else actor
        line = {"at": at, "actor": who, "action": action, "subject": subject, "facts": facts}
        self._lines[len(self._lines) + 1] = line

    def entries(self, subject: str | None = None) -> Iterator[AuditEntry]:
        for number, line in list(self._lines.items()):
            if subject in {None, line["subject"]}:
                facts: Any = line
                yield AuditEntry(number=number, digest="", **facts)

    def turned_off(self) -> Iterator[AuditEntry]:
        found = [each for each in self.entries() if each.action == "autorenew.off"]
        yield from sorted(found, key=lambda each: (each.subject, each.number))

    def head(self) -> AuditHead:
        return AuditHead(len(self._lines), "")


class MemoryPacing:
    """When a bucket is free again."""

    def __init__(self, tables: Tables) -> None:
        self._free_at = tables.pacing

    def free_at(self, name: str) -> datetime | None:
        return self._free_at.get(name)

    def set_free_at(self, name: str, at: datetime) -> None:
        self._free_at[name] = at


def _lane(delivery: Delivery) -> Lane:
    if delivery.update_of is not None:
        return Lane.UPDATE
    begun = delivery.state in {DeliveryState.SENDING, DeliveryState.UNKNOWN}
    return Lane.LOOK if begun else Lane.POST


def _moved(known: ArmedReminder, wanted: ArmedReminder) -> ArmedReminder:
    """The row after arming it once more: moved while armed, armed again when never sent."""
    moved = known.state is ReminderState.ARMED and known.due_at != wanted.due_at
    silent = known.state is ReminderState.SNOOZED and known.delivery_id is None
    revived = (silent or known.state is ReminderState.CANCELLED) and known.sent_at is None
    if not moved and not revived:
        return known
    return replace(
        known,
        reminder=wanted.reminder,
        due_at=wanted.due_at,
        state=wanted.state,
        reason=wanted.reason,
        delivery_id=None if revived else known.delivery_id,
    )


def _is_open(row: ArmedReminder, now: datetime | None = None) -> bool:
    """Armed and in no delivery yet; due as well when an instant is given."""
    waits = row.state is ReminderState.ARMED and row.delivery_id is None
    return waits and (now is None or row.due_at <= now)


def _by_id(row: ArmedReminder) -> Pair:
    return row.id, row.destination


def _in_order(row: ArmedReminder) -> tuple[datetime, str, str]:
    return row.due_at, row.id, row.destination
