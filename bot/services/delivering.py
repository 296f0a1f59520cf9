"""Delivering: every message once, although Slack cannot be told twice safely.

Claim, record the intent, attempt once, record the outcome. What is not known to have failed is
never posted again before it can no longer land and the conversation's history does not show it.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.facts.messages import Message, Timing
from bot.ports.clock import Clock
from bot.ports.messenger import (
    Limited,
    LockedOut,
    Messenger,
    NotPosted,
    Posted,
    Undeliverable,
    Unreachable,
    Unsettled,
)
from bot.ports.store import Delivery, DeliveryState, Lane, ReminderState, Store, Transaction
from bot.services import filing, outcomes
from bot.services.armed import cancel
from bot.services.closing import EVERYWHERE, Closure, closures, forget, is_locked_out, reopen
from bot.services.composing import REMINDERS, Composing, NotYet
from bot.services.filing import Became
from bot.services.outcomes import Outcome, record, record_rest
from bot.services.owing import REMINDER, REMINDER_REST
from bot.services.pacing import Method, Pacing
from bot.services.rerouting import Rerouting

log = logging.getLogger(__name__)

TIMEOUT = timedelta(seconds=10)
"""T: an attempt is over after this long, from the record of its intent to the end of the answer."""

MAY_LAND = timedelta(seconds=30)
"""D: a request may still land this long after its attempt was over."""

SWEEP_AFTER = 2 * (TIMEOUT + MAY_LAND)
"""When a message that was attempted more than once is looked for once more."""

STARTS_WITHIN = timedelta(seconds=2)
"""An attempt whose intent took longer to record is not made: its time is running already."""

CALLED_WITHIN = TIMEOUT - STARTS_WITHIN
"""How long the call to Slack may take that follows, connecting and reading the answer included."""

LEASE = timedelta(seconds=60)
HELD_ANEW_AFTER = LEASE / 4
"""Who looks at very many members for longer claims the delivery for another lease."""

AT_ONCE = 5
"""Deliveries that one claim takes: their attempts together are shorter than the lease."""

SKEW = timedelta(seconds=60)
"""How far Slack's clock may be from ours when history is searched."""

TRIED_FOR = timedelta(minutes=5)
"""So long a process tries to look before it believes that nobody can."""

FIRST_LOOK = timedelta(seconds=10)
LAST_LOOK = timedelta(minutes=15)

NO_WAIT = timedelta(0)
SOON = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)

