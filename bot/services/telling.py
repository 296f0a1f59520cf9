"""Telling: one press or fact shows in every message about the deduction, and in one thread."""

from collections.abc import Sequence
from datetime import date

from bot.billing.subscription import SubscriptionKey
from bot.facts.messages import Settled
from bot.ports.store import ArmedReminder, Delivery, ReminderState, Transaction
from bot.services.armed import DIRECT
from bot.services.owing import delivery_id, reminder_update
from bot.services.settled import SettledFact, record, written

REMINDER_LINE = "reminder-line"


def tell(
    tx: Transaction,
    key: SubscriptionKey,
    anchor_date: date,
    fact: SettledFact,
    *,
    pressed: str | None = None,
) -> None:
    """Remember a fact about an announced deduction; owe updates of its messages and a thread line.

    `pressed` is the delivery whose button was used; pressed in a direct message, the line goes to
    the newest message in a channel, so that nobody's change is known in private alone.
    """
    cause = record(tx, key, anchor_date, fact)
    rows = [
        row
        for row in tx.reminders.of(key, anchor_date.isoformat())
        if row.delivery_id and row.state is not ReminderState.CANCELLED
    ]
    for each in sorted({row.delivery_id for row in rows if row.delivery_id}):
        post = tx.outbox.get(each)
        if post is not None:
            tx.outbox.owe(reminder_update(post, cause=cause, at=fact.at))
    post = _told_in(tx, rows, pressed)
    if post is not None and fact.settled is not Settled.TURNING_OFF:
        tx.outbox.owe(_line(post, key, fact, cause=cause))


def _told_in(
    tx: Transaction, rows: Sequence[ArmedReminder], pressed: str | None
) -> Delivery | None:
    shared = [row for row in rows if not row.id.endswith(DIRECT)]
    if not shared:
        return None
    here = next((row for row in shared if row.delivery_id == pressed), None)
    row = here or max(shared, key=lambda each: (each.sent_at or each.due_at, each.id))
    return tx.outbox.get(row.delivery_id) if row.delivery_id else None


def _line(post: Delivery, key: SubscriptionKey, fact: SettledFact, *, cause: str) -> Delivery:
    name = f"reminder/{post.id}/line/{cause}"
    return Delivery(
        id=delivery_id(name),
        key=name,
        kind=REMINDER_LINE,
        destination=post.destination,
        stream=post.stream,
        due_at=fact.at,
        subject={**written(fact), "about": str(key)},
        thread_of=post.id,
    )
