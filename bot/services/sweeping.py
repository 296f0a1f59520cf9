"""Sweeping: a message that was attempted more than once is looked for once more, and hours later.

A process that was frozen between its last check and the first byte may post when somebody else has
posted already. Nothing can prevent that from outside Slack; it is taken back here.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.ports.clock import Clock
from bot.ports.messenger import Messenger, NotPosted, Posted, Undeliverable, Unsettled
from bot.ports.store import Delivery, DeliveryState, Store
from bot.services.closing import closures, is_locked_out
from bot.services.delivering import MAY_LAND, SKEW, TIMEOUT
from bot.services.pacing import Method, Pacing

log = logging.getLogger(__name__)

AGAIN = timedelta(seconds=60)
AT_ONCE = 5

ONCE_MORE_AFTER = timedelta(hours=4)
"""After it was sent: who was frozen for longer than the first sweep may have died of its post."""


class Sweeping:
    """Keeps the earliest copy of every message and deletes the others.

    Of one that was cancelled none is kept: others tell what it told.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        messenger: Messenger,
        pacing: Pacing,
        steady_since: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._clock = clock
        self._messenger = messenger
        self._pacing = pacing
        self._steady_since = steady_since

    def sweep_due(self) -> int:
        """Read what is due once more; how many copies were taken back.

        A conversation that cannot be read is read again later; nothing is forgotten. After the
        clock leapt a copy may still land, so nothing is read for a while; nor while Slack has
        stopped reading or deleting, whoever of the replicas it told.
        """
        now = self._clock.now()
        with self._store.reading() as tx:
            due_at = tx.outbox.next_sweep()
        if due_at is None or due_at > now:
            return 0
        if now < self._steady_since() + TIMEOUT + MAY_LAND or not self._may_call():
            return 0
        with self._store.transaction() as tx:
            claimed = tx.outbox.claim_sweeps(now=now, again_at=now + AGAIN, limit=AT_ONCE)
        taken_back = 0
        for delivery in claimed:
            if not self._may_call():
                break  # the others are due again in a minute
            taken_back += self._sweep(delivery, again_at=now + AGAIN)
        return taken_back

    def _may_call(self) -> bool:
        """Whether Slack lets anybody read and delete now, and accepts the token."""
        now = self._clock.now()
        with self._store.reading() as tx:
            held = (
                self._pacing.held_until(tx, each, now=now) for each in (Method.LOOK, Method.DELETE)
            )
            return not any(held) and not is_locked_out(closures(tx), now=now)

    def _sweep(self, delivery: Delivery, *, again_at: datetime) -> int:
        with self._store.reading() as tx:
            parent = tx.outbox.get(delivery.thread_of) if delivery.thread_of else None
        begun = delivery.first_at or delivery.due_at
        calling = Method.LOOK
        try:
            copies = self._messenger.copies(
                delivery.id,
                to=delivery.channel or delivery.destination,
                since=begun - SKEW,
                until=self._clock.now() + SKEW,
                thread=parent.ts if parent else None,
            )
            calling = Method.DELETE
            kept = [] if delivery.state is DeliveryState.CANCELLED else copies[:1]
            for each in copies[len(kept) :]:
                self._take_back(delivery, each)
        except Undeliverable as refused:
            log.warning("sweep.later", extra={"delivery": delivery.id, "error": refused.error})
            return 0
        except (NotPosted, Unsettled) as unread:
            self._pacing.obey(self._store, calling, unread, now=self._clock.now())
            log.warning("sweep.later", extra={"delivery": delivery.id, "error": unread.error})
            return 0
        with self._store.transaction() as tx:
            ts = kept[0].ts if kept else None
            next_at = self._once_more(delivery)
            tx.outbox.swept(delivery, ts=ts, again_at=again_at, next_at=next_at)
        return len(copies) - len(kept)

    def _once_more(self, delivery: Delivery) -> datetime | None:
        """When it is looked for the last time; None when that was now, or nobody repeated it."""
        if delivery.attempt < 2 or delivery.sent_at is None:
            return None
        last = delivery.sent_at + ONCE_MORE_AFTER
        return last if self._clock.now() < last else None

    def _take_back(self, delivery: Delivery, copy: Posted) -> None:
        self._messenger.take_back(copy)
        log.warning("sweep.taken_back", extra={"delivery": delivery.id, "ts": copy.ts})
