"""Whatever people, clouds, clocks and deaths do: one call each, agreed to, and a true receipt."""

import re
from contextlib import nullcontext

import pytest

from tests.conftest import ONLY_POSTGRESQL
from tests.proof.request_guards import GUARDS
from tests.proof.requests_machine import played
from tests.proof.stages import on_database, on_sqlite

EXAMPLES_FOR_A_SEED, SEEDS_FOR_A_GUARD = 60, 12
"""Most are missed by the first; what Hypothesis draws from a seed depends on all that is loaded."""


@pytest.mark.parametrize("seed", range(2))
def test_requests_keep_their_promises_whatever_happens(seed: int) -> None:
    assert played(50, seed=seed) == ""


def test_they_keep_them_on_sqlite() -> None:
    assert played(3, seed=0, stages=on_sqlite) == ""


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_they_keep_them_on_postgresql(any_url: str) -> None:
    with on_database(any_url) as opened:
        assert played(3, seed=1, stages=lambda: nullcontext(opened)) == ""


@pytest.mark.parametrize("name", GUARDS)
def test_without_a_guard_a_promise_is_broken(name: str) -> None:
    guard, broken = GUARDS[name]

    with guard():
        told = (played(EXAMPLES_FOR_A_SEED, seed=each) for each in range(SEEDS_FOR_A_GUARD))
        wrong = next((each for each in told if each), "")

    assert re.search(broken, wrong)
