"""Databases for trials: copies of a prepared one, as files or on a server of their own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from storage.migrate import migrate
from tests.postgres import PostgresServer, administer
from tests.proof.stages import FAST

PREPARED, TRIAL = "prepared", "trial"


class Databases(Protocol):
    """One that is prepared once, and copies of it; nobody may be connected to what is copied."""

    prepared: str
    """The URL of a migrated database that nothing stands in yet."""

    def copy(self) -> AbstractContextManager[str]:
        """The URL of a copy, gone afterwards."""


class Files:
    """SQLite's, in memory where the machine has such a place."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / f"{PREPARED}.db"
        self.prepared = f"sqlite:///{self._file}"

    @contextmanager
    def copy(self) -> Iterator[str]:
        file = Path(shutil.copyfile(self._file, self._file.with_name(f"{TRIAL}.db")))
        try:
            yield f"sqlite:///{file}"
        finally:
            for left in file.parent.glob(f"{file.name}*"):
                left.unlink()


class OnServer:
    """PostgreSQL's."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.prepared = f"{server}/{PREPARED}"
        administer(server, f"CREATE DATABASE {PREPARED} TEMPLATE template0")

    @contextmanager
    def copy(self) -> Iterator[str]:
        administer(
            self._server,
            f"CREATE DATABASE {TRIAL} TEMPLATE {PREPARED} STRATEGY file_copy",
        )
        try:
            yield f"{self._server}/{TRIAL}"
        finally:
            administer(self._server, f"DROP DATABASE {TRIAL} WITH (FORCE)")


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=FAST if FAST.is_dir() else None) as directory:
        yield Path(directory)


@contextmanager
def on_sqlite() -> Iterator[Databases]:
    """Files in a directory of their own."""
    with scratch() as directory:
        files = Files(directory)
        migrate(files.prepared)
        yield files


@contextmanager
def on_postgres() -> Iterator[Databases]:
    """Databases of a server that loses nothing when a process dies."""
    server = PostgresServer(lasting=True)
    try:
        server.start()
        databases = OnServer(server.url)
        migrate(databases.prepared)
        yield databases
    finally:
        server.close()
