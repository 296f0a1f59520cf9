"""`lapse run` executes a request although it is killed again and again, as a program of its own."""

import pytest

from tests.conftest import missing
from tests.postgres import NotInstalled
from tests.proof.executions import executing

LIVES = (25, 55, 85)
"""Effects after which one life after the other ends; each begins with a second of idle ticks."""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_worker_that_is_killed_again_and_again_ends_as_one_that_nothing_disturbs(
    kind: str,
) -> None:
    try:
        with executing(kind) as trials:
            verdict = trials.survived(LIVES)
    except NotInstalled as absent:
        raise missing(str(absent)) from None

    assert verdict.wrong == []
    assert verdict.happened["executions killed"] >= 2
