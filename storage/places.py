"""The order of a list, and the places in it where pages begin and end."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, literal, tuple_

from bot.facts.listing import Place
from storage import rows
from storage.tables import subscriptions
from storage.types import instant, microseconds

_ROW = subscriptions.c
ORDER = (
    _ROW.group_anchor_at,
    _ROW.account,
    _ROW.group_key,
    _ROW.group_rank,
    _ROW.anchor_at,
    _ROW.search,  # which begins with the name
    _ROW.id,
)
_TYPES = (datetime, str, str, int, datetime, str, str)
_ALONE = 3
"""How many of the columns tell the place of a row that belongs to no group."""

_MOST = 2**31

Position = tuple[Any, ...]
"""The values of the first columns of the order."""


def place(row: Row[Any]) -> Place:
    """Where a row of the order's columns stands, as text for a button."""
    values = row[:_ALONE] if row.group_rank == rows.ALONE else row
    plain = [microseconds(each) if isinstance(each, datetime) else each for each in values]
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return Place(urlsafe_b64encode(text.encode()).decode().rstrip("="))


def position(place: Place | None) -> Position | None:
    """What a place says; None for text that is none."""
    if place is None:
        return None
    try:
        values = json.loads(urlsafe_b64decode(place + "=" * (-len(place) % 4)))
        if not isinstance(values, list) or len(values) not in {_ALONE, len(ORDER)}:
            return None
        return tuple(_read(each, kind) for each, kind in zip(values, _TYPES, strict=False))
    except (ValueError, OverflowError, RecursionError):
        return None


def beyond(
    columns: Sequence[ColumnElement[Any]], position: Position, *, backwards: bool
) -> ColumnElement[bool]:
    """What comes after a position in the order, or before it."""
    compared = columns[: len(position)]
    here = tuple_(
        *(literal(value, each.type) for value, each in zip(position, compared, strict=True))
    )
    return tuple_(*compared) < here if backwards else tuple_(*compared) > here


def _read(value: object, kind: type) -> object:
    if kind is datetime and type(value) is int:
        return instant(value)
    if kind is int and type(value) is int and abs(value) < _MOST:
        return value
    if kind is str and type(value) is str and "\0" not in value and value.encode() is not None:
        return value
    raise ValueError(f"{value!r} stands in no place")
