"""Delegations: who decides for whom, and from when to when."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import func, or_, select, update

from bot.billing.delegation import Delegation
from bot.billing.subscription import SlackUser
from storage import forgetting
from storage.tables import NOT_ENDED, delegations
from storage.work import Work, picked

_ROW = delegations.c
_FIELDS = tuple(field.name for field in fields(Delegation))


class SqlDelegations:
    """The delegations of one workspace."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, delegation: Delegation) -> bool:
        """Write a new one; False when its id is known already."""
        row = {name: getattr(delegation, name) for name in _FIELDS}
        new = self._work.connection.scalars(
            self._work.insert(delegations)
            .values(team_id=self._work.team_id, **row)
            .on_conflict_do_nothing()
            .returning(_ROW.id)
        ).all()
        return bool(new)

    def get(self, id: str) -> Delegation | None:  # noqa: A002 - the field's own word
        """One of them, ended or not."""
        row = self._work.connection.execute(
            select(delegations).where(_ROW.team_id == self._work.team_id, _ROW.id == id)
        ).one_or_none()
        return None if row is None else Delegation(**picked(row, _FIELDS))

    def open(self, *, at: datetime) -> Sequence[Delegation]:
        """Those in force or still ahead, in the order in which they begin."""
        query = (
            select(delegations)
            .where(_ROW.team_id == self._work.team_id, NOT_ENDED, _ROW.ends_at > at)
            .order_by(_ROW.starts_at, _ROW.made_at, _ROW.id)
        )
        if self._work.writing:
            query = query.with_for_update(read=True)
        found = self._work.connection.execute(query)
        return [Delegation(**picked(row, _FIELDS)) for row in found]

    def over(self, *, at: datetime, limit: int = 5) -> Sequence[Delegation]:
        """Those that are over, the newest end first; people make few, so all are looked at."""
        end = func.coalesce(_ROW.ended_at, _ROW.ends_at)
        found = self._work.connection.execute(
            select(delegations)
            .where(
                _ROW.team_id == self._work.team_id,
                or_(_ROW.ends_at <= at, _ROW.ended_at.is_not(None)),
            )
            .order_by(end.desc(), _ROW.id)
            .limit(limit)
        )
        return [Delegation(**picked(row, _FIELDS)) for row in found]

    def forget(self, person: str, *, at: datetime) -> None:
        """Erase in those that are over who a person is and what the person wrote."""
        forgetting.forget_delegations(self._work, person, at=at)

    def end(self, id: str, *, at: datetime, by: SlackUser) -> bool:  # noqa: A002
        """End one; False when it has ended already, or there is none."""
        ended = self._work.connection.scalars(
            update(delegations)
            .where(_ROW.team_id == self._work.team_id, _ROW.id == id, NOT_ENDED, _ROW.ends_at > at)
            .values(ended_at=at, ended_by=by)
            .returning(_ROW.id)
        ).all()
        return bool(ended)
