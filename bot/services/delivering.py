"""Delivering: every message once, although Slack cannot be told twice safely.

Claim, record the intent, attempt once, record the outcome. What is not known to have failed is
never posted again before it can no longer land and the conversation's history does not show it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.facts.messages import Discreet, Message, ReminderMessage, Timing
from bot.ports.clock import Clock
from bot.ports.messenger import Messenger, NotPosted, Posted, Undeliverable, Unsettled
from bot.ports.store import Delivery, DeliveryState, ReminderState, Store, Transaction
from bot.services.announcing import timing_of
from bot.services.armed import cancel
from bot.services.composing import REMINDERS, Composing, NotYet
from bot.services.rerouting import Rerouting

log = logging.getLogger(__name__)

TIMEOUT = timedelta(seconds=10)
"""T: an attempt is over after this long."""

MAY_LAND = timedelta(seconds=30)
"""D: a request may still land this long after its attempt was over."""

SWEEP_AFTER = 2 * (TIMEOUT + MAY_LAND)
"""When a message that was attempted more than once is looked for once more."""

LEASE = timedelta(seconds=60)

AT_ONCE = 5
"""Deliveries that one claim takes: their attempts together are shorter than the lease."""

SKEW = timedelta(seconds=60)
"""How far Slack's clock may be from ours when history is searched."""

FIRST_LOOK = timedelta(seconds=10)
LAST_LOOK = timedelta(minutes=15)

PREFER_DUPLICATE_AFTER = timedelta(hours=6)
"""After so long without a readable history a message is posted again and says so."""

SOON = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)

