"""App Home: for owners, approvers, installers, for nobody, and when it cannot be read."""

from dataclasses import replace

import pytest

from bot.billing.subscription import SlackChannel, SlackUser
from bot.facts.homing import HomeFacts, Role, Setup, SetupStep
from bot.facts.renewing import TurnedOff, TurnedOffItem
from bot.facts.status import Health, Trouble, TroubleKind
from handlers import ids
from handlers.blocks import home, looking
from handlers.blocks.looking import Linked
from tests.factories import NOW, OWNER, instant
from tests.unit.handlers import contracts, samples
from tests.unit.handlers.catalogue import ORCHESTRATION, SCREEN, SM_QUOTA, STATUS_PAGE, WAF, day
from tests.unit.handlers.fakes import SHANGHAI
from tests.unit.handlers.looks import accepted_view, buttons, elements, words
from tests.unit.handlers.stage import payload

FOOTER = (
    "Hours are Asia/Shanghai · catalogue read 09:55 · scheduler ran 10:12 · "
    "next reminder Thu 26 Nov, 09:00"
)


def facts(**changes) -> HomeFacts:
    known = {
        "user": OWNER,
        "role": Role.NOBODY,
        "troubles": (),
        "waiting": (),
        "waiting_count": 0,
        "next_day": None,
        "my_requests": (),
        "without_owner": (),
        "without_owner_count": 0,
        "setup": (),
        "health": Health(
            read_at=instant("2026-11-23 09:55"),
            armed_at=NOW,
            next_reminder_at=instant("2026-11-26 09:00"),
            next_delivery_at=None,
        ),
        "approvals_channel": SlackChannel("C0APPROVALS"),
        "operators": (SlackUser("U0OPERATOR"),),
        "schedule_zone": SHANGHAI,
        "sees_savings": False,
        "now": NOW,
    }
    return HomeFacts(**(known | changes))


def owner(**changes) -> HomeFacts:
    return facts(
        role=Role.OWNER,
        next_day=day(SM_QUOTA, SCREEN, ORCHESTRATION, working="2026-11-27"),
        my_requests=(samples.waiting(),),
        without_owner=(WAF,),
        without_owner_count=2,
        **changes,
    )


def turned_off() -> TurnedOff:
    item = TurnedOffItem(key=SM_QUOTA.key, subscription=SM_QUOTA, off=True)
    return TurnedOff(items=(item,), by=OWNER, at=NOW, dry_run=False)


def test_an_owner_sees_the_next_deduction_first():
    view = accepted_view(home.home(owner(), {1042: "https://lapse.slack.com/p1"}))

    assert words(view.blocks) == [
        "Next: USD 5,700.00 on Mon 30 Nov 2026",
        "3 of your subscriptions, last working day Fri 27 Nov → [Show]",
        (
            "**SecMaster Professional, 50 ECS** · prod · USD 3,600.00\n"
            "**Large screen** · prod · USD 900.00\n"
            "**Security orchestration** · prod · USD 1,200.00"
        ),
        "Your requests",
        "**1042** · waiting · SecMaster Professional and 2 packages → [Open]",
        "Without an owner",
        "WAF Standard and 1 more → [Show]",
        FOOTER,
        "[List subscriptions] [Unsubscribe…] [Upcoming deductions] [Help]",
    ]


def test_an_approver_sees_what_waits_before_everything_else():
    request = samples.waiting()

    view = accepted_view(
        home.home(replace(owner(), waiting=(request,), waiting_count=1), {1042: "https://x.y/p1"})
    )

    assert words(view.blocks)[:2] == [
        "1 request waits for you",
        (
            "**1042** · <@U0REQUESTER> · refund at least USD 2,010.76\n"
            "Decide by Thu 26 Nov 2026, 10:14 GMT+08:00 → [Open request]"
        ),
    ]
    assert elements(view.blocks)[0]["url"] == "https://x.y/p1"


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (contracts.opened(), "To do by hand by Sat 10 Apr 2027, 23:59 GMT+08:00"),
        (contracts.said(), "Done by hand; a second person looks whether it is gone"),
    ],
)
def test_what_is_to_be_done_by_hand_waits_for_somebody_too(request_, what):
    shown = facts(waiting=(request_,), waiting_count=1)

    title, row, *_ = words(accepted_view(home.home(shown, {})).blocks)

    assert title == "1 request waits for you"
    assert row.startswith(f"**{request_.number}** · <@U0REQUESTER> · Status page\n{what} → ")
    assert what in looking.requests([Linked(request=request_, link=None)], []).text


def test_without_a_link_the_button_asks_lapse_for_the_request():
    request = samples.waiting()

    view = accepted_view(home.home(facts(waiting=(request,), waiting_count=1), {}))

    opens = elements(view.blocks)[0]
    assert (opens["action_id"], opens["value"]) == (ids.OPEN_REQUEST, "1042")


def test_more_than_five_offer_all():
    waiting = tuple(samples.waiting(number=1042 + n) for n in range(5))

    view = accepted_view(home.home(facts(waiting=waiting, waiting_count=9), {}))

    assert words(view.blocks)[0] == "9 requests wait for you"
    assert "Show all" in buttons(view.blocks)


def test_nobody_is_welcomed_and_told_whom_to_ask():
    view = accepted_view(home.home(facts(), {}))

    assert words(view.blocks) == [
        "Welcome to Lapse",
        (
            "You own no subscription here. Lapse warns owners and channels before a cloud takes "
            "money for a renewal."
        ),
        f"{FOOTER} · Something missing? Ask <@U0OPERATOR>.",
        "[List subscriptions] [Upcoming deductions] [Help]",
    ]


