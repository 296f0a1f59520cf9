"""Socket Mode as it is on a bad day: two sockets, envelopes that come twice, lines that break.

Two replicas listen, each with slack_sdk's own client, to the local Slack. Somebody keeps an item
and takes that back, again and again: whatever comes how often over which line, it happens once.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from bot.app import Bot, build_bot
from bot.core import Core, open_core
from bot.localslack.server import Fault
from storage.migrate import migrate
from tests.acceptance.catalogue import bought, subscription
from tests.acceptance.people import Message, eventually
from tests.acceptance.world import World
from tests.clocks import SettableClock
from tests.factories import NOW, instant
from tests.proof.databases import scratch
from tests.proof.pieces import Trial, Verdict

ITEM = subscription("prod/solo", "Orders database", bought("2025-12-20", "2026-12-20", "2150.00"))
DUE = instant("2026-12-06 09:00")
PATIENCE = 20
WORKERS = 8
REPLICAS = 2
KEEP, UNDO = "Keep", "Undo keep"
WRITTEN = {KEEP: "reminder.kept", UNDO: "reminder.keep-undone"}
BREAKS = ("none",) * 8 + ("refresh_requested",) * 2 + ("broken off",) * 2 + ("lost",)


class Repeating:
    """Stands between Slack and its sockets: writes each envelope so often, each time to the next.

    `acked` counts the answers of the app.
    """

    def __init__(self, pool: Any) -> None:
        self.copies = 1
        self.acked = 0
        self._pool = pool
        self._last: Any = None
        self._write, self._acks = pool._write, pool._acked
        pool._write, pool._acked = self.write, self.acks

    async def write(self, socket: Any, envelope: Any) -> None:
        """In place of the pool's own."""
        self._last = envelope
        sockets = self._pool._sockets
        start = sockets.index(socket)
        for number in range(self.copies):
            await self._write(sockets[(start + number) % len(sockets)], envelope)

    async def again(self) -> None:
        """The last envelope once more, as when its ack got lost with the line."""
        await self._write(self._pool._sockets[-1], self._last)

    def acks(self, text: str) -> None:
        """In place of the pool's own."""
        self.acked += 1
        self._acks(text)


class Sockets:
    """One workspace with two replicas, for many presses."""

    def __init__(self, world: World, bots: list[Bot], core: Core, repeating: Repeating) -> None:
        self._world = world
        self._bots = bots
        self._core = core
        self._repeating = repeating

    def press(self, random: Random) -> Verdict:
        """Press the one button that is there; what comes of it comes once."""
        happened = Counter({"F19 presses": 1})
        way = random.choice(BREAKS)
        message = self._reminder()
        label = UNDO if UNDO in message.buttons else KEEP
        before = self._written()
        if way == "lost":
            self._lose(message, label, happened)
        copies = self._repeating.copies = random.choice((1, 2, 3))
        self._repeating.acked = 0
        opened = self._opened()
        message.click(label)
        self._await_acks(copies, opened=opened)
        self._repeating.copies = 1
        if not self._repeating.acked:
            self._press_again()  # no answer came, and whoever pressed was told so
        if way in {"refresh_requested", "broken off"}:
            self._break(way, happened)
            copies += 1
        happened["F19 duplicate envelopes"] += copies - 1
        for bot in self._bots:
            _drain(bot)
        once = before + Counter([WRITTEN[label]])
        wrong = [] if self._written() == once else [f"{label} once: {self._written()} of {once}."]
        other = KEEP if label == UNDO else UNDO
        eventually(lambda: self._shows(other), other)
        return Verdict(wrong, happened)

    def _shows(self, label: str) -> bool:
        self._world.tick(1)
        return label in self._reminder().buttons

    def _lose(self, message: Message, label: str, happened: Counter[str]) -> None:
        """The line breaks instead of bringing the press; whoever pressed is told so."""
        happened["F19 reconnects"] += 1
        slack, opened = self._world.slack, self._opened()
        slack.arm(Fault(kind="socket_cut"))
        assert not message.click(label)["ok"]
        eventually(lambda: slack.sockets == REPLICAS and self._opened() > opened, "a new socket")

    def _break(self, how: str, happened: Counter[str]) -> None:
        """Both lines end, with Slack's notice or without a word; then the press comes once more."""
        happened["F19 reconnects"] += REPLICAS
        slack, opened = self._world.slack, self._opened() + REPLICAS
        slack.disconnect(abrupt=how == "broken off")
        eventually(
            lambda: slack.sockets == REPLICAS and self._opened() >= opened, "two new sockets"
        )
        self._press_again()

    def _press_again(self) -> None:
        """The same envelope, until an answer comes: a line may break once more at any time."""
        self._repeating.acked = 0
        loop = self._world.slack._running_loop()
        while not self._repeating.acked:
            opened = self._opened()
            eventually(lambda: self._world.slack.sockets == REPLICAS, "both sockets")
            asyncio.run_coroutine_threadsafe(self._repeating.again(), loop).result(PATIENCE)
            self._await_acks(1, opened=opened)

    def _await_acks(self, count: int, *, opened: int) -> None:
        """Every ack, or the news that a line broke on which one may have been."""
        slack, acked = self._world.slack, self._repeating
        eventually(
            lambda: acked.acked >= count or slack.sockets < REPLICAS or self._opened() > opened,
            "every ack",
        )

    def _opened(self) -> int:
        return len(self._world.slack.calls("apps.connections.open"))

    def _reminder(self) -> Message:
        return self._world.user("owner").newest("finops", containing="Orders database")

    def _written(self) -> Counter[str]:
        """What the record says was done."""
        with self._core.store.reading() as tx:
            return Counter(entry.action for entry in tx.audit.entries("prod/solo"))


def _drain(bot: Bot) -> None:
    """Wait until everything that was acknowledged is worked on."""
    together = threading.Barrier(WORKERS + 1)

    def meet() -> None:
        together.wait(PATIENCE)

    for _ in range(WORKERS):
        bot.work.submit(meet)
    together.wait(PATIENCE)


@contextmanager
def _opened(directory: Path) -> Iterator[Sockets]:
    clock = SettableClock(NOW)
    url = f"sqlite:///{directory / 'lapse.db'}"
    migrate(url)
    world = World(data=directory, database_url=url, clock=clock)
    repeating = Repeating(world.slack._pool)  # before any socket waits for its first word
    try:
        world.start()
        assert world.core is not None
        assert world.bot is not None
        other = open_core(world.core.settings, world.core.secrets, clock=clock)
        second = build_bot(other, role="web")
        second.listen()
        world.load(ITEM)
        world.tick()
        world.advance_to(DUE)
        eventually(lambda: world.slack.sockets == REPLICAS, "two sockets")
        yield Sockets(world, [world.bot, second], other, repeating)
        second.stop()
        other.database.dispose()
    finally:
        world.close()


@contextmanager
def sockets() -> Iterator[Trial]:
    """Presses in one workspace."""
    with scratch() as directory, _opened(directory) as opened:
        yield lambda number: opened.press(Random(f"press {number}"))
