"""Outcomes: what became of a delivery's members, of very many some thousand at a time.

That a message was sent, or let go, is recorded at once. What its members bear then follows: whoever
writes beside it waits for some of them only, and whoever dies leaves a note of what is to be done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.ports.store import Delivery, ReminderState, Store, Transaction
from bot.services.owing import REMINDER_REST

MOST = 1_000
"""Members whose outcome one transaction records."""

_NOTE = "reminders/outcomes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """With what state its members are recorded, since when, and why."""

    state: ReminderState
    at: datetime
    reason: str = ""

    @property
    def written(self) -> Mapping[str, object]:
        """As the note holds it."""
        return {"state": self.state.value, "at": self.at.isoformat(), "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """That its members go to another destination instead, and why."""

    to: str
    reason: str

    @property
    def written(self) -> Mapping[str, object]:
        """As the note holds it."""
        return {"to": self.to, "reason": self.reason}


FREE: Mapping[str, object] = {}
"""What is noted of members that are to be bundled anew."""


def record(tx: Transaction, delivery: Delivery, became: Outcome | Move) -> bool:
    """Record it of as many members as one transaction may; whether more are left, as noted."""
    return _begin(tx, delivery, became.written)


def release(tx: Transaction, delivery: Delivery) -> bool:
    """Let as many members as one transaction may be bundled anew; whether more are left."""
    return _begin(tx, delivery, FREE)


def moving_to(tx: Transaction) -> set[str]:
    """Destinations to which more members are on their way: they are bundled together."""
    noted = (tx.notes.get(_NOTE) or {}).values()
    return {each.to for each in map(_read, noted) if isinstance(each, Move)}


def record_rest(store: Store) -> None:
    """Record what is noted, whoever noted it."""
    with store.reading() as tx:
        noted = tx.notes.get(_NOTE)
    while noted:
        with store.transaction() as tx:
            noted = dict(tx.notes.held(_NOTE))
            for delivery_id, facts in list(noted.items())[:1]:
                if not _record(tx, delivery_id, facts, most=MOST):
                    del noted[delivery_id]
                    tx.notes.put(_NOTE, noted)
        store.give_way()


def _begin(tx: Transaction, delivery: Delivery, facts: Mapping[str, object]) -> bool:
    most = MOST if delivery.kind == REMINDER_REST else None
    more = _record(tx, delivery.id, facts, most=most)
    if more:
        tx.notes.put(_NOTE, {**tx.notes.held(_NOTE), delivery.id: facts})
    return more


def _record(tx: Transaction, delivery_id: str, facts: object, *, most: int | None) -> bool:
    """Whether there may be more than `most`."""
    became = _read(facts)
    if became is None:
        recorded = tx.reminders.release(delivery_id, most=most)
    elif isinstance(became, Move):
        recorded = tx.reminders.move(delivery_id, to=became.to, reason=became.reason, most=most)
    else:
        recorded = tx.reminders.settle(
            delivery_id, state=became.state, at=became.at, reason=became.reason, most=most
        )
    return recorded == most


def _read(facts: object) -> Outcome | Move | None:
    """What is noted; None of what is to be bundled anew."""
    if not isinstance(facts, dict):
        raise TypeError(facts)
    if facts == FREE:
        return None
    if "to" in facts:
        return Move(to=facts["to"], reason=facts["reason"])
    return Outcome(
        state=ReminderState(facts["state"]),
        at=datetime.fromisoformat(facts["at"]),
        reason=facts["reason"],
    )
