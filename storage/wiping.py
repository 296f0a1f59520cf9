"""Wiping: what was erased leaves the files of the database, too.

A row that is deleted or changed leaves bytes in SQLite's log, and in its file those of every place
where it lay before. PostgreSQL's server keeps its files itself.
"""

from contextlib import closing

from sqlalchemy import Engine

from bot.ports.record import Remains
from storage.errors import DatabaseAway
from storage.work import told

PATIENCE = 10_000
"""Milliseconds to wait until nobody writes, and then until nobody reads an older moment."""


def wipe(writer: Engine) -> Remains:
    """Write SQLite's file anew, of what is there alone, and empty its log."""
    if writer.dialect.name != "sqlite":
        return Remains.SERVER
    try:
        with told(writing=True), closing(writer.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {PATIENCE}")
            try:
                cursor.execute("VACUUM")
                [[busy, *_]] = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                cursor.execute("PRAGMA busy_timeout = 0")
    except DatabaseAway:
        return Remains.FILES
    return Remains.FILES if busy else Remains.NOWHERE
