"""Standing: whether approvals count as the settings are now, and how many they ask for now."""

from dataclasses import replace

from bot.billing.change import Change
from bot.billing.money import sums
from bot.billing.standstill import Hindrance
from bot.billing.unsubscription import Request
from bot.ports.store import Store, Transaction
from bot.services.objections import UNKNOWN, more_needed, unapproved
from bot.services.people import People
from bot.services.policy import Policy, Stake


class Standing:
    """Judges requests before they start, before each call, and before a retry."""

    def __init__(self, *, store: Store, policy: Policy, people: People) -> None:
        self._store = store
        self._policy = policy
        self._people = people

    def against(self, request: Request) -> str | Hindrance | None:
        """Why nothing of it may be carried out; while nobody knows who may decide it waits."""
        with self._store.reading() as tx:
            required = raised(tx, request, self._policy).required_approvals
        found = self._people.stands(request, required=required)
        if found is None:
            return Hindrance(why=UNKNOWN, about="group/approvals")
        if found:
            return None
        enough = self._people.stands(request, required=request.required_approvals)
        return more_needed(request, required) if enough else unapproved(request)


def raised(tx: Transaction, request: Request, policy: Policy) -> Request:
    """The request as many have to approve as when it was asked for, or more by the settings now.

    At stake is what it was asked for with; how many approvals were acknowledged stays known.
    """
    held = [tx.catalogue.get(item.key) for item in request.items]
    now = policy.required_for(
        [each for each in held if each is not None],
        stake=_stake(request),
        change=request.change,
        scope=request.scope,
    )
    if now <= request.required_approvals:
        return request
    acknowledged = replace(
        request.acknowledgement, required_approvals=request.acknowledged_approvals
    )
    return replace(request, required_approvals=now, acknowledgement=acknowledged)


def why_several(tx: Transaction, request: Request, policy: Policy) -> str | None:
    """What makes it need more approvals than others, by the settings as they are now."""
    held = (tx.catalogue.get(item.key) for item in request.items)
    known = [each for each in held if each is not None]
    return policy.asks_for(request.required_approvals, known, stake=_stake(request))


def _stake(request: Request) -> Stake:
    """What was paid for its items, or is deducted when auto-renewal is switched."""
    if request.change is Change.UNSUBSCRIBE:
        totals = [(item.quote.total, item.quote.currency) for item in request.items]
        amounts = [(total.paid if total else None, currency) for total, currency in totals]
    else:
        amounts = [
            (item.charge.amount if item.charge else None, item.quote.currency)
            for item in request.items
        ]
    known = [amount for amount, _ in amounts if amount is not None]
    unknown = frozenset(currency for amount, currency in amounts if amount is None)
    return Stake(known=tuple(sums(known).values()), unknown=unknown)
