"""What people should know beside the figures, each notice whole (R11, R33, R36 to R43, X1, X14)."""

import pytest

from bot.billing.notices import COLLECTORS
from bot.billing.quote import Notice, Scope
from bot.billing.refund import quote
from bot.billing.subscription import Status
from tests.factories import (
    CN,
    EU,
    NOW,
    account,
    disk,
    instant,
    order,
    package,
    quota,
    renewal,
    resource,
)

IN_CHINA = account(site=CN)
FRESH = order("2026-11-20 09:00")
FRESH_IN_CHINA = order("2026-11-20 09:00", currency="CNY")
YUAN = {"currency": "CNY"}
CHINESE_FEE = Notice(
    rule="R43", text="Assumed: the Chinese fee for this term is the international one."
)


def warned(subscription, settings=None, *, at=NOW, scope=Scope.ALL) -> list[Notice]:
    return list(quote(subscription, settings or account(), at=at, scope=scope).warnings)


def rules(subscription, settings=None, **when) -> list[str]:
    return [notice.rule for notice in warned(subscription, settings, **when)]


def in_use(**changes):
    return resource(orders=(order(**changes),))


# X1, R11


@pytest.mark.parametrize("site", [account().site, EU])
def test_x1_r40_the_five_days_of_secmaster_s_pages_are_not_promised(site):
    own = order("2026-11-20 09:00", currency=None)

    found = warned(package(orders=(own,)), account(site=site))

    assert found == [
        Notice(
            rule="X1",
            text="SecMaster's pages mention five days without a fee; "
            f"the rules of the {site} site know none, so use and fee are counted.",
        )
    ]


def test_x1_is_silent_where_nobody_would_think_of_five_days():
    assert rules(package(orders=(FRESH,)), at=instant("2026-11-25 08:59:59")) == ["X1"]
    assert rules(package(orders=(FRESH,)), at=instant("2026-11-25 09:00:00")) == []
    assert rules(resource(orders=(FRESH,))) == []
    assert "X1" not in rules(package(orders=(FRESH,), status=Status.INACTIVE))
    begun = order("2025-11-20 09:00")
    renewed = package(orders=(begun, renewal(begun)))
    assert rules(renewed, at=instant("2026-11-21 09:00")) == []
    used_up = account(site=CN, five_day_returns_used=10)
    assert "X1" not in rules(package(orders=(FRESH_IN_CHINA,)), used_up)


def test_r11_what_data_collection_leaves_behind_keeps_costing():
    assert warned(quota()) == [
        Notice(
            rule="R11",
            text="If data collection was on, collector servers and VPC endpoints keep costing "
            "until someone releases them.",
        )
    ]
    assert warned(quota())[0].text == COLLECTORS


def test_r11_only_an_edition_that_goes_leaves_them_behind():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))

    assert rules(package()) == []
    assert rules(quota(service="Other")) == []
    assert rules(renewed) == ["R11"]
    assert rules(renewed, scope=Scope.RENEWALS) == []


# R32


def test_r32_what_is_called_inactive_but_has_begun_is_worth_a_look():
    assert warned(package(status=Status.INACTIVE)) == [
        Notice(
            rule="R32",
            text="The cloud calls it inactive, but its term has begun; check which is true.",
        )
    ]


def test_r32_only_what_has_begun_is_worth_a_look():
    ahead = package(status=Status.INACTIVE, orders=(order("2026-12-01 00:00"),))
    undated = package(status=Status.INACTIVE, orders=(order(effective_at=NOW, expires_at=None),))

    assert rules(ahead, at=instant("2026-11-30 23:59:59")) == []
    assert rules(ahead, at=instant("2026-12-01 00:00")) == ["R32"]
    assert rules(undated) == ["R32"]
    assert "R32" not in rules(package())
    assert "R32" not in rules(package(status=Status.FAILED))


# X10, X14, R49, R33


def test_x10_stored_value_may_not_be_returned():
    paid = resource(orders=(order(stored_value="1.00", **YUAN),))

    assert warned(paid, IN_CHINA) == [
        Notice(rule="X10", text="What was paid by stored value card may not be returned."),
        CHINESE_FEE,
    ]


def test_x10_is_a_matter_of_conditional_cases():
    ahead = resource(orders=(order("2026-12-01", stored_value="1.00"),))

    assert rules(ahead) == []
    assert rules(in_use(stored_value="0.00")) == []
    assert rules(in_use(stored_value=None)) == []


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2025-01-01 10:59:59", []),
        ("2025-01-01 11:00:00", ["X14"]),
        ("2026-01-01 10:59:59", ["X14"]),
        ("2026-01-01 11:00:00", []),
    ],
)
def test_x14_the_second_year_of_five_is_odd(at, said):
    five_years = disk(orders=(order("2024-01-01 10:30", months=60, **YUAN),))

    assert rules(five_years, IN_CHINA, at=instant(at)) == said


