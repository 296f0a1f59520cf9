"""A request as a value: its history, its approvals, and what it says when a move is wrong."""

from dataclasses import replace

import pytest

from bot.billing.deciding import acknowledge_again, approve, go_stale
from bot.billing.unsubscription import (
    ACKNOWLEDGEMENT,
    OPEN,
    AlreadyDecided,
    DecidedMeanwhile,
    Event,
    IllegalMove,
    ItemState,
    Reason,
    RequestExpired,
    RequestStale,
    State,
    StepState,
    StopTooLate,
    Verb,
    demand,
    noted,
)
from tests.factories import APPROVER_1, APPROVER_2, NOW, REQUESTER, key, terms
from tests.unit.billing.requests import (
    DEADLINE,
    LATER,
    QUOTA,
    SCREEN,
    WORST,
    planned_again,
    waiting,
)


def test_what_is_acknowledged_is_the_cloud_s_own_sentence():
    assert ACKNOWLEDGEMENT == (
        "I understand a handling fee will be charged for this unsubscription."
    )


def test_r51_reasons_have_the_cloud_s_numbers():
    assert {reason.name: reason.value for reason in Reason} == {
        "HARD_TO_USE": 1,
        "FEATURES_INSUFFICIENT": 2,
        "TOO_COMPLEX": 3,
        "DISSATISFIED": 4,
        "OTHER": 5,
    }


def test_the_states_are_called_what_people_read():
    words = "waiting approved executing verifying done rejected withdrawn expired stopped stale"

    assert [state.value for state in State] == [*words.split(), "failed"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (ItemState, "planned sent gone refused unknown"),
        (StepState, "planned started accepted unknown done refused"),
        (
            Verb,
            "asked approved rejected withdrew stopped expired read-again stale acknowledged "
            "called broke-glass started step-done step-refused verifying verified failed retried "
            "by-hand left looked-again came-back reminded carried-out confirmed still-there "
            "not-read held-up not-looked asked-to-look",
        ),
    ],
)
def test_what_is_kept_of_a_request_keeps_its_words(kind, words):
    assert [each.value for each in kind] == words.split()


def test_a_request_is_open_until_it_ends():
    ended = {State.DONE, State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.STOPPED}

    assert set(State) - OPEN == ended


def test_history_is_numbered_and_says_who_did_what_when():
    before = replace(waiting(), events=())

    request = noted(before, Verb.READ_AGAIN, at=NOW, note="as approved")
    request = noted(request, Verb.REJECTED, at=LATER, by=APPROVER_1)

    assert request.events == (
        Event(number=1, verb=Verb.READ_AGAIN, at=NOW, by=None, note="as approved"),
        Event(number=2, verb=Verb.REJECTED, at=LATER, by=APPROVER_1, note=None),
    )
    assert replace(request, events=()) == before


def test_only_approvals_since_the_newest_acknowledgement_count():
    request = waiting(required=2)
    for by in (APPROVER_1, APPROVER_2):
        request = approve(request, by=by, at=NOW, authorities=(by,))
    assert [event.by for event in request.approvals] == [APPROVER_1, APPROVER_2]
    stale = go_stale(request, at=LATER, note="worse")

    again = acknowledge_again(
        stale,
        by=REQUESTER,
        at=LATER,
        worst=WORST,
        items=stale.items,
        deadline=DEADLINE,
        plan=planned_again(),
        terms=terms(required_approvals=2),
    )
    once = approve(again, by=APPROVER_2, at=LATER, authorities=(APPROVER_2,))

    assert again.approvals == ()
    assert [(event.by, event.at) for event in once.approvals] == [(APPROVER_2, LATER)]
    assert once.state is State.WAITING


def test_a_request_finds_each_of_its_items_and_names_one_that_it_has_not():
    assert waiting().item(SCREEN.key).label == SCREEN.label
    assert waiting().item(QUOTA.key).key == QUOTA.key
    with pytest.raises(KeyError) as raised:
        waiting().item(key("other"))

    assert raised.value.args == (key("other"),)


@pytest.mark.parametrize("error", [AlreadyDecided, RequestExpired, RequestStale, StopTooLate])
def test_who_comes_too_late_is_shown_the_request_as_it_is_now(error):
    request = waiting()

    raised = error(request)

    assert isinstance(raised, DecidedMeanwhile)
    assert raised.request is request
    assert str(raised) == "1042"


def test_a_wrong_move_names_the_request_its_state_and_what_it_would_take():
    request = waiting()

    demand(request, State.WAITING)
    demand(request, State.APPROVED, State.WAITING)
    with pytest.raises(IllegalMove) as raised:
        demand(request, State.APPROVED, State.FAILED)

    assert str(raised.value) == "request 1042 is waiting, not approved or failed"
