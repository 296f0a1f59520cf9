"""The dates of one subscription, side by side (R15, R25, R46, X4)."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.billing.dates import Dates, dates_of
from bot.billing.expiry import Afterlife, Phase
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import BillingMode, Status
from tests.factories import CN, NOW, account, contract, instant, order, quota, renewal

NOTHING = Dates(
    anchor=None,
    safe_until=None,
    too_late_at=None,
    expires_at=None,
    after=None,
    phase=None,
    give_back_until=None,
    retry=False,
    late_charge_at=None,
)
AFTER = Afterlife(
    expires_at=instant("2026-12-07 23:59:59"),
    grace_ends=instant("2026-12-22 23:59:59"),
    released_at=instant("2027-01-06 23:59:59"),
)


def test_r25_before_a_deduction_there_is_a_safe_and_a_hard_end():
    deducted = instant("2026-11-30 03:00")

    found = dates_of(quota(), account(), at=NOW)

    assert found == Dates(
        anchor=Anchor(kind=AnchorKind.DEDUCTION, date=date(2026, 11, 30), at=deducted),
        safe_until=instant("2026-11-30 00:00"),
        too_late_at=deducted,
        expires_at=AFTER.expires_at,
        after=AFTER,
        phase=Phase.RUNNING,
        give_back_until=None,
        retry=False,
        late_charge_at=None,
    )


def test_r15_x4_past_the_expiry_it_is_in_grace_and_may_still_be_charged():
    found = dates_of(quota(), account(), at=instant("2026-12-10 12:00"))

    assert (found.anchor, found.safe_until, found.too_late_at) == (None, None, None)
    assert (found.after, found.phase) == (AFTER, Phase.GRACE)
    assert found.late_charge_at == instant("2026-12-11 03:00")


@pytest.mark.parametrize(
    ("at", "attempt", "again"),
    [
        ("2026-11-30 02:59:59", "2026-11-30 03:00", False),
        ("2026-11-30 03:00", "2026-12-01 03:00", True),
        ("2026-12-06 12:00", "2026-12-07 03:00", True),
    ],
)
def test_r21_an_attempt_after_the_first_one_is_a_retry(at, attempt, again):
    found = dates_of(quota(), account(), at=instant(at))

    assert (found.anchor.at, found.retry) == (instant(attempt), again)


def test_r21_only_a_deduction_is_tried_again():
    last_day = dates_of(quota(), account(), at=instant("2026-12-07 12:00"))

    assert (last_day.anchor.kind, last_day.retry) == (AnchorKind.EXPIRY, False)
    assert not dates_of(quota(auto_renew=False), account(), at=NOW).retry
    assert not dates_of(contract(), account(), at=NOW).retry


def test_r16_a_contract_outside_the_cloud_has_an_end_but_no_grace():
    for at in (NOW, instant("2027-01-02 12:00")):
        found = dates_of(contract(auto_renew=False), account(), at=at)
        assert found.expires_at == instant("2026-12-31 23:59:59")
        assert (found.after, found.phase) == (None, None)


def test_r46_a_paid_renewal_shows_until_when_it_can_be_given_back():
    bought = order()

    found = dates_of(quota(orders=(bought, renewal(bought))), account(), at=NOW)

    assert found.give_back_until == instant("2026-12-08 00:00")
    assert found.anchor.at == instant("2027-11-30 03:00")


def test_r16_what_is_paid_by_use_is_kept_by_the_lengths_of_its_mode():
    settings = account(site=CN, customer_tier="V3")
    by_use = quota(billing_mode=BillingMode.PAY_PER_USE)

    found = dates_of(by_use, settings, at=NOW)
    unknown = dates_of(quota(billing_mode=None), settings, at=NOW)

    assert found.after.grace_ends == instant("2026-12-08 23:59:59")
    assert found.anchor is None
    assert unknown.after.grace_ends == instant("2026-12-14 23:59:59")


@pytest.mark.parametrize(
    "changes", [{"billing_mode": BillingMode.PAY_PER_USE}, {"status": Status.UNSUBSCRIBED}]
)
@pytest.mark.parametrize("at", ["2026-11-23 10:12", "2026-12-10 12:00"])
def test_r18_what_cannot_be_renewed_is_never_charged(changes, at):
    found = dates_of(quota(**changes), account(), at=instant(at))

    assert (found.anchor, found.late_charge_at) == (None, None)
    assert (found.safe_until, found.too_late_at) == (None, None)


def test_the_notice_of_a_contract_ends_with_its_date_where_the_reader_is():
    berlin = ZoneInfo("Europe/Berlin")

    there = dates_of(contract(), account(), at=NOW, reader=berlin)
    here = dates_of(contract(), account(), at=NOW)

    assert there.safe_until == there.too_late_at == datetime(2026, 12, 2, tzinfo=berlin)
    assert here.safe_until == here.too_late_at == instant("2026-12-02 00:00")


def test_without_an_expiry_there_are_no_dates():
    assert dates_of(quota(orders=()), account(), at=NOW) == NOTHING
