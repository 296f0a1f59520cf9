"""The workspace's memory on disk: one SQLite file that survives a kill at any moment."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

FILE_NAME: Final = "local-slack.db"


class Entry(NamedTuple):
    """One thing to keep under its kind and key; a value of None forgets it."""

    kind: str
    key: str
    value: Any


class Book:
    """Keeps JSON values by kind and key; every write is committed before it returns.

    Not thread-safe by itself: the workspace's lock is held around every call.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / FILE_NAME
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # with WAL a killed process loses nothing; only a power cut could take the last seconds
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS kept"
            " (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key))"
            " WITHOUT ROWID"
        )

    def all(self, kind: str) -> dict[str, Any]:
        """Everything of one kind, ordered by key."""
        rows = self._connection.execute(
            "SELECT key, value FROM kept WHERE kind = ? ORDER BY key", (kind,)
        )
        return {key: json.loads(value) for key, value in rows}

    def write(self, entries: Iterable[Entry]) -> None:
        """Keep or forget the entries in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for entry in entries:
                self._put(entry)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _put(self, entry: Entry) -> None:
        if entry.value is None:
            self._connection.execute(
                "DELETE FROM kept WHERE kind = ? AND key = ?", (entry.kind, entry.key)
            )
            return
        text = json.dumps(entry.value, ensure_ascii=False, separators=(",", ":"))
        self._connection.execute(
            "INSERT INTO kept (kind, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
            (entry.kind, entry.key, text),
        )

    def clear(self, *, but: tuple[str, ...]) -> None:
        """Forget everything except the kinds named."""
        marks = ", ".join("?" for _ in but)
        self._connection.execute(f"DELETE FROM kept WHERE kind NOT IN ({marks})", but)  # noqa: S608 - only question marks are joined

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
