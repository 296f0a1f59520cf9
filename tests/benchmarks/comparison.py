"""Lapse against a job for each reminder and a loop that polls: what they cost, lose and repeat.

Run by `make bench ONLY=comparison`, with another number of reminders to enter by `python -m
tests.benchmarks.comparison 2000`. All on SQLite with durable commits, in one run; the faults are
those of `rivals.SCRIPT`, and people's view of Slack is counted.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from storage.engine import open_database
from tests.benchmarks import databases, engine, rivals
from tests.benchmarks.figures import Figures, Took, timed

ENTERED = 10_000
"""What each of them enters, and what the two others carry."""

REMINDERS = 300
AWAY_SECONDS = 3
"""How long a killed process stays away; APScheduler drops what is more than a second late."""


def costs(figures: Figures, count: int) -> None:
    """Entering reminders, and carrying those that are due, each by itself."""
    figures.about(f"cost of a reminder on SQLite: {count:,} entered, and those due, one a message")
    jobs_in, jobs_out = _jobs(count)
    rows_in, rows_out = _rows(count)
    lapse_in, lapse_out = _lapse(count)
    for name, entered, due in (
        ("a job each in APScheduler's SQLAlchemyJobStore", jobs_in, jobs_out),
        ("a loop that polls, posts and marks", rows_in, rows_out),
        ("Lapse", lapse_in, lapse_out),
    ):
        figures.tell(f"{name}: entered", str(entered))
        figures.tell(f"{name}: due", str(due))
    cheaper, faster = jobs_out.wall / lapse_out.wall, jobs_in.wall / lapse_in.wall
    figures.at_least("cheaper when due than APScheduler's store", cheaper, 5, "times")
    figures.at_least("faster to enter than APScheduler's store", faster, 100, "times")


def faults(figures: Figures) -> None:
    """The same reminders under the same faults."""
    script = Counter(fault.value for fault in rivals.SCRIPT.values())
    faults = "; ".join(f"{count} x {fault}" for fault, count in script.items())
    figures.about(f"{REMINDERS} reminders with these faults: {faults}; {AWAY_SECONDS} s away each")
    for name in rivals.SYSTEMS:
        lost, twice = _judged(name)
        if name == "Lapse":
            figures.at_most("Lapse: lost", lost, 0, "")
            figures.at_most("Lapse: told twice", twice, 0, "")
        else:
            figures.tell(f"{name}: lost, told twice", f"{lost}, {twice}")


def _judged(name: str) -> tuple[int, int]:
    """How many reminders a system lost, and how many people saw more than once."""
    enter, _ = rivals.SYSTEMS[name]
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place:
        directory = Path(place)
        enter(directory, REMINDERS, first=_now() + timedelta(seconds=AWAY_SECONDS))
        while _run(name, directory) < 0:
            time.sleep(AWAY_SECONDS)
        seen = Counter(reminder for reminder, _ in rivals.ScriptedSlack(directory).shown())
    return REMINDERS - len(seen), sum(1 for times in seen.values() if times > 1)


def _run(name: str, directory: Path) -> int:
    """The exit code of a process; below zero when it was killed."""
    code = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.rivals", name, directory], check=False
    ).returncode
    if code > 0:
        raise AssertionError(f"{name} ended with {code}.")
    return code


def _jobs(count: int) -> tuple[Took, Took]:
    """Seconds for each job; with its time of grace it would drop nearly all of them unsent."""
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place:
        directory = Path(place)
        enter = partial(rivals.enter_jobs, directory, count, first=_now() - count * rivals.EVERY)
        entered = timed(partial(enter, job=rivals.answer, misfire_grace_time=None))
        due = timed(partial(rivals.run_jobs, directory))
    return entered / count, due / count


def _rows(count: int) -> tuple[Took, Took]:
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place:
        directory = Path(place)
        first = _now() - count * rivals.EVERY
        entered = timed(partial(rivals.enter_rows, directory, count, first=first))
        connection = rivals.table(directory)

        def drain() -> None:
            while rivals.poll(connection, str):
                pass

        due = timed(drain)
        connection.close()
    return entered / count, due / count


def _lapse(count: int) -> tuple[Took, Took]:
    with databases.sqlite() as new:
        took = engine.carried(open_database(new()), channels=engine.DUE)
        entered = engine.entered(open_database(new()), count)
    due = took["bundle"] + took["send"]
    return entered / count, due / engine.DUE


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the rivals go by the machine's clock


def main(count: int) -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    costs(figures, count)
    faults(figures)
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ENTERED))
