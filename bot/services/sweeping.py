"""Sweeping: a message that was attempted more than once is looked for once more, and hours later.

A process that was frozen between its last check and the first byte may post when somebody else has
posted already. Nothing can prevent that from outside Slack; it is taken back here.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.billing.subscription import SlackUser
from bot.ports.clock import Clock
from bot.ports.messenger import Messenger, NotPosted, Posted, Undeliverable, Unsettled
from bot.ports.store import Delivery, DeliveryState, Store, Transaction
from bot.services import filing
from bot.services.alarming import OPERATOR_WARNING, alarm
from bot.services.closing import closures, is_locked_out
from bot.services.delivering import MAY_LAND, SKEW, TIMEOUT
from bot.services.filing import Became
from bot.services.lingering import Lingering, begun, is_limited, lingering, note, trouble_of
from bot.services.owing import shown_again
from bot.services.pacing import Method, Pacing

log = logging.getLogger(__name__)

AGAIN = timedelta(seconds=60)
AT_ONCE = 5

ONCE_MORE_AFTER = timedelta(hours=4)
"""After it was sent: who was frozen for longer than the first sweep may have died of its post."""

SURPRISE = "Lapse failed, as its log says"

Trouble = NotPosted | Undeliverable | Unsettled


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The copy that stays, how many were taken back, and what came between."""

    ts: str | None = None
    taken_back: tuple[Posted, ...] = ()
    stays: bool = False
    trouble: Trouble | None = None


