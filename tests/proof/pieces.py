"""Pieces of a slice, and how trials that are told apart by their number are run and counted."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Piece:
    """Some trials of a slice, `first` up to but without `last`."""

    slice: str
    first: int
    last: int

    @property
    def numbers(self) -> range:
        """The trials of it."""
        return range(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Found:
    """What a piece showed; `failed` says what was wrong with each trial that failed."""

    trials: int
    failed: Mapping[str, Sequence[str]]
    happened: Mapping[str, int] = field(default_factory=dict)
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """So many numbered trials, so many of them to a piece.

    A release needs the first `needs` of them, or all; the others are for whoever has the time.
    """

    name: str
    total: Callable[[], int]
    a_piece: int
    run: Callable[[Piece], Found]
    needs: int | None = None

    def pieces(self) -> Iterator[Piece]:
        """All of it, in order."""
        total = self.total()
        for first in range(0, total, self.a_piece):
            yield Piece(self.name, first, min(first + self.a_piece, total))

    def needed(self) -> Sequence[Piece]:
        """What a release needs of it."""
        return [each for each in self.pieces() if self.needs is None or each.last <= self.needs]


class Verdict(NamedTuple):
    """What one trial showed: what was wrong, and which faults befell it how often."""

    wrong: Sequence[str]
    happened: Mapping[str, int]


Trial = Callable[[int], Verdict]
Place = Callable[[], AbstractContextManager[Trial]]
"""Opens what trials need, a server or a directory, for as long as a piece lasts."""


def tried(place: Place) -> Callable[[Piece], Found]:
    """Run the trials of a piece in one place."""

    def run(piece: Piece) -> Found:
        failed: dict[str, Sequence[str]] = {}
        happened: Counter[str] = Counter()
        with place() as trial:
            for number in piece.numbers:
                verdict = trial(number)
                happened.update(verdict.happened)
                if verdict.wrong:
                    failed[f"{piece.slice} {number}"] = verdict.wrong
        return Found(len(piece.numbers), failed, happened)

    return run
