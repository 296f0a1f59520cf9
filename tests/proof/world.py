"""Replicas of the shipping engine on one database, killed, frozen and delayed as a seed decides.

Everything runs in one thread. A frozen replica stands still inside its own call while the others
go on; a killed one begins anew with nothing in memory. Time moves only here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from bot.billing.reminder import Schedule, reminders
from bot.billing.renewal import anchor
from bot.billing.subscription import SlackChannel, Subscription
from bot.ports.store import Store, Transaction
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.pacing import Limits, Pacing
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.rerouting import Rerouting
from bot.services.sweeping import Sweeping
from storage.engine import Database
from tests.clocks import SettableClock
from tests.factories import account, instant, order, quota
from tests.messengers import FakeDirectory
from tests.proof.slack import CALM, STORM, TEMPEST, Faults, SimulatedSlack

BEGINS = instant("2026-11-27 08:59:30")
"""Half a minute before the three-day lead of what renews on 30 November."""

CHANNEL = SlackChannel("C0FINOPS")
ACCOUNT = account()
POLICY = Policy(
    approvals_channel=SlackChannel("C0APPROVALS"),
    reminders_channel=CHANNEL,
    schedule=Schedule(lead_days=(3, 1), at=time(9), zone=ZoneInfo("Asia/Shanghai")),
    approvers=(),
)
ROUND = timedelta(seconds=5)
ONE_SWEEP = timedelta(minutes=10)
"""From the second copy to its end; ticks come now and then, and history is not always read."""


FULL = 2
LOST_COMMITS = 2
"""How many of the last commits a power cut takes where they were not made durable."""


class Killed(BaseException):
    """The process dies here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nemesis:
    """How often, of a thousand steps, a replica is killed or frozen at one."""

    kills: int = 0
    power_cuts: int = 0
    freezes: int = 0
    faults: Faults = CALM

    @classmethod
    def of(cls, seed: int) -> "Nemesis":
        """What a seed does to the replicas and to Slack; every second one freezes nobody."""
        random = Random(f"nemesis {seed}")
        return cls(
            kills=random.choice((0, 20, 60)),
            power_cuts=random.choice((0, 5, 20)),
            freezes=random.choice((0, 0, 30, 120)),
            faults=random.choice((CALM, STORM, TEMPEST)),
        )


@dataclass
class Replica:
    """One process: the engine's use cases over stores and a workspace that may interrupt it."""

    world: "World"
    name: str
    ticks: dict[str, Callable[[], object]] = field(init=False)
    was_frozen: bool = False

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory."""
        world, store = self.world, InterruptibleStore(self)
        slack: Any = InterruptibleSlack(self)
        people = People(directory=FakeDirectory(), policy=POLICY)
        parts: dict[str, Any] = {"store": store, "clock": world.clock}
        reminding = Reminding(**parts, policy=POLICY, people=people)
        composing = Composing(messenger=slack, announcing=reminding.announcing)
        rerouting = Rerouting(**parts, policy=POLICY, people=people)
        delivering = Delivering(
            **parts,
            messenger=slack,
            composing=composing,
            rerouting=rerouting,
            pacing=Pacing(Limits()),
        )
        sweeping = Sweeping(**parts, messenger=slack)
        self.ticks = {
            "arm": reminding.arm,
            "bundle": reminding.bundle_due,
            "send": delivering.send_due,
            "sweep": sweeping.sweep_due,
        }

    def tick(self, name: str) -> None:
        """Run one tick; one that dies in it is started again.

        Who was frozen does not die in the same tick: the promise speaks of the one or the other.
        """
        self.was_frozen = False
        try:
            self.ticks[name]()
        except Killed:
            self.world.restart(self)


class InterruptibleStore:
    """A store whose process may stop or die right before and right after each commit."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._store = replica.world.store
        self.accounts = self._store.accounts
        self.reading = self._store.reading

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        world = self._replica.world
        world.step(self._replica)
        with self._store.transaction() as tx:
            yield tx
            world.step(self._replica, may_freeze=False)  # others could not write meanwhile
        world.committed()
        world.step(self._replica)


