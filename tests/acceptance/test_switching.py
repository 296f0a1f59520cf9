"""Auto-renewal by request: turned on after a second person approved, and off where that is set."""

import json
from typing import Any

import pytest

from bot.config import Settings
from bot.demo import workspace
from tests.acceptance.catalogue import HK, LAB
from tests.acceptance.people import Message, eventually
from tests.acceptance.world import World

OFF = {**HK, "auto_renew": False}
SENTENCE = "I understand that the next renewal will be deducted."


def settings(**approvals: Any) -> Settings:
    """The practice workspace's, with other ones for approvals."""
    practice = workspace.practice_settings()
    changed = practice.approvals.model_copy(update=approvals)
    return practice.model_copy(update={"approvals": changed})


def card(world: World, containing: str) -> Message:
    """The request's message, once it says that."""

    def look() -> Message | None:
        world.tick(rounds=1)
        found = world.user("approver-1").posts("approvals")
        return next((m for m in found if containing in m.header), None)

    return eventually(look, f"a card that says {containing!r}")


def read_at_the_cloud(world: World, ref: str) -> bool | None:
    """What auto-renewal reads in the cloud's own book."""
    assert world.core is not None
    account, _, id_ = ref.partition("/")
    return world.core.providers[account].read([id_])[id_].auto_renew  # type: ignore[index]


def test_turning_on_is_asked_approved_executed_and_read_back(world: World) -> None:
    world.load(OFF)
    requester = world.user("requester")

    facts = requester.command("/lapse autorenew on hk-quota")
    assert "needs approval" in facts.words
    assert "USD\u00a01,080.00 will be deducted on Thu 3 Dec 2026, 03:00 GMT+08:00" in facts.words
    assert facts.buttons == ["Request auto-renewal on"]
    facts.click("Request auto-renewal on")
    requester.answer(containing="Request 1001 goes to")
    waiting = card(world, "Waiting: turn on auto-renewal of SecMaster Standard")
    assert SENTENCE in waiting.words
    assert waiting.buttons == ["Approve", "Reject", "Withdraw"]
    for word in ("refund", "Refund", "handling fee", "nsubscri"):
        assert word not in waiting.words + waiting.text

    world.user("approver-1").newest("approvals", containing="Request 1001").click("Approve")
    card(world, "Approved: starts at 10:17")
    assert read_at_the_cloud(world, "hk/hk-quota") is False
    world.advance(minutes=5)
    for _ in range(10):
        world.advance(seconds=1)

    done = card(world, "Done: auto-renewal of SecMaster Standard is on")
    assert read_at_the_cloud(world, "hk/hk-quota") is True
    for word in ("refund", "Refund", "fee", "nsubscri", " gone"):
        assert word not in done.words + done.text
    told = [m.text for m in requester.posts("Lapse")]
    assert any("Done: auto-renewal of SecMaster Standard is on." in each for each in told)
    thread = requester.thread_messages(done)
    said = " ".join(each.text for each in thread)
    assert f'asked and acknowledged: "{SENTENCE}"' in said
    assert "auto-renewal reads on" in said
    receipt = next(each for each in thread if each.header.startswith("Receipt of request 1001"))
    assert receipt.header == "Receipt of request 1001: auto-renewal is on"
    for word in ("refund", "Refund", "fee", "nsubscri", " gone"):
        assert word not in receipt.words + receipt.text
    files = {each.name: each for message in thread for each in message.files}
    facts_of = json.loads(next(f for name, f in files.items() if name.endswith(".json")).content())
    assert facts_of["change"] == "auto-renewal-on"
    assert facts_of["items"][0]["charge"]["amount"] == "1080.00"
    assert facts_of["items"][0]["auto_renew"] is True
    page = next(f for name, f in files.items() if name.endswith(".pdf")).content()
    assert b"Turn auto-renewal on" in page
    assert b"Refund" not in page
    assert "1 to 1 of 1" in requester.command("/lapse list auto-renew:on").words


def test_it_can_be_turned_on_again_after_it_was_turned_off(world: World) -> None:
    world.load(LAB)
    owner = world.user("owner")
    owner.command("/lapse autorenew off lab-quota").click("Turn off auto-renewal")
    off = owner.answer(containing="nothing will be deducted")

    off.click("Turn on again…")
    modal = owner.modal(title="Auto-renewal", containing="needs approval")
    modal.click("Request auto-renewal on")

    owner.modal(containing="Request 1001 goes to")
    card(world, "Waiting: turn on auto-renewal of SecMaster Standard")


