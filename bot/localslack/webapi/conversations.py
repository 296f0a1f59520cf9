"""conversations.*: channels, their members and what was said in them."""

import base64
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from bot.localslack.failure import SlackError
from bot.localslack.stamps import micros
from bot.localslack.state.rooms import Message, Room, as_slack_tells
from bot.localslack.webapi.desk import (
    Arguments,
    Desk,
    Json,
    Method,
    count_of,
    flag_of,
    granted,
    readable_room,
    scoped,
    text_of,
)
from bot.localslack.webapi.files import address_of
from bot.localslack.webapi.joining import join


def paged(items: Sequence[Any], arguments: Arguments, *, default: int) -> tuple[list[Any], str]:
    """One page of a list and the cursor of the next, empty at the end."""
    size = count_of(arguments, "limit", default=default, most=1000)
    start = _start(arguments.get("cursor"))
    page = list(items[start : start + size])
    more = start + size < len(items)
    return page, base64.b64encode(f"next:{start + size}".encode()).decode() if more else ""


def _start(cursor: object) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(str(cursor), validate=True).decode().partition(":")
        start = int(number)
    except ValueError:
        raise SlackError("invalid_cursor") from None
    if word != "next" or start < 0:
        raise SlackError("invalid_cursor")
    return start


def _next(cursor: str) -> Json:
    return {"response_metadata": {"next_cursor": cursor}}


def told_room(desk: Desk, room: Room) -> Json:
    """A conversation as Slack describes it."""
    seed = desk.workspace.seed
    common: Json = {
        "id": room.id,
        "created": 1_700_000_000,
        "is_archived": room.is_archived,
        "is_im": room.kind == "dm",
        "is_org_shared": False,
        "context_team_id": seed.team_id,
        "updated": 1_700_000_000_000,
    }
    if room.kind == "dm":
        return {**common, "user": room.members[0], "is_user_deleted": False}
    return {
        **common,
        "name": room.name,
        "name_normalized": room.name,
        "is_channel": not room.is_private,
        "is_group": room.is_private,
        "is_mpim": False,
        "is_private": room.is_private,
        "is_general": False,
        "is_member": seed.bot_user_id in room.members,
        "creator": room.members[0] if room.members else "",
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": room.purpose, "creator": "", "last_set": 0},
        "num_members": len(room.members),
    }


def listed(desk: Desk, arguments: Arguments) -> Json:
    """conversations.list."""
    kinds = str(arguments.get("types") or "public_channel").replace(" ", "").split(",")
    for kind in kinds:
        granted(desk, _READ.get(kind, "channels:read"))
    rooms = [
        room
        for room in desk.workspace.rooms.values()
        if _kind(room) in kinds
        and (not room.is_private or desk.workspace.seed.bot_user_id in room.members)
        and not (room.is_archived and flag_of(arguments, "exclude_archived"))
    ]
    page, cursor = paged(rooms, arguments, default=100)
    return {"ok": True, "channels": [told_room(desk, room) for room in page], **_next(cursor)}


_READ: Final = {
    "public_channel": "channels:read",
    "private_channel": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}


def _kind(room: Room) -> str:
    if room.kind == "dm":
        return "im"
    return "private_channel" if room.is_private else "public_channel"


def of_user(desk: Desk, arguments: Arguments) -> Json:
    """users.conversations: where somebody, by default the bot, is a member."""
    user = str(arguments.get("user") or desk.workspace.seed.bot_user_id)
    desk.workspace.person(user)
    kinds = str(arguments.get("types") or "public_channel").replace(" ", "").split(",")
    for kind in kinds:
        granted(desk, _READ.get(kind, "channels:read"))
    rooms = [
        room
        for room in desk.workspace.rooms.values()
        if _kind(room) in kinds
        and user in room.members
        and (not room.is_private or desk.workspace.seed.bot_user_id in room.members)
        and not (room.is_archived and flag_of(arguments, "exclude_archived"))
    ]
    page, cursor = paged(rooms, arguments, default=100)
    return {"ok": True, "channels": [told_room(desk, room) for room in page], **_next(cursor)}


def _room(desk: Desk, arguments: Arguments, *, right: str) -> Room:
    room = readable_room(desk, text_of(arguments, "channel", error="channel_not_found"))
    scoped(desk, room, right)
    return room


