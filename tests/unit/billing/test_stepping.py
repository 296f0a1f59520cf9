"""Execution: steps in order, answers in parts, lost answers, reading back, repair."""

from dataclasses import replace
from datetime import timedelta

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
    still_there,
    verified,
    verify,
    with_item,
)
from bot.billing.unsubscription import (
    AlreadyDecided,
    Event,
    IllegalMove,
    ItemState,
    State,
    StepState,
    Verb,
)
from tests.factories import APPROVER_1, NOW, REQUESTER, quota
from tests.unit.billing.requests import LATER, ORCHESTRATION, QUOTA, SCREEN, approved, executing

REFUSAL = ("CBC.99003651", "Another transaction is in progress.")
AFTERWARDS = LATER + timedelta(minutes=1)
PACKAGES = (SCREEN.key, ORCHESTRATION.key)


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


def in_flight(number=1):
    return step_started(executing() if number == 1 else quota_gone(), number, at=LATER)


# Starting


def test_execution_waits_for_the_end_of_the_cooling_off():
    ends = NOW + timedelta(minutes=5)
    with pytest.raises(IllegalMove) as raised:
        start(approved(), at=ends - timedelta(seconds=1))

    request = start(approved(), at=ends)

    assert str(raised.value) == "request 1042 cools off until 2026-11-23 10:17:00+08:00"
    assert request.state is State.EXECUTING
    assert request.events[-1] == Event(number=3, verb=Verb.STARTED, at=ends, by=None, note=None)


def test_only_an_approved_request_starts():
    with pytest.raises(IllegalMove) as raised:
        start(executing(), at=LATER)
    with pytest.raises(IllegalMove):
        start(replace(approved(), starts_at=None), at=LATER)

    assert str(raised.value) == "request 1042 is executing, not approved"


# Steps


def test_r8_packages_wait_until_the_quota_is_gone():
    request = executing()
    assert next_step(request).number == 1

    sent = step_started(request, 1, at=LATER)

    assert next_step(sent).state is StepState.STARTED
    assert sent.item(QUOTA.key).state is ItemState.SENT
    assert sent.item(SCREEN.key).state is ItemState.PLANNED
    assert next_step(quota_gone()).number == 2
    assert next_step(all_gone()) is None


def test_a_step_that_is_started_says_when_and_how_often():
    step = in_flight().steps[0]

    assert (step.state, step.attempt) == (StepState.STARTED, 1)
    assert (step.started_at, step.accepted_at) == (LATER, None)
    assert in_flight().steps[1] == executing().steps[1]


@pytest.mark.parametrize(
    "move",
    [
        lambda request: request,
        lambda request: step_unknown(request, 2),
        lambda request: step_accepted(request, 2, at=LATER, orders={}),
    ],
    ids=["started", "unknown", "accepted"],
)
def test_what_is_in_flight_comes_before_what_could_begin(move):
    one, other = quota("sm-one"), quota("sm-two", region="eu-west-101")
    request = move(step_started(executing(one, other), 2, at=LATER))

    assert request.steps[0].state is StepState.PLANNED
    assert next_step(request).number == 2
    assert open_items(request, 2) == (other.key,)


def test_a_finished_step_notes_what_it_brought():
    request = quota_gone()

    assert request.steps[0].state is StepState.DONE
    assert request.item(QUOTA.key).gone_at == LATER
    assert request.item(QUOTA.key).refund_order == "CS1"
    assert request.events[-1] == Event(
        number=4, verb=Verb.STEP_DONE, at=LATER, by=None, note="edition is basic"
    )
    assert (all_gone().events[-1].verb, all_gone().events[-1].note) == (Verb.STEP_DONE, None)


def test_what_the_cloud_accepted_keeps_its_first_moment_and_its_orders():
    request = step_accepted(in_flight(), 1, at=LATER, orders={QUOTA.key: "CS1"})

    again = step_accepted(request, 1, at=AFTERWARDS, orders={QUOTA.key: None})

    assert (again.steps[0].state, again.steps[0].accepted_at) == (StepState.ACCEPTED, LATER)
    assert again.item(QUOTA.key).refund_order == "CS1"
    assert step_accepted(again, 1, at=AFTERWARDS, orders={QUOTA.key: "CS2"}).item(
        QUOTA.key
    ).refund_order == ("CS2")


