"""The Clock port: the one source of now."""

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the instant that all replicas agree on: the database's time plus one offset."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""


class AdjustableClock(Clock, Protocol):
    """A clock of the demo and of tests, whose persisted offset can move forward."""

    def advance(self, by: timedelta) -> datetime:
        """Move forward (never back) for every replica at once; returns the new now."""

    def advance_to(self, target: datetime) -> datetime:
        """Move forward to an instant unless it is past already; returns the new now."""
