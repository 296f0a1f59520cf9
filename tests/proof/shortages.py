"""Lapse without memory, without file descriptors, without names: it goes on, nothing is lost.

Each trial is the shipping worker in a process of its own. Without memory it may die, as when the
kernel kills it; of the others it recovers by itself, when there is enough again.
"""

import io
import logging
import os
import resource
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from bot.app import Bot, build_bot
from bot.billing.subscription import SlackChannel, Subscription
from bot.cli.environment import JsonLines
from bot.core import Core, Nobody
from bot.services.exporting import to_csv
from tests.factories import order, quota
from tests.proof import databases
from tests.proof.checker import judged
from tests.proof.cores import opened_core
from tests.proof.databases import Databases
from tests.proof.forks import HUNG, Steps, forked
from tests.proof.front import Front, front
from tests.proof.owing import Owing
from tests.proof.pieces import Trial, Verdict
from tests.proof.slack import SimulatedSlack

SETTINGS = """
[slack]
approvals_channel = "C0APPROVALS"
reminders_channel = "C0FINOPS"
[reminders]
lead_days = [3]
[accounts.default]
"""
SLACK = "slack.test"
NAMELESS = "Temporary failure in name resolution"
ITEMS, CHANNELS = 6, 3
SHORT_ROUNDS, MOST_ROUNDS = 3, 30
ROUND, SOON = timedelta(seconds=75), timedelta(hours=1)
BLOCK, MOST_ROOM = 400, 2_000_000
"""Bytes that memory is filled with, and those that may still be had when it is short."""

MOST_FILES = 256
RESTLESS = 3
"""The exit code of a process that still owed something after all its rounds."""
PAGE = os.sysconf("SC_PAGE_SIZE")
"""Bytes of the machine's memory."""


