"""The ways out, compared: money, until when, and which is cheapest and why."""

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.billing.quote import Case, Notice, Scope
from bot.billing.refund import quote
from bot.billing.subscription import BillingMode, Status
from bot.billing.way import Way, WayKind, WaysOut
from bot.billing.ways_out import ways_out
from bot.billing.worst import Cause
from tests.factories import (
    CN,
    NOW,
    account,
    cny,
    contract,
    instant,
    order,
    quota,
    renewal,
    resource,
    usd,
)

ENDS = instant("2026-12-07 23:59:59")
DATA = Notice(
    rule="R12",
    text="Its data is deleted after Wed 6 Jan 2027.",
)
FOR_GOOD = Notice(rule="R35", text="It ends at once and cannot be restored.")


def compared(subscription, settings=None, *, at=NOW) -> WaysOut:
    return ways_out(subscription, settings or account(), at=at)


def kinds(found: WaysOut) -> list[WayKind]:
    return [way.kind for way in found.ways]


# Each way whole


def test_r25_turning_off_is_safe_before_the_deduction_day():
    found = compared(quota()).way(WayKind.TURN_OFF)

    assert found == Way(
        kind=WayKind.TURN_OFF,
        rule="R25",
        money_out=usd(0),
        money_back=usd(0),
        works_until=ENDS,
        last_moment=instant("2026-11-30 00:00"),
        lost=(DATA,),
    )


def test_r19_keeping_costs_the_renewal_that_is_deducted():
    found = compared(quota()).way(WayKind.KEEP)

    assert found == Way(
        kind=WayKind.KEEP,
        rule="R19",
        money_out=usd("3600.00"),
        money_back=usd(0),
        at=instant("2026-11-30 03:00"),
        works_until=instant("2027-12-07 23:59:59"),
        last_moment=instant("2026-12-08 00:00"),
        months=12,
    )


def test_r45_giving_back_opens_with_the_deduction():
    found = compared(quota()).way(WayKind.GIVE_BACK)

    assert found == Way(
        kind=WayKind.GIVE_BACK,
        rule="R45",
        money_out=usd(0),
        money_back=None,
        open=False,
        closed_because="Closed until the deduction of Mon 30 Nov 2026, then open for 7 days.",
        opens_at=instant("2026-11-30 03:00"),
        quote=quote(quota(), account(), at=NOW, scope=Scope.RENEWALS),
    )


def test_r35_unsubscribing_ends_it_at_once():
    found = compared(quota()).way(WayKind.UNSUBSCRIBE)

    assert found == Way(
        kind=WayKind.UNSUBSCRIBE,
        rule="R41",
        money_out=usd(0),
        money_back=usd(0),
        last_moment=instant("2026-11-30 00:00"),
        quote=quote(quota(), account(), at=NOW),
        lost=(FOR_GOOD,),
    )


def test_r46_a_paid_renewal_is_given_back_until_it_begins():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))
    at = instant("2026-12-03 10:00")

    found = compared(renewed, at=at).way(WayKind.GIVE_BACK)

    assert found == Way(
        kind=WayKind.GIVE_BACK,
        rule="R46",
        money_out=usd(0),
        money_back=usd("3600.00"),
        works_until=ENDS,
        last_moment=instant("2026-12-08 00:00"),
        quote=quote(renewed, account(), at=at, scope=Scope.RENEWALS),
        caution=Notice(
            rule="R21",
            text="Turn auto-renewal off as well, or the cloud may charge again, daily at 03:00 "
            "GMT+08:00.",
        ),
    )


def test_r21_with_auto_renewal_off_nothing_is_charged_again():
    bought = order()
    renewed = {"orders": (bought, renewal(bought))}

    for auto_renew in (False, None):
        way = compared(quota(auto_renew=auto_renew, **renewed)).way(WayKind.GIVE_BACK)
        assert (way.open, way.caution) == (True, None)


@pytest.mark.parametrize(
    ("held", "rule", "reason"),
    [
        (
            quota(renewals_locked=True),
            "R48",
            "The cloud does not take its renewal period back alone.",
        ),
        (
            quota(service="CloudSite"),
            "R48",
            "The cloud does not take renewals of CloudSite back alone.",
        ),
        (quota(service="WeLink"), "R34", "The cloud does not take WeLink back."),
        (quota(status=Status.FROZEN), "R34", "The cloud froze it."),
        (quota(parent_id="server-1"), "R35", "It belongs to server-1 and goes with it."),
    ],
)
def test_r48_r34_r35_a_deduction_does_not_open_what_is_held_for_another_reason(held, rule, reason):
    found = compared(held)

    back, keep = found.way(WayKind.GIVE_BACK), found.way(WayKind.KEEP)
    assert (back.open, back.rule, back.closed_because) == (False, rule, reason)
    assert (back.opens_at, back.last_moment) == (None, None)
    assert (keep.rule, keep.at) == ("R19", instant("2026-11-30 03:00"))
    assert keep.last_moment is None


def test_r46_a_renewal_that_follows_another_is_given_back_until_it_begins():
    first = order("2024-12-07 09:20")
    running = renewal(first)

    found = compared(quota(orders=(first, running)))

    assert found.way(WayKind.KEEP).last_moment == instant("2026-12-08 00:00")
    assert found.way(WayKind.GIVE_BACK).closed_because == (
        "Closed until the deduction of Mon 30 Nov 2026, then open for 7 days."
    )


def test_r48_a_renewal_that_is_held_closes_the_way():
    bought = order()
    held = quota(renewals_locked=True, orders=(bought, renewal(bought)))

    found = compared(held).way(WayKind.GIVE_BACK)

    assert (found.open, found.rule, found.caution) == (False, "R48", None)
    assert found.closed_because == "The cloud does not take its renewal period back alone."
    assert (found.works_until, found.last_moment) == (None, None)


