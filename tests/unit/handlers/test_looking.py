"""`/lapse` and every button that looks: what is asked of the use cases, and what comes back."""

from dataclasses import replace

import pytest

from bot.billing.account import ExecuteMode
from bot.facts.listing import HistoryLine, NearestFilter
from bot.facts.status import AccountHealth, Health, StatusFacts, Trouble, TroubleKind
from bot.services.errors import AlreadyRequested
from handlers import ids
from handlers.blocks import history
from tests.factories import NOW, account, instant
from tests.unit.handlers import samples
from tests.unit.handlers.catalogue import page
from tests.unit.handlers.looks import accepted_view, read, words
from tests.unit.handlers.stage import payload

HELP = (
    "Lapse lists prepaid subscriptions, warns before a deduction and unsubscribes after a second "
    "person approved. Commands: list, show, upcoming, unsubscribe, autorenew, requests, savings, "
    "delegate, remind, reminders, status, help."
)


def said(answer) -> list[str]:
    """Every text in the blocks of an answer, headers first come first served."""
    return read(answer["blocks"])


@pytest.mark.parametrize("typed", ["", "help", "  HELP "])
def test_help_says_what_lapse_can_do_and_where_things_go(stage, typed):
    answer = stage.command(typed)

    assert answer["text"] == HELP
    assert answer["response_type"] == "ephemeral"
    assert said(answer) == [
        "Lapse",
        (
            "Clouds take the money for a renewal days before the term ends. Lapse warns in time, "
            "and unsubscribes only after a colleague approved."
        ),
        (
            "• /lapse list · all subscriptions, nearest deduction first\n"
            "• /lapse show ID · one, with the ways out compared\n"
            "• /lapse upcoming 30 · deductions by day\n"
            "• /lapse unsubscribe · ask to leave\n"
            "• /lapse autorenew off ID\n"
            "• /lapse autorenew on ID · by request\n"
            "• /lapse requests · mine, and those waiting for me\n"
            "• /lapse savings · decided, executed, verified\n"
            "• /lapse delegate · who decides for whom\n"
            "• /lapse reminders · what is armed and was sent here, and why\n"
            "• /lapse status · whether all is well"
        ),
        "[List subscriptions] [Upcoming deductions] [Unsubscribe…] [My requests]",
        (
            "Only you see this. Requests go to <#C0APPROVALS>. "
            "Reminders here: 30, 14, 7, 3, 1 days before, 09:00 Asia/Shanghai."
        ),
    ]


def test_help_in_a_routed_channel_names_its_own_leads(stage):
    answer = stage.command("help", channel="C0SECURITY")

    assert said(answer)[-1].endswith("Reminders here: 7, 1 days before, 09:00 Asia/Shanghai.")


def test_help_elsewhere_names_the_channel_of_reminders(stage):
    answer = stage.command("help", channel="C0ELSEWHERE")

    assert "Reminders in <#C0FINOPS>: 30, 14," in said(answer)[-1]


def test_an_unknown_word_gets_the_nearest_command_and_then_help(stage):
    answer = stage.command("lst")

    first = "`lst` is not a command of Lapse. Did you mean `/lapse list`?"
    assert said(answer)[0] == first
    assert said(answer)[1] == "Lapse"
    assert answer["text"] == f"{first} {HELP}"


def test_an_unknown_word_cannot_come_alive(stage):
    answer = stage.command("&lt;!channel&gt;`x`")

    assert "<!channel>" not in answer["text"]
    assert said(answer)[0] == "`&lt;!channel&gt;x` is not a command of Lapse."


def test_the_list_is_asked_for_with_its_filters(stage, fakes):
    stage.command("list service:SecMaster owner:@me screen")

    [query] = fakes.listing.queries
    assert (query.service, query.owner, query.words, query.page) == (
        "SecMaster",
        "U0OWNER",
        ("screen",),
        1,
    )


def test_paging_replaces_the_list_and_keeps_the_filters(stage, fakes):
    stage.press(ids.LIST_PAGE, "2 service:SecMaster")

    [query] = fakes.listing.queries
    assert (query.service, query.page) == ("SecMaster", 2)
    assert stage.answers[-1]["replace_original"] is True


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("3>WzE1XQ service:SecMaster", (3, "WzE1XQ", None)),
        ("1<WzE1XQ service:SecMaster", (1, None, "WzE1XQ")),
        ("100 service:SecMaster", (100, None, None)),
        ("2>??? service:SecMaster", (1, None, None)),
        ("-7 service:SecMaster", (1, None, None)),
        ("99999999999999999999 service:SecMaster", (1, None, None)),
        (" service:SecMaster", (1, None, None)),
    ],
)
def test_a_button_leads_beyond_a_place_and_one_that_is_damaged_to_the_first_page(
    stage, fakes, value, asked
):
    stage.press(ids.LIST_PAGE, value)

    [query] = fakes.listing.queries
    assert (query.page, query.after, query.before) == asked
    assert query.service == "SecMaster"


