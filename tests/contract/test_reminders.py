"""What every store promises of the rows of reminders."""

import time
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import text

from bot.billing.renewal import Anchor, AnchorKind
from bot.facts.reminding import Standing
from bot.ports.store import ChangedMeanwhile, ReminderState
from tests.conftest import AND_MODEL, BOTH, ONLY_POSTGRESQL, migrated_url
from tests.contract.samples import HOUR, LEASE, armed, delivery
from tests.factories import NOW, key

SECOND = timedelta(seconds=1)


@pytest.fixture(params=AND_MODEL)
def any_url(request):
    return migrated_url(request)


def arm(store, *rows):
    with store.transaction() as tx:
        return tx.reminders.arm(rows)


def rows(store, ref="sm-quota"):
    with store.reading() as tx:
        return list(tx.reminders.of(key(ref)))


def due(store, now=NOW, *, limit=100):
    with store.reading() as tx:
        return [(each.destination, each.id) for each in tx.reminders.due(now=now, limit=limit)]


def bundle(store, delivery_id, *members):
    with store.transaction() as tx:
        tx.reminders.bundle(
            [(each.id, each.destination) for each in members], delivery_id=delivery_id
        )


def send(store, delivery_id):
    """Owe the delivery and record the intent of its first attempt."""
    with store.transaction() as tx:
        tx.outbox.owe(delivery("x", id=delivery_id, key=delivery_id))
        held = tx.outbox.claim(now=NOW, lease_until=NOW + LEASE, limit=10)
        assert tx.outbox.begin(next(each for each in held if each.id == delivery_id), at=NOW)


@pytest.mark.parametrize(
    "row",
    [
        armed(),
        armed(
            "ünïcode/%2F",
            id="default/x/2026-11-30/7d/r2/dm",
            destination="U0OWNER",
            state=ReminderState.SNOOZED,
            sent_at=NOW + HOUR,
            delivery_id="id-a",
            reason="until tomorrow",
        ),
    ],
)
def test_a_reminder_comes_back_as_it_was(any_store, row):
    assert arm(any_store, row) == 1
    assert rows(any_store, row.reminder.subscription.id) == [row]


def test_a_notice_has_a_date_and_no_instant(any_store):
    plain = armed()
    notice = replace(
        plain,
        reminder=replace(
            plain.reminder, anchor=Anchor(kind=AnchorKind.NOTICE, date=date(2026, 12, 1), at=None)
        ),
    )
    arm(any_store, notice)

    assert rows(any_store) == [notice]


def test_the_same_reminder_is_armed_once_for_each_destination(any_store):
    assert arm(any_store, armed(), armed(), armed(destination="C0SECURITY")) == 2
    assert arm(any_store, armed(), armed(lead_days=3)) == 1
    assert arm(any_store) == 0
    assert len(rows(any_store)) == 3


def _pair(row):
    return row.id, row.destination


def test_an_armed_one_takes_the_new_due_time(any_store):
    arm(any_store, armed())
    assert arm(any_store, armed(due_at=NOW + HOUR)) == 0

    assert rows(any_store) == [armed(due_at=NOW + HOUR)]


def test_one_that_was_cancelled_before_it_was_sent_is_armed_again(any_store):
    arm(any_store, armed())
    bundle(any_store, "id-a", armed())
    with any_store.transaction() as tx:
        assert tx.reminders.disarm([_pair(armed())], reason="auto-renewal is off") == 1
    assert rows(any_store) == [
        armed(state=ReminderState.CANCELLED, delivery_id="id-a", reason="auto-renewal is off")
    ]

    assert arm(any_store, armed(due_at=NOW + HOUR)) == 0
    assert rows(any_store) == [armed(due_at=NOW + HOUR)]


@pytest.mark.parametrize(
    "state",
    [
        ReminderState.SENT,
        ReminderState.LATE,
        ReminderState.MISSED,
        ReminderState.UNKNOWN,
        ReminderState.KEPT,
        ReminderState.SNOOZED,
    ],
)
def test_one_that_was_dealt_with_is_never_armed_again(any_store, state):
    settled = armed(state=state, delivery_id="id-a", sent_at=NOW)
    arm(any_store, settled)
    assert arm(any_store, armed(due_at=NOW + HOUR)) == 0

    assert rows(any_store) == [settled]
    assert due(any_store, NOW + HOUR) == []


