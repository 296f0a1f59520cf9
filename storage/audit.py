"""The append-only record, chained by a keyed digest.

Each digest covers the one before it, so a line cannot be altered, removed or moved without the
key. The head, sealed with the same key, says how many lines there must be, so that the last ones
cannot vanish either. Triggers refuse UPDATE and DELETE to everybody else.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select, update

from bot.ports.store import AuditEntry, AuditHead
from storage.tables import audit, audit_heads
from storage.types import canonical, microseconds
from storage.work import Work

CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    at: datetime
    actor: str
    action: str
    subject: str
    facts: Mapping[str, object]


def first_seal(key: bytes, team_id: str) -> dict[str, object]:
    """The head of an empty record."""
    digest = _digest(key, f"audit of {team_id}")
    return _head(key, team_id, count=0, digest=digest)


class SqlAudit:
    """The record of one workspace."""

    def __init__(self, work: Work, key: bytes) -> None:
        self._work = work
        self._key = key
        self._lines: list[_Line] = []

    def append(
        self, *, at: datetime, actor: str, action: str, subject: str, facts: Mapping[str, object]
    ) -> None:
        """Add a line; it gets its number at the end of the transaction. Needs an aware `at`."""
        canonical(facts)  # what cannot be kept fails here, where it is said
        microseconds(at)
        self._lines.append(_Line(at=at, actor=actor, action=action, subject=subject, facts=facts))

    def write(self) -> None:
        """Write the lines of this transaction; other writers wait from here to the commit."""
        if not self._lines:
            return
        head = self._read_head(lock=True)
        count, digest = (head.entries, head.digest) if head else _unsealed(self._key, self._team)
        rows = []
        for line in self._lines:
            count += 1
            digest = _digest(self._key, digest + _text(count, line))
            rows.append(
                {
                    "team_id": self._team,
                    "number": count,
                    "at": line.at,
                    "actor": line.actor,
                    "action": line.action,
                    "subject": line.subject,
                    "facts": line.facts,
                    "digest": digest,
                }
            )
        self._work.connection.execute(audit.insert(), rows)
        self._work.connection.execute(
            update(audit_heads)
            .where(audit_heads.c.team_id == self._team)
            .values(_head(self._key, self._team, count=count, digest=digest))
        )
        self._lines.clear()

    def entries(self, subject: str | None = None) -> Iterator[AuditEntry]:
        """The lines, oldest first, read in pieces; of one subject when given."""
        self.write()
        query = select(audit).where(audit.c.team_id == self._team).order_by(audit.c.number)
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        return self._read(query.limit(CHUNK))

    def first_bad(self) -> AuditEntry | int | None:
        """The first altered or moved entry, or the number of the first that is missing.

        An entry beyond the sealed head was put in without the key. None when all is well.
        """
        digest, count = _digest(self._key, f"audit of {self._team}"), 0
        for entry in self.entries():
            count += 1
            if entry.number != count:
                return count
            line = _Line(
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                subject=entry.subject,
                facts=entry.facts,
            )
            digest = _digest(self._key, digest + _text(count, line))
            if not hmac.compare_digest(digest, entry.digest):
                return entry
        head = self._read_head(lock=False)
        sealed = _head(self._key, self._team, count=count, digest=digest)
        if head is not None and (head.entries, head.digest, head.seal) == (
            count,
            digest,
            sealed["seal"],
        ):
            return None
        return count + 1

    def head(self) -> AuditHead:
        """Where the record ends, lines of this write included."""
        self.write()
        head = self._read_head(lock=False)
        if head is None:
            return AuditHead(*_unsealed(self._key, self._team))
        return AuditHead(head.entries, head.digest)

    @property
    def _team(self) -> str:
        return self._work.team_id

    def _read(self, query: Select[Any]) -> Iterator[AuditEntry]:
        lines = self._work.connection.execute(query).all()
        while lines:
            yield from (_entry(row) for row in lines)
            further = query.where(audit.c.number > lines[-1].number)
            lines = self._work.connection.execute(further).all() if len(lines) == CHUNK else []

    def _read_head(self, *, lock: bool) -> Row[Any] | None:
        query = select(audit_heads).where(audit_heads.c.team_id == self._team)
        if lock:
            query = query.with_for_update()
        return self._work.connection.execute(query).one_or_none()


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        facts=row.facts,
        digest=row.digest,
    )


def _text(number: int, line: _Line) -> str:
    return canonical(
        {
            "number": number,
            "at": microseconds(line.at),
            "actor": line.actor,
            "action": line.action,
            "subject": line.subject,
            "facts": line.facts,
        }
    )


def _head(key: bytes, team_id: str, *, count: int, digest: str) -> dict[str, object]:
    seal = _digest(key, canonical({"team": team_id, "entries": count, "digest": digest}))
    return {"team_id": team_id, "entries": count, "digest": digest, "seal": seal}


def _unsealed(key: bytes, team_id: str) -> tuple[int, str]:
    """Where a record without a head begins; the missing head is found by `first_bad`."""
    return 0, _digest(key, f"audit of {team_id}")


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
