"""Forgetting: what tells of a person is erased, and the record stays whole."""

from dataclasses import dataclass

from bot.ports.clock import Clock
from bot.ports.record import Named, Personal, Remains
from bot.ports.store import ErasingStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many values of the record were erased, and where the person is named nevertheless.

    `older` lines of the record were written before values were kept apart: the chain covers them.
    `remains` says where the bytes of what was erased still lie.
    """

    values: int
    requests: Named
    older: int
    remains: Remains


class Forgetting:
    """Erases one person at a time, as somebody with the command line asks for it."""

    def __init__(self, *, store: ErasingStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def forget(self, person: str, *, by: Personal) -> Forgotten:
        """Erase a person's values in the record, in closed requests and delegations, all at once.

        The record says that it was done and how often, by hashes alone. Then the files are wiped,
        also where there was nothing to erase: an earlier time may not have got so far.
        """
        with self._store.transaction() as tx:
            now = self._clock.now()
            values = tx.audit.forget(person, at=now, actor=by)
            tx.delegations.forget(person, at=now)
            tx.notes.forget(person)
            named = tx.requests.forget(person)
            older = tx.audit.naming(person)
        remains = self._store.wipe()
        return Forgotten(values=values, requests=named, older=older, remains=remains)