def test_only_what_the_cloud_took_is_sent():
    unknown = step_unknown(in_flight(2), 2)

    request = step_accepted(unknown, 2, at=AFTERWARDS, orders={SCREEN.key: "CS1"})

    assert request.steps[1].accepted_at == AFTERWARDS
    assert request.item(SCREEN.key).state is ItemState.SENT
    assert request.item(ORCHESTRATION.key).state is ItemState.UNKNOWN


def test_a_step_is_done_when_the_last_of_its_items_is_gone():
    request = step_gone(in_flight(2), 2, at=LATER, gone=[SCREEN.key], note="one of two")
    assert request.steps[1].state is StepState.STARTED
    assert request.events == in_flight(2).events

    done = step_gone(request, 2, at=AFTERWARDS, gone=[ORCHESTRATION.key], note="both")

    assert done.steps[1].state is StepState.DONE
    assert [done.item(each.key).gone_at for each in (SCREEN, ORCHESTRATION)] == [
        LATER,
        AFTERWARDS,
    ]
    assert done.events[-1] == Event(
        number=5, verb=Verb.STEP_DONE, at=AFTERWARDS, by=None, note="both"
    )


def test_a_step_is_never_started_twice():
    sent = step_started(executing(), 1, at=LATER)

    with pytest.raises(IllegalMove) as raised:
        step_started(sent, 1, at=LATER)

    assert str(raised.value) == "step 1 of request 1042 is started"


def test_a_lost_answer_is_looked_at_before_anything_is_repeated():
    unknown = step_unknown(step_started(executing(), 1, at=LATER), 1)

    assert next_step(unknown).state is StepState.UNKNOWN
    assert unknown.item(QUOTA.key).state is ItemState.UNKNOWN
    with pytest.raises(IllegalMove):
        step_started(unknown, 1, at=LATER)


def test_a_call_that_never_arrived_may_be_sent_again():
    unknown = step_unknown(step_started(executing(), 1, at=LATER), 1)

    planned = step_not_done(unknown, 1)
    again = step_started(planned, 1, at=AFTERWARDS)

    assert planned.steps[0].state is StepState.PLANNED
    assert planned.item(QUOTA.key).state is ItemState.PLANNED
    assert (again.steps[0].attempt, again.steps[0].started_at) == (2, AFTERWARDS)
    assert step_not_done(in_flight(), 1).steps[0].state is StepState.PLANNED


def test_a_step_that_is_sent_again_is_accepted_anew():
    accepted = step_accepted(in_flight(), 1, at=LATER, orders={QUOTA.key: None})
    refused = step_refused(accepted, 1, at=LATER, refusals={QUOTA.key: REFUSAL})
    failed_once = retry(fail(refused, at=LATER, problem="refused"), by=APPROVER_1, at=LATER)

    again = step_started(failed_once, 1, at=AFTERWARDS)

    assert again.steps[0].accepted_at is None
    later = step_accepted(again, 1, at=AFTERWARDS, orders={QUOTA.key: None})
    assert later.steps[0].accepted_at == AFTERWARDS


def test_a_lost_answer_may_stay_lost():
    unknown = step_unknown(in_flight(2), 2)

    assert step_unknown(unknown, 2) == unknown
    assert [unknown.item(each.key).state for each in (QUOTA, SCREEN, ORCHESTRATION)] == [
        ItemState.GONE,
        ItemState.UNKNOWN,
        ItemState.UNKNOWN,
    ]


def test_what_the_cloud_accepted_is_neither_lost_nor_undone():
    accepted = step_accepted(in_flight(), 1, at=LATER, orders={QUOTA.key: None})

    for move in (step_unknown, step_not_done):
        with pytest.raises(IllegalMove) as raised:
            move(accepted, 1)
        assert str(raised.value) == "step 1 of request 1042 is accepted"


