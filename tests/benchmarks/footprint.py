"""What a process of Lapse takes: memory idle and at work with a million rows, and time to start.

Run by `make bench ONLY=footprint`.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from storage.engine import open_database
from tests.benchmarks import databases, installation
from tests.benchmarks.catalogues import fill, over_a_year
from tests.benchmarks.figures import Figures

MILLION = 1_000_000
MEGABYTE = 1_000_000
STARTS = 5
LOOK_SECONDS = 0.005
OPERATIONS = (
    ("show", "server-100-0"),
    ("upcoming",),
    ("export",),
)


def idle(figures: Figures, new: databases.NewDatabase) -> None:
    """A bot that has just started and has nothing to do."""
    figures.about(f"a bot that has just started, the middle of {STARTS} starts")
    url = new()
    starts, memory = [], []
    for _ in range(STARTS):
        with installation.bot(url) as bot:
            starts.append(bot.ready_after)
            memory.append(installation.memory(bot.process))
    figures.at_most("start to ready", statistics.median(starts), 1, "s")
    figures.at_most("memory when idle", statistics.median(memory) / MEGABYTE, 110, "MB")


def operations(figures: Figures, new: databases.NewDatabase) -> None:
    """The most that each command ever held."""
    figures.about(f"the most memory of a command, {MILLION:,} subscriptions")
    url = new()
    database = open_database(url)
    now = database.clock().now()
    fill(database, over_a_year(after=now, per_day=2), size=MILLION, at=now)
    for operation in OPERATIONS:
        most = _most_memory(url, operation)
        figures.at_most(" ".join(("lapse", *operation)), most / MEGABYTE, 200, "MB")


def _most_memory(url: str, arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place:
        directory = Path(place)
        with (directory / "out").open("wb") as out:
            process = installation.lapse(
                arguments, installation.environment(url), directory=directory, log=out.fileno()
            )
            most = 0
            while process.poll() is None:
                most = max(most, installation.memory(process, "VmHWM"))
                time.sleep(LOOK_SECONDS)  # between two looks
        if process.returncode != 0:
            raise AssertionError((directory / "out").read_text("utf-8")[-500:])
    return most


def main() -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    with databases.sqlite() as new:
        idle(figures, new)
        operations(figures, new)
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main())
