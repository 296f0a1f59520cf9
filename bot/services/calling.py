"""Calling: carries one step of a request to the cloud, exactly once, and follows it until gone.

Intent is saved before the call and the outcome after it. Where the outcome is open, the cloud is
read first; a step is sent again only when reading shows that the call never arrived.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing import standstill, stepping
from bot.billing.change import Change
from bot.billing.quote import Scope
from bot.billing.standstill import Hindrance
from bot.billing.subscription import Edition, Kind, Subscription, SubscriptionKey
from bot.billing.unsubscription import ItemState, Request, Step, StepState, Verb
from bot.ports.provider import (
    Call,
    ItemResult,
    OutcomeUnknown,
    Provider,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from bot.ports.store import StoreAway
from bot.services import objections
from bot.services.effects import afterwards, effect_of
from bot.services.figures import exceeds, remaining
from bot.services.filing import Called, Outcome
from bot.services.finding import account_of
from bot.services.merging import taken_over
from bot.services.phrases import instant, listed
from bot.services.progress import Progress
from bot.services.stalling import Stalling, kept_now, not_over, still_listed, takes_no_calls
from bot.services.standing import Standing
from bot.services.surveying import Survey, plan_now, survey

SOON = timedelta(seconds=1)
LATER = timedelta(seconds=30)
LOOK_EVERY = timedelta(seconds=5)

STARTS_WITHIN = timedelta(seconds=2)
"""A call whose intent took longer to record is not made: its time is running already."""

SETTLED_AFTER = STARTS_WITHIN + timedelta(seconds=90)
"""A call that took its full 60 s may still land up to 30 s later; then reading is conclusive."""

LISTS_LAG = timedelta(hours=24)
"""What is listed so long after it was paid back is there, whatever order there was."""

EDITION_WITHIN = timedelta(minutes=30)
"""For how long the edition may take to read basic after the quotas are gone (R8)."""

CALLS = 3

FIND_OUTCOME, READ = "find-outcome", "read"
"""What the record calls a reading of the cloud."""

_NOT_TAKEN = "The cloud did not take it."
_NOT_CHANGED = "The cloud took it and changed nothing."
_NO_ORDER = "The cloud took it and has no order of it any more."

log = logging.getLogger(__name__)


class Calling:
    """Works on the step of an executing request that is in flight or next."""

    def __init__(
        self,
        *,
        progress: Progress,
        stalling: Stalling,
        standing: Standing,
        steady_since: Callable[[], datetime],
    ) -> None:
        self._progress = progress
        self._stalling = stalling
        self._standing = standing
        self._steady_since = steady_since

    def work(self, request: Request, provider: Provider, *, lease_until: datetime) -> None:
        """One move of the request's current step; may raise any ProviderError of a reading."""
        step = stepping.next_step(request)
        if step is None:
            self._finish(request, provider)
        elif step.state is StepState.PLANNED:
            self._send(request, step, provider, lease_until=lease_until)
        elif step.state is StepState.ACCEPTED:
            self._follow(request, step, provider)
        else:
            self._look(request, step, provider)

    def _finish(self, request: Request, provider: Provider) -> None:
        now = self._progress.clock.now()
        if all(step.state is StepState.DONE for step in request.steps):
            self._progress.save(request, stepping.verify(request, at=now), again=now)
            return
        paid = request if request.dry_run else _with_refunds(request, provider)
        failed = stepping.fail(paid, at=now, problem=_what_failed(request))
        self._progress.save(request, failed, again=None)

    def _send(
        self, request: Request, step: Step, provider: Provider, *, lease_until: datetime
    ) -> None:
        keys = stepping.open_items(request, step.number)
        fresh = provider.read([key.id for key in stepping.ahead(request)])
        effect = effect_of(request)
        here = [key for key in keys if not effect.reached(fresh.get(key.id), request, self._now())]
        held = [fresh[key.id] for key in here if key.id in fresh]
        earlier = self._waits_for_earlier(request, here, provider)
        if earlier or self._waits_for_basic(request, held, provider):
            return
        paid = _with_refunds(request, provider)
        now = self._now()
        left = {ref: each for ref, each in fresh.items() if not effect.reached(each, request, now)}
        seen = survey(self._progress.store, request, left, provider)
        now = self._now()
        worse = self._worse(paid, seen, now=now)
        if isinstance(worse, Hindrance):
            self._stalling.hold(request, worse, again=now + LATER)
            return
        if worse is not None:
            failed = stepping.fail(request, at=now, problem=worse)
            self._progress.save(request, failed, again=None, told=taken_over(seen.read))
            return
        started = stepping.step_started(request, step.number, at=now)
        if request.dry_run:
            note = "dry run: not sent to the cloud"
            gone = stepping.step_gone(started, step.number, at=now, gone=keys, note=note)
            self._progress.save(request, gone, again=now)
            return
        intended = self._progress.intend(request, started)
        if intended is None:
            return
        if self._now() < min(lease_until, now + STARTS_WITHIN):
            self._call(intended, step.number, here, provider)
            return
        undone = stepping.step_not_done(intended, step.number)
        self._progress.save(intended, undone, again=self._now())

    def _worse(self, request: Request, seen: Survey, *, now: datetime) -> str | Hindrance | None:
        """Why no other call may be made: what is left is judged anew before each, also on Retry.

        `request` has what was paid back already. What is over by itself is waited for: what it
        leaves behind is judged then.
        """
        if now > request.good_until:
            return _held_until(request)
        if (unapproved := self._standing.against(request)) is not None:
            return unapproved
        account = account_of(self._progress.store, request.account)
        # A dry run calls nothing, whatever the settings say now.
        set_to = None if request.dry_run else objections.set_otherwise(request, account)
        if set_to is not None:
            return set_to
        if request.change is not Change.UNSUBSCRIBE:
            return objections.dearer(request, seen.items, account, now)
        plan = plan_now(self._progress.store, request, seen, at=now)
        if (kept := kept_now(request, plan)) is not None:
            return kept
        other = objections.otherwise(request, plan, keys={each.key for each in seen.items})
        said = other or exceeds(remaining(request, plan), request)
        return said or objections.paid_otherwise(request, plan)

    def _call(
        self,
        request: Request,
        number: int,
        here: Sequence[SubscriptionKey],
        provider: Provider,
    ) -> None:
        """Ask the cloud once; whatever it answers, or does not, is saved."""
        effect = effect_of(request)
        moved, again = _without(request, number, here), SOON
        called = None
        if here:
            try:
                results = self._ask(request, provider, _call(request, number, here))
            except OutcomeUnknown as lost:
                log.warning("step.unknown", extra={"request": request.number, "code": lost.code})
                unknown = stepping.step_unknown(moved, number)
                again_at = self._now() + LOOK_EVERY
                called = _called(effect.call, here, Outcome.UNKNOWN, error=lost)
                self._progress.save(request, unknown, again=again_at, called=called)
                return
            except ProviderUnavailable as away:
                later = self._now() + LATER
                undone = stepping.step_not_done(request, number)
                called = _called(effect.call, here, Outcome.UNAVAILABLE, error=away)
                closed = takes_no_calls(request.account, away)
                self._stalling.hold(request, closed, again=later, moved=undone, called=called)
                return
            except ProviderRefused as refusal:
                results = [_no(key, refusal) for key in here]
                called = _called(effect.call, here, Outcome.REFUSED, error=refusal)
            else:
                called = _called(effect.call, here, _overall(results), results=results)
            moved = _answered(moved, number, results, at=self._now())
        self._progress.save(request, moved, again=self._now() + again, called=called)

    def _ask(self, request: Request, provider: Provider, call: Call) -> Sequence[ItemResult]:
        """Ask the cloud; whatever else goes wrong, it may have arrived, so that it is read."""
        try:
            return effect_of(request).ask(provider, call)
        except (OutcomeUnknown, ProviderUnavailable, ProviderRefused, StoreAway):
            raise
        except Exception as surprise:
            log.exception("step.surprise", extra={"request": request.number})
            raise OutcomeUnknown("It answered what Lapse does not understand.") from surprise

    def _follow(self, request: Request, step: Step, provider: Provider) -> None:
        """Read the list until what was accepted is gone from it."""
        keys = stepping.open_items(request, step.number)
        fresh = provider.read([key.id for key in keys])
        now = self._now()
        reached = effect_of(request).reached
        gone = [key for key in keys if reached(fresh.get(key.id), request, now)]
        if not gone:
            if lost := self._lost(request, step, keys, provider):
                self._refuse(request, step, lost, _NO_ORDER)
            else:
                self._wait(request, step, keys, now)
            return
        note = _edition_note(request, self._held(gone), provider)
        moved = stepping.step_gone(request, step.number, at=now, gone=gone, note=note)
        called = _called(READ, gone, Outcome.DONE)
        told = afterwards(request, gone, fresh)
        self._progress.save(request, moved, again=now, told=told, called=called)

    def _wait(
        self, request: Request, step: Step, keys: Sequence[SubscriptionKey], now: datetime
    ) -> None:
        """Read again later; what should have changed long ago is for people to decide about."""
        within = effect_of(request).within
        if within is None or step.accepted_at is None or now < step.accepted_at + within:
            again = now + _patience(step, now)
            self._stalling.hold(request, still_listed(request, keys), again=again)
            return
        self._refuse(request, step, keys, _NOT_CHANGED)

    def _lost(
        self,
        request: Request,
        step: Step,
        keys: Sequence[SubscriptionKey],
        provider: Provider,
    ) -> Sequence[SubscriptionKey]:
        """What the cloud took before a person had it tried again, and has no order of any more.

        Until somebody wants it tried again an order is believed to be on its way, and for as long
        as the cloud's lists may lag.
        """
        tried = [event.at for event in request.events if event.verb is Verb.RETRIED]
        taken = step.accepted_at
        if effect_of(request).within or taken is None or not tried or tried[-1] < taken:
            return ()
        if self._now() < taken + SETTLED_AFTER:
            return ()
        results = effect_of(request).find(provider, _call(request, step.number, keys))
        known = {each.id for each in results if each.accepted or each.gone}
        return [key for key in keys if key.id not in known]

    def _refuse(
        self, request: Request, step: Step, keys: Sequence[SubscriptionKey], why: str
    ) -> None:
        """Reading shows that what was taken is not done, nor will be: Retry may send it again."""
        sent = {key for key in keys if request.item(key).state is ItemState.SENT}
        refusals = {key: ("", why if key in sent else _NOT_TAKEN) for key in keys}
        now = self._now()
        refused = stepping.step_refused(request, step.number, at=now, refusals=refusals)
        called = _called(READ, keys, Outcome.NOT_DONE)
        self._progress.save(request, refused, again=now, called=called)

    def _look(self, request: Request, step: Step, provider: Provider) -> None:
        """The answer was lost, here or in a process that died: read what became of the call."""
        if step.state is StepState.STARTED:
            unknown = stepping.step_unknown(request, step.number)
            sent = stepping.open_items(request, step.number)
            called = _called(effect_of(request).call, sent, Outcome.UNKNOWN)
            self._progress.save(request, unknown, again=self._now(), called=called)
            return
        keys = stepping.open_items(request, step.number)
        began = self._now()  # what lands while it is read may not be seen
        results = effect_of(request).find(provider, _call(request, step.number, keys))
        found = [each for each in results if each.accepted or each.gone]
        now = self._now()
        conclusive = self._is_settled(step, began)
        if not found and not conclusive:
            self._progress.again(request, at=now + LOOK_EVERY)
            return
        missed = {key.id for key in keys} - {each.id for each in found}
        if not found and step.attempt < CALLS:
            moved = stepping.step_not_done(request, step.number)
        elif missed and not conclusive:
            self._progress.again(request, at=now + LOOK_EVERY)
            return
        else:
            taken = [replace(each, accepted=True) for each in found]
            refused = [_not_taken(id_) for id_ in sorted(missed)]
            moved = _answered(request, step.number, [*taken, *refused], at=now)
        showed = Outcome.DONE if found else Outcome.NOT_DONE
        called = _called(FIND_OUTCOME, keys, showed, results=results)
        self._progress.save(request, moved, again=now, called=called)

    def _is_settled(self, step: Step, at: datetime) -> bool:
        """Whether its call can no longer land, also when the database's clock leapt ahead."""
        if step.started_at is None:
            return True
        return at >= max(step.started_at, self._steady_since()) + SETTLED_AFTER

    def _waits_for_earlier(
        self, request: Request, here: Sequence[SubscriptionKey], provider: Provider
    ) -> bool:
        """Whether the cloud has, or may yet get, a call of an earlier request that is not over.

        *Leave as is* closes a request and stops nothing at the cloud, and what was read as gone
        may be listed again while its order is on its way.
        """
        if request.dry_run or request.change is not Change.UNSUBSCRIBE:
            return False
        with self._progress.store.reading() as tx:
            requests = tx.requests.called_for(here)
        for left, step, keys in _earlier_calls(requests, here):
            began = self._now()
            results = provider.find_outcome(_call(left, step.number, keys))
            taken = {each.id for each in results if each.accepted and not each.gone}
            paid = provider.refunds(sorted(taken), since=step.started_at or left.requested_at)
            lag = LISTS_LAG if left.scope is Scope.ALL else timedelta(0)
            taken -= {each.id for each in paid if each.completed_at + lag <= began}
            if taken:
                open_there = [key for key in keys if key.id in taken]
                again = self._now() + LATER
                self._stalling.hold(request, not_over(left, open_there), again=again)
                return True
            if not self._is_settled(step, began):
                self._progress.again(request, at=self._now() + LOOK_EVERY)
                return True
        return False

    def _waits_for_basic(
        self, request: Request, going: Collection[Subscription], provider: Provider
    ) -> bool:
        """Whether packages have to wait until the edition of their region reads basic (R8)."""
        if not request.ends_items or request.dry_run:
            return False
        packages = [each for each in going if each.kind is Kind.PACKAGE]
        editions = {each.region: provider.edition(each.region) for each in packages}
        above = {r: e for r, e in editions.items() if e not in {Edition.BASIC, None}}
        if not above:
            return False
        now = self._now()
        since = standstill.stands_since(request)
        if now < since + EDITION_WITHIN:
            self._progress.again(request, at=now + SOON)
            return True
        region, edition = next(iter(above.items()))
        problem = f"The edition of {region or request.account} still reads {edition}."
        failed = stepping.fail(request, at=now, problem=problem)
        self._progress.save(request, failed, again=None)
        return True

    def _held(self, keys: Collection[SubscriptionKey]) -> Sequence[Subscription]:
        """What the catalogue says of these."""
        with self._progress.store.reading() as tx:
            known = (tx.catalogue.get(key) for key in keys)
            return [each for each in known if each is not None]

    def _now(self) -> datetime:
        return self._progress.clock.now()


