"""Contracts outside the cloud: a plan by themselves, without any figure that nobody knows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.billing import deciding
from bot.billing.account import CarriedOut
from bot.billing.contract import is_of_contracts, plan_of, rules_of, worst_of
from bot.billing.money import Money
from bot.billing.quote import CONTRACT, Scope
from bot.billing.subscription import Status
from tests.factories import NOW, account, contract, key, order, quota, resource, usd
from tests.unit.billing.requests import asking

RUNNING = order("2026-05-10 09:20", cash="348.00")
PAGE = contract(orders=(RUNNING,))
OTHER = replace(PAGE, key=key("other"), orders=(replace(RUNNING, cash=None),))


def planned(*chosen, **more):
    return plan_of(chosen, group=(), account=account(), at=NOW, **more)


def test_contracts_go_in_one_step_and_assume_nothing():
    plan = planned(PAGE, OTHER)

    assert [step.subscriptions for step in plan.steps] == [(PAGE.key, OTHER.key)]
    assert is_of_contracts(plan)
    assert rules_of(plan) == CONTRACT
    assert plan.total is not None
    assert (plan.total.paid, plan.total.refund) == (usd("348"), usd(0))
    assert plan.quotes[OTHER.key].total is None
    worst = worst_of(plan, until=NOW + timedelta(days=9))
    assert (worst.refund, worst.handling_fee, worst.coupons_lost) == (usd(0), usd(0), usd(0))


def test_what_was_paid_for_terms_that_are_over_is_not_what_runs():
    before = replace(RUNNING, expires_at=NOW - timedelta(days=1))

    assert planned(contract(orders=(before, RUNNING))).quotes[PAGE.key].total.paid == usd("348")


def test_r31_beside_what_the_cloud_sells_a_contract_is_refused():
    server = resource(orders=(order("2026-11-12 14:05", months=1, cash="61.20"),))
    plan = planned(server, PAGE)

    assert plan.going == (server.key,)
    assert plan.refused[PAGE.key].rule == "R31"
    assert not is_of_contracts(plan)
    assert rules_of(plan).startswith("huaweicloud")


def test_r45_a_contract_has_no_renewal_period_to_give_back():
    assert planned(PAGE, scope=Scope.RENEWALS).steps == ()


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.EXPIRED])
def test_r34_what_is_over_is_refused(status):
    plan = planned(replace(PAGE, status=status))

    assert plan.steps == ()
    assert plan.refused[PAGE.key].rule == "R34"


def test_contracts_of_two_currencies_have_no_total():
    euros = replace(OTHER, orders=(replace(RUNNING, currency="EUR"),))

    assert planned(PAGE, euros).total is None


def test_a_contract_without_orders_counts_in_the_account_s_currency():
    plan = planned(replace(PAGE, orders=()))

    assert plan.total == plan.total._replace(paid=Money.zero("USD"))


def test_a_request_is_by_hand_for_contracts_and_where_the_account_is_set_so():
    edition = quota(orders=(RUNNING,))

    def asked(plan):
        return deciding.ask(asking(plan.account), plan=plan, subscriptions=plan.subscriptions)

    cloud = plan_of([edition], group=(), account=account(), at=NOW)
    console = account(carried_out=CarriedOut.BY_HAND)
    assert asked(planned(PAGE)).by_hand
    assert asked(planned(PAGE)).is_contract
    assert not asked(cloud).by_hand
    by_hand = asked(plan_of([edition], group=(), account=console, at=NOW))
    assert by_hand.by_hand
    assert not by_hand.is_contract