def test_the_list_of_a_button_stands_beside_what_is_there(stage, fakes):
    stage.press(ids.LIST, "1 ")

    assert fakes.listing.queries[0].page == 1
    assert stage.answers[-1]["replace_original"] is False


def test_a_wrong_filter_says_how_to_write_it_and_asks_nothing(stage, fakes):
    answer = stage.command("list du:30d")

    assert answer["text"] == (
        "`du:30d` is not a filter. "
        "Filters: service, account, region, status, owner, auto-renew, due, kind."
    )
    assert fakes.listing.queries == []


def test_a_filter_that_finds_nothing_offers_the_nearest(stage, fakes):
    fakes.listing.page_ = page(count=0, next=None)
    fakes.listing.nearest_ = NearestFilter(field="service", value="SecMaster", count=12, more=False)

    answer = stage.command("list service:SecMastr")

    assert said(answer)[0] == (
        "No subscription matches `service:SecMastr`. `service:SecMaster` has 12."
    )


def test_an_empty_catalogue_is_no_failed_search(stage, fakes):
    fakes.listing.page_ = page(count=0, next=None)

    assert said(stage.command("list"))[0] == "No subscriptions yet"


def test_show_finds_one_by_id_with_or_without_account(stage):
    for typed in ("show sm-quota", "show prod/sm-quota", "show `sm-quota`"):
        assert said(stage.command(typed))[0] == "SecMaster Professional, 50 ECS"


def test_show_without_an_id_says_which_is_missing(stage):
    assert stage.command("show")["text"] == "Say which one. Write `/lapse show sm-quota`."


def test_an_unknown_id_offers_the_nearest_and_a_way_to_it(stage):
    answer = stage.command("show sm-qouta")

    assert answer["text"] == "No subscription `sm-qouta`. Did you mean `sm-quota`?"
    [button] = answer["blocks"][1]["elements"]
    assert (button["text"]["text"], button["value"]) == ("Show it", "prod/sm-quota")


def test_the_menu_and_the_button_open_one_subscription(stage):
    stage.choose(ids.OPEN_SUBSCRIPTION, "prod/sm-quota")
    stage.press(ids.SHOW, "prod/sm-quota", on="message")

    assert [said(answer)[0] for answer in stage.answers] == ["SecMaster Professional, 50 ECS"] * 2
    assert not any(answer["replace_original"] for answer in stage.answers)


def test_upcoming_takes_thirty_days_unless_told_otherwise(stage, fakes):
    stage.command("upcoming")
    stage.command("upcoming 90")

    assert fakes.listing.spans == [30, 90]


def test_looking_at_upcoming_ticks_off_the_tour(stage, fakes):
    stage.command("upcoming")
    stage.press(ids.UPCOMING, "30", on="message")

    assert fakes.touring.saws == 2


def test_another_span_replaces_the_deductions(stage, fakes):
    stage.press(ids.UPCOMING_SPANS[2], "90")

    assert fakes.listing.spans == [90]
    assert stage.answers[-1]["replace_original"] is True


def test_days_out_of_range_are_refused_in_one_sentence(stage):
    assert stage.command("upcoming 400")["text"] == (
        "Days go from 1 to 366. Write `/lapse upcoming 30`."
    )


def test_requests_show_what_waits_and_what_is_ones_own(stage, fakes):
    fakes.unsubscribing.waiting_ = [samples.waiting()]
    fakes.unsubscribing.mine_ = [samples.waiting(number=1043)]
    fakes.unsubscribing.links = {1042: "https://lapse.slack.com/archives/C0APPROVALS/p1"}

    answer = stage.command("requests")

    shown = said(answer)
    assert shown[0] == "Waiting for you"
    first, second = shown[1].splitlines()
    assert first == "**1042** · waiting · SecMaster Professional and 2 packages"
    assert second.startswith("Refund at least USD 2,010.76 · decide by ")
    assert shown[2] == "Yours"
    link = answer["blocks"][1]["accessory"]
    assert link["url"] == "https://lapse.slack.com/archives/C0APPROVALS/p1"
    assert "accessory" not in answer["blocks"][3]
    assert "decide by Thu 26 Nov 2026, 10:14 GMT+08:00" in answer["text"]