def test_nothing_is_answered_before_it_is_sent_or_after_it_settled():
    for request, state in ((executing(), "planned"), (quota_gone(), "done")):
        answers = (
            lambda it: step_accepted(it, 1, at=LATER, orders={}),
            lambda it: step_gone(it, 1, at=LATER, gone=[]),
            lambda it: step_refused(it, 1, at=LATER, refusals={}),
            lambda it: step_unknown(it, 1),
            lambda it: step_not_done(it, 1),
        )
        for answer in answers:
            with pytest.raises(IllegalMove) as raised:
                answer(request)
            assert str(raised.value) == f"step 1 of request 1042 is {state}"


def test_steps_belong_to_a_request_that_executes():
    with pytest.raises(IllegalMove) as raised:
        step_started(approved(), 1, at=LATER)

    assert str(raised.value) == "request 1042 is approved, not executing"


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
    assert request.events[-1].verb is Verb.STEP_REFUSED
    assert next_step(request) is None


def test_a_refusal_notes_every_sentence_of_the_cloud():
    legal = ("CBC.30000052", "The account is frozen.")

    request = step_refused(
        in_flight(2), 2, at=AFTERWARDS, refusals={SCREEN.key: REFUSAL, ORCHESTRATION.key: legal}
    )

    assert request.steps[1].state is StepState.REFUSED
    assert request.item(ORCHESTRATION.key).error == "The account is frozen."
    assert request.events[-1] == Event(
        number=5,
        verb=Verb.STEP_REFUSED,
        at=AFTERWARDS,
        by=None,
        note="Another transaction is in progress. The account is frozen.",
    )


def test_what_the_cloud_said_is_noted_whichever_item_was_settled_last():
    request = step_accepted(in_flight(2), 2, at=AFTERWARDS, orders={ORCHESTRATION.key: "CS1"})
    request = step_refused(request, 2, at=AFTERWARDS, refusals={SCREEN.key: REFUSAL})

    settled = step_gone(request, 2, at=AFTERWARDS, gone=[ORCHESTRATION.key], note="edition")

    assert settled.events[-1].verb is Verb.STEP_REFUSED
    assert settled.events[-1].note == REFUSAL[1]


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
    assert request.events[-1] == Event(number=6, verb=Verb.VERIFYING, at=LATER, by=None, note=None)

    read = with_item(request, replace(request.item(QUOTA.key), auto_renew_off=True))
    done = verified(read, at=AFTERWARDS, note="the refund is paid")

    assert (done.state, done.closed) == (State.DONE, True)
    assert done.events[-1] == Event(
        number=7, verb=Verb.VERIFIED, at=AFTERWARDS, by=None, note="the refund is paid"
    )
    assert done.item(QUOTA.key).auto_renew_off
    assert [event.number for event in done.events] == list(range(1, len(done.events) + 1))


def test_nothing_is_verified_before_every_step_is_done():
    with pytest.raises(IllegalMove) as early:
        verify(quota_gone(), at=LATER)
    with pytest.raises(IllegalMove) as unread:
        verified(all_gone(), at=LATER)
    with pytest.raises(IllegalMove) as failed_:
        verify(failed(), at=LATER)

    assert str(early.value) == "request 1042 has steps that are not done"
    assert str(unread.value) == "request 1042 is executing, not verifying"
    assert str(failed_.value) == "request 1042 is failed, not executing"


def test_one_item_is_replaced_and_the_others_stay():
    before = executing()
    known = replace(before.item(SCREEN.key), auto_renew_off=True)

    after = with_item(before, known)

    assert after.items == (before.item(QUOTA.key), known, before.item(ORCHESTRATION.key))


# Repair


def test_a_failure_stays_open_and_says_what_is_wrong():
    request = failed()

    assert (request.state, request.closed) == (State.FAILED, False)
    assert request.problem == "Large screen was refused."
    assert request.events[-1] == Event(
        number=6, verb=Verb.FAILED, at=LATER, by=None, note="Large screen was refused."
    )


