"""What every store promises of the outbox (delivery.md, section 2)."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest

from bot.ports.store import DeliveryState
from tests.conftest import AND_MODEL, migrated_url
from tests.contract.samples import HOUR, LEASE, delivery
from tests.factories import NOW

SECOND = timedelta(seconds=1)


@pytest.fixture(params=AND_MODEL)
def any_url(request):
    return migrated_url(request)


def owe(store, *deliveries):
    with store.transaction() as tx:
        return [tx.outbox.owe(each) for each in deliveries]


def claim(store, now=NOW, *, limit=100):
    with store.transaction() as tx:
        return tx.outbox.claim(now=now, lease_until=now + LEASE, limit=limit)


def begin(store, held, at=NOW):
    with store.transaction() as tx:
        return tx.outbox.begin(held, at=at)


def settle(store, held, state, at=NOW, **facts):
    with store.transaction() as tx:
        return tx.outbox.settle(held, state=state, at=at, **facts)


def get(store, ref):
    with store.reading() as tx:
        return tx.outbox.get(f"id-{ref}")


def test_a_delivery_comes_back_as_it_was_owed(any_store):
    whole = delivery(
        "a",
        subject={"reminders": ["default/sm-quota/2026-11-30/7d"], "batch": None, "n": 1},
        update_of="id-b",
        thread_of="id-c",
        sequence=2**40,
    )
    owe(any_store, whole)

    assert get(any_store, "a") == whole
    assert get(any_store, "b") is None


def test_owing_a_known_key_again_changes_nothing(any_store):
    assert owe(any_store, delivery("a")) == [True]
    assert owe(any_store, delivery("other", key="key-a", destination="C0OTHER")) == [False]

    assert get(any_store, "other") is None
    assert get(any_store, "a").destination == "C0APPROVALS"


def test_what_is_due_is_handed_to_one_holder_until_the_lease_ends(any_store):
    owe(any_store, delivery("a"), delivery("later", due_at=NOW + HOUR))

    [held] = claim(any_store)
    assert (held.id, held.fence, held.state) == ("id-a", 1, DeliveryState.PENDING)
    assert claim(any_store, NOW + LEASE - SECOND) == []
    [again] = claim(any_store, NOW + LEASE)
    assert (again.id, again.fence) == ("id-a", 2)


def test_a_holder_may_keep_its_claim_and_nobody_else_its(any_store):
    owe(any_store, delivery("a"))
    [lost] = claim(any_store)
    [held] = claim(any_store, NOW + LEASE)

    with any_store.transaction() as tx:
        assert tx.outbox.renew(held, until=NOW + 3 * LEASE)
        assert not tx.outbox.renew(lost, until=NOW + 9 * LEASE)

    assert claim(any_store, NOW + 3 * LEASE - SECOND) == []
    [again] = claim(any_store, NOW + 3 * LEASE)
    assert (again.fence, again.slot_at) == (3, None)


def test_the_earliest_go_first_and_no_more_than_asked_for(any_store):
    owe(any_store, *(delivery(ref, due_at=NOW - n * SECOND) for n, ref in enumerate("abc")))

    assert [each.id for each in claim(any_store, limit=2)] == ["id-c", "id-b"]
    assert [each.id for each in claim(any_store, limit=2)] == ["id-a"]


def test_the_intent_is_recorded_before_a_byte_is_sent(any_store):
    owe(any_store, delivery("a"))
    [held] = claim(any_store)

    at = NOW + SECOND
    started = begin(any_store, held, at)
    sending = DeliveryState.SENDING
    assert started == replace(held, state=sending, attempt=1, started_at=at, first_at=at)
    assert get(any_store, "a") == started


def test_the_first_of_several_attempts_stays_known(any_store):
    owe(any_store, delivery("a"))
    begin(any_store, claim(any_store)[0], NOW)
    later = NOW + LEASE

    again = begin(any_store, claim(any_store, later)[0], later)

    assert (again.attempt, again.first_at, again.started_at) == (2, NOW, later)


def test_a_sent_one_is_finished(any_store):
    owe(any_store, delivery("a"))
    started = begin(any_store, claim(any_store)[0])

    assert settle(any_store, started, DeliveryState.SENT, channel="C1", ts="1.5")
    sent = get(any_store, "a")
    assert (sent.state, sent.channel, sent.ts, sent.sent_at) == (
        DeliveryState.SENT,
        "C1",
        "1.5",
        NOW,
    )
    assert claim(any_store, NOW + 100 * HOUR) == []
    assert not settle(any_store, started, DeliveryState.PENDING)
    assert begin(any_store, started) is None
    assert get(any_store, "a") == sent


def test_only_the_newest_holder_may_begin_or_settle(any_store):
    owe(any_store, delivery("a"))
    [frozen] = claim(any_store)
    [holder] = claim(any_store, NOW + LEASE)

    assert begin(any_store, frozen, NOW + LEASE) is None
    started = begin(any_store, holder, NOW + LEASE)
    assert not settle(any_store, frozen, DeliveryState.UNDELIVERABLE, error="archived")
    assert get(any_store, "a") == started
    assert settle(any_store, started, DeliveryState.SENT, channel="C1", ts="1.5")


def test_a_crash_after_the_intent_leaves_it_open_for_the_next_holder(any_store):
    owe(any_store, delivery("a"))
    begin(any_store, claim(any_store)[0])

    [next_holder] = claim(any_store, NOW + LEASE)
    assert (next_holder.state, next_holder.started_at, next_holder.attempt) == (
        DeliveryState.SENDING,
        NOW,
        1,
    )


def test_an_unknown_outcome_is_looked_at_again_when_it_is_due(any_store):
    owe(any_store, delivery("a"))
    started = begin(any_store, claim(any_store)[0])
    settle(any_store, started, DeliveryState.UNKNOWN, error="timeout", again_at=NOW + 40 * SECOND)

    assert claim(any_store, NOW + 39 * SECOND) == []
    [held] = claim(any_store, NOW + 40 * SECOND)
    assert (held.state, held.started_at, held.attempt, held.error) == (
        DeliveryState.UNKNOWN,
        NOW,
        1,
        "timeout",
    )
    assert begin(any_store, held, NOW + 41 * SECOND).attempt == 2


def test_a_repeat_that_came_to_nothing_leaves_the_attempt_before_it_open(any_store):
    owe(any_store, delivery("a"))
    settle(any_store, begin(any_store, claim(any_store)[0]), DeliveryState.UNKNOWN, again_at=NOW)
    [unknown] = claim(any_store)
    repeat = begin(any_store, unknown, NOW + HOUR)

    settle(any_store, replace(repeat, started_at=unknown.started_at), DeliveryState.UNKNOWN)

    left = get(any_store, "a")
    assert (left.started_at, left.attempt) == (NOW, 2)


def test_certainly_not_posted_is_pending_without_intent(any_store):
    owe(any_store, delivery("a"))
    started = begin(any_store, claim(any_store)[0])
    settle(any_store, started, DeliveryState.PENDING, error="ratelimited", again_at=NOW + HOUR)

    waiting = get(any_store, "a")
    assert (waiting.state, waiting.started_at, waiting.error) == (
        DeliveryState.PENDING,
        None,
        "ratelimited",
    )
    assert claim(any_store, NOW + HOUR - SECOND) == []
    assert [each.id for each in claim(any_store, NOW + HOUR)] == ["id-a"]


@pytest.mark.parametrize(
    "state",
    [DeliveryState.UNCONFIRMED, DeliveryState.UNDELIVERABLE, DeliveryState.CANCELLED],
)
def test_what_nobody_will_take_is_finished_too(any_store, state):
    owe(any_store, delivery("a"))
    [held] = claim(any_store)

    assert settle(any_store, held, state, error="is_archived")
    known = get(any_store, "a")
    assert known.error == "is_archived"
    assert known.sent_at == (NOW if state is DeliveryState.CANCELLED else None)
    assert claim(any_store, NOW + 100 * HOUR) == []


def test_deliveries_of_one_stream_go_one_after_the_other(any_store):
    owe(
        any_store,
        delivery("third", stream="s", sequence=201),
        delivery("first", stream="s", sequence=100, due_at=NOW + SECOND),
        delivery("second", stream="s", sequence=101),
        delivery("other"),
    )

    assert [each.id for each in claim(any_store)] == ["id-other"]  # the first is not due yet
    [first] = claim(any_store, NOW + SECOND)
    assert first.id == "id-first"
    assert claim(any_store, NOW + SECOND) == []
    settle(any_store, begin(any_store, first), DeliveryState.UNKNOWN, again_at=NOW + HOUR)
    assert [each.id for each in claim(any_store, NOW + LEASE)] == ["id-other"]
    [first] = (each for each in claim(any_store, NOW + HOUR) if each.stream == "s")
    settle(any_store, begin(any_store, first), DeliveryState.SENT, channel="C1", ts="1")
    [second] = claim(any_store, NOW + SECOND)
    assert second.id == "id-second"
    settle(any_store, second, DeliveryState.UNDELIVERABLE)
    assert [each.id for each in claim(any_store, NOW + SECOND)] == ["id-third"]


def test_in_one_stream_equal_sequences_go_in_the_order_they_were_owed(any_store):
    for ref in ("z", "a", "m"):
        owe(any_store, delivery(ref, stream="s"))

    order = []
    for _ in range(3):
        [held] = claim(any_store)
        order.append(held.id)
        settle(any_store, held, DeliveryState.SENT, channel="C1", ts="1")
    assert order == ["id-z", "id-a", "id-m"]


def test_an_update_is_superseded_by_a_later_one_of_the_same_message(any_store):
    first = delivery("first", stream="s", sequence=100, update_of="id-card")
    second = delivery("second", stream="s", sequence=200, update_of="id-card")
    other = delivery("other", stream="s", sequence=300, update_of="id-another")
    post = delivery("card", stream="s", sequence=1)
    owe(any_store, post, second, first, other)

    with any_store.reading() as tx:
        assert tx.outbox.superseded(first)
        assert not tx.outbox.superseded(second)
        assert not tx.outbox.superseded(other)
        assert not tx.outbox.superseded(post)


def test_an_update_is_not_superseded_by_a_later_one_that_is_out(any_store):
    later = delivery("later", stream="s", sequence=200, update_of="id-card")
    again = delivery("again", stream="s", sequence=100, update_of="id-card")
    owe(any_store, later)
    settle(any_store, begin(any_store, claim(any_store)[0]), DeliveryState.SENT, ts="1.5")
    owe(any_store, again)

    with any_store.reading() as tx:
        assert not tx.outbox.superseded(again)


def test_the_next_due_is_the_earliest_unfinished(any_store):
    with any_store.reading() as tx:
        assert tx.outbox.next_due() is None
    owe(any_store, delivery("a", due_at=NOW + HOUR), delivery("b"))
    with any_store.reading() as tx:
        assert tx.outbox.next_due() == NOW
    [held] = claim(any_store)
    with any_store.reading() as tx:
        assert tx.outbox.next_due() == NOW + LEASE
    settle(any_store, held, DeliveryState.SENT, channel="C1", ts="1")
    with any_store.reading() as tx:
        assert tx.outbox.next_due() == NOW + HOUR


def test_the_next_waiting_is_the_earliest_unfinished_that_was_tried(any_store):
    owe(any_store, delivery("a"), delivery("b", due_at=NOW + HOUR))
    with any_store.reading() as tx:
        assert tx.outbox.next_waiting() is None
    [held] = claim(any_store)
    with any_store.reading() as tx:
        assert tx.outbox.next_waiting() is None
    started = begin(any_store, held)
    settle(any_store, started, DeliveryState.PENDING, again_at=NOW + 2 * HOUR)
    with any_store.reading() as tx:
        assert tx.outbox.next_waiting() == NOW + 2 * HOUR


def test_deliveries_are_counted_by_state(any_store):
    owe(any_store, delivery("a"), delivery("b"), delivery("c"))
    settle(any_store, claim(any_store, limit=1)[0], DeliveryState.SENT, channel="C1", ts="1")

    with any_store.reading() as tx:
        counts = tx.outbox.counts()
    assert counts == dict.fromkeys(DeliveryState, 0) | {
        DeliveryState.SENT: 1,
        DeliveryState.PENDING: 2,
    }


def test_two_replicas_that_race_for_a_thousand_get_each_exactly_once(any_store):
    owe(any_store, *(delivery(str(number)) for number in range(1000)))
    taken: list[str] = []

    def work():
        while held := claim(any_store, limit=20):
            for each in held:
                taken.append(each.id)
                assert each.fence == 1

    race(work)
    assert Counter(taken) == {f"id-{number}": 1 for number in range(1000)}


def test_replicas_that_race_keep_the_order_of_every_stream(any_store):
    owe(
        any_store,
        *(
            delivery(f"{stream}-{number}", stream=f"s{stream}", sequence=number)
            for number in range(20)
            for stream in range(10)
        ),
    )
    posted: dict[str, list[int]] = {}

    def work():
        while True:
            held = claim(any_store, limit=3)
            with any_store.reading() as tx:
                unfinished = tx.outbox.counts()[DeliveryState.PENDING]
            if not held and not unfinished:
                return
            for each in held:
                posted.setdefault(each.stream, []).append(each.sequence)
                assert settle(any_store, each, DeliveryState.SENT, channel="C1", ts="1")

    race(work)
    assert posted == {f"s{stream}": list(range(20)) for stream in range(10)}


def race(work, *, replicas=2):
    failed = []

    def watched():
        try:
            work()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [Thread(target=watched) for _ in range(replicas)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == []
    assert not any(thread.is_alive() for thread in threads)


def sweeps(store, now, *, limit=100):
    with store.transaction() as tx:
        return [
            each.id for each in tx.outbox.claim_sweeps(now=now, again_at=now + LEASE, limit=limit)
        ]


def test_a_message_is_looked_for_once_more_by_one_holder_until_it_was_found_alone(any_store):
    owe(any_store, delivery("a"), delivery("b"))
    for held in claim(any_store):
        started = begin(any_store, held)
        sweep_at = NOW + HOUR if held.id == "id-a" else None
        settle(any_store, started, DeliveryState.SENT, channel="C1", ts="1.5", sweep_at=sweep_at)

    with any_store.reading() as tx:
        assert tx.outbox.next_sweep() == NOW + HOUR
    assert sweeps(any_store, NOW + HOUR - SECOND) == []
    assert sweeps(any_store, NOW + HOUR) == ["id-a"]
    assert sweeps(any_store, NOW + HOUR) == []
    assert sweeps(any_store, NOW + HOUR + LEASE) == ["id-a"]
    with any_store.transaction() as tx:
        tx.outbox.swept(tx.outbox.get("id-a"), ts="1.4")
    assert get(any_store, "a").ts == "1.4"
    assert sweeps(any_store, NOW + 2 * HOUR) == []
    with any_store.reading() as tx:
        assert tx.outbox.next_sweep() is None


def test_a_finished_message_can_be_asked_for_once_more(any_store):
    owe(any_store, delivery("a"))
    settle(any_store, begin(any_store, claim(any_store)[0]), DeliveryState.SENT, ts="1.5")

    with any_store.transaction() as tx:
        tx.outbox.sweep("id-a", at=NOW + SECOND, by=NOW + HOUR)

    assert sweeps(any_store, NOW + SECOND) == ["id-a"]
    with any_store.transaction() as tx:
        tx.outbox.swept(tx.outbox.get("id-a"), ts=None)
    assert get(any_store, "a").ts == "1.5"


def test_a_sweep_that_ends_can_ask_for_the_next(any_store):
    owe(any_store, delivery("a"))
    settle(
        any_store, begin(any_store, claim(any_store)[0]), DeliveryState.SENT, ts="1.5", sweep_at=NOW
    )
    assert sweeps(any_store, NOW) == ["id-a"]

    with any_store.transaction() as tx:
        swept = tx.outbox.get("id-a")
        tx.outbox.swept(swept, ts=None, next_at=NOW + 4 * HOUR)

    assert sweeps(any_store, NOW + 4 * HOUR - SECOND) == []
    assert sweeps(any_store, NOW + 4 * HOUR) == ["id-a"]


def test_a_sweep_that_was_asked_for_during_another_is_still_to_come(any_store):
    owe(any_store, delivery("a"))
    settle(
        any_store, begin(any_store, claim(any_store)[0]), DeliveryState.SENT, ts="1.5", sweep_at=NOW
    )
    assert sweeps(any_store, NOW) == ["id-a"]
    held = get(any_store, "a")
    with any_store.transaction() as tx:
        tx.outbox.sweep("id-a", at=NOW + HOUR, by=NOW + HOUR)

    with any_store.transaction() as tx:
        tx.outbox.swept(held, ts="1.5", next_at=NOW + 4 * HOUR, until=NOW + 4 * HOUR)

    with any_store.reading() as tx:
        assert tx.outbox.next_sweep() == NOW + HOUR
    assert get(any_store, "a").sweep_until == NOW + HOUR


@pytest.mark.parametrize(
    ("asked_before", "found_at"),
    [
        (-SECOND, 40 * SECOND),
        (39 * SECOND, 40 * SECOND),
        (60 * SECOND, 60 * SECOND),
        (80 * SECOND, 80 * SECOND),
        (4 * HOUR, 40 * SECOND),
    ],
)
def test_a_sweep_that_is_asked_for_brings_none_forward_but_the_last(
    any_store, asked_before, found_at
):
    owe(any_store, delivery("a"), delivery("b"))
    for held in claim(any_store):
        started, sweep_at = begin(any_store, held), NOW + asked_before
        settle(any_store, started, DeliveryState.SENT, ts="1.5", sweep_at=sweep_at)

    with any_store.transaction() as tx:
        tx.outbox.sweep("id-a", at=NOW + 40 * SECOND, by=NOW + 80 * SECOND)

    with any_store.transaction() as tx:
        tx.outbox.swept(get(any_store, "b"), ts=None)
    with any_store.reading() as tx:
        assert tx.outbox.next_sweep() == NOW + found_at


def test_a_sweep_that_was_asked_for_while_one_reads_longer_is_still_to_come(any_store):
    owe(any_store, delivery("a"))
    started = begin(any_store, claim(any_store)[0])
    settle(any_store, started, DeliveryState.SENT, ts="1.5", sweep_at=NOW)
    assert sweeps(any_store, NOW) == ["id-a"]
    held = get(any_store, "a")

    with any_store.transaction() as tx:
        tx.outbox.sweep("id-a", at=NOW + LEASE - SECOND, by=NOW + 2 * LEASE)
    with any_store.transaction() as tx:
        tx.outbox.swept(held, ts="1.5", next_at=NOW + 4 * HOUR)

    with any_store.reading() as tx:
        assert tx.outbox.next_sweep() == NOW + LEASE
    assert get(any_store, "a").sweep_until == NOW + LEASE - SECOND


def test_a_sweep_is_for_what_landed_until_it_was_asked_for(any_store):
    owe(any_store, delivery("a"), delivery("b"))
    sent, withdrawn = claim(any_store)
    settle(any_store, begin(any_store, sent), DeliveryState.SENT, ts="1.5", sweep_at=NOW + LEASE)
    with any_store.transaction() as tx:
        assert tx.outbox.withdraw(withdrawn.id, at=NOW, error="too late", sweep_at=NOW + HOUR)
    assert get(any_store, "b").sweep_until == NOW + HOUR
    held = get(any_store, "a")
    assert held.sweep_until == NOW + LEASE

    with any_store.transaction() as tx:
        tx.outbox.swept(held, ts=None, next_at=NOW + 2 * LEASE)
    assert get(any_store, "a").sweep_until == NOW + LEASE
    with any_store.transaction() as tx:
        tx.outbox.swept(held, ts=None, next_at=NOW + 4 * HOUR, until=NOW + 4 * HOUR)
    assert get(any_store, "a").sweep_until == NOW + 4 * HOUR


def test_what_waits_for_a_destination_comes_in_the_order_it_was_owed_without_updates(any_store):
    here, there = {"destination": "C1"}, {"destination": "C2"}
    owe(any_store, delivery("b", **here), delivery("a", **here), delivery("c", **there))
    owe(any_store, delivery("u", update_of="id-b", **here), delivery("d", **here))
    [first, *_] = claim(any_store)
    begin(any_store, first)

    with any_store.reading() as tx:
        assert [each.id for each in tx.outbox.waiting("C1")] == ["id-a", "id-d"]


def test_one_that_waits_is_withdrawn_from_whoever_has_claimed_it(any_store):
    owe(any_store, delivery("a"))
    [held] = claim(any_store)

    with any_store.transaction() as tx:
        assert tx.outbox.withdraw("id-a", at=NOW, error="too late", sweep_at=NOW + HOUR)
        assert not tx.outbox.withdraw("id-a", at=NOW + HOUR, error="again")

    known = get(any_store, "a")
    assert (known.state, known.error, known.sent_at) == (DeliveryState.CANCELLED, "too late", NOW)
    assert begin(any_store, held) is None
    assert not settle(any_store, held, DeliveryState.PENDING)
    assert claim(any_store, NOW + 100 * HOUR) == []
    with any_store.reading() as tx:
        assert (tx.outbox.next_due(), tx.outbox.next_sweep()) == (None, NOW + HOUR)


def test_one_whose_attempt_has_begun_is_not_withdrawn(any_store):
    owe(any_store, delivery("a"))
    started = begin(any_store, claim(any_store)[0])

    with any_store.transaction() as tx:
        assert not tx.outbox.withdraw("id-a", at=NOW, error="too late")

    assert get(any_store, "a") == started
