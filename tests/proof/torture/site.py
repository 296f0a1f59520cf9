"""What is tortured: a database, the local Slack, and Lapse's replicas, each behind doors."""

import io
import json
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from bot.config import Secrets, load_settings
from bot.core import open_core
from bot.demo import workspace
from bot.localslack.seed import Channel, Seed
from bot.localslack.server import LocalSlack
from storage.errors import DatabaseAway
from storage.migrate import migrate
from tests.acceptance.processes import AUDIT_KEY, Process, surroundings
from tests.postgres import PostgresServer, administer
from tests.proof.torture.doors import DatabaseDoor, Doors, Passing, Place, Verdict
from tests.proof.torture.history import History
from tests.proof.torture.replica import STOOD_STILL
from tests.proof.torture.slack_door import SlackDoor, Weather
from tests.proof.torture.times import watch

LAUNCHER = "tests.proof.torture.replica"
ROLES = ("all", "worker", "worker")
UP = "Lapse runs"
WRITES = 6
"""Times that a write is tried; each waits ten seconds for SQLite's lock."""
SETTINGS = f"""
[slack]
approvals_channel = "{workspace.APPROVALS}"
reminders_channel = "{workspace.FINOPS}"
[reminders]
lead_days = [3, 1]
[accounts.lab]
"""


def patiently(work: Callable[[], object]) -> None:
    """Do what may have to wait for another writer longer than a connection does."""
    for left in reversed(range(WRITES)):
        try:
            work()
        except DatabaseAway:
            if not left:
                raise
        else:
            return


class Lapsed:
    """The clock that the local Slack goes by: the run's own, whatever became of the database."""

    def __init__(self, history: History) -> None:
        self._history = history

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._history.now, UTC)


class Replica:
    """One `lapse run`, which may be gone or stand still for a while; used from several threads."""

    def __init__(self, name: str, start: Callable[[], Process]) -> None:
        self.name = name
        self._start = start
        self._process: Process | None = None
        self._lock = threading.RLock()
        self.killed = False
        self.frozen_until: float | None = None
        self.was_frozen = False

    @property
    def process(self) -> Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process

    @property
    def up(self) -> bool:
        """Whether it runs, and said so."""
        return self.process.running and self.had_started

    @property
    def had_started(self) -> bool:
        """Whether it said that it runs."""
        return UP in self.process.said

    def start(self) -> None:
        with self._lock:
            self.killed, self.frozen_until = False, None
            self._process = self._start()

    def kill(self) -> None:
        """SIGKILL."""
        with self._lock:
            self.killed = True
            self.process.kill()

    def end(self) -> bool:
        """SIGTERM, and wait; what it is about to post may take a while.

        False when somebody killed it first, so that it left its write-ahead log to the next one.
        """
        with self._lock:
            self.killed = True
            self.process.send(signal.SIGTERM)
            return self.process.ended() != -signal.SIGKILL

    def freeze(self, seconds: float) -> None:
        """SIGSTOP; `thaw` is the caller's affair."""
        with self._lock:
            self.process.send(signal.SIGSTOP)
            self.frozen_until = time.monotonic() + seconds
            self.was_frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        with self._lock:
            self.frozen_until = None
            self.process.send(signal.SIGCONT)

    def close(self) -> None:
        if self._process is not None:
            self._process.close()


