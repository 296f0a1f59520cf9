"""The figures of one order: paid, consumed, fee, refund, by way of payment (R32, R41 to R47)."""

from decimal import Decimal

import pytest

from bot.billing.coherence import UnclearFacts
from bot.billing.figures import figures
from bot.billing.quote import Case, Lost, OrderQuote, QuoteTotal, Refusal
from bot.billing.rulesets import rule_set
from bot.billing.subscription import Order, OrderType, Status
from tests.factories import CN, account, cny, disk, instant, order, renewal, usd

IN_CHINA = account(site=CN)
HALF_WAY = instant("2024-01-15 18:40")
NO_COUPONS = Lost(cash_coupon=usd(0), discount_coupon=usd(0))


def monthly(**changes) -> Order:
    return order("2024-01-01 10:30", **({"months": 1, "cash": "100.00"} | changes))


def worked(paid: Order, settings=None, *, at=HALF_WAY, status=Status.IN_USE):
    settings = settings or account()
    holder = disk(orders=(paid,), status=status)
    return figures(paid, holder, settings, rule_set(settings), at=at)


# R41, R42


def test_r41_a_conditional_refund_is_what_was_paid_less_use_and_fee():
    found = worked(monthly())

    assert found.quote == OrderQuote(
        order_type=OrderType.NEW,
        case=Case.CONDITIONAL,
        duration_hours=758,
        used_hours=344,
        paid=usd("100.00"),
        consumed=usd("45.38"),
        fee_rate=Decimal("0.10"),
        handling_fee=usd("10.00"),
        refund=usd("44.62"),
        rule="R41",
    )
    assert found.total == QuoteTotal(
        paid=usd("100.00"),
        consumed=usd("45.38"),
        handling_fee=usd("10.00"),
        refund=usd("44.62"),
        cash=usd("44.62"),
        cash_coupon=usd(0),
        flexi_coupon=usd(0),
        stored_value=usd(0),
    )
    assert found.lost == NO_COUPONS


def test_r41_consumed_and_fee_are_each_rounded_half_up():
    found = worked(monthly(cash="0.15"), at=instant("2024-01-01 10:30"))

    assert found.quote.handling_fee == usd("0.02")
    assert found.quote.refund == usd("0.13")
    half = order("2024-01-01 00:00", months=1, cash="0.01", expires_at="2024-01-03 00:00")
    assert worked(half, at=instant("2024-01-02 00:00")).quote.consumed == usd("0.01")


@pytest.mark.parametrize(
    ("at", "refund"),
    [("2024-01-29 09:30", "1.48"), ("2024-01-30 09:30", "0.00"), ("2024-02-01 23:59:59", "0.00")],
)
def test_r41_a_negative_result_means_no_refund(at, refund):
    found = worked(monthly(), at=instant(at))

    assert found.quote.refund == found.total.refund == found.total.cash == usd(refund)


def test_r42_an_order_without_currency_is_paid_in_that_of_the_site():
    found = worked(monthly(currency=None), IN_CHINA)

    assert found.quote.refund == cny("44.62")
    assert found.total.stored_value == found.lost.discount_coupon == cny(0)


@pytest.mark.parametrize(
    ("settings", "paid"),
    [
        (account(), "10.00"),
        (account(rules="huaweicloud-intl/2024-06-28"), "10.00"),
        (IN_CHINA, "17.00"),
        (account(site=CN, rules="huaweicloud-cn/2024-02-05"), "13.00"),
    ],
)
def test_r42_x9_what_counts_as_paid_follows_the_rule_set(settings, paid):
    mixed = monthly(
        cash="10.00",
        flexi_coupon="3.00",
        stored_value="4.00",
        cash_coupon="5.00",
        discount_coupon="6.00",
        currency="USD",
    )

    assert worked(mixed, settings).quote.paid == usd(paid)


def test_r42_an_amount_that_is_not_known_counts_for_nothing_beside_another():
    by_card = monthly(cash=None, stored_value="4.00")

    assert worked(by_card, IN_CHINA).quote.paid == usd("4.00")
    assert worked(by_card).quote.paid == usd(0)
    assert worked(monthly(cash="0.00")).quote.paid == usd(0)


def test_r42_amounts_are_paid_to_the_cent():
    assert worked(monthly(cash="10.005")).quote.paid == usd("10.01")


