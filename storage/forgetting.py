"""Forgetting: a person's id and words are taken out of what is over, requests and delegations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, and_, case, or_, select, type_coerce, update

from bot.billing.subscription import SlackUser
from bot.facts.erased import ERASED
from bot.ports.record import Named
from storage.tables import decisions, delegations, requests
from storage.types import canonical
from storage.work import Work

_ROW, _EVENT, _LENT = requests.c, decisions.c, delegations.c


def forget(work: Work, person: str) -> Named:
    """Erase it where a request is closed; which ones those are, and which still name the person."""
    rows = work.connection.execute(_naming(work, person)).all()
    closed = [row for row in rows if row.closed]
    for row in closed:
        work.connection.execute(
            update(requests)
            .where(_ROW.team_id == work.team_id, _ROW.number == row.number)
            .values(version=_ROW.version + 1, **_without(row, person))
        )
    numbers = [row.number for row in closed]
    work.connection.execute(
        update(decisions)
        .where(_EVENT.team_id == work.team_id, _EVENT.request.in_(numbers), _EVENT.by == person)
        .values(by=ERASED, note=case((_EVENT.note.is_not(None), ERASED)))
    )
    _forget_who_was_named(work, person, numbers)
    return Named(erased=tuple(numbers), still=tuple(row.number for row in rows if not row.closed))


def forget_delegations(work: Work, person: str, *, at: datetime) -> None:
    """Erase it in delegations that are over; those in force and ahead keep it."""
    for name in ("delegate", "approver", "ended_by"):
        column = _LENT[name]
        values = {name: ERASED} | ({"why": ERASED} if name == "approver" else {})
        over = or_(_LENT.ends_at <= at, _LENT.ended_at.is_not(None))
        work.connection.execute(
            update(delegations)
            .where(_LENT.team_id == work.team_id, column == person, over)
            .values(values)
        )


def _forget_who_was_named(work: Work, person: str, numbers: Sequence[int]) -> None:
    """In the events of others: for whom they decided, and whom a call named."""
    mine = and_(_EVENT.team_id == work.team_id, _EVENT.request.in_(numbers))
    work.connection.execute(
        update(decisions).where(mine, _EVENT.behalf == person).values(behalf=ERASED)
    )
    named = select(decisions).where(mine, _lists(_EVENT.called, person))
    for row in work.connection.execute(named).all():
        called = [ERASED if each == person else each for each in row.called]
        work.connection.execute(
            update(decisions)
            .where(mine, _EVENT.request == row.request, _EVENT.number == row.number)
            .values(called=called)
        )


def _lists(column: ColumnElement[Any], person: str) -> ColumnElement[bool]:
    """Whether a list, as it lies there, has a person in it."""
    return type_coerce(column, Text).contains(canonical(person), autoescape=True)


def _naming(work: Work, person: str) -> Any:
    told = or_(
        _EVENT.by == person,
        _EVENT.behalf == person,
        _lists(_EVENT.called, person),
    )
    said = select(_EVENT.request).where(_EVENT.team_id == work.team_id, told)
    named = or_(
        _ROW.requested_by == person,
        _lists(_ROW.approvers, person),
        _ROW.number.in_(said),
    )
    return select(requests).where(and_(_ROW.team_id == work.team_id, named)).order_by(_ROW.number)


def _without(row: Row[Any], person: str) -> Mapping[str, object]:
    """The columns of a request as they are without the person."""
    erased = SlackUser(ERASED)
    values: dict[str, object] = {
        "approvers": [ERASED if each == person else each for each in row.approvers]
    }
    if row.requested_by == person:
        values |= {"requested_by": ERASED, "details": ERASED if row.details else ""}
    if row.acknowledgement.by == person:
        values["acknowledgement"] = replace(row.acknowledgement, by=erased)
    return values
