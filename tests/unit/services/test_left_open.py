"""What *Leave as is* left at the cloud is asked for by no other request before it is over."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.billing.quote import Scope
from bot.billing.subscription import Status
from bot.billing.unsubscription import ItemState, Request, State, Verb
from bot.ports.provider import Call, ItemResult, ProviderUnavailable
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, REQUESTER, order, quota, renewal
from tests.unit.services.desk import Desk, filled_in

FOR_EVER = timedelta(days=300)


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def left_with(desk: Desk, state: ItemState) -> None:
    """It was given up after a day, and a person left it as it was."""
    for _ in range(60):
        desk.clock.advance(timedelta(minutes=30))
        desk.run()
    assert (desk.state(), desk.get().items[0].state) == (State.FAILED, state)
    desk.unsubscribing.leave(1001, by=REQUESTER, why="We wait for the cloud.")


def unreadable(call: Call) -> Sequence[ItemResult]:
    raise ProviderUnavailable(f"The orders of {call.ids} cannot be read.")


def asked_again(desk: Desk) -> Request:
    again = desk.ask("sm-quota")
    desk.unsubscribing.approve(again.number, by=APPROVER_1)
    desk.cool_off()
    desk.run(seconds=5)
    return desk.get(again.number)


def taken_and_left(desk: Desk) -> None:
    desk.cloud.takes = FOR_EVER
    desk.approved("sm-quota")
    desk.cool_off()
    desk.run(seconds=5)
    left_with(desk, ItemState.SENT)
    assert len(desk.cloud.calls) == 1


def test_what_the_cloud_took_is_waited_for_and_people_hear_of_it_at_once(desk: Desk) -> None:
    taken_and_left(desk)
    assert desk.draft().left_open == (1001,)

    again = asked_again(desk)

    assert len(desk.cloud.calls) == 1
    assert (again.state, again.items[0].state) == (State.EXECUTING, ItemState.PLANNED)
    [said] = [event.note or "" for event in again.events if event.verb is Verb.HELD_UP]
    assert said.startswith(
        "The cloud took the call of request 1001 about SecMaster Professional, 50 ECS and lists"
        " it still. Nothing is asked for twice. Lapse goes on trying until"
    )


def test_when_that_is_gone_the_rest_is_asked_for(desk: Desk) -> None:
    taken_and_left(desk)
    again = asked_again(desk)

    desk.cloud.takes = timedelta(0)
    desk.run(seconds=600)

    assert [set(call.ids) for call in desk.cloud.calls] == [
        {"sm-quota"},
        {"sm-screen", "sm-orchestration"},
    ]
    assert desk.state(again.number) in {State.VERIFYING, State.DONE}


def test_an_order_that_the_cloud_has_no_more_stands_in_nobodys_way(desk: Desk) -> None:
    taken_and_left(desk)
    desk.cloud.accepted.clear()
    desk.cloud.takes = timedelta(0)

    again = asked_again(desk)
    desk.run(seconds=600)

    assert [call.ids for call in desk.cloud.calls][:2] == [("sm-quota",), ("sm-quota",)]
    assert desk.state(again.number) is State.DONE


def test_while_it_never_ends_nothing_is_called_and_it_is_given_up(desk: Desk) -> None:
    taken_and_left(desk)
    again = asked_again(desk)

    for _ in range(100):
        desk.clock.advance(timedelta(hours=1))
        desk.run()

    assert (desk.state(again.number), len(desk.cloud.calls)) == (State.FAILED, 1)


def test_what_is_not_known_is_looked_for_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.lose_answers = 1
    desk.cloud.takes = FOR_EVER
    with monkeypatch.context() as away:
        away.setattr(desk.cloud, "find_outcome", unreadable)
        left_with(desk, ItemState.UNKNOWN)

    again = asked_again(desk)

    assert len(desk.cloud.calls) == 1
    assert again.events[-1].verb is Verb.HELD_UP


def test_what_was_paid_back_and_is_listed_still_waits_for_the_list(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_and_left(desk)
    desk.cloud.takes = desk.clock.now() - desk.cloud.accepted[0].at
    quota = desk.cloud.held["sm-quota"]
    with monkeypatch.context() as lagging:
        lagging.setattr(desk.cloud, "_pass_time", lambda: None)
        assert desk.cloud.refunds(["sm-quota"], since=desk.get().requested_at)

        again = asked_again(desk)

        assert desk.cloud.held["sm-quota"] == quota
        assert (len(desk.cloud.calls), again.state) == (1, State.EXECUTING)


def test_what_was_read_as_gone_and_is_listed_again_is_looked_for_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ref in ("sm-screen", "sm-orchestration"):
        desk.cloud.refuses[ref] = ("CBC.99003643", "It is invoiced.")
    desk.cloud.takes = FOR_EVER
    desk.approved("sm-quota")
    desk.cool_off()
    desk.run(seconds=2)
    lists = desk.cloud._is_listed
    with monkeypatch.context() as lacking:
        lacking.setattr(desk.cloud, "_is_listed", lambda ref: ref != "sm-quota" and lists(ref))
        desk.run(seconds=20)
    assert (desk.state(), desk.get().items[0].state) == (State.FAILED, ItemState.GONE)
    desk.unsubscribing.leave(1001, by=REQUESTER, why="It stays.")
    desk.clock.advance(timedelta(hours=24, seconds=5))
    desk.run(seconds=2)
    assert desk.get().events[-1].verb is Verb.CAME_BACK
    desk.cloud.refuses.clear()

    asked_again(desk)

    assert [call.ids for call in desk.cloud.calls if "sm-quota" in call.ids] == [("sm-quota",)]


def test_a_period_that_began_was_not_given_back(store: SqlStore, clock: SettableClock) -> None:
    first = order("2025-12-20 09:20")
    following = renewal(first)
    desk = Desk(store, clock, subscriptions=(quota(orders=(first, following), auto_renew=True),))
    desk.cloud.takes = FOR_EVER
    given_back = desk.unsubscribing.submit(filled_in(desk.draft(scope=Scope.RENEWALS)))
    desk.unsubscribing.approve(given_back.number, by=APPROVER_1)
    desk.cool_off()
    desk.run(seconds=60)
    left_with(desk, ItemState.SENT)

    assert following.effective_at is not None
    clock.set(following.effective_at + timedelta(days=1))
    desk.run()

    looked = desk.get()
    assert looked.events[-1].note == "0 of 1 gone, 0 refund orders of 1 found"
    assert looked.items[0].state is ItemState.SENT


def test_what_a_later_request_ended_is_not_its_own(desk: Desk) -> None:
    taken_and_left(desk)
    desk.cloud.accepted[0].id = "another"  # the cloud lost the order; the next has another number
    desk.cloud.takes = timedelta(0)
    again = asked_again(desk)
    desk.run(seconds=600)
    assert desk.state(again.number) is State.DONE

    desk.clock.advance(timedelta(hours=24))
    desk.run()

    assert desk.get().items[0].refund_actual is None


def test_a_day_later_it_is_looked_at_once_more(desk: Desk) -> None:
    taken_and_left(desk)
    desk.cloud.takes = timedelta(0)

    desk.clock.advance(timedelta(hours=24))
    desk.run()

    looked = desk.get()
    assert (looked.state, looked.closed) == (State.FAILED, True)
    assert looked.events[-1].verb is Verb.LOOKED_AGAIN
    assert looked.events[-1].note == "1 of 3 gone, 1 refund order of 3 found"
    assert [item.state for item in looked.items] == [ItemState.GONE, *[ItemState.PLANNED] * 2]
    assert looked.items[0].refund_actual is not None
    with desk.store.reading() as tx:
        held = tx.catalogue.get(looked.items[0].key)
        assert held is not None
        assert held.status is Status.UNSUBSCRIBED
        assert tx.requests.next_due() is None


def test_a_day_later_people_hear_that_what_was_gone_is_there_again(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003643", "It is invoiced.")
    desk.executed("sm-quota", seconds=60)
    desk.unsubscribing.leave(1001, by=REQUESTER, why="It stays.")
    desk.cloud.accepted.clear()
    desk.cloud.change("sm-quota", status=Status.IN_USE)

    desk.clock.advance(timedelta(hours=24))
    desk.run()

    looked = desk.get()
    assert looked.events[-1].verb is Verb.CAME_BACK
    assert looked.problem == "SecMaster Professional, 50 ECS is at the cloud again."
    assert looked.events[-1].items == (1,)


def test_what_is_paid_back_is_read_when_the_rest_fails(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003643", "It is invoiced.")

    failed = desk.executed("sm-quota", seconds=60)

    assert failed.state is State.FAILED
    paid = {item.key.id: item.refund_actual is not None for item in failed.items}
    assert paid == {"sm-quota": True, "sm-screen": False, "sm-orchestration": True}


def test_where_nothing_was_asked_of_the_cloud_nobody_looks_again(desk: Desk) -> None:
    desk.cloud.refuses["sm-quota"] = ("CBC.99003643", "It is invoiced.")
    assert desk.executed("sm-quota", seconds=60).state is State.FAILED
    desk.unsubscribing.leave(1001, by=REQUESTER, why="It stays.")

    with desk.store.reading() as tx:
        assert tx.requests.next_due() is None


def test_a_period_that_is_being_given_back_ends_before_all_of_it_goes(
    store: SqlStore, clock: SettableClock
) -> None:
    first = order("2025-12-20 09:20")
    bought = quota(orders=(first, renewal(first)), auto_renew=True)
    desk = Desk(store, clock, subscriptions=(bought,))
    desk.cloud.takes = timedelta(days=5)
    given_back = desk.unsubscribing.submit(filled_in(desk.draft(scope=Scope.RENEWALS)))
    desk.unsubscribing.approve(given_back.number, by=APPROVER_1)
    desk.cool_off()
    desk.run(seconds=60)
    left_with(desk, ItemState.SENT)

    again = asked_again(desk)
    assert [call.scope for call in desk.cloud.calls] == [Scope.RENEWALS]
    clock.advance(timedelta(days=4))
    desk.run(seconds=60)

    assert [call.scope for call in desk.cloud.calls] == [Scope.RENEWALS]
    assert desk.state(again.number) is State.FAILED
    desk.unsubscribing.leave(again.number, by=REQUESTER, why="We ask anew.")
    once_more = asked_again(desk)
    assert [call.scope for call in desk.cloud.calls] == [Scope.RENEWALS, Scope.ALL]
    assert once_more.items[0].state is ItemState.SENT
