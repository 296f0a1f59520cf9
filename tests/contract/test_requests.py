"""What every store promises of requests."""

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import event

from bot.billing.change import Change, Charge
from bot.billing.unsubscription import SECOND_LOOK_AFTER, Event, ItemState, State, Verb, noted
from bot.ports.store import ChangedMeanwhile
from storage.errors import DatabaseAway
from tests.conftest import AND_MODEL, ONLY_POSTGRESQL, migrated_url
from tests.contract.samples import DEADLINE, HOUR, LEASE, delivery, fully_told, request
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, key, usd

SECOND = timedelta(seconds=1)
CALLED_LAST = (
    Event(number=1, verb=Verb.CALLED, at=DEADLINE - 4 * HOUR, called=(APPROVER_1, APPROVER_2)),
)
"""The history of a request about which nobody is called any more."""


@pytest.fixture(params=AND_MODEL)
def any_url(request):
    return migrated_url(request)


def saved(store, new):
    with store.transaction() as tx:
        return tx.requests.save(new)


def claimed(store, now, *, limit=20):
    with store.transaction() as tx:
        found = tx.requests.claim_due(now=now, lease_until=now + LEASE, limit=limit)
        return [each.number for each in found]


@pytest.mark.parametrize(
    "whole", [request(), fully_told(), request(items=(), steps=(), events=(), left_behind=())]
)
def test_a_request_comes_back_as_it_was(any_store, whole):
    after = saved(any_store, whole)

    assert after == replace(whole, version=1)
    with any_store.reading() as tx:
        found = tx.requests.get(1001)
        assert found == after
        assert tx.requests.get(1002) is None
    for item, was in zip(found.items, whole.items, strict=True):
        assert item.quote.total == was.quote.total
        assert item.quote.at.utcoffset() == was.quote.at.utcoffset()


def test_a_switch_comes_back_with_what_was_acknowledged(any_store):
    charges = (
        Charge(amount=usd("1080.00"), at=NOW, at_once=False, months=12),
        Charge(amount=None, at=None, at_once=True, months=None),
    )
    whole = request(1001, "sm-quota", "sm-screen", change=Change.RENEWAL_ON)
    pairs = zip(whole.items, charges, strict=True)
    whole = replace(whole, items=tuple(replace(each, charge=charged) for each, charged in pairs))

    saved(any_store, whole)

    with any_store.reading() as tx:
        found = tx.requests.get(1001)
    assert found.change is Change.RENEWAL_ON
    assert tuple(item.charge for item in found.items) == charges


def test_what_was_acknowledged_keeps_every_digit(any_store):
    saved(any_store, request())

    with any_store.reading() as tx:
        worst = tx.requests.get(1001).acknowledgement.worst
        total = tx.requests.get(1001).items[0].quote.total
    assert str(worst.handling_fee.amount) == "153.16"
    assert str(total.refund.amount) == "1E+2"


def test_a_save_counts_the_version_and_replaces_everything_but_history(any_store):
    first = saved(any_store, request(1001, "sm-quota", "sm-screen"))
    approved = replace(
        first,
        items=first.items[:1],
        steps=(replace(first.steps[1], number=1),),
        state=State.APPROVED,
        starts_at=NOW + HOUR,
        events=(*first.events, Event(number=2, verb=Verb.APPROVED, at=NOW, by=APPROVER_1)),
    )
    second = saved(any_store, approved)

    assert second == replace(approved, version=2)
    with any_store.reading() as tx:
        assert tx.requests.get(1001) == second
        assert tx.requests.open_with(key("sm-screen")) is None


def test_of_two_who_decide_at_once_the_second_is_told(any_store):
    seen = saved(any_store, request())
    saved(any_store, replace(seen, state=State.APPROVED, starts_at=NOW))

    with pytest.raises(ChangedMeanwhile):
        saved(any_store, replace(seen, state=State.REJECTED, closed=True))
    with any_store.reading() as tx:
        assert tx.requests.get(1001).state is State.APPROVED
        assert tx.requests.get(1001).version == 2


def test_a_new_request_never_overwrites_one(any_store):
    saved(any_store, request())

    with pytest.raises(ChangedMeanwhile):
        saved(any_store, request(1001, "another"))


