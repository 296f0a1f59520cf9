"""Deductions, anchors and cut-offs (R18 to R25)."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.expiry import afterlife
from bot.billing.renewal import (
    CLOUD_ZONE,
    Anchor,
    AnchorKind,
    anchor,
    came,
    charge_after_expiry,
    charges,
    deduction_at,
    deductions,
    deducts_at_once,
    give_back_until,
    hard_cutoff,
    notice_date,
    open_orders,
    renewable,
    renewal_months,
    renewal_periods,
    safe_cutoff,
)
from bot.billing.subscription import BillingMode, Kind, Status, Subscription
from tests.factories import (
    CN,
    NOW,
    account,
    contract,
    instant,
    order,
    package,
    quota,
    renewal,
    resource,
)
from tests.strategies import accounts, instants, moments_within, subscriptions, zones

PAY_PER_USE = BillingMode.PAY_PER_USE


def deduction(at: str) -> Anchor:
    moment = instant(at)
    return Anchor(kind=AnchorKind.DEDUCTION, date=moment.date(), at=moment)


def expiring(at: str | datetime, **changes):
    """A server whose only term ends at an instant."""
    return resource(orders=(order("2026-01-01", expires_at=at),), **changes)


# R14


# R15, R16


# R7, R18


def test_r7_a_quota_and_its_packages_are_deducted_each_by_its_own_setting():
    items = (quota(), package(auto_renew=False), package("sm-analysis", auto_renew=True))

    found = [deduction_at(each, account()) for each in items]

    due = instant("2026-11-30 03:00")
    assert found == [due, None, due]


@pytest.mark.parametrize(
    "changes",
    [
        {"billing_mode": PAY_PER_USE},
        {"status": Status.UNSUBSCRIBED},
        {"billing_mode": PAY_PER_USE, "status": Status.UNSUBSCRIBED},
    ],
)
def test_r18_what_is_paid_by_use_or_unsubscribed_from_cannot_be_renewed(changes):
    assert not renewable(quota(**changes))


@pytest.mark.parametrize(
    "changes",
    [{}, {"billing_mode": None}, {"status": None}, {"status": Status.EXPIRED}],
)
def test_r18_what_is_prepaid_can_be_renewed_also_after_its_expiry(changes):
    assert renewable(quota(**changes))


# R19, R20, X3


def test_r19_by_default_the_deduction_is_at_three_in_beijing_seven_days_before():
    assert deduction_at(quota(), account()) == instant("2026-11-30 03:00")


@pytest.mark.parametrize(
    ("expires_at", "due"),
    [
        ("2027-01-01T15:59:59Z", "2026-12-25 03:00"),
        ("2027-01-01T16:00:00Z", "2026-12-26 03:00"),
        ("2026-12-31T23:30:00-08:00", "2026-12-25 03:00"),
        ("2027-01-03 02:59:59", "2026-12-27 03:00"),
        ("2027-01-03 00:00", "2026-12-27 03:00"),
    ],
)
def test_r19_the_days_are_subtracted_from_the_beijing_date_of_the_expiry(expires_at, due):
    assert deduction_at(expiring(expires_at), account()) == instant(due)


@given(instants(), zones(), accounts())
def test_r19_the_zone_in_which_an_expiry_is_written_changes_nothing(expires_at, zone, settings):
    found = deduction_at(expiring(expires_at.astimezone(zone)), settings)

    assert found == deduction_at(expiring(expires_at), settings)
    assert found < expires_at
    local = found.astimezone(CLOUD_ZONE)
    assert (local.hour, local.minute, local.second, local.microsecond) == (3, 0, 0, 0)


@pytest.mark.parametrize(
    ("days", "day"),
    [
        (7, "2026-11-30"),
        (6, "2026-12-01"),
        (5, "2026-12-02"),
        (4, "2026-12-03"),
        (3, "2026-12-04"),
        (2, "2026-12-05"),
    ],
)
def test_r20_the_account_s_one_deduction_date_holds_for_all_and_the_hour_stays_three(days, day):
    settings = account(deduction_days_before=days)

    found = {deduction_at(each, settings) for each in (quota(), package())}

    assert found == {instant(f"{day} 03:00")}


@pytest.mark.parametrize(("days", "day"), [(0, "2026-12-07"), (1, "2026-12-06")])
def test_x3_a_deduction_date_that_only_the_account_has_is_taken_as_it_is(days, day):
    found = deduction_at(quota(), account(deduction_days_before=days))

    assert found == instant(f"{day} 03:00")


@pytest.mark.parametrize(
    "changes",
    [
        {"auto_renew": False},
        {"auto_renew": None},
        {"billing_mode": PAY_PER_USE},
        {"orders": ()},
        {"status": Status.UNSUBSCRIBED},
        {"status": Status.EXPIRED},
        {"status": Status.FAILED},
    ],
)
def test_nothing_is_deducted_when_auto_renewal_cannot_run(changes):
    assert deduction_at(quota(**changes), account()) is None


@pytest.mark.parametrize("status", [Status.FROZEN, Status.INACTIVE, None])
def test_r19_what_may_still_be_charged_is_not_called_safe(status):
    assert deduction_at(quota(status=status), account()) == instant("2026-11-30 03:00")
    assert anchor(quota(status=status), account(), at=NOW) == deduction("2026-11-30 03:00")


def test_the_cloud_deducts_nothing_for_a_contract_that_asks_for_notice():
    assert deduction_at(contract(), account()) is None
    assert deduction_at(contract(notice_days=None), account()) is not None


@given(subscriptions(), accounts())
def test_r19_a_deduction_is_at_three_in_the_cloud_s_zone_and_before_expiry(subscription, settings):
    found = deduction_at(subscription, settings)

    if found is not None:
        local = found.astimezone(CLOUD_ZONE)
        assert (local.hour, local.minute, local.second) == (3, 0, 0)
        assert found < subscription.expires_at


# Anchors


def test_an_anchor_is_called_by_one_of_three_words():
    assert [kind.value for kind in AnchorKind] == ["deduction", "expiry", "notice"]


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


def test_r21_after_the_last_attempt_only_the_expiry_is_left():
    found = anchor(quota(), account(), at=instant("2026-12-07 03:00"))

    assert found is not None
    assert (found.kind, found.at) == (AnchorKind.EXPIRY, instant("2026-12-07 23:59:59"))


def test_nothing_comes_after_the_expiry():
    assert anchor(quota(), account(), at=instant("2026-12-07 23:59:59")) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.UNSUBSCRIBED},
        {"status": Status.EXPIRED},
        {"status": Status.FAILED},
        {"billing_mode": PAY_PER_USE},
        {"orders": ()},
    ],
)
@pytest.mark.parametrize("auto_renew", [True, False])
def test_nothing_comes_for_what_is_gone_or_paid_by_use_or_has_no_end(changes, auto_renew):
    assert anchor(quota(auto_renew=auto_renew, **changes), account(), at=NOW) is None


def test_r21_no_attempt_is_awaited_at_the_instant_of_the_expiry_itself():
    subscription = expiring("2026-12-07 03:00")

    assert anchor(subscription, account(), at=instant("2026-12-06 02:59:59")) == deduction(
        "2026-12-06 03:00"
    )
    found = anchor(subscription, account(), at=instant("2026-12-06 03:00"))
    assert (found.kind, found.at) == (AnchorKind.EXPIRY, instant("2026-12-07 03:00"))


@given(st.data(), subscriptions(), accounts())
def test_r21_an_attempt_to_come_is_at_three_in_beijing_and_before_the_expiry(
    data, subscription, settings
):
    at = data.draw(moments_within(subscription))

    found = anchor(subscription, settings, at=at)

    if found is not None:
        assert at < found.at <= subscription.expires_at
        assert found.date == found.at.astimezone(CLOUD_ZONE).date()
    if found is not None and found.kind is AnchorKind.DEDUCTION:
        assert found.at.astimezone(CLOUD_ZONE).time() == time(3)
        assert found.at < subscription.expires_at


def test_the_date_of_an_anchor_is_that_of_the_cloud_s_zone():
    ends = anchor(expiring("2026-12-06T16:00:00Z", auto_renew=False), account(), at=NOW)
    charge = anchor(expiring("2026-12-06T16:00:00Z"), account(), at=NOW)

    assert ends.date == date(2026, 12, 7)
    assert charge.date == date(2026, 11, 30)


def test_r24_a_renewal_that_was_paid_leaves_auto_renewal_on_and_moves_its_date():
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


# Notice deadlines


def test_a_contract_that_renews_has_a_notice_deadline_in_each_term():
    assert notice_date(contract(), at=NOW) == date(2026, 12, 1)
    assert notice_date(contract(), at=instant("2026-12-15 00:00")) == date(2027, 12, 1)
    assert notice_date(contract(), at=instant("2027-01-01 00:00")) == date(2027, 12, 1)
    assert notice_date(contract(), at=instant("2031-06-01 00:00")) == date(2031, 12, 1)


@pytest.mark.parametrize(
    ("at", "deadline"),
    [
        ("2026-12-15", date(2027, 1, 11)),
        ("2027-01-15", date(2027, 2, 8)),
        ("2027-02-15", date(2027, 3, 11)),
        ("2027-03-15", date(2027, 4, 10)),
        ("2028-02-01", date(2028, 2, 9)),
    ],
)
def test_a_contract_that_renews_by_the_month_has_a_deadline_every_month(at, deadline):
    monthly = contract(auto_renew_months=1, orders=(order("2026-11-10", months=1),))

    assert notice_date(monthly, at=instant(at)) == deadline


def test_without_a_setting_a_contract_renews_for_the_length_of_its_last_order():
    quarterly = contract(auto_renew_months=None, orders=(order("2026-11-10", months=3),))

    assert notice_date(quarterly, at=instant("2027-02-01 00:00")) == date(2027, 4, 10)


@pytest.mark.parametrize(
    "changes",
    [
        {"auto_renew": False},
        {"auto_renew": None},
        {
            "auto_renew_months": None,
            "orders": (order("2025-12-31", term_months=None, expires_at="2026-12-31 23:59:59"),),
        },
    ],
    ids=["off", "unknown", "of unknown length"],
)
def test_a_contract_whose_renewal_is_off_or_unknown_has_one_notice_deadline(changes):
    ending = contract(**changes)
    over_everywhere = datetime(2026, 12, 2, 12, tzinfo=UTC)

    assert notice_date(ending, at=over_everywhere - timedelta(seconds=1)) == date(2026, 12, 1)
    assert notice_date(ending, at=over_everywhere) is None
    assert notice_date(ending, at=instant("2027-06-01 00:00")) is None


def test_a_notice_on_the_last_day_is_worth_nothing_once_the_contract_has_ended():
    last_second = instant("2026-12-31 23:59:59")
    ending, rolling = contract(notice_days=0, auto_renew=False), contract(notice_days=0)

    assert notice_date(ending, at=last_second - timedelta(seconds=1)) == date(2026, 12, 31)
    assert notice_date(ending, at=last_second) is None
    assert notice_date(rolling, at=last_second) == date(2026, 12, 31)


def test_the_days_of_a_notice_are_counted_from_the_beijing_date_of_the_expiry():
    ends = order(expires_at="2026-12-31T16:00:00Z")

    assert notice_date(contract(orders=(ends,)), at=NOW) == date(2026, 12, 2)


@pytest.mark.parametrize(
    "subscription",
    [contract(notice_days=None), contract(orders=()), quota(notice_days=30)],
    ids=["no notice asked for", "no end", "not a contract"],
)
def test_nothing_else_has_a_notice_deadline(subscription):
    assert notice_date(subscription, at=NOW) is None


def test_after_its_notice_a_contract_that_does_not_renew_is_anchored_at_its_expiry():
    ending = contract(auto_renew=False)

    found = anchor(ending, account(), at=instant("2026-12-15 00:00"))

    assert found == Anchor(
        kind=AnchorKind.EXPIRY, date=date(2026, 12, 31), at=instant("2026-12-31 23:59:59")
    )
    assert anchor(ending, account(), at=instant("2026-12-31 23:59:59")) is None


@given(instants())
def test_the_notice_deadline_of_a_rolling_contract_is_never_over_and_never_more_than_a_term_away(
    at,
):
    found = notice_date(contract(orders=(order("2020-12-31"),)), at=at)

    assert datetime(found.year, found.month, found.day, 12, tzinfo=UTC) + timedelta(days=1) > at
    assert found - at.date() <= timedelta(days=367)


# Deductions ahead


def test_r24_a_three_month_setting_renews_three_months_each_time_counted_from_the_expiry():
    quarterly = quota(auto_renew_months=3)

    found = deductions(quarterly, account(), start=NOW, end=NOW + timedelta(days=365))

    assert found == (
        deduction("2026-11-30 03:00"),
        deduction("2027-02-28 03:00"),
        deduction("2027-05-31 03:00"),
        deduction("2027-08-31 03:00"),
    )


def test_r24_the_terms_ahead_follow_the_expiry_and_not_a_late_attempt():
    after_a_failure = instant("2026-12-01 12:00")

    found = deductions(
        quota(), account(), start=after_a_failure, end=after_a_failure + timedelta(days=400)
    )

    assert found == (deduction("2026-12-02 03:00"), deduction("2027-11-30 03:00"))


@pytest.mark.parametrize("at", ["2025-12-07 09:20", "2026-06-01 00:00", "2026-11-30 02:59:59"])
def test_r24_auto_renewal_can_be_switched_on_at_any_time_and_the_date_stays(at):
    assert anchor(quota(), account(), at=instant(at)) == deduction("2026-11-30 03:00")


@given(st.data(), subscriptions(), accounts())
def test_r24_the_dates_ahead_rise_by_terms_and_stay_within_their_span(data, subscription, settings):
    start = data.draw(moments_within(subscription))
    end = start + timedelta(days=data.draw(st.integers(0, 800)))

    found = [each.at for each in deductions(subscription, settings, start=start, end=end)]

    assert all(start < each < end for each in found)
    assert all(each.astimezone(CLOUD_ZONE).time() == time(3) for each in found)
    assert found == sorted(set(found))


def test_the_dates_ahead_follow_the_account_s_deduction_date():
    found = deductions(
        resource(),
        account(deduction_days_before=2),
        start=NOW,
        end=NOW + timedelta(days=60),
    )

    assert [each.at for each in found] == [
        instant("2026-12-10 03:00"),
        instant("2027-01-10 03:00"),
    ]


def test_a_monthly_resource_is_deducted_every_month_of_a_span():
    server = resource()

    found = deductions(server, account(), start=NOW, end=NOW + timedelta(days=90))

    assert [str(each.date) for each in found] == ["2026-12-05", "2027-01-05", "2027-02-05"]


def test_the_end_of_a_span_is_outside():
    due = instant("2026-11-30 03:00")

    assert deductions(quota(), account(), start=NOW, end=due) == ()
    assert len(deductions(quota(), account(), start=NOW, end=due + timedelta(seconds=1))) == 1
    following = instant("2027-11-30 03:00")
    assert len(deductions(quota(), account(), start=NOW, end=following)) == 1
    assert len(deductions(quota(), account(), start=NOW, end=following + timedelta(seconds=1))) == 2


def test_the_start_of_a_span_is_over_for_the_attempt_of_that_instant():
    due = instant("2026-11-30 03:00")

    found = deductions(quota(), account(), start=due, end=due + timedelta(days=30))

    assert found == (deduction("2026-12-01 03:00"),)


def test_a_renewal_of_unknown_length_is_expected_once():
    vague = quota(
        auto_renew_months=None, orders=(order(term_months=None, expires_at="2026-12-07"),)
    )

    assert renewal_months(vague) is None
    assert len(deductions(vague, account(), start=NOW, end=NOW + timedelta(days=900))) == 1


@pytest.mark.parametrize("subscription", [quota(auto_renew=False), contract(), quota(orders=())])
def test_nothing_is_expected_without_a_deduction_ahead(subscription):
    assert deductions(subscription, account(), start=NOW, end=NOW.replace(2030)) == ()


# R22


@pytest.mark.parametrize(
    ("at", "expires_at", "at_once"),
    [
        ("2026-12-07 01:00", "2026-12-07 02:00", True),
        ("2026-12-07 02:59:58", "2026-12-07 02:59:59", True),
        ("2026-12-07 00:00", "2026-12-07 02:59:59", True),
        ("2026-12-07 00:00", "2026-12-07 03:00", False),
        ("2026-12-07 02:59:59", "2026-12-07 23:59:59", False),
        ("2026-12-06 02:59:59", "2026-12-07 02:00", False),
        ("2026-12-06T17:00:00Z", "2026-12-06T18:00:00Z", True),
    ],
)
def test_r22_before_three_it_charges_at_once_what_expires_before_three_of_that_day(
    at, expires_at, at_once
):
    assert deducts_at_once(expiring(expires_at), at=instant(at)) is at_once


@pytest.mark.parametrize(
    ("at", "expires_at", "at_once"),
    [
        ("2026-12-07 03:00", "2026-12-07 23:59:59", True),
        ("2026-12-07 23:00", "2026-12-07 23:59:59", True),
        ("2026-12-07 03:00", "2026-12-08 02:59:59", True),
        ("2026-12-07 03:00", "2026-12-08 03:00", False),
        ("2026-12-07 12:00", "2026-12-08 23:59:59", False),
        ("2026-12-06T20:00:00Z", "2026-12-07T18:59:59Z", True),
    ],
)
def test_r22_after_three_it_charges_at_once_what_expires_before_three_of_the_next_day(
    at, expires_at, at_once
):
    assert deducts_at_once(expiring(expires_at), at=instant(at)) is at_once


@pytest.mark.parametrize("at", ["2026-12-07 23:59:59", "2026-12-08 01:00", "2027-12-07 12:00"])
def test_r22_nothing_is_charged_at_once_when_the_term_is_over(at):
    assert not deducts_at_once(quota(), at=instant(at))


def test_r22_nothing_is_charged_at_once_without_an_end():
    assert not deducts_at_once(quota(orders=()), at=NOW)


@given(st.data(), instants(), zones())
def test_r22_it_charges_at_once_exactly_when_no_daily_attempt_is_left(data, expires_at, zone):
    subscription = expiring(expires_at)
    seconds = data.draw(st.integers(1, 3 * 86_400))
    at = (expires_at - timedelta(seconds=seconds)).astimezone(zone)

    ahead = anchor(subscription, account(), at=at)

    if expires_at.astimezone(CLOUD_ZONE).time() != time(3):
        assert deducts_at_once(subscription, at=at) == (ahead.kind is AnchorKind.EXPIRY)


# R23, X5


def test_r23_without_a_period_the_renewal_is_as_long_as_the_last_order():
    bought = order()
    renewed = quota(auto_renew_months=None, orders=(bought, renewal(bought, months=3)))

    assert renewal_months(renewed) == 3


def test_r23_without_a_period_or_an_order_the_length_is_not_known():
    assert renewal_months(quota(auto_renew_months=None, orders=())) is None
    assert renewal_months(quota(orders=())) == 12


def test_x5_the_period_that_was_read_back_counts_and_not_that_of_the_purchase():
    assert renewal_months(quota(auto_renew_months=1, orders=(order(months=12),))) == 1


# X4


@pytest.mark.parametrize(
    ("at", "attempt"),
    [
        ("2026-12-07 02:59:59", None),
        ("2026-12-07 03:00", "2026-12-08 03:00"),
        ("2026-12-07 23:59:59", "2026-12-08 03:00"),
        ("2026-12-08 02:59:59", "2026-12-08 03:00"),
        ("2026-12-08 03:00", "2026-12-09 03:00"),
        ("2026-12-22 23:59:59", "2026-12-23 03:00"),
        ("2027-01-05 12:00", "2027-01-06 03:00"),
        ("2027-01-06 02:59:59", "2027-01-06 03:00"),
        ("2027-01-06 03:00", None),
        ("2027-03-01 12:00", None),
    ],
)
def test_x4_after_the_expiry_a_charge_may_come_every_day_until_the_release(at, attempt):
    found = charge_after_expiry(quota(), account(), at=instant(at))

    assert found == (instant(attempt) if attempt else None)


def test_x4_on_the_chinese_site_the_release_follows_the_tier():
    settings = account(site=CN, customer_tier="V0")

    last = charge_after_expiry(quota(), settings, at=instant("2026-12-09 02:59:59"))

    assert last == instant("2026-12-09 03:00")
    assert charge_after_expiry(quota(), settings, at=last) is None


def test_x4_no_charge_comes_at_the_instant_of_the_release():
    subscription = expiring("2026-12-07 03:00")

    assert charge_after_expiry(subscription, account(), at=instant("2027-01-05 03:00")) is None


def test_x4_an_expired_status_does_not_make_it_safe():
    found = charge_after_expiry(
        quota(status=Status.EXPIRED), account(), at=instant("2026-12-10 12:00")
    )

    assert found == instant("2026-12-11 03:00")


@pytest.mark.parametrize(
    "subscription",
    [
        quota(auto_renew=False),
        quota(auto_renew=None),
        quota(status=Status.UNSUBSCRIBED),
        quota(billing_mode=PAY_PER_USE),
        quota(orders=()),
        contract(),
    ],
    ids=["off", "unknown", "unsubscribed", "paid by use", "no end", "contract"],
)
def test_x4_nothing_is_charged_late_when_auto_renewal_cannot_run(subscription):
    assert charge_after_expiry(subscription, account(), at=instant("2027-01-01 12:00")) is None


@given(instants(), accounts(), st.integers(0, 40 * 86_400))
def test_x4_a_late_charge_is_after_the_expiry_and_before_the_release(expires_at, settings, seconds):
    at = expires_at + timedelta(seconds=seconds)

    found = charge_after_expiry(expiring(expires_at), settings, at=at)

    released_at = afterlife(expires_at, settings).released_at
    if found is None:
        assert at >= released_at - timedelta(days=1)
    else:
        assert at < found < released_at
        assert found - at <= timedelta(days=1)


# Renewal periods


def test_r44_orders_are_open_until_the_last_second_of_their_term_is_over():
    bought = order()
    again = renewal(bought)
    renewed = quota(orders=(bought, again))

    assert open_orders(renewed, at=instant("2026-12-07 23:59:59")) == (bought, again)
    assert open_orders(renewed, at=instant("2026-12-08 00:00")) == (again,)
    assert open_orders(renewed, at=instant("2027-12-08 00:00")) == ()


def test_r44_an_order_without_a_known_end_stays_open():
    vague = order(expires_at=None)

    assert open_orders(quota(orders=(vague,)), at=instant("2040-01-01")) == (vague,)


def test_r45_only_renewals_that_have_not_begun_can_be_given_back():
    bought = order("2026-12-31 10:00", months=1)
    again = renewal(bought, months=1)
    vague = replace(again, effective_at=None)
    ahead = quota(orders=(bought, again, vague))

    assert renewal_periods(ahead, at=NOW) == (again,)
    assert renewal_periods(ahead, at=again.effective_at - timedelta(seconds=1)) == (again,)
    assert renewal_periods(ahead, at=again.effective_at) == ()


def test_r46_the_next_renewal_period_counts_in_whatever_order_they_stand():
    bought = order()
    again = renewal(bought)
    shuffled = quota(orders=(bought, renewal(again), again))

    assert give_back_until(shuffled, at=NOW) == again.effective_at


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


@pytest.mark.parametrize("reader", ["Asia/Shanghai", "America/New_York", "Pacific/Apia"])
def test_r25_the_hard_cutoff_is_the_deduction_itself_three_hours_after_the_safe_one(reader):
    due = anchor(quota(), account(), at=NOW)
    zone = ZoneInfo(reader)

    assert hard_cutoff(due, reader=zone) == instant("2026-11-30 03:00")
    assert hard_cutoff(due, reader=zone) - safe_cutoff(due, reader=zone) == timedelta(hours=3)


def test_r25_past_a_failed_attempt_the_cutoffs_are_those_of_the_next_one():
    retry = anchor(quota(), account(), at=instant("2026-11-30 03:00"))

    assert safe_cutoff(retry, reader=UTC) == instant("2026-12-01 00:00")
    assert hard_cutoff(retry, reader=UTC) == instant("2026-12-01 03:00")


def test_an_expiry_and_a_notice_have_one_cutoff():
    berlin = ZoneInfo("Europe/Berlin")
    ends = anchor(quota(auto_renew=False), account(), at=NOW)
    notice = anchor(contract(), account(), at=NOW)

    assert hard_cutoff(ends, reader=berlin) == instant("2026-12-07 23:59:59")
    assert hard_cutoff(notice, reader=berlin) == datetime(2026, 12, 2, tzinfo=berlin)


def test_acting_is_safe_until_the_expiry_and_until_the_notice_date_is_over():
    berlin = ZoneInfo("Europe/Berlin")
    ends = anchor(quota(auto_renew=False), account(), at=NOW)
    notice = anchor(contract(), account(), at=NOW)

    assert safe_cutoff(ends, reader=berlin) == instant("2026-12-07 23:59:59")
    assert safe_cutoff(notice, reader=berlin) == datetime(2026, 12, 2, tzinfo=berlin)


# Working days


def test_r14_each_term_ahead_follows_the_one_before_it_and_not_the_first_day_of_month():
    monthly = resource(orders=(order("2026-12-31 10:00", months=1),))

    ahead = deductions(
        monthly, account(), start=NOW + timedelta(days=60), end=instant("2027-06-01")
    )

    assert [each.date for each in ahead] == [
        date(2027, 1, 24),
        date(2027, 2, 21),
        date(2027, 3, 21),
        date(2027, 4, 21),
        date(2027, 5, 21),
    ]


@pytest.mark.parametrize(
    "subscription",
    [
        contract(),
        quota(billing_mode=BillingMode.PAY_PER_USE),
        quota(status=Status.FAILED),
        quota(status=Status.UNSUBSCRIBED),
        quota(status=Status.EXPIRED),
    ],
)
def test_r22_what_is_never_charged_is_not_charged_at_once(subscription):
    last_hour = subscription.expires_at - timedelta(hours=1)

    assert not deducts_at_once(subscription, at=last_hour)


def test_x4_what_failed_is_never_charged_late():
    failed = quota(status=Status.FAILED)

    assert charge_after_expiry(failed, account(), at=instant("2026-12-10 00:00")) is None


# What came, as far as a reading tells (R14, R15)


BOUGHT = order("2026-10-18 09:20", expires_at="2026-11-18 23:59:59", months=1)
MONTHS = (BOUGHT, renewal(BOUGHT), renewal(renewal(BOUGHT)))


def came_until(subscription: Subscription, end: str) -> list[str]:
    span = (instant("2026-11-01"), instant(end))
    charged = charges(subscription, account(), span=span, reader=CLOUD_ZONE)
    last = came(subscription, account(), span=span, reader=CLOUD_ZONE)
    return [f"{each.kind} {each.date}" for each in (*charged, *last)]


@pytest.mark.parametrize(
    ("end", "dates"),
    [
        ("2026-11-11 02:59:59", []),
        ("2026-11-11 03:00", ["deduction 2026-11-11"]),
        ("2026-12-20", ["deduction 2026-11-11", "deduction 2026-12-11"]),
        ("2027-01-14", [f"deduction {day}" for day in ("2026-11-11", "2026-12-11", "2027-01-11")]),
    ],
)
def test_what_came_is_told_by_the_orders_and_once_of_the_last_term(
    end: str, dates: list[str]
) -> None:
    assert came_until(quota(orders=MONTHS), end) == dates


def test_of_a_cloud_that_lists_the_last_order_alone_the_last_renewal_is_known() -> None:
    assert came_until(quota(orders=MONTHS[2:]), "2026-12-20") == ["deduction 2026-12-11"]


def test_of_something_that_expired_the_expiry_came() -> None:
    gone = quota(orders=MONTHS[:1], status=Status.EXPIRED)

    assert came_until(gone, "2026-12-20") == ["expiry 2026-11-18"]
    assert came_until(replace(gone, status=Status.UNSUBSCRIBED), "2026-12-20") == []


def test_every_notice_of_a_contract_came_whether_its_renewals_are_listed_or_not() -> None:
    contract = quota(orders=MONTHS, kind=Kind.SAAS, notice_days=5, auto_renew_months=1)
    notices = [f"notice {day}" for day in ("2026-11-13", "2026-12-13", "2027-01-13")]

    assert came_until(contract, "2027-01-14 12:00") == notices
    assert came_until(replace(contract, orders=MONTHS[:1]), "2027-01-14 12:00") == notices