def test_no_requests_is_no_dead_end(stage):
    answer = stage.command("requests")

    assert said(answer) == [
        "No request waits for you, and you have asked for none.",
        "[Unsubscribe…]",
    ]


def test_a_request_is_opened_by_its_number(stage, fakes):
    fakes.unsubscribing.mine_ = [samples.waiting()]

    stage.press(ids.OPEN_REQUEST, "1042")

    assert stage.answers[-1]["text"].startswith("Request 1042, waiting, SecMaster Professional")


def test_the_buttons_of_help_lead_on(stage, fakes):
    stage.press(ids.MY_REQUESTS, "mine")
    stage.press(ids.HELP, "help")

    assert stage.answers[0]["text"].startswith("No request waits")
    assert stage.answers[1]["text"] == HELP


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            "remind",
            (
                "Setting reminders for a channel is not there yet; "
                "an operator routes them in lapse.toml."
            ),
        ),
    ],
)
def test_what_is_not_there_yet_says_so_in_one_sentence(stage, typed, sentence):
    assert stage.command(typed)["text"] == sentence


def test_status_says_what_is_read_armed_and_delivered(stage, fakes):
    fakes.status.facts = _status()

    answer = stage.command("status")

    shown = said(answer)
    assert shown[0] == "Status: all is well"
    assert "**Account prod** · 42 subscriptions, read Mon 23 Nov 2026, 09:55 GMT+08:00" in shown[1]
    assert "**Reminders** · 12 armed, next Thu 26 Nov 2026, 09:00 GMT+08:00" in shown[1]
    assert "**Messages** · 30 sent, 1 on their way, 0 not known, 0 undeliverable" in shown[1]
    assert answer["text"].startswith("Status: all is well. Account prod: 42 subscriptions")


def test_status_says_of_a_book_that_lapse_keeps_when_it_changed_last(stage, fakes):
    facts = _status_with_default(count=1, read_at=instant("2026-11-22 19:01"))
    fakes.status.facts = replace(facts, accounts=facts.accounts[:1])

    assert (
        "**Account default** · 1 subscription, last change Sun 22 Nov 2026, 19:01 GMT+08:00"
        in said(stage.command("status"))[1]
    )


def test_status_says_what_keeps_requests_from_going_on(stage, fakes):
    since = instant("2026-11-22 19:47")
    subject = "Lapse cannot read account prod"
    trouble = Trouble(kind=TroubleKind.HELD_UP, subject=subject, since=since)
    fakes.status.facts = replace(_status(), troubles=(trouble,))

    assert said(stage.command("status"))[:2] == [
        "Status: 1 thing needs a look",
        (
            "**Lapse cannot read account prod since Sun 22 Nov 2026, 19:47 GMT+08:00.**\n"
            "Lapse goes on trying, and says so in the request. Operators know."
        ),
    ]


def test_status_leaves_out_the_default_account_while_others_do_the_work(stage, fakes):
    fakes.status.facts = _status_with_default()

    answer = stage.command("status")

    assert "Account prod" in said(answer)[1]
    assert "Account default" not in said(answer)[1] + answer["text"]


@pytest.mark.parametrize(
    "changes",
    [{"count": 1}, {"account": replace(account("default"), provider="huaweicloud")}],
    ids=["it holds something", "somebody configured it"],
)
def test_status_lists_the_default_account_as_soon_as_somebody_uses_it(stage, fakes, changes):
    fakes.status.facts = _status_with_default(**changes)

    assert "Account default" in said(stage.command("status"))[1]


def test_status_lists_the_default_account_where_there_is_no_other(stage, fakes):
    both = _status_with_default()
    fakes.status.facts = replace(both, accounts=both.accounts[:1])

    assert "**Account default** · 0 subscriptions" in said(stage.command("status"))[1]


def test_status_says_trouble_first(stage, fakes):
    since = instant("2026-11-22 21:40")
    trouble = Trouble(kind=TroubleKind.NOT_READ, subject="prod", since=since)
    fakes.status.facts = replace(_status(), troubles=(trouble,))

    answer = stage.command("status")

    assert said(answer)[:2] == [
        "Status: 1 thing needs a look",
        (
            "**Account prod has not been read since Sun 22 Nov 2026, 21:40 GMT+08:00.**\n"
            "Figures below may be old; reminders go on from the last reading. Operators know."
        ),
    ]