class Worker:
    """The process's own side: the shipping worker, its time, and what it lacks."""

    def __init__(self, core: Core, random: Random) -> None:
        self.core = core
        self.bot: Bot = build_bot(core, role="worker")
        self.random = random
        self._held: list[int] = []
        self._filled: list[bytes] = []
        self._resolves = socket.getaddrinfo
        self._named = True
        socket.getaddrinfo = self._resolve

    def rounds(self, count: int) -> None:
        """All ticks, and then the time until an attempt is settled."""
        for _ in range(count):
            self.bot.scheduler.run_all()
            with suppress(Exception):  # there may be no memory or file for it
                self.core.clock.advance(ROUND)

    def rest(self) -> bool:
        """Go on until nothing is owed; whether that came to pass."""
        for _ in range(MOST_ROUNDS):
            self.rounds(1)
            with self.core.store.reading() as tx:
                sweep = tx.outbox.next_sweep()
                due = sweep is not None and sweep <= self.core.clock.now() + SOON
                if tx.outbox.next_due() is None and not due:
                    return True
        return False

    def memory(self) -> None:
        """As much as it has, which is used up but for very little."""
        limit = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * PAGE
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        with suppress(MemoryError):
            while True:
                self._filled.append(bytes(BLOCK))
        del self._filled[-self.random.randrange(1, MOST_ROOM // BLOCK) :]

    def files(self) -> None:
        """All but very few descriptors are used up."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_FILES, hard))
        try:
            while True:
                self._held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError as used_up:
            sys.stderr.write(f"{used_up.strerror}\n")
        for _ in range(self.random.choice((0, 0, 1))):
            os.close(self._held.pop())

    def names(self) -> None:
        """No name can be looked up."""
        self._named = False

    def enough(self) -> None:
        """There are files and names again."""
        self._named = True
        while self._held:
            os.close(self._held.pop())

    def _resolve(self, host: Any, *more: Any, **named: Any) -> Any:
        if host == SLACK and not self._named:
            sys.stderr.write(f"{NAMELESS}\n")
            raise socket.gaierror(socket.EAI_AGAIN, NAMELESS)
        return self._resolves("127.0.0.1" if host == SLACK else host, *more, **named)


LACKS: Mapping[str, tuple[Callable[[Worker], None], str]] = {
    "memory": (Worker.memory, "MemoryError"),
    "files": (Worker.files, "Too many open files"),
    "names": (Worker.names, NAMELESS),
}
"""What is short, and what then stands in the log."""


class Shortages:
    """Trials on copies of one file, before one Slack."""

    def __init__(self, kept: Databases, directory: Path, served: Front) -> None:
        self._kept = kept
        self._directory = directory
        self._front = served
        (directory / "lapse.toml").write_text(SETTINGS, encoding="utf-8")
        with self._core(kept.prepared) as core:
            self._owing = Owing(core.policy)
            self._prepare(core)

    def short_of(self, name: str, random: Random) -> Verdict:
        """One process that lacks something, and one after it that does not."""
        with self._kept.copy() as url, self._core(url) as core:
            slack = self._front.slack = SimulatedSlack(core.clock, random)
            first = forked(partial(self._lacking, url, name, random), said=self._said)
            code = first.ended()
            log = self._said.read_text("utf-8", errors="replace")
            fine = code == 0 or (name == "memory" and code != HUNG)
            wrong = [] if fine else [f"it ended with {code}: {log[-900:]}"]
            last = forked(partial(self._unhindered, url, random), said=self._said).ended()
            if last:
                wrong.append(f"what came after it ended with {last}.")
        end = {"event": "end", "sweep": 1800.0, "frozen": False, "operator": "D0OPS"}
        wrong += judged([*self._owing.lines, *slack.evidence, end])
        happened = {f"F20 {name}": int(LACKS[name][1] in log or code < 0)}
        return Verdict(wrong, happened)

    def _lacking(self, url: str, name: str, random: Random) -> int:
        worker = self._worker(url, random)
        if name == "memory" and random.random() < 0.5:
            Steps(kill_at=random.randint(1, 120)).begin()
        worker.rounds(random.choice((0, 0, 0, 1)))
        LACKS[name][0](worker)
        worker.rounds(SHORT_ROUNDS)
        if name == "memory":
            return 0
        worker.enough()
        return 0 if worker.rest() else RESTLESS

    def _unhindered(self, url: str, random: Random) -> int:
        return 0 if self._worker(url, random).rest() else RESTLESS

    def _worker(self, url: str, random: Random) -> Worker:
        logging.disable(logging.NOTSET)
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        logging.basicConfig(handlers=[handler], force=True, level="WARNING")
        return Worker(self._core(url), random)

    def _prepare(self, core: Core) -> None:
        """What is known falls due at once in every copy."""
        now = core.clock.now()
        items = [_ending(now + timedelta(days=5), number) for number in range(ITEMS)]
        core.importing.run(io.BytesIO("".join(to_csv(items)).encode()), "items.csv", by="proof")
        for each in items:
            self._owing.known(each, at=now)
        core.clock.advance_to(min(self._owing.dues()) - timedelta(minutes=1))
        core.reminding(Nobody()).arm()
        core.clock.advance(timedelta(minutes=2))

    @property
    def _said(self) -> Path:
        return self._directory / "worker.said"

    def _core(self, url: str) -> Core:
        return opened_core(
            url, slack_url=f"http://{SLACK}:{self._front.port}/api/", directory=self._directory
        )


def _ending(ends: Any, number: int) -> Subscription:
    paid = replace(order(ends - timedelta(days=365)), expires_at=ends)
    channel = SlackChannel(f"C0TEAM{number % CHANNELS}")
    return quota(f"item-{number}", owner=None, channel=channel, auto_renew=False, orders=(paid,))


@contextmanager
def shortages() -> Iterator[Trial]:
    """Trials on SQLite; each lack in its turn."""
    with databases.on_sqlite() as kept, databases.scratch() as directory, front() as served:
        trials = Shortages(kept, directory, served)
        names = sorted(LACKS)
        yield lambda number: trials.short_of(
            names[number % len(names)], Random(f"shortage {number}")
        )
