"""Reminders: ahead of the deduction, in the channel and to the owner, with working buttons."""

import re

import pytest
from slack_sdk import WebClient

from bot.localslack.server import Fault
from tests.acceptance.catalogue import HK, PROD, RUNNERS, bought, subscription
from tests.acceptance.people import eventually
from tests.acceptance.test_unsubscribing import filled
from tests.acceptance.world import World
from tests.factories import instant

SOLO = subscription(
    "prod/solo",
    "Orders database",
    bought("2025-12-20", "2026-12-20", "2150.00"),
    service="RDS",
    region="ap-southeast-1",
)


@pytest.fixture
def reminded(world: World):
    """The reminder seven days before the deduction of Sun 13 Dec stands in #finops."""
    world.load(SOLO)
    world.tick()
    world.advance_to(instant("2026-12-06 09:00"))
    return world.user("owner").newest("finops", containing="Orders database")


def owner_newest(world: World):
    return world.user("owner").posts("finops")[-1]


def latest(world: World, containing: str):
    def look():
        world.tick(rounds=1)
        posts = world.user("owner").posts("finops")
        return next((m for m in reversed(posts) if containing in m.header), None)

    return eventually(look, f"a reminder that says {containing!r}")


def test_a_reminder_says_what_how_much_when_and_until_when(world: World, reminded):
    assert reminded.header == ":bell: USD\u00a02,150.00 will be deducted on Sun 13 Dec 2026"
    assert "Sun 13 Dec 2026, 03:00 GMT+08:00" in reminded.words
    assert "Fri 11 Dec 2026" in reminded.words
    assert "Sat 12 Dec 2026, 23:59 GMT+08:00" in reminded.words
    for button in ("Turn off auto-renewal", "Unsubscribe…", "Keep", "Snooze…"):
        assert button in reminded.buttons
    direct = world.user("owner").newest("Lapse", containing="Orders database")
    assert "2,150.00" in direct.text


def test_a_reminder_carries_its_ids_and_no_amount_as_metadata(world: World, reminded):
    posted = [m for m in world.slack.messages("C0FINOPS") if m.get("metadata")]

    newest = posted[-1]["metadata"]
    assert newest["event_type"] == "lapse_reminder"
    assert newest["event_payload"]["reminder_ids"] == ["prod/solo/2026-12-13/7d"]
    assert newest["event_payload"]["delivery_id"]
    assert "2150" not in str(newest)


def test_each_lead_comes_once_and_a_newly_found_one_gets_the_nearest(world: World):
    world.load(SOLO)
    world.tick()
    for day in (29, 30):
        world.advance_to(instant(f"2026-11-{day} 09:00"))

    texts = [m.text for m in world.user("owner").posts("finops")]

    ids = [
        identity
        for message in world.slack.messages("C0FINOPS")
        for identity in (message.get("metadata") or {})
        .get("event_payload", {})
        .get("reminder_ids", [])
    ]
    assert ids == ["prod/solo/2026-12-13/30d", "prod/solo/2026-12-13/14d"]
    assert len(texts) == 2
    assert not any("Late" in text for text in texts)


def test_turning_off_from_the_reminder_reads_back_and_changes_the_message(world: World, reminded):
    reminded.click("Turn off auto-renewal")

    message = latest(world, "Auto-renewal is off")

    assert "<@U0OWNER>" in message.words
    assert "read back: off" in message.words
    assert message.ts == reminded.ts


def test_keep_ends_the_reminders_of_this_deduction_and_can_be_undone(world: World, reminded):
    reminded.click("Keep")
    kept = latest(world, "Kept")
    assert "Undo keep" in kept.buttons
    count = len(world.user("owner").posts("finops"))
    world.advance_to(instant("2026-12-10 10:00"))
    assert len(world.user("owner").posts("finops")) == count

    kept.click("Undo keep")
    eventually(
        lambda: world.tick(1) or "Undo keep" not in owner_newest(world).buttons,
        "a reminder that is open again",
    )
    world.advance_to(instant("2026-12-12 10:00"))

    assert len(world.user("owner").posts("finops")) > count


def test_snooze_brings_it_back_at_the_chosen_hour(world: World, reminded):
    owner = world.user("owner")
    reminded.click("Snooze…")
    modal = owner.modal(title="Snooze")
    label = next(b["label"]["text"] for b in modal.view["blocks"] if b["type"] == "input")
    modal.enter(label, "Tomorrow")
    answer = modal.submit()
    assert answer["ok"], answer
    world.tick()
    count = len(owner.posts("finops"))

    world.advance_to(instant("2026-12-07 09:00"))

    assert len(owner.posts("finops")) == count + 1
    assert "Orders database" in owner.posts("finops")[-1].text


