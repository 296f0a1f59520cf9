"""What catalogues really hold: blanks in ids, coupons, paid renewals, refunds of nothing."""

import re

import pytest

from bot.demo import workspace
from tests.acceptance.catalogue import bought, subscription
from tests.acceptance.people import eventually
from tests.acceptance.test_unsubscribing import ask, card, filled
from tests.acceptance.world import World

BOUGHT = bought("2026-05-10", "2027-05-10", "1200.00")
RENEWAL = {
    **bought("2026-12-01", "2027-12-01", "1080.00"),
    "order_type": "renewal",
    "effective_at": "2026-12-01T23:59:59+08:00",
}
RENEWED = {
    **subscription("prod/ledger", "Ledger database", BOUGHT, service="RDS"),
    "orders": [bought("2025-12-01", "2026-12-01", "1200.00"), RENEWAL],
}


def decided(world: World, containing: str):
    """The card after approval, cooling-off and all steps."""
    card(world, "Waiting").click("Approve")
    card(world, "Approved")
    world.advance(minutes=5)
    for _ in range(4):
        world.advance(seconds=3)
    return card(world, containing)


@pytest.mark.parametrize("key", ["prod/build runner 7", "prod/a/b c%20d"])
def test_an_id_with_blanks_or_slashes_goes_through_every_button(world: World, key: str):
    world.load(subscription(key, "Odd one", bought("2025-12-07", "2026-12-07", "900.00")))
    world.tick()
    owner, requester = world.user("owner"), world.user("requester")

    requester.newest("finops", containing="Odd one").click("Unsubscribe…")
    form = requester.answer(containing="Request unsubscription")
    form.click("Request unsubscription", state=filled(form, reason="Hard to use"))
    requester.answer(containing="Request 1001")
    owner.newest("finops", containing="Odd one").click("Keep")

    kept = eventually(
        lambda: world.tick(1) or [m for m in owner.posts("finops") if "keeps it" in m.words],
        "a reminder that says it is kept",
    )
    assert kept
    assert "Odd one" in owner.command(f"/lapse show {key}").text


def test_an_id_with_blanks_is_typed_in_quotation_marks(world: World):
    world.load(subscription("prod/build runner 7", "Odd one", BOUGHT))

    ask(world.user("requester"), '"prod/build runner 7"')

    assert "Odd one" in card(world, "Waiting").header


def test_giving_back_a_renewal_never_reads_as_if_the_running_term_went(world: World):
    world.load(RENEWED)
    requester = world.user("requester")
    requester.say("/lapse unsubscribe ledger")
    modal = requester.modal(title="Unsubscribe", containing="Refund now")
    modal.enter("What to give back", "Only")
    modal = requester.modal(title="Unsubscribe", containing="the running term goes on")
    modal.enter("Reason", "Hard to use")
    modal.enter("Handling fee", True)
    assert modal.submit()["ok"]

    waiting = card(world, "Waiting")
    assert "the renewal period of Ledger database" in waiting.text
    done = decided(world, "Done")

    assert "the renewal period of Ledger database is gone" in done.header
    told = [message.text for message in requester.posts("Lapse")]
    assert "the renewal period of Ledger database is gone" in told[-1]


def test_a_discount_coupon_is_shown_as_lost(world: World):
    order = {**BOUGHT, "cash": "1000.00", "discount_coupon": "200.00"}
    world.load(subscription("prod/disk", "Archive disk", order, service="EVS"))
    requester = world.user("requester")

    ask(requester, "disk")

    assert "*Coupons lost*\nUSD\u00a0200.00" in card(world, "Waiting").words


def test_a_refund_of_nothing_is_known_and_stands_on_the_receipt(world: World):
    order = bought("2025-12-20", "2026-12-20", "540.00")
    world.load(subscription("prod/old", "Old disk", order, service="EVS"))
    requester = world.user("requester")
    ask(requester, "old")

    done = decided(world, "Done")

    world.tick()
    receipt = "Receipt of request 1001: USD\u00a00.00 back"
    assert any(receipt in said for said in requester.thread(done))
    assert "as estimated" in done.words


def test_items_of_several_services_each_say_which(world: World):
    world.load(
        subscription("prod/one", "First thing", BOUGHT, service="RDS", region="eu-1"),
        subscription("prod/two", "Second thing", BOUGHT, service="EVS", region="eu-1"),
    )
    requester = world.user("requester")

    requester.say("/lapse unsubscribe one two")

    modal = requester.modal(title="Unsubscribe", containing="Refund now")
    assert re.search(r"First thing +· prod · RDS · eu-1", modal.words)
    assert re.search(r"Second thing +· prod · EVS · eu-1", modal.words)


def test_who_is_no_approver_any_more_hears_who_decides_now(world: World):
    world.load(subscription("prod/disk", "Archive disk", BOUGHT))
    ask(world.user("requester"), "disk")
    card(world, "Waiting")
    settings = workspace.practice_settings()
    approvals = settings.approvals.model_copy(update={"approvers": ("U0APPROVER2",)})
    world.stop()
    world.start(settings.model_copy(update={"approvals": approvals}))
    former = world.user("approver-1")

    former.newest("approvals", containing="Request 1001").click("Approve")

    answer = former.answer(containing="You cannot decide this one", where="approvals")
    assert "<@U0APPROVER2> can" in answer.text
    assert "<@U0APPROVER1>" not in answer.text


def test_a_dry_run_never_says_in_the_thread_that_something_was_turned_off(world: World):
    settings = workspace.practice_settings()
    dry = settings.accounts["prod"].model_copy(update={"execute": "dry-run"})
    world.stop()
    world.start(settings.model_copy(update={"accounts": settings.accounts | {"prod": dry}}))
    world.load(subscription("prod/disk", "Disk", bought("2025-12-07", "2026-12-07", "9.00")))
    world.tick()
    owner = world.user("owner")
    reminder = owner.newest("finops", containing="Disk")

    reminder.click("Turn off auto-renewal")

    said = eventually(lambda: world.tick(1) or owner.thread(reminder), "a line in the thread")
    assert "tried to turn auto-renewal off: Disk. Dry run: nothing is changed" in said[-1]


def test_a_hundred_subscriptions_can_be_asked_for_again(world: World):
    ids = [f"item-{number:04}" for number in range(1, 101)]
    world.stop()
    long = "an-account-with-quite-a-long-name"
    settings = workspace.practice_settings()
    accounts = settings.accounts | {long: settings.accounts["contracts"]}
    world.start(settings.model_copy(update={"accounts": accounts}))
    world.load(*[{**subscription(f"{long}/{each}", each, BOUGHT), "owner": None} for each in ids])
    requester = world.user("requester")
    ask(requester, " ".join(ids))
    card(world, "Waiting")
    requester.newest("approvals", containing="Request 1001").click("Withdraw")
    card(world, "Withdrawn")

    requester.newest("approvals", containing="1001").click("Ask again…")

    assert "100 subscriptions" in requester.modal(title="Unsubscribe", containing="Refund").words
