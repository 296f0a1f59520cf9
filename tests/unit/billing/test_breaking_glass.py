"""Approving alone in an emergency: what it waives, and what it never does."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.billing.deciding import acknowledge_again, approve, break_glass, go_stale, stop
from bot.billing.unsubscription import (
    AlreadyDecided,
    CannotApproveOwnRequest,
    MayNotBreakGlass,
    RequestExpired,
    RequestStale,
    State,
    StopTooLate,
    Verb,
)
from tests.factories import APPROVER_1, NOW, OUTSIDER, REQUESTER, terms
from tests.unit.billing.requests import (
    DEADLINE,
    LATER,
    WORST,
    approved,
    executing,
    planned_again,
    waiting,
)

SECOND = timedelta(seconds=1)


def broken(request=None, *, by=OUTSIDER, at=LATER, may_break=True):
    asked = request or waiting(required=3)
    return break_glass(asked, by=by, at=at, why="It burns.", may_break=may_break)


def test_one_person_approves_it_whatever_number_it_needs():
    request = broken()

    assert (request.state, request.closed) == (State.APPROVED, False)
    assert request.approvals == ()
    event = request.broken_glass
    assert (event.verb, event.by, event.note) == (Verb.BROKE_GLASS, OUTSIDER, "It burns.")


def test_it_cools_off_and_can_be_stopped():
    request = broken()

    assert request.starts_at == LATER + timedelta(minutes=5)
    assert stop(request, by=REQUESTER, at=LATER, may_stop=False).state is State.STOPPED


def test_the_requester_never_breaks_the_glass_whoever_they_are():
    with pytest.raises(CannotApproveOwnRequest):
        broken(by=REQUESTER)


def test_nobody_does_whom_the_settings_do_not_name():
    with pytest.raises(MayNotBreakGlass):
        broken(by=APPROVER_1, may_break=False)


def test_it_breaks_what_waits_and_nothing_else():
    with pytest.raises(AlreadyDecided):
        broken(approved())
    with pytest.raises(AlreadyDecided):
        broken(broken())
    with pytest.raises(AlreadyDecided):
        broken(executing())
    with pytest.raises(RequestStale):
        broken(go_stale(waiting(), at=NOW, note="Worse."))
    with pytest.raises(RequestExpired):
        broken(waiting(), at=DEADLINE + SECOND)
    assert broken(waiting(), at=DEADLINE).state is State.APPROVED


def test_what_was_approved_before_stays_in_the_history():
    one = approve(waiting(required=2), by=APPROVER_1, at=NOW, authorities=(APPROVER_1,))

    request = broken(one)

    assert [event.by for event in request.approvals] == [APPROVER_1]
    with pytest.raises(StopTooLate):
        stop(replace(request, state=State.EXECUTING), by=OUTSIDER, at=LATER, may_stop=True)


def test_new_figures_make_it_void():
    stale = go_stale(broken(), at=LATER, note="Refund down.")
    again = acknowledge_again(
        stale,
        by=REQUESTER,
        at=LATER,
        worst=WORST,
        items=stale.items,
        deadline=DEADLINE,
        plan=planned_again(),
        terms=terms(),
    )

    assert again.broken_glass is None
    assert again.state is State.WAITING
