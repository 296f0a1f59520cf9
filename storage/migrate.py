"""Bringing a database to the newest schema, from any number of processes at once."""

from pathlib import Path

from sqlalchemy import Connection, text

from storage.engine import EMPTY, engines, parse, revision, sqlite_file
from storage.errors import SchemaNewer
from storage.tables import SCHEMA
from storage.work import told

_LOCK = 5_021_764
"""Names the advisory lock of migrations; any number that other programs do not use."""


def migrate(url: str) -> str:
    """Bring a database to the newest schema and return the revision it was at before.

    All or nothing: SQLite and PostgreSQL both roll back changes of tables. Whoever comes second
    waits, then finds nothing to do. Raises DatabaseUnknown, DatabaseAway or SchemaNewer.
    """
    database = engines(parse(url))
    try:
        with told(writing=True), database.writer.begin() as connection:  # SQLite: its only writer
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            before = revision(connection)
            if before > SCHEMA:
                raise SchemaNewer(current=before)
            if before < SCHEMA:
                _upgrade(connection)
        return before
    finally:
        database.dispose()


def current(url: str) -> str:
    """The revision a database is at, `0000` for one that was never migrated or does not exist."""
    where = parse(url)
    if (file := sqlite_file(where)) is not None and not file.exists():
        return EMPTY
    database = engines(where)
    try:
        return database.schema()
    finally:
        database.dispose()


def needed() -> str:
    """The revision that this Lapse reads and writes."""
    return SCHEMA


def _upgrade(connection: Connection) -> None:
    # Alembic is slow to load, and a database is at its newest schema nearly always.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
