"""`lapse run` executes a request although it is killed again and again, as a program of its own."""

import pytest

from tests.conftest import missing
from tests.postgres import NotInstalled
from tests.proof.executions import executing

STRIDE = 70
LIVES = (25, 75)
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


def test_a_worker_that_is_killed_at_an_effect_ends_as_one_that_nothing_disturbs() -> None:
    """Some of them; each one, on both databases, in a release."""
    with executing("sqlite") as trials:
        path = trials.undisturbed
        wrong = [
            each for point in range(7, trials.points, STRIDE) for each in trials.killed(point).wrong
        ]

    assert {verb for _, verb, _, _ in path.request["events"]} >= {
        "called",
        "approved",
        "step-done",
        "verified",
        "looked-again",
    }
    assert {f"request/1001/receipt{form}: sent" for form in ("", "/pdf", "/json")} <= {*path.owed}
    assert wrong == []
