"""Bundling: reminders that fall due together for one destination become a few messages."""

from collections.abc import Collection
from datetime import datetime

from bot.ports.clock import Clock
from bot.ports.store import ArmedReminder, Store, Transaction
from bot.services.armed import cancel
from bot.services.bundles import (
    COUNTED_BEYOND,
    Gist,
    Timed,
    Told,
    delivery,
    digests,
    fingerprint,
    parted,
    timed,
    told,
)
from bot.services.crowds import CROWD, Crowds
from bot.services.outcomes import moving_to
from bot.services.owing import REMINDER, REMINDER_REST
from bot.services.wanting import Wanting

ROWS = 100
ROUNDS = 100
"""Transactions of one call, each of so many rows or one whole destination: other writers wait."""


class Bundling:
    """Turns due rows into deliveries; the members of a delivery are fixed here."""

    def __init__(self, *, store: Store, clock: Clock, wanting: Wanting) -> None:
        self._store = store
        self._clock = clock
        self._wanting = wanting
        self._crowds = Crowds(store=store, clock=clock, wanting=wanting)

    def bundle_due(self) -> int:
        """Owe the messages for everything that is due; how many reminders they carry.

        A row that no longer holds is cancelled with its reason. Late and missed ones go into
        messages of their own that say so and why, and so do those that had to move here. What is
        left after many rounds waits for the next call, since everything else that is due should
        not wait for it; a destination with a crowd is tied slice by slice, after all others, and
        one to which more are moving is left until they are there.
        """
        now = self._clock.now()
        with self._store.reading() as tx:
            crowds = self._crowds.opened(tx)
            moving = moving_to(tx)
            if self._is_anything_due(tx, now):
                crowds |= set(tx.reminders.crowds(now=now, most=CROWD)) - moving
            elif not crowds:
                return 0
        carried = self._bundle_others(crowds | moving)
        return carried + sum(self._crowds.go_on(each) for each in sorted(crowds))

    def _bundle_others(self, crowds: Collection[str]) -> int:
        carried = 0
        for _ in range(ROUNDS):
            now = self._clock.now()
            with self._store.reading() as tx:
                if not self._is_anything_due(tx, now, without=crowds):
                    break
            found, bundled = self._bundle(now)
            carried += bundled
            if not found:  # another replica has it, or a crowd came up meanwhile
                break
        return carried

    def _is_anything_due(
        self, tx: Transaction, now: datetime, *, without: Collection[str] = ()
    ) -> bool:
        due_at = tx.reminders.next_due()
        if due_at is None or due_at > now:
            return False
        if not without:
            return True
        return bool(tx.reminders.due(now=now, limit=1, most=CROWD, without=without))

    def _bundle(self, now: datetime) -> tuple[int, int]:
        """How many rows were looked at, and how many of them are members of something now."""
        with self._store.transaction() as tx:
            others = self._crowds.held(tx) | moving_to(tx)
            due = tx.reminders.due(now=now, limit=ROWS, most=CROWD, without=others)
            self._wanting.look_up_rows(tx, due)
            rows = [row for each in due if (row := self._held(tx, each, now=now)) is not None]
            parts = parted(timed(tx, rows, wanting=self._wanting, now=now))
            for part in parts.values():
                self._owe(tx, part, now=now)
        return len(due), len(rows)

    def _held(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> ArmedReminder | None:
        judged = self._wanting.judged(tx, row, now=now)
        if judged.objection is None:
            return judged.row
        cancel(tx, [(row, judged.objection)])
        return None

    def _owe(self, tx: Transaction, rows: list[Timed], *, now: datetime) -> None:
        every = told(tx, rows)
        named, counted = every[:COUNTED_BEYOND], every[COUNTED_BEYOND:]
        parts: list[tuple[str, list[Told]]] = [(REMINDER, list(each)) for each in digests(named)]
        if counted:
            parts.append((REMINDER_REST, list(counted)))
        for kind, part in parts:
            gist = Gist.of(part)
            pairs = [pair for about in part for pair in about.pairs]
            destination = pairs[0][1]
            batch = now.isoformat()
            name = f"{destination}/{batch}/{gist.timing}"
            key = f"{kind}/{name}/{fingerprint(ref for ref, _ in pairs)}"
            owed = delivery(gist, destination=destination, key=key, batch=batch, kind=kind)
            if tx.outbox.owe(owed):
                tx.reminders.bundle(pairs, delivery_id=owed.id)
