"""What must hold for every subscription, account and instant."""

from dataclasses import replace
from datetime import UTC, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.billing.cases import FIVE_DAY_RETURNS
from bot.billing.quote import Case, Quote
from bot.billing.refund import quote
from bot.billing.subscription import Status
from tests.factories import quota
from tests.strategies import accounts, moments_within, orders, subscriptions, zones


def figures(found: Quote):
    return found.orders if found.allowed else ()


@given(st.data(), subscriptions(), accounts())
def test_a_refund_is_what_comes_back_by_every_way_of_payment(data, subscription, settings):
    found = quote(subscription, settings, at=data.draw(moments_within(subscription)))

    if found.total is not None:
        total = found.total
        assert total.refund == total.cash + total.flexi_coupon + total.stored_value
        assert total.refund.amount == sum(each.refund.amount for each in found.orders)


@given(st.data(), subscriptions(), accounts())
def test_a_refund_lies_between_nothing_and_what_was_paid(data, subscription, settings):
    found = quote(subscription, settings, at=data.draw(moments_within(subscription)))

    for each in figures(found):
        assert 0 <= each.refund.amount <= each.paid.amount
        assert 0 <= each.used_hours <= each.duration_hours
        assert each.consumed.amount >= 0
        assert each.handling_fee.amount >= 0
    if found.total is not None:
        assert found.total.cash.amount >= 0


@given(st.data(), subscriptions(), accounts())
def test_consumed_fee_and_refund_are_exactly_what_was_paid(data, subscription, settings):
    found = quote(subscription, settings, at=data.draw(moments_within(subscription)))

    for each in figures(found):
        if each.refund:
            assert each.consumed + each.handling_fee + each.refund == each.paid


@given(st.data(), subscriptions(), accounts())
def test_only_conditional_orders_cost_anything(data, subscription, settings):
    found = quote(subscription, settings, at=data.draw(moments_within(subscription)))

    for each in figures(found):
        if each.case is not Case.CONDITIONAL:
            assert (each.refund, bool(each.consumed), bool(each.handling_fee)) == (
                each.paid,
                False,
                False,
            )


@given(st.data(), subscriptions(), accounts())
def test_every_coupon_either_comes_back_or_is_lost(data, subscription, settings):
    at = data.draw(moments_within(subscription))
    found = quote(subscription, settings, at=at)

    if found.total is not None and found.lost is not None:
        taken = subscription.orders[-len(found.orders) :]
        coupons = sum(each.cash_coupon or 0 for each in taken)
        assert (found.total.cash_coupon + found.lost.cash_coupon).amount == coupons


@given(st.data(), subscriptions(), accounts(five_day_returns_used=FIVE_DAY_RETURNS))
def test_waiting_a_day_never_raises_a_conditional_refund_within_one_fee_year(
    data, subscription, settings
):
    at = data.draw(moments_within(subscription))
    today = quote(subscription, settings, at=at)
    tomorrow = quote(subscription, settings, at=at + timedelta(days=1))

    assume(len(figures(today)) == len(figures(tomorrow)))  # else a term ended in between
    for now, then in zip(figures(today), figures(tomorrow), strict=True):
        if now.case is Case.CONDITIONAL and now.fee_rate == then.fee_rate:
            assert then.refund <= now.refund


@given(st.data(), subscriptions(), accounts(), zones())
def test_a_quote_is_the_same_in_whatever_zone_its_instant_is_written(
    data, subscription, settings, zone
):
    at = data.draw(moments_within(subscription))

    here = quote(subscription, settings, at=at.astimezone(UTC))
    there = quote(subscription, settings, at=at.astimezone(zone))

    assert here == there


def written_in(zone, paid):
    dates = {
        name: moment.astimezone(zone)
        for name in ("effective_at", "expires_at", "provisioned_at", "cash_coupon_expires_at")
        if (moment := getattr(paid, name)) is not None
    }
    return replace(paid, **dates)


@given(st.data(), subscriptions(), accounts(), zones())
def test_a_quote_is_the_same_in_whatever_zone_its_orders_are_written(
    data, subscription, settings, zone
):
    at = data.draw(moments_within(subscription))
    elsewhere = replace(
        subscription, orders=tuple(written_in(zone, each) for each in subscription.orders)
    )

    assert quote(elsewhere, settings, at=at) == quote(subscription, settings, at=at)


@given(orders(), accounts())
def test_what_failed_comes_back_whole(paid, settings):
    found = quote(quota(status=Status.FAILED, orders=paid), settings, at=paid[0].effective_at)

    assert found.total.refund == found.total.paid
    assert not found.total.handling_fee
