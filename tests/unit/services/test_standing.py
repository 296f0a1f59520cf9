"""Approvals count as long as the settings name the approver: looked up again before execution."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.billing import by_hand
from bot.billing.account import CarriedOut
from bot.billing.change import Change
from bot.billing.delegation import Delegation
from bot.billing.money import Money
from bot.billing.subscription import AccountName, Edition, SlackUser
from bot.billing.unsubscription import ItemState, State, Verb
from bot.facts.switching import SwitchWish
from bot.ports.provider import Call, ItemResult, ProviderRefused, ProviderUnavailable
from bot.ports.store import Store
from bot.services.errors import RequestRefused
from bot.services.objections import UNKNOWN
from bot.services.policy import ApprovalRule, NeedingApproval
from bot.services.vouching import Vouching
from storage.engine import Database
from tests.clocks import SettableClock
from tests.conftest import ACCOUNTS, AUDIT_KEY, TEAM
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, OWNER, REQUESTER
from tests.unit.services.desk import Desk, filled_in
from tests.unit.services.rig import policy

OPERATOR = SlackUser("U0OPERATOR")
NOT_NAMED = "An approval of it does not count any more: the settings no longer name the approver."


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def set_to(desk: Desk, **changes: Any) -> None:
    """The settings read so at the next start."""
    desk.policy = replace(desk.policy, **changes)
    desk.start()


def started(desk: Desk) -> tuple[State, str | None]:
    desk.cool_off()
    desk.run(seconds=15)
    return desk.state(), desk.get().problem


def test_who_is_no_approver_any_more_has_not_approved(desk: Desk) -> None:
    desk.approved("sm-quota")
    set_to(desk, approvers=(APPROVER_2,))

    assert started(desk) == (State.STALE, NOT_NAMED)
    assert desk.cloud.calls == []


def test_acknowledged_again_and_approved_by_another_it_goes_on(desk: Desk) -> None:
    desk.approved("sm-quota")
    set_to(desk, approvers=(APPROVER_2,))
    started(desk)
    review = desk.unsubscribing.review(1001, by=REQUESTER)
    again = desk.unsubscribing.acknowledge_again(1001, filled_in(review.draft))
    desk.unsubscribing.approve(1001, by=APPROVER_2, shown=again.acknowledged_as)

    assert review.why == NOT_NAMED
    assert started(desk) == (State.DONE, None)


def test_of_more_approvals_than_are_needed_now_one_may_go(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock, policy=policy(required=2))
    desk.approved("sm-quota")
    desk.unsubscribing.approve(1001, by=APPROVER_2)
    set_to(desk, approvers=(APPROVER_2, OWNER))

    assert started(desk)[0] is State.STALE


def test_another_name_in_the_settings_changes_nothing(desk: Desk) -> None:
    desk.approved("sm-quota")
    set_to(desk, approvers=(OWNER, APPROVER_1))

    assert started(desk)[0] is State.DONE


@pytest.mark.parametrize(
    ("approvers", "ends"), [((APPROVER_1,), State.DONE), ((APPROVER_2, OUTSIDER), State.STALE)]
)
def test_what_a_delegate_decided_counts_for_the_approver(
    desk: Desk, approvers: tuple[SlackUser, ...], ends: State
) -> None:
    lent = Delegation(
        id="d",
        approver=APPROVER_1,
        delegate=OUTSIDER,
        starts_at=NOW,
        ends_at=NOW + timedelta(days=1),
        why="Away.",
        made_at=NOW,
    )
    with desk.store.transaction() as tx:
        tx.delegations.add(lent)
    desk.unsubscribing.approve(desk.ask("sm-quota").number, by=OUTSIDER)
    with desk.store.transaction() as tx:
        tx.delegations.end("d", at=desk.clock.now(), by=APPROVER_1)
    set_to(desk, approvers=approvers)

    assert started(desk)[0] is ends


def test_who_left_is_still_named_and_has_approved(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.directory.left.add(APPROVER_1)

    assert started(desk)[0] is State.DONE


@pytest.mark.parametrize(
    ("breakers", "ends"),
    [
        ((OWNER,), (State.DONE, None)),
        (
            (APPROVER_1,),
            (
                State.STALE,
                "Breaking the glass for it does not count any more: the settings name others now.",
            ),
        ),
    ],
)
def test_who_broke_the_glass_is_looked_up_too(
    store: Store,
    clock: SettableClock,
    breakers: tuple[SlackUser, ...],
    ends: tuple[State, str | None],
) -> None:
    desk = Desk(store, clock, policy=policy(required=2, break_glass=(OWNER,)))
    desk.unsubscribing.break_glass(desk.ask("sm-quota").number, by=OWNER, why="It burns.")
    set_to(desk, break_glass=breakers)

    assert started(desk) == ends


def test_while_nobody_knows_who_is_in_a_group_it_waits(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock, policy=policy(approvers=("S0TEAM",)))
    desk.directory.groups["S0TEAM"] = (APPROVER_1,)
    desk.approved("sm-quota")
    del desk.directory.groups["S0TEAM"]
    assert started(desk) == (State.APPROVED, None)

    desk.directory.groups["S0TEAM"] = (APPROVER_1,)
    clock.advance(timedelta(minutes=1))
    desk.run(seconds=15)

    assert desk.state() is State.DONE


def test_it_does_not_wait_beyond_the_figures_that_were_acknowledged(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock, policy=policy(approvers=("S0TEAM",)))
    desk.directory.groups["S0TEAM"] = (APPROVER_1,)
    desk.approved("sm-quota")
    del desk.directory.groups["S0TEAM"]
    clock.set(desk.get().deadline + timedelta(minutes=66))

    desk.run(seconds=1)

    [why] = [each.note for each in desk.get().events if each.verb is Verb.EXPIRED]
    assert (why or "").startswith("It could not start by ")
    assert (why or "").endswith(UNKNOWN)
    assert desk.state() is State.EXPIRED


def test_people_hear_of_it_while_nobody_knows_who_is_in_a_group(
    store: Store, clock: SettableClock
) -> None:
    named = policy(approvers=("S0TEAM",), operators=(OPERATOR,))
    desk = Desk(store, clock, policy=named)
    desk.directory.groups["S0TEAM"] = (APPROVER_1,)
    desk.approved("sm-quota")
    del desk.directory.groups["S0TEAM"]
    started(desk)

    for _ in range(6):
        clock.advance(timedelta(minutes=5))
        desk.run()

    [said] = [each.note for each in desk.get().events if each.verb is Verb.HELD_UP]
    assert (said or "").startswith(f"{UNKNOWN} Nothing was changed yet. Lapse goes on trying until")
    assert desk.state() is State.APPROVED
    assert [each for each in desk.owed("warning/") if each.endswith(OPERATOR)]


def test_what_a_person_carries_out_is_looked_up_too(
    database: Database, clock: SettableClock
) -> None:
    name = AccountName("default")
    hand = {**ACCOUNTS, name: replace(ACCOUNTS[name], carried_out=CarriedOut.BY_HAND)}
    desk = Desk(database.store(team_id=TEAM, accounts=hand, audit_key=AUDIT_KEY), clock)
    desk.approved("sm-quota")
    set_to(desk, approvers=(APPROVER_2,))

    assert started(desk) == (State.STALE, NOT_NAMED)


def test_without_the_need_for_approval_nobody_is_looked_up(desk: Desk) -> None:
    set_to(desk, needing_approval=NeedingApproval(autorenew_off=False, autorenew_on=False))
    switched(desk)
    set_to(desk, approvers=())

    assert started(desk)[0] is State.DONE


def switched(desk: Desk) -> None:
    """Somebody asks to have auto-renewal turned on."""
    desk.cloud.change("sm-quota", auto_renew=False)
    with desk.store.transaction() as tx:
        tx.catalogue.put([desk.cloud.held["sm-quota"]], at=desk.clock.now())
    key = desk.subscriptions[0].key
    desk.switching.ask(SwitchWish(keys=(key,), change=Change.RENEWAL_ON, by=REQUESTER))


def failed(desk: Desk) -> None:
    """The cloud refused the first call; another try would do."""
    desk.cool_off()
    desk.cloud.refuses_calls.append(ProviderRefused("Busy.", code="CBC.99003651"))
    desk.run(seconds=5)
    assert desk.state() is State.FAILED
    desk.cloud.calls.clear()


@pytest.mark.parametrize("again", [{"approvers": (APPROVER_2,)}, {"required": 2}])
def test_what_does_not_count_any_more_is_not_tried_again(desk: Desk, again: dict[str, Any]) -> None:
    desk.approved("sm-quota")
    failed(desk)
    set_to(desk, **again)

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.retry(1001, by=REQUESTER)

    assert str(refused.value) == (
        "The settings name others now, or ask for more approvals than request 1001 has. "
        "Leave it as it is and ask again."
    )
    assert (desk.state(), desk.cloud.calls) == (State.FAILED, [])


def test_a_glass_breaker_who_is_named_no_longer_has_nothing_tried_again(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock, policy=policy(required=2, break_glass=(OWNER,)))
    desk.unsubscribing.break_glass(desk.ask("sm-quota").number, by=OWNER, why="It burns.")
    failed(desk)
    set_to(desk, break_glass=())

    with pytest.raises(RequestRefused):
        desk.unsubscribing.retry(1001, by=REQUESTER)


def test_what_only_has_to_be_read_is_tried_again_whoever_approved(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    while desk.state() is not State.VERIFYING:
        desk.run(seconds=1)
    desk.cloud.away_reading = 10**6
    desk.clock.advance(timedelta(hours=25))
    desk.run()
    assert desk.state() is State.FAILED
    desk.cloud.away_reading = 0
    set_to(desk, approvers=(APPROVER_2,))

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)

    assert desk.state() is State.DONE


def test_an_answer_that_is_missing_is_looked_for_whoever_approved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Call) -> Sequence[ItemResult]:
        raise ProviderUnavailable("away")

    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.lose_answers = 1
    with monkeypatch.context() as unread:
        unread.setattr(desk.cloud, "find_outcome", away)
        desk.run(seconds=1)
        desk.clock.advance(timedelta(hours=25))
        desk.run()
    assert (desk.state(), len(desk.cloud.calls)) == (State.FAILED, 1)
    set_to(desk, approvers=(APPROVER_2,))

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)

    assert (desk.state(), desk.get().problem, len(desk.cloud.calls)) == (State.FAILED, NOT_NAMED, 1)
    assert desk.get().items[0].state is ItemState.GONE


@pytest.mark.parametrize("done", [False, True])
def test_by_hand_people_are_called_to_look_whoever_approved(
    database: Database, clock: SettableClock, *, done: bool
) -> None:
    name = AccountName("default")
    hand = {**ACCOUNTS, name: replace(ACCOUNTS[name], carried_out=CarriedOut.BY_HAND)}
    desk = Desk(database.store(team_id=TEAM, accounts=hand, audit_key=AUDIT_KEY), clock)
    desk.approved("sm-quota")
    desk.cool_off()
    desk.run()
    if done:
        said = {"items": (1, 2, 3), "evidence": "https://vendor.example/1"}
        people = {"store": desk.store, "policy": desk.policy, "people": desk.people}
        shown = by_hand.turn(desk.get())
        Vouching(**people, clock=clock).done(1001, by=REQUESTER, **said, shown=shown)
    failed_at = by_hand.fails_at(desk.get())
    assert failed_at is not None
    clock.set(failed_at)
    desk.run()
    assert desk.state() is State.FAILED
    set_to(desk, approvers=(APPROVER_2,))

    if done:
        assert desk.unsubscribing.retry(1001, by=REQUESTER).state is State.VERIFYING
    else:
        with pytest.raises(RequestRefused):
            desk.unsubscribing.retry(1001, by=REQUESTER)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"approvers": (APPROVER_2,)}, NOT_NAMED),
        ({"required": 2}, "The settings ask for 2 approvals of it now, and it has 1."),
    ],
)
def test_between_two_steps_they_are_looked_up_again(
    desk: Desk, now: dict[str, Any], said: str
) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    desk.cloud.edition_reads = Edition.PROFESSIONAL
    desk.run(seconds=10)
    set_to(desk, **now)
    desk.cloud.edition_reads = None
    desk.run(seconds=10)

    assert (desk.state(), desk.get().problem, len(desk.cloud.calls)) == (State.FAILED, said, 1)


def test_as_many_approve_as_the_settings_ask_for_now(desk: Desk) -> None:
    desk.ask("sm-quota")
    set_to(desk, required=2)

    waits = desk.unsubscribing.approve(1001, by=APPROVER_1)
    assert (waits.state, waits.required_approvals) == (State.WAITING, 2)
    assert desk.unsubscribing.approve(1001, by=APPROVER_2).state is State.APPROVED


def test_fewer_than_it_was_asked_for_with_are_not_enough(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock, policy=policy(required=2))
    desk.ask("sm-quota")
    set_to(desk, required=1)

    assert desk.unsubscribing.approve(1001, by=APPROVER_1).state is State.WAITING


def test_more_that_are_asked_for_since_make_it_stale(desk: Desk) -> None:
    desk.approved("sm-quota")
    set_to(desk, rules=(ApprovalRule(required=2, min_amount=Money(Decimal(5700), "USD")),))

    assert started(desk) == (
        State.STALE,
        "The settings ask for 2 approvals of it now, and it has 1.",
    )
    review = desk.unsubscribing.review(1001, by=REQUESTER)
    desk.unsubscribing.acknowledge_again(1001, filled_in(review.draft))
    assert desk.get().required_approvals == 2


def test_a_switch_that_needed_no_approval_and_needs_one_now_is_stale(desk: Desk) -> None:
    set_to(desk, needing_approval=NeedingApproval(autorenew_off=False, autorenew_on=False))
    switched(desk)
    set_to(desk, needing_approval=NeedingApproval(autorenew_off=False, autorenew_on=True))

    assert started(desk) == (
        State.STALE,
        "The settings ask for 1 approval of it now, and it has none.",
    )