_STATES = {
    Timing.ON_TIME: ReminderState.SENT,
    Timing.LATE: ReminderState.LATE,
    Timing.MISSED: ReminderState.MISSED,
}
_PACED = {Lane.POST: Method.POST, Lane.UPDATE: Method.UPDATE}
_TERMINAL = frozenset(
    {DeliveryState.UNCONFIRMED, DeliveryState.UNDELIVERABLE, DeliveryState.CANCELLED}
)
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
        pacing: Pacing,
        elapsed: Callable[[], float],
        steady_since: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._clock = clock
        self._messenger = messenger
        self._composing = composing
        self._rerouting = rerouting
        self._pacing = pacing
        self._elapsed = elapsed
        self._steady_since = steady_since
        self._stopping = False

    def send_due(self, limit: int = 50) -> int:
        """Carry what is due, each stream in its order; how many deliveries were handled.

        A surprise with one delivery leaves it to a later claim and is raised when the others are
        done, so that one message never holds up the rest.
        """
        self.watch()  # at every tick, so that no leap goes unseen
        record_rest(self._store)  # of what was sent when a process died
        handled = 0
        surprises: list[Exception] = []
        while handled < limit:
            now = self._clock.now()
            claimed, ready = self._claim(min(AT_ONCE, limit - handled), now=now)
            for delivery in ready:
                if self._stopping:
                    return handled
                # What would outlast the lease is left to the next claim.
                if self._clock.now() <= now + LEASE - TIMEOUT:
                    try:
                        self._carry(delivery)
                    except Exception as surprise:  # noqa: BLE001 - raised again below
                        surprises.append(surprise)
            handled += len(ready)
            if not claimed:
                break
        if surprises:
            raise surprises[0]
        return handled

    def watch(self) -> None:
        """Begin to compare the clocks: what a process before left open is waited for from here."""
        self._steady_since()

    def stop(self) -> None:
        """Begin no other attempt: what was claimed goes when its lease ends, or by another."""
        self._stopping = True

    def next_in(self) -> timedelta | None:
        """How long until something is due, None when nothing is owed."""
        with self._store.reading() as tx:
            due_at = tx.outbox.next_due()
        return None if due_at is None else due_at - self._clock.now()

    def let_in(self) -> None:
        """The workspace accepts the token, as it does when a new one was set."""
        with self._store.reading() as tx:
            locked = closures(tx).get(EVERYWHERE)
        if locked is not None:
            with self._store.transaction() as tx:
                reopen(tx, EVERYWHERE)

    def _claim(self, limit: int, *, now: datetime) -> tuple[int, Sequence[Delivery]]:
        """How many were claimed, and those of them that may go now: others wait for their turn."""
        with self._store.reading() as tx:
            due_at, locked_out = tx.outbox.next_due(), is_locked_out(closures(tx), now=now)
        if due_at is None or due_at > now or locked_out:
            return 0, ()
        claimed = 0
        ready: list[Delivery] = []
        with self._store.transaction() as tx:
            for lane in Lane:
                found, going = self._claim_of(tx, lane, limit, now=now)
                claimed += found
                ready += going
        return claimed, ready

    def _claim_of(
        self, tx: Transaction, lane: Lane, limit: int, *, now: datetime
    ) -> tuple[int, Sequence[Delivery]]:
        method = _PACED.get(lane)
        granted = self._pacing.take(tx, method, want=limit, now=now) if method else limit
        if not granted:
            return 0, ()
        lease_until = now + LEASE
        found = tx.outbox.claim(now=now, lease_until=lease_until, limit=granted, lane=lane)
        going = [each for each in found if lane is not Lane.POST or self._goes(tx, each, now=now)]
        if method:
            self._pacing.give_back(tx, method, unused=granted - len(going))
        return len(found), going

    def _goes(self, tx: Transaction, delivery: Delivery, *, now: datetime) -> bool:
        """Whether it may go now; else it waits for its turn in its channel."""
        if delivery.slot_at is not None and self._pacing.still_holds(delivery.slot_at, now=now):
            return True
        turn = self._pacing.turn(tx, delivery.destination, now=now)
        if turn > now:
            tx.outbox.postpone(delivery, until=turn)
        return turn <= now

    def _is_stopped(self, tx: Transaction, method: Method, closed: Mapping[str, Closure]) -> bool:
        """Whether Slack has stopped a method since the claim, whichever replica it told."""
        now = self._clock.now()
        held = self._pacing.held_until(tx, method, now=now) is not None
        return held or is_locked_out(closed, now=now)

    def _put_back(self, delivery: Delivery) -> None:
        """Leave it as it was: nothing is claimed before Slack allows it, so it may be due soon."""
        self._again(delivery, error=delivery.error, wait=SOON)

    def _carry(self, delivery: Delivery) -> None:
        if delivery.update_of is not None:
            self._replace(delivery)
        elif delivery.state in _OPEN and delivery.started_at is not None:
            self._look(delivery, started_at=delivery.started_at)
        else:
            self._post(delivery)

    def _look(self, delivery: Delivery, *, started_at: datetime) -> None:
        """Find out whether an attempt landed, and only then repeat it."""
        now = self._clock.now()
        looked_since = max(started_at, self._steady_since())
        lands_until = looked_since + TIMEOUT + MAY_LAND
        if now < lands_until:
            self._unknown(delivery, error=delivery.error, again_at=lands_until)
            return
        with self._store.reading() as tx:
            held_until = self._pacing.held_until(tx, Method.LOOK, now=now)
        if held_until is not None:
            self._unknown(delivery, error=delivery.error, again_at=held_until)
            return
        self._keep(delivery, for_another=min(now - started_at, LAST_LOOK))
        try:
            found = self._landed(delivery, started_at=started_at, until=lands_until)
        except NotYet:
            self._unknown(delivery, error=delivery.error, again_at=now + SOON)
        except Unsettled as unreadable:
            self._obey(Method.LOOK, unreadable)
            if self._is_given_up(started_at, looked_since, now=now):
                if not self._rerouting.silenced(delivery, error=unreadable.error):
                    self._post(replace(delivery, state=DeliveryState.UNKNOWN))
                return
            wait = min(max((now - started_at) / 2, FIRST_LOOK), LAST_LOOK)
            self._unknown(delivery, error=unreadable.error, again_at=now + wait)
        else:
            if found:
                self._sent(delivery, found, at=started_at)
            else:
                self._absent(delivery)

    def _keep(self, delivery: Delivery, *, for_another: timedelta) -> None:
        """Hold the claim for as long as it was open already: looks that last, then, end at last."""
        if for_another > LEASE:
            with self._store.transaction() as tx:
                tx.outbox.renew(delivery, until=self._clock.now() + for_another)

    def _is_given_up(self, started_at: datetime, since: datetime, *, now: datetime) -> bool:
        """Whether it was open for long enough, and somebody has tried to look for a while by now.

        A process that has just begun, when nobody ran for hours, tries first.
        """
        return now - started_at >= self._rerouting.when_unknown.after and now - since >= TRIED_FOR

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

    def _post(self, delivery: Delivery) -> None:
        """Attempt it once; what is unknown still, since nobody can look, says that it may repeat.

        Refused for certain, it is as unknown as before, and since the same attempt.
        """
        with self._store.reading() as tx:
            closed = closures(tx)
            stopped = self._is_stopped(tx, Method.POST, closed)
        if stopped:
            self._put_back(delivery)
            return
        closure = closed.get(delivery.destination)
        if closure is not None and self._clock.now() < closure.until:
            self._rerouting.avoid(delivery, closure)
            return
        prepared = self._prepare(delivery)
        if prepared is None:
            return
        begun, ready, over_by = prepared
        if_refused = _unbegun(delivery, begun)
        try:
            posted = self._messenger.post(
                ready.message,
                to=ready.to,
                delivery_id=begun.id,
                reminder_ids=ready.reminder_ids,
                thread=ready.ts,
                over_by=over_by,
                may_repeat=delivery.state is DeliveryState.UNKNOWN,
            )
        except NotPosted as refused:
            _tell("delivery.not_posted", begun, refused.error)
            self._not_posted(if_refused, refused, Method.POST)
        except Undeliverable as refused:
            _tell("delivery.undeliverable", begun, refused.error)
            self._rerouting.undeliverable(if_refused, error=refused.error, closed=refused.closed)
        except Unsettled as lost:
            _tell("delivery.unknown", begun, lost.error)
            started_at = begun.started_at or self._clock.now()
            self._unknown(begun, error=lost.error, again_at=started_at + TIMEOUT + MAY_LAND)
        else:
            reopened = closed.keys() & {delivery.destination, EVERYWHERE}
            self._sent(begun, posted, at=self._clock.now(), reopened=reopened)

    def _not_posted(self, delivery: Delivery, refused: NotPosted, method: Method) -> None:
        """Try again: as late as Slack says, or each time later."""
        if isinstance(refused, Limited):
            self._obey(method, refused)
            self._again(delivery, error=refused.error, wait=SOON)
        elif isinstance(refused, LockedOut):
            self._rerouting.locked_out(error=refused.error)
            self._again(delivery, error=refused.error, wait=SOON)
        elif isinstance(refused, Unreachable):
            self._later(delivery, error=refused.error, seconds=refused.retry_after)
        else:
            wait = _backing_off(delivery, seconds=refused.retry_after)
            self._rerouting.refused(delivery, error=refused.error, wait=wait)

    def _obey(self, method: Method, refused: NotPosted | Unsettled) -> None:
        self._pacing.obey(self._store, method, refused, now=self._clock.now())

    def _replace(self, delivery: Delivery) -> None:
        """Bring a message up to date; nothing is looked up, since it may be repeated.

        One that was attempted before may still be carried out, over what newer ones have shown:
        the sweep shows the present state once more when it cannot any longer.
        """
        with self._store.reading() as tx:
            newer = tx.outbox.superseded(delivery)
            stopped = not newer and self._is_stopped(tx, Method.UPDATE, closures(tx))
        if newer:
            self._cancel(delivery, error="a newer state follows")
            return
        if stopped:
            self._put_back(delivery)
            return
        prepared = self._prepare(delivery)
        if prepared is None:
            return
        begun, ready, over_by = prepared
        at = Posted(ready.to, ready.ts or "")
        try:
            self._messenger.update(ready.message, at=at, over_by=over_by)
        except Unsettled as lost:
            _tell("delivery.not_replaced", begun, lost.error)
            self._later(begun, error=lost.error, seconds=0.0)
        except NotPosted as refused:
            _tell("delivery.not_replaced", begun, refused.error)
            self._not_posted(begun, refused, Method.UPDATE)
        except Undeliverable as refused:
            _tell("delivery.not_replaced", begun, refused.error)
            now = self._clock.now()
            with self._store.transaction() as tx:
                held = tx.outbox.settle(
                    begun, state=DeliveryState.UNDELIVERABLE, at=now, error=refused.error
                )
                if held:
                    filing.message(tx, begun, Became.GIVEN_UP, at=now, error=refused.error)
        else:
            self._sent(begun, at, at=self._clock.now())

    def _prepare(self, delivery: Delivery) -> tuple[Delivery, _Ready, float] | None:
        """Compose and record the intent, durably, and by when its attempt is over.

        None when there is nothing to attempt now.
        """
        if self._overtaken(delivery):
            return None
        try:
            ready = self._ready(delivery)
        except NotYet:
            self._again(delivery, error=None, wait=SOON)
            return None
        if ready is None:
            self._cancel(delivery, error="nothing to say any more")
            return None
        before = self._elapsed()
        with self._store.transaction() as tx:
            begun = tx.outbox.begin(delivery, at=self._clock.now())
        if begun is None:
            return None
        if self._elapsed() - before > STARTS_WITHIN.total_seconds():
            # The commit took so long that others may hold it by now; not a byte was sent.
            self._again(_unbegun(delivery, begun), error="stalled", wait=NO_WAIT)
            return None
        return begun, ready, before + TIMEOUT.total_seconds()

    def _overtaken(self, delivery: Delivery) -> bool:
        """Whether its date passed while it waited, so that it is let go and told as missed."""
        now = self._clock.now()
        with self._store.reading() as tx:
            if not self._composing.overtaken(tx, delivery, now=now):
                return False
        with self._store.transaction() as tx:
            sweep_at = now + SWEEP_AFTER
            released = self._composing.release(tx, delivery, now=now, sweep_at=sweep_at)
        record_rest(self._store)
        return released

    def _ready(self, delivery: Delivery) -> _Ready | None:
        """Compose it, once what no longer holds is taken out of a reminder nobody has read."""
        now = self._clock.now()
        with self._store.reading() as tx:
            whole, held_since = True, self._elapsed()
            for lost in self._composing.dropped(tx, delivery, now=now):
                if lost:
                    whole = False
                    with self._store.transaction() as writing:
                        cancel(writing, lost)
                held_since = self._holding(delivery, since=held_since)
            if whole:
                return self._composed(tx, delivery, now=now)
        with self._store.reading() as tx:  # composing may ask the workspace: never while writing
            return self._composed(tx, delivery, now=now)

    def _holding(self, delivery: Delivery, *, since: float) -> float:
        """Keep the claim while very many members are looked at; since when it is held anew."""
        elapsed = self._elapsed()
        if elapsed - since < HELD_ANEW_AFTER.total_seconds():
            return since
        with self._store.transaction() as tx:
            tx.outbox.renew(delivery, until=self._clock.now() + LEASE)
        return elapsed

    def _composed(self, tx: Transaction, delivery: Delivery, *, now: datetime) -> _Ready | None:
        place = _place(tx, delivery)
        message = self._composing.compose(tx, delivery, now=now) if place else None
        if place is None or message is None:
            return None
        ids = self._composing.reminder_ids(tx, delivery)
        return _Ready(message=message, to=place[0], ts=place[1], reminder_ids=ids)

    def _sent(
        self, delivery: Delivery, posted: Posted, *, at: datetime, reopened: Iterable[str] = ()
    ) -> None:
        announces = delivery.kind in REMINDERS and delivery.update_of is None
        became = self._became_of_many(delivery, at=at) if announces else None
        more = False
        sweep_at = self._clock.now() + SWEEP_AFTER  # after all that was asked for before
        with self._store.transaction() as tx:
            if delivery.attempt > 1:
                forget(tx, delivery, at=at)
            for destination in reopened:
                reopen(tx, destination)
            held = tx.outbox.settle(
                delivery,
                state=DeliveryState.SENT,
                at=at,
                channel=posted.channel,
                ts=posted.ts,
                sweep_at=sweep_at if delivery.attempt > 1 else None,
            )
            if not held:
                self._taken_over(tx, delivery)
            if held:
                said = Became.UPDATED if delivery.update_of else Became.POSTED
                filing.message(tx, delivery, said, at=at, channel=posted.channel, ts=posted.ts)
            if held and announces:
                became = became or self._became(tx, delivery, at=at)
                more = record(tx, delivery, became)
        if more:
            record_rest(self._store)

    def _became_of_many(self, delivery: Delivery, *, at: datetime) -> Outcome | None:
        """What became of what was only counted; found out before anybody waits for it."""
        if delivery.kind != REMINDER_REST:
            return None
        with self._store.reading() as tx:
            return self._became(tx, delivery, at=at)

    def _became(self, tx: Transaction, delivery: Delivery, *, at: datetime) -> Outcome:
        """What became of the members of a reminder that was posted at an instant."""
        timing, why = self._composing.outcome(tx, delivery, at=delivery.started_at or at)
        return Outcome(state=_STATES[timing], at=at, reason=why)

    def _absent(self, delivery: Delivery) -> None:
        """It is not there and cannot come any more, so it is posted when its turn comes."""
        now, waits = self._clock.now(), ReminderState.ARMED
        if self._mark(delivery, waits):
            with self._store.transaction() as tx:
                held = tx.outbox.settle(
                    delivery,
                    state=DeliveryState.PENDING,
                    at=now,
                    error=delivery.error,
                    again_at=now,
                )
                if held and delivery.kind == REMINDER:
                    tx.reminders.settle(delivery.id, state=waits, at=None)

    def _mark(self, delivery: Delivery, state: ReminderState, *, reason: str = "") -> bool:
        """Record it of the members of a crowd first, so many at a time that others may write.

        False when the claim is lost: others know better then.
        """
        marked = outcomes.MOST if delivery.kind == REMINDER_REST else 0
        while marked == outcomes.MOST:
            with self._store.transaction() as tx:
                if not tx.outbox.renew(delivery, until=self._clock.now() + LEASE):
                    return False
                marked = tx.reminders.settle(
                    delivery.id, state=state, at=None, reason=reason, most=outcomes.MOST
                )
            self._store.give_way()
        return True

    def _unknown(self, delivery: Delivery, *, error: str | None, again_at: datetime) -> None:
        self._mark(delivery, ReminderState.UNKNOWN, reason=error or "")
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
            elif delivery.state is not DeliveryState.UNKNOWN:
                filing.message(tx, delivery, Became.UNKNOWN, at=self._clock.now(), error=error)
            if held and delivery.kind == REMINDER:
                tx.reminders.settle(
                    delivery.id, state=ReminderState.UNKNOWN, at=None, reason=error or ""
                )

    def _taken_over(self, tx: Transaction, delivery: Delivery) -> None:
        """Somebody else holds it by now and may have posted it as well: look once more."""
        now = self._clock.now()
        tx.outbox.sweep(delivery.id, at=now + TIMEOUT + MAY_LAND, by=now + SWEEP_AFTER)

    def _later(self, delivery: Delivery, *, error: str | None, seconds: float) -> None:
        """Refused: try again, later each time and never before Slack allows it."""
        self._again(delivery, error=error, wait=_backing_off(delivery, seconds=seconds))

    def _again(self, delivery: Delivery, *, error: str | None, wait: timedelta) -> None:
        """Certainly not posted now; whether an earlier attempt was may still be unknown."""
        if delivery.state is DeliveryState.UNKNOWN:
            self._unknown(delivery, error=error, again_at=self._clock.now() + wait)
        else:
            self._pend(delivery, error=error, wait=wait)

    def _pend(self, delivery: Delivery, *, error: str | None, wait: timedelta) -> None:
        now = self._clock.now()
        with self._store.transaction() as tx:
            tx.outbox.settle(
                delivery, state=DeliveryState.PENDING, at=now, error=error, again_at=now + wait
            )

    def _cancel(self, delivery: Delivery, *, error: str) -> None:
        """Let it go; what a process attempts that was frozen meanwhile is looked for."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            tx.outbox.settle(
                delivery,
                state=DeliveryState.CANCELLED,
                at=now,
                error=error,
                sweep_at=now + SWEEP_AFTER if delivery.attempt else None,
            )


def _unbegun(before: Delivery, begun: Delivery) -> Delivery:
    """An attempt that came to nothing for certain, as it is left: what was open before still is."""
    if before.state is not DeliveryState.UNKNOWN:
        return begun
    return replace(begun, state=DeliveryState.UNKNOWN, started_at=before.started_at)


def _backing_off(delivery: Delivery, *, seconds: float) -> timedelta:
    """Later each time, and never before Slack allows it."""
    wait = min(timedelta(seconds=2 ** min(delivery.attempt, 9)), LONGEST_WAIT)
    return max(wait, timedelta(seconds=seconds))


def _tell(event: str, delivery: Delivery, error: str) -> None:
    facts = {"delivery": delivery.id, "attempt": delivery.attempt, "error": error}
    log.warning(event, extra=facts)


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
