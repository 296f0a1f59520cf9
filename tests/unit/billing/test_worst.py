"""The worst figure of a span: at every step of the figures, not only at its ends."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.billing.cases import as_counted
from bot.billing.plan import plan
from bot.billing.quote import Scope
from bot.billing.refund import quote
from bot.billing.subscription import Status
from bot.billing.worst import (
    Cause,
    Step,
    Worst,
    as_of,
    is_worse,
    jump_steps,
    summed,
    worst,
    worst_until,
)
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


# Every step, with its cause


def steps_of(subscription, settings=None, *, start="2026-11-23 10:12", until, **changes):
    found = jump_steps(
        subscription,
        settings or account(),
        start=instant(start),
        until=instant(until),
        **changes,
    )
    assert {step.subscription for step in found} <= {subscription.key}
    return [(step.at, step.cause) for step in found]


FRESH = order(
    "2026-11-20 09:00",
    months=24,
    currency="CNY",
    cash_coupon="10.00",
    cash_coupon_expires_at="2026-12-24 12:00",
)


def test_r36_r37_r43_every_jump_of_a_chinese_purchase_is_a_step():
    found = steps_of(quota(orders=(FRESH,)), account(site=CN), until="2029-01-01 00:00")

    assert found == [
        (instant("2026-11-25 09:00"), Cause.FIVE_DAYS),
        (instant("2026-12-24 12:00"), Cause.COUPON),
        (instant("2027-01-01 00:00"), Cause.NEW_YEAR),
        (instant("2027-11-20 10:00"), Cause.FEE_YEAR),
        (instant("2028-01-01 00:00"), Cause.NEW_YEAR),
        (instant("2028-11-20 10:00"), Cause.FEE_YEAR),
        (instant("2028-11-21 00:00"), Cause.TERM_END),
        (instant("2029-01-01 00:00"), Cause.NEW_YEAR),
    ]


def test_x1_elsewhere_no_five_days_end_and_no_year_gives_returns():
    found = steps_of(quota(orders=(FRESH,)), until="2029-01-01 00:00")

    assert found == [
        (instant("2026-12-24 12:00"), Cause.COUPON),
        (instant("2027-11-20 10:00"), Cause.FEE_YEAR),
        (instant("2028-11-20 10:00"), Cause.FEE_YEAR),
        (instant("2028-11-21 00:00"), Cause.TERM_END),
    ]


def test_r46_every_beginning_and_end_of_a_term_is_a_step():
    ahead = order("2026-12-01 09:00", months=1)
    renewed = resource(orders=(ahead, renewal(ahead)))

    found = steps_of(renewed, until="2030-01-01")

    assert found == [
        (instant("2026-12-01 09:00"), Cause.BEGINNING),
        (instant("2027-01-02 00:00"), Cause.RENEWAL_PERIOD),
        (instant("2027-02-02 00:00"), Cause.TERM_END),
    ]


def test_r45_renewals_alone_have_the_steps_of_their_own():
    bought = order("2026-11-01 09:00", months=1, cash_coupon_expires_at="2026-11-28 00:00")
    renewed = resource(orders=(bought, renewal(bought)))

    found = steps_of(renewed, until="2026-12-31", scope=Scope.RENEWALS)

    assert found == [(instant("2026-12-02 00:00"), Cause.RENEWAL_PERIOD)]


def test_r43_a_year_has_one_anniversary_and_a_term_of_unknown_length_none():
    year = quota(orders=(order("2026-11-20 09:00"),))
    unknown = quota(orders=(order("2026-11-20 09:00", months=None, expires_at="2027-11-20 12:30"),))

    assert steps_of(year, until="2030-01-01") == [
        (instant("2027-11-20 10:00"), Cause.FEE_YEAR),
        (instant("2027-11-21 00:00"), Cause.TERM_END),
    ]
    assert steps_of(unknown, until="2030-01-01") == [(instant("2027-11-20 12:00"), Cause.TERM_END)]


def test_what_has_no_dates_has_no_steps():
    undated = quota(orders=(order(effective_at=None, expires_at=None),))

    assert steps_of(undated, account(site=CN), until="2026-12-31") == []


def test_a_step_lies_after_the_start_and_at_the_end_at_the_latest():
    at_once = quota(orders=(FRESH,))
    beyond = {"start": "2026-11-25 09:00", "until": "2026-12-24 11:59:59"}

    assert steps_of(at_once, account(site=CN), **beyond) == []
    assert len(steps_of(at_once, account(site=CN), until="2026-11-25 09:00")) == 1
    assert steps_of(at_once, account(site=CN), until="2026-11-25 08:59:59") == []


def test_r42_figures_step_with_every_full_hour():
    lab = quota(orders=(order("2026-07-01 14:20", cash="540.00"),))
    start, until = instant("2026-11-23 10:12"), instant("2026-11-23 13:00")

    found = worst_until(lab, account(), start=start, until=until)

    assert (found.start, found.until) == (start, until)
    assert found.steps == tuple(
        Step(at=instant(f"2026-11-23 {hour}:00"), cause=Cause.FULL_HOUR, subscription=lab.key)
        for hour in (11, 12, 13)
    )


def test_x2_under_the_day_rule_figures_step_with_every_day():
    by_day = account(rules="huaweicloud-intl/2024-06-28")
    lab = quota(orders=(order("2026-07-01 14:20", cash="540.00"),))

    found = worst_until(lab, by_day, start=NOW, until=instant("2026-11-26 00:00"))

    assert found.steps == tuple(
        Step(at=instant(f"2026-11-{day} 00:00"), cause=Cause.DAY, subscription=lab.key)
        for day in (24, 25, 26)
    )
    last = quote(lab, by_day, at=instant("2026-11-26 00:00"))
    assert found.worst.refund == last.total.refund < quote(lab, by_day, at=NOW).total.refund


def test_a_moment_that_changes_no_figure_is_no_step():
    failed = quota(status=Status.FAILED)

    assert worst_until(failed, account(), start=NOW, until=NOW + THREE_DAYS).steps == ()


def test_a_jump_is_named_where_it_falls_on_a_full_hour():
    two_years = quota(orders=(order("2025-11-24 09:20", months=24),))
    start, until = instant("2026-11-24 09:30"), instant("2026-11-24 11:00")

    found = worst_until(two_years, account(), start=start, until=until)

    assert [step.cause for step in found.steps] == [Cause.FEE_YEAR, Cause.FULL_HOUR]


def test_r34_after_the_end_of_the_term_nothing_can_go_any_more():
    start, until = instant("2026-12-07 22:30"), instant("2026-12-09 00:00")
    paid = quota(orders=(order(cash="3600.00", cash_coupon="1.00"),))

    found = worst_until(paid, account(), start=start, until=until)

    ending = Step(at=instant("2026-12-08 00:00"), cause=Cause.TERM_END, subscription=paid.key)
    assert found.steps == (ending,)
    assert found.worst == Worst(handling_fee=usd("360.00"), refund=usd(0), coupons_lost=usd("1.00"))


def test_r33_the_expiry_of_a_coupon_is_foreseen():
    ahead = quota(
        orders=(
            order("2026-12-31", cash_coupon="10.00", cash_coupon_expires_at="2026-11-24 12:00"),
        )
    )

    assert reached(ahead, until="2026-11-24 11:59:59").coupons_lost == usd(0)
    assert reached(ahead, until="2026-11-24 12:00:00").coupons_lost == usd("10.00")


def test_r37_the_returns_of_a_new_year_are_foreseen():
    fresh = quota(orders=(order("2026-12-30 09:00", currency="CNY"),))
    used_up = account(site=CN, five_day_returns_used=10)
    start, until = instant("2026-12-31 23:30"), instant("2027-01-01 00:00")

    found = worst_until(fresh, used_up, start=start, until=until)

    assert [(step.at, step.cause) for step in found.steps] == [(until, Cause.NEW_YEAR)]
    assert found.worst.handling_fee == cny("360.00")


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2026-11-23 23:59:59", Status.INACTIVE),
        ("2026-11-24 00:00:00", Status.IN_USE),
        ("2026-11-25 00:00:00", Status.IN_USE),
    ],
)
def test_what_is_inactive_is_in_use_from_its_beginning(at, status):
    ahead = quota(status=Status.INACTIVE, orders=(order("2026-11-24 00:00"),))

    assert as_of(ahead, start=NOW, at=instant(at)).status is status


def test_only_a_beginning_that_is_still_ahead_changes_the_status():
    began = instant("2026-11-24 00:00")
    ahead = quota(status=Status.INACTIVE, orders=(order(began),))
    failed = quota(status=Status.FAILED, orders=(order(began),))

    assert as_of(ahead, start=began, at=began + THREE_DAYS) == ahead
    assert as_of(failed, start=NOW, at=began + THREE_DAYS) == failed


# Of a plan


def test_the_steps_of_a_plan_stand_in_order_of_time_then_of_subscription():
    paid = (order("2026-11-12 14:05", months=1, cash="61.20"),)
    servers = [resource(ref, orders=paid) for ref in ("b", "a")]
    found = plan(servers, group=[], account=account(), at=NOW)
    until = instant("2026-11-23 12:00")

    span = worst(found, until=until)

    assert (span.start, span.until) == (NOW, until)
    assert [(step.at, step.subscription.id) for step in span.steps] == [
        (instant("2026-11-23 11:00"), "a"),
        (instant("2026-11-23 11:00"), "b"),
        (instant("2026-11-23 12:00"), "a"),
        (instant("2026-11-23 12:00"), "b"),
    ]


def test_r45_a_plan_of_renewals_alone_costs_no_fee():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought, cash="90.00", discount_coupon="4.00")))
    found = plan([renewed], group=[], account=account(), at=NOW, scope=Scope.RENEWALS)

    total = worst(found, until=NOW + THREE_DAYS).worst

    assert total == Worst(handling_fee=usd(0), refund=usd("90.00"), coupons_lost=usd("4.00"))


def test_coupons_of_all_items_are_added_up():
    items = [
        resource(ref, orders=(order(cash_coupon=coupon),))
        for ref, coupon in (("one", "1.00"), ("two", "2.00"))
    ]
    found = plan(items, group=[], account=account(), at=NOW)

    assert worst(found, until=NOW).worst.coupons_lost == usd("3.00")
    assert summed(found.quotes).coupons_lost == usd("3.00")


def test_what_has_no_worst_says_so_in_a_sentence():
    frozen = quota(status=Status.FROZEN)
    nothing = plan([frozen], group=[], account=account(), at=NOW)

    with pytest.raises(ValueError, match="plan") as of_plan:
        worst(nothing, until=NOW)
    with pytest.raises(ValueError, match="sm-quota") as of_one:
        worst_until(frozen, account(), start=NOW, until=NOW)
    with pytest.raises(ValueError, match="quotes") as of_quotes:
        summed({"frozen": quote(frozen, account(), at=NOW)})

    assert str(of_plan.value) == "A plan in which nothing goes has no worst figure."
    assert str(of_one.value) == "default/sm-quota cannot be unsubscribed from in that time."
    assert str(of_quotes.value) == "None of these quotes has figures; ask for allowed ones."


def test_a_refused_quote_counts_for_nothing_beside_another():
    quotes = {
        "frozen": quote(quota(status=Status.FROZEN), account(), at=NOW),
        "quota": quote(quota(), account(), at=NOW),
    }

    assert summed(quotes) == Worst(handling_fee=usd("360.00"), refund=usd(0), coupons_lost=usd(0))


# Any span


def figures_at(subscription, settings, *, start, at):
    then = as_of(subscription, start=start, at=at)
    found = quote(then, as_counted(settings, read_at=start, at=at), at=at)
    if found.total is None or found.lost is None:
        return None
    return found.total.handling_fee, found.total.refund, found.lost.coupons


@given(st.data(), subscriptions(), accounts(), st.integers(1, 400))
def test_between_two_steps_nothing_changes(data, subscription, settings, hours):
    start = data.draw(moments_within(subscription))
    until = start + timedelta(hours=hours)
    at = start + timedelta(seconds=data.draw(st.integers(0, hours * 3600)))
    assume(figures_at(subscription, settings, start=start, at=start) is not None)

    found = worst_until(subscription, settings, start=start, until=until)

    last = max((step.at for step in found.steps if step.at <= at), default=start)
    assert figures_at(subscription, settings, start=start, at=at) == figures_at(
        subscription, settings, start=start, at=last
    )


@given(st.data(), subscriptions(), accounts(), st.integers(1, 400))
def test_at_every_step_a_figure_changes(data, subscription, settings, hours):
    start = data.draw(moments_within(subscription))
    until = start + timedelta(hours=hours)
    assume(figures_at(subscription, settings, start=start, at=start) is not None)

    found = worst_until(subscription, settings, start=start, until=until)

    moments = [start, *(step.at for step in found.steps)]
    figures = [figures_at(subscription, settings, start=start, at=at) for at in moments]
    assert moments == sorted(set(moments))
    assert all(start <= at <= until for at in moments)
    assert all(now != before for before, now in pairwise(figures))


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


def test_r37_what_may_yet_go_within_its_five_days_leaves_no_return_to_those_after_it():
    ahead = [
        resource(
            f"ahead-{number}",
            status=Status.INACTIVE,
            orders=(order("2026-11-24 00:00", months=1, currency="CNY", cash="100"),),
        )
        for number in range(2)
    ]
    cn = account(site=CN, five_day_returns_used=9)
    found = plan(ahead, group=[], account=cn, at=NOW)

    span = worst(found, until=instant("2026-11-25 00:00"))

    assert span.worst.handling_fee == cny("10.00")
    assert span.five_day


def test_r37_the_returns_of_a_new_year_are_shared_by_the_items_of_a_plan():
    bought = order("2026-12-29 12:00", months=1, currency="CNY", cash="100")
    fresh = [resource(f"fresh-{number}", orders=(bought,)) for number in range(11)]
    cn = account(site=CN, five_day_returns_used=10)
    found = plan(fresh, group=[], account=cn, at=instant("2026-12-31 23:00"))

    after = [
        worst_until(
            fresh[0],
            cn,
            start=instant("2026-12-31 23:00"),
            until=instant("2027-01-01 00:00"),
            earlier_returns=earlier,
        )
        for earlier in (9, 10)
    ]

    assert [span.five_day for span in after] == [True, False]
    assert worst(found, until=instant("2027-01-01 00:00")).worst.handling_fee == cny("110.00")


def test_r37_alone_it_may_use_the_last_return_of_the_year():
    fresh = resource(orders=(order("2026-11-22 09:00", currency="CNY", cash="100"),))

    span = worst_until(
        fresh, account(site=CN, five_day_returns_used=9), start=NOW, until=NOW + timedelta(hours=1)
    )

    assert span.worst.handling_fee == cny("0")
