"""What the record is made of besides its lines: whose values, from where, and what is bad."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

FORGOTTEN = "personal.forgotten"
"""The action of the line that says which values were erased, by their hashes."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A value that tells of a person: an id, a name, what somebody wrote.

    The record holds a salted hash of it and the value lies beside it, so that erasing the value
    leaves the record as it is. `of` is the person with whom it is erased.
    """

    value: str
    of: str

    @classmethod
    def id(cls, person: str) -> "Personal":
        """The person's own id or name."""
        return cls(person, person)


Origin = Mapping[str, object]
"""From where somebody acted: Slack's team and channel, a user of the host, or a replica."""

NOWHERE: Origin = {}
"""Where it is not told."""

_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


@contextmanager
def coming_from(origin: Origin) -> Iterator[None]:
    """Whatever is recorded inside was asked for there, not by the process itself."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


def told_origin() -> Origin | None:
    """Where the present turn was asked for; None when the process acts by itself."""
    return _origin.get()


class Tampering(StrEnum):
    """What was done to an entry, as far as it can be told."""

    ALTERED = "altered"
    REMOVED = "removed"
    MOVED = "moved"
    INSERTED = "inserted"
    CUT = "cut"
    UNSEALED = "unsealed"
    VALUE_ALTERED = "value altered"
    VALUE_REMOVED = "value removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Requests that name a person: those in which that was erased, and those that are open."""

    erased: tuple[int, ...]
    still: tuple[int, ...]


class Remains(StrEnum):
    """Where what was erased can still be read byte by byte.

    `FILES`: they are in use, or there is no room to write them anew; `SERVER`: PostgreSQL's files.
    """

    NOWHERE = "nowhere"
    FILES = "files"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """The first entry of the record that is not as it was written, or that is missing."""

    number: int
    how: Tampering
