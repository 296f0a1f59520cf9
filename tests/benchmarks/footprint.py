"""What a process of Lapse takes: memory idle and at work with a million rows, and time to start.

Run by `make bench ONLY=footprint`, or with a size by `python -m tests.benchmarks.footprint 20000`.
The catalogue is read once, from the book of an embedded account, by the first `lapse sync`. Each
operation is a process of its own.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import time as hour
from pathlib import Path

from sqlalchemy import func, select

from bot.billing.renewal import CLOUD_ZONE
from bot.ports.store import DeliveryState
from bot.services.armed import last_watch
from storage.engine import Database, open_database
from storage.store import SqlStore
from storage.tables import book_subscriptions
from tests.benchmarks import databases, installation
from tests.benchmarks.catalogues import (
    ONE_DAY,
    end_of_day,
    keep_book,
    open_store,
    over_a_year,
    server,
    untold,
)
from tests.benchmarks.figures import Figures
from tests.benchmarks.installation import MEGABYTE

MILLION = 1_000_000
CROWD = 10
"""One more falls due at once for each so many subscriptions."""

LEAD = 30 * ONE_DAY
FIRST_END = 9 * ONE_DAY
"""So far ahead the first term ends: nothing is deducted before the crowd falls due."""

STARTS = 5
LINES = 1_000
"""Lines of the record that one transaction writes."""

GOAL = 200
PATIENCE = 3_600
LOOK_SECONDS = 0.5
UNFINISHED = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)
READING = (
    ("list",),
    ("show", "server-100-0"),
    ("upcoming",),
    ("audit",),
    ("audit", "--verify"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """A database whose embedded account has so many subscriptions, and when a crowd falls due."""

    url: str
    database: Database
    store: SqlStore
    due_at: datetime
    directory: Path

    @property
    def size(self) -> int:
        """How many its book has: whole days of the year, and the crowd."""
        with self.database.reader.connect() as connection:
            count = connection.scalar(select(func.count()).select_from(book_subscriptions))
        return count or 0

    @property
    def idle(self) -> bool:
        """Whether a bot has read the account, entered what falls due and told what is due."""
        with self.store.reading() as tx:
            counts = tx.outbox.counts()
            begun = last_watch(tx) is not None and tx.notes.get("synced/default") is not None
            left = any(counts[each] for each in UNFINISHED) or tx.catalogue.unplanned(limit=1)
        return begun and not left and not untold(self.database, at=self.database.clock().now())


def idle(figures: Figures, new: databases.NewDatabase) -> None:
    """A bot that has just started and has nothing to do."""
    figures.about(f"a bot that has just started, the middle of {STARTS} starts")
    url = new()
    starts, memory = [], []
    for _ in range(STARTS):
        with installation.bot(url) as bot:
            starts.append(bot.ready_after)
            memory.append(installation.memory(bot.process))
    figures.at_most("start to ready", statistics.median(starts), 1, "s")
    figures.at_most("memory when idle", statistics.median(memory) / MEGABYTE, 110, "MB")


def operations(figures: Figures, new: databases.NewDatabase, size: int) -> None:
    """The most that each operation ever held."""
    crowd = size // CROWD
    figures.about(
        f"the most memory, {size:,} subscriptions, {crowd:,} more that fall due at once, "
        f"{size:,} lines of the record"
    )
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place:
        catalogue = _catalogue(new(), size=size, crowd=crowd, directory=Path(place))
        read = _command(figures, catalogue, ("sync",), note=" of what is new")
        _demand(read, f"{catalogue.size} added")
        read = _command(figures, catalogue, ("sync",), note=" of what is known")
        _demand(read, f"{catalogue.size} unchanged")
        _write_record(catalogue, size)
        for arguments in READING:
            _command(figures, catalogue, arguments)
        exported = _command(figures, catalogue, ("export",), out="exported.csv")
        same = _command(figures, catalogue, ("import", str(exported)), note=" of the same")
        _demand(same, f"{catalogue.size} unchanged")
        exported.unlink()
        _run(figures, catalogue, "after the first sync")
        catalogue.database.clock().advance_to(catalogue.due_at)
        if (due := untold(catalogue.database, at=catalogue.due_at)) < crowd:
            raise AssertionError(f"Of {crowd:,} reminders {due:,} are due.")
        _run(figures, catalogue, f"with {due:,} reminders due")
        _command(figures, catalogue, ("reminders",))
        _command(figures, catalogue, ("reminders", "--all"))
        catalogue.database.dispose()


def _catalogue(url: str, *, size: int, crowd: int, directory: Path) -> Catalogue:
    """A book with terms that end over a year, and a crowd whose first lead is tomorrow at nine."""
    database = open_database(url)
    now = database.clock().now()
    tomorrow = now.astimezone(CLOUD_ZONE).date() + ONE_DAY
    due_at = datetime.combine(tomorrow, hour(9), CLOUD_ZONE)
    per_day = min(2, size // 360)
    keep_book(database, over_a_year(after=now + FIRST_END, per_day=per_day), size=size, at=now)
    due = server("due-0000", expires_at=end_of_day(due_at + LEAD), auto_renew=False)
    keep_book(database, [due], size=crowd, at=now)
    return Catalogue(
        url=url,
        database=database,
        store=open_store(database),
        due_at=due_at,
        directory=directory,
    )


def _write_record(catalogue: Catalogue, lines: int) -> None:
    """As many lines as have come together over the years."""
    at = catalogue.database.clock().now()
    for first in range(0, lines, LINES):
        with catalogue.store.transaction() as tx:
            for number in range(first, min(first + LINES, lines)):
                tx.audit.append(
                    at=at,
                    actor=f"U{number % 200:06d}",
                    action="owner set",
                    subject=f"default/server-{number % 360:03d}-0",
                    facts={"owner": f"U{number:06d}", "before": None},
                )


def _command(
    figures: Figures,
    catalogue: Catalogue,
    arguments: Sequence[str],
    *,
    note: str = "",
    out: str = "out",
) -> Path:
    """Judge what a command held; the file that it wrote."""
    file = catalogue.directory / out
    took = installation.spent(catalogue.url, arguments, out=file)
    words = [Path(each).name for each in arguments]
    _judge(figures, " ".join(("lapse", *words)) + note, took.memory, took.seconds)
    return file


def _demand(file: Path, said: str) -> None:
    if said not in file.read_text("utf-8"):
        raise AssertionError(f"It did not say `{said}`: {file.read_text('utf-8')[-500:]}")


def _run(figures: Figures, catalogue: Catalogue, when: str) -> None:
    """Judge what a bot held from its start until it was idle."""
    begun = time.perf_counter()
    with installation.bot(catalogue.url) as bot:
        while not catalogue.idle:
            if bot.process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                raise AssertionError("The bot ended, or did not become idle.")
            time.sleep(LOOK_SECONDS)  # between two looks
        most = installation.memory(bot.process, "VmHWM")
    _judge(figures, f"lapse run {when}, until idle", most, time.perf_counter() - begun)


def _judge(figures: Figures, what: str, memory: int, seconds: float) -> None:
    figures.at_most(f"{what} ({seconds:,.1f} s)", memory / MEGABYTE, GOAL, "MB")


def main(size: int) -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    with databases.sqlite() as new:
        idle(figures, new)
        operations(figures, new, size)
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else MILLION))
