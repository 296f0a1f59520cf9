"""Lingering: second copies that Slack does not let Lapse take back, and where it may not look.

A refusal is tried again a few times, ever later, and then given up and told; no answer at all, or
a page a minute, is tried again for about a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.ports.messenger import (
    Limited,
    LockedOut,
    NotPosted,
    Undeliverable,
    Unreachable,
    Unreadable,
    Unsettled,
)
from bot.ports.store import Delivery, DeliveryState, Transaction
from bot.services.alarming import Trouble
from bot.services.closing import ENOUGH, pause
from bot.services.composing import PERSON, REMINDERS
from bot.services.moved import REASONS

NO_ANSWERS = 40
"""So many times without an answer, a minute apart at first and an hour at last, take a day."""

SO_OFTEN_LIMITED = 1440
"""So many times Slack lets a conversation be read only in part, no two within a minute."""

A_LOOK = timedelta(days=1)
REMEMBERED = timedelta(days=7)
"""For so long it is looked, now and then, whether somebody has deleted what was given up."""

_WHY = {**REASONS, "ratelimited": "Slack lets Lapse read too little at a time"}
_NOTE = "lingering"
_EACH_MINUTE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Lingering:
    """A message whose sweep did not come to its end: since when, why, after how many calls.

    `unread` when it is the conversation that Slack does not show; `given_up` from when on it is
    only looked for, now and then, for a week.
    """

    to: str
    error: str
    since: datetime
    at: datetime
    refused: int = 0
    unanswered: int = 0
    limited: int = 0
    unread: bool = False
    given_up: datetime | None = None

    def again(self, trouble: Exception, *, at: datetime) -> "Lingering":
        """After one more call that came to nothing."""
        limited = self.limited + is_limited(trouble)
        refused = self.refused + is_refusal(trouble)
        unanswered = self.unanswered + (not is_limited(trouble) and not is_refusal(trouble))
        most = ((refused, ENOUGH), (unanswered, NO_ANSWERS), (limited, SO_OFTEN_LIMITED))
        enough = any(times >= allowed for times, allowed in most)
        return replace(
            self,
            error=str(trouble),
            at=at,
            refused=refused,
            unanswered=unanswered,
            limited=limited,
            unread=isinstance(trouble, Unsettled),
            given_up=at if enough else None,
        )

    @property
    def is_hopeless(self) -> bool:
        """Whether a second copy is there, and nothing more is tried."""
        return self.given_up is not None and not self.unread

    def next_at(self, *, soon: datetime) -> datetime | None:
        """When it is looked for again; `soon` the first time."""
        if self.given_up is not None:
            next_look = self.at + A_LOOK
            return next_look if next_look < self.given_up + REMEMBERED else None
        times = max(self.refused, self.unanswered // _EACH_MINUTE + 1)
        return self.at + pause(times) if times > 1 else soon


def begun(delivery: Delivery, *, at: datetime) -> Lingering:
    """Before the first call that comes to nothing."""
    return Lingering(to=delivery.destination, error="", since=at, at=at)


def is_refusal(trouble: Exception) -> bool:
    """Whether Slack said no, and may say so for ever, rather than nothing or not now."""
    if isinstance(trouble, NotPosted):
        return not isinstance(trouble, Limited | LockedOut | Unreachable)
    return isinstance(trouble, Undeliverable | Unreadable)


def is_limited(trouble: Exception) -> bool:
    """Whether Slack named the time to wait, which says nothing of this message."""
    if isinstance(trouble, Unsettled):
        return trouble.retry_after > 0
    return isinstance(trouble, Limited)


def lingering(tx: Transaction, *, now: datetime) -> Mapping[str, Lingering]:
    """Every message, by its delivery, whose sweep did not come to its end lately."""
    return _lately(tx.notes.get(_NOTE) or {}, now=now)


def note(tx: Transaction, delivery: Delivery, found: Lingering | None, *, at: datetime) -> None:
    """Remember what holds of one from now on; None when its sweep came to its end."""
    known = dict(_lately(tx.notes.held(_NOTE), now=at))
    known.pop(delivery.id, None)
    if found is not None:
        known[delivery.id] = found
    tx.notes.put(_NOTE, {ref: _written(each) for ref, each in known.items()})


def place(destination: str) -> str:
    """A destination as people write it."""
    return f"{'@' if destination.startswith(PERSON) else '#'}{destination}"


def trouble_of(delivery: Delivery, found: Lingering) -> Trouble:
    """What operators are told of one that is given up."""
    what = "A reminder" if delivery.kind in REMINDERS else "A message"
    where, why = place(found.to), _WHY.get(found.error, found.error)
    if found.unread:
        return Trouble(
            about=f"unread/{found.to}",
            subject=f"{what} may be in {where} twice",
            text=f"Lapse posted it more than once, perhaps, and could not look there ({why}). If "
            f"{what.lower()} is in {where} twice, have an admin of the workspace delete the later "
            "one by hand. Let Lapse read there again.",
            since=found.since,
        )
    twice = "although it was let go" if delivery.state is DeliveryState.CANCELLED else "twice"
    return Trouble(
        about=f"twice/{found.to}",
        subject=f"{what} is in {where} {twice}",
        text=f"Slack did not let Lapse delete it ({why}), and Lapse does not try again. Have an "
        f"admin of the workspace delete the later one by hand. `/lapse status` counts what is "
        "there twice.",
        since=found.since,
    )


def _lately(found: Mapping[str, Any], *, now: datetime) -> Mapping[str, Lingering]:
    known = {ref: _read(facts) for ref, facts in found.items()}
    return {ref: each for ref, each in known.items() if now - each.at < REMEMBERED}


def _written(each: Lingering) -> Mapping[str, object]:
    return {
        "to": each.to,
        "error": each.error,
        "since": each.since.isoformat(),
        "at": each.at.isoformat(),
        "refused": each.refused,
        "unanswered": each.unanswered,
        "limited": each.limited,
        "unread": each.unread,
        "given_up": each.given_up.isoformat() if each.given_up else None,
    }


def _read(facts: Any) -> Lingering:
    given_up = facts["given_up"]
    return Lingering(
        to=facts["to"],
        error=facts["error"],
        since=datetime.fromisoformat(facts["since"]),
        at=datetime.fromisoformat(facts["at"]),
        refused=facts["refused"],
        unanswered=facts["unanswered"],
        limited=facts.get("limited", 0),
        unread=facts["unread"],
        given_up=datetime.fromisoformat(given_up) if given_up else None,
    )
