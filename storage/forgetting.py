"""Forgetting: a person's id and words are taken out of what is over, and of what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, or_, select, update

from bot.billing.subscription import SlackUser
from bot.facts.erased import ERASED
from bot.ports.record import Named
from storage.tables import decisions, delegations, notes, request_items, requests
from storage.work import Work

_ROW, _ITEM, _EVENT, _LENT = requests.c, request_items.c, decisions.c, delegations.c


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
        .values(
            by=ERASED,
            note=case((_EVENT.note.is_not(None), ERASED)),
            evidence=case((_EVENT.evidence.is_not(None), ERASED)),
        )
    )
    work.connection.execute(
        update(decisions)
        .where(_EVENT.team_id == work.team_id, _EVENT.request.in_(numbers), _EVENT.behalf == person)
        .values(behalf=ERASED)
    )
    work.connection.execute(
        update(request_items)
        .where(_ITEM.team_id == work.team_id, _ITEM.request.in_(numbers), _ITEM.asked == person)
        .values(asked=ERASED)
    )
    for event in work.connection.execute(_calling(work, person, numbers)).all():
        called = [ERASED if each == person else each for each in event.called]
        same = (_EVENT.request == event.request, _EVENT.number == event.number)
        work.connection.execute(
            update(decisions).where(_EVENT.team_id == work.team_id, *same).values(called=called)
        )
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


def forget_notes(work: Work, person: str) -> None:
    """Erase it where somebody did something: kept or snoozed a reminder, switched auto-renewal."""
    naming = (notes.c.team_id == work.team_id, notes.c.value.contains(person, autoescape=True))
    for row in work.connection.execute(select(notes).where(*naming).with_for_update()).all():
        if row.value.get("by") == person:
            work.connection.execute(
                update(notes)
                .where(notes.c.team_id == work.team_id, notes.c.name == row.name)
                .values(value={**row.value, "by": ERASED})
            )


def _naming(work: Work, person: str) -> Any:
    acted = or_(_EVENT.by == person, _EVENT.behalf == person)
    said = select(_EVENT.request).where(_EVENT.team_id == work.team_id, acted)
    asked = select(_ITEM.request).where(_ITEM.team_id == work.team_id, _ITEM.asked == person)
    called = select(_EVENT.request).where(
        _EVENT.team_id == work.team_id, _EVENT.called.contains(person, autoescape=True)
    )
    named = or_(
        _ROW.requested_by == person,
        _ROW.approvers.contains(person, autoescape=True),
        _ROW.number.in_(said),
        _ROW.number.in_(asked),
        _ROW.number.in_(called),
    )
    return select(requests).where(and_(_ROW.team_id == work.team_id, named)).order_by(_ROW.number)


def _calling(work: Work, person: str, numbers: Sequence[int]) -> Any:
    """The lines of these requests in which the person was called."""
    called = _EVENT.called.contains(person, autoescape=True)
    mine = and_(_EVENT.team_id == work.team_id, _EVENT.request.in_(numbers), called)
    return select(_EVENT.request, _EVENT.number, _EVENT.called).where(mine)


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
