"""A SQLite file whose disk fails and whose power goes.

The faults are the machine's and SQLite's own: a lock that somebody holds, a file that may not
grow, a limit of pages, a connection that may only read, and files as a power cut leaves them, which
keep what was made durable and any part of what was just being written.
"""

import resource
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, event

from storage.engine import open_database

PAGE = 512
"""Bytes of a page, the fewest there are: files grow often, and a commit writes many pages."""

FRAME = PAGE + 24
MOST_FRAMES = 6
MOST_STATEMENTS = 4
NO_LIMIT = 1_073_741_823


@dataclass(eq=False)
class Disk:
    """One SQLite file with what can befall it, and the database that is open on it."""

    file: Path
    random: Random
    happened: Counter[str]

    def __post_init__(self) -> None:
        self.database = open_database(f"sqlite:///{self.file}")
        self.wrong: list[str] = []
        self.fresh = False
        """Whether nothing was done since the last commit, so that it may be just under way."""
        self._before = self._after = self.log_size

    @property
    def log(self) -> Path:
        """The write-ahead log."""
        return self.file.with_name(self.file.name + "-wal")

    @property
    def log_size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def committed(self) -> None:
        """The last commit is what the log grew by."""
        self._before, self._after, self.fresh = self._after, self.log_size, True

    def cut(self) -> None:
        """The power goes: of the last commit any part is there, or of what was not committed."""
        main, log = self.file.read_bytes(), self._torn(self.log.read_bytes())
        self._put(main, log)
        if self.random.random() < 0.5:
            self._put(self._half_checkpointed(main), log)
        self.happened["F12 power-cut image"] += 1
        self.check("a power cut")
        self._before = self._after = self.log_size

    def stop(self) -> None:
        """The last process ends as it should, and somebody deletes what it left of its log."""
        self.database.dispose()
        self.log.unlink(missing_ok=True)
        self.happened["F12 log deleted while stopped"] += 1
        self.check("its log was deleted")
        self._before = self._after = self.log_size

    def check(self, what: str) -> None:
        """SQLite finds nothing wrong with the file."""
        with closing(sqlite3.connect(self.file)) as connection:
            [found] = connection.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            self.wrong.append(f"after {what} the file is damaged: {found}.")

    def _torn(self, log: bytes) -> bytes:
        random = self.random
        if not self.fresh or self._before >= self._after:
            return log + random.randbytes(random.randrange(2 * FRAME))
        at = random.randrange(self._before, self._after)
        match random.choice(("short", "garbage", "hole")):
            case "short":
                return log[:at]
            case "garbage":
                return log[:at] + random.randbytes(self._after - at)
            case _:
                end = random.randrange(at, self._after) + 1
                return log[:at] + bytes(end - at) + log[end:]

    def _half_checkpointed(self, main: bytes) -> bytes:
        """Of the pages that the log is copied to, some are there and others not yet."""
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(FULL)")
        copied = self.file.read_bytes()
        old = main.ljust(len(copied), b"\0")
        pages = range(0, len(copied), PAGE)
        return b"".join(
            (copied if self.random.random() < 0.5 else old)[p : p + PAGE] for p in pages
        )

    def _put(self, main: bytes, log: bytes) -> None:
        self.database.dispose()
        for left in self.file.parent.glob(f"{self.file.name}-*"):
            left.unlink()
        self.file.write_bytes(main)
        self.log.write_bytes(log)

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Something is wrong with one transaction, for as long as the block lasts."""
        with FAULTS[name](self):
            yield

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Another program writes, for longer than anybody waits."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def write_fails(self) -> Iterator[None]:
        """The log may grow by so many bytes; the write that goes beyond fails."""
        limit, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        room = self.random.randrange(MOST_FRAMES * FRAME)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.log_size + room, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))

    def full(self) -> AbstractContextManager[None]:
        """The file may not have one page more."""
        return self._from_a_statement_on("max_page_count = 1", f"max_page_count = {NO_LIMIT}")

    def read_only(self) -> AbstractContextManager[None]:
        """From some statement on nothing can be written any more."""
        return self._from_a_statement_on("query_only = ON", "query_only = OFF")

    @contextmanager
    def _from_a_statement_on(self, setting: str, usual: str) -> Iterator[None]:
        left = self.random.randrange(MOST_STATEMENTS)
        set_on: list[sqlite3.Connection] = []

        def before(connection: Connection, *_: object) -> None:
            nonlocal left
            left -= 1
            driver: Any = connection.connection.driver_connection
            if left < 0 and not set_on:
                set_on.append(driver)
                driver.execute(f"PRAGMA {setting}")

        event.listen(self.database.writer, "before_cursor_execute", before)
        try:
            yield
        finally:
            event.remove(self.database.writer, "before_cursor_execute", before)
            for driver in set_on:
                driver.execute(f"PRAGMA {usual}")


FAULTS: Mapping[str, Callable[[Disk], AbstractContextManager[None]]] = {
    "F12 busy": Disk.busy,
    "F12 a write fails": Disk.write_fails,
    "F12 full": Disk.full,
    "F12 read-only": Disk.read_only,
}
