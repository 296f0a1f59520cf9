"""Very many reminders of one destination: the same messages, tied slice by slice."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.billing.subscription import SlackChannel, Subscription
from bot.facts.messages import ReminderMessage, ReminderRest, Timing
from bot.ports.store import Delivery, DeliveryState, ReminderState, Store, Transaction
from bot.services import announcing, bundling, crowds, outcomes
from bot.services.announcing import Announcing
from bot.services.armed import cancel
from bot.services.crowds import LEASE
from bot.services.delivering import Delivering
from tests.clocks import SettableClock
from tests.conftest import ACCOUNTS
from tests.factories import instant, order, quota
from tests.proof.memory import MemoryStore
from tests.unit.services.mortal import Killed, MortalStore, Steps
from tests.unit.services.rig import FINOPS, SECURITY, Rig, labels, policy

MANY = 77
NINE = "2026-11-23 09:00"
Found = tuple[list[list[str]], list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def small_crowds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes thousands in earnest takes ten here."""
    monkeypatch.setattr(bundling, "CROWD", 10)
    monkeypatch.setattr(crowds, "SLICE", 7)


@pytest.fixture
def rig() -> Rig:
    return new_rig()


def new_rig(*leads: int) -> Rig:
    """A workspace in which nothing has fallen due yet."""
    settings = policy()
    schedule = replace(settings.schedule, lead_days=leads or (7, 3))
    clock = SettableClock(instant("2026-11-20 12:00"))
    return Rig(MemoryStore(ACCOUNTS), clock, replace(settings, schedule=schedule))


def server(ref: str, *, expires: str = "2026-12-07 23:59:59", **changes: Any) -> Subscription:
    """Its deduction is seven days before it expires."""
    paid = order("2025-12-07 09:20", expires_at=expires)
    return quota(ref, orders=(paid,), owner=None, **changes)


def many() -> Sequence[Subscription]:
    """In several regions, so that the order of their ids is not that of the messages."""
    return [server(f"vm-{n:03}", region=f"region-{n % 3}") for n in range(MANY)]


def awaited(rig: Rig, *subscriptions: Subscription, at: str = NINE) -> None:
    """Known in time; now they are due, and armed."""
    rig.know(*subscriptions)
    rig.run()
    rig.clock.set(instant(at) - timedelta(minutes=1))
    rig.reminding.arm()
    rig.clock.set(instant(at))


def bundled(rig: Rig) -> None:
    while rig.reminding.bundle_due():
        pass


def said(rig: Rig) -> Found:
    """What the messages name and count, sent to the end."""
    bundled(rig)
    rig.delivering.send_due(limit=1000)
    rests = [each.message for each in rig.messenger.of(ReminderRest)]
    counted = [
        (each.count, each.sums, each.timing, each.why, each.meant)
        for each in rests
        if isinstance(each, ReminderRest)
    ]
    named = [
        [f"{each.message.timing} {each.message.why}", *names]
        for each, names in zip(rig.reminders(), labels(rig.reminders()), strict=True)
        if isinstance(each.message, ReminderMessage)
    ]
    return sorted(named), sorted(counted, key=str)


def members(rig: Rig) -> Counter[str | None]:
    """How many rows each delivery carries."""
    return Counter(row.delivery_id for row in rig.rows())


