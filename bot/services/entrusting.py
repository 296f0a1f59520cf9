"""Entrusting: what Lapse does about requests that a person carries out. The cloud is never called.

It opens the checklist, calls people again, says when nobody did it or looked in time, and has
ascertained what a second person has seen gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from bot.billing import by_hand, deciding
from bot.billing.account import Account
from bot.billing.days import CLOUD_ZONE
from bot.billing.deadline import STEPS, last_safe
from bot.billing.renewal import Anchor, AnchorKind, anchor, safe_cutoff
from bot.billing.standstill import Hindrance
from bot.billing.subscription import Edition, Kind, SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import Item, Request, State, Task
from bot.ports.provider import Provider, ProviderError, ProviderUnavailable
from bot.ports.store import Transaction
from bot.services import objections
from bot.services.ascertaining import Ascertaining, understood
from bot.services.calling import LATER
from bot.services.figures import keys_of
from bot.services.finding import account_of
from bot.services.merging import taken_over
from bot.services.people import People
from bot.services.phrases import day, last_minute, listed
from bot.services.planning import surroundings
from bot.services.progress import Progress
from bot.services.stalling import SELDOM, Stalling, kept_now, not_in_time
from bot.services.standing import Standing
from bot.services.surveying import Survey, plan_now, survey

REHEARSED = "dry run: nobody was asked to do anything"

BEGINS_WITHIN = STEPS
"""For how long a cloud is read again before the checklist opens by what the catalogue says."""

WITHIN = "within the approved limits"
KNOWN = f"by what the catalogue says, {WITHIN}"
KNOWN_UNREAD = f"{KNOWN}; the cloud could not be read"
KNOWN_ALONE = f"{KNOWN}; Lapse does not read this account"


class Entrusting:
    """Looks after one claimed request that is carried out by hand; safe with several replicas."""

    def __init__(
        self, *, progress: Progress, stalling: Stalling, standing: Standing, people: People
    ) -> None:
        self._progress = progress
        self._stalling = stalling
        self._people = people
        self._standing = standing
        self._ascertaining = Ascertaining(progress, standing)

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
        if self._is_over(request):
            return
        try:
            seen = self._survey(request, provider)
        except ProviderError as error:
            within = BEGINS_WITHIN if isinstance(error, ProviderUnavailable) else timedelta()
            since = request.starts_at or request.requested_at
            if self._ascertaining.reads_later(request, error, since=since, within=within):
                return
            self._open(request, None, note=KNOWN_UNREAD)
            return
        known = KNOWN if request.is_contract else KNOWN_ALONE
        self._open(request, seen, note=known if seen is None else WITHIN)

    def _survey(self, request: Request, provider: Provider | None) -> Survey | None:
        """Its items and what stands beside them at the cloud; None where no cloud is read."""
        fresh = self._ascertaining.read(request, provider)
        if fresh is None or provider is None:
            return None
        with understood(request):
            return survey(self._progress.store, request, fresh, provider)

    def _known(self, request: Request) -> Survey:
        """The same by what the catalogue says."""
        items = tuple(self._ascertaining.known(request).values())
        with self._progress.store.reading() as tx:
            return Survey(items=items, beside=surroundings(tx, items))

    def _open(self, request: Request, read_now: Survey | None, *, note: str) -> None:
        """Open the checklist, or go stale when facts are worse than acknowledged.

        What is busy is waited for: its approvals stay.
        """
        seen = self._known(request) if read_now is None else read_now
        if self._is_over(request):
            return
        now = self._now()
        account = account_of(self._progress.store, request.account)
        problem = self._objection(request, seen, account, now=now)
        if isinstance(problem, Hindrance):
            self._stalling.hold(request, problem, again=now + LATER)
            return
        if problem is not None:
            self._go_stale(request, read_now, problem=problem, now=now)
            return
        read = deciding.read_again(request, at=now, note=note)
        if request.dry_run:
            done = by_hand.rehearsed(read, at=now, note=REHEARSED)
            self._progress.save(request, done, again=None)
            return
        items = self._entrusted(request, seen.items, account, now=now)
        whom = tuple(dict.fromkeys(item.asked for item in items if item.asked))
        opened = by_hand.start(read, items=_with_editions(items), whom=whom, at=now)
        self._progress.save(request, opened, again=None)

    def _is_over(self, request: Request) -> bool:
        """Whether the acknowledged figures, or a notice, hold no longer; it has expired then."""
        now = self._now()
        if now <= request.good_until:
            return False
        account = account_of(self._progress.store, request.account)
        why = _notice_passed(request, self._known(request).items, account, now=now)
        expired = deciding.expire(request, at=now, why=why or not_in_time(request))
        self._progress.save(request, expired, again=None)
        return True

    def _objection(
        self, request: Request, seen: Survey, account: Account, *, now: datetime
    ) -> str | Hindrance | None:
        """Why it cannot start as it was approved, or not yet; None when it can."""
        otherwise = objections.set_otherwise(request, account)
        found = otherwise or objections.gone(request, {each.key for each in seen.items})
        if found is not None:
            return found
        plan = plan_now(self._progress.store, request, seen, at=now)
        return kept_now(request, plan) or objections.changed(request, plan, now=now)

    def _go_stale(
        self, request: Request, seen: Survey | None, *, problem: str, now: datetime
    ) -> None:
        """The catalogue takes over what was read, also that some of it is not listed any more."""
        stale = replace(deciding.go_stale(request, at=now, note=problem), problem=problem)
        there = {each.key for each in seen.items} if seen else {*keys_of(request)}
        missing = [key for key in keys_of(request) if key not in there]

        def lose(tx: Transaction) -> None:
            tx.catalogue.mark_gone(missing, at=now)

        told = taken_over(seen.read if seen else ())
        self._progress.save(request, stale, again=None, told=told, also=lose)

    def _entrusted(
        self, request: Request, held: Iterable[Subscription], account: Account, *, now: datetime
    ) -> list[Item]:
        """Its items with what is to be done, by when, and of whom it is asked."""
        found = {each.key: each for each in held}
        of = [(item, found[item.key]) for item in self._asked(request, held=found).items]
        return [
            replace(
                item,
                task=Task(kind=each.kind, service=each.service, edition=each.edition),
                due_at=_due(each, request, account, now=now),
            )
            for item, each in of
        ]

    def _asked(self, request: Request, *, held: Mapping[SubscriptionKey, Subscription]) -> Request:
        """With of whom each item is asked: always of somebody who is here now.

        That is who was asked before, its owner, its deputy, else who asked for it; where all of
        them have left it is whoever else of them is here, or an approver.
        """
        wanted = {each.key: _wanted(request, each, held.get(each.key)) for each in request.items}
        there = self._people.there(user for each in wanted.values() for user in each)
        others = there or _approvers(self._people)

        def asked(item: Item) -> SlackUser | None:
            own = (each for each in wanted[item.key] if each in there)
            return next(own, None) or next(iter(others), None)

        items = tuple(replace(item, asked=asked(item)) for item in request.items)
        return replace(request, items=items)

    def _wait(self, request: Request) -> None:
        """For those who do it, or who look: they are called, and when nobody does it has failed."""
        now = self._now()
        ends, due = by_hand.fails_at(request), by_hand.next_call(request)
        if ends is not None and now >= ends:
            failed = by_hand.overdue(request, at=now, problem=_overdue(request))
            self._progress.save(request, failed, again=None)
        elif due is not None and now >= due:
            self._call(request, now=now)
        else:
            self._progress.again(request, at=by_hand.next_move(request) or now)

    def _call(self, request: Request, *, now: datetime) -> None:
        """Call those for whom it waits now, as owners, approvers and people are now.

        Nobody is called to do what is approved no more, nor while nobody knows whether it is.
        """
        doing = request.state is State.EXECUTING
        against = self._standing.against(request) if doing else None
        if isinstance(against, Hindrance):
            self._progress.again(request, at=now + SELDOM)
            return
        if against is not None:
            failed = by_hand.overdue(request, at=now, problem=against)
            self._progress.save(request, failed, again=None)
            return
        held = {each.key: each for each in self._ascertaining.known(request).values()}
        if doing:
            asked = self._asked(request, held=held)
            whom = by_hand.whom_to_ask(asked)
        else:
            asked, whom = request, who_may_look(self._people, request, held.values())
        called = by_hand.call(asked, whom=whom, at=now)
        self._progress.save(request, called, again=None)

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
    approvers = _approvers(people)
    for named in ((*people.there(owners), *approvers), people.there(people.operators())):
        if left := tuple(each for each in dict.fromkeys(named) if each not in did):
            return left
    return ()


def _approvers(people: People) -> Sequence[SlackUser]:
    """Those who decide and are here."""
    deciders = people.deciders()
    return [each for each in deciders.approvers if each in deciders.as_whom]


def _wanted(request: Request, item: Item, held: Subscription | None) -> Sequence[SlackUser]:
    """Of whom it is asked, in order: who was before, who answers for it, who wants it gone."""
    owners = (held.owner, held.deputy) if held else ()
    return [user for user in (item.asked, *owners, request.requested_by) if user]


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


def _due(held: Subscription, request: Request, account: Account, *, now: datetime) -> datetime:
    """Before when it has to be done: while it is safe, and while acknowledged figures hold."""
    safe = last_safe(held, account, at=now, scope=request.scope)
    return by_hand.in_time(request, safe or now + by_hand.WITHOUT_DATE)


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
