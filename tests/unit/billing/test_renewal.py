"""Term ends, deductions, anchors, cut-offs and working days (R14 to R25)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from bot.billing.expiry import afterlife
from bot.billing.renewal import (
    CLOUD_ZONE,
    Anchor,
    AnchorKind,
    anchor,
    deduction_at,
    deductions,
    give_back_until,
    renewal_months,
    renewal_periods,
    safe_cutoff,
)
from bot.billing.subscription import BillingMode, Status
from bot.billing.terms import term_end
from bot.billing.working_days import last_working_day
from tests.factories import CN, NOW, account, contract, instant, order, quota, renewal, resource
from tests.strategies import accounts, subscriptions


def deduction(at: str) -> Anchor:
    moment = instant(at)
    return Anchor(kind=AnchorKind.DEDUCTION, date=moment.date(), at=moment)


# R14


@pytest.mark.parametrize(
    ("bought", "months", "ends"),
    [
        ("2024-01-31 10:00", 1, "2024-02-29 23:59:59"),
        ("2024-02-29 10:00", 12, "2025-02-28 23:59:59"),
        ("2025-12-07 00:00", 12, "2026-12-07 23:59:59"),
        ("2025-11-15 10:00", 3, "2026-02-15 23:59:59"),
        ("2025-12-31T17:00:00+00:00", 1, "2026-02-01 23:59:59"),
    ],
)
def test_a_term_ends_on_the_beijing_day_that_many_months_later(bought, months, ends):
    assert term_end(instant(bought), months=months) == instant(ends)


def test_months_of_a_renewal_count_from_the_expiry_that_it_extends():
    assert term_end(instant("2024-07-08 23:59:59"), months=12) == instant("2025-07-08 23:59:59")


# R15, R16


@pytest.mark.parametrize(("tier", "days"), [("V5", 7), ("V3", 7), ("V2", 1), ("V0", 1)])
def test_grace_on_the_chinese_site_follows_the_tier(tier, days):
    ends = instant("2026-05-01 23:59:59")

    assert afterlife(ends, account(site=CN, customer_tier=tier)).grace_ends - ends == timedelta(
        days=days
    )


def test_grace_elsewhere_is_fifteen_days():
    ends = instant("2026-05-01 23:59:59")

    assert afterlife(ends, account()).grace_ends - ends == timedelta(days=15)


# R19, R20


@pytest.mark.parametrize(("days", "day"), [(7, "2026-11-30"), (3, "2026-12-04"), (2, "2026-12-05")])
def test_the_deduction_is_at_three_in_beijing_that_many_days_before(days, day):
    found = deduction_at(quota(), account(deduction_days_before=days))

    assert found == instant(f"{day} 03:00")


@pytest.mark.parametrize(
    "changes",
    [
        {"auto_renew": False},
        {"auto_renew": None},
        {"billing_mode": BillingMode.PAY_PER_USE},
        {"orders": ()},
        {"status": Status.UNSUBSCRIBED},
        {"status": Status.EXPIRED},
        {"status": Status.FAILED},
    ],
)
def test_nothing_is_deducted_when_auto_renewal_cannot_run(changes):
    assert deduction_at(quota(**changes), account()) is None


def test_the_cloud_deducts_nothing_for_a_contract_that_asks_for_notice():
    assert deduction_at(contract(), account()) is None
    assert deduction_at(contract(notice_days=None), account()) is not None


@given(subscriptions(), accounts())
def test_a_deduction_is_at_three_in_the_cloud_s_zone_and_before_expiry(subscription, settings):
    found = deduction_at(subscription, settings)

    if found is not None:
        local = found.astimezone(CLOUD_ZONE)
        assert (local.hour, local.minute, local.second) == (3, 0, 0)
        assert found < subscription.expires_at


# Anchors


def test_the_next_thing_is_the_deduction_while_auto_renewal_is_on():
    assert anchor(quota(), account(), at=NOW) == deduction("2026-11-30 03:00")


def test_with_auto_renewal_off_the_next_thing_is_the_expiry():
    found = anchor(quota(auto_renew=False), account(), at=NOW)

    assert found == Anchor(
        kind=AnchorKind.EXPIRY, date=date(2026, 12, 7), at=instant("2026-12-07 23:59:59")
    )


def test_with_auto_renewal_unknown_the_next_thing_is_the_expiry():
    found = anchor(quota(auto_renew=None), account(), at=NOW)

    assert found is not None
    assert found.kind is AnchorKind.EXPIRY


@pytest.mark.parametrize(
    ("at", "attempt"),
    [
        ("2026-11-30 02:59:59", "2026-11-30 03:00"),
        ("2026-11-30 03:00", "2026-12-01 03:00"),
        ("2026-12-01 12:00", "2026-12-02 03:00"),
        ("2026-12-07 02:00", "2026-12-07 03:00"),
    ],
)
def test_r21_a_charge_that_did_not_succeed_is_tried_again_every_day(at, attempt):
    assert anchor(quota(), account(), at=instant(at)) == deduction(attempt)


def test_after_the_last_attempt_only_the_expiry_is_left():
    found = anchor(quota(), account(), at=instant("2026-12-07 03:00"))

    assert found is not None
    assert (found.kind, found.at) == (AnchorKind.EXPIRY, instant("2026-12-07 23:59:59"))


def test_nothing_comes_after_the_expiry():
    assert anchor(quota(), account(), at=instant("2026-12-07 23:59:59")) is None


def test_nothing_comes_for_what_is_gone_or_paid_by_use():
    assert anchor(quota(status=Status.UNSUBSCRIBED), account(), at=NOW) is None
    assert anchor(quota(billing_mode=BillingMode.PAY_PER_USE), account(), at=NOW) is None


def test_a_renewal_that_was_paid_moves_the_anchor_a_term_ahead():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))

    assert anchor(renewed, account(), at=NOW) == deduction("2027-11-30 03:00")


def test_a_contract_is_anchored_at_its_notice():
    found = anchor(contract(), account(), at=NOW)

    assert found == Anchor(kind=AnchorKind.NOTICE, date=date(2026, 12, 1), at=None)


def test_a_notice_date_stands_until_it_is_over_for_every_reader():
    in_samoa = datetime(2026, 12, 2, 11, 59, tzinfo=UTC)

    assert anchor(contract(), account(), at=in_samoa).kind is AnchorKind.NOTICE
    later = anchor(contract(), account(), at=in_samoa + timedelta(minutes=1))
    assert (later.kind, later.date) == (AnchorKind.NOTICE, date(2027, 12, 1))


def test_notice_days_of_a_cloud_resource_never_hide_its_deduction():
    assert anchor(quota(notice_days=30), account(), at=NOW).kind is AnchorKind.DEDUCTION


# Deductions ahead


def test_a_monthly_resource_is_deducted_every_month_of_a_span():
    server = resource()

    found = deductions(server, account(), start=NOW, end=NOW + timedelta(days=90))

    assert [str(each.date) for each in found] == ["2026-12-05", "2027-01-05", "2027-02-05"]


def test_the_end_of_a_span_is_outside():
    due = instant("2026-11-30 03:00")

    assert deductions(quota(), account(), start=NOW, end=due) == ()
    assert len(deductions(quota(), account(), start=NOW, end=due + timedelta(seconds=1))) == 1


def test_a_renewal_of_unknown_length_is_expected_once():
    vague = quota(
        auto_renew_months=None, orders=(order(term_months=None, expires_at="2026-12-07"),)
    )

    assert renewal_months(vague) is None
    assert len(deductions(vague, account(), start=NOW, end=NOW + timedelta(days=900))) == 1


def test_nothing_is_expected_without_auto_renewal():
    assert deductions(quota(auto_renew=False), account(), start=NOW, end=NOW.replace(2030)) == ()


# Renewal periods


def test_r46_a_renewal_can_be_given_back_until_it_begins():
    bought = order()
    again = renewal(bought)
    renewed = quota(orders=(bought, again, renewal(again)))

    assert give_back_until(renewed, at=NOW) == instant("2026-12-08 00:00")
    assert len(renewal_periods(renewed, at=NOW)) == 2
    assert give_back_until(renewed, at=instant("2026-12-08 00:00")) == instant("2027-12-08 00:00")
    assert give_back_until(quota(), at=NOW) is None


# R25


def test_r25_acting_is_safe_until_midnight_in_beijing_before_the_deduction():
    cutoff = safe_cutoff(deduction("2026-11-30 03:00"), reader=ZoneInfo("America/New_York"))

    assert cutoff == instant("2026-11-30 00:00")


def test_acting_is_safe_until_the_expiry_and_until_the_notice_date_is_over():
    berlin = ZoneInfo("Europe/Berlin")
    ends = anchor(quota(auto_renew=False), account(), at=NOW)
    notice = anchor(contract(), account(), at=NOW)

    assert safe_cutoff(ends, reader=berlin) == instant("2026-12-07 23:59:59")
    assert safe_cutoff(notice, reader=berlin) == datetime(2026, 12, 2, tzinfo=berlin)


# Working days


@pytest.mark.parametrize(
    ("before", "countries", "expected"),
    [
        (date(2026, 11, 30), ["CN"], date(2026, 11, 27)),
        (date(2026, 11, 30), [], date(2026, 11, 27)),
        (date(2026, 10, 8), ["CN"], date(2026, 9, 30)),
        (date(2025, 9, 29), ["CN"], date(2025, 9, 28)),
        (date(2025, 9, 29), ["CN", "DE"], date(2025, 9, 26)),
        (date(2026, 12, 28), ["DE"], date(2026, 12, 24)),
        (date(2026, 1, 2), ["CN", "DE"], date(2025, 12, 31)),
    ],
)
def test_the_last_working_day_knows_holidays_and_moved_days(before, countries, expected):
    assert last_working_day(before, countries=countries) == expected


def test_an_unknown_country_is_named():
    with pytest.raises(ValueError, match="No holidays are known for XX"):
        last_working_day(date(2026, 11, 30), countries=["XX"])