def test_unsubscribe_on_a_reminder_brings_the_form_as_a_message(world: World, reminded):
    owner = world.user("owner")
    reminded.click("Unsubscribe…")
    form = owner.answer(containing="Request unsubscription")

    form.click("Request unsubscription", state=filled(form, reason="Not satisfied"))

    owner.answer(containing="Request 1001")
    message = eventually(
        lambda: (
            world.tick(1)
            or next(
                (m for m in owner.posts("finops") if m.ts == reminded.ts and "1001" in m.words),
                None,
            )
        ),
        "a reminder that names the request",
    )
    assert "Request 1001" in message.words


def test_a_stranger_may_not_keep_what_somebody_owns(world: World, reminded):
    outsider = world.user("outsider")

    outsider.newest("finops", containing="Orders database").click("Keep")

    answer = outsider.answer(containing="Only")
    assert "<@U0OWNER>" in answer.text + answer.words
    world.tick()
    assert "Kept" not in world.user("owner").posts("finops")[-1].header


def test_what_falls_due_together_comes_as_one_digest_with_a_menu_each(world: World):
    world.load(*PROD)

    world.tick()

    posts = world.user("owner").posts("finops")
    assert len(posts) == 1
    assert "3 deductions" in posts[0].header
    assert "USD\u00a05,700.00" in posts[0].words
    posts[0].choose("Keep", beside="Large screen")
    eventually(
        lambda: (
            world.tick(1)
            or next((m for m in world.user("owner").posts("finops") if "keeps" in m.words), None)
        ),
        "a digest that says what was kept",
    )


def test_more_than_ten_at_once_come_in_messages_of_ten(world: World):
    world.load(*[{**r, "orders": RUNNERS[0]["orders"]} for r in RUNNERS])

    world.tick()

    headers = [m.header for m in world.user("owner").posts("finops")]
    assert len(headers) == 2
    assert any("10 deductions" in header for header in headers)


def test_hundreds_at_once_are_forty_by_name_and_the_rest_in_one_message_to_open(world: World):
    many = [
        {**RUNNERS[0], "id": f"runner-{n:03}", "name": f"build-runner-{n:03}"} for n in range(205)
    ]
    world.load(*many)

    world.tick()

    posts = world.user("owner").posts("finops")
    assert [m.header for m in posts if "10 deductions" not in m.header] == [
        ":bell: 165 more reminders: USD\u00a010,098.00"
    ]
    named = {name for m in posts for name in _names(m.words)}
    assert named == {f"build-runner-{n:03}" for n in range(40)}
    world.user("owner").newest("finops", containing="more reminders").click("Show all")
    shown = world.user("owner").answer(containing="1 to 50 of 165")
    assert _names(shown.words) == {f"build-runner-{n:03}" for n in range(40, 90)}


def _names(words: str) -> set[str]:
    return set(re.findall(r"build-runner-[0-9]{3}", words))


def test_a_reminder_that_fell_due_while_lapse_was_down_says_late_and_comes_once(world: World):
    world.load(SOLO)
    world.tick()
    before = len(world.user("owner").posts("finops"))
    world.stop()
    world.clock.advance_to(instant("2026-12-06 13:20"))
    world.start()

    world.tick()
    world.tick()

    posts = world.user("owner").posts("finops")[before:]
    assert len(posts) >= 1
    assert "Late" in posts[-1].header
    assert "13:20" in posts[-1].words
    assert len({m.text for m in posts}) == len(posts)


def test_deductions_missed_while_lapse_was_down_are_told_in_one_digest(world: World):
    world.load(SOLO, HK)
    world.tick()
    world.stop()
    world.clock.advance_to(instant("2026-12-14 12:00"))
    world.start()

    world.tick()
    world.tick()

    headers = [m.header for m in world.user("owner").posts("finops")]
    headers += [m.header for m in world.user("owner").posts("security")]
    assert any("Missed" in header for header in headers)


def test_the_ledger_really_charges_and_extends_on_the_deduction_date(world: World):
    world.load(SOLO)
    world.tick()

    world.advance_to(instant("2026-12-13 03:01"))

    answer = world.user("owner").command("/lapse show solo")
    assert "Mon 20 Dec 2027" in answer.words


def test_an_answer_that_was_lost_after_posting_does_not_make_a_second_message(world: World):
    world.load(SOLO)
    world.slack.arm(Fault(kind="lost_after", method="chat.postMessage"))

    world.tick()
    world.advance(seconds=41)
    world.advance(seconds=41)

    texts = [m.text for m in world.user("owner").posts("finops")]
    assert len(texts) == 1


def test_a_reminder_in_a_channel_that_refuses_it_goes_elsewhere_and_operators_hear(world: World):
    world.load(HK)
    world.slack.archive("C0SECURITY")

    world.tick()
    world.advance(seconds=30)

    moved = world.user("owner").newest("finops", containing="SecMaster Standard, 20 ECS")
    assert "1,080.00" in moved.text
    told = world.user("approver-2").newest("Lapse", containing="archived")
    assert told


