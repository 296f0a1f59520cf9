"""What counts as saved: three stages, each thing once, nothing that was not decided."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.billing import deciding, stepping
from bot.billing.next_renewal import NextRenewal, next_renewal
from bot.billing.plan import plan
from bot.billing.quote import Scope
from bot.billing.savings import (
    Gain,
    Saved,
    as_it_is_now,
    asked_for,
    at_least,
    decided_at,
    distinct,
    turned_off,
)
from bot.billing.subscription import Kind, Status
from bot.billing.unsubscription import ItemState, Request, State, Verb, noted
from bot.billing.worst import Worst
from tests.factories import (
    APPROVER_1,
    NOW,
    REQUESTER,
    account,
    instant,
    order,
    quota,
    renewal,
    usd,
)
from tests.unit.billing.requests import (
    DEADLINE,
    LATER,
    ORCHESTRATION,
    QUOTA,
    SCREEN,
    approved,
    asking,
    executing,
    waiting,
)

HOUR = timedelta(hours=1)
ENDS = QUOTA.expires_at
KEY = QUOTA.key
NEXT = NextRenewal(term_ends=ENDS, amount=usd(3600))


def of(request: Request, which=KEY) -> list[Saved]:
    return list(asked_for(request, which))


def refund_of(request: Request, which=KEY) -> Saved:
    return next(each for each in of(request, which) if each.gain is Gain.REFUND)


def accepted(request: Request) -> Request:
    started = stepping.step_started(request, 1, at=LATER)
    return stepping.step_accepted(started, 1, at=LATER + HOUR, orders={KEY: "CS1"})


def gone(request: Request) -> Request:
    return stepping.step_gone(accepted(request), 1, at=LATER + 2 * HOUR, gone=[KEY])


def read_back(request: Request) -> Request:
    done = stepping.verified(
        stepping.verify(gone(request), at=LATER + 3 * HOUR), at=LATER + 4 * HOUR
    )
    item = replace(done.item(KEY), refund_actual=usd("12.34"))
    return stepping.with_item(done, item)


def test_what_is_asked_for_counts_when_it_is_approved():
    assert of(waiting(QUOTA)) == []

    found = of(approved(QUOTA, at=NOW + HOUR))

    assert [each.gain for each in found] == [Gain.REFUND, Gain.RENEWAL]
    assert {each.decided_at for each in found} == {NOW + HOUR}
    assert {(each.executed_at, each.verified_at) for each in found} == {(None, None)}


def test_the_refund_is_the_acknowledged_one_and_the_renewal_the_next_one():
    refund, avoided = of(approved(QUOTA))

    assert refund.estimate == usd(0)
    assert (avoided.estimate, avoided.term_ends) == (usd(3600), ENDS)


@pytest.mark.parametrize(
    "ended",
    [
        deciding.reject(waiting(QUOTA), by=APPROVER_1, at=NOW, why="no", authorities=(APPROVER_1,)),
        deciding.withdraw(waiting(QUOTA), by=REQUESTER, at=NOW),
        deciding.expire(waiting(QUOTA), at=DEADLINE + HOUR),
        deciding.stop(approved(QUOTA), by=APPROVER_1, at=NOW, may_stop=True),
        deciding.go_stale(approved(QUOTA), at=NOW, note="worse"),
    ],
    ids=lambda ended: ended.state.value,
)
def test_what_did_not_go_on_counts_nothing(ended):
    assert of(ended) == []


@pytest.mark.parametrize("move", [approved, lambda chosen: read_back(executing(chosen))])
def test_a_dry_run_counts_nothing(move):
    assert of(replace(move(QUOTA), dry_run=True)) == []


def test_it_is_executed_when_the_cloud_accepted_it():
    sent = stepping.step_started(executing(QUOTA), 1, at=LATER)

    assert refund_of(sent).executed_at is None
    assert refund_of(accepted(executing(QUOTA))).executed_at == LATER + HOUR
    assert refund_of(gone(executing(QUOTA))).executed_at == LATER + 2 * HOUR


def test_what_was_refused_or_is_not_known_was_not_executed():
    started = stepping.step_started(executing(QUOTA), 1, at=LATER)
    refused = stepping.step_refused(started, 1, at=LATER, refusals={KEY: ("CBC.1", "No.")})
    failed = stepping.fail(refused, at=LATER, problem="refused")

    for each in (stepping.step_unknown(started, 1), refused, failed):
        assert refund_of(each).decided_at == NOW
        assert refund_of(each).executed_at is None


def test_of_a_request_that_failed_what_is_gone_is_executed_and_not_verified():
    failed = stepping.fail(gone(executing(QUOTA)), at=LATER + 3 * HOUR, problem="x")
    closed = stepping.leave_as_is(failed, by=APPROVER_1, at=LATER + 3 * HOUR, why="y")

    for each in (failed, closed):
        assert refund_of(each).executed_at == LATER + 2 * HOUR
        assert refund_of(each).verified_at is None


def test_it_is_verified_when_it_was_read_back():
    found = of(read_back(executing(QUOTA)))

    assert {each.verified_at for each in found} == {LATER + 4 * HOUR}
    assert [each.actual for each in found] == [usd("12.34"), None]


def test_the_second_look_takes_what_came_back_out_of_verified_again():
    done = read_back(executing(QUOTA))
    agreed = stepping.looked_again(done, at=LATER + 28 * HOUR, note="all gone")
    back = stepping.came_back(done, at=LATER + 28 * HOUR, problem="It is at the cloud again.")

    assert refund_of(agreed).verified_at == LATER + 4 * HOUR
    assert refund_of(back).verified_at is None
    assert refund_of(back).executed_at == LATER + 2 * HOUR


def test_breaking_the_glass_decides_too():
    broken = deciding.break_glass(
        waiting(QUOTA, required=2), by=APPROVER_1, at=NOW + HOUR, why="fire", may_break=True
    )

    assert refund_of(broken).decided_at == NOW + HOUR


def test_after_figures_were_acknowledged_again_the_new_approval_decides():
    request = noted(approved(QUOTA), Verb.ACKNOWLEDGED, at=NOW + HOUR, by=REQUESTER)
    assert decided_at(noted(request, Verb.APPROVED, at=NOW + 2 * HOUR, by=APPROVER_1)) == (
        NOW + 2 * HOUR
    )


def test_a_request_that_needs_no_approval_is_decided_when_it_is_asked_for():
    request = replace(waiting(QUOTA), state=State.APPROVED, required_approvals=0)

    assert decided_at(request) == NOW


def with_quotes(floor: str, *refunds: str) -> Request:
    """Three items that were quoted so, with what was acknowledged of all of them."""
    request = approved(QUOTA, SCREEN, ORCHESTRATION)
    items = tuple(
        replace(
            item, quote=replace(item.quote, total=item.quote.total._replace(refund=usd(quoted)))
        )
        for item, quoted in zip(request.items, refunds, strict=True)
    )
    worst = Worst(handling_fee=usd(0), refund=usd(floor), coupons_lost=usd(0))
    acknowledged = replace(request.acknowledgement, worst=worst)
    return replace(request, items=items, acknowledgement=acknowledged)


@pytest.mark.parametrize(
    ("floor", "quoted", "shares"),
    [
        ("2010.76", ("1299.90", "324.97", "433.30"), ("1269.97", "317.48", "423.31")),
        ("100.00", ("1.00", "1.00", "1.00"), ("33.34", "33.33", "33.33")),
        ("0.00", ("0.00", "0.00", "0.00"), ("0.00", "0.00", "0.00")),
        ("0.00", ("5.00", "0.00", "1.00"), ("0.00", "0.00", "0.00")),
    ],
)
def test_what_was_acknowledged_is_shared_out_to_the_cent(floor, quoted, shares):
    request = with_quotes(floor, *quoted)
    found = at_least(request)

    assert [each.rounded() for each in found.values()] == [usd(each) for each in shares]
    assert sum((each.amount for each in found.values()), 0) == usd(floor).amount


def test_giving_a_renewal_back_avoids_none():
    renewed = quota(orders=(order(), renewal(order())))
    planned = plan([renewed], group=[], account=account(), at=NOW, scope=Scope.RENEWALS)
    asked = deciding.ask(asking(account()), plan=planned, subscriptions={KEY: renewed})
    given_back = deciding.approve(asked, by=APPROVER_1, at=NOW, authorities=(APPROVER_1,))

    assert [each.gain for each in of(given_back)] == [Gain.REFUND]


def saved(**changes) -> Saved:
    facts = {
        "key": KEY,
        "gain": Gain.REFUND,
        "estimate": usd(10),
        "decided_at": NOW,
        "executed_at": None,
        "verified_at": None,
    }
    return Saved(**(facts | changes))


def test_of_two_attempts_the_one_that_came_further_counts_and_else_the_later():
    first = saved(executed_at=NOW)
    later = saved(estimate=usd(8), decided_at=NOW + HOUR)
    last = saved(estimate=usd(7), decided_at=NOW + 2 * HOUR, executed_at=NOW + 2 * HOUR)

    assert distinct([first, later]) == (first,)
    assert distinct([later]) == (later,)
    assert distinct([first, later, last]) == (last,)


def test_what_was_verified_stays_when_there_is_another_refund():
    first = saved(executed_at=NOW, verified_at=NOW)
    other = saved(decided_at=NOW + HOUR)

    assert distinct([first, other]) == (first, other)


def test_a_renewal_counts_once_however_it_was_avoided():
    off = turned_off(KEY, NEXT, at=NOW)
    again = turned_off(KEY, NEXT, at=NOW + HOUR)
    asked = saved(gain=Gain.RENEWAL, term_ends=ENDS, decided_at=NOW + HOUR)
    following = turned_off(KEY, replace(NEXT, term_ends=ENDS + 365 * 24 * HOUR), at=NOW)

    assert distinct([off, again]) == (again,)
    assert distinct([off, asked]) == (off,)
    assert distinct([off, following]) == (off, following)


def test_turning_off_is_decided_executed_and_verified_at_once():
    off = turned_off(KEY, NEXT, at=NOW)

    assert (off.decided_at, off.executed_at, off.verified_at) == (NOW, NOW, NOW)
    assert (off.gain, off.estimate) == (Gain.RENEWAL, usd(3600))


OFF = turned_off(KEY, NEXT, at=NOW)
HELD = replace(QUOTA, auto_renew=False)


@pytest.mark.parametrize(
    ("held", "stands"),
    [
        (HELD, True),
        (None, True),
        (replace(HELD, status=Status.EXPIRED), True),
        (replace(HELD, auto_renew=True), False),
        (quota(auto_renew=False, orders=(order(), renewal(order()))), False),
        (quota(auto_renew=True, orders=(order("2024-12-07 09:20"),)), True),
    ],
    ids=["off", "gone", "expired", "on again", "renewed by hand", "read from before"],
)
def test_what_renews_after_all_is_not_verified_any_more(held, stands):
    now = as_it_is_now(OFF, held)

    assert (now.verified_at is not None) is stands
    assert now.executed_at == NOW


def test_without_a_term_auto_renewal_alone_tells():
    off = turned_off(KEY, None, at=NOW)

    assert as_it_is_now(off, HELD).verified_at == NOW
    assert as_it_is_now(off, QUOTA).verified_at is None


def test_what_ended_is_not_questioned_by_a_catalogue_that_was_read_before():
    [_, avoided] = of(read_back(executing(QUOTA)))

    assert as_it_is_now(avoided, QUOTA) == avoided


def test_the_next_renewal_is_one_that_comes_by_itself():
    assert next_renewal(QUOTA, account(), at=NOW) == NEXT
    assert next_renewal(HELD, account(), at=NOW) is None
    assert next_renewal(replace(QUOTA, orders=()), account(), at=NOW) is None


def test_its_amount_may_not_be_known():
    unknown = replace(QUOTA, renewal_price=None)

    assert next_renewal(unknown, account(), at=NOW) == replace(NEXT, amount=None)


def test_a_contract_renews_unless_notice_is_given():
    contract = quota(kind=Kind.SAAS, notice_days=5, edition=None)

    assert next_renewal(contract, account(), at=NOW) == NEXT


def test_a_charge_may_come_after_the_term():
    assert next_renewal(QUOTA, account(), at=ENDS + HOUR) == NEXT
    assert next_renewal(QUOTA, account(), at=instant("2027-12-01 00:00")) is None


def test_an_item_that_is_not_gone_is_not_verified_with_the_others():
    done = read_back(executing(QUOTA))
    open_item = replace(done.item(KEY), state=ItemState.REFUSED)

    assert refund_of(stepping.with_item(done, open_item)).verified_at is None
