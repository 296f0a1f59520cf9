"""The outbox's statements, each built once: building one takes longer than running it.

Values are bound by name: `team`, and what the docstrings say.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate, Update

from bot.ports.store import Lane
from storage.tables import BEGUN, UNFINISHED, deliveries, owed
from storage.types import Instant
from storage.work import insert_into, one_of

_ROW = deliveries.c
_OURS = _ROW.team_id == bindparam("team")
_OWED = (
    "id",
    "key",
    "kind",
    "destination",
    "stream",
    "due_at",
    "subject",
    "update_of",
    "thread_of",
    "sequence",
    "state",
    "attempt",
    "fence",
    "work_at",
)


_BEGUN = text(f"deliveries.{BEGUN}")
_LANES = {
    Lane.LOOK: and_(_BEGUN, _ROW.update_of.is_(None)),
    Lane.POST: and_(text("deliveries.state = 'pending'"), _ROW.update_of.is_(None)),
    Lane.UPDATE: _ROW.update_of.is_not(None),
}


@cache
def owe(*, on_postgres: bool) -> ReturningInsert[Any]:
    """Enter a row of these columns unless its key is known; returns its id when it was not."""
    values: dict[str, Any] = {name: bindparam(name) for name in _OWED}
    highest = select(func.coalesce(func.max(_ROW.owed_as), 0) + 1).scalar_subquery()
    order = owed.next_value() if on_postgres else highest  # SQLite has one writer
    return (
        insert_into(deliveries, on_postgres=on_postgres)
        .values(team_id=bindparam("team"), owed_as=order, **values)
        .on_conflict_do_nothing(index_elements=["team_id", "key"])
        .returning(_ROW.id)
    )


@cache
def claim(lane: Lane | None, *, on_postgres: bool) -> ReturningUpdate[Any]:
    """Lease what is due at `now` until `lease_until`, at most `most`, first of its stream each."""
    due = select(_ROW.id).where(
        _OURS, _ROW.work_at <= bindparam("now", type_=Instant), _first_of_its_stream()
    )
    if lane is not None:
        due = due.where(_LANES[lane])
    leased = _taken(due.order_by(_ROW.work_at, _ROW.owed_as), on_postgres=on_postgres)
    return leased.values(
        fence=_ROW.fence + 1, work_at=bindparam("lease_until", type_=Instant)
    ).returning(deliveries)


@cache
def claim_sweeps(*, on_postgres: bool) -> ReturningUpdate[Any]:
    """Move what is to be read once more at `now` to `again_at`, at most `most`."""
    due = select(_ROW.id).where(_OURS, _ROW.sweep_at <= bindparam("now", type_=Instant))
    moved = _taken(due.order_by(_ROW.sweep_at), on_postgres=on_postgres)
    return moved.values(sweep_at=bindparam("again_at", type_=Instant)).returning(deliveries)


@cache
def begin() -> ReturningUpdate[Any]:
    """Record an attempt at `at`, `sending`, of the one that `held` and `with_fence` name."""
    return (
        update(deliveries)
        .where(_held())
        .values(
            state=bindparam("sending", type_=_ROW.state.type),
            attempt=_ROW.attempt + 1,
            started_at=bindparam("at", type_=Instant),
            first_at=func.coalesce(_ROW.first_at, bindparam("at", type_=Instant)),
        )
        .returning(deliveries)
    )


@cache
def settle(*names: str) -> Update:
    """Set these columns, bound as `new_<name>`, of the one that `held` and `with_fence` name."""
    return (
        update(deliveries)
        .where(_held())
        .values({name: bindparam(f"new_{name}", type_=_ROW[name].type) for name in names})
    )


@cache
def get() -> Select[Any]:
    """The delivery `known`."""
    return select(deliveries).where(_OURS, _ROW.id == bindparam("known"))


@cache
def superseded() -> Select[bool]:
    """Whether a later update than the delivery `known` is to replace the message `of_post`."""
    this = deliveries.alias("this")
    later = exists().where(
        this.c.team_id == bindparam("team"),
        this.c.id == bindparam("known"),
        _OURS,
        _ROW.stream == this.c.stream,
        _ROW.update_of == bindparam("of_post"),
        text(f"deliveries.{UNFINISHED}"),
        tuple_(_ROW.sequence, _ROW.owed_as) > tuple_(this.c.sequence, this.c.owed_as),
    )
    return select(later)


@cache
def next_due() -> Select[Any]:
    """The earliest instant at which one may be claimed."""
    return select(func.min(_ROW.work_at)).where(_OURS, _ROW.work_at.is_not(None))


def _held() -> ColumnElement[bool]:
    return and_(
        _OURS,
        _ROW.id == bindparam("held"),
        _ROW.fence == bindparam("with_fence"),
        _ROW.work_at.is_not(None),
    )


def _taken(due: Select[Any], *, on_postgres: bool) -> Update:
    """An update of the first `most` that `due` picks and nobody else holds at that moment."""
    picked = due.limit(bindparam("most")).with_for_update(of=deliveries, skip_locked=True)
    chosen = one_of(_ROW.id, select(picked.cte("due").c.id), on_postgres=on_postgres)
    return update(deliveries).where(_OURS, chosen)


def _first_of_its_stream() -> ColumnElement[bool]:
    """Whether no earlier delivery of the same stream is unfinished.

    A subquery that finds one row by its index: PostgreSQL turns NOT EXISTS into a join of all that
    is open when it has no statistics yet, and SQLite looks through it by `work_at`.
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
