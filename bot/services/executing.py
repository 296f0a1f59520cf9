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
from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.standstill import Hindrance
from bot.billing.subscription import AccountName, Subscription, SubscriptionKey
from bot.billing.unsubscription import Item, ItemState, Request, State
from bot.ports.clock import Clock
from bot.ports.provider import Provider, ProviderError, Refund
from bot.ports.store import ChangedMeanwhile, Store, StoreAway, Transaction
from bot.services import objections
from bot.services.calling import LATER, SOON, Calling
from bot.services.effects import afterwards, effect_of, is_gone
from bot.services.entrusting import Entrusting
from bot.services.figures import keys_of
from bot.services.finding import account_of
from bot.services.merging import Told, taken_over
from bot.services.people import People
from bot.services.phrases import counted, listed
from bot.services.policy import Policy
from bot.services.progress import LEASE, Progress
from bot.services.stalling import (
    Stalling,
    kept_now,
    no_cloud,
    not_in_time,
    surprised,
    unread,
)
from bot.services.standing import Standing
from bot.services.surveying import Survey, plan_now, survey
from bot.services.waiting import Waiting

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
        self._providers = providers
        self._steady_since = steady_since
        self._progress = Progress(store=store, clock=clock, policy=policy)
        self._stalling = Stalling(progress=self._progress, operators=people.alarmed)
        self._standing = Standing(store=store, policy=policy, people=people)
        self._calling = Calling(
            progress=self._progress,
            stalling=self._stalling,
            standing=self._standing,
            steady_since=steady_since,
        )
        self._waiting = Waiting(progress=self._progress, people=people)
        self._entrusting = Entrusting(
            progress=self._progress,
            stalling=self._stalling,
            standing=self._standing,
            people=people,
        )

    def run_due(self, limit: int = 20) -> int:
        """Make up to `limit` moves that are due; returns how many were made.

        Each request is claimed by itself, so that trouble with one does not hold up the others.
        Raises StoreAway.
        """
        self._steady_since()  # at every tick, so that no leap goes unseen
        for made in range(limit):
            now = self._clock.now()
            lease_until = now + LEASE
            with self._store.transaction() as tx:
                claimed = tx.requests.claim_due(now=now, lease_until=lease_until, limit=1)
            if not claimed:
                return made
            try:
                self._move(claimed[0], lease_until=lease_until)
            except (ChangedMeanwhile, StoreAway):
                raise
            except Exception as surprise:  # noqa: BLE001 - the other requests go on
                self._held_up(claimed[0], surprise)
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
            self._stalling.hold(request, no_cloud(request.account), again=now + NO_PROVIDER)
        else:
            try:
                self._carry(request, provider, lease_until=lease_until)
            except ProviderError as error:
                log.warning("cloud.away", extra={"request": request.number, "code": error.code})
                again = self._clock.now() + LATER
                self._stalling.hold(request, unread(request.account, error), again=again)

    def _held_up(self, request: Request, surprise: Exception) -> None:
        """What nobody expected is told, and ends in time, as where a cloud cannot be read.

        Of a call whose intent is written the next holder reads what became of it.
        """
        log.error("request.surprise", exc_info=surprise, extra={"request": request.number})
        self._stalling.hold(request, surprised(request), again=self._clock.now() + LATER)

    def _still_approved(self, request: Request) -> bool:
        """Whether its approvals count still; it is stale when not.

        While nobody knows it waits, of which people hear, as long as the figures hold that were
        acknowledged.
        """
        against = self._standing.against(request)
        now = self._clock.now()
        if isinstance(against, Hindrance):
            self._stalling.hold(request, against, again=now + LATER)
        elif against is not None:
            stale = replace(deciding.go_stale(request, at=now, note=against), problem=against)
            self._progress.save(request, stale, again=None)
        return against is None

    def _carry(self, request: Request, provider: Provider, *, lease_until: datetime) -> None:
        if request.state is State.APPROVED:
            self._begin(request, provider)
        elif request.state is State.EXECUTING:
            self._calling.work(request, provider, lease_until=lease_until)
        elif request.state is State.VERIFYING:
            self._verify(request, provider)
        elif request.closed:
            self._look_again(request, provider)

    def _begin(self, request: Request, provider: Provider) -> None:
        """Read the facts again and start, or go stale when they are worse than acknowledged.

        What is busy is waited for, as between two steps: its approvals stay.
        """
        if self._is_over(request):
            return
        fresh = provider.read([key.id for key in keys_of(request)])
        seen = survey(self._store, request, fresh, provider)
        if self._is_over(request):
            return
        now = self._clock.now()
        problem = self._objection(request, seen, now=now)
        if isinstance(problem, Hindrance):
            self._stalling.hold(request, problem, again=now + LATER)
            return
        if problem is not None:
            stale = replace(deciding.go_stale(request, at=now, note=problem), problem=problem)
            missing = [key for key in keys_of(request) if key.id not in fresh]

            def lose(tx: Transaction) -> None:
                tx.catalogue.mark_gone(missing, at=now)

            told = taken_over(seen.read)
            self._progress.save(request, stale, again=None, told=told, also=lose)
            return
        note = "within the approved limits"
        read = deciding.read_again(request, at=now, note=note)
        self._progress.save(request, stepping.start(read, at=now), again=now)

    def _is_over(self, request: Request) -> bool:
        """Whether the acknowledged figures hold no longer; it has expired then."""
        now = self._clock.now()
        if now <= request.good_until:
            return False
        expired = deciding.expire(request, at=now, why=not_in_time(request))
        self._progress.save(request, expired, again=None)
        return True

    def _objection(
        self, request: Request, seen: Survey, *, now: datetime
    ) -> str | Hindrance | None:
        """Why the request cannot start as it was approved, or not yet; None when it can."""
        account = account_of(self._store, request.account)
        if (otherwise := objections.set_otherwise(request, account)) is not None:
            return otherwise
        missing = objections.gone(request, {each.key for each in seen.items})
        if missing is not None:
            return missing
        if request.change is Change.UNSUBSCRIBE:
            plan = plan_now(self._store, request, seen, at=now)
            return kept_now(request, plan) or objections.changed(request, plan, now=now)
        return objections.dearer(request, seen.items, account, now)

    def _verify(self, request: Request, provider: Provider) -> None:
        """The seventh step of the cloud's own procedure: check that it is gone, and paid."""
        seen_at = stepping.read_back_since(request) + READS_BACK_AFTER
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
        still = [item for item in request.items if _stays(item, fresh, request, now=now)]
        if still:
            verb = "is" if len(still) == 1 else "are"
            problem = f"{listed([item.label for item in still])} {verb} still at the cloud."
            self._not_so(request, still, problem, fresh, now=now)
            return
        moved = request
        for item in request.items:
            read = _read_back(item, fresh.get(item.key.id), found.get(item.key.id), at=now)
            moved = stepping.with_item(moved, read)
        told = afterwards(request, keys_of(request), fresh)
        self._settle(request, moved, found=len(found), now=now, told=told)

    def _verify_switched(self, request: Request, provider: Provider) -> None:
        """Auto-renewal reads as it should; what was switched by hand is so in the catalogue too."""
        fresh = provider.read([key.id for key in keys_of(request)])
        now = self._clock.now()
        effect = effect_of(request)
        on, off = ("on", "off") if request.change.renews else ("off", "on")
        wrong = [
            item
            for item in request.items
            if not effect.reached(fresh.get(item.key.id), request, now)
        ]
        if wrong:
            labels = listed([item.label for item in wrong])
            problem = f"Auto-renewal of {labels} still reads {off}."
            self._not_so(request, wrong, problem, fresh, now=now)
            return
        moved = request
        for item in request.items:
            read = replace(_done(item, at=now), auto_renew_off=not request.change.renews)
            moved = stepping.with_item(moved, read)
        verified = stepping.verified(moved, at=now, note=f"auto-renewal reads {on}")
        told = afterwards(request, keys_of(request), fresh)
        self._progress.save(request, verified, again=None, told=told)

    def _not_so(
        self,
        request: Request,
        still: Sequence[Item],
        problem: str,
        fresh: Mapping[str, Subscription],
        *,
        now: datetime,
    ) -> None:
        """It fails, and what reads as before counts as done no more, also in the catalogue."""
        keys = [item.key for item in still]
        back = stepping.still_there(request, keys)
        told = taken_over(fresh[key.id] for key in keys if key.id in fresh)
        failed = stepping.fail(back, at=now, problem=problem)
        self._progress.save(request, failed, again=None, told=told)

    def _look_again(self, request: Request, provider: Provider) -> None:
        """The second look, a day after it was verified: nobody else would notice."""
        ids = [item.key.id for item in request.was_called_for]
        fresh = provider.read(ids)
        found = {each.id: each for each in provider.refunds(ids, since=request.requested_at)}
        now = self._clock.now()
        numbered = enumerate(request.items, 1)
        back = {n: i.label for n, i in numbered if _is_back(i, fresh, request, now=now)}
        read, gone = request, []
        for item in request.was_called_for:
            refund = found.get(item.key.id)
            if is_gone(fresh.get(item.key.id), request, now) and _is_its_own(item, refund):
                gone.append(item.key)
                known = _read_back(item, fresh.get(item.key.id), refund, at=now)
                read = stepping.with_item(read, known)
        told = dict(afterwards(request, gone, fresh))
        if back:
            verb = "is" if len(back) == 1 else "are"
            problem = f"{listed(list(back.values()))} {verb} at the cloud again."
            moved = stepping.came_back(read, at=now, problem=problem, items=tuple(back))
            keys = [request.items[n - 1].key for n in back]
            told |= taken_over(fresh[key.id] for key in keys)
        else:
            note = f"{_how_many(gone, read)} gone, {_orders(read)} found"
            moved = stepping.looked_again(read, at=now, note=note)
        self._progress.save(request, moved, again=None, told=told)

    def _settle(
        self,
        request: Request,
        moved: Request,
        *,
        found: int,
        now: datetime,
        told: Mapping[SubscriptionKey, Told],
    ) -> None:
        """Done when its refund orders are there, or were waited for; it is gone already."""
        since = stepping.read_back_since(request)
        if found < len(request.items) and now < stepping.refunds_read_until(request):
            again = now + max(SOON, min((now - since) / 5, timedelta(minutes=1)))
            if moved == request:
                self._progress.again(request, at=again)
            else:
                self._progress.save(request, moved, again=again, told=told)
            return
        orders = counted(found, "refund order")
        note = f"all gone, {orders} of {len(request.items)} found"
        verified = stepping.verified(moved, at=now, note=note)
        self._progress.save(request, verified, again=None, told=told)


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
    return item.state is ItemState.GONE and not is_gone(fresh.get(item.key.id), request, now)


def _is_its_own(item: Item, refund: Refund | None) -> bool:
    """Whether it is gone by this request, and not by the order of one that asked after it."""
    return refund is None or item.refund_order in {None, refund.order_id}


def _how_many(gone: Sequence[SubscriptionKey], request: Request) -> str:
    return "all" if len(gone) == len(request.items) else f"{len(gone)} of {len(request.items)}"


def _orders(request: Request) -> str:
    orders = counted(sum(i.refund_actual is not None for i in request.items), "refund order")
    return f"{orders} of {len(request.items)}"


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
