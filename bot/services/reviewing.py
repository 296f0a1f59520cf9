"""Reviewing: what a stale request means now, which messages show beside what was acknowledged."""

from dataclasses import replace
from datetime import datetime

from bot.billing.change import Change
from bot.billing.delegation import Deciders
from bot.billing.unsubscription import Request
from bot.facts.messages import Fresh
from bot.ports.store import Store, Transaction
from bot.services import objections
from bot.services.drafting import Drafting, Wish
from bot.services.errors import Refused
from bot.services.finding import still_there
from bot.services.policy import Policy
from bot.services.switch_drafting import SwitchDrafting, Wanted


class Reviewing:
    """Works out the figures of the form that would be shown now; nobody has opened it yet."""

    def __init__(self, *, store: Store, policy: Policy) -> None:
        self._drafting = Drafting(store=store, policy=policy)
        self._switching = SwitchDrafting(store=store, policy=policy)

    def fresh(self, tx: Transaction, request: Request, *, now: datetime) -> Fresh | None:
        """None of a contract, which has no figures, and while the form would be refused."""
        if request.is_contract:
            return None
        unsubscribes = request.change is Change.UNSUBSCRIBE
        work_out = self._figures if unsubscribes else self._charges
        try:
            found = work_out(tx, request, now=now)
        except Refused:
            return None
        return replace(found, read_at=tx.catalogue.read_at(request.account)) if found else None

    def _figures(self, tx: Transaction, request: Request, *, now: datetime) -> Fresh | None:
        wish = same_again(tx, request, _as_acknowledged(request), opened_at=now)
        draft = self._drafting.draft(tx, wish, now=now)
        if draft.left_out:
            return None
        cause = objections.coupons_found(request, draft.plan)
        return Fresh(at=now, refund=draft.total.refund, worst=draft.worst, cause=cause)

    def _charges(self, tx: Transaction, request: Request, *, now: datetime) -> Fresh | None:
        held = [tx.catalogue.get(key) for key in still_there(tx, request)]
        found = [each for each in held if each is not None]
        if len(found) < len(held):
            return None
        wanted = switched_again(request, _as_acknowledged(request), opened_at=now)
        draft = self._switching.draft(tx, found, wanted, now=now)
        return Fresh(at=now, charges=tuple(item.charge for item in draft.items))


def same_again(
    tx: Transaction, request: Request, deciders: Deciders, *, opened_at: datetime
) -> Wish:
    """The form of a request's own items that are there still, opened once more."""
    keys = still_there(tx, request)
    return Wish(
        refs=tuple(str(key) for key in keys),
        packages=keys,
        scope=request.scope,
        opened_at=opened_at,
        by=request.requested_by,
        deciders=deciders,
        ignoring=request.number,
    )


def switched_again(request: Request, deciders: Deciders, *, opened_at: datetime) -> Wanted:
    """The same of one that switches auto-renewal."""
    return Wanted(
        change=request.change,
        by=request.requested_by,
        deciders=deciders,
        opened_at=opened_at,
        ignoring=request.number,
    )


def _as_acknowledged(request: Request) -> Deciders:
    """Those who could decide then: who they are now is asked when the form is opened."""
    return Deciders(
        approvers=request.approvers, as_whom={each: (each,) for each in request.approvers}
    )