def test_r46_of_several_periods_the_running_term_stays():
    first = order()
    second = renewal(first)
    paid_ahead = quota(orders=(first, second, renewal(second)))

    way = compared(paid_ahead).way(WayKind.GIVE_BACK)

    assert (way.works_until, way.last_moment) == (ENDS, instant("2026-12-08 00:00"))
    assert way.money_back == usd("7200.00")


def test_r46_what_stays_of_an_unknown_term_stays_until_the_renewal_begins():
    vague = quota(orders=(order(expires_at=None), renewal(order())))

    way = compared(vague).way(WayKind.GIVE_BACK)

    assert way.works_until == way.last_moment == instant("2026-12-08 00:00")


def test_r46_what_stays_ends_where_the_renewal_begins():
    first = order("2024-12-08 00:00", expires_at="2025-12-08 00:00")
    running = replace(renewal(first), expires_at=instant("2026-12-08 00:00"))
    ahead = replace(renewal(running), effective_at=instant("2026-12-08 00:00"))

    way = compared(quota(orders=(first, running, ahead))).way(WayKind.GIVE_BACK)

    assert way.works_until == way.last_moment == instant("2026-12-08 00:00")


def test_r21_giving_back_opens_with_the_next_attempt_on_the_last_day_too():
    way = compared(quota(), at=instant("2026-12-06 12:00")).way(WayKind.GIVE_BACK)

    assert way.closed_because == "Closed until the deduction of Mon 7 Dec 2026."
    assert way.opens_at == instant("2026-12-07 03:00")


def test_a_contract_is_kept_or_given_notice():
    found = compared(contract())

    assert found.way(WayKind.KEEP) == Way(
        kind=WayKind.KEEP,
        rule="R14",
        money_out=usd("348.00"),
        money_back=usd(0),
        works_until=instant("2027-12-31 23:59:59"),
        months=12,
    )
    assert found.way(WayKind.TURN_OFF) == Way(
        kind=WayKind.TURN_OFF,
        rule="R25",
        money_out=usd(0),
        money_back=usd(0),
        open=False,
        closed_because="Give notice by Tue 1 Dec 2026 instead.",
        works_until=instant("2026-12-31 23:59:59"),
    )
    assert found.way(WayKind.UNSUBSCRIBE).last_moment is None


# What lapsing takes (R12, R15)


def test_r12_secmaster_loses_its_data_when_it_lapses():
    lapsing = compared(quota(auto_renew=False))

    assert lapsing.way(WayKind.KEEP) == Way(
        kind=WayKind.KEEP,
        rule="R14",
        money_out=usd(0),
        money_back=usd(0),
        works_until=ENDS,
        lost=(DATA,),
    )
    assert lapsing.way(WayKind.TURN_OFF).lost == (DATA,)


def test_r15_any_other_resource_is_deleted_with_its_data():
    server = compared(resource(auto_renew=False)).way(WayKind.KEEP)
    in_china = compared(resource(auto_renew=False), account(site=CN)).way(WayKind.KEEP)

    assert server.lost == (Notice(rule="R15", text="Its data is deleted after Mon 11 Jan 2027."),)
    assert in_china.lost[0].text == "Its data is deleted after Sat 26 Dec 2026."


def test_r15_nothing_is_deleted_outside_the_cloud_nor_what_does_not_expire():
    assert compared(contract(auto_renew=False)).way(WayKind.KEEP).lost == ()
    by_use = quota(billing_mode=BillingMode.PAY_PER_USE)
    assert compared(by_use).way(WayKind.KEEP).lost == ()
    assert compared(quota(status=Status.UNSUBSCRIBED)).way(WayKind.KEEP).lost == ()
    assert compared(quota(orders=())).way(WayKind.KEEP).lost == ()


# After the expiry (X4, R17)


def test_x4_r17_past_the_expiry_a_late_charge_counts_from_the_original_one():
    at = instant("2026-12-10 12:00")

    found = compared(quota(), at=at)

    assert found.way(WayKind.KEEP) == Way(
        kind=WayKind.KEEP,
        rule="X4",
        money_out=usd("3600.00"),
        money_back=usd(0),
        at=instant("2026-12-11 03:00"),
        works_until=instant("2027-12-07 23:59:59"),
        months=12,
    )
    assert found.way(WayKind.TURN_OFF) == Way(
        kind=WayKind.TURN_OFF,
        rule="X4",
        money_out=usd(0),
        money_back=usd(0),
        works_until=ENDS,
        last_moment=instant("2026-12-11 00:00"),
        lost=(DATA,),
        caution=Notice(
            rule="X4",
            text="It has expired, but the cloud may still try to charge until it is released.",
        ),
    )
    assert found.cheapest is WayKind.TURN_OFF
    assert found.because == "the cloud may still try to charge until it is released"


@pytest.mark.parametrize(
    ("at", "attempt"),
    [
        ("2026-12-10 02:59:59", "2026-12-10"),
        ("2026-12-10 03:00", "2026-12-11"),
        ("2026-12-09T18:00:00+00:00", "2026-12-10"),
    ],
)
def test_x4_r25_a_late_attempt_is_safely_stopped_before_its_day(at, attempt):
    found = compared(quota(), at=instant(at))

    assert found.way(WayKind.KEEP).at == instant(f"{attempt} 03:00")
    assert found.way(WayKind.TURN_OFF).last_moment == instant(f"{attempt} 00:00")


