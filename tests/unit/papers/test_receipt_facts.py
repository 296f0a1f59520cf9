"""What a receipt says is worked out once: sums, differences, who settled it."""

from dataclasses import replace

import pytest

from bot.billing import stepping
from bot.billing.unsubscription import ItemState, State
from bot.facts.hiding import without_figures
from bot.facts.messages import Receipt
from bot.facts.receipt import is_finished, receipt_of
from bot.papers import receipt_lines
from handlers.blocks import receipts
from tests.factories import APPROVER_1, REQUESTER, usd
from tests.unit.handlers import samples, seen
from tests.unit.papers.samples import HEAD, receipt


def test_every_item_has_estimate_and_actual_in_the_order_of_going():
    found = receipt()

    assert [item.number for item in found.items] == [1, 2, 3]
    assert [item.step for item in found.items] == [1, 2, 2]
    second = found.items[1]
    assert (second.estimate.refund, second.actual.refund) == (usd("324.97"), usd("324.87"))
    assert second.difference == usd("-0.10")
    assert second.order == "CS26112311reen"
    assert (found.estimate.refund, found.actual.refund) == (usd("2058.17"), usd("2057.93"))
    assert (found.actual.handling_fee, found.difference) == (usd("570.00"), usd("-0.24"))


def test_who_asked_acknowledged_and_approved_stands_with_the_exact_text():
    found = receipt()

    assert found.asked.by == found.acknowledged.by == REQUESTER
    assert found.acknowledged.text.startswith("I understand a handling fee will be charged")
    assert [(each.by, each.at) for each in found.approvals] == [(APPROVER_1, samples.APPROVED)]
    assert found.reason_words == "Features are not enough"
    assert found.verified is not None
    assert (found.verified.gone, found.verified.refund_orders, found.verified.of) == (3, 3, 3)
    assert found.head == HEAD


def test_sums_are_not_known_while_one_is_not():
    request = samples.done()
    first = replace(request.items[0], refund_actual=None)
    found = receipt(replace(request, items=(first, *request.items[1:])))

    assert found.actual.refund is None
    assert found.difference is None
    assert found.actual.handling_fee == usd("570.00")


def test_what_is_not_gone_is_in_the_estimate_and_not_compared():
    found = receipt(samples.failed())

    assert [item.state for item in found.items].count(ItemState.REFUSED) == 1
    assert found.actual.refund == usd("1733.20")
    assert found.difference is None


def test_hidden_figures_stay_hidden_in_every_sum():
    found = receipt_of(without_figures(samples.done()), head=None)

    for money in (found.estimate.refund, found.actual.refund, found.difference):
        assert money is not None
        assert money.is_hidden


def test_a_dry_run_has_nothing_verified():
    assert receipt(replace(samples.done(), dry_run=True)).verified is None


@pytest.mark.parametrize("state", [State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.STOPPED])
def test_what_was_not_tried_has_no_receipt(state: State):
    assert not is_finished(replace(samples.waiting(), state=state, closed=True))


def test_what_failed_has_one_once_somebody_leaves_it():
    failed = samples.failed()
    left = stepping.leave_as_is(failed, by=APPROVER_1, at=samples.APPROVED, why="Fine.")

    assert not is_finished(failed)
    assert is_finished(left)
    assert receipt(left).left.words == "Fine."


def test_what_people_carry_out_is_not_said_to_be_sent():
    states = (ItemState.SENT, ItemState.PLANNED, ItemState.GONE)
    items = zip(samples.failed().items, states, strict=True)
    left = replace(
        samples.failed(),
        by_hand=True,
        closed=True,
        items=tuple(replace(item, state=state) for item, state in items),
    )
    found = receipt(left)

    outcomes = [row.outcome for row in receipt_lines.items(found)]
    assert outcomes == ["done, not seen gone", "not done", "gone"]
    assert not found.nothing_went
    shown = " ".join(seen.lines(receipts.receipt(Receipt(request=left)).blocks))
    assert "1 SecMaster Professional, 50 ECS · done by hand, not seen gone" in shown
    assert "2 Large screen · not done" in shown


def test_where_nothing_went_no_refund_is_spoken_of():
    items = tuple(replace(each, state=ItemState.PLANNED) for each in samples.failed().items)

    assert receipt_lines.outcome(receipt(replace(samples.failed(), items=items))) == (
        "Failed: 0 of 3 items gone."
    )