def as_a_few(rig: Rig) -> Found:
    """What is said where nothing is a crowd."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bundling, "CROWD", 1000)
        return said(rig)


def test_a_crowd_is_told_like_a_few(rig: Rig) -> None:
    other = new_rig()
    awaited(other, *many())
    awaited(rig, *many())
    expected = as_a_few(other)

    assert said(rig) == expected
    assert [len(names) for names in expected[0]] == [11] * 4
    assert [count for count, *_ in expected[1]] == [MANY - 40]
    assert sorted(members(rig).values()) == [10, 10, 10, 10, MANY - 40]
    assert {row.state for row in rig.rows()} == {ReminderState.SENT}


def test_what_is_late_missed_or_on_time_is_told_apart_in_a_crowd_as_well() -> None:
    missed = [server(f"missed-{n:02}", expires="2026-12-02 23:59:59") for n in range(43)]
    late = [server(f"late-{n:02}", expires="2026-12-05 23:59:59") for n in range(45)]
    timely = [server(f"timely-{n:02}", expires="2026-12-06 23:59:59") for n in range(42)]
    rig, other = new_rig(3), new_rig(3)
    for each in (rig, other):
        awaited(each, *late, *missed, *timely, at="2026-11-26 09:00")
    expected = as_a_few(other)

    assert said(rig) == expected
    assert sorted((count, timing) for count, _, timing, *_ in expected[1]) == [
        (2, Timing.ON_TIME),
        (3, Timing.MISSED),
        (5, Timing.LATE),
    ]


def test_leads_of_one_date_are_told_as_one_wherever_the_slices_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "SLICE", 1)
    few = [server(f"vm-{n:03}") for n in range(8)]
    awaited(rig, *few, at="2026-11-27 10:00")

    [[_, *named]], _ = said(rig)

    assert named == [each.key.id for each in few]
    assert len(rig.rows()) == 16


def test_nothing_is_owed_before_all_are_tied(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowds, "AT_ONCE", 9)
    awaited(rig, *many())

    carried = [rig.reminding.bundle_due() for _ in range(3)]
    with rig.store.reading() as tx:
        assert not any(tx.outbox.counts().values())
    carried += [rig.reminding.bundle_due() for _ in range(3)]

    assert all(carried[:3])
    assert carried[-1] == 0
    assert sum(carried) == MANY
    assert len(said(rig)[0]) == 4


def test_what_falls_due_elsewhere_does_not_wait_for_a_crowd(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "AT_ONCE", 1)
    awaited(rig, *many(), server("alone", channel=SECURITY))

    rig.reminding.bundle_due()
    rig.delivering.send_due()

    assert labels(rig.reminders(SECURITY)) == [["alone"]]
    assert rig.reminders() == []


def test_no_transaction_ties_more_than_a_slice(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    awaited(rig, *many())
    sizes: list[int] = []
    rig.store = Watched(rig.store, lambda tx: sizes.append(tied_in(tx)))
    tied = [0]

    def tied_in(tx: Transaction) -> int:
        rows = tx.reminders.listed(until=None, states=tuple(ReminderState))
        before, tied[0] = tied[0], sum(row.delivery_id is not None for row in rows)
        return tied[0] - before

    rig.start()
    bundled(rig)

    assert sum(sizes) == MANY
    assert max(sizes[:-1]) <= crowds.SLICE
    assert sizes[-1] <= 40


def test_a_death_at_any_step_neither_loses_nor_repeats_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "MOST", 5)
    awaited(rig, *many())
    expected = said(rig)
    steps = kill_at = 0
    while kill_at <= steps:
        kill_at += 1
        other = new_rig()
        awaited(other, *many())
        plain, dying = other.store, Steps(kill_at)
        other.store = MortalStore(plain, dying)
        other.start()
        try:
            said(other)
        except Killed:
            other.store = plain
            other.start()
            other.clock.advance(timedelta(seconds=61))
        steps = dying.taken

        assert said(other) == expected, f"killed at step {kill_at}"
        assert sorted(members(other).values()) == [10, 10, 10, 10, MANY - 40], kill_at
        assert {row.state for row in other.rows()} == {ReminderState.SENT}, kill_at
    assert kill_at > 40


def test_what_was_counted_and_waits_until_its_date_passed_is_told_as_missed_whoever_dies(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "MOST", 5)
    awaited(rig, *many(), at="2026-11-27 09:00")
    bundled(rig)
    rig.clock.set(instant("2026-12-01 09:00"))
    alive, rig.store = rig.store, MortalStore(rig.store, Steps(12))
    rig.start()
    with pytest.raises(Killed):
        rig.delivering.send_due(limit=1000)

    rig.store = alive
    rig.start()
    rig.clock.advance(timedelta(seconds=61))
    rig.delivering.send_due(limit=1000)
    named, [(count, _, timing, *_)] = said(rig)

    assert (sum(len(names) - 1 for names in named) + count, timing) == (MANY, Timing.MISSED)
    assert {row.state for row in rig.rows()} == {ReminderState.MISSED}


def test_a_claim_is_kept_while_very_many_members_are_looked_at(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "PIECE", 8)
    awaited(rig, *many())
    bundled(rig)
    rig.delivering.send_due(limit=4)
    objections = Announcing.objections
    claimed_by_others: list[str] = []

    def slowly(*args: Any, **facts: Any) -> Any:
        rig.clock.advance(timedelta(seconds=20))
        now = rig.clock.now()
        with rig.store.transaction() as tx:
            found = tx.outbox.claim(now=now, lease_until=now + LEASE, limit=9)
        claimed_by_others.extend(each.id for each in found)
        return objections(*args, **facts)

    monkeypatch.setattr(Announcing, "objections", slowly)
    monkeypatch.setattr(rig.delivering, "_elapsed", lambda: rig.clock.now().timestamp())
    rig.delivering.send_due(limit=1)

    assert claimed_by_others == []
    assert len(rig.messenger.of(ReminderRest)) == 1


def test_a_crowd_that_was_left_for_minutes_is_late_and_says_why(rig: Rig) -> None:
    awaited(rig, *many())
    alive, rig.store = rig.store, MortalStore(rig.store, Steps(17))
    rig.start()
    with pytest.raises(Killed):
        bundled(rig)
    assert None in members(rig)
    assert len(members(rig)) == 2

    rig.store = alive
    rig.start()
    rig.clock.advance(timedelta(hours=2))
    rig.reminding.arm()
    named, counted = said(rig)

    assert [(count, why) for count, _, _, why, _ in counted] == [
        (MANY - 40, "Lapse was not running.")
    ]
    assert {names[0] for names in named} == {"late Lapse was not running."}


@pytest.mark.parametrize("frozen", [timedelta(0), 2 * LEASE])
def test_two_replicas_at_once_share_nothing(rig: Rig, frozen: timedelta) -> None:
    awaited(rig, *many())
    expected_sizes = [10, 10, 10, 10, MANY - 40]
    second = Rig(rig.store, rig.clock, rig.policy)

    def meanwhile(_: Transaction) -> None:
        rig.clock.advance(frozen)
        second.reminding.bundle_due()

    rig.store = Watched(rig.store, meanwhile)
    rig.start()
    bundled(rig)
    bundled(second)

    assert sorted(members(rig).values()) == expected_sizes
    with rig.store.reading() as tx:
        assert tx.outbox.counts()[DeliveryState.PENDING] == 5


def test_who_was_frozen_and_lost_the_crowd_leaves_it_as_the_other_made_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowds, "AT_ONCE", MANY - 40)
    awaited(rig, *many())
    second = Rig(rig.store, rig.clock, rig.policy)
    commits: list[int] = []

    def meanwhile(_: Transaction) -> None:
        commits.append(1)
        if len(commits) == 6:  # has seen some of those that are named
            rig.clock.advance(2 * LEASE)
            assert second.reminding.bundle_due() == MANY - 40

    rig.store = Watched(rig.store, meanwhile)
    rig.start()
    assert rig.reminding.bundle_due() == 0
    bundled(second)

    with rig.store.reading() as tx:
        assert tx.outbox.counts()[DeliveryState.PENDING] == 5


def test_what_was_withdrawn_since_it_was_read_is_not_tied(rig: Rig) -> None:
    awaited(rig, *many())
    store = rig.store
    last = max(rig.rows(), key=lambda row: row.id)
    moved = min(rig.rows(), key=lambda row: row.id)
    left = [(last, "for a reason")]

    def meanwhile(_: Transaction) -> None:
        if left:
            with store.transaction() as tx:
                cancel(tx, [left.pop()])
                tx.reminders.arm([replace(moved, due_at=moved.due_at + timedelta(hours=1))])

    rig.store = Watched(store, meanwhile)
    rig.start()
    named, [(count, *_)] = said(rig)

    assert sum(len(names) - 1 for names in named) + count == MANY - 2
    assert {row.state for row in rig.rows() if row.id == last.id} == {ReminderState.CANCELLED}
    assert {row.state for row in rig.rows() if row.id == moved.id} == {ReminderState.ARMED}


def test_a_clock_that_was_set_back_keeps_nobody_waiting(rig: Rig) -> None:
    awaited(rig, *many())
    alive, rig.store = rig.store, MortalStore(rig.store, Steps(17))
    rig.start()
    with pytest.raises(Killed):
        bundled(rig)

    rig.store = alive
    rig.start()
    rig.clock.set(rig.clock.now() - timedelta(minutes=30))
    bundled(rig)
    assert members(rig) == {None: MANY}
    rig.clock.set(instant(NINE))

    assert len(said(rig)[0]) == 4


def test_what_no_longer_holds_is_cancelled_in_a_crowd_too(rig: Rig) -> None:
    awaited(rig, *many())
    rig.know(*(replace(each, auto_renew=False) for each in many()[:20]))

    named, [(count, *_)] = said(rig)

    assert sum(len(names) - 1 for names in named) + count == MANY - 20
    states = Counter(row.state for row in rig.rows())
    assert states == {ReminderState.SENT: MANY - 20, ReminderState.CANCELLED: 20}


def test_others_may_write_in_between(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "MOST", 20)
    gave_way: list[int] = []
    monkeypatch.setattr(rig.store, "give_way", lambda: gave_way.append(1))
    awaited(rig, *many())
    bundled(rig)
    assert gave_way == [1]

    rig.delivering.send_due(limit=1000)
    assert gave_way == [1, 1]


def written_at_once(rig: Rig) -> list[int]:
    """From now on: how many rows of reminders each commit changes."""
    known = {(row.id, row.destination): row for row in rig.rows()}
    changed: list[int] = []

    def look(tx: Transaction) -> None:
        rows = tx.reminders.listed(until=None, states=[*ReminderState])
        now = {(row.id, row.destination): row for row in rows}
        changed.append(sum(known.get(pair) != row for pair, row in now.items()))
        known.update(now)

    rig.store = Watched(rig.store, look)
    rig.start()
    return changed


@contextmanager
def dying(rig: Rig, kill_at: int) -> Iterator[Steps]:
    """The process dies at a step of what is done here, and another one begins after its lease."""
    plain, steps = rig.store, Steps(kill_at)
    rig.store = MortalStore(plain, steps)
    rig.start()
    with suppress(Killed):
        yield steps
    rig.store = plain
    rig.start()
    rig.clock.advance(timedelta(seconds=61))


def pass_minutes(rig: Rig, minutes: int = 3) -> None:
    for _ in range(6 * minutes):
        bundled(rig)
        rig.delivering.send_due(limit=1000)
        rig.clock.advance(timedelta(seconds=10))


def told_in_all(rig: Rig) -> int:
    """How many are named or counted, by all messages together."""
    named = sum(len(names) for names in labels(rig.reminders()))
    rests = [each.message for each in rig.messenger.of(ReminderRest)]
    return named + sum(each.count for each in rests if isinstance(each, ReminderRest))


def in_a_closed_channel(rig: Rig) -> None:
    rig.messenger.closed = {SECURITY: "is_archived"}
    awaited(rig, *(replace(each, channel=SlackChannel(SECURITY)) for each in many()))
    bundled(rig)


def test_a_crowd_that_its_channel_does_not_take_moves_some_at_a_time(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "MOST", 5)
    in_a_closed_channel(rig)
    changed = written_at_once(rig)

    rig.delivering.send_due(limit=1000)
    moved = Counter((row.destination, row.state) for row in rig.rows())

    assert moved == {(SECURITY, ReminderState.CANCELLED): MANY, (FINOPS, ReminderState.ARMED): MANY}
    assert max(changed) <= 2 * 10  # cancelled and armed; a message that names has ten
    pass_minutes(rig)
    assert (len(rig.reminders()), len(rig.messenger.of(ReminderRest))) == (4, 1)
    assert told_in_all(rig) == MANY


def test_a_death_at_any_step_of_moving_neither_loses_nor_repeats_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcomes, "MOST", 5)
    steps = kill_at = on_their_way = 0
    while kill_at <= steps:
        kill_at += 1
        rig = new_rig()
        in_a_closed_channel(rig)
        with dying(rig, kill_at) as counted:
            rig.delivering.send_due(limit=1000)
        steps = counted.taken
        with rig.store.reading() as tx:
            if outcomes.moving_to(tx):
                on_their_way += 1
                assert rig.reminding.bundle_due() == 0
        pass_minutes(rig)

        assert told_in_all(rig) == MANY, kill_at
        there = Counter((row.destination, row.state) for row in rig.rows())
        assert there == {
            (SECURITY, ReminderState.CANCELLED): MANY,
            (FINOPS, ReminderState.SENT): MANY,
        }, kill_at
    assert kill_at > 20
    assert on_their_way > 10


@pytest.mark.parametrize("landed", [True, False])
def test_what_is_not_known_of_a_crowd_is_recorded_some_at_a_time(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, landed: bool
) -> None:
    monkeypatch.setattr(outcomes, "MOST", 5)
    awaited(rig, *many())
    bundled(rig)
    rig.delivering.send_due(limit=4)
    changed = written_at_once(rig)
    rig.messenger.lose_answers, rig.messenger.lose_requests = int(landed), int(not landed)

    rig.delivering.send_due(limit=1000)
    unknown = Counter(row.state for row in rig.rows())
    pass_minutes(rig)

    assert unknown == {ReminderState.SENT: 40, ReminderState.UNKNOWN: MANY - 40}
    assert max(changed) <= 5
    assert told_in_all(rig) == MANY
    assert {row.state for row in rig.rows()} == {ReminderState.SENT}


def test_a_death_at_any_step_of_what_is_not_known_neither_loses_nor_repeats_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcomes, "MOST", 5)
    steps = kill_at = 0
    while kill_at <= steps:
        kill_at += 1
        rig = new_rig()
        awaited(rig, *many())
        bundled(rig)
        rig.delivering.send_due(limit=4)
        rig.messenger.lose_requests = 1
        with dying(rig, kill_at) as counted:
            pass_minutes(rig)
        steps = counted.taken
        pass_minutes(rig)

        assert told_in_all(rig) == MANY, kill_at
        assert {row.state for row in rig.rows()} == {ReminderState.SENT}, kill_at
    assert kill_at > 30


def test_who_has_lost_its_claim_leaves_what_others_recorded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It found nothing, and while it arms its members again another one looks, and has posted."""
    monkeypatch.setattr(outcomes, "MOST", 5)
    awaited(rig, *many())
    bundled(rig)
    rig.delivering.send_due(limit=4)
    rig.messenger.lose_requests = 1
    rig.delivering.send_due(limit=1000)
    rig.clock.advance(timedelta(seconds=41))
    plain, frozen = rig.store, Delivering._absent

    def stands_still(self: Delivering, delivery: Delivery) -> None:
        monkeypatch.setattr(Delivering, "_absent", frozen)
        rig.clock.advance(timedelta(seconds=61))
        other = Rig(plain, rig.clock, rig.policy)
        other.messenger = rig.messenger
        other.start()
        other.delivering.send_due(limit=1000)
        frozen(self, delivery)

    monkeypatch.setattr(Delivering, "_absent", stands_still)
    rig.delivering.send_due(limit=1000)

    assert len(rig.messenger.of(ReminderRest)) == 1
    assert {row.state for row in rig.rows()} == {ReminderState.SENT}


