"""Foreseeing: every reminder as it would be had arming just run; nothing is written.

Whoever looks is no scheduler: rows that nobody has entered yet are shown beside those that are.
"""

import heapq
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice

from bot.ports.store import ArmedReminder, ReminderState, Transaction
from bot.services.arming import PAGE, Arming
from bot.services.wanting import Wanting

Pair = tuple[str, str]
"""A reminder's id and destination."""


def foreseen(
    tx: Transaction,
    arming: Arming,
    *,
    until: datetime | None,
    states: Collection[ReminderState],
    now: datetime,
) -> Iterator[ArmedReminder]:
    """Those in one of these states by due time, until an instant when given.

    Rows that there are come as a stream; those that are lacking are held, of 48 hours at most.
    """
    lacking = {_pair(row): row for row in arming.lacking(tx)}
    fresh = sorted(
        (row for row in lacking.values() if until is None or row.due_at <= until), key=_in_order
    )
    held = tx.reminders.listed(until=until, states=tuple(states))
    standing = (
        row
        for row in _judged(tx, arming.wanting, held, now=now)
        if row.state in states and _pair(row) not in lacking
    )
    yield from heapq.merge(standing, fresh, key=lambda row: row.due_at)


def _judged(
    tx: Transaction, wanting: Wanting, rows: Iterator[ArmedReminder], *, now: datetime
) -> Iterator[ArmedReminder]:
    """The rows, and cancelled what is armed and no longer holds."""
    while page := tuple(islice(rows, PAGE)):
        waiting = [row for row in page if _waits(row)]
        wanting.look_up_rows(tx, waiting)
        for row in page:
            reason = wanting.objection(tx, row, now=now) if _waits(row) else None
            yield replace(row, state=ReminderState.CANCELLED, reason=reason) if reason else row


def _waits(row: ArmedReminder) -> bool:
    return row.state is ReminderState.ARMED and row.delivery_id is None


def _pair(row: ArmedReminder) -> Pair:
    return row.id, row.destination


def _in_order(row: ArmedReminder) -> tuple[datetime, str, str]:
    return row.due_at, row.id, row.destination
