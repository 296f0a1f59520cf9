"""Progress: saves what Lapse itself moved on, and says when to look at a request again."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from bot.billing.subscription import SubscriptionKey
from bot.billing.unsubscription import Request, State
from bot.ports.clock import Clock
from bot.ports.store import ChangedMeanwhile, Store, Transaction
from bot.services import filing, merging, recording
from bot.services.filing import Called
from bot.services.merging import Told
from bot.services.policy import Policy

LEASE = timedelta(seconds=60)

_MOVING = frozenset({State.EXECUTING, State.VERIFYING})
_NOTHING: Mapping[SubscriptionKey, Told] = MappingProxyType({})


class Progress:
    """Compare-and-set of claimed requests; whoever saved first wins, and we look again."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy) -> None:
        self.store = store
        self.clock = clock
        self._policy = policy

    def save(
        self,
        before: Request,
        moved: Request,
        *,
        again: datetime | None,
        told: Mapping[SubscriptionKey, Told] = _NOTHING,
        called: Called | None = None,
        also: Callable[[Transaction], None] | None = None,
    ) -> Request | None:
        """Save with everything owed and give the claim back until `again`; None when outrun.

        `told` is what the catalogue says afterwards, saved in the same transaction, `called` is
        what the record says of a call to the cloud, also when somebody else saved first. `also`
        writes what else becomes true with it.
        """
        now = self.clock.now()
        try:
            with self.store.transaction() as tx:
                if told:
                    merging.tell(tx, told, at=now)
                saved = recording.save(tx, before, moved, policy=self._policy, at=now)
                self._file(tx, before, called, at=now)
                if also is not None:
                    also(tx)
                tx.requests.attend(saved.number, at=again)
        except ChangedMeanwhile:
            self.again(before, at=now, called=called)
            return None
        return saved

    def intend(self, before: Request, moved: Request) -> Request | None:
        """Save an intent durably and keep the claim; None when outrun, then nothing may be sent."""
        now = self.clock.now()
        try:
            with self.store.transaction() as tx:
                return recording.save(tx, before, moved, policy=self._policy, at=now)
        except ChangedMeanwhile:
            self.again(before, at=now)
            return None

    def again(self, request: Request, *, at: datetime, called: Called | None = None) -> None:
        """Give the claim back without a change and look again at an instant.

        One that somebody changed meanwhile is looked at when its new state asks for it; while it
        moves, that is for the replica to say that moved it on.
        """
        with self.store.transaction() as tx:
            self._file(tx, request, called, at=self.clock.now())
            held = tx.requests.hold(request.number)
            if held is None or held.version == request.version:
                tx.requests.attend(request.number, at=at)
            elif held.state not in _MOVING:
                tx.requests.attend(request.number, at=None)

    def _file(
        self, tx: Transaction, request: Request, called: Called | None, *, at: datetime
    ) -> None:
        if called is not None:
            subject = filing.request_subject(request.number)
            filing.call(tx, called, subject=subject, at=at)