def test_x4_after_the_release_nothing_is_charged_any_more():
    found = compared(quota(), at=instant("2027-01-07 00:00"))

    assert found.way(WayKind.KEEP).cost == usd(0)
    assert found.way(WayKind.TURN_OFF).closed_because == "Nothing will be deducted."
    assert found.because == "no other way is open"


@pytest.mark.parametrize("auto_renew", [True, False])
def test_r12_r15_after_the_release_nothing_is_said_to_be_deleted(auto_renew):
    held = quota(auto_renew=auto_renew)

    kept = compared(held, at=instant("2027-01-06 23:59:59"))
    released = compared(held, at=instant("2027-01-07 00:00"))

    assert kept.way(WayKind.TURN_OFF).lost == (DATA,)
    assert [way.lost for way in released.ways] == [(), (), (), ()]


def test_x4_the_release_follows_the_account():
    at = instant("2026-12-10 12:00")
    lowest_tier = account(site=CN, customer_tier="V0")

    found = compared(quota(), lowest_tier, at=at)

    assert found.way(WayKind.KEEP).rule == "R14"
    assert not found.way(WayKind.TURN_OFF).open


# R28


@pytest.mark.parametrize("coupon", ["cash_coupon", "discount_coupon"])
def test_r28_a_coupon_can_lower_what_is_deducted(coupon):
    way = compared(quota(orders=(order(**{coupon: "1.00"}),))).way(WayKind.KEEP)

    assert way.caution == Notice(
        rule="R28", text="A coupon of the account can lower what is deducted."
    )


def test_r28_without_a_deduction_no_coupon_is_used():
    with_coupon = (order(cash_coupon="1.00"),)

    assert compared(contract(orders=with_coupon)).way(WayKind.KEEP).caution is None
    assert compared(quota(orders=with_coupon, auto_renew=False)).way(WayKind.KEEP).caution is None
    assert compared(quota(orders=(order(cash_coupon="0"),))).way(WayKind.KEEP).caution is None


# Which is cheapest


def test_open_ways_come_first_then_known_ones_then_the_cheap_then_the_long():
    assert kinds(compared(quota())) == [
        WayKind.TURN_OFF,
        WayKind.UNSUBSCRIBE,
        WayKind.KEEP,
        WayKind.GIVE_BACK,
    ]
    assert kinds(compared(quota(auto_renew=None))) == [
        WayKind.KEEP,
        WayKind.UNSUBSCRIBE,
        WayKind.TURN_OFF,
        WayKind.GIVE_BACK,
    ]


def test_half_a_dollar_is_dearer_than_nothing():
    found = compared(quota(renewal_price=Decimal("0.50")))

    assert kinds(found)[:3] == [WayKind.TURN_OFF, WayKind.UNSUBSCRIBE, WayKind.KEEP]
    assert found.way(WayKind.KEEP).cost == usd("0.50")


def test_of_equally_cheap_ways_the_one_that_lasts_comes_first():
    found = compared(quota(renewal_price=Decimal(0)))

    assert kinds(found)[:3] == [WayKind.KEEP, WayKind.TURN_OFF, WayKind.UNSUBSCRIBE]


def test_a_renewal_of_unknown_length_works_until_nobody_knows():
    vague = quota(
        auto_renew_months=None,
        orders=(order(term_months=None, expires_at="2026-12-07 23:59:59"),),
    )

    way = compared(vague).way(WayKind.KEEP)

    assert (way.months, way.works_until) == (None, None)
    assert (way.cost, way.at) == (usd("3600.00"), instant("2026-11-30 03:00"))


def test_what_can_only_run_out_has_no_other_way():
    held = compared(quota(auto_renew=False, transaction_in_progress=True))

    assert held.cheapest is WayKind.KEEP
    assert held.because == "no other way is open"


def test_what_can_be_turned_off_alone_runs_to_the_end_of_its_term():
    held = compared(quota(transaction_in_progress=True))

    assert held.cheapest is WayKind.TURN_OFF
    assert held.because == "nothing more is paid and it runs to the end of its term"


def test_an_end_that_returns_nothing_is_never_cheapest_while_a_renewal_is_not_known():
    found = compared(quota(auto_renew=None))

    assert found.cheapest is WayKind.KEEP
    assert found.because == "unsubscribing returns nothing; what a renewal costs is not known"


def test_an_end_that_returns_nothing_goes_last_where_a_price_is_not_known():
    found = compared(quota(renewal_price=None))

    assert kinds(found)[:3] == [WayKind.TURN_OFF, WayKind.KEEP, WayKind.UNSUBSCRIBE]
    assert found.because == "unsubscribing returns nothing and ends it 14 days earlier"


def test_waiting_for_nothing_goes_last_as_well_where_a_renewal_is_not_known():
    given = order("2026-12-10 00:00", cash="0.00")
    ahead = quota(status=Status.INACTIVE, auto_renew=None, orders=(given,))

    found = compared(ahead)

    assert kinds(found)[:3] == [WayKind.KEEP, WayKind.LATER, WayKind.UNSUBSCRIBE]
    assert found.because == "unsubscribing returns nothing; what a renewal costs is not known"


def test_an_end_that_returns_money_goes_first_where_a_renewal_is_not_known():
    found = compared(quota(auto_renew=None, orders=(order("2026-07-01 09:20"),)))

    assert kinds(found)[:2] == [WayKind.UNSUBSCRIBE, WayKind.KEEP]
    assert found.because == f"it returns {found.ways[0].money_back} now"


def test_when_nothing_is_known_to_be_cheaper_no_other_way_is_open():
    found = compared(quota(auto_renew=None, status=Status.FROZEN))

    assert found.cheapest is WayKind.KEEP
    assert found.because == "no other way is open"
    assert found.way(WayKind.KEEP).cost is None


