"""Surveying: what a request is about, and what stands beside it, as the cloud has both now.

The catalogue may not know yet what somebody bought a minute ago, so that it is not asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.billing.change import Change
from bot.billing.contract import plan_of
from bot.billing.plan import Plan
from bot.billing.subscription import Subscription, SubscriptionKey
from bot.billing.unsubscription import ItemState, Request
from bot.ports.provider import Provider
from bot.ports.store import Store
from bot.services.finding import account_of
from bot.services.merging import merged_with


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Items of a request that are listed, and what stands beside them, completed by the catalogue.

    Beside what is only switched nothing matters. `read` is all of it as the cloud says it.
    """

    items: Sequence[Subscription]
    beside: Sequence[Subscription]
    read: Sequence[Subscription] = ()

    @property
    def all(self) -> Sequence[Subscription]:
        """Each once."""
        found = {each.key: each for each in (*self.beside, *self.items)}
        return tuple(found.values())


def survey(
    store: Store, request: Request, fresh: Mapping[str, Subscription], provider: Provider
) -> Survey:
    """Look around these readings of a request's items, by id; may raise any ProviderError.

    What would be gone by now in a dry run is listed still and counts as gone.
    """
    ends = request.change is Change.UNSUBSCRIBE and fresh
    listed = provider.around(list(fresh)) if ends else ()
    beside = {each.key.id: each for each in listed if each.key not in _rehearsed(request)}
    with store.reading() as tx:
        return Survey(
            items=merged_with(tx, fresh),
            beside=merged_with(tx, beside),
            read=tuple((beside | dict(fresh)).values()),
        )


def _rehearsed(request: Request) -> frozenset[SubscriptionKey]:
    """Those of a dry run that would be gone."""
    gone = (item.key for item in request.items if item.state is ItemState.GONE)
    return frozenset(gone if request.dry_run else ())


def plan_now(store: Store, request: Request, seen: Survey, *, at: datetime) -> Plan:
    """In which order these items would go, with figures."""
    account = account_of(store, request.account)
    return plan_of(seen.items, group=seen.all, account=account, at=at, scope=request.scope)
