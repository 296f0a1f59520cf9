"""Databases in memory-backed files: one for all lives, or one a life where the disk may lie."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

import pytest

from storage import engine
from storage.engine import Database, open_database
from storage.migrate import migrate
from storage.store import SqlStore
from tests.conftest import AUDIT_KEY
from tests.proof.world import ACCOUNT, Disk

FAST = Path("/dev/shm")

Stage = tuple[SqlStore, Disk]
Open = Callable[[], AbstractContextManager[Stage]]


@contextmanager
def stages() -> Iterator[Open]:
    """Opens a stage for a life: a workspace of its own in one database.

    While commits are not made durable it is a database of its own, since a power cut then puts the
    file back to what it was.
    """
    where = FAST if FAST.is_dir() else None
    numbers = count()
    with tempfile.TemporaryDirectory(dir=where) as directory:
        template = Path(directory) / "template.db"
        migrate(f"sqlite:///{template}")
        shared = Path(directory) / "shared.db"
        shutil.copyfile(template, shared)
        database = open_database(f"sqlite:///{shared}")

        @contextmanager
        def opened() -> Iterator[Stage]:
            number = next(numbers)
            if any("= FULL" in setting for setting in engine._SETTINGS):
                yield _store(database, f"T{number}"), Disk(database, shared)
                return
            own = shared.with_name(f"own-{number}.db")
            shutil.copyfile(template, own)
            alone = open_database(f"sqlite:///{own}")
            yield _store(alone, f"T{number}"), Disk(alone, own)
            alone.dispose()

        yield opened
        database.dispose()


def _store(database: Database, team: str) -> SqlStore:
    accounts = {ACCOUNT.name: ACCOUNT}
    return database.store(team_id=team, accounts=accounts, audit_key=AUDIT_KEY)


@pytest.fixture(scope="session")
def stage() -> Iterator[Open]:
    """Opens a stage for each life."""
    with stages() as opened:
        yield opened