def test_what_does_not_read_back_fails_and_is_done_when_it_does():
    request = fail(verify(all_gone(), at=LATER), at=LATER, problem="Still listed.")

    assert request.state is State.FAILED
    assert verified(replace(request, state=State.VERIFYING), at=LATER).problem is None


def there_again(request, *keys):
    """What became of the packages' step when these read back as before."""
    back = still_there(verify(request, at=AFTERWARDS), keys or PACKAGES)
    step = back.steps[1]
    return step, [back.item(key).state for key in PACKAGES]


def test_what_the_cloud_took_and_lists_again_is_sent_since_the_cloud_took_it():
    step, states = there_again(all_gone())

    assert (step.state, step.accepted_at) == (StepState.ACCEPTED, LATER)
    assert states == [ItemState.SENT, ItemState.SENT]


def test_what_was_gone_before_its_step_began_is_to_be_done_when_it_is_listed_again():
    began = step_started(quota_gone(), 2, at=AFTERWARDS)
    unasked = step_gone(began, 2, at=AFTERWARDS, gone=PACKAGES)

    step, states = there_again(unasked)

    assert (step.state, step.started_at, step.accepted_at) == (StepState.PLANNED, None, None)
    assert states == [ItemState.PLANNED, ItemState.PLANNED]


def test_what_was_gone_before_its_second_call_may_have_been_taken_by_the_first():
    first = step_not_done(step_unknown(step_started(quota_gone(), 2, at=LATER), 2), 2)
    second = step_started(first, 2, at=AFTERWARDS)
    unasked = step_gone(second, 2, at=AFTERWARDS, gone=PACKAGES)

    step, states = there_again(unasked)

    assert step.state is StepState.UNKNOWN
    assert states == [ItemState.UNKNOWN, ItemState.UNKNOWN]


def test_of_a_step_only_what_was_in_the_call_is_sent_when_both_are_listed_again():
    began = step_started(quota_gone(), 2, at=LATER)
    without = step_gone(began, 2, at=LATER, gone=[SCREEN.key])
    taken = step_accepted(without, 2, at=AFTERWARDS, orders={ORCHESTRATION.key: None})
    gone = step_gone(taken, 2, at=AFTERWARDS, gone=[ORCHESTRATION.key])

    assert there_again(gone, SCREEN.key)[0].state is StepState.PLANNED
    step, states = there_again(gone)
    assert step.state is StepState.ACCEPTED
    assert states == [ItemState.PLANNED, ItemState.SENT]


def test_what_was_taken_as_fast_as_it_was_asked_for_is_not_asked_for_again():
    taken_at_once = all_gone()
    package = taken_at_once.steps[1]
    assert package.started_at == package.accepted_at == taken_at_once.item(SCREEN.key).gone_at

    assert there_again(taken_at_once)[0].state is StepState.ACCEPTED


def test_what_an_earlier_call_may_have_asked_for_is_read_from_the_beginning():
    again = retry(failed(), by=REQUESTER, at=AFTERWARDS)
    began = step_started(again, 2, at=AFTERWARDS)
    unasked = step_gone(began, 2, at=AFTERWARDS, gone=[SCREEN.key])

    step, states = there_again(unasked, ORCHESTRATION.key)

    assert (step.state, step.started_at) == (StepState.UNKNOWN, LATER)
    assert states == [ItemState.GONE, ItemState.UNKNOWN]


def test_what_is_not_known_stays_so_when_a_person_did_it_and_it_is_listed_again():
    unknown = step_unknown(step_started(quota_gone(), 2, at=LATER), 2)
    unread = fail(unknown, at=LATER, problem="It could not be read.")
    read = done_by_hand(unread, by=REQUESTER, at=LATER, why="Did it.")
    for key in PACKAGES:
        gone = replace(read.item(key), state=ItemState.GONE, gone_at=AFTERWARDS)
        read = with_item(read, gone)

    back = still_there(read, PACKAGES)

    assert back.steps[1].state is StepState.UNKNOWN
    assert [back.item(key).state for key in PACKAGES] == [ItemState.UNKNOWN, ItemState.UNKNOWN]


