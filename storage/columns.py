"""How the tables spell their columns, parents and partial indexes."""

from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, text
from sqlalchemy.types import TypeEngine

from storage.types import TEXT


def key(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]] = TEXT) -> Column[Any]:
    """A column of the primary key."""
    return Column(name, kind, primary_key=True)


def some(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]] = TEXT) -> Column[Any]:
    """A column that is always filled."""
    return Column(name, kind, nullable=False)


def maybe(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]] = TEXT) -> Column[Any]:
    """A column whose NULL means unknown or not yet."""
    return Column(name, kind, nullable=True)


def number(name: str, kind: type[TypeEngine[Any]] = Integer) -> Column[Any]:
    """A whole number of the primary key, counted by Lapse."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def belongs_to(parent: str, *columns: str, to: tuple[str, ...]) -> ForeignKeyConstraint:
    """A row that goes with its parent's, of the same workspace."""
    return ForeignKeyConstraint(
        ["team_id", *columns],
        [f"{parent}.team_id", *(f"{parent}.{each}" for each in to)],
        ondelete="CASCADE",
    )


def partial(name: str, *columns: str, where: str) -> Index:
    """An index on what fulfils a condition, spelled alike on both databases."""
    return Index(name, "team_id", *columns, sqlite_where=text(where), postgresql_where=text(where))
