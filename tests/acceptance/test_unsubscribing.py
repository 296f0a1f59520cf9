"""The main job: ask to unsubscribe, let a second person decide, execute, read back."""

import json
import re
import threading

import pytest

from bot.localslack.server import Fault
from tests.acceptance.catalogue import LAB, STAGING
from tests.acceptance.people import chosen, elements, eventually
from tests.acceptance.world import World

SENTENCE = "I understand a handling fee will be charged for this unsubscription."
QUOTA = "SecMaster Professional, 50 ECS"


@pytest.fixture
def asked(world: World):
    """The requester has asked to leave SecMaster professional of staging with its packages."""
    world.load(*STAGING)
    requester = world.user("requester")
    ask(requester)
    world.tick()
    return world.user("approver-1").newest("approvals", containing="Request 1001")


def ask(requester, ref: str = "staging-quota", *, reason: str = "Features are not enough") -> None:
    requester.say(f"/lapse unsubscribe {ref}")
    modal = requester.modal(title="Unsubscribe", containing="Refund now")
    modal.enter("Reason", reason)
    modal.enter("Details", "The staging servers moved to another account.")
    modal.enter("Handling fee", True)
    answer = modal.submit()
    assert answer["ok"], answer
    assert "Request 1001" in requester.modal(title="Request sent").words


def card(world: World, containing: str):
    """The request's message, once it says that; ticks meanwhile, as the scheduler does."""

    def look():
        world.tick(rounds=1)
        found = world.user("approver-1").posts("approvals")
        return next((m for m in found if containing in m.header), None)

    return eventually(look, f"a card that says {containing!r}")


def states_seen(world: World) -> list[str]:
    """The states that the header of the request's message named, each once, in order."""
    blocks = [call.arguments["blocks"] for call in world.slack.calls("chat.update")]
    headers = [
        each["text"]["text"] for shown in blocks for each in shown if each["type"] == "header"
    ]
    return list(dict.fromkeys(header.split()[1].rstrip(":") for header in headers))


def test_the_form_shows_items_in_order_figures_and_the_sentence(world: World):
    world.load(*STAGING)
    requester = world.user("requester")

    requester.say("/lapse unsubscribe staging-quota")
    modal = requester.modal(title="Unsubscribe", containing="Refund now")

    assert modal.submit_label == "Send request"
    assert "3 subscriptions, in this order" in modal.words
    words = modal.words
    assert words.index(QUOTA) < words.index("Large screen") < words.index("Security orchestration")
    for figure in ("5,700.00", "3,071.83", "570.00", "2,058.17"):
        assert f"USD\u00a0{figure}" in modal.words
    assert SENTENCE in modal.words
    assert "the cloud's bill is binding" in modal.words


def test_the_form_stands_beside_the_other_ways_and_several_open_theirs(world: World):
    world.load(*STAGING, LAB)
    requester = world.user("requester")
    requester.say("/lapse unsubscribe lab-quota")
    one = requester.modal(title="Unsubscribe", containing="Refund now")
    assert "Other ways out" in one.words
    assert "Turn auto-renewal off" in one.words
    assert "Cheapest is to unsubscribe now: it returns USD" in one.words
    one.close()

    requester.command("/lapse show staging-quota").click("Unsubscribe…")
    requester.answer(containing="3 subscriptions").click("Show the ways out…")
    window = requester.modal(title="The ways out")

    for name in ("SecMaster Professional, 50 ECS", "Large screen", "Security orchestration"):
        assert name in window.words
    assert window.words.count("Unsubscribe now (estimate) · cheapest") == 3


def test_without_reason_or_tick_nothing_is_sent_and_each_field_says_why(world: World):
    world.load(LAB)
    requester = world.user("requester")
    requester.say("/lapse unsubscribe lab-quota")
    modal = requester.modal(title="Unsubscribe", containing="Refund now")

    answer = modal.submit()

    assert not answer["ok"]
    assert len(answer["errors"]) == 2
    world.tick()
    assert world.user("approver-1").posts("approvals") == []


def test_the_reason_other_needs_details(world: World):
    world.load(LAB)
    requester = world.user("requester")
    requester.say("/lapse unsubscribe lab-quota")
    modal = requester.modal(title="Unsubscribe", containing="Refund now")
    modal.enter("Reason", "Other")
    modal = eventually(
        lambda: next((m for m in [requester.modal()] if "Details (optional)" not in m.words), None),
        "details that are required",
    )
    modal.enter("Reason", "Other")
    modal.enter("Handling fee", True)

    answer = modal.submit()

    assert not answer["ok"]
    assert len(answer["errors"]) == 1


