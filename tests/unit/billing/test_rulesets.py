"""Rule sets are dated data, chosen by site unless settings name another."""

import pytest

from bot.billing.rulesets import RULE_SETS, UnknownRuleSet, rule_set
from tests.factories import CN, EU, INTL, account


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


@pytest.mark.parametrize("name", ["huaweicloud-intl/1999-01-01", "huaweicloud-cn/2025-07-24"])
def test_a_name_that_the_site_does_not_have_is_refused_with_what_is_allowed(name):
    with pytest.raises(UnknownRuleSet, match="allowed for site intl are huaweicloud-intl"):
        rule_set(account(rules=name))


def test_the_fee_table_lists_no_other_terms():
    intl = rule_set(account())

    assert intl.fee_rate(term_months=0, year=1) is None
    assert intl.fee_rate(term_months=13, year=1) is None
    assert intl.fee_rate(term_months=12, year=2) is None
    assert intl.fee_rate(term_months=60, year=1) is None