@pytest.mark.parametrize("status", [Status.IN_USE, Status.FAILED])
def test_r42_without_any_amount_nothing_can_be_worked_out(status):
    with pytest.raises(UnclearFacts) as raised:
        worked(monthly(cash=None, cash_coupon="5.00"), status=status)

    assert raised.value.sentence == "cash is not known; the figures need it (R42)."
    assert (raised.value.field, raised.value.rule) == ("cash", "R42")


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        (
            {"effective_at": None, "expires_at": "2024-02-01"},
            "effective_at",
            "effective_at is not known; the figures need it (R42).",
        ),
        ({"expires_at": None}, "expires_at", "expires_at is not known; the figures need it (R42)."),
        (
            {"expires_at": "2024-01-01 10:59:59"},
            "expires_at",
            "expires_at is not after effective_at; the figures need a term (R42).",
        ),
        (
            {"expires_at": "2023-12-01 10:30"},
            "expires_at",
            "expires_at is not after effective_at; the figures need a term (R42).",
        ),
    ],
)
def test_r42_a_conditional_case_needs_a_term(changes, field, sentence):
    facts = {"effective_at": "2024-01-01 10:30", "months": 1} | changes

    with pytest.raises(UnclearFacts) as raised:
        worked(order(**facts))

    assert (raised.value.sentence, raised.value.field) == (sentence, field)
    assert raised.value.rule == "R42"


def test_r42_a_term_of_one_hour_is_a_term():
    found = worked(monthly(expires_at="2024-01-01 11:00"), at=instant("2024-01-01 10:45"))

    assert (found.quote.duration_hours, found.quote.used_hours) == (1, 0)


def test_r42_use_never_exceeds_the_term():
    found = worked(monthly(), at=instant("2024-02-02 12:00"))

    assert found.quote.used_hours == found.quote.duration_hours == 758


# R43


def test_r43_a_monthly_term_and_a_year_cost_ten_percent():
    for months in (1, 3, 11, 12):
        assert worked(monthly(months=months)).quote.fee_rate == Decimal("0.10")


@pytest.mark.parametrize(
    ("settings", "months", "at", "year"),
    [
        (account(), 60, HALF_WAY, 1),
        (account(), 18, HALF_WAY, 1),
        (IN_CHINA, 60, instant("2028-06-01"), 5),
        (account(), 12, instant("2025-01-02"), 2),
    ],
)
def test_r43_what_the_table_does_not_list_is_refused_by_name(settings, months, at, year):
    found = worked(monthly(months=months), settings, at=at)

    assert found == Refusal(
        rule="R43",
        reason=f"No handling fee is published for year {year} of a term of {months} months.",
    )


def test_r43_an_unknown_term_has_no_fee():
    with pytest.raises(UnclearFacts) as raised:
        worked(monthly(months=None, expires_at="2024-02-01 23:59:59"))

    assert raised.value.sentence == "term_months is not known; the figures need it (R43)."
    assert (raised.value.field, raised.value.rule) == ("term_months", "R43")


def test_r42_a_waiver_needs_no_row_of_the_table():
    waived = account(fee_waiver=True)
    unlisted = monthly(months=18)
    unknown = monthly(months=None, expires_at="2024-02-01 23:59:59")

    for each in (unlisted, unknown):
        found = worked(each, waived).quote
        assert (found.fee_rate, found.handling_fee) == (Decimal("0.00"), usd(0))


# R32, R38, R46: everything comes back


@pytest.mark.parametrize(
    ("settings", "status", "case", "rule", "used"),
    [
        (IN_CHINA, Status.IN_USE, Case.FIVE_DAY, "R38", 49),
        (account(), Status.INACTIVE, Case.INACTIVE, "R32", 0),
        (account(), Status.FAILED, Case.FAILED, "R32", 0),
    ],
)
def test_r32_everything_paid_comes_back_without_fee(settings, status, case, rule, used):
    found = worked(monthly(), settings, at=instant("2024-01-03 11:45"), status=status)

    assert found.quote == OrderQuote(
        order_type=OrderType.NEW,
        case=case,
        duration_hours=758,
        used_hours=used,
        paid=usd("100.00"),
        consumed=usd(0),
        fee_rate=Decimal("0.00"),
        handling_fee=usd(0),
        refund=usd("100.00"),
        rule=rule,
    )


def test_r46_a_renewal_period_comes_back_whole():
    again = renewal(monthly(), cash="80.00", cash_coupon="20.00", discount_coupon="5.00")

    found = worked(again)

    assert found.quote.order_type is OrderType.RENEWAL
    assert (found.quote.case, found.quote.rule) == (Case.RENEWAL_PERIOD, "R46")
    assert (found.quote.used_hours, found.quote.duration_hours) == (0, 29 * 24)
    assert (found.quote.refund, found.total.cash_coupon) == (usd("80.00"), usd("20.00"))
    assert found.lost == Lost(cash_coupon=usd(0), discount_coupon=usd("5.00"))


def test_r32_what_comes_back_whole_counts_every_way_of_payment():
    mixed = monthly(cash="1.01", flexi_coupon="2.02", stored_value="3.03", cash_coupon="4.04")

    found = worked(mixed, status=Status.INACTIVE)

    assert found.total == QuoteTotal(
        paid=usd("6.06"),
        consumed=usd(0),
        handling_fee=usd(0),
        refund=usd("6.06"),
        cash=usd("1.01"),
        cash_coupon=usd("4.04"),
        flexi_coupon=usd("2.02"),
        stored_value=usd("3.03"),
    )


