"""files.*: uploading in three steps, of which `WebApi.upload` takes the second, the bytes.

methods/files.getUploadURLExternal, methods/files.completeUploadExternal
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from bot.localslack.failure import SlackError
from bot.localslack.state import files
from bot.localslack.state.rooms import Message
from bot.localslack.webapi import chat
from bot.localslack.webapi.desk import Arguments, Desk, Json, Method, invalid, json_of, text_of

_ALT_TEXT_MOST: Final = 1000


def get_url(desk: Desk, arguments: Arguments) -> Json:
    """files.getUploadURLExternal: where the bytes go."""
    name = text_of(arguments, "filename")
    length = _length(arguments)
    if len(str(arguments.get("alt_txt") or "")) > _ALT_TEXT_MOST:
        raise SlackError("alt_txt_too_large")
    file = files.begin(desk.workspace, name=name, length=length)
    url = f"{desk.url}/upload/{file['local_ticket']}"
    return {"ok": True, "upload_url": url, "file_id": file["id"]}


def _length(arguments: Arguments) -> int:
    try:
        length = int(arguments.get("length") or 0)
    except (TypeError, ValueError):
        raise SlackError("invalid_arguments", invalid("length is not an integer")) from None
    if length <= 0:
        raise SlackError("missing_argument")
    return length


def complete(desk: Desk, arguments: Arguments) -> Json:
    """files.completeUploadExternal: shows the files in a conversation, or nowhere yet."""
    named = _named(arguments)
    found = [files.filled(desk.workspace, each["id"]) for each in named]
    channel = arguments.get("channel_id")
    if arguments.get("channels"):
        several = str(arguments["channels"]).split(",")
        if channel or len(several) > 1:
            raise SlackError("invalid_arguments", invalid("give one channel, by channel_id"))
        channel = several[0]
    if channel:
        content = _content(desk, arguments, channel=str(channel))
    shared = [
        files.share(desk.workspace, file, title=str(each.get("title") or file["name"]))
        for file, each in zip(found, named, strict=True)
    ]
    if channel:
        told = [_kept(each) for each in shared]
        desk.workspace.post(str(channel), {**content, "files": told, "upload": True})
    return {"ok": True, "files": [{"id": e["id"], "title": e["title"]} for e in shared]}


def _named(arguments: Arguments) -> Sequence[Json]:
    named = json_of(arguments, "files")
    if not isinstance(named, list) or not named:
        raise SlackError("invalid_arguments", invalid("missing required field: files"))
    if not all(isinstance(each, dict) and isinstance(each.get("id"), str) for each in named):
        raise SlackError("invalid_arguments", invalid("files is not a list of objects with an id"))
    return named


def _content(desk: Desk, arguments: Arguments, *, channel: str) -> Message:
    """The message that shows them, where one may be posted; it has a text only if one is given."""
    room = chat.open_room(desk, channel)
    comment = str(arguments.get("initial_comment") or "")
    content: Message = {**chat.author(desk), "text": comment, "blocks": []}
    root = chat.thread(room, arguments)
    return content | ({"thread_ts": root} if root else {})


def told_of(desk: Desk, file: files.File) -> Json:
    """What a payload says of a file that a person gave to a form."""
    where = address_of(desk.url, file)
    return {**_kept(file), "url_private": where, "url_private_download": where, "permalink": where}


def _kept(file: files.File) -> Json:
    return {name: value for name, value in file.items() if not name.startswith("local_")}


def address_of(url: str, file: Any) -> str:
    """Where a file that was shared is downloaded."""
    return f"{url}/files/{file['id']}/{quote(str(file['name']), safe='')}"


METHODS: Final = MappingProxyType(
    {
        "files.getUploadURLExternal": Method(run=get_url, scopes=("files:write",)),
        "files.completeUploadExternal": Method(run=complete, scopes=("files:write",)),
    }
)
