"""Executing: what Lapse itself does about requests, one claimed request at a time.

Has those that wait looked after, reads the facts again when the cooling-off is over, has the steps
carried out, and reads back that everything is gone and paid.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing import deciding, stepping
from bot.billing.change import Change
from bot.billing.contract import plan_of
from bot.billing.deadline import latest_execution
from bot.billing.money import Money
from bot.billing.plan import Plan
from bot.billing.quote import Scope
from bot.billing.subscription import AccountName, Subscription
from bot.billing.unsubscription import Item, ItemState, Request, State, Verb
from bot.ports.clock import Clock
from bot.ports.provider import Provider, ProviderError, Refund
from bot.ports.store import Store
from bot.services import objections
from bot.services.calling import LATER, SOON, Calling
from bot.services.effects import effect_of, is_gone
from bot.services.entrusting import Entrusting
from bot.services.figures import keys_of
from bot.services.finding import account_of
from bot.services.merging import merged_with
from bot.services.people import People
from bot.services.phrases import counted, listed
from bot.services.planning import surroundings
from bot.services.policy import Policy
from bot.services.progress import LEASE, Progress
from bot.services.waiting import Waiting

REFUNDS_WITHIN = timedelta(minutes=15)
"""For how long reading back looks for refund orders before it says that some are missing."""

READS_BACK_AFTER = timedelta(seconds=2)
"""Time for everybody to see that the steps are done before what came of them is read."""

NO_PROVIDER = timedelta(minutes=5)

log = logging.getLogger(__name__)


class Executing:
    """Moves approved, executing and verifying requests on; safe with several replicas."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        policy: Policy,
        people: People,
        providers: Mapping[AccountName, Provider],
        steady_since: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._clock = clock
        self._people = people
        self._providers = providers
        self._steady_since = steady_since
        self._progress = Progress(store=store, clock=clock, policy=policy)
        self._calling = Calling(progress=self._progress, steady_since=steady_since)
        self._waiting = Waiting(progress=self._progress, people=people)
        self._entrusting = Entrusting(progress=self._progress, people=people, objection=self._worse)

    def run_due(self, limit: int = 20) -> int:
        """Make up to `limit` moves that are due; returns how many were made.

        Each request is claimed by itself, so that trouble with one does not hold up the others.
        """
        self._steady_since()  # at every tick, so that no leap goes unseen
        for made in range(limit):
            now = self._clock.now()
            lease_until = now + LEASE
            with self._store.transaction() as tx:
                claimed = tx.requests.claim_due(now=now, lease_until=lease_until, limit=1)
            if not claimed:
                return made
            self._move(claimed[0], lease_until=lease_until)
        return limit

    def _move(self, request: Request, *, lease_until: datetime) -> None:
        provider = self._providers.get(request.account)
        now = self._clock.now()
        if request.state in {State.WAITING, State.STALE}:
            self._waiting.look_after(request)
        elif request.state is State.APPROVED and not self._still_approved(request):
            log.info("request.not_approved", extra={"request": request.number})
        elif request.by_hand:
            self._entrusting.look_after(request, provider)
        elif provider is None:
            log.warning("account.unknown", extra={"request": request.number})
            self._progress.again(request, at=now + NO_PROVIDER)
        else:
            try:
                self._carry(request, provider, lease_until=lease_until)
            except ProviderError as error:
                log.warning("cloud.away", extra={"request": request.number, "code": error.code})
                self._progress.again(request, at=self._clock.now() + LATER)

    def _still_approved(self, request: Request) -> bool:
        """Whether its approvals count still; it is stale when not.

        While nobody knows it waits, until the figures that were acknowledged hold no longer.
        """
        found = self._people.stands(request)
        now = self._clock.now()
        minutes = request.cooling_off_minutes
        if found is None and now <= latest_execution(request.deadline, cooling_off_minutes=minutes):
            self._progress.again(request, at=now + LATER)
        elif not found:
            problem = objections.UNKNOWN if found is None else objections.unapproved(request)
            stale = replace(deciding.go_stale(request, at=now, note=problem), problem=problem)
            self._progress.save(request, stale, again=None)
        return bool(found)

    def _carry(self, request: Request, provider: Provider, *, lease_until: datetime) -> None:
        if request.state is State.APPROVED:
            self._begin(request, provider)
        elif request.state is State.EXECUTING:
            self._calling.work(request, provider, lease_until=lease_until)
        elif request.state is State.VERIFYING:
            self._verify(request, provider)
        elif request.state is State.DONE:
            self._look_again(request, provider)

    def _begin(self, request: Request, provider: Provider) -> None:
        """Read the facts again and start, or go stale when they are worse than acknowledged."""
        fresh = provider.read([key.id for key in keys_of(request)])
        now = self._clock.now()
        with self._store.reading() as tx:
            known = merged_with(tx, fresh)
        problem = self._objection(request, fresh, known, now=now)
        if problem is not None:
            stale = replace(deciding.go_stale(request, at=now, note=problem), problem=problem)
            self._progress.save(request, stale, again=None, read=known)
            return
        note = "within the approved limits"
        read = deciding.read_again(request, at=now, note=note)
        self._progress.save(request, stepping.start(read, at=now), again=now)

    def _objection(
        self,
        request: Request,
        fresh: Mapping[str, Subscription],
        known: Sequence[Subscription],
        *,
        now: datetime,
    ) -> str | None:
        """Why the request cannot start as it was approved; None when it can.

        `known` are those that were read, with what the cloud does not say of them.
        """
        account = account_of(self._store, request.account)
        if (otherwise := objections.set_otherwise(request, account)) is not None:
            return otherwise
        if request.change is Change.UNSUBSCRIBE:
            return self._worse(request, fresh, now)
        return _missing(request, fresh) or objections.dearer(request, known, account, now)

    def _worse(
        self, request: Request, fresh: Mapping[str, Subscription], now: datetime
    ) -> str | None:
        """Why subscriptions cannot go as it was approved, whoever carries it out."""
        missing = _missing(request, fresh)
        return missing or objections.changed(request, self._plan(request, fresh, now=now), now=now)

    def _plan(self, request: Request, fresh: Mapping[str, Subscription], *, now: datetime) -> Plan:
        chosen = [fresh[key.id] for key in keys_of(request)]
        with self._store.reading() as tx:
            around = {each.key: each for each in surroundings(tx, chosen)}
        around |= {each.key: each for each in chosen}
        account = account_of(self._store, request.account)
        group = tuple(around.values())
        return plan_of(chosen, group=group, account=account, at=now, scope=request.scope)

    def _verify(self, request: Request, provider: Provider) -> None:
        """The seventh step of the cloud's own procedure: check that it is gone, and paid."""
        seen_at = _verifying_since(request) + READS_BACK_AFTER
        if self._clock.now() < seen_at:
            self._progress.again(request, at=seen_at)
            return
        if request.dry_run:
            now = self._clock.now()
            note = "dry run: nothing was changed at the cloud"
            done = stepping.verified(request, at=now, note=note)
            self._progress.save(request, done, again=None)
            return
        if request.change is not Change.UNSUBSCRIBE:
            self._verify_switched(request, provider)
            return
        ids = [key.id for key in keys_of(request)]
        fresh = provider.read(ids)
        found = {each.id: each for each in provider.refunds(ids, since=request.requested_at)}
        now = self._clock.now()
        still = [item.label for item in request.items if _stays(item, fresh, request, now=now)]
        if still:
            verb = "is" if len(still) == 1 else "are"
            problem = f"{listed(still)} {verb} still at the cloud."
            failed = stepping.fail(request, at=now, problem=problem)
            self._progress.save(request, failed, again=None)
            return
        moved = request
        for item in request.items:
            read = _read_back(item, fresh.get(item.key.id), found.get(item.key.id), at=now)
            moved = stepping.with_item(moved, read)
        self._settle(request, moved, found=len(found), now=now)

    def _verify_switched(self, request: Request, provider: Provider) -> None:
        """Auto-renewal reads as it should; what was switched by hand is so in the catalogue too."""
        fresh = provider.read([key.id for key in keys_of(request)])
        now = self._clock.now()
        effect = effect_of(request)
        on, off = ("on", "off") if request.change.renews else ("off", "on")
        wrong = [
            item.label
            for item in request.items
            if not effect.reached(fresh.get(item.key.id), request, now)
        ]
        if wrong:
            problem = f"Auto-renewal of {listed(wrong)} still reads {off}."
            failed = stepping.fail(request, at=now, problem=problem)
            self._progress.save(request, failed, again=None)
            return
        moved = request
        for item in request.items:
            read = replace(_done(item, at=now), auto_renew_off=not request.change.renews)
            moved = stepping.with_item(moved, read)
        with self._store.reading() as tx:
            held = [each for key in keys_of(request) if (each := tx.catalogue.get(key))]
        left = [effect.left(request, each, fresh.get(each.key.id)) for each in held]
        verified = stepping.verified(moved, at=now, note=f"auto-renewal reads {on}")
        known = [each for each in left if each is not None]
        self._progress.save(request, verified, again=None, read=known)

    def _look_again(self, request: Request, provider: Provider) -> None:
        """The second look, a day after it was verified: nobody else would notice."""
        ids = [key.id for key in keys_of(request)]
        fresh = provider.read(ids)
        found = {each.id: each for each in provider.refunds(ids, since=request.requested_at)}
        now = self._clock.now()
        numbered = enumerate(request.items, 1)
        back = {n: i.label for n, i in numbered if _is_back(i, fresh, request, now=now)}
        if back:
            verb = "is" if len(back) == 1 else "are"
            problem = f"{listed(list(back.values()))} {verb} at the cloud again."
            moved = stepping.came_back(request, at=now, problem=problem, items=tuple(back))
        else:
            read = request
            for item in request.items:
                known = _read_back(item, fresh.get(item.key.id), found.get(item.key.id), at=now)
                read = stepping.with_item(read, known)
            orders = counted(sum(i.refund_order is not None for i in read.items), "refund order")
            note = f"all gone, {orders} of {len(read.items)} found"
            moved = stepping.looked_again(read, at=now, note=note)
        self._progress.save(request, moved, again=None)

    def _settle(self, request: Request, moved: Request, *, found: int, now: datetime) -> None:
        since = _verifying_since(request)
        if found < len(request.items) and now < since + REFUNDS_WITHIN:
            again = now + max(SOON, min((now - since) / 5, timedelta(minutes=1)))
            if moved == request:
                self._progress.again(request, at=again)
            else:
                self._progress.save(request, moved, again=again)
            return
        orders = counted(found, "refund order")
        note = f"all gone, {orders} of {len(request.items)} found"
        self._progress.save(request, stepping.verified(moved, at=now, note=note), again=None)


