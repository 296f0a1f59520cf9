"""What depends on what goes, and does not go by itself."""

import pytest

from bot.billing.dependents import dependents
from bot.billing.plan import plan
from bot.billing.quote import Scope
from bot.billing.subscription import BillingMode, Status
from tests.factories import NOW, account, key, order, package, quota, renewal, resource

QUOTA = quota()
SCREEN = package()


def depending(chosen, *group, scope=Scope.ALL):
    everything = (*chosen, *group)
    found = plan(list(chosen), group=everything, account=account(), at=NOW, scope=scope)
    return dependents(found)


def test_a_package_that_stays_depends_on_the_last_quota_of_its_region():
    assert depending([QUOTA], SCREEN) == (SCREEN.key,)


def test_what_goes_along_by_itself_is_none_of_them():
    assert depending([QUOTA, SCREEN]) == ()


def test_while_another_quota_stays_no_package_loses_its_edition():
    assert depending([QUOTA], SCREEN, quota("sm-second")) == ()


def test_a_package_of_another_region_does_not_depend_on_it():
    assert depending([QUOTA], package(region="eu-west-101")) == ()


def test_one_paid_by_use_depends_too_since_it_is_cancelled_with_its_quota():
    assert depending([QUOTA], package(billing_mode=BillingMode.PAY_PER_USE)) == (SCREEN.key,)


def test_a_part_depends_on_its_main_resource():
    main, disk = resource("vm"), resource("disk", parent_id="vm")

    assert depending([main], disk, resource("other", parent_id="elsewhere")) == (key("disk"),)


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.EXPIRED, Status.FAILED])
def test_what_is_over_depends_on_nothing(status):
    assert depending([QUOTA], package(status=status)) == ()


def test_giving_back_a_renewal_takes_nothing_away():
    bought = order("2025-12-07 09:20")
    both = (bought, renewal(bought))

    assert depending([quota(orders=both)], SCREEN, scope=Scope.RENEWALS) == ()


def test_they_come_in_the_order_of_their_keys():
    found = depending([QUOTA], package("z"), package("a"), package("m"))

    assert found == (key("a"), key("m"), key("z"))
