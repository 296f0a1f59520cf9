"""Requests, their items, steps and events as rows, and back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from bot.billing import by_hand
from bot.billing.call_to_decide import next_call
from bot.billing.change import Change
from bot.billing.subscription import AccountName, SubscriptionKey
from bot.billing.unsubscription import OPEN, Event, Item, Reason, Request, State, Step
from storage.types import EPOCH
from storage.work import picked

PLAIN = (
    "number",
    "account",
    "scope",
    "state",
    "requested_by",
    "requested_at",
    "details",
    "acknowledgement",
    "deadline",
    "required_approvals",
    "dry_run",
    "cooling_off_minutes",
    "rules",
    "if_kept",
    "starts_at",
    "closed",
    "problem",
    "version",
)
"""Fields that are columns of the same name and type."""

ITEM = (
    "label",
    "region",
    "quote",
    "state",
    "error_code",
    "error",
    "gone_at",
    "refund_order",
    "refund_actual",
    "fee_actual",
    "auto_renew_off",
    "promotion",
    "charge",
    "renewal",
    "task",
    "asked",
    "due_at",
)
STEP = ("number", "state", "attempt", "started_at", "accepted_at")
EVENT = ("number", "verb", "at", "by", "note", "behalf", "evidence")


def request_row(request: Request) -> dict[str, Any]:
    """Its own columns, without those that say who works on it."""
    return {
        **{name: getattr(request, name) for name in PLAIN},
        "reason": int(request.reason),
        "change": request.change,
        "by_hand": request.by_hand,
        "left_behind": request.left_behind,
        "approvers": request.approvers,
        "dependents": None if request.dependents is None else _written(request.dependents),
    }


def item_rows(team_id: str, request: Request) -> list[dict[str, Any]]:
    """Its items in their order; while it is open they are held."""
    held = request.state in OPEN and not request.closed
    return [
        {
            "team_id": team_id,
            "request": request.number,
            "position": position,
            "account": item.key.account,
            "subscription_id": item.key.id,
            "held": held,
            **{name: getattr(item, name) for name in ITEM},
        }
        for position, item in enumerate(request.items)
    ]


def step_rows(team_id: str, request: Request) -> list[dict[str, Any]]:
    """Its steps; the ids of a step are only ever read with it."""
    return [
        {
            "team_id": team_id,
            "request": request.number,
            "subscriptions": _written(step.subscriptions),
            "after": step.after,
            **{name: getattr(step, name) for name in STEP},
        }
        for step in request.steps
    ]


def event_rows(team_id: str, request: Request, *, after: int) -> list[dict[str, Any]]:
    """Its events with a number above `after`: history is only ever added to."""
    return [
        {
            "team_id": team_id,
            "request": request.number,
            **{name: getattr(event, name) for name in EVENT},
            "called": event.called or None,
            "items": event.items or None,
        }
        for event in request.events
        if event.number > after
    ]


def work_at(request: Request) -> datetime | None:
    """When a replica must look at a request that came into its state: at once is the epoch."""
    if request.by_hand:
        return falls_due(request)
    if request.state in {State.EXECUTING, State.VERIFYING} and not request.closed:
        return EPOCH
    return falls_due(request)


def falls_due(request: Request) -> datetime | None:
    """When its state asks for work: a call, the deadline, after cooling off, a day later."""
    if request.closed:
        return request.second_look_at
    if request.state in {State.WAITING, State.STALE}:
        return next_call(request) or request.deadline
    if request.state is State.APPROVED:
        return request.starts_at or EPOCH
    moving = request.state in {State.EXECUTING, State.VERIFYING}
    return by_hand.next_move(request) if moving and request.by_hand else None


def read_request(
    row: Row[Any],
    *,
    items: Sequence[Row[Any]],
    steps: Sequence[Row[Any]],
    events: Sequence[Row[Any]],
) -> Request:
    """The request of a row and its children, which come in their order."""
    return Request(
        **picked(row, PLAIN),
        reason=Reason(row.reason),
        change=row.change or Change.UNSUBSCRIBE,
        by_hand=bool(row.by_hand),
        left_behind=tuple(row.left_behind),
        approvers=tuple(row.approvers),
        dependents=None if row.dependents is None else _keys(row.dependents),
        items=tuple(_item(each) for each in items),
        steps=tuple(_step(each) for each in steps),
        events=tuple(_event(each) for each in events),
    )


def _item(row: Row[Any]) -> Item:
    key = SubscriptionKey(AccountName(row.account), row.subscription_id)
    return Item(key=key, **picked(row, ITEM))


def _event(row: Row[Any]) -> Event:
    return Event(**picked(row, EVENT), called=tuple(row.called or ()), items=tuple(row.items or ()))


def _step(row: Row[Any]) -> Step:
    return Step(
        subscriptions=_keys(row.subscriptions),
        after=tuple(row.after),
        **picked(row, STEP),
    )


def _written(keys: Iterable[SubscriptionKey]) -> list[list[str]]:
    return [[key.account, key.id] for key in keys]


def _keys(written: Iterable[tuple[str, str]]) -> tuple[SubscriptionKey, ...]:
    return tuple(SubscriptionKey(AccountName(account), ref) for account, ref in written)