def test_a_lost_race_undoes_the_messages_that_it_owed(any_store):
    seen = saved(any_store, request())
    saved(any_store, seen)

    with pytest.raises(ChangedMeanwhile), any_store.transaction() as tx:  # noqa: PT012 - its end is meant
        tx.outbox.owe(delivery("rejected"))
        tx.requests.save(replace(seen, state=State.REJECTED))
    with any_store.reading() as tx:
        assert tx.outbox.get("id-rejected") is None


def test_numbers_count_from_1001_and_a_rolled_back_one_is_given_again(any_store):
    with any_store.transaction() as tx:
        assert [tx.requests.next_number(), tx.requests.next_number()] == [1001, 1002]
    with pytest.raises(ZeroDivisionError), any_store.transaction() as tx:  # noqa: PT012 - its end is meant
        assert tx.requests.next_number() == 1003
        raise ZeroDivisionError

    with any_store.transaction() as tx:
        assert tx.requests.next_number() == 1003


def test_concurrent_writers_leave_no_gap(any_store):
    start = Barrier(4, timeout=10)

    def ask(person):
        start.wait()
        for turn in range(10):
            with any_store.transaction() as tx:
                number = tx.requests.next_number()
                tx.requests.save(request(number, f"{person}-{turn}"))

    threads = [Thread(target=ask, args=(person,)) for person in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    with any_store.reading() as tx:
        numbers = {each.number for each in tx.requests.waiting(limit=100)}
    assert numbers == set(range(1001, 1041))


def test_an_open_request_holds_its_subscriptions(any_store):
    first = saved(any_store, request(1001, "sm-quota", "sm-screen"))

    with any_store.reading() as tx:
        assert tx.requests.open_with(key("sm-screen")) == first
        assert tx.requests.open_with(key("sm-orch")) is None
        assert tx.requests.open_with(key("sm-quota", account="prod")) is None
    with pytest.raises(ChangedMeanwhile):
        saved(any_store, request(1002, "sm-screen"))


@pytest.mark.parametrize(
    ("state", "closed", "held"),
    [
        (State.WAITING, False, True),
        (State.STALE, False, True),
        (State.VERIFYING, False, True),
        (State.FAILED, False, True),
        (State.FAILED, True, False),
        (State.DONE, True, False),
        (State.WITHDRAWN, True, False),
        (State.EXPIRED, False, False),
    ],
)
def test_a_request_that_ended_holds_nothing(any_store, state, closed, held):
    saved(any_store, replace(saved(any_store, request()), state=state, closed=closed))

    with any_store.reading() as tx:
        assert (tx.requests.open_with(key()) is not None) is held


def test_the_newest_of_a_person_come_first(any_store):
    for number in range(1001, 1009):
        saved(any_store, request(number, f"s-{number}"))
    saved(any_store, request(1009, "other", requested_by=OUTSIDER))

    with any_store.reading() as tx:
        mine = tx.requests.of(request().requested_by)
        assert [each.number for each in mine] == [1008, 1007, 1006, 1005, 1004]
        assert [each.number for each in tx.requests.of(OUTSIDER, limit=1)] == [1009]


def test_waiting_ones_come_by_deadline(any_store):
    saved(any_store, request(1001, "late", deadline=DEADLINE + HOUR))
    saved(any_store, request(1002, "soon", deadline=DEADLINE - HOUR))
    saved(any_store, request(1003, "stale", state=State.STALE))
    saved(any_store, request(1004, "done", state=State.DONE, closed=True))

    with any_store.reading() as tx:
        assert [each.number for each in tx.requests.waiting()] == [1002, 1001]
        assert [each.number for each in tx.requests.waiting(limit=1)] == [1002]


@pytest.mark.parametrize(
    ("changes", "due_at"),
    [
        ({"state": State.WAITING}, NOW + 4 * HOUR),
        ({"state": State.STALE}, DEADLINE),
        ({"state": State.APPROVED, "starts_at": NOW + HOUR}, NOW + HOUR),
        ({"state": State.EXECUTING}, NOW),
        ({"state": State.VERIFYING}, NOW),
        ({"state": State.FAILED}, None),
        ({"state": State.DONE, "closed": True}, None),
        ({"state": State.WAITING, "closed": True}, None),
    ],
)
def test_a_request_is_worked_on_when_its_state_asks_for_it(any_store, changes, due_at):
    saved(any_store, replace(saved(any_store, request()), **changes))

    if due_at is None:
        assert claimed(any_store, DEADLINE + 100 * HOUR) == []
    else:
        assert due_at == NOW or claimed(any_store, due_at - SECOND) == []
        assert claimed(any_store, due_at) == [1001]


def test_a_claimed_request_is_nobody_elses_until_the_lease_ends(any_store):
    saved(any_store, request(state=State.EXECUTING))

    assert claimed(any_store, NOW) == [1001]
    assert claimed(any_store, NOW + LEASE - SECOND) == []
    assert claimed(any_store, NOW + LEASE) == [1001]


def test_a_new_state_saved_by_the_holder_keeps_the_claim(any_store):
    saved(any_store, request(state=State.APPROVED, starts_at=NOW))
    with any_store.transaction() as tx:
        [mine] = tx.requests.claim_due(now=NOW, lease_until=NOW + LEASE, limit=1)
    saved(any_store, replace(mine, state=State.EXECUTING))

    assert claimed(any_store, NOW + SECOND) == []
    with any_store.transaction() as tx:
        assert tx.requests.next_due() == NOW + LEASE
        tx.requests.attend(1001, at=NOW + 2 * SECOND)
        assert tx.requests.next_due() == NOW + 2 * SECOND
    assert claimed(any_store, NOW + SECOND) == []
    assert claimed(any_store, NOW + 2 * SECOND) == [1001]


def test_what_is_done_is_looked_at_once_more_a_day_later(any_store):
    done = request(state=State.DONE, closed=True)
    verified = saved(any_store, noted(done, Verb.VERIFIED, at=NOW))

    assert claimed(any_store, NOW + SECOND_LOOK_AFTER - SECOND) == []
    assert claimed(any_store, NOW + SECOND_LOOK_AFTER) == [1001]
    with any_store.transaction() as tx:  # the cloud was away
        tx.requests.attend(1001, at=NOW + 2 * SECOND_LOOK_AFTER)
        assert tx.requests.next_due() == NOW + 2 * SECOND_LOOK_AFTER
    looked = saved(any_store, noted(verified, Verb.LOOKED_AGAIN, at=NOW + SECOND_LOOK_AFTER))
    with any_store.transaction() as tx:
        tx.requests.attend(1001, at=NOW + 3 * SECOND_LOOK_AFTER)
        assert tx.requests.next_due() is None
    assert looked.second_look_at is None


def test_it_can_be_looked_at_sooner_unless_somebody_does_so_now(any_store):
    saved(any_store, request(state=State.EXECUTING))
    claimed(any_store, NOW)
    with any_store.transaction() as tx:
        tx.requests.hasten(1001, at=NOW + SECOND)
    assert claimed(any_store, NOW + SECOND) == []

    with any_store.transaction() as tx:
        tx.requests.attend(1001, at=NOW + LEASE)
        tx.requests.hasten(1001, at=NOW + SECOND)
        tx.requests.hasten(1001, at=NOW + 2 * SECOND)  # never later
        tx.requests.hasten(1002, at=NOW)  # which nobody knows
        assert tx.requests.next_due() == NOW + SECOND
    assert claimed(any_store, NOW + SECOND) == [1001]


def test_attending_without_a_time_waits_for_the_state_to_change(any_store):
    executing = saved(any_store, request(state=State.EXECUTING))
    claimed(any_store, NOW)
    with any_store.transaction() as tx:
        tx.requests.attend(1001, at=None)
        assert tx.requests.next_due() is None
    assert claimed(any_store, DEADLINE) == []

    saved(any_store, replace(executing, state=State.VERIFYING))
    assert claimed(any_store, DEADLINE) == [1001]


@pytest.mark.parametrize(
    ("events", "due_at"), [(request().events, NOW + 4 * HOUR), (CALLED_LAST, DEADLINE)]
)
def test_attending_without_a_time_keeps_the_next_call_and_the_deadline(any_store, events, due_at):
    saved(any_store, request(events=events))
    with any_store.transaction() as tx:
        tx.requests.attend(1001, at=None)
        tx.requests.attend(9999, at=None)

    assert claimed(any_store, due_at - SECOND) == []
    assert claimed(any_store, due_at) == [1001]


def test_who_decided_for_whom_and_who_was_called_come_back(any_store):
    first = saved(any_store, request())
    events = (
        *first.events,
        Event(number=2, verb=Verb.CALLED, at=NOW, called=(APPROVER_1, OUTSIDER)),
        Event(number=3, verb=Verb.APPROVED, at=NOW, by=OUTSIDER, behalf=APPROVER_1),
    )
    saved(any_store, replace(first, events=events))

    with any_store.reading() as tx:
        assert tx.requests.get(1001).events == events


def test_a_claim_takes_no_more_than_it_was_asked_for_and_the_oldest_first(any_store):
    for number in (1001, 1002, 1003):
        deadline = DEADLINE - number * SECOND
        saved(any_store, request(number, f"s-{number}", state=State.STALE, deadline=deadline))

    assert claimed(any_store, DEADLINE, limit=2) == [1002, 1003]
    assert claimed(any_store, DEADLINE, limit=2) == [1001]


def test_two_replicas_never_work_on_the_same_request(any_store):
    for number in range(1001, 1101):
        saved(any_store, request(number, f"s-{number}", state=State.EXECUTING))
    taken = []

    def work():
        while found := claimed(any_store, NOW, limit=7):
            taken.extend(found)

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(taken) == list(range(1001, 1101))


def test_the_card_is_the_delivery_of_the_requests_message(any_store):
    with any_store.transaction() as tx:
        tx.outbox.owe(delivery("other", key="request/1001/line/1"))
        assert tx.requests.card(1001) is None
        tx.outbox.owe(delivery("card", key="request/1001/card"))
        assert tx.requests.card(1001).id == "id-card"


def test_decided_ones_come_by_subscription_and_the_others_not_at_all(any_store, monkeypatch):
    monkeypatch.setattr("storage.decided.CHUNK", 2)
    over = {"closed": True}
    first = saved(any_store, request(1001, "b", "a-1", state=State.DONE, **over))
    second = saved(any_store, request(1002, "a/1", "b", state=State.FAILED, **over))
    third = saved(any_store, request(1003, "a", state=State.APPROVED))
    for number, state in enumerate(
        (State.WAITING, State.STALE, State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.STOPPED),
        start=1004,
    ):
        saved(any_store, request(number, f"c-{number}", state=state))

    with any_store.reading() as tx:
        found = list(tx.requests.decided())

    assert found == [
        (key("a"), third),
        (key("a-1"), first),
        (key("a/1"), second),
        (key("b"), first),
        (key("b"), second),
    ]


def test_decided_ones_come_in_the_order_of_what_the_record_calls_them(any_store):
    for number, account in enumerate(("default", "prod"), start=1001):
        items = request(1001, "z" if account == "default" else "a").items
        own = tuple(replace(item, key=key(item.key.id, account=account)) for item in items)
        saved(any_store, request(number, items=own, steps=(), state=State.EXECUTING))

    with any_store.reading() as tx:
        subjects = [str(each) for each, _ in tx.requests.decided()]

    assert subjects == sorted(subjects) == ["default/z", "prod/a"]


def test_what_is_done_by_hand_is_looked_at_when_somebody_is_to_be_called(any_store):
    due = NOW + timedelta(days=10)
    plain = request(by_hand=True, state=State.EXECUTING, deadline=due + 2 * SECOND_LOOK_AFTER)
    asked = replace(plain, items=tuple(replace(item, due_at=due) for item in plain.items))
    with any_store.transaction() as tx:
        kept = tx.requests.save(asked)
        assert kept.by_hand
        assert tx.requests.next_due() == due - timedelta(hours=24)

    seen = noted(
        noted(replace(kept, state=State.VERIFYING), Verb.VERIFYING, at=NOW),
        Verb.CONFIRMED,
        at=NOW,
        by=APPROVER_1,
    )
    with any_store.transaction() as tx:
        tx.requests.save(seen)
        assert tx.requests.next_due() == NOW


def test_what_a_request_that_is_over_called_for_is_found_the_oldest_first(any_store):
    def left(number, ref, item_state, **facts):
        made = request(number, ref, **facts)
        items = tuple(replace(item, state=item_state) for item in made.items)
        saved(any_store, replace(made, items=items))

    over = {"state": State.FAILED, "closed": True}
    left(1002, "vm-1", ItemState.UNKNOWN, **over)
    left(1001, "vm-1", ItemState.SENT, **over)
    left(1003, "vm-1", ItemState.GONE, state=State.DONE, closed=True)
    left(1006, "vm-1", ItemState.REFUSED, **over)
    left(1004, "vm-2", ItemState.SENT, **over)
    left(1005, "vm-1", ItemState.SENT, state=State.EXECUTING)

    with any_store.reading() as tx:
        assert [each.number for each in tx.requests.called_for([key("vm-1")])] == [
            1001,
            1002,
            1003,
        ]
        assert [each.number for each in tx.requests.called_for([key("vm-2")])] == [1004]
        assert tx.requests.called_for([key("vm-3")]) == []
        assert tx.requests.called_for([]) == []


def test_what_people_carry_out_now_is_found_the_oldest_first(any_store):
    for number, by_hand, state in (
        (1003, True, State.VERIFYING),
        (1001, True, State.EXECUTING),
        (1002, True, State.DONE),
        (1004, False, State.EXECUTING),
    ):
        made = request(number, f"s-{number}", by_hand=by_hand, state=state)
        with any_store.transaction() as tx:
            tx.requests.save(noted(made, Verb.VERIFYING, at=NOW))

    with any_store.reading() as tx:
        assert [each.number for each in tx.requests.by_hand()] == [1001, 1003]
        assert [each.number for each in tx.requests.by_hand(limit=1)] == [1001]


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
@pytest.mark.parametrize("statement", range(1, 6))
def test_what_is_loaded_to_be_changed_is_of_one_moment(any_store, any_database, statement):
    """Somebody else commits between two of the statements by which it is loaded."""
    approved = noted(saved(any_store, request(events=())), Verb.APPROVED, at=NOW, by=APPROVER_1)
    seen = []

    def interpose(*_):
        seen.append(True)
        if len(seen) == statement:
            saved(any_store, replace(approved, state=State.APPROVED))

    with any_store.transaction() as tx:
        event.listen(any_database.writer, "before_cursor_execute", interpose)
        try:
            found = tx.requests.get(1001)
        finally:
            event.remove(any_database.writer, "before_cursor_execute", interpose)

    decided = [each.verb for each in found.events] == [Verb.APPROVED]
    assert (found.version, found.state is State.APPROVED, decided) in {
        (1, False, False),
        (2, True, True),
    }


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_what_is_held_is_neither_saved_nor_claimed_by_anybody_else(any_store):
    """Else the time of a state that is over would be written over that of the new one."""
    waiting = saved(any_store, request(events=()))
    approved = replace(waiting, state=State.APPROVED, starts_at=NOW + HOUR)

    with any_store.transaction() as tx:
        assert tx.requests.hold(1001) == waiting
        assert tx.requests.hold(9999) is None
        with pytest.raises(DatabaseAway):
            hurried(any_store, lambda requests: requests.save(approved))
        assert hurried(any_store, lambda requests: claim(requests, DEADLINE)) == []

    assert hurried(any_store, lambda requests: requests.save(approved)).version == 2


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_attending_leaves_the_time_of_a_state_that_comes_meanwhile(any_store, any_database):
    waiting = saved(any_store, request(events=()))
    approved = replace(waiting, state=State.APPROVED, starts_at=NOW + HOUR)
    waited = []

    def interpose(_connection, _cursor, text, *_):
        if text.startswith("UPDATE requests SET work_at") and not waited:
            waited.append(True)
            with pytest.raises(DatabaseAway):
                hurried(any_store, lambda requests: requests.save(approved))

    event.listen(any_database.writer, "before_cursor_execute", interpose)
    try:
        with any_store.transaction() as tx:
            tx.requests.attend(1001, at=NOW + 20 * HOUR)
    finally:
        event.remove(any_database.writer, "before_cursor_execute", interpose)
    saved(any_store, approved)

    assert waited
    with any_store.reading() as tx:
        assert tx.requests.next_due() == NOW + HOUR


def hurried(store, act):
    """Act as somebody else who waits for nobody."""
    with store.transaction() as tx:
        tx.catalogue.work.connection.exec_driver_sql("SET LOCAL lock_timeout = '20ms'")
        return act(tx.requests)


def claim(requests, at):
    return requests.claim_due(now=at, lease_until=at + LEASE, limit=1)
