"""Telling: one press or fact shows in every message about the deduction, and in one thread."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from bot.billing.subscription import AccountName, SubscriptionKey
from bot.facts.messages import Settled
from bot.ports.store import ArmedReminder, Delivery, ReminderState, Transaction
from bot.services.armed import DIRECT
from bot.services.owing import delivery_id, reminder_update
from bot.services.settled import SettledFact, fact_about, record, written

REMINDER_LINE = "reminder-line"

ANSWERED_WITHIN = timedelta(minutes=1)
"""A cloud that has not answered by then leaves the buttons usable again."""

NOT_KNOWN = "It is not known whether the cloud turned it off. Look, then press again."

_UNANSWERED = "settled/unanswered"


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
    # The list first, and then the fact: whoever tells two facts waits for nobody who tells one.
    _watch(tx, key, anchor_date, unanswered=fact.settled is Settled.TURNING_OFF)
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


def is_unanswered(tx: Transaction) -> bool:
    """Whether anything is being turned off, or was when Lapse stopped."""
    return bool(tx.notes.get(_UNANSWERED))


def give_back(tx: Transaction, *, now: datetime) -> int:
    """Settle what was being turned off when Lapse stopped; how many there were.

    What the catalogue shows as off was turned off by whoever pressed; for the others the buttons
    come back, with the reason.
    """
    settled = 0
    # Held, so that of two replicas the second finds settled what the first one told.
    for key, anchor_date in _unanswered(tx.notes.held(_UNANSWERED)):
        fact = fact_about(tx, key, anchor_date)
        if fact is None or fact.settled is not Settled.TURNING_OFF:
            _watch(tx, key, anchor_date, unanswered=False)
        elif now - fact.at >= ANSWERED_WITHIN:
            held = tx.catalogue.get(key)
            off = held is not None and held.auto_renew is False
            became = (
                SettledFact(settled=Settled.TURNED_OFF, at=fact.at, by=fact.by)
                if off
                else SettledFact(settled=Settled.OPEN, at=now, note=NOT_KNOWN)
            )
            tell(tx, key, anchor_date, became)
            settled += 1
    return settled


def _unanswered(note: Iterable[str]) -> Sequence[tuple[SubscriptionKey, date]]:
    found = []
    for name in note:
        about, _, day = name.rpartition("/")
        account, _, ref = about.partition("/")
        found.append((SubscriptionKey(AccountName(account), ref), date.fromisoformat(day)))
    return found


def _watch(tx: Transaction, key: SubscriptionKey, on: date, *, unanswered: bool) -> None:
    """Keep a list of what is being turned off, since nobody else would look after a crash."""
    known = dict(tx.notes.held(_UNANSWERED))
    name = f"{key}/{on.isoformat()}"
    if unanswered is (name in known):
        return
    if unanswered:
        known[name] = True
    else:
        del known[name]
    tx.notes.put(_UNANSWERED, known)


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