@pytest.mark.parametrize(
    ("at", "earlier"),
    [
        ("2026-11-23 10:12", "14 days"),
        ("2026-12-05 10:12", "2 days"),
        ("2026-12-06 10:12", "1 day"),
    ],
)
def test_running_out_is_cheapest_by_the_days_that_are_left(at, earlier):
    found = compared(quota(auto_renew=False), at=instant(at))

    assert found.because == f"unsubscribing returns nothing and ends it {earlier} earlier"


def test_r32_coupons_that_stay_gone_are_lost_with_it():
    bought = order(cash_coupon="20.00", discount_coupon="5.00")
    renewed = quota(orders=(bought, renewal(bought, discount_coupon="3.00")))
    coupons = "Coupons of USD {} do not come back."

    found = compared(renewed)

    assert found.way(WayKind.UNSUBSCRIBE).lost == (
        Notice(rule="R32", text=coupons.format("28.00")),
        FOR_GOOD,
    )
    assert found.way(WayKind.GIVE_BACK).lost == (Notice(rule="R32", text=coupons.format("3.00")),)


def test_a_refused_way_keeps_the_quote_that_refuses_it():
    frozen = quota(status=Status.FROZEN)

    way = compared(frozen).way(WayKind.UNSUBSCRIBE)

    assert (way.open, way.rule, way.closed_because) == (False, "R34", "The cloud froze it.")
    assert way.quote == quote(frozen, account(), at=NOW)
    assert (way.money_out, way.money_back, way.lost) == (usd(0), None, ())


def test_without_any_order_money_is_in_the_account_s_currency():
    found = compared(quota(orders=()), account(site=CN))

    assert found.way(WayKind.KEEP).money_out == cny(0)
    assert found.way(WayKind.UNSUBSCRIBE).closed_because == (
        "orders is not known; the figures need it (R42)."
    )


def test_r42_money_is_in_the_currency_of_the_newest_order_that_is_not_over():
    over = order("2024-12-07 09:20", currency="EUR")
    nameless = quota(orders=(over, renewal(over, currency=None)))

    found = compared(nameless)

    assert found.way(WayKind.KEEP).cost == usd("3600.00")
    assert [way.money_out.currency for way in found.ways] == ["USD"] * 4
    assert kinds(found)[:3] == [WayKind.TURN_OFF, WayKind.UNSUBSCRIBE, WayKind.KEEP]


def test_r42_of_two_open_orders_the_newest_names_the_currency():
    bought = order(currency="EUR")

    found = compared(quota(orders=(bought, renewal(bought, currency="CHF"))))

    assert found.way(WayKind.KEEP).money_out.currency == "CHF"


def test_r42_when_every_order_is_over_the_newest_that_names_one_does():
    over = order("2024-12-07 09:20", currency="EUR")
    nameless = renewal(over, currency=None)

    found = compared(quota(orders=(over, nameless)), at=instant("2027-02-01"))

    assert found.way(WayKind.KEEP).money_out.currency == "EUR"


def test_r42_orders_of_two_currencies_close_both_ways_that_return_money():
    bought = order()

    found = compared(quota(orders=(bought, renewal(bought, currency="EUR"))))

    for kind in (WayKind.GIVE_BACK, WayKind.UNSUBSCRIBE):
        assert (found.way(kind).open, found.way(kind).rule) == (False, "R42")
        assert found.way(kind).closed_because == (
            "currency differs between orders (EUR, USD); figures need one (R42)."
        )
    assert found.cheapest is WayKind.TURN_OFF


# Until when unsubscribing returns as much


def last_moment(subscription, settings=None, *, at=NOW):
    return compared(subscription, settings, at=at).way(WayKind.UNSUBSCRIBE).last_moment


def test_r46_it_returns_less_once_a_paid_renewal_begins():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))

    assert last_moment(renewed) == instant("2026-12-08 00:00")


def test_r46_of_several_periods_the_first_to_begin_is_the_end():
    first = order()
    second = renewal(first)
    paid_ahead = quota(auto_renew=False, orders=(first, second, renewal(second)))

    assert last_moment(paid_ahead) == instant("2026-12-08 00:00")


def test_r36_it_returns_less_once_the_five_days_are_over_to_the_second():
    fresh = order("2026-11-22 09:00:07", provisioned_at="2026-11-22 09:20:15", currency="CNY")

    assert last_moment(quota(orders=(fresh,)), account(site=CN)) == instant("2026-11-27 09:20:15")


def test_r40_where_no_five_days_are_known_none_end():
    fresh = order("2026-11-22 09:00")

    assert last_moment(quota(orders=(fresh,))) == instant("2027-11-15 00:00")


def test_r37_with_no_return_left_no_five_days_end_this_year():
    fresh = quota(orders=(order("2026-11-22 09:00", currency="CNY"),))
    used_up = account(site=CN, five_day_returns_used=10)

    assert last_moment(fresh, used_up) == instant("2027-11-15 00:00")


def test_r32_it_returns_less_once_an_inactive_term_begins():
    ahead = quota(status=Status.INACTIVE, orders=(order("2026-12-01 09:20:15"),))

    assert last_moment(ahead) == instant("2026-12-01 09:20:15")


FIVE_YEARS = {"months": 60, "cash": "600000.00", "currency": "CNY"}


@pytest.mark.parametrize("auto_renew", [True, False, None])
def test_r43_it_returns_less_in_a_year_of_a_higher_fee(auto_renew):
    bought = order("2025-12-01 09:20", **FIVE_YEARS)
    second_year = quota(auto_renew=auto_renew, orders=(bought,))

    assert last_moment(second_year, account(site=CN)) == instant("2026-12-01 10:00")