def test_those_that_fell_silent_before_anybody_carried_them_are_armed_again(any_store):
    silent = [armed(lead_days=days, state=ReminderState.SNOOZED, reason="by U1") for days in (7, 3)]
    carried = armed(lead_days=1, state=ReminderState.SNOOZED, delivery_id="id-a")
    arm(any_store, *silent, carried)
    later = [armed(lead_days=days, due_at=NOW + HOUR) for days in (7, 3)]

    assert arm(any_store, *later, armed(lead_days=1, due_at=NOW + HOUR)) == 0
    assert sorted(rows(any_store), key=lambda each: each.id) == sorted(
        [*later, carried], key=lambda each: each.id
    )


def test_one_cancelled_after_it_was_sent_stays_cancelled(any_store):
    sent = armed(state=ReminderState.CANCELLED, delivery_id="id-a", sent_at=NOW)
    arm(any_store, sent)
    arm(any_store, armed())

    assert rows(any_store) == [sent]


def test_disarming_spares_all_others(any_store):
    kept, gone = armed(lead_days=7), armed(lead_days=3)
    elsewhere = armed(lead_days=7, destination="C0SECURITY")
    other = armed("sm-screen")
    arm(any_store, kept, gone, elsewhere, other)

    with any_store.transaction() as tx:
        pairs = [_pair(gone), _pair(elsewhere), ("nobody's", "C0SECURITY")]
        assert tx.reminders.disarm(pairs, reason="moved") == 2
        assert tx.reminders.disarm(pairs, reason="moved") == 0
        assert tx.reminders.disarm([], reason="moved") == 0
    states = {(each.id, each.destination): each.state for each in rows(any_store)}
    assert states == {
        (kept.id, kept.destination): ReminderState.ARMED,
        (gone.id, gone.destination): ReminderState.CANCELLED,
        (elsewhere.id, elsewhere.destination): ReminderState.CANCELLED,
    }
    assert rows(any_store, "sm-screen") == [other]


def test_what_is_on_its_way_is_not_disarmed(any_store):
    arm(any_store, armed())
    bundle(any_store, "id-x", armed())
    send(any_store, "id-x")

    with any_store.transaction() as tx:
        assert tx.reminders.disarm([_pair(armed())], reason="moved") == 0
    assert rows(any_store)[0].state is ReminderState.ARMED


def test_due_ones_come_with_their_whole_destination_first_come_first_served(any_store):
    later = [armed(f"b-{n}", destination="C2", due_at=NOW - HOUR) for n in range(3)]
    first = [armed(f"a-{n}", destination="C1", due_at=NOW - n * HOUR) for n in range(3)]
    not_yet = armed("z", destination="C1", due_at=NOW + SECOND)
    kept = armed("k", destination="C1", state=ReminderState.KEPT)
    arm(any_store, *later, *first, not_yet, kept)

    assert due(any_store, limit=1) == [
        ("C1", each.id) for each in sorted(first, key=lambda each: each.due_at)
    ]
    assert due(any_store, limit=4) == [
        *(("C1", each.id) for each in reversed(first)),
        *(("C2", each.id) for each in later),
    ]
    assert due(any_store, NOW - 2 * HOUR - SECOND) == []


def test_bundled_ones_are_not_due_again(any_store):
    arm(any_store, armed("a"), armed("b"))
    bundle(any_store, "id-a", armed("a"))

    assert due(any_store) == [("C0FINOPS", armed("b").id)]
    with any_store.reading() as tx:
        assert [each.id for each in tx.reminders.carried_by("id-a")] == [armed("a").id]


def test_those_that_are_released_are_due_again_and_kept_ones_stay_where_they_are(any_store):
    kept = armed("k", state=ReminderState.KEPT, delivery_id="id-a")
    arm(any_store, armed("a"), armed("b"), kept)
    bundle(any_store, "id-a", armed("a"))
    bundle(any_store, "id-b", armed("b"))

    with any_store.transaction() as tx:
        tx.reminders.release("id-a")

    assert due(any_store) == [("C0FINOPS", armed("a").id)]
    with any_store.reading() as tx:
        assert [each.id for each in tx.reminders.carried_by("id-a")] == [kept.id]


