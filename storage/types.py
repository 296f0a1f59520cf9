"""Column types that lose nothing: instants, exact amounts, words of an enum, documents."""

import json
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cache, lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Dialect, Text, TypeDecorator
from sqlalchemy.dialects import postgresql

from bot.billing.money import Money
from bot.billing.subscription import SubscriptionKey

Found = TypeVar("Found")
Read = Callable[[Any], Found | None]
"""Makes what a column holds into what the program works with; NULL is None."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NEVER = datetime.max.replace(tzinfo=UTC)
"""Sorts after every instant, alike on both databases, which disagree about where NULL goes."""

TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text compared byte by byte, so that both databases sort as Python does."""


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970 in UTC; a naive datetime raises ValueError."""
    if instant.utcoffset() is None:
        raise ValueError(f"{instant!r} has no zone; only aware datetimes are stored")
    return (instant - EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    """The instant of so many microseconds since 1970, in UTC."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as whole microseconds since 1970.

    Integers compare, index and subtract alike on both databases; SQLite has no instants, and
    PostgreSQL's depend on the session's zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        """Refuse a naive datetime with ValueError."""
        return None if value is None else microseconds(value)

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Read[datetime]:
        """Give it back in UTC.

        Read by the hundred a page: SQLAlchemy's own processor would call a method for each.
        """
        return lambda value: None if value is None else instant(value)


class Exact(TypeDecorator[Decimal]):
    """A finite decimal as text: SQLite's NUMERIC is a float, and both keep trailing zeros so."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _dialect: Dialect) -> str | None:
        """Refuse floats, NaN and infinities."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise TypeError(f"{value!r} is not a finite Decimal")
        return str(value)

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Read[Decimal]:
        """Give back the same digits; amounts that many have, such as 0.00, are one object."""
        return lambda value: None if value is None else _exact(value)


class Word(TypeDecorator[StrEnum]):
    """A member of a string enum by its value."""

    impl = TEXT
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: StrEnum | None, _dialect: Dialect) -> str | None:
        """Refuse what is not a member with ValueError."""
        return None if value is None else self.members(value).value

    def result_processor(self, _dialect: Dialect, _coltype: object) -> Read[StrEnum]:
        """Give back the member, found by its value, which calling the enum takes much longer for.

        Raises KeyError for a word that is no member.
        """
        members: dict[str | None, StrEnum | None] = {each.value: each for each in self.members}
        members[None] = None
        return members.__getitem__


class Json(TypeDecorator[Any]):
    """Plain facts as canonical JSON in ASCII: sorted keys, no spaces, equal facts equal text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, _dialect: Dialect) -> str | None:
        """Write decimals, dates, money and keys as text; refuse what is no fact with TypeError."""
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        """Give back objects, lists, texts and numbers."""
        return None if value is None else json.loads(value)


class Document(TypeDecorator[Any]):
    """A frozen dataclass that is only ever read whole, as JSON that loses nothing."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: object, _dialect: Dialect) -> str | None:
        """Write it field by field; amounts as text, instants with their offset."""
        return None if value is None else self.written(value)

    def written(self, value: object) -> str:
        """The text that a column takes without this type."""
        return _adapter(self.kind).dump_json(value).decode()

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        """Give back an equal object."""
        return None if value is None else _adapter(self.kind).validate_json(value)


def canonical(value: object) -> str:
    """JSON with one spelling only, in ASCII: NUL and surrogates are escaped, so any text fits."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


@lru_cache(maxsize=4096)
def _exact(text: str) -> Decimal:
    return Decimal(text)


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _plain(value: object) -> object:
    for kind, spell in _SPELLED.items():
        if isinstance(value, kind):
            return spell(value)
    raise TypeError(f"{type(value).__name__} is not a fact that can be kept")


_SPELLED: Mapping[type, Callable[[Any], object]] = {
    Money: lambda money: f"{money.currency} {money.amount:f}",
    Decimal: str,
    SubscriptionKey: str,
    datetime: lambda value: instant(microseconds(value)).isoformat(),
    date: date.isoformat,  # after datetime, which is one too
    Enum: lambda member: member.value,
    Mapping: dict,
    AbstractSet: sorted,
}
