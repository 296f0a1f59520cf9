"""What every clock promises: the database's, the machine's and the one that tests move."""

import time
from datetime import UTC, timedelta

import pytest

from bot.clock import MachineClock
from storage import open_database
from tests.clocks import SettableClock
from tests.conftest import BOTH, migrated_url
from tests.factories import NOW

DAY = timedelta(days=1)
NEAR = timedelta(minutes=5)


@pytest.fixture(params=[*BOTH, "settable"])
def movable(request):
    if request.param == "settable":
        yield SettableClock(NOW)
        return
    database = open_database(migrated_url(request))
    yield database.clock()
    database.dispose()


def test_now_is_aware_and_in_utc(movable):
    assert movable.now().tzinfo is UTC
    assert MachineClock().now().tzinfo is UTC


def test_now_does_not_go_back(movable):
    readings = [movable.now() for _ in range(100)]

    assert readings == sorted(readings)


def test_the_clock_moves_forward_by_a_span(movable):
    before = movable.now()
    after = movable.advance(3 * DAY)

    assert 3 * DAY <= after - before < 3 * DAY + NEAR
    assert after <= movable.now() < after + NEAR


def test_the_clock_moves_to_an_instant_and_never_back(movable):
    target = movable.now() + 5 * DAY
    assert target <= movable.advance_to(target) < target + NEAR

    before = movable.now()
    assert before <= movable.advance_to(target - 4 * DAY) < before + NEAR


def test_moving_back_is_refused(movable):
    with pytest.raises(ValueError, match="forward"):
        movable.advance(-timedelta(microseconds=1))


def test_a_database_without_an_offset_tells_the_machines_time(any_database):
    assert abs(any_database.clock().now() - MachineClock().now()) < NEAR


def test_the_offset_is_kept_and_the_same_for_every_replica(any_database, any_url):
    replica = open_database(any_url)
    early = replica.clock()
    early.now()
    any_database.clock().advance(DAY)
    any_database.clock().advance(DAY)

    assert 2 * DAY <= early.now() - MachineClock().now() + NEAR < 2 * DAY + 2 * NEAR
    replica.dispose()


def test_time_is_told_while_somebody_writes(any_database, any_store):
    with any_store.transaction() as tx:
        tx.notes.put("tour", {})
        before = any_database.clock().now()
    assert any_database.clock().now() >= before


def test_sqlite_tells_the_time_in_under_a_hundred_microseconds(database):
    clock = database.clock()
    clock.now()

    def a_hundred():
        start = time.perf_counter()
        for _ in range(100):
            clock.now()
        return time.perf_counter() - start

    assert min(a_hundred() for _ in range(20)) / 100 < 0.0001