def test_x14_is_said_whole_and_only_where_the_fee_is_counted():
    five_years = order("2024-01-01 10:30", months=60, **YUAN)
    at = instant("2025-06-01")
    waived = account(site=CN, fee_waiver=True)

    assert warned(disk(orders=(five_years,)), IN_CHINA, at=at) == [
        Notice(
            rule="X14",
            text="The fee of year two is higher than that of year one: as printed, but odd.",
        )
    ]
    assert rules(disk(orders=(five_years,)), waived, at=at) == ["R42"]
    assert rules(disk(orders=(five_years,), status=Status.FAILED), IN_CHINA, at=at) == []
    three_years = order("2024-01-01 10:30", months=36, **YUAN)
    assert rules(disk(orders=(three_years,)), IN_CHINA, at=at) == ["R43"]


def test_r49_the_console_s_estimate_counts_the_coupon():
    assert warned(in_use(cash_coupon="1.00")) == [
        Notice(
            rule="R49",
            text="The console's own estimate counts the cash coupon, "
            "so it reads higher than this refund.",
        )
    ]
    assert rules(in_use(cash_coupon="0.00")) == []
    assert rules(in_use(effective_at="2026-12-01", cash_coupon="1.00")) == []


@pytest.mark.parametrize(
    ("expires_at", "said"),
    [
        ("2026-11-23 10:11:59", ["R33"]),
        ("2026-11-23 10:12:00", ["R33"]),
        ("2026-11-23 10:12:01", []),
        (None, []),
    ],
)
def test_r33_a_coupon_that_would_come_back_has_expired(expires_at, said):
    ahead = in_use(effective_at="2026-12-01", cash_coupon="1.00", cash_coupon_expires_at=expires_at)

    found = warned(ahead)

    assert [notice.rule for notice in found] == said
    assert all(
        notice.text == "The cash coupon has expired, so it is worth nothing." for notice in found
    )


def test_r33_no_coupon_or_one_that_stays_anyway_needs_no_word():
    over = {"cash_coupon_expires_at": "2026-01-01"}

    assert rules(in_use(effective_at="2026-12-01", **over)) == []
    assert rules(in_use(cash_coupon="1.00", **over)) == ["R49"]


# R42, R14


def test_r42_unknown_cash_is_assumed_to_be_none():
    by_coupon = resource(orders=(order(cash=None, flexi_coupon="5.00", **YUAN),))

    assert warned(by_coupon, IN_CHINA) == [
        Notice(rule="R42", text="Assumed: nothing was paid in cash, as no amount is given."),
        CHINESE_FEE,
    ]
    assert rules(in_use(cash="0.00")) == []


@pytest.mark.parametrize(
    ("months", "ends", "said"),
    [
        (1, "2026-12-09 09:20", ["R14"]),
        (1, "2026-12-10 09:20", []),
        (1, "2027-01-15 09:20", []),
        (1, "2027-01-16 09:20", ["R14"]),
        (12, "2027-10-14 09:20", []),
        (12, "2027-10-13 09:20", ["R14"]),
        (12, "2027-12-22 09:20", []),
        (12, "2027-12-23 09:20", ["R14"]),
    ],
)
def test_r14_a_term_that_its_dates_do_not_bear_out_is_pointed_out(months, ends, said):
    bought = order("2026-11-13 09:20", months=months, expires_at=ends)

    assert rules(resource(orders=(bought,))) == said


def test_r14_the_doubt_about_a_term_is_said_whole():
    bought = order("2026-11-13 09:20", months=12, expires_at="2027-10-13 09:20")

    assert warned(resource(orders=(bought,))) == [
        Notice(
            rule="R14",
            text="A term of 12 months and the dates of its order differ; check both.",
        )
    ]


def test_r14_what_is_not_known_is_not_doubted():
    failed = {"status": Status.FAILED}
    begun = order(term_months=None, expires_at="2027-01-01")

    assert rules(resource(orders=(begun,), **failed)) == []
    undated = order(effective_at=None, expires_at="2026-12-07", months=1)
    assert rules(resource(orders=(undated,), **failed)) == []
    endless = order(expires_at=None, months=1)
    assert rules(resource(orders=(endless,), **failed)) == []


# R36, R37, R39, R43: China alone


@pytest.mark.parametrize("used", [0, 9])
def test_r37_a_five_day_return_is_counted_aloud(used):
    settings = account(site=CN, five_day_returns_used=used)
    known = order("2026-11-20 09:00", provisioned_at="2026-11-20 09:00", **YUAN)

    assert warned(resource(orders=(known,)), settings) == [
        Notice(
            rule="R37",
            text=f"It is one of 10 five-day returns this year, after {used} before it.",
        )
    ]


