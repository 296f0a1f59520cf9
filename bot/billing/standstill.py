"""A request that cannot go on: since when, when people are told, and when it is given up (pure).

Nothing is derived from how often it was tried, so that whoever looks next decides the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.billing import by_hand, call_to_decide
from bot.billing.unsubscription import Request, State, StepState, Verb, noted

UNREAD_TOLD_AFTER = timedelta(minutes=15)
"""For how long a cloud that cannot be read or called is nobody's business but Lapse's."""

TAKEN_TOLD_AFTER = timedelta(minutes=30)
"""How long what the cloud took may stay on its list before people hear of it."""

GIVEN_UP_AFTER = timedelta(hours=24)
"""After so long people decide how to go on, or earlier where an item's last safe moment is."""

_STANDS = frozenset({Verb.HELD_UP, Verb.ASKED_TO_LOOK})
"""What is noted of a request without that it goes on; people may ask as often as they want."""

_WENT_ON = frozenset(Verb) - {
    *_STANDS,
    Verb.EXPIRED,
    Verb.FAILED,
    Verb.STALE,
    Verb.NOT_READ,
    Verb.NOT_LOOKED,
}
"""What Lapse notes of a request when nothing keeps it from going on."""

_ENDED = frozenset(
    {
        State.WITHDRAWN,
        State.STOPPED,
        State.EXPIRED,
        State.REJECTED,
        State.DONE,
        State.STALE,
    }
)
"""What Lapse tries nothing about any more; a failed one is over when people left it, or went on."""

_AT_THE_CLOUD = frozenset({StepState.STARTED, StepState.ACCEPTED, StepState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """What keeps a request from going on, in one sentence, and after how long people are told.

    `about` names it in keys: the same trouble of several requests is told once. It is called by its
    `subject`, and by `over` when it is over; without them by the request.
    """

    why: str
    about: str
    told_after: timedelta = UNREAD_TOLD_AFTER
    subject: str | None = None
    over: str | None = None


def stands_since(request: Request) -> datetime:
    """When it last went on, by an event or at the cloud, or was to: cooled off, or a day later.

    Where it waits for people it was to go on when they were to be called, or its time was over.
    """
    return max(_moments(request))


def is_told(request: Request) -> bool:
    """Whether people have heard that it has not gone on since."""
    since = stands_since(request)
    return any(each.verb is Verb.HELD_UP and each.at >= since for each in request.events)


def is_to_be_told(request: Request, hindrance: Hindrance, *, at: datetime) -> bool:
    """Whether it is time for people to hear of it; of a second look they hear how it ends."""
    if request.closed or is_told(request):
        return False
    return at >= stands_since(request) + hindrance.told_after


def was_told(request: Request) -> bool:
    """Whether people may have heard at any time that it could not go on."""
    return any(each.verb in {Verb.HELD_UP, Verb.FAILED} for each in request.events)


def went_on(before: Request, after: Request) -> bool:
    """Whether Lapse moved it on; what people do about it shows nothing yet."""
    fresh = after.events[len(before.events) :]
    return any(each.verb in _WENT_ON and each.by is None for each in fresh)


def has_ended(request: Request) -> bool:
    """Whether nothing of it goes on by itself any more."""
    return request.closed or request.state in _ENDED


def gives_up_at(request: Request, hindrance: Hindrance, *, last_safe: datetime | None) -> datetime:
    """When it is left to people, who have heard of it before where a call is open at the cloud.

    Before its first call it waits as long as the figures hold that were acknowledged; what has
    nothing at the cloud no longer than that either. `last_safe` is that of what is still to go.
    What people carry out is given up when it would have failed anyway.
    """
    since = stands_since(request)
    if request.state is State.APPROVED:
        return request.good_until
    given_up = since + GIVEN_UP_AFTER
    if _is_with_people(request):
        return by_hand.fails_at(request) or given_up
    if request.state is not State.EXECUTING:
        return given_up
    if not is_at_the_cloud(request):
        return min(given_up, request.good_until)
    earliest = since + hindrance.told_after
    return max(earliest, min(given_up, last_safe or given_up))


def is_at_the_cloud(request: Request) -> bool:
    """Whether a call was made of which it is not read yet that what it asked for is done."""
    return any(step.state in _AT_THE_CLOUD for step in request.steps)


def held_up(request: Request, *, at: datetime, note: str) -> Request:
    """People are told that it cannot go on, once."""
    return noted(request, Verb.HELD_UP, at=at, note=note)


def _moments(request: Request) -> Iterator[datetime]:
    yield request.requested_at
    yield from (each.at for each in request.events if each.verb not in _STANDS)
    for due in (request.starts_at, request.second_look_at, _calls_people_at(request)):
        if due is not None:
            yield due
    for step in request.steps:
        asked = step.accepted_at or step.started_at
        if step.state in _AT_THE_CLOUD and asked is not None:
            yield asked


def _is_with_people(request: Request) -> bool:
    """Whether a person carries it out, or is to look, now."""
    moving = request.state in {State.EXECUTING, State.VERIFYING}
    return request.by_hand and moving and by_hand.confirmed(request) is None


def _calls_people_at(request: Request) -> datetime | None:
    """When Lapse has something to do about what waits for people."""
    if request.state in {State.WAITING, State.STALE}:
        return call_to_decide.next_call(request) or request.deadline
    return by_hand.next_move(request) if _is_with_people(request) else None
