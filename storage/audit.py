"""The append-only record, chained by a keyed digest.

Each digest covers the one before it, so a line cannot be altered, removed or moved without the
key. The head, sealed with the same key, says how many lines there must be, so that the last ones
cannot vanish either. Triggers refuse to change, replace and remove a line, whoever asks. What is
personal lies in `storage/personal.py`; the lines hold its hashes.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    column,
    func,
    literal,
    or_,
    select,
    table,
    tuple_,
    update,
)

from bot.ports.record import FORGOTTEN, Bad, Origin, Personal, Tampering, told_origin
from bot.ports.store import AuditEntry, AuditHead
from storage.audit_lines import (
    Said,
    columns_of,
    entry_of,
    erased_by,
    hashes_of,
    kept_in,
    line_of,
    personal_in,
    row_of,
)
from storage.chain import Chain, Head, Kept
from storage.checking import Checking
from storage.personal import PersonalValues
from storage.tables import TURNED_OFF, audit, audit_heads
from storage.types import canonical
from storage.work import Work

CHUNK = 500

_RAW = table("audit", *(column(each.name) for each in audit.columns))
"""The record as it lies there: what is verified is the text itself, not what it is read as."""

# Built once: each message writes a line, and building these takes longer than running them.
_INSERT = _RAW.insert()
_HEAD = select(audit_heads).where(audit_heads.c.team_id == bindparam("team"))
_HEAD_ALONE = _HEAD.with_for_update()
_SEAL = (
    update(audit_heads)
    .where(audit_heads.c.team_id == bindparam("team"))
    .values({name: bindparam(name) for name in ("entries", "digest", "seal")})
)


def first_seal(key: bytes, team_id: str) -> dict[str, object]:
    """The head of an empty record."""
    chain = Chain(key, team_id)
    return {"team_id": team_id, **columns_of(chain.head(0, chain.start))}


class SqlAudit:
    """The record of one workspace; `origin` is where the process stands when nobody acts in it."""

    def __init__(self, work: Work, key: bytes, *, origin: Origin) -> None:
        self._work = work
        self._chain = Chain(key, work.team_id)
        self._origin = origin
        self._values = PersonalValues(work)
        self._said: list[Said] = []

    def append(
        self,
        *,
        at: datetime,
        actor: str | Personal,
        action: str,
        subject: str,
        facts: Mapping[str, object],
    ) -> None:
        """Add a line; it gets its number at the end of the transaction. Needs an aware `at`."""
        origin = told_origin()
        said = Said(
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            facts=facts,
            origin=self._origin if origin is None else origin,
        )
        line_of(said, dict.fromkeys(personal_in(said), ""))  # what cannot be kept fails here
        self._said.append(said)

    def write(self) -> None:
        """Write the lines of this transaction; other writers wait from here to the commit."""
        if not self._said:
            return
        head = self._read_head(lock=True) or self._chain.head(0, self._chain.start)
        count, digest = head.entries, head.digest
        hashes = self._values.keep({each for said in self._said for each in personal_in(said)})
        rows = []
        for said in self._said:
            line = line_of(said, hashes)
            count += 1
            digest = self._chain.digest(digest, count, line)
            rows.append(row_of(self._work.team_id, Kept(number=count, line=line, digest=digest)))
        self._work.connection.execute(_INSERT, rows)
        sealed = columns_of(self._chain.head(count, digest))
        self._work.connection.execute(_SEAL, {"team": self._work.team_id, **sealed})
        self._said.clear()

    def entries(self, subject: str | None = None) -> Iterator[AuditEntry]:
        """The lines, oldest first, read in pieces; of one subject when given."""
        self.write()
        for lines in self._pieces(subject):
            yield from self._told(lines)

    def turned_off(self) -> Iterator[AuditEntry]:
        """Where auto-renewal was turned off, by subject, then oldest first, read in pieces."""
        self.write()
        place = (_RAW.c.subject, _RAW.c.number)
        query = select(_RAW).where(_mine(self._work), TURNED_OFF).order_by(*place).limit(CHUNK)
        lines = self._read(query)
        while lines:
            yield from self._told(lines)
            last = tuple_(literal(lines[-1].line.subject), literal(lines[-1].number))
            lines = self._read(query.where(tuple_(*place) > last)) if len(lines) == CHUNK else []

    def first_bad(self) -> Bad | None:
        """The first entry that is not as it was written; None when all are."""
        self.write()
        with self._whatever_it_is():
            return self._first_bad()

    @contextmanager
    def _whatever_it_is(self) -> Iterator[None]:
        """Read texts as they lie there: SQLite keeps bytes that are none, PostgreSQL does not."""
        connection = self._work.connection.connection.driver_connection
        if not isinstance(connection, sqlite3.Connection):
            yield
            return
        decoded = connection.text_factory
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        try:
            yield
        finally:
            connection.text_factory = decoded

    def _first_bad(self) -> Bad | None:
        total = self._work.connection.scalar(
            select(func.count()).select_from(_RAW).where(_mine(self._work))
        )
        checking = Checking(
            self._chain, read=self._kept, head=self._read_head(lock=False), total=total or 0
        )
        bad = checking.first_bad()
        return self._first_bad_value(before=bad.number if bad else None) or bad

    def head(self) -> AuditHead:
        """Where the record ends, lines of this write included."""
        self.write()
        head = self._read_head(lock=False) or self._chain.head(0, self._chain.start)
        return AuditHead(head.entries, head.digest)

    def numbered(self, digest: str) -> int | None:
        """The number of the line whose digest begins so, 0 for that of an empty record."""
        self.write()
        if self._chain.start.startswith(digest):
            return 0
        found: int | None = self._work.connection.scalar(
            select(func.min(_RAW.c.number)).where(
                _mine(self._work), _RAW.c.digest.startswith(digest, autoescape=True)
            )
        )
        return found

    def forget(self, person: str, *, at: datetime, actor: str | Personal) -> int:
        """Erase every personal value of a person; how many there were. The record says so."""
        self.write()
        own, erased = self._values.erase(person)
        for start in range(0, len(erased), CHUNK):
            piece = erased[start : start + CHUNK]
            self.append(
                at=at,
                actor=actor,
                action=FORGOTTEN,
                subject="personal values",
                facts={"person": own, "values": len(piece), "erased": piece},
            )
        return len(erased)

    def naming(self, person: str) -> int:
        """How many lines hold a person's id itself: those written before ids were kept apart."""
        told = _RAW.c.facts.contains(canonical(person), autoescape=True)
        return self._count(_mine(self._work), or_(_RAW.c.actor == person, told))

    def _first_bad_value(self, *, before: int | None) -> Bad | None:
        """The first line of which a personal value was altered, or removed unless the record says.

        What the record says holds only where the record itself is whole.
        """
        missing: dict[str, int] = {}
        for lines in self._pieces(None):
            sound = [kept for kept in lines if before is None or kept.number < before]
            places = {each: kept.number for kept in reversed(sound) for each in hashes_of(kept)}
            altered, gone = self._values.altered(places)
            if altered:
                number = min(places[each] for each in altered)
                return Bad(number=number, how=Tampering.VALUE_ALTERED)
            for each in gone:
                missing.setdefault(each, places[each])
            for kept in sound:
                for each in erased_by(kept):
                    missing.pop(each, None)
            if len(sound) < len(lines):
                break
        if before is not None or not missing:
            return None
        return Bad(number=min(missing.values()), how=Tampering.VALUE_REMOVED)

    def _count(self, *conditions: ColumnElement[bool]) -> int:
        counted = select(func.count()).select_from(_RAW).where(*conditions)
        found: int = self._work.connection.scalar(counted) or 0
        return found

    def _told(self, lines: Sequence[Kept]) -> Iterator[AuditEntry]:
        values = self._values.read({each for kept in lines for each in hashes_of(kept)})
        return (entry_of(kept, values) for kept in lines)

    def _kept(self) -> Iterator[Kept]:
        for lines in self._pieces(None):
            yield from lines

    def _pieces(self, subject: str | None) -> Iterator[Sequence[Kept]]:
        query = select(_RAW).where(_mine(self._work)).order_by(_RAW.c.number).limit(CHUNK)
        if subject is not None:
            query = query.where(_RAW.c.subject == subject)
        lines = self._read(query)
        while lines:
            yield lines
            further = query.where(_RAW.c.number > lines[-1].number)
            lines = self._read(further) if len(lines) == CHUNK else []

    def _read(self, query: Select[Any]) -> Sequence[Kept]:
        return [kept_in(row) for row in self._work.connection.execute(query)]

    def _read_head(self, *, lock: bool) -> Head | None:
        query = _HEAD_ALONE if lock else _HEAD
        row = self._work.connection.execute(query, {"team": self._work.team_id}).one_or_none()
        return Head(entries=row.entries, digest=row.digest, seal=row.seal) if row else None


def _mine(work: Work) -> ColumnElement[bool]:
    return _RAW.c.team_id == work.team_id