def test_r37_r39_without_a_return_left_the_fee_is_counted():
    used_up = account(site=CN, five_day_returns_used=10)

    assert warned(resource(orders=(FRESH_IN_CHINA,)), used_up) == [
        Notice(
            rule="R37",
            text="All 10 five-day returns of this year are used, so use and fee are counted.",
        ),
        CHINESE_FEE,
    ]
    over = instant("2026-11-25 09:00")
    assert rules(resource(orders=(FRESH_IN_CHINA,)), used_up, at=over) == ["R43"]
    failed = resource(orders=(FRESH_IN_CHINA,), status=Status.FAILED)
    assert rules(failed, used_up) == []


def test_r36_the_day_of_provisioning_is_assumed_where_it_is_not_known():
    assert warned(resource(orders=(FRESH_IN_CHINA,)), IN_CHINA) == [
        Notice(rule="R37", text="It is one of 10 five-day returns this year, after 0 before it."),
        Notice(rule="R36", text="Assumed: it was provisioned when its order took effect."),
    ]


def test_r43_the_chinese_fee_is_assumed_but_for_five_years():
    assert warned(resource(orders=(order(**YUAN),)), IN_CHINA) == [CHINESE_FEE]
    assert rules(resource(orders=(order(months=60, **YUAN),)), IN_CHINA) == []
    assert rules(resource(orders=(order(**YUAN),)), account(site=CN, fee_waiver=True)) == ["R42"]
    ahead = resource(orders=(order("2026-12-01", **YUAN),))
    assert rules(ahead, IN_CHINA) == []
    assert rules(resource()) == []


# R42: the whole


@pytest.mark.parametrize(
    ("settings", "currency", "text"),
    [
        (
            account(),
            "USD",
            "The refund is over USD 7,000.00: the account manager is asked, "
            "and no answer within 24 hours approves it.",
        ),
        (
            account(rules="huaweicloud-intl/2024-06-28"),
            "USD",
            "The refund is over USD 1,000.00: the account manager is asked, "
            "and no answer within 24 hours approves it.",
        ),
        (
            IN_CHINA,
            "CNY",
            "The refund is over CNY 50,000.00: the account manager decides within 24 hours.",
        ),
        (
            account(site=CN, rules="huaweicloud-cn/2024-02-05"),
            "CNY",
            "The refund is over CNY 50,000.00: the account manager decides within 24 hours.",
        ),
    ],
)
def test_r42_a_large_refund_is_decided_by_people(settings, currency, text):
    ahead = resource(orders=(order("2026-12-01", cash="50000.01", currency=currency),))

    assert warned(ahead, settings) == [Notice(rule="R42", text=text)]


def test_r42_a_waiver_is_said_where_a_fee_would_be_counted():
    waived = account(fee_waiver=True)

    assert warned(resource(), waived) == [
        Notice(
            rule="R42",
            text="The account's contract waives the handling fee, so none is counted.",
        )
    ]
    assert rules(in_use(effective_at="2026-12-01"), waived) == []


def test_r42_another_currency_than_the_site_s_is_pointed_out():
    assert warned(in_use(currency="EUR")) == [
        Notice(
            rule="R42",
            text="Orders are in EUR, but accounts of the intl site pay in USD. "
            "Check the account's site.",
        )
    ]
    assert rules(in_use(currency=None)) == []


def test_x8_a_limit_is_one_of_its_own_currency():
    ahead = resource(orders=(order("2026-12-01", cash="99999.00", currency="EUR"),))

    found = quote(ahead, account(), at=NOW)

    assert not found.large_value
    assert [notice.rule for notice in found.warnings] == ["R42"]


def test_a_notice_is_given_once_however_many_orders_it_holds_for():
    first = order("2026-12-01", months=1, cash=None, flexi_coupon="1.00")
    twice = resource(orders=(first, renewal(first, flexi_coupon="1.00")))

    assert rules(twice) == ["R42"]


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        (account(fee_waiver=True), "X1"),
        (account(site=CN, five_day_returns_used=10, fee_waiver=True), "R37"),
    ],
)
def test_r42_with_a_waiver_no_notice_says_that_a_fee_is_counted(settings, rule):
    bought = order("2026-11-22 09:00", currency=settings.currency)
    fresh = package(orders=(bought,))

    found = {each.rule: each.text for each in quote(fresh, settings, at=NOW).warnings}

    assert found[rule].endswith("so use is counted.")
    assert "fee are counted" not in " ".join(found.values())
