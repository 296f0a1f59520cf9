"""The model's delegations."""

from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.billing.delegation import Delegation
from bot.billing.subscription import SlackUser
from bot.facts.erased import ERASED


class MemoryDelegations:
    """Who decides for whom in one workspace."""

    def __init__(self, rows: MutableMapping[str, Delegation]) -> None:
        self._rows = rows

    def add(self, delegation: Delegation) -> bool:
        new = delegation.id not in self._rows
        self._rows.setdefault(delegation.id, delegation)
        return new

    def get(self, id: str) -> Delegation | None:  # noqa: A002 - the port's word
        return self._rows.get(id)

    def open(self, *, at: datetime) -> Sequence[Delegation]:
        found = [
            each for each in self._rows.values() if each.ended_at is None and each.ends_at > at
        ]
        return sorted(found, key=lambda each: (each.starts_at, each.made_at, each.id))

    def over(self, *, at: datetime, limit: int = 5) -> Sequence[Delegation]:
        found = [
            each for each in self._rows.values() if each.ended_at is not None or each.ends_at <= at
        ]
        in_order = sorted(found, key=lambda each: each.id)
        return sorted(in_order, key=lambda each: each.ended_at or each.ends_at, reverse=True)[
            :limit
        ]

    def forget(self, person: str, *, at: datetime) -> None:
        for each in self.over(at=at, limit=len(self._rows)):
            named = {
                name: ERASED
                for name in ("approver", "delegate", "ended_by")
                if getattr(each, name) == person
            }
            wrote = {"why": ERASED} if "approver" in named else {}
            self._rows[each.id] = replace(each, **named, **wrote)

    def end(self, id: str, *, at: datetime, by: SlackUser) -> bool:  # noqa: A002
        held = self._rows.get(id)
        if held is None or held.is_over(at) or held.ended_at is not None:
            return False
        self._rows[id] = replace(held, ended_at=at, ended_by=by)
        return True
