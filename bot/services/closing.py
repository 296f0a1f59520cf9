"""Closed destinations: where Slack refuses everything, tried again ever more rarely.

A channel that is archived, or that Lapse was removed from, costs one call and then none for a
while; once something is taken there again, it is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.ports.store import Transaction

EVERYWHERE = "*"
"""The closure of a workspace that does not accept the token."""

_NOTE = "closed"

_PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""After the first refusal, the second, and every later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Why a destination takes nothing, since when, after how many calls, and when to try again."""

    error: str
    since: datetime
    calls: int
    until: datetime


def closures(tx: Transaction) -> Mapping[str, Closure]:
    """Every destination that is closed now."""
    note = tx.notes.get(_NOTE) or {}
    return {destination: _read(facts) for destination, facts in note.items()}


def close(tx: Transaction, destination: str, *, error: str, at: datetime) -> Closure:
    """Note one more refusal; returns what holds from now on."""
    known = closures(tx)
    before = known.get(destination)
    calls = before.calls + 1 if before else 1
    closure = Closure(
        error=error,
        since=before.since if before else at,
        calls=calls,
        until=at + _PAUSES[min(calls, len(_PAUSES)) - 1],
    )
    _note(tx, {**known, destination: closure})
    return closure


def reopen(tx: Transaction, destination: str) -> None:
    """Something was taken there."""
    _note(tx, {each: closure for each, closure in closures(tx).items() if each != destination})


def _note(tx: Transaction, closed: Mapping[str, Closure]) -> None:
    tx.notes.put(_NOTE, {destination: _written(each) for destination, each in closed.items()})


def _written(closure: Closure) -> Mapping[str, object]:
    return {
        "error": closure.error,
        "since": closure.since.isoformat(),
        "calls": closure.calls,
        "until": closure.until.isoformat(),
    }


def _read(facts: Any) -> Closure:
    return Closure(
        error=facts["error"],
        since=datetime.fromisoformat(facts["since"]),
        calls=facts["calls"],
        until=datetime.fromisoformat(facts["until"]),
    )