def _earlier_calls(
    requests: Sequence[Request], keys: Sequence[SubscriptionKey]
) -> Iterator[tuple[Request, Step, Sequence[SubscriptionKey]]]:
    """The calls that these requests may have made, with which of these they named."""
    for request in requests:
        called = stepping.called_for(request)
        for step in request.steps:
            if named := [key for key in step.subscriptions if key in called and key in keys]:
                yield request, step, named


def _with_refunds(request: Request, provider: Provider) -> Request:
    """The request with what the cloud has paid back so far of those that are gone."""
    gone = [item for item in request.items if item.state is ItemState.GONE]
    if not gone or not request.has_figures:
        return request
    ids = [item.key.id for item in gone]
    for refund in provider.refunds(ids, since=request.requested_at):
        item = request.item(SubscriptionKey(request.account, refund.id))
        paid = replace(item, refund_actual=refund.refund, fee_actual=refund.handling_fee)
        request = stepping.with_item(request, replace(paid, refund_order=refund.order_id))
    return request


def _without(request: Request, number: int, here: Collection[SubscriptionKey]) -> Request:
    """What was not there when its step began is gone since then, and in no call."""
    gone = set(stepping.open_items(request, number)) - set(here)
    step = next(each for each in request.steps if each.number == number)
    if not gone or step.started_at is None:
        return request
    return stepping.step_gone(request, number, at=step.started_at, gone=gone)


