"""Very many reminders due at once for one channel: how long others wait, and what it takes.

Run by `make bench ONLY=crowds`, or with a size by `python -m tests.benchmarks.crowds 20000`. Each
step is a process of its own; beside it this one writes a note every few milliseconds.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from storage.engine import open_database
from tests.benchmarks.catalogues import end_of_day, fill, open_store, server
from tests.benchmarks.databases import KINDS
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.imports import writing_beside
from tests.benchmarks.replica import Prompt, Replica, policy

ROWS = 100_000
NAMED, MESSAGES = 40, 5
WAIT_GOAL, MEMORY_GOAL = 200, 200
ONE_DAY = timedelta(days=1)
MILLION = 1_000_000


def arm(url: str, rows: int) -> None:
    """Have so many reminders of the common channel be due now."""
    database = open_database(url)
    clock = database.clock()
    now = clock.now()
    due = server("due-0000", expires_at=end_of_day(now + 30 * ONE_DAY), auto_renew=False)
    replica = Replica.of(
        fill(database, [due], size=rows, at=now), clock, Prompt(), policy=policy(1)
    )
    found = replica.reminding.next_lead()
    if found is None:
        raise AssertionError("Nothing falls due in this catalogue.")
    clock.advance_to(found[0] - ONE_DAY / 2)
    replica.reminding.arm()
    clock.advance_to(found[0])
    database.dispose()


def bundle(replica: Replica, _: Prompt) -> None:
    """Owe the messages of all that is due."""
    while replica.reminding.bundle_due():
        pass


def send(replica: Replica, messenger: Prompt) -> None:
    """Send them all."""
    while messenger.posts < MESSAGES:
        replica.delivering.send_due()
    if messenger.reminders != NAMED:
        raise AssertionError(f"{messenger.reminders:,} reminders were named.")


def show_all(replica: Replica, _: Prompt) -> None:
    """The first page of what was only counted."""
    counted = [
        row.delivery_id for _, row in zip(range(1), replica.reminding.listed(), strict=False)
    ]
    if counted[0] is None or not replica.reminding.rest(counted[0]).items:
        raise AssertionError("Nothing was counted.")


STEPS: Mapping[str, Callable[[Replica, Prompt], None]] = {
    "bundle": bundle,
    "send": send,
    "show all": show_all,
}


def once(step: str, url: str) -> None:
    """What the process that is measured does; prints what it took."""
    database = open_database(url)
    messenger = Prompt()
    store, clock = open_store(database), database.clock()
    replica = Replica.of(store, clock, messenger, policy=policy(1))
    began = perf_counter()
    STEPS[step](replica, messenger)
    taken = {
        "seconds": perf_counter() - began,
        "memory": most_memory() / MILLION,
    }
    sys.stdout.write(json.dumps(taken))


def most_memory() -> int:
    """Bytes that this program held at most; what its parent held does not count."""
    with Path("/proc/self/status").open(encoding="ascii") as status:
        [held] = [line.split()[1] for line in status if line.startswith("VmHWM")]
    return int(held) * 1024


def measured(step: str, url: str) -> Mapping[str, float]:
    """A step in a process of its own."""
    taken: Mapping[str, float] = json.loads(_run("once", step, url))
    return taken


def _run(*arguments: str) -> bytes:
    command = [sys.executable, "-m", "tests.benchmarks.crowds", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def crowd(figures: Figures, kind: str, url: str, rows: int) -> None:
    """From all that is due to the messages that say so."""
    figures.about(f"{kind}: {rows:,} reminders due at once for one channel")
    _run("arm", url, str(rows))
    for step in STEPS:
        with writing_beside(url) as waits:
            took = measured(step, url)
        figures.tell(f"{step}", f"{took['seconds']:.1f} s")
        what = f"{step}: another writer's longest wait of {len(waits):,}"
        figures.at_most(what, max(waits), WAIT_GOAL, "ms")
        figures.tell(f"{step}: 99 of 100 within", f"{percentile(waits, 99):.0f} ms")
        figures.at_most(f"{step}: memory", took["memory"], MEMORY_GOAL, "MB")


def main(rows: int) -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    for kind, databases in KINDS.items():
        with databases() as new:
            crowd(figures, kind, new(), rows)
    return figures.exit_code


if __name__ == "__main__":
    if sys.argv[1:2] == ["once"]:
        once(*sys.argv[2:4])
    elif sys.argv[1:2] == ["arm"]:
        arm(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ROWS))
