"""What a person carries out: a checklist with a due date, done with evidence, seen by another."""

from datetime import timedelta

import pytest

from bot.billing import by_hand, stepping
from bot.billing.subscription import Edition, Kind
from bot.billing.unsubscription import (
    AlreadyDecided,
    CannotConfirmOwn,
    ChecklistChanged,
    FiguresOver,
    ItemState,
    NobodyElseLooks,
    OutOfOrder,
    State,
    Task,
    Verb,
)
from tests.factories import APPROVER_1, APPROVER_2, OWNER
from tests.unit.handlers import contracts as sample
from tests.unit.handlers.contracts import DUE, LINK, SAID, SEEN, STARTS

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_the_last_of_it_done_calls_a_second_person():
    request = sample.said()

    assert request.state is State.VERIFYING
    assert by_hand.doers(request) == {OWNER}
    did = by_hand.done_by(request, 1)
    assert did is not None
    assert (did.evidence, did.note) == (LINK, "By e-mail to the vendor.")
    assert request.events[-1].called == (APPROVER_1, APPROVER_2)


def test_of_several_some_can_be_done_and_the_rest_stays_open():
    request = sample.said(sample.opened(sample.cloud()), numbers=(1,))

    assert request.state is State.EXECUTING
    assert [n for n, _ in by_hand.open_items(request)] == [2, 3]
    assert request.events[-1].items == (1,)
    both = sample.said(request, numbers=(2, 3), by=APPROVER_2)
    assert both.state is State.VERIFYING
    assert by_hand.doers(both) == {OWNER, APPROVER_2}


def test_r8_packages_are_done_after_their_edition_or_together_with_it():
    request = sample.opened(sample.cloud())

    with pytest.raises(OutOfOrder):
        sample.said(request, numbers=(2,))
    assert sample.said(request, numbers=(1, 2)).state is State.EXECUTING


def test_what_is_done_already_is_not_done_twice():
    with pytest.raises(AlreadyDecided):
        sample.said(sample.said())
    one = sample.said(sample.opened(sample.cloud()), numbers=(1,))
    with pytest.raises(AlreadyDecided):
        sample.said(one, numbers=(1,))


@pytest.mark.parametrize("request_", [sample.done(), sample.waiting()])
def test_only_an_open_checklist_takes_what_was_done(request_):
    with pytest.raises(AlreadyDecided):
        sample.said(request_)


def test_whoever_did_some_of_it_does_not_confirm_it():
    one = sample.said(sample.opened(sample.cloud()), numbers=(1,), by=APPROVER_1)
    request = sample.said(one, numbers=(2, 3))

    for person in (OWNER, APPROVER_1):
        with pytest.raises(CannotConfirmOwn):
            by_hand.confirm(request, by=person, at=SEEN)
    assert by_hand.confirmed(by_hand.confirm(request, by=APPROVER_2, at=SEEN)) is not None


def test_what_was_done_again_by_another_is_the_others():
    again = sample.said(sample.still_there(), by=APPROVER_1, at=SEEN + HOUR)

    assert by_hand.doers(again) == {APPROVER_1}
    assert by_hand.confirm(again, by=OWNER, at=SEEN + DAY).events[-1].by == OWNER


def test_it_is_confirmed_once_and_then_at_once_closed():
    request = sample.seen()

    assert by_hand.next_move(request) == SEEN
    with pytest.raises(AlreadyDecided):
        by_hand.confirm(request, by=APPROVER_2, at=SEEN)
    with pytest.raises(AlreadyDecided):
        by_hand.still_there(request, numbers=(1,), by=APPROVER_2, at=SEEN, why="No")
    ended = sample.done()
    assert (ended.state, ended.closed) == (State.DONE, True)
    assert [item.state for item in ended.items] == [ItemState.GONE]
    assert ended.second_look_at is None


def test_a_cloud_that_was_read_or_tried_to_be_is_read_once_more_a_day_later():
    read = sample.read_back()
    assert read.second_look_at == SEEN + DAY
    unread = sample.done(sample.said(sample.opened(sample.cloud())))
    assert unread.second_look_at is None
    seen = sample.seen(sample.said(sample.opened(sample.cloud())))
    tried = by_hand.not_read(seen, at=SEEN, note="away")
    ended = by_hand.seen_gone(tried, at=SEEN + HOUR, note="seen")
    assert ended.second_look_at == SEEN + HOUR + DAY
    for over in (
        stepping.not_looked(ended, at=SEEN + 2 * DAY, note="away"),
        stepping.looked_again(ended, at=SEEN + 2 * DAY, note="gone"),
        stepping.came_back(ended, at=SEEN + 2 * DAY, problem="back"),
    ):
        assert over.second_look_at is None


