"""The same reminders by other means, and by Lapse, in processes that a scripted Slack kills.

`python -m tests.benchmarks.rivals NAME DIRECTORY` tells what is due in a directory until nothing is
left, or until the script kills it; whoever started it starts it again. `NAME` is one of `SYSTEMS`.

The two others are written as they usually are: a date job for each reminder in APScheduler's
SQLAlchemyJobStore with the default settings, and a loop that polls a table, posts, and marks.
"""

import logging
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import inf
from pathlib import Path
from threading import Lock, Semaphore

from apscheduler.events import EVENT_JOB_REMOVED
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from bot.billing.subscription import SlackChannel
from bot.facts.messages import Message
from bot.ports.messenger import Posted, Unsettled
from storage.engine import open_database
from storage.migrate import migrate
from tests.benchmarks.catalogues import end_of_day, fill, open_store, server
from tests.benchmarks.replica import Prompt, Replica, policy

EVERY = timedelta(milliseconds=40)
"""Between two due reminders of a rival, so that a moment of absence hits a few of them."""

POLL_SECONDS = 0.05


class Fault(Enum):
    """What happens to one attempt to post."""

    KILL = "killed between post and mark"
    LOST_ANSWER = "posted, the answer is lost"
    LOST_REQUEST = "never arrives, nor does an answer"


SCRIPT = {
    20: Fault.KILL,
    60: Fault.LOST_ANSWER,
    100: Fault.LOST_REQUEST,
    140: Fault.KILL,
    180: Fault.LOST_ANSWER,
    220: Fault.LOST_REQUEST,
    260: Fault.KILL,
}
"""Faults by the number of the attempt, counted across restarts."""


class AnswerLost(Exception):
    """Whether it was posted is not known."""


class ScriptedSlack:
    """Writes down what people could see, and fails as the script says."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "slack.log"
        self._attempts = directory / "attempts.log"
        self._turn = Lock()

    def post(self, reminder: str, delivery: str = "") -> str:
        """Post once; the message's ts. Raises AnswerLost, or ends this process."""
        with self._turn:
            fault = SCRIPT.get(_append(self._attempts, reminder))
            if fault is Fault.LOST_REQUEST:
                raise AnswerLost
            ts = str(_append(self.log, f"{reminder} {delivery}"))
            if fault is Fault.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            if fault is Fault.LOST_ANSWER:
                raise AnswerLost
            return ts

    def shown(self) -> Sequence[tuple[str, str]]:
        """Every reminder that people could see, with its delivery, in order."""
        lines = self.log.read_text("ascii").splitlines() if self.log.exists() else []
        return [(line.split(" ")[0], line.split(" ")[1]) for line in lines]


class ScriptedMessenger(Prompt):
    """The Messenger port over the scripted Slack."""

    def __init__(self, slack: ScriptedSlack) -> None:
        super().__init__()
        self._slack = slack

    def post(
        self,
        message: Message,
        *,
        to: str,
        delivery_id: str,
        reminder_ids: Sequence[str] = (),
        thread: str | None = None,
        over_by: float = inf,
        may_repeat: bool = False,
    ) -> Posted:
        [reminder] = reminder_ids
        try:
            return Posted(to, self._slack.post(reminder, delivery_id))
        except AnswerLost:
            raise Unsettled("timeout") from None

    def copies(self, delivery_id: str, *, to: str, **_: object) -> Sequence[Posted]:
        shown = enumerate(self._slack.shown(), start=1)
        return [Posted(to, str(number)) for number, (_, of) in shown if of == delivery_id]


def tell(directory: str, reminder: str) -> None:
    """The job of a reminder: APScheduler logs what it raises and forgets it."""
    ScriptedSlack(Path(directory)).post(reminder)


def answer(_directory: str, _reminder: str) -> None:
    """The job of a reminder that costs nothing by itself."""


def enter_jobs(
    directory: Path,
    count: int,
    *,
    first: datetime,
    job: Callable[[str, str], None] = tell,
    **settings: object,
) -> None:
    """A date job for each reminder."""
    scheduler = _scheduler(directory)
    scheduler.start(paused=True)
    for number in range(count):
        due_at = first + number * EVERY
        scheduler.add_job(job, "date", (str(directory), str(number)), run_date=due_at, **settings)
    # It stays paused: when it is shut down, its thread takes what is due once more.


def run_jobs(directory: Path) -> None:
    """Let the scheduler run until its store is empty and its threads have finished."""
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    scheduler = _scheduler(directory)
    scheduler.start(paused=True)
    left = Semaphore(0)
    waiting = len(scheduler.get_jobs())
    scheduler.add_listener(lambda _: left.release(), EVENT_JOB_REMOVED)
    scheduler.resume()
    for _ in range(waiting):
        left.acquire()
    scheduler.shutdown(wait=True)


