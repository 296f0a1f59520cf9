"""Steadiness: since when the database's clock has gone as time does.

What may still land in Slack is waited for by the database's clock, which all replicas share. When
that leaps ahead, put right by NTP or woken with its machine, the wait would be over too early. A
process sees a leap by its own monotonic clock; whoever waits begins anew after one. It is not one
when people move the clock of a demo: there Slack's is moved as well.
"""

from collections.abc import Callable
from datetime import datetime

from bot.ports.clock import Clock

TOLERATED = 0.5
"""Seconds by which the clocks may drift apart, and that it may take to read both."""


class Steadiness:
    """Compares the database's own clock with the process's, whenever it is asked."""

    def __init__(
        self, *, clock: Clock, database: Callable[[], datetime], elapsed: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._database = database
        self._elapsed = elapsed
        self._ahead = float("-inf")
        self._since: datetime | None = None

    def since(self) -> datetime:
        """When the last leap ahead was seen; at the earliest when this was asked first.

        It has to be asked all the time. A reading that took long cannot tell a leap from a delay,
        so it counts as one, this time only.
        """
        asked = self._elapsed()
        there = self._database()
        answered = self._elapsed()
        now = self._clock.now()
        if answered - asked > TOLERATED:
            return now
        ahead = there.timestamp() - answered
        leapt = ahead > self._ahead + TOLERATED
        self._ahead = ahead if leapt else min(ahead, self._ahead)
        self._since = now if leapt or self._since is None else min(now, self._since)
        return self._since
