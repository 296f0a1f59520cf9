"""Executions by the shipping worker, killed with SIGKILL between two effects and started again.

Each trial is a process of its own on a copy of a database that holds one request that waits: those
who can decide are called, one approves, it is carried out and read back, its receipt is posted with
its files, and a day later it is looked at once more. Every
write and every call to Slack is numbered, before and after; the ledger's own calls are writes. What
stands in the end is what stands when nothing disturbs it, but for times and order numbers.
"""

import io
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any, NamedTuple

from slack_sdk.web.base_client import BaseClient
from sqlalchemy import Engine, event, text
from sqlalchemy.engine.default import DefaultDialect

from bot.app import build_bot
from bot.billing import call_to_decide
from bot.billing.subscription import Subscription
from bot.billing.unsubscription import Request, State, Verb
from bot.cli.environment import JsonLines
from bot.core import Core, Nobody
from bot.services.exporting import to_csv
from bot.services.people import People
from bot.services.unsubscribing import Unsubscribing
from handlers.client import SlackClient
from storage.types import MICROSECOND
from tests.acceptance.processes import Process, surroundings
from tests.factories import APPROVER_1, REQUESTER
from tests.proof import databases
from tests.proof.cores import KEY, opened_core
from tests.proof.databases import Databases
from tests.proof.forks import Steps, forked
from tests.proof.front import Front, front
from tests.proof.pieces import Trial, Verdict
from tests.proof.slack import BOT, Answer, Landed, SimulatedSlack
from tests.unit.services.desk import filled_in, secmaster

SETTINGS = f"""
[slack]
approvals_channel = "C0APPROVALS"
reminders_channel = "C0FINOPS"
[approvals]
approvers = ["{APPROVER_1}"]
[accounts.default]
"""
TICKS = ("execute", "send")
ROUND, IDLE = timedelta(seconds=1), timedelta(seconds=10)
MOST_ROUNDS = 300
HURRY = timedelta(seconds=2)
LOOK_SECONDS, PATIENCE_SECONDS = 0.1, 120.0
"""A program of its own goes by the clock, which is moved on faster than time goes."""

NO_LEASE = timedelta(minutes=2)
"""What is due later than this is worked on by nobody now."""

DONE, RESTLESS = 0, 3
WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")
UNDISTURBED: Mapping[str, Mapping[str, object]] = {
    "chat.getPermalink": {"permalink": "https://slack.test/archives/message"},
    "users.info": {"user": {"id": "U0", "tz": "UTC"}},
}
"""What is asked besides, which changes nothing."""

