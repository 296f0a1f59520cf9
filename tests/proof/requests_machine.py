"""Requests against a cloud, rule by rule, as Hypothesis thinks of them.

Random people click at random on two replicas that die, stand still and are told the same twice;
facts change at the cloud, answers are lost and come late, clocks leap. What went wrong is told by
the cloud's own log, by what was read, and by the record. In the end people do nothing but leave as
it is what failed, the cloud recovers or never does, and every request comes to its end.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bot.billing import by_hand
from bot.billing.account import Account, CarriedOut, ExecuteMode
from bot.billing.coherence import UnclearFacts
from bot.billing.refund import quote
from bot.billing.subscription import (
    Kind,
    Order,
    Package,
    SlackUser,
    Status,
    Subscription,
)
from bot.billing.unsubscription import ItemState, Request, State, StepState, Verb
from bot.facts.delegating import DelegationWish
from bot.facts.receipt import receipt_of
from bot.facts.unsubscribing import Draft, Submission
from bot.papers.receipt_json import receipt_json
from bot.ports.provider import Call
from bot.services import owing
from bot.services.attesting import Attesting
from bot.services.filing import request_subject
from tests.clocks import DatabaseClock, SettableClock
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, REQUESTER, package, resource
from tests.messengers import FakeDirectory
from tests.proof.calls import PAUSE, QUICK, SLOW, STALLS
from tests.proof.clerks import Clerk, OwnClockCloud
from tests.proof.cloud import BUSY, DONE_UNHEARD, LANDS_LATE, NEVER_ARRIVED
from tests.proof.playing import Stages, broken_in
from tests.proof.replica import Killed
from tests.proof.request_checker import judged_call, judged_decision, judged_end, judged_life
from tests.proof.stages import ACCOUNT, ACCOUNTS, Stage, on_model
from tests.unit.services.desk import LONG, filled_in, secmaster
from tests.unit.services.rig import policy

APPROVER_3, GLASS_BREAKER = SlackUser("U0APPROVER3"), SlackUser("U0GLASS")
APPROVERS = (APPROVER_1, APPROVER_2, APPROVER_3)
GROUP = "S0APPROVERS"
EVERYBODY = (*APPROVERS, REQUESTER, GLASS_BREAKER, OUTSIDER)
ASKING = (REQUESTER, APPROVER_1, GLASS_BREAKER)
WANTED = (("sm-quota",), ("sm-quota", "vm-1"), ("vm-2", "vm-1"))
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SPANS = tuple(timedelta(seconds=each) for each in (2, 30, 100, 301, 1000, 5000))
FATES = {
    "answers late": DONE_UNHEARD,
    "never hears": NEVER_ARRIVED,
    "acts late": LANDS_LATE,
    "is busy": BUSY,
}
FALLS = (8, 300, 300)
REFUSED = st.sampled_from(("sm-quota", "sm-screen", "vm-1"))
HOURS = 12
COOLING_OFF = timedelta(seconds=301)
TICKS, MOST_ROUNDS = 8, 4000
NOBODY_WAITS = timedelta(days=100)
OUTAGES = tuple(timedelta(seconds=each) for each in (1200, 20_000, 50_000))
"""Until people are told, for hours, and beyond any deadline."""

RECOVERS = "recovers"
ENDINGS: Mapping[str, Callable[[Any], None]] = {
    RECOVERS: lambda _: None,
    "cannot be read any more": lambda cloud: cloud.go_away(),
    "takes no call any more": lambda cloud: cloud.take_nothing(),
    "finishes nothing any more": lambda cloud: cloud.finish_nothing(),
}
"""What becomes of the cloud when nobody disturbs it any more."""
RULES_AN_EXAMPLE = 40

Click = Callable[[Clerk], object]


class Pressed(NamedTuple):
    """A click; where it is about figures, which event had acknowledged those that were shown."""

    by: SlackUser
    click: Click
    shown: int | None = None


class Terms(NamedTuple):
    """What the settings asked for when something was acknowledged."""

    required: int
    account: Account


def _ordered(each: Subscription, **facts: Any) -> Subscription:
    [paid] = each.orders
    return replace(each, orders=(replace(paid, **facts),))


def _paid(each: Subscription) -> Order:
    return each.orders[0]


CHANGES: Mapping[str, Callable[[Subscription], Subscription]] = {
    "its price was lower": lambda each: _ordered(each, cash=(_paid(each).cash or 0) - 30),
    "its price was a little lower": lambda each: _ordered(
        each, cash=(_paid(each).cash or 0) - Decimal("0.80")
    ),
    "its price was higher": lambda each: _ordered(each, cash=(_paid(each).cash or 0) + 50),
    "a coupon paid for it": lambda each: _ordered(each, discount_coupon=Decimal(20)),
    "it is a promotion": lambda each: _ordered(each, promotion=True),
    "its renewal is switched": lambda each: replace(each, auto_renew=not each.auto_renew),
    "its expiry moves": lambda each: _ordered(
        each, expires_at=(_paid(each).expires_at or NOW) - timedelta(days=31)
    ),
    "it is busy": lambda each: replace(
        each, transaction_in_progress=not each.transaction_in_progress
    ),
    "it is gone": lambda each: replace(each, status=Status.UNSUBSCRIBED, auto_renew=False),
}

BUTTONS: Mapping[str, Callable[[Any, int, SlackUser], object]] = {
    "reject": lambda asking, number, by: asking.reject(number, by=by, why="We keep it."),
    "withdraw": lambda asking, number, by: asking.withdraw(number, by=by),
    "stop": lambda asking, number, by: asking.stop(number, by=by),
    "retry": lambda asking, number, by: asking.retry(number, by=by),
    "by hand": lambda asking, number, by: asking.by_hand(number, by=by, why="At the console."),
    "leave": lambda asking, number, by: asking.leave(number, by=by, why="It stays."),
    "look now": lambda asking, number, by: asking.look_now(number, by=by),
}
AGREEING: Mapping[str, Callable[[Any, int, SlackUser, int], object]] = {
    "approve": lambda asking, number, by, shown: asking.approve(number, by=by, shown=shown),
    "break glass": lambda asking, number, by, shown: asking.break_glass(
        number, by=by, why="It leaks.", shown=shown
    ),
}
"""Those that are about figures, which are shown beside them."""

EVERY_BUTTON = (*BUTTONS, *AGREEING)


class Requests(RuleBasedStateMachine):
    """What may happen to requests, in any order."""

    stages = staticmethod(on_model)

    @initialize(
        required=st.sampled_from((1, 2)),
        takes=st.sampled_from((QUICK, SLOW)),
        by=st.sampled_from(ASKING),
        what=st.sampled_from(WANTED),
        ending=st.sampled_from((RECOVERS, *ENDINGS)),
    )
    def begins(
        self, required: int, takes: timedelta, by: SlackUser, what: tuple[str, ...], ending: str
    ) -> None:
        self.ending = ending
        self._opened: list[AbstractContextManager[Any]] = [self.stages()]
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
        self.somebody_asks(by=by, what=what, at_once=True)

    @rule(by=st.sampled_from(ASKING), what=st.sampled_from(WANTED), at_once=st.booleans())
    def somebody_asks(self, by: SlackUser, what: tuple[str, ...], *, at_once: bool) -> None:
        form = f"form {len(self.shown)}"
        draft = self.clerks[0].serve(lambda clerk: clerk.unsubscribing.draft(what, by=by))
        if draft is not None:
            filled = self._filled(draft, by=by, form=form)
            self._click(by, lambda clerk: clerk.unsubscribing.submit(filled), at_once=at_once)

    @precondition(lambda self: self._numbers(State.WAITING))
    @rule(by=st.sampled_from((*APPROVERS, *EVERYBODY)), data=st.data())
    def somebody_approves(self, by: SlackUser, data: st.DataObject) -> None:
        """What the newest message shows, or one that was left open."""
        number = self._drawn(data, self._numbers(State.WAITING))
        self._agree(number, by, "approve", shown=self._drawn(data, self._shown(number)))

    @precondition(lambda self: self._numbers(State.WAITING))
    @rule(data=st.data())
    def everybody_approves(self, data: st.DataObject) -> None:
        """One after the other, also who is too late."""
        number = self._drawn(data, self._numbers(State.WAITING))
        for by in APPROVERS:
            self._agree(number, by, "approve", shown=self._shown(number)[-1])

    @precondition(lambda self: self._numbers(State.WAITING))
    @rule(by=st.sampled_from((GLASS_BREAKER, *EVERYBODY)), data=st.data())
    def somebody_breaks_the_glass(self, by: SlackUser, data: st.DataObject) -> None:
        number = self._drawn(data, self._numbers(State.WAITING))
        self._agree(number, by, "break glass", shown=self._drawn(data, self._shown(number)))

    @precondition(lambda self: self._numbers())
    @rule(by=st.sampled_from(EVERYBODY), data=st.data())
    def somebody_clicks(self, by: SlackUser, data: st.DataObject) -> None:
        number, button = self._drawn(data, self._numbers()), self._drawn(data, EVERY_BUTTON)
        if button in AGREEING:
            self._agree(number, by, button, shown=self._shown(number)[-1])
        else:
            self._click(by, _pressed(number, by, button))

    @precondition(lambda self: self._numbers(State.FAILED))
    @rule(by=st.sampled_from(EVERYBODY), data=st.data())
    def somebody_repairs(self, by: SlackUser, data: st.DataObject) -> None:
        number = self._drawn(data, self._numbers(State.FAILED))
        self.cloud.behind.refuses.clear()
        self._click(by, lambda clerk: clerk.unsubscribing.retry(number, by=by))

    @precondition(lambda self: self._numbers(State.STALE))
    @rule(data=st.data(), at_once=st.sampled_from((True, True, False)))
    def somebody_acknowledges_again(self, data: st.DataObject, *, at_once: bool) -> None:
        self._acknowledge_again(self._drawn(data, self._numbers(State.STALE)), at_once=at_once)

    @precondition(lambda self: self._still_to_go(State.APPROVED))
    @rule(data=st.data())
    def it_gets_worse_and_is_acknowledged_again(self, data: st.DataObject) -> None:
        """While messages that show what it was are left open."""
        self._fall(self._drawn(data, self._still_to_go(State.APPROVED)), by=300, told=False)
        self._pass(COOLING_OFF)
        for number in self._numbers(State.STALE):
            self._acknowledge_again(number, at_once=True)

    def _acknowledge_again(self, number: int, *, at_once: bool) -> None:
        request = self._get(number)
        by = request.requested_by
        new = self.clerks[1].serve(lambda clerk: clerk.unsubscribing.review(number, by=by))
        if new is not None:
            filled = self._filled(new.draft, by=by, form=request.details)
            self._click(
                by,
                lambda clerk: clerk.unsubscribing.acknowledge_again(number, filled),
                at_once=at_once,
            )

    @precondition(lambda self: self.clicks)
    @rule(back=st.sampled_from(range(6)))
    def a_click_comes_once_more(self, back: int) -> None:
        by, click, shown = self.clicks[-1 - back % len(self.clicks)]
        self._click(by, click, shown=shown, again=True)

    @rule(by=st.sampled_from(APPROVERS), to=st.sampled_from((OUTSIDER, *EVERYBODY)))
    def somebody_delegates(self, by: SlackUser, to: SlackUser) -> None:
        form = f"delegation {len(self.lent)}"
        self.lent.append(form)
        today = self.clock.now().astimezone(self.policy.schedule.zone).date()
        wish = DelegationWish(form=form, by=by, delegate=to, first=today, last=today, why="Away.")
        self._click(by, lambda clerk: clerk.delegating.delegate(wish))

    @precondition(lambda self: self.lent and self._numbers(State.WAITING))
    @rule(data=st.data())
    def a_delegate_approves(self, data: st.DataObject) -> None:
        with self.store.reading() as tx:
            held = tx.delegations.get(self._drawn(data, self.lent))
        if held is not None:
            number, by = self._drawn(data, self._numbers(State.WAITING)), held.delegate
            self._agree(number, by, "approve", shown=self._shown(number)[-1])

    @precondition(lambda self: self.lent)
    @rule(data=st.data())
    def a_delegation_is_ended(self, data: st.DataObject) -> None:
        form = self._drawn(data, self.lent)
        with self.store.reading() as tx:
            held = tx.delegations.get(form)
        if held is not None:
            by = held.approver
            self._click(by, lambda clerk: clerk.delegating.end(form, by=by))

    @rule(leaves=st.sampled_from((*APPROVERS, None, None, None)))
    def the_group_changes(self, leaves: SlackUser | None) -> None:
        self.directory.groups[GROUP] = tuple(each for each in APPROVERS if each != leaves)

    @rule(
        required=st.sampled_from((1, 2)),
        execute=st.sampled_from((ExecuteMode.LIVE, ExecuteMode.LIVE, ExecuteMode.DRY_RUN)),
        by=st.sampled_from((CarriedOut.API, CarriedOut.API, CarriedOut.BY_HAND)),
    )
    def the_settings_change(self, required: int, execute: ExecuteMode, by: CarriedOut) -> None:
        """Both replicas begin anew with them."""
        self.required = required
        self.policy = replace(self.policy, required=required)
        self.accounts = {ACCOUNT.name: replace(ACCOUNT, execute=execute, carried_out=by)}
        for clerk in self.clerks:
            clerk.start()
        self._work()

    @precondition(lambda self: self._checklists(State.EXECUTING))
    @rule(by=st.sampled_from(EVERYBODY), data=st.data(), truly=st.sampled_from((True, True, False)))
    def somebody_does_it_by_hand(self, by: SlackUser, data: st.DataObject, *, truly: bool) -> None:
        """Or says so."""
        request = self._get(self._drawn(data, self._checklists(State.EXECUTING)))
        left = dict(by_hand.open_items(request))
        for item in left.values() if truly else ():
            self._changed(item.key.id, "it is gone")
        shown = data.draw(st.sampled_from(_turns(request)))
        said = {"by": by, "items": list(left), "evidence": "https://vendor.example/ended"}
        self._click(by, lambda clerk: clerk.vouching.done(request.number, **said, shown=shown))

    @precondition(lambda self: self._checklists(State.VERIFYING))
    @rule(by=st.sampled_from(EVERYBODY), data=st.data(), gone=st.booleans())
    def somebody_looks(self, by: SlackUser, data: st.DataObject, *, gone: bool) -> None:
        number = self._drawn(data, self._checklists(State.VERIFYING))
        shown = data.draw(st.sampled_from(_turns(self._get(number))))
        said = {"by": by, "items": [1], "why": "I see it.", "shown": shown}
        self._click(
            by,
            lambda clerk: (
                clerk.vouching.gone(number, by=by, shown=shown)
                if gone
                else clerk.vouching.still_there(number, **said)
            ),
        )

    @rule(span=st.sampled_from(SPANS))
    def time_passes(self, span: timedelta) -> None:
        self._pass(span)

    @precondition(lambda self: self._numbers(State.APPROVED))
    @rule()
    def it_cools_off(self) -> None:
        self._pass(COOLING_OFF)

    @rule(seconds=st.sampled_from((-60, -20, 45, 100, 600)))
    def the_clock_leaps(self, seconds: int) -> None:
        if abs(self.clock.off) <= 10 * MINUTE:
            self.clock.off += seconds * SECOND
        self._work()

    @rule(data=st.data(), change=st.sampled_from(sorted(CHANGES)), told=st.booleans())
    def a_fact_changes(self, data: st.DataObject, change: str, *, told: bool) -> None:
        there = sorted(self.cloud.listed())
        if there:
            self._changed(self._drawn(data, there), change)
            self._synced(told=told)

    @precondition(lambda self: self._still_to_go(State.APPROVED))
    @rule(data=st.data(), less=st.sampled_from(FALLS), told=st.booleans())
    def a_price_falls_while_it_cools_off(
        self, data: st.DataObject, less: int, *, told: bool
    ) -> None:
        self._fall(self._drawn(data, self._still_to_go(State.APPROVED)), by=less, told=told)

    @precondition(lambda self: self._still_to_go(State.EXECUTING))
    @rule(data=st.data(), less=st.sampled_from(FALLS), told=st.booleans())
    def a_price_falls_between_steps(self, data: st.DataObject, less: int, *, told: bool) -> None:
        self._fall(self._drawn(data, self._still_to_go(State.EXECUTING)), by=less, told=told)

    @precondition(lambda self: self.bought < 2)
    @rule(told=st.booleans())
    def somebody_buys_a_package(self, *, told: bool) -> None:
        self.bought += 1
        new = package(f"sm-new-{self.bought}", Package.INTELLIGENT_ANALYSIS, orders=(LONG,))
        self.cloud.behind.held[new.key.id] = new
        self._synced(told=told)

    @rule(name=st.sampled_from((*sorted(FATES), "refuses", "cannot be read")), ref=REFUSED)
    def the_cloud_fails(self, name: str, ref: str) -> None:
        """The next call, whenever it comes; until somebody repairs it; or the next readings."""
        if name in FATES:
            self.cloud.fail(FATES[name])
        elif name == "refuses":
            self.cloud.behind.refuses[ref] = ("CBC.99003643", "It is invoiced.")
        else:
            self.cloud.away = 2

    @rule(span=st.sampled_from(OUTAGES))
    def the_cloud_is_away_for_long(self, span: timedelta) -> None:
        self._be_away(span)

    @precondition(lambda self: self._numbers(State.APPROVED))
    @rule()
    def it_cannot_start_for_long(self) -> None:
        self._be_away(OUTAGES[-1])

    @rule(steps=st.sampled_from(range(1, 41)))
    def a_process_dies(self, steps: int) -> None:
        """At that step from now, whenever it takes it."""
        self.kill_in = steps

    @precondition(lambda self: self._numbers())
    @rule(
        steps=st.sampled_from(range(1, 13)),
        span=st.sampled_from(STALLS),
        by=st.sampled_from(EVERYBODY),
        data=st.data(),
    )
    def a_process_stands_still(
        self, steps: int, span: timedelta, by: SlackUser, data: st.DataObject
    ) -> None:
        """At that step from now, while somebody clicks on the other."""
        number = self._numbers()[-1]
        button = self._drawn(data, EVERY_BUTTON)
        shown = self._shown(number)[-1]
        click = (
            _pressed(number, by, button)
            if button in BUTTONS
            else _agreed(number, by, button, shown)
        )
        self.stall = steps, span, click

    @invariant()
    def nothing_went_wrong(self) -> None:
        if hasattr(self, "wrong"):
            assert self.wrong == [], self.wrong[0]

    def teardown(self) -> None:
        try:
            if hasattr(self, "clerks") and not self.wrong:
                self._come_to_the_end()
        finally:
            for each in reversed(getattr(self, "_opened", [])):
                each.__exit__(None, None, None)

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

    def _agree(self, number: int, by: SlackUser, button: str, *, shown: int) -> None:
        self._click(by, _agreed(number, by, button, shown), shown=shown)

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
            "required": agreed.required,
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
                    leave = _pressed(each.number, each.requested_by, "leave")
                    self.clerks[0].serve(leave)
            for number in self._checklists(State.VERIFYING):
                for by in EVERYBODY:
                    self.clerks[0].serve(partial(_seen_gone, self._get(number), by))
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

    def _shown(self, number: int) -> list[int]:
        """The numbers of what its messages showed as acknowledged, the newest last."""
        events = self._get(number).events
        return [0, *(each.number for each in events if each.verb is Verb.ACKNOWLEDGED)]

    def _changed(self, ref: str, change: str) -> None:
        self.cloud.behind.held[ref] = CHANGES[change](self.cloud.behind.held[ref])

    def _fall(self, ref: str, *, by: int, told: bool) -> None:
        """Less was paid for it than everybody thought."""
        each = self.cloud.behind.held[ref]
        self.cloud.behind.held[ref] = _ordered(each, cash=(_paid(each).cash or 0) - by)
        self._synced(told=told)

    def _still_to_go(self, state: State) -> list[str]:
        """What is there and will be sent by a request that stands there."""
        agreed = [self._get(each) for each in self._numbers(state)]
        planned = [i.key.id for r in agreed for i in r.items if i.state is ItemState.PLANNED]
        return [each for each in planned if each in self.cloud.listed()]

    def _drawn(self, data: st.DataObject, options: Sequence[Any]) -> Any:
        """One of them."""
        return data.draw(st.sampled_from(options))


def played(examples: int, *, seed: int, stages: Stages = on_model) -> str:
    """Play so many examples; what went wrong in the first that breaks, or nothing."""
    return broken_in(Requests, examples, rules=RULES_AN_EXAMPLE, seed=seed, stages=stages)


def _pressed(number: int, by: SlackUser, button: str) -> Click:
    return lambda clerk: BUTTONS[button](clerk.unsubscribing, number, by)


def _agreed(number: int, by: SlackUser, button: str, shown: int) -> Click:
    return lambda clerk: AGREEING[button](clerk.unsubscribing, number, by, shown)


def _seen_gone(request: Request, by: SlackUser, clerk: Clerk) -> object:
    return clerk.vouching.gone(request.number, by=by, shown=by_hand.turn(request))


def _turns(request: Request) -> list[int]:
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
