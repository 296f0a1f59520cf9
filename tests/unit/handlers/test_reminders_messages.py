"""Reminders read as the screens say: one, a digest, late, missed, settled."""

from dataclasses import replace

import pytest

from bot.billing.renewal import AnchorKind
from bot.facts.messages import WAS_OFF, Meant, ReminderLine, ReminderRest, Settled, Timing, Tour
from handlers import ids
from handlers.blocks import digests, settling
from handlers.blocks.reminders import reminder, reminder_line
from handlers.blocks.tour import tour
from tests import factories as make
from tests.factories import OWNER, REQUESTER, cny, instant, usd
from tests.unit.handlers import samples, seen

SETTLED_AT = instant("2026-11-16 10:05")
FOUR = ["Turn off auto-renewal", "Unsubscribe…", "Keep", "Snooze…"]


def settled(how: Settled, **changes):
    item = samples.reminder_item(settled=how, settled_by=OWNER, settled_at=SETTLED_AT, **changes)
    return reminder(samples.reminder(item))


def digest(**changes):
    monday, next_monday = instant("2026-11-30 03:00"), instant("2026-12-07 03:00")
    friday, next_friday = instant("2026-11-27 00:00").date(), instant("2026-12-04 00:00").date()
    prod = (
        make.quota(account="prod"),
        make.package(account="prod"),
        make.package("sm-orc", make_package(), account="prod"),
    )
    cn = (
        make.quota("cn-quota", account="cn", name="SecMaster Standard, 20 ECS"),
        make.package("cn-screen", account="cn"),
    )
    amounts = (usd("3600"), usd("900"), usd("1200"), cny("12800"), cny("3200"))
    items = [
        samples.reminder_item(each, at=monday, last_working_day=friday, amount=amount)
        for each, amount in zip(prod, amounts[:3], strict=True)
    ] + [
        samples.reminder_item(each, at=next_monday, last_working_day=next_friday, amount=amount)
        for each, amount in zip(cn, amounts[3:], strict=True)
    ]
    return samples.reminder(*items, sent_at=instant("2026-11-23 09:00"), **changes)


def make_package():
    return make.Package.SECURITY_ORCHESTRATION


def test_one_reminder_is_told_whole():
    assert seen.spoken(reminder(samples.reminder())) == (
        "SecMaster Standard, 20 ECS: USD 1,080.00 will be deducted on Mon 23 Nov 2026, 03:00 "
        "GMT+08:00 (same hour in Asia/Shanghai). Last working day before: Fri 20 Nov. Turn off "
        "auto-renewal, unsubscribe, keep or snooze."
    )


def test_one_reminder_shows_what_how_much_when_and_until_when():
    content = reminder(samples.reminder())
    shown = seen.lines(content.blocks)

    assert shown[:3] == [
        ":bell: USD 1,080.00 will be deducted on Mon 23 Nov 2026",
        "SecMaster Standard, 20 ECS · hk · ap-southeast-1",
        "Renews for 12 months",
    ]
    assert shown[3] == "*Deduction*: Mon 23 Nov 2026, 03:00 GMT+08:00"
    assert shown[4].startswith("yours: <!date^1795374000^{date_short_pretty}, {time}|Sun 22 Nov, ")
    assert shown[5:] == [
        "*Last working day before*: Fri 20 Nov 2026",
        "*Last safe moment*: Sun 22 Nov 2026, 23:59 GMT+08:00",
        "*Owner*: @owner",
        (
            "7 days ahead · auto-renewal on · after the deduction it can be given back until "
            "Mon 30 Nov 2026"
        ),
    ]
    assert seen.buttons(content.blocks) == FOUR
    assert seen.refused(content) == []


def test_a_reminder_informs_and_does_not_push():
    blocks = reminder(samples.reminder()).blocks

    assert all("style" not in seen.button(blocks, label) for label in FOUR)
    assert seen.button(blocks, "Keep")["value"] == f"{samples.DELIVERY} hk/hk-quota"
    assert seen.button(blocks, "Keep")["accessibility_label"] == "Keep: SecMaster Standard, 20 ECS"


