"""Bundling: reminders that fall due together for one destination become a few messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.billing.reminder import Reminder
from bot.billing.subscription import Subscription
from bot.facts.messages import Timing
from bot.ports.clock import Clock
from bot.ports.store import ArmedReminder, Delivery, Store, Transaction
from bot.services.announcing import LATE_AFTER, Place, place
from bot.services.armed import cancel, over
from bot.services.owing import REMINDER, delivery_id
from bot.services.wanting import Wanting

REMINDER_REST = "reminder-rest"

DIGEST = 10
"""Items a message holds at most."""

COUNTED_BEYOND = 40
"""Items that are named; those beyond are counted in one more message."""

ROWS = 100
ROUNDS = 100
"""Transactions of one call, each of so many rows or one whole destination: other writers wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One subscription and date of a bundle, with every row that it stands for."""

    reminder: Reminder
    rows: tuple[ArmedReminder, ...]


class Bundling:
    """Turns due rows into deliveries; the members of a delivery are fixed here."""

    def __init__(self, *, store: Store, clock: Clock, wanting: Wanting) -> None:
        self._store = store
        self._clock = clock
        self._wanting = wanting

    def bundle_due(self) -> int:
        """Owe the messages for everything that is due; how many reminders they carry.

        A row that no longer holds is cancelled with its reason. Late and missed ones go into
        messages of their own that say so. What is left after many rounds waits for the next call,
        since everything else that is due should not wait for it.
        """
        told = 0
        for _ in range(ROUNDS):
            now = self._clock.now()
            with self._store.reading() as tx:
                due_at = tx.reminders.next_due()
            if due_at is None or due_at > now:
                break
            told += self._bundle(now)
        return told

    def _bundle(self, now: datetime) -> int:
        with self._store.transaction() as tx:
            due = tx.reminders.due(now=now, limit=ROWS)
            self._wanting.look_up_rows(tx, due)
            rows = [row for row in due if self._holds(tx, row, now=now)]
            parted: dict[tuple[str, Timing], list[ArmedReminder]] = {}
            for row in rows:
                timing = self._timing(tx, row, now=now)
                parted.setdefault((row.destination, timing), []).append(row)
            for (destination, timing), together in sorted(parted.items()):
                self._owe(tx, together, destination=destination, timing=timing, now=now)
        return len(rows)

    def _holds(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> bool:
        reason = self._wanting.objection(tx, row, now=now)
        if reason is not None:
            cancel(tx, [(row, reason)])
        return reason is None

    def _timing(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> Timing:
        subscription = tx.catalogue.get(row.reminder.subscription)
        if subscription is not None:
            zone = self._wanting.schedule(subscription).zone
            if over(row.reminder.anchor, zone=zone, now=now):
                return Timing.MISSED
        return Timing.LATE if now - row.due_at > LATE_AFTER else Timing.ON_TIME

    def _owe(
        self,
        tx: Transaction,
        rows: Sequence[ArmedReminder],
        *,
        destination: str,
        timing: Timing,
        now: datetime,
    ) -> None:
        told = _told(tx, rows)
        named, counted = told[:COUNTED_BEYOND], told[COUNTED_BEYOND:]
        parts = [(REMINDER, named[at : at + DIGEST]) for at in range(0, len(named), DIGEST)]
        if counted:
            parts.append((REMINDER_REST, counted))
        for kind, part in parts:
            members = [row for each in part for row in each.rows]
            key = f"{kind}/{destination}/{now.isoformat()}/{timing}/{_fingerprint(members)}"
            delivery = Delivery(
                id=delivery_id(key),
                key=key,
                kind=kind,
                destination=destination,
                stream=key,
                due_at=min(row.due_at for row in members),
                subject={"timing": timing.value},
            )
            if tx.outbox.owe(delivery):
                tx.reminders.bundle(
                    [(row.id, row.destination) for row in members], delivery_id=delivery.id
                )


def _told(tx: Transaction, rows: Sequence[ArmedReminder]) -> Sequence[_Told]:
    """Leads of one subscription and date that fall due together are told as one."""
    groups: dict[tuple[object, object], list[ArmedReminder]] = {}
    for row in rows:
        about = (row.reminder.subscription, row.reminder.anchor.date)
        groups.setdefault(about, []).append(row)
    told = [_Told(reminder=each[0].reminder, rows=tuple(each)) for each in groups.values()]
    return sorted(told, key=lambda each: _place(tx, each.reminder))


def _place(tx: Transaction, what: Reminder) -> Place:
    held = tx.catalogue.get(what.subscription) or Subscription(key=what.subscription)
    return place(held, what.anchor)


def _fingerprint(rows: Sequence[ArmedReminder]) -> str:
    return delivery_id("\n".join(sorted(row.id for row in rows)))