def test_a_crowd_is_left_out_and_named(any_store):
    crowd = [armed(f"s-{n}", destination="C1", due_at=NOW - HOUR) for n in range(4)]
    few = [armed(f"s-{n}", destination="C2") for n in range(3)]
    later = armed("later", destination="C2", due_at=NOW + SECOND)
    arm(any_store, *crowd, *few, later)
    in_c2 = [("C2", each.id) for each in few]

    with any_store.reading() as tx:

        def found(limit, **facts):
            rows = tx.reminders.due(now=NOW, limit=limit, **facts)
            return [(each.destination, each.id) for each in rows]

        assert found(9, most=3) == in_c2
        assert found(1, without=["C1"]) == in_c2
        assert found(1, without=["C1", "C2"]) == []
        assert found(1, most=4) == [("C1", each.id) for each in crowd]
        assert tx.reminders.crowds(now=NOW, most=2) == ["C1", "C2"]
        assert tx.reminders.crowds(now=NOW, most=3) == ["C1"]
        assert tx.reminders.crowds(now=NOW, most=4) == []
        assert tx.reminders.count_waiting() == 8


def test_what_waits_is_streamed_by_id_so_that_one_subscription_s_stay_together(any_store):
    one = [armed("b", lead_days=lead, due_at=NOW - lead * HOUR) for lead in (14, 3, 7)]
    plain = armed("a", due_at=NOW)
    elsewhere = armed("a", destination="C2")
    arm(any_store, *one, plain, elsewhere, armed("c", due_at=NOW + HOUR), armed("d"))
    bundle(any_store, "id-d", armed("d"))

    with any_store.reading() as tx:
        waiting = tx.reminders.waiting
        assert list(waiting(until=NOW, destination="C0FINOPS")) == [plain, one[0], one[1], one[2]]
        assert list(waiting(until=NOW, destination="C2")) == [elsewhere]
        assert len(list(waiting(until=NOW))) == 5
        assert len(list(waiting(until=NOW + HOUR))) == 6


def test_what_waits_is_as_it_was_when_the_reading_began(any_store):
    many = [armed(f"s-{n:04}") for n in range(1200)]
    arm(any_store, *many)

    with any_store.reading() as tx:
        waiting = tx.reminders.waiting(until=NOW)
        first = next(waiting)
        bundle(any_store, "id-a", *many[600:])
        arm(any_store, armed("t-later"))
        assert [first, *waiting] == many


def test_of_some_only_those_are_taken_that_are_still_armed_due_and_free(any_store):
    free, moved = armed("free"), armed("moved", due_at=NOW + SECOND)
    tied, kept = armed("tied"), armed("kept", state=ReminderState.KEPT)
    arm(any_store, free, moved, tied, kept)
    bundle(any_store, "id-other", tied)

    pairs = [_pair(each) for each in (free, moved, tied, kept, armed("unknown"))]
    with any_store.transaction() as tx:
        taken = tx.reminders.take(pairs, due_until=NOW, delivery_id="id-a")
        assert set(taken) == {_pair(free)}
        assert set(tx.reminders.take(pairs, due_until=NOW, delivery_id="id-b")) == set()
    with any_store.reading() as tx:
        assert tx.reminders.carried_by("id-a") == [replace(free, delivery_id="id-a")]
        assert tx.reminders.carried_by("id-other") == [replace(tied, delivery_id="id-other")]


def test_many_are_taken_at_once(any_store):
    many = [armed(f"s-{number}") for number in range(1200)]
    arm(any_store, *many)

    with any_store.transaction() as tx:
        taken = tx.reminders.take([*map(_pair, many)], due_until=NOW, delivery_id="id-a")
    assert len(taken) == 1200


def test_members_are_released_and_settled_some_at_a_time(any_store):
    many = [armed(f"s-{n}") for n in range(5)]
    kept = armed("kept", state=ReminderState.KEPT, delivery_id="id-a")
    arm(any_store, *many, kept)
    bundle(any_store, "id-a", *many)

    def released():
        with any_store.transaction() as tx:
            return tx.reminders.release("id-a", most=3)

    def settled(**facts):
        with any_store.transaction() as tx:
            return tx.reminders.settle("id-a", **facts)

    sent = {"state": ReminderState.SENT, "at": NOW, "reason": "why"}
    assert [settled(**sent, most=2) for _ in range(4)] == [2, 2, 1, 0]
    told = {"state": ReminderState.SENT, "sent_at": NOW, "reason": "why", "delivery_id": "id-a"}
    assert rows(any_store, "s-4") == [armed("s-4", **told)]
    again = {"state": ReminderState.ARMED, "at": None}
    assert [settled(**again), settled(**again)] == [5, 0]
    assert [released(), released(), released()] == [3, 2, 0]
    assert rows(any_store, "kept") == [kept]
    assert len(due(any_store)) == 5


