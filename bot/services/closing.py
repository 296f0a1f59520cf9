"""Closed destinations: where Slack refuses everything, tried again ever more rarely.

A channel that is archived, or that Lapse was removed from, costs one call and then none for a
while; once something is taken there again, it is open. A refusal for a reason that nobody knows is
counted first, and closes it at the third.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.ports.store import Delivery, Transaction

EVERYWHERE = "*"
"""The closure of a workspace that does not accept the token."""

ENOUGH = 3
"""Refusals for reasons that nobody knows, before a destination counts as closed."""

STOPPED_LATELY = timedelta(days=7)
"""So long it is known that Slack took nothing."""

_NOTE = "closed"
_STOPS = "stops"
_REFUSALS = "refusals"
_REMEMBERED = timedelta(days=1)

_PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""After the first refusal, the second, and every later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Why a destination takes nothing, since when, after how many calls, and when to try again.

    `passing` when nobody knows the reason, so that it may pass without anybody's doing.
    """

    error: str
    since: datetime
    calls: int
    until: datetime
    passing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """How often Slack refused a message for reasons that nobody knows, and all of its place."""

    of_this: int
    there: int


def closures(tx: Transaction) -> Mapping[str, Closure]:
    """Every destination that is closed now."""
    return _all(tx.notes.get(_NOTE) or {})


def is_locked_out(closed: Mapping[str, Closure], *, now: datetime) -> bool:
    """Whether the workspace did not accept the token, and nothing is tried yet."""
    locked = closed.get(EVERYWHERE)
    return locked is not None and now < locked.until


def close(
    tx: Transaction, destination: str, *, error: str, at: datetime, passing: bool = False
) -> Closure:
    """Note one more refusal; returns what holds from now on."""
    known = _all(tx.notes.held(_NOTE))
    before = known.get(destination)
    calls = before.calls + 1 if before else 1
    closure = Closure(
        error=error,
        since=before.since if before else at,
        calls=calls,
        until=at + pause(calls),
        passing=passing,
    )
    _note(tx, {**known, destination: closure})
    note_stop(tx, destination, until=closure.until, at=at)
    return closure


def reopen(tx: Transaction, destination: str) -> None:
    """Something was taken there."""
    known = _all(tx.notes.held(_NOTE))
    _note(tx, {each: closure for each, closure in known.items() if each != destination})


def note_stop(tx: Transaction, destination: str, *, until: datetime, at: datetime) -> None:
    """Remember that a destination, or EVERYWHERE, takes nothing up to an instant."""
    known: Mapping[str, Any] = tx.notes.held(_STOPS)
    stops = {each: datetime.fromisoformat(ends) for each, ends in known.items()}
    stops[destination] = max(stops.get(destination, until), until)
    lately = {each: ends for each, ends in stops.items() if at - ends < STOPPED_LATELY}
    tx.notes.put(_STOPS, {each: ends.isoformat() for each, ends in lately.items()})


def was_stopped(tx: Transaction, destination: str, *, since: datetime) -> bool:
    """Whether Slack took nothing there for some of the time since an instant, or nowhere."""
    stops: Mapping[str, Any] = tx.notes.get(_STOPS) or {}
    ends = (stops[each] for each in (destination, EVERYWHERE) if each in stops)
    return any(datetime.fromisoformat(each) > since for each in ends)


def pause(calls: int) -> timedelta:
    """How long nothing is tried after so many refusals: a minute, ten, and then an hour."""
    return _PAUSES[min(calls, len(_PAUSES)) - 1]


def count(tx: Transaction, delivery: Delivery, *, at: datetime) -> Refusals:
    """Count one more refusal for a reason that nobody knows; forgotten a day after the last."""
    known = _remembered(tx, at=at)
    of_this = known.get(delivery.id, {}).get("times", 0) + 1
    known[delivery.id] = {
        "to": delivery.destination if delivery.update_of is None else "",
        "times": of_this,
        "at": at.isoformat(),
    }
    tx.notes.put(_REFUSALS, known)
    there = sum(each["times"] for each in known.values() if each["to"] == delivery.destination)
    return Refusals(of_this=of_this, there=there)


def forget(tx: Transaction, delivery: Delivery, *, at: datetime) -> None:
    """It was taken, or goes elsewhere: its refusals count no longer."""
    if delivery.id in (tx.notes.get(_REFUSALS) or {}):
        known = _remembered(tx, at=at)
        known.pop(delivery.id, None)
        tx.notes.put(_REFUSALS, known)


def _remembered(tx: Transaction, *, at: datetime) -> dict[str, Any]:
    note: Mapping[str, Any] = tx.notes.held(_REFUSALS)
    return {
        ref: facts
        for ref, facts in note.items()
        if at - datetime.fromisoformat(facts["at"]) < _REMEMBERED
    }


def _all(note: Mapping[str, object]) -> Mapping[str, Closure]:
    return {destination: _read(facts) for destination, facts in note.items()}


def _note(tx: Transaction, closed: Mapping[str, Closure]) -> None:
    tx.notes.put(_NOTE, {destination: _written(each) for destination, each in closed.items()})


def _written(closure: Closure) -> Mapping[str, object]:
    return {
        "error": closure.error,
        "since": closure.since.isoformat(),
        "calls": closure.calls,
        "until": closure.until.isoformat(),
        "passing": closure.passing,
    }


def _read(facts: Any) -> Closure:
    return Closure(
        error=facts["error"],
        since=datetime.fromisoformat(facts["since"]),
        calls=facts["calls"],
        until=datetime.fromisoformat(facts["until"]),
        passing=facts.get("passing", False),
    )
