"""The proof at its full size, in slices: `python -m tests.proof.release --minutes 90`.

Every slice is cut into pieces; what a piece showed is a line of a file of the code that it ran, so
that a run that is stopped, or stops by itself, goes on where it was, also after a commit of
documents. The report says what was done, and `not run` of what was not.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path

from tests.proof import slices
from tests.proof.pieces import Piece
from tests.proof.reporting import report
from tests.proof.slices import SLICES

DIRECTORY = Path("build/proof")
REPORT = Path("docs/release-proof.md")
CODE = ("bot", "handlers", "storage", "tests", "requirements.lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one piece of a slice showed: how many trials, and each that failed."""

    slice: str
    first: int
    last: int
    trials: int
    seconds: float
    at: str
    failed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    happened: Mapping[str, int] = field(default_factory=dict)
    trace: str = ""
    """A digest of the traces of all its lives."""


class Progress:
    """The lines of one state of the code."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self.shown = [Shown(**json.loads(line)) for line in lines]

    def add(self, shown: Shown) -> None:
        """Keep what a piece showed."""
        self.shown.append(shown)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(shown)) + "\n")

    def open_pieces(self, names: Sequence[str]) -> Iterator[Piece]:
        """What is left of these slices: what a release needs of all of them, then the rest."""
        done = {(each.slice, each.first) for each in self.shown}
        needed = [SLICES[name].needed() for name in names]
        beyond = [
            islice(SLICES[n].pieces(), len(row), None) for n, row in zip(names, needed, strict=True)
        ]
        for rows in (needed, beyond):
            yield from _in_turn(
                [(each for each in row if (each.slice, each.first) not in done) for row in rows]
            )


def _in_turn(rows: Sequence[Iterator[Piece]]) -> Iterator[Piece]:
    """One piece of each row after the other, so that none waits for another."""
    left = list(rows)
    while left:
        for row in list(left):
            piece = next(row, None)
            if piece is None:
                left.remove(row)
            else:
                yield piece


def lived_through(piece: Piece) -> Shown:
    """Run one piece, in a worker."""
    began = _processor_time()
    found = slices.run(piece)
    return Shown(
        slice=piece.slice,
        first=piece.first,
        last=piece.last,
        trials=found.trials,
        seconds=round(_processor_time() - began, 3),
        at=time.strftime("%Y-%m-%d"),
        failed=found.failed,
        happened=dict(found.happened),
        trace=found.trace,
    )


def _processor_time() -> float:
    """Seconds, those of processes that this one waited for included."""
    return sum(os.times()[:4])


def run(progress: Progress, names: Sequence[str], *, workers: int, until: float) -> None:
    """Work on what is left until it is done or the time is over."""
    pieces = progress.open_pieces(names)
    going: set[Future[Shown]] = set()
    with ProcessPoolExecutor(workers, initializer=slices.prepare) as pool:
        while True:
            while len(going) < workers and time.monotonic() < until:
                piece = next(pieces, None)
                if piece is None:
                    break
                going.add(pool.submit(lived_through, piece))
            if not going:
                return
            ended, going = wait(going, return_when=FIRST_COMPLETED)
            for each in ended:
                shown = each.result()
                progress.add(shown)
                sys.stdout.write(
                    f"{shown.slice} {shown.first}..{shown.last}: {shown.trials} trials, "
                    f"{len(shown.failed)} failed {shown.trace}\n"
                )
                sys.stdout.flush()


def commit() -> str:
    """The commit at hand; marked when the code differs from it."""
    return _marked(_git("rev-parse", "--short=12", "HEAD"))


def code() -> str:
    """What names the code at hand, whatever else its commit holds."""
    return _marked(sha256(_git("ls-tree", "HEAD", "--", *CODE).encode()).hexdigest()[:12])


def _marked(name: str) -> str:
    return f"{name}-changed" if _git("status", "--porcelain", "--", *CODE) else name


def main(arguments: Sequence[str]) -> int:
    """Exit 1 when anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.release")
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument("slices", nargs="*", metavar="SLICE", help=", ".join(SLICES))
    asked = parser.parse_args(arguments)
    names = asked.slices or list(SLICES)
    if unknown := set(names) - SLICES.keys():
        parser.error(f"there is no slice {', '.join(sorted(unknown))}")
    slices.prepare()
    progress = Progress(DIRECTORY / f"{code()}.jsonl")
    until = time.monotonic() + asked.minutes * 60
    run(progress, names, workers=asked.workers, until=until)
    asked.report.write_text(
        report([asdict(each) for each in progress.shown], commit=commit()), "utf-8"
    )
    failed: Counter[str] = Counter()
    for each in progress.shown:
        failed[each.slice] += len(each.failed)
    sys.stdout.write(f"{asked.report} written, {failed.total()} failed\n")
    return 1 if failed.total() else 0


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
