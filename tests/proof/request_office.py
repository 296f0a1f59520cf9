"""Where requests are played: two replicas, a cloud, true time, and what is told to the checker."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from bot.billing import by_hand
from bot.billing.account import Account, CarriedOut, ExecuteMode
from bot.billing.coherence import UnclearFacts
from bot.billing.refund import quote
from bot.billing.subscription import (
    Kind,
    SlackUser,
    Subscription,
)
from bot.billing.unsubscription import ItemState, Request, State, StepState, Verb
from bot.facts.receipt import receipt_of
from bot.facts.unsubscribing import Draft, Submission
from bot.papers.receipt_json import receipt_json
from bot.ports.provider import Call
from bot.services import owing
from bot.services.attesting import Attesting
from bot.services.filing import request_subject
from tests.clocks import DatabaseClock, SettableClock
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, REQUESTER, resource
from tests.messengers import FakeDirectory
from tests.proof.calls import PAUSE
from tests.proof.clerks import Clerk, OwnClockCloud
from tests.proof.playing import Stages
from tests.proof.replica import Killed
from tests.proof.request_checker import judged_call, judged_decision, judged_end, judged_life
from tests.proof.request_clicks import (
    CHANGES,
    Click,
    Pressed,
    ordered,
    paid_for,
    pressed,
)
from tests.proof.stages import ACCOUNT, ACCOUNTS, Stage
from tests.unit.services.desk import LONG, filled_in, secmaster
from tests.unit.services.rig import policy

APPROVER_3, GLASS_BREAKER = SlackUser("U0APPROVER3"), SlackUser("U0GLASS")
APPROVERS = (APPROVER_1, APPROVER_2, APPROVER_3)
GROUP = "S0APPROVERS"
EVERYBODY = (*APPROVERS, REQUESTER, GLASS_BREAKER, OUTSIDER)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOURS = 12
TICKS, MOST_ROUNDS = 8, 4000
COOLING_OFF = timedelta(seconds=301)
NOBODY_WAITS = timedelta(days=100)
RECOVERS, FINISHES_NOTHING = "recovers", "finishes nothing any more"
ENDINGS: Mapping[str, Callable[[Any], None]] = {
    RECOVERS: lambda _: None,
    "cannot be read any more": lambda cloud: cloud.go_away(),
    "takes no call any more": lambda cloud: cloud.take_nothing(),
    FINISHES_NOTHING: lambda cloud: cloud.finish_nothing(),
}
"""What becomes of the cloud when nobody disturbs it any more."""


class Terms(NamedTuple):
    """What the settings asked for when something was acknowledged."""

    required: int
    account: Account


class Office:
    """What replicas work in, and everything that is known of what they did."""

    def _open(self, stages: Stages, *, required: int, takes: timedelta, ending: str) -> None:
        """Two replicas, nobody has asked for anything."""
        self.ending = ending
        self._opened: list[AbstractContextManager[Any]] = [stages()]
        self._opened.append(self._opened[0].__enter__()())
        stage: Stage = self._opened[1].__enter__()
        self.store, _ = stage
        self.true = SettableClock(NOW)
        self.clock = DatabaseClock(self.true)
        self.required = required
        self.accounts = ACCOUNTS
        self.directory = FakeDirectory(groups={GROUP: APPROVERS})
        self.policy = policy(
            approvers=(GROUP,),
            break_glass=(GLASS_BREAKER, APPROVER_3),
            required=required,
            expires_after_hours=HOURS,
        )
        items = [*secmaster(ACCOUNT.name), *(resource(r, orders=(LONG,)) for r in ("vm-1", "vm-2"))]
        self.cloud = OwnClockCloud(ACCOUNT, items, self.true, takes=takes)
        with self.store.transaction() as tx:
            tx.catalogue.put(items, at=NOW)
        self.bought = 0
        self.broke_off = False
        self.kill_in: int | None = None
        self.stall: tuple[int, timedelta, Click] | None = None
        self.busy: list[Clerk] = []
        self.clicks: list[Pressed] = []
        self.terms: dict[tuple[int, int], Terms] = {}
        self.shown: dict[str, list[tuple[Decimal, ...]]] = {}
        self.seen: dict[str, set[str]] = {}
        self.prices: dict[str, list[Mapping[str, Decimal]]] = {}
        self.lent: list[str] = []
        self.reads: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.wrong: list[str] = []
        self.clerks = [Clerk(self, "first"), Clerk(self, "second")]

    def step(self, clerk: Clerk, *, inside: bool = False, sends: bool = False) -> None:
        """One step of a process; it dies there, or stands still, when its time has come.

        Never between its last look at the clock and the call: nothing outside the cloud can hold
        back who stands still there.
        """
        if self.kill_in is not None:
            self.kill_in -= 1
            if self.kill_in <= 0:
                self.kill_in = None
                raise Killed
        if self.stall is not None and not inside and not sends and not self.busy:
            steps, span, click = self.stall
            self.stall = (steps - 1, span, click) if steps > 1 else None
            if self.stall is None:
                self.wait(clerk, span, click)

    def wait(self, clerk: Clerk, span: timedelta, click: Click | None = None) -> None:
        """Let time pass in which one stands still and the others go on."""
        self.busy.append(clerk)
        others = [each for each in self.clerks if each not in self.busy]
        if click is not None:
            for other in others:
                other.serve(click)
        until = self.true.now() + span
        while self.true.now() < until:
            self.true.advance(min(PAUSE, until - self.true.now()))
            for other in others:
                other.tick()
        self.busy.remove(clerk)

    def elapsed(self) -> float:
        """True time, whatever becomes of the database's."""
        return self.true.now().timestamp()

    def read(self, clerk: Clerk, ids: Collection[str], found: Mapping[str, Subscription]) -> None:
        """Remember it, with which packages the cloud has then, whoever knows of them."""
        at = self.clock.now()
        packages = self._packages()
        facts = {"clerk": clerk.name, "at": at, "ids": set(ids), "found": dict(found)}
        self.reads.append({**facts, "packages": packages})

    def sent(self, clerk: Clerk, call: Call) -> object:
        """Judge the call by what is committed and by what its sender has read."""
        request = next(each for each in self._requests() if each.details == call.details)
        line = self._call(clerk, call, request)
        self.calls.append(line)
        self.wrong += judged_call(line)
        return line["intent"]

    def _click(
        self,
        by: SlackUser,
        click: Click,
        *,
        shown: int | None = None,
        at_once: bool = True,
        again: bool = False,
    ) -> None:
        """A person's click reaches one of the replicas; one that is held back comes later."""
        if not again:
            self.clicks.append(Pressed(by, click, shown))
        if not at_once:
            return
        before = {each.number: len(each.events) for each in self._requests()}
        self.clerks[len(self.clicks) % 2].serve(click)
        for request in self._requests():
            for event in request.events[before.get(request.number, 0) :]:
                if event.verb in {Verb.ASKED, Verb.ACKNOWLEDGED}:
                    terms = Terms(self.required, self.accounts[ACCOUNT.name])
                    self.terms[request.number, event.number] = terms
                if event.by == by and event.verb.value in {"approved", "broke-glass"}:
                    self.wrong += judged_decision(
                        {
                            "verb": event.verb.value,
                            "by": by,
                            "behalf": event.behalf,
                            "requester": request.requested_by,
                            "approvers": self.directory.groups[GROUP],
                            "glass_breakers": self.policy.break_glass,
                            "lent": self._lent(event.at),
                            "shown": shown,
                            "acknowledged": _acknowledged(request, before=event.number),
                        }
                    )
        self._work()

    def _filled(self, draft: Draft, *, by: SlackUser, form: str) -> Submission:
        """The form as it was shown, filled in; each is known by its details."""
        self.shown.setdefault(form, []).append(_figures(draft.worst))
        self.seen.setdefault(form, set()).update(key.id for key in draft.subscriptions)
        prices = {k.id: q.total.paid.amount for k, q in draft.plan.quotes.items() if q.total}
        self.prices.setdefault(form, []).append(prices)
        return filled_in(draft, by=by, form=form, details=form)

    def _call(self, clerk: Clerk, call: Call, request: Request) -> dict[str, Any]:
        worst = request.acknowledgement.worst
        entries = self._record(request)
        newest = [e for e in entries if e.action in {"request.asked", "request.acknowledged"}][-1]
        agreed = self.terms[request.number, _acknowledged(request) or 1]
        return {
            "ids": list(call.ids),
            "number": request.number,
            "required": max(agreed.required, self.required),
            "approvers": self.directory.groups[GROUP],
            "glass_breakers": self.policy.break_glass,
            "agreed_to_call": _is_called(agreed.account),
            "set_to_call": _is_called(self.accounts[ACCOUNT.name]),
            "intent": _intent(request, call),
            "events": _events(request),
            "record": [each.action.removeprefix("request.") for each in entries],
            "acknowledged": _figures(worst),
            "kept": (str(worst.refund), str(worst.handling_fee)),
            "recorded": (newest.facts["worst_refund"], newest.facts["worst_fee"]),
            "shown": self.shown[call.details],
            "now": self._now(clerk, call, request),
            "reads": self._began_upon(request),
            "new": self._new(clerk, call, request),
            "prices": self._prices(clerk, call),
            "shown_prices": [
                {ref: prices.get(ref) for ref in call.ids} for prices in self.prices[call.details]
            ],
            "late": (self.clock.now() - self._until(request)).total_seconds(),
        }

    def _until(self, request: Request) -> datetime:
        """Until when the acknowledged figures hold: the deadline, the cooling-off and one hour."""
        return request.deadline + timedelta(minutes=self.policy.cooling_off_minutes + 60)

    def _last_read(self, clerk: Clerk) -> Mapping[str, Any]:
        return next(each for each in reversed(self.reads) if each["clerk"] == clerk.name)

    def _new(self, clerk: Clerk, call: Call, request: Request) -> list[str]:
        """Packages beside an edition that goes now and that nobody was shown."""
        if "sm-quota" not in call.ids:
            return []
        known = {item.key.id for item in request.items} | self.seen[call.details]
        return sorted(self._last_read(clerk)["packages"] - known)

    def _prices(self, clerk: Clerk, call: Call) -> Mapping[str, Decimal | None]:
        """What was paid for each, by what the sender has read last."""
        read = self._last_read(clerk)
        found = {ref: _quoted(read["found"][ref], at=read["at"]) for ref in call.ids}
        return {
            ref: each.total.paid.amount if each is not None and each.total else None
            for ref, each in found.items()
        }

    def _now(self, clerk: Clerk, call: Call, request: Request) -> tuple[Decimal, ...] | None:
        """What it comes to by what the sender has read last, and what the cloud has paid."""
        read = self._last_read(clerk)
        paid = {each.id: each for each in self.cloud.behind.accepted}
        total = [Decimal(0)] * 3
        for item in request.items:
            ref = item.key.id
            found = _quoted(read["found"][ref], at=read["at"]) if ref in call.ids else item.quote
            if found is None or found.total is None or found.lost is None:
                return None
            refund, fee = found.total.refund, found.total.handling_fee
            if ref in paid and ref not in call.ids:
                refund, fee = paid[ref].refund, paid[ref].fee
            each = (refund.amount, fee.amount, found.lost.coupons.amount)
            total = [one + more for one, more in zip(total, each, strict=True)]
        return tuple(total)

    def _began_upon(self, request: Request) -> list[dict[str, Any]]:
        """What was read of all of it between the last decision and the start."""
        ids = {item.key.id for item in request.items}
        verbs = [(event.verb.value, event.at) for event in request.events]
        agreed = max(at for verb, at in verbs if verb in {"approved", "broke-glass"})
        started = max((at for verb, at in verbs if verb == "started"), default=agreed)
        packages = self._packages() if "sm-quota" in ids else set()
        return [
            {
                "missing": sorted(ids - each["found"].keys()),
                "new": sorted(packages & each["packages"] - ids - self.seen[request.details]),
            }
            for each in self.reads
            if each["ids"] == ids and agreed <= each["at"] <= started
        ]

    def _come_to_the_end(self) -> None:
        """Time goes on until nobody has anything to do, whatever the cloud does; all is judged."""
        self.kill_in = self.stall = None
        self.cloud.recover()
        ENDINGS[self.ending](self.cloud)
        far = self.true.now() + NOBODY_WAITS
        for _ in range(MOST_ROUNDS):
            self._work()
            for each in self._requests():
                if each.state is State.FAILED and not each.closed:
                    leave = pressed(each.number, each.requested_by, "leave")
                    self.clerks[0].serve(leave)
            for number in self._checklists(State.VERIFYING):
                for by in EVERYBODY:
                    self.clerks[0].serve(partial(seen_gone, self._get(number), by))
            due = self._next_due()
            if due is None or due > far:
                break
            self.true.advance_to(max(due, self.true.now() + SECOND))
        calls = [each for each in self.cloud.evidence if each["event"] == "call"]
        landed = [each for each in self.cloud.evidence if each["event"] == "landed"]
        self.wrong += judged_life(calls, landed)
        for request in self._requests():
            self.wrong += judged_end(self._end(request))
        self.nothing_went_wrong()

    def _end(self, request: Request) -> dict[str, Any]:
        tried = request.state in {State.DONE, State.FAILED} and request.closed
        receipt = Attesting(store=self.store).receipt(request.number) if tried else None
        with self.store.reading() as tx:
            owed = tx.outbox.get(owing.receipt_id(request.number)) is not None
        return {
            "number": request.number,
            "state": request.state.value,
            "closed": request.closed,
            "events": _events(request),
            "record": [e.action.removeprefix("request.") for e in self._record(request)],
            "taken": {
                each.id: (each.order_id, _cents(each.refund), _cents(each.fee))
                for each in self.cloud.behind.accepted
                if each.call.details == request.details
            },
            "listed": self.cloud.listed(),
            "recovered": self.ending == RECOVERS,
            "receipt": receipt_json(receipt_of(receipt.request, head=None)) if receipt else None,
            "receipt_owed": owed,
        }

    def _synced(self, *, told: bool) -> None:
        """Something happened at the cloud; the catalogue may have been told."""
        if told:
            there = self.cloud.listed()
            held = [each for ref, each in self.cloud.behind.held.items() if ref in there]
            gone = [each.key for ref, each in self.cloud.behind.held.items() if ref not in there]
            with self.store.transaction() as tx:
                tx.catalogue.put(held, at=self.clock.now())
                tx.catalogue.mark_gone(gone, at=self.clock.now())

    def _work(self) -> None:
        for _ in range(TICKS):
            worked = [clerk.tick() for clerk in self.clerks]
            if not any(worked):
                return

    def _pass(self, span: timedelta) -> None:
        """Let time pass; who has something to do does it when it is due."""
        until = self.true.now() + span
        for _ in range(TICKS):
            self._work()
            now = self.true.now()
            if now >= until:
                return
            due = self._next_due() or until
            self.true.set(min(until, max(due, now + SECOND)))
        self.true.advance_to(until)
        self._work()

    def _be_away(self, span: timedelta) -> None:
        """Nothing can be read for so long, and who wants to read tries again when it can be."""
        self.cloud.go_away()
        self._pass(span)
        self.cloud.away = 0
        self._pass(COOLING_OFF)

    def _next_due(self) -> datetime | None:
        with self.store.reading() as tx:
            due = tx.requests.next_due()
        return due - self.clock.off if due else None

    def _lent(self, at: datetime) -> set[tuple[SlackUser, SlackUser]]:
        """Who decides for whom at an instant."""
        with self.store.reading() as tx:
            made = [tx.delegations.get(form) for form in self.lent]
        return {(each.approver, each.delegate) for each in made if each and each.holds(at)}

    def _packages(self) -> set[str]:
        """Those that the cloud lists now; all are of one region."""
        held = self.cloud.behind.held
        return {ref for ref in self.cloud.listed() if held[ref].kind is Kind.PACKAGE}

    def _record(self, request: Request) -> Sequence[Any]:
        with self.store.reading() as tx:
            found = list(tx.audit.entries(request_subject(request.number)))
        return [each for each in found if each.action.startswith("request.")]

    def _requests(self) -> Sequence[Request]:
        with self.store.reading() as tx:
            found = (tx.requests.get(1001 + n) for n in range(len(self.shown)))
            return [each for each in found if each is not None]

    def _get(self, number: int) -> Request:
        return next(each for each in self._requests() if each.number == number)

    def _numbers(self, *states: State) -> list[int]:
        """The requests that stand there, or all."""
        found = self._requests() if hasattr(self, "shown") else []
        return [each.number for each in found if not states or each.state in states]

    def _checklists(self, state: State) -> list[int]:
        """Those that a person carries out and that stand there."""
        return [each for each in self._numbers(state) if self._get(each).by_hand]

    def _rehearsed(self, state: State) -> list[int]:
        """Dry runs that Lapse carries out and that stand there."""
        found = [self._get(each) for each in self._numbers(state)]
        return [each.number for each in found if each.dry_run and not each.by_hand]

    def _shown(self, number: int) -> list[int]:
        """The numbers of what its messages showed as acknowledged, the newest last."""
        events = self._get(number).events
        return [0, *(each.number for each in events if each.verb is Verb.ACKNOWLEDGED)]

    def _changed(self, ref: str, change: str) -> None:
        self.cloud.behind.held[ref] = CHANGES[change](self.cloud.behind.held[ref])

    def _fall(self, ref: str, *, by: int, told: bool) -> None:
        """Less was paid for it than everybody thought."""
        each = self.cloud.behind.held[ref]
        self.cloud.behind.held[ref] = ordered(each, cash=(paid_for(each).cash or 0) - by)
        self._synced(told=told)

    def _still_to_go(self, state: State) -> list[str]:
        """What is there and will be sent by a request that stands there."""
        agreed = [self._get(each) for each in self._numbers(state)]
        planned = [i.key.id for r in agreed for i in r.items if i.state is ItemState.PLANNED]
        return [each for each in planned if each in self.cloud.listed()]