def test_an_approved_request_goes_in_order_and_is_read_back(world: World, asked):
    assert "Waiting" in asked.header
    assert "Features are not enough" in asked.words
    assert asked.click("Approve")["ok"]
    approved = card(world, "Approved")
    assert "<@U0APPROVER1>" in approved.text + approved.words

    world.advance(minutes=5)
    executing = card(world, "Executing")
    assert "step 1 of 2" in executing.header
    world.advance(seconds=3)
    assert "edition is basic" in card(world, "step 2 of 2").words
    world.advance(seconds=3)
    assert "reading 3 subscriptions back" in card(world, "Verifying").header
    world.advance(seconds=3)
    done = card(world, "Done")

    assert "are gone" in done.header
    assert states_seen(world) == ["Approved", "Executing", "Verifying", "Done"]
    assert "Refund at the cloud" in done.words
    listed = world.user("owner").command("/lapse list account:staging")
    assert "Large screen" not in listed.words
    history = " ".join(world.user("requester").thread(done))
    assert history.index("asked") < history.index("approved") < history.index("basic")
    assert "verified" in history


def test_the_requester_hears_of_every_change_by_direct_message(world: World, asked):
    asked.click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)
    for _ in range(3):
        world.advance(seconds=3)
    card(world, "Done")
    world.tick()

    told = " ".join(message.text for message in world.user("requester").posts("Lapse"))

    for word in ("waits for 1 approval", "approved request 1001", "runs", "Done"):
        assert word in told


def test_stop_goes_from_the_direct_message_when_it_no_longer_holds(world: World, asked):
    asked.click("Approve")
    card(world, "Approved")
    world.tick()
    note = world.user("requester").newest("Lapse", containing="approved request 1001")
    assert "Stop" in note.buttons

    world.advance(minutes=5)
    card(world, "Executing")
    world.tick()

    after = world.user("requester").newest("Lapse", containing="approved request 1001")
    assert (after.ts, after.text) == (note.ts, note.text)
    assert "Stop" not in after.buttons
    assert "Open request" in after.buttons


def test_the_requester_cannot_approve_the_own_request(world: World, asked):
    requester = world.user("requester")
    own = requester.newest("approvals", containing="Request 1001")

    own.click("Approve")

    answer = requester.answer(containing="You asked for this one", where="approvals")
    assert "a colleague has to approve it" in answer.text
    world.tick()
    assert "Waiting" in card(world, "").header


def test_an_outsider_cannot_decide_and_hears_who_can(world: World, asked):
    outsider = world.user("outsider")

    outsider.newest("approvals", containing="Request 1001").click("Approve")

    answer = outsider.answer(containing="You cannot decide this one", where="approvals")
    assert "<@U0APPROVER1>" in answer.text + answer.words


def test_a_rejection_asks_why_and_says_so(world: World, asked):
    approver = world.user("approver-2")
    approver.newest("approvals", containing="Request 1001").click("Reject")
    modal = approver.modal(title="Reject")
    empty = modal.submit()
    assert not empty["ok"]
    modal.enter(modal_label(modal), "Wait until the audit is over.")
    assert modal.submit()["ok"]

    rejected = card(world, "Rejected")

    assert "Wait until the audit is over." in rejected.words
    assert "Approve" not in rejected.buttons
    world.tick()
    told = " ".join(message.text for message in world.user("requester").posts("Lapse"))
    assert "Wait until the audit is over." in told


def modal_label(modal) -> str:
    return next(b["label"]["text"] for b in modal.view["blocks"] if b["type"] == "input")


def test_the_receipt_stands_in_the_thread_with_its_page_and_its_json(world: World, asked):
    executed(world, asked)

    def look():
        world.tick(rounds=1)
        found = world.user("requester").thread_messages(card(world, "Done"))
        return found if sum(len(each.files) for each in found) == 2 else None

    said = eventually(look, "a thread with both files")
    [receipt] = [each for each in said if "Receipt of request 1001" in each.header]
    page, data = (file for each in said for file in each.files)
    record = re.search(r"Record: (\d+) entries, head ([0-9a-f]{16})…", receipt.words)
    found = json.loads(data.content())
    assert said.index(receipt) < len(said) - 2
    assert page.name.startswith("receipt-1001-")
    assert page.title == "Receipt of request 1001 (PDF)"
    assert page.content().startswith(b"%PDF-")
    assert found["acknowledged"]["text"] == SENTENCE
    assert found["approvals"][0]["by"] == world.slack.someone("approver-1").id
    assert [item["state"] for item in found["items"]] == ["gone"] * 3
    assert record
    assert found["record"]["entries"] == int(record[1])
    assert found["record"]["head"].startswith(record[2])
    with world.core.store.reading() as tx:
        entries = list(tx.audit.entries())
    assert entries[int(record[1]) - 1].digest == found["record"]["head"]


