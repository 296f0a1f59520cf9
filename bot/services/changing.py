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
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            try:
                with self._store.transaction() as tx:
                    request = load(tx, number)
                    try:
                        moved = move(tx, request, now)
                    except UnsubscriptionError as error:
                        raise RequestRefused(error, request) from error
                    return recording.save(tx, request, moved, policy=self._policy, at=now)
            except ChangedMeanwhile:
                continue
        raise Busy(number)


def load(tx: Transaction, number: int) -> Request:
    """One request; raises UnknownRequest."""
    request = tx.requests.get(number)
    if request is None:
        raise UnknownRequest(number)
    return request