class Site:
    """Everything that one run needs; `close` ends whatever was started, whatever became of it."""

    def __init__(self, kind: str, *, directory: Path, random: Random, channels: int) -> None:
        shutil.rmtree(directory, ignore_errors=True)  # of an earlier run with this seed
        directory.mkdir(parents=True)
        self.directory = directory.resolve()
        (directory / "lapse.toml").write_text(SETTINGS, encoding="utf-8")
        self.history = History(directory / "history.jsonl")
        self.weather = Weather(random)
        self.doors = Doors()
        self.server = PostgresServer(lasting=True) if kind == "postgres" else None
        self.database_doors: dict[str, DatabaseDoor] = {}
        self.replicas: list[Replica] = []
        self.passing: Callable[[Replica, Place], Verdict] = lambda _replica, _place: "go on"
        self.rooms = [f"C0TEAM{number:03}" for number in range(channels)]
        self._lock = threading.Lock()
        self.slack = LocalSlack(
            seed=self._seed(), data=self.directory, clock=Lapsed(self.history), port=0
        )
        self._started = False
        self._ended = threading.Event()
        self._watch = threading.Thread(target=watch, args=(self._stalled, self._ended))

    def start(self) -> None:
        """A migrated database, Slack, and every replica up."""
        if self.server is not None:
            self.server.start()
            administer(self.server.url, "CREATE DATABASE lapse TEMPLATE template0")
        migrate(self.url)
        self._watch.start()
        self.core = open_core(load_settings({}, directory=self.directory), self._secrets())
        self.slack.start()
        self._started = True
        for number, role in enumerate(ROLES if self.server else ROLES[:1]):
            self._add(f"replica-{number}", role)
        for replica in self.replicas:
            replica.start()
        for replica in self.replicas:
            replica.process.until(UP)

    @property
    def url(self) -> str:
        """The database, not through a door."""
        return f"{self.server.url}/lapse" if self.server else f"sqlite:///{self.file}"

    @property
    def file(self) -> Path:
        """SQLite's."""
        return self.directory / "lapse.db"

    def step(self, by: timedelta) -> None:
        """Move Lapse's time, also backwards, as a machine's clock may."""
        seconds = by.total_seconds()
        with self._lock:
            if seconds >= 0:
                patiently(lambda: self.core.clock.advance(by))
            else:
                back = text('UPDATE clock SET "offset" = "offset" - :by')
                with self.core.database.writer.begin() as connection:
                    connection.execute(back, {"by": round(-seconds * 1_000_000)})
            self.history.step(seconds)

    def load(self, subscriptions: Iterable[Mapping[str, Any]]) -> None:
        """Import subscriptions, as a file would bring them."""
        data = json.dumps([*subscriptions]).encode()
        patiently(lambda: self.core.importing.run(io.BytesIO(data), "torture.json", by="torture"))

    def stalls(self) -> int:
        """How often a process of this run stood still for too long, told to or not."""
        logs = (file.read_text("utf-8") for file in self.directory.glob("run-*.err"))
        return sum(log.count(STOOD_STILL) for log in logs) + self.history.counts["stall"]

    def at_rest(self) -> bool:
        """Whether nothing is due, on its way, unknown, or to be looked for once more."""
        now = self.core.clock.now()
        with self.core.store.reading() as tx:
            due = tx.reminders.next_due()
            busy = tx.outbox.next_due() is not None or tx.outbox.next_sweep() is not None
        return not busy and (due is None or due > now)

    def state(self) -> str:
        """What keeps it from resting; every replica writes down where it is."""
        with self.core.store.reading() as tx:
            counts = {state.value: count for state, count in tx.outbox.counts().items() if count}
            due = tx.reminders.next_due(), tx.outbox.next_due(), tx.outbox.next_sweep()
        for replica in self.replicas:
            replica.process.send(signal.SIGUSR1)
        running = [replica.up for replica in self.replicas]
        now = self.core.clock.now()
        return f"now {now}, next due {[str(each) for each in due]}, {counts}, running {running}"

    def visible(self) -> list[tuple[str, str, str]]:
        """What stands in the channels: channel, timestamp and delivery, by timestamp."""
        return sorted(
            (room.id, message["ts"], message["metadata"]["event_payload"]["delivery_id"])
            for room in self.slack.seed.channels
            for message in self.slack.messages(room.id)
            if message.get("metadata")
        )

    @contextmanager
    def sqlite(self) -> Iterator[sqlite3.Connection]:
        """A connection of another program to SQLite's file."""
        connection = sqlite3.connect(self.file, isolation_level=None, timeout=30)
        try:
            yield connection
        finally:
            connection.close()

    def close(self) -> None:
        self._ended.set()
        if self._watch.ident is not None:
            self._watch.join()
        for replica in self.replicas:
            replica.close()
        self.doors.close()
        if self._started:
            self.core.database.dispose()
            self.slack.stop()
        if self.server is not None:
            self.server.close()
        self.history.close()

    def _add(self, name: str, role: str) -> None:
        replica = Replica(name, lambda: self._process(role, environ))

        def passing(place: Place) -> Verdict:
            return self.passing(replica, place)

        slack = SlackDoor(
            self.doors,
            slack_port=int(self.slack.url.rpartition(":")[2]),
            weather=self.weather,
            history=self.history,
            passing=passing,
        )
        environ = surroundings(
            SLACK_BOT_TOKEN=self.slack.bot_token,
            SLACK_APP_TOKEN=self.slack.app_token,
            SLACK_API_URL=f"http://127.0.0.1:{slack.port}/api/",
            LAPSE_DATABASE_URL=self._url_through_a_door(name, passing),
            LAPSE_AUDIT_KEY=AUDIT_KEY,
            LAPSE_HTTP_PORT="0",
        )
        self.replicas.append(replica)

    def _url_through_a_door(self, name: str, passing: Passing) -> str:
        if self.server is None:
            return self.url
        door = DatabaseDoor(self.doors, server_port=self.server.port, passing=passing)
        self.database_doors[name] = door
        return f"postgresql+psycopg://postgres@127.0.0.1:{door.port}/lapse"

    def _process(self, role: str, environ: dict[str, str]) -> Process:
        call = ["run", "--role", role]
        return Process(call, directory=self.directory, environ=environ, module=LAUNCHER)

    def _stalled(self, seconds: float) -> None:
        self.history.tell("stall", seconds=round(seconds, 1))

    def _secrets(self) -> Secrets:
        return Secrets(lapse_database_url=self.url, lapse_audit_key=SecretStr(AUDIT_KEY))

    def _seed(self) -> Seed:
        seed = workspace.practice_seed()
        rooms = tuple(
            Channel(id=room, name=room.lower(), members=workspace.EVERYBODY) for room in self.rooms
        )
        return replace(seed, channels=(*seed.channels, *rooms))
