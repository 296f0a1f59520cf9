"""A person at the keyboard, for tests and scripts: what the page can do, from any thread."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.localslack.blockkit.elements import placed
from bot.localslack.page.routes import Page
from bot.localslack.seed import Person
from bot.localslack.webapi.desk import Json

_PATIENCE: Final = 15.0  # seconds of real time; an ack takes three at most
Compact = Mapping[str, Mapping[str, Any]]


class Acting:
    """One person; every answer is the page API's JSON, `ok` false where it failed."""

    def __init__(
        self, *, person: Person, page: Page, loop: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        self.person = person
        self._page = page
        self._loop = loop

    def do(self, path: str, **body: Any) -> Json:
        """POST to `/page/PATH` as this person."""
        act = self._page.posts[path]
        work = self._page.perform(act, self.person, body)
        return asyncio.run_coroutine_threadsafe(work, self._loop()).result(_PATIENCE)

    def say(self, channel: str, text: str, *, thread: str | None = None) -> Json:
        """Send a message or a command in a channel given by its id."""
        return self.do("send", channel=channel, text=text, thread_ts=thread)

    def click(
        self,
        message: Mapping[str, Any],
        action_id: str,
        *,
        value: Any = None,
        state: Compact | None = None,
    ) -> Json:
        """Press or choose in a message; `action_id` may be a button's label or its action id."""
        target = {"channel": message["channel"], "ts": message["ts"]}
        return self._press(target, message["blocks"], action_id, value, state)

    def click_home(self, action_id: str, *, value: Any = None) -> Json:
        """Press or choose on the Home tab."""
        home = self.state()["home"]
        return self._press({"home": True}, home["blocks"], action_id, value, None)

    def click_modal(
        self, action_id: str, *, value: Any = None, state: Compact | None = None
    ) -> Json:
        """Press or choose in the window on top."""
        view = self.modal()
        return self._press({"view": view["id"]}, view["blocks"], action_id, value, state)

    def _press(
        self,
        target: Mapping[str, Any],
        blocks: list[Json],
        action_id: str,
        value: Any,
        state: Compact | None,
    ) -> Json:
        for each in placed(blocks):
            label = (each.element.get("text") or {}).get("text")
            if action_id in (each.action_id, label):
                return self.do(
                    "action",
                    target=target,
                    block_id=each.block_id,
                    action_id=each.action_id,
                    value=value,
                    state=state or {},
                )
        raise LookupError(f"Nothing here is called {action_id!r}.")

    def submit(self, state: Compact | None = None) -> Json:
        """Send the form on top with these compact values."""
        return self.do("views/submit", view=self.modal()["id"], state=state or {})

    def close(self, *, everything: bool = False) -> Json:
        """Go back, or close the whole stack."""
        return self.do("views/close", view=self.modal()["id"], all=everything)

    def open_home(self) -> Json:
        """Choose the Home tab."""
        return self.do("home", tab="home")

    def state(self) -> Json:
        """The page's snapshot."""
        return self._page.looking.state(self.person, {})

    def modal(self) -> Json:
        """The window on top; raises `LookupError` when none is open."""
        modals = self.state()["modals"]
        if not modals:
            raise LookupError(f"{self.person.handle} has no window open.")
        return dict(modals[-1])

    def messages(self, channel: str) -> list[Json]:
        """What this person sees in a channel given by its id, oldest first."""
        query = {"channel": channel, "limit": "500"}
        found: list[Json] = self._page.looking.messages(self.person, query)["messages"]
        return found
