"""Rule sets are dated data, chosen by site unless settings name another."""

from datetime import date
from decimal import Decimal

import pytest

from bot.billing.rulesets import RULE_SETS, PaidWith, RuleSet, Unit, UnknownRuleSet, rule_set
from tests.factories import CN, EU, INTL, account, cny, usd

NO_ANSWER = "the account manager is asked, and no answer within 24 hours approves it"
DECIDES = "the account manager decides within 24 hours"
CASH = (PaidWith.CASH,)
FLEXI = (PaidWith.CASH, PaidWith.FLEXI_COUPON)
EVERY_WAY = (PaidWith.CASH, PaidWith.FLEXI_COUPON, PaidWith.STORED_VALUE)


@pytest.mark.parametrize(
    ("site", "newest"),
    [
        (INTL, "huaweicloud-intl/2025-07-25"),
        (EU, "huaweicloud-eu/2025-05-26"),
        (CN, "huaweicloud-cn/2025-07-24"),
    ],
)
def test_a_site_goes_by_its_newest_rules(site, newest):
    assert rule_set(account(site=site)).id == newest


def test_settings_can_name_any_rule_set_of_the_site():
    for rules in RULE_SETS:
        assert rule_set(account(site=rules.site, rules=rules.id)) is rules


def test_next_year_s_table_is_one_more_entry_named_by_site_and_date():
    newer = RuleSet(
        site=EU,
        since=date(2027, 1, 31),
        unit=Unit.HOUR,
        counts_as_paid=CASH,
        fees={1: (Decimal("0.20"),)},
        large_value=None,
    )

    assert newer.id == "huaweicloud-eu/2027-01-31"
    assert newer.fee_rate(term_months=12, year=1) == Decimal("0.20")
    assert newer.fee_rate(term_months=1, year=1) is None


@pytest.mark.parametrize("name", ["huaweicloud-intl/1999-01-01", "huaweicloud-cn/2025-07-24"])
def test_a_name_that_the_site_does_not_have_is_refused_with_what_is_allowed(name):
    with pytest.raises(UnknownRuleSet) as raised:
        rule_set(account(rules=name))

    assert str(raised.value) == (
        f"rules is {name}; allowed for site intl are "
        "huaweicloud-intl/2025-07-25, huaweicloud-intl/2024-06-28, or empty."
    )


@pytest.mark.parametrize(
    ("name", "site", "unit", "paid", "limit", "note", "five_day"),
    [
        ("huaweicloud-intl/2025-07-25", INTL, Unit.HOUR, CASH, usd(7000), NO_ANSWER, False),
        ("huaweicloud-intl/2024-06-28", INTL, Unit.DAY, CASH, usd(1000), NO_ANSWER, False),
        ("huaweicloud-eu/2025-05-26", EU, Unit.HOUR, CASH, None, "", False),
        ("huaweicloud-cn/2025-07-24", CN, Unit.HOUR, EVERY_WAY, cny(50000), DECIDES, True),
        ("huaweicloud-cn/2024-02-05", CN, Unit.DAY, FLEXI, cny(50000), DECIDES, True),
    ],
)
def test_r42_every_version_says_what_is_paid_counted_and_large(
    name, site, unit, paid, limit, note, five_day
):
    found = rule_set(account(site=site, rules=name))

    assert (found.unit, found.counts_as_paid) == (unit, paid)
    assert (found.large_value, found.large_value_note) == (limit, note)
    assert found.five_day is five_day


def test_x2_use_is_counted_in_hours_and_the_day_rule_stays_an_option():
    newest = [rule_set(account(site=site)).unit for site in (INTL, EU, CN)]

    assert newest == [Unit.HOUR] * 3
    assert {rules.unit for rules in RULE_SETS} == {Unit.HOUR, Unit.DAY}


@pytest.mark.parametrize("rules", RULE_SETS, ids=lambda rules: rules.id)
@pytest.mark.parametrize(
    ("months", "percents"),
    [(1, [10]), (3, [10]), (11, [10]), (12, [10]), (24, [15, 10]), (36, [15, 10, 5])],
)
def test_r43_the_fee_table_of_every_version(rules, months, percents):
    rates = [rules.fee_rate(term_months=months, year=year) for year in range(1, 7)]

    listed = [Decimal(percent) / 100 for percent in percents]
    assert rates == listed + [None] * (6 - len(listed))


@pytest.mark.parametrize("rules", RULE_SETS, ids=lambda rules: rules.id)
def test_x14_five_years_are_listed_in_china_as_printed(rules):
    rates = [rules.fee_rate(term_months=60, year=year) for year in range(1, 6)]

    in_china = [Decimal("0.30"), Decimal("0.40"), Decimal("0.30"), Decimal("0.15"), None]
    assert rates == (in_china if rules.site is CN else [None] * 5)


@pytest.mark.parametrize("months", [-12, -1, 0, 13, 18, 25, 48, 72])
def test_r43_the_fee_table_lists_no_other_terms(months):
    for rules in RULE_SETS:
        assert rules.fee_rate(term_months=months, year=1) is None
