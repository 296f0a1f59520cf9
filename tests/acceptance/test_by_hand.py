"""A contract outside the cloud: three people end it by hand, and Lapse keeps what shows it."""

import base64
import urllib.request

import pytest

from bot.billing.subscription import AccountName, SubscriptionKey
from bot.demo import workspace
from tests.acceptance.catalogue import STAGING
from tests.acceptance.people import eventually
from tests.acceptance.world import World

CONTRACT = {
    "account": "contracts",
    "id": "status-page",
    "name": "Status page, Team plan",
    "service": "Status page",
    "kind": "saas",
    "billing_mode": "yearly/monthly",
    "status": "in-use",
    "auto_renew": True,
    "auto_renew_months": 12,
    "renewal_price": "348.00",
    "owner": "U0OWNER",
    "notice_days": 30,
    "orders": [
        {
            "order_type": "new",
            "term_months": 12,
            "effective_at": "2026-05-10T09:20:00+08:00",
            "expires_at": "2027-05-10T23:59:59+08:00",
            "currency": "USD",
            "cash": "348.00",
        }
    ],
}
LINK = "https://vendor.example/answers/1?a=1&b=2"


@pytest.fixture
def asked(world: World):
    """The requester has asked to end the contract."""
    world.load(CONTRACT)
    requester = world.user("requester")
    requester.say("/lapse unsubscribe status-page")
    modal = requester.modal(title="Unsubscribe", containing="The contract decides")
    modal.enter("Reason", "Features are not enough")
    modal.enter("Handling fee", True)
    answer = modal.submit()
    assert answer["ok"], answer
    world.tick()
    return world.user("approver-1").newest("approvals", containing="Request 1001")


@pytest.fixture
def opened(world: World, asked):
    """It is approved, and the checklist is open."""
    asked.click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)
    return card(world, "Executing by hand")


def card(world: World, containing: str, person: str = "approver-1"):
    """The request's message as somebody sees it, once it says that."""

    def look():
        world.tick(rounds=1)
        found = world.user(person).posts("approvals")
        return next((m for m in found if containing in m.header), None)

    return eventually(look, f"a card that says {containing!r}")


def done(world: World, person: str, link: str = LINK) -> dict:
    """Somebody presses *Done…* and gives a link."""
    card(world, "by hand", person).click("Done…")
    modal = world.user(person).modal(title="Done by hand")
    modal.enter("Link", link)
    return modal.submit()


def test_the_form_says_what_was_paid_and_assumes_no_refund(world: World):
    world.load(CONTRACT)
    requester = world.user("requester")

    requester.say("/lapse unsubscribe status-page")
    modal = requester.modal(title="Unsubscribe", containing="The contract decides")

    assert "USD\u00a0348.00" in modal.words
    assert "no refund is assumed" in modal.words
    assert "Notice by" in modal.words
    assert "I understand a handling fee will be charged for this unsubscription." in modal.words
    assert "Refund now" not in modal.words
    assert "0.00" not in modal.words


def test_ask_approve_done_with_evidence_and_seen_by_another(world: World, opened):
    assert "<@U0OWNER>" in " ".join(world.user("owner").thread(opened))
    assert "Give notice to Status page" in opened.words
    assert done(world, "owner")["ok"]

    verifying = card(world, "Verifying")
    assert LINK in verifying.words
    verifying.click("Notice is given")
    ended = card(world, "Done")

    assert "Done: notice given, Status page ends" in ended.header
    assert "done by <@U0OWNER>" in ended.words
    assert "seen by <@U0APPROVER1>" in ended.words
    assert world.core is not None
    with world.core.store.reading() as tx:
        key = SubscriptionKey(AccountName("contracts"), "status-page")
        held = tx.catalogue.get(key)
    assert held is not None
    assert held.status == "unsubscribed"
    listed = world.user("owner").command("/lapse list account:contracts")
    assert "Status page" not in listed.words
    world.tick()
    told = " ".join(message.text for message in world.user("requester").posts("Lapse"))
    for words in ("to be done by hand", "a second person looks", "seen by <@U0APPROVER1>"):
        assert words in told


def test_afterwards_nobody_is_reminded_and_nothing_is_renewed(world: World, opened):
    assert done(world, "owner")["ok"]
    card(world, "Verifying").click("Notice is given")
    card(world, "Done")

    world.advance(days=150)
    world.advance(days=60)

    assert world.user("owner").posts("finops") == []
    assert world.core is not None
    with world.core.store.reading() as tx:
        held = tx.catalogue.get(SubscriptionKey(AccountName("contracts"), "status-page"))
    assert held is not None
    assert (held.status, len(held.orders)) == ("unsubscribed", 1)


def test_whoever_did_it_does_not_verify_it(world: World, opened):
    assert done(world, "owner")["ok"]

    card(world, "Verifying", "owner").click("Notice is given")

    answer = world.user("owner").answer(containing="You did this one", where="approvals")
    assert "somebody else has to look" in answer.text
    assert "Verifying" in card(world, "").header


@pytest.mark.parametrize("link", ["", "the vendor told me", "javascript:alert(1)"])
def test_without_a_link_it_is_not_done(world: World, opened, link: str):
    answer = done(world, "owner", link)

    assert not answer["ok"]
    assert "Executing" in card(world, "").header


