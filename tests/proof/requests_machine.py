"""Requests against a cloud, rule by rule, as Hypothesis thinks of them.

Random people click at random on two replicas that die, stand still and are told the same twice;
facts change at the cloud, answers are lost and come late, clocks leap. What went wrong is told by
the cloud's own log, by what was read, and by the record. In the end people do nothing but leave as
it is what failed, the cloud recovers or never does, and every request comes to its end.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bot.billing import by_hand
from bot.billing.account import CarriedOut, ExecuteMode
from bot.billing.subscription import (
    Package,
    SlackUser,
)
from bot.billing.unsubscription import State
from bot.facts.delegating import DelegationWish
from bot.services.figures import keys_of
from tests.factories import APPROVER_1, OUTSIDER, REQUESTER, package
from tests.proof.calls import QUICK, SLOW, STALLS
from tests.proof.cloud import BUSY, DONE_UNHEARD, LANDS_LATE, NEVER_ARRIVED
from tests.proof.playing import Stages, broken_in
from tests.proof.request_clicks import AGREEING, BUTTONS, CHANGES, EVERY_BUTTON, agreed, pressed
from tests.proof.request_office import (
    APPROVERS,
    COOLING_OFF,
    ENDINGS,
    EVERYBODY,
    FINISHES_NOTHING,
    GLASS_BREAKER,
    GROUP,
    MINUTE,
    RECOVERS,
    SECOND,
    Office,
    turns,
)
from tests.proof.stages import ACCOUNT, on_model
from tests.unit.services.desk import LONG

ASKING = (REQUESTER, APPROVER_1, GLASS_BREAKER)
WANTED = (("sm-quota",), ("sm-quota", "vm-1"), ("vm-2", "vm-1"))
SPANS = tuple(timedelta(seconds=each) for each in (2, 30, 100, 301, 1000, 5000))
FATES = {
    "answers late": DONE_UNHEARD,
    "never hears": NEVER_ARRIVED,
    "acts late": LANDS_LATE,
    "is busy": BUSY,
}
FALLS = (8, 300, 300)
REFUSED = st.sampled_from(("sm-quota", "sm-screen", "vm-1"))
OUTAGES = tuple(timedelta(seconds=each) for each in (1200, 20_000, 50_000))
"""Until people are told, for hours, and beyond any deadline."""
RULES_AN_EXAMPLE = 40


class Requests(Office, RuleBasedStateMachine):
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
        self._open(self.stages, required=required, takes=takes, ending=ending)
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
            self._click(by, pressed(number, by, button))

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
        self._delegate(by, to)

    @precondition(lambda self: self._numbers(State.WAITING))
    @rule(to=st.sampled_from((OUTSIDER, APPROVERS[1])), data=st.data())
    def who_asked_delegates_to_somebody_who_approves(
        self, to: SlackUser, data: st.DataObject
    ) -> None:
        number = self._drawn(data, self._numbers(State.WAITING))
        self._delegate(self._get(number).requested_by, to)
        self._agree(number, to, "approve", shown=self._shown(number)[-1])

    def _delegate(self, by: SlackUser, to: SlackUser) -> None:
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

    @precondition(lambda self: not self.broke_off)
    @rule(what=st.sampled_from(WANTED), again=st.booleans())
    def a_dry_run_breaks_off_and_is_said_to_be_done(
        self, what: tuple[str, ...], *, again: bool
    ) -> None:
        """It got worse between two steps; then it is tried again, or left."""
        self.broke_off = True
        was = self.accounts[ACCOUNT.name]
        self.the_settings_change(self.required, ExecuteMode.DRY_RUN, CarriedOut.API)
        self.somebody_asks(by=REQUESTER, what=what, at_once=True)
        for number, by in product(self._rehearsed(State.WAITING), APPROVERS):
            self._agree(number, by, "approve", shown=self._shown(number)[-1])
        self.true.advance(COOLING_OFF)
        self.clerks[0].tick()
        for number in self._rehearsed(State.EXECUTING):
            for key in keys_of(self._get(number)):
                self._fall(key.id, by=300, told=False)
        self._work()
        for number in self._rehearsed(State.FAILED):
            by = self._get(number).requested_by
            self._click(by, pressed(number, by, "by hand"))
            self._pass(MINUTE)
            self._click(by, pressed(number, by, "retry" if again else "leave"))
        self.the_settings_change(self.required, was.execute, was.carried_out)

    @precondition(lambda self: self._checklists(State.EXECUTING))
    @rule(by=st.sampled_from(EVERYBODY), data=st.data(), truly=st.sampled_from((True, True, False)))
    def somebody_does_it_by_hand(self, by: SlackUser, data: st.DataObject, *, truly: bool) -> None:
        """Or says so."""
        request = self._get(self._drawn(data, self._checklists(State.EXECUTING)))
        left = dict(by_hand.open_items(request))
        for item in left.values() if truly else ():
            self._changed(item.key.id, "it is gone")
        shown = data.draw(st.sampled_from(turns(request)))
        said = {"by": by, "items": list(left), "evidence": "https://vendor.example/ended"}
        self._click(by, lambda clerk: clerk.vouching.done(request.number, **said, shown=shown))

    @precondition(lambda self: self._checklists(State.VERIFYING))
    @rule(by=st.sampled_from(EVERYBODY), data=st.data(), gone=st.booleans())
    def somebody_looks(self, by: SlackUser, data: st.DataObject, *, gone: bool) -> None:
        number = self._drawn(data, self._checklists(State.VERIFYING))
        shown = data.draw(st.sampled_from(turns(self._get(number))))
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
    @rule()
    def who_approved_is_named_no_more(self) -> None:
        """Between two steps."""
        approved = self._get(self._numbers(State.EXECUTING)[-1]).approvals
        gone = {each.authority for each in approved}
        self.directory.groups[GROUP] = tuple(each for each in APPROVERS if each not in gone)
        self._work()

    @precondition(lambda self: self._still_to_go(State.EXECUTING))
    @rule(data=st.data(), less=st.sampled_from(FALLS), told=st.booleans())
    def a_price_falls_between_steps(self, data: st.DataObject, less: int, *, told: bool) -> None:
        self._fall(self._drawn(data, self._still_to_go(State.EXECUTING)), by=less, told=told)

    @precondition(lambda self: self._still_to_go(State.EXECUTING))
    @rule(data=st.data(), change=st.sampled_from(("it is busy", "it is a promotion")))
    def something_may_not_go_between_steps(self, data: st.DataObject, change: str) -> None:
        self._changed(self._drawn(data, self._still_to_go(State.EXECUTING)), change)
        self._pass(COOLING_OFF)

    @precondition(lambda self: self._still_to_go(State.EXECUTING))
    @rule(leaves=st.sampled_from(APPROVERS))
    def an_approver_is_named_no_more_between_steps(self, leaves: SlackUser) -> None:
        self.directory.groups[GROUP] = tuple(each for each in APPROVERS if each != leaves)
        self._work()

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

    @precondition(lambda self: self._numbers(State.EXECUTING))
    @rule(what=st.sampled_from(WANTED))
    def what_never_ends_is_left_and_asked_for_again(self, what: tuple[str, ...]) -> None:
        """The cloud takes what it is asked, and finishes nothing from now on."""
        self.ending = FINISHES_NOTHING
        self.cloud.finish_nothing()
        for _ in range(2):
            self._pass(OUTAGES[-1])
        for number in self._numbers(State.FAILED):
            self._click(REQUESTER, pressed(number, self._get(number).requested_by, "leave"))
        self.somebody_asks(by=REQUESTER, what=what, at_once=True)
        for number in self._numbers(State.WAITING):
            for by in APPROVERS:
                self._agree(number, by, "approve", shown=self._shown(number)[-1])
        self._pass(COOLING_OFF)

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
            pressed(number, by, button) if button in BUTTONS else agreed(number, by, button, shown)
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

    def _agree(self, number: int, by: SlackUser, button: str, *, shown: int) -> None:
        self._click(by, agreed(number, by, button, shown), shown=shown)

    def _drawn(self, data: st.DataObject, options: Sequence[Any]) -> Any:
        """One of them."""
        return data.draw(st.sampled_from(options))


def played(examples: int, *, seed: int, stages: Stages = on_model) -> str:
    """Play so many examples; what went wrong in the first that breaks, or nothing."""
    return broken_in(Requests, examples, rules=RULES_AN_EXAMPLE, seed=seed, stages=stages)
