"""The quote: five cases, ways of payment, coupons, rule sets, and what it warns of (R32 to R47)."""

from decimal import Decimal

import pytest

from bot.billing.coherence import UnclearFacts
from bot.billing.quote import Case, Lost, Quote, QuoteTotal, Scope
from bot.billing.refund import combined, quote
from bot.billing.subscription import Status
from bot.billing.worst import summed
from tests.factories import (
    CN,
    EU,
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

CN_ACCOUNT = account(site=CN)


def rules(found: Quote) -> list[str]:
    return [notice.rule for notice in found.warnings]


# The five cases (R32)


def test_a_new_purchase_in_china_comes_back_in_full_within_five_days():
    bought = order("2026-11-20 09:00", currency="CNY", cash="90.00", cash_coupon="10.00")

    found = quote(quota(orders=(bought,)), CN_ACCOUNT, at=NOW)

    assert found.case is Case.FIVE_DAY
    assert found.orders[0].rule == "R38"
    assert (found.orders[0].used_hours, found.orders[0].fee_rate) == (73, Decimal("0.00"))
    assert (found.total.refund, found.total.cash_coupon) == (cny("90.00"), cny("10.00"))
    assert found.total.consumed == found.total.handling_fee == cny(0)


@pytest.mark.parametrize(
    ("bought", "settings"),
    [
        (order("2026-11-20 09:00"), account()),
        (order("2026-11-20 09:00"), account(site=EU)),
        (order("2026-11-20 09:00"), account(site=CN, five_day_returns_used=10)),
        (order("2026-11-18 10:12:00"), CN_ACCOUNT),
    ],
    ids=["intl", "eu", "ten returns used", "five days over"],
)
def test_five_days_need_china_a_return_left_and_time_left(bought, settings):
    assert quote(quota(orders=(bought,)), settings, at=NOW).case is Case.CONDITIONAL


def test_r36_five_days_count_from_provisioning_where_that_is_known():
    late = order("2026-11-10 09:00", provisioned_at="2026-11-20 09:00", currency="CNY")

    assert quote(quota(orders=(late,)), CN_ACCOUNT, at=NOW).case is Case.FIVE_DAY


def test_r39_a_renewal_that_has_begun_is_no_new_purchase():
    bought = order("2026-10-21 09:00", months=1, currency="CNY")
    server = resource(orders=(bought, renewal(bought)))

    found = quote(server, CN_ACCOUNT, at=instant("2026-11-22 09:00"))

    assert found.case is Case.CONDITIONAL
    assert [each.order_type for each in found.orders] == ["renewal"]


def test_what_was_bought_ahead_comes_back_in_full():
    ahead = quota(status=Status.INACTIVE, orders=(order("2026-12-01 00:00"),))

    found = quote(ahead, account(), at=NOW)

    assert (found.case, found.orders[0].rule) == (Case.INACTIVE, "R32")
    assert found.total.refund == usd("3600.00")


def test_what_failed_comes_back_in_full_even_without_dates():
    failed = quota(
        status=Status.FAILED, orders=(order(effective_at=None, expires_at=None, cash="12.00"),)
    )

    found = quote(failed, account(), at=NOW)

    assert found.case is Case.FAILED
    assert found.orders[0].duration_hours == 0
    assert found.total.refund == usd("12.00")


def test_r47_a_renewed_resource_refunds_order_by_order():
    bought = order("2024-01-01 10:30", months=1, cash="100.00")
    renewed = disk(orders=(bought, renewal(bought, cash="90.00", cash_coupon="10.00")))

    found = quote(renewed, account(), at=instant("2024-01-15 18:40"))

    assert found.case is Case.CONDITIONAL
    assert [each.case for each in found.orders] == [Case.CONDITIONAL, Case.RENEWAL_PERIOD]
    assert [each.refund for each in found.orders] == [usd("44.62"), usd("90.00")]
    assert found.total.refund == usd("134.62")
    assert found.total.cash_coupon == usd("10.00")
    assert found.total.handling_fee == usd("10.00")


def test_r45_renewals_alone_leave_the_running_term():
    bought = order("2024-01-01 10:30", months=1, cash="100.00")
    again = renewal(bought, cash="90.00")
    renewed = disk(orders=(bought, again, renewal(again, cash="80.00")))

    found = quote(renewed, account(), at=instant("2024-01-15"), scope=Scope.RENEWALS)

    assert found.case is Case.RENEWAL_PERIOD
    assert [each.rule for each in found.orders] == ["R46", "R46"]
    assert found.total.refund == usd("170.00")


def test_orders_whose_term_is_over_are_left_out():
    bought = order("2024-01-01 10:30", months=1, cash="100.00")
    renewed = disk(orders=(bought, renewal(bought, cash="90.00")))

    found = quote(renewed, account(), at=instant("2024-02-02 00:00"))

    assert [each.paid for each in found.orders] == [usd("90.00")]
    assert found.orders[0].used_hours == 0


def test_r44_everything_is_the_running_term_and_every_period_ahead():
    first = order(
        "2026-11-20 09:00",
        months=1,
        currency="CNY",
        cash="10.00",
        flexi_coupon="2.00",
        stored_value="3.00",
        cash_coupon="4.00",
        discount_coupon="5.00",
    )
    second = renewal(
        first,
        cash="20.00",
        flexi_coupon="0.20",
        stored_value="0.30",
        cash_coupon="0.40",
        discount_coupon="0.50",
    )
    third = renewal(second, cash="30.00", discount_coupon="0.05")
    used_up = account(site=CN, five_day_returns_used=10)
    server = resource(orders=(first, second, third))

    found = quote(server, used_up, at=instant("2026-11-25 09:00"))

    [running, *ahead] = found.orders
    assert (running.used_hours, running.duration_hours) == (120, 30 * 24 + 15)
    assert (running.paid, running.consumed, running.handling_fee) == (
        cny("15.00"),
        cny("2.45"),
        cny("1.50"),
    )
    assert [each.refund for each in ahead] == [cny("20.50"), cny("30.00")]
    assert found.total == QuoteTotal(
        paid=cny("65.50"),
        consumed=cny("2.45"),
        handling_fee=cny("1.50"),
        refund=cny("61.55"),
        cash=cny("57.37"),
        cash_coupon=cny("0.40"),
        flexi_coupon=cny("1.67"),
        stored_value=cny("2.51"),
    )
    assert found.lost == Lost(cash_coupon=cny("4.00"), discount_coupon=cny("5.55"))


def test_r41_an_allowed_quote_says_by_which_rules_and_for_when():
    at = instant("2024-01-15 18:40")

    found = quote(disk(), account(), at=at)

    assert found.allowed
    assert (found.at, found.scope, found.refused) == (at, Scope.ALL, None)
    assert (found.case, found.currency) == (Case.CONDITIONAL, "USD")
    assert (found.rules, found.large_value) == ("huaweicloud-intl/2025-07-25", False)
    assert found.warnings == ()


def test_r45_terms_that_are_left_alone_need_not_be_clear():
    unclear = order(cash=None)
    renewed = quota(orders=(unclear, renewal(order(), cash="90.00")))

    found = quote(renewed, account(), at=NOW, scope=Scope.RENEWALS)

    assert (found.scope, found.total.refund) == (Scope.RENEWALS, usd("90.00"))
    with pytest.raises(UnclearFacts):
        quote(renewed, account(), at=NOW)


def test_r42_orders_without_currency_are_quoted_in_that_of_the_account():
    bought = order(currency=None)
    listed = quota(orders=(bought, renewal(bought)))
    unlisted = quota(orders=(order(currency=None, months=18),))

    assert quote(listed, CN_ACCOUNT, at=NOW).total.refund == cny("3600.00")
    assert quote(unlisted, CN_ACCOUNT, at=NOW).refused.rule == "R43"
    assert quote(unlisted, CN_ACCOUNT, at=NOW).currency == "CNY"


def test_r33_lost_coupons_of_all_orders_are_added_up():
    bought = order(cash_coupon="4.00", discount_coupon="1.00")
    again = renewal(
        bought,
        cash_coupon="0.40",
        discount_coupon="0.10",
        cash_coupon_expires_at="2026-11-01 00:00",
    )

    found = quote(quota(orders=(bought, again)), account(), at=NOW)

    assert found.lost == Lost(cash_coupon=usd("4.40"), discount_coupon=usd("1.10"))


def test_r43_one_order_without_a_fee_refuses_them_all():
    bought = order("2026-11-01", months=18)
    renewed = quota(orders=(bought, renewal(bought, months=12)))

    found = quote(renewed, account(), at=NOW)

    assert (found.refused.rule, found.orders, found.total) == ("R43", (), None)
    assert found.scope is Scope.ALL
    assert (found.currency, found.at, found.rules) == ("USD", NOW, "huaweicloud-intl/2025-07-25")


# Ways of payment and coupons


def test_a_conditional_refund_is_split_in_proportion_with_the_odd_cent_in_cash():
    mixed = order(
        "2024-01-01 10:30",
        months=1,
        currency="CNY",
        cash="50.00",
        flexi_coupon="25.00",
        stored_value="25.00",
    )

    found = quote(disk(orders=(mixed,)), CN_ACCOUNT, at=instant("2024-01-15 18:40"))

    total = found.total
    assert total.refund == cny("44.62")
    assert (total.flexi_coupon, total.stored_value) == (cny("11.15"), cny("11.15"))
    assert total.cash == cny("22.32")
    assert "X10" in rules(found)


def test_elsewhere_only_cash_counts_as_paid():
    mixed = order("2024-01-01 10:30", months=1, cash="80.00", flexi_coupon="20.00")

    found = quote(disk(orders=(mixed,)), account(), at=instant("2024-01-15 18:40"))

    assert found.total.paid == usd("80.00")
    assert found.total.flexi_coupon == usd(0)


def test_a_full_refund_goes_back_the_way_it_was_paid():
    mixed = order(
        "2026-12-01 00:00", cash="1.01", flexi_coupon="2.02", stored_value="3.03", currency="CNY"
    )

    found = quote(quota(orders=(mixed,)), CN_ACCOUNT, at=NOW)

    assert found.total.cash == cny("1.01")
    assert found.total.flexi_coupon == cny("2.02")
    assert found.total.stored_value == cny("3.03")
    assert "X10" not in rules(found)


def test_r33_a_returned_coupon_that_has_expired_is_lost():
    bought = order("2026-12-01", cash_coupon="20.00", cash_coupon_expires_at="2026-11-23 10:12")

    found = quote(quota(orders=(bought,)), account(), at=NOW)

    assert (found.total.cash_coupon, found.lost.cash_coupon) == (usd(0), usd("20.00"))
    assert "R33" in rules(found)


def test_a_discount_coupon_never_comes_back():
    bought = order("2026-12-01 00:00", discount_coupon="5.00")

    assert quote(quota(orders=(bought,)), account(), at=NOW).lost.discount_coupon == usd("5.00")


def test_a_purchase_by_coupon_alone_returns_nothing():
    free = order(cash="0.00", cash_coupon="3600.00")

    found = quote(quota(orders=(free,)), account(), at=NOW)

    assert found.total.refund == found.total.handling_fee == usd(0)
    assert found.lost.cash_coupon == usd("3600.00")


# Rule sets, fees and limits


def test_the_day_rule_counts_days_without_the_day_of_unsubscription():
    by_day = account(rules="huaweicloud-intl/2024-06-28")

    found = quote(disk(), by_day, at=instant("2024-01-15 18:40"))

    assert found.rules == "huaweicloud-intl/2024-06-28"
    assert (found.orders[0].duration_hours, found.orders[0].used_hours) == (32 * 24, 14 * 24)
    assert found.total.consumed == usd("43.75")


def test_the_older_chinese_rules_do_not_count_stored_value_as_paid():
    mixed = order("2024-01-01 10:30", months=1, currency="CNY", cash="80.00", stored_value="20.00")
    older = account(site=CN, rules="huaweicloud-cn/2024-02-05")

    found = quote(disk(orders=(mixed,)), older, at=instant("2024-01-15 18:40"))

    assert found.total.paid == cny("80.00")


def test_r42_a_waiver_takes_the_fee_away_on_every_site_and_says_so():
    found = quote(disk(), account(fee_waiver=True), at=instant("2024-01-15 18:40"))

    assert found.total.handling_fee == usd(0)
    assert found.total.refund == usd("54.62")
    assert rules(found) == ["R42"]


@pytest.mark.parametrize(
    ("months", "at", "rate"),
    [
        (12, "2025-01-01 10:59:59", "0.10"),
        (24, "2025-01-01 10:59:59", "0.15"),
        (24, "2025-01-01 11:00:00", "0.10"),
        (24, "2026-01-01 23:00:00", "0.10"),
        (36, "2026-01-01 10:59:59", "0.10"),
        (36, "2026-01-01 11:00:00", "0.05"),
        (3, "2024-03-01 11:00:00", "0.10"),
        (60, "2025-01-01 10:00:00", "0.30"),
        (60, "2025-01-01 11:00:00", "0.40"),
        (60, "2027-06-01 11:00:00", "0.15"),
    ],
)
def test_r43_the_fee_follows_term_and_year_with_the_anniversary_still_in_the_lower_one(
    months, at, rate
):
    bought = order("2024-01-01 10:30:00", months=months, currency="CNY")

    found = quote(disk(orders=(bought,)), CN_ACCOUNT, at=instant(at))

    assert found.orders[0].fee_rate == Decimal(rate)


def test_x14_the_odd_second_year_of_five_is_pointed_out():
    bought = order("2024-01-01 10:30:00", months=60, currency="CNY")

    found = quote(disk(orders=(bought,)), CN_ACCOUNT, at=instant("2025-06-01"))

    assert rules(found) == ["X14"]


@pytest.mark.parametrize(
    ("months", "at", "settings"),
    [
        (60, "2025-01-01", account()),
        (18, "2024-06-01", account()),
        (60, "2028-06-01", CN_ACCOUNT),
    ],
    ids=["five years outside China", "a term of 18 months", "the fifth year"],
)
def test_r43_a_term_or_year_without_a_published_fee_is_refused(months, at, settings):
    bought = order("2024-01-01 10:30:00", months=months)

    found = quote(disk(orders=(bought,)), settings, at=instant(at))

    assert not found.allowed
    assert found.refused.rule == "R43"
    assert f"{months} months" in found.refused.reason


@pytest.mark.parametrize(
    ("settings", "cash", "large"),
    [
        (account(), "7000.00", False),
        (account(), "7000.01", True),
        (account(rules="huaweicloud-intl/2024-06-28"), "1000.01", True),
        (account(site=EU), "99999.00", False),
    ],
)
def test_x8_a_refund_over_the_limit_of_the_site_is_large(settings, cash, large):
    ahead = quota(orders=(order("2026-12-01", cash=cash),))

    assert quote(ahead, settings, at=NOW).large_value is large


def test_x1_five_days_are_never_promised_outside_china():
    fresh = quota(orders=(order("2026-11-20 09:00"),))

    assert rules(quote(fresh, account(), at=NOW)) == ["X1", "R11"]
    assert rules(quote(quota(), account(), at=NOW)) == ["R11"]
    assert rules(quote(resource(orders=fresh.orders), account(), at=NOW)) == []


# What a quote cannot do without


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"cash": None}, "cash", "R42"),
        ({"term_months": None, "expires_at": "2027-01-01"}, "term_months", "R43"),
        ({"effective_at": None, "expires_at": "2027-01-01"}, "effective_at", "R42"),
        ({"expires_at": None}, "expires_at", "R42"),
        ({"effective_at": "2026-10-01", "expires_at": "2026-10-01"}, "expires_at", "R42"),
    ],
)
def test_missing_or_contradicting_facts_are_named_with_their_rule(changes, field, rule):
    unclear = resource(orders=(order(**changes),))

    with pytest.raises(UnclearFacts, match=rule) as raised:
        quote(unclear, account(), at=instant("2026-09-30"))

    assert raised.value.field == field


