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


def delegate(world: World, *, to: str, first: str, last: str) -> None:
    """Approver 1 lets somebody decide, from one day to another."""
    approver = world.user("approver-1")
    approver.command("/lapse delegate", where="approvals").click("Delegate…")
    modal = approver.modal(title="Delegate")
    modal.enter("To whom", to)
    modal.enter("First day", first)
    modal.enter("Last day", last)
    modal.enter("Why", "Away until Friday.")
    assert modal.submit()["ok"]
    assert "<#C0APPROVALS> is told" in approver.modal(title="Delegated").words


def test_a_delegate_decides_as_the_approver_until_it_is_ended(world: World, asked):
    outsider = world.user("outsider")
    delegate(world, to="U0OUTSIDER", first="2026-11-23", last="2026-11-27")
    world.tick()
    told = outsider.newest("approvals", containing="decides for")
    assert told.text == (
        "<@U0OUTSIDER> decides for <@U0APPROVER1> from Mon 23 Nov 2026 to Fri 27 Nov 2026 "
        "(Asia/Shanghai). Why: Away until Friday."
    )

    card(world, "Waiting")
    outsider.newest("approvals", containing="Request 1001").click("Approve")

    approved = card(world, "Approved")
    assert "<@U0OUTSIDER> for <@U0APPROVER1>, 10:12" in approved.words
    assert "is approved by <@U0OUTSIDER> for <@U0APPROVER1>" in approved.text
    in_thread(world, approved, "<@U0OUTSIDER> for <@U0APPROVER1> approved")

    approver = world.user("approver-1")
    listed = approver.command("/lapse delegate", where="approvals")
    assert "<@U0OUTSIDER> for <@U0APPROVER1>" in listed.words
    listed.click("End now")
    approver.answer(containing="Nobody decides for somebody else now", where="approvals")
    world.tick()
    ended = outsider.newest("approvals", containing="decides for")
    assert "<@U0APPROVER1> ended it" in ended.text
    assert len(outsider.posts("approvals")) == 2


def test_only_an_approver_delegates(world: World):
    outsider = world.user("outsider")
    assert "Delegate…" not in outsider.command("/lapse delegate").buttons

    refused = outsider.command("/lapse delegate new")

    assert "Only an approver can let somebody decide for them." in refused.text
    assert not outsider.has_modal()
