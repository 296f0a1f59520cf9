"""What a release's proof showed, as a page: what was tried how often, and what was not run."""

import platform
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.proof.codes import DRAWN
from tests.proof.leaps import LEAPS
from tests.proof.racing import DUE_SET
from tests.proof.shortages import LACKS
from tests.proof.slack import POST_FAULTS
from tests.proof.slices import SLICES

Line = Mapping[str, Any]
LIVES = ("lives", "on-sqlite", "failed-once", "soak")
IMPORTING = ("imports-sqlite", "imports-postgres", "import-large")
EXECUTING = ("executions-sqlite", "executions-postgres")
DATABASES = {
    "fast restart": 20,
    "immediate restart": 20,
    "down": 20,
    "connections cut": 500,
    "backends terminated": 500,
    "cut before a commit": 500,
    "cut after a commit": 500,
    "cut after an intent": 500,
}
"""What happens to a real PostgreSQL; it cannot be restarted as often as a connection can be cut."""

DISKS = {
    "busy": 100,
    "full": 100,
    "read-only": 100,
    "a write fails": 100,
    "log deleted while stopped": 100,
    "power-cut image": 500,
}
CLOCKS = ("slewed", "host suspended", "clocks of machines apart")
VARIED = {
    "hours": ("F16", "lives in which an hour moves within its date"),
    "switches": ("F16", "lives in which auto-renewal goes off and on"),
    "owners": ("F9", "lives of a channel and a person, who may refuse"),
    "counted": ("F3", "lives in which most reminders are only counted"),
    "one-page": ("F8", "lives in which a page of history is shown a minute"),
}
SOCKETS = ("presses", "duplicate envelopes", "reconnects")
IMPORTS = {
    "killed": 500,
    "two at once": 90,
    "bad rows": 45,
    "a bad row of a million": 10_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault of the matrix: which counts are its trials, and what makes one of them fail."""

    fault: str
    what: str
    goal: int
    slices: tuple[str, ...] = LIVES
    counts: tuple[str, ...] = ()
    """Names of what happened, or how they begin; without any the slices' own trials count."""


def _rows() -> Iterator[Row]:
    yield Row(fault="F1", what="dies at every step, 3 scenarios", goal=240, slices=("deaths",))
    killed = ("killed-sqlite", "killed-postgres")
    yield Row(
        fault="F1",
        what="killed with SIGKILL on both sides of every effect, 3 scenarios",
        goal=240,
        slices=killed,
        counts=("F1 killed",),
    )
    yield Row(fault="F2", what="dies at every ordered pair of steps", goal=9600, slices=("pairs",))
    yield from _rows_of_calls()
    torture = ("torture",)
    yield Row(fault="F3", what="kills in virtual time", goal=3000, counts=("F3",))
    yield Row(fault="F3", what="real kills", goal=200, slices=torture, counts=("torture kill",))
    yield Row(
        fault="F4",
        what=f"2, 4, 8 replicas race for {DUE_SET} reminders",
        goal=1000,
        slices=("races",),
    )
    yield Row(fault="F5", what="rolling upgrade and rollback", goal=100, slices=())
    yield Row(fault="F6", what="429, whatever its header", goal=10_000, counts=("F6",))
    for each in POST_FAULTS:
        if each.name.startswith("F7"):
            what = each.name.removeprefix("F7 ")
            yield Row(fault="F7", what=what, goal=10_000, counts=(each.name,))
    yield Row(
        fault="F8", what="history fails, is limited, lags, has pages", goal=1000, counts=("F8",)
    )
    codes = len(DRAWN)
    yield Row(fault="F9", what=f"{codes} error codes", goal=20 * codes, counts=("F9",))
    yield Row(fault="F10", what="frozen 1 s to 10 min", goal=3000, counts=("F10",))
    yield Row(
        fault="F10", what="real SIGSTOP", goal=100, slices=torture, counts=("torture freeze",)
    )
    for what, goal in DATABASES.items():
        counts = (f"torture {what}", f"F11 {what}")
        yield Row(fault="F11", what=what, goal=goal, slices=(*torture, "soak"), counts=counts)
    yield Row(
        fault="F11",
        what="failover that loses commits",
        goal=500,
        slices=("failovers",),
        counts=("F11 failover",),
    )
    for what, goal in DISKS.items():
        yield Row(fault="F12", what=what, goal=goal, slices=("disks",), counts=(f"F12 {what}",))
    yield Row(
        fault="F13", what="the database's clock jumps by 1 to 20 s", goal=1000, counts=("F13",)
    )
    for name in (*(f"by {each}" for each in LEAPS), *CLOCKS):
        counts = (f"F13 {name}",)
        yield Row(fault="F13", what=name, goal=1000, slices=("leaps",), counts=counts)
    yield Row(fault="F14", what="instants in all zones, 2024 to 2037", goal=1, slices=("clocks",))
    yield Row(fault="F15", what="nobody runs for 1 min to 60 days", goal=500, counts=("F15",))
    yield Row(fault="F16", what="moved, taken away, imported", goal=10_000, counts=("F16",))
    yield Row(fault="F16", what="examples of 100 rules", goal=10_000, slices=("machine",))
    yield from _rows_of_variants()
    for what, goal in IMPORTS.items():
        counts = (f"F17 {what}",)
        yield Row(fault="F17", what=what, goal=goal, slices=IMPORTING, counts=counts)
    for what in SOCKETS:
        counts = (f"F19 {what}",)
        yield Row(fault="F19", what=what, goal=1000, slices=("sockets",), counts=counts)
    for name in sorted(LACKS):
        counts = (f"F20 {name}",)
        what = f"short of {name}"
        yield Row(fault="F20", what=what, goal=200, slices=("shortages",), counts=counts)
    yield Row(
        fault="soak",
        what="hours of three replicas on PostgreSQL, faults at random",
        goal=72,
        slices=("soak",),
        counts=("soak hours",),
    )
    for number in (18, 21):
        yield Row(fault=f"F{number}", what="not part of this program", goal=0, slices=())


def _rows_of_variants() -> Iterator[Row]:
    for name, (fault, what) in VARIED.items():
        yield Row(fault=fault, what=what, goal=2000, slices=(name,))


def _rows_of_calls() -> Iterator[Row]:
    for fault, what, goal, counted in (
        ("F1", "an execution dies at every step, 7 scenarios", 2000, "deaths"),
        ("F2", "an execution dies at every ordered pair of steps", 80_000, "pairs"),
        ("F10", "an execution that stands still at every step", 3000, "stalls"),
    ):
        counts = (f"calls {counted}",)
        yield Row(fault=fault, what=what, goal=goal, slices=("calls",), counts=counts)
    yield Row(
        fault="F3",
        what="real kills of an execution",
        goal=1800,
        slices=EXECUTING,
        counts=("executions killed",),
    )


def report(lines: Sequence[Line], *, commit: str) -> str:
    """The page."""
    parts = [_head(lines, commit), _slices(lines), _matrix(lines), _guards(lines), _failed(lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(lines: Sequence[Line], commit: str) -> str:
    minutes = sum(line["seconds"] for line in lines) / 60
    days = sorted({line["at"] for line in lines}) or ["never"]
    span = " to ".join(dict.fromkeys((days[0], days[-1])))
    return "\n\n".join(
        (
            "# The release's proof",
            "`make prove-release` writes this page; `docs/delivery.md` says what the proofs are. "
            "Only what was run is counted.",
            f"Commit `{commit}`, {span}, {minutes:.0f} minutes of processor time. {_versions()}.",
            "With no failure in N independent trials the true rate is below 3/N at 95 %: that is "
            "the *bound*. Faults of one life are not independent of each other.",
        )
    )


def _slices(lines: Sequence[Line]) -> str:
    rows = []
    for name, each in SLICES.items():
        mine = [line for line in lines if line["slice"] == name]
        pieces = list(each.pieces())
        done = f"{len(mine)} of {len(pieces)}" if pieces else "-"
        needed = str(len(each.needed()))
        seeds = f"{mine[0]['first']} to {max(line['last'] for line in mine) - 1}" if mine else "-"
        verdict = _verdict(_trials(mine, ()), _failures(mine))
        rows.append((name, done, needed, seeds, *verdict))
    head = ("slice", "pieces", "needed", "seeds", "N", "failed", "bound")
    return "## Slices\n\n" + _table(head, rows)


def _matrix(lines: Sequence[Line]) -> str:
    rows = []
    for row in _rows():
        mine = [line for line in lines if line["slice"] in row.slices]
        trials, failed, bound = _verdict(_trials(mine, row.counts), _failures(mine))
        rows.append(
            (row.fault, row.what, trials, f"{row.goal:,}" if row.goal else "-", failed, bound)
        )
    table = _table(("", "fault", "N", "goal", "failed", "bound"), rows)
    note = (
        "*Failed* counts lives or runs in which anything went wrong, whatever the fault was. Who "
        "*dies* ends by an exception that nothing catches, in virtual time; *real* kills and "
        "freezes, and what befalls a real PostgreSQL, need processes and a minute for a few, so "
        "that their numbers stay far below the goals."
    )
    return "\n\n".join(("## Fault matrix", table, note, *_told_again(lines)))


def _told_again(lines: Sequence[Line]) -> Iterator[str]:
    """What the promise of a failover allows for, as a figure."""
    happened = _happened([line for line in lines if line["slice"] == "failovers"])
    lost, again = happened["F11 lost commits"], happened["F11 told again in the lost window"]
    if happened:
        yield (
            f"{happened['F11 failover']:,} failovers lost {lost:,} commits. {again:,} reminders "
            "were told again: their first copy was begun in the lost window, its record gone."
        )


def _guards(lines: Sequence[Line]) -> str:
    happened = _happened([line for line in lines if line["slice"] == "guards"])
    found = [f"* {name}: {number}" for name, number in sorted(happened.items())]
    return "## Teeth\n\n" + "\n".join(found) if found else ""


def _failed(lines: Sequence[Line]) -> str:
    found = [
        f"* {name}: {' '.join(wrong)}" for line in lines for name, wrong in line["failed"].items()
    ]
    return "## What failed\n\n" + "\n".join(found) if found else ""


def _trials(lines: Sequence[Line], counts: tuple[str, ...]) -> int:
    if not counts:
        return sum(line["trials"] for line in lines)
    return sum(n for name, n in _happened(lines).items() if name.startswith(counts))


def _happened(lines: Sequence[Line]) -> Counter[str]:
    happened: Counter[str] = Counter()
    for line in lines:
        happened.update(line["happened"])
    return happened


def _failures(lines: Sequence[Line]) -> int:
    return sum(len(line["failed"]) for line in lines)


def _verdict(trials: int, failed: int) -> tuple[str, str, str]:
    if not trials:
        return "not run", "-", "-"
    return f"{trials:,}", str(failed), "-" if failed else f"{min(300 / trials, 100):.2g} %"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _versions() -> str:
    used = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    used += [f"{name} {version(name)}" for name in ("sqlalchemy", "slack-sdk", "hypothesis")]
    return ", ".join([*used, _postgresql()])


def _postgresql() -> str:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
    program = programs[0] if programs else shutil.which("postgres")
    if program is None:
        return "no PostgreSQL"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return "PostgreSQL " + said.stdout.split()[2]
