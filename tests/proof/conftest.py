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
from tests.proof.world import ACCOUNT

FAST = Path("/dev/shm")  # noqa: S108 - where a commit costs no disk; a run never needs the disk


@contextmanager
def template() -> Iterator[Path]:
    """A migrated database file to copy."""
    where = FAST if FAST.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as directory:
        file = Path(directory) / "template.db"
        migrate(f"sqlite:///{file}")
        yield file


@contextmanager
def store_from(file: Path, name: str) -> Iterator[SqlStore]:
    """A store of its own on a copy of the template."""
    copy = file.with_name(f"{name}.db")
    shutil.copyfile(file, copy)
    database = open_database(f"sqlite:///{copy}")
    try:
        yield database.store(
            team_id="default", accounts={ACCOUNT.name: ACCOUNT}, audit_key=AUDIT_KEY
        )
    finally:
        database.dispose()
        for left in copy.parent.glob(f"{copy.name}*"):
            left.unlink()


@pytest.fixture(scope="session")
def fresh_store() -> Iterator[Callable[[str], AbstractContextManager[SqlStore]]]:
    """Opens a store of its own by name."""
    with template() as file:
        yield lambda name: store_from(file, name)
