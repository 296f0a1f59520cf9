"""The outbox: claimed with a lease and a fence, recorded before and after a message is sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from bot.ports.store import Delivery, DeliveryState, Lane
from storage import outbox_statements
from storage.tables import deliveries
from storage.types import Instant
from storage.work import Work

_ROW = deliveries.c
_FINISHED = frozenset(
    {
        DeliveryState.SENT,
        DeliveryState.UNCONFIRMED,
        DeliveryState.UNDELIVERABLE,
        DeliveryState.CANCELLED,
    }
)


class SqlOutbox:
    """Messages owed by one workspace."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def owe(self, delivery: Delivery) -> bool:
        """Owe a message unless its key is known already; False then."""
        new = self._work.connection.scalars(
            outbox_statements.owe(on_postgres=self._work.on_postgres),
            {
                "team": self._work.team_id,
                "id": delivery.id,
                "key": delivery.key,
                "kind": delivery.kind,
                "destination": delivery.destination,
                "stream": delivery.stream,
                "due_at": delivery.due_at,
                "subject": delivery.subject,
                "update_of": delivery.update_of,
                "thread_of": delivery.thread_of,
                "sequence": delivery.sequence,
                "state": DeliveryState.PENDING,
                "attempt": 0,
                "fence": 0,
                "work_at": delivery.due_at,
            },
        ).all()
        return bool(new)

    def claim(
        self, *, now: datetime, lease_until: datetime, limit: int, lane: Lane | None = None
    ) -> Sequence[Delivery]:
        """Hand what is due, the first unfinished of each stream, to this caller alone.

        One statement: what another replica claims at the same moment is skipped.
        """
        claimed = self._work.connection.execute(
            outbox_statements.claim(lane, on_postgres=self._work.on_postgres),
            {"team": self._work.team_id, "now": now, "lease_until": lease_until, "most": limit},
        ).all()
        in_order = sorted(claimed, key=lambda row: (row.due_at, row.owed_as))
        return [_delivery(row) for row in in_order]

    def postpone(self, delivery: Delivery, *, until: datetime) -> None:
        """Let a claimed one wait for its turn in its channel; nothing happens without the fence."""
        self._work.connection.execute(
            outbox_statements.settle("work_at", "slot_at"),
            {**self._held(delivery), "new_work_at": until, "new_slot_at": until},
        )

    def renew(self, delivery: Delivery, *, until: datetime) -> bool:
        """Hold a claimed one for longer; False when the fence is lost."""
        renewed = self._work.connection.execute(
            outbox_statements.settle("work_at"), {**self._held(delivery), "new_work_at": until}
        )
        return renewed.rowcount == 1

    def begin(self, delivery: Delivery, *, at: datetime) -> Delivery | None:
        """Record the intent of an attempt; None when the fence is lost."""
        row = self._work.connection.execute(
            outbox_statements.begin(),
            {**self._held(delivery), "sending": DeliveryState.SENDING, "at": at},
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
        sweep_at: datetime | None = None,
    ) -> bool:
        """Record an outcome; False when the fence is lost or an outcome is recorded already."""
        values: dict[str, Any] = {"state": state, "error": error}
        if sweep_at is not None:
            values |= {"sweep_at": sweep_at, "sweep_until": sweep_at}
        values["work_at"] = None if state in _FINISHED else again_at or at
        if state is DeliveryState.SENT:
            values |= {"sent_at": at, "channel": channel, "ts": ts}
        if state is DeliveryState.CANCELLED:
            values["sent_at"] = at
        if state is DeliveryState.PENDING:
            values["started_at"] = None
        if state is DeliveryState.UNKNOWN:
            values["started_at"] = delivery.started_at
        changed = self._work.connection.execute(
            outbox_statements.settle(*values),
            {**self._held(delivery), **{f"new_{name}": each for name, each in values.items()}},
        )
        return changed.rowcount == 1

    def waiting(self, destination: str) -> Sequence[Delivery]:
        """Posts to a destination that are pending, in the order they were owed; no updates."""
        rows = self._work.connection.execute(
            select(deliveries)
            .where(
                _ROW.team_id == self._work.team_id,
                _ROW.state == DeliveryState.PENDING,
                _ROW.destination == destination,
                _ROW.update_of.is_(None),
            )
            .order_by(_ROW.owed_as)
        )
        return [_delivery(row) for row in rows]

    def withdraw(
        self, delivery_id: str, *, at: datetime, error: str, sweep_at: datetime | None = None
    ) -> bool:
        """Cancel one that is pending, whoever has claimed it; False when it is not pending."""
        changed = self._work.connection.execute(
            update(deliveries)
            .where(
                _ROW.team_id == self._work.team_id,
                _ROW.id == delivery_id,
                _ROW.state == DeliveryState.PENDING,
            )
            .values(
                state=DeliveryState.CANCELLED,
                sent_at=at,
                error=error,
                work_at=None,
                fence=_ROW.fence + 1,
                sweep_at=sweep_at or _ROW.sweep_at,
                sweep_until=sweep_at or _ROW.sweep_until,
            )
        )
        return changed.rowcount == 1

    def sweep(self, delivery_id: str, *, at: datetime, by: datetime) -> None:
        """Have a conversation read once more for what lands until `at`, no earlier than asked for.

        What was asked for after `by` would find it too late: then it is read at `at`.
        """
        soon = _ROW.sweep_at.between(at, by)
        self._work.connection.execute(
            update(deliveries)
            .where(_ROW.team_id == self._work.team_id, _ROW.id == delivery_id)
            .values(
                sweep_at=case((soon, _ROW.sweep_at), else_=literal(at, Instant)), sweep_until=at
            )
        )

    def claim_sweeps(self, *, now: datetime, again_at: datetime, limit: int) -> Sequence[Delivery]:
        """Hand sweeps that are due to exactly one replica; others may have them at `again_at`."""
        claimed = self._work.connection.execute(
            outbox_statements.claim_sweeps(on_postgres=self._work.on_postgres),
            {"team": self._work.team_id, "now": now, "again_at": again_at, "most": limit},
        ).all()
        return [_delivery(row) for row in sorted(claimed, key=lambda row: row.owed_as)]

    def swept(
        self,
        delivery: Delivery,
        *,
        ts: str | None,
        next_at: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        """The conversation shows it once; a sweep asked for since the claim is still to come."""
        unasked = _ROW.sweep_until.is_not_distinct_from(delivery.sweep_until)
        next_until = literal(until or delivery.sweep_until, Instant)
        values: dict[str, Any] = {
            "sweep_at": case((unasked, literal(next_at, Instant)), else_=_ROW.sweep_at),
            "sweep_until": case((unasked, next_until), else_=_ROW.sweep_until),
        }
        if ts is not None:
            values["ts"] = ts
        self._work.connection.execute(
            update(deliveries)
            .where(_ROW.team_id == self._work.team_id, _ROW.id == delivery.id)
            .values(values)
        )

    def next_sweep(self) -> datetime | None:
        """When the next conversation is to be read once more."""
        when: datetime | None = self._work.connection.scalar(
            select(func.min(_ROW.sweep_at)).where(
                _ROW.team_id == self._work.team_id, _ROW.sweep_at.is_not(None)
            )
        )
        return when

    def superseded(self, delivery: Delivery) -> bool:
        """Whether a later update of the same message is owed and not out."""
        if delivery.update_of is None:
            return False
        found = self._work.connection.scalar(
            outbox_statements.superseded(),
            {"team": self._work.team_id, "known": delivery.id, "of_post": delivery.update_of},
        )
        return bool(found)

    def get(self, delivery_id: str) -> Delivery | None:
        """One delivery."""
        row = self._work.connection.execute(
            outbox_statements.get(), {"team": self._work.team_id, "known": delivery_id}
        ).one_or_none()
        return _delivery(row) if row else None

    def find(self, condition: ColumnElement[bool]) -> Delivery | None:
        """The one delivery that a unique key names."""
        row = self._work.connection.execute(
            select(deliveries).where(_ROW.team_id == self._work.team_id, condition)
        ).one_or_none()
        return _delivery(row) if row else None

    def next_due(self) -> datetime | None:
        """When the next unfinished delivery is due; for one in flight the end of its lease."""
        when: datetime | None = self._work.connection.scalar(
            outbox_statements.next_due(), {"team": self._work.team_id}
        )
        return when

    def next_waiting(self) -> datetime | None:
        """When the next one is due that was attempted before, or waits for its turn."""
        when: datetime | None = self._work.connection.scalar(
            outbox_statements.next_due().where(or_(_ROW.attempt > 0, _ROW.slot_at.is_not(None))),
            {"team": self._work.team_id},
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

    def _held(self, delivery: Delivery) -> dict[str, Any]:
        return {"team": self._work.team_id, "held": delivery.id, "with_fence": delivery.fence}


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
        first_at=row.first_at,
        slot_at=row.slot_at,
        channel=row.channel,
        ts=row.ts,
        sent_at=row.sent_at,
        error=row.error,
        sweep_until=row.sweep_until,
    )