VARIES = (
    (re.compile(r"\bCS[0-9A-F]{12}\b"), "an order"),
    (re.compile(r"<!date\^\d+\^[^>]*>"), "a time"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?\b"), "a time"),
    (re.compile(r"\b\d+ entries, head [0-9a-f]{16}\b"), "a head"),
)


class Standing(NamedTuple):
    """What stands in the end, without what another time of the day makes different."""

    request: Mapping[str, Any]
    taken: Sequence[str]
    """What the cloud has orders of."""
    record: Sequence[tuple[Any, ...]]
    owed: Sequence[str]
    shown: Sequence[tuple[str, bool, str]]
    """Each message: where, whether in a thread, and what it says."""


class Effects(Steps):
    """Numbers what others can see: each commit of a write and each call to Slack, both sides."""

    def __init__(self, kill_at: int = 0) -> None:
        super().__init__(kill_at)
        self._here = threading.local()
        self._counts = True

    def begin(self) -> None:
        """From now on, for the rest of this process's life."""
        commit: Any = DefaultDialect.do_commit
        call: Any = BaseClient.api_call
        upload: Any = SlackClient.upload

        def commit_in_steps(dialect: Any, connection: Any) -> None:
            with self._both_sides(of_effect=self._here.wrote):
                commit(dialect, connection)

        def call_in_steps(*arguments: Any, **named: Any) -> Any:
            with self._both_sides(of_effect=True):
                return call(*arguments, **named)

        def upload_in_steps(*arguments: Any, **named: Any) -> None:
            with self._both_sides(of_effect=True):
                upload(*arguments, **named)

        DefaultDialect.do_commit = commit_in_steps  # type: ignore[method-assign]
        BaseClient.api_call = call_in_steps  # type: ignore[method-assign]
        SlackClient.upload = upload_in_steps  # type: ignore[method-assign]
        event.listen(Engine, "begin", self._begins)
        event.listen(Engine, "before_cursor_execute", self._executes)

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """What the proof itself does."""
        self._counts = False
        yield
        self._counts = True

    def _begins(self, _connection: object) -> None:
        self._here.wrote = False

    def _executes(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self._here.wrote = self._here.wrote or WRITES.search(statement) is not None

    @contextmanager
    def _both_sides(self, *, of_effect: bool) -> Iterator[None]:
        counts = of_effect and self._counts
        if counts:
            self.step()
        yield
        if counts:
            self.step()


@dataclass
class Wall(SimulatedSlack):
    """A workspace that never fails and keeps what people see."""

    shown: dict[str, tuple[str, bool, str]] = field(default_factory=dict)
    port: int = 0
    names: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, asked: Mapping[str, Any], *, wait: Callable[[int], None]) -> Answer:
        """Answer it, and remember what it shows."""
        if method in UNDISTURBED:
            return 200, {}, {"ok": True, **UNDISTURBED[method]}
        if method.startswith("files."):
            return 200, {}, {"ok": True, **self._file(method, asked)}
        answer = super().call(method, asked, wait=wait)
        body: Any = answer[2]
        if method == "chat.postMessage":
            in_thread = asked["thread_ts"] is not None
            self.shown[body["ts"]] = body["channel"], in_thread, asked["text"]
        elif method == "chat.update":
            where, in_thread, _ = self.shown[asked["ts"]]
            self.shown[asked["ts"]] = where, in_thread, asked["text"]
        elif method == "chat.delete":
            del self.shown[asked["ts"]]
        return answer

    def _file(self, method: str, asked: Mapping[str, Any]) -> Mapping[str, object]:
        """Where the bytes of a file go, or the message that shows it."""
        if method == "files.getUploadURLExternal":
            file = f"F{len(self.names)}"
            self.names[file] = asked["filename"]
            url = f"http://127.0.0.1:{self.port}/upload/{file}"
            return {"file_id": file, "upload_url": url}
        files = json.loads(asked["files"]) if isinstance(asked["files"], str) else asked["files"]
        channel, thread = asked["channel_id"], asked["thread_ts"]
        at = self.clock.now()
        ts = f"{at.timestamp() + len(self.evidence) * 1e-6:.6f}"
        self._write("file", channel, ts=ts)
        body = {"ts": ts, "bot_id": BOT, "files": [{"name": self.names[e["id"]]} for e in files]}
        self.history.append(Landed(at, at, channel, thread, ts, body))
        self.shown[ts] = channel, True, ", ".join(each["title"] for each in files)
        return {"files": files}


class Executions:
    """Trials on one kind of database, before one Slack."""

    def __init__(self, kept: Databases, directory: Path, served: Front) -> None:
        self._kept = kept
        self._directory = directory
        self._front = served
        (directory / "lapse.toml").write_text(SETTINGS, encoding="utf-8")
        with self._core(kept.prepared) as core:
            self._begins = self._prepare(core)
        with self._kept.copy() as url, self._at_the_beginning(url) as core:
            code, said = self._work(url)
            assert code == DONE, said
            self.undisturbed = self._standing(core)
        self.points = int(self._counted.read_text("ascii"))

    def killed(self, *points: int) -> Verdict:
        """Killed at each of these points by turns, once more started, and then left to itself."""
        with self._kept.copy() as url, self._at_the_beginning(url) as core:
            codes = [self._work(url, kill_at=point)[0] for point in points]
            code, said = self._work(url)
            wrong = [f"killed at {points}, {each}" for each in self._compared(core)]
        if code != DONE or "Traceback" in said:
            wrong.append(f"it ended with {code}: {said[-900:]}")
        return Verdict(wrong, {"executions killed": sum(each < 0 for each in codes)})

    def _compared(self, core: Core) -> Iterator[str]:
        """How what stands differs from what stands when nothing disturbs it."""
        standing = self._standing(core)
        for name, was in self.undisturbed._asdict().items():
            now = getattr(standing, name)
            if now != was:
                yield f"{name}: {_difference(was, now)}"

    def survived(self, points: Sequence[int]) -> Verdict:
        """`lapse run` itself, which dies at each of these points of its lives by turns."""
        with self._kept.copy() as url, self._at_the_beginning(url) as core:
            ends = [self._lived(url, core, dies_at=point) for point in points]
            ends.append(self._lived(url, core))
            wrong = list(self._compared(core))
        if ends[-1] != 0:
            wrong.append(f"the last ended with {ends[-1]}.")
        return Verdict(wrong, {"executions killed": sum(each < 0 for each in ends)})

    def _lived(self, url: str, core: Core, *, dies_at: int = 0) -> int:
        """Start it and let time pass until it dies or has nothing to do; its exit code."""
        environ = surroundings(
            LAPSE_DATABASE_URL=url,
            LAPSE_AUDIT_KEY=KEY,
            LAPSE_HTTP_PORT="0",
            SLACK_BOT_TOKEN="xoxb-proof",
            SLACK_API_URL=self._slack_url,
            DIES_AT=str(dies_at),
        )
        worker = ["run", "--role", "worker"]
        program = "tests.proof.mortal"
        process = Process(worker, directory=self._directory, environ=environ, module=program)
        try:
            until = monotonic() + PATIENCE_SECONDS
            while process.running and monotonic() < until:
                if _rests(core):
                    return process.end()
                self._go_on(core, by=HURRY)
                sleep(LOOK_SECONDS)  # between two looks
            return process.ended()
        finally:
            process.close()

    def _work(self, url: str, *, kill_at: int = 0) -> tuple[int, str]:
        """The worker in a process of its own; its exit code and its log."""
        said = self._directory / "worker.said"
        code = forked(partial(self._until_rest, url, kill_at), said=said).ended()
        return code, said.read_text("utf-8")

    def _until_rest(self, url: str, kill_at: int) -> int:
        logging.disable(logging.NOTSET)
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        logging.basicConfig(handlers=[handler], force=True, level="WARNING")
        core = self._core(url)
        scheduler = build_bot(core, role="worker").scheduler
        effects = Effects(kill_at)
        effects.begin()
        for _ in range(MOST_ROUNDS):
            worked = [scheduler.run(name) for name in TICKS]
            if not any(worked) and _rests(core):
                self._counted.write_text(str(effects.count), "ascii")
                return DONE
            with effects.uncounted():
                self._go_on(core, by=ROUND if any(worked) else IDLE)
        return RESTLESS

    def _go_on(self, core: Core, *, by: timedelta) -> None:
        """Somebody who was called approves, and time passes: at once where all only wait for it."""
        with core.store.reading() as tx:
            request, due = tx.requests.get(self._number), tx.requests.next_due()
            quiet = tx.outbox.next_due() is None
        assert request is not None
        called = any(event.verb is Verb.CALLED for event in request.events)
        if quiet and called and request.state is State.WAITING:
            self._asking(core).approve(self._number, by=APPROVER_1)
        elif quiet and due is not None and due > core.clock.now() + NO_LEASE:
            core.clock.advance_to(due)
        else:
            core.clock.advance(by)

    def _asking(self, core: Core) -> Unsubscribing:
        """What people ask and decide through, while nobody listens to Slack."""
        people = People(directory=Nobody(), policy=core.policy)
        return Unsubscribing(store=core.store, clock=core.clock, policy=core.policy, people=people)

    def _prepare(self, core: Core) -> datetime:
        """A request about which nobody has decided yet; when they are called to decide it."""
        noon = core.clock.now().replace(hour=4, minute=2, second=0) + timedelta(days=2)
        now = core.clock.advance_to(noon)
        items = [_long(each, now=noon) for each in secmaster("default")]
        core.importing.run(io.BytesIO("".join(to_csv(items)).encode()), "items.csv", by="proof")
        asking = self._asking(core)
        request = asking.submit(filled_in(asking.draft(["sm-quota"], by=REQUESTER)))
        self._number = request.number
        return now + call_to_decide.AFTER[0]

    @contextmanager
    def _at_the_beginning(self, url: str) -> Iterator[Core]:
        """A copy whose clock is put back to when the first call to decide falls due."""
        with self._core(url) as core:
            offset = (self._begins - core.database.clock().unmoved()) // MICROSECOND
            with core.database.writer.begin() as connection:
                connection.execute(text('UPDATE clock SET "offset" = :offset'), {"offset": offset})
            self._front.slack = self._wall = Wall(core.clock, Random(0), port=self._front.port)
            yield core

    def _standing(self, core: Core) -> Standing:
        with core.store.reading() as tx:
            request = tx.requests.get(self._number)
            record = [
                (entry.actor, entry.action, entry.subject, _told(entry.facts))
                for entry in tx.audit.entries()
                if entry.action.startswith("request.")
            ]
            assert request is not None
            ids = [item.key.id for item in request.items]
            orders = tx.book.orders(request.account, ids, since=request.requested_at)
        with core.database.reader.connect() as connection:
            rows = connection.execute(text("SELECT key, state FROM deliveries ORDER BY key"))
            owed = [f"{key}: {state}" for key, state in rows if "/card/v" not in key]
        return Standing(
            request=_facts(request),
            taken=sorted(order.subscription_id for order in orders),
            record=record,
            owed=owed,
            shown=sorted(
                (to, thread, _told(said)) for to, thread, said in self._wall.shown.values()
            ),
        )

    @property
    def _slack_url(self) -> str:
        return f"http://127.0.0.1:{self._front.port}/api/"

    @property
    def _counted(self) -> Path:
        return self._directory / "worker.points"

    def _core(self, url: str) -> Core:
        return opened_core(url, slack_url=self._slack_url, directory=self._directory)


def _rests(core: Core) -> bool:
    with core.store.reading() as tx:
        return tx.outbox.next_due() is None and tx.requests.next_due() is None


def _long(each: Subscription, *, now: datetime) -> Subscription:
    """One with half a year to go, whatever the day."""
    [paid] = each.orders
    began = now - timedelta(days=195)
    term = replace(paid, effective_at=began, expires_at=began + timedelta(days=365))
    return replace(each, orders=(term,))


def _facts(request: Request) -> Mapping[str, Any]:
    """The request, its items, its steps and its history."""
    items = [
        (
            item.key.id,
            item.state,
            item.error,
            item.refund_actual,
            item.fee_actual,
            item.auto_renew_off,
            item.refund_order is not None,
        )
        for item in request.items
    ]
    return {
        "state": (request.state, request.closed, request.problem),
        "items": items,
        "steps": [(step.number, step.state) for step in request.steps],
        "events": [(each.number, each.verb, each.by, each.note) for each in request.events],
    }


def _told(what: object) -> str:
    said = what if isinstance(what, str) else json.dumps(what, sort_keys=True)
    for pattern, instead in VARIES:
        said = pattern.sub(instead, said)
    return said


def _difference(was: Any, now: Any) -> str:
    pairs = (was.items(), now.items()) if isinstance(was, Mapping) else (was, now)
    before, after = ([repr(each) for each in side] for side in pairs)
    lacking = [each for each in before if each not in after]
    more = [each for each in after if each not in before]
    return f"{len(after)} instead of {len(before)}, lacking {lacking}, more {more}"


@contextmanager
def executing(kind: str) -> Iterator[Executions]:
    """On SQLite or PostgreSQL."""
    opened = {"sqlite": databases.on_sqlite, "postgres": databases.on_postgres}[kind]
    with opened() as kept, databases.scratch() as directory, front() as served:
        yield Executions(kept, directory, served)


@contextmanager
def executions(kind: str) -> Iterator[Trial]:
    """Each point singly, then with another one at random."""
    with executing(kind) as trials:

        def trial(number: int) -> Verdict:
            again, point = divmod(number, trials.points)
            more = [Random(number).randint(1, trials.points)] if again else []
            return trials.killed(point + 1, *more)

        yield trial
