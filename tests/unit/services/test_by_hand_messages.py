"""What is owed about a request that a person carries out, and what is not said any more."""

from datetime import timedelta

import pytest

from bot.billing.unsubscription import State, Verb
from bot.facts.messages import Overdue, Receipt, RequestCard, RequesterNote, RequestLine
from bot.services.vouching import Vouching
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, OWNER, REQUESTER, contract, instant, order
from tests.unit.services.desk import Desk, delivering
from tests.unit.services.rig import APPROVALS

DUE = instant("2027-04-11 00:00")
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    """A contract whose checklist is open, and nothing sent yet."""
    page = contract(orders=(order("2026-05-10 09:20", cash="348.00"),))
    desk = Desk(store, clock, subscriptions=(page,))
    desk.approved("status-page")
    desk.cool_off()
    desk.run()
    return desk


def deliver(desk: Desk) -> None:
    delivering(desk).send_due(limit=500)


def done(desk: Desk) -> None:
    vouching(desk).done(1001, by=OWNER, items=[1], evidence="https://vendor.example/1")


def vouching(desk: Desk) -> Vouching:
    return Vouching(store=desk.store, clock=desk.clock, policy=desk.policy, people=desk.people)


def lines(desk: Desk) -> list[Verb]:
    return [each.message.event.verb for each in desk.messenger.of(RequestLine)]


def test_every_step_is_a_line_and_the_requester_is_told(desk: Desk) -> None:
    deliver(desk)
    done(desk)
    deliver(desk)
    vouching(desk).gone(1001, by=APPROVER_1)
    desk.run()
    deliver(desk)

    assert lines(desk)[3:] == [
        Verb.STARTED,
        Verb.REMINDED,
        Verb.CARRIED_OUT,
        Verb.VERIFYING,
        Verb.CONFIRMED,
        Verb.VERIFIED,
    ]
    [card] = desk.messenger.of(RequestCard)
    assert card.message.request.state is State.DONE
    told = [each.message.state for each in desk.messenger.of(RequesterNote)]
    assert told[-3:] == [State.EXECUTING, State.VERIFYING, State.DONE]
    assert {each.to for each in desk.messenger.of(RequesterNote)} == {f"D{REQUESTER[1:]}"}
    assert len(desk.messenger.of(Receipt)) == 1


def test_nobody_is_called_to_do_what_is_done(desk: Desk) -> None:
    done(desk)
    deliver(desk)

    assert Verb.REMINDED not in lines(desk)
    assert Verb.VERIFYING in lines(desk)


def test_nobody_is_called_to_look_at_what_is_seen(desk: Desk) -> None:
    done(desk)
    desk.clock.advance(timedelta(days=1))
    desk.run()
    vouching(desk).gone(1001, by=APPROVER_1)
    deliver(desk)

    assert Verb.REMINDED not in lines(desk)


def test_what_is_late_is_told_in_the_channel_itself(desk: Desk) -> None:
    desk.clock.set(DUE + HOUR)
    desk.run()
    deliver(desk)

    [late] = desk.messenger.of(Overdue)
    assert (late.to, late.thread) == (APPROVALS, None)
    assert late.message.link


def test_what_somebody_gave_up_is_not_told_as_late(desk: Desk) -> None:
    desk.clock.set(DUE + HOUR)
    desk.run()
    desk.unsubscribing.leave(1001, by=REQUESTER, why="We keep it")
    deliver(desk)

    assert desk.messenger.of(Overdue) == []


def test_that_nobody_looked_is_told_in_the_channel_itself(desk: Desk) -> None:
    done(desk)
    deliver(desk)
    desk.clock.advance(timedelta(days=7))
    desk.run()
    deliver(desk)

    assert [each.to for each in desk.messenger.of(Overdue)] == [APPROVALS]


def test_what_somebody_did_at_last_is_not_told_as_late(desk: Desk) -> None:
    desk.clock.set(DUE + HOUR)
    desk.run()
    done(desk)
    deliver(desk)

    assert desk.messenger.of(Overdue) == []
