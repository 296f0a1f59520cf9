"""Unattached: a receipt's file that cannot go; the message stands, operators are told once."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.ports.store import Delivery, Transaction
from bot.services.alarming import Trouble

SAME_TROUBLE = timedelta(days=7)
"""What is refused again within a week is the trouble that operators have heard of."""

_NOTE = "unattached"

_REMEDIES: Mapping[str, str] = {
    "missing_scope": "Give the app the scope `files:write`: paste the newest manifest and install "
    "it again.",
    "file_uploads_disabled": "Ask an admin of the workspace to allow files.",
    "unprintable": "Look for `receipt.unprintable` in the log.",
}


def unattached(tx: Transaction, delivery: Delivery, *, error: str, at: datetime) -> Trouble:
    """What operators are told of it, as one with what was refused before for the same reason."""
    known = tx.notes.held(_NOTE)
    last, since = known.get("at"), at
    lately = last is not None and at - datetime.fromisoformat(str(last)) < SAME_TROUBLE
    if lately and known["error"] == error:
        since = datetime.fromisoformat(str(known["since"]))
    noted = {"error": error, "since": since.isoformat(), "at": at.isoformat()}
    tx.notes.put(_NOTE, noted)
    number = delivery.subject.get("request")
    remedy = _REMEDIES.get(error, "Ask an admin of the workspace whether apps may share files.")
    return Trouble(
        about=f"unattached/{error}",
        subject="Lapse cannot attach receipts",
        text=f"A file of the receipt of request {number} could not be attached ({error}). The "
        f"receipt itself is in the thread, and `lapse receipt {number}` prints it. {remedy}",
        since=since,
    )
