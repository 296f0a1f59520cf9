"""Filters of a list, its capped count, and what is spelled alike."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import ColumnElement, false, func, literal, or_, select

from bot.billing.subscription import AccountName, Status, SubscriptionKey
from bot.ports.store import COUNTED, ListQuery
from storage.tables import subscriptions
from storage.work import Work

_ROW = subscriptions.c
CANDIDATES = 2000
"""Spellings compared with one text: all of a small catalogue, of a large one the likely ones."""
ALIKE = 0.5


def conditions(query: ListQuery) -> list[ColumnElement[bool]]:
    """What rows must fulfil; unsubscribed ones are left out unless their status is asked for."""
    wanted: list[ColumnElement[bool]] = [_ROW.gone_at.is_(None)]
    if query.status is None:
        wanted.append(_ROW.status.is_distinct_from(Status.UNSUBSCRIBED))
    else:
        wanted.append(_ROW.status == query.status)
    for column, value in (("service", query.service), ("region", query.region)):
        if value is not None:
            wanted.append(func.lower(_ROW[column]) == value.lower())
    for column, exact in (("account", query.account), ("owner", query.owner), ("kind", query.kind)):
        if exact is not None:
            wanted.append(_ROW[column] == exact)
    if query.unowned:
        wanted.append(_ROW.owner.is_(None))
    if query.auto_renew is not None:
        wanted.append(_ROW.auto_renew.is_(query.auto_renew))
    if query.due_before is not None:
        wanted.append(_ROW.anchor_at < query.due_before)
    wanted.extend(_bears(word) for word in query.words)
    return wanted


def count(work: Work, wanted: Sequence[ColumnElement[bool]]) -> tuple[int, bool]:
    """How many fulfil the conditions, at most 1,000, and whether there are more."""
    some = (
        select(literal(1).label("one"))
        .where(work.shown(subscriptions), *wanted)
        .limit(COUNTED + 1)
        .subquery()
    )
    found = work.connection.scalar(select(func.count()).select_from(some)) or 0
    return min(found, COUNTED), found > COUNTED


def near(work: Work, text: str, *, limit: int) -> list[SubscriptionKey]:
    """The keys spelled most like the text, likest first; those that contain it come before all."""
    wished = text.strip().casefold()
    if not wished:
        return []
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wished)
    scored = []
    for row in _candidates(work, wished):
        names = [name.casefold() for name in (row.id, row.name) if name]
        score = max(_likeness(matcher, name, wished) for name in names)
        if score >= ALIKE:
            scored.append((-score, row.account, row.id))
    return [
        SubscriptionKey(AccountName(account), ref) for _, account, ref in sorted(scored)[:limit]
    ]


def _candidates(work: Work, wished: str) -> Sequence[Any]:
    listed = (
        select(_ROW.account, _ROW.id, _ROW.name)
        .where(
            work.shown(subscriptions),
            _ROW.gone_at.is_(None),
            _ROW.status.is_distinct_from(Status.UNSUBSCRIBED),
        )
        .limit(CANDIDATES)
    )
    some = work.connection.execute(listed).all()
    if len(some) < CANDIDATES:
        return some
    containing = work.connection.execute(listed.where(_bears(wished))).all()
    # One slip of the finger leaves one half of the word as it is.
    middle = len(wished) // 2
    halves = [_bears(half) for half in (wished[:middle], wished[middle:]) if len(half) > 1]
    alike = work.connection.execute(listed.where(or_(false(), *halves))).all()
    return list(dict.fromkeys([*containing, *alike]))


def _likeness(matcher: "SequenceMatcher[str]", name: str, wished: str) -> float:
    if wished in name:
        return 1 + len(wished) / len(name)
    matcher.set_seq1(name)
    if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:
        return 0.0
    return matcher.ratio()


def _bears(word: str) -> ColumnElement[bool]:
    return _ROW.search.contains(word.casefold(), autoescape=True)
