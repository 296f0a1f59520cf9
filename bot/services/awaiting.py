"""Awaiting: the requests that go on only when one person does something."""

from collections.abc import Sequence

from bot.billing import by_hand
from bot.billing.deciding import can_approve
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import Request
from bot.ports.store import Transaction


def awaited(tx: Transaction, user: SlackUser, *, authorities: Sequence[SlackUser]) -> list[Request]:
    """Those to decide, nearest deadline first; then those to carry out or to look at by hand."""
    decisions = [
        each
        for each in (tx.requests.waiting() if authorities else ())
        if can_approve(each, by=user, authorities=authorities)
    ]
    tasks = [each for each in tx.requests.by_hand() if user in by_hand.waits_for(each)]
    return [*decisions, *tasks]