@pytest.mark.parametrize("most", [2, None])
def test_members_move_to_another_destination_some_at_a_time(any_store, most):
    many = [armed(f"s-{n}", destination="C1") for n in range(3)]
    kept = armed("kept", destination="C1", state=ReminderState.KEPT, delivery_id="id-a")
    arm(any_store, *many, kept)
    bundle(any_store, "id-a", *many)
    with any_store.transaction() as tx:
        tx.reminders.settle("id-a", state=ReminderState.UNKNOWN, at=None)

    def moved():
        with any_store.transaction() as tx:
            return tx.reminders.move("id-a", to="C2", reason="it is full", most=most)

    assert [moved(), moved(), moved()] == ([2, 1, 0] if most else [3, 0, 0])

    there = {"reason": "it is full", "destination": "C2"}
    for each in many:
        left = replace(each, state=ReminderState.CANCELLED, delivery_id="id-a", reason="it is full")
        found = rows(any_store, each.reminder.subscription.id)
        assert sorted(found, key=lambda row: row.destination) == [left, replace(each, **there)]
    assert rows(any_store, "kept") == [kept]


def test_a_delivery_tells_the_nearest_lead_of_each_subscription_and_date_once(any_store):
    soon = armed("b", day=date(2026, 11, 29), lead_days=3)
    both = [armed("a", lead_days=7), armed("a", lead_days=3)]
    cancelled = armed("c", lead_days=1)
    arm(any_store, soon, *both, cancelled, armed("elsewhere"))
    bundle(any_store, "id-a", soon, *both, cancelled)
    with any_store.transaction() as tx:
        tx.reminders.set_state([both[1].id], state=ReminderState.KEPT, reason="")
        tx.reminders.set_state([cancelled.id], state=ReminderState.CANCELLED, reason="")

    with any_store.reading() as tx:

        def told(**facts):
            return [each.id for each in tx.reminders.told_by("id-a", **facts)]

        assert told(armed=True) == [soon.id, both[0].id]
        assert told(armed=False) == [soon.id, both[1].id]
        assert told(armed=False, skip=1, limit=1) == [both[1].id]
        assert told(armed=False, skip=2, limit=1) == []
        assert tx.reminders.count_told_by("id-a", armed=True) == 2
        assert tx.reminders.count_told_by("none", armed=True) == 0
        streamed = tx.reminders.streamed_by("id-a")
        assert [each.id for each in streamed] == [both[0].id, soon.id]


@pytest.mark.parametrize(
    "already",
    [
        armed(delivery_id="id-other"),
        armed(state=ReminderState.CANCELLED),
        armed(destination="C0SECURITY"),
    ],
)
def test_bundling_what_is_no_longer_free_is_a_lost_race(any_store, already):
    arm(any_store, already, armed("free"))

    with pytest.raises(ChangedMeanwhile):
        bundle(any_store, "id-a", armed(), armed("free"))
    with any_store.reading() as tx:
        assert tx.reminders.carried_by("id-a") == []


def test_many_are_bundled_at_once(any_store):
    many = [armed(f"s-{number}") for number in range(1200)]
    arm(any_store, *many)
    bundle(any_store, "id-a", *many)

    with any_store.reading() as tx:
        assert len(tx.reminders.carried_by("id-a")) == 1200


@pytest.mark.parametrize("state", [ReminderState.SENT, ReminderState.LATE, ReminderState.MISSED])
def test_settling_a_delivery_says_when_its_members_were_told(any_store, state):
    arm(any_store, armed("a"), armed("b"), armed("c"))
    bundle(any_store, "id-a", armed("a"), armed("b"))
    with any_store.transaction() as tx:
        tx.reminders.settle("id-a", state=state, at=NOW + HOUR, reason="it was down")

    told = {"state": state, "sent_at": NOW + HOUR, "reason": "it was down", "delivery_id": "id-a"}
    assert rows(any_store, "a") == [armed("a", **told)]
    assert rows(any_store, "b") == [armed("b", **told)]
    assert rows(any_store, "c") == [armed("c")]


