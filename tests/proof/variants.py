"""Lives of other kinds than the usual one, each a slice of its own, judged by the same checker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from bot.ports.store import Store
from tests.proof.checker import judged
from tests.proof.counted import CountedWorld
from tests.proof.edits import MovedHours, Switched
from tests.proof.one_page import OnePageWorld
from tests.proof.owners import OwnedWorld
from tests.proof.pieces import Place, Trial, Verdict
from tests.proof.stages import Disk, Open, on_model
from tests.proof.world import World

Make = Callable[[Store, Disk, int], World]


def lived(make: Make, name: str, stage: Open, seed: int) -> Verdict:
    """Live through one seed; what happened is named after the variant."""
    with stage() as (store, disk):
        world = make(store, disk, seed)
        evidence = world.run()
    begins = f"{name} "
    happened = {what: n for what, n in world.slack.happened.items() if what.startswith(begins)}
    return Verdict(judged(evidence), happened)


@contextmanager
def _on_model(make: Make, name: str) -> Iterator[Trial]:
    with on_model() as stage:
        yield partial(lived, make, name, stage)


VARIANTS: dict[str, Place] = {
    name: partial(_on_model, make, name)
    for name, make in {
        "hours": MovedHours,
        "switches": Switched,
        "owners": OwnedWorld,
        "counted": CountedWorld,
        "one-page": OnePageWorld,
    }.items()
}
