"""A request's execution, killed or stalled at every numbered step: each call is made once.

Every death and every third stall on the model, some deaths on SQLite and some pairs; all of them in
a release.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.proof.call_guards import GUARDS
from tests.proof.calls import SCENARIOS, STALLS, Ending, call_pairs, lived
from tests.proof.stages import Open

PAIRED = ("a quota, then two packages", "a lost answer of a slow cloud", "two replicas")
STRIDE, ON_SQLITE, STALLED = 30, 23, 3
SENT_UNINTENDED = "without an intent."


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_execution_has_steps_to_die_at_and_keeps_the_promise(
    sqlite: Open, model: Open, name: str
) -> None:
    ending = lived(model, name)

    assert ending.steps > 80
    assert len(ending.sends) > (0 if SCENARIOS[name].gives_up else 1)
    assert ending.wrong == []
    assert lived(sqlite, name) == ending


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_at_any_single_step_repeats_no_call_and_loses_none(model: Open, name: str) -> None:
    points = range(1, lived(model, name).steps + 1)

    broken = {
        point: ending.wrong
        for point in points
        if (ending := lived(model, name, kill_at=(point,))).wrong
    }

    assert broken == {}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_is_the_same_on_sqlite_as_on_the_model(
    sqlite: Open, model: Open, name: str
) -> None:
    for point in range(1, lived(model, name).steps + 1, ON_SQLITE):
        on_sqlite = lived(sqlite, name, kill_at=(point,))

        assert on_sqlite.wrong == [], point
        assert on_sqlite == lived(model, name, kill_at=(point,)), point


@pytest.mark.parametrize("name", PAIRED)
def test_a_second_death_during_the_recovery_repeats_no_call(model: Open, name: str) -> None:
    firsts = range(1, lived(model, name).steps + 1)
    chosen = [pair for first in firsts for pair in call_pairs(model, name, first)][::STRIDE]

    broken = {
        pair: ending.wrong for pair in chosen if (ending := lived(model, name, kill_at=pair)).wrong
    }

    assert broken == {}


@pytest.mark.parametrize("stalls_for", STALLS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_process_that_stands_still_at_any_step_repeats_no_call(
    model: Open, name: str, stalls_for: timedelta
) -> None:
    broken = {
        point: ending.wrong
        for point, ending in stalled(model, name, stalls_for, every=STALLED).items()
    }

    assert broken == {}


@pytest.mark.parametrize("name", GUARDS)
def test_without_a_guard_some_death_or_stall_breaks_the_promise(model: Open, name: str) -> None:
    guard, scenario = GUARDS[name]

    with guard():
        fate = next(filter(partial(breaks, model, scenario), fates(model, scenario)), None)

    assert fate is not None
    assert lived(model, scenario, **fate).wrong == []


def fates(model: Open, name: str) -> Iterator[dict[str, Any]]:
    """A death at every step, and every stall there."""
    points = range(1, lived(model, name).steps + 1)
    yield from ({"kill_at": (point,)} for point in points)
    for span in STALLS:
        yield from ({"stall_at": point, "stalls_for": span} for point in points)


def breaks(model: Open, name: str, fate: dict[str, Any]) -> bool:
    """Whether more goes wrong by it than that a call has no intent."""
    return any(not each.endswith(SENT_UNINTENDED) for each in lived(model, name, **fate).wrong)


def stalled(model: Open, name: str, span: timedelta, *, every: int = 1) -> dict[int, Ending]:
    """The steps at which a stall broke something."""
    points = range(1, lived(model, name).steps + 1, every)
    endings = {point: lived(model, name, stall_at=point, stalls_for=span) for point in points}
    return {point: ending for point, ending in endings.items() if ending.wrong}
