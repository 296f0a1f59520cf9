"""The ticks: APScheduler says when, the use cases say what; nothing is remembered here."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger(__name__)

LATE_AFTER_TICKS = 3

SHORTEST = timedelta(milliseconds=1)
"""A clock that counts in milliseconds may be this much behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A use case that finds its own work in the database whenever it is called.

    `again` says how long until there is work that should not wait for the next interval. When
    `run` did anything, those that it `wakes` look at once.
    """

    name: str
    every: timedelta
    run: Callable[[], object]
    again: Callable[[], timedelta | None] = lambda: None
    wakes: tuple[str, ...] = ()


class Scheduler:
    """Calls each tick in its interval; ticks coalesce and never overlap themselves.

    A missed tick costs nothing, because the database knows what is due.
    """

    def __init__(self, ticks: Sequence[Tick]) -> None:
        self._ticks = {tick.name: tick for tick in ticks}
        self._running = {tick.name: threading.RLock() for tick in ticks}
        self._finished: dict[str, float] = {}
        self._began: float | None = None
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            # A tick that was woken may wait for one of its name that runs.
            executors={"default": ThreadPoolExecutor(max(1, 2 * len(ticks)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        for tick in ticks:
            seconds = tick.every.total_seconds()
            self._scheduler.add_job(
                self._tick, "interval", args=(tick,), seconds=seconds, id=tick.name
            )

    def start(self) -> None:
        """Begin to tick; the first round is one interval away."""
        # A tick that outlasts its interval is skipped by design, which is not worth a warning.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._began = time.monotonic()
        self._scheduler.start()

    def stop(self) -> None:
        """Stop and wait until what runs has finished."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def _tick(self, tick: Tick) -> None:
        """Run it, and again as long as more work is near than the next interval."""
        done = self._run_and_wake(tick)
        while (wait := self._wait(tick)) is not None and (done or wait > timedelta(0)):
            if self._stopping.wait(max(wait, SHORTEST).total_seconds()):
                return
            done = self._run_and_wake(tick)

    def _run_and_wake(self, tick: Tick) -> object:
        done = self.run(tick.name)
        for name in tick.wakes if done and not self._stopping.is_set() else ():
            woken = self._ticks[name]
            self._scheduler.add_job(
                self._tick, args=(woken,), id=f"{name}, woken", replace_existing=True
            )
        return done

    def _wait(self, tick: Tick) -> timedelta | None:
        try:
            wait = tick.again()
        except Exception:
            log.exception("tick.failed", extra={"tick": tick.name})
            return None
        return wait if wait is not None and wait < tick.every else None

    def run(self, name: str) -> object:
        """Run one tick now, after one of its name that runs; a surprise is logged once.

        The next tick tries again.
        """
        try:
            with self._running[name]:
                result = self._ticks[name].run()
        except Exception:
            log.exception("tick.failed", extra={"tick": name})
            return None
        self._finished[name] = time.monotonic()
        return result

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing ticks inside the block but what its own thread runs."""
        with ExitStack() as held:
            for lock in self._running.values():
                held.enter_context(lock)
            yield

    @property
    def runs(self) -> Sequence[Callable[[], object]]:
        """The ticks in their order, each as a call of its own."""
        return [partial(self.run, name) for name in self._ticks]

    def run_all(self) -> None:
        """Run every tick once, in order: for those who drive the time themselves."""
        for name in self._ticks:
            self.run(name)

    def late(self) -> Mapping[str, float]:
        """Ticks that last finished longer than three intervals ago, with their age in seconds.

        One that never finished is as old as the scheduler.
        """
        now = time.monotonic()
        began = self._began if self._began is not None else now
        ages = {name: now - self._finished.get(name, began) for name in self._ticks}
        return {
            name: age
            for name, age in ages.items()
            if age > LATE_AFTER_TICKS * self._ticks[name].every.total_seconds() + 1
        }
