"""`python -m tests.proof.torture --database postgres --seed 1 --minutes 10 --out DIR`.

Real processes, killed and frozen, over a real database that goes away, before a Slack that loses
calls. Leaves the history in DIR/history.jsonl, for `python -m tests.proof.checker` to judge again,
and appends its counts to DIR/../runs.jsonl. Odd seeds freeze processes, even ones never do.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

from tests.proof.torture.report import Report, report
from tests.proof.torture.run import NoRest, Torture
from tests.proof.torture.site import Site

CHANNELS, CHANNELS_WITH_FREEZES = 40, 15
"""Few, where processes are frozen: what a frozen one held is taken over when the rest is out."""

KINDS = ("postgres", "sqlite")
MOST_LINES = 20


def tortured(
    kind: str,
    seed: int,
    *,
    directory: Path,
    go_on: Callable[[int], bool],
    channels: int,
) -> Report:
    """Torture, wave after wave, while `go_on` says so of their number."""
    random = Random(seed)
    site = Site(kind, directory=directory, random=Random(f"weather {seed}"), channels=channels)
    try:
        site.start()
        torture = Torture(site, random, freezing=seed % 2 == 1)
        restless = []
        try:
            torture.run(go_on)
        except NoRest as lost:
            restless = [str(lost)]
        found = report(site.history, site.visible())
        return replace(found, wrong=[*restless, *found.wrong])
    finally:
        site.close()


def main(arguments: Sequence[str]) -> int:
    """Exit 0 when the promise was kept in time."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.torture")
    parser.add_argument("--database", choices=KINDS, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    directory = given.out / f"{given.database}-{given.seed}"
    until = time.monotonic() + given.minutes * 60
    found = tortured(
        given.database,
        given.seed,
        directory=directory,
        go_on=lambda _wave: time.monotonic() < until,
        channels=CHANNELS_WITH_FREEZES if given.seed % 2 else CHANNELS,
    )
    run = {"database": given.database, "seed": given.seed, **asdict(found)}
    with (given.out / "runs.jsonl").open("a", encoding="utf-8") as runs:
        runs.write(json.dumps(run) + "\n")
    for name, number in found.counts.items():
        sys.stdout.write(f"{number} {name}\n")
    sys.stdout.write(f"first reminder after the database was back: {found.back} s\n")
    sys.stdout.write(f"taken over after everybody was killed: {found.taken_over} s\n")
    failed = [*found.wrong, *found.slow]
    sys.stdout.write("\n".join(failed[:MOST_LINES] or ["ok"]) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
