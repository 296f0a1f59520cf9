"""A life from its seed, judged: `python -m tests.proof.lives [--on sqlite] SEED...` tells of each.

The trace is a digest of everything that people could see and that Slack was asked. A seed lives
the same life every time, on every store.
"""

import argparse
import hashlib
import json
import logging
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.proof.checker import judged
from tests.proof.stages import STAGES, Open
from tests.proof.world import World

FAILED_ONCE = tuple(
    int(line.split()[0])
    for line in (Path(__file__).parent / "failed_seeds.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)


class Life(NamedTuple):
    """What became of a seed."""

    wrong: Sequence[str]
    evidence: Sequence[Mapping[str, object]]
    happened: Counter[str]

    @property
    def trace(self) -> str:
        """A digest of the evidence."""
        return hashlib.sha256(json.dumps(self.evidence, sort_keys=True).encode()).hexdigest()[:16]


def lived(stage: Open, seed: int) -> Life:
    """Live through one seed and judge it."""
    with stage() as (store, disk):
        world = World(store, disk, seed)
        evidence = world.run()
    return Life(judged(evidence), evidence, world.slack.happened)


def main(arguments: Sequence[str]) -> int:
    """Exit 1 when a life broke the promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.lives")
    parser.add_argument("--on", choices=sorted(STAGES), default="model")
    parser.add_argument("--evidence", type=Path, help="write the evidence of the last seed there")
    parser.add_argument("seeds", type=int, nargs="+")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    broken = False
    with STAGES[asked.on]() as stage:
        for seed in asked.seeds:
            life = lived(stage, seed)
            broken = broken or bool(life.wrong)
            sys.stdout.write(f"{seed} {life.trace} {' '.join(life.wrong) or 'kept'}\n")
    if asked.evidence:
        lines = (json.dumps(line) for line in life.evidence)
        asked.evidence.write_text("\n".join(lines) + "\n", "utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