def test_still_there_opens_only_what_is_there_and_an_earlier_look_counts_no_more():
    request = sample.said(sample.opened(sample.cloud()))
    opened = by_hand.still_there(request, numbers=(3,), by=APPROVER_1, at=SEEN, why="Listed")

    assert opened.state is State.EXECUTING
    assert [n for n, _ in by_hand.open_items(opened)] == [3]
    assert opened.events[-1].called == (OWNER,)
    assert by_hand.confirmed(sample.said(opened, numbers=(3,), at=SEEN + HOUR)) is None
    listed = sample.still_listed()
    assert by_hand.confirmed(listed) is None
    assert by_hand.whom_to_ask(listed) == (OWNER,)
    assert by_hand.confirmed(sample.said(listed, numbers=(2,), at=SEEN + HOUR)) is None


def test_people_are_called_at_the_start_a_day_before_and_when_it_is_due():
    request = sample.opened()

    assert (request.events[-1].verb, request.events[-1].at) == (Verb.REMINDED, STARTS)
    assert by_hand.next_move(request) == DUE - DAY
    request = by_hand.call(request, whom=(OWNER,), at=DUE - DAY)
    assert by_hand.next_move(request) == DUE
    request = by_hand.call(request, whom=(OWNER,), at=DUE)
    assert by_hand.next_call(request) is None
    assert by_hand.next_move(request) == DUE + HOUR == by_hand.fails_at(request)


def test_one_call_covers_all_that_were_due_before():
    request = by_hand.call(sample.opened(), whom=(OWNER,), at=DUE + HOUR / 2)

    assert by_hand.next_call(request) is None


def test_what_opens_again_late_has_at_least_a_day():
    late = DUE + 2 * DAY
    again = stepping.retry(sample.failed(), by=OWNER, at=late)

    assert by_hand.due_at(again) == late + DAY
    assert by_hand.next_call(again) == late
    assert by_hand.due_at(sample.still_there()) == DUE


def test_what_failed_can_still_be_said_to_be_done():
    request = sample.said(sample.failed(), at=DUE + DAY)

    assert request.state is State.VERIFYING
    assert request.problem is None


def test_with_figures_nothing_is_due_when_they_hold_no_longer():
    request = sample.opened(sample.cloud())

    assert request.items[0].due_at == DUE > request.good_until
    assert by_hand.due_at(request) == request.good_until
    assert by_hand.fails_at(request) == request.good_until + HOUR
    request = by_hand.call(request, whom=(OWNER,), at=request.good_until - DAY)
    assert by_hand.next_call(request) == request.good_until - HOUR
    request = by_hand.call(request, whom=(OWNER,), at=request.good_until - HOUR)
    assert by_hand.next_call(request) is None
    contract = sample.opened()
    assert by_hand.due_at(contract) == DUE > contract.good_until


def test_with_figures_it_opens_again_only_while_they_hold():
    request = sample.opened(sample.cloud())
    held = request.good_until
    in_time = by_hand.overdue(request, at=held, problem="Late.")
    opened = by_hand.retry(in_time, by=OWNER, at=held)
    late = by_hand.overdue(request, at=held + HOUR, problem="Late.")

    assert by_hand.opens_again(in_time)
    assert by_hand.due_at(opened) == held
    assert not by_hand.opens_again(late)
    for failed in (in_time, late):
        with pytest.raises(FiguresOver):
            by_hand.retry(failed, by=OWNER, at=held + HOUR)


def test_what_is_gone_can_be_said_late_and_that_it_was_late():
    request = sample.opened(sample.cloud())
    held = request.good_until
    late = by_hand.overdue(request, at=held + HOUR, problem="Late.")
    part = sample.said(late, numbers=(1,), at=held + DAY)
    whole = sample.said(part, numbers=(2, 3), at=held + DAY)

    assert (part.state, part.problem) == (State.FAILED, "Late.")
    assert [n for n, _ in by_hand.open_items(part)] == [2, 3]
    assert (whole.state, whole.problem) == (State.VERIFYING, None)
    said = [each for each in whole.events if each.verb is Verb.CARRIED_OUT]
    assert [by_hand.is_late(whole, each) for each in said] == [True, True]
    in_time = sample.said(request, at=held)
    assert not by_hand.is_late(in_time, in_time.events[-2])
    contract = sample.said(sample.failed(), at=DUE + DAY)
    assert not any(by_hand.is_late(contract, each) for each in contract.events)


def test_nobody_is_called_to_do_again_what_was_acknowledged_no_longer():
    request = sample.said(sample.opened(sample.cloud()))
    seen = request.good_until + HOUR
    back = by_hand.still_there(request, numbers=(2,), by=APPROVER_1, at=seen, why="Listed")

    assert back.events[-1].called == ()
    assert [n for n, _ in by_hand.open_items(back)] == [2]


def test_who_may_look_is_called_again_after_one_day_and_after_three():
    request = sample.said()

    assert by_hand.next_move(request) == SAID + DAY
    request = by_hand.call(request, whom=(APPROVER_1,), at=SAID + DAY)
    assert by_hand.next_move(request) == SAID + 3 * DAY
    request = by_hand.call(request, whom=(), at=SAID + 3 * DAY)
    assert by_hand.next_call(request) is None
    assert by_hand.next_move(request) == SAID + 7 * DAY == by_hand.fails_at(request)


