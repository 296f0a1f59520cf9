"""Sweeping: a message that was attempted more than once is looked for once more.

A process that was frozen between its last check and the first byte may post when somebody else has
posted already. Nothing can prevent that from outside Slack; it is taken back here.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.ports.clock import Clock
from bot.ports.messenger import Messenger, NotPosted, Posted, Undeliverable, Unsettled
from bot.ports.store import Delivery, Store
from bot.services.delivering import MAY_LAND, SKEW, TIMEOUT

log = logging.getLogger(__name__)

AGAIN = timedelta(seconds=60)
AT_ONCE = 5


class Sweeping:
    """Keeps the earliest copy of every message and deletes the others."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        messenger: Messenger,
        steady_since: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._clock = clock
        self._messenger = messenger
        self._steady_since = steady_since

    def sweep_due(self) -> int:
        """Read what is due once more; how many copies were taken back.

        A conversation that cannot be read is read again later; nothing is forgotten. After the
        clock leapt a copy may still land, so nothing is read for a while.
        """
        now = self._clock.now()
        with self._store.reading() as tx:
            due_at = tx.outbox.next_sweep()
        if due_at is None or due_at > now:
            return 0
        if now < self._steady_since() + TIMEOUT + MAY_LAND:
            return 0
        with self._store.transaction() as tx:
            claimed = tx.outbox.claim_sweeps(now=now, again_at=now + AGAIN, limit=AT_ONCE)
        return sum(self._sweep(delivery, again_at=now + AGAIN) for delivery in claimed)

    def _sweep(self, delivery: Delivery, *, again_at: datetime) -> int:
        with self._store.reading() as tx:
            parent = tx.outbox.get(delivery.thread_of) if delivery.thread_of else None
        begun = delivery.first_at or delivery.due_at
        try:
            copies = self._messenger.copies(
                delivery.id,
                to=delivery.channel or delivery.destination,
                since=begun - SKEW,
                until=self._clock.now() + SKEW,
                thread=parent.ts if parent else None,
            )
            for later in copies[1:]:
                self._take_back(delivery, later)
        except (NotPosted, Undeliverable, Unsettled) as unread:
            log.warning("sweep.later", extra={"delivery": delivery.id, "error": unread.error})
            return 0
        with self._store.transaction() as tx:
            ts = copies[0].ts if copies else None
            tx.outbox.swept(delivery, ts=ts, again_at=again_at)
        return max(0, len(copies) - 1)

    def _take_back(self, delivery: Delivery, copy: Posted) -> None:
        self._messenger.take_back(copy)
        log.warning("sweep.taken_back", extra={"delivery": delivery.id, "ts": copy.ts})
