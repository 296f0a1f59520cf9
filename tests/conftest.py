"""What every test may ask for: a store, a clock, a browser; and no network but loopback."""

import ipaddress
import os
import shutil
import socket
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from bot.billing.account import Account, Site
from bot.billing.subscription import AccountName
from bot.ports.store import Store
from storage import Database, open_database
from storage.migrate import migrate
from storage.store import SqlStore
from storage.tables import metadata
from tests.clocks import SettableClock
from tests.factories import NOW, account
from tests.postgres import NotInstalled, PostgresServer, administer
from tests.proof.memory import MemoryStore

# How long an example takes says something of the machine, not of the rule; CI tries the same ones.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.getenv("CI") else "local")

TEAM = "T0LAPSE"
AUDIT_KEY = b"a key of the tests"
ACCOUNTS: Mapping[AccountName, Account] = {
    each.name: each
    for each in (
        account("default"),
        account("prod"),
        account("staging"),
        account("cn", site=Site.CN),
    )
}


WAITING = ("test_torture", "test_surviving", "test_executions")
"""They wait for real processes more than they compute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that in the end no process waits for another's."""
    items.sort(key=lambda item: item.path.stem not in WAITING)


class NetworkUsed(RuntimeError):
    """A test tried to reach something that is not on this machine."""


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Sockets reach this machine alone; names of others are not looked up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        look_up = socket.getaddrinfo

        def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
            _demand_loopback(host)
            return look_up(host, *args, **kwargs)

        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands at Mon 23 Nov 2026, 10:12 GMT+08:00."""
    return SettableClock(NOW)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser's program; it needs `--no-sandbox` when run as root."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise missing("Chromium is not installed; get it with `apt-get install chromium`.")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of the newest schema, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite file of this test's own."""
    file = shutil.copy(migrated_file, tmp_path / "lapse.db")
    return f"sqlite:///{file}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """That file, opened."""
    yield from _opened(database_url)


@pytest.fixture
def store(database: Database) -> SqlStore:
    """The store of one workspace in that file, with accounts default, prod, staging and cn."""
    return database.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=AUDIT_KEY)


ONLY_POSTGRESQL = [pytest.param("postgresql", marks=pytest.mark.postgres)]
BOTH = ["sqlite", *ONLY_POSTGRESQL]
MODEL = "model"
AND_MODEL = [*BOTH, MODEL]
"""With the model of the store that the simulation runs on, for what it implements."""


@pytest.fixture(params=BOTH)
def any_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database that is empty, once of each kind."""
    return migrated_url(request)


@pytest.fixture
def any_database(any_url: str) -> Iterator[Database]:
    """That database, opened."""
    yield from _opened(any_url)


@pytest.fixture
def any_store(any_url: str, request: pytest.FixtureRequest) -> Store:
    """The store of one workspace, once on each kind of database."""
    if any_url == MODEL:
        return MemoryStore(ACCOUNTS)
    database: Database = request.getfixturevalue("any_database")
    return database.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=AUDIT_KEY)


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that was never migrated, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: str = request.getfixturevalue("postgres")
    name = f"empty_{uuid.uuid4().hex[:12]}"
    administer(server, f"CREATE DATABASE {name} TEMPLATE template0")
    yield f"{server}/{name}"
    administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def migrated_url(request: pytest.FixtureRequest) -> str:
    """The database that a fixture's parameter names: a file, or the server's one, emptied."""
    if request.param == MODEL:
        return MODEL
    if request.param == "sqlite":
        url: str = request.getfixturevalue("database_url")
        return url
    server: str = request.getfixturevalue("postgres")
    _empty(server, "lapse")
    return f"{server}/lapse"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL, without a database, of a PostgreSQL server on loopback that forgets everything."""
    try:
        server = PostgresServer()
    except NotInstalled as absent:
        raise missing(str(absent)) from None
    try:
        server.start()
        administer(server.url, "CREATE DATABASE lapse TEMPLATE template0")
        migrate(f"{server.url}/lapse")
        yield server.url
    finally:
        server.close()


def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.dispose()


def _empty(server: str, name: str) -> None:
    """Delete every row, as a new copy of a database would take a hundred times as long."""
    tables = [table.name for table in reversed(metadata.sorted_tables)]
    administer(
        server,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{name}' AND pid <> pg_backend_pid()",
        "ALTER TABLE audit DISABLE TRIGGER USER",
        *(f'DELETE FROM "{table}"' for table in tables),
        "ALTER TABLE audit ENABLE TRIGGER USER",
        database=name,
    )


def missing(sentence: str) -> BaseException:
    if os.getenv("CI") == "true":
        return pytest.fail.Exception(sentence, pytrace=False)
    return pytest.skip.Exception(sentence)


def _guarded(original: Any) -> Any:
    def method(self: socket.socket, *args: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _demand_loopback(args[-1][0])
        return original(self, *args)

    return method


def _demand_loopback(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return
    try:
        if ipaddress.ip_address(name).is_loopback or ipaddress.ip_address(name).is_unspecified:
            return
    except ValueError:
        pass
    raise NetworkUsed(f"tests reach this machine alone, not {name}")
