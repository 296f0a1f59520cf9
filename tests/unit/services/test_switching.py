"""Auto-renewal turned on or off by request: asked, approved, executed, read back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.billing.account import CarriedOut, ExecuteMode
from bot.billing.change import Change, Charge
from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.subscription import BillingMode, Kind, SlackUser, Status, Subscription
from bot.billing.unsubscription import ItemState, Request, State, StepState, Verb
from bot.facts.switching import SwitchWish
from bot.ports.provider import OutcomeUnknown, ProviderRefused
from bot.ports.store import Store
from bot.services.errors import (
    AlreadyOff,
    AlreadyOn,
    AlreadyRequested,
    ChargesChanged,
    GuestRefused,
    Incomplete,
    NoApprover,
    NotAllowed,
    NotRenewable,
    RequestRefused,
    SeveralAccounts,
    SwitchedByHand,
    TooLateToSwitch,
)
from bot.services.listing import Listing
from bot.services.policy import ApprovalRule, NeedingApproval
from tests.clocks import SettableClock
from tests.factories import (
    APPROVER_1,
    APPROVER_2,
    OUTSIDER,
    OWNER,
    REQUESTER,
    account,
    instant,
    key,
    order,
    package,
    quota,
    renewal,
    usd,
)
from tests.unit.services.desk import Desk, filled_in
from tests.unit.services.rig import policy

ON, OFF = Change.RENEWAL_ON, Change.RENEWAL_OFF
QUOTA = key("sm-quota")
OF_LATER = order("2026-02-20 09:20")
"""A term that ends in February 2027: the first attempt is on Sat 13 Feb 2027, 03:00."""


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(
        store,
        clock,
        [quota(orders=(OF_LATER,), auto_renew=False), package(orders=(OF_LATER,))],
    )


def other(desk: Desk, **settings: bool) -> Desk:
    """The same where the settings ask for other approvals."""
    desk.policy = policy(needing_approval=NeedingApproval(**settings))
    desk.start()
    return desk


def ask(desk: Desk, change: Change = ON, ref: str = "sm-quota", by: SlackUser = REQUESTER):
    draft = desk.switching.draft([ref], change, by=by)
    return desk.switching.ask(
        SwitchWish(
            change=change,
            keys=tuple(each.key for each in draft.ordered),
            by=by,
            opened_at=draft.opened_at,
            fingerprint=draft.fingerprint,
        )
    )


def run(desk: Desk, request: Request, *, seconds: int = 15) -> Request:
    """Approve, cool off, execute and read back."""
    desk.unsubscribing.approve(request.number, by=APPROVER_1, shown=request.acknowledged_as)
    desk.cool_off()
    desk.run(seconds=seconds)
    return desk.get(request.number)


def at_the_cloud(desk: Desk, ref: str = "sm-quota") -> bool | None:
    return desk.cloud.held[ref].auto_renew


def in_the_catalogue(desk: Desk) -> Subscription:
    with desk.store.reading() as tx:
        held = tx.catalogue.get(QUOTA)
    assert held is not None
    return held


def test_turning_on_waits_for_another_person(desk: Desk) -> None:
    request = ask(desk)

    assert request.state is State.WAITING
    assert request.change is ON
    assert request.required_approvals == 1
    assert request.acknowledgement.text == "I understand that the next renewal will be deducted."
    assert request.item(QUOTA).charge == Charge(
        amount=usd("3600.00"), at=instant("2027-02-13 03:00"), at_once=False, months=12
    )
    assert request.item(QUOTA).quote.total is None
    assert desk.cloud.switched == []
    with pytest.raises(RequestRefused):
        desk.unsubscribing.approve(request.number, by=REQUESTER)


def test_approved_it_reads_on_at_the_cloud_and_in_the_catalogue(desk: Desk) -> None:
    done = run(desk, ask(desk))

    assert done.state is State.DONE
    assert desk.cloud.switched == [("sm-quota", True)]
    assert at_the_cloud(desk) is True
    assert in_the_catalogue(desk).auto_renew is True
    assert done.item(QUOTA).auto_renew_off is False
    assert done.events[-1].note == "auto-renewal reads on"
    assert done.second_look_at is None


def test_it_cools_off_before_and_can_be_stopped(desk: Desk) -> None:
    request = ask(desk)
    desk.unsubscribing.approve(request.number, by=APPROVER_1)
    desk.run(seconds=60)
    assert desk.cloud.switched == []

    stopped = desk.unsubscribing.stop(request.number, by=REQUESTER)
    desk.cool_off()
    desk.run(seconds=15)

    assert stopped.state is State.STOPPED
    assert desk.cloud.switched == []


def test_the_record_tells_of_the_request_and_of_the_call(desk: Desk) -> None:
    run(desk, ask(desk))

    with desk.store.reading() as tx:
        entries = list(tx.audit.entries("request/1001"))
    asked = next(each for each in entries if each.action == "request.asked")
    called = next(each for each in entries if each.action == "cloud.auto-renew-on")
    assert asked.facts["change"] == "auto-renewal-on"
    assert asked.facts["seen"]["items"]["default/sm-quota"]["charge"] == {
        "amount": "USD 3,600.00",
        "at": "2027-02-12T19:00:00+00:00",
        "at_once": False,
        "months": 12,
    }
    assert called.facts["outcome"] == "accepted"
    with desk.store.reading() as tx:
        [line] = [e for e in tx.audit.entries(str(QUOTA)) if e.action == "autorenew.on"]
    assert line.facts == {"read_back": "on", "request": 1001}


def test_everybody_may_ask_for_on_but_a_guest(desk: Desk) -> None:
    assert ask(desk, by=OUTSIDER).state is State.WAITING

    desk.directory.guests.add(OUTSIDER)
    with pytest.raises(GuestRefused):
        desk.switching.draft(["sm-quota"], ON, by=OUTSIDER)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"billing_mode": BillingMode.PAY_PER_USE}, "It is pay-per-use, nothing is prepaid."),
        ({"status": Status.FAILED}, "The cloud does not renew it."),
        ({"status": Status.EXPIRED}, "Its term is over."),
        ({"orders": (order("2025-11-12 09:20"),)}, "Its term is over."),
        ({"orders": ()}, "It is not known when it ends."),
        ({"kind": Kind.SAAS, "notice_days": 30}, "It renews by its contract, not by the cloud."),
    ],
)
def test_what_the_cloud_would_not_renew_is_refused(
    desk: Desk, changes: dict[str, object], said: str
) -> None:
    with desk.store.transaction() as tx:
        tx.catalogue.put([replace(in_the_catalogue(desk), **changes)], at=desk.clock.now())  # type: ignore[arg-type]

    with pytest.raises(NotRenewable) as refused:
        desk.switching.draft(["sm-quota"], ON, by=REQUESTER)

    assert refused.value.sentence == said


@pytest.mark.parametrize(("change", "ref"), [(ON, "sm-quota"), (OFF, "sm-screen")])
def test_where_people_carry_out_what_changes_it_is_switched_in_the_console(
    desk: Desk, change: Change, ref: str
) -> None:
    desk.store._accounts["default"] = account(carried_out=CarriedOut.BY_HAND)  # type: ignore[attr-defined]
    wish = SwitchWish(change=change, keys=(key(ref),), by=OWNER)

    with pytest.raises(SwitchedByHand) as shown:
        desk.switching.draft([ref], change, by=OWNER)
    with pytest.raises(SwitchedByHand):
        desk.switching.ask(wish)
    with pytest.raises(SwitchedByHand):
        desk.renewing.turn_off([key(ref)], by=OWNER)
    assert desk.cloud.switched == []

    assert shown.value.sentence == (
        "In default a person carries out what changes, so Lapse does not switch it."
    )
    assert (
        shown.value.advice == f"Turn it {'on' if change is ON else 'off'} in the cloud's console."
    )
    assert desk.unsubscribing.mine(OWNER) == []


def test_what_is_on_already_is_refused_and_so_is_off(desk: Desk) -> None:
    with pytest.raises(AlreadyOn):
        desk.switching.draft(["sm-screen"], ON, by=REQUESTER)
    with pytest.raises(AlreadyOff):
        desk.switching.draft(["sm-quota"], OFF, by=OWNER)


def test_who_turned_it_off_is_named_until_it_is_turned_on_again(desk: Desk) -> None:
    other(desk, autorenew_off=True)
    run(desk, ask(desk, OFF, "sm-screen", by=OWNER))
    with pytest.raises(AlreadyOff) as refused:
        desk.switching.draft(["sm-screen"], OFF, by=APPROVER_1)
    assert refused.value.by == OWNER

    run(desk, ask(desk, ON, "sm-screen"))
    desk.cloud.change("sm-screen", auto_renew=False)
    with desk.store.transaction() as tx:
        tx.catalogue.put([desk.cloud.held["sm-screen"]], at=desk.clock.now())

    with pytest.raises(AlreadyOff) as again:
        desk.switching.draft(["sm-screen"], OFF, by=APPROVER_1)
    assert again.value.by is None


def test_without_a_subscription_nothing_is_asked(desk: Desk) -> None:
    with pytest.raises(Incomplete):
        desk.switching.ask(SwitchWish(change=ON, keys=(), by=REQUESTER))


def test_those_of_two_accounts_are_two_requests(desk: Desk) -> None:
    with pytest.raises(SeveralAccounts):
        desk.switching.ask(SwitchWish(change=ON, keys=(QUOTA, key("a", "prod")), by=REQUESTER))


def test_it_is_not_asked_while_another_request_holds_it(desk: Desk) -> None:
    held = desk.ask("sm-quota")

    with pytest.raises(AlreadyRequested) as refused:
        desk.switching.draft(["sm-quota"], ON, by=REQUESTER)
    assert refused.value.number == held.number

    desk.unsubscribing.withdraw(held.number, by=REQUESTER)
    on = ask(desk)
    with pytest.raises(AlreadyRequested) as again:
        desk.draft("sm-quota")
    assert again.value.number == on.number


def test_nobody_but_oneself_is_said_at_once(desk: Desk) -> None:
    desk.policy = policy(approvers=(REQUESTER,))
    desk.start()

    with pytest.raises(NoApprover):
        desk.switching.draft(["sm-quota"], ON, by=REQUESTER)


def test_the_rules_by_amount_count_what_will_be_deducted(desk: Desk) -> None:
    desk.policy = replace(desk.policy, required=2)
    desk.start()

    assert ask(desk).required_approvals == 2


def test_an_amount_that_is_not_known_may_be_any(store: Store, clock: SettableClock) -> None:
    dear = ApprovalRule(required=2, min_amount=usd("100000"))
    elsewhere = ApprovalRule(required=3, min_amount=Money(Decimal(1), "CNY"))
    dark = quota(orders=(OF_LATER,), auto_renew=False, renewal_price=None)
    other = package(orders=(OF_LATER,), auto_renew=False)
    desk = Desk(store, clock, [dark, other], policy=policy(rules=(dear, elsewhere)))
    drafts = [desk.switching.draft([ref], ON, by=REQUESTER) for ref in ("sm-quota", "sm-screen")]

    assert [(each.approvals_needed, each.more_as_unknown) for each in drafts] == [
        (2, True),
        (1, False),
    ]
    assert ask(desk).required_approvals == 2


def test_each_currency_is_a_sum_of_its_own(store: Store, clock: SettableClock) -> None:
    dear = ApprovalRule(required=2, min_amount=Money(Decimal(1000), "CNY"))
    in_yuan = replace(OF_LATER, currency="CNY")
    held = [
        quota(orders=(OF_LATER,), auto_renew=False),
        package(orders=(in_yuan,), auto_renew=False, renewal_price=Decimal(1000)),
    ]
    desk = Desk(store, clock, held, policy=policy(rules=(dear,)))

    assert desk.switching.draft(["sm-quota"], ON, by=REQUESTER).approvals_needed == 1
    assert desk.switching.draft(["sm-quota", "sm-screen"], ON, by=REQUESTER).approvals_needed == 2


def test_the_deadline_lies_before_the_last_attempt(store: Store, clock: SettableClock) -> None:
    """Expiry is Wed 25 Nov, 23:59, the last attempt that day at 03:00, less an hour and cooling."""
    near = quota(orders=(order("2025-11-25 09:20"),), auto_renew=False)
    draft = Desk(store, clock, [near]).switching.draft(["sm-quota"], ON, by=REQUESTER)

    assert draft.deadline == instant("2026-11-25 01:55")
    assert draft.items[0].charge.at == instant("2026-11-24 03:00")
    assert not draft.items[0].charge.at_once


def test_past_the_last_attempt_it_is_deducted_at_once(store: Store, clock: SettableClock) -> None:
    """R22: the deadline then lies before the end of the term."""
    clock.advance_to(instant("2026-11-25 09:00"))
    last_day = quota(orders=(order("2025-11-25 09:20"),), auto_renew=False)
    desk = Desk(store, clock, [last_day])

    draft = desk.switching.draft(["sm-quota"], ON, by=REQUESTER)

    assert draft.items[0].charge == Charge(amount=usd("3600.00"), at=None, at_once=True, months=12)
    assert draft.deadline == instant("2026-11-25 22:54")
    assert run(desk, ask(desk)).state is State.DONE


def test_too_near_the_last_attempt_the_worst_is_acknowledged(
    store: Store, clock: SettableClock
) -> None:
    """Executed in time it is charged at 03:00, later at once: that is what is acknowledged."""
    clock.advance_to(instant("2026-11-25 02:30"))
    last_day = quota(orders=(order("2025-11-25 09:20"),), auto_renew=False)

    draft = Desk(store, clock, [last_day]).switching.draft(["sm-quota"], ON, by=REQUESTER)

    assert draft.items[0].charge.at_once
    assert draft.deadline == instant("2026-11-25 22:54")


def test_in_the_last_hour_of_a_term_there_is_no_time(store: Store, clock: SettableClock) -> None:
    clock.advance_to(instant("2026-11-25 23:00"))
    last_day = quota(orders=(order("2025-11-25 09:20"),), auto_renew=False)

    with pytest.raises(TooLateToSwitch) as refused:
        Desk(store, clock, [last_day]).switching.draft(["sm-quota"], ON, by=REQUESTER)

    assert refused.value.sentence == (
        "Its term ends on Wed 25 Nov 2026, 23:59 GMT+08:00, too soon for an approval."
    )


def test_an_amount_that_is_not_known_stays_so(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        held = replace(in_the_catalogue(desk), renewal_price=None)
        tx.catalogue.put([held], at=desk.clock.now())
    desk.cloud.change("sm-quota", renewal_price=None)

    request = ask(desk)

    charged = request.item(QUOTA).charge
    assert charged is not None
    assert charged.amount is None
    assert run(desk, request).state is State.DONE


def test_other_facts_than_were_shown_are_not_sent(desk: Desk) -> None:
    draft = desk.switching.draft(["sm-quota"], ON, by=REQUESTER)
    with desk.store.transaction() as tx:
        dearer = replace(in_the_catalogue(desk), renewal_price=Decimal("3601.00"))
        tx.catalogue.put([dearer], at=desk.clock.now())
    wish = SwitchWish(
        change=ON,
        keys=(QUOTA,),
        by=REQUESTER,
        opened_at=draft.opened_at,
        fingerprint=draft.fingerprint,
    )

    with pytest.raises(ChargesChanged) as refused:
        desk.switching.ask(wish)

    assert refused.value.draft.items[0].charge.amount == usd("3601.00")
    with pytest.raises(Exception, match="1001"):
        desk.get()


def test_the_same_press_after_a_while_is_the_same_deadline(desk: Desk) -> None:
    draft = desk.switching.draft(["sm-quota"], ON, by=REQUESTER)
    desk.clock.advance(timedelta(minutes=20))
    wish = SwitchWish(
        change=ON,
        keys=(QUOTA,),
        by=REQUESTER,
        opened_at=draft.opened_at,
        fingerprint=draft.fingerprint,
    )

    assert desk.switching.ask(wish).deadline == draft.deadline


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"renewal_price": Decimal("3700.00")},
            "SecMaster Professional, 50 ECS costs USD 3,700.00, acknowledged USD 3,600.00.",
        ),
        (
            {"auto_renew_months": 24},
            "SecMaster Professional, 50 ECS renews for 24 months, acknowledged 12 months.",
        ),
        (
            {"orders": (order("2025-11-23 09:20"),)},
            "SecMaster Professional, 50 ECS would be deducted at once.",
        ),
        (
            {"orders": (order("2026-02-19 09:20"),)},
            "SecMaster Professional, 50 ECS would be deducted sooner than acknowledged.",
        ),
    ],
)
def test_what_is_worse_than_acknowledged_makes_it_stale(
    desk: Desk, facts: dict[str, object], said: str
) -> None:
    request = ask(desk)
    desk.cloud.change("sm-quota", **facts)

    stale = run(desk, request)

    assert stale.state is State.STALE
    assert stale.problem == said
    assert desk.cloud.switched == []


def test_what_the_cloud_does_not_say_stays_as_it_was_known(desk: Desk) -> None:
    request = ask(desk)
    desk.cloud.change("sm-quota", renewal_price=None, auto_renew_months=None)

    assert run(desk, request).state is State.DONE


def test_a_price_that_was_not_known_and_is_now_is_stale(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        tx.catalogue.put([replace(in_the_catalogue(desk), renewal_price=None)], at=desk.clock.now())

    stale = run(desk, ask(desk))

    assert stale.problem == (
        "SecMaster Professional, 50 ECS costs USD 3,600.00, acknowledged amount not known."
    )


def test_what_is_better_goes_on(desk: Desk) -> None:
    request = ask(desk)
    desk.cloud.change("sm-quota", renewal_price=Decimal("3500.00"))

    assert run(desk, request).state is State.DONE


def test_what_the_cloud_lists_no_more_is_stale(desk: Desk) -> None:
    request = ask(desk)
    desk.cloud.change("sm-quota", status=Status.UNSUBSCRIBED)

    stale = run(desk, request)

    assert stale.state is State.STALE
    assert stale.problem == "SecMaster Professional, 50 ECS is not at the cloud any more."


def test_when_the_only_one_is_gone_it_is_to_be_withdrawn(desk: Desk) -> None:
    request = ask(desk)
    desk.cloud.change("sm-quota", status=Status.UNSUBSCRIBED)
    run(desk, request)

    with pytest.raises(RequestRefused) as refused:
        desk.switching.review(request.number, by=REQUESTER)

    assert refused.value.advice == "Withdraw it."


def test_one_of_two_that_is_gone_is_left_out_when_it_is_acknowledged_again(
    store: Store, clock: SettableClock
) -> None:
    both = [quota(ref, orders=(OF_LATER,), auto_renew=False) for ref in ("sm-1", "sm-2")]
    desk = Desk(store, clock, both)
    draft = desk.switching.draft(["sm-1", "sm-2"], ON, by=REQUESTER)
    keys = tuple(each.key for each in draft.ordered)
    request = desk.switching.ask(SwitchWish(change=ON, keys=keys, by=REQUESTER))
    desk.cloud.change("sm-1", status=Status.UNSUBSCRIBED)
    assert run(desk, request).state is State.STALE

    again = desk.switching.acknowledge_again(
        request.number, SwitchWish(change=ON, keys=keys, by=REQUESTER)
    )

    assert [item.key.id for item in again.items] == ["sm-2"]
    assert [(step.number, step.subscriptions) for step in again.steps] == [(1, (key("sm-2"),))]


def test_a_stale_one_is_acknowledged_again_and_approved_again(desk: Desk) -> None:
    request = ask(desk)
    desk.cloud.change("sm-quota", renewal_price=Decimal("3700.00"))
    run(desk, request)

    new = desk.switching.review(request.number, by=REQUESTER)
    assert [each.amount for each in new.before] == [usd("3600.00")]
    assert new.draft.items[0].charge.amount == usd("3700.00")
    with pytest.raises(NotAllowed):
        desk.switching.review(request.number, by=OUTSIDER)
    again = desk.switching.acknowledge_again(
        request.number,
        SwitchWish(
            change=ON,
            keys=(QUOTA,),
            by=REQUESTER,
            opened_at=new.draft.opened_at,
            fingerprint=new.draft.fingerprint,
        ),
    )

    assert again.state is State.WAITING
    assert again.approvals == ()
    assert again.problem is None
    done = run(desk, again)
    assert done.state is State.DONE


def test_a_lost_answer_is_read_and_nothing_is_repeated_when_it_is_on(desk: Desk) -> None:
    switch = desk.cloud.set_auto_renew

    def lost(ref: str, *, on: bool) -> None:
        switch(ref, on=on)
        raise OutcomeUnknown("timeout")

    desk.cloud.set_auto_renew = lost  # type: ignore[method-assign]

    done = run(desk, ask(desk))

    assert done.state is State.DONE
    assert desk.cloud.switched == [("sm-quota", True)]


def test_a_lost_request_is_read_first_and_sent_again_when_it_can_no_longer_land(
    desk: Desk,
) -> None:
    switch = desk.cloud.set_auto_renew
    asked: list[str] = []

    def lost_once(ref: str, *, on: bool) -> None:
        asked.append(ref)
        if len(asked) == 1:
            raise OutcomeUnknown("timeout")
        switch(ref, on=on)

    desk.cloud.set_auto_renew = lost_once  # type: ignore[method-assign]

    waiting = run(desk, ask(desk), seconds=20)
    assert waiting.steps[0].state is StepState.UNKNOWN
    assert asked == ["sm-quota"]
    desk.run(seconds=120)

    assert desk.state() is State.DONE
    assert asked == ["sm-quota", "sm-quota"]


def test_a_process_that_died_after_the_intent_reads_before_it_calls(desk: Desk) -> None:
    switch = desk.cloud.set_auto_renew

    def dies(ref: str, *, on: bool) -> None:
        switch(ref, on=on)
        raise KeyboardInterrupt

    desk.cloud.set_auto_renew = dies  # type: ignore[method-assign]
    request = ask(desk)
    desk.unsubscribing.approve(request.number, by=APPROVER_1)
    desk.cool_off()
    with pytest.raises(KeyboardInterrupt):
        desk.run(seconds=5)
    assert desk.get().steps[0].state is StepState.STARTED
    desk.cloud.set_auto_renew = switch  # type: ignore[method-assign]
    desk.start()
    desk.clock.advance(timedelta(seconds=61))

    desk.run(seconds=15)

    assert desk.state() is State.DONE
    assert desk.cloud.switched == [("sm-quota", True)]


def test_a_refusal_fails_says_why_and_is_retried(desk: Desk) -> None:
    desk.cloud.refuses_calls.append(ProviderRefused("It is frozen.", code="CBC.99003656"))

    failed = run(desk, ask(desk))

    assert failed.state is State.FAILED
    assert failed.item(QUOTA).state is ItemState.REFUSED
    assert failed.problem == "The cloud refused SecMaster Professional, 50 ECS: It is frozen."
    desk.unsubscribing.retry(failed.number, by=REQUESTER)
    desk.run(seconds=15)
    assert desk.state() is State.DONE
    assert at_the_cloud(desk) is True


def test_one_that_vanished_meanwhile_is_refused_and_never_counts_as_done(desk: Desk) -> None:
    request = ask(desk)
    desk.unsubscribing.approve(request.number, by=APPROVER_1)
    desk.cool_off()
    desk.executing.run_due(1)
    desk.cloud.change("sm-quota", status=Status.UNSUBSCRIBED)
    desk.run(seconds=15)

    failed = desk.get()

    assert failed.state is State.FAILED
    assert failed.item(QUOTA).error == "The cloud does not list it any more."


def test_the_price_of_the_last_is_compared_before_the_first_call(desk: Desk) -> None:
    desk.cloud.change("sm-screen", auto_renew=False)
    with desk.store.transaction() as tx:
        tx.catalogue.put([desk.cloud.held["sm-screen"]], at=desk.clock.now())
    wish = SwitchWish(change=ON, keys=(QUOTA, key("sm-screen")), by=REQUESTER)
    desk.unsubscribing.approve(desk.switching.ask(wish).number, by=APPROVER_1)
    desk.cool_off()
    desk.executing.run_due(1)
    desk.cloud.change("sm-screen", renewal_price=Decimal("9000.00"))
    desk.run(seconds=5)

    assert desk.get().state is State.FAILED
    assert desk.cloud.switched == []


def test_a_price_that_rises_before_the_call_fails_it_unsent(desk: Desk) -> None:
    request = ask(desk)
    desk.unsubscribing.approve(request.number, by=APPROVER_1)
    desk.cool_off()
    desk.executing.run_due(1)
    desk.cloud.change("sm-quota", renewal_price=Decimal("3700.00"))
    desk.run(seconds=5)

    failed = desk.get()

    assert failed.state is State.FAILED
    assert failed.problem == (
        "SecMaster Professional, 50 ECS costs USD 3,700.00, acknowledged USD 3,600.00."
    )
    assert desk.cloud.switched == []


def test_a_cloud_that_takes_it_and_changes_nothing_is_read_and_then_left_to_people(
    desk: Desk,
) -> None:
    """It reads what is, so that nothing is called done that is not."""
    desk.cloud.ignores_switch = True

    waiting = run(desk, ask(desk), seconds=30)

    assert waiting.state is State.EXECUTING
    assert waiting.steps[0].state is StepState.ACCEPTED
    assert len(desk.cloud.switched) == 1

    desk.clock.advance(timedelta(minutes=15))
    desk.run(seconds=5)

    failed = desk.get()
    assert failed.state is State.FAILED
    assert failed.item(QUOTA).error == "The cloud took it and changed nothing."
    assert len(desk.cloud.switched) == 1


def test_one_that_somebody_turned_on_already_is_done_without_a_call(desk: Desk) -> None:
    request = ask(desk)
    desk.cloud.change("sm-quota", auto_renew=True)

    done = run(desk, request)

    assert done.state is State.DONE
    assert desk.cloud.switched == []


def test_one_that_is_on_already_costs_nothing_more_than_was_acknowledged(desk: Desk) -> None:
    request = ask(desk)
    desk.cloud.change("sm-quota", auto_renew=True, renewal_price=Decimal("9999.00"))

    assert run(desk, request).state is State.DONE


def test_done_by_hand_is_read_back(desk: Desk) -> None:
    desk.cloud.refuses_calls.append(ProviderRefused("It is frozen.", code="CBC.99003656"))
    failed = run(desk, ask(desk))

    desk.unsubscribing.by_hand(failed.number, by=REQUESTER, why="In the console.")
    desk.run(seconds=5)
    assert desk.get().problem == ("Auto-renewal of SecMaster Professional, 50 ECS still reads off.")

    desk.cloud.change("sm-quota", auto_renew=True)
    desk.unsubscribing.by_hand(failed.number, by=REQUESTER, why="In the console.")
    desk.run(seconds=5)

    assert desk.state() is State.DONE
    assert in_the_catalogue(desk).auto_renew is True


def test_a_dry_run_calls_nothing_and_ends_done(store: Store, clock: SettableClock) -> None:
    store._accounts["prod"] = account("prod", execute=ExecuteMode.DRY_RUN)  # type: ignore[attr-defined]
    desk = Desk(store, clock, [quota(account="prod", orders=(OF_LATER,), auto_renew=False)])

    done = run(desk, ask(desk))

    assert done.dry_run
    assert done.state is State.DONE
    assert desk.cloud.switched == []
    with desk.store.reading() as tx:
        held = tx.catalogue.get(key("sm-quota", account="prod"))
    assert held is not None
    assert held.auto_renew is False


def test_without_the_need_for_approval_it_cools_off_at_once(desk: Desk) -> None:
    request = ask(other(desk, autorenew_on=False))

    assert request.state is State.APPROVED
    assert request.approvals == ()
    assert [(each.verb, each.by) for each in request.events] == [
        (Verb.ASKED, REQUESTER),
        (Verb.APPROVED, None),
    ]
    desk.run(seconds=60)
    assert desk.cloud.switched == []
    desk.cool_off()
    desk.run(seconds=15)
    assert desk.state() is State.DONE
    assert at_the_cloud(desk) is True


def test_a_stale_one_that_needs_no_approval_cools_off_again(desk: Desk) -> None:
    request = ask(other(desk, autorenew_on=False))
    desk.cloud.change("sm-quota", renewal_price=Decimal("3700.00"))
    desk.cool_off()
    desk.run(seconds=5)
    assert desk.state() is State.STALE

    again = desk.switching.acknowledge_again(
        request.number, SwitchWish(change=ON, keys=(QUOTA,), by=REQUESTER)
    )

    assert again.state is State.APPROVED
    desk.cool_off()
    desk.run(seconds=15)
    assert desk.state() is State.DONE


def test_off_needs_a_request_only_where_the_settings_say_so(desk: Desk) -> None:
    assert not desk.switching.needs_request(OFF)
    assert desk.switching.needs_request(ON)
    assert other(desk, autorenew_off=True).switching.needs_request(OFF)
    assert other(desk, autorenew_on=False).switching.needs_request(ON)


@pytest.mark.parametrize("asks", [True, False])
def test_whatever_offers_to_turn_it_off_knows_whether_that_is_asked_for(
    desk: Desk, *, asks: bool
) -> None:
    other(desk, autorenew_off=asks)
    listing = Listing(store=desk.store, clock=desk.clock, policy=desk.policy)

    assert listing.show("sm-quota").off_by_request is asks
    assert desk.draft("sm-quota").off_by_request is asks


def test_off_by_request_is_for_those_who_may_turn_it_off(desk: Desk) -> None:
    other(desk, autorenew_off=True)
    desk.cloud.change("sm-screen", owner=OWNER)

    with pytest.raises(NotAllowed):
        desk.switching.draft(["sm-screen"], OFF, by=OUTSIDER)
    request = ask(desk, OFF, "sm-screen", by=OWNER)

    assert request.state is State.WAITING
    assert request.acknowledgement.text == (
        "I understand that it ends with its term unless someone renews it."
    )
    done = run(desk, request)
    assert done.state is State.DONE
    assert desk.cloud.switched == [("sm-screen", False)]
    assert done.events[-1].note == "auto-renewal reads off"
    assert done.items[0].auto_renew_off is True


def test_several_are_turned_off_one_call_each(store: Store, clock: SettableClock) -> None:
    pair = [quota(orders=(OF_LATER,)), package(orders=(OF_LATER,))]
    desk = other(Desk(store, clock, pair), autorenew_off=True)
    wish = SwitchWish(change=OFF, keys=(QUOTA, key("sm-screen")), by=OWNER)

    done = run(desk, desk.switching.ask(wish), seconds=20)

    assert done.state is State.DONE
    assert [step.subscriptions for step in done.steps] == [(QUOTA,), (key("sm-screen"),)]
    assert desk.cloud.switched == [("sm-quota", False), ("sm-screen", False)]


def test_off_has_to_be_decided_before_the_safe_cutoff(store: Store, clock: SettableClock) -> None:
    near = quota(orders=(order("2025-12-02 09:20"),))
    desk = other(Desk(store, clock, [near]), autorenew_off=True)

    draft = desk.switching.draft(["sm-quota"], OFF, by=OWNER)
    assert draft.deadline == instant("2026-11-23 22:55") + timedelta(days=1)

    with desk.store.transaction() as tx:
        tx.catalogue.put([replace(near, orders=())], at=clock.now())
    undated = desk.switching.draft(["sm-quota"], OFF, by=OWNER)
    assert undated.deadline == clock.now() + timedelta(hours=72)
    with desk.store.transaction() as tx:
        tx.catalogue.put([near], at=clock.now())

    clock.advance_to(instant("2026-11-24 23:30"))
    with pytest.raises(TooLateToSwitch) as refused:
        desk.switching.draft(["sm-quota"], OFF, by=OWNER)
    assert refused.value.advice == "Turn it off in the cloud's console."


def test_giving_back_without_the_need_for_approval_cools_off_at_once(
    store: Store, clock: SettableClock
) -> None:
    first = order("2025-12-07 09:20")
    desk = Desk(store, clock, [quota(orders=(first, renewal(first)))])
    assert desk.ask("sm-quota", scope=Scope.ALL).required_approvals == 1
    desk.unsubscribing.withdraw(1001, by=REQUESTER)
    other(desk, give_back=False)

    assert desk.draft("sm-quota").approvals_needed == 1
    draft = desk.draft("sm-quota", scope=Scope.RENEWALS)
    assert draft.approvals_needed == 0

    request = desk.unsubscribing.submit(filled_in(draft))
    assert request.state is State.APPROVED
    assert request.events[-1].note == "by the settings, which ask for no approval"
    desk.run(seconds=30)
    assert desk.cloud.calls == []
    desk.cool_off()
    desk.run(seconds=15)
    done = desk.get(request.number)
    assert done.state is State.DONE
    assert [call.scope for call in desk.cloud.calls] == [Scope.RENEWALS]


def test_an_approval_of_two_people_counts_both(desk: Desk) -> None:
    desk.policy = replace(desk.policy, required=2)
    desk.start()
    request = ask(desk)

    desk.unsubscribing.approve(request.number, by=APPROVER_1)
    assert desk.state() is State.WAITING
    desk.unsubscribing.approve(request.number, by=APPROVER_2)

    assert desk.state() is State.APPROVED
