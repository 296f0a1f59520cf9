"""A process that dies at a numbered step: what it wrote before is all that is left of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.ports.store import Store, Transaction


class Killed(BaseException):
    """The process dies at this step."""


class Steps:
    """Counts the steps of a run and kills it once, at one of them."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at = kill_at
        self.taken = 0

    def step(self) -> None:
        self.taken += 1
        if self.taken == self._kill_at:
            raise Killed


class MortalStore:
    """A store whose process may die right before and right after each commit."""

    def __init__(self, store: Store, steps: Steps) -> None:
        self._store = store
        self._steps = steps
        self.accounts = store.accounts
        self.reading = store.reading
        self.give_way = store.give_way

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._store.transaction() as tx:
            yield tx
            self._steps.step()
        self._steps.step()
