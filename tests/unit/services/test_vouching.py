"""What a person carries out by hand: asked, approved, done with evidence, seen by a second one."""

import pytest

from bot.billing.subscription import Status
from bot.billing.unsubscription import CannotConfirmOwn, ItemState, State, Verb
from bot.services.errors import RequestRefused
from bot.services.vouching import Vouching
from tests.factories import (
    APPROVER_1,
    APPROVER_2,
    OWNER,
    contract,
    instant,
    order,
    usd,
)
from tests.unit.services.desk import Desk

LINK = "https://vendor.example/confirmation/1"


@pytest.fixture
def desk(store, clock) -> Desk:
    page = contract(orders=(order("2026-05-10 09:20", cash="348.00"),))
    return Desk(store=store, clock=clock, subscriptions=(page,))


@pytest.fixture
def vouching(desk: Desk) -> Vouching:
    return Vouching(store=desk.store, clock=desk.clock, policy=desk.policy, people=desk.people)


def opened(desk: Desk) -> int:
    number = desk.approved("status-page").number
    desk.cool_off()
    desk.run()
    return number


def test_a_contract_is_asked_for_without_any_figure_assumed(desk: Desk) -> None:
    request = desk.ask("status-page")

    assert request.by_hand
    assert request.is_contract
    assert request.acknowledgement.worst.refund == usd(0)
    assert request.acknowledgement.worst.handling_fee == usd(0)
    assert request.items[0].quote.total is not None
    assert request.items[0].quote.total.paid == usd("348")


def test_what_is_approved_becomes_a_checklist_and_the_cloud_is_not_called(desk: Desk) -> None:
    number = opened(desk)

    request = desk.get(number)
    assert request.state is State.EXECUTING
    [item] = request.items
    assert (item.state, item.asked) == (ItemState.PLANNED, OWNER)
    assert item.due_at == instant("2027-04-11 00:00")
    assert request.events[-1].verb is Verb.REMINDED
    assert request.events[-1].called == (OWNER,)
    assert desk.cloud.calls == []


def test_done_and_seen_by_a_second_person_ends_it_everywhere(
    desk: Desk, vouching: Vouching
) -> None:
    number = opened(desk)

    said = vouching.done(number, by=OWNER, items=[1], evidence=LINK, note="By e-mail.")
    assert said.state is State.VERIFYING
    assert said.events[-1].called == (APPROVER_1, APPROVER_2)
    with pytest.raises(RequestRefused) as refused:
        vouching.gone(number, by=OWNER)
    assert isinstance(refused.value.cause, CannotConfirmOwn)
    vouching.gone(number, by=APPROVER_1)
    desk.run()

    done = desk.get(number)
    assert (done.state, done.closed) == (State.DONE, True)
    assert done.items[0].state is ItemState.GONE
    with desk.store.reading() as tx:
        held = tx.catalogue.get(done.items[0].key)
    assert held is not None
    assert (held.status, held.auto_renew) == (Status.UNSUBSCRIBED, False)
    assert desk.cloud.calls == []