def test_an_unknown_outcome_is_no_sending(any_store):
    arm(any_store, armed())
    bundle(any_store, "id-a", armed())
    with any_store.transaction() as tx:
        tx.reminders.settle("id-a", state=ReminderState.UNKNOWN, at=NOW)

    assert rows(any_store) == [armed(state=ReminderState.UNKNOWN, delivery_id="id-a")]


@pytest.mark.parametrize(
    "state", [ReminderState.KEPT, ReminderState.SNOOZED, ReminderState.CANCELLED]
)
def test_what_people_settled_stays_so(any_store, state):
    arm(any_store, armed())
    bundle(any_store, "id-a", armed())
    with any_store.transaction() as tx:
        tx.reminders.set_state([armed().id], state=state, reason="by U0OWNER")
        tx.reminders.settle("id-a", state=ReminderState.SENT, at=NOW)

    assert rows(any_store) == [armed(state=state, delivery_id="id-a", reason="by U0OWNER")]


def test_keeping_holds_in_every_destination_and_forgets_nothing(any_store):
    sent = {"state": ReminderState.SENT, "sent_at": NOW, "delivery_id": "id-a"}
    arm(any_store, armed(**sent), armed(destination="C0SECURITY"), armed(lead_days=3))
    with any_store.transaction() as tx:
        tx.reminders.set_state([armed().id, "unknown"], state=ReminderState.KEPT, reason="by U1")

    kept = {"state": ReminderState.KEPT, "reason": "by U1"}
    assert sorted(rows(any_store), key=lambda each: (each.id, each.destination)) == [
        armed(lead_days=3),
        armed(**(sent | kept)),
        armed(destination="C0SECURITY", **kept),
    ]


def test_rows_of_one_anchor_date(any_store):
    arm(any_store, armed(), armed(day=date(2027, 11, 30), due_at=NOW + HOUR), armed("other"))

    with any_store.reading() as tx:
        assert tx.reminders.of(key(), "2026-11-30") == [armed()]
        assert len(tx.reminders.of(key())) == 2
        assert tx.reminders.of(key(), "2026-11-29") == []


def test_rows_that_were_looked_up_are_the_same_until_one_is_written(any_store):
    arm(any_store, armed(), armed(day=date(2026, 12, 30), due_at=NOW + HOUR))
    with any_store.transaction() as tx:
        before = tx.reminders.of(key())
        one = tx.reminders.of(key(), "2026-11-30")

        tx.reminders.look_up([key(), key("unknown")])
        assert tx.reminders.of(key()) == before
        assert tx.reminders.of(key(), "2026-11-30") == one
        assert tx.reminders.of(key("unknown")) == []

        tx.reminders.set_state([one[0].id], state=ReminderState.KEPT, reason="kept")
        assert tx.reminders.of(key(), "2026-11-30")[0].state is ReminderState.KEPT


@pytest.mark.parametrize("any_url", BOTH, indirect=True)  # lists are no part of the model
def test_what_is_recalled_stands_in_order_and_only_armed_ones_may_be_old(any_store):
    since = NOW - timedelta(days=30)
    old = since - SECOND
    told = {"delivery_id": "id-a"}
    in_order = [
        armed("old", due_at=old),
        armed("soon", due_at=NOW + HOUR),
        armed("later", due_at=NOW + 2 * HOUR, destination="C0SECURITY"),
        armed("unknown", due_at=NOW, state=ReminderState.UNKNOWN, **told),
        armed("missed", due_at=old, state=ReminderState.MISSED, sent_at=since, **told),
        armed("late", due_at=old, state=ReminderState.LATE, sent_at=NOW, **told),
        armed("kept", state=ReminderState.KEPT, sent_at=NOW - HOUR, **told),
        armed("sent", state=ReminderState.SENT, sent_at=NOW - 2 * HOUR, **told),
    ]
    others = [
        armed("long-ago", state=ReminderState.SENT, due_at=old, sent_at=old, **told),
        armed("long-not-known", state=ReminderState.UNKNOWN, due_at=old, **told),
        armed("kept-before", state=ReminderState.KEPT),
        armed("snoozed", state=ReminderState.SNOOZED),
        armed("cancelled", state=ReminderState.CANCELLED),
    ]
    arm(any_store, *reversed(in_order), *others)

    with any_store.reading() as tx:
        recalled, standings = tx.reminders.recalled, tx.reminders.standings
        assert recalled(since=since, destination=None, skip=0, limit=10) == in_order
        assert recalled(since=since, destination=None, skip=2, limit=3) == in_order[2:5]
        [there] = recalled(since=since, destination="C0SECURITY", skip=0, limit=10)
        assert there == in_order[2]
        assert standings(since=since, destination=None) == {
            Standing.ARMED: 3,
            Standing.UNKNOWN: 1,
            Standing.MISSED: 1,
            Standing.LATE: 1,
            Standing.SENT: 2,
        }
        assert standings(since=since, destination="C0SECURITY") == {Standing.ARMED: 1}
        assert standings(since=since, destination="C0ELSEWHERE") == {}


