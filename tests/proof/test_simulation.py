"""The promise, held against thousands of lives of the shipping engine in virtual time."""

import pytest

from bot.services import bundling, crowds
from tests.proof.checker import judged
from tests.proof.guards import GUARDS, without_steadiness
from tests.proof.lives import FAILED_ONCE, lived
from tests.proof.nemesis import Nemesis
from tests.proof.slack import Mood
from tests.proof.stages import Open
from tests.proof.world import World

LIVES, CHUNK = 2000, 500
ON_SQLITE, SQLITE_CHUNK = 20, 20
MOST_FOR_A_GUARD = 1000
LEAPING, LATE = Nemesis(clock=500, mood=Mood(posts=75, lag=10)), ["F7 lands late"] * 2
LEAPING_LIVES = 300
CROWDED_LIVES = 150


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


def test_nothing_is_lost_or_repeated_where_every_destination_is_a_crowd(
    model: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundling, "CROWD", 0)
    monkeypatch.setattr(crowds, "SLICE", 1)
    monkeypatch.setattr(crowds, "AT_ONCE", 2)

    broken = {
        seed: life.wrong for seed in range(CROWDED_LIVES) if (life := lived(model, seed)).wrong
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


def test_a_wait_is_no_shorter_when_the_clock_leaps_while_a_message_lands_late(model: Open) -> None:
    assert _first_that_leaps_and_breaks(model) is None
    with without_steadiness():
        assert _first_that_leaps_and_breaks(model) is not None


def _first_that_leaps_and_breaks(model: Open) -> int | None:
    for seed in range(LEAPING_LIVES):
        with model() as (store, disk):
            if judged(World(store, disk, seed, LEAPING, script=LATE).run()):
                return seed
    return None
