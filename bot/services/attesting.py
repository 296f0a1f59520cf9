"""Attesting: the receipt of a finished request, as its message, its files and people ask for it."""

from collections.abc import Mapping, Sequence

from bot.billing.unsubscription import Request
from bot.facts.messages import Receipt
from bot.facts.receipt import RecordHead, is_finished
from bot.ports.store import Store, Transaction
from bot.services import owing
from bot.services.errors import NoReceipt, UnknownRequest
from bot.services.filing import request_subject

UNSUBSCRIBED = "cloud.unsubscribe"
"""How the record calls such a call."""


class Attesting:
    """Receipts as they read now."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def receipt(self, number: int) -> Receipt:
        """Raises UnknownRequest, or NoReceipt of one that was not tried or has not ended."""
        with self._store.reading() as tx:
            request = tx.requests.get(number)
            if request is None:
                raise UnknownRequest(number)
            if not is_finished(request):
                raise NoReceipt(request)
            return attested(tx, request)


def attested(tx: Transaction, request: Request) -> Receipt:
    """The receipt of a request, with what the record alone knows of it."""
    return Receipt(
        request=request,
        head=_head(tx, request.number),
        cloud_requests=_cloud_requests(tx, request.number),
    )


def _cloud_requests(tx: Transaction, number: int) -> Mapping[str, str]:
    """What the cloud called the last call that asked it to end each subscription."""
    found: dict[str, str] = {}
    for entry in tx.audit.entries(request_subject(number)):
        called, ids = entry.facts.get("cloud_request"), entry.facts.get("ids")
        if entry.action == UNSUBSCRIBED and isinstance(called, str) and isinstance(ids, Sequence):
            found |= {str(each): called for each in ids}
    return found


def _head(tx: Transaction, number: int) -> RecordHead | None:
    """As it was noted last; None of a request that finished before it was."""
    ids = (owing.renewed_receipt_id(number), owing.receipt_id(number))
    posts = [post for each in ids if (post := tx.outbox.get(each)) is not None]
    for post in posts:
        entries, digest = (post.subject.get(name) for name in ("entries", "head"))
        if isinstance(entries, int) and isinstance(digest, str) and digest:
            return RecordHead(entries=entries, digest=digest)
    return None
