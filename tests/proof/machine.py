"""The engine against a reference model, rule by rule, as Hypothesis thinks of them.

After every rule two replicas work until nothing is due; then everything that has to be told was
told, once, and nothing else was.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bot.billing.reminder import Schedule
from bot.billing.subscription import SlackChannel, SlackUser, Subscription, SubscriptionKey
from bot.services.armed import base_of, repeat_of
from bot.services.errors import NoLongerDue, Refused
from bot.services.pacing import Limits
from bot.services.policy import Policy
from tests.clocks import SettableClock
from tests.factories import NOW, order, quota
from tests.proof.expected import Expected, about_date
from tests.proof.playing import Stages, broken_in
from tests.proof.replica import Killed, Replica
from tests.proof.slack import BY_NAME, SimulatedSlack
from tests.proof.stages import ACCOUNT, Stage, on_model

T = TypeVar("T")

ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles")]
LEADS = [(3, 1), (7, 3, 1), (1,)]
BY = SlackUser("U0OPERATOR")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MOST_ITEMS = 6
TRIES = 20
"""Minutes after which everything has come to rest, whatever one fault or death held up.

And those by which the clock was turned back: what waited for an instant waits for it again.
"""

RULES_AN_EXAMPLE = 100
EXAMPLES_A_PIECE = 50


class Reminders(RuleBasedStateMachine):
    """What may happen to a workspace's reminders, in any order."""

    stages = staticmethod(on_model)

    @initialize(leads=st.sampled_from(LEADS), zone=st.sampled_from(ZONES))
    def begins(self, leads: tuple[int, ...], zone: ZoneInfo) -> None:
        self._opened: list[AbstractContextManager[Any]] = [self.stages()]
        self._opened.append(self._opened[0].__enter__()())
        stage: Stage = self._opened[1].__enter__()
        self.store, _ = stage
        self.clock = SettableClock(NOW)
        self.slack = SimulatedSlack(self.clock, Random(0))
        self.policy = Policy(
            approvals_channel=SlackChannel("C0APPROVALS"),
            reminders_channel=SlackChannel("C0FINOPS"),
            schedule=Schedule(lead_days=leads, at=time(9), zone=zone),
            operators=(BY,),
        )
        self.bought = 0
        self.turned_back = timedelta(0)
        self.kill_in: int | None = None
        self.working = False
        self.limits = Limits()
        self.replicas = [Replica(self, "first"), Replica(self, "second")]
        self.expected = Expected(ACCOUNT, self.policy.schedule, now=NOW)
        self._settle()

    @precondition(lambda self: len(self.expected.items) < MOST_ITEMS)
    @rule(days=st.integers(1, 20), hour=st.integers(0, 23))
    def somebody_buys(self, days: int, hour: int) -> None:
        self.bought += 1
        self._change(_ending(f"item-{self.bought}", self.clock.now() + days * DAY + hour * HOUR))

    @precondition(lambda self: self.expected.items)
    @rule(data=st.data(), days=st.sampled_from((-2, -1, 1, 2, 5)))
    def a_date_moves(self, data: st.DataObject, days: int) -> None:
        item = self.expected.items[self._some(data)]
        assert item.expires_at is not None
        self._change(_ending(item.key.id, item.expires_at + days * DAY))

    @precondition(lambda self: self.expected.items)
    @rule(data=st.data())
    def one_is_gone(self, data: st.DataObject) -> None:
        key = self._some(data)
        with self.store.transaction() as tx:
            tx.catalogue.mark_gone([key], at=self.clock.now())
        self.expected.change(key, None)
        self._settle()

    @rule()
    def the_book_is_imported_again(self) -> None:
        with self.store.transaction() as tx:
            tx.catalogue.put(self.expected.items.values(), at=self.clock.now())
        self._settle()

    @precondition(lambda self: self.slack.history)
    @rule(data=st.data())
    def somebody_keeps(self, data: st.DataObject) -> None:
        delivery, key, ids = self._a_message(data)
        try:
            self.replicas[0].reminding.keep(delivery, [key], by=BY)
        except NoLongerDue:
            return
        self.expected.kept.add(about_date(key, ids[0].split("/")[2]))
        self._settle()

    @precondition(lambda self: self.slack.history)
    @rule(data=st.data(), hours=st.integers(1, 50))
    def somebody_snoozes(self, data: st.DataObject, hours: int) -> None:
        delivery, key, ids = self._a_message(data)
        until = self.clock.now() + hours * HOUR
        try:
            self.replicas[0].reminding.snooze(delivery, [key], until=until, by=BY)
        except Refused:
            return
        about = about_date(key, ids[0].split("/")[2])
        with self.store.reading() as tx:
            rows = [row.id for row in tx.reminders.of(key) if row.due_at == until]
        newest = max(rows, key=repeat_of)
        assert base_of(newest) in {base_of(each) for each in ids}
        self.expected.snooze(about, newest, until=until)
        self._settle()

    @rule(zone=st.sampled_from(ZONES))
    def the_zone_changes(self, zone: ZoneInfo) -> None:
        self._decide(replace(self.policy.schedule, zone=zone))

    @rule(leads=st.sampled_from(LEADS))
    def the_leads_change(self, leads: tuple[int, ...]) -> None:
        self._decide(replace(self.policy.schedule, lead_days=leads))

    @rule(hours=st.sampled_from((1, 7, 24, 24, 47, 72, 200)))
    def time_passes(self, hours: int) -> None:
        self.clock.advance(hours * HOUR)
        self._settle()

    @rule(minutes=st.sampled_from((1, 30)))
    def the_clock_goes_back(self, minutes: int) -> None:
        self.turned_back += minutes * MINUTE
        self.clock.set(self.clock.now() - minutes * MINUTE)
        self._settle()

    @rule(steps=st.integers(1, 30))
    def a_process_dies(self, steps: int) -> None:
        """At that step from now, whenever it takes it."""
        self.kill_in = steps

    @precondition(lambda self: not self.slack.script)
    @rule(name=st.sampled_from(sorted(BY_NAME)))
    def slack_fails(self, name: str) -> None:
        """The next post, whenever it comes."""
        self.slack.script.append(name)

    @invariant()
    def what_was_sent_is_what_the_model_says(self) -> None:
        if not hasattr(self, "expected"):
            return
        told = Counter(self._ids())
        twice = sorted(each for each, times in told.items() if times > 1)
        lost = sorted(self.expected.must - told.keys())
        strange = sorted(told.keys() - self.expected.may)
        assert (twice, lost, strange) == ([], [], []), f"{twice=} {lost=} {strange=}"

    def teardown(self) -> None:
        for each in reversed(getattr(self, "_opened", [])):
            each.__exit__(None, None, None)

    def step(self, replica: Replica, *, inside: bool = False) -> None:
        """One step of a process; it dies there when its time has come."""
        if self.kill_in is not None and self.working:
            self.kill_in -= 1
            if self.kill_in <= 0:
                self.kill_in = None
                raise Killed

    def elapsed(self) -> float:
        """True time, which goes on when a clock is turned back."""
        return (self.clock.now() + self.turned_back).timestamp()

    def committed(self) -> None:
        """Nothing is lost here."""

    def wait(self, replica: Replica, seconds: int) -> None:
        """No answer comes for so long."""
        self.clock.advance(timedelta(seconds=seconds))

    def died(self, replica: Replica) -> None:
        """It is started again."""
        replica.start()

    def _change(self, item: Subscription) -> None:
        with self.store.transaction() as tx:
            tx.catalogue.put([item], at=self.clock.now())
        self.expected.change(item.key, item)
        self._settle()

    def _decide(self, schedule: Schedule) -> None:
        """The settings change, and every process begins anew with them."""
        self.policy = replace(self.policy, schedule=schedule)
        self.expected.schedule = schedule
        for each in self.replicas:
            each.start()
        self._settle()

    def _settle(self) -> None:
        """Both replicas work until nothing is left to do."""
        self.working = True
        for number in range(TRIES + self.turned_back // MINUTE):
            replica = self.replicas[number % 2]
            worked = [replica.tick(name) for name in ("arm", "bundle", "send", "sweep")]
            if all(worked) and not self._is_anything_open():
                break
            self.clock.advance(MINUTE)
        self.working = False
        self.expected.pass_to(self.clock.now())

    def _is_anything_open(self) -> bool:
        with self.store.reading() as tx:
            due = tx.reminders.next_due()
            waits = due is not None and due <= self.clock.now()
            return waits or tx.outbox.next_due() is not None

    def _ids(self) -> list[str]:
        posts = (line for line in self.slack.evidence if line["event"] == "post")
        return [each for line in posts for each in line["ids"]]

    def _some(self, data: st.DataObject) -> SubscriptionKey:
        return self._drawn(data, sorted(self.expected.items))

    def _drawn(self, data: st.DataObject, options: Sequence[T]) -> T:
        """One of them; whoever replays rules says which."""
        return data.draw(st.sampled_from(options))

    def _a_message(self, data: st.DataObject) -> tuple[str, SubscriptionKey, list[str]]:
        """A delivery that was posted, one subscription that it tells of, and its ids there."""
        posts = [line for line in self.slack.evidence if line["event"] == "post" and line["ids"]]
        post: dict[str, Any] = self._drawn(data, posts)
        about = self._drawn(data, sorted({each.split("/")[1] for each in post["ids"]}))
        ids = [each for each in post["ids"] if each.split("/")[1] == about]
        return post["delivery"], SubscriptionKey(ACCOUNT.name, about), ids


def played(examples: int, *, seed: int, stages: Stages = on_model) -> str:
    """Play so many examples; what went wrong in the first that breaks, or nothing."""
    return broken_in(Reminders, examples, rules=RULES_AN_EXAMPLE, seed=seed, stages=stages)


def _ending(ref: str, ends: datetime) -> Subscription:
    paid = replace(order("2025-12-07 09:20"), expires_at=ends)
    return quota(ref, owner=None, auto_renew=False, orders=(paid,))
