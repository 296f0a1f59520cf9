"""Slack's timestamps: seconds and microseconds as a string, unique and always rising."""

import secrets
from datetime import datetime
from typing import Final

_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Stamps:
    """Makes a `ts` from the clock, and from its predecessor where the clock stands or goes back."""

    def __init__(self, *, last: str = "0.000000") -> None:
        self._last = micros(last)

    def next(self, now: datetime) -> str:
        """A `ts` later than every one before it."""
        self._last = max(int(now.timestamp() * 1_000_000), self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"


def micros(ts: str) -> int:
    """Microseconds since 1970 of a `ts`; one that cannot be read counts as 0."""
    seconds, _, rest = ts.partition(".")
    try:
        return int(seconds) * 1_000_000 + int(f"{rest:0<6.6}")
    except ValueError:
        return 0


def new_id(prefix: str, *, length: int = 10) -> str:
    """A random id in the manner of Slack's, such as `V…` of a view."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(length))
