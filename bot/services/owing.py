"""Messages owed: one constructor for each kind, so that every key and stream is spelled once.

Subjects hold ids, numbers and states only; figures and words are composed when a message is sent.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from bot.billing.subscription import SubscriptionKey
from bot.billing.unsubscription import Event, Request, State, Verb
from bot.facts.erased import ERASED
from bot.facts.receipt import LOOKS, Form, RecordHead, is_finished
from bot.ports.store import Delivery, Transaction

REQUEST_CARD = "request-card"
REQUEST_LINE = "request-line"
RECEIPT = "receipt"
RECEIPT_FILE = "receipt-file"
REQUESTER_NOTE = "requester-note"
BROKEN_GLASS = "broken-glass"
OVERDUE = "overdue"
REMINDER = "reminder"
REMINDER_REST = "reminder-rest"

SLOTS = 100
"""Room in a stream's order for all messages that one save of a request owes."""

_DELIVERIES = UUID("5c1f0d2e-7a0b-5b55-9b77-6f1a3c0d9e42")

ASKED_BEFORE = 20
"""As many of a person's newest requests are looked at for the same subscriptions."""

_ASK_AGAIN = frozenset({State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.STOPPED})
_OFFERING = frozenset({State.APPROVED, State.STALE})
"""States whose note offers what only holds in them: to stop, to review new figures."""

_TOLD = frozenset(
    {
        Verb.ASKED,
        Verb.APPROVED,
        Verb.ACKNOWLEDGED,
        Verb.STALE,
        Verb.LEFT,
        Verb.CAME_BACK,
        Verb.HELD_UP,
        Verb.NOT_LOOKED,
    }
)


class Receipts(Protocol):
    """What is owed of a receipt: its message and its files."""

    def __call__(
        self, request: Request, *, head: RecordHead, channel: str, at: datetime
    ) -> tuple[Delivery, ...]:
        """Where the record stands is noted with the message."""


def delivery_id(key: str) -> str:
    """The id of a delivery, derived from its key: owing it twice can never make two of it."""
    return str(uuid5(_DELIVERIES, key))


def card_id(number: int) -> str:
    """The delivery that posts a request's message in the approvals channel."""
    return delivery_id(_card_key(number))


def after_save(
    before: Request | None, after: Request, *, channel: str, at: datetime
) -> tuple[Delivery, ...]:
    """What every saved change of a request owes: its card, a thread line an event, and notes.

    That somebody broke the glass is a message of its own, which calls the whole channel; so is that
    nobody did in time what had to be done by hand.

    `after` is the request as the store returned it, with its new version. `channel` is the one
    for approvals, used for a new card; later messages follow the card wherever it stands.
    """
    known = len(before.events) if before else 0
    fresh = after.events[known:]
    card = (
        _update(after, channel=channel, at=at) if before else _card(after, channel=channel, at=at)
    )
    lines = tuple(
        _line(after, event, slot=slot, channel=channel, at=at)
        for slot, event in enumerate(fresh, start=1)
    )
    moved = before is None or before.state is not after.state
    told = fresh[-1:] if moved else tuple(e for e in fresh if e.verb in _TOLD)[-1:]
    notes = tuple(_note(after, event, channel=channel, at=at) for event in told)
    broken = (event for event in fresh if event.verb is Verb.BROKE_GLASS)
    alarms = tuple(_broken_glass(after, event, channel=channel, at=at) for event in broken)
    late = (event for event in fresh if event.verb is Verb.FAILED and after.by_hand)
    alarms += tuple(_overdue(after, event, channel=channel, at=at) for event in late)
    return (card, *lines, *alarms, *notes)


def has_finished(before: Request | None, after: Request) -> bool:
    """Whether a saved change ended a request that was tried, so that it owes its receipt."""
    return is_finished(after) and (before is None or not before.closed)


def receipts(
    request: Request, *, head: RecordHead, channel: str, at: datetime
) -> tuple[Delivery, ...]:
    """The receipt of a request that has just finished, and its files after it, in the thread.

    Where the record then stood is noted with the message, so that all three say the same for ever.
    """
    noted = {"entries": head.entries, "head": head.digest}
    key = _receipt_key(request.number)
    slots = range(SLOTS - len(Form), SLOTS)
    message = _owed(request, key, RECEIPT, to=channel, slot=slots.start - 1, at=at, facts=noted)
    files = (
        _owed(
            request,
            f"{key}/{form.value}",
            RECEIPT_FILE,
            to=channel,
            slot=slot,
            at=at,
            facts={"file": form.value},
        )
        for slot, form in zip(slots, Form, strict=True)
    )
    return (message, *files)


