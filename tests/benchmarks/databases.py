"""Databases to measure on: SQLite files and a PostgreSQL server, both as durable as in earnest."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

from storage.migrate import migrate
from tests.conftest import _administer, _as, _free_port, _postgres_programs

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
    programs = _postgres_programs()
    home = Path(tempfile.mkdtemp(prefix="lapse-bench-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(home, user)
    data, port, numbers = home / "data", _free_port(), count()
    server = f"postgresql+psycopg://postgres@127.0.0.1:{port}"

    def new() -> str:
        name = f"lapse_{next(numbers)}"
        _administer(server, f"CREATE DATABASE {name} TEMPLATE template0")
        migrate(f"{server}/{name}")
        return f"{server}/{name}"

    try:
        _as(user, programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8")
        listening = f"-p {port} -h 127.0.0.1 -c unix_socket_directories="
        _as(
            user,
            programs / "pg_ctl",
            "-D",
            data,
            "-l",
            home / "log",
            "-w",
            "-o",
            listening,
            "start",
        )
        try:
            yield new
        finally:
            _as(user, programs / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(home)


KINDS: dict[str, Callable[[], AbstractContextManager[NewDatabase]]] = {
    "SQLite": sqlite,
    "PostgreSQL": postgresql,
}
