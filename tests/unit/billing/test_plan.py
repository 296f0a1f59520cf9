"""The plan: order, batches, what goes along, what is refused, what is left behind (R8, R9, R35)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.edition import current_edition
from bot.billing.plan import BATCH, Plan, PlanStep, plan
from bot.billing.quote import Case, Notice, Refusal, Scope
from bot.billing.refund import combined, quote
from bot.billing.subscription import BillingMode, Edition, Kind, Package, Status
from tests.factories import CN, NOW, account, order, package, quota, renewal, resource, usd
from tests.strategies import accounts, groups

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


def test_r8_quotas_that_stay_are_named_together():
    others = [quota("second", name="Second quota"), quota("third", name="Third quota")]

    found = planned([SCREEN], group=[SCREEN, *others])

    assert found.warnings == (
        Notice(
            rule="R8",
            text="Large screen cannot go before its edition; Second quota and Third quota stay.",
        ),
    )


def test_r8_each_region_has_an_order_of_its_own():
    far = quota("far", region="eu-west-101")
    far_screen = package("far-screen", region="eu-west-101")
    server = resource("server")

    found = planned([far_screen, SCREEN, server, far, QUOTA])

    assert found.steps == (
        PlanStep(number=1, subscriptions=(far.key,), after=()),
        PlanStep(number=2, subscriptions=(QUOTA.key,), after=()),
        PlanStep(number=3, subscriptions=(server.key,), after=()),
        PlanStep(number=4, subscriptions=(far_screen.key,), after=(1,)),
        PlanStep(number=5, subscriptions=(SCREEN.key,), after=(2,)),
    )


def test_r8_a_region_that_is_not_known_is_a_region_of_its_own():
    nowhere = package("nowhere", region=None)

    found = planned([nowhere, QUOTA])

    assert [step.after for step in found.steps] == [(), ()]


def test_r3_packages_go_in_the_order_of_the_guides():
    unknown = replace(package("unknown"), package=None)
    analysis = package("analysis", Package.INTELLIGENT_ANALYSIS)

    found = planned([unknown, ORCHESTRATION, analysis, SCREEN])

    assert found.going == (SCREEN.key, analysis.key, ORCHESTRATION.key, unknown.key)


# R9, R11, R35


@pytest.mark.parametrize(
    ("auto_renew", "ends"),
    [
        (True, "renews by itself"),
        (False, "runs to the end of its term"),
        (None, "renews by itself if auto-renewal is on, which is not known"),
    ],
)
def test_r9_r11_what_is_left_behind_is_said_whole(auto_renew, ends):
    left = package("left", name="Left package", auto_renew=auto_renew)

    found = planned([QUOTA], group=[QUOTA, left])

    assert found.warnings == (
        Notice(
            rule="R9",
            text=f"Left package stops working without its edition, stays paid for and {ends}.",
        ),
        Notice(
            rule="R11",
            text="If data collection was on, collector servers and VPC endpoints keep costing "
            "until someone releases them.",
        ),
    )


def test_r9_only_packages_of_a_region_without_edition_are_left_behind():
    elsewhere = package("elsewhere", region="eu-west-101")
    server = resource("server")

    assert planned([QUOTA], group=[QUOTA, elsewhere, server]).left_behind == ()
    assert planned([server], group=[server, SCREEN]).left_behind == ()
    assert planned([server], group=[server, SCREEN]).warnings == ()


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.FAILED, Status.EXPIRED])
def test_r9_a_package_that_is_over_is_not_left_behind(status):
    over = package("over", status=status)

    assert planned([QUOTA], group=[QUOTA, over]).left_behind == ()


@pytest.mark.parametrize("status", [Status.IN_USE, Status.INACTIVE, Status.FROZEN, None])
def test_r9_a_package_that_is_paid_for_is_left_behind(status):
    paid = package("paid", status=status)

    assert planned([QUOTA], group=[QUOTA, paid]).left_behind == (paid.key,)


def test_r9_a_package_that_cannot_go_is_left_behind_and_refused():
    held = package("held", name="Held", transaction_in_progress=True)

    found = planned([QUOTA, held])

    assert found.left_behind == (held.key,)
    assert rules(found) == ["R34", "R9", "R11"]
    assert found.warnings[0].text == "Held: Another transaction is in progress."


def test_r35_what_goes_along_is_said_whole_and_is_not_named_in_a_call():
    server = resource("server", name="Server")
    disks = [resource(f"disk-{n}", name=f"Disk {n}", parent_id="server") for n in (1, 2)]

    found = planned([disks[0], server, disks[1]])

    assert found.going == (server.key,)
    assert found.warnings == (
        Notice(rule="R35", text="Disk 1 goes along with server."),
        Notice(rule="R35", text="Disk 2 goes along with server."),
    )


def test_r35_an_auxiliary_of_what_is_not_chosen_cannot_go():
    disk = resource("disk", name="Disk", parent_id="elsewhere")

    found = planned([disk, resource("server")])

    assert found.refused[disk.key] == Refusal(
        rule="R35", reason="It belongs to elsewhere and goes with it."
    )
    assert found.warnings == (
        Notice(rule="R35", text="Disk: It belongs to elsewhere and goes with it."),
    )


def test_r37_a_main_resource_and_what_goes_along_use_one_return():
    fresh = (order(NOW - timedelta(days=1), currency="CNY"),)
    server = resource("server", orders=fresh)
    disk = resource("disk", parent_id="server", orders=fresh)
    other = resource("other", orders=fresh)

    found = planned([server, disk, other], account=account(site=CN, five_day_returns_used=8))

    cases = [found.quotes[key].case for key in found.going]
    assert cases == [Case.FIVE_DAY, Case.FIVE_DAY]


def test_packages_that_were_not_chosen_are_left_behind_with_what_keeps_costing():
    found = planned([QUOTA, SCREEN], group=GROUP)

    assert found.left_behind == (ORCHESTRATION.key,)
    assert rules(found) == ["R9", "R11"]
    assert "Security orchestration stops working without its edition" in found.warnings[0].text


def test_r10_what_costs_nothing_any_more_is_not_left_behind():
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


def test_r37_a_quota_uses_its_return_before_its_packages():
    fresh = (order(NOW - timedelta(days=1), currency="CNY"),)
    one_left = account(site=CN, five_day_returns_used=9)

    found = planned([package(orders=fresh), quota(orders=fresh)], account=one_left)

    assert [found.quotes[key].case for key in found.going] == [Case.FIVE_DAY, Case.CONDITIONAL]


def test_r37_what_has_not_begun_and_what_is_conditional_use_no_return():
    one_left = account(site=CN, five_day_returns_used=9)
    ahead = resource("ahead", orders=(order(NOW + timedelta(days=1), currency="CNY"),))
    old = quota("old", orders=(order(currency="CNY"),))
    fresh = package(orders=(order(NOW - timedelta(days=1), currency="CNY"),))

    found = planned([ahead, old, fresh], account=one_left)

    cases = {key.id: found.quotes[key].case for key in found.going}
    assert cases == {
        "old": Case.CONDITIONAL,
        "ahead": Case.INACTIVE,
        "sm-screen": Case.FIVE_DAY,
    }


def test_everything_refused_is_listed_and_the_rest_still_goes():
    unclear = resource("unclear", name="Unclear", orders=(order(cash=None),))
    held = resource("held", name="Held", transaction_in_progress=True)
    server = resource("server")

    found = planned([unclear, held, server])

    assert found.going == (server.key,)
    assert found.refused == {
        unclear.key: Refusal(rule="R42", reason="cash is not known; the figures need it (R42)."),
        held.key: Refusal(rule="R34", reason="Another transaction is in progress."),
    }
    assert found.warnings == (
        Notice(rule="R42", text="Unclear: cash is not known; the figures need it (R42)."),
        Notice(rule="R34", text="Held: Another transaction is in progress."),
    )


def test_a_plan_knows_what_it_was_made_from():
    settings = account(site=CN)
    chosen = quota(name="As chosen")

    found = planned([chosen], group=GROUP, account=settings, scope=Scope.ALL)

    assert (found.account, found.at, found.scope) == (settings, NOW, Scope.ALL)
    assert set(found.subscriptions) == {each.key for each in GROUP}
    assert found.subscriptions[QUOTA.key] == chosen


def test_every_quote_of_a_plan_is_that_of_its_item_alone():
    found = planned(GROUP)

    for each in GROUP:
        assert found.quotes[each.key] == quote(each, account(), at=NOW)


def test_a_call_has_a_total_of_its_own():
    found = planned(GROUP)

    first, second = found.steps
    assert found.total_of(first).paid == usd("3600.00")
    assert found.total_of(second).paid == usd("1800.00")
    assert found.total_of(second) == combined(
        [found.quotes[SCREEN.key].total, found.quotes[ORCHESTRATION.key].total]
    )


def test_a_call_in_two_currencies_has_no_total():
    euros = resource("euros", orders=(order(currency="EUR"),))

    [step] = (mixed := planned([resource(), euros])).steps

    assert mixed.total_of(step) is None


def test_d24_calls_take_at_most_ten_and_begin_where_the_last_one_ended():
    servers = [resource(f"server-{n:02}") for n in range(25)]

    found = planned(servers)

    assert found.steps == (
        PlanStep(number=1, subscriptions=tuple(each.key for each in servers[:10]), after=()),
        PlanStep(number=2, subscriptions=tuple(each.key for each in servers[10:20]), after=()),
        PlanStep(number=3, subscriptions=tuple(each.key for each in servers[20:]), after=()),
    )


# Renewals only


def test_r45_giving_back_renewals_quotes_them_alone():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought, cash="90.00")))

    found = planned([renewed], scope=Scope.RENEWALS)

    assert found.scope is Scope.RENEWALS
    assert found.quotes[renewed.key] == quote(renewed, account(), at=NOW, scope=Scope.RENEWALS)
    assert found.total.refund == usd("90.00")


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


@given(groups(), st.data())
def test_r8_run_in_its_order_a_plan_never_meets_a_package_before_its_edition_is_gone(group, data):
    chosen = data.draw(st.lists(st.sampled_from(group), unique_by=lambda each: each.key))

    found = planned(chosen, group=group)

    left = {each.key: each for each in group}
    done: set[int] = set()
    for step in found.steps:
        assert done.issuperset(step.after)
        going = [left.pop(key) for key in step.subscriptions]
        for each in going:
            in_region = [other for other in left.values() if other.region == each.region]
            if each.kind is Kind.PACKAGE:
                assert current_edition(in_region) is Edition.BASIC
        done.add(step.number)
    assert {*found.quotes} | {*found.refused} == {each.key for each in chosen}


@given(groups(), accounts(five_day_returns_used=0))
def test_r47_one_by_one_everything_comes_to_the_same_total(group, settings):
    together = planned(group, account=settings)

    alone = [
        planned([each], group=[], account=settings).total
        for each in (together.subscriptions[key] for key in together.going)
    ]
    assert together.total == (combined(alone) if alone else None)


@given(groups())
def test_splitting_into_calls_never_changes_the_total(group):
    found = planned(group)

    refunds = [found.quotes[k].total.refund for step in found.steps for k in step.subscriptions]
    assert sum(refunds, usd(0)) == (found.total.refund if found.total else usd(0))


def test_r35_nothing_goes_along_with_a_main_resource_that_stays():
    server = resource("server", name="Server", transaction_in_progress=True)
    disk = resource("disk", name="Disk", parent_id="server")

    found = planned([server, disk])

    assert found.steps == ()
    assert {key.id: why.rule for key, why in found.refused.items()} == {
        "server": "R34",
        "disk": "R35",
    }
    assert not any("goes along" in notice.text for notice in found.warnings)


def test_r35_what_names_itself_as_its_main_resource_is_refused():
    found = planned([resource("odd", parent_id="odd")])

    assert [why.rule for why in found.refused.values()] == ["R35"]
