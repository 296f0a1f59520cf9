"""Replicas of the shipping engine on one database, killed, frozen and delayed as a seed decides.

Everything runs in one thread. A frozen replica stands still inside its own call while the others
go on; a killed one begins anew with nothing in memory. Time moves only here: Slack's clock is the
true one, and the database's, which the replicas read, may jump.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from bot.billing.bookkeeping import charged
from bot.billing.reminder import Schedule
from bot.billing.renewal import deduction_at
from bot.billing.subscription import SlackChannel, SlackUser, Subscription
from bot.ports.store import ReminderState, Store
from bot.services.pacing import Limits, Rate
from bot.services.policy import Policy
from storage.errors import DatabaseAway
from tests.clocks import DatabaseClock, SettableClock
from tests.factories import instant, order, quota
from tests.proof.nemesis import LONGEST_FREEZE, STEPS, Nemesis
from tests.proof.owing import Owing
from tests.proof.replica import Killed, Replica
from tests.proof.slack import CALM, SimulatedSlack
from tests.proof.stages import ACCOUNT, Disk

BEGINS = instant("2026-11-27 08:59:30")
"""Half a minute before the three-day lead of what renews on 30 November."""

CHANNEL, TEAM = SlackChannel("C0FINOPS"), SlackChannel("C0TEAM")
OPERATOR = SlackUser("U0OPS")
POLICY = Policy(
    approvals_channel=SlackChannel("C0APPROVALS"),
    reminders_channel=CHANNEL,
    schedule=Schedule(lead_days=(3, 1), at=time(9), zone=ZoneInfo("Asia/Shanghai")),
    operators=(OPERATOR,),
)
LIMITS = Limits(post=Rate(every=timedelta(milliseconds=200), burst=10), channel=Rate.a_minute(60))
DAY, HALF_MINUTE = timedelta(days=1), timedelta(seconds=30)
ROUNDS = 12
ROUND = timedelta(seconds=5)
MOST_CLOCK_OFF = timedelta(seconds=40)
ONE_SWEEP = timedelta(minutes=30)
"""From the second copy to its end; ticks come now and then, and who sweeps may freeze as well.

