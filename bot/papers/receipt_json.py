"""A receipt as JSON, for programs: the keys are fixed, null is what nobody knows.

Amounts are strings of `currency`, instants ISO 8601 in the cloud's zone. Where the reader may not
see amounts, `amounts_hidden` is true and every amount is null.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from bot.billing.change import Charge
from bot.billing.days import CLOUD_ZONE
from bot.billing.money import Money
from bot.facts.receipt import (
    Figures,
    Handwork,
    ReceiptFacts,
    ReceiptItem,
    Said,
    SecondLook,
    Verification,
)

Json = dict[str, object]


def receipt_json(found: ReceiptFacts) -> Json:
    """The receipt as an object."""
    worst = found.acknowledged.worst
    hidden = worst.refund.is_hidden
    return {
        "request": found.number,
        "change": found.change.value,
        "account": str(found.account),
        "scope": found.scope.value,
        "state": found.state.value,
        "dry_run": found.dry_run,
        "ended_at": _instant(found.ended_at),
        "as_of": _instant(found.as_of),
        "currency": None if hidden else worst.refund.currency,
        "amounts_hidden": hidden,
        "asked": {
            "by": str(found.asked.by),
            "at": _instant(found.asked.at),
            "reason": None if found.is_switch else found.reason,
            "reason_words": None if found.is_switch else found.reason_words,
            "details": found.asked.words,
        },
        "acknowledged": {
            "by": str(found.acknowledged.by),
            "at": _instant(found.acknowledged.at),
            "text": found.acknowledged.text,
            "handling_fee_at_most": _amount(None if found.is_switch else worst.handling_fee),
            "refund_at_least": _amount(None if found.is_switch else worst.refund),
            "coupons_lost_at_most": _amount(None if found.is_switch else worst.coupons_lost),
        },
        "approvals_required": found.approvals_required,
        "approvals": [_said(each) for each in found.approvals],
        "broken_glass": _said(found.broken_glass),
        "items": [_item(each) for each in found.items],
        "total": {
            "estimate": _figures(found.estimate),
            "actual": _figures(found.actual),
            "difference": _amount(found.difference),
        },
        "left_behind": list(found.left_behind),
        "verified": _verified(found.verified),
        "second_look": _second_look(found.second_look),
        "problem": found.problem,
        "by_hand": _said(found.by_hand),
        "left": _said(found.left),
        "contract": found.contract,
        "handwork": [_handwork(each) for each in found.handwork],
        "seen_gone": _said(found.seen_gone),
        "not_read": found.not_read,
        "rules": found.rules,
        "record": {"entries": found.head.entries, "head": found.head.digest}
        if found.head
        else None,
    }


def receipt_json_bytes(found: ReceiptFacts) -> bytes:
    """The same as a file: UTF-8, two spaces, a line break at the end."""
    return (json.dumps(receipt_json(found), ensure_ascii=False, indent=2) + "\n").encode()


def _item(item: ReceiptItem) -> Mapping[str, object]:
    return {
        "number": item.number,
        "id": item.key.id,
        "name": item.label,
        "region": item.region,
        "step": item.step,
        "state": item.state.value,
        "gone_at": _instant(item.gone_at),
        "estimate": _figures(item.estimate),
        "actual": _figures(item.actual),
        "difference": _amount(item.difference),
        "order_id": item.order,
        "cloud_request_id": item.cloud_request,
        "auto_renew": None if item.auto_renew_off is None else not item.auto_renew_off,
        "charge": _charge(item.charge),
        "error_code": item.error_code,
        "error": item.error,
        "back": item.back,
    }


def _charge(charge: Charge | None) -> Mapping[str, object] | None:
    if charge is None:
        return None
    return {
        "amount": _amount(charge.amount),
        "at": _instant(charge.at),
        "at_once": charge.at_once,
        "months": charge.months,
    }


def _figures(figures: Figures) -> Mapping[str, object]:
    return {
        "refund": _amount(figures.refund),
        "handling_fee": _amount(figures.handling_fee),
    }


def _said(said: Said | None) -> Mapping[str, object] | None:
    if said is None:
        return None
    behalf = str(said.behalf) if said.behalf else None
    at = _instant(said.at)
    return {"by": str(said.by), "on_behalf_of": behalf, "at": at, "why": said.words}


def _handwork(done: Handwork) -> Mapping[str, object]:
    return {
        "by": str(done.by),
        "at": _instant(done.at),
        "items": list(done.items),
        "note": done.words,
        "evidence": done.evidence,
        "figures_held_until": _instant(done.after) if done.after else None,
    }


def _verified(verified: Verification | None) -> Mapping[str, object] | None:
    if verified is None:
        return None
    return {
        "at": _instant(verified.at),
        "gone": verified.gone,
        "refund_orders": verified.refund_orders,
        "of": verified.of,
        "auto_renew_off": verified.auto_renew_off,
    }


def _second_look(look: SecondLook | None) -> Mapping[str, object] | None:
    if look is None:
        return None
    return {
        "due": _instant(look.due),
        "at": _instant(look.at),
        "problem": look.back,
        "unread": look.unread,
        "refund_orders": look.refund_orders,
        "auto_renew_off": look.auto_renew_off,
    }


def _amount(money: Money | None) -> str | None:
    return None if money is None or money.is_hidden else str(money.rounded().amount)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(CLOUD_ZONE).isoformat()
