"""Killed at every numbered step, singly and again during the recovery: nothing lost or twice.

Single deaths on SQLite, pairs on the model; every seventh pair here, all of them in a release.
"""

import pytest

from tests.proof.crashes import SCENARIOS, died, pairs
from tests.proof.guards import GUARDS
from tests.proof.stages import Open

PARTS = 4
STRIDE = 13


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_has_steps_to_die_at_and_keeps_the_promise(model: Open, name: str) -> None:
    steps, wrong = died(model, name)

    assert steps > 40
    assert wrong == []


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_at_any_single_step_breaks_nothing(
    sqlite: Open, model: Open, name: str, part: int
) -> None:
    points = range(1 + part, died(model, name).steps + 1, PARTS)

    broken = {
        point: death.wrong for point in points if (death := died(sqlite, name, (point,))).wrong
    }

    assert broken == {}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_second_death_during_the_recovery_breaks_nothing(model: Open, name: str) -> None:
    firsts = range(1, died(model, name).steps + 1)
    chosen = [pair for first in firsts for pair in pairs(model, name, first)][::STRIDE]

    broken = {pair: death.wrong for pair in chosen if (death := died(model, name, pair)).wrong}

    assert broken == {}


def test_without_the_intent_some_death_breaks_the_promise(model: Open) -> None:
    name = "a plain reminder"
    with GUARDS["intent"]():
        points = range(1, died(model, name).steps + 1)
        broken = [point for point in points if died(model, name, (point,)).wrong]

    assert broken != []