def enter_rows(directory: Path, count: int, *, first: datetime) -> None:
    """A row for each reminder."""
    with table(directory) as connection:
        connection.execute(
            "CREATE TABLE reminders (id TEXT PRIMARY KEY, due_at REAL NOT NULL, sent_at REAL)"
        )
        connection.execute("CREATE INDEX due ON reminders (due_at) WHERE sent_at IS NULL")
        due = ((str(n), (first + n * EVERY).timestamp()) for n in range(count))
        connection.executemany("INSERT INTO reminders (id, due_at) VALUES (?, ?)", due)


def run_rows(directory: Path) -> None:
    """Poll, post, mark; an answer that is lost leaves the row to the next poll."""
    slack = ScriptedSlack(directory)
    connection = table(directory)
    while connection.execute("SELECT 1 FROM reminders WHERE sent_at IS NULL LIMIT 1").fetchone():
        poll(connection, slack.post)
        time.sleep(POLL_SECONDS)


def poll(connection: sqlite3.Connection, post: Callable[[str], object]) -> int:
    """One poll: up to a hundred due rows, each posted and then marked in a commit of its own."""
    now = datetime.now(UTC).timestamp()  # noqa: TID251 - a rival goes by the machine's clock
    due = connection.execute(
        "SELECT id FROM reminders WHERE sent_at IS NULL AND due_at <= ? ORDER BY due_at LIMIT 100",
        (now,),
    ).fetchall()
    for (reminder,) in due:
        try:
            post(reminder)
        except AnswerLost:
            continue
        with connection:
            connection.execute("UPDATE reminders SET sent_at = ? WHERE id = ?", (now, reminder))
    return len(due)


def enter_subscriptions(directory: Path, count: int, *, first: datetime) -> None:
    """A subscription for each reminder, each in a channel of its own; all due at one hour."""
    url = _url(directory)
    migrate(url)
    database = open_database(url)
    clock = database.clock()
    ends = end_of_day(clock.now() + timedelta(days=30))
    subscriptions = [
        server(f"due-{n}", expires_at=ends, auto_renew=False, channel=SlackChannel(f"C{n:08d}"))
        for n in range(count)
    ]
    store = fill(database, subscriptions, size=count, at=clock.now())
    reminding = Replica.of(store, clock, Prompt(), policy=policy(1)).reminding
    due_at, _ = reminding.next_lead() or (clock.now(), None)
    clock.advance_to(due_at - timedelta(hours=1))
    reminding.arm()
    clock.advance_to(due_at)
    database.dispose()


def run_lapse(directory: Path) -> None:
    """Tick until nothing is owed, moving the clock on while there is only to wait."""
    database = open_database(_url(directory))
    clock, store = database.clock(), open_store(database)
    messenger = ScriptedMessenger(ScriptedSlack(directory))
    replica = Replica.of(store, clock, messenger, policy=policy(1))
    while True:
        for tick in replica.ticks.values():
            tick()
        with store.reading() as tx:
            ahead = (tx.reminders.next_due(), tx.outbox.next_due(), tx.outbox.next_sweep())
        waits = [each for each in ahead if each is not None]
        if not waits:
            return
        clock.advance_to(min(waits))


SYSTEMS: dict[str, tuple[Callable[..., None], Callable[[Path], None]]] = {
    "APScheduler": (enter_jobs, run_jobs),
    "poll-and-mark": (enter_rows, run_rows),
    "Lapse": (enter_subscriptions, run_lapse),
}
"""How reminders are entered, and how they are told."""


def _scheduler(directory: Path) -> BackgroundScheduler:
    store = SQLAlchemyJobStore(url=f"sqlite:///{directory / 'jobs.db'}")
    return BackgroundScheduler(jobstores={"default": store}, timezone="UTC")


def table(directory: Path) -> sqlite3.Connection:
    """The database of the loop, with commits as durable as those of Lapse."""
    connection = sqlite3.connect(directory / "rows.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _url(directory: Path) -> str:
    return f"sqlite:///{directory / 'lapse.db'}"


def _append(file: Path, line: str) -> int:
    """Add a line; how many there are now."""
    with file.open("a+", encoding="ascii") as opened:
        opened.write(f"{line}\n")
        opened.flush()
        opened.seek(0)
        return sum(1 for _ in opened)


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # the faults are meant
    SYSTEMS[sys.argv[1]][1](Path(sys.argv[2]))
