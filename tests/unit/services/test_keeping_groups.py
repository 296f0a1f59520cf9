"""User groups that Slack does not show: operators hear of each, once."""

from datetime import timedelta

import pytest

from bot.facts.messages import OperatorWarning
from bot.services.keeping_groups import TOLERATED, KeepingGroups
from bot.services.people import People
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, OWNER
from tests.unit.services.rig import Rig, policy

MINUTE = timedelta(minutes=1)


def keeping(rig: Rig, *groups: str) -> KeepingGroups:
    settings = policy(approvers=(APPROVER_1, *groups), break_glass=groups)
    return KeepingGroups(
        store=rig.store,
        clock=rig.clock,
        people=People(directory=rig.directory, policy=settings),
        operators=lambda: (OWNER,),
    )


def test_a_group_that_is_not_read_is_told_once_after_a_while(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    groups = keeping(rig, "S0TEAM", "S0OTHER")
    for minutes in range(10):
        rig.directory.unread["S0TEAM"] = minutes * MINUTE
        groups.tick()
        rig.run()
        told = rig.messenger.of(OperatorWarning)
        assert bool(told) is (minutes * MINUTE > TOLERATED)
        clock.advance(MINUTE)

    [warning] = told
    assert warning.to == "D0OWNER"
    assert warning.message.subject == "A user group cannot be read"
    assert "who is in the user group S0TEAM." in warning.message.text
    assert warning.message.since == clock.now() - 10 * MINUTE


@pytest.mark.parametrize("groups", [(), ("S0TEAM",)])
def test_while_they_are_read_nobody_hears_of_them(
    store: SqlStore, clock: SettableClock, groups: tuple[str, ...]
) -> None:
    rig = Rig(store, clock)
    rig.directory.groups["S0TEAM"] = (APPROVER_1,)
    keeping(rig, *groups).tick()
    rig.run()

    assert rig.messenger.of(OperatorWarning) == []