def has_looked_again(before: Request | None, after: Request) -> bool:
    """Whether a saved change is what the second look found, which a receipt tells from then on."""
    known = len(before.events) if before else 0
    return is_finished(after) and any(each.verb in LOOKS for each in after.events[known:])


def renewed_receipts(
    request: Request, *, head: RecordHead, channel: str, at: datetime
) -> tuple[Delivery, ...]:
    """The receipt's message brought up to date, and files beside those that do not know it yet.

    A file that people may have taken elsewhere stays what it was; the newer one says so.
    """
    message, *files = receipts(request, head=head, channel=channel, at=at)
    update = replace(
        message,
        id=renewed_receipt_id(request.number),
        key=_renewed_key(request.number),
        thread_of=None,
        update_of=message.id,
    )
    return (update, *(_renewed_file(each, request) for each in files))


def _renewed_file(file: Delivery, request: Request) -> Delivery:
    key = f"{_renewed_key(request.number)}/{file.subject['file']}"
    return replace(file, id=delivery_id(key), key=key)


def receipt_id(number: int) -> str:
    """The delivery that posts a request's receipt."""
    return delivery_id(_receipt_key(number))


def renewed_receipt_id(number: int) -> str:
    """The delivery that brings it up to date after the second look."""
    return delivery_id(_renewed_key(number))


def note_updates(
    tx: Transaction, before: Request | None, after: Request, *, at: datetime
) -> tuple[Delivery, ...]:
    """Updates of earlier notes whose button goes with a saved change (ux, section 1.7).

    *Stop* and *Review new figures…* go when the request leaves the state or a newer note has them,
    *Ask again…* goes when the person asked again. Each goes once, so that a note is updated at most
    once.
    """
    if before is None:
        closed = (each for each in _same(tx, after) if each.state in _ASK_AGAIN)
        told = [(each, each.events[-1]) for each in closed]
    else:
        news = after.state is not before.state or after.events[-1].verb is Verb.HELD_UP
        left = before.state in _OFFERING and news
        told = [(after, before.events[-1])] if left else []
    found = [(each, tx.outbox.get(delivery_id(_note_key(each, event)))) for each, event in told]
    return tuple(_note_update(each, post, at=at) for each, post in found if post is not None)


def is_current(tx: Transaction, request: Request, event: object) -> bool:
    """Whether the note about an event, by its number, still offers what can be done."""
    if request.events[-1].number != event:
        return False
    same = _same(tx, request) if request.state in _ASK_AGAIN else ()
    return all(each.number <= request.number for each in same)


def reminder_updates(
    tx: Transaction, keys: Collection[SubscriptionKey], *, cause: str, at: datetime
) -> tuple[Delivery, ...]:
    """Updates of every reminder message that shows one of the subscriptions.

    `cause` names the change, unique among changes, for example `request/1042/v3`.
    """
    shown = {
        row.delivery_id for key in sorted(keys) for row in tx.reminders.of(key) if row.delivery_id
    }
    found = (tx.outbox.get(each) for each in sorted(shown))
    return tuple(reminder_update(post, cause=cause, at=at) for post in found if post is not None)


def reminder_update(post: Delivery, *, cause: str, at: datetime) -> Delivery:
    """The update of one reminder message that was posted, or will be."""
    key = f"reminder/{post.id}/update/{cause}"
    return update_of(post, key=key, subject={"delivery": post.id}, at=at)


def update_of(
    post: Delivery, *, key: str, subject: Mapping[str, object], at: datetime, sequence: int = 0
) -> Delivery:
    """What brings a message that was posted, or will be, up to date, in its own stream."""
    return Delivery(
        id=delivery_id(key),
        key=key,
        kind=post.kind,
        destination=post.destination,
        stream=post.stream,
        due_at=at,
        subject=subject,
        update_of=post.id,
        sequence=sequence,
    )