def test_what_nobody_looked_at_is_looked_at_after_retry():
    late = SAID + 7 * DAY
    request = by_hand.retry(sample.nobody_looked(), by=OWNER, at=late)

    assert request.state is State.VERIFYING
    assert by_hand.next_move(request) == late
    called = by_hand.call(request, whom=(APPROVER_1,), at=late)
    assert by_hand.calls_to_look(called, called.events[-1])
    assert by_hand.next_move(called) == late + DAY
    assert by_hand.fails_at(called) == late + 7 * DAY
    assert by_hand.retry(sample.failed(), by=OWNER, at=late).state is State.EXECUTING


def test_what_nobody_looked_at_in_time_can_still_be_said_to_be_gone_or_not():
    request, late = sample.nobody_looked(), SAID + 8 * DAY

    seen = by_hand.confirm(request, by=APPROVER_1, at=late)
    assert (seen.state, seen.problem) == (State.VERIFYING, None)
    assert by_hand.next_move(seen) == late
    again = by_hand.still_there(request, numbers=(1,), by=APPROVER_1, at=late, why="Billed")
    assert (again.state, again.problem) == (State.EXECUTING, None)
    with pytest.raises(CannotConfirmOwn):
        by_hand.confirm(request, by=OWNER, at=late)
    for other in (sample.failed(), sample.given_up(sample.said()), sample.given_up()):
        with pytest.raises(AlreadyDecided):
            by_hand.confirm(other, by=APPROVER_1, at=late)


def test_nobody_does_it_whom_no_second_person_could_follow():
    for whom in ((), (OWNER,)):
        with pytest.raises(NobodyElseLooks):
            sample.said(whom=whom)
    one = sample.said(sample.opened(sample.cloud()), numbers=(1,), by=APPROVER_1)
    with pytest.raises(NobodyElseLooks):
        sample.said(one, numbers=(2, 3), whom=(OWNER, APPROVER_1))


RUNNING = [sample.opened(), sample.said(), sample.called_to_look(), sample.still_listed()]


@pytest.mark.parametrize("running", RUNNING)
def test_a_running_checklist_can_be_given_up(running):
    left = by_hand.leave_as_is(running, by=APPROVER_1, at=SEEN, why="We keep it")

    assert (left.state, left.closed, left.problem) == (State.FAILED, True, None)
    assert left.items == running.items
    assert (left.events[-1].verb, left.events[-1].note) == (Verb.LEFT, "We keep it")


@pytest.mark.parametrize("ended", [sample.seen(), sample.done(), sample.waiting()])
def test_what_has_been_seen_gone_or_has_not_begun_is_not_given_up(ended):
    with pytest.raises(AlreadyDecided):
        by_hand.leave_as_is(ended, by=APPROVER_1, at=SEEN, why="We keep it")


def test_what_is_said_of_a_checklist_is_of_the_turn_that_was_seen():
    first, back = sample.said(), sample.still_there()
    again = sample.said(back, at=SEEN + HOUR)
    turns = [by_hand.turn(each) for each in (sample.opened(), first, back, again)]

    assert turns == sorted(set(turns))
    assert by_hand.turn(sample.waiting()) == 0
    by_hand.demand_shown(again, turns[3])
    for shown in (0, turns[0], turns[1], turns[2]):
        with pytest.raises(ChecklistChanged):
            by_hand.demand_shown(again, shown)
    by_hand.demand_shown(first, 0)


def test_a_part_that_was_done_and_a_failure_open_no_new_turn():
    opened = sample.opened(sample.cloud())
    part = sample.said(opened, numbers=(1,))

    assert by_hand.turn(part) == by_hand.turn(opened)
    failed = by_hand.overdue(part, at=SEEN, problem="Late.")
    assert by_hand.turn(by_hand.retry(failed, by=OWNER, at=SEEN)) == by_hand.turn(opened)


def test_a_dry_run_ends_at_once_and_asks_nobody():
    cooled = sample.cloud()
    ended = by_hand.rehearsed(cooled, at=STARTS, note="dry run")

    assert ended.state is State.DONE
    assert all(not event.called for event in ended.events)


def test_r13_the_console_s_own_path():
    quota = Task(kind=Kind.QUOTA, service="SecMaster", edition=Edition.PROFESSIONAL)
    package = Task(kind=Kind.PACKAGE, service="SecMaster", edition=None)
    server = Task(kind=Kind.RESOURCE, service="ECS", edition=None)

    assert by_hand.console_path(quota) == (
        "Security & Compliance",
        "SecMaster",
        "Professional at the upper right",
        "the row of the quota",
        "Unsubscribe",
    )
    assert by_hand.console_path(package)[2:4] == (
        "Standard or Professional at the upper right",
        "the row of the package",
    )
    assert by_hand.console_path(server) == ()
