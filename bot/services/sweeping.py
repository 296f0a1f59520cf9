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
from bot.ports.messenger import (
    Limited,
    Messenger,
    NotPosted,
    Posted,
    Undeliverable,
    Unsettled,
)
from bot.ports.store import Delivery, DeliveryState, Store
from bot.services.alarming import OPERATOR_WARNING, alarm
from bot.services.closing import closures, is_locked_out
from bot.services.composing import Composing, NotYet
from bot.services.delivering import MAY_LAND, SKEW, TIMEOUT
from bot.services.lingering import Lingering, begun, lingering, note, trouble_of
from bot.services.pacing import Method, Pacing

log = logging.getLogger(__name__)

AGAIN = timedelta(seconds=60)
AT_ONCE = 5

SHOWN_AGAIN_FOR = timedelta(days=1)
"""So long the present state of a message is tried to be shown once more."""

ONCE_MORE_AFTER = timedelta(hours=4)
"""After it was sent: who was frozen for longer than the first sweep may have died of its post."""


Trouble = NotPosted | Undeliverable | Unsettled


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The copy that stays, how many were taken back, and what came between."""

    ts: str | None = None
    taken_back: int = 0
    stays: bool = False
    trouble: Trouble | None = None


class Sweeping:
    """Keeps the earliest copy of every message and deletes the others.

    Of one that was cancelled none is kept: others tell what it told. What Slack does not let Lapse
    read or delete is given up after a few calls, told to operators once and counted in status.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        messenger: Messenger,
        composing: Composing,
        pacing: Pacing,
        steady_since: Callable[[], datetime],
        operators: Callable[[], Sequence[SlackUser]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._messenger = messenger
        self._composing = composing
        self._pacing = pacing
        self._steady_since = steady_since
        self._operators = operators

    def sweep_due(self) -> int:
        """Read what is due once more; how many copies were taken back.

        What cannot be read or deleted waits ever longer, so that it holds up no other. After the
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
        if delivery.update_of is not None:
            self._show_again(delivery, again_at=again_at)
            return 0
        with self._store.reading() as tx:
            parent = tx.outbox.get(delivery.thread_of) if delivery.thread_of else None
            known = lingering(tx, now=self._clock.now()).get(delivery.id)
        found = self._look(delivery, known, thread=parent.ts if parent else None)
        if _is_limited(found.trouble):
            return found.taken_back  # due again in a minute, or when Slack allows it
        if found.trouble is None and not found.stays:
            self._end(delivery, known, found, again_at=again_at)
        else:
            self._put_off(delivery, known, found, again_at=again_at)
        return found.taken_back

    def _show_again(self, delivery: Delivery, *, again_at: datetime) -> None:
        """Bring a message up to date once more, since an old update may have come over it.

        What Slack does not take is tried again in a minute, for a day.
        """
        now = self._clock.now()
        with self._store.reading() as tx:
            if self._pacing.held_until(tx, Method.UPDATE, now=now) is not None:
                return
        try:
            self._show_present(delivery, now=now)
        except (NotPosted, Unsettled, NotYet) as refused:
            if not isinstance(refused, NotYet):
                self._pacing.obey(self._store, Method.UPDATE, refused, now=now)
            log.warning("sweep.later", extra={"delivery": delivery.id, "error": repr(refused)})
            if now - delivery.due_at < SHOWN_AGAIN_FOR:
                return
        except Undeliverable as refused:
            log.warning("sweep.not_shown", extra={"delivery": delivery.id, "error": refused.error})
        with self._store.transaction() as tx:
            tx.outbox.swept(delivery, ts=delivery.ts, again_at=again_at, next_at=None)

    def _show_present(self, delivery: Delivery, *, now: datetime) -> None:
        """Replace the message by its present state; nothing when it was never posted or is gone."""
        with self._store.reading() as tx:
            post = tx.outbox.get(delivery.update_of) if delivery.update_of else None
            if post is None or not post.channel or not post.ts:
                return
            message = self._composing.compose(tx, delivery, now=now)
        if message is not None:
            self._messenger.update(message, at=Posted(post.channel, post.ts))

    def _look(self, delivery: Delivery, known: Lingering | None, *, thread: str | None) -> _Found:
        since = delivery.first_at or delivery.due_at
        try:
            copies = self._messenger.copies(
                delivery.id,
                to=delivery.channel or delivery.destination,
                since=since - SKEW,
                until=_end_of_hour(self._clock.now() + SKEW),
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
            found = replace(found, taken_back=found.taken_back + 1)
        return found

    def _end(
        self, delivery: Delivery, known: Lingering | None, found: _Found, *, again_at: datetime
    ) -> None:
        with self._store.transaction() as tx:
            if known is not None:
                note(tx, delivery, None, at=self._clock.now())
            next_at = self._once_more(delivery)
            tx.outbox.swept(delivery, ts=found.ts, again_at=again_at, next_at=next_at)

    def _put_off(
        self, delivery: Delivery, known: Lingering | None, found: _Found, *, again_at: datetime
    ) -> None:
        """It is tried again later; what is given up is told, and from then on only looked at."""
        now = self._clock.now()
        after = _after(known or begun(delivery, at=now), found.trouble, at=now)
        told = after.given_up == now and delivery.kind != OPERATOR_WARNING
        operators = self._operators() if told else ()
        with self._store.transaction() as tx:
            note(tx, delivery, after, at=now)
            next_at = after.next_at(soon=again_at)
            tx.outbox.swept(delivery, ts=found.ts, again_at=again_at, next_at=next_at)
            alarm(tx, trouble_of(delivery, after), operators=operators, at=now)
        said = "sweep.given_up" if after.given_up else "sweep.later"
        log.warning(said, extra={"delivery": delivery.id, "error": after.error})

    def _once_more(self, delivery: Delivery) -> datetime | None:
        """When it is looked for the last time; None when that was now, or it was attempted once.

        Of one that was let go no attempt is known to be over, so one is enough.
        """
        enough = 1 if delivery.state is DeliveryState.CANCELLED else 2
        if delivery.attempt < enough or delivery.sent_at is None:
            return None
        last = delivery.sent_at + ONCE_MORE_AFTER
        return last if self._clock.now() < last else None


def _end_of_hour(at: datetime) -> datetime:
    """The same for all looks of an hour, so that an interrupted one is gone on with."""
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


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
    return replace(before, refused=0, unanswered=0).again(trouble, at=at)


def _is_limited(trouble: Trouble | None) -> bool:
    """Whether Slack named the time to wait, which says nothing of this message."""
    if isinstance(trouble, Unsettled):
        return trouble.retry_after > 0
    return isinstance(trouble, Limited)
