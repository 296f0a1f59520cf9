"""Keeping approvers: whether enough people are left who can approve what waits.

Nothing is sent for which not enough can approve it; the settings, or a user group of theirs, may
change afterwards, and then it would wait for its deadline in vain.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.billing.deciding import most_approvals
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import Request
from bot.ports.clock import Clock
from bot.ports.store import Store
from bot.services.alarming import Trouble, alarm
from bot.services.people import People
from bot.services.phrases import counted, instant
from bot.services.policy import Policy
from bot.services.standing import raised


class KeepingApprovers:
    """Tells operators of each request that cannot get its approvals, once as acknowledged."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        policy: Policy,
        people: People,
        operators: Callable[[], Sequence[SlackUser]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people
        self._operators = operators

    def tick(self) -> None:
        """Look at what waits; not while nobody knows who is in a user group, which is told."""
        with self._store.reading() as tx:
            waiting = tx.requests.waiting()
            needed = {
                each.number: raised(tx, each, self._policy).required_approvals for each in waiting
            }
        if not waiting:
            return
        deciders = self._people.deciders()
        for request in () if deciders.unread else waiting:
            most = most_approvals(request, deciders)
            if most < needed[request.number]:
                self._tell(request, needed=needed[request.number], most=most)

    def _tell(self, request: Request, *, needed: int, most: int) -> None:
        operators, now = self._operators(), self._clock.now()
        trouble = _trouble(request, needed=needed, most=most, since=request.acknowledgement.at)
        with self._store.transaction() as tx:
            alarm(tx, trouble, operators=operators, at=now)


def _trouble(request: Request, *, needed: int, most: int, since: datetime) -> Trouble:
    number = request.number
    can = f"at most {most}" if most else "none"
    return Trouble(
        about=f"approvals/{number}",
        subject=f"Request {number} cannot be approved",
        text=f"By the settings as they are now request {number} needs "
        f"{counted(needed, 'approval')} of others than who asked, and {can} can come. "
        f"Add someone to `approvals.approvers` by {instant(request.deadline)}; then it expires.",
        since=since,
    )
