"""`/lapse reminders`: what is asked of the use case, and how the answer reads."""

from dataclasses import replace

import pytest

from bot.billing.renewal import Anchor, AnchorKind
from bot.facts.reminding import Because, NextReminder, Standing, Why
from bot.services.errors import GuestRefused
from handlers import ids
from handlers.blocks import recalling
from tests.factories import OWNER, instant
from tests.unit.handlers.catalogue import BANDWIDTH, SM_QUOTA, WAF, recalled, reminder_row
from tests.unit.handlers.looks import accepted, buttons, elements, plain, words

FOOTER = (
    "Only you see this. Reminders are armed 48 hours before they fall due; "
    "those that were due or sent before Sat 24 Oct are not shown."
)
NEXT = NextReminder(at=instant("2026-11-26 09:00"), subscription=WAF, channel="C0SECURITY")


def test_rows_stand_in_groups_of_two_lines_each_and_the_zone_once_a_group():
    content = accepted(recalling.page(recalled()))

    assert words(content.blocks) == [
        "All reminders",
        "1 to 6 of 6 · 2 armed, 1 not known, 1 missed, 1 late, 1 sent",
        (
            "**Armed** · 2\n"
            "• **SecMaster Professional, 50 ECS** · deduction Mon 30 Nov · 3 days before\n"
            "Due Tue 24 Nov, 09:00 GMT+08:00 · <#C0FINOPS> · no route claims it\n"
            "• **SecMaster Professional, 50 ECS** · deduction Mon 30 Nov · 3 days before\n"
            "Due Wed 25 Nov, 09:00 · <@U0OWNER> · its owner"
        ),
        (
            "**Not known** · 1\n"
            "• **WAF Standard** · deduction Mon 30 Nov · 3 days before\n"
            "Due Mon 23 Nov, 09:00 GMT+08:00 · <#C0SECURITY> · Slack has not confirmed it"
        ),
        (
            "**Missed** · 1\n"
            "• **build-runner-01, ECS** · deduction Mon 30 Nov · 1 day before\n"
            "Told Fri 6 Nov, 12:00 GMT+08:00, due Wed 4 Nov, 09:00 · <#C0FINOPS> · "
            "Lapse was not running"
        ),
        (
            "**Late** · 1\n"
            "• **WAF Standard** · deduction Mon 30 Nov · 14 days before\n"
            "Sent Mon 16 Nov, 13:20 GMT+08:00, due 09:00 · <#C0FINOPS> · Lapse was not running"
        ),
        (
            "**Sent** · 1\n"
            "• **Status page, Team plan** · notice by Tue 1 Dec · 14 days before\n"
            "Sent Tue 17 Nov, 09:00 GMT+08:00 · <#C0FINOPS> · kept by <@U0APPROVER1>"
        ),
        "[Open a subscription…]",
        FOOTER,
    ]


def test_who_hears_the_list_hears_every_row_with_state_hour_zone_place_and_reason():
    shown = recalled()
    content = recalling.page(replace(shown, rows=(shown.rows[1], shown.rows[3], shown.rows[5])))

    assert content.text == (
        "All reminders, 1 to 3 of 6: 2 armed, 1 not known, 1 missed, 1 late, 1 sent. "
        "Armed: SecMaster Professional, 50 ECS, deduction Mon 30 Nov, 3 days before. "
        "Due Wed 25 Nov, 09:00 GMT+08:00, to <@U0OWNER>, its owner. "
        "Missed: build-runner-01, ECS, deduction Mon 30 Nov, 1 day before. "
        "Told Fri 6 Nov, 12:00 GMT+08:00, due Wed 4 Nov, 09:00, to <#C0FINOPS>, "
        "Lapse was not running. "
        "Sent: Status page, Team plan, notice by Tue 1 Dec, 14 days before. "
        "Sent Tue 17 Nov, 09:00 GMT+08:00, to <#C0FINOPS>, kept by <@U0APPROVER1>."
    )