def test_two_crowds_at_once_are_told_apart(rig: Rig) -> None:
    there = [server(f"db-{n:03}", channel=SlackChannel(SECURITY)) for n in range(50)]
    awaited(rig, *many(), *there)

    said(rig)

    of_each = Counter(
        (row.destination, size) for row in rig.rows() for size in [members(rig)[row.delivery_id]]
    )
    assert of_each == {
        (FINOPS, 10): 40,
        (FINOPS, MANY - 40): MANY - 40,
        (SECURITY, 10): 50,
    }


def test_a_page_of_what_was_counted_is_the_same_while_it_waits_and_after(rig: Rig) -> None:
    awaited(rig, *many())
    bundled(rig)
    rest = max(members(rig).items(), key=lambda each: each[1])[0]
    assert rest is not None
    before = rig.reminding.rest(rest)
    rig.delivering.send_due(limit=1000)
    after = rig.reminding.rest(rest, page=99)

    assert (before.count, before.pages) == (MANY - 40, 1)
    assert [each.subscription.key for each in before.items] == [
        each.subscription.key for each in after.items
    ]


class Watched:
    """A store beside which something happens right before each commit is taken, and after."""

    def __init__(self, store: Store, after: Callable[[Transaction], None]) -> None:
        self._store = store
        self._after = after
        self.accounts = store.accounts
        self.reading = store.reading
        self.give_way = store.give_way

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._store.transaction() as tx:
            yield tx
        with self._store.reading() as tx:
            self._after(tx)
