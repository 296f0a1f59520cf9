"""Receipts to print: one that is done, one that failed, and the longest that there can be."""

from dataclasses import replace

from bot.billing import stepping
from bot.billing.unsubscription import Request, Verb, noted
from bot.facts.receipt import ReceiptFacts, RecordHead, receipt_of
from tests.factories import APPROVER_1, key
from tests.unit.handlers import samples

HEAD = RecordHead(entries=1204, digest="3f9a" * 16)
CHINESE = "服务器在十月迁移到另一个账户。"
LONG = f"{CHINESE} The staging servers moved to another account in October. " * 60


CALLS = {"st-quota": "f7a1", "st-screen": "f7a2"}


def receipt(request: Request | None = None, head: RecordHead | None = HEAD) -> ReceiptFacts:
    return receipt_of(request or samples.done(), head=head, cloud_requests=CALLS)


def longest() -> Request:
    """Three hundred items of long names, twenty approvals, and every fact of many lines."""
    request = samples.failed()
    first = request.items[0]
    items = tuple(
        replace(first, key=key(f"item-{n}", "staging"), label=LONG, error=LONG, error_code="CBC.1")
        for n in range(300)
    )
    for _ in range(20):
        request = noted(request, Verb.APPROVED, at=samples.APPROVED, by=APPROVER_1, note=LONG)
    request = stepping.done_by_hand(request, by=APPROVER_1, at=samples.APPROVED, why=LONG)
    request = stepping.fail(request, at=samples.APPROVED, problem=LONG)
    request = stepping.leave_as_is(request, by=APPROVER_1, at=samples.APPROVED, why=LONG)
    return replace(request, items=items, details=LONG, left_behind=(LONG,) * 3)
