"""What a list finds: by the index of the rarest filter, or along the order of the pages."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Join,
    Row,
    Select,
    TextClause,
    UnaryExpression,
    and_,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import custom_op

from bot.billing.subscription import AccountName, Status, SubscriptionKey
from bot.ports.store import COUNTED, ListQuery
from storage.places import ORDER, Position, beyond
from storage.tables import LIVE, subscriptions
from storage.types import NEVER
from storage.work import Work

_ROW = subscriptions.c
_WORDS = table("subscription_words", column("rowid"), column("search"))
_UNSUBSCRIBED = text("subscriptions.gone_at IS NULL AND subscriptions.status = 'unsubscribed'")
_LETTERS = 3
_TRIGRAM = re.compile(r"[^\W_]{3}|[\W_][^\W_]{2}|[^\W_]{2}[\W_]")
"""What PostgreSQL looks a word up by: three letters, or two where a name begins or ends."""


class _Through(Join):
    """SQLite goes through the left side and looks each row up on the right, never the other way."""

    inherit_cache = True


@compiles(_Through, "sqlite")
def _cross_join(join: _Through, compiler: SQLCompiler, **how: Any) -> str:
    spelled: str = compiler.visit_join(join, **how)  # type: ignore[no-untyped-call]
    return spelled.replace(" JOIN ", " CROSS JOIN ", 1)


_BY_WORD = _Through(_WORDS, subscriptions, _WORDS.c.rowid == literal_column("subscriptions.rowid"))

VALUES = 1000
"""Values of one column that are told apart; a catalogue with more has no filter for them."""

CANDIDATES = 1000
"""Spellings compared with one text: all of a small catalogue, of a large one the likely ones."""

ALIKE = 0.5

_DENSE = ((1_000, 20), (60_000, COUNTED + 1))
"""Of so many rows so many: PostgreSQL finds such a word sooner by looking at every row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A filter or a word: what a column must fulfil, and whether an index finds what does."""

    column: ColumnElement[Any]
    holds: Callable[[ColumnElement[Any]], ColumnElement[bool]]
    indexed: bool = True
    word: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A condition whose index leads to the rows."""

    condition: Condition
    source: FromClause
    wanted: ColumnElement[bool]


def mine(work: Work) -> ColumnElement[bool]:
    """The rows that a transaction sees."""
    return work.shown(subscriptions)


