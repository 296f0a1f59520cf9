"""Databases in memory-backed files, one a run, made from one migrated template."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from storage.engine import open_database
from storage.migrate import migrate
from storage.store import SqlStore
from tests.conftest import AUDIT_KEY
from tests.proof.world import ACCOUNT, Disk

Stage = tuple[SqlStore, Disk]

FAST = Path("/dev/shm")


@contextmanager
def template() -> Iterator[Path]:
    """A migrated database file to copy."""
    where = FAST if FAST.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as directory:
        file = Path(directory) / "template.db"
        migrate(f"sqlite:///{file}")
        yield file


@contextmanager
def stage_from(file: Path, name: str) -> Iterator[Stage]:
    """A store of its own on a copy of the template, and the disk that it stands on."""
    copy = file.with_name(f"{name}.db")
    shutil.copyfile(file, copy)
    database = open_database(f"sqlite:///{copy}")
    try:
        accounts = {ACCOUNT.name: ACCOUNT}
        store = database.store(team_id="default", accounts=accounts, audit_key=AUDIT_KEY)
        yield store, Disk(database, copy)
    finally:
        database.dispose()
        for left in copy.parent.glob(f"{copy.name}*"):
            left.unlink()


@pytest.fixture(scope="session")
def stage() -> Iterator[Callable[[str], AbstractContextManager[Stage]]]:
    """Opens a stage of its own by name."""
    with template() as file:
        yield lambda name: stage_from(file, name)
