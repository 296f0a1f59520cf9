"""Entrusting: what Lapse does about requests that a person carries out. The cloud is never called.

It opens the checklist, calls people again, says when it was not done in time, and closes what a
second person has seen gone, after reading the cloud where a provider can.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from bot.billing import by_hand, deciding
from bot.billing.account import Account
from bot.billing.bookkeeping import unsubscribed
from bot.billing.deadline import last_safe
from bot.billing.quote import Scope
from bot.billing.renewal import AnchorKind, anchor
from bot.billing.subscription import Edition, Kind, SlackUser, Subscription
from bot.billing.unsubscription import Item, Request, State, Task
from bot.ports.provider import Provider, ProviderError, Refund
from bot.services import objections
from bot.services.effects import is_gone
from bot.services.figures import keys_of
from bot.services.finding import account_of
from bot.services.merging import merged_with
from bot.services.people import People
from bot.services.phrases import day, last_minute, listed
from bot.services.progress import Progress

REHEARSED = "dry run: nobody was asked to do anything"
SEEN, READ = "seen by a second person", "seen by a second person, and not on the cloud's list"
WITHIN = "within the approved limits"
WITHIN_AS_KNOWN = "within the approved limits, by what the catalogue knows"
NOT_READ = "seen by a second person; the cloud could not be read"

log = logging.getLogger(__name__)

Fresh = Mapping[str, Subscription]
Objection = Callable[[Request, Fresh, datetime], str | None]
"""Why a request cannot start as it was approved, given its items as they are now."""


@runtime_checkable
class Bookkeeper(Protocol):
    """A provider whose book Lapse keeps, and which no cloud tells what happened elsewhere."""

    def enter(self, subscription: Subscription) -> None:
        """Write what happened without Lapse."""


class Entrusting:
    """Looks after one claimed request that is carried out by hand; safe with several replicas."""

    def __init__(self, *, progress: Progress, people: People, objection: Objection) -> None:
        self._progress = progress
        self._people = people
        self._objection = objection

    def look_after(self, request: Request, provider: Provider | None) -> None:
        """One move: begin, call people, fail what is overdue, or close what was seen gone."""
        if request.state is State.APPROVED:
            self._begin(request, provider)
        elif request.state is State.EXECUTING:
            self._wait(request)
        elif request.state is State.VERIFYING:
            self._verify(request, provider)
        else:
            self._progress.again(request, at=self._now())

    def _begin(self, request: Request, provider: Provider | None) -> None:
        """Open the checklist, or go stale when facts are worse than acknowledged."""
        known = self._known(request)
        read_now = self._read(request, provider)
        fresh = known if read_now is None else read_now
        now = self._now()
        account = account_of(self._progress.store, request.account)
        problem = objections.set_otherwise(request, account)
        problem = problem or self._objection(request, fresh, now)
        problem = problem or _notice_passed(request, known.values(), account, now=now)
        if problem is not None:
            stale = replace(deciding.go_stale(request, at=now, note=problem), problem=problem)
            self._progress.save(request, stale, again=None, read=self._merged(read_now))
            return
        read = deciding.read_again(request, at=now, note=WITHIN if read_now else WITHIN_AS_KNOWN)
        if request.dry_run:
            done = by_hand.rehearsed(read, at=now, note=REHEARSED)
            self._progress.save(request, done, again=None)
            return
        items = [
            _entrusted(item, known.get(item.key.id, fresh[item.key.id]), request, account, now)
            for item in request.items
        ]
        whom = tuple(dict.fromkeys(item.asked for item in items if item.asked))
        opened = by_hand.start(read, items=_with_editions(items), whom=whom, at=now)
        self._progress.save(request, opened, again=None)

    def _wait(self, request: Request) -> None:
        now = self._now()
        ends, due = by_hand.fails_at(request), by_hand.next_call(request)
        if ends is not None and now >= ends:
            failed = by_hand.overdue(request, at=now, problem=_overdue(request))
            self._progress.save(request, failed, again=None)
        elif due is not None and now >= due:
            whom = by_hand.whom_to_ask(request)
            called = by_hand.call(request, whom=whom, at=now)
            self._progress.save(request, called, again=None)
        else:
            self._progress.again(request, at=by_hand.next_move(request) or now)

    def _verify(self, request: Request, provider: Provider | None) -> None:
        now = self._now()
        if by_hand.confirmed(request) is not None:
            self._close(request, provider)
            return
        due = by_hand.next_call(request)
        if due is not None and now >= due:
            whom = who_may_look(self._people, request, self._known(request).values())
            called = by_hand.call(request, whom=whom, at=now)
            self._progress.save(request, called, again=None)
        else:
            self._progress.again(request, at=due or now)

    def _close(self, request: Request, provider: Provider | None) -> None:
        """It is gone: the catalogue says so, unless the cloud can be read and lists it still."""
        fresh = self._read(request, provider)
        now = self._now()
        still = () if fresh is None else _still_listed(request, fresh, now=now)
        if still:
            labels = listed([request.items[number - 1].label for number in still])
            why = f"{labels} {'is' if len(still) == 1 else 'are'} still at the cloud."
            opened = by_hand.listed_still(request, numbers=still, at=now, why=why)
            self._progress.save(request, opened, again=None)
            return
        refunds = {} if fresh is None else self._refunds(request, provider)
        was_read = fresh is not None
        items = [_read_back(i, refunds.get(i.key.id), read=was_read) for i in request.items]
        ended = [unsubscribed(each) for each in self._known(request).values()]
        if request.is_contract:
            _enter(provider, ended)
        said = SEEN if request.is_contract else READ if fresh is not None else NOT_READ
        done = by_hand.seen_gone(request, items=items, at=now, note=said)
        gone = ended if request.scope is Scope.ALL else []
        self._progress.save(request, done, again=None, read=gone)

    def _known(self, request: Request) -> dict[str, Subscription]:
        """What the catalogue says of its items."""
        with self._progress.store.reading() as tx:
            held = [tx.catalogue.get(key) for key in keys_of(request)]
        return {each.key.id: each for each in held if each is not None}

    def _read(self, request: Request, provider: Provider | None) -> Fresh | None:
        """Its items at the cloud; None for contracts, and where the cloud does not say."""
        if request.is_contract or provider is None:
            return None
        try:
            return provider.read([key.id for key in keys_of(request)])
        except ProviderError as error:
            log.warning("cloud.away", extra={"request": request.number, "code": error.code})
            return None

    def _merged(self, read_now: Fresh | None) -> Sequence[Subscription]:
        """What the catalogue takes over of a reading."""
        with self._progress.store.reading() as tx:
            return merged_with(tx, read_now or {})

    def _refunds(self, request: Request, provider: Provider | None) -> Mapping[str, Refund]:
        if provider is None:
            return {}
        ids = [key.id for key in keys_of(request)]
        try:
            return {each.id: each for each in provider.refunds(ids, since=request.requested_at)}
        except ProviderError as error:
            log.warning("cloud.away", extra={"request": request.number, "code": error.code})
            return {}

    def _now(self) -> datetime:
        return self._progress.clock.now()


def who_may_look(
    people: People, request: Request, held: Iterable[Subscription]
) -> tuple[SlackUser, ...]:
    """Those who may verify it: owners and deputies, then approvers; never whoever did it."""
    owners = (user for each in held for user in (each.owner, each.deputy) if user)
    did = by_hand.doers(request)
    asked = dict.fromkeys((*owners, *people.deciders().approvers))
    return tuple(each for each in asked if each not in did)


def _notice_passed(
    request: Request, held: Iterable[Subscription], account: Account, *, now: datetime
) -> str | None:
    """That the day for notice, by which it was approved, is over: the contract has renewed."""
    if request.if_kept.get("kind") != AnchorKind.NOTICE:
        return None
    was = date.fromisoformat(request.if_kept["date"])
    ahead = (anchor(each, account, at=now) for each in held)
    dates = [each.date for each in ahead if each is not None]
    if dates and min(dates) <= was:
        return None
    after = f", the next one is {day(min(dates))}" if dates else ""
    return f"The last day for notice has passed, it was {day(was)}{after}."


def _entrusted(
    item: Item, held: Subscription, request: Request, account: Account, now: datetime
) -> Item:
    """The item with what is to be done; its owner is asked, else who asked for it."""
    safe = last_safe(held, account, at=now, scope=request.scope)
    return replace(
        item,
        task=Task(kind=held.kind, service=held.service, edition=held.edition),
        asked=held.owner or request.requested_by,
        due_at=safe or now + by_hand.WITHOUT_DATE,
    )


def _with_editions(items: Sequence[Item]) -> list[Item]:
    """Packages stand in the console beside the edition of their region."""
    editions: dict[str | None, Edition] = {
        item.region: item.task.edition
        for item in items
        if item.task and item.task.kind is Kind.QUOTA and item.task.edition
    }
    return [
        replace(item, task=replace(item.task, edition=editions.get(item.region)))
        if item.task and item.task.kind is Kind.PACKAGE
        else item
        for item in items
    ]


def _enter(provider: object, ended: Sequence[Subscription]) -> None:
    """Into the book that Lapse keeps; harmless when repeated, so that it comes before the save."""
    if isinstance(provider, Bookkeeper):
        for each in ended:
            provider.enter(each)


def _still_listed(request: Request, fresh: Fresh, *, now: datetime) -> tuple[int, ...]:
    """The numbers of the items that are not gone from the cloud's list."""
    return tuple(
        number
        for number, item in enumerate(request.items, 1)
        if not is_gone(fresh.get(item.key.id), request, now)
    )


def _read_back(item: Item, refund: Refund | None, *, read: bool) -> Item:
    """What the cloud shows of it: what is not on its list renews no more."""
    known = replace(item, auto_renew_off=True if read else None)
    if refund is None:
        return known
    return replace(
        known,
        refund_order=refund.order_id,
        refund_actual=refund.refund,
        fee_actual=refund.handling_fee,
    )


def _overdue(request: Request) -> str:
    left = [item.label for _, item in by_hand.open_items(request)]
    due = by_hand.due_at(request)
    when = f" by {last_minute(due)}" if due else ""
    return f"Nobody said{when} that {listed(left)} {'is' if len(left) == 1 else 'are'} done."