def test_r43_it_returns_nothing_in_a_year_whose_fee_is_not_published():
    bought = order("2022-12-01 09:20", **FIVE_YEARS)

    found = compared(quota(orders=(bought,)), account(site=CN))

    now = found.way(WayKind.UNSUBSCRIBE)
    assert (now.open, now.last_moment) == (True, instant("2026-12-01 10:00"))
    assert found.way(WayKind.LATER) is None
    after = compared(quota(orders=(bought,)), account(site=CN), at=now.last_moment)
    assert after.way(WayKind.UNSUBSCRIBE).closed_because == (
        "No handling fee is published for year 5 of a term of 60 months."
    )


def test_r43_a_year_of_a_lower_fee_is_no_end_nor_is_an_hour_of_use():
    two_years = order("2025-12-01 09:20", months=24, cash="8000.00")

    assert last_moment(quota(orders=(two_years,))) == instant("2027-11-24 00:00")


def test_r42_without_a_fee_a_year_of_a_higher_one_is_no_end():
    bought = quota(orders=(order("2025-12-01 09:20", **FIVE_YEARS),))

    waived = last_moment(bought, account(site=CN, fee_waiver=True))

    assert waived == instant("2030-11-24 00:00")


def test_r33_a_coupon_that_would_come_back_ends_with_its_expiry():
    coupon = {"cash_coupon": "1000.00", "cash_coupon_expires_at": "2026-11-28 12:34:56"}
    ahead = quota(status=Status.INACTIVE, orders=(order("2026-12-10 00:00", **coupon),))

    assert last_moment(ahead) == instant("2026-11-28 12:34:56")


def test_r33_a_coupon_that_stays_gone_ends_nothing():
    coupon = {"cash_coupon": "1000.00", "cash_coupon_expires_at": "2026-11-28 12:00"}

    assert last_moment(quota(orders=(order(**coupon),))) == instant("2026-11-30 00:00")


@pytest.mark.parametrize(
    ("auto_renew", "ends"),
    [
        (True, "2026-11-30 00:00"),
        (None, "2026-11-30 00:00"),
        (False, "2026-12-07 23:59:59"),
    ],
)
def test_r25_else_it_ends_with_what_comes_next_which_may_be_a_deduction(auto_renew, ends):
    assert last_moment(quota(auto_renew=auto_renew)) == instant(ends)


def test_r21_r25_past_the_first_attempt_that_may_come_the_next_one_is_the_end():
    unknown = quota(auto_renew=None)

    assert last_moment(unknown, at=instant("2026-12-02 10:00")) == instant("2026-12-03 00:00")


def test_r25_a_deduction_that_may_come_ends_it_before_the_five_days_do():
    bought = order("2026-11-22 09:00", months=1, expires_at="2026-11-30 23:59:59", currency="CNY")
    unknown = quota(auto_renew=None, orders=(bought,))

    assert last_moment(unknown, account(site=CN)) == instant("2026-11-24 00:00")


def test_what_ends_by_itself_has_no_last_moment_once_it_is_over():
    assert last_moment(quota(), at=instant("2026-12-10 12:00")) is None


# Coupons that come back


def with_coupon(*, cash: str = "3600.00", begins: str = "2026-12-10 00:00", **changes):
    bought = order(begins, cash=cash, cash_coupon="1000.00")
    return quota(**({"status": Status.INACTIVE, "orders": (bought,)} | changes))


def test_r32_coupons_that_come_back_are_said_beside_the_money():
    now = compared(with_coupon()).way(WayKind.UNSUBSCRIBE)

    assert (now.money_back, now.coupons_back) == (usd("3600.00"), usd("1000.00"))
    assert now.caution == Notice(rule="R32", text="Coupons of USD 1,000.00 come back as well.")
    assert now.lost == (FOR_GOOD,)


def test_r32_without_coupons_none_are_said_to_come_back():
    found = compared(quota(orders=(order(cash_coupon="1000.00"),)))

    assert {way.coupons_back for way in found.ways} == {None}
    assert found.way(WayKind.UNSUBSCRIBE).caution is None


def test_r38_the_five_days_return_the_coupon_too():
    fresh = order("2026-11-22 09:00", currency="CNY", cash_coupon="1000.00")

    now = compared(quota(orders=(fresh,)), account(site=CN)).way(WayKind.UNSUBSCRIBE)

    assert now.coupons_back == cny("1000.00")
    assert now.caution.text == "Coupons of CNY 1,000.00 come back as well."


def test_r32_of_ways_that_cost_the_same_the_one_that_returns_coupons_is_cheapest():
    found = compared(with_coupon(cash="0.00", auto_renew=False))

    assert kinds(found)[:3] == [WayKind.UNSUBSCRIBE, WayKind.KEEP, WayKind.LATER]
    assert found.because == "it returns coupons of USD 1,000.00 now"


def test_r32_coupons_alone_are_not_nothing_where_a_renewal_is_not_known():
    found = compared(with_coupon(cash="0.00", auto_renew=None))

    assert kinds(found)[:3] == [WayKind.UNSUBSCRIBE, WayKind.KEEP, WayKind.LATER]
    assert found.because == "it returns coupons of USD 1,000.00 now"


def test_coupons_do_not_outweigh_money():
    bought = order(cash="0.00")
    renewed = renewal(bought, cash="0.00", cash_coupon="1000.00")
    held = quota(renewal_price=Decimal("-0.01"), orders=(bought, renewed))

    assert compared(held).cheapest is WayKind.KEEP


