"""Deaths at every numbered step of three scenarios, singly and again during the recovery."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.billing.subscription import Subscription
from tests.proof.checker import judged
from tests.proof.nemesis import Nemesis
from tests.proof.stages import Open
from tests.proof.world import TEAM, World, renewing

SEED = 3
QUIET = Nemesis()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens but for the deaths: the items, what Slack does, the posts that go wrong."""

    items: Sequence[Subscription]
    nemesis: Nemesis = QUIET
    script: Sequence[str] = ()


class Death(NamedTuple):
    """What became of a life with deaths: how many steps it had, and what went wrong."""

    steps: int
    wrong: Sequence[str]


def _moved(ref: str) -> Subscription:
    return replace(renewing(ref), channel=TEAM)


SCENARIOS: Mapping[str, Scenario] = {
    "a plain reminder": Scenario(items=[renewing("item-0")]),
    "digests, one of them rerouted": Scenario(
        items=[*map(renewing, ("item-0", "item-1")), *map(_moved, ("item-2", "item-3"))],
        nemesis=Nemesis(closed="is_archived"),
    ),
    "a lost answer, then a lost request": Scenario(
        items=[renewing("item-0")], script=("F7 reply lost", "F7 request lost")
    ),
}


def died(stage: Open, name: str, kill_at: Sequence[int] = ()) -> Death:
    """Live through a scenario in which a process dies at these steps."""
    scenario = SCENARIOS[name]
    with stage() as (store, disk):
        world = World(
            store,
            disk,
            SEED,
            scenario.nemesis,
            items=scenario.items,
            script=scenario.script,
            kill_at=kill_at,
        )
        wrong = judged(world.run())
    return Death(world.steps, wrong)


def pairs(stage: Open, name: str, first: int) -> Iterator[tuple[int, int]]:
    """The step and every one that comes after it, to the end of the life in which it kills."""
    for second in range(first + 1, died(stage, name, (first,)).steps + 1):
        yield first, second
