"""Playing a state machine with seeds: which of its examples breaks, and how."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.proof.stages import Open

Stages = Callable[[], AbstractContextManager[Open]]
"""Opens the place in which an example opens its stage."""


def broken_in(
    machine: type[RuleBasedStateMachine], examples: int, *, rules: int, seed: int, stages: Stages
) -> str:
    """What went wrong in the first of so many examples that breaks, or nothing.

    Each has up to so many `rules`; the machine's `stages` say on which store it is played.
    """
    chosen = settings(
        max_examples=examples,
        stateful_step_count=rules,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    played = type("Played", (machine,), {"stages": staticmethod(stages)})
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(played), settings=chosen)
    except AssertionError as error:
        return "\n".join([str(error), *getattr(error, "__notes__", [])])
    return ""