def test_turning_off_asks_first():
    asks = seen.button(reminder(samples.reminder()).blocks, FOUR[0])["confirm"]

    assert asks["title"]["text"] == "Turn off auto-renewal?"
    assert seen.named(asks["text"]["text"]) == (
        "SecMaster Standard, 20 ECS ends on Mon 30 Nov 2026, 23:59 GMT+08:00 unless someone renews "
        "it. USD 1,080.00 will not be deducted."
    )
    assert (asks["confirm"]["text"], asks["deny"]["text"]) == ("Turn off", "Go back")


def test_another_readers_zone_is_spoken_with_its_day():
    assert "03:00 GMT+08:00, Sun 22 Nov 20:00 Europe/Berlin." in seen.spoken(
        reminder(samples.reminder(zone=samples.BERLIN))
    )


def test_an_amount_that_is_not_known_is_said_so():
    content = reminder(samples.reminder(samples.reminder_item(amount=None)))

    assert seen.headline(content) == ":bell: Deduction on Mon 23 Nov 2026, amount not known"
    assert "amount not known will be deducted" in content.text
    assert "0.00" not in content.text


def test_without_auto_renewal_the_expiry_is_announced_without_turning_off():
    item = samples.reminder_item(
        replace(samples.HK, auto_renew=False),
        kind=AnchorKind.EXPIRY,
        at=instant("2026-11-30 23:59:59"),
    )
    content = reminder(samples.reminder(item))

    assert seen.headline(content) == ":bell: Expires Mon 30 Nov 2026: SecMaster Standard, 20 ECS"
    assert seen.buttons(content.blocks) == FOUR[1:]
    assert "*Last safe moment*: Mon 30 Nov 2026, 23:59 GMT+08:00" in seen.lines(content.blocks)
    assert seen.refused(content) == []


def test_a_notice_is_a_date_in_the_readers_zone():
    item = samples.reminder_item(
        make.contract(), kind=AnchorKind.NOTICE, at=instant("2026-12-01 00:00")
    )
    content = reminder(samples.reminder(item))

    assert seen.headline(content) == ":bell: Notice by Tue 1 Dec 2026: Status page, Team plan"
    assert "<!date" not in str([block.to_dict() for block in content.blocks])
    assert seen.refused(content) == []


def test_a_late_one_says_when_it_was_due_when_sent_and_why():
    content = reminder(
        samples.reminder(
            timing=Timing.LATE, sent_at=instant("2026-11-16 13:20"), why="Lapse was not running"
        )
    )

    assert seen.headline(content) == (
        ":warning: Late: USD 1,080.00 will be deducted on Mon 23 Nov 2026"
    )
    assert content.text.startswith("Late: ")
    assert "Due Mon 16 Nov, 09:00, sent 13:20 Asia/Shanghai: Lapse was not running." in seen.lines(
        content.blocks
    )


MEANT = Meant(channel="C0SECURITY", why="the channel is archived", count=2)


@pytest.mark.parametrize("timing", list(Timing))
def test_what_was_moved_says_once_where_it_was_meant_for_and_why(timing):
    other = samples.reminder_item(make.resource(account="hk"))
    one = replace(MEANT, count=1)
    said = "Meant for <#C0SECURITY>: the channel is archived."
    alone = samples.reminder(timing=timing, sent_at=instant("2026-11-16 13:20"), meant=(one,))
    both = samples.reminder(samples.reminder_item(), other, timing=timing, meant=(MEANT,))
    some = replace(both, meant=(one,))

    for message in (alone, both):
        content = reminder(message)
        assert f"{content.text} {seen.lines(content.blocks)}".count(said) == 2
        assert "not running" not in f"{content.text} {seen.lines(content.blocks)}"
        assert seen.refused(content) == []
    assert "1 of these was meant for <#C0SECURITY>: the channel is archived." in reminder(some).text


def test_a_late_one_without_a_reason_of_its_own_says_none():
    content = reminder(samples.reminder(timing=Timing.LATE, sent_at=instant("2026-11-16 13:20")))

    assert "Due Mon 16 Nov, 09:00, sent 13:20 Asia/Shanghai." in seen.lines(content.blocks)


def test_missed_ones_that_slack_did_not_take_do_not_say_that_lapse_was_off():
    why = "Slack did not take it in time."
    content = reminder(samples.reminder(timing=Timing.MISSED, why=why))

    assert seen.headline(content) == ":warning: Missed: 1 deduction"
    assert why in seen.lines(content.blocks)
    assert why in content.text


