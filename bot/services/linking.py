"""Linking: permalinks of messages, which nothing waits for."""

from bot.ports.clock import Clock
from bot.ports.messenger import Limited, Messenger, Posted
from bot.ports.store import Store
from bot.services.pacing import Method, Pacing

LINKS = 5000


class Linking:
    """Asks for each link once, and for none while Slack has stopped it for the workspace."""

    def __init__(self, *, store: Store, clock: Clock, messenger: Messenger, pacing: Pacing) -> None:
        self._store = store
        self._clock = clock
        self._messenger = messenger
        self._pacing = pacing
        self._known: dict[Posted, str] = {}

    def link(self, at: Posted) -> str | None:
        """A permalink to a message, or None when it cannot be had now: then do without."""
        if at in self._known:
            return self._known[at]
        now = self._clock.now()
        with self._store.reading() as tx:
            if self._pacing.held_until(tx, Method.LINK, now=now) is not None:
                return None
        try:
            found = self._messenger.link(at)
        except Limited as limited:
            self._pacing.obey(self._store, Method.LINK, limited, now=now)
            return None
        if found is not None:
            if len(self._known) >= LINKS:
                self._known.clear()
            self._known[at] = found
        return found
