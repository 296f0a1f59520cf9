"""The snapshot: what a person acknowledged, as the record says it, and its digest.

It names nobody, so that nothing of it has to be erased: who acknowledged, decides or may decide
stands beside it. The digest can be worked out again from what the record holds.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from bot.billing.change import Charge
from bot.billing.money import Money
from bot.billing.next_renewal import NextRenewal
from bot.billing.unsubscription import Item, Request

Facts = Mapping[str, object]


def snapshot_of(request: Request) -> Facts:
    """The items in their order with their figures, what stays, the terms, and until when."""
    acknowledgement = request.acknowledgement
    worst = acknowledgement.worst
    return {
        "account": request.account,
        "change": request.change.value,
        "scope": request.scope.value,
        "rules": request.rules,
        "text": acknowledgement.text,
        "at": _instant(acknowledgement.at),
        "deadline": _instant(request.deadline),
        "worst": {
            "refund": _money(worst.refund),
            "handling_fee": _money(worst.handling_fee),
            "coupons_lost": _money(worst.coupons_lost),
        },
        "items": {str(item.key): _item(item) for item in request.items},
        "steps": [[str(key) for key in step.subscriptions] for step in request.steps],
        "left_behind": list(request.left_behind),
        "dependents": _dependents(request),
        "if_kept": dict(request.if_kept),
        "required_approvals": request.acknowledged_approvals,
        "cooling_off_minutes": request.cooling_off_minutes,
        "dry_run": request.dry_run,
        "by_hand": request.by_hand,
    }


def digest_of(snapshot: Facts) -> str:
    """SHA-256 of the snapshot as JSON with sorted keys and no blanks."""
    written = json.dumps(snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(written.encode()).hexdigest()


def _item(item: Item) -> Facts:
    total, lost = item.quote.total, item.quote.lost
    return {
        "rules": item.quote.rules,
        "paid": _money(total.paid if total else None),
        "consumed": _money(total.consumed if total else None),
        "handling_fee": _money(total.handling_fee if total else None),
        "refund": _money(total.refund if total else None),
        "coupons_lost": _money(lost.coupons if lost else None),
        "promotion": item.promotion,
        "notices": [notice.rule for notice in item.quote.warnings],
        "charge": _charge(item.charge),
        "renewal": _renewal(item.renewal),
    }


def _charge(charge: Charge | None) -> Facts | None:
    """What was acknowledged where auto-renewal is switched."""
    if charge is None:
        return None
    return {
        "amount": _money(charge.amount),
        "at": _instant(charge.at),
        "at_once": charge.at_once,
        "months": charge.months,
    }


def _renewal(renewal: NextRenewal | None) -> Facts | None:
    if renewal is None:
        return None
    return {"term_ends": _instant(renewal.term_ends), "amount": _money(renewal.amount)}


def _dependents(request: Request) -> Sequence[str] | None:
    if request.dependents is None:
        return None
    return [str(key) for key in request.dependents]


def _money(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)


def _instant(at: datetime | None) -> str | None:
    """In UTC, so that it reads alike before and after it was stored."""
    return None if at is None else at.astimezone(UTC).isoformat()