def _call(request: Request, number: int, keys: Sequence[SubscriptionKey]) -> Call:
    step = next(each for each in request.steps if each.number == number)
    return Call(
        ids=tuple(key.id for key in keys),
        scope=request.scope,
        reason=int(request.reason),
        details=request.details,
        started_at=step.started_at or request.requested_at,
    )


def _called(
    call: str,
    keys: Collection[SubscriptionKey],
    outcome: Outcome,
    *,
    error: ProviderError | None = None,
    results: Sequence[ItemResult] = (),
) -> Called:
    ids = [key.id for key in keys]
    answered = {each.request_id: None for each in results if each.request_id}
    return Called(
        call=call,
        ids=ids,
        outcome=outcome,
        code=error.code if error else "",
        request_id=error.request_id if error else ", ".join(answered),
        results=results,
    )


def _overall(results: Sequence[ItemResult]) -> Outcome:
    """Accepted where the cloud took any; what it said of each stands beside it."""
    return Outcome.ACCEPTED if any(each.accepted for each in results) else Outcome.REFUSED


def _answered(
    request: Request, number: int, results: Sequence[ItemResult], *, at: datetime
) -> Request:
    """The request after the cloud took some ids and refused others."""

    def key(result: ItemResult) -> SubscriptionKey:
        return SubscriptionKey(request.account, result.id)

    is_taken = effect_of(request).taken
    taken = {key(r): r.order_id for r in results if is_taken(r)}
    refused = {
        key(r): (r.error_code or "", r.error or _NOT_TAKEN) for r in results if key(r) not in taken
    }
    moved = request
    if taken:
        moved = stepping.step_accepted(moved, number, at=at, orders=taken)
    if refused:
        moved = stepping.step_refused(moved, number, at=at, refusals=refused)
    return moved