def test_a_welcome_stands_above_what_has_no_owner():
    view = accepted_view(home.home(facts(without_owner=(WAF,), without_owner_count=3), {}))

    assert words(view.blocks)[0] == "Welcome to Lapse"
    assert words(view.blocks)[2:4] == ["Without an owner", "WAF Standard and 2 more → [Show]"]


def test_an_installer_sees_what_is_left_to_set_up():
    steps = (
        Setup(step=SetupStep.SLACK, done=True),
        Setup(step=SetupStep.APPROVALS_CHANNEL, done=True),
        Setup(step=SetupStep.CATALOGUE, done=False),
        Setup(step=SetupStep.APPROVERS, done=False),
        Setup(step=SetupStep.FIRST_REMINDER, done=False),
    )

    view = accepted_view(home.home(facts(role=Role.INSTALLER, setup=steps), {}))

    assert words(view.blocks)[:3] == [
        "Set up: 2 of 5 done",
        (
            "Done: Slack connected\nDone: approvals channel <#C0APPROVALS>\n"
            "Next: import a catalogue, `lapse import FILE`\nThen: name approvers\n"
            "Then: first reminder"
        ),
        "[Check again]",
    ]


def test_trouble_stands_above_everything():
    since = instant("2026-11-22 21:40")
    trouble = Trouble(kind=TroubleKind.NOT_READ, subject="prod", since=since)

    view = accepted_view(home.home(owner(troubles=(trouble,)), {}))

    assert words(view.blocks)[0] == (
        "**Account prod has not been read since Sun 22 Nov 2026, 21:40 GMT+08:00.**\n"
        "Figures below may be old; reminders go on from the last reading. Operators know."
    )


def test_a_notice_is_no_deduction():
    view = accepted_view(home.home(facts(next_day=day(STATUS_PAGE, working="2026-11-30")), {}))

    assert words(view.blocks)[0] == "Next: notice to give by Tue 1 Dec 2026"


def test_a_guest_sees_nothing_but_why(stage, fakes, client):
    fakes.homing.facts = owner()
    fakes.people.guests = frozenset({OWNER})

    stage.send(payload("app_home_opened"))

    [published] = client.of("views.publish")
    assert words_of(published) == ["Lapse", GUESTS]
    stage.press(ids.CHECK_AGAIN, "setup", on="home", user={"id": OWNER})
    assert len(client.of("views.publish")) == 1


GUESTS = "Guests cannot use Lapse here. Ask a member of your team."


def words_of(published) -> list[str]:
    return [each["text"]["text"] for each in published["view"]["blocks"]]


def test_opening_the_home_publishes_it_for_that_person(stage, fakes, client):
    fakes.homing.facts = owner()
    fakes.unsubscribing.links = {1042: "https://lapse.slack.com/p1"}

    assert stage.send(payload("app_home_opened")).status == 200

    [published] = client.of("views.publish")
    assert published["user_id"] == "U0OWNER"
    assert published["view"]["type"] == "home"
    assert published["view"]["blocks"][4]["accessory"]["url"] == "https://lapse.slack.com/p1"


@pytest.mark.parametrize("tab", ["messages", "about"])
def test_other_tabs_are_not_drawn(stage, fakes, client, tab):
    fakes.homing.facts = owner()
    body = payload("app_home_opened")
    body["event"]["tab"] = tab

    stage.send(body)

    assert client.of("views.publish") == []


def test_a_home_that_cannot_be_read_says_so_with_its_code(stage, client):
    assert stage.send(payload("app_home_opened")).status == 200

    [published] = client.of("views.publish")
    said = published["view"]["blocks"][1]["text"]["text"]
    assert said.startswith("Your Home could not be read just now.")


def test_checking_the_setup_again_draws_the_home_again(stage, fakes, client):
    fakes.homing.facts = facts()

    stage.press(ids.CHECK_AGAIN, "setup", on="home")

    assert len(client.of("views.publish")) == 1


def test_a_home_that_was_opened_follows_what_the_person_changes(stage, fakes, client):
    fakes.homing.facts = facts()
    fakes.renewing.result = turned_off()
    stage.press(ids.AUTORENEW_OFF, "prod/sm-quota")
    assert client.of("views.publish") == []

    stage.send(payload("app_home_opened"))
    stage.press(ids.AUTORENEW_OFF, "prod/sm-quota")
    stage.press(ids.SHOW, "prod/sm-quota")

    assert len(client.of("views.publish")) == 2


def test_a_home_that_cannot_be_refreshed_disturbs_nothing(stage, fakes, client):
    fakes.homing.facts = facts()
    stage.send(payload("app_home_opened"))
    fakes.homing.facts = None
    fakes.renewing.result = turned_off()

    stage.press(ids.AUTORENEW_OFF, "prod/sm-quota")

    assert "That did not work" not in stage.answers[-1]["text"]


def test_the_buttons_of_the_home_answer_in_a_modal(stage, client):
    stage.press(ids.LIST, "1 ", on="home")

    [opened] = client.of("views.open")
    assert opened["view"]["title"]["text"] == "Subscriptions"


def test_paging_inside_that_modal_replaces_it(stage, client):
    stage.press(ids.LIST_PAGE, "2 ", on="modal")

    [updated] = client.of("views.update")
    assert updated["view"]["blocks"][1]["elements"][0]["text"].startswith("1 to 10 of 42")


def test_those_who_decide_and_operate_have_the_way_to_the_savings():
    view = accepted_view(home.home(facts(role=Role.APPROVER, sees_savings=True), {}))

    said = words(view.blocks)
    assert "**Savings**\nDecided, executed, verified, by month → [Show savings]" in said
    assert "Show savings" not in buttons(home.home(facts(), {}).blocks)
