"""Databases to measure on: SQLite files and a PostgreSQL server, both as durable as in earnest."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

from storage.migrate import migrate
from tests.postgres import PostgresServer, administer

NewDatabase = Callable[[], str]
"""The URL of another database, migrated and empty."""


@contextmanager
def sqlite() -> Iterator[NewDatabase]:
    """New files on the disk: a file system in memory has no `fsync` to pay for."""
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as directory:
        numbers = count()

        def new() -> str:
            url = f"sqlite:///{Path(directory) / f'lapse-{next(numbers)}.db'}"
            migrate(url)
            return url

        yield new


@contextmanager
def postgresql() -> Iterator[NewDatabase]:
    """New databases in a server of its own on loopback, with the settings it is shipped with."""
    server, numbers = PostgresServer(as_shipped=True), count()

    def new() -> str:
        name = f"lapse_{next(numbers)}"
        administer(server.url, f"CREATE DATABASE {name} TEMPLATE template0")
        migrate(f"{server.url}/{name}")
        return f"{server.url}/{name}"

    try:
        server.start()
        yield new
    finally:
        server.close()


KINDS: dict[str, Callable[[], AbstractContextManager[NewDatabase]]] = {
    "SQLite": sqlite,
    "PostgreSQL": postgresql,
}