@pytest.mark.parametrize(
    ("expires", "ends"),
    [
        ("2026-12-01 12:34:56", "2026-12-01 12:34:56"),
        ("2026-12-09 00:00", "2026-12-08 00:00"),
        ("2026-11-20 00:00", "2026-12-08 00:00"),
    ],
)
def test_r33_r46_giving_back_ends_no_later_than_a_coupon_that_comes_back(expires, ends):
    bought = order()
    paid = renewal(bought, cash_coupon="1000.00", cash_coupon_expires_at=expires)

    back = compared(quota(auto_renew=False, orders=(bought, paid))).way(WayKind.GIVE_BACK)

    assert (back.open, back.works_until, back.last_moment) == (True, ENDS, instant(ends))


def test_r32_r46_giving_back_returns_the_coupons_of_the_renewal():
    bought = order(cash_coupon="20.00")
    paid = renewal(bought, cash_coupon="1000.00")

    back = compared(quota(auto_renew=False, orders=(bought, paid))).way(WayKind.GIVE_BACK)

    assert back.coupons_back == usd("1000.00")
    assert back.caution == Notice(rule="R32", text="Coupons of USD 1,000.00 come back as well.")


def test_r21_that_it_may_be_charged_again_is_said_before_the_coupons():
    bought = order()
    paid = renewal(bought, cash_coupon="1000.00")

    back = compared(quota(orders=(bought, paid))).way(WayKind.GIVE_BACK)

    assert (back.caution.rule, back.coupons_back) == ("R21", usd("1000.00"))


# On the day of the deduction


@pytest.mark.parametrize("at", ["2026-11-30 00:00", "2026-11-30 02:59:59", "2026-12-05 01:00"])
def test_r25_between_midnight_and_the_deduction_it_may_be_too_late(at):
    off = compared(quota(), at=instant(at)).way(WayKind.TURN_OFF)

    assert off.open
    assert off.last_moment == instant(at).replace(hour=0, minute=0, second=0)
    assert off.caution == Notice(
        rule="R25", text="The deduction is due today at 03:00, so it may be too late."
    )


@pytest.mark.parametrize("at", ["2026-11-29 23:59:59", "2026-11-30 03:00"])
def test_r25_before_midnight_and_after_an_attempt_it_is_not_too_late(at):
    assert compared(quota(), at=instant(at)).way(WayKind.TURN_OFF).caution is None


# By use, and outside the cloud


def test_r10_what_is_paid_by_use_costs_what_nobody_knows():
    found = compared(quota(billing_mode=BillingMode.PAY_PER_USE))

    assert found.way(WayKind.KEEP) == Way(
        kind=WayKind.KEEP,
        rule="R10",
        money_out=None,
        money_back=usd(0),
        works_until=ENDS,
    )
    assert found.because == "no other way is open"


def test_r14_a_contract_that_runs_out_is_kept_by_its_term():
    keep = compared(contract(auto_renew=False)).way(WayKind.KEEP)

    assert (keep.rule, keep.cost, keep.lost) == ("R14", usd(0), ())
    assert keep.works_until == instant("2026-12-31 23:59:59")


# Waiting


def test_r43_waiting_for_a_dearer_year_is_shown_with_its_cost():
    bought = quota(orders=(order("2025-12-01 09:20", **FIVE_YEARS),))

    found = compared(bought, account(site=CN))

    now, later = found.way(WayKind.UNSUBSCRIBE), found.way(WayKind.LATER)
    assert found.cheapest is WayKind.UNSUBSCRIBE
    assert (now.quote.orders[0].fee_rate, now.cause) == (Decimal("0.30"), None)
    assert later.quote.orders[0].fee_rate == Decimal("0.40")
    assert (later.at, later.works_until) == (now.last_moment, now.last_moment)
    assert (later.cause, later.rule) == (Cause.FEE_YEAR, "R41")
    assert later.last_moment == instant("2029-12-01 10:00")
    assert later.money_back < now.money_back


def test_r46_waiting_until_a_renewal_period_begins_is_shown_with_its_cost():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))

    later = compared(renewed).way(WayKind.LATER)

    assert (later.at, later.cause) == (instant("2026-12-08 00:00"), Cause.RENEWAL_PERIOD)
    assert (later.money_back, later.quote.case) == (usd("3240.00"), Case.CONDITIONAL)
    assert later.last_moment is None


def test_r33_waiting_until_a_coupon_has_expired_is_shown_with_its_cost():
    coupon = {"cash_coupon": "1000.00", "cash_coupon_expires_at": "2026-11-28 12:00"}
    ahead = quota(status=Status.INACTIVE, orders=(order("2026-12-10 00:00", **coupon),))

    found = compared(ahead)

    later = found.way(WayKind.LATER)
    assert (later.at, later.cause) == (instant("2026-11-28 12:00"), Cause.COUPON)
    assert (later.money_back, later.coupons_back) == (usd("3600.00"), None)
    assert later.last_moment == instant("2026-12-10 00:00")
    assert found.cheapest is WayKind.UNSUBSCRIBE


def test_r36_r37_the_five_days_of_a_new_year_have_an_end_of_their_own():
    bought = order("2025-12-30 09:20:15", currency="CNY")
    used_up = account(site=CN, five_day_returns_used=10)

    found = compared(quota(orders=(bought,)), used_up, at=instant("2025-12-31 12:00"))

    later = found.way(WayKind.LATER)
    assert (later.at, later.cause) == (instant("2026-01-01 00:00"), Cause.NEW_YEAR)
    assert later.last_moment == instant("2026-01-04 09:20:15")
    assert (later.money_back, later.rule) == (cny("3600.00"), "R38")


