"""What was sent is what a reference model says, whatever people do in whatever order."""

import pytest

from tests.proof.guards import GUARDS
from tests.proof.machine import played


@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_is_what_the_reference_model_expects(seed: int) -> None:
    assert played(100, seed=seed) == ""


def test_it_is_so_on_sqlite(seed: int = 0) -> None:
    assert played(4, seed=seed, store="sqlite") == ""
