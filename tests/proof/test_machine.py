"""What was sent is what a reference model says, whatever people do in whatever order."""

import pytest

from tests.proof.guards import GUARDS
from tests.proof.machine import played
from tests.proof.slices import SLICES


@pytest.mark.parametrize("seed", range(3))
def test_what_is_told_is_what_the_reference_model_expects(seed: int) -> None:
    assert played(60, seed=seed) == ""


def test_it_is_so_on_sqlite() -> None:
    assert played(3, seed=0, store="sqlite") == ""


@pytest.mark.parametrize("name", ["intent", "look", "second thought"])
def test_the_reference_model_misses_what_a_crash_or_a_change_needs(name: str) -> None:
    with GUARDS[name]():
        assert played(100, seed=5) != ""


def test_the_pieces_of_a_release_cover_every_trial_once() -> None:
    for each in SLICES.values():
        numbers = [number for piece in each.pieces() for number in piece.numbers]
        assert numbers == list(range(each.total()))
