"""What a person does in the page, brought to the app as Slack would bring it."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.localslack.blockkit import inputs
from bot.localslack.blockkit.elements import STATEFUL, Placed, placed
from bot.localslack.blockkit.inputs import State
from bot.localslack.delivery import payloads
from bot.localslack.delivery.courier import NotDelivered
from bot.localslack.failure import SlackError
from bot.localslack.seed import Person
from bot.localslack.state.rooms import Message, Room
from bot.localslack.state.triggers import Trigger
from bot.localslack.state.views import View
from bot.localslack.webapi.desk import Desk, Json
from bot.localslack.webapi.views import judged


class ActFailed(Exception):
    """An act that did not go through; `answer` is what the page is told."""

    def __init__(self, code: str, sentence: str, **more: Any) -> None:
        super().__init__(sentence)
        self.answer: Json = {"ok": False, "error": code, "sentence": sentence, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an element was found: in a message of a room, or in a view."""

    blocks: list[Json]
    room: Room | None = None
    message: Message | None = None
    view: View | None = None


class Acts:
    """Clicks, choices and forms; runs on the server's loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._workspace = desk.workspace
        self._seed = desk.workspace.seed
        self._tasks: set[asyncio.Task[None]] = set()

    # Elements

    async def press(
        self,
        person: Person,
        target: Mapping[str, Any],
        *,
        block_id: str,
        action_id: str,
        value: Any,
        state: State,
    ) -> Json:
        """A click on a button, or a choice in a select."""
        with self._workspace.lock:
            place = self._place(person, target)
            each = _element(place, block_id=block_id, action_id=action_id)
            state = _with(state, each, value)
            ts = self._workspace.next_ts()
            action = payloads.pressed(each, value, ts=ts)
            if place.view:
                self._desk.views.remember(place.view, inputs.kept(place.blocks, state))
            base = self._base(person, place, state, trigger=True)
        payload = payloads.actions(base, action)
        await self._deliver("block_actions", payload)
        return {"ok": True}

    async def suggest(
        self,
        person: Person,
        target: Mapping[str, Any],
        *,
        block_id: str,
        action_id: str,
        value: str,
    ) -> Json:
        """The options of an external select for what was typed."""
        with self._workspace.lock:
            place = self._place(person, target)
            each = _element(place, block_id=block_id, action_id=action_id, pressed=False)
            base = self._base(person, place, {}, trigger=False)
        said = await self._deliver("block_suggestion", payloads.suggestion(base, each, value))
        told = said if isinstance(said, dict) else {}
        if "option_groups" in told:
            return {"ok": True, "option_groups": told["option_groups"]}
        return {"ok": True, "options": (told.get("options") or [])[:100]}

    def _place(self, person: Person, target: Mapping[str, Any]) -> _Place:
        if target.get("view"):
            view = self._view(person, str(target["view"]))
            return _Place(blocks=view.content["blocks"], view=view)
        if target.get("home"):
            home = self._desk.views.home(person.id)
            if home is None:
                raise ActFailed("view_not_found", "This Home is not there any more.")
            return _Place(blocks=home.content["blocks"], view=home)
        return self._message_place(person, str(target.get("channel")), str(target.get("ts")))

    def _message_place(self, person: Person, channel: str, ts: str) -> _Place:
        try:
            room = self._workspace.room(channel)
            message = room.messages.get(ts) or self._workspace.shown(person.id, ts)
        except SlackError as error:
            raise ActFailed(error.code, "This message is not there any more.") from None
        if not room.visible_to(person.id):
            raise ActFailed("channel_not_found", "You are not in this channel.")
        return _Place(blocks=message.get("blocks") or [], room=room, message=message)

    def _view(self, person: Person, view_id: str) -> View:
        try:
            return self._desk.views.find(view_id, user=person.id)
        except SlackError:
            raise ActFailed("view_not_found", "This window is not open any more.") from None

    def _base(self, person: Person, place: _Place, state: State, *, trigger: bool) -> Json:
        given = self._trigger(person, place) if trigger else None
        if place.view:
            told = self._desk.views.as_slack_tells(place.view)
            return payloads.on_view(self._seed, person, told, trigger=given)
        room, message = place.room, place.message
        if room is None or message is None:
            raise ActFailed("message_not_found", "This message is not there any more.")
        url = self._desk.response_urls.give(
            user=person.id,
            channel=room.id,
            ts=message["ts"],
            ephemeral=bool(message.get("is_ephemeral")),
        )
        return payloads.on_message(
            self._seed,
            person,
            room,
            message,
            trigger=given,
            values=inputs.values(place.blocks, state),
            response_url=url,
        )

    def _trigger(self, person: Person, place: _Place) -> str:
        view = place.view
        inside = view.id if view and view.content["type"] == "modal" else None
        channel = place.room.id if place.room else view.channel if view else None
        return self._desk.triggers.give(user=person.id, channel=channel, view=inside)

    async def _deliver(self, name: str, payload: Json) -> Any:
        try:
            return await self._desk.courier.deliver("interactive", name, payload)
        except NotDelivered as error:
            raise ActFailed(error.code, error.sentence, shown=False) from None

    # Windows

    async def submit(self, person: Person, view_id: str, state: State) -> Json:
        """Send a form; answers what became of its window."""
        with self._workspace.lock:
            view = self._view(person, view_id)
            self._desk.views.remember(view, inputs.kept(view.content["blocks"], state))
            errors = inputs.form_errors(view.content["blocks"], view.state)
            if errors:
                sentence = "Some fields need another look."
                raise ActFailed("invalid_inputs", sentence, errors=errors)
            trigger = self._desk.triggers.give(user=person.id, channel=view.channel, view=view.id)
            told = self._desk.views.as_slack_tells(view)
            base = payloads.on_view(self._seed, person, told, trigger=trigger)
        said = await self._deliver("view_submission", payloads.submission(base))
        with self._workspace.lock:
            return self._respond(person, view, said if isinstance(said, dict) else {})

    def _respond(self, person: Person, view: View, said: Mapping[str, Any]) -> Json:
        action = said.get("response_action")
        if action == "errors":
            raise _app_errors(view, said.get("errors"))
        if action in ("update", "push"):
            return self._replaced(person, view, said.get("view"), push=action == "push")
        if action == "clear":
            self._desk.views.close_all(person.id)
            return {"ok": True, "result": "cleared"}
        self._desk.views.close_top(view)
        return {"ok": True, "result": "closed"}

    def _replaced(self, person: Person, view: View, content: Any, *, push: bool) -> Json:
        try:
            new = judged(self._desk, content, "modal", method="response_action", user=person.id)
            if push:
                trigger = Trigger(user=person.id, channel=view.channel, view=view.id, born=0.0)
                self._desk.views.push(trigger, new)
            else:
                self._desk.views.update(view, new, expected=None)
        except SlackError as error:
            sentence = f"Slack would refuse the window that followed ({error.code})."
            raise ActFailed("invalid_view", sentence) from None
        return {"ok": True, "result": "pushed" if push else "updated"}

    def close(self, person: Person, view_id: str, *, everything: bool) -> None:
        """Close a window, or the whole stack, and tell the app where it asked for it."""
        with self._workspace.lock:
            view = self._view(person, view_id)
            cleared = everything or bool(view.content.get("clear_on_close"))
            gone = self._desk.views.stack(person.id)[::-1] if cleared else [view]
            told = [
                self._desk.views.as_slack_tells(each)
                for each in gone
                if each.content.get("notify_on_close")
            ]
            if cleared:
                self._desk.views.close_all(person.id)
            else:
                self._desk.views.close_top(view)
        for each in told:
            base = payloads.on_view(self._seed, person, each, trigger=None)
            self._start(self._closed(payloads.closed(base, cleared=cleared)))

    async def _closed(self, payload: Json) -> None:
        try:
            await self._desk.courier.deliver("interactive", "view_closed", payload)
        except NotDelivered:
            return  # the window is gone, so nobody is left to be told

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def choose_tab(self, person: Person, tab: str) -> None:
        """Open a tab of the app; the app is told each time."""
        event: Json = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": self._seed.dm_of(person.id),
            "tab": tab,
        }
        with self._workspace.lock:
            home = self._desk.views.home(person.id)
            if home and tab == "home":
                event["view"] = self._desk.views.as_slack_tells(home)
        self._desk.courier.event(event)


_QUIET: Final = STATEFUL


def _element(place: _Place, *, block_id: str, action_id: str, pressed: bool = True) -> Placed:
    for each in placed(place.blocks):
        if each.block_id == block_id and each.action_id == action_id:
            quiet = each.is_input and not each.block.get("dispatch_action")
            if pressed and quiet:
                break
            return each
    raise ActFailed("no_such_element", "This control is not there any more.")


def _with(state: State, each: Placed, value: Any) -> State:
    if each.kind not in _QUIET:
        return state
    try:
        inputs.expanded(each.element, value)
    except SlackError as error:
        raise ActFailed(error.code, "This option is not there any more.") from None
    changed = {block: dict(actions) for block, actions in state.items()}
    changed.setdefault(each.block_id, {})[each.action_id] = value
    return changed


def _app_errors(view: View, errors: Any) -> ActFailed:
    fields = {each.get("block_id") for each in view.content["blocks"] if each["type"] == "input"}
    told: dict[str, str] = {}
    for name, words in (errors if isinstance(errors, dict) else {}).items():
        known = name if name in fields else ""
        told[known] = f"{told[known]} {words}" if known in told else str(words)
    return ActFailed("response_action_errors", "The app found something to change.", errors=told)
