"""What the host and tests do with a running local Slack, from any thread."""

import asyncio
from typing import Any, Literal

from bot.localslack.acting import Acting
from bot.localslack.delivery.courier import Delivery
from bot.localslack.delivery.sockets import SocketPool
from bot.localslack.faults import Fault
from bot.localslack.page.routes import Page
from bot.localslack.seed import SLACKBOT, Person, Seed
from bot.localslack.state.refused import Refused
from bot.localslack.state.rooms import Message
from bot.localslack.webapi.calls import ApiCall, WebApi
from bot.localslack.webapi.desk import Desk
from bot.localslack.webapi.joining import archive, join, leave


class Handles:
    """Looks at the workspace, acts in it and breaks things; `LocalSlack` adds the server.

    Channels are given by id or name, people by handle or id.
    """

    seed: Seed
    _desk: Desk
    _api: WebApi
    _page: Page
    _pool: SocketPool
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def connected(self) -> bool:
        """Whether the app can be reached, as far as is known."""
        return self._desk.courier.transport.connected

    @property
    def sockets(self) -> int:
        """How many sockets the app holds open."""
        return len(self._pool)

    @property
    def client_msg_id(self) -> Literal["ignore", "honour", "reject"]:
        """What chat.postMessage does with `client_msg_id`."""
        return self._desk.client_msg_id

    @client_msg_id.setter
    def client_msg_id(self, policy: Literal["ignore", "honour", "reject"]) -> None:
        self._desk.client_msg_id = policy

    def reset(self) -> None:
        """Begin anew from the seed: no message, no fault, no record; the tokens stay."""
        with self._desk.workspace.lock:
            self._desk.faults.clear()
            self._desk.refused.clear()
            self._api.forget()
            self._on_loop(self._desk.courier.forget)
            self._desk.workspace.reset()
            self._desk.views.clear()

    def arm(self, fault: Fault) -> None:
        """Arm a fault."""
        self._desk.faults.arm(fault)

    def clear_faults(self) -> None:
        """Disarm all faults."""
        self._desk.faults.clear()

    def calls(self, method: str | None = None) -> tuple[ApiCall, ...]:
        """The Web API calls so far, response_url's among them, oldest first."""
        return self._api.calls(method)

    def deliveries(self) -> tuple[Delivery, ...]:
        """Every attempt to bring something to the app that is over, oldest first."""
        return self._desk.courier.deliveries()

    def refused(self) -> tuple[Refused, ...]:
        """Every payload that Slack would have refused."""
        return self._desk.refused.all()

    def messages(self, channel: str) -> list[Message]:
        """What stands in a conversation, replies included, oldest first, with metadata."""
        with self._desk.workspace.lock:
            found = self._desk.workspace.room(self.channel_id(channel)).messages.values()
            return [{**each, "channel": self.channel_id(channel)} for each in found]

    def ephemerals(self, person: str) -> list[Message]:
        """What one person alone sees, oldest first, without Slack's own notices."""
        with self._desk.workspace.lock:
            shown = self._desk.workspace.ephemerals.get(self.someone(person).id, {}).values()
            return [each for each in shown if each["user"] != SLACKBOT]

    def notices(self, person: str) -> list[str]:
        """What Slack itself told one person."""
        with self._desk.workspace.lock:
            shown = self._desk.workspace.ephemerals.get(self.someone(person).id, {}).values()
            return [each["text"] for each in shown if each["user"] == SLACKBOT]

    def view(self, person: str) -> dict[str, Any] | None:
        """The window on top of a person's stack, in Slack's words."""
        with self._desk.workspace.lock:
            stack = self._desk.views.stack(self.someone(person).id)
            return self._desk.views.as_slack_tells(stack[-1]) if stack else None

    def home(self, person: str) -> dict[str, Any] | None:
        """What is published on a person's Home tab, in Slack's words."""
        with self._desk.workspace.lock:
            view = self._desk.views.home(self.someone(person).id)
            return self._desk.views.as_slack_tells(view) if view else None

    def acting(self, person: str) -> Acting:
        """Somebody at the keyboard."""
        return Acting(person=self.someone(person), page=self._page, loop=self._running_loop)

    def archive(self, channel: str) -> None:
        """Archive a channel, as the first person."""
        archive(self._desk, self.channel_id(channel), by=self.seed.humans[0].id)

    def unarchive(self, channel: str) -> None:
        """Bring an archived channel back."""
        self._desk.workspace.set_archived(self.channel_id(channel), archived=False)

    def invite(self, channel: str, person: str | None = None) -> None:
        """Let somebody, by default the bot, into a channel."""
        join(self._desk, self.channel_id(channel), self._id_or_bot(person))

    def kick(self, channel: str, person: str | None = None) -> None:
        """Take somebody, by default the bot, out of a channel."""
        leave(self._desk, self.channel_id(channel), self._id_or_bot(person))

    def disconnect(self, *, reason: str = "refresh_requested", abrupt: bool = False) -> None:
        """End the app's sockets, with Slack's notice or without a word."""
        self._on_loop(lambda: self._pool.disconnect(reason=reason, abrupt=abrupt))

    def channel_id(self, channel: str) -> str:
        """The id of a channel given by id or name; of a DM, given by its id or `@handle`."""
        if channel.startswith("@"):
            return self.seed.dm_of(self.someone(channel[1:]).id)
        for room in self._desk.workspace.rooms.values():
            if channel in (room.id, room.name) and (room.kind == "channel" or channel == room.id):
                return room.id
        raise LookupError(f"There is no channel {channel!r}.")

    def someone(self, person: str) -> Person:
        """A person by handle or id."""
        found = self.seed.by_handle(person) or self.seed.everyone.get(person)
        if found is None:
            raise LookupError(f"There is nobody called {person!r}.")
        return found

    def _id_or_bot(self, person: str | None) -> str:
        return self.someone(person).id if person else self.seed.bot_user_id

    def _cut(self) -> None:
        self.disconnect(abrupt=True)

    def _on_loop(self, work: Any) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(work)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("The local Slack does not run.")
        return self._loop
