"""Connections to SQLite and PostgreSQL: a commit is durable, a read consistent."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from bot.billing.account import Account
from bot.billing.subscription import AccountName
from bot.ports.record import NOWHERE, Origin
from storage.clock import DatabaseClock
from storage.errors import DatabaseUnknown, SchemaNewer, SchemaOlder
from storage.store import SqlStore
from storage.tables import SCHEMA
from storage.work import told

EMPTY = "0000"
"""The revision of a database that was never migrated."""

PATIENCE, LOOK_AGAIN = 10.0, 0.002
"""Seconds that a writer of SQLite waits for another, and between two looks."""

_SETTINGS = (
    "PRAGMA busy_timeout = 10000",  # milliseconds; before WAL, which itself may have to wait
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL loses the last commits at a power cut
    "PRAGMA foreign_keys = ON",
    # Pages of the log beyond which a commit writes it back, and so takes longer. An import writes
    # it back itself, between its transactions, so that nobody else's commit has to.
    "PRAGMA wal_autocheckpoint = 8000",
    # KiB for each of some twenty connections; the system keeps what is read of the file anyhow.
    "PRAGMA cache_size = -1000",
)


# A generic plan knows no values: it passes partial indexes by and compares long lists one by one.
# What is recorded as intended must be on the disk, whatever the server does for others.
_OPTIONS = "-c timezone=UTC -c plan_cache_mode=force_custom_plan -c synchronous_commit=on"

IDLE_SECONDS = 20
"""For so long a change may stand still on PostgreSQL, which then takes it back.

Whoever is frozen, or loses power, in the middle of one would keep the locks that every other
replica waits for, and their messages with it. Reading holds up nobody, and a page of a list may be
looked at for long.
"""

# A server that is gone without a word is noticed after 25 seconds, not after the system's hours.
_CONNECTING: Mapping[str, object] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One database, shared by the stores of its workspaces and by the clock.

    The clock is asked several times for each message, so it has connections of its own that cost
    one round trip.
    """

    reader: Engine
    writer: Engine
    timer: Engine

    def store(
        self,
        *,
        team_id: str,
        accounts: Mapping[AccountName, Account],
        audit_key: bytes,
        origin: Origin = NOWHERE,
    ) -> SqlStore:
        """The store of a workspace, which is entered if it is new.

        Anchors of an account whose settings changed since are derived again. `origin` is what the
        record says of lines that this process writes by itself.
        """
        store = SqlStore(
            reader=self.reader,
            writer=self.writer,
            timer=self.timer,
            team_id=team_id,
            accounts=accounts,
            audit_key=audit_key,
            origin=origin,
        )
        store.settle_accounts(at=self.clock().now())
        return store

    def clock(self) -> DatabaseClock:
        """The time of this database plus its persisted offset."""
        return DatabaseClock(self.timer)

    def schema(self) -> str:
        """The revision it is at; `0000` when it was never migrated."""
        with told(writing=False), self.reader.connect() as connection:
            return revision(connection)

    def check_schema(self) -> None:
        """Raise SchemaOlder or SchemaNewer when this code cannot use it."""
        current = self.schema()
        if current < SCHEMA:
            raise SchemaOlder(current=current, needed=SCHEMA)
        if current > SCHEMA:
            raise SchemaNewer(current=current)

    def dispose(self) -> None:
        """Close every connection that is not in use."""
        for engine in (self.reader, self.writer, self.timer):
            engine.dispose()


def open_database(url: str) -> Database:
    """Open a migrated database by its SQLAlchemy URL.

    Raises DatabaseUnknown, DatabaseAway, SchemaOlder or SchemaNewer.
    """
    where = parse(url)
    if (file := sqlite_file(where)) is not None and not file.exists():
        raise SchemaOlder(current=EMPTY, needed=SCHEMA)  # connecting would leave an empty file
    database = engines(where)
    try:
        database.check_schema()
    except BaseException:
        database.dispose()
        raise
    return database


def open_store(
    url: str, *, team_id: str, accounts: Mapping[AccountName, Account], audit_key: bytes
) -> SqlStore:
    """Open the store of one workspace; raises as `open_database` does."""
    return open_database(url).store(team_id=team_id, accounts=accounts, audit_key=audit_key)


def parse(url: str) -> URL:
    """Read a database URL; raises DatabaseUnknown for what Lapse does not speak."""
    try:
        where = make_url(url)
        known = where.get_dialect().name in {"sqlite", "postgresql"}
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise DatabaseUnknown from error
    if not known or (where.get_backend_name() == "sqlite" and sqlite_file(where) is None):
        raise DatabaseUnknown
    if where.drivername == "postgresql":
        return where.set(drivername="postgresql+psycopg")
    return where


def sqlite_file(where: URL) -> Path | None:
    """The file of a SQLite URL; None for PostgreSQL and for a database in memory."""
    if where.get_backend_name() != "sqlite" or where.database in {None, "", ":memory:"}:
        return None
    return Path(where.database or "")


def engines(where: URL) -> Database:
    """Engines that connect when they are first used."""
    if where.get_backend_name() == "sqlite":
        reader, writer = _sqlite(where, writing=False), _sqlite(where, writing=True)
        return Database(reader=reader, writer=writer, timer=writer)
    idle = f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
    writer = _postgresql(where, options=f"{_OPTIONS} {idle}", level="READ COMMITTED")
    reader = _postgresql(where, options=_OPTIONS, level="REPEATABLE READ")
    timer = create_engine(
        where,
        pool_size=5,
        max_overflow=25,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        connect_args=dict(_CONNECTING),
    )
    return Database(
        reader=reader.execution_options(postgresql_readonly=True), writer=writer, timer=timer
    )


def revision(connection: Connection) -> str:
    """The schema revision that a database is at, `0000` without one."""
    dialect = connection.dialect
    if not dialect.has_table(connection, "alembic_version"):
        return EMPTY
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or EMPTY


def _postgresql(where: URL, *, options: str, level: IsolationLevel) -> Engine:
    return create_engine(
        where,
        pool_size=10,
        max_overflow=20,
        pool_pre_ping=True,  # a restarted server costs one reconnection, not an error
        isolation_level=level,
        connect_args={**_CONNECTING, "options": options},
    )


def _sqlite(where: URL, *, writing: bool) -> Engine:
    # The connection that was used last has what is read in its cache; others need none.
    engine = create_engine(where, pool_size=10, max_overflow=20, pool_use_lifo=True)

    # The driver would otherwise begin by itself, deferred, and only before a change.
    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        for setting in _SETTINGS:
            connection.execute(setting)
        if not writing:
            connection.execute("PRAGMA query_only = ON")

        if writing:
            connection.execute("PRAGMA busy_timeout = 0")  # `_take_turn` waits instead

    @event.listens_for(engine, "begin")
    def begin_so(connection: Connection) -> None:
        if writing:
            _take_turn(connection.connection.driver_connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _take_turn(connection: Any) -> None:
    """Begin to write as soon as nobody else does; sqlite3.OperationalError after ten seconds.

    SQLite's own waiting looks ever more rarely, up to each tenth of a second, so that whoever
    writes one transaction after the other is hardly ever interrupted.
    """
    deadline = monotonic() + PATIENCE
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(LOOK_AGAIN)
        else:
            return
