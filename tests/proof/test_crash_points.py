"""Killed at every numbered step, singly and again during the recovery: nothing lost, nothing twice.

All ordered pairs are lived through with `LAPSE_PAIRS=all`; otherwise an even share of them.
"""

import logging
import os
from collections.abc import Iterator, Sequence

import pytest

from tests.proof.checker import judged
from tests.proof.conftest import Open
from tests.proof.world import Nemesis, World

SEED = 3
PARTS = 20
SHARE = None if os.getenv("LAPSE_PAIRS") == "all" else 400


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def steps(stage: Open) -> int:
    """How many steps the life has in which nobody dies."""
    return lived(stage, ())[0]


def lived(stage: Open, kill_at: Sequence[int]) -> tuple[int, list[str]]:
    """The steps of a life in which a process dies at some of them, and what went wrong."""
    with stage() as (store, disk):
        world = World(store, disk, SEED, Nemesis(), replicas=2, items=2)
        world.kill_at = set(kill_at)
        wrong = judged(world.run())
        return world.steps, wrong


def test_a_life_has_steps_to_die_at(steps: int) -> None:
    assert steps > 40


@pytest.mark.parametrize("part", range(PARTS))
def test_a_death_at_any_single_step_breaks_nothing(stage: Open, steps: int, part: int) -> None:
    points = range(1 + part, steps + 1, PARTS)

    broken = {point: wrong for point in points if (wrong := lived(stage, (point,))[1])}

    assert broken == {}


@pytest.mark.parametrize("part", range(PARTS))
def test_a_second_death_during_the_recovery_breaks_nothing(
    stage: Open, steps: int, part: int
) -> None:
    pairs = [(one, other) for one in range(1, steps) for other in range(one + 1, steps + 12)]
    stride = 1 if SHARE is None else max(1, len(pairs) // SHARE)
    chosen = pairs[::stride][part::PARTS]

    broken = {pair: wrong for pair in chosen if (wrong := lived(stage, pair)[1])}

    assert broken == {}
