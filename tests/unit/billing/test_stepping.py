"""Execution: steps in order, answers in parts, lost answers, reading back, repair."""

from dataclasses import replace

import pytest

from bot.billing.stepping import (
    done_by_hand,
    fail,
    leave_as_is,
    next_step,
    open_items,
    retry,
    start,
    step_accepted,
    step_gone,
    step_not_done,
    step_refused,
    step_started,
    step_unknown,
    verified,
    verify,
    with_item,
)
from bot.billing.unsubscription import (
    AlreadyDecided,
    IllegalMove,
    ItemState,
    State,
    StepState,
    Verb,
)
from tests.factories import APPROVER_1, NOW, REQUESTER
from tests.unit.billing.requests import LATER, ORCHESTRATION, QUOTA, SCREEN, approved, executing

REFUSAL = ("CBC.99003651", "Another transaction is in progress.")


def quota_gone():
    request = step_started(executing(), 1, at=LATER)
    request = step_accepted(request, 1, at=LATER, orders={QUOTA.key: "CS1"})
    return step_gone(request, 1, at=LATER, gone=[QUOTA.key], note="edition is basic")


def all_gone():
    request = step_started(quota_gone(), 2, at=LATER)
    packages = {SCREEN.key: None, ORCHESTRATION.key: None}
    request = step_accepted(request, 2, at=LATER, orders=packages)
    return step_gone(request, 2, at=LATER, gone=packages)


def one_refused():
    request = step_started(quota_gone(), 2, at=LATER)
    request = step_accepted(request, 2, at=LATER, orders={ORCHESTRATION.key: "CS2"})
    request = step_refused(request, 2, at=LATER, refusals={SCREEN.key: REFUSAL})
    return step_gone(request, 2, at=LATER, gone=[ORCHESTRATION.key])


def failed():
    return fail(one_refused(), at=LATER, problem="Large screen was refused.")


# Starting


def test_execution_waits_for_the_end_of_the_cooling_off():
    with pytest.raises(IllegalMove, match="cools off"):
        start(approved(), at=NOW)

    assert start(approved(), at=LATER).state is State.EXECUTING


# Steps


def test_packages_wait_until_the_quota_is_gone():
    request = executing()
    assert next_step(request).number == 1

    sent = step_started(request, 1, at=LATER)

    assert next_step(sent).state is StepState.STARTED
    assert sent.item(QUOTA.key).state is ItemState.SENT
    assert next_step(quota_gone()).number == 2


def test_a_finished_step_notes_what_it_brought():
    request = quota_gone()

    assert request.steps[0].state is StepState.DONE
    assert request.item(QUOTA.key).gone_at == LATER
    assert request.item(QUOTA.key).refund_order == "CS1"
    assert (request.events[-1].verb, request.events[-1].note) == (
        Verb.STEP_DONE,
        "edition is basic",
    )


def test_a_step_is_never_started_twice():
    sent = step_started(executing(), 1, at=LATER)

    with pytest.raises(IllegalMove):
        step_started(sent, 1, at=LATER)


def test_a_lost_answer_is_looked_at_before_anything_is_repeated():
    unknown = step_unknown(step_started(executing(), 1, at=LATER), 1)

    assert next_step(unknown).state is StepState.UNKNOWN
    assert unknown.item(QUOTA.key).state is ItemState.UNKNOWN
    with pytest.raises(IllegalMove):
        step_started(unknown, 1, at=LATER)


def test_a_call_that_never_arrived_may_be_sent_again():
    unknown = step_unknown(step_started(executing(), 1, at=LATER), 1)

    again = step_started(step_not_done(unknown, 1), 1, at=LATER)

    assert again.steps[0].attempt == 2


def test_a_lost_answer_can_turn_out_to_be_accepted_or_gone():
    unknown = step_unknown(step_started(executing(), 1, at=LATER), 1)

    accepted = step_accepted(unknown, 1, at=LATER, orders={QUOTA.key: None})
    gone = step_gone(unknown, 1, at=LATER, gone=[QUOTA.key])

    assert accepted.steps[0].state is StepState.ACCEPTED
    assert gone.steps[0].state is StepState.DONE


def test_a_partial_answer_settles_when_each_item_has():
    request = one_refused()

    assert request.steps[1].state is StepState.REFUSED
    assert request.item(SCREEN.key).error == REFUSAL[1]
    assert request.item(SCREEN.key).error_code == REFUSAL[0]
    assert request.item(ORCHESTRATION.key).state is ItemState.GONE
    assert next_step(request) is None


def test_what_waits_for_a_refused_step_is_not_sent():
    request = step_started(executing(), 1, at=LATER)
    request = step_refused(request, 1, at=LATER, refusals={QUOTA.key: REFUSAL})

    assert next_step(request) is None
    assert request.steps[1].state is StepState.PLANNED
    assert request.events[-1].verb is Verb.STEP_REFUSED


# Reading back


def test_a_request_is_done_when_it_reads_back():
    request = verify(all_gone(), at=LATER)
    assert request.state is State.VERIFYING

    read = with_item(request, replace(request.item(QUOTA.key), auto_renew_off=True))
    done = verified(read, at=LATER)

    assert (done.state, done.closed) == (State.DONE, True)
    assert done.item(QUOTA.key).auto_renew_off
    assert [event.number for event in done.events] == list(range(1, len(done.events) + 1))


def test_nothing_is_verified_before_every_step_is_done():
    with pytest.raises(IllegalMove):
        verify(quota_gone(), at=LATER)
    with pytest.raises(IllegalMove):
        verified(all_gone(), at=LATER)


# Repair


def test_a_failure_stays_open_and_says_what_is_wrong():
    request = failed()

    assert (request.state, request.closed) == (State.FAILED, False)
    assert request.problem == "Large screen was refused."


def test_a_retry_sends_only_what_is_still_there():
    request = retry(failed(), by=APPROVER_1, at=LATER)

    assert (request.state, request.problem) == (State.EXECUTING, None)
    assert next_step(request).number == 2
    assert open_items(request, 2) == (SCREEN.key,)
    again = step_started(request, 2, at=LATER)
    assert again.item(ORCHESTRATION.key).state is ItemState.GONE
    assert again.item(SCREEN.key).error is None


def test_done_by_hand_is_read_back():
    request = done_by_hand(failed(), by=REQUESTER, at=LATER, why="Done in the console.")

    assert request.state is State.VERIFYING
    assert request.events[-1].note == "Done in the console."
    assert verified(request, at=LATER).state is State.DONE


def test_left_as_it_is_a_request_stays_failed_and_is_closed():
    request = leave_as_is(failed(), by=REQUESTER, at=LATER, why="It expires soon.")

    assert (request.state, request.closed) == (State.FAILED, True)
    for move in (done_by_hand, leave_as_is):
        with pytest.raises(AlreadyDecided):
            move(request, by=APPROVER_1, at=LATER, why="again")
    with pytest.raises(AlreadyDecided):
        retry(request, by=APPROVER_1, at=LATER)


def test_only_what_failed_is_repaired():
    with pytest.raises(AlreadyDecided):
        retry(executing(), by=APPROVER_1, at=LATER)
    with pytest.raises(IllegalMove):
        fail(approved(), at=LATER, problem="none")
