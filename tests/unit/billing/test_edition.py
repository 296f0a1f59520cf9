"""The current edition: the highest among the quotas in use (R1, R8)."""

import pytest

from bot.billing.edition import current_edition, is_live_quota
from bot.billing.subscription import BillingMode, Edition, Status
from tests.factories import package, quota, resource

STANDARD = quota("standard", edition=Edition.STANDARD)
PROFESSIONAL = quota("professional")


@pytest.mark.parametrize("status", [Status.IN_USE, None])
def test_r8_a_quota_in_use_or_of_unknown_status_lifts_the_edition(status):
    assert is_live_quota(quota(status=status))
    assert current_edition([quota(status=status)]) is Edition.PROFESSIONAL


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.IN_USE])
def test_r8_without_a_quota_in_use_the_edition_is_basic(status):
    assert not is_live_quota(quota(status=status))
    assert current_edition([quota(status=status), package()]) is Edition.BASIC


def test_r8_packages_resources_and_the_free_edition_lift_nothing():
    for each in (package(edition=Edition.PROFESSIONAL), resource(), quota(edition=Edition.BASIC)):
        assert not is_live_quota(each)
        assert current_edition([each]) is Edition.BASIC


def test_r8_the_highest_edition_counts_whatever_the_billing_mode():
    by_use = quota("by-use", billing_mode=BillingMode.PAY_PER_USE)

    assert current_edition([STANDARD, PROFESSIONAL]) is Edition.PROFESSIONAL
    assert current_edition([package(), STANDARD]) is Edition.STANDARD
    assert current_edition([STANDARD, by_use]) is Edition.PROFESSIONAL
    assert current_edition([]) is Edition.BASIC
