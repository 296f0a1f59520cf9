"""Files that the app uploads, and that people give to a form; kept over a restart.

The app's are asked for, filled with bytes, and then shown.
"""

import base64
import mimetypes
import secrets
from typing import Any, Final

from bot.localslack.failure import SlackError
from bot.localslack.state.workspace import Workspace

File = dict[str, Any]
"""What is known of a file; keys that begin with `local_` never leave by the Web API."""

_FACTS: Final = "file"
_CONTENT: Final = "file-content"


def given(workspace: Workspace, *, name: str, content: bytes, user: str) -> File:
    """A file that a person gives to a form; it can be downloaded at once."""
    file = begin(workspace, name=name, length=len(content), user=user)
    fill(workspace, file["local_ticket"], content)
    return share(workspace, file, title=name)


def begin(workspace: Workspace, *, name: str, length: int, user: str = "") -> File:
    """A place for a file that is to come, with the ticket of the one who may fill it.

    It is the app's own unless it is the file of a user.
    """
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    file: File = {
        "id": f"F{secrets.token_hex(5).upper()}",
        "created": int(workspace.now().timestamp()),
        "name": name,
        "title": name,
        "mimetype": kind,
        "filetype": name.rpartition(".")[2].lower() or "binary",
        "user": user or workspace.seed.bot_user_id,
        "size": length,
        "mode": "hosted",
        "is_external": False,
        "local_ticket": secrets.token_hex(16),
        "local_shared": False,
    }
    workspace.keep(_FACTS, file["id"], file)
    return file


def fill(workspace: Workspace, ticket: str, content: bytes) -> None:
    """Take the bytes; raises `file_not_found` for a ticket that nobody has, or another length."""
    file = next(
        (each for each in workspace.kept(_FACTS).values() if each["local_ticket"] == ticket), None
    )
    if file is None or file["local_shared"] or len(content) != file["size"]:
        raise SlackError("file_not_found")
    workspace.keep(_CONTENT, file["id"], base64.b64encode(content).decode())


def filled(workspace: Workspace, file_id: str) -> File:
    """A file whose bytes have come and that nobody was shown; raises `file_not_found`."""
    file: File | None = workspace.kept(_FACTS).get(file_id)
    if file is None or file["local_shared"] or file_id not in workspace.kept(_CONTENT):
        raise SlackError("file_not_found")
    return file


def share(workspace: Workspace, file: File, *, title: str) -> File:
    """From now on it is shown under this title, and cannot be filled or shown anew."""
    shared = {**file, "title": title, "local_shared": True}
    workspace.keep(_FACTS, file["id"], shared)
    return shared


def content(workspace: Workspace, file_id: str) -> tuple[File, bytes]:
    """A file that was shared, with its bytes; raises `file_not_found`."""
    file: File | None = workspace.kept(_FACTS).get(file_id)
    if file is None or not file["local_shared"]:
        raise SlackError("file_not_found")
    return file, base64.b64decode(workspace.kept(_CONTENT)[file_id])
