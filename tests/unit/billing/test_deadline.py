"""Until when a request can be decided: its hours, or the last safe moment of an item."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from bot.billing.deadline import deadline_for, last_safe, latest_execution, too_late
from bot.billing.quote import Scope
from tests.factories import NOW, account, contract, instant, order, quota, renewal, resource


def deadline(*safe, opened_at=NOW):
    return deadline_for(
        opened_at=opened_at, expires_after_hours=72, cooling_off_minutes=5, last_safe=safe
    )


def test_a_request_can_be_decided_for_its_hours():
    assert deadline() == NOW + timedelta(hours=72)
    assert deadline(instant("2027-11-30")) == NOW + timedelta(hours=72)


def test_the_deadline_leaves_room_for_cooling_off_and_steps_before_the_last_safe_moment():
    found = deadline(instant("2026-11-25 00:00"), instant("2026-11-24 00:00"))

    assert found == instant("2026-11-23 22:55")
    assert latest_execution(found, cooling_off_minutes=5) == instant("2026-11-24 00:00")


def test_the_deadline_is_a_full_minute():
    opened = NOW + timedelta(seconds=42, microseconds=7)

    assert deadline(opened_at=opened) == NOW + timedelta(hours=72)


def test_it_is_too_late_when_no_time_is_left():
    assert too_late(deadline(NOW + timedelta(minutes=65)), opened_at=NOW)
    assert not too_late(deadline(NOW + timedelta(minutes=66)), opened_at=NOW)


def test_r25_the_last_safe_moment_is_that_of_what_comes_next():
    berlin = ZoneInfo("Europe/Berlin")

    assert last_safe(quota(), account(), at=NOW) == instant("2026-11-30 00:00")
    assert last_safe(quota(auto_renew=False), account(), at=NOW) == instant("2026-12-07 23:59:59")
    assert last_safe(contract(), account(), at=NOW, reader=berlin) == instant(
        "2026-12-02T00:00+01:00"
    )
    assert last_safe(resource(orders=()), account(), at=NOW) is None


def test_r25_past_a_deduction_that_failed_the_next_attempt_decides():
    failed = instant("2026-11-30 04:00")

    assert last_safe(quota(), account(), at=failed) == instant("2026-12-01 00:00")


def test_without_another_wish_a_notice_date_ends_in_the_cloud_s_zone():
    assert last_safe(contract(), account(), at=NOW) == instant("2026-12-02 00:00")


def test_r46_a_renewal_has_to_be_given_back_before_it_begins():
    bought = order()
    renewed = quota(orders=(bought, renewal(bought)))

    assert last_safe(quota(), account(), at=NOW, scope=Scope.RENEWALS) is None
    assert last_safe(renewed, account(), at=NOW, scope=Scope.RENEWALS) == instant("2026-12-08")
