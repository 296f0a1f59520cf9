"""One open transaction of one workspace, and how its trouble is told."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    and_,
    any_,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql.elements import ColumnElement

from bot.ports.store import ChangedMeanwhile
from storage.errors import DatabaseAway
from storage.tables import generations

_SQLITE_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
_RACES = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


FIRST = 1
"""The generation of what was put before anything was imported in bulk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Which versions a transaction sees, and which are being written beside them, if any."""

    visible: int = FIRST
    pending: int | None = None


@dataclass(slots=True, kw_only=True)
class Work:
    """A connection inside a transaction, for one workspace, to read or to write."""

    connection: Connection
    team_id: str
    writing: bool
    _generation: Generation | None = field(default=None, init=False)

    @property
    def generation(self) -> Generation:
        """The same for the whole transaction: whoever would flip it waits for those that write."""
        if self._generation is None:
            query = select(generations.c.visible, generations.c.pending).where(
                generations.c.team_id == self.team_id
            )
            row = self.connection.execute(
                query.with_for_update(read=True) if self.writing else query
            ).one_or_none()
            self._generation = (
                Generation(visible=row.visible, pending=row.pending) if row else (Generation())
            )
        return self._generation

    def keep_generation(self) -> None:
        """Have whoever would flip it wait from now on, where this transaction writes."""
        self._generation = self.generation

    def shown(self, table: Table, generation: int | None = None) -> ColumnElement[bool]:
        """The versions of this workspace that are seen, or will be in another generation."""
        seen = self.generation.visible if generation is None else generation
        row = table.c
        return and_(
            row.team_id == self.team_id,
            row.generation <= seen,
            or_(row.replaced_in.is_(None), row.replaced_in > seen),
        )

    @property
    def others_commit(self) -> bool:
        """Whether each statement of this transaction sees what others committed before it."""
        return self.writing and self.on_postgres

    @property
    def on_postgres(self) -> bool:
        """Whether several writers may be at work beside this one."""
        return self.connection.dialect.name == "postgresql"

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """An INSERT that can say ON CONFLICT."""
        return insert_into(table, on_postgres=self.on_postgres)


def insert_into(table: Table, *, on_postgres: bool) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say ON CONFLICT; both databases spell it alike."""
    return postgresql.insert(table) if on_postgres else sqlite.insert(table)


def one_of(
    column: ColumnElement[Any], found: Select[Any], *, on_postgres: bool
) -> ColumnElement[bool]:
    """Whether a column is one of the few values that a subquery finds first.

    PostgreSQL would join with the whole table instead where it has no statistics yet.
    """
    if on_postgres:
        return column == any_(func.array(found.scalar_subquery()))
    return column.in_(found)


def picked(row: Row[Any], names: Iterable[str]) -> dict[str, Any]:
    """Some columns of a row by name."""
    columns = row._mapping  # noqa: SLF001 - public: the underscore keeps column names free
    return {name: columns[name] for name in names}


def among(
    first: ColumnElement[Any], second: ColumnElement[Any], pairs: Iterable[tuple[str, str]]
) -> ColumnElement[bool]:
    """Whether two columns are one of the pairs: an indexed list for each value of the first.

    A list of pairs, which SQL has too, is compared one by one by PostgreSQL. SQLite does not look
    alternatives up beside another condition, so that it also gets all values without their pairs.
    """
    by_first: defaultdict[str, list[str]] = defaultdict(list)
    for one, other in pairs:
        by_first[one].append(other)
    paired = or_(
        false(), *(and_(first == one, second.in_(others)) for one, others in by_first.items())
    )
    if len(by_first) < 2:
        return paired
    seconds = {other for others in by_first.values() for other in others}
    return and_(first.in_(sorted(by_first)), second.in_(sorted(seconds)), paired)


@contextmanager
def told(*, writing: bool) -> Iterator[None]:
    """Turn a lost race into ChangedMeanwhile and an absent database into DatabaseAway."""
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeout as error:
        raise DatabaseAway from error
    except DBAPIError as error:
        if isinstance(error.orig, _RACES):
            raise ChangedMeanwhile from error
        if error.connection_invalidated or is_away(error.orig, writing=writing):
            raise DatabaseAway from error
        raise
    except (sqlite3.Error, psycopg.Error) as error:
        if is_away(error, writing=writing):
            raise DatabaseAway from error
        raise


def is_away(error: BaseException | None, *, writing: bool) -> bool:
    """Whether the database, not the statement, is what went wrong."""
    if isinstance(error, psycopg.errors.OperationalError | psycopg.errors.InterfaceError):
        return True
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return writing  # a standby that only reads
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    primary = code & 0xFF
    return primary in _SQLITE_AWAY and (writing or primary != sqlite3.SQLITE_READONLY)
