"""Since when a request stands still, when people are told, and when it is given up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.billing import by_hand, call_to_decide, deciding, standstill, stepping
from bot.billing.standstill import GIVEN_UP_AFTER, TAKEN_TOLD_AFTER, UNREAD_TOLD_AFTER, Hindrance
from bot.billing.unsubscription import State, StepState, Verb
from tests.factories import NOW
from tests.unit.billing.requests import approved, executing, waiting
from tests.unit.handlers import contracts as sample

UNREAD = Hindrance(why="The cloud could not be read.", about="cloud/default")
TAKEN = Hindrance(why="It lists it still.", about="request/1", told_after=TAKEN_TOLD_AFTER)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def open_step(request, state, *, at):
    """Its first step as it stands at the cloud since an instant."""
    first, *others = request.steps
    moved = replace(first, state=state, started_at=at, accepted_at=None)
    if state is StepState.ACCEPTED:
        moved = replace(moved, accepted_at=at)
    return replace(request, steps=(moved, *others))


def test_it_stands_since_the_cooling_off_was_over():
    assert standstill.stands_since(approved()) == approved().starts_at


@pytest.mark.parametrize("state", [StepState.STARTED, StepState.UNKNOWN, StepState.ACCEPTED])
def test_it_stands_since_something_happened_at_the_cloud(state):
    later = executing().events[-1].at + HOUR

    assert standstill.stands_since(open_step(executing(), state, at=later)) == later


def test_what_was_sent_and_did_not_arrive_is_no_progress():
    later = executing().events[-1].at + HOUR
    busy = open_step(executing(), StepState.PLANNED, at=later)

    assert standstill.stands_since(busy) == executing().events[-1].at


def test_that_people_were_told_is_no_progress_and_counts_until_it_goes_on():
    since = standstill.stands_since(executing())
    told = standstill.held_up(executing(), at=since + UNREAD_TOLD_AFTER, note="Away.")
    gone_on = open_step(told, StepState.ACCEPTED, at=since + HOUR)

    assert told.events[-1].verb is Verb.HELD_UP
    assert standstill.stands_since(told) == since
    assert standstill.is_told(told)
    assert not standstill.is_told(gone_on)


@pytest.mark.parametrize("hindrance", [UNREAD, TAKEN])
def test_people_are_told_after_a_while_and_once(hindrance):
    request = executing()
    due = standstill.stands_since(request) + hindrance.told_after

    assert not standstill.is_to_be_told(request, hindrance, at=due - MINUTE)
    assert standstill.is_to_be_told(request, hindrance, at=due)
    told = standstill.held_up(request, at=due, note="Away.")
    assert not standstill.is_to_be_told(told, hindrance, at=due + HOUR)


def test_what_was_not_sent_is_given_up_when_its_figures_hold_no_more():
    request, soon = executing(), executing().events[-1].at + HOUR
    early = replace(request, deadline=soon - timedelta(minutes=60 + request.cooling_off_minutes))

    def until(each):
        return standstill.gives_up_at(each, UNREAD, last_safe=None)

    assert until(approved()) == approved().good_until
    assert until(request) == standstill.stands_since(request) + GIVEN_UP_AFTER
    assert until(early) == early.good_until == soon


def test_what_is_open_at_the_cloud_is_given_up_before_its_last_safe_moment_but_told_first():
    taken = open_step(executing(), StepState.ACCEPTED, at=NOW + HOUR)
    since = standstill.stands_since(taken)

    def until(last_safe):
        return standstill.gives_up_at(taken, TAKEN, last_safe=last_safe)

    assert until(None) == since + GIVEN_UP_AFTER
    assert until(since + timedelta(days=9)) == since + GIVEN_UP_AFTER
    assert until(since + 5 * HOUR) == since + 5 * HOUR
    assert until(since + MINUTE) == since + TAKEN_TOLD_AFTER


def test_a_second_look_that_cannot_be_taken_is_given_up_a_day_later():
    request = executing()
    steps = tuple(replace(each, state=StepState.DONE) for each in request.steps)
    verifying = stepping.verify(replace(request, steps=steps), at=NOW + HOUR)
    done = stepping.verified(verifying, at=NOW + HOUR)
    at = done.second_look_at

    assert standstill.stands_since(done) == at
    assert standstill.gives_up_at(done, UNREAD, last_safe=None) == at + GIVEN_UP_AFTER
    assert not standstill.is_to_be_told(done, UNREAD, at=at + HOUR)
    told = stepping.not_looked(done, at=at + GIVEN_UP_AFTER, note="Away.")
    assert (told.state, told.second_look_at) == (State.DONE, None)


def test_what_waits_for_people_stands_since_lapse_had_something_to_do_about_it():
    request = waiting()
    called = call_to_decide.call(request, at=request.deadline, whom=())
    stale = deciding.go_stale(request, at=NOW + HOUR, note="Dearer.")

    assert standstill.stands_since(request) == call_to_decide.next_call(request) > NOW
    assert call_to_decide.next_call(called) is None
    assert standstill.stands_since(called) == standstill.stands_since(stale) == request.deadline


def test_what_people_carry_out_is_given_up_when_it_would_have_failed():
    for request in (sample.opened(), sample.said()):
        assert standstill.stands_since(request) == by_hand.next_move(request)
        until = standstill.gives_up_at(request, UNREAD, last_safe=None)
        assert until == by_hand.fails_at(request)

    seen = sample.seen()
    until = standstill.gives_up_at(seen, UNREAD, last_safe=None)
    assert until == seen.events[-1].at + GIVEN_UP_AFTER
