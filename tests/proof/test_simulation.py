"""The promise, held against thousands of lives of the shipping engine in virtual time."""

import pytest

from tests.proof.guards import GUARDS
from tests.proof.lives import FAILED_ONCE, lived
from tests.proof.stages import Open

LIVES, CHUNK = 6000, 500
ON_SQLITE, SQLITE_CHUNK = 160, 20
MOST_FOR_A_GUARD = 1000


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_a_seed_that_failed_once_does_not_fail_again(model: Open, seed: int) -> None:
    assert lived(model, seed).wrong == []


@pytest.mark.parametrize("first", range(0, LIVES, CHUNK))
def test_nothing_is_lost_or_repeated_whatever_dies_when(model: Open, first: int) -> None:
    broken = {
        seed: life.wrong
        for seed in range(first, first + CHUNK)
        if (life := lived(model, seed)).wrong
    }

    assert broken == {}


@pytest.mark.parametrize("first", range(0, ON_SQLITE, SQLITE_CHUNK))
def test_a_seed_lives_the_same_life_on_sqlite_and_on_the_model(
    sqlite: Open, model: Open, first: int
) -> None:
    for seed in range(first, first + SQLITE_CHUNK):
        life = lived(sqlite, seed)
        assert (life.wrong, life.trace) == ([], lived(model, seed).trace), seed


@pytest.mark.parametrize("seed", [0, 7, 21])
def test_a_seed_lives_the_same_life_every_time(model: Open, seed: int) -> None:
    assert lived(model, seed).trace == lived(model, seed).trace
    assert lived(model, seed).trace != lived(model, seed + 1).trace


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_without_a_guard_the_promise_is_broken_within_a_thousand_lives(
    sqlite: Open, model: Open, name: str
) -> None:
    with GUARDS[name]():
        broken = next((seed for seed in range(MOST_FOR_A_GUARD) if lived(model, seed).wrong), None)
        assert broken is not None

        on_model, on_sqlite = lived(model, broken), lived(sqlite, broken)
        assert on_sqlite.wrong != []
        assert on_sqlite.trace == on_model.trace