class Search:
    """The rows of one query: how many there are, and stretches of them in their order.

    Unsubscribed ones are left out unless their status is asked for.
    """

    def __init__(self, work: Work, query: ListQuery) -> None:
        self._work = work
        self._base = _base(work, query)
        self._conditions = _conditions(work, query)

    @cached_property
    def count(self) -> tuple[int, bool]:
        """How many there are, at most 1,000, and whether there are more."""
        if self._dense and len(self._conditions) == 1:
            return COUNTED, True
        found = self._count(self._way, self._tested)
        return min(found, COUNTED), found > COUNTED

    @property
    def indexed(self) -> bool:
        """Whether no condition has to be tested row by row."""
        return all(each.indexed for each in self._conditions)

    def some(self, *columns: ColumnElement[Any], limit: int) -> Sequence[Row[Any]]:
        """Columns of any rows."""
        found = self._by(self._way, self._tested, columns).limit(limit)
        return self._work.connection.execute(found).all()

    def stretch(
        self,
        *,
        limit: int,
        skip: int = 0,
        start: Position | None = None,
        backwards: bool = False,
    ) -> Sequence[Row[Any]]:
        """Rows of the order's columns, from the first or a position on; or backwards from it."""
        _, more = self.count
        if more or self._way is None:
            columns: Sequence[ColumnElement[Any]] = ORDER
            found = self._by(None, self._conditions, ORDER)
        else:
            columns, found = self._sorted()
        if start is not None:
            found = found.where(beyond(columns, start, backwards=backwards))
        order = [each.desc() for each in columns] if backwards else columns
        return self._work.connection.execute(
            found.order_by(*order).limit(limit).offset(skip or None)
        ).all()

    def before(self, start: Position) -> int:
        """How many come before a position, where all are counted."""
        columns, found = self._sorted()
        earlier = found.where(beyond(columns, start, backwards=True)).subquery()
        return self._work.connection.scalar(select(func.count()).select_from(earlier)) or 0

    def _sorted(self) -> tuple[Sequence[ColumnElement[Any]], Select[Any]]:
        """The few that there are, to be sorted: no database may go through all for their order."""
        found = self._by(self._way, self._tested, ORDER).offset(0).subquery()
        columns = [found.c[each.name] for each in ORDER]
        return columns, select(*columns)

    @cached_property
    def _way(self) -> _Way | None:
        """By the index of what is rarest; None where all are looked at."""
        ways = [way for each in self._conditions if (way := self._way_of(each)) is not None]
        if len(self._conditions) == 1 or not ways:
            return next(iter(ways), None)
        return min(ways, key=lambda way: self._count(way, ()))

    def _way_of(self, condition: Condition) -> _Way | None:
        plain = condition.holds(condition.column)
        if not condition.indexed or condition in self._dense:
            return None
        if condition.word is None or self._work.on_postgres:
            return _Way(condition=condition, source=subscriptions, wanted=plain)
        phrase = '"' + condition.word.replace('"', '""') + '"'
        wanted = and_(_WORDS.c.search.match(phrase), self._aside(condition))
        return _Way(condition=condition, source=_BY_WORD, wanted=wanted)

    @cached_property
    def _dense(self) -> Sequence[Condition]:
        """Words of so many rows that PostgreSQL's index has too much to give before it gives one.

        SQLite's gives row by row.
        """
        if not self._work.on_postgres:
            return []
        words = [each for each in self._conditions if each.word is not None]
        return [
            word
            for word in words
            if all(self._among(first, word) >= enough for first, enough in _DENSE)
        ]

    def _among(self, first: int, condition: Condition) -> int:
        """How many of the first rows fulfil a condition."""
        some = select(condition.column).where(*self._base).limit(first).subquery()
        holds = condition.holds(some.c[0])
        return self._scalar(select(literal(1)).where(holds).limit(COUNTED + 1))

    @property
    def _tested(self) -> Sequence[Condition]:
        """What is left to test on the way."""
        by = self._way.condition if self._way else None
        return [each for each in self._conditions if each is not by]

    def _count(self, way: _Way | None, tested: Sequence[Condition]) -> int:
        return self._scalar(self._by(way, tested, [literal(1)]).limit(COUNTED + 1))

    def _scalar(self, some: Select[Any]) -> int:
        query = select(func.count()).select_from(some.subquery())
        return self._work.connection.scalar(query) or 0

    def _by(
        self, way: _Way | None, tested: Sequence[Condition], columns: Sequence[ColumnElement[Any]]
    ) -> Select[Any]:
        found = select(*columns).where(*self._base, *(self._aside(each) for each in tested))
        if way is None:
            return found.select_from(subscriptions)
        return found.select_from(way.source).where(way.wanted)

    def _aside(self, condition: Condition) -> ColumnElement[bool]:
        """The condition where it is only tested.

        SQLite, which counts nothing beforehand, must not take its index for it.
        """
        column: ColumnElement[Any] = condition.column
        if not self._work.on_postgres:
            column = UnaryExpression(column, operator=custom_op("+"), type_=column.type)
        return condition.holds(column)


def distinct(work: Work, named: ColumnElement[str]) -> Sequence[str]:
    """The values of a column of what is listed, in order, each found by one step in an index."""
    listed = (mine(work), LIVE)
    known = named >= ""  # an index begins or ends with what is not known
    first = select(func.min(named).label("value")).where(*listed, known).cte(recursive=True)
    following = select(func.min(named)).where(*listed, named > first.c.value).scalar_subquery()
    values = first.union_all(select(following).where(first.c.value.is_not(None)))
    found = select(values.c.value).where(values.c.value.is_not(None)).limit(VALUES)
    return work.connection.scalars(found).all()


