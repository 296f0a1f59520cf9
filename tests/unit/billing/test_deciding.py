"""Who may move a request before it is executed, from where, and what that changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.billing.account import ExecuteMode
from bot.billing.deciding import (
    acknowledge_again,
    approve,
    ask,
    expire,
    go_stale,
    read_again,
    reject,
    stop,
    withdraw,
)
from bot.billing.next_renewal import next_renewal
from bot.billing.plan import plan
from bot.billing.quote import Notice, Scope
from bot.billing.stepping import fail, step_started
from bot.billing.unsubscription import (
    ACKNOWLEDGEMENT,
    Acknowledgement,
    AlreadyDecided,
    CannotApproveOwnRequest,
    Event,
    IllegalMove,
    Item,
    NotAnApprover,
    OnlyTheRequester,
    Reason,
    RequestExpired,
    RequestStale,
    State,
    Step,
    StopTooLate,
    UnsubscriptionError,
    Verb,
)
from bot.billing.worst import Worst
from tests.factories import (
    APPROVER_1,
    APPROVER_2,
    NOW,
    OUTSIDER,
    REQUESTER,
    account,
    order,
    package,
    quota,
    renewal,
    terms,
    usd,
)
from tests.unit.billing.requests import (
    DEADLINE,
    EVERYTHING,
    LATER,
    ORCHESTRATION,
    QUOTA,
    SCREEN,
    WORST,
    approved,
    asking,
    executing,
    planned_again,
    waiting,
)

WORSE = Worst(handling_fee=usd(530), refund=usd(0), coupons_lost=usd(400))


def approve_as(request, by, *, at=NOW):
    return approve(request, by=by, at=at, authorities=() if by == OUTSIDER else (by,))


def stale():
    return go_stale(approved(), at=LATER, note="A coupon of USD 400.00 is lost.")


def acknowledged_again(request, *, at=LATER, **changes):
    facts = {
        "worst": WORSE,
        "items": request.items,
        "deadline": DEADLINE,
        "plan": planned_again(),
        "terms": terms(),
    }
    facts |= changes
    return acknowledge_again(request, by=REQUESTER, at=at, **facts)


# Asking


def test_a_request_keeps_what_was_sent_and_the_settings_of_that_moment():
    request = waiting(required=2, cooling_off_minutes=15)

    assert (request.number, request.account, request.scope) == (1042, "default", Scope.ALL)
    assert (request.requested_by, request.requested_at) == (REQUESTER, NOW)
    assert request.reason is Reason.FEATURES_INSUFFICIENT
    assert request.details == "The staging servers moved."
    assert request.acknowledgement == Acknowledgement(
        by=REQUESTER, at=NOW, text=ACKNOWLEDGEMENT, worst=WORST
    )
    assert (request.deadline, request.required_approvals) == (DEADLINE, 2)
    assert request.approvers == (APPROVER_1, APPROVER_2)
    assert request.cooling_off_minutes == 15
    assert request.if_kept == {"default/sm-quota": "USD 3,600.00 on Mon 30 Nov 2026"}
    assert (request.starts_at, request.closed, request.problem) == (None, False, None)
    assert request.version == 0
    assert request.events == (
        Event(number=1, verb=Verb.ASKED, at=NOW, by=REQUESTER, note=ACKNOWLEDGEMENT),
    )


def test_r8_a_request_takes_over_the_steps_and_figures_of_its_plan():
    planned = plan(list(EVERYTHING.values()), group=[], account=account(), at=NOW)

    request = ask(asking(account()), plan=planned, subscriptions=EVERYTHING)

    assert request.steps == (
        Step(number=1, subscriptions=(QUOTA.key,), after=()),
        Step(number=2, subscriptions=(SCREEN.key, ORCHESTRATION.key), after=(1,)),
    )
    assert request.items[1:] == tuple(
        Item(
            key=each.key,
            label=each.label,
            region="ap-southeast-1",
            quote=planned.quotes[each.key],
            promotion=False,
            renewal=next_renewal(each, account(), at=NOW),
        )
        for each in (SCREEN, ORCHESTRATION)
    )


def test_r11_what_outlives_an_edition_is_remembered_with_its_quota():
    planned = plan(list(EVERYTHING.values()), group=[], account=account(), at=NOW)
    outlives = [notice for notice in planned.warnings if notice.rule == "R11"]
    own = Notice(rule="X6", text="Something else.")
    quoted = replace(planned.quotes[QUOTA.key], warnings=(own,))
    planned = replace(planned, quotes={**planned.quotes, QUOTA.key: quoted})

    request = ask(asking(account()), plan=planned, subscriptions=EVERYTHING)

    assert len(outlives) == 1
    assert request.item(QUOTA.key).quote == replace(quoted, warnings=(own, *outlives))
    assert request.item(SCREEN.key).quote == planned.quotes[SCREEN.key]


def test_r9_what_stays_behind_is_remembered_by_its_name():
    group = list(EVERYTHING.values())
    planned = plan([QUOTA], group=group, account=account(), at=NOW)

    request = ask(asking(account()), plan=planned, subscriptions=EVERYTHING)

    assert request.left_behind == ("Large screen", "Security orchestration")
    assert [notice.rule for notice in request.item(QUOTA.key).quote.warnings].count("R9") == 0
    assert waiting().left_behind == ()


def test_r45_a_request_for_renewal_periods_says_so():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))
    planned = plan([renewed], group=[], account=account(), at=NOW, scope=Scope.RENEWALS)

    request = ask(asking(account()), plan=planned, subscriptions={renewed.key: renewed})

    assert request.scope is Scope.RENEWALS


def test_a_request_of_a_plan_that_moves_nothing_is_about_everything():
    planned = plan([], group=[], account=account(), at=NOW)

    request = ask(asking(account()), plan=planned, subscriptions={})

    assert (request.scope, request.items, request.steps) == (Scope.ALL, (), ())


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
    assert request.closed is False
    assert request.events[1:] == (
        Event(number=2, verb=Verb.APPROVED, at=NOW, by=APPROVER_1, note=None),
    )


def test_without_cooling_off_it_starts_at_once():
    assert approve_as(waiting(cooling_off_minutes=0), APPROVER_1).starts_at == NOW


def test_two_approvals_take_two_persons():
    once = approve_as(waiting(required=2), APPROVER_1)

    assert (once.state, once.starts_at) == (State.WAITING, None)
    with pytest.raises(AlreadyDecided):
        approve_as(once, APPROVER_1)
    assert approve_as(once, APPROVER_2).state is State.APPROVED


def test_nobody_approves_or_rejects_their_own_request():
    with pytest.raises(CannotApproveOwnRequest, match=r"^1042$"):
        approve_as(waiting(), REQUESTER)
    with pytest.raises(CannotApproveOwnRequest, match=r"^1042$"):
        reject(waiting(), by=REQUESTER, at=NOW, why="No.", authorities=(REQUESTER,))


def test_only_approvers_decide():
    with pytest.raises(NotAnApprover, match=r"^1042$"):
        approve_as(waiting(), OUTSIDER)
    with pytest.raises(NotAnApprover, match=r"^1042$"):
        reject(waiting(), by=OUTSIDER, at=NOW, why="No.", authorities=())


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
    request = reject(
        waiting(), by=APPROVER_2, at=NOW, why="After the audit.", authorities=(APPROVER_2,)
    )

    assert (request.state, request.closed) == (State.REJECTED, True)
    assert request.events[1:] == (
        Event(number=2, verb=Verb.REJECTED, at=NOW, by=APPROVER_2, note="After the audit."),
    )
    with pytest.raises(AlreadyDecided):
        approve_as(request, APPROVER_1)


@pytest.mark.parametrize("request_", [waiting(), stale()], ids=["waiting", "stale"])
def test_the_requester_can_withdraw_what_waits_or_is_stale(request_):
    request = withdraw(request_, by=REQUESTER, at=LATER)

    assert (request.state, request.closed, request.starts_at) == (State.WITHDRAWN, True, None)
    assert request.events[-1] == Event(
        number=len(request_.events) + 1, verb=Verb.WITHDREW, at=LATER, by=REQUESTER, note=None
    )


def test_nobody_else_withdraws_and_nothing_decided_is_withdrawn():
    with pytest.raises(OnlyTheRequester, match=r"^1042$"):
        withdraw(waiting(), by=APPROVER_1, at=NOW)
    with pytest.raises(AlreadyDecided):
        withdraw(approved(), by=REQUESTER, at=NOW)


@pytest.mark.parametrize(("by", "may_stop"), [(REQUESTER, False), (APPROVER_2, True)])
def test_requester_and_approvers_can_stop_during_the_cooling_off(by, may_stop):
    request = stop(approved(), by=by, at=NOW, may_stop=may_stop)

    assert (request.state, request.closed, request.starts_at) == (State.STOPPED, True, None)
    assert request.events[2:] == (Event(number=3, verb=Verb.STOPPED, at=NOW, by=by, note=None),)


def test_others_cannot_stop_and_nothing_is_stopped_after_its_first_step():
    with pytest.raises(NotAnApprover, match=r"^1042$"):
        stop(approved(), by=OUTSIDER, at=NOW, may_stop=False)
    with pytest.raises(StopTooLate):
        stop(executing(), by=REQUESTER, at=LATER, may_stop=False)
    with pytest.raises(AlreadyDecided):
        stop(waiting(), by=REQUESTER, at=NOW, may_stop=False)


def test_a_request_expires_after_its_deadline_only():
    with pytest.raises(IllegalMove) as raised:
        expire(waiting(), at=DEADLINE)
    late = DEADLINE + timedelta(seconds=1)

    expired = expire(waiting(), at=late)

    assert str(raised.value) == "request 1042 does not expire before 2026-11-26 10:12:00+08:00"
    assert (expired.state, expired.closed) == (State.EXPIRED, True)
    assert expired.events[-1] == Event(number=2, verb=Verb.EXPIRED, at=late, by=None, note=None)
    with pytest.raises(RequestExpired):
        approve_as(expired, APPROVER_1)
    with pytest.raises(RequestExpired):
        withdraw(expired, by=REQUESTER, at=NOW)


def test_what_is_stale_expires_too_and_what_is_approved_when_its_figures_hold_no_more():
    late = DEADLINE + timedelta(seconds=1)
    until = DEADLINE + timedelta(minutes=65)

    assert expire(stale(), at=late).state is State.EXPIRED
    assert approved().good_until == until
    with pytest.raises(IllegalMove):
        expire(approved(), at=until)
    expired = expire(approved(), at=until + timedelta(seconds=1), why="It could not start.")
    assert (expired.state, expired.closed) == (State.EXPIRED, True)
    assert expired.events[-1].note == "It could not start."
    with pytest.raises(IllegalMove):
        expire(executing(), at=until + timedelta(days=1))


# Stale


def test_worse_facts_send_an_approved_request_back_to_the_requester():
    request = stale()

    assert (request.state, request.starts_at, request.closed) == (State.STALE, None, False)
    assert request.events[-1] == Event(
        number=3, verb=Verb.STALE, at=LATER, by=None, note="A coupon of USD 400.00 is lost."
    )
    with pytest.raises(RequestStale):
        approve_as(request, APPROVER_2)


def test_worse_facts_stop_a_request_also_while_it_waits():
    assert go_stale(waiting(), at=LATER, note="worse").state is State.STALE


def test_acknowledging_again_asks_the_approvers_again():
    request = acknowledged_again(stale())

    assert request.state is State.WAITING
    assert request.approvals == ()
    assert request.events[-1] == Event(
        number=4, verb=Verb.ACKNOWLEDGED, at=LATER, by=REQUESTER, note=ACKNOWLEDGEMENT
    )
    assert approve_as(request, APPROVER_1, at=LATER).state is State.APPROVED


def test_acknowledging_again_replaces_figures_items_and_deadline():
    items = tuple(replace(each, label=f"{each.label}, seen again") for each in stale().items)
    deadline = DEADLINE + timedelta(hours=72)

    request = acknowledged_again(stale(), items=items, deadline=deadline)

    assert request.acknowledgement == Acknowledgement(
        by=REQUESTER, at=LATER, text=ACKNOWLEDGEMENT, worst=WORSE
    )
    assert (request.items, request.deadline) == (items, deadline)


def test_acknowledging_again_takes_over_rules_and_what_depends():
    new = package("sm-new", name="A new one")
    plan = planned_again(QUOTA, group=(QUOTA, new), rules="huaweicloud-intl/2024-06-28")

    request = acknowledged_again(stale(), plan=plan)

    assert request.rules == "huaweicloud-intl/2024-06-28"
    assert request.left_behind == ("A new one",)
    assert request.dependents == (new.key,)


def test_only_the_requester_acknowledges_what_is_stale_and_only_in_time():
    facts = {
        "worst": WORSE,
        "items": stale().items,
        "deadline": DEADLINE,
        "plan": planned_again(),
        "terms": terms(),
    }

    with pytest.raises(OnlyTheRequester, match=r"^1042$"):
        acknowledge_again(stale(), by=APPROVER_1, at=LATER, **facts)
    with pytest.raises(AlreadyDecided):
        acknowledged_again(waiting())
    assert acknowledged_again(stale(), at=DEADLINE).state is State.WAITING
    with pytest.raises(RequestExpired):
        acknowledged_again(stale(), at=DEADLINE + timedelta(seconds=1))


@pytest.mark.parametrize("before", [waiting(), approved()], ids=["waiting", "approved"])
def test_figures_read_again_within_the_limits_are_noted(before):
    request = read_again(before, at=LATER, note="within the approved limits")

    noted = Event(
        number=len(before.events) + 1,
        verb=Verb.READ_AGAIN,
        at=LATER,
        by=None,
        note="within the approved limits",
    )
    assert request == replace(before, events=(*before.events, noted))


def test_figures_are_not_read_again_once_it_executes():
    with pytest.raises(IllegalMove) as raised:
        read_again(executing(), at=LATER, note="within the approved limits")

    assert str(raised.value) == "request 1042 is executing, not waiting or approved"


def test_nothing_at_the_cloud_goes_stale_or_expires():
    running = step_started(executing(), 1, at=LATER)

    for request in (running, fail(running, at=LATER, problem="refused")):
        with pytest.raises(IllegalMove):
            go_stale(request, at=LATER, note="worse")
        with pytest.raises(IllegalMove):
            expire(request, at=DEADLINE + timedelta(days=1))


def test_the_worst_figures_are_those_that_were_acknowledged():
    assert waiting().acknowledgement.worst == WORST


# From which state each move starts

MOVES = {
    "approve": lambda it: approve_as(it, APPROVER_1),
    "reject": lambda it: reject(it, by=APPROVER_1, at=NOW, why="No.", authorities=(APPROVER_1,)),
    "withdraw": lambda it: withdraw(it, by=REQUESTER, at=NOW),
    "stop": lambda it: stop(it, by=REQUESTER, at=NOW, may_stop=False),
    "acknowledge": acknowledged_again,
    "expire": lambda it: expire(it, at=DEADLINE + timedelta(seconds=1)),
    "stale": lambda it: go_stale(it, at=NOW, note="worse"),
    "read": lambda it: read_again(it, at=NOW, note="as approved"),
}
STARTS = {
    "approve": {State.WAITING},
    "reject": {State.WAITING},
    "withdraw": {State.WAITING, State.STALE},
    "stop": {State.APPROVED},
    "acknowledge": {State.STALE},
    "expire": {State.WAITING, State.STALE},
    "stale": {State.WAITING, State.APPROVED},
    "read": {State.WAITING, State.APPROVED},
}
AT_THE_CLOUD = {State.EXECUTING, State.VERIFYING, State.DONE, State.FAILED}


def refusal_of(move, state):
    if move in {"expire", "stale", "read"}:
        return IllegalMove
    if move == "stop":
        return StopTooLate if state in AT_THE_CLOUD else AlreadyDecided
    if move == "acknowledge":
        return AlreadyDecided
    return {State.EXPIRED: RequestExpired, State.STALE: RequestStale}.get(state, AlreadyDecided)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("move", MOVES)
def test_each_move_starts_from_its_states_and_is_refused_from_every_other(move, state):
    request = replace(waiting(), state=state)

    if state in STARTS[move]:
        assert MOVES[move](request).events[:-1] == request.events
    else:
        with pytest.raises((IllegalMove, UnsubscriptionError)) as raised:
            MOVES[move](request)
        assert type(raised.value) is refusal_of(move, state)


@pytest.mark.parametrize("state", State)
def test_whoever_may_not_decide_hears_that_first(state):
    request = replace(waiting(), state=state)

    with pytest.raises(CannotApproveOwnRequest):
        approve_as(request, REQUESTER)
    with pytest.raises(NotAnApprover):
        approve_as(request, OUTSIDER)
    with pytest.raises(OnlyTheRequester):
        withdraw(request, by=APPROVER_1, at=NOW)
    with pytest.raises(NotAnApprover):
        stop(request, by=OUTSIDER, at=NOW, may_stop=False)
