"""What a person carries out by hand: asked, approved, done with evidence, seen by a second one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.billing import by_hand
from bot.billing.account import CarriedOut, ExecuteMode
from bot.billing.rights import Action
from bot.billing.subscription import BillingMode, SlackUser, Status, Subscription
from bot.billing.unsubscription import (
    AlreadyDecided,
    CannotConfirmOwn,
    ChecklistChanged,
    FiguresOver,
    ItemState,
    NobodyElseLooks,
    OutOfOrder,
    Request,
    State,
    Verb,
)
from bot.facts.receipt import ReceiptFacts, receipt_of
from bot.ports.provider import ProviderRefused
from bot.ports.store import Store
from bot.services.ascertaining import NO_CLOUD, NOT_READ, READ, READ_NO_MORE, SEEN
from bot.services.attesting import Attesting
from bot.services.entrusting import KNOWN, KNOWN_ALONE, KNOWN_UNREAD, REHEARSED, WITHIN
from bot.services.errors import (
    ChecklistIncomplete,
    GuestRefused,
    Incomplete,
    NotAllowed,
    NotPossible,
    RequestRefused,
)
from bot.services.executing import Executing
from bot.services.vouching import (
    LINK_LIMIT,
    NO_ADDRESS,
    NO_ITEMS,
    NO_LINK,
    NOT_A_LINK,
    ONE_OF_THEM,
    Vouching,
)
from storage.engine import Database
from tests.clocks import SettableClock
from tests.conftest import ACCOUNTS, AUDIT_KEY
from tests.factories import (
    APPROVER_1,
    APPROVER_2,
    DEPUTY,
    NOW,
    OUTSIDER,
    OWNER,
    REQUESTER,
    account,
    contract,
    instant,
    key,
    order,
    resource,
    usd,
)
from tests.messengers import FakeDirectory
from tests.unit.services.desk import LONG, Desk, filled_in, secmaster
from tests.unit.services.mortal import Killed, MortalStore, Steps
from tests.unit.services.rig import policy

LINK = "https://vendor.example/answers/1?a=1&b=2"
DAY = timedelta(days=1)
DUE = instant("2027-04-11 00:00")
PAGE = contract(orders=(order("2026-05-10 09:20", cash="348.00"),))


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock, subscriptions=(PAGE,))


def vouching(desk: Desk) -> Vouching:
    return Vouching(store=desk.store, clock=desk.clock, policy=desk.policy, people=desk.people)


def opened(desk: Desk, ref: str = "status-page") -> int:
    """The number of a request that was approved and has cooled off."""
    number = desk.approved(ref).number
    desk.cool_off()
    desk.run()
    return number


def done(
    desk: Desk, number: int = 1001, *, by: str = OWNER, items: Sequence[int] = (1,)
) -> Request:
    return vouching(desk).done(number, by=by, items=items, evidence=LINK, note="By e-mail.")


def known(desk: Desk, ref: str = "status-page") -> Subscription:
    with desk.store.reading() as tx:
        found = tx.catalogue.get(key(ref))
    assert found is not None
    return found


# Asking for a contract


def test_a_contract_is_asked_for_without_any_figure_assumed(desk: Desk) -> None:
    request = desk.ask("status-page")

    assert request.by_hand
    assert request.is_contract
    assert request.acknowledgement.worst.refund == usd(0)
    assert request.acknowledgement.worst.handling_fee == usd(0)
    assert request.items[0].quote.total is not None
    assert request.items[0].quote.total.paid == usd("348")


def test_what_was_paid_stays_unknown_where_nobody_knows_it(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        unknown = replace(PAGE.orders[0], cash=None)
        tx.catalogue.put([replace(PAGE, orders=(unknown,))], at=desk.clock.now())

    assert desk.ask("status-page").items[0].quote.total is None


def test_it_is_decided_before_the_notice_less_cooling_off_and_an_hour(desk: Desk) -> None:
    desk.clock.set(DUE - timedelta(hours=30))

    assert desk.ask("status-page").deadline == DUE - timedelta(minutes=65)


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.EXPIRED])
def test_what_is_over_is_not_asked_for(desk: Desk, status: Status) -> None:
    with desk.store.transaction() as tx:
        tx.catalogue.put([replace(PAGE, status=status)], at=desk.clock.now())

    with pytest.raises(NotPossible):
        desk.draft("status-page")


def test_beside_what_the_cloud_sells_a_contract_is_left_out(store: Store, clock) -> None:
    server = resource(orders=(LONG,))
    desk = Desk(store, clock, subscriptions=(server, PAGE))

    draft = desk.draft(server.key.id, "status-page")

    assert [each.reason for each in draft.left_out.values()] == [
        "It is a contract outside the cloud, it ends by notice."
    ]
    assert not draft.by_hand


def test_where_nothing_can_go_together_a_contract_is_asked_for_by_itself(
    store: Store, clock
) -> None:
    spent = resource("spent", billing_mode=BillingMode.PAY_PER_USE)
    desk = Desk(store, clock, subscriptions=(PAGE, spent))

    with pytest.raises(NotPossible) as refused:
        desk.draft("status-page", "spent")

    assert refused.value.advice == "Ask for it by itself, then a person ends it."


# The checklist


def test_what_is_approved_becomes_a_checklist_and_the_cloud_is_not_called(desk: Desk) -> None:
    request = desk.get(opened(desk))

    assert request.state is State.EXECUTING
    [item] = request.items
    assert (item.state, item.asked, item.due_at) == (ItemState.PLANNED, OWNER, DUE)
    assert (request.events[-1].verb, request.events[-1].called) == (Verb.REMINDED, (OWNER,))
    assert (desk.cloud.calls, desk.cloud.reads) == ([], 0)


def test_without_an_owner_who_asked_for_it_is_asked_to_do_it(store: Store, clock) -> None:
    desk = Desk(store, clock, subscriptions=(replace(PAGE, owner=None),))

    assert desk.get(opened(desk)).items[0].asked == REQUESTER


def test_it_is_asked_of_somebody_who_is_here(store: Store, clock) -> None:
    desk = Desk(store, clock, subscriptions=(replace(PAGE, deputy=DEPUTY),))
    desk.directory.left.add(OWNER)

    request = desk.get(opened(desk))

    assert request.items[0].asked == DEPUTY
    assert request.events[-1].called == (DEPUTY,)
    desk.directory.guests.add(DEPUTY)
    desk.clock.set(DUE - DAY)
    desk.run()
    request = desk.get()
    assert request.events[-1].called == by_hand.waits_for(request) == (REQUESTER,)
    desk.directory.left.add(REQUESTER)
    desk.clock.set(DUE)
    desk.run()
    assert by_hand.waits_for(desk.get()) == (APPROVER_1,)


def test_who_was_asked_and_is_here_is_asked_again(desk: Desk) -> None:
    number = opened(desk)
    with desk.store.transaction() as tx:
        tx.catalogue.put([replace(PAGE, owner=OUTSIDER)], at=desk.clock.now())
    desk.clock.set(DUE - DAY)
    desk.run()

    assert desk.get(number).items[0].asked == OWNER


def test_without_a_date_there_is_a_week(store: Store, clock) -> None:
    desk = Desk(store, clock, subscriptions=(replace(PAGE, orders=(), notice_days=None),))
    request = desk.get(opened(desk))

    assert request.items[0].due_at == request.events[-1].at + 7 * DAY


def test_what_ended_meanwhile_makes_it_stale(desk: Desk) -> None:
    number = desk.approved("status-page").number
    with desk.store.transaction() as tx:
        tx.catalogue.put([replace(PAGE, status=Status.UNSUBSCRIBED)], at=desk.clock.now())
    desk.cool_off()
    desk.run()

    request = desk.get(number)
    assert request.state is State.STALE
    assert "It is unsubscribed from already." in (request.problem or "")


def test_a_notice_whose_day_passed_while_nobody_ran_lets_it_expire(desk: Desk) -> None:
    number = desk.approved("status-page").number
    desk.clock.set(DUE + 2 * DAY)
    desk.run()

    request = desk.get(number)
    assert request.state is State.EXPIRED
    assert request.events[-1].note == (
        "The last day for notice has passed, it was Sat 10 Apr 2027, "
        "the next one is Mon 10 Apr 2028."
    )


@pytest.mark.parametrize("term", ["2026-06-10 09:20", "2026-04-10 09:20"])
def test_a_notice_on_another_day_that_is_ahead_is_no_objection(desk: Desk, term: str) -> None:
    number = desk.approved("status-page").number
    with desk.store.transaction() as tx:
        moved = replace(PAGE, orders=(order(term, cash="348.00"),))
        tx.catalogue.put([moved], at=desk.clock.now())
    desk.cool_off()
    desk.run()

    request = desk.get(number)
    assert request.state is State.EXECUTING
    assert request.items[0].due_at != DUE


def test_what_is_acknowledged_again_names_the_notice_of_now(desk: Desk) -> None:
    desk.approved("status-page")
    later = replace(PAGE, orders=(order("2026-06-10 09:20", currency="EUR", cash="348.00"),))
    with desk.store.transaction() as tx:
        tx.catalogue.put([later], at=desk.clock.now())
    desk.cool_off()
    desk.run()
    assert desk.state() is State.STALE

    review = desk.unsubscribing.review(1001, by=REQUESTER)
    again = desk.unsubscribing.acknowledge_again(1001, filled_in(review.draft))

    assert again.if_kept["date"] == "2027-05-11"
    desk.unsubscribing.approve(1001, by=APPROVER_1, shown=again.acknowledged_as)
    desk.cool_off()
    desk.run()
    assert desk.state() is State.EXECUTING


def test_done_and_seen_by_a_second_person_ends_it_everywhere(desk: Desk) -> None:
    number = opened(desk)
    assert done(desk).events[-1].called == (APPROVER_1, APPROVER_2)

    vouching(desk).gone(number, by=APPROVER_1)
    desk.run()

    request = desk.get(number)
    assert (request.state, request.closed) == (State.DONE, True)
    assert request.items[0].state is ItemState.GONE
    assert request.events[-1].note == SEEN
    assert (known(desk).status, known(desk).auto_renew) == (Status.UNSUBSCRIBED, False)
    assert (desk.cloud.calls, desk.cloud.reads) == ([], 0)
    desk.clock.advance(2 * DAY)
    desk.run()
    assert desk.get(number) == request


def test_whoever_did_it_does_not_verify_it(desk: Desk) -> None:
    number = opened(desk)
    done(desk, by=APPROVER_1)

    with pytest.raises(RequestRefused) as refused:
        vouching(desk).gone(number, by=APPROVER_1)

    assert isinstance(refused.value.cause, CannotConfirmOwn)
    assert str(refused.value) == (
        "You did this one, so somebody else has to look whether it is gone. "
        "Another owner or approver can."
    )
    assert desk.state() is State.VERIFYING


def test_the_second_click_hears_who_was_first(desk: Desk) -> None:
    number = opened(desk)
    done(desk)

    with pytest.raises(RequestRefused) as refused:
        done(desk, by=APPROVER_2)
    assert isinstance(refused.value.cause, AlreadyDecided)
    assert "carried out request 1001" in refused.value.sentence
    with pytest.raises(RequestRefused):
        vouching(desk).open(number, by=APPROVER_2)
    vouching(desk).gone(number, by=APPROVER_2)
    with pytest.raises(RequestRefused) as refused:
        vouching(desk).gone(number, by=APPROVER_1)
    assert "verified request 1001" in refused.value.sentence


def test_what_was_seen_before_it_was_sent_back_counts_no_more(desk: Desk) -> None:
    number = opened(desk)
    first = by_hand.turn(desk.get())
    seen = by_hand.turn(done(desk))
    back = by_hand.turn(
        vouching(desk).still_there(number, by=APPROVER_1, items=[1], why="Billed", shown=seen)
    )
    link = {"by": REQUESTER, "items": (1,), "evidence": LINK}

    for shown in (first, 0):
        with pytest.raises(RequestRefused) as refused:
            vouching(desk).done(number, **link, shown=shown)
        assert isinstance(refused.value.cause, ChecklistChanged)
    assert str(refused.value) == (
        f"@{APPROVER_1} sent request 1001 back at 10:17 GMT+08:00, after what you saw of it. "
        "Read its message again, and look again."
    )
    vouching(desk).done(number, **link, shown=back)
    for shown in (seen, 0):
        with pytest.raises(RequestRefused) as refused:
            vouching(desk).gone(number, by=APPROVER_2, shown=shown)
    assert str(refused.value) == (
        f"@{REQUESTER} did request 1001 again at 10:17 GMT+08:00, after what you saw of it. "
        "Read its message again, and look again."
    )
    with pytest.raises(RequestRefused):
        desk.unsubscribing.leave(number, by=REQUESTER, why="No.", shown=back)
    assert desk.state() is State.VERIFYING
    vouching(desk).gone(number, by=APPROVER_2, shown=by_hand.turn(desk.get()))
    desk.run()
    assert desk.state() is State.DONE


def alone(store: Store, clock: SettableClock, **changes: object) -> Desk:
    """A contract that only one approver could verify."""
    page = replace(PAGE, owner=None, deputy=None)
    only = policy(approvers=(APPROVER_1,), **changes)
    return Desk(store, clock, subscriptions=(page,), policy=only)


def test_the_last_one_who_could_look_does_not_do_it(store: Store, clock: SettableClock) -> None:
    desk = alone(store, clock)
    number = opened(desk)

    for attempt in (
        lambda: vouching(desk).open(number, by=APPROVER_1),
        lambda: done(desk, by=APPROVER_1),
    ):
        with pytest.raises(RequestRefused) as refused:
            attempt()
        assert isinstance(refused.value.cause, NobodyElseLooks)
    assert str(refused.value) == (
        "Nobody but who did it could look whether it is gone. An operator adds someone to "
        "`approvals.approvers`, or somebody else does it and says so."
    )
    assert done(desk, by=REQUESTER).events[-1].called == (APPROVER_1,)


def test_an_operator_looks_where_nobody_else_is_left(store: Store, clock: SettableClock) -> None:
    desk = alone(store, clock, operators=(OUTSIDER,))
    number = opened(desk)

    assert done(desk, by=APPROVER_1).events[-1].called == (OUTSIDER,)
    assert vouching(desk).gone(number, by=OUTSIDER).events[-1].by == OUTSIDER


def test_who_left_or_is_a_guest_is_not_counted_on_to_look(store: Store, clock) -> None:
    desk = Desk(store, clock, subscriptions=(replace(PAGE, deputy=DEPUTY),))
    number = opened(desk)
    desk.directory.left.add(DEPUTY)
    desk.directory.guests.update({OWNER, APPROVER_1})

    with pytest.raises(RequestRefused):
        vouching(desk).open(number, by=APPROVER_2)
    assert done(desk, by=REQUESTER).events[-1].called == (APPROVER_2,)


def test_an_admin_may_look_too(desk: Desk) -> None:
    number = opened(desk)
    done(desk)
    desk.directory.admins.add(OUTSIDER)

    vouching(desk).gone(number, by=OUTSIDER)
    desk.run()

    assert desk.state() is State.DONE


def test_what_nobody_looks_at_fails_after_a_week_and_can_be_retried(desk: Desk) -> None:
    number = opened(desk)
    done(desk)
    for _ in range(7):
        desk.clock.advance(DAY)
        desk.run()

    request = desk.get(number)
    assert (request.state, request.closed) == (State.FAILED, False)
    assert [e.verb for e in request.events[-4:]] == [
        Verb.VERIFYING,
        Verb.REMINDED,
        Verb.REMINDED,
        Verb.FAILED,
    ]
    assert request.problem == (
        "Nobody looked within 7 days whether Status page, Team plan is gone."
    )
    assert desk.owed("request/1001/overdue")
    desk.unsubscribing.retry(number, by=REQUESTER)
    desk.run()
    assert desk.get(number).events[-1].called == (APPROVER_1, APPROVER_2)
    vouching(desk).gone(number, by=APPROVER_1)
    desk.run()
    assert desk.state() is State.DONE


@pytest.mark.parametrize("by", [REQUESTER, APPROVER_2])
def test_a_running_checklist_is_given_up_with_a_reason(desk: Desk, by: str) -> None:
    number = opened(desk)

    with pytest.raises(Incomplete):
        desk.unsubscribing.leave(number, by=by, why=" ")
    with pytest.raises(NotAllowed):
        desk.unsubscribing.leave(number, by=OUTSIDER, why="We keep it")
    request = desk.unsubscribing.leave(number, by=by, why="We keep it")

    assert (request.state, request.closed) == (State.FAILED, True)
    assert known(desk).status is Status.IN_USE
    assert desk.owed("request/1001/overdue") == []
    desk.clock.advance(400 * DAY)
    desk.run()
    assert desk.get(number) == request
    assert desk.ask("status-page").number == 1002


def test_its_receipt_comes_when_it_is_given_up(desk: Desk) -> None:
    number = opened(desk)
    desk.unsubscribing.leave(number, by=REQUESTER, why="We keep it")

    assert desk.owed("request/1001/receipt")[0] == "request/1001/receipt"


def test_still_there_opens_it_again_and_says_why(desk: Desk) -> None:
    number = opened(desk)
    done(desk)

    with pytest.raises(Incomplete):
        vouching(desk).still_there(number, by=APPROVER_1, items=[1], why=" ")
    with pytest.raises(ChecklistIncomplete):
        vouching(desk).still_there(number, by=APPROVER_1, items=[], why="Billed")
    request = vouching(desk).still_there(number, by=APPROVER_1, items=[1], why="Billed")

    assert request.state is State.EXECUTING
    assert (request.events[-1].note, request.events[-1].called) == ("Billed", (OWNER,))
    desk.run()
    assert desk.state() is State.EXECUTING


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ("", NO_LINK),
        (" ", NO_LINK),
        ("vendor.example/1", NOT_A_LINK),
        ("ftp://vendor.example/1", NOT_A_LINK),
        ("https://", NOT_A_LINK),
        ("https://[", NOT_A_LINK),
        ("https://vendor.example/a b", NOT_A_LINK),
        ("https://vendor.example/a\u00a0b", NOT_A_LINK),
        ("https://<!channel>/1", NOT_A_LINK),
        ("\x01https://vendor.example/1", NOT_A_LINK),
        (f"https://vendor.example/{'a' * LINK_LIMIT}", "At most 500 characters; this has 523."),
    ],
)
def test_only_a_link_shows_that_it_is_done(desk: Desk, evidence: str, said: str) -> None:
    number = opened(desk)

    with pytest.raises(ChecklistIncomplete) as refused:
        vouching(desk).done(number, by=OWNER, items=[1], evidence=evidence)

    assert refused.value.fields == {"evidence": said}
    assert desk.state() is State.EXECUTING


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (
            "https://vendor.example/cancel/77?x=1&y=<2>",
            "https://vendor.example/cancel/77?x=1&y=%3C2%3E",
        ),
        ('https://vendor.example/a|b`c"d', "https://vendor.example/a%7Cb%60c%22d"),
        ("https://vendor.example/<!channel>", "https://vendor.example/%3C!channel%3E"),
        ("https://vendor.example/\u202eexe", "https://vendor.example/%E2%80%AEexe"),
        ("https://vendor.example/\ud800", "https://vendor.example/%3F"),
        ("https://vendor.example/a%20b/é", "https://vendor.example/a%20b/é"),
    ],
)
def test_what_no_message_can_carry_is_encoded_in_a_link(desk: Desk, typed: str, kept: str) -> None:
    number = opened(desk)
    request = vouching(desk).done(number, by=OWNER, items=[1], evidence=typed)

    assert [e.evidence for e in request.events if e.verb is Verb.CARRIED_OUT] == [kept]


FILE = "https://team.slack.example/files/U0OWNER/F0A1B2C3D4/answer.png"


def test_a_file_shows_it_as_well(desk: Desk) -> None:
    number = opened(desk)
    request = vouching(desk).done(number, by=OWNER, items=[1], evidence=" ", file=FILE)

    assert [e.evidence for e in request.events if e.verb is Verb.CARRIED_OUT] == [FILE]
    assert request.state is State.VERIFYING


@pytest.mark.parametrize(
    ("evidence", "file", "said"),
    [
        (LINK, FILE, ONE_OF_THEM),
        ("", "javascript:alert(1)", NO_ADDRESS),
        ("", f"{FILE}{'a' * LINK_LIMIT}", NO_ADDRESS),
    ],
)
def test_one_file_that_can_be_opened_or_a_link(
    desk: Desk, evidence: str, file: str, said: str
) -> None:
    number = opened(desk)

    with pytest.raises(ChecklistIncomplete) as refused:
        vouching(desk).done(number, by=OWNER, items=[1], evidence=evidence, file=file)

    assert refused.value.fields == {"file": said}
    assert desk.state() is State.EXECUTING


def test_without_a_tick_nothing_is_done(desk: Desk) -> None:
    number = opened(desk)

    with pytest.raises(ChecklistIncomplete) as refused:
        vouching(desk).done(number, by=OWNER, items=[], evidence="")

    assert refused.value.fields == {"items": NO_ITEMS, "evidence": NO_LINK}


def test_who_may_say_that_it_is_done_and_who_may_look(store: Store, clock) -> None:
    guests = FakeDirectory(guests={DEPUTY})
    desk = Desk(store, clock, subscriptions=(replace(PAGE, deputy=DEPUTY),))
    number = opened(desk)
    asks = vouching(desk)

    for person in (OWNER, DEPUTY, REQUESTER, APPROVER_1):
        assert asks.demand(number, Action.CARRY_OUT, by=person).number == number
    for person in (OWNER, DEPUTY, APPROVER_1):
        assert asks.demand(number, Action.CONFIRM, by=person).number == number
    with pytest.raises(NotAllowed) as refused:
        asks.open(number, by=OUTSIDER)
    assert refused.value.people == (OWNER, DEPUTY, REQUESTER)
    with pytest.raises(NotAllowed) as refused:
        asks.gone(number, by=REQUESTER)
    assert refused.value.people == (OWNER, DEPUTY)
    desk.directory = guests
    desk.start()
    with pytest.raises(GuestRefused):
        vouching(desk).open(number, by=DEPUTY)


def test_it_is_called_for_and_fails_when_nobody_does_it(desk: Desk) -> None:
    number = opened(desk)
    for moment in (DUE - DAY, DUE):
        desk.clock.set(moment)
        desk.run()
    calls = [e.at for e in desk.get(number).events if e.verb is Verb.REMINDED]
    assert calls[1:] == [DUE - DAY, DUE]
    assert desk.state() is State.EXECUTING

    desk.clock.advance(timedelta(hours=1))
    desk.run()

    request = desk.get(number)
    assert (request.state, request.closed) == (State.FAILED, False)
    assert request.problem == (
        "Nobody said by Sat 10 Apr 2027, 23:59 GMT+08:00 that Status page, Team plan is done."
    )
    assert any("/overdue/" in key for key in desk.owed("request/1001/overdue"))


def test_retry_opens_it_for_another_day_and_done_goes_on_from_failed(desk: Desk) -> None:
    number = opened(desk)
    desk.clock.set(DUE + timedelta(hours=2))
    desk.run()
    assert desk.state() is State.FAILED

    desk.unsubscribing.retry(number, by=REQUESTER)
    desk.run()
    assert desk.get(number).events[-1].verb is Verb.REMINDED
    desk.clock.advance(timedelta(hours=26))
    desk.run(seconds=1)
    assert desk.state() is State.FAILED

    assert done(desk).state is State.VERIFYING
    vouching(desk).gone(number, by=APPROVER_1)
    desk.run()
    assert desk.state() is State.DONE


NOT_NAMED = "An approval of it does not count any more: the settings no longer name the approver."


def named(desk: Desk, *approvers: SlackUser) -> None:
    """The settings name these at the next start."""
    desk.policy = policy(approvers=approvers)
    desk.start()


def two_pages(store: Store, clock: SettableClock) -> Desk:
    """Two contracts of one request, whose checklist is open; its number is 1001."""
    pages = [replace(PAGE, key=key(ref), owner=OWNER) for ref in ("page-a", "page-b")]
    desk = Desk(store, clock, subscriptions=pages)
    desk.approved("page-a", "page-b")
    desk.cool_off()
    desk.run()
    return desk


def test_nobody_is_called_to_do_what_is_approved_no_more(desk: Desk) -> None:
    number = opened(desk)
    named(desk, APPROVER_2)
    desk.clock.set(DUE - DAY)
    desk.run()

    request = desk.get(number)
    assert (request.state, request.problem) == (State.FAILED, NOT_NAMED)
    assert [e.verb for e in request.events[-2:]] == [Verb.REMINDED, Verb.FAILED]
    assert request.events[-2].at < DUE - DAY
    assert done(desk).state is State.VERIFYING  # what has ended can always be said


def test_while_nobody_knows_who_may_approve_nobody_is_called_to_do_it(
    store: Store, clock: SettableClock
) -> None:
    desk = Desk(store, clock, subscriptions=(PAGE,), policy=policy(approvers=("S0TEAM",)))
    desk.directory.groups["S0TEAM"] = (APPROVER_1,)
    number = opened(desk)
    del desk.directory.groups["S0TEAM"]
    clock.set(DUE - DAY)
    desk.run()
    assert [e.at for e in desk.get(number).events if e.at >= DUE - DAY] == []

    desk.directory.groups["S0TEAM"] = (APPROVER_1,)
    clock.advance(timedelta(minutes=5))
    desk.run()

    newest = desk.get(number).events[-1]
    assert (desk.state(), newest.verb, newest.called) == (State.EXECUTING, Verb.REMINDED, (OWNER,))


def test_what_is_approved_no_more_opens_for_nobody_when_a_part_of_it_is_done(
    store: Store, clock: SettableClock
) -> None:
    desk = two_pages(store, clock)
    clock.set(DUE + timedelta(hours=2))
    desk.run()
    assert desk.state() is State.FAILED
    named(desk, APPROVER_2)

    part = done(desk)
    assert (part.state, part.problem) == (State.FAILED, NOT_NAMED)
    assert part.events[-1].verb is Verb.CARRIED_OUT
    clock.advance(DAY)
    desk.run()
    assert desk.get().events == part.events
    assert done(desk, items=(2,)).state is State.VERIFYING


@pytest.mark.parametrize(
    ("approvers", "ends"),
    [((APPROVER_1,), (State.EXECUTING, None)), ((APPROVER_2,), (State.FAILED, NOT_NAMED))],
)
def test_what_is_still_there_is_done_again_only_while_it_is_approved(
    desk: Desk, approvers: tuple[SlackUser, ...], ends: tuple[State, str | None]
) -> None:
    number = opened(desk)
    done(desk, number)
    named(desk, *approvers)
    said = {"by": approvers[0], "items": (1,), "why": "I see it."}

    sent = vouching(desk).still_there(number, **said)

    assert (sent.state, sent.problem) == ends
    [back] = [each for each in sent.events if each.verb is Verb.STILL_THERE]
    assert back.called == ((OWNER,) if ends[0] is State.EXECUTING else ())


def test_there_is_no_way_around_the_checklist(desk: Desk) -> None:
    number = opened(desk)
    desk.clock.set(DUE + timedelta(hours=2))
    desk.run()

    with pytest.raises(RequestRefused):
        desk.unsubscribing.by_hand(number, by=APPROVER_1, why="I did it", evidence="Trust me")


def test_what_is_left_as_it_is_stays_failed(desk: Desk) -> None:
    number = opened(desk)
    desk.clock.set(DUE + timedelta(hours=2))
    desk.run()

    request = desk.unsubscribing.leave(number, by=REQUESTER, why="We keep it")

    assert (request.state, request.closed) == (State.FAILED, True)
    with pytest.raises(RequestRefused):
        vouching(desk).open(number, by=OWNER)


def test_who_may_look_is_called_again_a_day_later(desk: Desk) -> None:
    number = opened(desk)
    done(desk)
    desk.clock.advance(DAY)
    desk.run()

    assert desk.get(number).events[-1].called == (APPROVER_1, APPROVER_2)


def test_it_waits_for_whom_it_is_asked_and_then_for_those_who_may_look(desk: Desk) -> None:
    def waits_for() -> set[str]:
        people = (OWNER, REQUESTER, APPROVER_1, APPROVER_2)
        return {each for each in people if desk.unsubscribing.waiting_for(each)}

    number = opened(desk)
    assert waits_for() == {OWNER}
    done(desk, by=OWNER)
    assert waits_for() == {APPROVER_1, APPROVER_2}
    vouching(desk).gone(number, by=APPROVER_1)
    assert waits_for() == set()


def test_what_shows_it_stands_in_the_record(desk: Desk) -> None:
    number = opened(desk)
    done(desk)

    with desk.store.reading() as tx:
        lines = list(tx.audit.entries(f"request/{number}"))
    [line] = [each for each in lines if each.action == "request.carried-out"]
    assert line.facts["evidence"] == LINK


# An account without rights to the API


@pytest.fixture
def console(store: Store, clock: SettableClock) -> Desk:
    """SecMaster in an account whose requests people carry out."""
    return without_api(store, clock)


def without_api(store: Store, clock: SettableClock, **changes: object) -> Desk:
    settings = account(carried_out=CarriedOut.BY_HAND, **changes)
    store._accounts[settings.name] = settings  # type: ignore[attr-defined]
    return Desk(store, clock, secmaster())


def test_an_account_without_rights_is_quoted_as_ever_and_carried_out_by_hand(console: Desk) -> None:
    request = console.get(opened(console, "sm-quota"))

    assert not request.is_contract
    assert request.acknowledgement.worst.refund > usd(0)
    assert request.state is State.EXECUTING
    assert [item.task.kind for item in request.items if item.task] == ["quota"] + ["package"] * 2
    assert {item.task.edition for item in request.items if item.task} == {"professional"}
    assert console.cloud.calls == []


def test_it_is_due_while_the_acknowledged_figures_hold(console: Desk) -> None:
    request = console.get(opened(console, "sm-quota"))

    assert {item.due_at for item in request.items} == {request.good_until}
    console.clock.set(request.good_until + HOUR)
    console.run()
    failed = console.get()
    assert failed.state is State.FAILED
    with pytest.raises(RequestRefused) as refused:
        console.unsubscribing.retry(1001, by=REQUESTER)
    assert isinstance(refused.value.cause, FiguresOver)
    assert refused.value.sentence == (
        "The acknowledged figures of request 1001 held until Thu 26 Nov 2026, 11:17 GMT+08:00, so "
        "nobody is asked to do it any more."
    )
    assert refused.value.advice == (
        "Leave it as is and ask again; what is gone already can still be said with Done…."
    )
    console.unsubscribing.leave(1001, by=REQUESTER, why="Too late")
    assert console.ask("sm-quota").number == 1002


def test_what_is_gone_all_the_same_is_said_late_and_the_receipt_says_so(console: Desk) -> None:
    request = console.get(opened(console, "sm-quota"))
    console.clock.set(request.good_until + 30 * DAY)
    console.run()
    for ref in ALL:
        console.cloud.change(ref, status=Status.UNSUBSCRIBED)

    assert vouching(console).open(1001, by=OWNER).state is State.FAILED
    done(console, items=[1])
    assert console.state() is State.FAILED
    done(console, items=[2, 3])
    vouching(console).gone(1001, by=APPROVER_1)
    console.run()

    assert console.state() is State.DONE
    assert {each.after for each in receipt(console).handwork} == {request.good_until}


@pytest.mark.parametrize("looked", [True, False])
def test_what_is_still_there_when_the_figures_are_over_has_failed(
    console: Desk, looked: bool
) -> None:
    request = console.get(opened(console, "sm-quota"))
    done(console, items=[1, 2, 3])
    for ref in ("sm-quota", "sm-screen"):
        console.cloud.change(ref, status=Status.UNSUBSCRIBED)
    console.clock.set(request.good_until + HOUR)
    if looked:
        vouching(console).still_there(1001, by=APPROVER_1, items=[3], why="Listed")
    else:
        vouching(console).gone(1001, by=APPROVER_1)
        console.run()

    failed = console.get()
    assert failed.state is State.FAILED
    assert failed.problem == (
        "Security orchestration is still there, and the acknowledged figures held until "
        "Thu 26 Nov 2026, 11:17 GMT+08:00."
    )
    assert not any(e.called for e in failed.events if e.verb is Verb.STILL_THERE)


def test_what_was_bought_a_minute_ago_is_seen_where_a_cloud_is_read(
    store: Store, clock: SettableClock
) -> None:
    settings = account(carried_out=CarriedOut.BY_HAND)
    store._accounts[settings.name] = settings  # type: ignore[attr-defined]
    bought, screen, _ = secmaster()
    desk = Desk(store, clock, (bought,))
    number = desk.approved("sm-quota").number
    desk.cloud.held[screen.key.id] = screen
    desk.cool_off()
    desk.run()

    assert desk.get(number).state is State.STALE
    assert desk.get(number).problem == (
        "Large screen depends on what goes and was not there when it was acknowledged."
    )
    assert known(desk, "sm-screen").status is Status.IN_USE


def test_what_the_cloud_lists_no_more_goes_out_of_what_is_acknowledged_again(
    console: Desk,
) -> None:
    number = console.approved("sm-quota").number
    console.cloud.change("sm-screen", status=Status.UNSUBSCRIBED)
    console.cool_off()
    console.run()

    assert console.get(number).problem == "Large screen is not at the cloud any more."
    with console.store.reading() as tx:
        assert tx.catalogue.is_gone(key("sm-screen"))
    again = console.unsubscribing.review(number, by=REQUESTER)
    assert key("sm-screen") not in again.draft.plan.going


def test_r8_by_hand_packages_are_done_after_their_edition(console: Desk) -> None:
    opened(console, "sm-quota")

    with pytest.raises(RequestRefused) as refused:
        done(console, items=[2])
    assert isinstance(refused.value.cause, OutOfOrder)
    assert done(console, items=[1]).state is State.EXECUTING
    assert done(console, items=[2, 3], by=REQUESTER).state is State.VERIFYING


def test_what_the_cloud_still_lists_is_to_be_done_again(console: Desk) -> None:
    number = opened(console, "sm-quota")
    done(console, items=[1, 2, 3])
    for ref in ("sm-quota", "sm-screen"):
        console.cloud.change(ref, status=Status.UNSUBSCRIBED)

    vouching(console).gone(number, by=APPROVER_1)
    console.run()

    request = console.get(number)
    assert request.state is State.EXECUTING
    assert request.events[-1].note == "Security orchestration is still at the cloud."
    assert request.events[-1].items == (3,)
    assert known(console, "sm-orchestration").status is Status.IN_USE


def test_what_the_cloud_still_lists_is_done_again_only_while_it_is_approved(console: Desk) -> None:
    number = opened(console, "sm-quota")
    done(console, number, by=REQUESTER, items=(1, 2, 3))
    vouching(console).gone(number, by=APPROVER_2)
    named(console, APPROVER_2)
    console.run()

    sent = console.get(number)
    assert (sent.state, sent.problem) == (State.FAILED, NOT_NAMED)
    [back] = [each for each in sent.events if each.verb is Verb.STILL_THERE]
    assert (back.by, back.called) == (None, ())


def test_what_the_cloud_lists_no_more_ends_it(console: Desk) -> None:
    number = opened(console, "sm-quota")
    done(console, items=[1, 2, 3])
    for ref in ("sm-quota", "sm-screen", "sm-orchestration"):
        console.cloud.change(ref, status=Status.UNSUBSCRIBED)
    vouching(console).gone(number, by=APPROVER_1)
    console.run()

    request = console.get(number)
    assert request.state is State.DONE
    assert request.events[-1].note == READ
    assert all(item.auto_renew_off for item in request.items)
    assert known(console, "sm-screen").status is Status.UNSUBSCRIBED


ALL = ("sm-quota", "sm-screen", "sm-orchestration")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FOR_EVER = 10**9


def seen(desk: Desk, *, listed: bool = False, away: int = 0) -> None:
    """All three are done, at the cloud too unless it lists them still, and a second person looked.

    So many readings fail then.
    """
    number = opened(desk, "sm-quota")
    done(desk, items=[1, 2, 3])
    for ref in () if listed else ALL:
        desk.cloud.change(ref, status=Status.UNSUBSCRIBED, auto_renew=False)
    vouching(desk).gone(number, by=APPROVER_1)
    desk.cloud.away_reading = away
    desk.run()


def pass_by(desk: Desk, span: timedelta, *, every: timedelta = MINUTE) -> None:
    """Let the ticks run while time passes."""
    until = desk.clock.now() + span
    while desk.clock.now() < until:
        desk.clock.advance(every)
        desk.run()


@pytest.mark.parametrize("listed", [True, False])
def test_one_reading_that_fails_is_made_again(console: Desk, listed: bool) -> None:
    seen(console, listed=listed, away=1)

    assert console.state() is State.VERIFYING
    assert known(console, "sm-quota").status is Status.IN_USE
    pass_by(console, MINUTE)
    assert console.state() is (State.EXECUTING if listed else State.DONE)
    assert console.get().events[-1].note == (
        "SecMaster Professional, 50 ECS, Large screen and Security orchestration are still at the "
        "cloud."
        if listed
        else READ
    )


def test_what_was_seen_while_the_cloud_is_away_is_not_given_up(console: Desk) -> None:
    seen(console, away=1)

    with pytest.raises(RequestRefused):
        console.unsubscribing.leave(1001, by=REQUESTER, why="We keep it")


def test_after_hours_the_second_person_is_believed_and_the_receipt_says_so(console: Desk) -> None:
    seen(console, away=FOR_EVER)
    before = console.cloud.reads
    pass_by(console, 6 * HOUR - MINUTE)
    assert console.state() is State.VERIFYING
    assert console.cloud.reads - before < 50
    pass_by(console, MINUTE)

    request = console.get()
    assert request.state is State.DONE
    assert [(e.verb, e.note) for e in request.events[-2:]] == [
        (Verb.NOT_READ, NOT_READ),
        (Verb.VERIFIED, SEEN),
    ]
    assert all(item.auto_renew_off is None for item in request.items)
    facts = receipt(console)
    assert (facts.verified, facts.not_read) == (None, NOT_READ)


def test_what_nobody_could_read_is_looked_at_a_day_later_all_the_same(console: Desk) -> None:
    seen(console, listed=True, away=FOR_EVER)
    pass_by(console, 6 * HOUR)
    assert console.state() is State.DONE
    assert known(console, "sm-quota").status is Status.UNSUBSCRIBED
    pass_by(console, 25 * HOUR, every=HOUR)
    assert console.get().events[-1].verb is Verb.VERIFIED
    console.cloud.away_reading = 0
    pass_by(console, HOUR)

    request = console.get()
    assert (request.state, request.events[-1].verb) == (State.DONE, Verb.CAME_BACK)
    assert request.problem == (
        "SecMaster Professional, 50 ECS, Large screen and Security orchestration are still at the "
        "cloud."
    )
    assert known(console, "sm-quota").status is Status.IN_USE
    assert request.second_look_at is None


def test_a_second_look_that_nobody_can_take_ends_after_hours(console: Desk) -> None:
    seen(console, away=FOR_EVER)
    pass_by(console, 40 * HOUR, every=HOUR / 2)

    request = console.get()
    assert (request.events[-1].verb, request.events[-1].note) == (Verb.NOT_LOOKED, NOT_READ)
    reads = console.cloud.reads
    pass_by(console, 2 * DAY, every=HOUR)
    assert (console.get(), console.cloud.reads) == (request, reads)


def test_a_day_later_the_cloud_is_read_once_more(console: Desk) -> None:
    seen(console)
    assert console.state() is State.DONE
    pass_by(console, DAY, every=HOUR)

    request = console.get()
    assert (request.events[-1].verb, request.events[-1].note) == (
        Verb.LOOKED_AGAIN,
        "all gone, 0 refund orders of 3 found",
    )
    pass_by(console, 2 * DAY, every=HOUR)
    assert console.get() == request


def test_what_is_listed_again_a_day_later_is_told_and_known(console: Desk) -> None:
    seen(console)
    console.cloud.change("sm-screen", status=Status.IN_USE, auto_renew=True)
    pass_by(console, DAY, every=HOUR)

    request = console.get()
    assert (request.state, request.events[-1].verb) == (State.DONE, Verb.CAME_BACK)
    assert request.problem == "Large screen is at the cloud again."
    assert known(console, "sm-screen").auto_renew is True
    assert known(console, "sm-quota").status is Status.UNSUBSCRIBED


def receipt(desk: Desk) -> ReceiptFacts:
    found = Attesting(store=desk.store).receipt(1001)
    return receipt_of(found.request, head=found.head)


def test_where_no_cloud_is_read_people_alone_are_believed_at_once(console: Desk) -> None:
    console.executing = without_cloud(console)
    seen(console)

    request = console.get()
    assert (request.state, request.events[-1].note) == (State.DONE, NO_CLOUD)
    assert [e.note for e in request.events if e.verb is Verb.READ_AGAIN] == [KNOWN_ALONE]
    assert receipt(console).not_read == NO_CLOUD
    pass_by(console, 3 * DAY, every=HOUR)
    assert console.get() == request


def test_an_account_that_is_read_no_more_is_not_looked_at_again(console: Desk) -> None:
    seen(console)
    console.executing = without_cloud(console)
    pass_by(console, 3 * DAY, every=HOUR)

    assert console.get().events[-1].note == READ_NO_MORE


def without_cloud(desk: Desk) -> Executing:
    """The same replica where no provider is set up."""
    return Executing(
        store=desk.store,
        clock=desk.clock,
        policy=desk.policy,
        people=desk.people,
        providers={},
        steady_since=lambda: desk.steady_since,
    )


def figures_read(desk: Desk) -> list[str | None]:
    return [event.note for event in desk.get().events if event.verb is Verb.READ_AGAIN]


def test_while_the_cloud_is_away_the_checklist_waits_an_hour(console: Desk) -> None:
    console.cloud.away_reading = FOR_EVER
    opened(console, "sm-quota")
    pass_by(console, HOUR - MINUTE)
    assert console.state() is State.APPROVED
    pass_by(console, MINUTE)

    assert console.state() is State.EXECUTING
    assert figures_read(console) == [KNOWN_UNREAD]


def test_a_cloud_that_answers_within_the_hour_is_what_counts(console: Desk) -> None:
    console.cloud.away_reading = 2
    console.approved("sm-quota")
    console.cloud.change("sm-quota", orders=(replace(LONG, cash=Decimal("100.00")),))
    console.cool_off()
    console.run()
    assert console.state() is State.APPROVED
    pass_by(console, 5 * MINUTE)

    assert console.state() is State.STALE


def test_a_cloud_that_says_no_is_not_waited_for(
    console: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(ids: Collection[str]) -> Mapping[str, Subscription]:
        raise ProviderRefused(f"{len(ids)} may not be read.", code="403")

    monkeypatch.setattr(console.cloud, "read", no)
    opened(console, "sm-quota")

    assert console.state() is State.EXECUTING
    assert figures_read(console) == [KNOWN_UNREAD]


def test_what_is_busy_is_waited_for_before_anybody_is_asked_to_end_it(console: Desk) -> None:
    console.approved("sm-quota")
    console.cool_off()
    console.cloud.change("sm-quota", transaction_in_progress=True)
    console.run()
    pass_by(console, 10 * MINUTE)
    assert console.state() is State.APPROVED

    console.cloud.change("sm-quota", transaction_in_progress=False)
    pass_by(console, MINUTE)
    assert console.state() is State.EXECUTING
    assert len(console.get().approvals) == 1


def answers_nonsense(desk: Desk) -> None:
    """What the cloud says is not what it should be."""

    def nonsense(*_: object, **__: object) -> Mapping[str, Subscription]:
        raise KeyError("resources")

    for name in ("read", "refunds", "around"):
        setattr(desk.cloud, name, nonsense)


def test_a_cloud_that_answers_nonsense_counts_as_one_that_is_away(
    console: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    answers_nonsense(console)
    opened(console, "sm-quota")
    assert console.state() is State.APPROVED
    assert "KeyError: 'resources'" in caplog.text
    pass_by(console, HOUR)

    assert console.state() is State.EXECUTING
    assert figures_read(console) == [KNOWN_UNREAD]


def test_a_second_person_is_believed_where_the_cloud_answers_nonsense(console: Desk) -> None:
    opened(console, "sm-quota")
    done(console, items=[1, 2, 3])
    answers_nonsense(console)
    seen_gone(console)
    pass_by(console, 7 * HOUR, every=10 * MINUTE)

    assert (console.state(), console.get().events[-1].note) == (State.DONE, SEEN)


def test_what_is_not_called_for_by_a_mistake_is_told_and_fails_when_it_would_have(
    console: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(console, "sm-quota")
    request = console.get()
    due, ends = by_hand.next_call(request), by_hand.fails_at(request)
    assert due is not None
    assert ends is not None

    def broken(user: object) -> bool:
        raise KeyError(user)

    monkeypatch.setattr(console.directory, "has_left", broken)
    pass_by(console, due + HOUR - console.clock.now(), every=5 * MINUTE)
    [held] = [e for e in console.get().events if e.verb is Verb.HELD_UP]
    assert (held.note or "").startswith(
        "Lapse came upon an error that it does not know; its log says which. What people say of "
        "it is kept. Lapse goes on trying until"
    )
    assert console.state() is State.EXECUTING

    pass_by(console, ends + HOUR - console.clock.now(), every=HOUR / 2)
    assert console.state() is State.FAILED
    assert (console.get().problem or "").startswith("Nobody said by")


def test_the_figures_are_said_to_be_of_where_they_are_from(console: Desk) -> None:
    opened(console, "sm-quota")

    assert figures_read(console) == [WITHIN]


def test_of_a_contract_the_catalogue_alone_says_something(desk: Desk) -> None:
    opened(desk)

    assert figures_read(desk) == [KNOWN]


def test_it_does_not_begin_when_what_was_acknowledged_is_over(desk: Desk) -> None:
    request = desk.approved("status-page")
    latest = request.deadline + timedelta(minutes=65)
    desk.clock.set(latest + MINUTE)
    desk.run()

    assert (desk.state(), desk.get().events[-1].note) == (
        State.EXPIRED,
        "It could not start by Thu 26 Nov 2026, 11:17 GMT+08:00, until when the acknowledged "
        "figures held.",
    )


def test_at_the_last_moment_it_begins(desk: Desk) -> None:
    request = desk.approved("status-page")
    desk.clock.set(request.deadline + timedelta(minutes=65))
    desk.run()

    assert desk.state() is State.EXECUTING


def test_worse_figures_make_it_stale_as_ever(console: Desk) -> None:
    number = console.approved("sm-quota").number
    console.cloud.change("sm-quota", orders=(replace(LONG, cash=Decimal("100.00")),))
    console.cool_off()
    console.run()

    assert console.get(number).state is State.STALE
    assert known(console, "sm-quota").orders[0].cash == Decimal("100.00")


def test_a_dry_run_asks_nobody(store: Store, clock: SettableClock) -> None:
    desk = without_api(store, clock, execute=ExecuteMode.DRY_RUN)
    request = desk.get(opened(desk, "sm-quota"))

    assert (request.state, request.closed) == (State.DONE, True)
    assert request.events[-1].note == REHEARSED
    assert all(not each.called for each in request.events)
    assert known(desk, "sm-quota").status is Status.IN_USE


# Deaths and several replicas


def test_a_death_at_any_step_ends_as_without_it(database: Database) -> None:
    """Each run is killed at another step; what the next process finds is all that is left."""
    kill_at, taken = 0, 1
    while kill_at <= taken:
        kill_at += 1
        desk, steps = told_until_killed(database, kill_at)
        taken = max(taken, steps.taken)
        request = desk.get()
        assert (request.state, request.closed) == (State.DONE, True), kill_at
        verbs = [event.verb for event in request.events]
        once = (Verb.STARTED, Verb.CARRIED_OUT, Verb.CONFIRMED, Verb.VERIFIED)
        assert [verbs.count(each) for each in once] == [1] * 4, kill_at
        assert known(desk).status is Status.UNSUBSCRIBED
        assert desk.owed("request/1001/receipt")[0] == "request/1001/receipt"
        assert desk.cloud.calls == []
    assert kill_at > 8


def told_until_killed(database: Database, kill_at: int) -> tuple[Desk, Steps]:
    steps = Steps(kill_at)
    whole = database.store(team_id=f"T{kill_at}", accounts=ACCOUNTS, audit_key=AUDIT_KEY)
    desk = Desk(whole, SettableClock(NOW), subscriptions=(PAGE,))
    desk.approved("status-page")
    desk.cool_off()
    desk.store = MortalStore(whole, steps)  # type: ignore[assignment]
    desk.start()
    for chapter in (desk.run, lambda: done(desk), lambda: seen_gone(desk), desk.run):
        for _ in range(2):
            try:
                chapter()
                break
            except Killed:
                desk.start()
                desk.clock.advance(timedelta(seconds=61))
            except RequestRefused:
                break  # it was saved before the death
    desk.store = whole
    return desk, steps


def seen_gone(desk: Desk) -> None:
    vouching(desk).gone(1001, by=APPROVER_1)


def test_two_replicas_call_and_close_once(desk: Desk) -> None:
    opened(desk)
    other = Desk.__new__(Desk)
    other.__dict__.update(desk.__dict__)
    other.start()
    desk.clock.set(DUE - DAY)
    for each in (desk, other, desk):
        each.run()
    done(desk)
    seen_gone(other)
    for each in (other, desk):
        each.run()

    verbs = [event.verb for event in desk.get().events]
    assert verbs.count(Verb.REMINDED) == 2
    assert verbs.count(Verb.VERIFIED) == 1
