"""The outbox: claimed with a lease and a fence, recorded before and after a message is sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, select, text, tuple_, update

from bot.ports.store import Delivery, DeliveryState
from storage.tables import UNFINISHED, deliveries, owed
from storage.work import Work

_ROW = deliveries.c
_FINISHED = frozenset({DeliveryState.SENT, DeliveryState.UNDELIVERABLE, DeliveryState.CANCELLED})


class SqlOutbox:
    """Messages owed by one workspace."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def owe(self, delivery: Delivery) -> bool:
        """Owe a message unless its key is known already; False then."""
        new = self._work.connection.scalars(
            self._work.insert(deliveries)
            .values(
                team_id=self._work.team_id,
                id=delivery.id,
                key=delivery.key,
                kind=delivery.kind,
                destination=delivery.destination,
                stream=delivery.stream,
                due_at=delivery.due_at,
                subject=delivery.subject,
                update_of=delivery.update_of,
                thread_of=delivery.thread_of,
                state=DeliveryState.PENDING,
                sequence=delivery.sequence,
                owed_as=self._work.next_of(owed, _ROW.owed_as),
                attempt=0,
                fence=0,
                work_at=delivery.due_at,
            )
            .on_conflict_do_nothing(index_elements=["team_id", "key"])
            .returning(_ROW.id)
        ).all()
        return bool(new)

    def claim(self, *, now: datetime, lease_until: datetime, limit: int) -> Sequence[Delivery]:
        """Hand due deliveries, the first unfinished of each stream, to this caller alone.

        One statement: what another replica claims at the same moment is skipped.
        """
        due = (
            select(_ROW.id)
            .where(
                _ROW.team_id == self._work.team_id,
                _ROW.work_at <= now,
                self._first_of_its_stream(),
            )
            .order_by(_ROW.work_at, _ROW.owed_as)
            .limit(limit)
            .with_for_update(of=deliveries, skip_locked=True)
            .cte("due")
        )
        claimed = self._work.connection.execute(
            update(deliveries)
            .where(
                _ROW.team_id == self._work.team_id,
                self._work.one_of(_ROW.id, select(due.c.id)),
            )
            .values(fence=_ROW.fence + 1, work_at=lease_until)
            .returning(deliveries)
        ).all()
        return [
            _delivery(row) for row in sorted(claimed, key=lambda row: (row.due_at, row.owed_as))
        ]

    def begin(self, delivery: Delivery, *, at: datetime) -> Delivery | None:
        """Record the intent of an attempt; None when the fence is lost."""
        row = self._work.connection.execute(
            update(deliveries)
            .where(self._held(delivery))
            .values(state=DeliveryState.SENDING, attempt=_ROW.attempt + 1, started_at=at)
            .returning(deliveries)
        ).one_or_none()
        return _delivery(row) if row else None

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
    ) -> bool:
        """Record an outcome; False when the fence is lost or an outcome is recorded already."""
        values: dict[str, Any] = {"state": state, "error": error}
        values["work_at"] = None if state in _FINISHED else again_at or at
        if state is DeliveryState.SENT:
            values |= {"sent_at": at, "channel": channel, "ts": ts}
        if state is DeliveryState.PENDING:
            values["started_at"] = None
        changed = self._work.connection.execute(
            update(deliveries).where(self._held(delivery)).values(values)
        )
        return changed.rowcount == 1

    def superseded(self, delivery: Delivery) -> bool:
        """Whether a later update of the same message is owed already."""
        if delivery.update_of is None:
            return False
        this = deliveries.alias("this")
        later = exists().where(
            this.c.team_id == self._work.team_id,
            this.c.id == delivery.id,
            _ROW.team_id == self._work.team_id,
            _ROW.update_of == delivery.update_of,
            tuple_(_ROW.sequence, _ROW.owed_as) > tuple_(this.c.sequence, this.c.owed_as),
        )
        return bool(self._work.connection.scalar(select(later)))

    def get(self, delivery_id: str) -> Delivery | None:
        """One delivery."""
        return self.find(_ROW.id == delivery_id)

    def find(self, condition: ColumnElement[bool]) -> Delivery | None:
        """The one delivery that a unique key names."""
        row = self._work.connection.execute(
            select(deliveries).where(_ROW.team_id == self._work.team_id, condition)
        ).one_or_none()
        return _delivery(row) if row else None

    def next_due(self) -> datetime | None:
        """When the next unfinished delivery is due; for one in flight the end of its lease."""
        when: datetime | None = self._work.connection.scalar(
            select(func.min(_ROW.work_at)).where(
                _ROW.team_id == self._work.team_id, _ROW.work_at.is_not(None)
            )
        )
        return when

    def counts(self) -> Mapping[DeliveryState, int]:
        """How many stand where; states that none is in are 0."""
        rows = self._work.connection.execute(
            select(_ROW.state, func.count())
            .where(_ROW.team_id == self._work.team_id)
            .group_by(_ROW.state)
        )
        return dict.fromkeys(DeliveryState, 0) | {row[0]: row[1] for row in rows}

    def _held(self, delivery: Delivery) -> ColumnElement[bool]:
        return and_(
            _ROW.team_id == self._work.team_id,
            _ROW.id == delivery.id,
            _ROW.fence == delivery.fence,
            _ROW.work_at.is_not(None),
        )

    def _first_of_its_stream(self) -> ColumnElement[bool]:
        """Whether no earlier delivery of the same stream is unfinished.

        A subquery that finds one row by its index: PostgreSQL turns NOT EXISTS into a join of all
        that is open when it has no statistics yet, and SQLite looks through it by `work_at`.
        """
        first = deliveries.alias("first")
        return _ROW.id == (
            select(first.c.id)
            .where(
                first.c.team_id == _ROW.team_id,
                first.c.stream == _ROW.stream,
                text(f"first.{UNFINISHED}"),
            )
            .order_by(first.c.sequence, first.c.owed_as)
            .limit(1)
            .correlate(deliveries)
            .scalar_subquery()
        )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        key=row.key,
        kind=row.kind,
        destination=row.destination,
        stream=row.stream,
        due_at=row.due_at,
        subject=row.subject,
        update_of=row.update_of,
        thread_of=row.thread_of,
        state=row.state,
        sequence=row.sequence,
        attempt=row.attempt,
        fence=row.fence,
        started_at=row.started_at,
        channel=row.channel,
        ts=row.ts,
        sent_at=row.sent_at,
        error=row.error,
    )
