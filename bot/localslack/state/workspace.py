"""The workspace: who is where, what was said, what each person has read."""

import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from bot.localslack.failure import SlackError
from bot.localslack.panels import Clock
from bot.localslack.seed import Person, Seed
from bot.localslack.stamps import Stamps, micros
from bot.localslack.state.book import Book, Entry
from bot.localslack.state.changes import Change, Tell
from bot.localslack.state.rooms import Message, Room, is_reply

KEPT_OVER_RESET: Final = ("token",)


class Workspace:
    """All state that outlives a restart; every public method may be called from any thread."""

    def __init__(self, *, seed: Seed, book: Book, clock: Clock, tell: Tell) -> None:
        self.lock = threading.RLock()
        self.seed = seed
        self.people = seed.everyone
        self._book = book
        self._clock = clock
        self._tell = tell
        self._load()

    def _load(self) -> None:
        self.rooms = {each.id: each for each in self._seeded()}
        self.ephemerals: dict[str, dict[str, Message]] = {}
        self._stamps = Stamps(last=self._book.all("meta").get("last_ts", "0.000000"))
        for room_id, kept in self._book.all("room").items():
            room = self.rooms.get(room_id)
            if room:
                room.members, room.is_archived = kept["members"], kept["is_archived"]
        for key, message in self._book.all("message").items():
            room = self.rooms.get(key.partition(":")[0])
            if room:
                room.messages[message["ts"]] = message
        for key, message in self._book.all("ephemeral").items():
            self.ephemerals.setdefault(key.partition(":")[0], {})[message["ts"]] = message
        self._read: dict[str, str] = self._book.all("read")

    def _seeded(self) -> Iterator[Room]:
        for each in self.seed.channels:
            yield Room(
                id=each.id,
                name=each.name,
                kind="channel",
                purpose=each.purpose,
                is_private=each.is_private,
                members=list(each.members),
            )
        for person in self.seed.humans:
            name = self.seed.bot_name
            members = [person.id, self.seed.bot_user_id]
            yield Room(id=self.seed.dm_of(person.id), name=name, kind="dm", members=members)

    def reset(self) -> None:
        """Begin anew from the seed; only the tokens stay."""
        with self.lock:
            self._book.clear(but=KEPT_OVER_RESET)
            self._load()
            self._tell(Change(kind="reset"))

    def now(self) -> datetime:
        """The workspace's time."""
        return self._clock.now()

    def next_ts(self) -> str:
        """A `ts` for something new."""
        with self.lock:
            return self._stamps.next(self._clock.now())

    def person(self, user: str) -> Person:
        """A member by id; raises `user_not_found`."""
        if user not in self.people:
            raise SlackError("user_not_found")
        return self.people[user]

    def room(self, channel: str) -> Room:
        """A conversation by id; raises `channel_not_found`."""
        if channel not in self.rooms:
            raise SlackError("channel_not_found")
        return self.rooms[channel]

    def message(self, channel: str, ts: str) -> Message:
        """A message that stands there now; raises `message_not_found`."""
        found = self.room(channel).messages.get(ts)
        if found is None or found.get("subtype") == "tombstone":
            raise SlackError("message_not_found")
        return found

    # What is said

    def post(self, channel: str, message: Message) -> Message:
        """Add a message, give it its `ts`, keep it, and tell those who see it."""
        with self.lock:
            room = self.room(channel)
            stored = {"type": "message", **message, "ts": self.next_ts()}
            self._keep(
                Entry("message", f"{channel}:{stored['ts']}", stored),
                Entry("meta", "last_ts", stored["ts"]),
            )
            room.messages[stored["ts"]] = stored
            self._tell(Change(kind="message", channel=channel, ts=stored["ts"], new=True))
            self._told_root(channel, stored)
            author = self.people.get(stored["user"])
            if author and not author.is_bot:
                self.mark_read(stored["user"], channel, stored["ts"])
            self._tell_unread(room)
            return stored

    def change(self, channel: str, ts: str, changed: Message) -> Message:
        """Put a changed message in the place of an old one."""
        with self.lock:
            room = self.room(channel)
            stored = {**changed, "ts": ts, "local_changed_at": self._clock.now().timestamp()}
            self._keep(Entry("message", f"{channel}:{ts}", stored))
            room.messages[ts] = stored
            self._tell(Change(kind="message", channel=channel, ts=ts))
            return stored

    def remove(self, channel: str, ts: str) -> None:
        """Delete a message; the root of a thread leaves a stone behind, as in Slack."""
        with self.lock:
            room = self.room(channel)
            message = self.message(channel, ts)
            if room.replies(ts):
                keep = ("type", "ts", "user", "thread_ts")
                stone = {name: message[name] for name in keep if name in message}
                stone |= {"subtype": "tombstone", "text": "This message was deleted."}
                self.change(channel, ts, stone)
                return
            self._keep(Entry("message", f"{channel}:{ts}", None))
            del room.messages[ts]
            self._tell(Change(kind="gone", channel=channel, ts=ts))
            self._told_root(channel, message)
            self._tell_unread(room)

    def _told_root(self, channel: str, message: Message) -> None:
        root = message.get("thread_ts")
        if is_reply(message) and root in self.room(channel).messages:
            self._tell(Change(kind="message", channel=channel, ts=root))

    # What one person sees

    def show(self, user: str, message: Message) -> Message:
        """Show a message to one person alone; `message` names its channel."""
        with self.lock:
            stored = {"type": "message", **message, "ts": self.next_ts(), "is_ephemeral": True}
            self._keep(
                Entry("ephemeral", f"{user}:{stored['ts']}", stored),
                Entry("meta", "last_ts", stored["ts"]),
            )
            self.ephemerals.setdefault(user, {})[stored["ts"]] = stored
            self._tell_shown(user, stored, new=True)
            return stored

    def show_again(self, user: str, ts: str, changed: Message) -> Message:
        """Replace what one person sees."""
        with self.lock:
            old = self.shown(user, ts)
            stored = {**old, **changed, "ts": ts}
            stored["local_changed_at"] = self._clock.now().timestamp()
            self._keep(Entry("ephemeral", f"{user}:{ts}", stored))
            self.ephemerals[user][ts] = stored
            self._tell_shown(user, stored, new=False)
            return stored

    def shown(self, user: str, ts: str) -> Message:
        """What one person alone sees; raises `message_not_found`."""
        found = self.ephemerals.get(user, {}).get(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def dismiss(self, user: str, ts: str) -> None:
        """Take away what one person alone sees; what is gone already stays so."""
        with self.lock:
            message = self.ephemerals.get(user, {}).pop(ts, None)
            if message is None:
                return
            self._keep(Entry("ephemeral", f"{user}:{ts}", None))
            self._tell(Change(kind="gone", channel=message["channel"], ts=ts, user=user))

    def _tell_shown(self, user: str, message: Message, *, new: bool) -> None:
        where = {"channel": message["channel"], "ts": message["ts"]}
        self._tell(Change(kind="message", user=user, new=new, **where))

    # Reading

    def last_read(self, user: str, channel: str) -> str:
        """The `ts` up to which a person has read."""
        return self._read.get(f"{user}:{channel}", "0.000000")

    def mark_read(self, user: str, channel: str, ts: str | None = None) -> None:
        """Move a person's mark forward to `ts`, or to the newest message; never back."""
        with self.lock:
            newest = max(self.room(channel).messages, default="0.000000")
            mark = ts or newest
            if micros(mark) <= micros(self.last_read(user, channel)):
                return
            self._keep(Entry("read", f"{user}:{channel}", mark))
            self._read[f"{user}:{channel}"] = mark
            self._tell(Change(kind="unread", channel=channel, user=user))

    def unread(self, user: str, room: Room) -> list[Message]:
        """What a person has not read in the conversation itself, without their own."""
        mark = self.last_read(user, room.id)
        found: list[Message] = []
        for ts in reversed(room.messages):
            if ts <= mark:
                break
            message = room.messages[ts]
            if not is_reply(message) and message.get("user") != user:
                found.append(message)
        return found

    def _tell_unread(self, room: Room) -> None:
        for user in room.members:
            self._tell(Change(kind="unread", channel=room.id, user=user))

    # Membership

    def set_archived(self, channel: str, *, archived: bool) -> None:
        """Archive a channel or bring it back."""
        with self.lock:
            room = self.room(channel)
            room.is_archived = archived
            self._keep_room(room)

    def add_member(self, channel: str, user: str) -> bool:
        """Let somebody in; False when they were inside already."""
        with self.lock:
            room = self.room(channel)
            if user in room.members:
                return False
            room.members.append(user)
            self._keep_room(room)
            return True

    def remove_member(self, channel: str, user: str) -> None:
        """Take somebody out."""
        with self.lock:
            room = self.room(channel)
            if user in room.members:
                room.members.remove(user)
                self._keep_room(room)

    def _keep_room(self, room: Room) -> None:
        value = {"members": room.members, "is_archived": room.is_archived}
        self._keep(Entry("room", room.id, value))
        self._tell(Change(kind="channels"))

    # Homes and secrets

    def kept(self, kind: str) -> dict[str, Any]:
        """What was kept under one kind, by key."""
        with self.lock:
            return self._book.all(kind)

    def keep(self, kind: str, key: str, value: Any) -> None:
        """Keep one value, or forget it with None."""
        with self.lock:
            self._keep(Entry(kind, key, value))

    def _keep(self, *entries: Entry) -> None:
        self._book.write(entries)

    def visible_rooms(self, user: str) -> Iterable[Room]:
        """The conversations that a person may read, in order, their own with the app last."""
        return [each for each in self.rooms.values() if each.visible_to(user)]
