"""Lines of the record: as they are said, as they lie in the table, and as they are read."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from bot.facts.erased import ERASED
from bot.ports.record import FORGOTTEN, Origin, Personal
from bot.ports.store import AuditEntry
from storage.chain import Head, Kept, Line
from storage.personal import IN_FACTS, IN_TEXT, found_in, hashes_in, hidden, shown
from storage.types import canonical, instant, microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line before it has a number."""

    at: datetime
    actor: str | Personal
    action: str
    subject: str
    facts: Mapping[str, object]
    origin: Origin


def personal_in(said: Said) -> Iterator[Personal]:
    """What tells of a person in a line, as it is said."""
    yield from found_in((said.actor, said.facts, said.origin))


def line_of(said: Said, hashes: Mapping[Personal, str]) -> Line:
    """The line as it is kept, with the hash in the place of each personal value."""
    actor = said.actor
    return Line(
        at=microseconds(said.at),
        actor=IN_TEXT + hashes[actor] if isinstance(actor, Personal) else actor,
        action=said.action,
        subject=said.subject,
        facts=canonical(hidden(said.facts, hashes)),
        origin=canonical(hidden(said.origin, hashes)),
    )


def hashes_of(kept: Kept) -> Iterator[str]:
    """Those that stand in a line; none in one that is no line any more."""
    if isinstance(kept.line.actor, str) and kept.line.actor.startswith(IN_TEXT):
        yield kept.line.actor.removeprefix(IN_TEXT)
    for told in (kept.line.facts, kept.line.origin):
        if told is not None and IN_FACTS in told:
            yield from hashes_in(json.loads(told))


def erased_by(kept: Kept) -> Collection[str]:
    """The hashes of what a line says that it erased."""
    if kept.line.action != FORGOTTEN:
        return ()
    erased = json.loads(kept.line.facts)["erased"]
    return [str(each) for each in erased]


def entry_of(kept: Kept, values: Mapping[str, str]) -> AuditEntry:
    """The line as it is read, its personal values put back."""
    line = kept.line
    actor = line.actor
    if actor.startswith(IN_TEXT):
        actor = values.get(actor.removeprefix(IN_TEXT), ERASED)
    return AuditEntry(
        number=kept.number,
        at=instant(line.at),
        actor=actor,
        action=line.action,
        subject=line.subject,
        facts=_object(shown(json.loads(line.facts), values)),
        origin=_object(shown(json.loads(line.origin), values)) if line.origin else None,
        digest=kept.digest,
    )


def _object(told: object) -> Mapping[str, object]:
    if not isinstance(told, dict):
        raise TypeError(told)
    return told


def row_of(team_id: str, kept: Kept) -> dict[str, object]:
    """Its columns."""
    line = kept.line
    return {
        "team_id": team_id,
        "number": kept.number,
        "at": line.at,
        "actor": line.actor,
        "action": line.action,
        "subject": line.subject,
        "facts": line.facts,
        "digest": kept.digest,
        "origin": line.origin,
    }


def kept_in(row: Row[Any]) -> Kept:
    """The line of a row."""
    line = Line(
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        facts=row.facts,
        origin=row.origin,
    )
    return Kept(number=row.number, line=line, digest=row.digest)


def columns_of(head: Head) -> dict[str, object]:
    """The columns of a head besides its key."""
    return {"entries": head.entries, "digest": head.digest, "seal": head.seal}
