"""Reminders told by the shipping worker, killed with SIGKILL between two effects, started again.

Each trial is a process of its own on a copy of a database in which reminders are about to fall due.
Every write and every call to Slack is numbered, before and after. The separate checker judges what
Slack saw.
"""

import io
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text

from bot.app import build_bot
from bot.core import Core
from bot.ports.store import ReminderState
from bot.services.exporting import to_csv
from storage.types import MICROSECOND
from tests.proof import databases
from tests.proof.checker import judged
from tests.proof.cores import opened_core
from tests.proof.crashes import SCENARIOS, Scenario
from tests.proof.databases import Databases
from tests.proof.executions import DONE, RESTLESS, UNDISTURBED, Effects
from tests.proof.forks import forked
from tests.proof.front import Front, front
from tests.proof.owing import Owing
from tests.proof.pieces import Trial, Verdict
from tests.proof.slack import Answer, SimulatedSlack
from tests.proof.world import BEGINS, CHANNEL, ONE_SWEEP, OPERATOR, TEAM

SETTINGS = f"""
[slack]
approvals_channel = "C0APPROVALS"
reminders_channel = "{CHANNEL}"
[reminders]
lead_days = [3]
[operators]
users = ["{OPERATOR}"]
[accounts.default]
"""
TICKS = ("arm", "bundle", "send", "sweep")
BEFORE, AFTER = timedelta(seconds=30), timedelta(minutes=2)
ROUND, IDLE = timedelta(seconds=1), timedelta(seconds=10)
MOST_ROUNDS = 300


class Workspace(SimulatedSlack):
    """One that is asked a little more than the engine alone asks."""

    def call(self, method: str, asked: Mapping[str, Any], *, wait: Callable[[int], None]) -> Answer:
        """Answer it as Slack does."""
        if method in UNDISTURBED:
            return 200, {}, {"ok": True, **UNDISTURBED[method]}
        return super().call(method, asked, wait=wait)


class Killings:
    """Trials of one scenario on one kind of database, before one Slack."""

    def __init__(self, kept: Databases, directory: Path, served: Front, scenario: Scenario) -> None:
        self._kept = kept
        self._directory = directory
        self._front = served
        self._scenario = scenario
        (directory / "lapse.toml").write_text(SETTINGS, encoding="utf-8")
        with self._core(kept.prepared) as core:
            self._owing = _prepare(core, scenario)
        self._due_at = min(self._owing.dues())
        undisturbed = self.killed()
        assert undisturbed.wrong == [], undisturbed.wrong  # what is killed works
        self.points = int(self._counted.read_text("ascii"))

    def killed(self, *points: int) -> Verdict:
        """Killed at each of these points by turns, once more started, and then left to itself."""
        with self._kept.copy() as url, self._core(url) as core:
            _set(core, self._due_at - BEFORE)
            nemesis = self._scenario.nemesis
            slack = self._front.slack = Workspace(
                core.clock,
                Random(0),
                script=list(self._scenario.script),
                closed={TEAM: nemesis.closed} if nemesis.closed else {},
            )
            codes = [self._work(url, kill_at=point)[0] for point in points]
            code, said = self._work(url)
            wrong = judged(
                [*self._owing.lines, *slack.evidence, *_dropped(core, self._scenario), END]
            )
        if code != DONE or "Traceback" in said:
            wrong.append(f"it ended with {code}: {said[-900:]}")
        where = [f"killed at {points}, {each}" for each in wrong]
        return Verdict(where, {"F1 killed": sum(each < 0 for each in codes)})

    def _work(self, url: str, *, kill_at: int = 0) -> tuple[int, str]:
        """The worker in a process of its own; its exit code and its log."""
        said = self._directory / "worker.said"
        code = forked(partial(self._until_rest, url, kill_at), said=said).ended()
        return code, said.read_text("utf-8")

    def _until_rest(self, url: str, kill_at: int) -> int:
        logging.disable(logging.NOTSET)
        core = self._core(url)
        scheduler = build_bot(core, role="worker").scheduler
        effects = Effects(kill_at)
        effects.begin()
        for _ in range(MOST_ROUNDS):
            worked = [scheduler.run(name) for name in TICKS]
            if core.clock.now() > self._due_at + AFTER and _rests(core):
                self._counted.write_text(str(effects.count), "ascii")
                return DONE
            with effects.uncounted():
                core.clock.advance(ROUND if any(worked) else IDLE)
        return RESTLESS

    @property
    def _counted(self) -> Path:
        return self._directory / "worker.points"

    def _core(self, url: str) -> Core:
        slack_url = f"http://127.0.0.1:{self._front.port}/api/"
        return opened_core(url, slack_url=slack_url, directory=self._directory)


END: Mapping[str, object] = {
    "event": "end",
    "sweep": ONE_SWEEP.total_seconds(),
    "frozen": False,
    "operator": f"D{OPERATOR[1:]}",
}


def _prepare(core: Core, scenario: Scenario) -> Owing:
    """Import the items when nothing is due yet; what is owed from then on."""
    _set(core, BEGINS)
    data = "".join(to_csv(scenario.items)).encode()
    core.importing.run(io.BytesIO(data), "items.csv", by="proof")
    owing = Owing(core.policy)
    for each in scenario.items:
        owing.known(each, at=BEGINS)
    return owing


def _set(core: Core, at: datetime) -> None:
    """Set the database's clock, also back."""
    core.clock.advance(timedelta(0))  # so that there is a row to change
    offset = (at - core.database.clock().unmoved()) // MICROSECOND
    with core.database.writer.begin() as connection:
        connection.execute(text('UPDATE clock SET "offset" = :offset'), {"offset": offset})


def _rests(core: Core) -> bool:
    with core.store.reading() as tx:
        return tx.outbox.next_due() is None


def _dropped(core: Core, scenario: Scenario) -> Iterator[Mapping[str, object]]:
    """The reminders that were cancelled, each with its reason."""
    with core.store.reading() as tx:
        rows = [row for item in scenario.items for row in tx.reminders.of(item.key)]
    for row in rows:
        if row.state is ReminderState.CANCELLED:
            yield {"event": "dropped", "id": row.id, "reason": row.reason}


@contextmanager
def killing(kind: str) -> Iterator[Mapping[str, Killings]]:
    """The scenarios on SQLite or PostgreSQL."""
    opened = {"sqlite": databases.on_sqlite, "postgres": databases.on_postgres}[kind]
    with ExitStack() as stack:
        served = stack.enter_context(front())
        yield {
            name: Killings(
                stack.enter_context(opened()),
                stack.enter_context(databases.scratch()),
                served,
                scenario,
            )
            for name, scenario in SCENARIOS.items()
        }


@contextmanager
def killings(kind: str) -> Iterator[Trial]:
    """Each point of each scenario singly, then with another one at random."""
    with killing(kind) as scenarios:
        points = [(each, 1 + n) for each in scenarios.values() for n in range(each.points)]

        def trial(number: int) -> Verdict:
            again, which = divmod(number, len(points))
            scenario, point = points[which]
            more = [Random(number).randint(1, scenario.points)] if again else []
            return scenario.killed(point, *more)

        yield trial
