"""What requests say: card, thread, receipt and notes, each once and with the newest facts."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bot.billing.subscription import Status
from bot.billing.unsubscription import State, Verb
from bot.facts.erased import ERASED
from bot.facts.messages import (
    Fresh,
    OperatorWarning,
    Receipt,
    ReceiptFile,
    RequestCard,
    RequesterNote,
    RequestLine,
    Tour,
)
from bot.facts.receipt import Form, RecordHead
from bot.ports.messenger import NotPosted
from bot.ports.record import Personal
from bot.ports.store import Delivery
from bot.services import owing
from bot.services.attesting import Attesting
from bot.services.closing import closures
from bot.services.delivering import Delivering
from bot.services.errors import NoReceipt, UnknownRequest
from bot.services.forgetting import Forgetting
from bot.services.policy import ApprovalRule
from bot.services.touring import Touring
from bot.services.unattached import unattached
from handlers.blocks.requester_notes import requester_note
from handlers.blocks.requests import request_card
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, APPROVER_2, NOW, REQUESTER, instant, usd
from tests.unit.handlers import seen
from tests.unit.services.desk import SECOND, Desk, delivering, filled_in
from tests.unit.services.rig import APPROVALS, FINOPS, policy

DM = f"D{REQUESTER[1:]}"


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


@pytest.fixture(name="delivering")
def the_delivering(desk: Desk) -> Delivering:
    return delivering(desk)


def waiting(desk: Desk) -> list[Delivery]:
    """What is owed and was not posted yet."""
    with desk.store.reading() as tx:
        return [each for to in (APPROVALS, REQUESTER, ERASED) for each in tx.outbox.waiting(to)]


def card(desk: Desk) -> RequestCard:
    [only] = desk.messenger.of(RequestCard)
    assert only.to == APPROVALS
    assert isinstance(only.message, RequestCard)
    return only.message


def notes(desk: Desk) -> list[State]:
    shown = desk.messenger.of(RequesterNote)
    assert {each.to for each in shown} <= {DM}
    return [each.message.state for each in shown]


def test_a_request_is_one_message_whose_thread_holds_the_history(
    desk: Desk, delivering: Delivering
) -> None:
    number = desk.ask().number
    delivering.send_due()
    desk.unsubscribing.approve(number, by=APPROVER_1)
    delivering.send_due()

    assert card(desk).request.state is State.APPROVED
    lines = desk.messenger.of(RequestLine)
    assert [line.message.event.verb for line in lines] == [Verb.ASKED, Verb.APPROVED]
    assert {line.thread for line in lines} == {desk.messenger.of(RequestCard)[0].ts}


def test_the_requester_hears_of_every_change_with_a_link(
    desk: Desk, delivering: Delivering
) -> None:
    number = desk.ask().number
    delivering.send_due()
    desk.unsubscribing.reject(number, by=APPROVER_2, why="Wait for the audit.")
    delivering.send_due()

    assert notes(desk) == [State.WAITING, State.REJECTED]
    posted = desk.messenger.of(RequestCard)[0]
    for each in desk.messenger.of(RequesterNote):
        assert each.message.link
        assert posted.ts.replace(".", "") in each.message.link


def test_a_finished_request_has_its_receipt_in_the_thread(
    desk: Desk, delivering: Delivering
) -> None:
    desk.ask()
    delivering.send_due()
    desk.unsubscribing.approve(1001, by=APPROVER_1)
    desk.cool_off()
    desk.run(seconds=15)
    delivering.send_due(limit=500)

    assert card(desk).request.state is State.DONE
    [receipt] = desk.messenger.of(Receipt)
    assert receipt.thread == desk.messenger.of(RequestCard)[0].ts
    assert notes(desk)[-1] is State.DONE


def test_a_receipt_and_its_two_files_say_where_the_record_stood_when_it_ended(
    desk: Desk, delivering: Delivering
) -> None:
    desk.executed("sm-quota")
    with desk.store.reading() as tx:
        at_the_end = tx.audit.head()
        last = list(tx.audit.entries("request/1001"))[-1]
    with desk.store.transaction() as tx:
        tx.audit.append(at=desk.clock.now(), actor="lapse", action="later", subject="s", facts={})
    delivering.send_due(limit=500)

    [receipt] = desk.messenger.of(Receipt)
    files = desk.messenger.of(ReceiptFile)
    assert last.action == "request.verified"
    assert (receipt.message.head.entries, receipt.message.head.digest) == at_the_end
    assert [each.message.form for each in files] == [Form.PDF, Form.JSON]
    assert [each.message.receipt for each in files] == [receipt.message] * 2
    assert {each.thread for each in files} == {receipt.thread}
    assert [each.ts for each in (receipt, *files)] == sorted(e.ts for e in (receipt, *files))
    assert Attesting(store=desk.store).receipt(1001) == receipt.message


def test_a_receipt_tells_the_second_look_once_it_happened(
    desk: Desk, delivering: Delivering
) -> None:
    paid = desk.cloud.refunds
    desk.cloud.refunds = lambda ids, since: ()  # type: ignore[assignment, misc]
    desk.executed("sm-quota")
    desk.clock.advance(timedelta(minutes=16))
    desk.run(seconds=2)
    delivering.send_due(limit=500)
    first = [each.message for each in desk.messenger.of(ReceiptFile)]
    desk.cloud.refunds = paid  # type: ignore[method-assign]
    desk.clock.advance(timedelta(hours=25))
    desk.run(seconds=2)
    with desk.store.reading() as tx:
        head = tx.audit.head()
    delivering.send_due(limit=500)

    [receipt] = desk.messenger.of(Receipt)
    files = [each.message for each in desk.messenger.of(ReceiptFile)]
    assert [each.receipt.facts.actual.refund for each in first] == [None, None]
    assert receipt.message.facts.actual.refund == usd("2058.17")
    assert receipt.message.facts.second_look is not None
    assert receipt.message.facts.second_look.refund_orders == 3
    assert (receipt.message.head.entries, receipt.message.head.digest) == head
    assert files[:2] == first
    assert [each.form for each in files[2:]] == [Form.PDF, Form.JSON]
    assert [each.receipt for each in files[2:]] == [receipt.message] * 2
    assert Attesting(store=desk.store).receipt(1001) == receipt.message


def test_a_receipt_tells_what_came_back(desk: Desk, delivering: Delivering) -> None:
    desk.executed("sm-quota")
    delivering.send_due(limit=500)
    desk.cloud.accepted = [each for each in desk.cloud.accepted if each.id != "sm-screen"]
    desk.cloud.change("sm-screen", status=Status.IN_USE)
    desk.clock.advance(timedelta(hours=25))
    desk.run()
    delivering.send_due(limit=500)

    [receipt] = desk.messenger.of(Receipt)
    assert receipt.message.facts.is_back
    assert [each.back for each in receipt.message.facts.items] == [False, True, False]
    assert len(desk.messenger.of(ReceiptFile)) == 4


def test_what_came_back_is_told_to_the_channel_where_the_requester_was_forgotten(
    desk: Desk, delivering: Delivering
) -> None:
    desk.executed("sm-quota")
    delivering.send_due(limit=500)
    before = len(desk.messenger.of(RequesterNote))
    forgetting = Forgetting(store=desk.store, clock=desk.clock)
    forgetting.forget(REQUESTER, by=Personal.id("host"))
    desk.cloud.accepted = [each for each in desk.cloud.accepted if each.id != "sm-screen"]
    desk.cloud.change("sm-screen", status=Status.IN_USE)
    desk.clock.advance(timedelta(hours=25))
    desk.run()
    owed = {each.destination for each in waiting(desk)}
    delivering.send_due(limit=500)

    assert ERASED not in owed
    [told] = desk.messenger.of(RequesterNote)[before:]
    assert told.to == APPROVALS
    assert told.message.request.events[-1].verb is Verb.CAME_BACK
    said = requester_note(told.message).text
    assert said.startswith(f"<@{APPROVER_1}>, <@{APPROVER_2}>: Request 1001: Large screen is at")


def test_a_receipt_that_was_never_posted_is_posted_as_it_reads_then(
    desk: Desk, delivering: Delivering
) -> None:
    desk.executed("sm-quota")
    desk.clock.advance(timedelta(hours=25))
    desk.run(seconds=2)
    for _ in range(3):
        delivering.send_due(limit=500)
        desk.clock.advance(SECOND)

    [receipt] = desk.messenger.of(Receipt)
    assert receipt.message.facts.second_look is not None
    assert receipt.message.facts.second_look.at is not None
    assert len(desk.messenger.of(ReceiptFile)) == 4


def test_a_file_whose_answer_was_lost_is_there_once(desk: Desk, delivering: Delivering) -> None:
    desk.executed("sm-quota")
    lose_files(desk, once=True)

    for _ in range(4):
        delivering.send_due(limit=500)
        desk.clock.advance(timedelta(seconds=41))

    files = [each.message.form for each in desk.messenger.of(ReceiptFile)]
    assert files == [Form.PDF, Form.JSON]
    assert desk.messenger.looks == 1


def lose_files(desk: Desk, *, once: bool) -> None:
    """Lose the answer to the next file, not to a message."""
    post = desk.messenger.post

    def losing(message, **how):
        nonlocal once
        if once and isinstance(message, ReceiptFile):
            once = False
            desk.messenger.lose_answers = 1
        return post(message, **how)

    desk.messenger.post = losing


def test_where_files_are_refused_the_message_stands_and_operators_hear_of_it_once(
    desk: Desk, delivering: Delivering
) -> None:
    desk.messenger.no_files = "missing_scope"
    desk.executed("sm-quota")
    delivering.send_due(limit=500)
    desk.clock.advance(timedelta(hours=30))
    head = RecordHead(entries=1, digest="3f9a" * 16)
    another = replace(desk.get(), number=1002)
    with desk.store.transaction() as tx:
        for each in owing.receipts(another, head=head, channel=APPROVALS, at=NOW)[1:]:
            tx.outbox.owe(replace(each, thread_of=None, subject={**each.subject, "request": 1001}))
    delivering.send_due(limit=500)

    assert len(desk.messenger.of(Receipt)) == 1
    assert desk.messenger.of(ReceiptFile) == []
    warnings = desk.messenger.of(OperatorWarning)
    assert len(warnings) == len({each.to for each in warnings}) == 2
    assert "scope `files:write`" in warnings[0].message.text
    assert "`lapse receipt 1001` prints it." in warnings[0].message.text
    with desk.store.reading() as tx:
        assert closures(tx) == {}


def test_what_is_refused_a_week_later_is_new_trouble(desk: Desk, delivering: Delivering) -> None:
    head = RecordHead(entries=1, digest="3f9a" * 16)
    [_, pdf, _] = owing.receipts(desk.ask(), head=head, channel=APPROVALS, at=NOW)
    found = []
    for days in (0, 3, 6, 14):
        with desk.store.transaction() as tx:
            at = NOW + timedelta(days=days)
            found.append(unattached(tx, pdf, error="missing_scope", at=at).since)
    with desk.store.transaction() as tx:
        other = unattached(tx, pdf, error="file_uploads_disabled", at=at)

    assert found == [NOW, NOW, NOW, NOW + timedelta(days=14)]
    assert other.since == at
    assert "Ask an admin" in other.text


def test_a_receipt_says_what_the_cloud_called_the_last_call_for_each(desk: Desk) -> None:
    desk.executed("sm-quota")
    lines = (
        ("cloud.unsubscribe", {"ids": ["sm-quota"], "cloud_request": "f7a1"}),
        ("cloud.unsubscribe", {"ids": ["sm-quota", "sm-screen"], "cloud_request": "f7a2"}),
        ("cloud.read", {"ids": ["sm-screen"], "cloud_request": "f7a3"}),
        ("cloud.unsubscribe", {"ids": ["sm-screen"]}),
    )
    with desk.store.transaction() as tx:
        for action, facts in lines:
            at, subject = desk.clock.now(), "request/1001"
            tx.audit.append(at=at, actor="lapse", action=action, subject=subject, facts=facts)

    found = Attesting(store=desk.store).receipt(1001).facts

    assert {item.key.id: item.cloud_request for item in found.items} == {
        "sm-quota": "f7a2",
        "sm-screen": "f7a2",
        "sm-orchestration": None,
    }


def test_only_what_was_tried_and_has_ended_has_a_receipt(desk: Desk) -> None:
    number = desk.ask().number
    with pytest.raises(NoReceipt, match=r"Request 1001 is waiting, so it has no receipt yet\."):
        Attesting(store=desk.store).receipt(number)
    with pytest.raises(UnknownRequest):
        Attesting(store=desk.store).receipt(7)
    desk.unsubscribing.reject(number, by=APPROVER_2, why="Wait for the audit.")

    with pytest.raises(NoReceipt, match="is rejected: nothing was changed"):
        Attesting(store=desk.store).receipt(number)
    assert desk.owed("request/1001/receipt") == []


def test_changes_that_came_while_slack_was_away_arrive_as_one_update_and_all_lines(
    desk: Desk, delivering: Delivering
) -> None:
    number = desk.ask().number
    delivering.send_due()
    desk.unsubscribing.approve(number, by=APPROVER_1)
    desk.unsubscribing.stop(number, by=APPROVER_2)

    delivering.send_due()

    assert card(desk).request.state is State.STOPPED
    card_and_note = 2
    assert desk.messenger.updates == card_and_note
    assert len(desk.messenger.of(RequestLine)) == 3


def offers(desk: Desk) -> list[tuple[State, bool]]:
    """Each note with whether it still offers what can be done."""
    found = [each.message for each in desk.messenger.of(RequesterNote)]
    return [(each.state, each.current and each.request.state is each.state) for each in found]


def test_stop_goes_from_the_note_when_the_cooling_off_is_over(
    desk: Desk, delivering: Delivering
) -> None:
    desk.approved("sm-quota")
    delivering.send_due()
    before = offers(desk)
    desk.cool_off()
    desk.run()
    delivering.send_due()

    assert before == [(State.WAITING, False), (State.APPROVED, True)]
    assert offers(desk)[1] == (State.APPROVED, False)


def test_to_review_goes_when_the_new_figures_are_acknowledged(
    desk: Desk, delivering: Delivering
) -> None:
    desk.approved("sm-quota")
    [paid] = desk.subscriptions[0].orders
    coupon = replace(paid, cash=Decimal(3200), cash_coupon=Decimal(400))
    worse = replace(desk.subscriptions[0], orders=(coupon,))
    desk.cloud.change("sm-quota", orders=worse.orders)
    with desk.store.transaction() as tx:
        tx.catalogue.put([worse], at=desk.clock.now())
    desk.cool_off()
    desk.run()
    delivering.send_due()
    stale = offers(desk)[-1]
    draft = desk.unsubscribing.review(1001, by=REQUESTER).draft
    again = desk.unsubscribing.acknowledge_again(1001, filled_in(draft))
    desk.unsubscribing.approve(1001, by=APPROVER_1, shown=again.acknowledged_as)
    delivering.send_due()

    assert stale == (State.STALE, True)
    assert offers(desk) == [
        (State.WAITING, False),
        (State.APPROVED, False),
        (State.STALE, False),
        (State.WAITING, False),
        (State.APPROVED, True),
    ]


def stale_at(desk: Desk, number: int = 1001) -> datetime:
    """When it went stale, which what was just read made it."""
    return next(e.at for e in desk.get(number).events if e.verb is Verb.STALE)


def worsened(desk: Desk) -> None:
    """A stale request: its order shows a coupon, and its next renewal costs more."""
    number = desk.approved("sm-quota").number
    [paid] = desk.subscriptions[0].orders
    coupon = replace(paid, cash=Decimal(3200), cash_coupon=Decimal(400))
    desk.cloud.change("sm-quota", orders=(coupon,), renewal_price=Decimal("9999.00"))
    desk.cool_off()
    desk.run()
    assert desk.state(number) is State.STALE


def test_a_stale_request_says_what_the_form_would_show_now(
    desk: Desk, delivering: Delivering
) -> None:
    worsened(desk)
    delivering.send_due()
    draft = desk.unsubscribing.review(1001, by=REQUESTER).draft

    shown = Fresh(
        at=desk.clock.now(),
        read_at=stale_at(desk),
        refund=draft.total.refund,
        worst=draft.worst,
        cause="The order of SecMaster Professional, 50 ECS shows a cash coupon of "
        "USD 400.00, which is not returned.",
    )
    assert card(desk).fresh == shown
    assert desk.messenger.of(RequestLine)[-1].message.fresh == shown
    assert desk.messenger.of(RequesterNote)[-1].message.fresh == shown
    desk.unsubscribing.acknowledge_again(1001, filled_in(draft))
    delivering.send_due()
    assert card(desk).fresh is None


@pytest.mark.parametrize(
    ("least", "required", "why"), [("3600", 2, "from USD 3,600.00"), ("36000", 1, None)]
)
def test_a_request_that_needs_several_approvals_says_why(
    desk: Desk, least: str, required: int, why: str | None
) -> None:
    desk.policy = policy(rules=(ApprovalRule(required=2, min_amount=usd(least)),))
    desk.start()
    desk.ask("sm-quota")
    delivering(desk).send_due()

    shown = card(desk)
    assert (shown.request.required_approvals, shown.several) == (required, why)


def test_where_all_requests_need_as_many_nothing_is_said_of_why(desk: Desk) -> None:
    desk.policy = policy(required=2, rules=(ApprovalRule(required=2, account="prod"),))
    desk.start()
    desk.ask("sm-quota")
    delivering(desk).send_due()

    assert card(desk).several is None


def test_a_request_that_went_stale_unread_says_when_the_cloud_was_read(
    desk: Desk, delivering: Delivering
) -> None:
    read_at = desk.clock.now()
    desk.approved("sm-quota")
    desk.policy = policy(approvers=(APPROVER_2,))
    desk.start()
    desk.clock.advance(timedelta(hours=5))
    reads = desk.cloud.reads
    desk.run()
    delivering.send_due()

    fresh = card(desk).fresh
    assert fresh is not None
    assert (fresh.read_at, fresh.at) == (read_at, desk.clock.now())
    assert desk.cloud.reads == reads
    new = desk.unsubscribing.review(1001, by=REQUESTER)
    assert (new.read_at, new.draft.now) == (read_at, desk.clock.now())


def test_a_stale_request_whose_form_would_be_refused_says_nothing_of_now(
    desk: Desk, delivering: Delivering
) -> None:
    worsened(desk)
    desk.clock.set(instant("2027-05-02 23:30"))  # too near the deduction to ask
    delivering.send_due()

    assert card(desk).request.state is State.STALE
    assert card(desk).fresh is None


def test_what_happens_if_it_is_kept_is_read_again_with_the_new_figures(
    desk: Desk, delivering: Delivering
) -> None:
    desk.ask("sm-quota")
    delivering.send_due()
    before = seen.lines(request_card(card(desk)).blocks)
    desk.unsubscribing.withdraw(1001, by=REQUESTER)
    worsened(desk)
    draft = desk.unsubscribing.review(1002, by=REQUESTER).draft
    again = desk.unsubscribing.acknowledge_again(1002, filled_in(draft))
    after = seen.lines(request_card(RequestCard(request=again)).blocks)

    assert "*If kept*: USD 5,400.00 on Mon 3 May 2027" in before
    assert "*If kept*: USD 11,799.00 on Mon 3 May 2027" in after


def test_to_ask_again_goes_once_when_the_same_was_asked_again(
    desk: Desk, delivering: Delivering
) -> None:
    seen = []
    for number in (1001, 1002, 1003):
        desk.ask("sm-quota")
        delivering.send_due()
        updates = desk.messenger.updates
        desk.unsubscribing.withdraw(number, by=REQUESTER)
        delivering.send_due()
        seen.append([holds for state, holds in offers(desk) if state is State.WITHDRAWN])

    assert seen == [[True], [False, True], [False, False, True]]
    assert desk.messenger.updates == updates + 1  # the card of the last one, and nothing else


def test_thread_and_note_wait_for_the_card(desk: Desk, delivering: Delivering) -> None:
    desk.messenger.refusals = [NotPosted("ratelimited", retry_after=10) for _ in range(1)]
    desk.ask()
    delivering.send_due()
    early = list(desk.messenger.shown)

    desk.clock.advance(timedelta(seconds=10))
    delivering.send_due()

    assert early == []
    assert isinstance(desk.messenger.shown[0].message, RequestCard)
    assert desk.messenger.of(RequesterNote)[0].message.link


def test_a_note_does_not_wait_for_ever(desk: Desk, delivering: Delivering) -> None:
    desk.messenger.closed = {APPROVALS: "is_archived"}
    desk.ask()
    for _ in range(25):
        delivering.send_due()
        desk.clock.advance(timedelta(seconds=1))

    [note] = desk.messenger.of(RequesterNote)
    assert note.message.link is None
    assert desk.messenger.of(RequestLine) == []


def test_the_tour_ticks_asking_and_deciding_off(desk: Desk, delivering: Delivering) -> None:
    touring = Touring(store=desk.store, clock=desk.clock, policy=desk.policy)
    touring.begin(subject_ids=("sm-quota",), channel=FINOPS)
    delivering.send_due()

    desk.ask()
    asked = touring.tick()
    desk.unsubscribing.approve(1001, by=APPROVER_1)
    decided = touring.tick()
    delivering.send_due()

    [tour] = desk.messenger.of(Tour)
    assert (asked, decided) == (1, 1)
    assert (tour.message.asked, tour.message.decided) == (True, True)


def test_a_note_knows_in_which_zone_its_reader_lives(desk: Desk, delivering: Delivering) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    desk.directory.zones[REQUESTER] = berlin
    desk.ask()
    delivering.send_due()

    [note] = desk.messenger.of(RequesterNote)
    assert note.message.zone == berlin
