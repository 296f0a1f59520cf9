"""Lapse as an operator runs it: real processes over real files, killed without warning."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.config import Secrets, load_settings
from bot.core import open_core
from bot.localslack.seed import Seed
from bot.localslack.server import LocalSlack
from bot.ports.store import DeliveryState
from tests.acceptance.people import NeverHappened, Persona, eventually

UNFINISHED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)
AUDIT_KEY = "a key of the acceptance tests"
ROOT = Path(__file__).parents[2]
START_SECONDS = 40
END_SECONDS = 5
LOOK_SECONDS = 0.02


def surroundings(**given: str) -> dict[str, str]:
    """The environment of a fresh login, and what is given."""
    kept = {name: value for name in ("PATH", "HOME", "LANG") if (value := os.getenv(name))}
    return kept | {"PYTHONPATH": str(ROOT)} | given


class Process:
    """One `lapse` process that this test started; its output goes to files."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        directory: Path,
        environ: Mapping[str, str],
        module: str = "bot",
    ) -> None:
        stem = f"{arguments[0]}-{time.monotonic_ns()}"
        self._out = directory / f"{stem}.out"
        self._err = directory / f"{stem}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def said(self) -> str:
        """What it wrote to standard output."""
        return self._out.read_text("utf-8")

    @property
    def complained(self) -> str:
        """What it wrote to standard error."""
        return self._err.read_text("utf-8")

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.complained.splitlines()]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        return self.code is None

    def until(self, words: str) -> "Process":
        """Wait until it says something."""
        deadline = time.monotonic() + START_SECONDS
        while words not in self.said:
            if not self.running:
                raise NeverHappened(f"it ended instead of saying {words!r}: {self.complained}")
            if time.monotonic() > deadline:
                raise NeverHappened(f"it never said {words!r}: {self.complained}")
            time.sleep(LOOK_SECONDS)  # between two looks
        return self

    def kill(self) -> None:
        """SIGKILL, which nothing can prepare for."""
        self._process.kill()
        self._process.wait(timeout=END_SECONDS)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """A polite end; its exit code. Fails after five seconds."""
        self._process.send_signal(number)
        return self._process.wait(timeout=END_SECONDS)

    def ended(self) -> int:
        """Wait until it ends by itself; its exit code."""
        return self._process.wait(timeout=START_SECONDS)

    def close(self) -> None:
        """Whatever became of the test, leave nothing running."""
        if self.running:
            self.kill()


class Installation:
    """A workspace, a database and settings; Lapse comes and goes as processes of its own.

    The clock is the database's, which the local Slack goes by as well: moving it moves everybody.
    """

    def __init__(self, *, directory: Path, url: str, seed: Seed, settings: str) -> None:
        (directory / "lapse.toml").write_text(settings, encoding="utf-8")
        self._directory = directory
        self._url = url
        self._seed = seed
        self._processes: list[Process] = []
        self.core = open_core(
            load_settings({}, directory=directory),
            Secrets(lapse_database_url=url, lapse_audit_key=SecretStr(AUDIT_KEY)),
        )
        self.clock = self.core.clock
        self.slack = self._local_slack(port=0)

    @property
    def environ(self) -> dict[str, str]:
        """What `lapse run` finds in its environment."""
        return surroundings(
            SLACK_BOT_TOKEN=self.slack.bot_token,
            SLACK_APP_TOKEN=self.slack.app_token,
            SLACK_API_URL=self.slack.api_url,
            SLACK_CLIENT_ID="1.2",  # which Bolt, left alone, takes for an order to use OAuth
            SLACK_CLIENT_SECRET="unused",
            LAPSE_DATABASE_URL=self._url,
            LAPSE_AUDIT_KEY=AUDIT_KEY,
            LAPSE_HTTP_PORT="0",
        )

    def lapse(self, *arguments: str, **environ: str) -> Process:
        """Start a command, without waiting for anything."""
        process = Process(arguments, directory=self._directory, environ=self.environ | environ)
        self._processes.append(process)
        return process

    def run(self, role: str = "all") -> Process:
        """`lapse run`, up and, when it listens, connected."""
        process = self.lapse("run", "--role", role).until("Lapse runs")
        if role != "worker":
            eventually(lambda: self.slack.connected, "a socket")
        return process

    def user(self, handle: str) -> Persona:
        return Persona(self.slack.url, handle)

    def load(self, *subscriptions: Mapping[str, Any]) -> None:
        """Import subscriptions, as a file would bring them."""
        data = json.dumps(list(subscriptions)).encode()
        self.core.importing.run(io.BytesIO(data), "story.json", by="story")

    def quiet(self) -> None:
        """Wait until every message is out.

        A story that moves the clock by days must not do so while a post is on its way: Slack
        would stamp it days after it was sent.
        """
        eventually(lambda: not self._unfinished(), "every message out")

    def _unfinished(self) -> int:
        with self.core.store.reading() as tx:
            counts = tx.outbox.counts()
        return sum(counts.get(state, 0) for state in UNFINISHED)

    def slack_leaves(self) -> None:
        """Slack cannot be reached any more."""
        self.slack.stop()

    def slack_returns(self) -> None:
        """Slack is where it was, with everything that was said."""
        self.slack = self._local_slack(port=int(self.slack.url.rsplit(":", 1)[1]))

    def posted(self) -> list[dict[str, Any]]:
        """Every message of the app, wherever it stands, with its metadata."""
        seed = self._seed
        places = [each.id for each in seed.channels] + [seed.dm_of(p.id) for p in seed.humans]
        return [
            message
            for place in places
            for message in self.slack.messages(place)
            if message.get("bot_id")
        ]

    def close(self) -> None:
        for process in self._processes:
            process.close()
        self.slack.stop()
        self.core.database.dispose()

    def _local_slack(self, *, port: int) -> LocalSlack:
        slack = LocalSlack(seed=self._seed, data=self._directory, clock=self.clock, port=port)
        slack.start()
        return slack


def payloads(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The ids that travelled with the messages that had to arrive."""
    return [m["metadata"]["event_payload"] for m in messages if m.get("metadata")]
