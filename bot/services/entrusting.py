"""Entrusting: what Lapse does about requests that a person carries out. The cloud is never called.

It opens the checklist, calls people again, says when nobody did it or looked in time, and has
ascertained what a second person has seen gone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.billing import by_hand, deciding
from bot.billing.account import Account
from bot.billing.days import CLOUD_ZONE
from bot.billing.deadline import STEPS, last_safe
from bot.billing.renewal import Anchor, AnchorKind, anchor, safe_cutoff
from bot.billing.subscription import Edition, Kind, SlackUser, Subscription
from bot.billing.unsubscription import Item, Request, State, Task
from bot.ports.provider import Provider, ProviderError, ProviderUnavailable
from bot.services import objections
from bot.services.ascertaining import Ascertaining, Fresh
from bot.services.finding import account_of
from bot.services.merging import taken_over
from bot.services.people import People
from bot.services.phrases import day, last_minute, listed
from bot.services.progress import Progress
from bot.services.stalling import not_in_time

REHEARSED = "dry run: nobody was asked to do anything"

BEGINS_WITHIN = STEPS
"""For how long a cloud is read again before the checklist opens by what the catalogue says."""

WITHIN = "within the approved limits"
KNOWN = f"by what the catalogue says, {WITHIN}"
KNOWN_UNREAD = f"{KNOWN}; the cloud could not be read"
KNOWN_ALONE = f"{KNOWN}; Lapse does not read this account"

Objection = Callable[[Request, Fresh, datetime], str | None]
"""Why a request cannot start as it was approved, given its items as they are now."""


class Entrusting:
    """Looks after one claimed request that is carried out by hand; safe with several replicas."""

    def __init__(self, *, progress: Progress, people: People, objection: Objection) -> None:
        self._progress = progress
        self._people = people
        self._objection = objection
        self._ascertaining = Ascertaining(progress)

    def look_after(self, request: Request, provider: Provider | None) -> None:
        """One move: begin, call people, fail what is overdue, close what was seen, look again."""
        seen = by_hand.confirmed(request)
        if request.state is State.APPROVED:
            self._begin(request, provider)
        elif request.state is State.VERIFYING and seen is not None:
            self._ascertaining.close(request, provider, since=seen.at)
        elif request.state in {State.EXECUTING, State.VERIFYING}:
            self._wait(request)
        elif (due := request.second_look_at) is not None:
            self._ascertaining.look_again(request, provider, since=due)
        else:
            self._progress.again(request, at=self._now())

    def _begin(self, request: Request, provider: Provider | None) -> None:
        """Read the facts again; while the cloud is away, wait, but not until it is too late."""
        try:
            read_now = self._ascertaining.read(request, provider)
        except ProviderError as error:
            within = BEGINS_WITHIN if isinstance(error, ProviderUnavailable) else timedelta()
            since = request.starts_at or request.requested_at
            if self._ascertaining.reads_later(request, error, since=since, within=within):
                return
            self._open(request, None, note=KNOWN_UNREAD)
            return
        known = KNOWN if request.is_contract else KNOWN_ALONE
        self._open(request, read_now, note=known if read_now is None else WITHIN)

    def _open(self, request: Request, read_now: Fresh | None, *, note: str) -> None:
        """Open the checklist, or go stale when facts are worse than acknowledged."""
        known = self._ascertaining.known(request)
        fresh = known if read_now is None else read_now
        now = self._now()
        account = account_of(self._progress.store, request.account)
        if now > request.good_until:
            why = _notice_passed(request, known.values(), account, now=now)
            expired = deciding.expire(request, at=now, why=why or not_in_time(request))
            self._progress.save(request, expired, again=None)
            return
        problem = objections.set_otherwise(request, account)
        problem = problem or self._objection(request, fresh, now)
        if problem is not None:
            stale = replace(deciding.go_stale(request, at=now, note=problem), problem=problem)
            told = taken_over((read_now or {}).values())
            self._progress.save(request, stale, again=None, told=told)
            return
        read = deciding.read_again(request, at=now, note=note)
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
        """For those who do it, or who look: they are called, and when nobody does it has failed."""
        now = self._now()
        ends, due = by_hand.fails_at(request), by_hand.next_call(request)
        if ends is not None and now >= ends:
            failed = by_hand.overdue(request, at=now, problem=_overdue(request))
            self._progress.save(request, failed, again=None)
        elif due is not None and now >= due:
            called = by_hand.call(request, whom=self._whom(request), at=now)
            self._progress.save(request, called, again=None)
        else:
            self._progress.again(request, at=by_hand.next_move(request) or now)

    def _whom(self, request: Request) -> tuple[SlackUser, ...]:
        """Those for whom it waits now, as owners, approvers and people are now."""
        if request.state is State.EXECUTING:
            return by_hand.whom_to_ask(request)
        return who_may_look(self._people, request, self._ascertaining.known(request).values())

    def _now(self) -> datetime:
        return self._progress.clock.now()


def who_may_look(
    people: People,
    request: Request,
    held: Iterable[Subscription],
    *,
    besides: SlackUser | None = None,
) -> tuple[SlackUser, ...]:
    """Those who are asked to verify it; never whoever did it, nor the person `besides`.

    Owners and deputies, then approvers, and operators where there is none of them.
    """
    did = {*by_hand.doers(request), *([besides] if besides else [])}
    owners = (user for each in held for user in (each.owner, each.deputy) if user)
    deciders = people.deciders()
    approvers = (each for each in deciders.approvers if each in deciders.as_whom)
    for named in ((*people.there(owners), *approvers), people.there(people.operators())):
        if left := tuple(each for each in dict.fromkeys(named) if each not in did):
            return left
    return ()


def _notice_passed(
    request: Request, held: Iterable[Subscription], account: Account, *, now: datetime
) -> str | None:
    """That the day for notice, by which it was approved, is over: the contract has renewed."""
    if request.if_kept.get("kind") != AnchorKind.NOTICE:
        return None
    was = date.fromisoformat(request.if_kept["date"])
    announced = Anchor(kind=AnchorKind.NOTICE, date=was, at=None)
    if now < safe_cutoff(announced, reader=CLOUD_ZONE):
        return None
    ahead = (anchor(each, account, at=now) for each in held)
    dates = [each.date for each in ahead if each is not None]
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


def _overdue(request: Request) -> str:
    left = [item.label for _, item in by_hand.open_items(request)]
    if not left:
        gone = listed([item.label for item in request.items])
        are = "is" if len(request.items) == 1 else "are"
        return f"Nobody looked within {by_hand.LOOKED_WITHIN.days} days whether {gone} {are} gone."
    due = by_hand.due_at(request)
    when = f" by {last_minute(due)}" if due else ""
    return f"Nobody said{when} that {listed(left)} {'is' if len(left) == 1 else 'are'} done."