@pytest.mark.parametrize(
    ("why", "read", "heard"),
    [
        (Why(because=Because.OWN_CHANNEL), "its own channel", "its own channel"),
        (
            Why(because=Because.ROUTE, detail="service:A&B"),
            "route service:A&B",
            "route service:A&amp;B",
        ),
        (Why(because=Because.ROUTE), "route for everything", "route for everything"),
        (
            Why(because=Because.MOVED, channel="C0SECURITY", detail="the channel is archived"),
            "moved from <#C0SECURITY>: the channel is archived",
            "moved from <#C0SECURITY>: the channel is archived",
        ),
        (
            Why(because=Because.SNOOZED, by=OWNER),
            "snoozed by <@U0OWNER>",
            "snoozed by <@U0OWNER>",
        ),
        (Why(because=Because.SNOOZED), "snoozed", "snoozed"),
        (Why(because=Because.ON_ITS_WAY), "on its way", "on its way"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_reason_ends_the_second_line(why, read, heard):
    content = accepted(recalling.page(recalled(reminder_row(why=why))))

    assert words(content.blocks)[2].splitlines()[2] == (
        f"Due Tue 24 Nov, 09:00 GMT+08:00 · <#C0FINOPS> · {read}"
    )
    assert content.text.endswith(f"Due Tue 24 Nov, 09:00 GMT+08:00, to <#C0FINOPS>, {heard}.")


def test_every_reason_has_words():
    for because in Because:
        why = Why(because=because, detail="x")
        assert accepted(recalling.page(recalled(reminder_row(why=why)))).text.endswith(".")


def test_an_expiry_a_lead_of_no_days_and_another_year_read_well():
    at = instant("2027-06-18 23:59:59")
    anchor = Anchor(kind=AnchorKind.EXPIRY, date=at.date(), at=at)
    row = reminder_row(BANDWIDTH, anchor=anchor, lead_days=0)

    content = accepted(recalling.page(recalled(row)))

    assert words(content.blocks)[2].splitlines()[1] == (
        "• **Bandwidth 100 Mbit/s, EIP** · expiry Fri 18 Jun 2027 · on the day"
    )


def test_a_foreign_name_never_comes_alive():
    nasty = replace(SM_QUOTA, name="<!channel> *bold* <https://evil.example|Pay> `x`")

    content = accepted(recalling.page(recalled(reminder_row(nasty))))

    assert "<!channel>" not in content.text
    assert "&lt;!channel&gt; *bold* &lt;https://evil.example|Pay&gt; `x`" in content.text
    assert f"• **{nasty.name}** · deduction" in words(content.blocks)[2]


def test_a_full_page_of_the_longest_names_is_accepted_and_keeps_the_way_on():
    long = replace(SM_QUOTA, name="Ünï <&> " * 40)
    why = Why(because=Because.ROUTE, detail="service:" + "x" * 400)
    rows = [reminder_row(long, why=why) for _ in range(10)]

    content = accepted(recalling.page(recalled(*rows, pages=2)))

    assert content.text.endswith("More: press Next.")


def test_pages_lead_on_and_back_in_the_same_scope():
    second = recalled(page=2, pages=3, number=11, counts=dict.fromkeys(Standing, 5))
    everywhere = recalling.page(second)
    here = recalling.page(replace(second, destination="C0FINOPS"))

    assert [(each["action_id"], each["value"]) for each in elements(everywhere.blocks)[1:]] == [
        (ids.REMINDERS_PAGE, "3 all"),
        (ids.REMINDERS_PREVIOUS, "1 all"),
    ]
    assert [(each["action_id"], each["value"]) for each in elements(here.blocks)[1:]] == [
        (ids.REMINDERS_PAGE, "3 "),
        (ids.REMINDERS_PREVIOUS, "1 "),
        (ids.REMINDERS_EVERYWHERE, "1 all"),
    ]
    assert words(here.blocks)[:2] == [
        "Reminders of this channel",
        "11 to 16 of 25 · 5 armed, 5 not known, 5 missed, 5 late, 5 sent",
    ]


def test_with_nothing_armed_what_comes_next_stands_below_what_was_sent():
    sent = reminder_row(standing=Standing.SENT)

    content = accepted(recalling.page(recalled(sent, destination="C0FINOPS", next=NEXT)))

    quiet = (
        "Nothing is armed for this channel. The next one of all: "
        "WAF Standard, Thu 26 Nov 2026, 09:00 GMT+08:00, in <#C0SECURITY>."
    )
    assert words(content.blocks)[3] == quiet
    assert quiet in content.text


def test_an_empty_channel_says_so_in_one_sentence_and_what_comes_next():
    nothing = replace(recalled(), rows=(), counts={}, destination="C0FINOPS", next=NEXT)

    content = accepted(recalling.page(nothing))

    sentence = (
        "No reminder is armed for this channel, and none was due since Sat 24 Oct. "
        "The next one of all: WAF Standard, Thu 26 Nov 2026, 09:00 GMT+08:00, in <#C0SECURITY>."
    )
    assert plain(content.text) == sentence
    assert words(content.blocks) == [sentence, "[All reminders]"]


def test_with_nothing_ahead_at_all_that_is_said():
    nothing = replace(recalled(), rows=(), counts={})

    content = accepted(recalling.page(nothing))

    assert words(content.blocks) == [
        "No reminder is armed, and none was due since Sat 24 Oct. "
        "Nothing that Lapse watches has a reminder ahead."
    ]
    assert buttons(content.blocks) == []


@pytest.mark.parametrize(
    ("typed", "channel", "asked"),
    [
        ("reminders", "C0SECURITY", "C0SECURITY"),
        ("reminders all", "C0SECURITY", None),
        ("Reminders  ALL ", "C0SECURITY", None),
        ("reminders", "D0OWNER", None),
    ],
)
def test_a_channel_sees_its_own_a_direct_message_and_all_see_every_one(
    stage, fakes, typed, channel, asked
):
    answer = stage.command(typed, channel=channel)

    assert fakes.reminding.asked == [(asked, 1)]
    assert answer["response_type"] == "ephemeral"
    assert answer["replace_original"] is False


def test_another_word_says_how_to_write_it_and_asks_nothing(stage, fakes):
    answer = stage.command("reminders `tomorrow`")

    assert answer["text"] == (
        "`tomorrow` says nothing about reminders. "
        "Write `/lapse reminders` for this channel, or `/lapse reminders all`."
    )
    assert fakes.reminding.asked == []


@pytest.mark.parametrize(
    ("action_id", "value", "asked"),
    [
        (ids.REMINDERS_PAGE, "2 ", ("C0FINOPS", 2)),
        (ids.REMINDERS_PREVIOUS, "1 all", (None, 1)),
        (ids.REMINDERS_EVERYWHERE, "1 all", (None, 1)),
    ],
)
def test_the_buttons_replace_the_page(stage, fakes, action_id, value, asked):
    stage.press(action_id, value)

    assert fakes.reminding.asked == [asked]
    assert stage.answers[-1]["replace_original"] is True


def test_a_guest_may_not_look(stage, fakes):
    fakes.people.guests = frozenset({"U0OWNER"})

    answer = stage.command("reminders")

    assert answer["text"] == f"{GuestRefused().sentence} {GuestRefused().advice}"
    assert fakes.reminding.asked == []


def test_a_near_word_is_led_here(stage):
    assert "Did you mean `/lapse reminders`?" in stage.command("remindrs")["text"]
