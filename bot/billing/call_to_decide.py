"""When those who can decide a waiting request are called again (pure).

The message of the request calls them first. The times are fixed: all of them follow from when it
was acknowledged and from its deadline, so that any replica finds the same ones in the request.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import Request, State, Verb, demand, noted

AFTER = (timedelta(hours=4), timedelta(hours=12), timedelta(hours=24))
"""The same working day, the next one in another zone, and a day later; then it is left alone."""

BEFORE_DEADLINE = timedelta(hours=4)
"""The last call, which is made in any case: half a working day is left."""

APART = timedelta(hours=1)
"""Two calls are never nearer to each other; the message of the request counts as one.

New figures are another matter than what was said before: they are called about at once.
"""


def next_call(request: Request) -> datetime | None:
    """When the next call is due, perhaps long ago; None when none comes any more.

    Of several that passed while nobody ran one is made: a call covers all that were due before it.
    """
    if request.state is not State.WAITING:
        return None
    calls = [event for event in request.events if event.verb is Verb.CALLED]
    covered = [event.at for event in calls if event.number > request.acknowledged_as]
    ahead = [moment for moment in _planned(request) if not covered or moment > covered[-1]]
    if not ahead:
        return None
    spoken = calls[-1].at if calls else request.requested_at
    anew = request.acknowledged_as > 0 and not covered
    due = ahead[0] if anew else max(ahead[0], spoken + APART)
    return due if due < request.deadline else None


def call(request: Request, *, at: datetime, whom: Sequence[SlackUser]) -> Request:
    """Note that these people were called to decide."""
    demand(request, State.WAITING)
    return noted(request, Verb.CALLED, at=at, called=tuple(whom))


def _planned(request: Request) -> Sequence[datetime]:
    """The calls in their order; near the last one, which comes in any case, the back-off gives way.

    Where new figures were acknowledged the message stands there already, so they are called at
    once.
    """
    since, last = request.acknowledgement.at, request.deadline - BEFORE_DEADLINE
    backing_off = [since + each for each in AFTER if abs(since + each - last) >= APART]
    at_once = [since] if request.acknowledged_as else []
    return [*at_once, *sorted([*backing_off, *([last] if last > since else [])])]
