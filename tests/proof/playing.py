"""Playing a state machine with seeds: which of its examples breaks, and how."""

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def broken_in(
    machine: type[RuleBasedStateMachine], examples: int, *, rules: int, seed: int, store: str
) -> str:
    """What went wrong in the first of so many examples that breaks, or nothing.

    Each has up to so many `rules`; the machine's `store_kind` names the store it is played on.
    """
    chosen = settings(
        max_examples=examples,
        stateful_step_count=rules,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    played = type("Played", (machine,), {"store_kind": store})
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(played), settings=chosen)
    except AssertionError as error:
        return "\n".join([str(error), *getattr(error, "__notes__", [])])
    return ""