Twice as long where most readings fail, since a sweep that cannot read is none.
"""

HALF = 50
"""Of a hundred readings."""

REST = (75, 75, 75, 75, 300, 300, 300, 300, 300, 300, 3600, 75, 75, 75)
"""Seconds between the last ticks of a day, together longer than the longest wait."""


class World:
    """What one seed makes of the same few days."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        seed: int,
        nemesis: Nemesis | None = None,
        *,
        items: Sequence[Subscription] = (),
        script: Sequence[str] = (),
        kill_at: Sequence[int] = (),
    ) -> None:
        self.nemesis = nemesis or Nemesis.of(seed)
        self.random = Random(seed)
        self.true = SettableClock(BEGINS)
        self.clock = DatabaseClock(self.true)
        self.store = store
        self.policy = POLICY
        self.limits = LIMITS
        self.slack = SimulatedSlack(self.true, self.random, script=list(script))
        self.steps = 0
        self.frozen = 0
        self._disk = disk
        self._kill_at = frozenset(kill_at)
        self._power_cuts = 0
        self._dark = False
        self._calm = True
        self._busy: list[Replica] = []
        self._owing = Owing(POLICY)
        self._items = {each.key: each for each in items or self._usual_items()}
        self._monthly = {key for key, each in self._items.items() if each.auto_renew_months == 1}
        self._read_in: int | None = None
        with store.transaction() as tx:
            tx.catalogue.put(self._items.values(), at=BEGINS - 90 * DAY)
        for each in self._items.values():
            self._owing.known(each, at=BEGINS)
        self.replicas = [Replica(self, "first"), Replica(self, "second")]

    def run(self) -> list[dict[str, object]]:
        """Live through every lead of the items, each day to its rest; the evidence, to judge."""
        days = 0
        self.replicas[0].tick("arm")
        while (due := self._next_due()) is not None:
            self._pass_until(due - HALF_MINUTE)
            if days == 0 or self.random.random() < 0.5:
                self._trouble()
            self._live()
            self._wait_for_a_token()
            self._rest()
            days += 1
        self._note_what_was_taken_meanwhile()
        return [*self._owing.lines, *self.slack.evidence, *self._dropped(), self._end()]

    def step(self, replica: Replica, *, inside: bool = False) -> None:
        """One of the numbered steps at which a process may die, or stop while others go on."""
        self.steps += 1
        if self.steps in self._kill_at:
            raise Killed
        if self._calm:
            return
        if self._happens(self.nemesis.power_cuts) and not self._is_anybody_thawed():
            self._power_cuts += 1
            self._dark = True
            raise Killed
        if self._happens(self.nemesis.kills) and not replica.was_frozen:
            raise Killed
        if not inside and self._happens(self.nemesis.edits):
            self._edit()
        if not inside and not self._busy and self._happens(self.nemesis.freezes):
            self._freeze(replica)

    def _is_anybody_thawed(self) -> bool:
        """Whether a process goes on in the tick in which it froze, which no death may follow."""
        return any(each.was_frozen for each in self.replicas)

    def elapsed(self) -> float:
        """What a monotonic clock says that nobody stops."""
        return self.true.now().timestamp()

    def committed(self) -> None:
        """A commit returned; a power cut may say otherwise where it was not made durable."""
        self._disk.committed()

    def wait(self, replica: Replica, seconds: int) -> None:
        """So long no answer comes; somebody else may do something."""
        if seconds:
            self._meanwhile(replica, seconds, ticks=("bundle", "send", "sweep"))

    def died(self, replica: Replica) -> None:
        """Begin anew after a death; after a power cut everybody does, on what the disk kept."""
        self.slack.happened["F3 killed"] += 1
        if self._dark:
            self._dark = False
            self._disk.cut()
            for each in self.replicas:
                each.forget()
                each.start()
        replica.start()

    def away(self, error: DatabaseAway) -> None:
        """Nobody takes the database away here."""
        raise error

    def _next_due(self) -> datetime | None:
        return min((due for due in self._owing.dues() if due > self.true.now()), default=None)

    def _pass_until(self, target: datetime) -> None:
        """Nothing is due meanwhile; reminders are armed every day."""
        while target - self.true.now() > DAY:
            self.true.advance(DAY)
            self._read_what_was_charged(last=True)
            self.replicas[0].tick("arm")
        self.true.advance_to(target)
        self._read_what_was_charged(last=True)

    def _trouble(self) -> None:
        """What befalls everybody before a lead falls due."""
        slack, nemesis = self.slack, self.nemesis
        if nemesis.closed:
            slack.closed = {} if slack.closed else {TEAM: nemesis.closed}
        if nemesis.locked:
            slack.locked = nemesis.locked
        if nemesis.off:
            slack.happened[f"F15 off for {nemesis.off}"] += 1
            self.nemesis = replace(nemesis, off=None)
            self.true.advance(nemesis.off)
            self._read_in = self.random.choice((None, None, 0, 1, 6))
            if self._read_in is None:  # before anybody runs again, so nobody knew less
                self._read_what_was_charged(known=BEGINS)
            self._owing.may_be_told(self._items.values(), at=self.clock.now())
            for each in self.replicas:
                each.start()
            self.replicas[0].tick("arm")

    def _live(self) -> None:
        self._calm, self.slack.mood = False, self.nemesis.mood
        for number in range(ROUNDS):
            if number == self._read_in:
                self._read_what_was_charged()
            self.true.advance(ROUND * self.random.choice((1, 1, 1, 2, 8, 14)))
            self.pass_round()
            replica = self.random.choice(self.replicas)
            replica.tick(self.random.choice(("arm", "bundle", "send", "send", "sweep")))

    def _wait_for_a_token(self) -> None:
        """Nothing is taken for days, in which dates pass, while everybody works on."""
        if self.nemesis.lasts is None:
            return
        self._calm = True
        self.slack.happened[f"F15 refused for {self.nemesis.lasts}"] += 1
        ends = self.true.now() + self.nemesis.lasts
        self.nemesis = replace(self.nemesis, lasts=None)
        while self.true.now() < ends:
            self.true.advance(min(DAY, ends - self.true.now()))
            for name in ("arm", "bundle", "send"):
                self.replicas[0].tick(name)
        self._rest()  # once more than usual: much waits, and a channel takes one at a tick

    def pass_round(self) -> None:
        """What the clocks do between two ticks."""
        if self._happens(self.nemesis.clock):
            self._jump()

    def _rest(self) -> None:
        """No more faults: all comes to rest, at the latest when the longest wait is over."""
        self._calm, self.slack.mood, self.slack.locked = True, CALM, None
        self.replicas[0].tick("arm")
        for number, seconds in enumerate(REST):
            replica = self.replicas[number % len(self.replicas)]
            for name in ("bundle", "send", "sweep"):
                replica.tick(name)
            self.true.advance(timedelta(seconds=seconds))

    def _freeze(self, replica: Replica) -> None:
        """Stop it for 1 s to 10 min, while the others do what they find."""
        seconds = int(LONGEST_FREEZE ** self.random.random())
        self.slack.happened["F10 freeze"] += 1
        self.frozen += 1
        replica.was_frozen = True
        began = self.elapsed()
        self._meanwhile(replica, seconds, ticks=("bundle", "send", "send", "sweep"))
        replica.stood_still += self.elapsed() - began

    def _meanwhile(self, replica: Replica, seconds: int, *, ticks: Sequence[str]) -> None:
        """Let time pass in which one replica stands still; it dies there when the power goes."""
        self._busy.append(replica)
        cuts = self._power_cuts
        while seconds > 0:
            slice_ = min(seconds, self.random.choice((5, 10, 20, 60)))
            self.true.advance(timedelta(seconds=slice_))
            seconds -= slice_
            for other in self.replicas:
                if other not in self._busy:
                    other.tick(self.random.choice(ticks))
        self._busy.remove(replica)
        if self._power_cuts != cuts:
            raise Killed

    def _jump(self) -> None:
        """The database's clock jumps forward or back, and never far from the true one."""
        self.slack.happened["F13 clock jumps"] += 1
        jumped = self.clock.off + self.random.choice((-1, 1)) * self.random.choice(STEPS)
        self.clock.off = max(-MOST_CLOCK_OFF, min(MOST_CLOCK_OFF, jumped))
        for each in self.replicas:
            each.watch_the_clock()

    def _edit(self) -> None:
        """Somebody moves an item's date, takes it away, brings it back or imports it once more."""
        now = self.clock.now()
        key = self.random.choice(sorted(self._items))
        item = self._items[key]
        what = self.random.choice(("moved", "moved", "gone", "imported"))
        if what == "moved" and item.expires_at is not None:
            ends = item.expires_at + self.random.choice((-1, 1, 1, 2)) * DAY
            item = replace(item, orders=(replace(item.orders[-1], expires_at=ends),))
        self.slack.happened[f"F16 {what}"] += 1
        with self.store.transaction() as tx:
            if what == "gone":
                tx.catalogue.mark_gone([key], at=now)
            else:
                tx.catalogue.put([item], at=now)
        self._items[key] = item
        held = None if what == "gone" else item
        self._owing.changed(key, held, at=now, is_taken=self._is_taken)

    def _read_what_was_charged(self, *, known: datetime | None = None, last: bool = False) -> None:
        """The catalogue is read again; after the last time it is charged no more."""
        now = self.clock.now()
        for key in sorted(self._monthly):
            terms = list(_charged(self._items[key], until=now))
            if not terms:
                continue
            self.slack.happened["deducted"] += len(terms)
            if last:
                self._monthly.remove(key)
                terms[-1] = replace(terms[-1], auto_renew=False)
            self._items[key] = terms[-1]
            with self.store.transaction() as tx:
                tx.catalogue.put([terms[-1]], at=now)
            self._owing.renewed(terms, known=known or now, at=now)

    def _is_taken(self, ref: str) -> bool:
        """Whether an attempt to tell it has begun."""
        with self.store.reading() as tx:
            rows = [row for key in self._items for row in tx.reminders.of(key) if row.id == ref]
            posts = [tx.outbox.get(row.delivery_id) for row in rows if row.delivery_id]
        return any(post is not None and post.started_at is not None for post in posts)

    def _note_what_was_taken_meanwhile(self) -> None:
        """What was withdrawn at the very instant of its first attempt was taken, too."""
        with self.store.reading() as tx:
            rows = [row for key in self._items for row in tx.reminders.of(key) if row.delivery_id]
            posts = [(row.id, tx.outbox.get(row.delivery_id or "")) for row in rows]
        first = {(ref, post.first_at.timestamp()) for ref, post in posts if post and post.first_at}
        for line in self._owing.lines:
            if line["event"] == "withdrawn" and (line["id"], line["at"]) in first:
                line["taken"] = True

    def _usual_items(self) -> Sequence[Subscription]:
        if self.nemesis.lasts:
            return [self._ending(n, self.random.randrange(3, 12)) for n in range(3)]
        if self.nemesis.off:
            makes = (self._ending, _monthly, _monthly)
            return [make(n, self.random.randrange(3, 40)) for n, make in enumerate(makes)]
        if self.nemesis.edits:
            return [self._ending(n, 3 + n) for n in range(2)]
        first, second = renewing("item-0"), renewing("item-1")
        return [first, replace(second, channel=TEAM) if self.nemesis.closed else second]

    def _ending(self, number: int, days: int) -> Subscription:
        """One that is not renewed and ends on a day after the beginning."""
        ends = BEGINS + timedelta(days=days, hours=9)
        paid = replace(order("2025-12-07 09:20"), expires_at=ends)
        return quota(f"item-{number}", owner=None, auto_renew=False, orders=(paid,))

    def _happens(self, of_thousand: int) -> bool:
        return of_thousand > 0 and self.random.randrange(1000) < of_thousand

    def _dropped(self) -> Sequence[dict[str, object]]:
        """The reminders that were cancelled, each with its reason."""
        with self.store.reading() as tx:
            rows = [row for key in sorted(self._items) for row in tx.reminders.of(key)]
        cancelled = (row for row in rows if row.state is ReminderState.CANCELLED)
        return [{"event": "dropped", "id": row.id, "reason": row.reason} for row in cancelled]

    def _end(self) -> dict[str, object]:
        return {
            "event": "end",
            "sweep": ONE_SWEEP.total_seconds() * (2 if self.nemesis.mood.reads > HALF else 1),
            "frozen": self.frozen > 0,
            "clock_off": MOST_CLOCK_OFF.total_seconds() if self.nemesis.clock else 0.0,
            "operator": f"D{OPERATOR[1:]}",
        }


def _monthly(number: int, days: int) -> Subscription:
    """One that is charged so many days after the beginning, and each month from then on."""
    ends = BEGINS + timedelta(days=days + 7, hours=9)
    paid = replace(order("2025-12-07 09:20", months=1), expires_at=ends)
    return quota(f"item-{number}", owner=None, auto_renew_months=1, orders=(paid,))


def _charged(item: Subscription, *, until: datetime) -> Iterator[Subscription]:
    """The item after each charge that a cloud has made by then."""
    while (at := deduction_at(item, ACCOUNT)) is not None and at <= until:
        item = charged(item)
        yield item


def renewing(ref: str) -> Subscription:
    """One that renews on 30 November."""
    return quota(ref, owner=None, orders=(order("2025-12-07 09:20"),))
