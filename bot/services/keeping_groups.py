"""Keeping groups: whether the user groups of the settings can be read, so that members decide.

Looking keeps what is remembered of them fresh, so that a click seldom waits for Slack.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.billing.subscription import SlackUser
from bot.ports.clock import Clock
from bot.ports.store import Store
from bot.services.alarming import Trouble, alarm
from bot.services.people import People

TOLERATED = timedelta(minutes=5)
"""A workspace that does not answer for a moment is worth no word."""


class KeepingGroups:
    """Looks who decides, and tells operators of which user group Slack does not show it."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        people: People,
        operators: Callable[[], Sequence[SlackUser]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._people = people
        self._operators = operators

    def tick(self) -> None:
        """Look, and tell of each group once that it cannot be read, and since when."""
        self._people.deciders()
        now = self._clock.now()
        for group, lasts in self._people.unread_for().items():
            if lasts > TOLERATED:
                self._tell(group, since=now - lasts, at=now)

    def _tell(self, group: str, *, since: datetime, at: datetime) -> None:
        trouble = Trouble(
            about=f"group/{group}",
            subject="A user group cannot be read",
            text=f"Slack does not show who is in the user group {group}. Its last known members "
            "decide for 24 hours, then nobody of it does. Look whether it is there and enabled, "
            "and run `lapse doctor`.",
            since=since,
        )
        operators = self._operators()
        with self._store.transaction() as tx:
            alarm(tx, trouble, operators=operators, at=at)
