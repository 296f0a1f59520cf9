"""An approver lets somebody decide for some days: told, recorded, ended, and what it allows."""

from dataclasses import replace
from datetime import date, timedelta
from threading import Thread

import pytest

from bot.billing.rights import Action
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import (
    ApprovedAlready,
    CannotApproveForRequester,
    NotAnApprover,
    State,
)
from bot.facts.delegating import DelegationWish
from bot.facts.erased import ERASED
from bot.facts.messages import DelegationNote
from bot.ports.record import Personal
from bot.services.delegating import Delegating
from bot.services.errors import (
    DelegationIncomplete,
    GuestRefused,
    NotAllowed,
    NotDelegated,
    RequestRefused,
)
from bot.services.forgetting import Forgetting
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, OWNER, REQUESTER, instant
from tests.unit.services.desk import Desk
from tests.unit.services.rig import APPROVALS, policy
from tests.unit.services.test_waiting import delivering

MON, FRI = date(2026, 11, 23), date(2026, 11, 27)


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def delegating(desk: Desk) -> Delegating:
    return Delegating(store=desk.store, clock=desk.clock, policy=desk.policy, people=desk.people)


def wish(form: str = "f1", **changes: object) -> DelegationWish:
    given = DelegationWish(
        form=form, by=APPROVER_1, delegate=OUTSIDER, first=MON, last=FRI, why=" Away. "
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def lines(desk: Desk, form: str = "f1") -> list[tuple[str, str]]:
    with desk.store.reading() as tx:
        return [(each.actor, each.action) for each in tx.audit.entries(f"delegation/{form}")]


def test_whole_days_in_the_settings_zone(desk: Desk) -> None:
    made = delegating(desk).delegate(wish())

    assert made.starts_at == instant("2026-11-23 00:00")
    assert made.ends_at == instant("2026-11-28 00:00")
    assert made.why == "Away."


def test_it_is_told_to_the_channel_once_and_recorded_once(desk: Desk) -> None:
    for _ in range(2):
        delegating(desk).delegate(wish())
        delivering(desk).send_due()

    [shown] = desk.messenger.of(DelegationNote)
    assert shown.to == APPROVALS
    assert lines(desk) == [(APPROVER_1, "delegation.made")]
    with desk.store.reading() as tx:
        [entry] = tx.audit.entries("delegation/f1")
    assert entry.facts["delegate"] == OUTSIDER
    assert entry.facts["why"] == "Away."


@pytest.mark.parametrize("by", [OUTSIDER, OWNER])
def test_only_approvers_delegate(desk: Desk, by: str) -> None:
    desk.directory.admins.add(OWNER)

    with pytest.raises(NotAllowed) as refused:
        delegating(desk).delegate(wish(by=by))

    assert refused.value.sentence == "Only an approver can let somebody decide for them."
    assert refused.value.advice == f"@{APPROVER_1} and @{APPROVER_2} can."
    assert delegating(desk).listed(by=by).lent == ()


def test_a_delegate_cannot_pass_it_on(desk: Desk) -> None:
    delegating(desk).delegate(wish())

    with pytest.raises(NotAllowed):
        delegating(desk).delegate(wish("f2", by=OUTSIDER, delegate=OWNER))


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"delegate": None}, "delegate", "Choose who decides for you."),
        ({"delegate": APPROVER_1}, "delegate", "Choose somebody else."),
        ({"first": None}, "first", "Choose the first day."),
        (
            {"first": date(2026, 11, 22)},
            "first",
            "This day is over; choose today or a later one.",
        ),
        ({"last": None}, "last", "Choose the last day."),
        ({"last": date(2026, 11, 22)}, "last", "The last day is before the first."),
        ({"last": date(2027, 11, 24)}, "last", "At most 366 days."),
        ({"why": "  "}, "why", "Say why; it is recorded."),
        ({"why": "a" * 501}, "why", "At most 500 characters; this has 501."),
    ],
)
def test_what_is_wrong_is_said_under_its_field(
    desk: Desk, changes: dict[str, object], field: str, sentence: str
) -> None:
    with pytest.raises(DelegationIncomplete) as refused:
        delegating(desk).delegate(wish(**changes))

    assert refused.value.fields == {field: sentence}
    assert lines(desk) == []


def test_who_is_an_approver_decides_already(desk: Desk) -> None:
    assert delegating(desk).decides_already(APPROVER_2)
    assert not delegating(desk).decides_already(OUTSIDER)


def test_a_guest_decides_for_nobody(desk: Desk) -> None:
    desk.directory.guests.add(OUTSIDER)

    with pytest.raises(DelegationIncomplete) as refused:
        delegating(desk).delegate(wish())

    assert "Guests cannot" in refused.value.fields["delegate"]


