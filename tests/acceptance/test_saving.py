"""What was saved, as people read it in Slack: three figures, and only theirs where amounts hide."""

import re

from tests.acceptance.catalogue import LAB, PROD, STAGING
from tests.acceptance.people import eventually
from tests.acceptance.test_privacy import discreet  # noqa: F401 - a fixture
from tests.acceptance.test_unsubscribing import ask, card
from tests.acceptance.world import World

COMMAND = "/lapse savings"


def said(answer) -> str:
    return " ".join(answer.words.split())


def asked_and_approved(world: World) -> None:
    world.load(*STAGING, *PROD)
    ask(world.user("requester"))
    world.tick()
    approver = world.user("approver-1")
    approver.newest("approvals", containing="Request 1001").click("Approve")
    card(world, "Approved")


def test_savings_go_from_decided_to_executed_to_verified(world: World):
    asked_and_approved(world)
    approver = world.user("approver-1")

    decided = approver.command(COMMAND)
    assert "Decided · refund at least USD 2,010.76 (estimate)" in said(decided)
    assert "Executed · nothing yet" in said(decided)

    world.advance(minutes=6)
    done = eventually(lambda: _done(world), "a card that says Done")
    [back] = re.findall(r"Refund at the cloud\* (USD [\d,.]+)", said(done))
    decided.click("By service")
    answer = approver.answer(containing="SecMaster")

    assert f"Verified · refund {back} at the cloud" in said(answer)
    assert f"Executed · refund {back} at the cloud" in said(answer)
    assert "Decided · refund at least USD 2,010.76 (estimate)" in said(answer)
    assert "renewals of USD 5,700.00 avoided (estimate)" in said(answer)
    assert len(approver.private()) == 1


def test_turning_off_saves_the_renewal_until_it_is_on_again(world: World):
    world.load(LAB)
    owner = world.user("owner")
    owner.command("/lapse autorenew off lab-quota").click("Turn off auto-renewal")
    owner.answer(containing="nothing will be deducted")

    off = owner.command(f"{COMMAND} by:owner")
    assert "Verified · renewals of USD 540.00 avoided (estimate) · 1 subscription" in said(off)

    world.core.providers["lab"].set_auto_renew("lab-quota", on=True)
    world.advance(seconds=1)  # what is read in the same instant may be older than the press
    on = owner.command(f"{COMMAND} by:owner")
    assert "Executed · renewals of USD 540.00 avoided (estimate)" in said(on)
    assert "Verified · nothing yet" in said(on)


def _done(world: World):
    world.advance(seconds=1)
    found = world.user("approver-1").posts("approvals")
    return next((m for m in found if "Done" in m.header), None)


def test_amounts_that_a_reader_may_not_see_are_in_no_sum(discreet: World):  # noqa: F811
    asked_and_approved(discreet)

    outsider = discreet.user("outsider").command(COMMAND)
    assert "Nothing was saved so far." in said(outsider)
    assert "3 subscriptions whose amounts you may not see" in said(outsider)
    assert "2,010.76" in said(discreet.user("requester").command(COMMAND))
    assert "2,010.76" in said(discreet.user("approver-1").command(COMMAND))