class InterruptibleSlack:
    """A workspace in front of which a process may stop or die, before and after each message."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def __getattr__(self, name: str) -> Callable[..., Any]:
        world = self._replica.world
        method = getattr(world.slack, name)

        def interrupted(*arguments: Any, **named: Any) -> Any:
            world.step(self._replica)
            answer = method(*arguments, **named)
            world.step(self._replica)
            return answer

        return interrupted


class Disk:
    """What a power cut leaves of the database: everything that was made durable.

    With `synchronous = FULL` that is every commit; with less, the last ones are gone.
    """

    def __init__(self, database: Database, file: Path) -> None:
        self._database = database
        self._file = file
        with database.writer.connect() as connection:
            self.durable = connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL
        self._images: list[bytes] = []

    def committed(self) -> None:
        """Remember the file as it was before the last commits, where they may be lost."""
        if self.durable:
            return
        connection = self._database.writer.raw_connection()  # outside of any transaction
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self._images = [*self._images[-LOST_COMMITS:], self._file.read_bytes()]

    def cut(self) -> None:
        """The power comes back."""
        if self.durable or len(self._images) <= LOST_COMMITS:
            return
        self._database.dispose()
        for left in self._file.parent.glob(f"{self._file.name}-*"):
            left.unlink()
        self._file.write_bytes(self._images[0])
        self._images = self._images[:1]


class World:
    """What one seed makes of the same three days."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        seed: int,
        nemesis: Nemesis | None = None,
        *,
        replicas: int = 2,
        items: int = 2,
    ) -> None:
        nemesis = nemesis or Nemesis.of(seed)
        self.disk = disk
        self.power_cuts = 0
        self.dark = False
        self.random = Random(seed)
        self.clock = SettableClock(BEGINS)
        self.store = store
        self.nemesis = nemesis
        self.slack = SimulatedSlack(self.clock, self.random, faults=nemesis.faults)
        self.items = [self._item(number) for number in range(items)]
        self.calm = False
        self.frozen = 0
        self.depth = 0
        self.steps = 0
        self.kill_at: set[int] = set()
        with store.transaction() as tx:
            tx.catalogue.put(self.items, at=self.clock.now() - timedelta(days=90))
        self.replicas = [Replica(self, f"replica-{number}") for number in range(replicas)]

    def run(self, *, rounds: int = 12) -> list[dict[str, object]]:
        """Live through the leads of the items, then calm down; the evidence, to be judged."""
        for day in (0, 2):  # the leads fall due half a minute after these begin
            self.clock.advance_to(BEGINS + timedelta(days=day))
            self.calm = False
            for _ in range(rounds):
                self._pass_time(ROUND * self.random.choice((1, 1, 1, 2, 8, 14)))
                self._tick_somebody()
            self._calm_down()
        return [*self._owed(), *self.slack.evidence, self._end()]

    def step(self, replica: Replica, *, may_freeze: bool = True) -> None:
        """One of the numbered steps at which a process may die, or stop while others go on."""
        self.steps += 1
        if self.calm:
            return
        if self._happens(self.nemesis.power_cuts):
            self.power_cuts += 1
            self.dark = True
            raise Killed
        dies = self.steps in self.kill_at or self._happens(self.nemesis.kills)
        if dies and not replica.was_frozen:
            raise Killed
        if may_freeze and not self.depth and self._happens(self.nemesis.freezes):
            self._freeze(replica)

    def committed(self) -> None:
        """A commit returned; a power cut may say otherwise where it was not made durable."""
        self.disk.committed()

    def restart(self, replica: Replica) -> None:
        """Begin anew after a death; after a power cut everybody does, on what the disk kept."""
        if self.dark:
            self.dark = False
            self.disk.cut()
            for each in self.replicas:
                each.start()
        replica.start()

    def _freeze(self, replica: Replica) -> None:
        """Stop it for up to three leases, while the others do what they find."""
        self.frozen += 1
        self.depth += 1
        replica.was_frozen = True
        cuts = self.power_cuts
        others = [each for each in self.replicas if each is not replica]
        for _ in range(self.random.randrange(1, 14)):
            self._pass_time(ROUND * self.random.choice((1, 2, 4)))
            for other in others:
                other.tick(self.random.choice(("bundle", "send", "send")))
        self.depth -= 1
        if self.power_cuts != cuts:
            raise Killed  # it stood still in a process that is no more

    def _tick_somebody(self) -> None:
        replica = self.random.choice(self.replicas)
        replica.tick(self.random.choice(("arm", "bundle", "send", "send", "sweep")))

    def _calm_down(self) -> None:
        """No more faults: all comes to rest, at the latest when the longest wait is over."""
        self.calm, self.slack.faults = True, CALM
        self.replicas[0].tick("arm")
        for number, seconds in enumerate((75, 75, 75, 75, 300, 300, 300, 300, 300, 300, 75, 75)):
            replica = self.replicas[number % len(self.replicas)]
            for name in ("bundle", "send", "sweep"):
                replica.tick(name)
            self._pass_time(timedelta(seconds=seconds))
        self.slack.faults = self.nemesis.faults

    def _pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)

    def _happens(self, of_thousand: int) -> bool:
        return of_thousand > 0 and self.random.randrange(1000) < of_thousand

    def _item(self, number: int) -> Subscription:
        return quota(f"item-{number}", owner=None, orders=(order("2025-12-07 09:20"),))

    def _owed(self) -> Iterator[dict[str, object]]:
        """What people should be told, by the rules alone."""
        for item in self.items:
            ahead = anchor(item, ACCOUNT, at=BEGINS)
            assert ahead is not None
            for each in reminders(item.key, ahead, POLICY.schedule):
                due = each.due_at.timestamp()
                yield {"event": "owed", "id": each.id, "channel": CHANNEL, "due": due}

    def _end(self) -> dict[str, object]:
        return {
            "event": "end",
            "at": self.clock.now().timestamp(),
            "sweep": ONE_SWEEP.total_seconds(),
            "frozen": self.frozen > 0,
        }