def info(desk: Desk, arguments: Arguments) -> Json:
    """conversations.info."""
    return {"ok": True, "channel": told_room(desk, _room(desk, arguments, right="read"))}


def members(desk: Desk, arguments: Arguments) -> Json:
    """conversations.members."""
    room = _room(desk, arguments, right="read")
    page, cursor = paged(room.members, arguments, default=100)
    return {"ok": True, "members": page, **_next(cursor)}


def opened(desk: Desk, arguments: Arguments) -> Json:
    """conversations.open: the direct conversation between the app and one person."""
    granted(desk, "im:write")
    channel = arguments.get("channel")
    users = str(arguments.get("users") or "")
    if channel:
        room = desk.workspace.room(str(channel))
    elif users and "," not in users:
        if desk.workspace.person(users).is_bot:
            raise SlackError("cannot_dm_bot")
        room = desk.workspace.room(desk.workspace.seed.dm_of(users))
    else:
        raise SlackError("users_list_not_supplied" if not users else "method_not_supported")
    whole = flag_of(arguments, "return_im")
    told = told_room(desk, room) if whole else {"id": room.id}
    return {"ok": True, "no_op": True, "already_open": True, "channel": told}


def joined(desk: Desk, arguments: Arguments) -> Json:
    """conversations.join, for the bot itself."""
    granted(desk, "channels:join")
    room = readable_room(desk, text_of(arguments, "channel", error="channel_not_found"))
    if room.is_archived:
        raise SlackError("is_archived")
    join(desk, room.id, desk.workspace.seed.bot_user_id)
    return {"ok": True, "channel": told_room(desk, room)}


def history(desk: Desk, arguments: Arguments) -> Json:
    """conversations.history: newest first, without replies."""
    room = _inside(desk, arguments)
    messages = [each for each in room.main() if _within(each, arguments)][::-1]
    page, cursor = paged(messages, arguments, default=100)
    return _messages(desk, room, page, arguments, cursor=cursor)


def replies(desk: Desk, arguments: Arguments) -> Json:
    """conversations.replies: the root, then its replies, oldest first."""
    room = _inside(desk, arguments)
    ts = text_of(arguments, "ts", error="thread_not_found")
    root = room.messages.get(ts)
    if root is None:
        raise SlackError("thread_not_found")
    ts = str(root.get("thread_ts") or ts)
    thread = [room.messages[ts]] + [each for each in room.replies(ts) if _within(each, arguments)]
    page, cursor = paged(thread, arguments, default=1000)
    return _messages(desk, room, page, arguments, cursor=cursor)


def _inside(desk: Desk, arguments: Arguments) -> Room:
    room = _room(desk, arguments, right="history")
    if desk.workspace.seed.bot_user_id not in room.members:
        raise SlackError("not_in_channel")
    return room


def _within(message: Message, arguments: Arguments) -> bool:
    at = micros(message["ts"])
    oldest = micros(str(arguments.get("oldest") or "0"))
    latest = micros(str(arguments.get("latest") or "9999999999"))
    if flag_of(arguments, "inclusive"):
        return oldest <= at <= latest
    return oldest < at < latest


def _messages(
    desk: Desk, room: Room, page: list[Message], arguments: Arguments, *, cursor: str
) -> Json:
    whole = flag_of(arguments, "include_all_metadata")
    told = [as_slack_tells(room.with_thread(each), with_metadata=whole) for each in page]
    told = [_with_addresses(desk, each) if each.get("files") else each for each in told]
    return {"ok": True, "messages": told, "has_more": bool(cursor), **_next(cursor)}


def _with_addresses(desk: Desk, message: Message) -> Message:
    files = [
        {**each, "url_private": url, "url_private_download": url}
        for each in message["files"]
        for url in (address_of(desk.url, each),)
    ]
    return {**message, "files": files}


METHODS: Final = MappingProxyType(
    {
        "conversations.list": Method(run=listed),
        "conversations.info": Method(run=info),
        "conversations.members": Method(run=members),
        "conversations.open": Method(run=opened),
        "conversations.join": Method(run=joined),
        "conversations.history": Method(run=history),
        "conversations.replies": Method(run=replies),
        "users.conversations": Method(run=of_user),
    }
)