@pytest.mark.parametrize(
    "undated", [{"effective_at": None, "expires_at": "2024-02-01"}, {"expires_at": None}]
)
def test_r32_what_failed_comes_back_without_dates(undated):
    facts = {"effective_at": "2024-01-01 10:30", "months": 1, "cash": "12.00"} | undated

    found = worked(order(**facts), status=Status.FAILED)

    assert (found.quote.duration_hours, found.quote.used_hours) == (0, 0)
    assert found.quote.refund == usd("12.00")


def test_r36_five_days_from_a_known_provisioning_need_no_term():
    undated = order(effective_at=None, expires_at=None, provisioned_at="2024-01-14 09:00")

    found = worked(undated, IN_CHINA)

    assert (found.quote.case, found.quote.rule) == (Case.FIVE_DAY, "R38")
    assert (found.quote.duration_hours, found.quote.used_hours) == (0, 0)


def test_r32_a_free_purchase_returns_nothing_by_any_way():
    free = monthly(cash="0.00", flexi_coupon="0.00", stored_value="0.00")

    for status in (Status.IN_USE, Status.FAILED):
        total = worked(free, IN_CHINA, status=status).total
        assert total.refund == total.cash == total.flexi_coupon == total.stored_value == usd(0)


# The split


@pytest.mark.parametrize(
    ("ways", "cash", "flexi", "stored"),
    [
        ({"cash": "50.00", "flexi_coupon": "25.00", "stored_value": "25.00"}, 2232, 1115, 1115),
        ({"cash": "100.00"}, 4462, 0, 0),
        ({"cash": None, "flexi_coupon": "100.00"}, 0, 4462, 0),
        ({"cash": "0.00", "stored_value": "100.00"}, 0, 0, 4462),
        ({"cash": "33.33", "flexi_coupon": "66.67"}, 1488, 2974, 0),
        ({"cash": "33.33", "stored_value": "66.67"}, 1488, 0, 2974),
    ],
)
def test_r32_a_conditional_refund_is_split_in_proportion_with_the_odd_cent_in_cash(
    ways, cash, flexi, stored
):
    total = worked(monthly(currency="CNY", **ways), IN_CHINA).total

    assert (total.cash, total.flexi_coupon, total.stored_value) == tuple(
        cny(Decimal(cents).scaleb(-2)) for cents in (cash, flexi, stored)
    )


def test_r42_a_way_that_does_not_count_as_paid_brings_nothing_back():
    older = account(site=CN, rules="huaweicloud-cn/2024-02-05")
    mixed = monthly(cash="50.00", flexi_coupon="25.00", stored_value="25.00", currency="CNY")

    in_china = worked(mixed, older).total
    elsewhere = worked(mixed).total

    assert in_china.stored_value == elsewhere.stored_value == elsewhere.flexi_coupon == cny(0)
    assert in_china.refund == in_china.cash + in_china.flexi_coupon
    assert elsewhere.refund == elsewhere.cash == cny("22.31")


# Coupons


@pytest.mark.parametrize(
    ("expires_at", "comes_back"),
    [
        (None, True),
        ("2024-01-15 18:40:01", True),
        ("2024-01-15 18:40:00", False),
        ("2024-01-01 00:00:00", False),
    ],
)
def test_r33_a_coupon_comes_back_unless_it_has_expired(expires_at, comes_back):
    paid = monthly(cash_coupon="20.00", cash_coupon_expires_at=expires_at)

    found = worked(paid, status=Status.INACTIVE)

    returned, lost = (usd("20.00"), usd(0)) if comes_back else (usd(0), usd("20.00"))
    assert (found.total.cash_coupon, found.lost.cash_coupon) == (returned, lost)
    assert found.lost.discount_coupon == usd(0)


def test_r32_a_conditional_case_keeps_both_coupons():
    both = monthly(cash_coupon="20.00", discount_coupon="5.00")

    found = worked(both)

    assert found.lost == Lost(cash_coupon=usd("20.00"), discount_coupon=usd("5.00"))
    assert found.lost.coupons == usd("25.00")
    assert found.total.cash_coupon == usd(0)


def test_r38_five_days_give_the_cash_coupon_back_but_not_the_discount():
    both = monthly(cash_coupon="20.00", discount_coupon="5.00", currency="CNY")

    found = worked(both, IN_CHINA, at=instant("2024-01-03 11:45"))

    assert found.total.cash_coupon == cny("20.00")
    assert found.lost == Lost(cash_coupon=cny(0), discount_coupon=cny("5.00"))


def test_r32_a_discount_alone_is_lost_alone():
    found = worked(monthly(discount_coupon="5.00"))

    assert found.lost == Lost(cash_coupon=usd(0), discount_coupon=usd("5.00"))
    assert found.lost.coupons == usd("5.00")


def test_r42_the_day_rule_works_with_whole_days():
    by_day = account(rules="huaweicloud-intl/2024-06-28")

    found = worked(monthly(), by_day).quote

    assert (found.duration_hours, found.used_hours) == (32 * 24, 14 * 24)
    assert found.consumed == usd("43.75")
