"""What the page is told, as JSON, for one acting person."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from bot.localslack.blockkit.quality import missing_in_text, quality
from bot.localslack.failure import SlackError
from bot.localslack.seed import SLACKBOT, Person
from bot.localslack.state.refused import Refused
from bot.localslack.state.rooms import Message, Room, is_reply
from bot.localslack.state.views import View
from bot.localslack.webapi.chat import address_of
from bot.localslack.webapi.desk import Desk
from bot.localslack.webapi.files import address_of as address_of_file

Json = dict[str, Any]
_LATEST: Final = 20


class PageJson:
    """Describes the workspace; call it with the workspace's lock held."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._workspace = desk.workspace
        self._seed = desk.workspace.seed

    def person(self, person: Person) -> Json:
        """Somebody in the list of people."""
        names = ("id", "handle", "name", "role", "tz", "is_admin", "is_restricted", "is_bot")
        return {name: getattr(person, name) for name in names}

    def app(self, user: str) -> Json:
        """The installed app."""
        courier = self._desk.courier
        return {
            "id": self._seed.app_id,
            "name": self._seed.bot_name,
            "bot_id": self._seed.bot_id,
            "bot_user_id": self._seed.bot_user_id,
            "dm": self._seed.dm_of(user),
            "connected": courier.transport.connected,
            "transport": courier.transport.name,
        }

    def commands(self) -> list[Json]:
        """The slash commands of the manifest."""
        return [
            {
                "command": name,
                "description": str(each.get("description") or ""),
                "usage_hint": str(each.get("usage_hint") or ""),
            }
            for name, each in self._seed.commands.items()
        ]

    def channels(self, user: str) -> list[Json]:
        """What stands in a person's left column."""
        return [self.channel(user, room) for room in self._workspace.visible_rooms(user)]

    def channel(self, user: str, room: Room) -> Json:
        """One line of it."""
        return {
            "id": room.id,
            "kind": room.kind,
            "name": room.name,
            "purpose": room.purpose,
            "is_private": room.is_private,
            "is_archived": room.is_archived,
            "is_member": user in room.members,
            "bot_is_member": self._seed.bot_user_id in room.members,
            "members": room.members,
            "latest_ts": max(room.messages, default=None),
            **self.unread(user, room),
        }

    def unread(self, user: str, room: Room) -> Json:
        """How much of a conversation a person has not read."""
        messages = self._workspace.unread(user, room) if user in room.members else []
        return {
            "unread": len(messages),
            "mentions": sum(self._mentions(user, each) for each in messages),
            "last_read": self._workspace.last_read(user, room.id),
        }

    def _mentions(self, user: str, message: Message) -> bool:
        words = f"{message.get('text')} {message.get('blocks')}"
        groups = [group.id for group in self._seed.groups if user in group.users]
        names = [user, *groups]
        return any(f"<@{name}" in words or f"<!subteam^{name}" in words for name in names) or any(
            f"'user_id': '{name}'" in words or f"'usergroup_id': '{name}'" in words
            for name in names
        )

    # Messages

    def messages(
        self, user: str, room: Room, *, before: str | None, limit: int
    ) -> tuple[list[Json], bool]:
        """What a person sees in a conversation itself, oldest first, and whether more is older."""
        seen: list[Message | Refused] = [*room.main(), *self._shown(user, room, thread=None)]
        seen += self._boxes(user, room)
        stamped = sorted(((_ts(each), each) for each in seen), key=lambda pair: pair[0])
        if before:
            stamped = [pair for pair in stamped if pair[0] < before]
        page = [self._told(user, room, each) for _, each in stamped[-limit:]]
        return page, len(stamped) > limit

    def _told(self, user: str, room: Room, seen: Message | Refused) -> Json:
        if isinstance(seen, Refused):
            return self.refused_box(seen)
        return self.message(user, room, seen)

    def thread(self, user: str, room: Room, root: str) -> list[Json]:
        """The replies of a thread, with what this person alone sees there."""
        seen = [*room.replies(root), *self._shown(user, room, thread=root)]
        seen.sort(key=lambda each: str(each["ts"]))
        return [self.message(user, room, each) for each in seen]

    def _shown(self, user: str, room: Room, *, thread: str | None) -> Iterable[Message]:
        for message in self._workspace.ephemerals.get(user, {}).values():
            if message["channel"] == room.id and message.get("thread_ts") == thread:
                yield message

    def _boxes(self, user: str, room: Room) -> Iterable[Refused]:
        for each in self._desk.refused.all():
            if each.channel == room.id and each.user in (None, user):
                yield each

    def message(self, user: str, room: Room, message: Message) -> Json:
        """One message."""
        whole = room.with_thread(message)
        author = self._workspace.people.get(message["user"])
        is_app = message.get("bot_id") == self._seed.bot_id
        notice = message["user"] == SLACKBOT
        text = str(message.get("text") or "")
        kind = "notice" if notice else "ephemeral" if message.get("is_ephemeral") else "message"
        remarks = quality(message) if is_app else ()
        return {
            "ts": message["ts"],
            "channel": room.id,
            "kind": kind,
            "user": message["user"],
            "name": "Slackbot" if notice else author.name if author else message["user"],
            "is_app": is_app,
            "text": text,
            "text_length": len(text),
            "blocks": message.get("blocks") or [],
            "files": [self.file(each) for each in message.get("files") or ()],
            "thread_ts": message.get("thread_ts") if is_reply(message) else None,
            "reply_count": whole.get("reply_count", 0),
            "latest_reply": whole.get("latest_reply"),
            "reply_users": whole.get("reply_users", []),
            "edited": "edited" in message and not message.get("blocks"),
            "changed_at": message.get("local_changed_at"),
            "mentions_me": self._mentions(user, message),
            "missing_in_text": list(missing_in_text(message)) if is_app else [],
            "problems": [each.sentence for each in remarks],
            "subtype": message.get("subtype"),
            "command": message.get("local_command"),
            "refused": None,
            "permalink": address_of(self._desk.url, room, message),
        }

    def file(self, file: Json) -> Json:
        """A file below a message."""
        names = ("id", "name", "title", "size")
        return {**{name: file[name] for name in names}, "url": address_of_file("", file)}

    def refused_box(self, refused: Refused) -> Json:
        """A refused message, in the place where it would stand."""
        return {
            "ts": refused.ts,
            "channel": refused.channel,
            "kind": "refused",
            "user": self._seed.bot_user_id,
            "name": self._seed.bot_name,
            "is_app": True,
            "text": refused.sentence,
            "text_length": 0,
            "blocks": [],
            "files": [],
            "thread_ts": None,
            "reply_count": 0,
            "latest_reply": None,
            "reply_users": [],
            "edited": False,
            "changed_at": None,
            "mentions_me": False,
            "missing_in_text": [],
            "problems": [],
            "subtype": None,
            "command": None,
            "refused": self.refused(refused),
            "permalink": f"{self._desk.url}/?channel={refused.channel}",
        }

    def refused(self, refused: Refused | None) -> Json | None:
        """A refusal with every reason."""
        if refused is None:
            return None
        names = (
            "id", "at", "method", "surface", "channel", "user", "error", "sentence", "payload",
        )  # fmt: skip
        found = [
            {
                "pointer": each.pointer,
                "code": each.code,
                "message": each.message,
                "limit": each.limit,
                "got": each.got,
            }
            for each in refused.problems
        ]
        return {**{name: getattr(refused, name) for name in names}, "problems": found}

    def refused_count(self) -> Json:
        """How many were refused, the newest first."""
        everything = self._desk.refused.all()
        latest = [self.refused(each) for each in everything[: -_LATEST - 1 : -1]]
        return {"count": len(everything), "latest": latest}

    # Views

    def modals(self, user: str) -> Json:
        """The windows that a person has open."""
        stack = self._desk.views.stack(user)
        told = [
            self.view(view, depth=number, of=len(stack)) for number, view in enumerate(stack, 1)
        ]
        return {
            "modals": told,
            "modal_refused": self.refused(self._desk.refused.views.get((user, "modal"))),
        }

    def home(self, user: str) -> Json:
        """A person's Home tab."""
        view = self._desk.views.home(user)
        return {
            "home": self.view(view, depth=1, of=1) if view else None,
            "home_refused": self.refused(self._desk.refused.views.get((user, "home"))),
        }

    def view(self, view: View, *, depth: int, of: int) -> Json:
        """One view."""
        content: Mapping[str, Any] = view.content
        return {
            "id": view.id,
            "type": content["type"],
            "title": content.get("title"),
            "submit": content.get("submit"),
            "close": content.get("close"),
            "blocks": content["blocks"],
            "state": view.state,
            "hash": view.hash,
            "callback_id": content.get("callback_id") or "",
            "depth": depth,
            "of": of,
        }

    def found(self, user: str, channel: str, ts: str) -> Json | None:
        """One message by where it stands, when this person may see it."""
        room = self._workspace.room(channel)
        for each in self._boxes(user, room):
            if each.ts == ts:
                return self.refused_box(each)
        message = room.messages.get(ts)
        if message is None:
            try:
                message = self._workspace.shown(user, ts)
            except SlackError:
                return None
        elif not room.visible_to(user):
            return None
        return self.message(user, room, message)


def _ts(seen: Message | Refused) -> str:
    return seen.ts if isinstance(seen, Refused) else str(seen["ts"])