def test_366_days_are_allowed(desk: Desk) -> None:
    assert delegating(desk).delegate(wish(last=date(2027, 11, 23)))


def test_the_delegate_approves_as_the_approver_while_it_is_in_force(desk: Desk) -> None:
    delegating(desk).delegate(wish(first=date(2026, 11, 24)))
    number = desk.ask().number

    with pytest.raises(RequestRefused) as early:
        desk.unsubscribing.approve(number, by=OUTSIDER)
    assert isinstance(early.value.cause, NotAnApprover)

    desk.clock.set(instant("2026-11-24 00:00"))
    request = desk.unsubscribing.approve(number, by=OUTSIDER)

    assert request.approvals[-1].behalf == APPROVER_1
    with desk.store.reading() as tx:
        entry = list(tx.audit.entries(f"request/{number}"))[-1]
    assert (entry.actor, entry.facts["behalf"]) == (OUTSIDER, APPROVER_1)


def test_after_its_last_day_the_delegate_decides_nothing(desk: Desk) -> None:
    delegating(desk).delegate(wish(last=date(2026, 11, 23)))
    number = desk.ask().number
    desk.clock.set(instant("2026-11-24 00:00"))

    with pytest.raises(RequestRefused):
        desk.unsubscribing.approve(number, by=OUTSIDER)


def test_what_a_former_approver_delegated_counts_nothing(desk: Desk) -> None:
    delegating(desk).delegate(wish())
    number = desk.ask().number
    desk.policy = policy(approvers=(APPROVER_2,))
    desk.start()

    with pytest.raises(RequestRefused):
        desk.unsubscribing.approve(number, by=OUTSIDER)
    [shown] = delegating(desk).listed(by=OUTSIDER).lent
    assert not shown.counts


def test_the_delegate_of_the_requester_hears_why_not(desk: Desk) -> None:
    delegating(desk).delegate(wish())
    number = desk.ask(by=APPROVER_1).number

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.approve(number, by=OUTSIDER)

    assert isinstance(refused.value.cause, CannotApproveForRequester)
    assert refused.value.sentence == f"You decide for @{APPROVER_1}, who asked for this one."
    assert refused.value.people == (APPROVER_1,)


def test_approver_and_delegate_are_one_of_two_approvals(store: SqlStore, clock: SettableClock):
    desk = Desk(store, clock, policy=policy(required=2))
    delegating(desk).delegate(wish())
    number = desk.ask().number
    desk.unsubscribing.approve(number, by=OUTSIDER)

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.approve(number, by=APPROVER_1)

    assert isinstance(refused.value.cause, ApprovedAlready)
    assert refused.value.sentence == (
        f"That approval of request {number} is there already: @{OUTSIDER} for @{APPROVER_1} at "
        "10:12 GMT+08:00."
    )
    assert (
        refused.value.advice == "Each approver counts once, so a different one has to approve too."
    )
    assert refused.value.people == (OUTSIDER, APPROVER_1)