_STATES = {
    Timing.ON_TIME: ReminderState.SENT,
    Timing.LATE: ReminderState.LATE,
    Timing.MISSED: ReminderState.MISSED,
}
_TERMINAL = frozenset({DeliveryState.UNDELIVERABLE, DeliveryState.CANCELLED})
_OPEN = frozenset({DeliveryState.SENDING, DeliveryState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A message with where it goes; `ts` is the thread's, or that of the message to replace."""

    message: Message
    to: str
    ts: str | None
    reminder_ids: tuple[str, ...]


class Delivering:
    """The engine; any number of replicas may run it on one store."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        messenger: Messenger,
        composing: Composing,
        rerouting: Rerouting,
    ) -> None:
        self._store = store
        self._clock = clock
        self._messenger = messenger
        self._composing = composing
        self._rerouting = rerouting

    def send_due(self, limit: int = 50) -> int:
        """Carry what is due, each stream in its order; how many deliveries were handled.

        A surprise with one delivery leaves it to a later claim and is raised when the others are
        done, so that one message never holds up the rest.
        """
        handled = 0
        surprises: list[Exception] = []
        while handled < limit:
            now = self._clock.now()
            claimed = self._claim(min(AT_ONCE, limit - handled), now=now)
            for delivery in claimed:
                # What would outlast the lease is left to the next claim.
                if self._clock.now() <= now + LEASE - TIMEOUT:
                    try:
                        self._carry(delivery)
                    except Exception as surprise:  # noqa: BLE001 - raised again below
                        surprises.append(surprise)
            handled += len(claimed)
            if not claimed:
                break
        if surprises:
            raise surprises[0]
        return handled

    def _claim(self, limit: int, *, now: datetime) -> Sequence[Delivery]:
        with self._store.reading() as tx:
            due_at = tx.outbox.next_due()
        if due_at is None or due_at > now:
            return ()
        with self._store.transaction() as tx:
            return tx.outbox.claim(now=now, lease_until=now + LEASE, limit=limit)

    def _carry(self, delivery: Delivery) -> None:
        if delivery.update_of is not None:
            self._replace(delivery)
        elif delivery.state in _OPEN and delivery.started_at is not None:
            self._look(delivery, started_at=delivery.started_at)
        else:
            self._drop(delivery)
            self._post(delivery)

    def _look(self, delivery: Delivery, *, started_at: datetime) -> None:
        """Find out whether an attempt landed, and only then repeat it."""
        now = self._clock.now()
        lands_until = started_at + TIMEOUT + MAY_LAND
        if now < lands_until:
            self._unknown(delivery, error=delivery.error, again_at=lands_until)
            return
        try:
            found = self._landed(delivery, started_at=started_at, until=lands_until)
        except NotYet:
            self._unknown(delivery, error=delivery.error, again_at=now + SOON)
        except Unsettled as unreadable:
            if now - started_at >= PREFER_DUPLICATE_AFTER:
                self._post(delivery, may_repeat=True)
                return
            wait = min(max((now - started_at) / 2, FIRST_LOOK), LAST_LOOK)
            self._unknown(delivery, error=unreadable.error, again_at=now + wait)
        else:
            if found:
                self._sent(delivery, found, at=started_at)
            else:
                self._post(delivery)

    def _landed(
        self, delivery: Delivery, *, started_at: datetime, until: datetime
    ) -> Posted | None:
        """The first copy that an attempt left; None when none is there, or nothing is to be said.

        Raises NotYet while the message before it is not out, Unsettled when nobody can read.
        """
        ready = self._ready(delivery)
        if ready is None:
            return None
        copies = self._messenger.copies(
            delivery.id,
            to=ready.to,
            since=(delivery.first_at or started_at) - SKEW,
            until=until + SKEW,
            thread=ready.ts,
        )
        return copies[0] if copies else None

    def _drop(self, delivery: Delivery) -> None:
        """Take out of a reminder what no longer holds, before anybody reads it."""
        now = self._clock.now()
        with self._store.reading() as tx:
            dropped = self._composing.dropped(tx, delivery, now=now)
        if dropped:
            with self._store.transaction() as tx:
                for row, reason in dropped:
                    cancel(tx, row, reason=reason)

    def _post(self, delivery: Delivery, *, may_repeat: bool = False) -> None:
        prepared = self._prepare(delivery)
        if prepared is None:
            return
        begun, ready = prepared
        message = _repeating(ready.message) if may_repeat else ready.message
        try:
            posted = self._messenger.post(
                message,
                to=ready.to,
                delivery_id=begun.id,
                reminder_ids=ready.reminder_ids,
                thread=ready.ts,
            )
        except NotPosted as refused:
            _tell("delivery.not_posted", begun, refused.error)
            self._later(begun, error=refused.error, seconds=refused.retry_after)
        except Undeliverable as refused:
            _tell("delivery.undeliverable", begun, refused.error)
            self._rerouting.undeliverable(begun, error=refused.error)
        except Unsettled as lost:
            _tell("delivery.unknown", begun, lost.error)
            started_at = begun.started_at or self._clock.now()
            self._unknown(begun, error=lost.error, again_at=started_at + TIMEOUT + MAY_LAND)
        else:
            self._sent(begun, posted, at=self._clock.now())

    def _replace(self, delivery: Delivery) -> None:
        """Bring a message up to date; repeating this is harmless, so nothing is looked up."""
        with self._store.reading() as tx:
            newer = tx.outbox.superseded(delivery)
        if newer:
            self._cancel(delivery, error="a newer state follows")
            return
        prepared = self._prepare(delivery)
        if prepared is None:
            return
        begun, ready = prepared
        at = Posted(ready.to, ready.ts or "")
        try:
            self._messenger.update(ready.message, at=at)
        except (NotPosted, Unsettled) as refused:
            _tell("delivery.not_replaced", begun, refused.error)
            wait = refused.retry_after if isinstance(refused, NotPosted) else 0.0
            self._later(begun, error=refused.error, seconds=wait)
        except Undeliverable as refused:
            _tell("delivery.not_replaced", begun, refused.error)
            now = self._clock.now()
            with self._store.transaction() as tx:
                tx.outbox.settle(
                    begun, state=DeliveryState.UNDELIVERABLE, at=now, error=refused.error
                )
        else:
            self._sent(begun, at, at=self._clock.now())

    def _prepare(self, delivery: Delivery) -> tuple[Delivery, _Ready] | None:
        """Compose and record the intent, durably; None when there is nothing to attempt now."""
        try:
            ready = self._ready(delivery)
        except NotYet:
            self._wait(delivery)
            return None
        if ready is None:
            self._cancel(delivery, error="nothing to say any more")
            return None
        with self._store.transaction() as tx:
            begun = tx.outbox.begin(delivery, at=self._clock.now())
        return (begun, ready) if begun is not None else None

    def _ready(self, delivery: Delivery) -> _Ready | None:
        now = self._clock.now()
        with self._store.reading() as tx:
            place = _place(tx, delivery)
            message = self._composing.compose(tx, delivery, now=now) if place else None
            if place is None or message is None:
                return None
            ids = self._composing.reminder_ids(tx, delivery)
            return _Ready(message=message, to=place[0], ts=place[1], reminder_ids=ids)

    def _sent(self, delivery: Delivery, posted: Posted, *, at: datetime) -> None:
        with self._store.transaction() as tx:
            held = tx.outbox.settle(
                delivery,
                state=DeliveryState.SENT,
                at=at,
                channel=posted.channel,
                ts=posted.ts,
                sweep_at=at + SWEEP_AFTER if delivery.attempt > 1 else None,
            )
            if not held:
                self._taken_over(tx, delivery)
            if held and delivery.kind in REMINDERS and delivery.update_of is None:
                timing, why = timing_of(delivery, at=at)
                tx.reminders.settle(delivery.id, state=_STATES[timing], at=at, reason=why or "")

    def _unknown(self, delivery: Delivery, *, error: str | None, again_at: datetime) -> None:
        with self._store.transaction() as tx:
            held = tx.outbox.settle(
                delivery,
                state=DeliveryState.UNKNOWN,
                at=self._clock.now(),
                error=error,
                again_at=again_at,
            )
            if not held:
                self._taken_over(tx, delivery)
            if held and delivery.kind in REMINDERS:
                tx.reminders.settle(
                    delivery.id, state=ReminderState.UNKNOWN, at=None, reason=error or ""
                )

    def _taken_over(self, tx: Transaction, delivery: Delivery) -> None:
        """Somebody else holds it by now and may have posted it as well: look once more."""
        tx.outbox.sweep(delivery.id, at=self._clock.now() + TIMEOUT + MAY_LAND)

    def _later(self, delivery: Delivery, *, error: str | None, seconds: float) -> None:
        """Certainly not posted: try again, later each time and never before Slack allows it."""
        backing_off = min(timedelta(seconds=2 ** min(delivery.attempt, 9)), LONGEST_WAIT)
        self._pend(delivery, error=error, wait=max(backing_off, timedelta(seconds=seconds)))

    def _wait(self, delivery: Delivery) -> None:
        self._pend(delivery, error=None, wait=SOON)

    def _pend(self, delivery: Delivery, *, error: str | None, wait: timedelta) -> None:
        now = self._clock.now()
        with self._store.transaction() as tx:
            held = tx.outbox.settle(
                delivery, state=DeliveryState.PENDING, at=now, error=error, again_at=now + wait
            )
            if held and delivery.kind in REMINDERS and delivery.update_of is None:
                # Nothing was posted for certain, so what an earlier attempt left open waits again.
                tx.reminders.settle(delivery.id, state=ReminderState.ARMED, at=None)

    def _cancel(self, delivery: Delivery, *, error: str) -> None:
        now = self._clock.now()
        with self._store.transaction() as tx:
            tx.outbox.settle(delivery, state=DeliveryState.CANCELLED, at=now, error=error)


def _tell(event: str, delivery: Delivery, error: str) -> None:
    facts = {"delivery": delivery.id, "attempt": delivery.attempt, "error": error}
    log.warning(event, extra=facts)


def _repeating(message: Message) -> Message:
    if isinstance(message, Discreet) and isinstance(message.message, ReminderMessage):
        return replace(message, message=replace(message.message, may_repeat=True))
    return replace(message, may_repeat=True) if isinstance(message, ReminderMessage) else message


def _place(tx: Transaction, delivery: Delivery) -> tuple[str, str | None] | None:
    """The conversation and the thread, or the message to replace; None when it never came to be.

    Raises NotYet while the message that it hangs on is not out.
    """
    on = delivery.update_of or delivery.thread_of
    if on is None:
        return delivery.destination, None
    parent = tx.outbox.get(on)
    if parent is None or parent.state in _TERMINAL:
        return None
    if parent.channel is None or parent.ts is None:
        raise NotYet
    return parent.channel, parent.ts