def test_a_file_whose_answer_is_lost_is_there_once(world: World, asked):
    world.slack.arm(Fault(kind="lost_after", method="files.completeUploadExternal"))
    executed(world, asked)
    world.advance(seconds=60)
    world.advance(seconds=5)

    said = world.user("requester").thread_messages(card(world, "Done"))
    names = [file.name.rpartition(".")[2] for each in said for file in each.files]
    assert names == ["pdf", "json"]
    assert len(world.slack.calls("files.completeUploadExternal")) == 2


def test_without_the_scope_the_receipt_stands_alone_and_operators_hear_of_it_once(
    world: World, asked
):
    fault = Fault(kind="error", method="files.*", error="missing_scope", once=False)
    world.slack.arm(fault)
    executed(world, asked)
    world.tick()

    said = world.user("requester").thread_messages(card(world, "Done"))
    assert any("Receipt of request 1001" in each.header for each in said)
    assert not any(each.files for each in said)
    told = [
        message.text
        for person in world.slack.seed.humans
        for message in world.user(person.handle).messages("Lapse")
        if "cannot attach receipts" in message.text
    ]
    assert len(set(told)) == 1
    assert "files:write" in told[0]


def executed(world: World, asked) -> None:
    """Let the request be approved, cool off and run until it is done."""
    asked.click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)
    for _ in range(8):
        world.advance(seconds=3)
    assert "are gone" in card(world, "Done").header


def test_only_the_requester_withdraws(world: World, asked):
    approver = world.user("approver-1")
    approver.newest("approvals", containing="Request 1001").click("Withdraw")
    approver.answer(containing="can withdraw request 1001", where="approvals")

    world.user("requester").newest("approvals", containing="Request 1001").click("Withdraw")

    assert "stay" in card(world, "Withdrawn").header


def test_two_people_press_approve_at_once_and_one_decision_stands(world: World, asked):
    cards = [
        world.user(handle).newest("approvals", containing="Request 1001")
        for handle in ("approver-1", "approver-2")
    ]
    threads = [threading.Thread(target=each.click, args=("Approve",)) for each in cards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    card(world, "Approved")
    losers = [
        handle
        for handle in ("approver-1", "approver-2")
        if any("Nothing was done twice" in m.text for m in world.user(handle).private("approvals"))
    ]
    eventually(
        lambda: any(
            "Nothing was done twice" in m.text
            for handle in ("approver-1", "approver-2")
            for m in world.user(handle).private("approvals")
        ),
        "the slower one hears who was faster",
    )
    assert len(losers) <= 1
    history = world.user("requester").thread(card(world, "Approved"))
    assert sum("approved" in line for line in history) == 1


def test_a_restart_between_approval_and_execution_loses_nothing(world: World, asked):
    asked.click("Approve")
    card(world, "Approved")

    world.restart()
    world.advance(minutes=5)
    world.advance(seconds=3)
    world.restart()
    for _ in range(3):
        world.advance(seconds=3)

    assert "are gone" in card(world, "Done").header
    assert len(world.user("approver-1").posts("approvals")) == 1


def test_the_first_click_after_a_restart_works(world: World, asked):
    world.restart()

    assert asked.click("Approve")["ok"]

    assert card(world, "Approved")


def test_the_form_as_a_message_sends_the_same_request(world: World):
    world.load(*STAGING)
    requester = world.user("requester")
    shown = requester.command("/lapse show staging-quota")
    shown.click("Unsubscribe…")
    form = requester.answer(containing=SENTENCE)
    form.click("Request unsubscription")
    missing = requester.answer(containing="Choose a reason; the cloud asks for one.")

    state = filled(missing, reason="Hard to use")
    missing.click("Request unsubscription", state=state)

    requester.answer(containing="Request 1001")
    assert "Waiting" in card(world, "Waiting").header


def filled(message, *, reason: str) -> dict:
    """What a person enters into the form of a message."""
    state: dict = {}
    for block, element in elements(message.data["blocks"]):
        if element["type"] == "static_select":
            state.setdefault(block["block_id"], {})[element["action_id"]] = chosen(element, reason)
        if element["type"] == "checkboxes":
            state.setdefault(block["block_id"], {})[element["action_id"]] = chosen(element, True)
    return state


def test_a_package_alone_is_refused_with_the_rule(world: World):
    world.load(*STAGING)
    requester = world.user("requester")

    requester.say("/lapse unsubscribe staging-screen")

    modal = requester.modal(title="Not possible now")
    assert "cannot go before its edition" in modal.words
    assert "R8" in modal.words
    assert modal.submit_label == ""
