"""The engine's times, shortened alike, so that a freeze of seconds outlasts a lease."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event

from bot import app
from bot.services import delivering, sweeping
from handlers import refusals
from storage import engine

LEASE = 2.0
TIMEOUT = 1.0
STARTS_WITHIN = 0.3
MAY_LAND = 2.0
SETTLED = TIMEOUT + MAY_LAND
SWEPT_WITHIN = 60.0
"""Seconds until a second copy is gone: sweeps tick every ten, and history is not always read."""


def shorten() -> None:
    """Take these times in this process; intervals of ticks stay as they are."""
    app.CALLED_WITHIN = _seconds(TIMEOUT - STARTS_WITHIN)
    delivering.STARTS_WITHIN = _seconds(STARTS_WITHIN)
    delivering.LEASE = _seconds(LEASE)
    delivering.TIMEOUT = _seconds(TIMEOUT)
    delivering.MAY_LAND = _seconds(MAY_LAND)
    delivering.SWEEP_AFTER = _seconds(2 * SETTLED)
    delivering.FIRST_LOOK = _seconds(1)
    delivering.LAST_LOOK = _seconds(4)
    delivering.LONGEST_WAIT = _seconds(4)
    sweeping.TIMEOUT = _seconds(TIMEOUT)
    sweeping.MAY_LAND = _seconds(MAY_LAND)
    sweeping.AGAIN = _seconds(4)
    sweeping.ONCE_MORE_AFTER = _seconds(4 * SETTLED)
    refusals.LATER = 2.0
    engine.IDLE_SECONDS = 1


def watch(tell: Callable[[float], object], ended: Event) -> None:
    """Tell of every time that this process stood still for longer than a lease's margin."""
    before = time.monotonic()
    while not ended.wait(0.1):
        now = time.monotonic()
        if now - before > LEASE - TIMEOUT:
            tell(now - before)
        before = now


def _seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
