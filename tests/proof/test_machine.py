"""What was sent is what a reference model says, whatever people do in whatever order."""

from collections.abc import Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from tests.proof.guards import GUARDS
from tests.proof.machine import Reminders, played
from tests.proof.slices import SLICES
from tests.proof.stages import on_sqlite

T = TypeVar("T")
Rules = Sequence[tuple[str, dict[str, object]]]

BEIJING, CALIFORNIA = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
NEXT_WEEK = "default/item-2/2026-12-02/7d"
TOMORROW = "default/item-2/2026-11-24/3d"
LATER = "default/item-1/2026-11-26/3d"

ONCE_BROKE: dict[str, Rules] = {
    "a lead that was quiet is moved beyond the end of the snooze": (
        ("begins", {"zone": BEIJING, "leads": (3, 1)}),
        ("time_passes", {"hours": 72}),
        ("somebody_buys", {"days": 5, "hour": 15}),
        ("somebody_buys", {"days": 6, "hour": 10}),
        ("the_leads_change", {"leads": (7, 3, 1)}),
        ("time_passes", {"hours": 24}),
        ("somebody_keeps", {"data": NEXT_WEEK}),
        ("time_passes", {"hours": 7}),
        ("somebody_snoozes", {"data": NEXT_WEEK, "hours": 43}),
        ("time_passes", {"hours": 24}),
        ("the_zone_changes", {"zone": CALIFORNIA}),
        ("time_passes", {"hours": 47}),
    ),
    "a lead is moved before the end of the snooze that it came after": (
        ("begins", {"zone": CALIFORNIA, "leads": (7, 3, 1)}),
        ("somebody_buys", {"days": 10, "hour": 11}),
        ("somebody_buys", {"days": 1, "hour": 13}),
        ("somebody_snoozes", {"data": TOMORROW, "hours": 5}),
        ("the_zone_changes", {"zone": BEIJING}),
        ("time_passes", {"hours": 47}),
    ),
    "a lead is moved before the end of a snooze while it was kept": (
        ("begins", {"zone": CALIFORNIA, "leads": (7, 3, 1)}),
        ("somebody_buys", {"days": 10, "hour": 11}),
        ("somebody_buys", {"days": 1, "hour": 13}),
        ("somebody_keeps", {"data": TOMORROW}),
        ("the_zone_changes", {"zone": BEIJING}),
        ("somebody_snoozes", {"data": TOMORROW, "hours": 5}),
        ("time_passes", {"hours": 47}),
    ),
    "a lead is moved beyond the end of a snooze while it was kept": (
        ("begins", {"zone": BEIJING, "leads": (3, 1)}),
        ("somebody_buys", {"days": 3, "hour": 6}),
        ("time_passes", {"hours": 24}),
        ("the_clock_goes_back", {"minutes": 1}),
        ("somebody_keeps", {"data": LATER}),
        ("the_zone_changes", {"zone": CALIFORNIA}),
        ("somebody_snoozes", {"data": LATER, "hours": 26}),
        ("time_passes", {"hours": 47}),
    ),
    "a second snooze ends before a lead that the first one silenced": (
        ("begins", {"zone": BEIJING, "leads": (3, 1)}),
        ("somebody_buys", {"days": 3, "hour": 6}),
        ("somebody_snoozes", {"data": LATER, "hours": 50}),
        ("somebody_snoozes", {"data": LATER, "hours": 7}),
        ("time_passes", {"hours": 72}),
    ),
    "a lead that is new in the settings falls due while nobody runs, from the run after on": (
        ("begins", {"zone": BEIJING, "leads": (1,)}),
        ("somebody_buys", {"days": 12, "hour": 2}),
        ("time_passes", {"hours": 200}),
        ("the_leads_change", {"leads": (7, 3, 1)}),
        ("time_passes", {"hours": 72}),
    ),
    "the date of one whose lead is new in the settings passes while nobody runs": (
        ("begins", {"zone": BEIJING, "leads": (7, 3, 1)}),
        ("somebody_buys", {"days": 5, "hour": 23}),
        ("time_passes", {"hours": 47}),
        ("the_leads_change", {"leads": (1,)}),
        ("the_zone_changes", {"zone": CALIFORNIA}),
        ("the_leads_change", {"leads": (3, 1)}),
        ("time_passes", {"hours": 200}),
    ),
}


class Replayed(Reminders):
    """Rules that are given; where one draws, it takes what has to do with the reminder it names."""

    def _drawn(self, data: Any, options: Sequence[T]) -> T:
        return next(each for each in options if data in _names(each) or each in data.split("/"))


def _names(option: Any) -> Sequence[str]:
    return option["ids"] if isinstance(option, dict) else ()


def replayed(rules: Rules) -> None:
    """Play the rules in their order."""
    machine: Any = Replayed()
    for name, arguments in rules:
        getattr(machine, name)(**arguments)
        machine.what_was_sent_is_what_the_model_says()
    machine.teardown()


@pytest.mark.parametrize("name", ONCE_BROKE)
def test_rules_that_broke_it_once_do_not_again(name: str) -> None:
    replayed(ONCE_BROKE[name])


@pytest.mark.parametrize("seed", range(2))
def test_what_is_told_is_what_the_reference_model_expects(seed: int) -> None:
    assert played(60, seed=seed) == ""


def test_it_is_so_on_sqlite() -> None:
    assert played(3, seed=0, stages=on_sqlite) == ""


@pytest.mark.parametrize("name", ["intent", "look", "second thought"])
def test_the_reference_model_misses_what_a_crash_or_a_change_needs(name: str) -> None:
    with GUARDS[name]():
        assert played(100, seed=5) != ""


def test_the_pieces_of_a_release_cover_every_trial_once() -> None:
    for each in SLICES.values():
        numbers = [number for piece in each.pieces() for number in piece.numbers]
        assert numbers == list(range(each.total()))