def _verifying_since(request: Request) -> datetime:
    return max(e.at for e in request.events if e.verb in {Verb.VERIFYING, Verb.BY_HAND})


def _stays(
    item: Item, fresh: Mapping[str, Subscription], request: Request, *, now: datetime
) -> bool:
    """Whether what should be gone is still on the list; a renewal was read when it went."""
    if request.scope is Scope.RENEWALS and item.state is ItemState.GONE:
        return False
    return not is_gone(fresh.get(item.key.id), request, now)


def _is_back(
    item: Item, fresh: Mapping[str, Subscription], request: Request, *, now: datetime
) -> bool:
    """Whether it is listed again; a renewal given back, whether another one was made."""
    return not is_gone(fresh.get(item.key.id), request, now)


def _missing(request: Request, fresh: Mapping[str, Subscription]) -> str | None:
    found = {key: fresh[key.id] for key in keys_of(request) if key.id in fresh}
    return objections.gone(request, found)


def _read_back(
    item: Item, held: Subscription | None, refund: Refund | None, *, at: datetime
) -> Item:
    known: Sequence[Money | None] = (refund.refund, refund.handling_fee) if refund else ()
    actual, fee = known if known else (item.refund_actual, item.fee_actual)
    return replace(
        _done(item, at=at),
        auto_renew_off=held is None or held.auto_renew is False,
        refund_order=refund.order_id if refund else item.refund_order,
        refund_actual=actual,
        fee_actual=fee,
    )


def _done(item: Item, *, at: datetime) -> Item:
    """Whatever was said of it before, it is as it should be."""
    return replace(
        item, state=ItemState.GONE, gone_at=item.gone_at or at, error_code=None, error=None
    )
