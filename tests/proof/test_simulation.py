"""The promise, held against thousands of lives of the shipping engine in virtual time.

The size is the environment's `LAPSE_SEEDS`; every run prints how many it lived through.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.checker import judged
from tests.proof.conftest import Open
from tests.proof.guards import GUARDS
from tests.proof.world import World

SEEDS = int(os.getenv("LAPSE_SEEDS", "2000"))
CHUNK = 50
MOST_FOR_A_GUARD = 1000

FAILED_ONCE = [
    int(line.split()[0])
    for line in (Path(__file__).parent / "failed_seeds.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def lived(stage: Open, seed: int) -> list[dict[str, object]]:
    with stage() as (store, disk):
        return World(store, disk, seed).run()


def trace(evidence: list[dict[str, object]]) -> str:
    return hashlib.sha256(json.dumps(evidence, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_nothing_is_lost_or_repeated_whatever_dies_when(stage: Open, first: int) -> None:
    broken = {
        seed: wrong
        for seed in range(first, min(first + CHUNK, SEEDS))
        if (wrong := judged(lived(stage, seed)))
    }

    assert broken == {}


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_a_seed_that_failed_once_does_not_fail_again(stage: Open, seed: int) -> None:
    assert judged(lived(stage, seed)) == []


@pytest.mark.parametrize("seed", [0, 7])
def test_a_seed_lives_the_same_life_every_time(stage: Open, seed: int) -> None:
    assert trace(lived(stage, seed)) == trace(lived(stage, seed))


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_without_a_guard_the_promise_is_broken_within_a_thousand_lives(
    stage: Open, name: str
) -> None:
    with GUARDS[name]():
        broken = next(
            (seed for seed in range(MOST_FOR_A_GUARD) if judged(lived(stage, seed))), None
        )

    assert broken is not None
