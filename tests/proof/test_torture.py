"""A short torture of real processes on each database: nothing lost, nothing twice."""

from pathlib import Path

import pytest

from tests.conftest import missing
from tests.postgres import NotInstalled
from tests.proof.torture.__main__ import tortured
from tests.proof.torture.report import Report

WAVES = 1
CHANNELS = 8


def short_run(kind: str, directory: Path) -> Report:
    try:
        return tortured(
            kind, seed=2, directory=directory, go_on=lambda waves: waves < WAVES, channels=CHANNELS
        )
    except NotInstalled as error:
        raise missing(str(error)) from None


@pytest.mark.parametrize("kind", [pytest.param("postgres", marks=pytest.mark.postgres), "sqlite"])
def test_killed_and_cut_off_in_earnest_nothing_is_lost_or_told_twice(tmp_path: Path, kind: str):
    found = short_run(kind, tmp_path / "run")

    assert found.wrong == []
    assert found.counts["kill"] > 0
    assert found.counts["reminders"] == WAVES * CHANNELS * 3
