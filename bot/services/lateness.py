"""Lateness: whether a reminder comes when it should, and the true reason when it does not."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from bot.facts.messages import WAS_OFF, Meant, Timing
from bot.ports.store import ArmedReminder, Delivery, Transaction
from bot.services.armed import Span, pauses
from bot.services.closing import was_stopped
from bot.services.moved import moved_from

LATE_AFTER = timedelta(minutes=2)
"""A takeover after a crash takes at most 90 s and is not worth the word *late*."""

NOT_TAKEN = "Slack did not take it in time."
MANY = "Many were due at once."
_SOME_OF_BOTH = "Lapse was not running for some of them, Slack did not take the others in time."
_SOME_OF_MANY = "Lapse was not running for some of them, and many were due at once."
_WHYS = frozenset({WAS_OFF, NOT_TAKEN, MANY})

_OWN = frozenset({None, "stalled"})
"""What a delivery bears that Slack did not refuse."""

_BUNDLED_WITHIN = timedelta(minutes=1)
"""What fell due so shortly before nobody ran may have been left undone by it."""


class Cause(StrEnum):
    """Why a reminder is late."""

    OFF = "off"
    NOT_TAKEN = "not-taken"
    MANY = "many"
    MOVED = "moved"


def was_off(tx: Transaction, *, now: datetime) -> Sequence[Span]:
    """When nobody ran lately."""
    return pauses(tx, now=now, longer_than=LATE_AFTER)


def cause_of(tx: Transaction, row: ArmedReminder, *, moved: bool, off: Sequence[Span]) -> Cause:
    """Nobody ran when it fell due; else its own destination, or Slack, would not take it.

    What neither explains had to wait for others.
    """
    for start, end in off:
        if start - _BUNDLED_WITHIN <= row.due_at < end:
            return Cause.OFF
    if moved:
        return Cause.MOVED
    stopped = was_stopped(tx, row.destination, since=row.due_at)
    return Cause.NOT_TAKEN if stopped else Cause.MANY


def cause_since_bundled(tx: Transaction, post: Delivery, *, at: datetime) -> Cause:
    """Why what was bundled on time was not sent so: nobody ran, Slack refused it, or many wait."""
    if any(start < at and end > post.due_at for start, end in was_off(tx, now=at)):
        return Cause.OFF
    refused = is_refused(post) or was_stopped(tx, post.destination, since=post.due_at)
    return Cause.NOT_TAKEN if refused else Cause.MANY


def is_refused(post: Delivery) -> bool:
    """Whether Slack, or the way to it, did not take it when it was tried last."""
    return post.error not in _OWN


def recorded(rows: Iterable[ArmedReminder]) -> str | None:
    """Why they came late, as it was recorded when they were told; None where it is not known."""
    return next((row.reason for row in rows if row.reason in _WHYS), None)


def bundled_as(post: Delivery) -> Timing:
    """The timing that was fixed when it was bundled."""
    return Timing(str(post.subject.get("timing", Timing.ON_TIME)))


def may_have_passed(post: Delivery, *, at: datetime) -> bool:
    """Whether a date of which a reminder tells has begun: a reading moves hours within them."""
    begins = post.subject.get("passes_at")
    return begins is None or at >= datetime.fromisoformat(str(begins))


def timing_of(
    post: Delivery, *, at: datetime, passed: Iterable[bool], delayed: Callable[[], str | None]
) -> tuple[Timing, str | None]:
    """Whether a delivery sent at an instant is on time, and why it is not.

    One is missed when all that it announces has `passed`, however it was bundled; one that was
    bundled as missed stays so unless nothing has, since its hour was moved to later meanwhile.
    `delayed` says why one is late that was bundled on time.
    """
    timing = bundled_as(post)
    is_missed = any(passed) if timing is Timing.MISSED else all(passed)
    if timing is Timing.ON_TIME and not is_missed and at - post.due_at <= LATE_AFTER:
        return Timing.ON_TIME, None
    why = delayed() if timing is Timing.ON_TIME else sentence_of(_causes(post))
    return Timing.MISSED if is_missed else Timing.LATE, why


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


def sentence_of(causes: Collection[Cause]) -> str | None:
    """A sentence; None for what only moved, which the message says by itself."""
    if causes == {Cause.OFF, Cause.MANY}:
        return _SOME_OF_MANY
    if Cause.OFF in causes:
        return WAS_OFF if len(causes) == 1 else _SOME_OF_BOTH
    if Cause.NOT_TAKEN in causes:
        return NOT_TAKEN
    return MANY if Cause.MANY in causes else None
