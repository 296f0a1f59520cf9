"""Why an approved request does not start, each with its sentence; what is better goes on."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.billing.account import Account
from bot.billing.plan import Plan, plan
from bot.billing.subscription import BillingMode, Order, Package, Status, Subscription
from bot.billing.unsubscription import Item, Request, State
from bot.services import objections
from bot.services.errors import RequestRefused
from storage.engine import Database
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.conftest import AUDIT_KEY
from tests.factories import (
    APPROVER_1,
    NOW,
    REQUESTER,
    account,
    key,
    order,
    package,
    quota,
    renewal,
    resource,
)
from tests.unit.billing.requests import waiting
from tests.unit.services.desk import LONG, Desk, filled_in, secmaster

QUOTA = "SecMaster Professional, 50 ECS"


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def bought(desk: Desk, *subscriptions: Subscription) -> None:
    """These are at the cloud now, and nobody has read them."""
    desk.cloud.held |= {each.key.id: each for each in subscriptions}


def found_later(desk: Desk, *subscriptions: Subscription) -> None:
    """A reading of the cloud brings these after it was acknowledged."""
    bought(desk, *subscriptions)
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


def test_a_package_that_nobody_has_read_yet_makes_it_stale_and_is_shown(desk: Desk) -> None:
    number = desk.approved("sm-quota").number
    bought(desk, new_package())

    assert stale_because(desk) == (
        "A new one depends on what goes and was not there when it was acknowledged."
    )
    review = desk.unsubscribing.review(number, by=REQUESTER)
    again = desk.unsubscribing.acknowledge_again(number, filled_in(review.draft))
    assert again.left_behind == ("A new one",)
    desk.unsubscribing.approve(number, by=APPROVER_1, shown=again.acknowledged_as)
    assert started(desk).state is State.EXECUTING


def test_a_part_that_nobody_has_read_yet_makes_it_stale(
    store: SqlStore, clock: SettableClock
) -> None:
    desk = Desk(store, clock, subscriptions=(resource("vm", name="A machine", orders=(LONG,)),))
    desk.approved("vm")
    bought(desk, resource("disk", name="A disk", parent_id="vm"))

    assert stale_because(desk) == (
        "A disk depends on what goes and was not there when it was acknowledged."
    )


def refused_first(desk: Desk) -> None:
    """The first call was refused, for a reason that is over now."""
    desk.cloud.refuses["sm-quota"] = ("CBC.99003651", "Another transaction is in progress.")
    assert desk.executed("sm-quota").state is State.FAILED
    desk.cloud.refuses.clear()
    desk.cloud.calls.clear()


def test_what_is_tried_again_is_judged_again(desk: Desk) -> None:
    refused_first(desk)
    bought(desk, new_package())

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)

    assert desk.cloud.calls == []
    assert (desk.state(), desk.get().problem) == (
        State.FAILED,
        "A new one depends on what goes and was not there when it was acknowledged.",
    )
    del desk.cloud.held["sm-new"]
    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)
    assert desk.state() is State.DONE


def test_another_currency_is_found_before_a_retry_calls_anything(desk: Desk) -> None:
    refused_first(desk)
    desk.cloud.change("sm-quota", orders=(replace(LONG, currency="EUR"),))

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)

    assert desk.cloud.calls == []
    assert desk.get().problem == f"The currency of {QUOTA} is EUR, before USD."


def test_a_renewal_that_was_paid_meanwhile_makes_it_stale(desk: Desk) -> None:
    """More would come back, of money that nobody knew of."""
    desk.approved("sm-quota")
    desk.cloud.change("sm-quota", orders=(LONG, renewal(LONG)))

    assert stale_because(desk) == f"{QUOTA} has an order that it had not when it was acknowledged."


def test_a_price_that_reads_otherwise_makes_it_stale(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cloud.change("sm-quota", orders=(replace(LONG, cash=Decimal("3599.00")),))

    assert stale_because(desk) == (
        f"What was paid for {QUOTA} reads otherwise than when it was acknowledged."
    )


def test_a_renewal_that_was_paid_between_two_tries_is_found(desk: Desk) -> None:
    refused_first(desk)
    desk.cloud.change("sm-quota", orders=(LONG, renewal(LONG)))

    desk.unsubscribing.retry(1001, by=REQUESTER)
    desk.run(seconds=15)

    assert desk.cloud.calls == []
    assert desk.get().problem == f"{QUOTA} has an order that it had not when it was acknowledged."


def item_of(acknowledged: Plan) -> Item:
    [(each, quote)] = acknowledged.quotes.items()
    return Item(key=each, label=QUOTA, region=None, quote=quote)


def ordered(*orders: Order, at: datetime = NOW) -> Plan:
    held = quota(orders=orders)
    return plan([held], group=[held], account=account(), at=at)


FIRST = order("2025-11-26 09:20", cash="348.00")
"""Its term is over on 26 November 2026."""


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ((FIRST, renewal(FIRST)), None),
        ((FIRST,), f"An order of {QUOTA} is not there any more."),
        ((FIRST, renewal(FIRST), renewal(renewal(FIRST))), f"{QUOTA} has an order that it had"),
    ],
)
def test_which_orders_a_price_rests_on(now: tuple[Order, ...], said: str | None) -> None:
    before = ordered(FIRST, renewal(FIRST))
    request = replace(waiting(), items=(item_of(before),))

    found = objections.paid_otherwise(request, ordered(*now))

    assert said is None or str(found).startswith(said)
    assert (found is None) is (said is None)


def test_an_order_whose_term_is_over_meanwhile_is_no_objection() -> None:
    before = ordered(FIRST, renewal(FIRST))
    request = replace(waiting(), items=(item_of(before),))
    later = NOW + timedelta(days=4)

    assert len(ordered(FIRST, renewal(FIRST), at=later).quotes[key("sm-quota")].orders) == 1
    assert objections.paid_otherwise(request, ordered(FIRST, renewal(FIRST), at=later)) is None


def test_an_item_without_noted_orders_was_not_looked_at() -> None:
    [item] = (item_of(ordered(FIRST)),)
    unknown = replace(item, quote=replace(item.quote, orders=()))
    request = replace(waiting(), items=(unknown,))

    assert objections.paid_otherwise(request, ordered(FIRST, renewal(FIRST))) is None


def removed(desk: Desk, *refs: str) -> None:
    """Somebody ends them in the console."""
    for ref in refs:
        desk.cloud.change(ref, status=Status.UNSUBSCRIBED, auto_renew=False)


def test_what_is_gone_is_left_out_when_it_is_acknowledged_again(desk: Desk) -> None:
    number = desk.approved("sm-quota").number
    removed(desk, "sm-screen")
    assert stale_because(desk) == "Large screen is not at the cloud any more."
    with desk.store.reading() as tx:
        assert tx.catalogue.is_gone(key("sm-screen"))

    review = desk.unsubscribing.review(number, by=REQUESTER)
    again = desk.unsubscribing.acknowledge_again(number, filled_in(review.draft))

    assert [item.key.id for item in again.items] == ["sm-quota", "sm-orchestration"]
    assert [[k.id for k in step.subscriptions] for step in again.steps] == [
        ["sm-quota"],
        ["sm-orchestration"],
    ]
    assert again.acknowledgement.worst == review.draft.worst
    desk.unsubscribing.approve(number, by=APPROVER_1, shown=again.acknowledged_as)
    desk.cool_off()
    desk.run(seconds=15)
    assert desk.state() is State.DONE


def test_when_nothing_is_left_it_is_to_be_withdrawn(desk: Desk) -> None:
    number = desk.approved("sm-quota").number
    removed(desk, "sm-quota", "sm-screen", "sm-orchestration")
    assert started(desk).state is State.STALE

    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.review(number, by=REQUESTER)

    assert str(refused.value) == ("Nothing of request 1001 is at the cloud any more. Withdraw it.")
    assert desk.unsubscribing.withdraw(number, by=REQUESTER).state is State.WITHDRAWN


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


def test_a_coupon_that_was_found_since_is_named() -> None:
    paid = order("2026-05-26 09:20", cash="3600.00")
    before = ordered(paid)
    now = ordered(replace(paid, cash=Decimal(3200), cash_coupon=Decimal(400)))
    request = replace(waiting(), items=(item_of(before),))

    assert objections.coupons_found(request, before) is None
    assert objections.coupons_found(request, now) == (
        f"The order of {QUOTA} shows a cash coupon of USD 400.00, which is not returned."
    )
    acknowledged = replace(request, items=(item_of(now),))
    assert objections.coupons_found(acknowledged, now) is None, "it was acknowledged as it is"
