"""Deciding for somebody else: as whom, and that one person and one approver count once."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.deciding import approve, best_first, can_approve, reject, still_to_decide
from bot.billing.delegation import Deciders, Delegation, authorities, deciders
from bot.billing.unsubscription import (
    AlreadyDecided,
    ApprovedAlready,
    CannotApproveForRequester,
    CannotApproveOwnRequest,
    NotAnApprover,
    State,
    UnsubscriptionError,
)
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, OWNER, REQUESTER, instant
from tests.unit.billing.requests import LATER, approved, waiting

DAY = timedelta(days=1)
APPROVERS = (APPROVER_1, APPROVER_2)


def lent(approver=APPROVER_1, delegate=OUTSIDER, **changes) -> Delegation:
    facts = {
        "id": f"{approver}-{delegate}",
        "approver": approver,
        "delegate": delegate,
        "starts_at": NOW,
        "ends_at": NOW + DAY,
        "why": "Away.",
        "made_at": NOW,
    }
    return Delegation(**(facts | changes))


def test_it_holds_from_its_first_moment_until_before_its_end():
    delegation = lent()

    assert [delegation.holds(NOW + each) for each in (-timedelta(seconds=1), 0 * DAY, DAY)] == [
        False,
        True,
        False,
    ]
    assert delegation.holds(NOW + DAY - timedelta(microseconds=1))


def test_one_that_was_ended_holds_no_longer():
    ended = lent(ended_at=NOW + DAY / 2, ended_by=APPROVER_1)

    assert ended.holds(NOW + DAY / 4)
    assert not ended.holds(NOW + DAY / 2)
    assert ended.is_over(NOW + DAY / 2)


def test_its_days_are_those_of_the_zone_in_which_it_was_made():
    delegation = lent(starts_at=instant("2026-11-24 00:00"), ends_at=instant("2026-11-28 00:00"))

    first, last = delegation.days(ZoneInfo("Asia/Shanghai"))

    assert (str(first), str(last)) == ("2026-11-24", "2026-11-27")


def test_a_person_decides_as_themselves_first_and_then_for_others_as_they_are_set():
    found = [lent(APPROVER_2, OUTSIDER), lent(APPROVER_1, OUTSIDER), lent(APPROVER_2, APPROVER_1)]

    def as_whom(user):
        return authorities(user, approvers=APPROVERS, in_force=found)

    assert as_whom(OUTSIDER) == (APPROVER_1, APPROVER_2)
    assert as_whom(APPROVER_1) == (APPROVER_1, APPROVER_2)
    assert as_whom(APPROVER_2) == (APPROVER_2,)
    assert as_whom(OWNER) == ()


def test_a_delegate_passes_nothing_on_and_a_former_approver_has_nothing_to_give():
    chain = [lent(APPROVER_1, OUTSIDER), lent(OUTSIDER, OWNER), lent(REQUESTER, OWNER)]

    assert authorities(OWNER, approvers=APPROVERS, in_force=chain) == ()


def test_a_delegate_approves_and_rejects_as_the_approver():
    yes = approve(waiting(), by=OUTSIDER, at=LATER, authorities=(APPROVER_1,))
    no = reject(waiting(), by=OUTSIDER, at=LATER, why="Wait.", authorities=(APPROVER_1,))

    assert (yes.state, no.state) == (State.APPROVED, State.REJECTED)
    for request in (yes, no):
        event = request.events[-1]
        assert (event.by, event.behalf, event.authority) == (OUTSIDER, APPROVER_1, APPROVER_1)


def test_an_approvers_own_decision_is_for_nobody_else():
    event = approved().events[-1]

    assert (event.by, event.behalf, event.authority) == (APPROVER_1, None, APPROVER_1)


def test_approver_and_delegate_are_one_approval_whoever_comes_first():
    own = approve(waiting(required=2), by=APPROVER_1, at=LATER, authorities=(APPROVER_1,))
    with pytest.raises(ApprovedAlready):
        approve(own, by=OUTSIDER, at=LATER, authorities=(APPROVER_1,))

    given = approve(waiting(required=2), by=OUTSIDER, at=LATER, authorities=(APPROVER_1,))
    with pytest.raises(ApprovedAlready):
        approve(given, by=APPROVER_1, at=LATER, authorities=(APPROVER_1,))
    assert given.state is State.WAITING


def test_one_person_counts_once_for_however_many_they_decide():
    once = approve(waiting(required=2), by=OUTSIDER, at=LATER, authorities=APPROVERS)

    with pytest.raises(AlreadyDecided):
        approve(once, by=OUTSIDER, at=LATER, authorities=APPROVERS)
    assert len(once.approvals) == 1


def test_a_second_person_with_another_authority_is_the_second_approval():
    once = approve(waiting(required=2), by=OUTSIDER, at=LATER, authorities=APPROVERS)

    twice = approve(once, by=APPROVER_2, at=LATER, authorities=(APPROVER_2,))

    assert twice.state is State.APPROVED
    assert [event.authority for event in twice.approvals] == [APPROVER_1, APPROVER_2]


def test_who_decides_for_several_gives_the_approval_that_is_not_there_yet():
    once = approve(waiting(required=2), by=APPROVER_1, at=LATER, authorities=(APPROVER_1,))

    twice = approve(once, by=OUTSIDER, at=LATER, authorities=APPROVERS)

    assert (twice.state, twice.approvals[-1].behalf) == (State.APPROVED, APPROVER_2)


def test_the_requester_approves_for_nobody_and_nobody_for_the_requester():
    with pytest.raises(CannotApproveOwnRequest):
        approve(waiting(), by=REQUESTER, at=LATER, authorities=(APPROVER_1,))
    for decide in (approve, lambda *args, **more: reject(*args, why="No.", **more)):
        with pytest.raises(CannotApproveForRequester):
            decide(waiting(), by=OUTSIDER, at=LATER, authorities=(REQUESTER,))


def test_the_requesters_delegate_still_decides_as_somebody_else():
    request = approve(waiting(), by=APPROVER_2, at=LATER, authorities=(APPROVER_2, REQUESTER))
    other = approve(waiting(), by=OUTSIDER, at=LATER, authorities=(REQUESTER, APPROVER_1))

    assert (request.events[-1].authority, other.events[-1].authority) == (APPROVER_2, APPROVER_1)


def test_who_decides_for_nobody_is_no_approver():
    with pytest.raises(NotAnApprover):
        approve(waiting(), by=OUTSIDER, at=LATER, authorities=())


def test_those_who_can_still_decide_are_each_person_with_an_unused_authority():
    found = [lent(APPROVER_1, OUTSIDER), lent(APPROVER_2, OWNER)]

    def left(request):
        there = deciders((*APPROVERS, REQUESTER), in_force=found, away=())
        return still_to_decide(request, there)

    assert left(waiting(required=2)) == (APPROVER_1, APPROVER_2, OUTSIDER, OWNER)
    once = approve(waiting(required=2), by=OUTSIDER, at=LATER, authorities=(APPROVER_1,))
    assert left(once) == (APPROVER_2, OWNER)
    assert left(approved()) == ()


def test_nobody_can_approve_for_the_requester_alone():
    assert not can_approve(waiting(), by=OUTSIDER, authorities=(REQUESTER,))
    assert can_approve(waiting(), by=OUTSIDER, authorities=(REQUESTER, APPROVER_1))


PEOPLE = (APPROVER_1, APPROVER_2, REQUESTER, OUTSIDER, OWNER)
SETTINGS = (APPROVER_1, APPROVER_2, REQUESTER)


@given(
    st.integers(min_value=1, max_value=4),
    st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=8),
    st.lists(st.sampled_from(PEOPLE), max_size=12),
)
def test_whoever_clicks_approvals_differ_in_person_and_authority_and_none_is_the_requesters(
    required, pairs, clicks
):
    in_force = [lent(approver, delegate) for approver, delegate in pairs if approver != delegate]
    request = waiting(required=required)
    for by in clicks:
        may = authorities(by, approvers=SETTINGS, in_force=in_force)
        can = can_approve(request, by=by, authorities=may)
        try:
            request = approve(request, by=by, at=LATER, authorities=may)
        except UnsubscriptionError:
            assert not can
        else:
            assert can

    people = [event.by for event in request.approvals]
    behalf = [event.authority for event in request.approvals]
    assert len(set(people)) == len(people) == len(set(behalf))
    assert REQUESTER not in {*people, *behalf}
    assert set(behalf) <= set(SETTINGS)
    assert (request.state is State.APPROVED) == (len(people) == required)


@pytest.mark.parametrize(
    ("approvers", "in_force", "away", "most"),
    [
        ([APPROVER_1, APPROVER_2, REQUESTER], [], [], 2),
        ([APPROVER_1, APPROVER_2], [], [APPROVER_1], 1),
        ([APPROVER_1], [lent(APPROVER_1, REQUESTER)], [APPROVER_1], 0),
        ([APPROVER_1, APPROVER_2], [lent(APPROVER_1, APPROVER_2)], [APPROVER_1], 1),
        ([APPROVER_1, APPROVER_2], [lent(APPROVER_1, OUTSIDER)], [APPROVER_1], 2),
        ([APPROVER_1, APPROVER_2], [lent(APPROVER_1, OUTSIDER)], [APPROVER_1, OUTSIDER], 1),
        ([APPROVER_1, REQUESTER], [lent(REQUESTER, OUTSIDER)], [], 1),
        ([APPROVER_1], [lent(APPROVER_1, OUTSIDER), lent(APPROVER_1, OWNER)], [], 1),
        (
            [APPROVER_1, APPROVER_2],
            [lent(APPROVER_1, OWNER), lent(APPROVER_2, OWNER), lent(APPROVER_1, OUTSIDER)],
            [APPROVER_1, APPROVER_2],
            2,
        ),
    ],
)
def test_as_many_can_approve_as_differ_in_person_and_authority(approvers, in_force, away, most):
    there = deciders(approvers, in_force=in_force, away=away)

    assert there.besides(REQUESTER).most_approvals == most


def test_those_for_whom_nobody_there_decides_are_not_named():
    in_force = [lent(APPROVER_1, REQUESTER)]
    there = deciders((APPROVER_1, APPROVER_2, REQUESTER), in_force=in_force, away=[APPROVER_1])

    assert there.approvers == (APPROVER_1, APPROVER_2, REQUESTER)
    assert there.besides(REQUESTER).approvers == (APPROVER_2,)


def test_who_decides_for_several_leaves_what_others_can_give():
    in_force = [lent(APPROVER_1, OWNER), lent(APPROVER_2, OWNER), lent(APPROVER_1, OUTSIDER)]
    there = deciders(APPROVERS, in_force=in_force, away=APPROVERS)
    found = best_first(
        waiting(required=2), by=OWNER, authorities=there.as_whom[OWNER], deciders=there
    )

    assert there.as_whom[OWNER] == (APPROVER_1, APPROVER_2)
    assert found == (APPROVER_2, APPROVER_1)


@given(
    st.integers(min_value=1, max_value=4),
    st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=8),
    st.sets(st.sampled_from(PEOPLE)),
    st.permutations(PEOPLE),
)
def test_in_any_order_enough_approve_exactly_if_so_many_can(required, pairs, away, order):
    in_force = [lent(approver, delegate) for approver, delegate in pairs if approver != delegate]
    there = deciders(SETTINGS, in_force=in_force, away=away)
    request = waiting(required=required)
    for by in order:
        may = there.as_whom.get(by, ())
        best = best_first(request, by=by, authorities=may, deciders=there)
        if can_approve(request, by=by, authorities=best):
            request = approve(request, by=by, at=LATER, authorities=best)

    enough = there.besides(REQUESTER).most_approvals >= required
    assert (request.state is State.APPROVED) is enough


def test_without_deciders_nobody_approves():
    assert Deciders().most_approvals == 0
