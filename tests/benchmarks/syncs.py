"""How long an embedded account is read, and how long others wait for it meanwhile.

Run by `make bench ONLY=syncs`, or with a size by `python -m tests.benchmarks.syncs 20000`. The book
is read three times by `lapse sync`: when the catalogue knows nothing of it, when nothing changed
since, and when one of ninety did. Beside it this process writes a note every few milliseconds.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Text, func, type_coerce

from storage.engine import Database, open_database
from storage.tables import book_subscriptions
from tests.benchmarks import databases, installation
from tests.benchmarks.catalogues import keep_book, over_a_year
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.imports import MEMORY_GOAL, WAIT_GOAL, writing_beside
from tests.benchmarks.installation import MEGABYTE

ROWS = 1_000_000
FIRST_END = timedelta(days=9)
"""So far ahead the first term ends: nothing happens in the book by itself meanwhile."""


def read(figures: Figures, url: str, what: str, expected: Mapping[str, int]) -> None:
    """Judge one reading, which has to find so many of each kind and nothing else."""
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place:
        out = Path(place) / "out"
        with writing_beside(url) as waits:
            took = installation.spent(url, ("sync", "--json"), out=out)
        found = json.loads(out.read_text("utf-8"))["default"]
    if {kind: count for kind, count in found.items() if count} != expected:
        raise AssertionError(f"The reading found {found}.")
    figures.tell(f"{what}", f"{took.seconds:.1f} s")
    longest = f"{what}: another writer's longest wait of {len(waits):,}"
    figures.at_most(longest, max(waits), WAIT_GOAL, "ms")
    figures.tell(f"{what}: 99 of 100 within", f"{percentile(waits, 99):.0f} ms")
    figures.at_most(f"{what}: memory", took.memory / MEGABYTE, MEMORY_GOAL, "MB")


def change(database: Database) -> int:
    """Have those of every hundredth day be of another specification; how many there are."""
    column = book_subscriptions.c.subscription
    written = type_coerce(column, Text)
    changed = func.replace(written, "secmaster.professional", "secmaster.premium")
    some = book_subscriptions.c.id.like("server-_00-%")
    with database.writer.begin() as connection:
        statement = book_subscriptions.update().where(some).values({column: changed})
        count = connection.execute(statement).rowcount
    database.dispose()
    return count


def main(rows: int) -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    with databases.sqlite() as new:
        url = new()
        database = open_database(url)
        now = database.clock().now()
        per_day = min(2, rows // 360)
        keep_book(database, over_a_year(after=now + FIRST_END, per_day=per_day), size=rows, at=now)
        figures.about(f"SQLite: an embedded account of {rows:,} subscriptions is read")
        known = rows // (360 * per_day) * 360 * per_day
        read(figures, url, "nothing is known", {"added": known})
        read(figures, url, "nothing changed", {"unchanged": known})
        changed = change(database)
        what = f"{changed:,} changed"
        read(figures, url, what, {"changed": changed, "unchanged": known - changed})
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ROWS))
