"""Lateness: whether a reminder comes when it should, and the true reason when it does not."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from bot.facts.messages import WAS_OFF, Meant, Timing
from bot.ports.store import Delivery, Transaction
from bot.services.armed import Span, pauses
from bot.services.moved import moved_from

LATE_AFTER = timedelta(minutes=2)
"""A takeover after a crash takes at most 90 s and is not worth the word *late*."""

NOT_TAKEN = "Slack did not take it in time."
_SOME_OF_BOTH = "Lapse was not running for some of them, Slack did not take the others in time."

_BUNDLED_WITHIN = timedelta(minutes=1)
"""What fell due so shortly before nobody ran may have been left undone by it."""


class Cause(StrEnum):
    """Why a reminder is bundled late."""

    OFF = "off"
    NOT_TAKEN = "not-taken"
    MOVED = "moved"


def was_off(tx: Transaction, *, now: datetime) -> Sequence[Span]:
    """When nobody ran lately."""
    return pauses(tx, now=now, longer_than=LATE_AFTER)


def cause_of(due_at: datetime, *, moved: bool, off: Sequence[Span]) -> Cause:
    """Nobody ran when it fell due; else its own destination, or Slack, would not take it."""
    for start, end in off:
        if start - _BUNDLED_WITHIN <= due_at < end:
            return Cause.OFF
    return Cause.MOVED if moved else Cause.NOT_TAKEN


def bundled_as(post: Delivery) -> Timing:
    """The timing that was fixed when it was bundled."""
    return Timing(str(post.subject.get("timing", Timing.ON_TIME)))


def may_have_passed(post: Delivery, *, at: datetime) -> bool:
    """Whether a date of which a reminder tells has begun: a reading moves hours within them."""
    begins = post.subject.get("passes_at")
    return begins is None or at >= datetime.fromisoformat(str(begins))


def timing_of(post: Delivery, *, at: datetime, passed: Iterable[bool]) -> tuple[Timing, str | None]:
    """Whether a delivery sent at an instant is on time, and why it is not.

    One is missed when all that it announces has `passed`, however it was bundled; one that was
    bundled as missed stays so unless nothing has, since its hour was moved to later meanwhile.
    """
    timing = bundled_as(post)
    why = _said(_causes(post)) if timing is not Timing.ON_TIME else NOT_TAKEN
    if any(passed) if timing is Timing.MISSED else all(passed):
        return Timing.MISSED, why
    if timing is Timing.ON_TIME and at - post.due_at <= LATE_AFTER:
        return Timing.ON_TIME, None
    return Timing.LATE, why


def meant_for(post: Delivery) -> tuple[Meant, ...]:
    """The channels that should have shown some of it and would not take it."""
    noted = post.subject.get("meant")
    found = []
    for reason, count in noted.items() if isinstance(noted, dict) else ():
        if (moved := moved_from(reason)) is not None:
            found.append(Meant(channel=moved[0], why=moved[1], count=count))
    return tuple(found)


def moved_of(post: Delivery) -> str:
    """The reason on the rows of a delivery that moved from one channel; empty for others."""
    noted = post.subject.get("meant")
    return next(iter(noted)) if isinstance(noted, dict) and len(noted) == 1 else ""


def _causes(post: Delivery) -> Collection[Cause]:
    """Those noted; one that was bundled before they were had no other."""
    noted = post.subject.get("why")
    return {Cause(each) for each in noted} if isinstance(noted, list) else {Cause.OFF}


def _said(causes: Collection[Cause]) -> str | None:
    """A sentence; None for what only moved, which the message says by itself."""
    if Cause.OFF in causes:
        return WAS_OFF if len(causes) == 1 else _SOME_OF_BOTH
    return NOT_TAKEN if Cause.NOT_TAKEN in causes else None
