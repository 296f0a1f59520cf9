"""Notes and redeliveries."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import bindparam, delete, select

from storage import forgetting
from storage.rows import CHUNK
from storage.tables import notes, seen_events
from storage.work import Work

REMEMBERED = timedelta(days=1)
"""Slack redelivers within minutes; a day leaves room for a long outage."""


# Built once, since building it takes longer than running it.
_GET = select(notes.c.value).where(
    notes.c.team_id == bindparam("team"), notes.c.name == bindparam("of")
)
_GET_LOCKED = _GET.with_for_update()


class SqlNotes:
    """Small facts by name."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._looked_up: dict[str, Mapping[str, object] | None] = {}

    def look_up(self, names: Collection[str]) -> None:
        """Read many at once: `get` answers from it until a write."""
        if self._looked_up.keys() >= set(names):
            return
        self._looked_up = dict.fromkeys(names)
        wanted = sorted(self._looked_up)
        for start in range(0, len(wanted), CHUNK):
            found = self._work.connection.execute(
                select(notes.c.name, notes.c.value).where(
                    notes.c.team_id == self._work.team_id,
                    notes.c.name.in_(wanted[start : start + CHUNK]),
                )
            )
            self._looked_up |= {row.name: row.value for row in found}

    def get(self, name: str) -> Mapping[str, object] | None:
        """The fact, or None."""
        if name in self._looked_up:
            return self._looked_up[name]
        value = self._work.connection.scalar(_GET, {"team": self._work.team_id, "of": name})
        return cast("Mapping[str, object] | None", value)

    def held(self, name: str) -> Mapping[str, object]:
        """The fact, empty when there is none, for this writer alone; SQLite has one writer."""
        if not self._work.on_postgres:
            self._looked_up.pop(name, None)
            return self.get(name) or {}
        row = {"team_id": self._work.team_id, "name": name, "value": {}}
        self._work.connection.execute(self._work.insert(notes).values(row).on_conflict_do_nothing())
        value = self._work.connection.scalar(_GET_LOCKED, {"team": self._work.team_id, "of": name})
        return cast("Mapping[str, object]", value)

    def put(self, name: str, value: Mapping[str, object]) -> None:
        """Write or replace it; decimals, dates and money become text."""
        self._looked_up = {}
        row = {"team_id": self._work.team_id, "name": name, "value": dict(value)}
        insert = self._work.insert(notes).values(row)
        self._work.connection.execute(
            insert.on_conflict_do_update(
                index_elements=["team_id", "name"], set_={"value": insert.excluded["value"]}
            )
        )

    def forget(self, person: str) -> None:
        """Erase who it was that a fact is `by`."""
        self._looked_up = {}
        forgetting.forget_notes(self._work, person)

    def seen(self, event: str, *, at: datetime) -> bool:
        """True the first time an event id is shown, False on redelivery within a day."""
        team_id = self._work.team_id
        self._work.connection.execute(
            delete(seen_events).where(
                seen_events.c.team_id == team_id, seen_events.c.at < at - REMEMBERED
            )
        )
        new = self._work.connection.scalars(
            self._work.insert(seen_events)
            .values(team_id=team_id, event=event, at=at)
            .on_conflict_do_nothing()
            .returning(seen_events.c.event)
        ).all()
        return bool(new)
