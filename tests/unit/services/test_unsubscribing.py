"""Asking and deciding: what the form shows, who may do what, and that nothing happens twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest

from bot.billing.account import ExecuteMode
from bot.billing.delegation import Delegation
from bot.billing.money import Money
from bot.billing.next_renewal import next_renewal
from bot.billing.quote import Scope
from bot.billing.subscription import BillingMode, Edition, SlackUser, Status
from bot.billing.unsubscription import (
    AlreadyDecided,
    CannotApproveOwnRequest,
    NotAnApprover,
    Reason,
    Request,
    RequestExpired,
    State,
    StopTooLate,
    Verb,
)
from bot.billing.way import WayKind
from bot.ports.store import Store
from bot.services.errors import (
    AlreadyRequested,
    AmbiguousId,
    FiguresChanged,
    GroupUnread,
    GuestRefused,
    Incomplete,
    NoApprover,
    NotAllowed,
    NotPossible,
    Refused,
    RequestRefused,
    SeveralAccounts,
    TooLate,
    UnknownRequest,
    UnknownSubscription,
)
from bot.services.policy import ApprovalRule, Stake
from tests.clocks import SettableClock
from tests.factories import (
    APPROVER_1,
    APPROVER_2,
    NOW,
    OUTSIDER,
    OWNER,
    REQUESTER,
    account,
    contract,
    instant,
    key,
    order,
    package,
    quota,
    renewal,
    resource,
    usd,
)
from tests.unit.services.desk import LONG, SECOND, Desk, filled_in, secmaster
from tests.unit.services.rig import APPROVALS, policy


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def test_packages_of_a_quota_are_chosen_beforehand_and_go_after_it(desk: Desk) -> None:
    draft = desk.draft("sm-quota")

    assert [each.key.id for each in draft.ordered] == ["sm-quota", "sm-screen", "sm-orchestration"]
    assert [step.after for step in draft.plan.steps] == [(), (1,)]
    assert draft.chosen_packages == {key("sm-orchestration"), key("sm-screen")}
    assert draft.left_behind == ()


def test_an_unticked_package_is_left_behind_by_name(desk: Desk) -> None:
    draft = desk.draft("sm-quota", packages=[key("sm-orchestration")])

    assert [each.key.id for each in draft.ordered] == ["sm-quota", "sm-orchestration"]
    assert [each.label for each in draft.left_behind] == ["Large screen"]


def test_the_worst_until_the_deadline_is_never_better_than_now(desk: Desk) -> None:
    draft = desk.draft("sm-quota")

    assert draft.worst.refund < draft.total.refund
    assert draft.worst.handling_fee == draft.total.handling_fee == usd("570.00")
    assert draft.total.paid == usd("5700.00")
    assert draft.coupons_lost == usd("0")


def test_the_deadline_counts_from_the_opening_of_the_form(desk: Desk) -> None:
    opened_at = desk.clock.now()
    desk.clock.advance(timedelta(minutes=30))

    draft = desk.draft("sm-quota", opened_at=opened_at)

    assert draft.deadline == opened_at + timedelta(hours=72)


def test_the_deadline_leaves_time_before_the_deduction(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock, [quota(orders=(order("2025-12-02 09:20"),))])

    draft = desk.draft("sm-quota")

    assert draft.deadline == instant("2026-11-24 22:55")


def test_too_late_for_an_approval_names_the_deduction(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock, [quota(orders=(order("2025-12-01 09:20"),))])
    desk.clock.set(instant("2026-11-23 23:30"))

    with pytest.raises(TooLate) as refused:
        desk.draft("sm-quota")

    assert refused.value.sentence == (
        "The deduction is on Tue 24 Nov 2026, 03:00 GMT+08:00, too soon for an approval."
    )
    assert refused.value.advice == "Turn off auto-renewal instead."


def test_a_package_alone_is_refused_and_says_with_what_it_would_go(desk: Desk) -> None:
    with pytest.raises(NotPossible) as refused:
        desk.draft("sm-screen")

    assert refused.value.refusals[key("sm-screen")].rule == "R8"
    assert set(refused.value.together_with) == {each.key for each in desk.subscriptions}
    assert refused.value.advice == "Unsubscribe from all 3 together."


@pytest.mark.parametrize(
    ("facts", "rule", "advice"),
    [
        (
            {"billing_mode": BillingMode.PAY_PER_USE},
            "R31",
            "End it in the cloud's console.",
        ),
        ({"edition": Edition.BASIC}, "R1", "Nothing to do."),
        ({"status": Status.EXPIRED}, "R34", "Renew it or let it go; no fee."),
        ({"status": Status.FROZEN}, "R34", "Ask the cloud's support."),
    ],
)
def test_what_cannot_go_says_why_and_what_to_do(
    store: Store, clock: SettableClock, facts: dict[str, object], rule: str, advice: str
) -> None:
    desk = Desk(store, clock, [quota(orders=(LONG,), **facts)])

    with pytest.raises(NotPossible) as refused:
        desk.draft("sm-quota")

    assert refused.value.refusals[key("sm-quota")].rule == rule
    assert refused.value.advice == advice


def test_some_that_can_go_leave_the_others_out_with_a_reason(
    store: Store, clock: SettableClock
) -> None:
    postpaid = resource(billing_mode=BillingMode.PAY_PER_USE)
    desk = Desk(store, clock, [quota(orders=(LONG,)), postpaid])

    draft = desk.draft("sm-quota", "build-runner-01")

    assert [each.key.id for each in draft.ordered] == ["sm-quota"]
    assert draft.left_out[postpaid.key].rule == "R31"


def test_an_unknown_id_names_those_spelled_alike(desk: Desk) -> None:
    with pytest.raises(UnknownSubscription) as refused:
        desk.draft("sm-qouta")

    assert refused.value.sentence == "No subscription `sm-qouta`."
    assert refused.value.advice == "Did you mean `sm-quota`?"


def test_an_id_of_two_accounts_asks_for_the_account(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        tx.catalogue.put(secmaster("staging"), at=desk.clock.now())

    with pytest.raises(AmbiguousId) as refused:
        desk.draft("sm-quota")
    with pytest.raises(SeveralAccounts):
        desk.draft("default/sm-quota", "staging/sm-quota")

    assert refused.value.sentence == "`sm-quota` exists in default and staging."
    assert desk.draft("default/sm-quota").account.name == "default"


def test_a_way_that_costs_nothing_is_said_when_nothing_comes_back(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock, [quota()])
    desk.clock.set(instant("2026-11-27 10:00"))

    draft = desk.draft("sm-quota")

    assert draft.total.refund == usd("0")
    assert draft.cheaper is not None
    assert draft.cheaper.kind is WayKind.TURN_OFF


def test_the_renewal_alone_costs_no_fee_until_it_begins(store: Store, clock: SettableClock) -> None:
    bought = order("2025-11-28 09:20")
    desk = Desk(store, clock, [quota(orders=(bought, renewal(bought)))])

    everything = desk.draft("sm-quota")
    alone = desk.draft("sm-quota", scope=Scope.RENEWALS)

    assert everything.renewal_scope_possible
    assert alone.total.refund == usd("3600.00")
    assert alone.total.handling_fee == usd("0.00")
    assert alone.zero_fee_until == renewal(bought).effective_at
    assert alone.deadline < renewal(bought).effective_at  # type: ignore[operator]


def test_the_form_has_the_ways_out_of_everything_that_goes(desk: Desk) -> None:
    draft = desk.draft("sm-quota")

    assert list(draft.ways) == [each.key for each in draft.ordered]
    for item, found in draft.ways.items():
        leave = found.way(WayKind.UNSUBSCRIBE)
        assert leave is not None
        assert leave.quote == draft.plan.quotes[item]


def test_ways_out_count_the_five_day_returns_that_go_before(
    store: Store, clock: SettableClock
) -> None:
    bought = order("2026-11-21 09:20", cash="4800.00", currency="CNY")
    items = [
        quota(account="cn", orders=(bought,)),
        package(account="cn", orders=(bought,)),
    ]
    desk = Desk(store, clock, items)
    draft = desk.draft("sm-quota")

    for item, found in draft.ways.items():
        leave = found.way(WayKind.UNSUBSCRIBE)
        assert leave is not None
        assert leave.quote == draft.plan.quotes[item]


def test_what_comes_if_it_is_kept_adds_up_what_shares_the_date(desk: Desk) -> None:
    kept = desk.draft("sm-quota").if_kept

    assert kept is not None
    assert kept.anchor.date.isoformat() == "2027-05-03"
    assert kept.amounts == (usd("5400.00"),)


def test_the_requester_does_not_count_as_an_approver(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock, policy=policy(approvers=(REQUESTER,)))

    with pytest.raises(NoApprover):
        desk.draft("sm-quota")


@pytest.mark.parametrize("away", ["left", "guests"])
def test_an_approver_who_is_not_there_any_more_is_none(
    store: Store, clock: SettableClock, away: str
) -> None:
    people = policy(approvers=(APPROVER_1, REQUESTER, APPROVER_2))
    desk = Desk(store, clock, [*secmaster(), resource("vm-1")], policy=people)
    getattr(desk.directory, away).add(APPROVER_1)

    assert desk.ask("sm-quota").approvers == (APPROVER_2,)
    getattr(desk.directory, away).add(APPROVER_2)
    with pytest.raises(NoApprover) as refused:
        desk.draft("vm-1")
    assert refused.value.sentence == "Nobody but you could approve this, so it was not sent."


def test_somebody_who_decides_for_an_approver_who_left_counts(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock, policy=policy(approvers=(APPROVER_1,)))
    desk.directory.left.add(APPROVER_1)
    lend(desk, APPROVER_1, OUTSIDER)

    number = desk.ask("sm-quota").number

    assert desk.unsubscribing.approve(number, by=OUTSIDER).state is State.APPROVED


def lend(desk: Desk, approver: SlackUser, delegate: SlackUser) -> None:
    with desk.store.transaction() as tx:
        tx.delegations.add(
            Delegation(
                id=f"{approver}-{delegate}",
                approver=approver,
                delegate=delegate,
                starts_at=NOW,
                ends_at=NOW + timedelta(days=7),
                why="Away.",
                made_at=NOW,
            )
        )


def test_who_decides_for_a_former_colleague_does_not_approve_their_own(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock, policy=policy(approvers=(APPROVER_1,)))
    desk.directory.left.add(APPROVER_1)
    lend(desk, APPROVER_1, REQUESTER)

    with pytest.raises(NoApprover) as refused:
        desk.draft("sm-quota")

    assert refused.value.sentence == "Nobody but you could approve this, so it was not sent."


def test_one_person_for_two_approvers_is_one_approval(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock, policy=policy(required=2))
    desk.directory.left.add(APPROVER_1)
    lend(desk, APPROVER_1, APPROVER_2)

    with pytest.raises(NoApprover) as refused:
        desk.draft("sm-quota")

    assert refused.value.sentence == (
        "This needs 2 approvals, and at most 1 can come without you, so it was not sent."
    )
    assert refused.value.advice == (
        "Each takes another person and another approver. "
        "An operator adds someone to `approvals.approvers`."
    )


def test_too_few_are_said_when_new_figures_are_acknowledged(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock)
    desk.approved("sm-quota")
    held = desk.cloud.held["sm-quota"]
    desk.cloud.held["sm-quota"] = replace(held, orders=(order("2026-05-10 09:20", cash="1.00"),))
    desk.cool_off()
    desk.run()
    sent = filled_in(desk.unsubscribing.review(1001, by=REQUESTER).draft)
    desk.policy = replace(desk.policy, required=2)
    desk.directory.left.add(APPROVER_1)
    lend(desk, APPROVER_1, APPROVER_2)
    desk.start()

    with pytest.raises(NoApprover):
        desk.unsubscribing.acknowledge_again(1001, sent)
    with pytest.raises(NoApprover):
        desk.unsubscribing.review(1001, by=REQUESTER)
    assert desk.state() is State.STALE


@pytest.mark.parametrize("away", ["left", "guests", "bots"])
def test_members_of_a_group_who_cannot_decide_do_not_count(
    store: Store, clock: SettableClock, away: str
) -> None:
    desk = Desk(store, clock, policy=policy(approvers=("S0TEAM",)))
    desk.directory.groups["S0TEAM"] = (REQUESTER, OUTSIDER, APPROVER_1)
    getattr(desk.directory, away).add(OUTSIDER)

    assert desk.draft("sm-quota").approvers == (APPROVER_1,)
    getattr(desk.directory, away).add(APPROVER_1)
    with pytest.raises(NoApprover):
        desk.draft("sm-quota")


def test_of_a_large_group_some_are_looked_up_and_those_who_are_named_always(
    store: Store, clock: SettableClock
) -> None:
    many = tuple(SlackUser(f"U0MANY{number}") for number in range(100))
    desk = Desk(store, clock, policy=policy(approvers=("S0MANY", APPROVER_1)))
    desk.directory.groups["S0MANY"] = many
    desk.directory.left |= {APPROVER_1, many[0], many[99]}

    assert desk.draft("sm-quota").approvers == many[1:]


def test_a_group_of_which_nobody_knows_who_is_in_it_is_named(
    store: Store, clock: SettableClock
) -> None:
    held = [quota(orders=(LONG,)), resource("vm-1")]
    desk = Desk(store, clock, held, policy=policy(approvers=("S0TEAM",)))
    desk.directory.groups["S0TEAM"] = (APPROVER_1,)
    number = desk.ask("sm-quota").number
    del desk.directory.groups["S0TEAM"]

    with pytest.raises(NoApprover) as asking:
        desk.draft("vm-1")
    with pytest.raises(GroupUnread) as deciding:
        desk.unsubscribing.approve(number, by=APPROVER_1)

    said = "Slack does not show who is in the user group S0TEAM, so nobody of it decides."
    assert said in asking.value.advice
    assert deciding.value.sentence == said
    assert desk.state() is State.WAITING


def test_members_of_a_group_are_asked_for_at_once(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock, policy=policy(approvers=("S0TEAM",)))
    with pytest.raises(NoApprover):
        desk.draft("sm-quota")

    desk.directory.groups["S0TEAM"] = (REQUESTER, APPROVER_1)

    assert desk.draft("sm-quota").approvers == (APPROVER_1,)


def test_a_request_waits_with_card_line_and_note(desk: Desk) -> None:
    request = desk.ask("sm-quota")

    assert request.number == 1001
    assert request.state is State.WAITING
    assert request.acknowledgement.by == REQUESTER
    assert request.approvers == (APPROVER_1, APPROVER_2)
    [card, line, note] = sorted(desk.deliveries(), key=lambda each: each.key)
    assert (card.key, card.destination) == ("request/1001/card", APPROVALS)
    assert (line.key, line.thread_of) == ("request/1001/line/1", card.id)
    assert (note.key, note.destination) == ("request/1001/note/1", REQUESTER)


def test_messages_owed_hold_ids_and_numbers_only(desk: Desk) -> None:
    desk.executed("sm-quota")

    for each in desk.deliveries():
        assert set(each.subject) <= {"request", "event", "state", "entries", "head", "file"}
        assert "3600" not in str(each.subject)


def test_the_same_form_twice_is_one_request(desk: Desk) -> None:
    submission = filled_in(desk.draft("sm-quota"))

    first = desk.unsubscribing.submit(submission)
    second = desk.unsubscribing.submit(submission)

    assert second.number == first.number
    assert desk.owed("request/1002") == []


def test_a_subscription_is_part_of_one_open_request(desk: Desk) -> None:
    draft = desk.draft("sm-quota")
    desk.unsubscribing.submit(filled_in(draft))

    with pytest.raises(AlreadyRequested) as refused:
        desk.draft("sm-quota")
    with pytest.raises(AlreadyRequested):
        desk.unsubscribing.submit(filled_in(draft, form="another"))

    assert refused.value.number == 1001


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"reason": None}, {"reason"}),
        ({"acknowledged": False}, {"acknowledged"}),
        ({"reason": Reason.OTHER, "details": "  "}, {"details"}),
        ({"details": "x" * 501}, {"details"}),
        ({"reason": None, "acknowledged": False}, {"reason", "acknowledged"}),
    ],
)
def test_an_incomplete_form_says_at_each_field_why_and_sends_nothing(
    desk: Desk, changes: dict[str, object], fields: set[str]
) -> None:
    with pytest.raises(Incomplete) as refused:
        desk.ask("sm-quota", **changes)

    assert set(refused.value.fields) == fields
    assert desk.deliveries() == []
    with pytest.raises(UnknownRequest):
        desk.get(1001)


def test_other_with_details_is_complete(desk: Desk) -> None:
    request = desk.ask("sm-quota", reason=Reason.OTHER, details=" It moved. ")

    assert request.details == "It moved."


def test_a_full_hour_passing_while_the_form_is_open_is_no_change(desk: Desk) -> None:
    draft = desk.draft("sm-quota")
    desk.clock.advance(timedelta(hours=5))

    request = desk.unsubscribing.submit(filled_in(draft))

    assert request.deadline == draft.deadline
    assert request.acknowledgement.worst == draft.worst


def test_worse_facts_while_the_form_is_open_send_nothing(desk: Desk) -> None:
    draft = desk.draft("sm-quota")
    coupon = replace(LONG, cash=Decimal("3000.00"), cash_coupon=Decimal("600.00"))
    _read(desk, replace(desk.subscriptions[0], orders=(coupon,)))

    with pytest.raises(FiguresChanged) as refused:
        desk.unsubscribing.submit(filled_in(draft))

    assert refused.value.draft.worst.refund < refused.value.before.refund
    assert refused.value.sentence.startswith("The figures changed while this was open: refund")
    assert desk.deliveries() == []


def test_a_package_more_than_the_form_showed_is_a_change(desk: Desk) -> None:
    draft = desk.draft("sm-quota")
    _read(desk, package("sm-new", orders=(LONG,)))

    with pytest.raises(FiguresChanged):
        desk.unsubscribing.submit(filled_in(draft))


def test_a_form_left_open_past_its_deadline_is_read_again(desk: Desk) -> None:
    draft = desk.draft("sm-quota")
    desk.clock.advance(timedelta(hours=80))

    with pytest.raises(FiguresChanged) as refused:
        desk.unsubscribing.submit(filled_in(draft))

    assert refused.value.draft.deadline > desk.clock.now()


def test_the_requester_cannot_approve(desk: Desk) -> None:
    desk = Desk(desk.store, desk.clock, policy=policy(approvers=(REQUESTER, APPROVER_1)))
    number = desk.ask("sm-quota").number

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.approve(number, by=REQUESTER)

    assert isinstance(refused.value.cause, CannotApproveOwnRequest)
    assert desk.state() is State.WAITING


def test_only_approvers_decide(desk: Desk) -> None:
    number = desk.ask("sm-quota").number

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.approve(number, by=OUTSIDER)

    assert isinstance(refused.value.cause, NotAnApprover)
    assert refused.value.advice == "@U0APPROVER1 and @U0APPROVER2 can."
    assert refused.value.people == (APPROVER_1, APPROVER_2)


def test_members_of_an_approving_group_decide(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock, policy=policy(approvers=("S0FINOPS",)))
    desk.directory.groups["S0FINOPS"] = (APPROVER_2,)
    number = desk.ask("sm-quota").number

    assert desk.unsubscribing.approve(number, by=APPROVER_2).state is State.APPROVED


def test_guests_can_do_nothing(desk: Desk) -> None:
    desk.directory.guests.add(OUTSIDER)

    for act in _everything(desk):
        with pytest.raises(GuestRefused):
            act(OUTSIDER)


def test_the_second_decision_says_who_was_faster(desk: Desk) -> None:
    number = desk.approved("sm-quota").number

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.reject(number, by=APPROVER_2, why="No.")

    assert isinstance(refused.value.cause, AlreadyDecided)
    assert refused.value.sentence == (
        "@U0APPROVER1 approved request 1001 at 10:12 GMT+08:00, before your click."
    )
    assert desk.state() is State.APPROVED


def test_two_approvers_at_once_decide_once(any_store: Store, clock: SettableClock) -> None:
    desk = Desk(any_store, clock)
    number = desk.ask("sm-quota").number
    outcomes = _at_once(
        lambda: desk.unsubscribing.approve(number, by=APPROVER_1).state,
        lambda: desk.unsubscribing.approve(number, by=APPROVER_2).state,
    )

    assert sorted(map(str, outcomes)) == sorted([str(State.APPROVED), str(RequestRefused)])
    assert len(desk.get().approvals) == 1


def test_the_same_form_sent_twice_at_once_is_one_request(
    any_store: Store, clock: SettableClock
) -> None:
    desk = Desk(any_store, clock)
    submission = filled_in(desk.draft("sm-quota"))

    outcomes = _at_once(*[lambda: desk.unsubscribing.submit(submission).number] * 2)

    assert outcomes == [1001, 1001]


def test_two_people_asking_for_the_same_at_once_make_one_request(
    any_store: Store, clock: SettableClock
) -> None:
    desk = Desk(any_store, clock)

    outcomes = _at_once(lambda: desk.ask("sm-quota").number, lambda: desk.ask("sm-quota").number)

    assert sorted(map(str, outcomes)) == ["1001", str(AlreadyRequested)]


def test_a_sum_from_which_two_must_approve_takes_two(store: Store, clock: SettableClock) -> None:
    rule = ApprovalRule(required=2, min_amount=Money(Decimal(5000), "USD"))
    desk = Desk(store, clock, policy=policy(rules=(rule,)))
    number = desk.ask("sm-quota").number

    first = desk.unsubscribing.approve(number, by=APPROVER_1)
    with pytest.raises(RequestRefused):
        desk.unsubscribing.approve(number, by=APPROVER_1)
    second = desk.unsubscribing.approve(number, by=APPROVER_2)

    assert first.state is State.WAITING
    assert second.state is State.APPROVED


@pytest.mark.parametrize(
    ("rule", "needed"),
    [
        (ApprovalRule(required=2, tag="env=prod"), 2),
        (ApprovalRule(required=2, tag="env"), 2),
        (ApprovalRule(required=2, tag="env=test"), 1),
        (ApprovalRule(required=2, tag="team"), 1),
        (ApprovalRule(required=2, tag="env=prod", service="SecMaster"), 2),
        (ApprovalRule(required=2, tag="env=prod", account="staging"), 1),
        (ApprovalRule(required=2, tag="env=prod", min_amount=usd("100000")), 1),
    ],
)
def test_more_approve_what_bears_a_tag(
    store: Store, clock: SettableClock, rule: ApprovalRule, needed: int
) -> None:
    first, *others = secmaster()
    tagged = replace(others[0], tags={"env": "prod"})
    desk = Desk(store, clock, (first, tagged, *others[1:]), policy=policy(rules=(rule,)))

    assert desk.draft("sm-quota").approvals_needed == needed


def test_what_was_paid_for_a_contract_and_is_not_known_may_be_any_amount(
    store: Store, clock: SettableClock
) -> None:
    rule = ApprovalRule(required=2, min_amount=usd("100000"))
    bought = order("2026-05-10 09:20")
    known, dark = contract(orders=(bought,)), contract("dark", orders=(replace(bought, cash=None),))
    desk = Desk(store, clock, [known, dark], policy=policy(rules=(rule,)))
    drafts = [desk.draft("status-page"), desk.draft("status-page", "dark")]

    assert [(each.approvals_needed, each.more_as_unknown) for each in drafts] == [
        (1, False),
        (2, True),
    ]


def test_a_rule_is_about_one_subscription_that_fits_all_of_it() -> None:
    rule = ApprovalRule(required=2, service="ECS", tag="env=prod")
    server = resource(service="ECS", tags={"env": "test"})
    others = quota(tags={"env": "prod"})
    stake = Stake(known=(usd("1"),))

    assert not rule.applies([server, others], stake=stake)
    assert rule.applies([replace(server, tags={"env": "prod"}), others], stake=stake)


def test_reject_wants_a_reason_and_ends_it(desk: Desk) -> None:
    number = desk.ask("sm-quota").number

    with pytest.raises(Incomplete) as incomplete:
        desk.unsubscribing.reject(number, by=APPROVER_1, why="  ")
    rejected = desk.unsubscribing.reject(number, by=APPROVER_1, why="The audit is not over.")

    assert incomplete.value.fields == {"why": "Say why; the requester reads it."}
    assert rejected.state is State.REJECTED
    assert rejected.events[-1].note == "The audit is not over."
    assert desk.ask("sm-quota").number == 1002


def test_only_the_requester_withdraws(desk: Desk) -> None:
    number = desk.ask("sm-quota").number

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.withdraw(number, by=APPROVER_1)
    withdrawn = desk.unsubscribing.withdraw(number, by=REQUESTER)

    assert refused.value.sentence == "Only @U0REQUESTER can withdraw request 1001."
    assert withdrawn.state is State.WITHDRAWN


@pytest.mark.parametrize(("now", "cools_off"), [(30, 30), (1, 5)])
@pytest.mark.parametrize("glass", [False, True])
def test_it_cools_off_for_the_longer_of_what_was_acknowledged_and_is_set_now(
    desk: Desk, now: int, cools_off: int, glass: bool
) -> None:
    asked = desk.ask("sm-quota")
    desk.policy = policy(cooling_off_minutes=now, break_glass=(APPROVER_1,))
    desk.start()

    if glass:
        approved = desk.unsubscribing.break_glass(1001, by=APPROVER_1, why="An incident.")
    else:
        approved = desk.unsubscribing.approve(1001, by=APPROVER_1)

    assert approved.starts_at == desk.clock.now() + timedelta(minutes=cools_off)
    assert approved.cooling_off_minutes == asked.cooling_off_minutes == 5
    assert approved.good_until == asked.good_until
    desk.clock.advance(timedelta(minutes=cools_off) - SECOND)
    desk.run()
    assert desk.cloud.calls == []
    assert desk.unsubscribing.stop(1001, by=REQUESTER).state is State.STOPPED


@pytest.mark.parametrize("glass", [False, True])
def test_however_long_it_cools_off_now_it_starts_while_the_figures_hold(
    desk: Desk, glass: bool
) -> None:
    asked = desk.ask("sm-quota")
    desk.policy = policy(cooling_off_minutes=1440, break_glass=(APPROVER_1,))
    desk.start()
    desk.clock.set(asked.deadline - timedelta(hours=20))

    if glass:
        would = desk.unsubscribing.breakable(1001, by=APPROVER_1)
        approved = desk.unsubscribing.break_glass(1001, by=APPROVER_1, why="An incident.")
        assert would.starts_at == approved.starts_at
    else:
        approved = desk.unsubscribing.approve(1001, by=APPROVER_1)

    assert approved.starts_at == asked.deadline + timedelta(minutes=5)
    assert approved.starts_at_last
    desk.clock.set(approved.starts_at)
    desk.run(seconds=15)
    assert desk.state() is State.DONE


@pytest.mark.parametrize("user", [REQUESTER, APPROVER_2])
def test_requester_and_approvers_stop_during_the_cooling_off(desk: Desk, user: SlackUser) -> None:
    number = desk.approved("sm-quota").number

    assert desk.unsubscribing.stop(number, by=user).state is State.STOPPED
    desk.cool_off()
    desk.run(seconds=2)
    assert desk.cloud.calls == []


def test_an_outsider_cannot_stop(desk: Desk) -> None:
    number = desk.approved("sm-quota").number

    with pytest.raises(NotAllowed):
        desk.unsubscribing.stop(number, by=OUTSIDER)


def test_stopping_after_the_first_step_comes_too_late(desk: Desk) -> None:
    number = desk.approved("sm-quota").number
    desk.cool_off()
    desk.run()

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.stop(number, by=REQUESTER)

    assert isinstance(refused.value.cause, StopTooLate)
    assert refused.value.sentence == "The first step went to the cloud at 10:17 GMT+08:00."


def test_after_the_deadline_nobody_decides(desk: Desk) -> None:
    request = desk.ask("sm-quota")
    desk.clock.set(request.deadline + SECOND)

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.approve(request.number, by=APPROVER_1)

    assert isinstance(refused.value.cause, RequestExpired)
    assert refused.value.advice == "Ask again to go on."


def test_a_stale_request_waits_again_once_acknowledged(desk: Desk) -> None:
    number = _stale(desk)

    figures = desk.unsubscribing.review(number, by=REQUESTER)
    again = filled_in(figures.draft)
    with pytest.raises(Incomplete):
        desk.unsubscribing.acknowledge_again(number, replace(again, acknowledged=False))
    waiting = desk.unsubscribing.acknowledge_again(number, again)

    assert figures.draft.worst.refund < figures.before.refund
    assert waiting.state is State.WAITING
    assert waiting.approvals == ()
    assert waiting.acknowledgement.worst == figures.draft.worst
    assert waiting.problem is None
    assert [item.renewal for item in waiting.items] == [
        next_renewal(item, desk.account, at=NOW) for item in figures.draft.ordered
    ]
    desk.unsubscribing.approve(number, by=APPROVER_2, shown=waiting.acknowledged_as)
    desk.cool_off()
    desk.run(seconds=15)
    assert desk.state() is State.DONE


def test_only_the_requester_acknowledges_again(desk: Desk) -> None:
    number = _stale(desk)

    with pytest.raises(NotAllowed):
        desk.unsubscribing.review(number, by=APPROVER_1)


def test_leave_as_is_closes_a_failed_request_with_its_receipt(desk: Desk) -> None:
    desk.cloud.refuses["sm-screen"] = ("CBC.99003651", "Another transaction is in progress.")
    number = desk.executed("sm-quota").number

    with pytest.raises(NotAllowed):
        desk.unsubscribing.leave(number, by=OUTSIDER, why="Never mind.")
    left = desk.unsubscribing.leave(number, by=APPROVER_1, why="It ends in May anyway.")

    assert left.state is State.FAILED
    assert left.closed
    assert desk.owed("request/1001/receipt") == [
        "request/1001/receipt",
        "request/1001/receipt/pdf",
        "request/1001/receipt/json",
    ]


def test_mine_and_waiting_for_me(desk: Desk) -> None:
    desk.ask("sm-quota")

    assert [each.number for each in desk.unsubscribing.mine(REQUESTER)] == [1001]
    assert [each.number for each in desk.unsubscribing.waiting_for(APPROVER_1)] == [1001]
    assert list(desk.unsubscribing.waiting_for(OWNER)) == []
    assert list(desk.unsubscribing.mine(OWNER)) == []


def test_the_record_names_who_did_what_for_request_and_subscription(desk: Desk) -> None:
    desk.approved("sm-quota")

    with desk.store.reading() as tx:
        request = [(e.actor, e.action) for e in tx.audit.entries("request/1001")]
        item = [(e.actor, e.action) for e in tx.audit.entries("default/sm-quota")]
        assert tx.audit.first_bad() is None

    assert request == item == [(REQUESTER, "request.asked"), (APPROVER_1, "request.approved")]


def test_a_link_is_there_once_the_card_is(desk: Desk) -> None:
    number = desk.ask("sm-quota").number

    assert desk.unsubscribing.link(number) is None
    desk.deliveries()
    assert desk.unsubscribing.link(number) == "https://slack.test/archives/C0APPROVALS/p1000001"


def test_a_dry_run_account_says_so_from_the_form_on(store: Store, clock: SettableClock) -> None:
    store._accounts["prod"] = account("prod", execute=ExecuteMode.DRY_RUN)  # type: ignore[attr-defined]
    desk = Desk(store, clock, secmaster("prod"))

    assert desk.draft("sm-quota").dry_run
    assert desk.ask("sm-quota").dry_run


def _at_once(*presses: Callable[[], object]) -> list[object]:
    """What several people at the same moment get: an answer, or the kind of refusal."""
    together = Barrier(len(presses))
    outcomes: list[object] = []

    def press(act: Callable[[], object]) -> None:
        together.wait()
        try:
            outcomes.append(act())
        except Refused as refused:
            outcomes.append(type(refused))

    threads = [Thread(target=press, args=(act,)) for act in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes


def _stale(desk: Desk) -> int:
    number = desk.approved("sm-quota").number
    coupon = replace(LONG, cash=Decimal("3200.00"), cash_coupon=Decimal("400.00"))
    desk.cloud.change("sm-quota", orders=(coupon,))
    _read(desk, replace(desk.subscriptions[0], orders=(coupon,)))
    desk.cool_off()
    desk.run()
    assert desk.state() is State.STALE
    assert desk.get().events[-1].verb is Verb.STALE
    return number


def _read(desk: Desk, subscription: object) -> None:
    with desk.store.transaction() as tx:
        tx.catalogue.put([subscription], at=desk.clock.now())  # type: ignore[list-item]


def _everything(desk: Desk) -> list[Callable[[SlackUser], object]]:
    number = desk.ask("sm-quota").number
    services = desk.unsubscribing
    deciding: list[Callable[[SlackUser], Request]] = [
        lambda by: services.approve(number, by=by),
        lambda by: services.reject(number, by=by, why="No."),
        lambda by: services.withdraw(number, by=by),
        lambda by: services.stop(number, by=by),
        lambda by: services.retry(number, by=by),
        lambda by: services.by_hand(number, by=by, why="No."),
        lambda by: services.leave(number, by=by, why="No."),
    ]
    return [*deciding, lambda by: services.draft(["sm-screen"], by=by)]


def test_new_figures_are_approved_by_as_many_as_the_settings_ask_for_them(
    store: Store, clock: SettableClock
) -> None:
    two = ApprovalRule(required=2, min_amount=usd("10000"))
    desk = Desk(store, clock, policy=policy(rules=(two,)))
    assert desk.approved("sm-quota").required_approvals == 1
    held = desk.cloud.held["sm-quota"]
    [paid] = held.orders
    desk.cloud.held["sm-quota"] = replace(held, orders=(replace(paid, cash=3 * paid.cash),))
    desk.cool_off()
    desk.run()
    review = desk.unsubscribing.review(1001, by=REQUESTER)

    again = desk.unsubscribing.acknowledge_again(1001, filled_in(review.draft))

    assert again.required_approvals == 2
    shown = again.acknowledged_as
    first, second = (
        desk.unsubscribing.approve(1001, by=by, shown=shown) for by in (APPROVER_1, APPROVER_2)
    )
    assert (first.state, second.state) == (State.WAITING, State.APPROVED)


def test_an_approval_is_of_the_figures_that_were_seen(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock)
    desk.approved("sm-quota")
    desk.cloud.held["sm-quota"] = replace(
        desk.cloud.held["sm-quota"], orders=(order("2026-05-10 09:20", cash="1.00"),)
    )
    desk.cool_off()
    desk.run()
    review = desk.unsubscribing.review(1001, by=REQUESTER)
    again = desk.unsubscribing.acknowledge_again(1001, filled_in(review.draft))

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.approve(1001, by=APPROVER_2, shown=0)

    assert refused.value.sentence == (
        "@U0REQUESTER acknowledged other figures of request 1001 at 10:17 GMT+08:00, after what "
        "you saw."
    )
    assert desk.state() is State.WAITING
    shown = again.acknowledged_as
    approved = desk.unsubscribing.approve(1001, by=APPROVER_2, shown=shown)
    assert approved.state is State.APPROVED
