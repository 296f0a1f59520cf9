"""Planning: in which order named subscriptions would go, with figures; nothing is executed."""

from collections.abc import Sequence
from datetime import datetime

from bot.billing.account import Account
from bot.billing.contract import plan_of
from bot.billing.plan import Plan
from bot.billing.plan import plan as ordered
from bot.billing.quote import Scope
from bot.billing.subscription import Kind, Subscription
from bot.ports.clock import Clock
from bot.ports.store import Store, Transaction
from bot.services.finding import account_of, find_all

GROUPED = frozenset({Kind.QUOTA, Kind.PACKAGE})


class Planning:
    """Answers `lapse plan`: the given ids alone, in executable order."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def plan(self, refs: Sequence[str]) -> Plan:
        """The plan now; raises UnknownSubscription, AmbiguousId and SeveralAccounts."""
        now = self._clock.now()
        with self._store.reading() as tx:
            chosen = find_all(tx, refs)
            account = account_of(self._store, chosen[0].key.account)
            return ordered(chosen, group=surroundings(tx, chosen), account=account, at=now)


def planned(
    tx: Transaction,
    chosen: Sequence[Subscription],
    *,
    account: Account,
    at: datetime,
    scope: Scope = Scope.ALL,
) -> Plan:
    """The plan of some subscriptions of one account, with what else is in their regions.

    Contracts outside the cloud have one where they are asked for by themselves.
    """
    return plan_of(chosen, group=surroundings(tx, chosen), account=account, at=at, scope=scope)


def surroundings(tx: Transaction, chosen: Sequence[Subscription]) -> tuple[Subscription, ...]:
    """What a plan has to know of besides: quotas and packages of the same regions, and parts.

    Parts are the auxiliary resources of what is chosen (R35).
    """
    regions = {(each.key.account, each.region): None for each in chosen if each.kind in GROUPED}
    group = [each for account, region in regions for each in tx.catalogue.group(account, region)]
    return (*group, *tx.catalogue.parts([each.key for each in chosen]))
