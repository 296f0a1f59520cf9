"""Waiting: what becomes of a request about which nobody decides: calls, and at last its end."""

from bot.billing import call_to_decide, deciding
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import Request
from bot.services.calling import SOON
from bot.services.people import People
from bot.services.progress import Progress


class Waiting:
    """Looks after one claimed request that waits or is stale; safe with several replicas.

    A call is an event of the request: it is saved with a version check together with the line that
    is owed for it, so that whoever dies or is too late makes none of its own.
    """

    def __init__(self, *, progress: Progress, people: People) -> None:
        self._progress = progress
        self._people = people

    def look_after(self, request: Request) -> None:
        """Expire it past its deadline, make the call that is due, or look again at the next."""
        now = self._progress.clock.now()
        if now > request.deadline:
            self._progress.save(request, deciding.expire(request, at=now), again=None)
            return
        due = call_to_decide.next_call(request)
        if due is not None and due <= now:
            called = call_to_decide.call(request, at=now, whom=self._whom(request))
            self._progress.save(request, called, again=None)
        else:
            self._progress.again(request, at=due or request.deadline + SOON)

    def _whom(self, request: Request) -> tuple[SlackUser, ...]:
        return deciding.still_to_decide(request, self._people.deciders())
