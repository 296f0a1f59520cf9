"""The ways out, compared: money, until when, and which is cheapest and why."""

from bot.billing.subscription import BillingMode, Status
from bot.billing.ways_out import WayKind, WaysOut, ways_out
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
    usd,
)


def compared(subscription, settings=None, *, at=NOW) -> WaysOut:
    return ways_out(subscription, settings or account(), at=at)


def kinds(found: WaysOut) -> list[WayKind]:
    return [way.kind for way in found.ways]


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
    assert found.because.startswith("the renewal period comes back in full")


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
    assert "cash is not known" in way.closed_because


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


def test_past_the_last_attempt_there_is_nothing_left_to_turn_off():
    found = compared(quota(), at=instant("2026-12-07 12:00"))

    assert found.way(WayKind.TURN_OFF).closed_because == (
        "No deduction is attempted before it expires."
    )
    assert found.because == "unsubscribing returns nothing and ends it 0 days earlier"