def test_approver_and_delegate_who_press_at_once_are_one_approval(
    store: SqlStore, clock: SettableClock
) -> None:
    desk = Desk(store, clock, policy=policy(required=2))
    delegating(desk).delegate(wish())
    number = desk.ask().number
    refused: list[RequestRefused] = []

    def press(by: SlackUser) -> None:
        try:
            desk.unsubscribing.approve(number, by=by)
        except RequestRefused as refusal:
            refused.append(refusal)

    threads = [Thread(target=press, args=(by,)) for by in (APPROVER_1, OUTSIDER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert [type(each.cause) for each in refused] == [ApprovedAlready]
    assert [event.authority for event in desk.get().approvals] == [APPROVER_1]
    assert desk.state() is State.WAITING


def test_requests_wait_for_the_delegate_too(desk: Desk) -> None:
    delegating(desk).delegate(wish())
    number = desk.ask().number

    assert [each.number for each in desk.unsubscribing.waiting_for(OUTSIDER)] == [number]
    desk.unsubscribing.approve(number, by=OUTSIDER)
    assert not list(desk.unsubscribing.waiting_for(APPROVER_1))


def test_the_delegate_is_called_to_decide_as_well(desk: Desk) -> None:
    delegating(desk).delegate(wish())
    desk.ask()
    desk.clock.advance(timedelta(hours=4))
    desk.run()

    assert desk.get().events[-1].called == (APPROVER_1, APPROVER_2, OUTSIDER)


@pytest.mark.parametrize(
    ("action", "may"),
    [
        (Action.DECIDE, True),
        (Action.STOP, True),
        (Action.SEE_AMOUNTS, True),
        (Action.REPAIR, False),
        (Action.CONFIGURE, False),
        (Action.DELEGATE, False),
        (Action.SETTLE_REMINDER, False),
    ],
)
def test_a_delegate_decides_and_stops_and_sees_and_does_nothing_else(
    desk: Desk, action: Action, may: bool
) -> None:
    delegating(desk).delegate(wish())

    def asks() -> None:
        desk.people.demand(OUTSIDER, action, requester=REQUESTER)

    if may:
        asks()
    else:
        with pytest.raises(NotAllowed):
            asks()


def test_a_guest_may_nothing_whatever_was_delegated(desk: Desk) -> None:
    delegating(desk).delegate(wish())
    number = desk.ask().number
    desk.directory.guests.add(OUTSIDER)

    with pytest.raises(GuestRefused):
        desk.unsubscribing.approve(number, by=OUTSIDER)


@pytest.mark.parametrize("by", [APPROVER_1, OWNER])
def test_who_delegated_ends_it_or_an_admin_and_the_message_says_so(desk: Desk, by: str) -> None:
    desk.directory.admins.add(OWNER)
    delegating(desk).delegate(wish())
    delivering(desk).send_due()
    number = desk.ask().number

    delegating(desk).end("f1", by=by)
    delivering(desk).send_due(limit=50)

    [shown] = desk.messenger.of(DelegationNote)
    assert shown.message.delegation.ended_by == by
    assert shown.message.delegation.ended_at == NOW
    assert lines(desk) == [(APPROVER_1, "delegation.made"), (by, "delegation.ended")]
    with pytest.raises(RequestRefused):
        desk.unsubscribing.approve(number, by=OUTSIDER)


@pytest.mark.parametrize("by", [APPROVER_2, OUTSIDER, REQUESTER])
def test_nobody_else_ends_it(desk: Desk, by: str) -> None:
    delegating(desk).delegate(wish())

    with pytest.raises(NotAllowed) as refused:
        delegating(desk).end("f1", by=by)

    assert refused.value.sentence == f"Only @{APPROVER_1} or an admin can end this."
    assert not any(each.may_end for each in delegating(desk).listed(by=by).lent)


def test_one_that_is_over_cannot_be_ended_and_who_ended_it_is_named(desk: Desk) -> None:
    delegating(desk).delegate(wish())
    delegating(desk).end("f1", by=APPROVER_1)

    with pytest.raises(NotDelegated) as refused:
        delegating(desk).end("f1", by=APPROVER_1)
    assert refused.value.sentence == f"@{APPROVER_1} ended it, Mon 23 Nov 2026, 10:12 GMT+08:00."

    with pytest.raises(NotDelegated) as none:
        delegating(desk).end("f2", by=APPROVER_1)
    assert none.value.sentence == "This is over already."


def test_what_is_over_is_listed_too(desk: Desk) -> None:
    delegating(desk).delegate(wish())
    assert delegating(desk).listed(by=OUTSIDER).over == ()

    delegating(desk).end("f1", by=APPROVER_1)

    found = delegating(desk).listed(by=OUTSIDER)
    assert found.lent == ()
    assert [(each.id, each.ended_by) for each in found.over] == [("f1", APPROVER_1)]


@pytest.mark.parametrize(
    ("person", "told"),
    [
        (APPROVER_1, (ERASED, ERASED, OUTSIDER, ERASED)),
        (OUTSIDER, (APPROVER_1, APPROVER_1, ERASED, "Away.")),
    ],
)
def test_the_record_of_it_can_be_erased_with_the_person(
    desk: Desk, person: str, told: tuple[str, ...]
) -> None:
    delegating(desk).delegate(wish())
    forgetting = Forgetting(store=desk.store, clock=desk.clock)
    forgotten = forgetting.forget(person, by=Personal.id("host"))

    with desk.store.reading() as tx:
        [line] = tx.audit.entries("delegation/f1")
        assert tx.audit.first_bad() is None
    facts = line.facts
    assert (line.actor, facts["approver"], facts["delegate"], facts["why"]) == told
    assert forgotten.older == 0


def test_forgetting_reaches_delegations_that_are_over(desk: Desk) -> None:
    delegating(desk).delegate(wish())
    delegating(desk).end("f1", by=APPROVER_1)

    Forgetting(store=desk.store, clock=desk.clock).forget(OUTSIDER, by=Personal.id("host"))

    [over] = delegating(desk).listed(by=APPROVER_1).over
    assert over.delegate == ERASED
