"""The cases of the billing rules, each by its id (section 10)."""

from datetime import UTC, datetime

from bot.billing.cases import case_of
from bot.billing.edition import current_edition
from bot.billing.expiry import afterlife
from bot.billing.plan import plan
from bot.billing.quote import Case, Notice, Quote, Scope
from bot.billing.refund import quote
from bot.billing.renewal import deduction_at
from bot.billing.rulesets import rule_set
from bot.billing.subscription import Edition, Package, Subscription
from bot.billing.terms import unified
from tests.factories import (
    CN,
    NOW,
    account,
    cny,
    disk,
    instant,
    order,
    package,
    quota,
    renewal,
    resource,
    usd,
)


def _quoted(subscription: Subscription, at: str) -> Quote:
    return quote(subscription, account(), at=instant(at))


def _only(found: Quote):
    [figures] = found.orders
    return figures


def test_p1_five_days_end_to_the_second():
    bought = order("2022-11-24 14:30:30", months=1, currency="CNY")
    cn = account(site=CN)
    server = resource(orders=(bought,))

    before = case_of(bought, server, cn, rule_set(cn), at=instant("2022-11-29 14:30:29"))
    at_the_end = case_of(bought, server, cn, rule_set(cn), at=instant("2022-11-29 14:30:30"))

    assert (before, at_the_end) == (Case.FIVE_DAY, Case.CONDITIONAL)


def test_p3_durations_run_from_full_hour_to_full_hour():
    figures = _only(_quoted(disk(), "2024-01-15 18:40:00"))

    assert figures.duration_hours == 31 * 24 + 14
    assert figures.used_hours == 14 * 24 + 8


def test_p3_holds_on_the_chinese_site_too():
    monthly = order("2024-01-01 10:30:00", months=1, cash="100.00", currency="CNY")

    figures = _only(
        quote(disk(orders=(monthly,)), account(site=CN), at=instant("2024-01-15 18:40"))
    )

    assert (figures.duration_hours, figures.used_hours) == (758, 344)


def test_p5_an_inactive_renewal_comes_back_with_its_coupon_and_without_fee():
    bought = order("2024-01-01 09:00", months=1, cash="100.00", currency="CNY")
    renewed = renewal(bought, cash="80.00", cash_coupon="20.00")
    server = resource(orders=(bought, renewed))

    found = quote(server, account(site=CN), at=instant("2024-01-10 12:00"), scope=Scope.RENEWALS)

    assert found.case is Case.RENEWAL_PERIOD
    assert found.total is not None
    assert (found.total.cash, found.total.cash_coupon) == (cny("80.00"), cny("20.00"))
    assert found.total.handling_fee == cny(0)


def test_p7_a_renewal_date_on_the_last_day_adds_the_days_up_to_it():
    found = unified(instant("2024-03-25 23:59:59"), months=1, renewal_date=-1)

    assert found.expires_at == instant("2024-04-30 23:59:59")
    assert (found.months, found.days) == (1, 5)


def test_p9_a_renewed_year_ends_a_year_after_the_first():
    bought = order("2023-07-08 15:50:04", months=12)
    renewed = renewal(bought, months=12)

    assert bought.expires_at == instant("2024-07-08 23:59:59")
    assert renewed.expires_at == instant("2025-07-08 23:59:59")


def test_p11_the_disk_of_a_server_goes_with_it_and_the_vpc_stays():
    together = {"orders": (order("2026-11-01 10:00", months=1, cash="61.20"),)}
    server = resource("server", name="Server", **together)
    system_disk = resource("system-disk", name="System disk", parent_id="server", **together)
    vpc = resource("vpc", name="VPC", service="VPC", **together)

    found = plan([server, system_disk], group=[], account=account(), at=NOW)
    server_alone = plan([server], group=[vpc], account=account(), at=NOW)
    disk_alone = plan([system_disk], group=[], account=account(), at=NOW)

    assert found.going == server_alone.going == (server.key,)
    assert found.warnings == (Notice(rule="R35", text="System disk goes along with server."),)
    assert (server_alone.refused, server_alone.left_behind) == ({}, ())
    assert vpc.key not in server_alone.quotes
    assert disk_alone.refused[system_disk.key].reason == "It belongs to server and goes with it."


