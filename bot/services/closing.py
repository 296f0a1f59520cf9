"""Closed destinations: where Slack refuses everything, tried again ever more rarely.

A channel that is archived, or that Lapse was removed from, costs one call and then none for a
while; once something is taken there again, it is open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.ports.store import Transaction

EVERYWHERE = "*"
"""The closure of a workspace that does not accept the token."""

_PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""After the first refusal, the second, and every later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Why a destination takes nothing, since when, after how many calls, and when to try again."""

    error: str
    since: datetime
    calls: int
    until: datetime


def closures_of(tx: Transaction, destinations: Iterable[str]) -> Mapping[str, Closure]:
    """Those of some destinations that are closed, read at once."""
    names = tuple(destinations)
    tx.notes.look_up([_name(each) for each in names])
    found = ((each, closure_of(tx, each)) for each in names)
    return {each: closure for each, closure in found if closure is not None}


def closure_of(tx: Transaction, destination: str) -> Closure | None:
    """How a destination is closed; None while it is open."""
    note = tx.notes.get(_name(destination))
    if not note:
        return None
    return Closure(
        error=str(note["error"]),
        since=datetime.fromisoformat(str(note["since"])),
        calls=int(str(note["calls"])),
        until=datetime.fromisoformat(str(note["until"])),
    )


def close(tx: Transaction, destination: str, *, error: str, at: datetime) -> Closure:
    """Note one more refusal; returns what holds from now on."""
    known = closure_of(tx, destination)
    calls = known.calls + 1 if known else 1
    pause = _PAUSES[min(calls, len(_PAUSES)) - 1]
    closure = Closure(
        error=error, since=known.since if known else at, calls=calls, until=at + pause
    )
    tx.notes.put(
        _name(destination),
        {
            "error": closure.error,
            "since": closure.since.isoformat(),
            "calls": closure.calls,
            "until": closure.until.isoformat(),
        },
    )
    return closure


def reopen(tx: Transaction, destination: str) -> None:
    """Something was taken there; costs one read where it was open."""
    if tx.notes.get(_name(destination)):
        tx.notes.put(_name(destination), {})


def _name(destination: str) -> str:
    return f"closed/{destination}"
