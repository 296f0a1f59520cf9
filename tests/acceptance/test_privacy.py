"""With `privacy.amounts = "owners-and-approvers"` a channel never reads a figure."""

import json
import re

import pytest

from bot.config.sections import Privacy
from bot.demo import workspace
from tests.acceptance.catalogue import PROD, RUNNERS, STAGING
from tests.acceptance.people import Message, eventually
from tests.acceptance.test_reminding import SOLO
from tests.acceptance.test_unsubscribing import ask, card
from tests.acceptance.world import World
from tests.factories import instant

WORKING = "How it is worked out"
FIGURE = re.compile(r"\b(?:USD|CNY)\b|\d[\d,]*\.\d\d\b")
CHANNELS = {"finops": "C0FINOPS", "security": "C0SECURITY", "approvals": "C0APPROVALS"}


@pytest.fixture
def discreet(world: World) -> World:
    """The same workspace, restarted with the setting."""
    world.stop()
    world.start(
        workspace.practice_settings().model_copy(
            update={"privacy": Privacy(amounts="owners-and-approvers")}
        )
    )
    return world


def in_channels(world: World) -> list[str]:
    """Everything that channels were ever told, threads too, as it travels."""
    return [
        json.dumps(message, ensure_ascii=False)
        for channel in CHANNELS.values()
        for message in world.slack.messages(channel)
    ]


def assert_no_figures(world: World) -> None:
    said = in_channels(world)
    assert said
    for message in said:
        assert FIGURE.search(message) is None, message


def done(world: World) -> Message:
    """The request's message once it is read back; the clock goes on until then."""

    def look() -> Message | None:
        assert_no_figures(world)
        world.advance(seconds=1)
        found = world.user("approver-1").posts("approvals")
        return next((m for m in found if "Done" in m.header), None)

    return eventually(look, "a card that says Done")


def test_a_channel_reads_reminders_without_figures_in_every_form(discreet: World):
    discreet.load(SOLO)
    discreet.tick()
    discreet.advance_to(instant("2026-12-06 09:00"))
    owner = discreet.user("owner")
    reminder = owner.newest("finops", containing="Orders database")
    assert reminder.header == ":bell: Amount hidden will be deducted on Sun 13 Dec 2026"
    assert_no_figures(discreet)
    assert "2,150.00" in owner.newest("Lapse", containing="Orders database").text

    reminder.click("Show figures")
    shown = owner.answer(containing="Only you see this")
    assert "USD\u00a02,150.00 will be deducted on" in shown.text
    assert shown.buttons == []
    outsider = discreet.user("outsider")
    outsider.newest("finops", containing="Orders database").click("Show figures")
    refused = outsider.answer(containing="Only")
    assert "<@U0OWNER> or an approver can do this" in refused.text
    assert FIGURE.search(refused.text + refused.words) is None

    reminder.click("Keep")
    kept = eventually(
        lambda: (
            discreet.tick(1) or next((m for m in owner.posts("finops") if "Kept" in m.header), None)
        ),
        "a reminder that was kept",
    )
    kept.click("Show figures")
    assert "2,150.00" in owner.answer(containing="keeps it").text
    assert_no_figures(discreet)


def test_a_channel_reads_digests_and_what_they_only_count_without_figures(discreet: World):
    many = [
        {**RUNNERS[0], "id": f"many-{number}", "name": f"Runner {number}"} for number in range(44)
    ]
    discreet.load(*PROD)
    discreet.tick()
    discreet.load(*many)
    discreet.tick()
    discreet.advance(days=3)

    approver = discreet.user("approver-1")
    digest = approver.newest("finops", containing="SecMaster Professional")
    assert "amount hidden" in digest.text
    rest = approver.newest("finops", containing="more reminders: amount hidden")
    assert_no_figures(discreet)

    digest.click("Show figures")
    assert "5,700.00" in approver.answer(containing="SecMaster Professional").words
    rest.click("Show figures")
    assert "USD" in approver.answer(containing="more reminders").text