@pytest.mark.parametrize(
    ("kind", "count", "words"),
    [
        (TroubleKind.TWICE, 1, "1 message is in #C0FINOPS twice and could not be taken back."),
        (TroubleKind.TWICE, 2, "2 messages are in #C0FINOPS twice and could not be taken back."),
        (TroubleKind.UNREAD, 2, "2 messages may be in #C0FINOPS twice, where Lapse cannot look."),
    ],
)
def test_status_counts_what_is_or_may_be_somewhere_twice(stage, fakes, kind, count, words):
    trouble = Trouble(kind=kind, subject="#C0FINOPS", count=count)
    fakes.status.facts = replace(_status(), troubles=(trouble,))

    assert words in said(stage.command("status"))[1].replace("<#C0FINOPS>", "#C0FINOPS")


@pytest.mark.parametrize("kind", list(TroubleKind))
def test_every_kind_of_trouble_has_words(stage, fakes, kind):
    fakes.status.facts = replace(_status(), troubles=(Trouble(kind=kind, subject="prod"),))

    shown = said(stage.command("status"))[1]

    assert shown.count("**") == 2
    assert "None" not in shown


def test_history_opens_in_a_modal_newest_first(stage, fakes, client):
    fakes.listing.history_ = [
        HistoryLine(
            at=instant("2026-11-16 10:05"), actor="U0OWNER", action="reminder.kept", facts={}
        ),
        HistoryLine(at=NOW, actor="lapse", action="request.step-done", facts={"request": 1042}),
    ]

    stage.press(ids.HISTORY, "prod/sm-quota")

    [opened] = client.of("views.open")
    lines = read(opened["view"]["blocks"])[1].splitlines()
    assert lines == [
        "Mon 23 Nov 2026, 10:12 GMT+08:00 · Lapse · **step done** · request 1042",
        "Mon 16 Nov 2026, 10:05 GMT+08:00 · <@U0OWNER> · **kept**",
    ]


def test_a_long_history_fits_into_a_modal():
    lines = [
        HistoryLine(at=NOW, actor="import" * 40, action="x" * 300, facts={}) for _ in range(500)
    ]

    view = accepted_view(history.history("a" * 200 + "/" + "b" * 200, lines))

    assert "the newest 40" in words(view.blocks)[0]


def test_an_empty_history_says_so():
    view = accepted_view(history.history("prod/x", []))

    assert words(view.blocks)[1] == "Nothing has been done with it through Lapse yet."


def test_a_surprise_in_a_use_case_is_told_with_a_code_and_nothing_else(stage, fakes):
    fakes.listing.fails = RuntimeError("postgresql://secret")

    answer = stage.command("list")

    assert answer["text"].startswith("That did not work, and nothing was changed. Try again;")
    assert "secret" not in answer["text"]


def test_a_request_that_holds_it_already_leads_to_that_request(stage, fakes):
    fakes.listing.fails = AlreadyRequested(1041)

    answer = stage.command("list")

    assert answer["text"].startswith("It is already part of request 1041.")
    assert answer["blocks"][1]["elements"][0]["action_id"] == ids.OPEN_REQUEST


def test_the_same_click_twice_is_answered_once(stage):
    body = payload("command") | {"text": "help"}

    stage.send(dict(body))
    stage.send(dict(body))

    assert len(stage.answers) == 1


def _status_with_default(**changes) -> StatusFacts:
    untouched = AccountHealth(account=account("default"), read_at=None, count=0, more=False)
    facts = _status()
    return replace(facts, accounts=(replace(untouched, **changes), *facts.accounts))


def _status() -> StatusFacts:
    health = Health(
        read_at=instant("2026-11-23 09:55"),
        armed_at=NOW,
        next_reminder_at=instant("2026-11-26 09:00"),
        next_delivery_at=None,
    )
    prod = replace(account("prod"), provider="huaweicloud", execute=ExecuteMode.LIVE)
    return StatusFacts(
        accounts=(
            AccountHealth(account=prod, read_at=instant("2026-11-23 09:55"), count=42, more=False),
        ),
        health=health,
        armed=12,
        pending=1,
        sent=30,
        unknown=0,
        undeliverable=0,
        waiting_requests=2,
        troubles=(),
        now=NOW,
    )
