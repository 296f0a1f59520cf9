"""What requests say: card, thread, receipt and notes, each once and with the newest facts."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.billing.unsubscription import State, Verb
from bot.facts.messages import Receipt, RequestCard, RequesterNote, RequestLine, Tour
from bot.ports.messenger import NotPosted
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.pacing import Limits, Pacing
from bot.services.reminding import Reminding
from bot.services.rerouting import Rerouting
from bot.services.touring import Touring
from storage.store import SqlStore
from tests.clocks import SettableClock, always_steady
from tests.factories import APPROVER_1, APPROVER_2, REQUESTER
from tests.unit.services.desk import Desk, filled_in
from tests.unit.services.rig import APPROVALS, FINOPS

DM = f"D{REQUESTER[1:]}"


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


@pytest.fixture
def delivering(desk: Desk) -> Delivering:
    shared = {"store": desk.store, "clock": desk.clock, "policy": desk.policy}
    reminding = Reminding(**shared, people=desk.people)
    return Delivering(
        store=desk.store,
        clock=desk.clock,
        messenger=desk.messenger,
        composing=Composing(links=desk.messenger, announcing=reminding.announcing),
        rerouting=Rerouting(**shared, people=desk.people),
        pacing=Pacing(Limits()),
        elapsed=lambda: 0.0,
        steady_since=always_steady,
    )


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
    desk.unsubscribing.acknowledge_again(1001, filled_in(draft))
    desk.unsubscribing.approve(1001, by=APPROVER_1)
    delivering.send_due()

    assert stale == (State.STALE, True)
    assert offers(desk) == [
        (State.WAITING, False),
        (State.APPROVED, False),
        (State.STALE, False),
        (State.WAITING, False),
        (State.APPROVED, True),
    ]


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