def test_a_request_is_decided_executed_and_receipted_without_figures(discreet: World):
    discreet.load(*STAGING)
    ask(discreet.user("owner"))
    discreet.tick()
    approver = discreet.user("approver-1")
    waiting = approver.newest("approvals", containing="Request 1001")
    assert_no_figures(discreet)

    waiting.click("Show figures")
    assert "5,700.00" in approver.answer(containing="Only you see this", where="approvals").words
    for handle in ("requester", "outsider"):
        person = discreet.user(handle)
        person.newest("approvals", containing="Request 1001").click("Show figures")
        assert "<@U0OWNER>" in person.answer(containing="Only", where="approvals").text

    assert waiting.click("Approve")["ok"]
    for state, seconds in (("Approved", 300), ("Executing", 3), ("step 2", 3)):
        card(discreet, state)
        assert_no_figures(discreet)
        discreet.advance(seconds=seconds)
    shown = done(discreet)
    discreet.tick()

    replies = " ".join(approver.thread(shown))
    assert "Receipt of request 1001: amount hidden back" in replies
    assert_no_figures(discreet)
    shown.click("Show figures")
    assert "Refund at the cloud" in approver.answer(containing="Done", where="approvals").text
    told = " ".join(m.text for m in discreet.user("owner").posts("Lapse"))
    assert re.search(r"Refund at the cloud USD\u00a02,05\d\.\d\d", told)


@pytest.mark.parametrize("end", ["Withdraw", "Stop"])
def test_a_request_that_ends_early_keeps_its_figures_hidden(discreet: World, end: str):
    discreet.load(*STAGING)
    ask(discreet.user("requester"))
    discreet.tick()
    if end == "Stop":
        discreet.user("approver-1").newest("approvals", containing="Request 1001").click("Approve")
        card(discreet, "Approved")
    discreet.user("requester").newest("approvals", containing="Request 1001").click(end)

    card(discreet, "Withdrawn" if end == "Withdraw" else "Stopped")

    assert_no_figures(discreet)


def test_private_answers_hide_what_the_reader_has_no_part_in(discreet: World):
    discreet.load(*PROD, {**SOLO, "owner": "U0REQUESTER"})
    owner, requester = discreet.user("owner"), discreet.user("requester")
    approver, outsider = discreet.user("approver-1"), discreet.user("outsider")

    for typed in ("/lapse list", "/lapse show prod-quota", "/lapse upcoming 30"):
        for person in (outsider, requester):
            assert "3,600.00" not in str(person.command(typed).data), typed
        for person in (owner, approver):
            assert "3,600.00" in person.command(typed).words, typed
    nothing = outsider.command("/lapse upcoming 30")
    assert FIGURE.search(nothing.text + nothing.words) is None
    assert "4 deductions, amount hidden" in nothing.words
    own = requester.command("/lapse upcoming 30").words
    assert "USD\u00a02,150.00" in own
    assert "3 deductions, amount hidden" in own
    assert "5,700.00" not in outsider.home(containing="Lapse")
    assert "5,700.00" in owner.home(containing="Next")


def test_who_asks_without_seeing_figures_sees_them_once_the_request_is_theirs(discreet: World):
    discreet.load(*STAGING)
    requester = discreet.user("requester")
    requester.say("/lapse unsubscribe staging-quota")
    modal = requester.modal(title="Unsubscribe", containing="Refund now")
    assert FIGURE.search(str(modal.view)) is None
    assert "At most amount hidden (estimate)." in modal.words
    for label, title in (("Show the ways out…", "The ways out"), ("Show the working…", WORKING)):
        modal.click(label)
        window = requester.modal(title=title)
        assert FIGURE.search(str(window.view)) is None
        assert "amount hidden" in window.words
        window.close()
        requester.say("/lapse unsubscribe staging-quota")
        modal = requester.modal(title="Unsubscribe", containing="Refund now")
    modal.enter("Reason", "Features are not enough")
    modal.enter("Handling fee", True)
    assert modal.submit()["ok"]
    requester.modal(title="Request sent")
    discreet.tick()

    waiting = requester.newest("approvals", containing="Request 1001")
    waiting.click("Show figures")
    assert "2,010.76" in requester.answer(containing="Refund", where="approvals").text
    waiting.click("Show the working…")
    assert "3,600.00" in requester.modal(title=WORKING).words
    outsider = discreet.user("outsider")
    outsider.newest("approvals", containing="Request 1001").click("Show the working…")
    worked = outsider.modal(title=WORKING)
    assert FIGURE.search(str(worked.view)) is None
