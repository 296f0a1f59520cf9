"""How long after they are due reminders are in Slack, and how soon again after trouble.

Run by `make bench ONLY=timeliness`; `python -m tests.benchmarks.timeliness SQLite` runs a part.
Real `lapse run` processes, a Slack that answers a post after 200 ms, and the limits as shipped: six
posts at once, then 300 a minute. What has to wait for its turn is measured from that turn.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as hour
from itertools import count
from pathlib import Path
from subprocess import Popen

from bot.billing.renewal import CLOUD_ZONE
from bot.config import Settings
from bot.config.policy import POSTS_AT_ONCE
from bot.ports.store import DeliveryState, ReminderState
from storage.engine import open_database
from storage.migrate import migrate
from tests.benchmarks import databases, installation
from tests.benchmarks.catalogues import ONE_DAY, end_of_day, open_store, server
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.remembering import Door, Loss, Post, Workspace
from tests.postgres import PostgresServer, administer

EACH = 5
"""Reminders of one channel, which one message carries."""
FITTING, MANY, SHARED = POSTS_AT_ONCE, 60, 40
"""Channels whose messages go out at once, wait for each other, and are shared by two replicas."""

ANSWERS_AFTER = 0.2
A_SECOND = Settings().slack.posts_per_minute / 60
BEFORE = timedelta(seconds=60)
CLOSE = timedelta(seconds=3)
PATIENCE = 180.0
LOOK = 0.02
SETTINGS = installation.SETTINGS + '[reminders]\nlead_days = [1]\nholidays = ["CN"]\n'
UNFINISHED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)


class NeverCame(RuntimeError):
    """What was waited for did not come in three minutes."""


@dataclass
class Town:
    """A database and a workspace, and the bots that come and go."""

    url: str
    directory: Path
    workspace: Workspace = field(default_factory=Workspace)
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        (self.directory / "lapse.toml").write_text(SETTINGS, "ascii")
        self.database = open_database(self.url)
        self.store = open_store(self.database)
        self.clock = self.database.clock()

    def door(self) -> Door:
        """Another address of the workspace."""
        return Door(self.workspace, after=ANSWERS_AFTER)

    @contextmanager
    def bot(self, door: Door) -> Iterator[Popen[bytes]]:
        """A `lapse run` that is ready; it is killed at the end."""
        process = self.start(door)
        try:
            until(lambda: self._is_ready(process), "a bot that is ready")
            yield process
        finally:
            kill(process)

    def start(self, door: Door) -> Popen[bytes]:
        """Begin a `lapse run`, without waiting for anything."""
        environ = installation.environment(self.url)
        environ |= {"SLACK_API_URL": door.url, "LAPSE_HTTP_PORT": "0"}
        with (self.directory / f"log-{next(self._numbers)}").open("wb") as log:
            arguments = ["run", "--role", "all"]
            return installation.lapse(
                arguments, environ, directory=self.directory, log=log.fileno()
            )

    def know(self, rooms: int) -> tuple[set[str], datetime]:
        """Subscriptions of so many new channels; the channels, and when all are due."""
        now, wave = self.clock.now(), next(self._numbers)
        ends = end_of_day(now) + 3 * ONE_DAY
        names = [f"C{wave:03}ROOM{number:03}" for number in range(rooms)]
        known = [
            server(f"w{wave}-{room}-{n}", expires_at=ends, auto_renew=False, channel=room)
            for room in names
            for n in range(EACH)
        ]
        with self.store.transaction() as tx:
            tx.book.put_all([(each, None) for each in known])
            tx.catalogue.put(known, at=now)
        day = ends.astimezone(CLOUD_ZONE).date() - ONE_DAY
        return set(names), datetime.combine(day, hour(9), CLOUD_ZONE)

    def approach(self, rooms: set[str], due: datetime) -> float:
        """Go to shortly before it, everything armed; when it will be, by `perf_counter`."""
        self.clock.advance_to(due - BEFORE)
        until(lambda: self._armed(rooms) == EACH * len(rooms), "reminders that are armed")
        self.clock.advance_to(due - CLOSE)
        return time.perf_counter() + (due - self.clock.now()).total_seconds()

    def posted(self, rooms: set[str], how_many: int) -> list[Post]:
        """Wait for so many messages in these channels."""
        until(lambda: len(self.workspace.reminders(rooms)) >= how_many, "reminders in Slack")
        return self.workspace.reminders(rooms)

    def quiet(self) -> None:
        """Wait until the outcome of everything is known."""
        until(lambda: not self._unfinished(), "outcomes that are known")

    def close(self) -> None:
        self.database.dispose()

    def _armed(self, rooms: set[str]) -> int:
        with self.store.reading() as tx:
            rows = tx.reminders.listed(until=None, states=(ReminderState.ARMED,))
            return sum(row.destination in rooms for row in rows)

    def _unfinished(self) -> int:
        with self.store.reading() as tx:
            counts = tx.outbox.counts()
        return sum(counts[each] for each in UNFINISHED)

    def _is_ready(self, process: Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"`lapse run` ended with {process.returncode}")
        logs = sorted(self.directory.glob("log-*"), key=lambda each: int(each.name[4:]))
        return "Lapse runs" in logs[-1].read_text("utf-8")


def until(holds: Callable[[], bool], what: str) -> None:
    """Look again and again until something holds."""
    deadline = time.perf_counter() + PATIENCE
    while not holds():
        if time.perf_counter() > deadline:
            raise NeverCame(what)
        time.sleep(LOOK)  # between two looks


def kill(process: Popen[bytes]) -> None:
    """SIGKILL, which nothing can prepare for."""
    process.kill()
    process.wait()


def punctual(figures: Figures, town: Town, kind: str) -> None:
    """Due at one instant: as many as may go at once, and as many as have to wait."""
    door = town.door()
    with town.bot(door):
        for rooms in (FITTING, MANY):
            names, due = town.know(rooms)
            at = town.approach(names, due)
            waits = [each.at - at for each in town.posted(names, rooms)]
            turns = [max(0.0, (place - POSTS_AT_ONCE) / A_SECOND) for place in range(1, rooms + 1)]
            behind = [wait - turn for wait, turn in zip(waits, turns, strict=True)]
            figures.about(f"{kind}: {rooms * EACH} reminders over {rooms} channels due at once")
            figures.tell("posted after, p50 and p99", _two(waits))
            figures.tell("their turns in 300 posts a minute, p50 and p99", _two(turns))
            figures.at_most("posted after its turn, p50", percentile(behind, 50), 2, "s")
            figures.at_most("posted after its turn, p99", percentile(behind, 99), 10, "s")
            town.quiet()
    door.close()


def restarted(figures: Figures, town: Town, kind: str) -> None:
    """Killed before a reminder was due, started when it is."""
    door = town.door()
    names, due = town.know(1)
    with town.bot(door):
        town.approach(names, due)
    town.clock.advance_to(due + BEFORE)
    begun = time.perf_counter()
    process = town.start(door)
    try:
        [post] = town.posted(names, 1)
        town.quiet()
    finally:
        kill(process)
        door.close()
    figures.about(f"{kind}: after a SIGKILL")
    figures.at_most("first reminder, from the start of the process", post.at - begun, 5, "s")


def lost(figures: Figures, town: Town, kind: str) -> None:
    """An answer is lost of a message that is there, and a request of one that is not."""
    door = town.door()
    names, due = town.know(2)
    with town.bot(door):
        town.approach(names, due)
        door.losing = dict(zip(sorted(names), Loss, strict=True))
        until(lambda: len(door.lost) == len(names), "posts that are lost")
        town.quiet()
        settled = time.perf_counter() - min(door.lost)
    door.close()
    posts = len(town.workspace.reminders(names))
    if posts != len(names):
        raise SystemExit(f"{posts} messages are in Slack instead of {len(names)}")
    figures.about(f"{kind}: an outcome that is not known, history readable")
    figures.at_most("settled, one found and one posted again", settled, 120, "s")


def back_again(figures: Figures, town: Town, database: PostgresServer) -> None:
    """The database is away when a reminder falls due."""
    door = town.door()
    names, due = town.know(1)
    with town.bot(door):
        at = town.approach(names, due)
        database.stop("fast")
        time.sleep(max(0.0, at + 1 - time.perf_counter()))  # it is due while nobody can know
        database.start()
        begun = time.perf_counter()
        [post] = town.posted(names, 1)
        town.quiet()
    door.close()
    figures.about("PostgreSQL: away for some seconds, and back")
    figures.at_most("first reminder, from when it accepts connections", post.at - begun, 5, "s")


def taken_over(figures: Figures, town: Town) -> None:
    """Of two replicas one is killed while Slack holds its post; the other takes over its claims."""
    doors = [town.door(), town.door()]
    names, due = town.know(SHARED)
    with ExitStack() as ended:
        dying, _ = (ended.enter_context(town.bot(each)) for each in doors)
        doors[0].holding = True
        town.approach(names, due)
        until(lambda: doors[0].held > 0, "a post of the replica that is to die")
        kill(dying)
        begun = time.perf_counter()
        posts = town.posted(names, SHARED)
        town.quiet()
    for each in doors:
        each.close()
    if len(town.workspace.reminders(names)) != SHARED:
        raise SystemExit("a message is in Slack twice")
    figures.about(f"PostgreSQL: one of two replicas dies, {SHARED} channels due")
    figures.at_most("the last of its claims posted", posts[-1].at - begun, 90, "s")


def on_sqlite(figures: Figures) -> None:
    with databases.sqlite() as new, opened(new()) as town:
        for act in (punctual, restarted, lost):
            act(figures, town, "SQLite")


def on_postgresql(figures: Figures) -> None:
    database = PostgresServer(as_shipped=True)
    try:
        database.start()
        administer(database.url, "CREATE DATABASE lapse TEMPLATE template0")
        url = f"{database.url}/lapse"
        migrate(url)
        with opened(url) as town:
            for act in (punctual, restarted, lost):
                act(figures, town, "PostgreSQL")
            back_again(figures, town, database)
            taken_over(figures, town)
    finally:
        database.close()


@contextmanager
def opened(url: str) -> Iterator[Town]:
    """A town that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place:
        town = Town(url, Path(place))
        try:
            yield town
        finally:
            town.close()


KINDS = {"SQLite": on_sqlite, "PostgreSQL": on_postgresql}


def _two(values: list[float]) -> str:
    return f"{percentile(values, 50):.2f}, {percentile(values, 99):.2f} s"


def main(kinds: list[str]) -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    for kind in kinds or KINDS:
        KINDS[kind](figures)
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
