"""Changing: load a request, decide, save it with everything owed; first come, first served."""

from collections.abc import Callable
from datetime import datetime

from bot.billing.unsubscription import Request, UnsubscriptionError
from bot.ports.clock import Clock
from bot.ports.store import ChangedMeanwhile, Store, Transaction
from bot.services import recording
from bot.services.errors import Busy, RequestRefused, UnknownRequest
from bot.services.policy import Policy

ATTEMPTS = 5
"""How often a decision is taken again when somebody else saved first."""


class Changing:
    """Changes requests as people ask for it."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    def save(
        self, number: int, move: Callable[[Transaction, Request, datetime], Request]
    ) -> Request:
        """Load, decide, save with everything owed; decide again when somebody saved first.

        Raises UnknownRequest, RequestRefused for what the rules refuse, and Busy.
        """

        def moved(tx: Transaction, at: datetime) -> Request:
            request = load(tx, number)
            try:
                saved = move(tx, request, at)
            except UnsubscriptionError as error:
                raise RequestRefused(error, request) from error
            return recording.save(tx, request, saved, policy=self._policy, at=at)

        return self._first_come(moved, number)

    def ask(self, ask: Callable[[Transaction, datetime], Request]) -> Request:
        """Make a new one, and again when somebody else saved first; raises Busy."""
        return self._first_come(ask, None)

    def _first_come(
        self, make: Callable[[Transaction, datetime], Request], number: int | None
    ) -> Request:
        for _ in range(ATTEMPTS):
            try:
                with self._store.transaction() as tx:
                    return make(tx, self._clock.now())
            except ChangedMeanwhile:
                continue
        raise Busy(number)


def load(tx: Transaction, number: int) -> Request:
    """One request; raises UnknownRequest."""
    request = tx.requests.get(number)
    if request is None:
        raise UnknownRequest(number)
    return request
