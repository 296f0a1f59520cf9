"""Moving time in the practice workspace: what lies ahead, and what a jump passed."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The next thing that happens by itself: when, and what in a few words."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A jump forward and everything it passed, in order."""

    start: datetime
    end: datetime
    passed: tuple[Ahead, ...]