def test_a_retry_sends_only_what_is_still_there():
    request = retry(failed(), by=APPROVER_1, at=LATER)

    assert (request.state, request.problem) == (State.EXECUTING, None)
    assert next_step(request).number == 2
    assert open_items(request, 2) == (SCREEN.key,)
    again = step_started(request, 2, at=LATER)
    assert again.item(ORCHESTRATION.key).state is ItemState.GONE
    assert again.item(SCREEN.key).error is None


def test_a_retry_plans_what_was_refused_anew_and_says_who_wanted_it():
    before = failed()

    request = retry(before, by=APPROVER_1, at=AFTERWARDS)

    assert request.item(SCREEN.key) == replace(
        before.item(SCREEN.key), state=ItemState.PLANNED, error_code=None, error=None
    )
    assert request.item(ORCHESTRATION.key) == before.item(ORCHESTRATION.key)
    assert request.steps == (
        before.steps[0],
        replace(before.steps[1], state=StepState.PLANNED),
    )
    assert request.events[-1] == Event(
        number=7, verb=Verb.RETRIED, at=AFTERWARDS, by=APPROVER_1, note=None
    )


def test_done_by_hand_is_read_back():
    request = done_by_hand(failed(), by=REQUESTER, at=LATER, why="Done in the console.")

    assert (request.state, request.problem, request.closed) == (State.VERIFYING, None, False)
    assert request.events[-1] == Event(
        number=7, verb=Verb.BY_HAND, at=LATER, by=REQUESTER, note="Done in the console."
    )
    assert verified(request, at=LATER).state is State.DONE


def test_left_as_it_is_a_request_stays_failed_and_is_closed():
    request = leave_as_is(failed(), by=REQUESTER, at=LATER, why="It expires soon.")

    assert (request.state, request.closed) == (State.FAILED, True)
    assert request.problem == "Large screen was refused."
    assert request.events[-1] == Event(
        number=7, verb=Verb.LEFT, at=LATER, by=REQUESTER, note="It expires soon."
    )
    for move in (done_by_hand, leave_as_is):
        with pytest.raises(AlreadyDecided):
            move(request, by=APPROVER_1, at=LATER, why="again")
    with pytest.raises(AlreadyDecided):
        retry(request, by=APPROVER_1, at=LATER)


def test_only_what_failed_is_repaired():
    with pytest.raises(AlreadyDecided):
        retry(executing(), by=APPROVER_1, at=LATER)
    with pytest.raises(IllegalMove) as raised:
        fail(approved(), at=LATER, problem="none")

    assert str(raised.value) == "request 1042 is approved, not executing or verifying"


# From which state each move starts

MOVES = {
    "start": lambda it: start(it, at=LATER),
    "verify": lambda it: verify(it, at=LATER),
    "verified": lambda it: verified(it, at=LATER),
    "fail": lambda it: fail(it, at=LATER, problem="refused"),
    "retry": lambda it: retry(it, by=REQUESTER, at=LATER),
    "done by hand": lambda it: done_by_hand(it, by=REQUESTER, at=LATER, why="done"),
    "leave as is": lambda it: leave_as_is(it, by=REQUESTER, at=LATER, why="enough"),
}
STARTS = {
    "start": {State.APPROVED},
    "verify": {State.EXECUTING},
    "verified": {State.VERIFYING},
    "fail": {State.EXECUTING, State.VERIFYING},
    "retry": {State.FAILED},
    "done by hand": {State.FAILED},
    "leave as is": {State.FAILED},
}
REPAIRS = {"retry", "done by hand", "leave as is"}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("move", MOVES)
def test_each_move_starts_from_its_states_and_is_refused_from_every_other(move, state):
    request = replace(all_gone(), state=state)

    if state in STARTS[move]:
        assert MOVES[move](request).events[:-1] == request.events
    else:
        with pytest.raises(AlreadyDecided if move in REPAIRS else IllegalMove):
            MOVES[move](request)
