"""Bundling: reminders that fall due together for one destination become a few messages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.billing.reminder import Reminder
from bot.billing.subscription import Subscription
from bot.facts.messages import Timing
from bot.ports.clock import Clock
from bot.ports.store import ArmedReminder, Delivery, Store, Transaction
from bot.services.announcing import Place, place
from bot.services.armed import cancel, end_of, over
from bot.services.lateness import LATE_AFTER, Cause, cause_of
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
class _Timed:
    """A row with its timing, why it is not on time, and why it is not where it belongs."""

    row: ArmedReminder
    timing: Timing
    cause: Cause | None
    moved: str | None

    @property
    def apart(self) -> tuple[str, ...]:
        """What comes into a message of its own; all that was missed comes into one."""
        to = (self.row.destination, self.timing.value)
        return to if self.timing is Timing.MISSED else (*to, self.cause or "", self.moved or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One subscription and date of a bundle, with every row that it stands for."""

    reminder: Reminder
    rows: tuple[_Timed, ...]


class Bundling:
    """Turns due rows into deliveries; the members of a delivery are fixed here."""

    def __init__(self, *, store: Store, clock: Clock, wanting: Wanting) -> None:
        self._store = store
        self._clock = clock
        self._wanting = wanting

    def bundle_due(self) -> int:
        """Owe the messages for everything that is due; how many reminders they carry.

        A row that no longer holds is cancelled with its reason. Late and missed ones go into
        messages of their own that say so and why, and so do those that had to move here. What is
        left after many rounds waits for the next call, since everything else that is due should
        not wait for it.
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
            parted: dict[tuple[str, ...], list[_Timed]] = {}
            for row in rows:
                timed = self._timed(tx, row, now=now)
                parted.setdefault(timed.apart, []).append(timed)
            for _, together in sorted(parted.items()):
                self._owe(tx, together, now=now)
        return len(rows)

    def _holds(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> bool:
        reason = self._wanting.objection(tx, row, now=now)
        if reason is not None:
            cancel(tx, [(row, reason)])
        return reason is None

    def _timed(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> _Timed:
        timing, moved = self._timing(tx, row, now=now), self._wanting.moved(tx, row)
        cause = None
        if timing is not Timing.ON_TIME:
            cause = cause_of(tx, row.due_at, moved=moved is not None, now=now)
        return _Timed(row=row, timing=timing, cause=cause, moved=moved)

    def _timing(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> Timing:
        subscription = tx.catalogue.get(row.reminder.subscription)
        if subscription is not None:
            zone = self._wanting.schedule(subscription).zone
            if over(row.reminder.anchor, zone=zone, now=now):
                return Timing.MISSED
        return Timing.LATE if now - row.due_at > LATE_AFTER else Timing.ON_TIME

    def _owe(self, tx: Transaction, timed: Sequence[_Timed], *, now: datetime) -> None:
        destination, timing = timed[0].row.destination, timed[0].timing
        told = _told(tx, timed)
        named, counted = told[:COUNTED_BEYOND], told[COUNTED_BEYOND:]
        parts = [(REMINDER, named[at : at + DIGEST]) for at in range(0, len(named), DIGEST)]
        if counted:
            parts.append((REMINDER_REST, counted))
        for kind, part in parts:
            members = [each.row for about in part for each in about.rows]
            key = f"{kind}/{destination}/{now.isoformat()}/{timing}/{_fingerprint(members)}"
            delivery = Delivery(
                id=delivery_id(key),
                key=key,
                kind=kind,
                destination=destination,
                stream=key,
                due_at=min(row.due_at for row in members),
                subject={
                    "timing": timing.value,
                    "passes_at": _first_end(part, zone=self._wanting.zone),
                    **_reasons(part),
                },
            )
            if tx.outbox.owe(delivery):
                tx.reminders.bundle(
                    [(row.id, row.destination) for row in members], delivery_id=delivery.id
                )


def _told(tx: Transaction, rows: Sequence[_Timed]) -> Sequence[_Told]:
    """Leads of one subscription and date that fall due together are told as one."""
    groups: dict[tuple[object, object], list[_Timed]] = {}
    for each in rows:
        what = each.row.reminder
        groups.setdefault((what.subscription, what.anchor.date), []).append(each)
    told = [_Told(reminder=each[0].row.reminder, rows=tuple(each)) for each in groups.values()]
    return sorted(told, key=lambda each: _place(tx, each.reminder))


def _reasons(part: Sequence[_Told]) -> Mapping[str, object]:
    """Why they are not on time and not where they belong, as far as there is something to say."""
    causes = sorted({each.cause.value for about in part for each in about.rows if each.cause})
    moved = Counter(each for about in part if (each := about.rows[0].moved) is not None)
    said = {"why": causes} if causes else {}
    return {**said, **({"meant": dict(moved)} if moved else {})}


def _first_end(part: Sequence[_Told], *, zone: tzinfo) -> str:
    """When the first date of a message passes, so that nobody has to read its members for that."""
    return min(end_of(each.reminder.anchor, zone=zone) for each in part).isoformat()


def _place(tx: Transaction, what: Reminder) -> Place:
    held = tx.catalogue.get(what.subscription) or Subscription(key=what.subscription)
    return place(held, what.anchor)


def _fingerprint(rows: Sequence[ArmedReminder]) -> str:
    return delivery_id("\n".join(sorted(row.id for row in rows)))
