"""What is judged before each call: what was right at the start, or when it failed, may be over."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.billing.subscription import Subscription
from bot.billing.unsubscription import ItemState, State, StepState, Verb
from bot.ports.provider import ProviderRefused
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import REQUESTER, resource
from tests.unit.services.desk import LONG, Desk

QUOTA = "SecMaster Professional, 50 ECS"
PACKAGES = {"sm-screen", "sm-orchestration"}


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def worth_a_thousandth(desk: Desk, *refs: str, **facts: Any) -> None:
    for ref in refs:
        order = desk.cloud.held[ref].orders[0]
        less = replace(order, cash=(order.cash or 0) / 1000)
        desk.cloud.change(ref, orders=(less,), **facts)


def before_packages(desk: Desk, **facts: Any) -> None:
    """Once the quota is gone its packages read otherwise; by the call all of them may go."""
    read, changed = desk.cloud.read, []

    def reading(ids: Collection[str]) -> Mapping[str, Subscription]:
        if set(ids) == PACKAGES and not changed:
            changed.append(True)
            worth_a_thousandth(desk, *sorted(PACKAGES), **facts)
        return read(ids)

    desk.cloud.read = reading  # type: ignore[method-assign]


def approved(desk: Desk, *refs: str) -> None:
    desk.approved(*(refs or ("sm-quota",)))
    desk.cool_off()


def failed_first(desk: Desk) -> None:
    """The cloud refused the first call, as another transaction was in progress."""
    approved(desk)
    refusal = ProviderRefused("Another transaction is in progress.", code="CBC.99003651")
    desk.cloud.refuses_calls.append(refusal)
    desk.run(seconds=5)
    assert desk.state() is State.FAILED
    desk.cloud.calls.clear()


def told(desk: Desk) -> list[str | None]:
    return [event.note for event in desk.get().events if event.verb is Verb.HELD_UP]


def test_what_is_busy_between_two_steps_is_waited_for_and_judged_when_that_is_over(
    desk: Desk,
) -> None:
    approved(desk)
    before_packages(desk, transaction_in_progress=True)

    desk.run(seconds=60)

    assert len(desk.cloud.calls) == 1
    assert (desk.state(), told(desk)) == (State.EXECUTING, [])
    for ref in PACKAGES:
        desk.cloud.change(ref, transaction_in_progress=False)
    desk.run(seconds=60)
    assert len(desk.cloud.calls) == 1
    assert desk.state() is State.FAILED
    assert (desk.get().problem or "").startswith("Refund at least USD ")


def test_what_was_busy_and_is_as_it_was_goes_on(desk: Desk) -> None:
    failed_first(desk)
    desk.cloud.change("sm-quota", transaction_in_progress=True)
    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=40)
    assert (desk.state(), desk.cloud.calls) == (State.EXECUTING, [])

    desk.cloud.change("sm-quota", transaction_in_progress=False)
    desk.run(seconds=60)

    assert desk.state() is State.DONE


def test_people_hear_of_what_stays_busy_and_it_ends_without_a_call(desk: Desk) -> None:
    failed_first(desk)
    desk.cloud.change("sm-quota", transaction_in_progress=True)
    desk.unsubscribing.retry(1001, by=REQUESTER)

    for _ in range(24 * 12 * 4):
        desk.clock.advance(timedelta(minutes=5))
        desk.run()

    busy = f"{QUOTA}: Another transaction is in progress."
    [said] = told(desk)
    assert (said or "").startswith(f"{busy} Nothing is asked for twice. Lapse goes on trying until")
    assert (desk.state(), desk.get().problem, desk.cloud.calls) == (State.FAILED, busy, [])


def test_what_is_busy_when_it_was_to_start_is_waited_for_and_stays_approved(desk: Desk) -> None:
    approved(desk)
    desk.cloud.change("sm-quota", transaction_in_progress=True)
    desk.run(seconds=60)
    assert (desk.state(), desk.cloud.calls, told(desk)) == (State.APPROVED, [], [])

    for _ in range(6):
        desk.clock.advance(timedelta(minutes=5))
        desk.run()
    assert told(desk) == [
        f"{QUOTA}: Another transaction is in progress. Nothing was changed yet. "
        "Lapse goes on trying until Thu 26 Nov 2026, 11:17 GMT+08:00."
    ]

    desk.cloud.change("sm-quota", transaction_in_progress=False)
    desk.clock.advance(timedelta(minutes=5))
    desk.run(seconds=30)
    done = desk.get()
    assert done.state is State.DONE
    assert [event.verb for event in done.events].count(Verb.APPROVED) == 1


def test_what_another_transaction_leaves_behind_is_judged_before_it_starts(desk: Desk) -> None:
    approved(desk)
    worth_a_thousandth(desk, "sm-quota", transaction_in_progress=True)
    desk.run(seconds=40)
    assert desk.state() is State.APPROVED

    desk.cloud.change("sm-quota", transaction_in_progress=False)
    desk.run(seconds=40)
    assert (desk.state(), desk.cloud.calls) == (State.STALE, [])
    assert (desk.get().problem or "").startswith("Refund at least USD ")


def test_what_stays_busy_until_the_figures_hold_no_more_expires_and_says_why(desk: Desk) -> None:
    approved(desk)
    request = desk.get()
    desk.cloud.change("sm-quota", transaction_in_progress=True)
    while desk.clock.now() <= request.good_until:
        desk.run()
        desk.clock.advance(timedelta(minutes=30))
    desk.run()

    ended = desk.get()
    assert (ended.state, desk.cloud.calls) == (State.EXPIRED, [])
    assert ended.events[-1].note == (
        "It could not start by Thu 26 Nov 2026, 11:17 GMT+08:00, until when the acknowledged "
        f"figures held. {QUOTA}: Another transaction is in progress."
    )


def test_what_is_busy_and_refused_for_another_reason_too_does_not_wait(desk: Desk) -> None:
    approved(desk)
    paid = desk.cloud.held["sm-orchestration"].orders[0]
    desk.cloud.change("sm-screen", transaction_in_progress=True)
    desk.cloud.change("sm-orchestration", orders=(replace(paid, invoiced=True),))
    desk.run()

    assert desk.state() is State.STALE
    assert (desk.get().problem or "").endswith(": It is invoiced already.")


def test_a_retry_never_ends_for_less_what_was_busy_when_it_was_read(desk: Desk) -> None:
    failed_first(desk)
    worth_a_thousandth(desk, "sm-quota", transaction_in_progress=True)
    desk.cloud.before_call = lambda: desk.cloud.change("sm-quota", transaction_in_progress=False)

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=60)

    assert desk.cloud.calls == []
    assert desk.get().items[0].state is ItemState.PLANNED


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"invoiced": True}, "It is invoiced already."),
        ({"promotion": True}, "Bought in a promotion, it cannot be unsubscribed from."),
        ({"cash": None}, "cash is not known"),
    ],
)
def test_what_the_rules_refuse_between_two_steps_is_not_sent(
    desk: Desk, facts: dict[str, Any], said: str
) -> None:
    approved(desk)
    desk.run(seconds=1)
    paid = desk.cloud.held["sm-screen"].orders[0]
    desk.cloud.change("sm-screen", orders=(replace(paid, **facts),))

    desk.run(seconds=20)

    assert len(desk.cloud.calls) == 1
    assert desk.state() is State.FAILED
    assert said in (desk.get().problem or "")


def test_a_quota_does_not_go_before_packages_that_may_not_go_after_it(desk: Desk) -> None:
    failed_first(desk)
    paid = desk.cloud.held["sm-orchestration"].orders[0]
    desk.cloud.change("sm-screen", transaction_in_progress=True)
    desk.cloud.change("sm-orchestration", orders=(replace(paid, invoiced=True),))

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=20)

    assert desk.cloud.calls == []
    assert (desk.get().problem or "").endswith(": It is invoiced already.")


def test_what_the_cloud_refused_holds_up_nothing_but_what_has_to_wait_for_it(
    store: SqlStore, clock: SettableClock
) -> None:
    desk = Desk(store, clock)
    with store.transaction() as tx:
        tx.catalogue.put([resource("vm-1", orders=(LONG,))], at=clock.now())
    desk.cloud.held["vm-1"] = resource("vm-1", orders=(LONG,))
    desk.cloud.refuses["sm-quota"] = ("CBC.99003643", "It is invoiced.")
    approved(desk, "sm-quota", "vm-1")

    desk.run(seconds=20)

    states = {item.key.id: item.state for item in desk.get().items}
    assert (states["sm-quota"], states["vm-1"]) == (ItemState.REFUSED, ItemState.GONE)
    assert [step.state for step in desk.get().steps] == [
        StepState.REFUSED,
        StepState.DONE,
        StepState.PLANNED,
    ]
    assert desk.get().problem == f"The cloud refused {QUOTA}: It is invoiced."
