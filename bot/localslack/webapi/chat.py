"""chat.*: posting, changing and deleting messages."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from bot.localslack.blockkit import limits
from bot.localslack.blockkit.filling import filled
from bot.localslack.blockkit.problem import Problem, too_long
from bot.localslack.blockkit.together import text_sum
from bot.localslack.blockkit.validator import problems
from bot.localslack.failure import SlackError
from bot.localslack.state.rooms import Message, Room, as_slack_tells
from bot.localslack.webapi.desk import (
    Arguments,
    Desk,
    Json,
    Method,
    has_scope,
    invalid,
    json_of,
    readable_room,
    text_of,
    told,
)


def post(desk: Desk, arguments: Arguments) -> Json:
    """chat.postMessage."""
    room = _target(desk, text_of(arguments, "channel", error="channel_not_found"))
    _refuse_closed(desk, room)
    content = _content(desk, arguments, method="chat.postMessage", room=room)
    metadata = _metadata(arguments)
    if metadata:
        content["metadata"] = metadata
    repeated = _same_client_id(desk, room, arguments)
    if repeated is not None:
        return _posted(room, repeated)
    name = arguments.get("client_msg_id")
    if name and desk.client_msg_id == "honour":
        content["client_msg_id"] = str(name)
    root = thread(room, arguments)
    if root:
        content["thread_ts"] = root
    stored = desk.workspace.post(room.id, {**author(desk), **content})
    return _posted(room, stored)


def _posted(room: Room, message: Message) -> Json:
    answer = as_slack_tells(message, with_metadata=True)
    return {"ok": True, "channel": room.id, "ts": message["ts"], "message": answer}


def _target(desk: Desk, name: str) -> Room:
    seed = desk.workspace.seed
    if name in desk.workspace.people and name != seed.bot_user_id:
        return desk.workspace.room(seed.dm_of(name))
    for room in desk.workspace.rooms.values():
        if room.kind == "channel" and name.removeprefix("#") == room.name:
            return readable_room(desk, room.id)
    return readable_room(desk, name)


def open_room(desk: Desk, channel: str) -> Room:
    """A conversation by id that takes what the app posts."""
    room = readable_room(desk, channel)
    _refuse_closed(desk, room)
    return room


def _refuse_closed(desk: Desk, room: Room) -> None:
    seed = desk.workspace.seed
    if room.is_archived:
        raise SlackError("is_archived")
    if room.kind == "dm":
        home = seed.manifest.get("features", {}).get("app_home", {})
        if home.get("messages_tab_enabled") is False:
            raise SlackError("messages_tab_disabled")
        return
    open_to_all = seed.scopes is not None and has_scope(desk, "chat:write.public")
    if seed.bot_user_id not in room.members and not open_to_all:
        raise SlackError("not_in_channel")


def author(desk: Desk) -> Message:
    """Who posts what the app says."""
    seed = desk.workspace.seed
    return {
        "user": seed.bot_user_id,
        "bot_id": seed.bot_id,
        "app_id": seed.app_id,
        "team": seed.team_id,
        "bot_profile": {
            "id": seed.bot_id,
            "app_id": seed.app_id,
            "name": seed.bot_name,
            "team_id": seed.team_id,
        },
    }


def _content(
    desk: Desk, arguments: Arguments, *, method: str, room: Room, user: str | None = None
) -> Message:
    text, blocks = arguments.get("text"), json_of(arguments, "blocks")
    if not text and not blocks and not json_of(arguments, "attachments"):
        raise SlackError("no_text")
    judged = {"text": text, "blocks": blocks, "attachments": json_of(arguments, "attachments")}
    found = problems(judged, "message")
    error = _error_of(found)
    total = text_sum(blocks) if isinstance(blocks, list) else 0
    if not found and total > limits.BLOCKS_TEXT_SUM:
        error = "msg_blocks_too_long"
        found = (too_long("/blocks", got=total, most=limits.BLOCKS_TEXT_SUM),)
    if method == "chat.update" and text and len(str(text)) > limits.UPDATE_TEXT_MOST:
        error = "msg_too_long"
        found = (too_long("/text", got=len(str(text)), most=limits.UPDATE_TEXT_MOST),)
    if found:
        desk.refused.add(
            method=method,
            surface="ephemeral" if user else "message",
            error=error,
            problems=found,
            payload=dict(arguments),
            channel=room.id,
            user=user,
        )
        raise SlackError(error, told(found) | {"errors": [each.sentence for each in found]})
    content: Message = {
        "text": str(text or "")[: limits.TEXT_CUT],
        "blocks": filled(blocks) if blocks else [],
    }
    if judged["attachments"]:
        content["attachments"] = judged["attachments"]
    return content


def _error_of(found: tuple[Problem, ...]) -> str:
    if any(each.message.endswith(" tables") for each in found):
        return "only_one_table_allowed"
    if any(each.pointer.startswith("/attachments") for each in found):
        return "too_many_attachments"
    return "invalid_blocks"


def _metadata(arguments: Arguments) -> Mapping[str, Any] | None:
    try:
        value = json_of(arguments, "metadata")
    except SlackError:
        raise SlackError("invalid_metadata_format") from None
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise SlackError("invalid_metadata_format")
    kind, payload = value.get("event_type"), value.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(value).encode()) > limits.METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return {"event_type": kind, "event_payload": payload}


def _same_client_id(desk: Desk, room: Room, arguments: Arguments) -> Message | None:
    name = arguments.get("client_msg_id")
    if not name or desk.client_msg_id == "ignore":
        return None
    if desk.client_msg_id == "reject":
        raise SlackError("invalid_arguments", invalid("unsupported field: client_msg_id"))
    return next(
        (each for each in room.messages.values() if each.get("client_msg_id") == name), None
    )


def thread(room: Room, arguments: Arguments) -> str | None:
    """The root of the thread that the arguments name; raises `thread_not_found`."""
    name = arguments.get("thread_ts")
    if not name:
        return None
    root = room.messages.get(str(name))
    if root is None:
        raise SlackError("thread_not_found")
    return str(root.get("thread_ts") or name)


def update(desk: Desk, arguments: Arguments) -> Json:
    """chat.update."""
    room, old = _own(desk, arguments, refusal="cant_update_message")
    if room.is_archived:
        raise SlackError("is_inactive")
    content = _content(desk, arguments, method="chat.update", room=room)
    changed = {**old, **content}
    if "metadata" in arguments and arguments["metadata"] is not None:
        metadata = _metadata(arguments)
        changed.pop("metadata", None)
        if metadata:
            changed["metadata"] = metadata
    if not content["blocks"]:  # with blocks Slack shows no "(edited)"
        changed["edited"] = {
            "user": desk.workspace.seed.bot_user_id,
            "ts": desk.workspace.next_ts(),
        }
    stored = desk.workspace.change(room.id, old["ts"], changed)
    message = as_slack_tells(stored, with_metadata=True)
    return {
        "ok": True,
        "channel": room.id,
        "ts": stored["ts"],
        "text": stored["text"],
        "message": message,
    }


def _own(desk: Desk, arguments: Arguments, *, refusal: str) -> tuple[Room, Message]:
    room = readable_room(desk, text_of(arguments, "channel", error="channel_not_found"))
    message = desk.workspace.message(room.id, text_of(arguments, "ts", error="message_not_found"))
    if message.get("bot_id") != desk.workspace.seed.bot_id:
        raise SlackError(refusal)
    return room, message


def delete(desk: Desk, arguments: Arguments) -> Json:
    """chat.delete."""
    room, message = _own(desk, arguments, refusal="cant_delete_message")
    desk.workspace.remove(room.id, message["ts"])
    return {"ok": True, "channel": room.id, "ts": message["ts"]}


def ephemeral(desk: Desk, arguments: Arguments) -> Json:
    """chat.postEphemeral."""
    room = _target(desk, text_of(arguments, "channel", error="channel_not_found"))
    _refuse_closed(desk, room)
    user = text_of(arguments, "user", error="user_not_found")
    if desk.workspace.person(user).id not in room.members:
        raise SlackError("user_not_in_channel")
    content = _content(desk, arguments, method="chat.postEphemeral", room=room, user=user)
    root = thread(room, arguments)
    if root:
        content["thread_ts"] = root
    shown = desk.workspace.show(user, {**author(desk), **content, "channel": room.id})
    return {"ok": True, "message_ts": shown["ts"]}


def permalink(desk: Desk, arguments: Arguments) -> Json:
    """chat.getPermalink: an address of the local page."""
    room = readable_room(desk, text_of(arguments, "channel", error="channel_not_found"))
    ts = text_of(arguments, "message_ts", error="message_not_found")
    message = desk.workspace.message(room.id, ts)
    return {"ok": True, "channel": room.id, "permalink": address_of(desk.url, room, message)}


def address_of(url: str, room: Room, message: Message) -> str:
    """Where the page shows a message."""
    ts = message["ts"]
    root = message.get("thread_ts")
    thread = f"&thread={root}" if root and root != ts else ""
    return f"{url}/?channel={room.id}&message={ts}{thread}"


METHODS: Final = MappingProxyType(
    {
        "chat.postMessage": Method(run=post, scopes=("chat:write",)),
        "chat.update": Method(run=update, scopes=("chat:write",)),
        "chat.delete": Method(run=delete, scopes=("chat:write",)),
        "chat.postEphemeral": Method(run=ephemeral, scopes=("chat:write",)),
        "chat.getPermalink": Method(run=permalink),
    }
)
