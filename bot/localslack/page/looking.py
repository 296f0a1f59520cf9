"""What the page reads: the snapshot, a conversation, a thread; from any thread."""

from collections.abc import Mapping

from bot.localslack.failure import SlackError
from bot.localslack.page.live import Live
from bot.localslack.page.snapshot import PageJson
from bot.localslack.seed import Person
from bot.localslack.state.rooms import Room
from bot.localslack.webapi.desk import Desk, Json


class Looking:
    """Answers as the page API says, for one acting person at a time."""

    def __init__(self, *, desk: Desk, live: Live) -> None:
        self._desk = desk
        self._live = live
        self._json = PageJson(desk)

    def state(self, person: Person, _query: Mapping[str, str]) -> Json:
        """The whole snapshot for a person."""
        panels = self._live.panels()  # the host may take its time, so not under the lock
        page, desk = self._json, self._desk
        seed = desk.workspace.seed
        with desk.workspace.lock:
            return {
                "ok": True,
                "seq": self._live.seq,
                "me": page.person(person),
                "people": [page.person(each) for each in seed.everyone.values()],
                "groups": [
                    {"id": each.id, "handle": each.handle, "name": each.name}
                    for each in seed.groups
                ],
                "team": {"id": seed.team_id, "name": seed.team_name, "domain": seed.team_domain},
                "app": page.app(person.id),
                "channels": page.channels(person.id),
                **page.home(person.id),
                **page.modals(person.id),
                "commands": page.commands(),
                "panels": panels,
                "clock": self._live.clock(),
                "refused": page.refused_count(),
            }

    def messages(self, person: Person, query: Mapping[str, str]) -> Json:
        """The newest messages of a conversation, or those before one."""
        limit = _limit(query.get("limit"))
        with self._desk.workspace.lock:
            room = self._room(person, query.get("channel", ""))
            before = query.get("before") or None
            page, more = self._json.messages(person.id, room, before=before, limit=limit)
        return {"ok": True, "channel": room.id, "messages": page, "has_more": more}

    def thread(self, person: Person, query: Mapping[str, str]) -> Json:
        """A message and its replies."""
        with self._desk.workspace.lock:
            room = self._room(person, query.get("channel", ""))
            ts = query.get("ts", "")
            root = room.messages.get(ts)
            if root is None:
                raise SlackError("message_not_found")
            return {
                "ok": True,
                "channel": room.id,
                "root": self._json.message(person.id, room, root),
                "replies": self._json.thread(person.id, room, ts),
            }

    def _room(self, person: Person, channel: str) -> Room:
        room = self._desk.workspace.room(channel)
        if not room.visible_to(person.id):
            raise SlackError("channel_not_found")
        return room

    def modals(self, person: Person) -> list[Json]:
        """The windows that a person has open."""
        with self._desk.workspace.lock:
            modals: list[Json] = self._json.modals(person.id)["modals"]
            return modals

    def home(self, person: Person) -> Json:
        """A person's Home tab."""
        with self._desk.workspace.lock:
            return self._json.home(person.id)

    def unread(self, person: Person, channel: str) -> Json:
        """How much of a conversation a person has not read."""
        with self._desk.workspace.lock:
            return self._json.unread(person.id, self._desk.workspace.room(channel))


def _limit(text: str | None) -> int:
    return max(1, min(int(text), 500)) if text and text.isdecimal() else 50
