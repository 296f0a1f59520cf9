"""When approvers are called again about a request that waits."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing import call_to_decide, deciding
from bot.billing.call_to_decide import APART, next_call
from bot.billing.unsubscription import IllegalMove, Request, State, Verb
from tests.factories import APPROVER_1, APPROVER_2, NOW, REQUESTER, terms
from tests.unit.billing.requests import (
    DEADLINE,
    WORST,
    approved,
    executing,
    planned_again,
    waiting,
)

HOUR = timedelta(hours=1)


def until(deadline: timedelta) -> Request:
    return replace(waiting(), deadline=NOW + deadline)


def called(request: Request, *, late: timedelta = timedelta(0)) -> Request:
    """The next call made, so much later than it was due."""
    due = next_call(request)
    assert due is not None
    return call_to_decide.call(request, at=due + late, whom=(APPROVER_1, APPROVER_2))


def hours(request: Request, *, late: timedelta = timedelta(0)) -> list[float]:
    """The hours after it was asked for at which calls are made, each so much late."""
    made: list[float] = []
    while (due := next_call(request)) is not None:
        made.append((due - NOW) / HOUR)
        request = called(request, late=late)
    return made


@pytest.mark.parametrize(
    ("lasts", "calls"),
    [
        (72, [4, 12, 24, 68]),
        (30, [4, 12, 24, 26]),
        (28.5, [4, 12, 24.5]),
        (25, [4, 12, 21, 24]),
        (16.5, [4, 12.5]),
        (8, [4]),
        (6, [2, 4]),
        (4.5, [1, 4]),
        (4, []),
        (1, []),
    ],
)
def test_calls_back_off_and_one_comes_four_hours_before_the_deadline_in_any_case(lasts, calls):
    assert hours(until(timedelta(hours=lasts))) == calls


def test_a_late_call_covers_all_that_passed_meanwhile():
    request = called(until(timedelta(hours=72)), late=timedelta(hours=30))

    assert next_call(request) == NOW + timedelta(hours=68)


@given(
    st.integers(min_value=1, max_value=720 * 60),
    st.lists(st.integers(min_value=0, max_value=48 * 60), max_size=8),
)
def test_no_two_calls_come_within_an_hour_and_none_at_the_deadline(minutes, lateness):
    request = until(timedelta(minutes=minutes))
    before = request.requested_at
    for late in [*lateness, 0, 0, 0, 0]:
        due = next_call(request)
        if due is None:
            return
        assert before + APART <= due < request.deadline
        before = due + timedelta(minutes=late)
        request = call_to_decide.call(request, at=before, whom=(APPROVER_1,))


def acknowledged_again(request: Request, at: datetime) -> Request:
    stale = deciding.go_stale(request, at=at, note="Refund down.")
    assert next_call(stale) is None
    return deciding.acknowledge_again(
        stale,
        by=REQUESTER,
        at=at,
        worst=WORST,
        items=request.items,
        deadline=DEADLINE,
        plan=planned_again(),
        terms=terms(),
    )


def test_after_new_figures_approvers_are_called_at_once_and_all_begins_anew():
    again = acknowledged_again(waiting(), NOW + 3 * HOUR)

    assert next_call(again) == NOW + 3 * HOUR
    assert next_call(called(again)) == NOW + 7 * HOUR


def test_that_call_waits_for_nothing_that_was_said_of_other_figures():
    assert next_call(acknowledged_again(waiting(), NOW + HOUR / 4)) == NOW + HOUR / 4
    once = called(waiting())
    again = acknowledged_again(once, NOW + 4.5 * HOUR)
    assert next_call(again) == NOW + 4.5 * HOUR
    assert next_call(called(again)) == NOW + 8.5 * HOUR


@pytest.mark.parametrize("request_", [approved(), executing()])
def test_nobody_is_called_about_what_is_decided(request_):
    assert next_call(request_) is None
    with pytest.raises(IllegalMove):
        call_to_decide.call(request_, at=NOW, whom=(APPROVER_1,))


def test_one_of_two_approvals_does_not_end_the_calls():
    one = deciding.approve(
        waiting(required=2), by=APPROVER_1, at=NOW + HOUR, authorities=(APPROVER_1,)
    )

    assert one.state is State.WAITING
    assert next_call(one) == NOW + 4 * HOUR


def test_a_call_names_whom_it_called():
    event = called(waiting()).events[-1]

    assert (event.verb, event.by, event.called) == (Verb.CALLED, None, (APPROVER_1, APPROVER_2))
