"""What becomes of requests about which nobody decides: calls, each once, and their end."""

from datetime import timedelta

import pytest

from bot.billing.unsubscription import State, Verb
from bot.facts.messages import RequesterNote, RequestLine
from bot.services.calling import SOON
from storage.engine import Database
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.conftest import ACCOUNTS, AUDIT_KEY
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, REQUESTER
from tests.unit.services.desk import SECOND, Desk, delivering
from tests.unit.services.mortal import Killed, MortalStore, Steps
from tests.unit.services.rig import policy

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def calls(desk: Desk) -> list[tuple[float, tuple[str, ...]]]:
    """The hours after it was asked for at which whom was called."""
    events = [event for event in desk.get().events if event.verb is Verb.CALLED]
    return [((event.at - NOW) / HOUR, event.called) for event in events]


def pass_time(desk: Desk, *, hours: float, every: timedelta = HOUR / 4) -> None:
    end = desk.clock.now() + hours * HOUR
    while desk.clock.now() < end:
        desk.clock.set(min(desk.clock.now() + every, end))
        desk.run()


BOTH = (APPROVER_1, APPROVER_2)


def test_approvers_are_called_with_back_off_until_it_expires(desk: Desk) -> None:
    desk.ask()

    pass_time(desk, hours=80)

    assert calls(desk) == [(4, BOTH), (12, BOTH), (24, BOTH), (68, BOTH)]
    assert desk.state() is State.EXPIRED


def test_an_approver_who_has_left_is_not_called(desk: Desk) -> None:
    desk.ask()
    desk.directory.left.add(APPROVER_1)

    pass_time(desk, hours=5)

    assert calls(desk) == [(4, (APPROVER_2,))]


def test_the_next_look_at_it_is_the_next_call_and_at_last_the_deadline(desk: Desk) -> None:
    request = desk.ask()

    def next_look() -> float:
        with desk.store.reading() as tx:
            due = tx.requests.next_due()
        assert due is not None
        return (due - NOW) / HOUR

    assert next_look() == 4
    pass_time(desk, hours=68)
    assert next_look() == 72
    desk.clock.set(request.deadline)
    desk.run()
    assert next_look() == (request.deadline + SOON - NOW) / HOUR


def test_who_looks_too_early_looks_again_at_the_next_call(desk: Desk) -> None:
    desk.ask()
    with desk.store.transaction() as tx:
        tx.requests.attend(1001, at=NOW)

    desk.run()

    with desk.store.reading() as tx:
        assert tx.requests.next_due() == NOW + 4 * HOUR
    assert calls(desk) == []


def test_who_wakes_up_late_makes_one_call_for_all_that_passed(desk: Desk) -> None:
    desk.ask()

    desk.clock.advance(30 * HOUR)
    desk.run(seconds=5)

    assert calls(desk) == [(30, BOTH)]


def test_a_call_is_one_line_of_the_thread_and_no_message_to_the_requester(desk: Desk) -> None:
    number = desk.ask().number
    desk.deliveries()

    desk.clock.advance(4 * HOUR)
    desk.run(seconds=3)

    new = [each for each in desk.owed() if "/v" not in each]
    assert new == [f"request/{number}/line/2"]


def test_nobody_is_called_when_it_was_decided_while_the_line_waited(desk: Desk) -> None:
    number = desk.ask().number
    sending = delivering(desk)
    sending.send_due()
    desk.clock.advance(4 * HOUR)
    desk.run()

    desk.unsubscribing.reject(number, by=APPROVER_1, why="Wait.")
    sending.send_due(limit=50)

    lines = [each.message for each in desk.messenger.of(RequestLine)]
    assert Verb.CALLED not in [line.event.verb for line in lines]
    assert lines[-1].event.verb is Verb.REJECTED
    assert len(desk.messenger.of(RequesterNote)) == 2


def test_only_who_can_still_decide_is_called(store: SqlStore, clock: SettableClock) -> None:
    three = (APPROVER_1, REQUESTER, APPROVER_2)
    desk = Desk(store, clock, policy=policy(approvers=three, required=2))
    number = desk.ask().number
    desk.unsubscribing.approve(number, by=APPROVER_1)

    pass_time(desk, hours=5)

    assert calls(desk) == [(4, (APPROVER_2,))]


def test_the_settings_of_the_moment_say_who_is_called(desk: Desk) -> None:
    desk.ask()
    desk.policy = policy(approvers=(OUTSIDER,))
    desk.start()

    pass_time(desk, hours=5)

    assert calls(desk) == [(4, (OUTSIDER,))]


def test_killed_at_any_step_a_call_is_made_once(database: Database) -> None:
    kill_at = taken = 0
    while kill_at <= taken:
        kill_at += 1
        store = database.store(team_id=f"T{kill_at:03}", accounts=ACCOUNTS, audit_key=AUDIT_KEY)
        store.settle_accounts(at=NOW)
        clock = SettableClock(NOW)
        steps = Steps(0)
        desk = Desk(MortalStore(store, steps), clock)
        desk.ask()
        clock.advance(4 * HOUR)
        steps._kill_at, steps.taken = kill_at, 0

        for _ in range(2):
            try:
                desk.run()
            except Killed:
                desk.start()
                clock.advance(61 * SECOND)
        taken, steps._kill_at = steps.taken, 0
        delivering(desk).send_due(limit=50)

        assert len(calls(desk)) == 1, f"killed at step {kill_at}"
        made = [
            each
            for each in desk.messenger.of(RequestLine)
            if each.message.event.verb is Verb.CALLED
        ]
        assert len(made) == 1, f"killed at step {kill_at}"

    assert kill_at > 4


def test_two_replicas_make_one_call_of_it(desk: Desk) -> None:
    desk.ask()
    desk.clock.advance(4 * HOUR)
    with desk.store.transaction() as tx:
        now = desk.clock.now()
        [slow] = tx.requests.claim_due(now=now, lease_until=now + SECOND, limit=1)
    desk.clock.advance(2 * SECOND)
    desk.run()

    desk.executing._waiting.look_after(slow)

    assert len(calls(desk)) == 1
