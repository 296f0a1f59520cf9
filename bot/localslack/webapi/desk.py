"""What every Web API method works with, and how it reads its arguments."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.localslack.blockkit.problem import Problem
from bot.localslack.delivery.courier import Courier
from bot.localslack.delivery.response_urls import ResponseUrls
from bot.localslack.failure import SlackError
from bot.localslack.faults import Faults
from bot.localslack.state.changes import Tell
from bot.localslack.state.refused import RefusedLog
from bot.localslack.state.rooms import Room
from bot.localslack.state.triggers import Triggers
from bot.localslack.state.views import Views
from bot.localslack.state.workspace import Workspace

Json = dict[str, Any]
Arguments = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Desk:
    """All parts of the stand-in, joined; `url` is the page's address without a slash."""

    workspace: Workspace
    views: Views
    triggers: Triggers
    refused: RefusedLog
    faults: Faults
    courier: Courier
    response_urls: ResponseUrls
    tell: Tell
    ticket: Callable[[], str]
    url: str = ""
    client_msg_id: Literal["ignore", "honour", "reject"] = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the Web API; `scopes` are alternatives, `needs` the kind of token."""

    run: Callable[[Desk, Arguments], Json]
    scopes: tuple[str, ...] = ()
    needs: Literal["bot", "app"] = "bot"


def granted(desk: Desk, *scopes: str) -> None:
    """Raise `missing_scope` unless the manifest asked for one of the scopes."""
    provided = desk.workspace.seed.scopes
    if provided is None or not scopes or any(scope in provided for scope in scopes):
        return
    more = {"needed": ",".join(scopes), "provided": ",".join(sorted(provided))}
    raise SlackError("missing_scope", more)


def has_scope(desk: Desk, scope: str) -> bool:
    """Whether the manifest asked for the scope."""
    provided = desk.workspace.seed.scopes
    return provided is None or scope in provided


def text_of(arguments: Arguments, name: str, *, error: str = "invalid_arguments") -> str:
    """A string argument that must be there."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise SlackError(error, invalid(f"missing required field: {name}"))
    return value


def flag_of(arguments: Arguments, name: str, *, default: bool = False) -> bool:
    """A boolean argument in any of the spellings that forms and JSON have for it."""
    value = arguments.get(name)
    return default if value is None else value in (True, 1, "1", "true", "True")


def count_of(arguments: Arguments, name: str, *, default: int, most: int) -> int:
    """A page size; raises `invalid_limit`."""
    value = arguments.get(name)
    if value in (None, ""):
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise SlackError("invalid_limit") from None
    if not 1 <= number <= most:
        raise SlackError("invalid_limit")
    return number


def json_of(arguments: Arguments, name: str) -> Any:
    """An argument that is JSON, or JSON inside a form's string; raises `invalid_arguments`."""
    value = arguments.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise SlackError("invalid_arguments", invalid(f"{name} is not JSON")) from None


def invalid(*messages: str) -> Json:
    """The part of an answer in which Slack says what was wrong with an argument."""
    return {"response_metadata": {"messages": [f"[ERROR] {message}" for message in messages]}}


def told(problems: Sequence[Problem], *, base: str = "") -> Json:
    """The same for problems of a payload, with their pointers."""
    found: Iterable[str] = (
        f"{each.message} [json-pointer:{base}{each.pointer}]" for each in problems
    )
    return invalid(*found)


def readable_room(desk: Desk, channel: str) -> Room:
    """A conversation that the bot may know of; private ones only from inside."""
    room = desk.workspace.room(channel)
    inside = desk.workspace.seed.bot_user_id in room.members
    if room.kind == "dm" or not room.is_private or inside:
        return room
    raise SlackError("channel_not_found")


def scoped(desk: Desk, room: Room, right: str) -> None:
    """Raise `missing_scope` unless the bot has e.g. `channels:read` for this kind of room."""
    family = "im" if room.kind == "dm" else "groups" if room.is_private else "channels"
    granted(desk, f"{family}:{right}")
