"""How a request is decided: calls to those who can, deciding for somebody else, broken glass."""

import pytest

from tests.acceptance.catalogue import STAGING
from tests.acceptance.people import eventually
from tests.acceptance.test_unsubscribing import ask, card
from tests.acceptance.world import World


@pytest.fixture
def asked(world: World):
    """The requester has asked to leave SecMaster professional of staging with its packages."""
    world.load(*STAGING)
    ask(world.user("requester"))
    world.tick()
    return world.user("approver-1").newest("approvals", containing="Request 1001")


def in_thread(world: World, root, containing: str) -> str:
    """The newest line of a request's thread that says something; ticks meanwhile."""

    def look() -> str | None:
        world.tick(rounds=1)
        said = world.user("requester").thread(root)
        return next((each for each in reversed(said) if containing in each), None)

    return eventually(look, f"a line that says {containing!r}")


def test_approvers_are_called_in_the_thread_while_it_waits(world: World, asked):
    told = len(world.user("requester").posts("Lapse"))

    world.advance(hours=4)

    line = in_thread(world, asked, "still waits")
    assert line.startswith("<@U0APPROVER1> <@U0APPROVER2>: request 1001 still waits: SecMaster")
    assert "Refund at least USD\u00a02,010.76 (estimate). Approve or reject by Thu 26 Nov" in line
    assert len(world.user("requester").posts("Lapse")) == told

    world.restart()
    world.advance(hours=40)
    said = [each for each in world.user("requester").thread(asked) if "still waits" in each]
    assert len(said) == 2

    card(world, "Waiting").click("Approve")
    card(world, "Approved")
