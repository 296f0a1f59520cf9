"""Replicas that race for one due set: how fast several are, against one.

`python -m tests.benchmarks.races`: processes on one PostgreSQL, so the figure depends on how many
cores there are. Goal: several are not slower than one.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from storage.migrate import migrate
from tests.benchmarks.figures import Figures
from tests.postgres import PostgresServer, administer
from tests.proof.racing import Racer

REPLICAS = (1, 2, 4, 8)
REMINDERS = 1000

_start = None


def _begin(barrier):
    global _start  # noqa: PLW0603 - a pool's processes are handed a barrier no other way
    _start = barrier


def _race(url: str) -> tuple[int, float, float]:
    racer = Racer(url)
    _start.wait()
    began, used = time.monotonic(), time.process_time()
    told = racer.race()
    figures = len(told), time.monotonic() - began, time.process_time() - used
    racer.close()
    return figures


def measured(url: str, replicas: int) -> tuple[float, float]:
    """Seconds until the last one was done, and of all processors' time, for one due set."""
    armed = Racer(url)
    armed.arm(REMINDERS)
    armed.close()
    context = get_context("spawn")
    with ProcessPoolExecutor(
        replicas, mp_context=context, initializer=_begin, initargs=(context.Barrier(replicas),)
    ) as processes:
        figures = list(processes.map(_race, [url] * replicas))
    told = sum(each[0] for each in figures)
    if told != REMINDERS:
        raise SystemExit(f"{told} reminders were told instead of {REMINDERS}")
    return max(each[1] for each in figures), sum(each[2] for each in figures)


def main() -> int:
    """Print a line for each number of replicas; exit 1 where several are slower than one."""
    server = PostgresServer(as_shipped=True)
    figures = Figures()
    try:
        server.start()
        alone = 0.0
        for replicas in REPLICAS:
            name = f"race_{replicas}"
            administer(server.url, f"CREATE DATABASE {name} TEMPLATE template0")
            migrate(f"{server.url}/{name}")
            seconds, processor = measured(f"{server.url}/{name}", replicas)
            alone = alone or seconds
            figures.about(f"{replicas} replicas, {processor:.1f} s of processor time")
            figures.tell("reminders a second", f"{REMINDERS / seconds:.0f}")
            figures.at_least("as many as one", alone / seconds, 1, "times")
    finally:
        server.close()
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main())