def test_r33_a_cheaper_year_is_not_worth_the_coupon_that_expires_before_it():
    bought = order("2025-12-01 09:00", months=24, cash="8000.00")
    coupon = {"cash_coupon": "1000.00", "cash_coupon_expires_at": "2026-11-28 12:00"}

    found = compared(quota(orders=(bought, renewal(bought, **coupon))))

    later = found.way(WayKind.LATER)
    assert (later.at, later.cause) == (instant("2026-11-28 12:00"), Cause.COUPON)
    assert found.cheapest is not WayKind.LATER


def test_waiting_is_not_offered_where_unsubscribing_is_refused():
    bought = order()
    held = quota(transaction_in_progress=True, orders=(bought, renewal(bought)))

    assert compared(held).way(WayKind.LATER) is None


def test_r43_waiting_for_a_cheaper_year_is_a_way_of_its_own():
    two_years = quota(orders=(order("2025-12-01 09:00", months=24, cash="8000.00"),))
    then = instant("2026-12-01 10:00")
    expected = quote(two_years, account(), at=then)

    assert compared(two_years).way(WayKind.LATER) == Way(
        kind=WayKind.LATER,
        rule="R41",
        money_out=usd(0),
        money_back=expected.total.refund,
        at=then,
        works_until=then,
        quote=expected,
        cause=Cause.FEE_YEAR,
        lost=(FOR_GOOD,),
    )


def test_the_best_of_several_moments_is_offered():
    three_years = quota(orders=(order("2024-12-01 09:00", months=36, cash="36000.00"),))

    found = compared(three_years, at=instant("2025-11-30 09:00"))

    later = found.way(WayKind.LATER)
    assert (later.at, later.cause) == (instant("2025-12-01 10:00"), Cause.FEE_YEAR)
    assert later.quote.orders[0].fee_rate == Decimal("0.10")


def test_r36_the_end_of_the_five_days_is_shown_with_its_cause():
    fresh = quota(orders=(order("2026-11-22 09:00", months=24, currency="CNY"),))

    found = compared(fresh, account(site=CN))

    [later] = [way for way in found.ways if way.kind is WayKind.LATER]
    assert (later.at, later.cause) == (instant("2026-11-27 09:00"), Cause.FIVE_DAYS)
    assert later.quote.case is Case.CONDITIONAL


def test_r37_waiting_for_the_returns_of_a_new_year_can_pay():
    fresh = quota(orders=(order("2026-12-30 09:00", currency="CNY"),))
    used_up = account(site=CN, five_day_returns_used=10)

    found = compared(fresh, used_up, at=instant("2026-12-31 12:00"))

    later = found.way(WayKind.LATER)
    assert (later.at, later.cause) == (instant("2027-01-01 00:00"), Cause.NEW_YEAR)
    assert (later.money_back, later.rule) == (cny("3600.00"), "R38")
    assert found.because == "waiting until Fri 1 Jan 2027 returns more"


def test_r32_what_was_bought_ahead_is_worth_most_before_it_begins():
    begins = instant("2026-12-01 00:00")
    ahead = quota(status=Status.INACTIVE, orders=(order(begins),))

    found = compared(ahead)

    now, later = found.way(WayKind.UNSUBSCRIBE), found.way(WayKind.LATER)
    assert (now.money_back, now.last_moment) == (usd("3600.00"), begins)
    assert (later.at, later.cause) == (begins, Cause.BEGINNING)
    assert (later.money_back, later.quote.case) == (usd("3240.00"), Case.CONDITIONAL)


def test_r36_everything_comes_back_until_the_five_days_are_over():
    fresh = quota(orders=(order("2026-11-22 09:00", currency="CNY"),))

    now = compared(fresh, account(site=CN)).way(WayKind.UNSUBSCRIBE)

    assert now.last_moment == instant("2026-11-27 09:00")


def test_r25_a_deduction_before_everything_stops_coming_back_is_the_sooner_end():
    bought = order("2026-11-22 09:00", months=1, expires_at="2026-11-30 23:59:59", currency="CNY")

    now = compared(quota(orders=(bought,)), account(site=CN)).way(WayKind.UNSUBSCRIBE)

    assert now.quote.case is Case.FIVE_DAY
    assert now.last_moment == instant("2026-11-24 00:00")


# In short


def test_turning_auto_renewal_off_is_cheapest_when_unsubscribing_returns_nothing():
    found = compared(quota())

    assert found.cheapest is WayKind.TURN_OFF
    assert found.because == "unsubscribing returns nothing and ends it 14 days earlier"
    assert kinds(found)[0] is WayKind.TURN_OFF
    turn_off = found.way(WayKind.TURN_OFF)
    assert (turn_off.last_moment, turn_off.rule) == (instant("2026-11-30 00:00"), "R25")
    assert turn_off.works_until == instant("2026-12-07 23:59:59")


def test_doing_nothing_costs_the_renewal_and_can_be_given_back_until_it_begins():
    keep = compared(quota()).way(WayKind.KEEP)

    assert (keep.cost, keep.at, keep.months) == (usd("3600.00"), instant("2026-11-30 03:00"), 12)
    assert keep.works_until == instant("2027-12-07 23:59:59")
    assert keep.last_moment == instant("2026-12-08 00:00")


def test_giving_back_is_closed_until_the_deduction():
    closed = compared(quota()).ways[-1]

    assert (closed.kind, closed.open) == (WayKind.GIVE_BACK, False)
    assert closed.opens_at == instant("2026-11-30 03:00")
    assert closed.closed_because == (
        "Closed until the deduction of Mon 30 Nov 2026, then open for 7 days."
    )


