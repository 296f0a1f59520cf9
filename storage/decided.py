"""Requests that were approved, subscription by subscription, however many there are."""

from collections.abc import Callable, Collection, Iterator, Sequence

from sqlalchemy import and_, select

from bot.billing.savings import COUNTED
from bot.billing.subscription import AccountName, SubscriptionKey
from bot.billing.unsubscription import Request
from storage.tables import request_items, requests
from storage.work import Work

CHUNK = 500


def decided(
    work: Work, load: Callable[[Collection[int]], Sequence[Request]]
) -> Iterator[tuple[SubscriptionKey, Request]]:
    """A subscription with each request about it, by `account/id`, then by number.

    The database sorts three short columns; the requests themselves are loaded some at a time.
    """
    item, row = request_items.c, requests.c
    of_it = and_(row.team_id == item.team_id, row.number == item.request)
    found = work.connection.execute(
        select(item.account, item.subscription_id, item.request)
        .join(requests, of_it)
        .where(item.team_id == work.team_id, row.state.in_(sorted(COUNTED)))
        .order_by(item.account + "/" + item.subscription_id, item.request)
        .execution_options(yield_per=CHUNK)
    )
    for piece in found.partitions():
        loaded = {each.number: each for each in load({row.request for row in piece})}
        for account, ref, number in piece:
            yield SubscriptionKey(AccountName(account), ref), loaded[number]
