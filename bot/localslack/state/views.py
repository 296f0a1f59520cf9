"""Windows and Home tabs: who has what open, and what stands in it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.localslack.blockkit import inputs, limits
from bot.localslack.blockkit.filling import filled
from bot.localslack.failure import SlackError
from bot.localslack.stamps import new_id
from bot.localslack.state.changes import Change, Tell
from bot.localslack.state.triggers import Trigger
from bot.localslack.state.workspace import Workspace

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class View:
    """A window or Home tab of one person; `content` is what the app sent, ids filled in."""

    id: str
    user: str
    content: Json
    hash: str
    channel: str | None = None
    root: str = ""
    previous: str | None = None
    state: dict[str, dict[str, Any]] = field(default_factory=dict)


class Views:
    """Open windows live in memory; Home tabs are kept."""

    def __init__(self, *, workspace: Workspace, tell: Tell) -> None:
        self._workspace = workspace
        self._tell = tell
        self.clear()

    def clear(self) -> None:
        """Close everything and read the Home tabs again."""
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}
        for user, kept in self._workspace.kept("home").items():
            self._homes[user] = View(user=user, **kept)

    # Looking

    def stack(self, user: str) -> list[View]:
        """The windows that a person has open, bottom first."""
        return list(self._stacks.get(user, ()))

    def home(self, user: str) -> View | None:
        """What is published on a person's Home tab."""
        return self._homes.get(user)

    def find(self, view_id: str, *, user: str | None = None) -> View:
        """An open window or Home by id; raises `not_found`."""
        for view in self._everything():
            if view.id == view_id and user in (None, view.user):
                return view
        raise SlackError("not_found")

    def find_external(self, external_id: str) -> View:
        """The same by the id that the app gave it."""
        for view in self._everything():
            if view.content.get("external_id") == external_id:
                return view
        raise SlackError("not_found")

    def _everything(self) -> list[View]:
        opened = [view for stack in self._stacks.values() for view in stack]
        return opened + list(self._homes.values())

    # Opening and closing

    def open(self, trigger: Trigger, content: Mapping[str, Any]) -> View:
        """Open a window; from within a window it lies on top of it."""
        if trigger.view and self._stacks.get(trigger.user):
            return self.push(trigger, content)
        self._refuse_twice(content)
        view = self._new(trigger, content)
        self._stacks[trigger.user] = [view]
        self._told(trigger.user)
        return view

    def push(self, trigger: Trigger, content: Mapping[str, Any]) -> View:
        """Open a window on top; raises `push_limit_reached`, `not_found`."""
        stack = self._stacks.get(trigger.user)
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= limits.VIEW_STACK:
            raise SlackError("push_limit_reached")
        self._refuse_twice(content)
        view = self._new(trigger, content)
        view.root, view.previous = stack[0].id, stack[-1].id
        view.channel = view.channel or stack[-1].channel
        stack.append(view)
        self._told(trigger.user)
        return view

    def _refuse_twice(self, content: Mapping[str, Any]) -> None:
        name = content.get("external_id")
        if name and any(view.content.get("external_id") == name for view in self._everything()):
            raise SlackError("duplicate_external_id")

    def _new(self, trigger: Trigger, content: Mapping[str, Any]) -> View:
        view_id = new_id("V")
        return View(
            id=view_id,
            user=trigger.user,
            content=_ready(content),
            hash=self._hash(),
            channel=trigger.channel,
            root=view_id,
        )

    def _hash(self) -> str:
        return f"{int(self._workspace.now().timestamp())}.{secrets.token_hex(4)}"

    def update(self, view: View, content: Mapping[str, Any], *, expected: str | None) -> View:
        """Change a window; raises `hash_conflict` when it is newer than the app believes."""
        if expected is not None and expected != view.hash:
            raise SlackError("hash_conflict")
        view.content = _ready(content)
        view.hash = self._hash()
        view.state = inputs.kept(view.content["blocks"], view.state)
        if view.content["type"] == "home":
            self._keep_home(view)
            self._tell(Change(kind="home", user=view.user))
        else:
            self._told(view.user)
        return view

    def publish(self, user: str, content: Mapping[str, Any], *, expected: str | None) -> View:
        """Put a view on a person's Home tab."""
        old = self._homes.get(user)
        if old is not None:
            return self.update(old, content, expected=expected)
        view_id = new_id("V")
        ready = _ready(content)
        view = View(id=view_id, user=user, content=ready, hash=self._hash(), root=view_id)
        self._homes[user] = view
        self._keep_home(view)
        self._tell(Change(kind="home", user=user))
        return view

    def _keep_home(self, view: View) -> None:
        kept = {"id": view.id, "content": view.content, "hash": view.hash, "root": view.root}
        self._workspace.keep("home", view.user, kept)

    def close_top(self, view: View) -> None:
        """Close one window and whatever lies on it."""
        stack = self._stacks.get(view.user, [])
        if view in stack:
            del stack[stack.index(view) :]
        self._told(view.user)

    def close_all(self, user: str) -> list[View]:
        """Close a person's windows; answers those that were open, top first."""
        stack = self._stacks.pop(user, [])
        self._told(user)
        return stack[::-1]

    def remember(self, view: View, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep what a person typed so far."""
        view.state = {block: dict(actions) for block, actions in state.items()}

    def _told(self, user: str) -> None:
        self._tell(Change(kind="modals", user=user))

    # In Slack's words

    def as_slack_tells(self, view: View) -> Json:
        """The view as payloads and answers carry it."""
        seed = self._workspace.seed
        told: Json = {
            "id": view.id,
            "team_id": seed.team_id,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "title": None,
            "submit": None,
            "close": None,
            **view.content,
            "state": {"values": inputs.values(view.content["blocks"], view.state)},
            "hash": view.hash,
            "root_view_id": view.root,
            "previous_view_id": view.previous,
            "app_id": seed.app_id,
            "app_installed_team_id": seed.team_id,
            "bot_id": seed.bot_id,
        }
        return told


def _ready(content: Mapping[str, Any]) -> Json:
    return {**content, "blocks": filled(content.get("blocks") or [])}