def test_a_file_shows_it_where_there_is_no_link(world: World, opened):
    card(world, "by hand", "owner").click("Done…")
    owner = world.user("owner")
    content = base64.b64encode(b"We confirm that it ends.").decode()
    given = owner.page.post("files", {"name": "answer.txt", "content": content})["file"]
    modal = owner.modal(title="Done by hand")
    modal.enter("Or a file", [given])
    assert modal.submit()["ok"]

    verifying = card(world, "Verifying")

    assert given["permalink"] in verifying.words
    with urllib.request.urlopen(given["permalink"], timeout=30) as answer:
        assert answer.read() == b"We confirm that it ends."
    thread = " ".join(world.user("approver-1").thread(verifying))
    assert given["permalink"] in thread


def test_the_ways_out_offer_to_end_a_contract_by_hand(world: World):
    world.load(CONTRACT)
    requester = world.user("requester")

    requester.command("/lapse show status-page").click("Unsubscribe…")

    form = requester.answer(containing="The contract decides")
    assert "Request unsubscription" in form.buttons
    assert "0.00" not in form.words


def test_the_receipt_in_the_thread_names_who_did_what(world: World, opened):
    assert done(world, "requester")["ok"]
    card(world, "Verifying", "owner").click("Notice is given")
    ended = card(world, "Done")
    world.tick()

    thread = world.user("owner").thread_messages(ended)
    receipt = next(m for m in thread if "Receipt of request 1001: ended by hand" in m.text)
    assert "Done by hand" in receipt.words
    assert LINK in receipt.words
    assert receipt.words.index("U0REQUESTER") < receipt.words.index("Seen gone")
    assert receipt.words.rindex("U0OWNER") > receipt.words.index("Seen gone")


def test_still_there_opens_the_checklist_again(world: World, opened):
    assert done(world, "owner")["ok"]
    card(world, "Verifying").click("Still there…")
    modal = world.user("approver-1").modal(title="Still there")
    modal.enter("What you saw", "The console still bills it.")
    assert modal.submit()["ok"]

    again = card(world, "Executing by hand")

    thread = " ".join(world.user("owner").thread(again))
    assert "The console still bills it." in thread
    assert "To be done again: <@U0OWNER>." in thread


def test_a_question_left_open_while_it_was_sent_back_counts_no_more(world: World, opened):
    card(world, "by hand", "requester").click("Done…")
    late = world.user("requester").modal(title="Done by hand")
    late.enter("Link", LINK)
    assert done(world, "owner")["ok"]
    card(world, "Verifying").click("Still there…")
    modal = world.user("approver-1").modal(title="Still there")
    modal.enter("What you saw", "The console still bills it.")
    assert modal.submit()["ok"]
    card(world, "Executing by hand")

    late.submit()

    said = world.user("requester").modal(containing="after what you saw of it").words
    assert "<@U0APPROVER1> sent request 1001 back" in said
    assert "Executing by hand" in card(world, "").header


def test_a_running_checklist_is_left_with_a_reason(world: World, opened):
    card(world, "by hand", "requester").click("Leave as is…")
    modal = world.user("requester").modal(title="Leave as is")
    modal.enter("Why", "We keep it after all.")
    assert modal.submit()["ok"]

    left = card(world, "Failed")
    assert "left as it is" in left.header
    assert "It was given up: We keep it after all." in left.words
    world.tick()
    thread = " ".join(world.user("owner").thread(left))
    assert "Receipt of request 1001: not ended" in thread


def test_an_outsider_neither_does_nor_verifies_it(world: World, opened):
    card(world, "by hand", "outsider").click("Done…")

    answer = world.user("outsider").answer(containing="can do this", where="approvals")
    assert "<@U0OWNER>, <@U0REQUESTER> or an approver" in answer.text


def test_what_is_not_done_in_time_fails_and_the_channel_is_told(world: World, opened):
    world.advance(days=200)
    world.advance(hours=2)

    failed = card(world, "Failed")
    assert "Retry" in failed.buttons
    world.tick()
    assert world.user("outsider").newest("approvals", containing="Overdue")
    assert done(world, "owner")["ok"]
    assert card(world, "Verifying")


def test_an_account_without_rights_to_the_api_gets_the_console_s_own_path(world: World):
    without_api(world)
    world.load(*STAGING)
    requester = world.user("requester")
    requester.say("/lapse unsubscribe staging-quota")
    modal = requester.modal(title="Unsubscribe", containing="A person ends it by hand")
    modal.enter("Reason", "Features are not enough")
    modal.enter("Handling fee", True)
    assert modal.submit()["ok"]
    card(world, "Waiting").click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)
    shown = card(world, "Executing by hand")
    assert "Security & Compliance > SecMaster > Professional at the upper right" in shown.words

    assert not tick(world, ["2 Large screen"])["ok"]
    assert tick(world, ["1 SecMaster Professional, 50 ECS"])["ok"]
    card(world, "Executing by hand")
    assert tick(world, ["2 Large screen", "3 Security orchestration"])["ok"]
    card(world, "Verifying").click("All are gone")

    listed = card(world, "Executing by hand")
    assert "are still at the cloud" in " ".join(world.user("owner").thread(listed))


def without_api(world: World) -> None:
    """Start anew with an account whose requests people carry out."""
    settings = workspace.practice_settings()
    staging = settings.accounts["staging"].model_copy(update={"carried_out": "by-hand"})
    accounts = {**settings.accounts, "staging": staging}
    world.stop()
    world.start(settings.model_copy(update={"accounts": accounts}))


def tick(world: World, done: list[str]) -> dict:
    """The owner says of some that they are done, and goes back where that is refused."""
    card(world, "by hand", "owner").click("Done…")
    modal = world.user("owner").modal(title="Done by hand")
    modal.enter("What is done", done)
    modal.enter("Link", LINK)
    answer = modal.submit()
    if not answer["ok"]:
        modal.close()
    return answer
