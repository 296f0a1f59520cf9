"""Forgetting: what tells of a person is erased, and the record stays whole."""

from dataclasses import dataclass

from bot.ports.clock import Clock
from bot.ports.record import Named, Personal
from bot.ports.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many values of the record were erased, and where the person is named nevertheless.

    `older` lines of the record were written before values were kept apart: the chain covers them.
    """

    values: int
    requests: Named
    older: int


class Forgetting:
    """Erases one person at a time, as somebody with the command line asks for it."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def forget(self, person: str, *, by: Personal) -> Forgotten:
        """Erase a person's values in the record, in closed requests and delegations, all at once.

        The record says that it was done and how often, by hashes alone.
        """
        with self._store.transaction() as tx:
            now = self._clock.now()
            values = tx.audit.forget(person, at=now, actor=by)
            tx.delegations.forget(person, at=now)
            named = tx.requests.forget(person)
            older = tx.audit.naming(person)
        return Forgotten(values=values, requests=named, older=older)
