"""What the engine costs: per reminder, when idle, after downtime, and for a million on one day.

Run by `make bench ONLY=engine`, or for one database by `python -m tests.benchmarks.engine SQLite`.
Commits are durable. Seconds are counted inside the ticks alone; Slack answers at once.
"""

import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing.subscription import SlackChannel, Subscription
from bot.ports.store import DeliveryState, ReminderState, Store
from bot.services.policy import Policy, Route
from bot.services.reach import SOON
from storage.clock import DatabaseClock
from storage.engine import Database, open_database
from tests.benchmarks.catalogues import (
    end_of_day,
    fill,
    open_store,
    over_a_year,
    server,
    tell_passed,
)
from tests.benchmarks.databases import KINDS, NewDatabase
from tests.benchmarks.figures import Figures, Took, timed
from tests.benchmarks.replica import CHANNEL, LEADS, Prompt, Replica, policy

DUE = 500
DATES = (30, 33)
"""Days ahead; what falls due on each is carried by itself."""

CHANNELS = 1_000
MILLION = 1_000_000
AFTER_DOWNTIME = 100_000
COST = {"SQLite": 150, "PostgreSQL": 300}
ONE_DAY = timedelta(days=1)
IDLE_ROUNDS = 5
NOTHING = Took(0.0, 0.0)


