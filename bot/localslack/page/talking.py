"""What a person types: messages, and the slash commands among them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.localslack.delivery import payloads
from bot.localslack.delivery.courier import NotDelivered
from bot.localslack.delivery.response_urls import Place
from bot.localslack.failure import SlackError
from bot.localslack.page.acts import ActFailed
from bot.localslack.seed import SLACKBOT, Person
from bot.localslack.state.rooms import Room
from bot.localslack.webapi.desk import Desk, Json
from bot.localslack.webapi.joining import archive, join, leave

_MENTION: Final = re.compile(r"(?<![\w<])([@#])([\w.-]*\w)")


class Talking:
    """Sends what was typed; runs on the server's loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._workspace = desk.workspace
        self._seed = desk.workspace.seed

    async def send(self, person: Person, channel: str, text: str, thread: str | None) -> Json:
        """A message, or a command when it begins with a slash."""
        room = self._room(person, channel)
        text = text.strip()
        if not text:
            raise ActFailed("no_text", "Write something first.")
        if not text.startswith("/"):
            return self._say(person, room, text, thread)
        if thread:
            raise ActFailed("command_in_thread", "Commands do not work in threads.", shown=False)
        name, _, rest = text.partition(" ")
        builtin = _BUILTIN.get(name)
        if builtin:
            builtin(self, person, room, rest.strip())
            return {"ok": True}
        return await self._command(person, room, name, rest.strip())

    def _room(self, person: Person, channel: str) -> Room:
        try:
            room = self._workspace.room(channel)
        except SlackError as error:
            raise ActFailed(error.code, "This channel is not there.") from None
        if not room.visible_to(person.id):
            raise ActFailed("channel_not_found", "This channel is not there.")
        return room

    def _say(self, person: Person, room: Room, text: str, thread: str | None) -> Json:
        if room.is_archived:
            raise ActFailed("is_archived", f"#{room.name} is archived.")
        home = self._seed.manifest.get("features", {}).get("app_home", {})
        if room.kind == "dm" and home.get("messages_tab_read_only_enabled"):
            sentence = f"{self._seed.bot_name} reads no messages here. Its commands work."
            raise ActFailed("messages_tab_read_only", sentence)
        if person.id not in room.members:
            raise ActFailed("not_in_channel", f"You are not in #{room.name}. Join it first.")
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        message: Json = {
            "user": person.id,
            "team": self._seed.team_id,
            "text": self.linked(escaped),
            "blocks": [],
        }
        if thread and thread in room.messages:
            message["thread_ts"] = room.messages[thread].get("thread_ts") or thread
        stored = self._workspace.post(room.id, message)
        bot = self._seed.bot_user_id
        if f"<@{bot}" in stored["text"] and bot in room.members:
            told = {"user": person.id, "channel": room.id}
            words = {"text": stored["text"], "ts": stored["ts"]}
            self._desk.courier.event({"type": "app_mention", **told, **words})
        return {"ok": True, "ts": stored["ts"]}

    def linked(self, text: str) -> str:
        """The text with `@handle` and `#name` as Slack's entities."""
        return _MENTION.sub(self._entity, text)

    def _entity(self, match: re.Match[str]) -> str:
        sign, name = match.groups()
        if sign == "@":
            person = self._seed.by_handle(name)
            if person:
                return f"<@{person.id}|{person.handle}>"
            group = next((each for each in self._seed.groups if each.handle == name), None)
            return f"<!subteam^{group.id}|@{name}>" if group else match.group()
        for room in self._workspace.rooms.values():
            if room.kind == "channel" and room.name == name:
                return f"<#{room.id}|{room.name}>"
        return match.group()

    # Commands

    async def _command(self, person: Person, room: Room, name: str, text: str) -> Json:
        known = self._seed.commands.get(name)
        if known is None:
            names = ", ".join([*self._seed.commands, *_BUILTIN])
            raise self._noticed(
                person, room, "unknown_command", f"{name} is not a command here. There are {names}."
            )
        line = f"{name} {text}".strip()
        if known.get("should_escape"):
            text = self.linked(text)
        url = self._desk.response_urls.give(user=person.id, channel=room.id, command=line)
        trigger = self._desk.triggers.give(user=person.id, channel=room.id, view=None)
        payload = payloads.command(
            self._seed, person, room, name=name, text=text, trigger=trigger, response_url=url
        )
        try:
            said = await self._desk.courier.deliver("slash_commands", name, payload)
        except NotDelivered as error:
            raise self._noticed(person, room, error.code, error.sentence) from None
        self._answered(person, room, said, line)
        return {"ok": True}

    def _answered(self, person: Person, room: Room, said: Any, line: str) -> None:
        if isinstance(said, str):
            said = {"text": said}
        if not isinstance(said, Mapping) or not (said.get("text") or said.get("blocks")):
            return
        place = Place(user=person.id, channel=room.id, born=0.0, command=line)
        try:
            self._desk.response_urls.answer(place, said)
        except SlackError:
            return  # the refusal stands in the conversation already

    def _noticed(self, person: Person, room: Room, code: str, sentence: str) -> ActFailed:
        self._workspace.show(
            person.id, {"user": SLACKBOT, "channel": room.id, "text": sentence, "blocks": []}
        )
        return ActFailed(code, sentence, shown=True)

    # Commands of Slack itself

    def invite(self, person: Person, room: Room, text: str) -> None:
        """/invite @name."""
        join(self._desk, room.id, self._named(text).id, inviter=person.id)

    def remove(self, _person: Person, room: Room, text: str) -> None:
        """/remove @name."""
        leave(self._desk, room.id, self._named(text).id)

    def archive(self, person: Person, room: Room, _text: str) -> None:
        """/archive."""
        archive(self._desk, room.id, by=person.id)

    def _named(self, text: str) -> Person:
        found = self._seed.by_handle(text.removeprefix("@").lower())
        if found is None:
            raise ActFailed("user_not_found", f"Nobody here is called {text or 'that'}.")
        return found


_BUILTIN: Final[Mapping[str, Callable[[Talking, Person, Room, str], None]]] = {
    "/invite": Talking.invite,
    "/remove": Talking.remove,
    "/archive": Talking.archive,
}
