"""Where a life takes place: a store of its own workspace, and the disk under it.

On SQLite all lives share one file; while commits are not made durable each has a file of its own,
since a power cut then puts it back to what it was. On the model a life has tables of its own.
"""

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from bot.billing.account import Account
from bot.billing.subscription import AccountName
from bot.facts.messages import Message, Timing
from bot.ports.store import Store
from handlers import messenger
from handlers.blocks.pieces import Content
from storage import engine
from storage.engine import Database, open_database
from storage.migrate import migrate
from storage.store import SqlStore
from tests.conftest import AUDIT_KEY
from tests.factories import account
from tests.proof.memory import MemoryStore

FAST = Path("/dev/shm")
ACCOUNT = account()
ACCOUNTS: Mapping[AccountName, Account] = {ACCOUNT.name: ACCOUNT}
LOST_COMMITS = 2
"""How many of the last commits a power cut takes where they were not made durable."""


class Disk(Protocol):
    """What a power cut leaves: everything that was made durable."""

    def committed(self) -> None:
        """A commit returned."""

    def cut(self) -> None:
        """The power goes and comes back."""


Stage = tuple[Store, Disk]
Open = Callable[[], AbstractContextManager[Stage]]


def durable() -> bool:
    """Whether the product has its commits on the disk before they return."""
    return any("= FULL" in setting for setting in engine._SETTINGS)


class SafeDisk:
    """A disk that keeps every commit."""

    def committed(self) -> None:
        """Nothing is to be remembered."""

    def cut(self) -> None:
        """Nothing is lost."""


class LossyDisk:
    """A disk that loses the last commits; an image is whatever `read` returns."""

    def __init__(self, read: Callable[[], Any], put_back: Callable[[Any], None]) -> None:
        self._read = read
        self._put_back = put_back
        self._images: list[Any] = []

    def committed(self) -> None:
        """Remember what was before the last commits."""
        self._images = [*self._images[-LOST_COMMITS:], self._read()]

    def cut(self) -> None:
        """Put back the oldest that is remembered."""
        if len(self._images) > LOST_COMMITS:
            self._put_back(self._images[0])
            self._images = self._images[:1]


@contextmanager
def on_model() -> Iterator[Open]:
    """Opens stages on the model of the store.

    Messages have no words there: these cost a fifth of a life, and no promise hangs on them.
    """

    @contextmanager
    def opened() -> Iterator[Stage]:
        store = MemoryStore(ACCOUNTS)
        lossy = LossyDisk(lambda: store.committed, store.restore)
        with patch.object(messenger, "content", _timing_alone):
            yield store, SafeDisk() if durable() else lossy

    yield opened


@contextmanager
def on_sqlite() -> Iterator[Open]:
    """Opens stages in SQLite files, in memory where the machine has such a place."""
    numbers = count()
    with tempfile.TemporaryDirectory(dir=FAST if FAST.is_dir() else None) as directory:
        template = Path(directory) / "template.db"
        migrate(f"sqlite:///{template}")
        shared = open_database(f"sqlite:///{shutil.copyfile(template, template.with_name('s.db'))}")

        @contextmanager
        def opened() -> Iterator[Stage]:
            number = next(numbers)
            if durable():
                yield _store(shared, f"T{number}"), SafeDisk()
                return
            own = Path(shutil.copyfile(template, template.with_name(f"own-{number}.db")))
            alone = open_database(f"sqlite:///{own}")
            yield _store(alone, f"T{number}"), LossyDisk(*_file(alone, own))
            alone.dispose()

        yield opened
        shared.dispose()


@contextmanager
def on_database(url: str) -> Iterator[Open]:
    """Opens stages in a database that is migrated and keeps every commit."""
    shared = open_database(url)
    teams = (f"T{uuid.uuid4().hex[:12]}" for _ in count())

    @contextmanager
    def opened() -> Iterator[Stage]:
        yield _store(shared, next(teams)), SafeDisk()

    yield opened
    shared.dispose()


STAGES: Mapping[str, Callable[[], AbstractContextManager[Open]]] = {
    "model": on_model,
    "sqlite": on_sqlite,
}


def _timing_alone(message: Message) -> Content:
    """What a message says of the time, which is all that is read of it."""
    missed = getattr(message, "timing", None) is Timing.MISSED
    return Content(text="Missed: " if missed else "", blocks=[])


def _store(database: Database, team: str) -> SqlStore:
    return database.store(team_id=team, accounts=ACCOUNTS, audit_key=AUDIT_KEY)


def _file(database: Database, file: Path) -> tuple[Callable[[], bytes], Callable[[bytes], None]]:
    def read() -> bytes:
        connection = database.writer.raw_connection()  # outside of any transaction
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return file.read_bytes()

    def put_back(image: bytes) -> None:
        database.dispose()
        for left in file.parent.glob(f"{file.name}-*"):
            left.unlink()
        file.write_bytes(image)

    return read, put_back
