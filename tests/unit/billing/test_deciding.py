"""Who may move a request before it is executed, from where, and what that changes."""

from datetime import timedelta

import pytest

from bot.billing.account import ExecuteMode
from bot.billing.deciding import (
    acknowledge_again,
    approve,
    expire,
    go_stale,
    read_again,
    reject,
    stop,
    withdraw,
)
from bot.billing.stepping import fail, step_started
from bot.billing.unsubscription import (
    ACKNOWLEDGEMENT,
    AlreadyDecided,
    CannotApproveOwnRequest,
    IllegalMove,
    NotAnApprover,
    OnlyTheRequester,
    RequestExpired,
    RequestStale,
    State,
    StopTooLate,
    Verb,
)
from bot.billing.worst import Worst
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, REQUESTER, usd
from tests.unit.billing.requests import (
    DEADLINE,
    LATER,
    ORCHESTRATION,
    QUOTA,
    SCREEN,
    WORST,
    approved,
    executing,
    waiting,
)

WORSE = Worst(handling_fee=usd(530), refund=usd(0), coupons_lost=usd(400))


def approve_as(request, by, *, at=NOW):
    return approve(request, by=by, at=at, may_decide=by != OUTSIDER)


def stale():
    return go_stale(approved(), at=LATER, note="A coupon of USD 400.00 is lost.")


# Asking


def test_a_request_remembers_what_was_planned_and_acknowledged():
    request = waiting()

    assert request.state is State.WAITING
    assert [item.label for item in request.items] == [
        QUOTA.label,
        SCREEN.label,
        ORCHESTRATION.label,
    ]
    assert [step.after for step in request.steps] == [(), (1,)]
    assert request.acknowledgement.text == ACKNOWLEDGEMENT
    assert request.rules == "huaweicloud-intl/2025-07-25"
    assert [(event.number, event.verb, event.by) for event in request.events] == [
        (1, Verb.ASKED, REQUESTER)
    ]


def test_a_request_of_a_dry_run_account_is_a_dry_run():
    assert waiting(execute=ExecuteMode.DRY_RUN).dry_run
    assert not waiting().dry_run


# Approving


def test_the_last_approval_needed_starts_the_cooling_off():
    request = approve_as(waiting(), APPROVER_1)

    assert request.state is State.APPROVED
    assert request.starts_at == NOW + timedelta(minutes=5)
    assert [event.number for event in request.events] == [1, 2]


def test_without_cooling_off_it_starts_at_once():
    assert approve_as(waiting(cooling_off_minutes=0), APPROVER_1).starts_at == NOW


def test_two_approvals_take_two_persons():
    once = approve_as(waiting(required=2), APPROVER_1)

    assert (once.state, once.starts_at) == (State.WAITING, None)
    with pytest.raises(AlreadyDecided):
        approve_as(once, APPROVER_1)
    assert approve_as(once, APPROVER_2).state is State.APPROVED


def test_nobody_approves_or_rejects_their_own_request():
    with pytest.raises(CannotApproveOwnRequest):
        approve_as(waiting(), REQUESTER)
    with pytest.raises(CannotApproveOwnRequest):
        reject(waiting(), by=REQUESTER, at=NOW, why="No.", may_decide=True)


def test_only_approvers_decide():
    with pytest.raises(NotAnApprover):
        approve_as(waiting(), OUTSIDER)
    with pytest.raises(NotAnApprover):
        reject(waiting(), by=OUTSIDER, at=NOW, why="No.", may_decide=False)


def test_the_deadline_is_the_last_instant_for_a_decision():
    assert approve_as(waiting(), APPROVER_1, at=DEADLINE).state is State.APPROVED
    with pytest.raises(RequestExpired):
        approve_as(waiting(), APPROVER_1, at=DEADLINE + timedelta(seconds=1))


def test_a_second_click_decides_nothing_twice():
    with pytest.raises(AlreadyDecided) as raised:
        approve_as(approved(), APPROVER_2)

    assert raised.value.request.state is State.APPROVED


# Rejecting, withdrawing, stopping, expiring