def test_the_next_due_is_the_earliest_armed_and_free(any_store):
    with any_store.reading() as tx:
        assert tx.reminders.next_due() is None
    arm(any_store, armed("a"), armed("b", due_at=NOW + HOUR), armed("c", due_at=NOW - HOUR))
    bundle(any_store, "id-c", armed("c"))
    with any_store.transaction() as tx:
        tx.reminders.set_state([armed("a").id], state=ReminderState.KEPT, reason="")
        assert tx.reminders.next_due() == NOW + HOUR


def test_replicas_that_bundle_at_once_share_no_reminder_and_split_no_destination(any_store):
    arm(
        any_store,
        *(armed(f"s-{number}", destination=f"C{number % 10}") for number in range(200)),
    )
    start = Barrier(2, timeout=10)

    def work(replica):
        start.wait()
        turn = 0
        while True:
            turn += 1
            with any_store.transaction() as tx:
                found = tx.reminders.due(now=NOW, limit=1)
                if not found:
                    return
                tx.reminders.bundle(
                    [(each.id, each.destination) for each in found],
                    delivery_id=f"{replica}-{turn}",
                )

    threads = [Thread(target=work, args=(replica,)) for replica in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    with any_store.reading() as tx:
        listed = list(tx.reminders.listed(until=None, states=tuple(ReminderState)))
    carried = {each.delivery_id: set() for each in listed}
    for each in listed:
        carried[each.delivery_id].add(each.destination)
    assert len(carried) == 10
    assert all(len(destinations) == 1 for destinations in carried.values())


def test_a_list_has_all_of_the_wanted_states_by_due_time_however_many(any_store):
    old = [armed(f"s-{n:04}", state=ReminderState.SENT, sent_at=NOW) for n in range(1200)]
    later = armed("a", due_at=NOW + 2 * HOUR)
    sooner = armed("b", due_at=NOW + HOUR, destination="C2")
    kept = armed("c", state=ReminderState.KEPT)
    arm(any_store, later, kept, sooner, *reversed(old))

    states = (ReminderState.ARMED, ReminderState.SENT)
    with any_store.reading() as tx:
        assert list(tx.reminders.listed(until=None, states=states)) == [*old, sooner, later]
        assert list(tx.reminders.listed(until=NOW, states=states)) == old
        assert list(tx.reminders.listed(until=None, states=[ReminderState.KEPT])) == [kept]


def test_others_may_be_read_while_a_list_is(any_store):
    rows = [armed(f"s-{n:04}") for n in range(1200)]
    arm(any_store, *rows)

    with any_store.reading() as tx:
        listed = tx.reminders.listed(until=None, states=[ReminderState.ARMED])
        assert [tx.reminders.of(row.reminder.subscription) for row in listed] == [[r] for r in rows]


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)  # SQLite has one writer
def test_a_replica_waits_for_the_other_to_bundle_and_takes_what_is_left(any_database, any_store):
    first, second = armed("a", destination="C1"), armed("b", destination="C2")
    arm(any_store, first, second)
    found = []

    def other():
        with any_store.transaction() as tx:
            found.extend(tx.reminders.due(now=NOW, limit=1))

    replica = Thread(target=other)
    with any_store.transaction() as tx:
        assert tx.reminders.due(now=NOW, limit=1) == [first]
        replica.start()
        wait_until(lambda: not replica.is_alive() or waits_for_a_lock(any_database))
        tx.reminders.bundle([(first.id, "C1")], delivery_id="id-a")
    replica.join(timeout=10)
    assert found == [second]


def waits_for_a_lock(database):
    with database.reader.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")) > 0


def wait_until(happened):
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
