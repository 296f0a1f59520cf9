"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta


def always_steady() -> datetime:
    """Since when a clock that never leaps has gone as time does."""
    return datetime.min.replace(tzinfo=UTC)


class SettableClock:
    """The Clock port without a database; `set` may also step back, as machines' clocks do."""

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> datetime:
        self._now = now.astimezone(UTC)
        return self._now

    def advance(self, by: timedelta) -> datetime:
        if by < timedelta(0):
            raise ValueError("the clock only moves forward")
        return self.set(self._now + by)

    def advance_to(self, target: datetime) -> datetime:
        return self.set(max(self._now, target))


class DatabaseClock:
    """The clock that all replicas read: the true one and what its jumps add up to."""

    def __init__(self, true: SettableClock) -> None:
        self._true = true
        self.off = timedelta(0)

    def now(self) -> datetime:
        return self._true.now() + self.off