def test_a_rejection_closes_the_request_and_keeps_the_reason():
    request = reject(waiting(), by=APPROVER_2, at=NOW, why="After the audit.", may_decide=True)

    assert (request.state, request.closed) == (State.REJECTED, True)
    assert request.events[-1].note == "After the audit."
    with pytest.raises(AlreadyDecided):
        approve_as(request, APPROVER_1)


@pytest.mark.parametrize("request_", [waiting(), stale()], ids=["waiting", "stale"])
def test_the_requester_can_withdraw_what_waits_or_is_stale(request_):
    request = withdraw(request_, by=REQUESTER, at=LATER)

    assert (request.state, request.closed) == (State.WITHDRAWN, True)


def test_nobody_else_withdraws_and_nothing_decided_is_withdrawn():
    with pytest.raises(OnlyTheRequester):
        withdraw(waiting(), by=APPROVER_1, at=NOW)
    with pytest.raises(AlreadyDecided):
        withdraw(approved(), by=REQUESTER, at=NOW)


@pytest.mark.parametrize(("by", "may_stop"), [(REQUESTER, False), (APPROVER_2, True)])
def test_requester_and_approvers_can_stop_during_the_cooling_off(by, may_stop):
    request = stop(approved(), by=by, at=NOW, may_stop=may_stop)

    assert (request.state, request.closed, request.starts_at) == (State.STOPPED, True, None)


def test_others_cannot_stop_and_nothing_is_stopped_after_its_first_step():
    with pytest.raises(NotAnApprover):
        stop(approved(), by=OUTSIDER, at=NOW, may_stop=False)
    with pytest.raises(StopTooLate):
        stop(executing(), by=REQUESTER, at=LATER, may_stop=False)
    with pytest.raises(AlreadyDecided):
        stop(waiting(), by=REQUESTER, at=NOW, may_stop=False)


def test_a_request_expires_after_its_deadline_only():
    with pytest.raises(IllegalMove):
        expire(waiting(), at=DEADLINE)

    expired = expire(waiting(), at=DEADLINE + timedelta(seconds=1))

    assert (expired.state, expired.closed) == (State.EXPIRED, True)
    with pytest.raises(RequestExpired):
        approve_as(expired, APPROVER_1)
    with pytest.raises(RequestExpired):
        withdraw(expired, by=REQUESTER, at=NOW)


# Stale


def test_worse_facts_send_an_approved_request_back_to_the_requester():
    request = stale()

    assert (request.state, request.starts_at, request.closed) == (State.STALE, None, False)
    with pytest.raises(RequestStale):
        approve_as(request, APPROVER_2)


def test_acknowledging_again_asks_the_approvers_again():
    before = stale()

    request = acknowledge_again(
        before, by=REQUESTER, at=LATER, worst=WORSE, items=before.items, deadline=DEADLINE
    )

    assert request.state is State.WAITING
    assert request.acknowledgement.worst == WORSE
    assert request.approvals == ()
    assert approve_as(request, APPROVER_1, at=LATER).state is State.APPROVED


def test_only_the_requester_acknowledges_what_is_stale_and_only_in_time():
    facts = {"worst": WORSE, "items": stale().items, "deadline": DEADLINE}

    with pytest.raises(OnlyTheRequester):
        acknowledge_again(stale(), by=APPROVER_1, at=LATER, **facts)
    with pytest.raises(AlreadyDecided):
        acknowledge_again(waiting(), by=REQUESTER, at=LATER, **facts)
    late = DEADLINE + timedelta(seconds=1)
    with pytest.raises(RequestExpired):
        acknowledge_again(stale(), by=REQUESTER, at=late, **facts)


def test_figures_read_again_within_the_limits_are_noted():
    request = read_again(approved(), at=LATER, note="within the approved limits")

    assert request.state is State.APPROVED
    assert request.events[-1].verb is Verb.READ_AGAIN


def test_nothing_at_the_cloud_goes_stale_or_expires():
    running = step_started(executing(), 1, at=LATER)

    for request in (running, fail(running, at=LATER, problem="refused")):
        with pytest.raises(IllegalMove):
            go_stale(request, at=LATER, note="worse")
        with pytest.raises(IllegalMove):
            expire(request, at=DEADLINE + timedelta(days=1))


def test_the_worst_figures_are_those_that_were_acknowledged():
    assert waiting().acknowledgement.worst == WORST
