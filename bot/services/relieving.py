"""Relieving: what keeps requests from going on, until it is over; its warnings then say so.

One warning may be about several requests. It is over with the last of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.billing import standstill
from bot.billing.unsubscription import Request, State
from bot.facts.messages import OperatorWarning
from bot.ports.store import Delivery, Transaction
from bot.services.alarming import Trouble, read_warning
from bot.services.owing import update_of

REMEMBERED = timedelta(days=7)
"""For so long a warning that is over may be shown again."""

_NOTE = "standstills"

Facts = Mapping[str, Any]


def stand(
    tx: Transaction,
    trouble: Trouble,
    request: Request,
    *,
    posts: tuple[str, ...],
    over: str | None,
    at: datetime,
) -> None:
    """Remember that a request does not go on, of which these posts tell.

    `over` is what is said when it goes on, None what the request says. One that has ended is not
    remembered.
    """
    if standstill.has_ended(request):
        return
    known = dict(_lately(tx.notes.held(_NOTE), at=at))
    facts = known.get(trouble.name) or {
        "subject": trouble.subject,
        "since": trouble.since.isoformat(),
        "over": over,
        "requests": [],
        "turn": 0,
    }
    again = facts.get("over_at") is not None
    numbers = sorted({*facts["requests"], request.number})
    turn = facts["turn"] + again
    stands = {**facts, "requests": numbers, "posts": list(posts), "turn": turn, "over_at": None}
    tx.notes.put(_NOTE, {**known, trouble.name: stands})
    if again:
        _show(tx, stands, at=at)


def relieve(tx: Transaction, before: Request, after: Request, *, at: datetime) -> None:
    """A saved change of a request: what nothing keeps from going on any more is told as over."""
    ended, goes = standstill.has_ended(after), standstill.went_on(before, after)
    if not standstill.was_told(before) or not (ended or goes):
        return
    known = dict(_lately(tx.notes.held(_NOTE), at=at))
    held = {name: facts for name, facts in known.items() if after.number in facts["requests"]}
    for name, facts in held.items():
        left = [number for number in facts["requests"] if number != after.number]
        stands: Facts = {**facts, "requests": left}
        if not left:
            said = (facts["over"] or _went_on(after)) if goes else _ended(after)
            over = {"said": said, "solved": goes, "over_at": at.isoformat()}
            stands = {**stands, **over, "turn": facts["turn"] + 1}
            _show(tx, stands, at=at)
        known[name] = stands
    if held:
        tx.notes.put(_NOTE, known)


def warning(tx: Transaction, post: Delivery) -> OperatorWarning:
    """What a warning says now."""
    said = read_warning(post.subject)
    known: Mapping[str, Any] = tx.notes.get(_NOTE) or {}
    about: Facts = next((facts for facts in known.values() if post.id in facts["posts"]), {})
    over_at = _over_at(about)
    if over_at is None:
        return said
    return replace(said, over_at=over_at, over=about["said"], solved=about["solved"])


def standing(tx: Transaction) -> tuple[tuple[str, datetime], ...]:
    """What keeps requests from going on now, each with since when, the oldest first."""
    known: Mapping[str, Any] = tx.notes.get(_NOTE) or {}
    stand_now = (facts for facts in known.values() if facts["requests"])
    told = ((each["subject"], datetime.fromisoformat(each["since"])) for each in stand_now)
    return tuple(sorted(told, key=lambda each: (each[1], each[0])))


def _went_on(request: Request) -> str:
    return f"request {request.number} {'is done' if request.state is State.DONE else 'goes on'}"


def _ended(request: Request) -> str:
    became = f"ended as {request.state.value}"
    if request.state is State.STALE:
        became = "is stale; who asked has to acknowledge it anew"
    elif request.state is State.FAILED:
        became = "is left as it is"
    return f"request {request.number} {became}"


def _show(tx: Transaction, facts: Facts, *, at: datetime) -> None:
    """Bring its posts up to date."""
    for id_ in facts["posts"]:
        post = tx.outbox.get(id_)
        if post is not None:
            turn = facts["turn"]
            key = f"{post.key}/v{turn}"
            tx.outbox.owe(update_of(post, key=key, subject=post.subject, at=at, sequence=turn))


def _lately(found: Mapping[str, Any], *, at: datetime) -> Mapping[str, Facts]:
    """Without what has been over for long."""
    return {
        name: facts
        for name, facts in found.items()
        if (over_at := _over_at(facts)) is None or at - over_at < REMEMBERED
    }


def _over_at(facts: Facts) -> datetime | None:
    over_at = facts.get("over_at")
    return datetime.fromisoformat(over_at) if over_at else None
