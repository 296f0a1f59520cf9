"""The worst figure of a span: at every step of the figures, not only at its ends."""

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.billing.cases import as_counted
from bot.billing.plan import plan
from bot.billing.quote import Scope
from bot.billing.refund import quote
from bot.billing.subscription import Status
from bot.billing.worst import Cause, Worst, as_of, is_worse, jump_steps, summed, worst, worst_until
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
from tests.strategies import accounts, moments_within, subscriptions

THREE_DAYS = timedelta(hours=73, minutes=5)


def reached(subscription, settings=None, *, start="2026-11-23 10:12", until=None, **changes):
    begins = instant(start)
    ends = instant(until) if until else begins + THREE_DAYS
    span = worst_until(subscription, settings or account(), start=begins, until=ends, **changes)
    return span.worst


def test_a_refund_by_the_hour_is_lowest_at_the_end():
    lab = quota(orders=(order("2026-07-01 14:20", cash="540.00"),))

    found = reached(lab)

    assert quote(lab, account(), at=NOW).total.refund == usd("271.97")
    assert (found.refund, found.handling_fee) == (usd("267.48"), usd("54.00"))


def test_the_refund_just_before_a_cheaper_fee_year_is_the_lowest():
    two_years = quota(orders=(order("2025-11-24 09:20", months=24, cash="8000.00"),))

    found = reached(two_years)

    at_the_end = quote(two_years, account(), at=NOW + THREE_DAYS).total
    last_dear = quote(two_years, account(), at=instant("2026-11-24 09:59:59")).total
    assert found.handling_fee == usd("1200.00") > at_the_end.handling_fee
    assert found.refund == last_dear.refund < at_the_end.refund


def test_the_end_of_the_five_days_is_foreseen():
    fresh = quota(orders=(order("2026-11-20 09:00", currency="CNY", cash_coupon="10.00"),))
    cn = account(site=CN)

    inside = reached(fresh, cn, until="2026-11-25 08:59:59")
    beyond = reached(fresh, cn, until="2026-11-25 09:00:00")

    assert (inside.handling_fee, inside.refund) == (cny(0), cny("3600.00"))
    assert (beyond.handling_fee, beyond.coupons_lost) == (cny("360.00"), cny("10.00"))


def test_the_start_of_a_renewal_period_is_foreseen():
    bought = order("2026-11-01 09:00", months=1, cash="100.00")
    renewed = resource(orders=(bought, renewal(bought, cash="90.00")))

    before = reached(renewed, start="2026-11-30", until="2026-12-01 23:59:59")
    after = reached(renewed, start="2026-11-30", until="2026-12-02 00:00:00")

    assert before.handling_fee == usd("10.00")
    assert before.refund == usd("90.00")
    assert after.refund == usd("81.00")


def test_what_was_bought_ahead_comes_into_effect_within_the_span():
    ahead = quota(status=Status.INACTIVE, orders=(order("2026-11-24 00:00"),))

    assert reached(ahead, until="2026-11-23 23:00").handling_fee == usd(0)
    assert reached(ahead).handling_fee == usd("360.00")


def test_renewals_alone_cannot_cost_a_fee():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))

    found = reached(renewed, scope=Scope.RENEWALS)

    assert found == Worst(handling_fee=usd(0), refund=usd("3600.00"), coupons_lost=usd(0))


def test_a_span_in_which_it_cannot_go_has_no_worst():
    with pytest.raises(ValueError, match="cannot be unsubscribed"):
        reached(disk())


def test_a_plan_adds_up_the_worst_of_its_items():
    paid = {"sm-quota": "3600.00", "sm-screen": "900.00", "sm-orchestration": "1200.00"}
    chosen = [
        build(ref, orders=(order("2026-05-10 09:20", cash=paid[ref]),))
        for build, ref in (
            (quota, "sm-quota"),
            (package, "sm-screen"),
            (package, "sm-orchestration"),
        )
    ]
    found = plan(chosen, group=[], account=account(), at=NOW)

    total = worst(found, until=NOW + THREE_DAYS).worst

    assert found.total.refund == usd("2058.17")
    assert (total.refund, total.handling_fee) == (usd("2010.76"), usd("570.00"))


def test_r37_a_plan_uses_up_five_day_returns_in_its_worst_too():
    fresh = [
        resource(f"fresh-{n}", orders=(order("2026-11-22 09:00", currency="CNY", cash="100"),))
        for n in range(2)
    ]
    cn = account(site=CN, five_day_returns_used=9)
    found = plan(fresh, group=[], account=cn, at=NOW)

    total = worst(found, until=NOW).worst

    assert total.handling_fee == cny("10.00")


def test_a_plan_in_which_nothing_goes_has_no_worst():
    frozen = quota(status=Status.FROZEN)
    found = plan([frozen], group=[], account=account(), at=NOW)

    with pytest.raises(ValueError, match="nothing goes"):
        worst(found, until=NOW)


@pytest.mark.parametrize(
    ("fee", "refund", "coupons", "worse"),
    [
        (10, 50, 5, False),
        (9, 51, 4, False),
        (11, 51, 4, True),
        (9, 49, 4, True),
        (9, 51, 6, True),
    ],
)
def test_any_figure_beyond_the_acknowledged_one_is_worse(fee, refund, coupons, worse):
    acknowledged = Worst(handling_fee=usd(10), refund=usd(50), coupons_lost=usd(5))
    now = Worst(handling_fee=usd(fee), refund=usd(refund), coupons_lost=usd(coupons))

    assert is_worse(now, than=acknowledged) is worse


def test_steps_stand_in_order_and_within_the_span():
    two_years = quota(orders=(order("2025-11-24 09:20", months=24),))

    [found] = jump_steps(two_years, account(), start=NOW, until=NOW + THREE_DAYS)

    assert (found.at, found.cause) == (instant("2026-11-24 10:00:00"), Cause.FEE_YEAR)


@given(st.data(), subscriptions(), accounts(), st.integers(0, 400))
def test_no_moment_of_a_span_is_worse_than_its_worst(data, subscription, settings, hours):
    start = data.draw(moments_within(subscription))
    until = start + timedelta(hours=hours)
    at = start + timedelta(seconds=data.draw(st.integers(0, hours * 3600)))
    then = quote(
        as_of(subscription, start=start, at=at),
        as_counted(settings, read_at=start, at=at),
        at=at,
    )
    assume(then.total is not None)

    found = worst_until(subscription, settings, start=start, until=until).worst

    assert not is_worse(summed({"then": then}), than=found)