def per_reminder(figures: Figures, kind: str, new: NewDatabase) -> None:
    """From the plan to the recorded outcome, with few and with many subscriptions beside them."""
    figures.about(f"{kind}: {DUE:,} reminders due at once, one a message; the faster of two days")
    costs = []
    for size in (DUE * len(DATES), MILLION):
        with _opened(new()) as database:
            took = carried(database, channels=DUE, size=size)
        for step, each in took.items():
            figures.tell(f"{step} among {size:,}", str(each / DUE))
        costs.append(_sum(took).wall / DUE)
        figures.at_most(f"a reminder among {size:,}", costs[-1] * 1e6, COST[kind], "us")
    figures.at_most("many subscriptions against few", costs[1] / costs[0], 1.3, "times")
    with _opened(new()) as database:
        took = carried(database, channels=DUE // 10)
    figures.tell("a reminder in digests of ten", str(_sum(took) / DUE))


def recorded(figures: Figures, kind: str, new: NewDatabase) -> None:
    """Claim, intent and outcome alone, as the store's port offers them."""
    figures.about(f"{kind}: {DUE:,} deliveries, the record alone")
    with _opened(new()) as database:
        clock = database.clock()
        store = fill(database, _due(clock.now(), DUE), size=DUE, at=clock.now())
        replica = Replica.of(store, clock, Prompt(), policy=policy(1))
        due_at = _due_at(replica)
        clock.advance_to(due_at - ONE_DAY / 2)
        replica.reminding.arm()
        clock.advance_to(due_at)
        _drain(replica.reminding.bundle_due)
        figures.tell(
            "claim, begin and settle, each delivery by itself", str(_record(store, clock) / DUE)
        )


def idle(figures: Figures, kind: str, new: NewDatabase) -> None:
    """A million over a year: what ticks cost that find nothing to do, and a change of leads."""
    figures.about(f"{kind}: {MILLION:,} subscriptions over a year, leads of {LEADS} days")
    with _opened(new()) as database:
        clock = database.clock()
        now = clock.now()
        store = fill(database, over_a_year(after=now, per_day=2), size=MILLION, at=now)
        replica = Replica.of(store, clock, Prompt(), policy=_routed(*LEADS))
        figures.tell("the first plan", f"{timed(replica.reminding.arm).wall:.1f} s")
        replica.reminding.arm()  # which dates anew, and plans, what passed before the first plan
        tell_passed(database, at=clock.now())
        for name, tick in replica.ticks.items():
            figures.at_most(f"idle tick, {name}", _usual(tick) * 1e3, 5, "ms")
        _change_leads(figures, store, clock, before=replica)


def _change_leads(figures: Figures, store: Store, clock: DatabaseClock, *, before: Replica) -> None:
    """One lead for another, hours before reminders are told, and then five minutes before."""
    others = (30, 14, 3, 1)
    leads_7, leads_8 = _routed(*others, 7), _routed(*others, 8)
    took = _changed(store, clock, old=leads_7, new=leads_8, leads=(7, 8))
    figures.at_most("a change of leads in effect after", took[0].wall, 1, "s")
    figures.tell("the next run enters the rest and cancels, in", f"{took[1].wall:.1f} s")
    leads_of_route = _routed(*others, 8, of_route=(*others, 7))
    took = _changed(store, clock, old=leads_8, new=leads_of_route, leads=(8, 7))
    figures.at_most("a change of a route's leads in effect after", took[0].wall, 1, "s")
    figures.tell("the next run enters the rest and cancels, in", f"{took[1].wall:.1f} s")
    clock.advance_to(_due_at(before) - SOON / 2)
    leads_9 = _routed(*others, 9)
    took = _changed(store, clock, old=leads_8, new=leads_9, leads=(8, 9))
    what = "the same five minutes before they are told, 2,740 at once"
    figures.at_most(what, took[0].wall, 1, "s")


def _routed(*lead_days: int, of_route: tuple[int, ...] | None = None) -> Policy:
    """Settings with a route that claims every server, and has leads of its own when given."""
    route = Route(channel=CHANNEL, service="ECS", lead_days=of_route)
    return replace(policy(*lead_days), routes=(route,))


def _changed(
    store: Store, clock: DatabaseClock, *, old: Policy, new: Policy, leads: tuple[int, int]
) -> Sequence[Took]:
    """What the two runs took that exchange one lead for another, when all else is planned."""
    before, changed = (Replica.of(store, clock, Prompt(), policy=each) for each in (old, new))
    before.reminding.arm()
    before.reminding.arm()
    took = [timed(changed.reminding.arm), timed(changed.reminding.arm)]
    armed = _armed_leads(changed)
    if leads[1] not in armed or leads[0] in armed:
        raise AssertionError(f"The new lead is not in effect: {sorted(armed)}.")
    return took


def after_downtime(figures: Figures, kind: str, new: NewDatabase) -> None:
    """Entering what falls due within the horizon, and telling it a day later."""
    figures.about(f"{kind}: {AFTER_DOWNTIME:,} reminders due within a day of downtime")
    with _opened(new()) as database:
        figures.tell(
            f"to enter {AFTER_DOWNTIME:,}", f"{entered(database, AFTER_DOWNTIME).wall:.1f} s"
        )
        clock = database.clock()
        replica = Replica.of(open_store(database), clock, Prompt(), policy=policy(1))
        clock.advance(ONE_DAY)

        def plan() -> None:
            replica.reminding.arm()
            _drain(replica.reminding.bundle_due)

        figures.at_most("planned after", timed(plan).wall, 15, "s")


def entered(database: Database, count: int) -> Took:
    """What it takes to enter reminders that come within the horizon, in many channels."""
    clock = database.clock()
    store = fill(database, _due(clock.now(), CHANNELS), size=count, at=clock.now())
    replica = Replica.of(store, clock, Prompt(), policy=policy(1))
    clock.advance_to(_due_at(replica) - ONE_DAY / 2)
    return timed(replica.reminding.arm)


def carried(database: Database, *, channels: int, size: int = DUE * len(DATES)) -> dict[str, Took]:
    """What each step took for all that is due on a day, beside subscriptions that are not."""
    clock = database.clock()
    now = clock.now()
    due = [each for days in DATES for each in _due(now, channels, days=days)]
    store = fill(database, due, size=DUE * len(DATES), at=now)
    if size > DUE * len(DATES):
        others = over_a_year(after=now + 2 * DATES[-1] * ONE_DAY, per_day=2)
        fill(database, others, size=size, at=now)
    messenger = Prompt()
    replica = Replica.of(store, clock, messenger, policy=policy(1))
    days = [_day(replica, store, clock) for _ in DATES]
    if messenger.reminders != DUE * len(DATES):
        raise AssertionError(f"{messenger.reminders:,} reminders were posted.")
    return min(days, key=lambda took: _sum(took).wall)


def _day(replica: Replica, store: Store, clock: DatabaseClock) -> dict[str, Took]:
    """Everything that falls due next, carried from the plan to the recorded outcome."""
    due_at = _due_at(replica)
    clock.advance_to(due_at - ONE_DAY / 2)
    arm = timed(replica.reminding.arm)
    clock.advance_to(due_at)
    bundle = timed(lambda: _drain(replica.reminding.bundle_due))
    return {"arm": arm, "bundle": bundle, "send": _sent(replica, store, clock)}


def _sent(replica: Replica, store: Store, clock: DatabaseClock) -> Took:
    """Send until nothing is left; waiting for a rate to allow more costs nothing."""
    took = NOTHING
    while (due_at := _next_due(store)) is not None:
        clock.advance_to(due_at)
        took += timed(replica.delivering.send_due)
    return took


def _record(store: Store, clock: DatabaseClock) -> Took:
    now = clock.now()

    def record() -> None:
        done = 0
        while done < DUE:
            with store.transaction() as tx:
                claimed = tx.outbox.claim(now=now, lease_until=now + timedelta(minutes=1), limit=5)
            for delivery in claimed:
                with store.transaction() as tx:
                    begun = tx.outbox.begin(delivery, at=now)
                if begun is None:
                    raise AssertionError("Nobody else claims here.")
                with store.transaction() as tx:
                    tx.outbox.settle(begun, state=DeliveryState.SENT, at=now, channel="C0", ts="1")
            done += len(claimed)

    return timed(record)


def _due(now: datetime, channels: int, *, days: int = 30) -> Sequence[Subscription]:
    """One for each channel, which all expire so many days ahead; nothing follows that date."""
    expires_at = end_of_day(now + days * ONE_DAY)
    facts = {"expires_at": expires_at, "auto_renew": False}
    return [
        server(f"due-{days}-{n:04d}", channel=SlackChannel(f"C{n:08d}"), **facts)
        for n in range(channels)
    ]


def _due_at(replica: Replica) -> datetime:
    found = replica.reminding.next_lead()
    if found is None:
        raise AssertionError("Nothing falls due in this catalogue.")
    return found[0]


def _usual(tick: Callable[[], int]) -> float:
    """The median of some rounds; of one, where that already is far too slow."""
    rounds: list[float] = []
    while len(rounds) < IDLE_ROUNDS and sum(rounds) < 1:
        rounds.append(timed(tick).wall)
    return statistics.median(rounds)


def _armed_leads(replica: Replica) -> set[int]:
    rows = replica.reminding.listed()
    return {row.reminder.lead_days for row in rows if row.state is ReminderState.ARMED}


def _next_due(store: Store) -> datetime | None:
    with store.reading() as tx:
        return tx.outbox.next_due()


def _drain(tick: Callable[[], int]) -> None:
    while tick():
        pass


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    try:
        yield database
    finally:
        database.dispose()


def _sum(took: dict[str, Took]) -> Took:
    return sum(took.values(), NOTHING)


def main(kinds: Sequence[str]) -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    for kind in kinds or tuple(KINDS):
        for measure in (per_reminder, recorded, after_downtime, idle):
            with KINDS[kind]() as new:
                measure(figures, kind, new)
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
