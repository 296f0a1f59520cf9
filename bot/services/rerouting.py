"""Rerouting: what becomes of a message that its destination will not take."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing.subscription import SlackUser
from bot.ports.clock import Clock
from bot.ports.store import Delivery, DeliveryState, ReminderState, Store, Transaction
from bot.services import filing
from bot.services.alarming import OPERATOR_WARNING, Trouble, alarm
from bot.services.closing import ENOUGH, EVERYWHERE, Closure, close, closures, count, forget, pause
from bot.services.composing import PERSON, REMINDERS
from bot.services.filing import Became
from bot.services.moved import REASONS, moved_because
from bot.services.outcomes import Move, Outcome, record, record_rest
from bot.services.owing import RECEIPT_FILE
from bot.services.people import People
from bot.services.policy import NOT_REPEATED, Policy, WhenUnknown
from bot.services.unattached import unattached

log = logging.getLogger(__name__)

OTHERS_FIRST = timedelta(seconds=1)
"""What closed a place waits so much longer than the others, in case that it alone is refused."""

STALE = timedelta(days=1)
"""An update that is refused for so long is given up: the next one shows the newest state."""


class Rerouting:
    """Sends reminders to the common channel instead, and tells the operators once."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        policy: Policy,
        people: People,
        outcry: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people
        self._outcry = outcry

    def undeliverable(self, delivery: Delivery, *, error: str, closed: bool = False) -> None:
        """Slack refused it, and everything else there when `closed`: it is not tried again now.

        A reminder goes to the common channel; what only one channel can take waits until that is
        open again. Only the holder of the fence does anything.
        """
        operators = self.operators()
        now = self._clock.now()
        with self._store.transaction() as tx:
            forget(tx, delivery, at=now)  # before it is closed, in the order of `refused`
            closure = close(tx, delivery.destination, error=error, at=now) if closed else None
            self._settle(tx, delivery, closure, error=error, operators=operators)
        record_rest(self._store)

    def refused(self, delivery: Delivery, *, error: str, wait: timedelta) -> None:
        """Slack refused it for a reason that nobody knows, so that it may pass.

        It is tried again after `wait`; the third refusal closes its destination: a reminder goes to
        the common channel, what has no other place waits until Slack takes something there. What is
        refused still when others are taken there waits alone, as long as a closed place does.
        """
        if delivery.update_of is not None:
            self._refused_update(delivery, error=error, wait=wait)
            return
        operators = self.operators()
        now = self._clock.now()
        with self._store.transaction() as tx:
            times = count(tx, delivery, at=now)
            closed = delivery.destination in closures(tx)
            if not closed and times.there < ENOUGH:
                self._wait(tx, delivery, error=error, wait=wait)
            elif not closed and times.of_this > ENOUGH:
                alone = pause(times.of_this - ENOUGH + 1)
                self._wait(tx, delivery, error=error, wait=alone)
            else:
                closure = close(tx, delivery.destination, error=error, at=now, passing=True)
                last = replace(closure, until=closure.until + OTHERS_FIRST)
                self._settle(tx, delivery, last, error=error, operators=operators)
        record_rest(self._store)

    def avoid(self, delivery: Delivery, closure: Closure) -> None:
        """Do the same without another call, since its destination is known to be closed."""
        operators = self.operators()
        with self._store.transaction() as tx:
            self._settle(tx, delivery, closure, error=closure.error, operators=operators)
        record_rest(self._store)

    @property
    def when_unknown(self) -> WhenUnknown:
        """What becomes of a message whose conversation nobody can read."""
        return self._policy.when_unknown

    def silenced(self, delivery: Delivery, *, error: str) -> bool:
        """Whether it is never repeated; then its outcome is recorded as unknown for good."""
        if self.when_unknown.repeats:
            return False
        now, state = self._clock.now(), DeliveryState.UNCONFIRMED
        with self._store.transaction() as tx:
            held = tx.outbox.settle(delivery, state=state, at=now, error=error)
            if held:
                filing.message(tx, delivery, Became.GIVEN_UP, at=now, error=error)
            if held and delivery.kind in REMINDERS:
                unknown = Outcome(state=ReminderState.UNKNOWN, at=now, reason=NOT_REPEATED)
                record(tx, delivery, unknown)
        record_rest(self._store)
        log.warning("delivery.unconfirmed", extra={"delivery": delivery.id, "error": error})
        return True

    def locked_out(self, *, error: str) -> Closure:
        """The workspace refused the token; returns until when nothing is tried.

        Operators hear of it at once by their webhook, and in Slack when a token is accepted again.
        """
        operators = self.operators()
        now = self._clock.now()
        with self._store.transaction() as tx:
            closure = close(tx, EVERYWHERE, error=error, at=now)
            alarm(tx, _no_token(error, closure.since), operators=operators, at=now)
        log.error("slack.locked_out", extra={"error": error, "until": closure.until.isoformat()})
        if self._outcry is not None and closure.calls == 1:
            self._outcry(
                f"Slack does not accept Lapse's token ({error}), so nothing is posted. "
                "Install Lapse again, then run `lapse doctor`."
            )
        return closure

    def operators(self) -> tuple[SlackUser, ...]:
        """Who hears of trouble: those named, else the approvers. May ask the workspace."""
        return self._policy.operators or self._people.approvers()

    def _refused_update(self, delivery: Delivery, *, error: str, wait: timedelta) -> None:
        """Nothing is lost when it waits, ever longer, and nothing else waits for it."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            times = count(tx, delivery, at=now).of_this
            if now - delivery.due_at < STALE:
                longer = pause(times - ENOUGH + 1) if times >= ENOUGH else wait
                self._wait(tx, delivery, error=error, wait=longer)
                return
            forget(tx, delivery, at=now)
            state = DeliveryState.UNDELIVERABLE
            if tx.outbox.settle(delivery, state=state, at=now, error=error):
                filing.message(tx, delivery, Became.GIVEN_UP, at=now, error=error)

    def _wait(self, tx: Transaction, delivery: Delivery, *, error: str, wait: timedelta) -> None:
        now = self._clock.now()
        state = _waiting(delivery)
        tx.outbox.settle(delivery, state=state, at=now, error=error, again_at=now + wait)

    def _settle(
        self,
        tx: Transaction,
        delivery: Delivery,
        closure: Closure | None,
        *,
        error: str,
        operators: Sequence[SlackUser],
    ) -> None:
        now = self._clock.now()
        waits = closure is not None and self._has_no_other_place(delivery, closure)
        if not waits:
            forget(tx, delivery, at=now)
        settled = tx.outbox.settle(
            delivery,
            state=_waiting(delivery) if waits else DeliveryState.UNDELIVERABLE,
            at=now,
            error=error,
            again_at=closure.until if closure else None,
        )
        if settled and not waits:
            filing.message(tx, delivery, Became.GIVEN_UP, at=now, error=error)
        if not settled or delivery.kind == OPERATOR_WARNING:
            return
        if delivery.kind == RECEIPT_FILE and closure is None:
            alarm(tx, unattached(tx, delivery, error=error, at=now), operators=operators, at=now)
            return
        lets_go = not waits and delivery.kind in REMINDERS
        moved = lets_go and self._move(tx, delivery, error=error, at=now)
        since = closure.since if closure else now
        alarm(tx, self._trouble(delivery, error, since, moved=moved), operators=operators, at=now)

    def _has_no_other_place(self, delivery: Delivery, closure: Closure) -> bool:
        """Whether only this place can take it; a person who cannot be written to is left."""
        to = delivery.destination
        if to.startswith(PERSON):
            return closure.passing
        return delivery.kind not in REMINDERS or to == self._policy.reminders_channel

    def _trouble(self, delivery: Delivery, error: str, since: datetime, *, moved: bool) -> Trouble:
        where = f"They go to #{self._policy.reminders_channel} now. " if moved else ""
        return Trouble(
            about=f"undeliverable/{delivery.destination}",
            subject=f"Lapse cannot post in #{delivery.destination}",
            text=f"Messages for #{delivery.destination} could not be posted: "
            f"{REASONS.get(error, error)}. {where}Choose another channel, or let Lapse in again.",
            since=since,
        )

    def _move(self, tx: Transaction, delivery: Delivery, *, error: str, at: datetime) -> bool:
        """A channel's reminders go to the common one; a direct message has its twin there."""
        reason = moved_because(delivery.destination, error)
        fallback = self._policy.reminders_channel
        if delivery.destination == fallback or delivery.destination.startswith(PERSON):
            record(tx, delivery, Outcome(state=ReminderState.CANCELLED, at=at, reason=reason))
            return False
        record(tx, delivery, Move(to=fallback, reason=reason))
        return True


def _waiting(delivery: Delivery) -> DeliveryState:
    """How it waits after a refusal: an earlier attempt that nobody could look for stays unknown."""
    unknown = delivery.state is DeliveryState.UNKNOWN
    return DeliveryState.UNKNOWN if unknown else DeliveryState.PENDING


def _no_token(error: str, since: datetime) -> Trouble:
    """Told when Slack accepts a token again: until then nothing is posted at all."""
    return Trouble(
        about="locked-out",
        subject="Slack did not accept the token",
        text=f"Slack answered `{error}`, so nothing could be posted. "
        "What fell due meanwhile is posted now and says that it is late.",
        since=since,
    )