def test_giving_back_is_cheapest_once_the_renewal_is_paid():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))

    found = compared(renewed, at=instant("2026-12-03 10:00"))

    assert found.cheapest is WayKind.GIVE_BACK
    back = found.way(WayKind.GIVE_BACK)
    assert (back.cost, back.last_moment) == (usd("-3600.00"), instant("2026-12-08 00:00"))
    assert found.because == "the renewal period comes back in full and the running term stays"


def test_unsubscribing_is_cheapest_when_it_returns_money():
    found = compared(quota(orders=(order("2026-07-01 09:20"),)))

    assert found.cheapest is WayKind.UNSUBSCRIBE
    assert found.because == f"it returns {found.ways[0].money_back} now"
    assert found.ways[0].works_until is None


def test_waiting_for_a_cheaper_fee_year_is_offered():
    two_years = quota(orders=(order("2025-12-01 09:00", months=24, cash="8000.00"),))

    found = compared(two_years)

    later = found.way(WayKind.LATER)
    assert later.at == instant("2026-12-01 10:00")
    assert later.money_back > found.way(WayKind.UNSUBSCRIBE).money_back
    assert found.because == "waiting until Tue 1 Dec 2026 returns more"


def test_what_is_lost_after_the_five_days_is_shown_beside_now():
    fresh = quota(orders=(order("2026-11-22 09:00", currency="CNY"),))

    found = compared(fresh, account(site=CN))

    later = found.way(WayKind.LATER)
    assert found.cheapest is WayKind.UNSUBSCRIBE
    assert found.way(WayKind.UNSUBSCRIBE).money_back == cny("3600.00")
    assert later.at == instant("2026-11-27 09:00")
    assert later.money_back < cny("3240.00")


def test_waiting_is_not_offered_when_it_changes_nothing():
    assert compared(quota()).way(WayKind.LATER) is None


def test_with_auto_renewal_off_nothing_has_to_be_done():
    found = compared(quota(auto_renew=False))

    assert found.cheapest is WayKind.KEEP
    assert found.way(WayKind.TURN_OFF).closed_because == "Auto-renewal is off already."
    assert found.way(WayKind.GIVE_BACK).closed_because == (
        "There is no renewal period to give back."
    )


def test_what_is_not_known_is_never_called_free():
    unpriced = compared(quota(renewal_price=None)).way(WayKind.KEEP)
    unset = compared(quota(auto_renew=None))

    assert unpriced.cost is None
    assert unset.way(WayKind.KEEP).cost is None
    assert unset.way(WayKind.TURN_OFF).closed_because == (
        "It is not known whether auto-renewal is on."
    )


def test_figures_that_are_not_known_close_the_way_with_their_rule():
    way = compared(quota(orders=(order(cash=None),))).way(WayKind.UNSUBSCRIBE)

    assert (way.open, way.rule) == (False, "R42")
    assert way.closed_because == "cash is not known; the figures need it (R42)."


def test_a_contract_is_left_by_notice_alone():
    found = compared(contract())

    assert found.cheapest is WayKind.KEEP
    assert found.because == "no other way is open"
    assert found.way(WayKind.KEEP).cost == usd("348.00")
    assert found.way(WayKind.TURN_OFF).closed_because == "Give notice by Tue 1 Dec 2026 instead."
    assert found.way(WayKind.UNSUBSCRIBE).rule == "R31"


def test_what_is_gone_or_paid_by_use_has_nothing_to_turn_off():
    for subscription in (
        quota(status=Status.UNSUBSCRIBED),
        quota(billing_mode=BillingMode.PAY_PER_USE),
    ):
        found = compared(subscription)
        assert found.cheapest is WayKind.KEEP
        assert found.way(WayKind.TURN_OFF).closed_because == "Nothing will be deducted."
        assert not found.way(WayKind.UNSUBSCRIBE).open


def test_x4_past_the_last_attempt_before_the_expiry_nothing_is_called_safe():
    found = compared(quota(), at=instant("2026-12-07 12:00"))

    turn_off, keep = found.way(WayKind.TURN_OFF), found.way(WayKind.KEEP)
    assert turn_off.caution == Notice(
        rule="X4",
        text="No attempt is left before it expires, "
        "but the cloud may still try to charge until it is released.",
    )
    assert (turn_off.open, turn_off.last_moment) == (True, instant("2026-12-08 00:00"))
    assert (keep.rule, keep.cost) == ("X4", usd("3600.00"))
    assert found.because == "the cloud may still try to charge until it is released"


def test_x4_in_its_last_second_it_has_expired():
    caution = compared(quota(), at=ENDS).way(WayKind.TURN_OFF).caution

    assert caution.text == (
        "It has expired, but the cloud may still try to charge until it is released."
    )


def test_what_ends_today_ends_today():
    found = compared(quota(auto_renew=False), at=instant("2026-12-07 12:00"))

    assert found.because == "unsubscribing returns nothing and ends it today"


def test_one_day_is_one_day():
    closed = compared(quota(), at=instant("2026-12-05 12:00")).way(WayKind.GIVE_BACK)

    assert closed.closed_because == (
        "Closed until the deduction of Sun 6 Dec 2026, then open for 1 day."
    )


def test_r37_waiting_for_the_new_year_is_offered_for_the_sake_of_a_coupon():
    bought = order("2026-12-29 12:00", currency="CNY", cash="0.00", cash_coupon="1000.00")
    used_up = account(site=CN, five_day_returns_used=10)

    found = compared(
        resource(auto_renew=False, orders=(bought,)), used_up, at=instant("2026-12-31 12:00")
    )

    later = found.way(WayKind.LATER)
    assert (later.at, later.coupons_back) == (instant("2027-01-01 00:00"), cny("1000.00"))
