"""What ending a contract by hand saves: done is executed, seen by a second person is verified."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from bot.billing.reminder import Schedule
from bot.billing.savings import Stage
from bot.facts.saving import SavingsQuery
from bot.ports.store import Store
from bot.services.saving import Saving
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, instant
from tests.unit.services.desk import Desk
from tests.unit.services.rig import SHANGHAI, policy
from tests.unit.services.test_vouching import PAGE, done, opened, vouching


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock, subscriptions=(PAGE,))


def renewals(desk: Desk) -> list[int]:
    [row] = Saving(store=desk.store, zone=SHANGHAI).savings(SavingsQuery()).rows
    return [int(row.figures[stage].renewals.amount) for stage in Stage]


def test_a_contract_that_ends_avoids_its_renewal_and_gives_nothing_back(desk: Desk) -> None:
    number = opened(desk)
    assert renewals(desk) == [348, 0, 0]

    done(desk)
    assert renewals(desk) == [348, 0, 0]

    vouching(desk).gone(number, by=APPROVER_1)
    desk.run(seconds=5)
    assert renewals(desk) == [348, 348, 348]


def test_a_request_expires_before_its_notice_date_is_over_for_the_reader(
    store: Store, clock: SettableClock
) -> None:
    auckland = replace(policy().schedule, zone=ZoneInfo("Pacific/Auckland"))
    assert isinstance(auckland, Schedule)
    clock.set(instant("2027-04-09 00:00"))
    desk = Desk(store, clock, (PAGE,), policy=policy(schedule=auckland))

    assert desk.draft("status-page").deadline == instant("2027-04-10 18:55")