def test_no_orders_and_two_currencies_are_unclear():
    with pytest.raises(UnclearFacts, match="orders is not known"):
        quote(quota(orders=()), account(), at=NOW)
    bought = order()
    mixed = quota(orders=(bought, renewal(bought, currency="EUR")))
    with pytest.raises(UnclearFacts, match="EUR, USD"):
        quote(mixed, account(), at=NOW)


# Adding up


def test_totals_are_added_up_figure_by_figure():
    def total(*amounts: str) -> QuoteTotal:
        names = ("paid", "consumed", "handling_fee", "refund")
        ways = ("cash", "cash_coupon", "flexi_coupon", "stored_value")
        pairs = zip((*names, *ways), amounts, strict=True)
        return QuoteTotal(**{name: usd(amount) for name, amount in pairs})

    one = total("1", "2", "3", "4", "5", "6", "7", "8")
    ten = total("10", "20", "30", "40", "50", "60", "70", "80")

    assert combined([one]) == one
    assert combined([one, ten]) == total("11", "22", "33", "44", "55", "66", "77", "88")
    assert combined([one, ten, one]) == total("12", "24", "36", "48", "60", "72", "84", "96")


def test_quotes_at_the_latest_execution_add_up():
    quotes = {
        "quota": quote(quota(), account(), at=NOW),
        "disk": quote(package(), account(), at=NOW),
    }

    total = summed(quotes)

    assert total.handling_fee == usd("450.00")
    assert total.refund == usd(0)


def test_quotes_without_figures_add_up_to_nothing_known():
    refused = quote(quota(status=Status.FROZEN), account(), at=NOW)

    with pytest.raises(ValueError, match="figures"):
        summed({"quota": refused})


def test_r42_of_several_orders_the_one_that_lacks_a_fact_is_named():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought, cash=None)))

    with pytest.raises(UnclearFacts, match="Order 2: cash is not known") as raised:
        quote(renewed, account(), at=NOW)

    assert (raised.value.field, raised.value.rule) == ("cash", "R42")
