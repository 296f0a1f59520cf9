"""Buckets: when a method may be called again, or a channel be posted in, for all replicas."""

from datetime import datetime

from sqlalchemy import bindparam, select, update

from storage.tables import pacing
from storage.types import EPOCH
from storage.work import Work

# Built once, since building it takes longer than running it.
_FREE_AT = select(pacing.c.free_at).where(
    pacing.c.team_id == bindparam("team"), pacing.c.name == bindparam("of")
)
_FREE_AT_LOCKED = _FREE_AT.with_for_update()


class SqlPacing:
    """The buckets of one workspace."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def free_at(self, name: str) -> datetime | None:
        """When, or None while it never had to wait; a writer has it to itself until it commits."""
        query = _FREE_AT
        if self._work.writing:
            self._work.connection.execute(
                self._work.insert(pacing)
                .values(team_id=self._work.team_id, name=name, free_at=EPOCH)
                .on_conflict_do_nothing()
            )
            query = _FREE_AT_LOCKED
        mine = {"team": self._work.team_id, "of": name}
        when: datetime | None = self._work.connection.scalar(query, mine)
        return None if when == EPOCH else when

    def set_free_at(self, name: str, at: datetime) -> None:
        """From then on; `free_at` was asked before in this transaction."""
        self._work.connection.execute(
            update(pacing)
            .where(pacing.c.team_id == self._work.team_id, pacing.c.name == name)
            .values(free_at=at)
        )
