"""What a person sees first, and what status says."""

from datetime import timedelta

import pytest

from bot.billing.delegation import Delegation
from bot.facts.homing import Role, SetupStep
from bot.facts.status import TroubleKind
from bot.services.homing import Homing
from bot.services.people import People
from bot.services.status import Status
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.contract.samples import request
from tests.factories import APPROVER_1, NOW, OUTSIDER, OWNER, instant, order, package, quota, usd
from tests.unit.services.rig import Rig

ORDER = order("2025-12-07 09:20")


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    rig = Rig(store, clock)
    rig.know(
        quota(orders=(ORDER,)),
        package("sm-screen", orders=(order("2025-12-07 09:20", cash="900.00"),)),
        quota("later", orders=(order("2026-05-10 09:20"),)),
        quota("nobody's", orders=(ORDER,), owner=None),
    )
    return rig


@pytest.fixture
def homing(rig: Rig) -> Homing:
    people = People(directory=rig.directory, policy=rig.policy)
    return Homing(store=rig.store, clock=rig.clock, policy=rig.policy, people=people)


def test_an_owner_sees_the_next_deduction_of_what_they_own(homing: Homing) -> None:
    facts = homing.home(OWNER)

    assert facts.role is Role.OWNER
    assert facts.next_day is not None
    assert facts.next_day.anchor.at == instant("2026-11-30 03:00")
    assert [row.subscription.key.id for row in facts.next_day.rows] == ["sm-quota", "sm-screen"]
    assert facts.next_day.sums == (usd("4500.00"),)


def test_everybody_sees_what_has_no_owner(homing: Homing) -> None:
    facts = homing.home(OUTSIDER)

    assert facts.role is Role.NOBODY
    assert facts.next_day is None
    assert [each.key.id for each in facts.without_owner] == ["nobody's"]
    assert facts.without_owner_count == 1


def test_who_decides_for_an_approver_sees_what_waits(rig: Rig) -> None:
    lent = Delegation(
        id="d",
        approver=APPROVER_1,
        delegate=OUTSIDER,
        starts_at=NOW,
        ends_at=NOW + timedelta(days=1),
        why="Away.",
        made_at=NOW,
    )
    people = People(directory=rig.directory, policy=rig.policy, in_force=lambda: [lent])
    homing = Homing(store=rig.store, clock=rig.clock, policy=rig.policy, people=people)
    with rig.store.transaction() as tx:
        tx.requests.save(request())

    facts = homing.home(OUTSIDER)

    assert facts.role is Role.APPROVER
    assert facts.waiting_count == 1


def test_approvers_are_greeted_as_such(homing: Homing) -> None:
    assert homing.home(APPROVER_1).role is Role.APPROVER


def test_whoever_sets_up_sees_the_next_open_step_until_all_are_done(
    rig: Rig, homing: Homing
) -> None:
    rig.directory.admins = {OUTSIDER}

    before = homing.home(OUTSIDER)
    rig.run()

    assert before.role is Role.INSTALLER
    assert [each.step for each in before.setup if not each.done] == [SetupStep.FIRST_REMINDER]
    assert homing.home(OUTSIDER).setup == ()


def test_status_counts_deliveries_and_armed_reminders(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-26 10:00"))
    rig.run()

    facts = Status(store=rig.store, clock=rig.clock).status()

    assert (facts.sent, facts.pending, facts.unknown) == (2, 0, 0)
    assert facts.armed == 5
    assert facts.health.next_reminder_at == instant("2026-11-27 09:00")
    assert facts.health.armed_at == rig.clock.now()
    assert facts.troubles == ()


def test_status_says_that_a_delivery_is_unknown_and_that_nothing_ticks(rig: Rig) -> None:
    rig.messenger.lose_answers = 1
    rig.run()
    rig.clock.advance(timedelta(minutes=5))

    facts = Status(store=rig.store, clock=rig.clock).status()

    assert {each.kind for each in facts.troubles} == {
        TroubleKind.UNKNOWN,
        TroubleKind.NOT_TICKING,
    }


def test_those_who_decide_and_operate_see_savings(rig: Rig, homing: Homing) -> None:
    rig.directory.admins = {OUTSIDER}

    assert homing.home(APPROVER_1).sees_savings
    assert homing.home(OUTSIDER).sees_savings
    assert not homing.home(OWNER).sees_savings
