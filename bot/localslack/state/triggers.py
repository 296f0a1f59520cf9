"""Trigger ids: the short-lived rights to open a window before somebody who just did something."""

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.localslack.failure import SlackError

_KEEP: Final = 1_000


@dataclass(slots=True, kw_only=True)
class Trigger:
    """Given with one act of one person; `view` is the window in which it happened, if any."""

    user: str
    channel: str | None
    view: str | None
    born: float
    used: bool = False


class Triggers:
    """Hands out trigger ids and takes each back once, within its time."""

    def __init__(self, *, seconds: float, elapsed: Callable[[], float]) -> None:
        self._seconds = seconds
        self._elapsed = elapsed
        self._given: dict[str, Trigger] = {}

    def give(self, *, user: str, channel: str | None, view: str | None) -> str:
        """A new trigger id for a person's act."""
        name = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**9)}.{secrets.token_hex(16)}"
        self._given[name] = Trigger(user=user, channel=channel, view=view, born=self._elapsed())
        while len(self._given) > _KEEP:
            del self._given[next(iter(self._given))]
        return name

    def owner(self, name: str) -> str | None:
        """Whose act a trigger belongs to, used or not."""
        found = self._given.get(name)
        return found.user if found else None

    def expire(self, name: str) -> None:
        """Let a trigger's time be over now."""
        if name in self._given:
            self._given[name].born = -math.inf

    def take(self, name: object) -> Trigger:
        """Use a trigger up.

        Raises `invalid_trigger_id`, `expired_trigger_id` or `exchanged_trigger_id`.
        """
        found = self._given.get(name) if isinstance(name, str) else None
        if found is None:
            raise SlackError("invalid_trigger_id")
        if found.used:
            raise SlackError("exchanged_trigger_id")
        if self._elapsed() - found.born > self._seconds:
            raise SlackError("expired_trigger_id")
        found.used = True
        return found
