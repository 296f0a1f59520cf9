"""Rows of reminders that are within the horizon or past it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.dml import Update

from bot.billing.reminder import Reminder
from bot.billing.renewal import Anchor
from bot.billing.subscription import AccountName, SubscriptionKey
from bot.facts.reminding import Standing
from bot.ports.store import STANDINGS, ArmedReminder, ChangedMeanwhile, ReminderState, moved
from storage import tables
from storage.rows import CHUNK, pieces
from storage.types import NEVER, Instant
from storage.work import Work, among

_TABLE = tables.reminders
_ROW = _TABLE.c
_SENT = tables.deliveries.c
_IN_ORDER = tuple(Standing)
_TOLD = frozenset({ReminderState.SENT, ReminderState.LATE, ReminderState.MISSED})
_ENDED = [each for each in STANDINGS if each not in {ReminderState.ARMED, ReminderState.KEPT}]
_SETTLED_BY_PEOPLE = (ReminderState.KEPT, ReminderState.SNOOZED, ReminderState.CANCELLED)


class SqlReminders:
    """Reminders of one workspace; id and destination together are unique."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._looked_up: dict[SubscriptionKey, list[ArmedReminder]] = {}

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Read many at once: `of` answers from it until a write."""
        self._looked_up = {key: [] for key in keys}
        for piece in pieces(keys):
            for each in self._read(among(_ROW.account, _ROW.subscription_id, piece)):
                self._looked_up[each.reminder.subscription].append(each)

    def arm(self, reminders: Collection[ArmedReminder]) -> int:
        """Enter new ones, move armed ones, arm again those cancelled before they were sent."""
        if not reminders:
            return 0
        self._looked_up = {}
        rows = {(each.id, each.destination): self._row(each) for each in reminders}
        insert = self._work.insert(_TABLE)
        new = self._work.connection.execute(
            insert.on_conflict_do_nothing().returning(_ROW.id, _ROW.destination),
            list(rows.values()),
        )
        fresh = {(row.id, row.destination) for row in new}
        known = [
            row
            for pair, row in rows.items()
            if pair not in fresh and row["state"] is ReminderState.ARMED
        ]
        if known:
            self._work.connection.execute(self._move(), known)
        return len(fresh)

    def disarm(self, ids: Collection[tuple[str, str]], *, reason: str) -> int:
        """Cancel (id, destination) pairs that are armed and not on their way; how many were."""
        self._looked_up = {}
        on_its_way = exists().where(
            _SENT.team_id == _ROW.team_id,
            _SENT.id == _ROW.delivery_id,
            _SENT.started_at.is_not(None),
        )
        these = among(_ROW.destination, _ROW.id, ((channel, ref) for ref, channel in ids))
        changed = self._work.connection.execute(
            update(_TABLE)
            .where(
                _ROW.team_id == self._work.team_id,
                these,
                _ROW.state == ReminderState.ARMED,
                ~on_its_way,
            )
            .values(state=ReminderState.CANCELLED, reason=reason)
        )
        return changed.rowcount

    def due(
        self,
        *,
        now: datetime,
        limit: int,
        most: int | None = None,
        without: Collection[str] = (),
    ) -> Sequence[ArmedReminder]:
        """Armed and due, not bundled: whole destinations, until `limit` is reached or passed.

        Replicas that write wait here for each other, so that no destination is shared out.
        """
        if self._work.writing and self._work.on_postgres:
            name = func.hashtext(f"bundle {self._work.team_id}")
            self._work.connection.execute(select(func.pg_advisory_xact_lock(name)))
        due = self._due(now)
        if without:
            due = and_(due, _ROW.destination.not_in(sorted(without)))
        chosen = self._first_destinations(due, limit=limit, most=most)
        if not chosen:
            return []
        query = select(_TABLE).where(due, _ROW.destination.in_(chosen))
        if self._work.writing:
            query = query.with_for_update(skip_locked=True)
        rows = self._work.connection.execute(query.order_by(_ROW.due_at, _ROW.id))
        place = {destination: index for index, destination in enumerate(chosen)}
        return sorted((_armed(row) for row in rows), key=lambda each: place[each.destination])

    def crowds(self, *, now: datetime, most: int) -> Sequence[str]:
        """Destinations where more than `most` are due and not bundled, by name."""
        query = (
            select(_ROW.destination)
            .where(self._due(now))
            .group_by(_ROW.destination)
            .having(func.count() > most)
            .order_by(_ROW.destination)
        )
        return self._work.connection.scalars(query).all()

    def waiting(
        self, *, until: datetime, destination: str | None = None
    ) -> Iterator[ArmedReminder]:
        """Armed and due until then, not bundled, by id, streamed: the database sorts them."""
        wanted = self._due(until)
        if destination is not None:
            wanted = and_(wanted, _ROW.destination == destination)
        in_order = (_sorted_by(_ROW.id), _ROW.destination)
        return self._streamed(select(_TABLE).where(wanted).order_by(*in_order))

    def count_waiting(self) -> int:
        """How many are armed and not bundled."""
        query = select(func.count()).select_from(_TABLE).where(self._due(NEVER))
        return self._work.connection.scalar(query) or 0

    def _first_destinations(
        self, due: ColumnElement[bool], *, limit: int, most: int | None
    ) -> list[str]:
        """Those that were due first, as many as hold `limit` rows; a million more cost nothing."""
        first = select(_ROW.destination, _ROW.due_at).where(due).order_by(_ROW.due_at)
        heads = first.limit(limit).subquery()
        in_order = self._work.connection.scalars(
            select(heads.c.destination)
            .group_by(heads.c.destination)
            .order_by(func.min(heads.c.due_at), heads.c.destination)
        ).all()
        counted = self._work.connection.execute(
            select(_ROW.destination, func.count().label("size"))
            .where(due, _ROW.destination.in_(in_order))
            .group_by(_ROW.destination)
        )
        sizes = {row.destination: row.size for row in counted}
        few = [each for each in in_order if most is None or sizes[each] <= most]
        held = accumulate((sizes[each] for each in few), initial=0)
        return [each for each, before in zip(few, held, strict=False) if before < limit]

    def bundle(self, ids: Collection[tuple[str, str]], *, delivery_id: str) -> None:
        """Tie them to a delivery; raises ChangedMeanwhile when one is no longer armed and free."""
        self._looked_up = {}
        by_destination: defaultdict[str, list[str]] = defaultdict(list)
        for ref, destination in ids:
            by_destination[destination].append(ref)
        tied = 0
        for destination, refs in sorted(by_destination.items()):
            for start in range(0, len(refs), CHUNK):
                values = {"team": self._work.team_id, "to": destination, "by": delivery_id}
                some = sorted(refs[start : start + CHUNK])
                tied += self._work.connection.execute(_TIE, {**values, "ids": some}).rowcount
        if tied != len(ids):
            raise ChangedMeanwhile

    def take(
        self, ids: Collection[tuple[str, str]], *, due_until: datetime, delivery_id: str
    ) -> Collection[tuple[str, str]]:
        """Tie those of them that are still armed, due and free; which ones they were."""
        self._looked_up = {}
        by_destination: defaultdict[str, list[str]] = defaultdict(list)
        for ref, destination in ids:
            by_destination[destination].append(ref)
        taken: set[tuple[str, str]] = set()
        for destination, refs in sorted(by_destination.items()):
            for start in range(0, len(refs), CHUNK):
                values = {"team": self._work.team_id, "to": destination, "by": delivery_id}
                some = {"ids": sorted(refs[start : start + CHUNK]), "until": due_until}
                found = self._work.connection.scalars(_TAKE, {**values, **some})
                taken |= {(ref, destination) for ref in found}
        return taken

    def release(self, delivery_id: str, *, most: int | None = None) -> int:
        """Untie armed members of a delivery, so that they are bundled again; how many."""
        return self._write_members(delivery_id, _released, {}, most=most)

    def carried_by(self, delivery_id: str) -> Sequence[ArmedReminder]:
        """The members of a delivery, by due time."""
        rows = self._work.connection.execute(
            _CARRIED, {"team": self._work.team_id, "by": delivery_id}
        )
        return [_armed(row) for row in rows]

    def streamed_by(self, delivery_id: str) -> Iterator[ArmedReminder]:
        """The armed members of a delivery, by id, streamed."""
        carried = (*_by(self._work.team_id, delivery_id), _told(armed=True))
        return self._streamed(select(_TABLE).where(*carried).order_by(_sorted_by(_ROW.id)))

    def told_by(
        self, delivery_id: str, *, armed: bool, skip: int = 0, limit: int | None = None
    ) -> Iterator[ArmedReminder]:
        """The nearest lead of each subscription and date that it carries, by date, streamed."""
        about = (_sorted_by(_ROW.account), _ROW.subscription_id, _ROW.anchor_date)
        nearest = func.row_number().over(partition_by=about, order_by=(_ROW.lead_days, _ROW.id))
        carried = select(_TABLE, nearest.label("place")).where(
            *_by(self._work.team_id, delivery_id), _told(armed=armed)
        )
        found = carried.subquery()
        row = found.c
        query = (
            select(found)
            .where(row.place == 1)
            .order_by(row.anchor_date, row.account, row.subscription_id)
            .offset(skip)
            .limit(limit)
        )
        return self._streamed(query)

    def count_told_by(self, delivery_id: str, *, armed: bool) -> int:
        """How many subscriptions and dates it tells of."""
        about = (
            select(_sorted_by(_ROW.account), _ROW.subscription_id, _ROW.anchor_date)
            .where(*_by(self._work.team_id, delivery_id), _told(armed=armed))
            .distinct()
            .subquery()
        )
        return self._work.connection.scalar(select(func.count()).select_from(about)) or 0

    def settle(
        self,
        delivery_id: str,
        *,
        state: ReminderState,
        at: datetime | None,
        reason: str = "",
        most: int | None = None,
    ) -> int:
        """Record what became of members; kept, snoozed and cancelled ones stay so; how many."""
        told = {"new_sent_at": at} if state in _TOLD else {}
        values = {"new_state": state, "new_reason": reason, **told}
        statements = _settled_when_told if told else _settled
        return self._write_members(delivery_id, statements, values, most=most)

    def move(self, delivery_id: str, *, to: str, reason: str, most: int | None = None) -> int:
        """Cancel members and arm each for another destination; how many there were."""
        members = select(_TABLE).where(
            *_by(self._work.team_id, delivery_id), _ROW.state.not_in(_SETTLED_BY_PEOPLE)
        )
        found = [_armed(row) for row in self._work.connection.execute(members.limit(most))]
        written = {"team": self._work.team_id, "by": delivery_id, "new_reason": reason}
        cancelled = {**written, "new_state": ReminderState.CANCELLED}
        self._update(_settled(), found, cancelled)
        self.arm([moved(each, to=to, reason=reason) for each in found])
        return len(found)

    def set_state(self, ids: Collection[str], *, state: ReminderState, reason: str) -> None:
        """Set it in every destination; when and by which message it was sent stays known."""
        self._looked_up = {}
        names = sorted(ids)
        for start in range(0, len(names), CHUNK):
            self._work.connection.execute(
                update(_TABLE)
                .where(
                    _ROW.team_id == self._work.team_id, _ROW.id.in_(names[start : start + CHUNK])
                )
                .values(state=state, reason=reason)
            )

    def of(self, key: SubscriptionKey, anchor_date: str | None = None) -> Sequence[ArmedReminder]:
        """The rows of a subscription by due time, of one anchor date when given."""
        if key in self._looked_up:
            rows = self._looked_up[key]
            dates = (row.reminder.anchor.date.isoformat() for row in rows)
            return [
                row
                for row, on in zip(rows, dates, strict=True)
                if anchor_date is None or on == anchor_date
            ]
        if anchor_date is None:
            return self._read(self._mine(key))
        return self._read(and_(self._mine(key), _ROW.anchor_date == anchor_date))

    def listed(
        self, *, until: datetime | None, states: Collection[ReminderState]
    ) -> Iterator[ArmedReminder]:
        """Those in one of these states by due time, until an instant when given, streamed.

        One reading of all of them: the database sorts, on disk when they are many, and no index
        has to be kept for it at every write. A piece at a time is held here.
        """
        wanted: ColumnElement[bool] = _ROW.state.in_(sorted(states))
        if until is not None:
            wanted = and_(wanted, _ROW.due_at <= until)
        yield from self._streamed(self._select(wanted))

    def recalled(
        self, *, since: datetime, destination: str | None, skip: int, limit: int
    ) -> Sequence[ArmedReminder]:
        """Armed ones, soonest first; then what became of the others since, newest first."""
        found = self._recalled(since, destination, *_ROW).subquery().c
        rows = self._work.connection.execute(
            select(*found)
            .order_by(
                _standing(found.state),
                case((found.state == ReminderState.ARMED, found.due_at)),
                func.coalesce(found.sent_at, found.due_at).desc(),
                found.due_at.desc(),
                found.id,
                found.destination,
            )
            .offset(skip)
            .limit(limit)
        )
        return [_armed(row) for row in rows]

    def standings(self, *, since: datetime, destination: str | None) -> Mapping[Standing, int]:
        """How many there are of each standing; only those that there are."""
        found = self._recalled(since, destination, _ROW.state).subquery().c
        standing = _standing(found.state)
        rows = self._work.connection.execute(
            select(standing, func.count()).group_by(standing).order_by(standing)
        )
        return {_IN_ORDER[place]: count for place, count in rows}

    def _recalled(
        self, since: datetime, destination: str | None, *columns: ColumnElement[Any]
    ) -> CompoundSelect[Any]:
        """The armed ones and what became of the others since; a kept one once it was sent.

        Each part is a stretch of one index, however many there were before.
        """
        there = [] if destination is None else [_ROW.destination == destination]
        parts = (
            _ROW.state == ReminderState.ARMED,
            and_(_ROW.state.in_([*_ENDED, ReminderState.KEPT]), _ROW.sent_at >= since),
            and_(_ROW.state.in_(_ENDED), _ROW.sent_at.is_(None), _ROW.due_at >= since),
        )
        return union_all(
            *(
                select(*columns).where(_ROW.team_id == self._work.team_id, part, *there)
                for part in parts
            )
        )

    def next_due(self) -> datetime | None:
        """When the next armed reminder that is not bundled falls due."""
        when: datetime | None = self._work.connection.scalar(
            select(func.min(_ROW.due_at)).where(self._open())
        )
        return when

    def _write_members(
        self,
        delivery_id: str,
        statements: Callable[[], "_Members"],
        values: Mapping[str, Any],
        *,
        most: int | None,
    ) -> int:
        """Update the members of a delivery, or so many of them; how many it were."""
        self._looked_up = {}
        members, execute = statements(), self._work.connection.execute
        values = {**values, "team": self._work.team_id, "by": delivery_id}
        if most is None:
            return execute(members.update_all, values).rowcount
        return self._update(members, execute(members.find, {**values, "most": most}), values)

    def _update(self, members: "_Members", found: Iterable[Any], values: Mapping[str, Any]) -> int:
        """Write some that were found; how many it were."""
        by_destination: defaultdict[str, list[str]] = defaultdict(list)
        for row in found:
            by_destination[row.destination].append(row.id)
        written = 0
        for destination, refs in sorted(by_destination.items()):
            for start in range(0, len(refs), CHUNK):
                some = {"to": destination, "ids": sorted(refs[start : start + CHUNK])}
                statement = members.update_some
                written += self._work.connection.execute(statement, {**values, **some}).rowcount
        return written

    def _open(self) -> ColumnElement[bool]:
        return and_(
            _ROW.team_id == self._work.team_id,
            tables.ARMED,
        )

    def _due(self, now: datetime) -> ColumnElement[bool]:
        return and_(self._open(), _ROW.due_at <= now)

    def _streamed(self, query: Select[Any]) -> Iterator[ArmedReminder]:
        """The rows of a query, of which a piece at a time is held here."""
        query = query.execution_options(yield_per=CHUNK)
        yield from map(_armed, self._work.connection.execute(query))

    def _mine(self, key: SubscriptionKey) -> ColumnElement[bool]:
        return and_(
            _ROW.team_id == self._work.team_id,
            _ROW.account == key.account,
            _ROW.subscription_id == key.id,
        )

    def _read(self, wanted: ColumnElement[bool]) -> Sequence[ArmedReminder]:
        return [_armed(row) for row in self._work.connection.execute(self._select(wanted))]

    def _select(self, wanted: ColumnElement[bool]) -> Select[Any]:
        mine = select(_TABLE).where(_ROW.team_id == self._work.team_id, wanted)
        return mine.order_by(_ROW.due_at, _ROW.id, _ROW.destination)

    def _row(self, armed: ArmedReminder) -> dict[str, Any]:
        reminder = armed.reminder
        return {
            "team_id": self._work.team_id,
            "id": armed.id,
            "destination": armed.destination,
            "account": reminder.subscription.account,
            "subscription_id": reminder.subscription.id,
            "anchor_kind": reminder.anchor.kind,
            "anchor_date": reminder.anchor.date.isoformat(),
            "anchor_at": reminder.anchor.at,
            "lead_days": reminder.lead_days,
            "lead_due_at": reminder.due_at,
            "due_at": armed.due_at,
            "state": armed.state,
            "delivery_id": armed.delivery_id,
            "sent_at": armed.sent_at,
            "reason": armed.reason,
        }

    def _move(self) -> Any:
        insert = self._work.insert(_TABLE)
        moved = and_(_ROW.state == ReminderState.ARMED, _ROW.due_at != insert.excluded.due_at)
        silent = and_(_ROW.state == ReminderState.SNOOZED, _ROW.delivery_id.is_(None))
        ended = or_(_ROW.state == ReminderState.CANCELLED, silent)
        revived = and_(ended, _ROW.sent_at.is_(None))
        return insert.on_conflict_do_update(
            index_elements=["team_id", "id", "destination"],
            set_={
                "due_at": insert.excluded.due_at,
                "lead_due_at": insert.excluded.lead_due_at,
                "anchor_kind": insert.excluded.anchor_kind,
                "anchor_at": insert.excluded.anchor_at,
                "state": insert.excluded.state,
                "reason": insert.excluded.reason,
                "delivery_id": case((revived, None), else_=_ROW.delivery_id),
            },
            where=or_(moved, revived),
        )


# Built once, since building one takes longer than running it.
_BY = and_(_ROW.team_id == bindparam("team"), _ROW.delivery_id == bindparam("by"))
_CARRIED = select(_TABLE).where(_BY).order_by(_ROW.due_at, _ROW.id, _ROW.destination)

# Found by their key, or by their delivery: SQLite would read through all that is armed instead, by
# the index of states.
_IS_ARMED = func.coalesce(_ROW.state, "", type_=_ROW.state.type) == ReminderState.ARMED
_TIE = (
    update(_TABLE)
    .where(
        _ROW.team_id == bindparam("team"),
        _IS_ARMED,
        _ROW.delivery_id.is_(None),
        _ROW.destination == bindparam("to"),
        _ROW.id.in_(bindparam("ids", expanding=True)),
    )
    .values(delivery_id=bindparam("by"))
)
_TAKE = _TIE.where(_ROW.due_at <= bindparam("until", type_=Instant)).returning(_ROW.id)


class _Members(NamedTuple):
    """Statements that write the members of the delivery `by`: all, or some that are found first.

    Some are updated by their key. Databases without statistics would find them by the delivery.
    """

    update_all: Update
    find: Select[Any]
    update_some: Update

    @classmethod
    def written(cls, wanted: ColumnElement[bool], values: Mapping[str, Any]) -> "_Members":
        """Those of the members that are `wanted` get these values."""
        written = update(_TABLE).where(_ROW.team_id == bindparam("team")).values(values)
        by_key = and_(
            _ROW.destination == bindparam("to"),
            _ROW.id.in_(bindparam("ids", expanding=True)),
            func.coalesce(_ROW.delivery_id, "") == bindparam("by"),
        )
        found = select(_ROW.id, _ROW.destination).where(_BY, wanted).limit(bindparam("most"))
        return cls(written.where(_BY, wanted), found, written.where(by_key, wanted))


@cache
def _released() -> _Members:
    return _Members.written(_IS_ARMED, {"delivery_id": None})


@cache
def _settled() -> _Members:
    return _settling("state", "reason")


@cache
def _settled_when_told() -> _Members:
    return _settling("state", "reason", "sent_at")


def _settling(*names: str) -> _Members:
    """What became of members, except of those that people settled; never written twice."""
    new = {name: bindparam(f"new_{name}", type_=_ROW[name].type) for name in names}
    other = or_(*(_ROW[name].is_distinct_from(value) for name, value in new.items()))
    return _Members.written(and_(_ROW.state.not_in(_SETTLED_BY_PEOPLE), other), new)


def _by(team_id: str, delivery_id: str) -> tuple[ColumnElement[bool], ...]:
    return _ROW.team_id == team_id, _ROW.delivery_id == delivery_id


def _told(*, armed: bool) -> ColumnElement[bool]:
    if armed:
        return _IS_ARMED
    return _ROW.state != ReminderState.CANCELLED


def _sorted_by(column: ColumnElement[str]) -> ColumnElement[str]:
    """The column, but not as an index has it: SQLite would read all of one rather than sort."""
    return column.concat("")


def _standing(state: ColumnElement[Any]) -> ColumnElement[int]:
    """A standing's place in the order of standings."""
    return case(*((state == each, _IN_ORDER.index(named)) for each, named in STANDINGS.items()))


def _armed(row: Row[Any]) -> ArmedReminder:
    return ArmedReminder(
        id=row.id,
        reminder=Reminder(
            subscription=SubscriptionKey(AccountName(row.account), row.subscription_id),
            anchor=Anchor(
                kind=row.anchor_kind, date=date.fromisoformat(row.anchor_date), at=row.anchor_at
            ),
            lead_days=row.lead_days,
            due_at=row.lead_due_at,
        ),
        destination=row.destination,
        due_at=row.due_at,
        state=row.state,
        delivery_id=row.delivery_id,
        sent_at=row.sent_at,
        reason=row.reason,
    )
