"""How a request is decided: calls to those who can, deciding for somebody else, broken glass."""

import pytest

from bot.config import Settings
from bot.demo import workspace
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


def breakable() -> Settings:
    """The practice workspace, in which approver 2 may break the glass, and two have to approve."""
    settings = workspace.practice_settings()
    approvals = settings.approvals.model_copy(
        update={"break_glass": ("U0APPROVER2",), "required": 2}
    )
    return settings.model_copy(update={"approvals": approvals})


def approved_by(*approvers: str) -> Settings:
    """The practice workspace, in which these decide."""
    settings = workspace.practice_settings()
    approvals = settings.approvals.model_copy(update={"approvers": approvers})
    return settings.model_copy(update={"approvals": approvals})


def test_whom_the_settings_no_longer_name_has_not_approved(world: World, asked):
    asked.click("Approve")
    card(world, "Approved")

    world.stop()
    world.start(approved_by("U0APPROVER2"))
    world.advance(minutes=6)
    stale = card(world, "Stale")

    assert stale.header.endswith("Stale: an approval no longer counted, nothing was executed")
    said = "An approval of it does not count any more: the settings no longer name the approver."
    assert said in stale.words
    assert stale.buttons[:2] == ["Review new figures…", "Withdraw"]
    assert said.rstrip(".") in world.user("requester").newest("Lapse", containing="is stale").text


def test_a_group_that_slack_does_not_show_decides_nothing_and_it_is_said_why(world: World, asked):
    world.stop()
    world.start(approved_by("S0GONE"))
    world.user("approver-1").newest("approvals", containing="Request 1001").click("Approve")

    refused = world.user("approver-1").answer(containing="S0GONE", where="approvals")
    assert refused.text == (
        "Slack does not show who is in the user group S0GONE, so nobody of it decides. "
        "Operators are told; try again when Lapse can read it."
    )
    assert card(world, "Waiting")


def test_broken_glass_approves_alone_and_everybody_is_told(world: World):
    world.stop()
    world.start(breakable())
    world.load(*STAGING)
    ask(world.user("requester"))
    waiting = card(world, "Waiting")
    assert waiting.buttons == ["Approve", "Reject", "Withdraw", "Break glass…"]

    outsider = world.user("outsider")
    outsider.newest("approvals", containing="Request 1001").click("Break glass…")
    refused = outsider.answer(containing="cannot break the glass", where="approvals")
    assert "<@U0APPROVER2>" in refused.text

    approver = world.user("approver-2")
    approver.newest("approvals", containing="Request 1001").click("Break glass…")
    modal = approver.modal(title="Break glass")
    assert "without the 2 approvals that it needs" in modal.words
    assert not modal.submit()["ok"]
    modal.enter("Why", "The servers leak <!channel> money & nobody answers.")
    assert modal.submit()["ok"]

    approved = card(world, "Approved")
    assert (
        "<@U0APPROVER2> broke the glass, 10:12 GMT+08:00, with 0 of 2 approvals" in approved.words
    )
    assert "nobody answers" in approved.words
    assert "Stop" in approved.buttons
    told = outsider.newest("approvals", containing="Glass broken: request 1001")
    assert told.text.startswith("<!channel> <@U0APPROVER2> broke the glass for request 1001")
    assert "leak &lt;!channel&gt; money &amp; nobody answers." in told.text
    in_thread(world, approved, "broke the glass and approved it alone: The servers leak")
    note = world.user("requester").newest("Lapse", containing="broke the glass")
    assert "Stop" in note.buttons

    world.stop()
    world.start(breakable())
    world.tick()
    posts = [each.header for each in outsider.posts("approvals")]
    assert sum("Glass broken" in each for each in posts) == 1

    world.advance(minutes=5)
    for _ in range(3):
        world.advance(seconds=3)
    done = card(world, "Done")
    assert "approved by <@U0APPROVER2>, who broke the glass" in done.words
    receipt = in_thread(world, done, "Receipt of request 1001")
    assert receipt


def test_what_is_new_and_depends_on_it_stops_it_before_anything_is_executed(world: World, asked):
    asked.click("Approve")
    card(world, "Approved")
    new = STAGING[1] | {"id": "staging-new", "name": "Intelligent analysis"}
    world.load(new | {"package": "intelligent-analysis"})

    world.advance(minutes=5)

    stale = card(world, "Stale")
    assert "the facts changed, nothing was executed" in stale.header
    assert "Intelligent analysis depends on what goes and was not there" in stale.words
    assert "Acknowledged Mon 23 Nov, 10:12 GMT+08:00" in stale.words
    assert "Read Mon 23 Nov, 10:17 GMT+08:00" in stale.words
    requester = world.user("requester")
    requester.newest("approvals", containing="Request 1001").click("Review new figures…")
    modal = requester.modal(title="Review new figures", containing="Intelligent analysis depends")
    assert "Left behind" in modal.words
    modal.enter("Handling fee", True)
    assert modal.submit()["ok"]
    again = card(world, "Waiting")
    assert "earlier approvals do not count" in again.words
    world.tick()
    line = in_thread(world, stale, "waits again, with new figures")
    assert line.startswith("<@U0APPROVER1> <@U0APPROVER2>: request 1001")
