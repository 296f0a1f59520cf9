"""The slices of a release's proof: what each has to try, in pieces, and how a piece is run."""

import hashlib
import importlib.util
import json
import logging
import subprocess
import sys
from atexit import register
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache, partial
from pathlib import Path

from tests.proof.calls import SCENARIOS as EXECUTIONS
from tests.proof.calls import STALLS, Ending, call_pairs
from tests.proof.calls import lived as carried_out
from tests.proof.crashes import SCENARIOS, died, pairs
from tests.proof.databases import on_postgres
from tests.proof.guards import GUARDS
from tests.proof.lives import FAILED_ONCE, lived
from tests.proof.machine import EXAMPLES_A_PIECE, played
from tests.proof.oracle import ZONES, differences
from tests.proof.pieces import Found, Piece, Slice, tried
from tests.proof.places import NEEDED, PLACES, TRIALS
from tests.proof.playing import Stages
from tests.proof.request_guards import GUARDS as REQUEST_GUARDS
from tests.proof.request_guards import missed
from tests.proof.requests_machine import played as requests_played
from tests.proof.stages import STAGES, Open, on_database, on_model, on_sqlite

TORTURE = Path("build/proof/torture")
TORTURED = [(database, seed) for seed in range(1, 11) for database in ("postgres", "sqlite")]
MOST_FOR_A_GUARD = 1000
LIVES = 140_000
"""So many lives meet each fault of a call as often as the fault matrix asks for."""

LIVES_ON_SQLITE = 5_000
REQUESTS = 2_500
"""Examples of 40 rules each; they take their part of the 90 minutes."""

REQUESTS_ON_A_DATABASE = 100


def prepare() -> None:
    """Be a worker: what is meant to go wrong is not logged."""
    logging.disable(logging.CRITICAL)


def run(piece: Piece) -> Found:
    """Run one piece."""
    return SLICES[piece.slice].run(piece)


@cache
def _stage(name: str) -> Open:
    """One for all pieces of this process."""
    stack = ExitStack()
    register(stack.close)
    return stack.enter_context(STAGES[name]())


def _lives(store: str, seeds: Sequence[int]) -> Found:
    failed: dict[str, Sequence[str]] = {}
    happened: Counter[str] = Counter()
    traces = hashlib.sha256()
    for seed in seeds:
        life = lived(_stage(store), seed)
        happened += life.happened
        traces.update(life.trace.encode())
        if life.wrong:
            failed[f"seed {seed} on {store}"] = life.wrong
    return Found(len(seeds), failed, happened, traces.hexdigest()[:16])


def _failed_once(piece: Piece) -> Found:
    seeds = [FAILED_ONCE[number] for number in piece.numbers]
    on_model, on_sqlite = _lives("model", seeds), _lives("sqlite", seeds)
    failed = {**on_model.failed, **on_sqlite.failed}
    if on_model.trace != on_sqlite.trace:
        failed["the model"] = ["it lives other lives than SQLite."]
    return Found(2 * len(seeds), failed)


def _guards(piece: Piece) -> Found:
    failed: dict[str, Sequence[str]] = {}
    found: dict[str, int] = {}
    for name in [sorted(GUARDS)[number] for number in piece.numbers]:
        with GUARDS[name]():
            seeds = range(MOST_FOR_A_GUARD)
            broken = next((each for each in seeds if lived(_stage("model"), each).wrong), None)
        if broken is None:
            failed[name] = ["nobody missed it."]
        else:
            found[f"without {name}: lives until one broke the promise"] = broken + 1
    return Found(len(piece.numbers), failed, found)


@cache
def _deaths() -> Sequence[tuple[str, str, int]]:
    steps = {name: died(_stage("model"), name).steps for name in SCENARIOS}
    return [
        (store, name, point)
        for name in SCENARIOS
        for point in range(1, steps[name] + 1)
        for store in sorted(STAGES)
    ]


def _singly(piece: Piece) -> Found:
    failed: dict[str, Sequence[str]] = {}
    for store, name, point in [_deaths()[number] for number in piece.numbers]:
        if wrong := died(_stage(store), name, (point,)).wrong:
            failed[f"{name}, death at {point}, on {store}"] = wrong
    return Found(len(piece.numbers), failed)


def _in_pairs(piece: Piece) -> Found:
    failed: dict[str, Sequence[str]] = {}
    trials = 0
    model = _stage("model")
    for store, name, first in [_deaths()[number] for number in piece.numbers]:
        for pair in pairs(model, name, first) if store == "model" else ():
            trials += 1
            if wrong := died(model, name, pair).wrong:
                failed[f"{name}, deaths at {pair}"] = wrong
    return Found(trials, failed)


@cache
def _call_points() -> Sequence[tuple[str, int]]:
    steps = {name: carried_out(_stage("model"), name).steps for name in EXECUTIONS}
    return [(name, point) for name in EXECUTIONS for point in range(1, steps[name] + 1)]


