"""After an expiry: grace, retention and release, by site, tier and billing mode (R12 to R16)."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.billing.expiry import Afterlife, Phase, afterlife
from bot.billing.subscription import BillingMode
from tests.factories import CN, EU, INTL, account, instant

ENDS = instant("2026-05-01 23:59:59")
SECOND = timedelta(seconds=1)


def lengths(after: Afterlife) -> tuple[int, int]:
    return (after.grace_ends - ENDS).days, (after.released_at - after.grace_ends).days


@pytest.mark.parametrize(
    ("tier", "grace", "retention"),
    [("V5", 7, 15), ("V4", 7, 15), ("V3", 7, 7), ("V2", 1, 7), ("V1", 1, 7), ("V0", 1, 1)],
)
def test_r16_a_prepaid_resource_in_china_is_kept_as_long_as_its_tier_says(tier, grace, retention):
    found = afterlife(ENDS, account(site=CN, customer_tier=tier))

    assert lengths(found) == (grace, retention)


@pytest.mark.parametrize(
    ("tier", "grace", "retention"),
    [("V5", 7, 15), ("V4", 7, 15), ("V3", 1, 7), ("V2", 0, 7), ("V1", 0, 7), ("V0", 0, 1)],
)
def test_r16_a_pay_per_use_resource_in_china_has_a_shorter_grace(tier, grace, retention):
    settings = account(site=CN, customer_tier=tier)

    found = afterlife(ENDS, settings, mode=BillingMode.PAY_PER_USE)

    assert lengths(found) == (grace, retention)


@pytest.mark.parametrize("site", [INTL, EU])
@pytest.mark.parametrize("mode", list(BillingMode))
def test_r16_elsewhere_everyone_has_fifteen_days_of_each(site, mode):
    found = afterlife(ENDS, account(site=site, customer_tier="V0"), mode=mode)

    assert lengths(found) == (15, 15)


@pytest.mark.parametrize(
    ("at", "phase"),
    [
        ("2026-05-01 23:59:59", Phase.RUNNING),
        ("2026-05-02 00:00:00", Phase.GRACE),
        ("2026-05-16 23:59:59", Phase.GRACE),
        ("2026-05-17 00:00:00", Phase.RETENTION),
        ("2026-05-31 23:59:59", Phase.RETENTION),
        ("2026-06-01 00:00:00", Phase.RELEASED),
    ],
)
def test_r15_grace_comes_first_then_retention_then_the_release(at, phase):
    found = afterlife(ENDS, account())

    assert found.expires_at == ENDS
    assert found.phase(at=instant(at)) is phase


def test_r15_without_days_of_grace_it_is_frozen_at_once():
    settings = account(site=CN, customer_tier="V0")

    found = afterlife(ENDS, settings, mode=BillingMode.PAY_PER_USE)

    assert found.phase(at=ENDS + SECOND) is Phase.RETENTION
    assert found.phase(at=ENDS + timedelta(days=1, seconds=1)) is Phase.RELEASED


def test_r12_what_is_not_renewed_in_time_is_released_for_good():
    found = afterlife(ENDS, account())

    assert found.released_at == instant("2026-05-31 23:59:59")
    assert found.phase(at=instant("2027-05-01 00:00")) is Phase.RELEASED


def test_x7_day_eighteen_after_an_expiry_is_retention():
    found = afterlife(ENDS, account())

    assert found.phase(at=ENDS + timedelta(days=18)) is Phase.RETENTION


def test_r16_natural_days_are_not_shortened_by_daylight_saving():
    ends = instant("2028-03-20 23:59:59").astimezone(ZoneInfo("Europe/Berlin"))

    assert afterlife(ends, account()).grace_ends == instant("2028-04-04 23:59:59")