class Sweeping:
    """Keeps the earliest copy of every message and deletes the others.

    Of one that was cancelled none is kept: others tell what it told. A copy that a sweep is to find
    has landed between the first attempt and the instant for which the sweep was asked: so much is
    read, however long that takes, and a copy that comes later is another sweep's, which whoever
    posts it asks for. What Slack does not let Lapse read or delete is given up after a few calls,
    told to operators once and counted in status.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        messenger: Messenger,
        pacing: Pacing,
        steady_since: Callable[[], datetime],
        operators: Callable[[], Sequence[SlackUser]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._messenger = messenger
        self._pacing = pacing
        self._steady_since = steady_since
        self._operators = operators

    def sweep_due(self) -> int:
        """Read what is due once more; how many copies were taken back.

        What cannot be read or deleted waits ever longer, so that it holds up no other, and what
        is read a page at a time goes behind the others after each. So does a surprise with one,
        which is raised when the others are done. After the clock leapt a copy may still land, so
        nothing is read for a while; nor while Slack has stopped reading or deleting, whoever of
        the replicas it told.
        """
        taken_back = 0
        surprises: list[Exception] = []
        for _ in range(AT_ONCE):
            delivery = self._claim()
            if delivery is None:
                break
            try:
                taken_back += self._sweep(delivery)
            except Exception as surprise:  # noqa: BLE001 - raised again below
                surprises.append(surprise)
                self._put_off(delivery, _Found(trouble=Unsettled(SURPRISE)))
        if surprises:
            raise surprises[0]
        return taken_back

    def _claim(self) -> Delivery | None:
        """The one that is due for longest, if it may be looked for now; by others in a minute."""
        now = self._clock.now()
        with self._store.reading() as tx:
            due_at = tx.outbox.next_sweep()
        if due_at is None or due_at > now:
            return None
        if now < self._steady_since() + TIMEOUT + MAY_LAND or not self._may_call():
            return None
        with self._store.transaction() as tx:
            claimed = tx.outbox.claim_sweeps(now=now, again_at=now + AGAIN, limit=1)
        return claimed[0] if claimed else None

    def _may_call(self) -> bool:
        """Whether Slack lets anybody read and delete now, and accepts the token."""
        now = self._clock.now()
        with self._store.reading() as tx:
            held = (
                self._pacing.held_until(tx, each, now=now) for each in (Method.LOOK, Method.DELETE)
            )
            return not any(held) and not is_locked_out(closures(tx), now=now)

    def _sweep(self, delivery: Delivery) -> int:
        if delivery.update_of is not None:
            self._show_again(delivery)
            return 0
        with self._store.reading() as tx:
            parent = tx.outbox.get(delivery.thread_of) if delivery.thread_of else None
            known = lingering(tx, now=self._clock.now()).get(delivery.id)
        found = self._look(delivery, known, thread=parent.ts if parent else None)
        if found.trouble is None and not found.stays:
            self._end(delivery, found, is_known=known is not None)
        else:
            self._put_off(delivery, found)
        return len(found.taken_back)

    def _file(self, tx: Transaction, delivery: Delivery, found: _Found) -> None:
        for each in found.taken_back:
            filing.message(
                tx,
                delivery,
                Became.TAKEN_BACK,
                at=self._clock.now(),
                channel=each.channel,
                ts=each.ts,
            )

    def _show_again(self, delivery: Delivery) -> None:
        """Owe the present state of a message once more, since an old update may have come over it.

        It goes the way of every update, so that what changes meanwhile is shown after it.
        """
        with self._store.transaction() as tx:
            tx.outbox.owe(shown_again(delivery, at=self._clock.now()))
            tx.outbox.swept(delivery, ts=delivery.ts)

    def _look(self, delivery: Delivery, known: Lingering | None, *, thread: str | None) -> _Found:
        since = delivery.first_at or delivery.due_at
        until = delivery.sweep_until or self._clock.now()
        try:
            copies = self._messenger.copies(
                delivery.id,
                to=delivery.channel or delivery.destination,
                since=since - SKEW,
                until=until + SKEW,
                thread=thread,
            )
        except Unsettled as unread:
            self._pacing.obey(self._store, Method.LOOK, unread, now=self._clock.now())
            return _Found(trouble=unread)
        kept = [] if delivery.state is DeliveryState.CANCELLED else copies[:1]
        found = _Found(ts=kept[0].ts if kept else None)
        surplus = copies[len(kept) :]
        if surplus and known is not None and known.is_hopeless:
            return replace(found, stays=True)
        return self._take_back(delivery, surplus, found)

    def _take_back(self, delivery: Delivery, copies: Sequence[Posted], found: _Found) -> _Found:
        for each in copies:
            try:
                self._messenger.take_back(each)
            except NotPosted as refused:
                self._pacing.obey(self._store, Method.DELETE, refused, now=self._clock.now())
                return replace(found, trouble=refused)
            except Undeliverable as refused:
                return replace(found, trouble=refused)
            log.warning("sweep.taken_back", extra={"delivery": delivery.id, "ts": each.ts})
            found = replace(found, taken_back=(*found.taken_back, each))
        return found

    def _end(self, delivery: Delivery, found: _Found, *, is_known: bool) -> None:
        with self._store.transaction() as tx:
            self._file(tx, delivery, found)
            if is_known:
                note(tx, delivery, None, at=self._clock.now())
            last = _once_more(delivery)
            tx.outbox.swept(delivery, ts=found.ts, next_at=last, until=last)

    def _put_off(self, delivery: Delivery, found: _Found) -> None:
        """It is tried again later; what is given up is told, and from then on only looked at."""
        now = self._clock.now()
        with self._store.reading() as tx:
            known = lingering(tx, now=now).get(delivery.id)
        after = _after(known or begun(delivery, at=now), found.trouble, at=now)
        told = after.given_up == now and delivery.kind != OPERATOR_WARNING
        operators = self._operators() if told else ()
        with self._store.transaction() as tx:
            self._file(tx, delivery, found)
            note(tx, delivery, after, at=now)
            tx.outbox.swept(delivery, ts=found.ts, next_at=after.next_at(soon=now + AGAIN))
            alarm(tx, trouble_of(delivery, after), operators=operators, at=now)
        if told or found.trouble is None or not is_limited(found.trouble):
            said = "sweep.given_up" if after.given_up else "sweep.later"
            log.warning(said, extra={"delivery": delivery.id, "error": after.error})


def _once_more(delivery: Delivery) -> datetime | None:
    """When it is looked for the last time; None when that was now, or it was attempted once.

    Of one that was let go no attempt is known to be over, so one is enough.
    """
    enough = 1 if delivery.state is DeliveryState.CANCELLED else 2
    if delivery.attempt < enough or delivery.sent_at is None:
        return None
    last = delivery.sent_at + ONCE_MORE_AFTER
    return last if delivery.sweep_until is None or delivery.sweep_until < last else None


def _after(before: Lingering, trouble: Trouble | None, *, at: datetime) -> Lingering:
    """What holds after a call that came to nothing, or without one for what is given up.

    Where a conversation that could not be read shows a second copy at last, it begins anew.
    """
    if trouble is None or before.is_hopeless:
        return replace(before, at=at)
    if before.given_up is None:
        return before.again(trouble, at=at)
    if isinstance(trouble, Unsettled):
        return replace(before, at=at)
    return replace(before, refused=0, unanswered=0, limited=0).again(trouble, at=at)
