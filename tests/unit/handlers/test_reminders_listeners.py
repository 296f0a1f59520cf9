"""Settling a reminder: what a press does, and what the person sees."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest

from bot.billing.reminder import SnoozeChoice, SnoozeKind
from bot.billing.rights import Action
from bot.facts.messages import Settled
from bot.facts.reminding import SnoozeOptions
from bot.localslack.blockkit.validator import problems
from bot.services.errors import NotAllowed, SnoozeTooFar
from handlers import ids
from tests.factories import OWNER, REQUESTER, instant
from tests.unit.handlers import samples, seen
from tests.unit.handlers.acting import cast
from tests.unit.handlers.stage import payload

HK = samples.keys("hk/hk-quota")
UNTIL = datetime.fromtimestamp(1795136400, UTC)


@pytest.fixture
def acting(monkeypatch):
    return cast(monkeypatch)


def press(acting, action_id: str):
    body = payload("block_actions_button")
    body["actions"][0] |= {
        "action_id": action_id,
        "value": f"{samples.DELIVERY} hk/hk-quota",
    }
    return acting.stage.send(body)


def choose(acting, option: str):
    body = payload("block_actions_overflow")
    body["actions"][0]["selected_option"]["value"] = option
    return acting.stage.send(body)


def options() -> SnoozeOptions:
    days = (
        (SnoozeKind.TOMORROW, "2026-11-17 09:00"),
        (SnoozeKind.IN_TWO_DAYS, "2026-11-18 09:00"),
        (SnoozeKind.LAST_WORKING_DAY, "2026-11-20 09:00"),
    )
    choices = tuple(
        SnoozeChoice(kind=kind, date=instant(at).date(), at=instant(at)) for kind, at in days
    )
    return SnoozeOptions(
        subscriptions=(samples.HK,),
        choices=choices,
        hour=time(9),
        zone=samples.SHANGHAI,
        safe_until=instant("2026-11-23 00:00"),
        now=instant("2026-11-16 10:05"),
    )


def words(sent: Any) -> str:
    return seen.named(json.dumps(sent, ensure_ascii=False))


def test_turn_off_goes_to_the_cloud_and_answers_only_through_the_shared_message(acting):
    press(acting, ids.REMINDER_OFF)

    assert acting.renewing.turned == [(HK, REQUESTER, samples.DELIVERY)]
    assert acting.stage.answers == []
    assert acting.client.of("chat.update") == []


def test_keep_and_undo_keep_name_message_and_subscription(acting):
    press(acting, ids.REMINDER_KEEP)
    press(acting, ids.REMINDER_UNDO_KEEP)

    assert acting.reminding.acts == [
        ("keep", samples.DELIVERY, HK, REQUESTER),
        ("undo_keep", samples.DELIVERY, HK, REQUESTER),
    ]
    assert acting.stage.answers == []


def test_unsubscribe_on_a_reminder_answers_with_the_form_in_a_private_message(acting):
    press(acting, ids.REMINDER_UNSUBSCRIBE)

    assert acting.unsubscribing.drafts[0]["refs"] == ("hk/hk-quota",)
    [answer] = acting.stage.answers
    assert (answer["response_type"], answer["replace_original"]) == ("ephemeral", False)
    assert "Request unsubscription" in words(answer)


@pytest.mark.parametrize(
    ("option", "expected"),
    [("keep", "keep"), ("undo-keep", "undo_keep")],
)
def test_the_menu_of_a_digest_does_what_the_buttons_do(acting, option, expected):
    choose(acting, option)

    assert acting.reminding.acts == [(expected, samples.DELIVERY, HK, REQUESTER)]


def test_the_menu_brings_the_form_for_one_item(acting):
    choose(acting, "unsubscribe")

    assert acting.unsubscribing.drafts[0]["refs"] == ("hk/hk-quota",)


def test_the_menu_asks_before_it_turns_off(acting):
    choose(acting, "off")

    [view] = acting.views("views.open")
    assert "SecMaster Standard, 20 ECS · USD 1,080.00" in words(view)
    assert acting.renewing.turned == []


def test_the_menu_of_a_message_that_changed_since_says_so(acting):
    item = samples.reminder_item(settled=Settled.TURNED_OFF)
    acting.reminding.message_ = samples.reminder(item)
    choose(acting, "off")

    assert "This reminder is no longer due." in words(acting.stage.answers)


def test_show_in_the_menu_explains_an_unknown_one(acting):
    choose(acting, "show")

    assert "No subscription `hk/hk-quota`." in acting.stage.answers[0]["text"]


def test_open_request_in_the_menu_leads_to_the_request(acting):
    item = replace(samples.reminder_item(), settled=Settled.REQUESTED, request_number=1042)
    acting.reminding.message_ = samples.reminder(item)
    choose(acting, "open-request")

    assert acting.unsubscribing.link_ in words(acting.stage.answers)


def test_who_has_no_right_is_told_privately_and_the_message_stays(acting):
    acting.reminding.fails = NotAllowed.caring([OWNER])
    press(acting, ids.REMINDER_KEEP)

    [answer] = acting.stage.answers
    assert seen.named(answer["text"]) == (
        "Only @owner or an approver can do this. You can ask them in the thread."
    )
    assert answer["replace_original"] is False


def test_snooze_offers_only_what_lies_before_the_last_safe_moment(acting):
    acting.reminding.options = options()
    press(acting, ids.REMINDER_SNOOZE)

    [view] = acting.views("views.open")
    radio = next(block for block in view["blocks"] if block["type"] == "input")["element"]
    assert [option["text"]["text"] for option in radio["options"]] == [
        "Tomorrow, 09:00",
        "Wed 18 Nov, 09:00",
        "Last working day, Fri 20 Nov, 09:00",
        "Another day",
    ]
    assert "It comes back here for everyone. Hours are Asia/Shanghai." in words(view)
    assert view["submit"]["text"] == "Snooze"
    assert problems(view, "modal") == ()
    assert (REQUESTER, Action.SETTLE_REMINDER, samples.HK) in acting.people.demanded


def test_who_may_not_snooze_is_told_before_choosing(acting):
    acting.reminding.options = options()
    acting.people.fails = NotAllowed.caring([OWNER])
    press(acting, ids.REMINDER_SNOOZE)

    assert acting.views("views.open") == []
    assert "Only @owner or an approver can do this." in words(acting.stage.answers)


def test_another_day_adds_a_field_for_it(acting):
    acting.reminding.options = options()
    body = payload("block_actions_in_modal")
    body["view"]["private_metadata"] = f"{samples.DELIVERY} hk/hk-quota"
    body["actions"] = [
        {
            "type": "radio_buttons",
            "action_id": ids.REMINDER_SNOOZE_UNTIL,
            "block_id": ids.REMINDER_SNOOZE_UNTIL,
            "selected_option": {"value": "another"},
        }
    ]
    acting.stage.send(body)

    [view] = acting.views("views.update")
    assert "datetimepicker" in words(view)
    assert problems(view, "modal") == ()


def test_a_chosen_moment_snoozes_for_everyone(acting):
    response = acting.stage.send(payload("view_submission_snooze"))

    assert acting.reminding.acts == [("snooze", samples.DELIVERY, HK, REQUESTER, UNTIL)]
    assert response.body == ""


def test_a_moment_after_the_last_safe_one_is_refused_under_its_field(acting):
    acting.reminding.fails = SnoozeTooFar(instant("2026-11-23 00:00"))
    response = acting.stage.send(payload("view_submission_snooze"))

    assert json.loads(response.body)["errors"] == {
        ids.REMINDER_SNOOZE_UNTIL: "The last safe moment is Sun 22 Nov 2026, 23:59 GMT+08:00. "
        "Choose an earlier time."
    }


def test_another_day_without_a_day_is_asked_for(acting):
    body = payload("view_submission_snooze")
    values = body["view"]["state"]["values"]
    values[ids.REMINDER_SNOOZE_UNTIL][ids.REMINDER_SNOOZE_UNTIL]["selected_option"]["value"] = (
        "another"
    )
    response = acting.stage.send(body)

    assert json.loads(response.body)["response_action"] == "errors"
    assert acting.reminding.acts == []


def test_several_are_asked_for_and_turned_off_together(acting):
    body = payload("block_actions_button")
    body["actions"][0] |= {"action_id": ids.REMINDER_OFF_SEVERAL, "value": samples.DELIVERY}
    acting.stage.send(body)
    acting.stage.send(payload("view_submission_turn_off_several"))

    assert acting.views("views.open")[0]["submit"]["text"] == "Turn off"
    assert acting.renewing.turned == [(HK, REQUESTER, samples.DELIVERY)]


def test_turning_off_several_needs_at_least_one(acting):
    body = payload("view_submission_turn_off_several")
    body["view"]["state"]["values"][ids.REMINDER_TICKS][ids.REMINDER_TICKS]["selected_options"] = []
    response = acting.stage.send(body)

    assert json.loads(response.body)["errors"] == {
        ids.REMINDER_TICKS: "Tick at least one subscription."
    }
    assert acting.renewing.turned == []


def test_show_all_lists_what_was_only_counted(acting):
    acting.reminding.rest_ = samples.rest_page(samples.reminder_item())
    body = payload("block_actions_button")
    body["actions"][0] |= {"action_id": ids.REMINDER_SHOW_ALL, "value": "b-1"}
    acting.stage.send(body)

    assert "SecMaster Standard, 20 ECS: USD 1,080.00 on Mon 23 Nov 2026" in words(
        acting.stage.answers
    )


def test_show_all_turns_its_pages_in_place(acting):
    acting.reminding.rest_ = samples.rest_page(samples.reminder_item(), page=2, pages=3)
    pressed = ((ids.REMINDER_REST_PAGE, "3 b-1"), (ids.REMINDER_REST_PREVIOUS, "1 b-1"))
    for action_id, value in pressed:
        body = payload("block_actions_button")
        body["actions"][0] |= {"action_id": action_id, "value": value}
        body["container"]["is_ephemeral"] = True
        acting.stage.send(body)

    assert acting.reminding.acts == [("rest", "b-1", 3), ("rest", "b-1", 1)]
    assert all(each["replace_original"] for each in acting.stage.answers)
