"""Broken glass: who may, that everybody is told once, and that it is recorded."""

from datetime import timedelta

import pytest

from bot.billing.unsubscription import (
    AlreadyDecided,
    CannotApproveOwnRequest,
    RequestExpired,
    State,
    Verb,
)
from bot.facts.messages import BrokenGlass
from bot.services.errors import GuestRefused, Incomplete, NotAllowed, RequestRefused
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, OWNER, REQUESTER
from tests.unit.services.desk import SECOND, Desk
from tests.unit.services.rig import APPROVALS, policy
from tests.unit.services.test_waiting import delivering

WHY = "It burns."


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    desk = Desk(store, clock, policy=policy(required=2, break_glass=(OUTSIDER, "S0HEADS")))
    desk.directory.groups["S0HEADS"] = (OWNER, REQUESTER)
    return desk


@pytest.mark.parametrize("by", [OUTSIDER, OWNER])
def test_whoever_the_settings_name_by_group_too_approves_alone(desk: Desk, by: str) -> None:
    number = desk.ask().number

    request = desk.unsubscribing.break_glass(number, by=by, why=f" {WHY} ")

    assert request.state is State.APPROVED
    assert request.events[-1].note == WHY


def test_it_is_executed_after_the_cooling_off(desk: Desk) -> None:
    number = desk.ask().number
    desk.unsubscribing.break_glass(number, by=OUTSIDER, why=WHY)
    desk.clock.advance(timedelta(minutes=5) - SECOND)
    desk.run()
    assert desk.cloud.calls == []

    desk.run(seconds=20)

    assert desk.state() is State.DONE


def test_it_can_be_stopped_meanwhile(desk: Desk) -> None:
    number = desk.ask().number
    desk.unsubscribing.break_glass(number, by=OUTSIDER, why=WHY)

    desk.unsubscribing.stop(number, by=APPROVER_1)

    assert desk.state() is State.STOPPED


@pytest.mark.parametrize("by", [APPROVER_1, APPROVER_2])
def test_nobody_else_may_and_hears_who_can(desk: Desk, by: str) -> None:
    number = desk.ask().number

    for attempt in (
        lambda: desk.unsubscribing.breakable(number, by=by),
        lambda: desk.unsubscribing.break_glass(number, by=by, why=WHY),
    ):
        with pytest.raises(NotAllowed) as refused:
            attempt()
        assert refused.value.sentence == "You cannot break the glass here."
        assert refused.value.people == (OUTSIDER, OWNER, REQUESTER)
    assert desk.state() is State.WAITING


def test_by_default_nobody_may(store: SqlStore, clock: SettableClock) -> None:
    desk = Desk(store, clock)
    number = desk.ask().number

    with pytest.raises(NotAllowed) as refused:
        desk.unsubscribing.break_glass(number, by=OUTSIDER, why=WHY)

    assert refused.value.sentence == "Nobody may break the glass here."
    assert refused.value.advice == "An operator names people in `approvals.break_glass`."


def test_the_settings_of_the_moment_of_the_click_count(desk: Desk) -> None:
    number = desk.ask().number
    desk.unsubscribing.breakable(number, by=OUTSIDER)
    desk.policy = policy(break_glass=(OWNER,))
    desk.start()

    with pytest.raises(NotAllowed):
        desk.unsubscribing.break_glass(number, by=OUTSIDER, why=WHY)


def test_the_requester_may_not_though_the_settings_name_them(desk: Desk) -> None:
    number = desk.ask().number

    for attempt in (
        lambda: desk.unsubscribing.breakable(number, by=REQUESTER),
        lambda: desk.unsubscribing.break_glass(number, by=REQUESTER, why=WHY),
    ):
        with pytest.raises(RequestRefused) as refused:
            attempt()
        assert isinstance(refused.value.cause, CannotApproveOwnRequest)


def test_guests_may_not(desk: Desk) -> None:
    number = desk.ask().number
    desk.directory.guests.add(OUTSIDER)

    with pytest.raises(GuestRefused):
        desk.unsubscribing.break_glass(number, by=OUTSIDER, why=WHY)


def test_without_a_reason_nothing_is_broken(desk: Desk) -> None:
    number = desk.ask().number

    with pytest.raises(Incomplete):
        desk.unsubscribing.break_glass(number, by=OUTSIDER, why="  ")

    assert desk.state() is State.WAITING


def test_what_is_decided_or_expired_is_said_before_anybody_is_asked_why(desk: Desk) -> None:
    number = desk.ask().number
    desk.unsubscribing.reject(number, by=APPROVER_1, why="No.")
    with pytest.raises(RequestRefused) as decided:
        desk.unsubscribing.breakable(number, by=OUTSIDER)
    assert isinstance(decided.value.cause, AlreadyDecided)

    other = desk.ask()
    desk.clock.set(other.deadline + SECOND)
    with pytest.raises(RequestRefused) as expired:
        desk.unsubscribing.breakable(other.number, by=OUTSIDER)
    assert isinstance(expired.value.cause, RequestExpired)


def test_of_two_who_break_it_the_second_hears_of_the_first(desk: Desk) -> None:
    number = desk.ask().number
    desk.unsubscribing.break_glass(number, by=OUTSIDER, why=WHY)

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.break_glass(number, by=OWNER, why=WHY)

    assert refused.value.sentence == (
        f"@{OUTSIDER} broke the glass for request {number} at 10:12 GMT+08:00, before your click."
    )


def test_the_channel_is_told_once_and_the_record_knows_who_and_why(desk: Desk) -> None:
    number = desk.ask().number
    delivering(desk).send_due(limit=50)
    desk.unsubscribing.break_glass(number, by=OUTSIDER, why=WHY)
    for _ in range(2):
        delivering(desk).send_due(limit=50)

    [told] = desk.messenger.of(BrokenGlass)
    assert (told.to, told.thread) == (APPROVALS, None)
    assert (told.message.event.by, told.message.event.note) == (OUTSIDER, WHY)
    assert told.message.link is not None
    with desk.store.reading() as tx:
        entries = [e for e in tx.audit.entries(f"request/{number}") if "glass" in e.action]
    [entry] = entries
    assert (entry.actor, entry.action, entry.at) == (OUTSIDER, "request.broke-glass", NOW)
    assert entry.facts["note"] == WHY


def test_nothing_of_it_is_owed_for_any_other_decision(desk: Desk) -> None:
    number = desk.ask().number
    desk.unsubscribing.approve(number, by=APPROVER_1)
    desk.unsubscribing.approve(number, by=APPROVER_2)

    assert not [each for each in desk.owed() if "/glass/" in each]
    assert Verb.BROKE_GLASS not in [event.verb for event in desk.get().events]
