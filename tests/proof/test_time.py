"""When a reminder is due, in every zone and at every transition, against an independent oracle."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from tests.proof.oracle import ZONES, differences, oracle, transitions

PARTS = 40


@pytest.mark.parametrize("part", range(PARTS))
def test_every_transition_of_every_zone_agrees_with_the_oracle(part: int) -> None:
    differing = [each for name in ZONES[part::PARTS] for each in differences(name)[1]]

    assert differing == []


def test_the_oracle_meets_gaps_and_folds() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    assert sum(1 for _ in transitions(berlin)) == 28
    gap = oracle(date(2026, 3, 29), time(2, 30), berlin)
    fold = oracle(date(2026, 10, 25), time(2, 30), berlin)
    assert gap == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert fold == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