def test_a_channel_of_its_own_route_gets_the_reminder(world: World):
    world.load(HK)

    world.tick()

    assert "SecMaster Standard, 20 ECS" in world.user("owner").newest("security").text


def test_the_list_tells_what_is_armed_late_and_sent_here_and_in_private_what_goes_to_whom(
    world: World,
):
    world.load(SOLO, HK)
    world.tick()
    world.advance_to(instant("2026-11-29 09:00"))
    world.stop()
    world.clock.advance_to(instant("2026-12-06 13:20"))
    world.start()
    world.tick()
    world.advance_to(instant("2026-12-08 12:00"))
    owner = world.user("owner")

    here = owner.command("/lapse reminders")

    assert here.header == "Reminders of this channel"
    assert "1 to 4 of 4 · 1 armed, 1 late, 2 sent" in here.words
    assert (
        "Armed: Orders database, deduction Sun 13 Dec, 3 days before. "
        "Due Thu 10 Dec, 09:00 GMT+08:00, to <#C0FINOPS>, no route claims it. "
        "Late: Orders database, deduction Sun 13 Dec, 7 days before. "
        "Sent Sun 6 Dec, 13:20 GMT+08:00, due 09:00, to <#C0FINOPS>, Lapse was not running. "
        "Sent: Orders database, deduction Sun 13 Dec, 14 days before. "
        "Sent Sun 29 Nov, 09:00 GMT+08:00, to <#C0FINOPS>. "
        "Sent: Orders database, deduction Sun 13 Dec, 30 days before. "
        "Sent Mon 23 Nov, 10:12 GMT+08:00, to <#C0FINOPS>."
    ) in here.text
    assert "SecMaster" not in here.text

    here.click("All reminders")
    everywhere = owner.answer(containing="SecMaster")
    assert len(owner.private()) == 1
    assert everywhere.text.startswith(
        "All reminders, 1 to 10 of 16: 2 armed, 4 missed, 4 late, 6 sent. "
        "Armed: Orders database, deduction Sun 13 Dec, 3 days before. "
        "Due Thu 10 Dec, 09:00 GMT+08:00, to <#C0FINOPS>, no route claims it. "
        "Armed: Orders database, deduction Sun 13 Dec, 3 days before. "
        "Due Thu 10 Dec, 09:00 GMT+08:00, to <@U0OWNER>, its owner. "
        "Missed: SecMaster Standard, 20 ECS, deduction Thu 3 Dec, 1 day before. "
        "Told Sun 6 Dec, 13:20 GMT+08:00, due Wed 2 Dec, 09:00, to <#C0SECURITY>, "
        "Lapse was not running. "
    )
    direct = owner.command("/lapse reminders", where="Lapse")
    assert direct.text == everywhere.text
    direct.click("Next")
    assert "11 to 16 of 16" in owner.answer(containing="11 to 16", where="Lapse").words


def test_the_list_of_a_channel_without_reminders_says_what_comes_next(world: World):
    world.load(SOLO)
    world.tick()

    answer = world.user("outsider").command("/lapse reminders", where="security")

    assert answer.text == (
        "No reminder is armed for this channel, and none was due since Sat 24 Oct. "
        "The next one of all: Orders database, Sun 29 Nov 2026, 09:00 GMT+08:00, in <#C0FINOPS>."
    )


def test_a_second_copy_that_slack_keeps_is_told_once_and_counted(world: World, reminded):
    [*_, posted] = [m for m in world.slack.messages("C0FINOPS") if m.get("metadata")]
    again = {name: posted[name] for name in ("text", "blocks", "metadata")}
    bot = WebClient(world.slack.bot_token, base_url=world.slack.api_url)
    bot.chat_postMessage(channel="C0FINOPS", **again)  # as who was frozen and thaws would
    world.slack.arm(
        Fault(kind="error", method="chat.delete", error="cant_delete_message", once=False)
    )
    assert world.core is not None
    with world.core.store.transaction() as tx:
        now = world.clock.now()
        tx.outbox.sweep(again["metadata"]["event_payload"]["delivery_id"], at=now, by=now)

    for minutes in (1, 2, 11, 61, 61):
        world.advance(minutes=minutes)

    told = [m for m in world.user("approver-2").posts("Lapse") if "twice" in m.text]
    assert [m.header for m in told] == [":warning: A reminder is in #C0FINOPS twice"]
    assert "delete the later one by hand" in told[0].words
    said = world.user("owner").command("/lapse status")
    assert "1 message is in <#C0FINOPS> twice and could not be taken back." in said.words
