"""Touring: three steps that show a newcomer what Lapse does, ticked off when really done."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.billing.subscription import SlackChannel
from bot.billing.unsubscription import Verb
from bot.facts.messages import Tour
from bot.ports.clock import Clock
from bot.ports.store import Delivery, Store, Transaction
from bot.services.owing import delivery_id
from bot.services.policy import Policy

TOUR = "tour"
NOTE = "tour"
FIRST_NUMBER = 1001
LOOKED_AT = 20

_DECIDED = frozenset({Verb.APPROVED, Verb.BROKE_GLASS, Verb.REJECTED})


class Touring:
    """The tour of the practice workspace: one message that must arrive, updated in place."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    def begin(self, *, subject_ids: tuple[str, ...], channel: SlackChannel) -> None:
        """Owe the tour's message, the first time only."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            if tx.notes.get(NOTE) is not None:
                return
            tour = Tour(
                seen=False,
                asked=False,
                decided=False,
                subject_ids=subject_ids,
                approvals_channel=self._policy.approvals_channel,
            )
            _write(tx, tour, revision=0)
            tx.outbox.owe(_post(channel, at=now))

    def saw(self) -> None:
        """Somebody looked at what will be deducted, by button or by hand."""
        self._change(lambda tour: replace(tour, seen=True))

    def skip(self) -> None:
        """Somebody does not want the tour."""
        self._change(lambda tour: replace(tour, skipped=True))

    def tick(self) -> int:
        """Tick off what was really done since; 1 when something was."""
        with self._store.reading() as tx:
            tour = read_tour(tx)
            if tour is None or tour.skipped or (tour.asked and tour.decided):
                return 0
            asked, decided = _done(tx)
        if (asked, decided) == (tour.asked, tour.decided):
            return 0
        self._change(lambda known: replace(known, asked=asked, decided=decided))
        return 1

    def _change(self, change: Callable[[Tour], Tour]) -> None:
        now = self._clock.now()
        with self._store.transaction() as tx:
            tour = read_tour(tx)
            if tour is None:
                return
            changed = change(tour)
            if changed != tour:
                revision = _revision(tx) + 1
                _write(tx, changed, revision=revision)
                post = tx.outbox.get(delivery_id(TOUR))
                if post is not None:
                    tx.outbox.owe(_update(post, revision=revision, at=now))


def read_tour(tx: Transaction) -> Tour | None:
    """How far the tour is, or None where there is none."""
    note = tx.notes.get(NOTE)
    if note is None:
        return None
    ids = note["subject_ids"]
    return Tour(
        seen=bool(note["seen"]),
        asked=bool(note["asked"]),
        decided=bool(note["decided"]),
        skipped=bool(note["skipped"]),
        subject_ids=tuple(str(each) for each in ids) if isinstance(ids, list | tuple) else (),
        approvals_channel=SlackChannel(str(note["approvals_channel"])),
    )


def _write(tx: Transaction, tour: Tour, *, revision: int) -> None:
    note = {
        "seen": tour.seen,
        "asked": tour.asked,
        "decided": tour.decided,
        "skipped": tour.skipped,
        "subject_ids": list(tour.subject_ids),
        "approvals_channel": tour.approvals_channel,
        "revision": revision,
    }
    tx.notes.put(NOTE, note)


def _revision(tx: Transaction) -> int:
    note = tx.notes.get(NOTE) or {}
    return int(str(note.get("revision", 0)))


def _done(tx: Transaction) -> tuple[bool, bool]:
    numbers = range(FIRST_NUMBER, FIRST_NUMBER + LOOKED_AT)
    requests = [found for number in numbers if (found := tx.requests.get(number))]
    decided = any(event.verb in _DECIDED for each in requests for event in each.events)
    return bool(requests), decided


def _post(channel: SlackChannel, *, at: datetime) -> Delivery:
    return Delivery(
        id=delivery_id(TOUR), key=TOUR, kind=TOUR, destination=channel, stream=TOUR, due_at=at
    )


def _update(post: Delivery, *, revision: int, at: datetime) -> Delivery:
    key = f"{TOUR}/update/{revision}"
    return replace(
        _post(SlackChannel(post.destination), at=at),
        id=delivery_id(key),
        key=key,
        update_of=post.id,
    )
