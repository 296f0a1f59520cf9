"""Why an approved request does not start, each with its sentence; what is better goes on."""

from dataclasses import replace
from typing import Any

import pytest

from bot.billing.account import Account
from bot.billing.subscription import BillingMode, Package, Subscription
from bot.billing.unsubscription import Request, State
from storage.engine import Database
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.conftest import AUDIT_KEY
from tests.factories import APPROVER_1, REQUESTER, account, package, renewal, resource
from tests.unit.services.desk import LONG, Desk, filled_in, secmaster

QUOTA = "SecMaster Professional, 50 ECS"


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def found_later(desk: Desk, *subscriptions: Subscription) -> None:
    """A reading of the cloud brings these after it was acknowledged."""
    with desk.store.transaction() as tx:
        tx.catalogue.put(subscriptions, at=desk.clock.now())


def started(desk: Desk) -> Request:
    desk.cool_off()
    desk.run()
    return desk.get()


def stale_because(desk: Desk) -> str | None:
    request = started(desk)
    assert request.state is State.STALE
    assert desk.cloud.calls == []
    return request.problem


def new_package(**changes: Any) -> Subscription:
    return package("sm-new", Package.INTELLIGENT_ANALYSIS, name="A new one", **changes)


def test_a_new_package_of_what_goes_makes_it_stale(desk: Desk) -> None:
    desk.approved("sm-quota")
    found_later(desk, new_package())

    assert stale_because(desk) == (
        "A new one depends on what goes and was not there when it was acknowledged."
    )


def test_several_new_ones_are_named_together(desk: Desk) -> None:
    desk.approved("sm-quota")
    other = package("sm-other", name="Another one", billing_mode=BillingMode.PAY_PER_USE)
    found_later(desk, new_package(), other)

    assert stale_because(desk) == (
        "A new one and Another one depend on what goes and were not there when it was acknowledged."
    )


def test_a_new_part_of_what_goes_makes_it_stale(store: SqlStore, clock: SettableClock) -> None:
    desk = Desk(store, clock, subscriptions=(resource("vm", name="A machine", orders=(LONG,)),))
    desk.approved("vm")
    found_later(desk, resource("disk", name="A disk", parent_id="vm"))

    assert stale_because(desk) == (
        "A disk depends on what goes and was not there when it was acknowledged."
    )


def test_what_depended_on_it_already_is_no_objection(desk: Desk) -> None:
    found_later(desk, new_package())
    draft = desk.draft("sm-quota", packages=())
    number = desk.unsubscribing.submit(filled_in(draft, packages=())).number
    desk.unsubscribing.approve(number, by=APPROVER_1)

    assert started(desk).state is State.EXECUTING


def test_what_has_nothing_to_do_with_it_is_no_objection(desk: Desk) -> None:
    desk.approved("sm-quota")
    found_later(desk, resource("vm"), new_package(region="eu-west-101"))

    assert started(desk).state is State.EXECUTING


def test_one_that_was_acknowledged_again_is_no_objection_any_more(desk: Desk) -> None:
    number = desk.approved("sm-quota").number
    found_later(desk, new_package())
    assert started(desk).state is State.STALE

    review = desk.unsubscribing.review(number, by=REQUESTER)
    assert review.why is not None
    assert review.why.startswith("A new one depends")
    again = desk.unsubscribing.acknowledge_again(number, filled_in(review.draft))
    assert again.left_behind == ("A new one",)
    desk.unsubscribing.approve(number, by=APPROVER_1, shown=again.acknowledged_as)

    assert started(desk).state is State.EXECUTING


def test_a_new_one_in_the_form_while_it_is_open_is_a_change(desk: Desk) -> None:
    machine = resource("vm", name="A machine", orders=(LONG,))
    found_later(desk, machine)
    before = desk.draft("vm").fingerprint
    found_later(desk, resource("disk", parent_id="vm"))

    assert desk.draft("vm").fingerprint != before


def test_another_currency_makes_it_stale(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cloud.change("sm-quota", orders=(replace(LONG, currency="EUR"),))

    assert stale_because(desk) == f"The currency of {QUOTA} is EUR, before USD."


def test_a_purchase_that_turns_out_a_promotion_makes_it_stale(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cloud.change("sm-quota", orders=(replace(LONG, promotion=True),))

    assert stale_because(desk) == (
        f"{QUOTA}: Bought in a promotion, it cannot be unsubscribed from."
    )


def renewed(promotion: bool | None) -> tuple[Subscription, ...]:
    first, *others = secmaster()
    later = replace(renewal(LONG), promotion=promotion)
    return (replace(first, orders=(*first.orders, later)), *others)


def test_a_renewal_that_turns_out_a_promotion_makes_it_stale(
    store: SqlStore, clock: SettableClock
) -> None:
    desk = Desk(store, clock, subscriptions=renewed(None))
    desk.approved("sm-quota")
    desk.cloud.change("sm-quota", orders=renewed(True)[0].orders)

    assert stale_because(desk) == (
        f"An order of {QUOTA} is a promotion, which it was not when acknowledged."
    )


def test_a_promotion_that_was_acknowledged_is_no_objection(
    store: SqlStore, clock: SettableClock
) -> None:
    desk = Desk(store, clock, subscriptions=renewed(True))
    desk.approved("sm-quota")

    assert started(desk).state is State.EXECUTING


def desk_with(database: Database, clock: SettableClock, held: Account) -> Desk:
    store = database.store(team_id="T0RULES", accounts={held.name: held}, audit_key=AUDIT_KEY)
    store.settle_accounts(at=clock.now())
    return Desk(store, clock)


def test_another_rule_set_makes_it_stale_whatever_the_figures(
    database: Database, clock: SettableClock
) -> None:
    desk_with(database, clock, account()).approved("sm-quota")
    older = "huaweicloud-intl/2024-06-28"

    assert stale_because(desk_with(database, clock, account(rules=older))) == (
        f"The rule set of {QUOTA} is {older}, acknowledged huaweicloud-intl/2025-07-25."
    )


def test_better_figures_go_on(database: Database, clock: SettableClock) -> None:
    desk_with(database, clock, account()).approved("sm-quota")

    assert started(desk_with(database, clock, account(fee_waiver=True))).state is State.EXECUTING


def test_one_that_became_a_part_of_another_makes_it_stale(
    store: SqlStore, clock: SettableClock
) -> None:
    both = (
        resource("vm", name="A machine", orders=(LONG,)),
        resource("disk", name="A disk", orders=(LONG,)),
    )
    desk = Desk(store, clock, subscriptions=both)
    desk.approved("vm", "disk")
    desk.cloud.change("disk", parent_id="vm")

    assert stale_because(desk) == "A disk belongs to another one now and goes with it."