def test_p14a_a_refund_over_the_limit_needs_the_account_manager():
    bought = order("2026-11-01 00:10", cash="9000.00")

    found = quote(quota(orders=(bought,)), account(), at=instant("2026-11-02 00:10"))

    assert found.large_value
    assert [notice.rule for notice in found.warnings if "account manager" in notice.text] == ["R42"]


def test_d1_the_published_disk():
    figures = _only(_quoted(disk(), "2024-01-15 18:40:00"))

    assert figures.consumed == usd("45.38")
    assert figures.handling_fee == usd("10.00")
    assert figures.refund == usd("44.62")


def test_d4_a_year_used_for_half():
    year = order("2025-03-10 09:20:15", months=12, cash="3600.00")

    figures = _only(_quoted(quota(orders=(year,)), "2025-09-01 16:45"))

    assert (figures.used_hours, figures.duration_hours) == (4207, 8775)
    assert figures.consumed == usd("1725.95")
    assert figures.handling_fee == usd("360.00")
    assert figures.refund == usd("1514.05")


def test_d6_the_first_year_of_two_costs_fifteen_percent():
    years = order("2024-01-01 00:15", months=24, cash="8000.00")

    figures = _only(_quoted(quota(orders=(years,)), "2024-07-01 12:30"))

    assert (figures.used_hours, figures.duration_hours) == (4380, 17568)
    assert figures.consumed == usd("1994.54")
    assert figures.handling_fee == usd("1200.00")
    assert figures.refund == usd("4805.46")


def test_d10_a_negative_result_means_no_refund():
    figures = _only(_quoted(disk(), "2024-01-31 09:15"))

    assert (figures.used_hours, figures.duration_hours) == (719, 758)
    assert (figures.consumed, figures.handling_fee) == (usd("94.85"), usd("10.00"))
    assert figures.refund == usd(0)


def test_d12_a_cash_coupon_is_neither_paid_nor_returned():
    paid = order("2024-01-01 10:30:00", months=1, cash="80.00", cash_coupon="20.00")

    found = _quoted(disk(orders=(paid,)), "2024-01-15 18:40")

    figures = _only(found)
    assert (figures.paid, figures.consumed) == (usd("80.00"), usd("36.31"))
    assert (figures.handling_fee, figures.refund) == (usd("8.00"), usd("35.69"))
    assert found.lost is not None
    assert found.lost.cash_coupon == usd("20.00")


def test_d15_the_default_deduction_is_seven_beijing_days_before_expiry():
    ends = order("2026-01-01 12:00", expires_at=datetime(2027, 1, 1, 15, 59, 59, tzinfo=UTC))

    deducted = deduction_at(quota(orders=(ends,)), account())

    assert deducted == datetime(2026, 12, 24, 19, tzinfo=UTC) == instant("2026-12-25 03:00")


def test_d22_the_quota_goes_first_then_both_packages():
    professional = quota()
    screen = package()
    orchestration = package("sm-orchestration", Package.SECURITY_ORCHESTRATION)
    everything = [screen, professional, orchestration]

    found = plan(everything, group=everything, account=account(), at=NOW)

    first, second = found.steps
    assert first.subscriptions == (professional.key,)
    assert second.subscriptions == (screen.key, orchestration.key)
    assert second.after == (first.number,)
    assert current_edition([screen, orchestration]) is Edition.BASIC


def test_d24_twenty_five_resources_go_in_three_calls():
    servers = [resource(f"server-{number:02}") for number in range(25)]

    found = plan(servers, group=[], account=account(), at=NOW)

    offsets = [found.going.index(step.subscriptions[0]) for step in found.steps]
    assert offsets == [0, 10, 20]
    assert [len(step.subscriptions) for step in found.steps] == [10, 10, 5]
    assert found.going == tuple(each.key for each in servers)


def test_d26_grace_follows_the_customer_tier():
    ends = instant("2026-05-01 23:59:59")

    after = afterlife(ends, account(site=CN, customer_tier="V3"))

    assert after.grace_ends == instant("2026-05-08 23:59:59")
    assert after.released_at == instant("2026-05-15 23:59:59")
