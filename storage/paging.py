"""Which rows of a search a page shows, and how they are numbered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from bot.facts.listing import Place
from bot.ports.store import PAGE, ListQuery
from storage.places import Position, place, position
from storage.searching import Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Rows of the order's columns, the number of the first, and whether others follow."""

    rows: Sequence[Row[Any]]
    number: int
    goes_on: bool

    @property
    def previous(self) -> Place | None:
        """Where the page before ends."""
        return place(self.rows[0]) if self.rows and self.number > 1 else None

    @property
    def next(self) -> Place | None:
        """Where the next page begins."""
        return place(self.rows[-1]) if self.goes_on else None


def shown(search: Search, query: ListQuery) -> Shown:
    """Ten rows before or after a place of the query, else of the page that it numbers.

    Going back shows the first page as soon as fewer than ten are left before the place.
    """
    before, after = position(query.before), position(query.after)
    if before is not None:
        return _before(search, before, query)
    if after is not None:
        return _after(search, after, query)
    return _numbered(search, max(query.page, 1))


def _before(search: Search, start: Position, query: ListQuery) -> Shown:
    found = search.stretch(limit=PAGE + 1, start=start, backwards=True)[::-1]
    if len(found) <= PAGE:
        return _numbered(search, 1)
    rows = found[-PAGE:]
    number = _number(search, rows[0], query)
    count, more = search.count
    return Shown(rows=rows, number=number, goes_on=more or number + PAGE <= count)


def _after(search: Search, start: Position, query: ListQuery) -> Shown:
    found = search.stretch(limit=PAGE + 1, start=start)
    number = _number(search, found[0], query) if found else 1
    return Shown(rows=found[:PAGE], number=number, goes_on=len(found) > PAGE)


def _numbered(search: Search, page: int) -> Shown:
    skipped = (page - 1) * PAGE
    count, more = search.count
    if not more and skipped >= count:  # else all would be looked through once more
        return Shown(rows=(), number=1, goes_on=False)
    found = search.stretch(limit=PAGE + 1, skip=skipped)
    return Shown(rows=found[:PAGE], number=skipped + 1, goes_on=len(found) > PAGE)


def _number(search: Search, first: Row[Any], query: ListQuery) -> int:
    """Counted where all are; of more than 1,000 rows the one that the page had when it was asked.

    Rows that came or went since are not in that one; it never says that nothing is before.
    """
    _, more = search.count
    if more:
        return max(query.page - 1, 1) * PAGE + 1
    return search.before(tuple(first)) + 1