def seen_gone(request: Request, by: SlackUser, clerk: Clerk) -> object:
    return clerk.vouching.gone(request.number, by=by, shown=by_hand.turn(request))


def turns(request: Request) -> list[int]:
    """What messages about its checklist showed, the newest last."""
    return sorted({0, *(each.number for each in request.events if each.verb in by_hand.TURNS)})


def _acknowledged(request: Request, *, before: int | None = None) -> int:
    """The number of the event that acknowledged figures last, before another; 0: only the first."""
    numbers = [each.number for each in request.events if each.verb is Verb.ACKNOWLEDGED]
    return max((each for each in numbers if before is None or each < before), default=0)


def _is_called(account: Account) -> bool:
    """Whether the settings have Lapse call the cloud."""
    return account.execute is ExecuteMode.LIVE and account.carried_out is CarriedOut.API


def _events(request: Request) -> list[dict[str, Any]]:
    return [{"verb": e.verb.value, "by": e.by, "behalf": e.behalf} for e in request.events]


def _intent(request: Request, call: Call) -> tuple[int, int, int] | None:
    """Request, step and attempt that are committed for just this call; None: there is no such."""
    for step in request.steps:
        covers = set(call.ids) <= {key.id for key in step.subscriptions}
        if covers and step.state is StepState.STARTED and step.started_at == call.started_at:
            return request.number, step.number, step.attempt
    return None


def _quoted(held: Subscription, *, at: datetime) -> Any:
    try:
        return quote(held, ACCOUNT, at=at)
    except UnclearFacts:
        return None


def _figures(worst: Any) -> tuple[Decimal, ...]:
    return worst.refund.amount, worst.handling_fee.amount, worst.coupons_lost.amount


def _cents(money: Any) -> str:
    return str(money.rounded().amount)
