"""A short soak, and that what it measures shows."""

from pathlib import Path

import pytest

from tests.proof.growth import resident, slope
from tests.proof.guards import GUARDS
from tests.proof.soak import Soak, grown, lived
from tests.proof.stages import Open

HOURS, ARRIVING = 4, 4


def short_soak(model: Open, directory: Path, *, seed: int = 0) -> tuple[Soak, list[str]]:
    with model() as (store, _):
        soak = Soak(store, seed, arriving=ARRIVING, directory=directory)
        return soak, [*lived(soak, HOURS).wrong]


def test_a_short_soak_loses_nothing_and_tells_nothing_twice(model: Open, tmp_path: Path):
    soak, wrong = short_soak(model, tmp_path)

    assert wrong == []
    assert soak.owed > 10 * ARRIVING
    assert [round(hour) for hour, _ in soak.measured] == list(range(HOURS + 1))


def test_a_soak_breaks_without_a_guard(model: Open, tmp_path: Path):
    with GUARDS["look"]():
        _, wrong = short_soak(model, tmp_path)

    assert wrong != []


def test_memory_that_grows_by_more_than_a_megabyte_an_hour_is_told():
    hours = [float(hour) for hour in range(72)]

    assert grown([(hour, 120 + 0.9 * hour) for hour in hours]) == []
    assert grown([(hour, 120 + min(hour, 30)) for hour in hours]) == []
    assert grown([(hour, 120 + 1.1 * hour) for hour in hours]) != []


def test_what_is_held_is_seen():
    before = resident()
    held = bytearray(b"held" * 50_000_000)

    # Others give back or take a little meanwhile.
    assert resident() - before == pytest.approx(len(held) / 1e6, rel=0.1)
    assert slope([(0.0, 1.0), (1.0, 3.0)]) == pytest.approx(2.0)