def test_missed_ones_say_until_when_they_can_be_given_back():
    other = samples.reminder_item(make.resource(account="hk"), at=instant("2026-11-24 03:00"))
    content = reminder(
        samples.reminder(samples.reminder_item(), other, timing=Timing.MISSED, why=WAS_OFF)
    )

    assert seen.headline(content) == (":warning: Missed: 2 deductions while Lapse was not running")
    assert (
        "SecMaster Standard, 20 ECS · USD 1,080.00 on Mon 23 Nov 2026, 03:00 GMT+08:00, can be "
        "given back until Mon 30 Nov 2026" in seen.lines(content.blocks)
    )
    assert seen.buttons(content.blocks) == []
    assert seen.refused(content) == []


@pytest.mark.parametrize(
    ("how", "headline", "line", "buttons"),
    [
        (
            Settled.TURNED_OFF,
            ":white_check_mark: Auto-renewal is off: nothing will be deducted",
            (
                "@owner turned it off, Mon 16 Nov, 10:05 GMT+08:00; read back: off. It works until "
                "Mon 30 Nov 2026, 23:59 GMT+08:00."
            ),
            [],
        ),
        (
            Settled.KEPT,
            ":white_check_mark: Kept: USD 1,080.00 will be deducted on Mon 23 Nov 2026",
            "@owner keeps it. No more reminders for this deduction.",
            ["Undo keep"],
        ),
        (
            Settled.TURNING_OFF,
            ":bell: USD 1,080.00 will be deducted on Mon 23 Nov 2026",
            "@owner is turning it off…",
            [],
        ),
    ],
)
def test_a_press_shows_who_did_what(how, headline, line, buttons):
    content = settled(how)

    assert seen.headline(content) == headline
    assert line in seen.lines(content.blocks)
    assert seen.buttons(content.blocks) == buttons
    assert seen.refused(content) == []


def test_a_snoozed_one_keeps_its_buttons_and_says_until_when():
    content = settled(Settled.SNOOZED, snoozed_until=instant("2026-11-20 09:00"))

    assert "@owner snoozed this until Fri 20 Nov 2026, 09:00 Asia/Shanghai." in seen.lines(
        content.blocks
    )
    assert seen.buttons(content.blocks) == FOUR


def test_one_that_was_asked_for_leads_to_its_request():
    item = samples.reminder_item(
        settled=Settled.REQUESTED, settled_by=REQUESTER, request_number=1042
    )
    content = reminder(samples.reminder(item))

    assert "Request 1042 by @requester waits. Reminders go on until it is executed." in seen.lines(
        content.blocks
    )
    assert seen.buttons(content.blocks) == ["Open request", "Keep", "Snooze…"]
    assert seen.button(content.blocks, "Open request")["value"] == "1042"


def test_what_changed_at_the_cloud_is_no_longer_due_and_says_why():
    content = settled(Settled.NO_LONGER_DUE, note="turned off at the cloud, by whom is not known")

    assert seen.headline(content) == (
        ":white_check_mark: No longer due: USD 1,080.00 on Mon 23 Nov 2026"
    )
    assert "turned off at the cloud, by whom is not known." in seen.lines(content.blocks)
    assert seen.buttons(content.blocks) == []


def test_a_refusal_of_the_cloud_brings_the_buttons_back():
    content = reminder(samples.reminder(samples.reminder_item(note="The key is not accepted.")))

    assert "The key is not accepted." in seen.lines(content.blocks)
    assert seen.buttons(content.blocks) == FOUR


@pytest.mark.parametrize("how", Settled)
def test_a_dry_run_says_so_in_every_form(how):
    item = samples.reminder_item(settled=how, settled_by=OWNER, settled_at=SETTLED_AT)
    content = reminder(samples.reminder(item, dry_run=True))

    assert content.text.startswith("Dry run: ")
    assert "Dry run: " in seen.headline(content)
    assert seen.lines(content.blocks)[-1] == "Dry run: nothing is changed at the cloud."
    assert seen.refused(content) == []


