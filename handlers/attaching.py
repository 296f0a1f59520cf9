"""A receipt's file in a thread: uploaded in Slack's three steps, and recognised by its name.

Slack keeps no metadata with a file. What it tells of one wherever it is shown are its title, which
people may edit, and the name that it was uploaded under, which nobody can: so the name begins the
delivery's id, after the request's number that people look for. Nothing is shared before the last
step; what a lost attempt uploaded stays where nobody sees it.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError

from slack_sdk.errors import SlackApiError

from bot.facts.messages import ReceiptFile
from bot.facts.receipt import Form
from bot.papers.receipt_file import receipt_file
from bot.ports.messenger import NotPosted, Undeliverable, Unsettled
from handlers.client import SlackClient
from handlers.refusals import CLOSED, LOST, lost, repeatable, translated

log = logging.getLogger(__name__)

MARK = 8
"""So many digits of a delivery's id tell it from the few other files of a thread."""

FILES_ALONE = frozenset({"missing_scope", "no_permission"})
"""What Slack refuses of a file where it takes messages."""

_KINDS = {Form.PDF: "PDF", Form.JSON: "JSON"}


def attach(
    client: SlackClient,
    message: ReceiptFile,
    *,
    channel: str,
    delivery_id: str,
    thread: str | None,
    comment: str | None,
) -> None:
    """Upload and share it once. Raises NotPosted, Undeliverable, or Unsettled."""
    file = _upload(client, name_of(message, delivery_id), _printed(message))
    title = _title(message)
    try:
        client.files_completeUploadExternal(
            files=[{"id": file, "title": title}],
            channel_id=channel,
            thread_ts=thread,
            initial_comment=comment,
        )
    except SlackApiError as error:
        raise unattached(error) from error
    except LOST as error:
        raise lost(error) from error


def name_of(message: ReceiptFile, delivery_id: str) -> str:
    """`receipt-1042-5c1f0d2e.pdf`."""
    return f"receipt-{message.request.number}-{delivery_id[:MARK]}.{message.form.value}"


def is_file_of(message: Mapping[str, Any], delivery_id: str) -> bool:
    """Whether a message shows the file of a delivery."""
    names = (str(file.get("name") or "") for file in message.get("files") or ())
    return any(name.rpartition(".")[0].endswith(f"-{delivery_id[:MARK]}") for name in names)


def unattached(error: SlackApiError) -> NotPosted | Undeliverable | Unsettled:
    """What a refusal means for the file: one that says nothing of its channel is for good.

    A message may still be taken there, so a file never closes a channel that takes messages.
    """
    found = translated(error)
    if isinstance(found, Undeliverable):
        return Undeliverable(found.error, closed=found.error in CLOSED - FILES_ALONE)
    return Undeliverable(found.error) if type(found) is NotPosted else found


def _title(message: ReceiptFile) -> str:
    """`Receipt of request 1042 (PDF)`; of a newer one also what it knows beyond the first."""
    look = message.receipt.facts.second_look
    later = " after the second look" if look is not None and look.at is not None else ""
    return f"Receipt of request {message.request.number}{later} ({_KINDS[message.form]})"


def _printed(message: ReceiptFile) -> bytes:
    """The bytes of the file; one that cannot be made now would hold up its thread for ever."""
    try:
        return receipt_file(message.receipt.facts, message.form)
    except Exception as surprise:
        log.exception("receipt.unprintable", extra={"request": message.request.number})
        raise Undeliverable("unprintable") from surprise


def _upload(client: SlackClient, name: str, content: bytes) -> str:
    """The id of a file that nobody sees yet, so that this may be repeated without harm."""
    try:
        place = client.files_getUploadURLExternal(filename=name, length=len(content))
        client.upload(str(place["upload_url"]), content)
    except SlackApiError as error:
        raise repeatable(unattached(error)) from error
    except HTTPError as error:
        if error.code in range(400, 500) and error.code != 429:
            raise Undeliverable(f"http_{error.code}") from error
        raise repeatable(lost(error)) from error
    except LOST as error:
        raise repeatable(lost(error)) from error
    return str(place["file_id"])
