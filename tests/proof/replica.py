"""One process of the shipping engine, which may stop or die at every step that it takes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.ports.clock import Clock
from bot.ports.store import Store, Transaction
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.pacing import Limits, Pacing
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.rerouting import Rerouting
from bot.services.steadiness import Steadiness
from bot.services.sweeping import Sweeping
from handlers.messenger import SlackMessenger
from storage.errors import DatabaseAway
from tests.messengers import FakeDirectory
from tests.proof.slack import Answer, Client, SimulatedSlack


class Killed(BaseException):
    """The process dies here."""


class Fate(Protocol):
    """What a process lives in, and what may befall it there."""

    store: Store
    slack: SimulatedSlack
    clock: Clock
    policy: Policy
    limits: Limits

    def step(self, replica: "Replica", *, inside: bool = False) -> None:
        """One numbered step; raises Killed. Inside a transaction nobody else can write."""

    def elapsed(self) -> float:
        """Seconds of true time since some instant."""

    def committed(self) -> None:
        """A commit returned."""

    def wait(self, replica: "Replica", seconds: int) -> None:
        """So long no answer comes; the others go on."""

    def died(self, replica: "Replica") -> None:
        """A tick ended in death; the process is to be started again."""

    def away(self, error: DatabaseAway) -> None:
        """A tick ended since the database was away; raises it where that has no reason."""


@dataclass(eq=False)
class Replica:
    """The engine's use cases over a store and a workspace that may interrupt them."""

    fate: Fate
    name: str
    ticks: Mapping[str, Callable[[], object]] = field(init=False)
    watch_the_clock: Callable[[], object] = field(init=False)
    """What it does every second, whatever else it does."""
    was_frozen: bool = False
    stood_still: float = 0.0
    """Seconds for which it was frozen."""
    is_cut_off: bool = False
    """Whether its connection to the database broke, which it notices when it uses it next."""
    heard: list[dict[str, object]] = field(default_factory=list)
    """Rate limits and refusals that it was told of and has not written down."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory."""
        fate = self.fate
        store: Any = InterruptibleStore(self)
        messenger = SlackMessenger(Client(self._called))  # type: ignore[arg-type]
        people = People(directory=FakeDirectory(), policy=fate.policy)
        parts: dict[str, Any] = {"store": store, "clock": fate.clock}
        reminding = Reminding(**parts, policy=fate.policy, people=people)
        composing = Composing(links=messenger, announcing=reminding.announcing)
        steadiness = Steadiness(clock=fate.clock, database=fate.clock.now, elapsed=self._elapsed)
        rerouting = Rerouting(**parts, policy=fate.policy, people=people)
        pacing = Pacing(fate.limits)
        delivering = Delivering(
            **parts,
            messenger=messenger,
            composing=composing,
            rerouting=rerouting,
            pacing=pacing,
            elapsed=self._elapsed,
            steady_since=steadiness.since,
        )
        sweeping = Sweeping(
            **parts,
            messenger=messenger,
            pacing=pacing,
            steady_since=steadiness.since,
            operators=rerouting.operators,
        )
        self.reminding = reminding
        self.watch_the_clock = steadiness.since
        self.watch_the_clock()
        self.ticks = {
            "arm": reminding.arm,
            "bundle": reminding.bundle_due,
            "send": delivering.send_due,
            "sweep": sweeping.sweep_due,
        }

    def tick(self, name: str) -> bool:
        """Run one tick to its end; one that dies in it is started again, False then.

        Who was frozen does not die in the same tick: the promise speaks of the one or the other.
        """
        self.was_frozen = False
        try:
            self.ticks[name]()
        except Killed:
            self.forget()
            self.fate.died(self)
            return False
        except DatabaseAway as error:
            self.fate.away(error)  # as the scheduler does: the process goes on with the next tick
            return False
        return True

    def _elapsed(self) -> float:
        """Its monotonic clock, which stood still with it: whoever is frozen does not notice."""
        return self.fate.elapsed() - self.stood_still

    def forget(self) -> None:
        """What it was told and has not written down no longer counts."""
        for line in self.heard:
            line["forgotten"] = True
        self.heard.clear()

    def use_database(self) -> None:
        """Raises DatabaseAway once when it was cut off; what was to be written down is not."""
        if self.is_cut_off:
            self.is_cut_off = False
            self.forget()
            raise DatabaseAway

    def _called(self, method: str, asked: Mapping[str, Any]) -> Answer:
        fate = self.fate
        fate.step(self)
        answer = fate.slack.call(method, asked, wait=lambda seconds: fate.wait(self, seconds))
        last = fate.slack.evidence[-1]
        if last["event"] in {"slow_down", "refused"}:
            self.heard.append(last)
        fate.step(self)
        return answer


class InterruptibleStore:
    """A store whose process may stop or die right before and right after each commit."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._store = replica.fate.store
        self.accounts = self._store.accounts
        self.give_way = self._store.give_way

    def reading(self) -> AbstractContextManager[Transaction]:
        self._replica.use_database()
        return self._store.reading()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        replica, fate = self._replica, self._replica.fate
        fate.step(replica)
        replica.use_database()
        try:
            with self._store.transaction() as tx:
                yield tx
                fate.step(replica, inside=True)
        except DatabaseAway:
            replica.forget()  # what was to be written down is not
            raise
        replica.heard.clear()
        fate.committed()
        fate.step(replica)
