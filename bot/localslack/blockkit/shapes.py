"""The vocabulary in which Slack's payload rules are written down as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Surface = Literal["message", "modal", "home"]
"""Where a payload is shown; every rule that differs by place names one of these."""

EVERYWHERE: frozenset[Surface] = frozenset({"message", "modal", "home"})


@dataclass(frozen=True, slots=True, kw_only=True)
class String:
    """A JSON string; lengths are counted in characters."""

    most: int | None = None
    least: int = 0
    pattern: str | None = None
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text object of one of `kinds`."""

    most: int
    kinds: tuple[str, ...] = ("plain_text",)
    least: int = 1
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A JSON number between two bounds, both allowed."""

    least: int | None = None
    most: int | None = None
    whole: bool = True
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A JSON boolean."""

    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """One of a few fixed values."""

    of: tuple[str | int, ...]
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An object whose fields are fixed by the named shape."""

    shape: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """An object that says its `type`; `among` names those allowed in this place."""

    among: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A JSON array."""

    of: "Rule"
    most: int | None = None
    least: int = 1
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything:
    """A value that Slack reads but whose inside is not published."""

    required: bool = False


Rule = String | Text | Number | Flag | One | Thing | Typed | Items | Anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What an object may hold.

    `one_of` groups: at least one field of each group must be there, and where `exactly` is set,
    no two. `closed` shapes refuse keys that they do not name.
    """

    fields: Mapping[str, Rule] = field(default_factory=dict)
    one_of: tuple[tuple[str, ...], ...] = ()
    exactly: bool = False
    surfaces: frozenset[Surface] = EVERYWHERE
    closed: bool = True
