"""The Clock port: the database's time plus one persisted offset."""

from datetime import datetime, timedelta

import psycopg
from sqlalchemy import Engine

from storage.types import MICROSECOND, instant, microseconds
from storage.work import told

_OFFSET = "coalesce((SELECT \"offset\" FROM clock WHERE team_id = ''), 0)"

# SQLite runs in the machine and asks its clock, in whole milliseconds.
_MACHINE = {
    "sqlite": "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
}
_ADVANCE = {
    "sqlite": "INSERT INTO clock (team_id, \"offset\") VALUES ('', max(0, {by}))"
    ' ON CONFLICT (team_id) DO UPDATE SET "offset" = max("offset", {new})',
    "postgresql": "INSERT INTO clock (team_id, \"offset\") VALUES ('', greatest(0, {by}))"
    ' ON CONFLICT (team_id) DO UPDATE SET "offset" = greatest(clock."offset", {new})',
}


class DatabaseClock:
    """What every replica of a database agrees on as now.

    The offset is read with the time in one query, never remembered: it may be moved by another
    process at any moment.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._machine = _MACHINE[engine.dialect.name]
        self._now = f"SELECT {self._machine} + {_OFFSET}"

    def now(self) -> datetime:
        """The current instant, aware, in UTC. Raises DatabaseAway."""
        return instant(self._scalar(self._now))

    def unmoved(self) -> datetime:
        """The database's own time, whatever the offset. Raises DatabaseAway."""
        return instant(self._scalar(f"SELECT {self._machine}"))

    def advance(self, by: timedelta) -> datetime:
        """Move forward for every replica at once; returns the new now. ValueError for backwards."""
        if by < timedelta(0):
            raise ValueError("the clock only moves forward")
        step = by // MICROSECOND
        self._move(by=str(step), new=f'clock."offset" + {step}')
        return self.now()

    def advance_to(self, target: datetime) -> datetime:
        """Move forward to an instant, unless it is past already; returns the new now."""
        offset = f"{microseconds(target)} - {self._machine}"
        self._move(by=offset, new=offset)
        return self.now()

    def _move(self, *, by: str, new: str) -> None:
        statement = _ADVANCE[self._engine.dialect.name].format(by=by, new=new)
        with told(writing=True), self._engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def _scalar(self, statement: str) -> int:
        with told(writing=False):
            try:
                return self._ask(statement)
            except psycopg.OperationalError:
                self._engine.dispose()  # the server was restarted, which the others do not know yet
                return self._ask(statement)

    def _ask(self, statement: str) -> int:
        # Below SQLAlchemy's transactions: an own one would wait for SQLite's single writer.
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            [value] = cursor.fetchone() or (0,)
            cursor.close()
            return int(value)
        except psycopg.OperationalError:
            connection.invalidate()
            raise
        finally:
            connection.close()
