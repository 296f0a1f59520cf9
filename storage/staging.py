"""Staging: subscriptions on their way into the catalogue, in a file that has no name.

SQLite's own temporary database: it lies on disk, and nothing is left of it however the process
ends.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bot.billing.subscription import AccountName, SubscriptionKey
from bot.facts.records import digest_of
from bot.ports.takeover import Outcome, StagedRow
from storage.errors import NoRoomToStage

_BATCH = 2000
_SETTINGS = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -16000",  # KiB
)
_TABLES = (
    (
        "CREATE TABLE staged (number INTEGER PRIMARY KEY, line INTEGER, account TEXT, id TEXT,"
        " digest BLOB, record TEXT)"
    ),
    "CREATE TABLE merged (number INTEGER PRIMARY KEY, record TEXT)",
    "CREATE TABLE lost (account TEXT, id TEXT, PRIMARY KEY (account, id)) WITHOUT ROWID",
)


@contextmanager
def _told() -> Iterator[None]:
    """Turn a disk that is full, and one that cannot be written, into NoRoomToStage."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise NoRoomToStage(str(error)) from error


class _File:
    """The temporary database; what is wrong with its disk is told as such."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        with _told():
            return self._connection.execute(statement, values)

    def insert(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Insert many rows, in a transaction of their own."""
        with _told():
            self._connection.execute("BEGIN")
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")


class DiskStaging:
    """The Staging port on a temporary database; any of it raises NoRoomToStage."""

    def __init__(self) -> None:
        self._file = _File()
        for statement in (*_SETTINGS, *_TABLES):
            self._file.execute(statement)
        self._batch: list[tuple[int, int, str, str, bytes, str]] = []
        self._outcomes = bytearray()
        self._last: tuple[str, str] = ("", "")
        self._accounts: set[str] = set()
        self._sorted = True
        self._indexed = False

    def add(self, line: int, account: str, ref: str, record: str) -> None:
        """Stage the one of this account and id that stood in this line."""
        pair = (account, ref)
        if pair <= self._last:
            self._sorted = False
        self._last = pair
        self._accounts.add(account)
        self._batch.append((len(self._outcomes), line, *pair, digest_of(record), record))
        self._outcomes.append(Outcome.UNCHANGED)
        if len(self._batch) >= _BATCH:
            self._flush()

    def __len__(self) -> int:
        """How many are staged."""
        return len(self._outcomes)

    def accounts(self) -> Collection[AccountName]:
        """Those that one is of."""
        return frozenset(map(AccountName, self._accounts))

    def keys(self) -> Collection[SubscriptionKey]:
        """The keys of all of them, read into memory."""
        found = self._rows("account, id", order="number")
        return [SubscriptionKey(AccountName(account), ref) for account, ref in found]

    def forget_decisions(self) -> None:
        """Begin to decide anew."""
        self._outcomes = bytearray(len(self._outcomes))
        self._file.execute("DELETE FROM merged")
        self._file.execute("DELETE FROM lost")

    def repeated(self) -> Iterator[tuple[int, SubscriptionKey, int]]:
        """Each line whose key stood in an earlier line, with the key and that line."""
        if self._sorted:
            return
        before: tuple[str, str] | None = None
        first = 0
        for account, ref, number in self._rows("account, id, number", order="account, id, number"):
            if (account, ref) == before:
                key = SubscriptionKey(AccountName(account), ref)
                yield self._line(number), key, self._line(first)
            else:
                before, first = (account, ref), number

    def in_order(self) -> Iterator[StagedRow]:
        """All of them, ordered by key."""
        for row in self._rows("number, account, id, digest", order=self._by_key):
            yield StagedRow(*row)

    def index(self) -> None:
        """Get ready to find single ones, which takes its time with many."""
        self._flush()
        if not self._indexed:
            # With the digest, so that comparing does not look each row up.
            self._file.execute("CREATE INDEX by_key ON staged (account, id, number, digest)")
            self._indexed = True

    def record(self, key: SubscriptionKey) -> tuple[int, str] | None:
        """The number and the record of one."""
        self.index()
        found = self._file.execute(
            "SELECT number, record FROM staged WHERE account = ? AND id = ?", (key.account, key.id)
        ).fetchone()
        return (found[0], found[1]) if found else None

    def decide(self, number: int, outcome: Outcome, record: str | None = None) -> None:
        """Say what one is; the record is written in place of its own when given."""
        self._outcomes[number] = outcome
        if record is not None:
            self._file.execute("REPLACE INTO merged VALUES (?, ?)", (number, record))

    def decided(self, outcome: Outcome) -> "DiskKeys":
        """The keys of an outcome, in the order of their lines."""
        return DiskKeys(self, outcome)

    def numbered(self, outcome: Outcome) -> Iterator[SubscriptionKey]:
        """The same, read."""
        for number, account, ref in self._rows("number, account, id", order="number"):
            if self._outcomes[number] == outcome:
                yield SubscriptionKey(AccountName(account), ref)

    def count(self, outcome: Outcome) -> int:
        """How many there are of an outcome."""
        return self._outcomes.count(outcome)

    def to_write(self) -> Iterator[tuple[SubscriptionKey, str]]:
        """The records that are to be written, ordered by key."""
        columns = "number, account, id, coalesce(merged.record, staged.record)"
        for number, account, ref, record in self._rows(
            columns, order=self._by_key, join="LEFT JOIN merged USING (number)"
        ):
            if self._outcomes[number] != Outcome.UNCHANGED:
                yield SubscriptionKey(AccountName(account), ref), record

    def lose(self, key: SubscriptionKey) -> None:
        """Say that one is not there any more."""
        self._file.execute("INSERT OR IGNORE INTO lost VALUES (?, ?)", (key.account, key.id))

    def lost(self) -> "LostKeys":
        """Those, ordered by key."""
        return LostKeys(self._file)

    def _line(self, number: int) -> int:
        query = "SELECT line FROM staged WHERE number = ?"
        line: int = self._file.execute(query, (number,)).fetchone()[0]
        return line

    @property
    def _by_key(self) -> str:
        return "number" if self._sorted else "account, id"

    def _rows(self, columns: str, *, order: str, join: str = "") -> Iterator[Any]:
        self._flush()
        if order != "number":
            self.index()
        query = f"SELECT {columns} FROM staged {join} ORDER BY {order}"  # noqa: S608 - own words
        with _told():
            yield from self._file.execute(query)

    def _flush(self) -> None:
        if self._batch:
            self._file.insert("INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?)", self._batch)
            self._batch = []


class DiskKeys:
    """The staged keys of one outcome."""

    def __init__(self, staging: DiskStaging, outcome: Outcome) -> None:
        self._staging = staging
        self._outcome = outcome

    def __len__(self) -> int:
        return self._staging.count(self._outcome)

    def __iter__(self) -> Iterator[SubscriptionKey]:
        return self._staging.numbered(self._outcome)

    def __contains__(self, key: object) -> bool:
        return any(each == key for each in self)


class LostKeys:
    """The keys of what is not there any more."""

    def __init__(self, file: _File) -> None:
        self._file = file

    def __len__(self) -> int:
        count: int = self._file.execute("SELECT count(*) FROM lost").fetchone()[0]
        return count

    def __iter__(self) -> Iterator[SubscriptionKey]:
        for account, ref in self._file.execute("SELECT account, id FROM lost ORDER BY 1, 2"):
            yield SubscriptionKey(AccountName(account), ref)

    def __contains__(self, key: object) -> bool:
        return any(each == key for each in self)