def _calls(piece: Piece) -> Found:
    """Death at a step, on both stores, and at any second one; standing still there."""
    failed: dict[str, Sequence[str]] = {}
    happened: Counter[str] = Counter()

    def tell(what: str, where: str, ending: Ending) -> None:
        happened[f"calls {what}"] += 1
        if ending.wrong:
            failed[f"{where}, {what}"] = ending.wrong

    model = _stage("model")
    for name, point in [_call_points()[number] for number in piece.numbers]:
        for store in sorted(STAGES):
            ending = carried_out(_stage(store), name, kill_at=(point,))
            tell("deaths", f"{name} at {point} on {store}", ending)
        for span in STALLS:
            ending = carried_out(model, name, stall_at=point, stalls_for=span)
            tell("stalls", f"{name} at {point} for {span}", ending)
        for pair in call_pairs(model, name, point):
            tell("pairs", f"{name} at {pair}", carried_out(model, name, kill_at=pair))
    return Found(happened.total(), failed, happened)


def _clocks(piece: Piece) -> Found:
    found = {name: differences(name) for name in [ZONES[number] for number in piece.numbers]}
    failed = {name: differing for name, (_, differing) in found.items() if differing}
    return Found(sum(compared for compared, _ in found.values()), failed)


def _machine(piece: Piece) -> Found:
    wrong = played(len(piece.numbers), seed=piece.first)
    failed = {f"examples from {piece.first}": [wrong]} if wrong else {}
    return Found(len(piece.numbers), failed)


def _requests(stages: Callable[[], AbstractContextManager[Stages]], piece: Piece) -> Found:
    with stages() as opened:
        wrong = requests_played(len(piece.numbers), seed=piece.first, stages=opened)
    failed = {f"examples from {piece.first}": [wrong]} if wrong else {}
    return Found(len(piece.numbers), failed)


def _requests_guards(piece: Piece) -> Found:
    names = [sorted(REQUEST_GUARDS)[number] for number in piece.numbers]
    nobody = [name for name in names if not missed(name, requests_played)]
    return Found(len(names), {name: ["nobody missed it."] for name in nobody})


@contextmanager
def _on_server() -> Iterator[Stages]:
    with on_postgres() as kept, on_database(kept.prepared) as opened:
        yield lambda: nullcontext(opened)


def _torture(piece: Piece) -> Found:
    """A minute for each, with real processes; what it counted stands in a file of its own."""
    failed: dict[str, Sequence[str]] = {}
    happened: Counter[str] = Counter()
    for database, seed in [TORTURED[number] for number in piece.numbers]:
        asked = {"database": database, "seed": str(seed), "minutes": "1", "out": str(TORTURE)}
        options = [part for name, value in asked.items() for part in (f"--{name}", value)]
        TORTURE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.proof.torture", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        last = (TORTURE / "runs.jsonl").read_text("utf-8").splitlines()[-1]
        happened += Counter({f"torture {k}": v for k, v in json.loads(last)["counts"].items()})
        if done.returncode:
            failed[f"torture {database} {seed}"] = done.stdout.splitlines()[-20:]
    return Found(happened["torture reminders"], failed, happened)


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


SLICES: Mapping[str, Slice] = {
    each.name: each
    for each in (
        Slice("failed-once", lambda: len(FAILED_ONCE), 100, _failed_once),
        Slice("guards", lambda: len(GUARDS), 1, _guards),
        Slice("deaths", lambda: len(_deaths()), 40, _singly),
        Slice("pairs", lambda: len(_deaths()), 20, _in_pairs),
        Slice("calls", lambda: len(_call_points()), 20, _calls),
        Slice("clocks", lambda: len(ZONES), 40, _clocks),
        Slice("machine", lambda: 10_000, EXAMPLES_A_PIECE, _machine),
        *(
            Slice(
                name, lambda: 10_000, EXAMPLES_A_PIECE, partial(_requests, stages), needs=examples
            )
            for name, examples, stages in (
                ("requests", REQUESTS, partial(nullcontext, on_model)),
                ("requests-sqlite", REQUESTS_ON_A_DATABASE, partial(nullcontext, on_sqlite)),
                ("requests-postgres", REQUESTS_ON_A_DATABASE, _on_server),
            )
        ),
        Slice("requests-guards", lambda: len(REQUEST_GUARDS), 1, _requests_guards),
        Slice(
            "lives",
            lambda: 1_000_000,
            2_000,
            lambda piece: _lives("model", piece.numbers),
            needs=LIVES,
        ),
        Slice(
            "on-sqlite",
            lambda: 50_000,
            100,
            lambda piece: _lives("sqlite", piece.numbers),
            needs=LIVES_ON_SQLITE,
        ),
        *(
            Slice(name, partial(int, total), a_piece, tried(PLACES[name]), NEEDED.get(name))
            for name, (total, a_piece) in TRIALS.items()
        ),
        Slice(
            "torture",
            lambda: len(TORTURED) if _is_there("tests.proof.torture") else 0,
            1,
            _torture,
        ),
    )
}
