"""The plan: order, batches, what goes along, what is refused, what is left behind (R8, R9, R35)."""

from datetime import timedelta

from hypothesis import given

from bot.billing.edition import current_edition
from bot.billing.plan import BATCH, Plan, plan
from bot.billing.quote import Case, Scope
from bot.billing.subscription import BillingMode, Edition, Kind, Package, Status
from tests.factories import CN, NOW, account, order, package, quota, renewal, resource, usd
from tests.strategies import groups

QUOTA = quota()
SCREEN = package()
ORCHESTRATION = package("sm-orchestration", Package.SECURITY_ORCHESTRATION)
GROUP = [QUOTA, SCREEN, ORCHESTRATION]


def planned(chosen, *, group=None, **changes) -> Plan:
    facts = {"account": account(), "at": NOW} | changes
    return plan(chosen, group=group if group is not None else chosen, **facts)


def rules(found: Plan) -> list[str]:
    return [notice.rule for notice in found.warnings]


# R8


def test_a_package_alone_is_refused_and_the_quota_that_stays_is_named():
    found = planned([SCREEN], group=GROUP)

    refused = found.refused[SCREEN.key]
    assert refused.rule == "R8"
    assert refused.reason == (
        "Large screen cannot go before its edition; SecMaster Professional, 50 ECS stays."
    )
    assert found.steps == ()
    assert found.total is None
    assert rules(found) == ["R8"]


def test_packages_stay_while_another_quota_of_their_region_does():
    other = quota("second-quota", name="Second quota")

    found = planned([QUOTA, SCREEN], group=[*GROUP, other])

    assert [step.subscriptions for step in found.steps] == [(QUOTA.key,)]
    assert "Second quota stays" in found.refused[SCREEN.key].reason
    assert found.left_behind == ()
    assert "R11" not in rules(found)


def test_a_quota_of_another_region_holds_nothing():
    elsewhere = quota("elsewhere", region="eu-west-101")

    found = planned([QUOTA, SCREEN], group=[*GROUP, elsewhere])

    assert len(found.steps) == 2


def test_packages_go_at_once_when_the_edition_is_basic_already():
    basic = quota("basic", edition=Edition.BASIC)
    gone = quota("gone", status=Status.UNSUBSCRIBED)

    found = planned([SCREEN, ORCHESTRATION], group=[SCREEN, ORCHESTRATION, basic, gone])

    [step] = found.steps
    assert (step.subscriptions, step.after) == ((SCREEN.key, ORCHESTRATION.key), ())


def test_packages_wait_for_every_quota_of_their_region():
    quotas = [quota(f"quota-{n:02}") for n in range(12)]

    found = planned([SCREEN, *quotas])

    assert [len(step.subscriptions) for step in found.steps] == [10, 2, 1]
    assert found.steps[2].after == (1, 2)


def test_a_quota_that_cannot_go_holds_its_packages():
    frozen = quota(transaction_in_progress=True)

    found = planned([frozen, SCREEN])

    assert found.refused[frozen.key].rule == "R34"
    assert found.refused[SCREEN.key].rule == "R8"
    assert rules(found) == ["R34", "R8"]


def test_the_current_edition_is_that_of_the_quotas_in_use():
    standard = quota("standard", edition=Edition.STANDARD)

    assert current_edition([SCREEN, standard, QUOTA]) is Edition.PROFESSIONAL
    assert current_edition([SCREEN, standard]) is Edition.STANDARD
    assert current_edition([quota(status=Status.EXPIRED), SCREEN]) is Edition.BASIC
    by_use = quota(billing_mode=BillingMode.PAY_PER_USE)
    assert current_edition([by_use]) is Edition.PROFESSIONAL


# R9, R11, R35


def test_packages_that_were_not_chosen_are_left_behind_with_what_keeps_costing():
    found = planned([QUOTA, SCREEN], group=GROUP)

    assert found.left_behind == (ORCHESTRATION.key,)
    assert rules(found) == ["R9", "R11"]
    assert "Security orchestration stops working without its edition" in found.warnings[0].text


def test_what_costs_nothing_any_more_is_not_left_behind():
    expired = package("expired", status=Status.EXPIRED)
    by_use = package("by-use", billing_mode=BillingMode.PAY_PER_USE)

    assert planned([QUOTA], group=[QUOTA, expired, by_use]).left_behind == ()


def test_an_auxiliary_goes_along_with_its_main_one_and_is_refused_alone():
    server = resource("server")
    disk = resource("disk", name="System disk", parent_id="server")

    together = planned([disk, server])
    alone = planned([disk])

    assert [step.subscriptions for step in together.steps] == [(server.key,)]
    assert (rules(together), together.refused) == (["R35"], {})
    assert alone.refused[disk.key].rule == "R35"


# Figures


def test_totals_add_up_and_everything_unclear_is_refused():
    unclear = resource("unclear", orders=(order(cash=None),))

    found = planned([*GROUP, unclear])

    assert found.total.paid == usd("5400.00")
    assert found.total.handling_fee == usd("540.00")
    assert found.refused[unclear.key].rule == "R42"


def test_two_currencies_have_no_total():
    euros = resource("euros", orders=(order(currency="EUR"),))

    assert planned([QUOTA, euros]).total is None


def test_r37_five_day_returns_are_used_up_in_the_order_of_the_plan():
    fresh = [
        resource(f"fresh-{n}", orders=(order(NOW - timedelta(days=1), currency="CNY"),))
        for n in range(3)
    ]
    nearly_used = account(site=CN, five_day_returns_used=8)

    found = planned(fresh, account=nearly_used)

    cases = [found.quotes[each.key].case for each in fresh]
    assert cases == [Case.FIVE_DAY, Case.FIVE_DAY, Case.CONDITIONAL]


# Renewals only


def test_giving_back_renewals_has_no_order_and_leaves_nothing_behind():
    bought = order()
    paid = (bought, renewal(bought))
    renewed = [package(orders=paid), quota(orders=paid)]

    found = planned(renewed, group=[*renewed, ORCHESTRATION], scope=Scope.RENEWALS)

    [step] = found.steps
    assert step.subscriptions == (renewed[1].key, renewed[0].key)
    assert (found.left_behind, rules(found)) == ((), [])


# Any set


@given(groups())
def test_any_plan_is_executable_complete_and_within_the_cloud_s_limits(group):
    found = planned(group)

    by_key = {each.key: each for each in group}
    going = [key for step in found.steps for key in step.subscriptions]
    assert len(going) == len(set(going))
    assert {*going} | {*found.refused} == set(by_key)
    assert [step.number for step in found.steps] == list(range(1, len(found.steps) + 1))
    for step in found.steps:
        assert 1 <= len(step.subscriptions) <= BATCH
        assert all(number < step.number for number in step.after)
        _assert_after_its_quotas(step, found, by_key)


def _assert_after_its_quotas(step, found, by_key):
    members = [by_key[key] for key in step.subscriptions]
    if not any(each.kind is Kind.PACKAGE for each in members):
        return
    regions = {each.region for each in members}
    for other in found.steps:
        quotas = [by_key[key] for key in other.subscriptions if by_key[key].kind is Kind.QUOTA]
        assert (other.number in step.after) == any(each.region in regions for each in quotas)


@given(groups())
def test_splitting_into_calls_never_changes_the_total(group):
    found = planned(group)

    refunds = [found.quotes[k].total.refund for step in found.steps for k in step.subscriptions]
    assert sum(refunds, usd(0)) == (found.total.refund if found.total else usd(0))