def shown_again(update: Delivery, *, at: datetime) -> Delivery:
    """The present state of a message once more, after an update that an older one may have hidden.

    What was asked for by the same sweep is owed once.
    """
    key = f"again/{update.id}/{update.sweep_until or at:%Y-%m-%dT%H:%M:%S.%f}"
    return Delivery(
        id=delivery_id(key),
        key=key,
        kind=update.kind,
        destination=update.destination,
        stream=update.stream,
        due_at=at,
        subject=update.subject,
        update_of=update.update_of,
        sequence=update.sequence,
    )


def _card_key(number: int) -> str:
    return f"request/{number}/card"


def _card(request: Request, *, channel: str, at: datetime) -> Delivery:
    return _owed(request, _card_key(request.number), REQUEST_CARD, to=channel, slot=0, at=at)


def _update(request: Request, *, channel: str, at: datetime) -> Delivery:
    key = f"{_card_key(request.number)}/v{request.version}"
    return _owed(request, key, REQUEST_CARD, to=channel, slot=0, at=at, update=True)


def _line(request: Request, event: Event, *, slot: int, channel: str, at: datetime) -> Delivery:
    key = f"request/{request.number}/line/{event.number}"
    facts = {"event": event.number}
    return _owed(request, key, REQUEST_LINE, to=channel, slot=slot, at=at, facts=facts)


def _broken_glass(request: Request, event: Event, *, channel: str, at: datetime) -> Delivery:
    """In a stream of its own, so that it waits for nothing."""
    key = f"request/{request.number}/glass/{event.number}"
    facts = {"event": event.number}
    owed = _owed(request, key, BROKEN_GLASS, to=channel, slot=0, at=at, facts=facts)
    return replace(owed, stream=key)


def _overdue(request: Request, event: Event, *, channel: str, at: datetime) -> Delivery:
    """In the channel itself, where more people see it than in a thread."""
    key = f"request/{request.number}/overdue/{event.number}"
    facts = {"event": event.number}
    owed = _owed(request, key, OVERDUE, to=channel, slot=0, at=at, facts=facts)
    return replace(owed, stream=key)


def _receipt_key(number: int) -> str:
    return f"request/{number}/receipt"


def _renewed_key(number: int) -> str:
    return f"{_receipt_key(number)}/again"


def _same(tx: Transaction, request: Request) -> Sequence[Request]:
    """The person's newest requests for any of its subscriptions, itself among them."""
    keys = {item.key for item in request.items}
    newest = tx.requests.of(request.requested_by, limit=ASKED_BEFORE)
    return [each for each in newest if any(item.key in keys for item in each.items)]


def _note_key(request: Request, event: Event) -> str:
    return f"request/{request.number}/note/{event.number}"


def _note(request: Request, event: Event, *, channel: str, at: datetime) -> Delivery:
    """To the requester; what concerns one who was forgotten is told to the channel instead."""
    key = _note_key(request, event)
    erased = request.requested_by == ERASED
    return Delivery(
        id=delivery_id(key),
        key=key,
        kind=REQUESTER_NOTE,
        destination=channel if erased else request.requested_by,
        stream=f"request/{request.number}/notes",
        due_at=at,
        subject={
            "request": request.number,
            "event": event.number,
            "state": request.state.value,
        },
        sequence=request.version * SLOTS,
    )


def _note_update(request: Request, post: Delivery, *, at: datetime) -> Delivery:
    """In the stream of the notes, after the news of the same save."""
    return update_of(
        post,
        key=f"{post.key}/v{request.version}",
        subject={"request": request.number},
        at=at,
        sequence=request.version * SLOTS + 1,
    )


def _owed(
    request: Request,
    key: str,
    kind: str,
    *,
    to: str,
    slot: int,
    at: datetime,
    update: bool = False,
    facts: Mapping[str, object] | None = None,
) -> Delivery:
    card = card_id(request.number)
    threaded = kind in {REQUEST_LINE, RECEIPT, RECEIPT_FILE}
    return Delivery(
        id=delivery_id(key),
        key=key,
        kind=kind,
        destination=to,
        stream=f"request/{request.number}",
        due_at=at,
        subject={"request": request.number, **(facts or {})},
        update_of=card if update else None,
        thread_of=card if threaded else None,
        sequence=request.version * SLOTS + slot,
    )
