"""Rehearsing: time moves forward in the practice workspace, and nothing on its way is skipped."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta

from bot.billing.subscription import Subscription
from bot.facts.rehearsing import Ahead, Moved
from bot.ports.clock import AdjustableClock
from bot.ports.store import Store, Transaction
from bot.services.reminding import Reminding

ROUNDS = 100
"""Rounds of ticks after which an instant counts as passed, whatever still asks for work."""

EVENTS = 10_000

Tick = Callable[[], object]
"""A use case that finds its own work; what it returns is true when it did something."""


class Rehearsal:
    """Moves the clock from event to event; at each the ticks run until nothing is due.

    `quiet` is held while time moves: the scheduler runs its ticks under the same lock, so that
    no attempt is under way when hours pass at once.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: AdjustableClock,
        reminding: Reminding,
        ticks: Sequence[Tick],
        quiet: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._store = store
        self._clock = clock
        self._reminding = reminding
        self._ticks = ticks
        self._quiet = quiet

    def next_event(self) -> Ahead | None:
        """What happens next by itself, however far ahead; None when nothing does."""
        now = self._clock.now()
        lead = self._reminding.next_lead()
        with self._store.reading() as tx:
            events = list(self._events(tx, lead))
        ahead = [each for each in events if each.at > now]
        return min(ahead, key=lambda each: each.at, default=None)

    def advance(self, by: timedelta) -> Moved:
        """Move forward and pass every event on the way in order; raises ValueError for backward."""
        if by < timedelta(0):
            raise ValueError("Time moves forward only.")
        with self._quiet():
            start = self._clock.now()
            return self._pass(start, until=start + by)

    def advance_to_next(self) -> Moved:
        """Move to the next event and let it happen; without one time stays."""
        with self._quiet():
            start = self._clock.now()
            self._settle()
            ahead = self.next_event()
            return self._pass(start, until=ahead.at if ahead else self._clock.now())

    def _pass(self, start: datetime, *, until: datetime) -> Moved:
        passed: list[Ahead] = []
        self._settle()
        while len(passed) < EVENTS:
            ahead = self.next_event()
            if ahead is None or ahead.at > until:
                break
            self._clock.advance_to(ahead.at)
            passed.append(ahead)
            self._settle()
        self._clock.advance_to(until)
        self._settle()
        return Moved(start=start, end=self._clock.now(), passed=tuple(passed))

    def _settle(self) -> None:
        """Run the ticks until none of them finds work."""
        for _ in range(ROUNDS):
            worked = [tick() for tick in self._ticks]
            if not any(worked):
                return

    def _events(
        self, tx: Transaction, lead: tuple[datetime, Subscription] | None
    ) -> Iterator[Ahead]:
        if lead is not None:
            yield Ahead(at=lead[0], text=f"reminder for {lead[1].label}")
        if (at := tx.reminders.next_due()) is not None:
            yield Ahead(at=at, text=_reminder_text(tx, at))
        if (at := tx.requests.next_due()) is not None:
            yield Ahead(at=at, text=_request_text(tx, at))
        if (at := tx.book.next_event()) is not None:
            yield Ahead(at=at, text=self._book_text(tx, at))
        if (at := tx.outbox.next_waiting()) is not None:
            yield Ahead(at=at, text="a message that waits goes out")

    def _book_text(self, tx: Transaction, at: datetime) -> str:
        for account in self._store.accounts:
            for due_at, held in tx.book.due(account, now=at, limit=1):
                if due_at == at:
                    ends = held.expires_at
                    expires = ends is not None and at >= ends
                    return f"expiry of {held.label}" if expires else f"deduction for {held.label}"
        return "the cloud completes an unsubscription"


def _reminder_text(tx: Transaction, at: datetime) -> str:
    for row in tx.reminders.due(now=at, limit=1):
        found = tx.catalogue.get(row.reminder.subscription)
        if found is not None:
            return f"reminder for {found.label}"
    return "a reminder"


def _request_text(tx: Transaction, at: datetime) -> str:
    expiring = (each for each in tx.requests.waiting() if each.deadline == at)
    request = next(expiring, None)
    return f"deadline of request {request.number}" if request else "a request goes on"