def test_a_digest_is_told_by_date_with_sums_per_currency():
    assert seen.spoken(reminder(digest())) == (
        "5 deductions ahead: USD 5,700.00 on Mon 30 Nov 2026, 03:00 GMT+08:00, last working day "
        "Fri 27 Nov; CNY 16,000.00 on Mon 7 Dec 2026, 03:00 GMT+08:00, last working day Fri 4 Dec. "
        "SecMaster Professional, 50 ECS USD 3,600.00; Large screen USD 900.00; Security "
        "orchestration USD 1,200.00; SecMaster Standard, 20 ECS CNY 12,800.00; Large screen CNY "
        "3,200.00."
    )


def test_a_digest_has_a_menu_of_the_four_actions_and_show_beside_each_item():
    content = reminder(digest())
    shown = seen.lines(content.blocks)
    menus = [each for each in seen.elements(content.blocks) if each["type"] == "overflow"]

    assert shown[:5] == [
        ":bell: 5 deductions from Mon 30 Nov to Mon 7 Dec 2026",
        "*Mon 30 Nov, 03:00 GMT+08:00 · USD 5,700.00*",
        "Last working day before: Fri 27 Nov",
        "SecMaster Professional, 50 ECS · prod",
        "USD 3,600.00 · @owner",
    ]
    assert len(menus) == 5
    assert [o["text"]["text"] for o in menus[0]["options"]] == [*FOUR, "Show"]
    assert seen.buttons(content.blocks) == ["Turn off several…"]
    assert seen.refused(content) == []


def test_a_line_parts_the_days_of_a_digest_and_no_others():
    kinds = [block.type for block in reminder(digest()).blocks]

    assert kinds == [
        "header",
        *("section",) * 4,
        "divider",
        *("section",) * 3,
        "actions",
    ]


def test_an_item_without_owner_says_so():
    nobody = replace(samples.reminder_item().subscription, owner=None)
    first = samples.reminder_item(nobody)
    second = samples.reminder_item(nobody, at=instant("2026-12-07 03:00"))

    alone, together = reminder(samples.reminder(first)), reminder(samples.reminder(first, second))

    assert "*Owner*: no owner" in seen.lines(alone.blocks)
    assert any(line.endswith(" · no owner") for line in seen.lines(together.blocks))


def test_a_menu_block_names_the_message_and_the_subscription():
    blocks = [block.to_dict() for block in reminder(digest()).blocks]
    named = [block["block_id"] for block in blocks if block.get("accessory")]

    assert named[0] == f"{samples.DELIVERY}#0 prod/sm-quota"
    assert len(set(named)) == 5


def test_a_subscription_with_two_anchors_in_one_digest_is_accepted():
    notice = samples.reminder_item(
        kind=AnchorKind.NOTICE, at=instant("2026-11-20 00:00"), lead_days=3
    )

    assert seen.refused(reminder(samples.reminder(samples.reminder_item(), notice))) == []


def test_a_settled_item_of_a_digest_says_so_and_loses_its_actions():
    message = digest()
    first = replace(
        message.items[0], settled=Settled.TURNED_OFF, settled_by=OWNER, settled_at=SETTLED_AT
    )
    content = reminder(replace(message, items=(first, *message.items[1:])))
    menu = next(each for each in seen.elements(content.blocks) if each["type"] == "overflow")

    assert "USD 3,600.00 · @owner turned it off, Mon 16 Nov, 10:05 GMT+08:00" in seen.lines(
        content.blocks
    )
    assert [o["text"]["text"] for o in menu["options"]] == ["Show"]


def test_ten_items_with_long_names_are_accepted():
    items = [
        samples.reminder_item(
            make.resource(f"{n:02}{'x' * 58}", account="hk", name=f"{n} {'W&<' * 60}")
        )
        for n in range(10)
    ]

    assert seen.refused(reminder(samples.reminder(*items))) == []


def test_what_is_beyond_forty_is_counted_with_sums_per_currency():
    content = digests.rest(
        ReminderRest(batch_id="b-1", count=7, sums=(cny("3200"), usd("430")), zone=samples.SHANGHAI)
    )

    assert seen.spoken(content).startswith("7 more reminders: CNY 3,200.00 and USD 430.00.")
    assert seen.button(content.blocks, "Show all")["value"] == "b-1"
    assert seen.refused(content) == []


