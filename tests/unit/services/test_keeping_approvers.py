"""What cannot get its approvals any more: operators hear of each request, once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.billing.subscription import SlackUser
from bot.services.alarming import read_warning
from bot.services.keeping_approvers import KeepingApprovers
from bot.services.policy import ApprovalRule
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, APPROVER_2, OWNER, REQUESTER
from tests.unit.services.desk import Desk

MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock)


def set_to(desk: Desk, **changes: Any) -> None:
    """The settings read so at the next start."""
    desk.policy = replace(desk.policy, **changes)
    desk.start()


def told(desk: Desk) -> list[str]:
    """What operators have read in all, after looking three times."""
    for _ in range(3):
        KeepingApprovers(
            store=desk.store,
            clock=desk.clock,
            policy=desk.policy,
            people=desk.people,
            operators=lambda: (OWNER,),
        ).tick()
        desk.clock.advance(31 * MINUTE)
    found = [each for each in desk.deliveries() if each.key.startswith("warning/approvals/")]
    assert all(each.destination == OWNER for each in found)
    return [read_warning(each.subject).text for each in found]


def text(needed: str, can: str) -> str:
    return (
        f"By the settings as they are now request 1001 needs {needed} of others than who asked, "
        f"and {can} can come. Add someone to `approvals.approvers` by "
        "Thu 26 Nov 2026, 10:12 GMT+08:00; then it expires."
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"approvers": (REQUESTER,)}, text("1 approval", "none")),
        ({"approvers": ()}, text("1 approval", "none")),
        ({"required": 3}, text("3 approvals", "at most 2")),
        (
            {"approvers": (APPROVER_1,), "rules": (ApprovalRule(required=2),)},
            text("2 approvals", "at most 1"),
        ),
    ],
)
def test_where_not_enough_are_left_operators_hear_of_it_once(
    desk: Desk, changes: dict[str, Any], said: str
) -> None:
    desk.ask("sm-quota")
    set_to(desk, **changes)

    assert told(desk) == [said]


def test_what_somebody_has_approved_counts(desk: Desk) -> None:
    desk.ask("sm-quota")
    set_to(desk, required=2)
    desk.unsubscribing.approve(1001, by=APPROVER_1)
    assert told(desk) == []

    set_to(desk, approvers=(APPROVER_1,))

    assert told(desk) == [text("2 approvals", "at most 1")]


@pytest.mark.parametrize("approvers", [(APPROVER_2,), (APPROVER_1, "S0TEAM")])
def test_while_enough_are_left_or_nobody_knows_nothing_is_said(
    desk: Desk, approvers: tuple[SlackUser, ...]
) -> None:
    desk.ask("sm-quota")
    set_to(desk, approvers=approvers, required=len(approvers))

    assert told(desk) == []


def test_what_waits_no_more_is_nobody_s_trouble(desk: Desk) -> None:
    desk.approved("sm-quota")
    set_to(desk, approvers=())

    assert told(desk) == []
