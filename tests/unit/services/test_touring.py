"""The tour of the practice workspace: one message, ticked off when things were really done."""

import pytest

from bot.facts.messages import Tour
from bot.services.touring import Touring
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.unit.services.rig import APPROVALS, FINOPS, Rig


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    return Rig(store, clock)


@pytest.fixture
def touring(rig: Rig) -> Touring:
    touring = Touring(store=rig.store, clock=rig.clock, policy=rig.policy)
    touring.begin(subject_ids=("sm-quota", "sm-screen"), channel=FINOPS)
    rig.delivering.send_due()
    return touring


def shown(rig: Rig) -> Tour:
    [only] = rig.messenger.of(Tour)
    assert only.to == FINOPS
    assert isinstance(only.message, Tour)
    return only.message


def test_the_tour_is_posted_once_however_often_the_demo_starts(rig: Rig, touring: Touring) -> None:
    touring.begin(subject_ids=("sm-quota", "sm-screen"), channel=FINOPS)
    rig.delivering.send_due()

    tour = shown(rig)
    assert (tour.seen, tour.asked, tour.decided, tour.skipped) == (False, False, False, False)
    assert tour.subject_ids == ("sm-quota", "sm-screen")
    assert tour.approvals_channel == APPROVALS


def test_looking_at_the_deductions_ticks_the_first_step_off_in_place(
    rig: Rig, touring: Touring
) -> None:
    touring.saw()
    touring.saw()
    rig.delivering.send_due()

    assert shown(rig).seen
    assert rig.messenger.updates == 1


def test_nothing_is_ticked_off_that_was_not_done(rig: Rig, touring: Touring) -> None:
    assert touring.tick() == 0
    rig.delivering.send_due()

    assert not shown(rig).asked


def test_the_tour_can_be_skipped(rig: Rig, touring: Touring) -> None:
    touring.skip()
    rig.delivering.send_due()

    assert shown(rig).skipped
    assert touring.tick() == 0


def test_without_a_tour_its_steps_change_nothing(rig: Rig) -> None:
    touring = Touring(store=rig.store, clock=rig.clock, policy=rig.policy)

    touring.saw()
    touring.skip()

    assert touring.tick() == 0
    rig.delivering.send_due()
    assert rig.messenger.posts == 0