def test_on_the_last_day_it_deducts_at_once_and_can_be_given_back(world: World) -> None:
    last_day = [{**LAB["orders"][0], "expires_at": "2026-11-23T23:59:59+08:00"}]
    world.load({**LAB, "auto_renew": False, "orders": last_day})

    requester = world.user("requester")
    facts = requester.command("/lapse autorenew on lab-quota")

    assert "It deducts USD\u00a0540.00 at once." in facts.words
    assert "It deducts USD\u00a0540.00 at once." in facts.text
    facts.click("Request auto-renewal on")
    waiting = card(world, "Waiting")
    assert "USD\u00a0540.00 is deducted at once" in waiting.text
    world.user("approver-1").newest("approvals", containing="Request 1001").click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)
    for _ in range(10):
        world.advance(seconds=1)
    card(world, "Done: auto-renewal of SecMaster Standard is on")

    requester.command("/lapse show lab-quota").click("Give it back…")

    form = requester.modal(title="Unsubscribe", containing="Refund now")
    assert "Only the renewal period, from Tue 24 Nov 2026" in form.words
    assert "USD\u00a0540.00" in form.words


def test_a_price_that_rose_is_acknowledged_again(world: World) -> None:
    world.load(OFF)
    requester = world.user("requester")
    requester.command("/lapse autorenew on hk-quota").click("Request auto-renewal on")
    card(world, "Waiting")
    world.load({**OFF, "renewal_price": "1200.00"})
    world.user("approver-1").newest("approvals", containing="Request 1001").click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)

    stale = card(world, "Stale: the facts changed, nothing was executed")
    assert "USD\u00a01,200.00, acknowledged USD\u00a01,080.00" in stale.words.replace(
        "USD ", "USD\u00a0"
    )
    assert "Read Mon 23 Nov" in stale.words
    requester.newest("approvals", containing="Request 1001").click("Review new figures…")
    modal = requester.modal(title="Review new figures", containing="1,200.00")
    modal.click("Acknowledge")

    card(world, "Waiting: turn on auto-renewal")


def test_rejected_it_stays_off_and_can_be_asked_again(world: World) -> None:
    world.load(OFF)
    requester = world.user("requester")
    requester.command("/lapse autorenew on hk-quota").click("Request auto-renewal on")
    card(world, "Waiting")
    approver = world.user("approver-1")
    approver.newest("approvals", containing="Request 1001").click("Reject")
    modal = approver.modal(title="Reject request")
    modal.enter("Why", "We leave in December.")
    modal.submit()

    rejected = card(world, "Rejected: auto-renewal of SecMaster Standard stays off")
    assert rejected.buttons == ["Ask again…"]
    requester.newest("approvals", containing="1001").click("Ask again…")

    assert "needs approval" in requester.modal(title="Auto-renewal").words


@pytest.mark.parametrize(
    "typed", ["/lapse autorenew on lab-quota", "/lapse autorenew off hk-quota"]
)
def test_what_reads_so_already_is_said(world: World, typed: str) -> None:
    world.load(LAB, OFF)

    answer = world.user("requester").command(typed)

    assert "already" in answer.words


def test_with_the_setting_off_is_a_request_too(world: World) -> None:
    world.stop()
    world.start(settings(autorenew_off=True))
    world.load(LAB)
    owner = world.user("owner")

    facts = owner.command("/lapse autorenew off lab-quota")
    assert "It needs approval." in facts.words
    facts.click("Request auto-renewal off")
    owner.answer(containing="Request 1001 goes to")
    card(world, "Waiting: turn off auto-renewal of SecMaster Standard")
    assert read_at_the_cloud(world, "lab/lab-quota") is True
    world.user("approver-1").newest("approvals", containing="Request 1001").click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)
    for _ in range(10):
        world.advance(seconds=1)

    card(world, "Done: auto-renewal of SecMaster Standard is off")
    assert read_at_the_cloud(world, "lab/lab-quota") is False


def test_with_the_setting_on_needs_nobody_and_still_cools_off(world: World) -> None:
    world.stop()
    world.start(settings(autorenew_on=False))
    world.load(OFF)
    requester = world.user("requester")

    facts = requester.command("/lapse autorenew on hk-quota")
    assert "It needs no approval" in facts.words
    facts.click("Request auto-renewal on")
    requester.answer(containing="Request 1001 needs no approval and starts at")
    approved = card(world, "Approved: starts at 10:17")
    assert "approved by the settings" in approved.words.lower()
    assert approved.buttons == ["Stop"]
    world.advance(minutes=5)
    for _ in range(10):
        world.advance(seconds=1)

    card(world, "Done: auto-renewal of SecMaster Standard is on")