@pytest.mark.parametrize(("timing", "word"), [(Timing.LATE, "Late"), (Timing.MISSED, "Missed")])
def test_what_is_only_counted_says_that_it_is_late_or_missed_and_why(timing, word):
    rest = ReminderRest(
        batch_id="b-1",
        count=20,
        sums=(usd("72000"),),
        zone=samples.SHANGHAI,
        timing=timing,
        why=WAS_OFF,
        meant=(MEANT,),
    )
    content = digests.rest(rest)

    assert seen.headline(content) == f":warning: {word}: 20 more reminders: USD 72,000.00"
    assert seen.spoken(content).startswith(f"{word}: 20 more reminders: USD 72,000.00.")
    for said in (WAS_OFF, "2 of these were meant for <#C0SECURITY>: the channel is archived."):
        assert said in seen.lines(content.blocks)
        assert said in content.text
    assert seen.refused(content) == []


def test_show_all_shows_all_a_page_at_a_time():
    items = [samples.reminder_item(make.resource(f"r-{n}", account="hk")) for n in range(50)]
    content = settling.rest(samples.rest_page(*items, count=120, page=2, pages=3, number=51))

    assert "51 to 100 of 120" in seen.lines(content.blocks)
    assert seen.button(content.blocks, "Next")["value"] == "3 b-1"
    assert seen.button(content.blocks, "Previous")["value"] == "1 b-1"
    assert "/lapse list" not in str(seen.lines(content.blocks))
    assert seen.refused(content) == []
    alone = settling.rest(samples.rest_page(*items[:2]))
    assert seen.buttons(alone.blocks) == []


def test_the_thread_names_who_pressed():
    item = samples.reminder_item(settled=Settled.KEPT, settled_by=OWNER, settled_at=SETTLED_AT)

    assert seen.spoken(reminder_line(ReminderLine(item=item))) == (
        "10:05 GMT+08:00 @owner keeps it: SecMaster Standard, 20 ECS."
    )


def test_a_digest_counts_and_sums_only_what_is_still_due():
    first, *others = digest().items
    off = replace(first, settled=Settled.TURNED_OFF, settled_by=OWNER, settled_at=SETTLED_AT)
    some = reminder(replace(digest(), items=(off, *others)))
    gone = [replace(off, reminder=i.reminder, subscription=i.subscription) for i in digest().items]
    none = reminder(replace(digest(), items=tuple(gone)))

    assert seen.spoken(some).startswith("4 deductions ahead: USD 2,100.00 on Mon 30 Nov 2026")
    assert "USD 2,100.00" in " ".join(seen.lines(some.blocks))
    assert seen.spoken(none).startswith("Nothing of this is due any more: nothing on Mon 30 Nov")
    assert seen.refused(some) == seen.refused(none) == []


def test_turning_off_several_offers_those_that_renew_and_ticks_none():
    view = settling.several(digest(), samples.DELIVERY)
    assert view is not None
    [boxes] = [each["element"] for each in seen.inputs(view.blocks).values()]

    assert len(boxes["options"]) == 5
    assert "initial_options" not in boxes
    assert seen.named(boxes["options"][0]["text"]["text"]) == (
        "SecMaster Professional, 50 ECS · USD 3,600.00"
    )
    assert seen.refused(view) == []


def test_the_tour_ticks_off_what_was_really_done():
    facts = Tour(
        seen=True,
        asked=False,
        decided=False,
        subject_ids=("prod/sm-quota", "prod/sm-screen", "prod/sm-orc"),
        approvals_channel=make_channel(),
    )
    content = tour(facts)

    assert seen.lines(content.blocks)[-1] == (
        "1 of 3 done · practice workspace: nothing leaves this machine"
    )
    assert seen.buttons(content.blocks) == ["Upcoming deductions", "Unsubscribe…", "Skip the tour"]
    assert seen.button(content.blocks, "Unsubscribe…")["action_id"] == ids.UNSUBSCRIBE
    assert seen.refused(content) == []
    whole = tour(replace(facts, asked=True, decided=True))
    assert "Done. Next: let the cloud fail" in whole.text
    assert "Skip the tour" not in seen.buttons(whole.blocks)


def test_the_tour_begins_with_what_it_is():
    facts = Tour(
        seen=False,
        asked=False,
        decided=False,
        subject_ids=("a/b",),
        approvals_channel=make_channel(),
    )

    assert tour(facts).text == (
        "Try Lapse in three steps: see what will be deducted, ask to unsubscribe, approve as "
        "someone else. Nothing here leaves this machine."
    )


def make_channel():
    return "C0APPROVALS"