def _no(key: SubscriptionKey, refusal: ProviderRefused) -> ItemResult:
    return ItemResult(id=key.id, accepted=False, error_code=refusal.code, error=refusal.sentence)


def _not_taken(id_: str) -> ItemResult:
    return ItemResult(id=id_, accepted=False, error_code="", error=_NOT_TAKEN)


def _patience(step: Step, now: datetime) -> timedelta:
    """How long until the next reading: a tenth of the time waited so far, 1 s to 1 minute."""
    waited = now - (step.accepted_at or now)
    return max(SOON, min(waited / 10, timedelta(minutes=1)))


def _edition_note(request: Request, held: Sequence[Subscription], provider: Provider) -> str | None:
    """What the edition reads after quotas went, for the thread."""
    quotas = [each for each in held if each.kind is Kind.QUOTA]
    if not quotas or not request.ends_items:
        return None
    edition = provider.edition(quotas[0].region)
    return f"edition is {edition}" if edition is not None else None


def _held_until(request: Request) -> str:
    until = instant(request.good_until)
    return f"The acknowledged figures held until {until}, so nothing more was sent."


def _what_failed(request: Request) -> str:
    """What happened, for people who decide how to go on."""
    refused = [item for item in request.items if item.error]
    if not refused:
        return "Not every step could be done."
    first = refused[0]
    said = (first.error or "").rstrip(".")
    return f"The cloud refused {listed([item.label for item in refused])}: {said}."