def near(work: Work, text: str, *, limit: int) -> list[SubscriptionKey]:
    """The keys spelled most like the text, likest first; those that contain it come before all."""
    wished = text.strip().casefold()
    if not wished:
        return []
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wished)
    scored = []
    for row in _candidates(work, wished):
        names = [name.casefold() for name in (row.id, row.name) if name]
        score = max(_likeness(matcher, name, wished) for name in names)
        if score >= ALIKE:
            scored.append((-score, row.account, row.id))
    return [
        SubscriptionKey(AccountName(account), ref) for _, account, ref in sorted(scored)[:limit]
    ]


def _candidates(work: Work, wished: str) -> Sequence[Row[Any]]:
    columns = (_ROW.account, _ROW.id, _ROW.name)
    listed = Search(work, ListQuery())
    _, large = listed.count
    if not large:
        return listed.some(*columns, limit=CANDIDATES)
    # One slip of the finger leaves one half of the word as it is.
    middle = len(wished) // 2
    parts = [wished, wished[:middle], wished[middle:]]
    found: dict[Row[Any], None] = {}
    for part in parts:
        searched = Search(work, ListQuery(words=(part,)))
        if searched.indexed:
            found |= dict.fromkeys(searched.some(*columns, limit=CANDIDATES // len(parts)))
    return list(found)


def _likeness(matcher: "SequenceMatcher[str]", name: str, wished: str) -> float:
    if wished in name:
        return 1 + len(wished) / len(name)
    matcher.set_seq1(name)
    if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:
        return 0.0
    return matcher.ratio()


def _base(work: Work, query: ListQuery) -> Sequence[ColumnElement[bool] | TextClause]:
    if query.status is Status.UNSUBSCRIBED:  # nothing comes next for these
        return (mine(work), _UNSUBSCRIBED, _ROW.group_anchor_at == NEVER)
    return (mine(work), LIVE)


def _conditions(work: Work, query: ListQuery) -> Sequence[Condition]:
    gone = query.status is Status.UNSUBSCRIBED
    found = [
        _spelled(each, value, _met(work, each, query) if gone else distinct(work, each))
        for each, value in ((_ROW.service, query.service), (_ROW.region, query.region))
        if value is not None
    ]
    exact = {
        _ROW.account: query.account,
        _ROW.owner: query.owner,
        _ROW.kind: query.kind,
        _ROW.auto_renew: query.auto_renew,
        _ROW.status: None if gone else query.status,
    }
    found += [_equal(each, value) for each, value in exact.items() if value is not None]
    if query.unowned:
        found.append(Condition(column=_ROW.owner, holds=lambda owner: owner.is_(None)))
    if query.due_before is not None:
        end = query.due_before
        found.append(Condition(column=_ROW.anchor_at, holds=lambda anchor: anchor < end))
    if gone:  # which the indexes of filters leave out
        found = [replace(each, indexed=False) for each in found]
    return [*found, *(_bears(work, word.casefold()) for word in query.words)]


def _met(work: Work, column: ColumnElement[str], query: ListQuery) -> Sequence[str]:
    """The values of a column that no index leads to."""
    met = select(column).where(*_base(work, query), column.is_not(None))
    return work.connection.scalars(met.distinct().limit(VALUES)).all()


def _equal(column: ColumnElement[Any], value: object) -> Condition:
    return Condition(column=column, holds=lambda each: each == value)


def _spelled(column: ColumnElement[str], value: str, known: Sequence[str]) -> Condition:
    """In any case: one of the known values. With too many to know, ASCII letters in any case."""
    if len(known) == VALUES:
        wished = "".join(each.lower() if each.isascii() else each for each in value)
        return Condition(
            column=column, holds=lambda each: func.lower(each) == wished, indexed=False
        )
    spellings = [each for each in known if each.casefold() == value.casefold()]
    return Condition(column=column, holds=lambda each: each.in_(spellings))


def _bears(work: Work, word: str) -> Condition:
    found = _TRIGRAM.search(word) if work.on_postgres else len(word) >= _LETTERS
    return Condition(
        column=_ROW.search,
        holds=lambda each: each.contains(word, autoescape=True),
        indexed=bool(found),
        word=word,
    )
