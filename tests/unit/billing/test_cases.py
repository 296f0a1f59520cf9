"""Which way an order goes, and which orders an unsubscription takes (R32, R36 to R46)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.billing.cases import (
    FIVE_DAY_RETURNS,
    as_counted,
    case_of,
    covered,
    five_day_end,
    within_five_days,
)
from bot.billing.quote import Case, Scope
from bot.billing.rulesets import RULE_SETS, rule_set
from bot.billing.subscription import Status
from tests.factories import CN, EU, NOW, account, instant, order, quota, renewal

IN_CHINA = account(site=CN)
FRESH = order("2026-11-20 09:00", currency="CNY")
AHEAD = order("2026-12-01 00:00")
RENEWED = renewal(order())


def case(paid, settings=None, *, at=NOW, status=Status.IN_USE) -> Case:
    settings = settings or account()
    holder = quota(status=status, orders=(paid,))
    return case_of(paid, holder, settings, rule_set(settings), at=at)


# R32


@pytest.mark.parametrize(
    ("paid", "status", "expected"),
    [
        (order(), Status.IN_USE, Case.CONDITIONAL),
        (order(), None, Case.CONDITIONAL),
        (order(), Status.INACTIVE, Case.INACTIVE),
        (order(), Status.FAILED, Case.FAILED),
        (AHEAD, Status.IN_USE, Case.INACTIVE),
        (AHEAD, Status.INACTIVE, Case.INACTIVE),
        (AHEAD, Status.FAILED, Case.FAILED),
        (RENEWED, Status.IN_USE, Case.RENEWAL_PERIOD),
        (RENEWED, Status.FAILED, Case.RENEWAL_PERIOD),
        (order(effective_at=None, expires_at=None), Status.IN_USE, Case.CONDITIONAL),
    ],
)
def test_r32_status_and_beginning_decide_the_scenario(paid, status, expected):
    assert case(paid, status=status) is expected


def test_r46_a_renewal_is_in_use_from_its_first_second():
    begins = instant("2026-12-08 00:00:00")

    assert case(RENEWED, at=begins - timedelta(seconds=1)) is Case.RENEWAL_PERIOD
    assert case(RENEWED, at=begins) is Case.CONDITIONAL
    assert case(AHEAD, at=instant("2026-12-01 00:00")) is Case.CONDITIONAL


# R36, R39, R40, X1


def test_r36_the_five_days_count_from_provisioning_else_from_the_effect():
    late = order("2026-11-20 09:00", provisioned_at="2026-11-20 11:30:15")

    assert five_day_end(FRESH) == instant("2026-11-25 09:00")
    assert five_day_end(late) == instant("2026-11-25 11:30:15")
    assert five_day_end(order(effective_at=None, expires_at=None)) is None


def test_r36_five_days_are_over_to_the_second():
    ends = instant("2026-11-25 09:00")

    assert case(FRESH, IN_CHINA, at=ends - timedelta(seconds=1)) is Case.FIVE_DAY
    assert case(FRESH, IN_CHINA, at=ends) is Case.CONDITIONAL


def test_r39_a_renewal_is_no_new_purchase():
    begun = renewal(order("2025-11-20 09:00"))

    assert five_day_end(begun) is None
    assert case(begun, IN_CHINA, at=instant("2026-11-21 09:00")) is Case.CONDITIONAL


@pytest.mark.parametrize("rules", RULE_SETS, ids=lambda rules: rules.id)
def test_x1_only_the_rule_sets_of_china_know_the_five_days(rules):
    assert within_five_days(FRESH, rules, at=NOW) is (rules.site is CN)


def test_r40_no_other_site_has_the_five_days():
    assert case(FRESH, account()) is Case.CONDITIONAL
    assert case(FRESH, account(site=EU)) is Case.CONDITIONAL


# R37


@pytest.mark.parametrize(
    ("used", "expected"),
    [(0, Case.FIVE_DAY), (9, Case.FIVE_DAY), (10, Case.CONDITIONAL), (11, Case.CONDITIONAL)],
)
def test_r37_ten_five_day_returns_a_year(used, expected):
    settings = account(site=CN, five_day_returns_used=used)

    assert case(FRESH, settings) is expected
    assert FIVE_DAY_RETURNS == 10


def test_r37_what_has_not_begun_needs_no_return():
    used_up = account(site=CN, five_day_returns_used=10)

    assert case(AHEAD, used_up) is Case.INACTIVE
    assert case(RENEWED, used_up) is Case.RENEWAL_PERIOD


def test_r37_a_new_year_in_the_cloud_s_zone_begins_with_none_used():
    used_up = account(site=CN, five_day_returns_used=10)
    new_year = datetime(2026, 12, 31, 16, tzinfo=UTC)

    before = as_counted(used_up, read_at=NOW, at=new_year - timedelta(seconds=1))
    after = as_counted(used_up, read_at=NOW, at=new_year)

    assert before == used_up
    assert after == account(site=CN, five_day_returns_used=0)
    assert as_counted(used_up, read_at=new_year, at=new_year + timedelta(days=364)) == used_up


# R44, R45


def test_r44_everything_takes_each_term_that_is_not_over():
    first = order()
    second = renewal(first)
    third = renewal(second)
    renewed = quota(orders=(first, second, third))

    assert covered(renewed, at=NOW, scope=Scope.ALL) == (first, second, third)
    assert covered(renewed, at=instant("2026-12-08"), scope=Scope.ALL) == (second, third)


def test_r45_renewals_alone_take_what_has_not_begun():
    first = order()
    second = renewal(first)
    third = renewal(second)
    renewed = quota(orders=(first, second, third))

    assert covered(renewed, at=NOW, scope=Scope.RENEWALS) == (second, third)
    assert covered(renewed, at=instant("2026-12-08"), scope=Scope.RENEWALS) == (third,)
    assert covered(quota(orders=(AHEAD,)), at=NOW, scope=Scope.RENEWALS) == ()


def test_r36_five_times_24_hours_are_not_shortened_by_daylight_saving():
    bought = order(instant("2028-03-25 09:00").astimezone(ZoneInfo("Europe/Berlin")), months=1)

    assert five_day_end(bought) == instant("2028-03-30 09:00")
