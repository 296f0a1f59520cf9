"""A database's clock that leaps ahead is seen by the monotonic clock of the process."""

from datetime import timedelta

import pytest

from bot.services.steadiness import Steadiness
from tests.clocks import SettableClock
from tests.factories import NOW

SECOND = timedelta(seconds=1)


class Machine:
    """A database's clock, what people moved it by, and the monotonic clock of a process."""

    def __init__(self) -> None:
        self.database = SettableClock(NOW)
        self.clock = SettableClock(NOW)
        self.elapsed = 0.0
        self.takes = 0.0
        self.steadiness = Steadiness(
            clock=self.clock, database=self._read, elapsed=lambda: self.elapsed
        )

    def pass_time(self, seconds: float, *, leaps: float = 0.0) -> None:
        """So much time passes, and so much more by the database's clock."""
        self.elapsed += seconds
        self.move(seconds + leaps)
        self.database.set(self.database.now() + (seconds + leaps) * SECOND)

    def move(self, seconds: float) -> None:
        """What people do to the clock of a demo."""
        self.clock.set(self.clock.now() + seconds * SECOND)

    def _read(self):
        self.elapsed += self.takes
        return self.database.now()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_is_steady_since_it_was_asked_first(machine: Machine) -> None:
    machine.pass_time(5)
    began = machine.clock.now()
    assert machine.steadiness.since() == began

    for _ in range(100):
        machine.pass_time(1)
        assert machine.steadiness.since() == began


@pytest.mark.parametrize("leap", [1, 20, 3600, 10 * 365 * 86400])
def test_a_leap_ahead_begins_it_anew(machine: Machine, leap: float) -> None:
    machine.steadiness.since()
    machine.pass_time(30, leaps=leap)
    leapt_at = machine.clock.now()

    assert machine.steadiness.since() == leapt_at
    machine.pass_time(10)
    assert machine.steadiness.since() == leapt_at


def test_a_leap_ahead_after_one_back_is_one(machine: Machine) -> None:
    machine.steadiness.since()
    machine.pass_time(30, leaps=-20)
    machine.steadiness.since()
    machine.pass_time(1, leaps=20)

    assert machine.steadiness.since() == machine.clock.now()


def test_one_that_went_back_is_steady_since_no_later_than_now(machine: Machine) -> None:
    machine.steadiness.since()
    machine.pass_time(30, leaps=-86400)

    assert machine.steadiness.since() == machine.clock.now()


def test_many_small_leaps_are_one(machine: Machine) -> None:
    began = machine.clock.now()
    machine.steadiness.since()
    seen = []
    for _ in range(5):
        machine.pass_time(1, leaps=0.2)
        seen.append(machine.steadiness.since())

    assert seen[:2] == [began, began]
    assert began not in seen[2:]


def test_people_who_move_a_demos_clock_do_not_disturb_it(machine: Machine) -> None:
    began = machine.clock.now()
    machine.steadiness.since()
    machine.move(86400)

    assert machine.steadiness.since() == began


def test_a_reading_that_took_long_counts_as_a_leap_once(machine: Machine) -> None:
    began = machine.clock.now()
    machine.steadiness.since()
    machine.takes = 3.0
    machine.pass_time(1)
    assert machine.steadiness.since() == machine.clock.now()

    machine.takes = 0.0
    machine.pass_time(1, leaps=3)  # what it took, which the clocks of the test did not see
    assert machine.steadiness.since() == began
