"""Asking, deciding and repairing: what a press does, and what the person sees."""

import json
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.billing.quote import Refusal, Scope
from bot.billing.rights import Action
from bot.billing.unsubscription import CannotApproveOwnRequest, Reason, Request
from bot.facts.hiding import without_figures
from bot.facts.unsubscribing import NewFigures
from bot.localslack.blockkit.validator import problems
from bot.services.errors import (
    AlreadyRequested,
    FiguresChanged,
    GuestRefused,
    Incomplete,
    NotAllowed,
    NotPossible,
    RequestRefused,
)
from handlers import forms, ids
from handlers.forms import Carried
from tests.factories import APPROVER_1, APPROVER_2, REQUESTER, usd
from tests.unit.handlers import samples, seen
from tests.unit.handlers.acting import Cast, cast
from tests.unit.handlers.fakes import OpenDiscretion
from tests.unit.handlers.stage import payload


@pytest.fixture
def acting(monkeypatch):
    return cast(monkeypatch)


def showing(acting: Cast, *refs: str) -> str:
    carried = Carried.fresh(refs or ("staging/st-quota",), channel="C0FINOPS")
    return forms.encode(carried.showing(acting.unsubscribing.draft_))


def words(sent: Any) -> str:
    return seen.named(json.dumps(sent, ensure_ascii=False))


def submitted(acting: Cast, **state: Any) -> dict[str, Any]:
    body = payload("view_submission_unsubscribe")
    body["view"]["private_metadata"] = showing(acting)
    body["view"]["state"]["values"].update(state)
    response = acting.stage.send(body)
    assert response.status == 200
    return json.loads(response.body) if response.body else {}


def in_message(acting: Cast) -> dict[str, Any]:
    body = payload("block_actions_form_in_message")
    body["actions"][0]["value"] = showing(acting)
    return body


def own(request) -> RequestRefused:
    return RequestRefused(CannotApproveOwnRequest(request.number), request)


def package_first() -> NotPossible:
    known = {each.key: each for each in samples.GROUP}
    reason = "Large screen cannot go before its edition."
    return NotPossible(
        {samples.SCREEN.key: Refusal(rule="R8", reason=reason)},
        subscriptions=known,
        together_with=[each.key for each in samples.GROUP],
    )


def test_the_command_opens_the_loading_view_and_fills_it_with_figures(acting):
    body = payload("slash_command_unsubscribe")
    acting.stage.send(body)

    [loading] = acting.views("views.open")
    [filled] = acting.views("views.update")
    assert "Reading the figures of st-quota…" in words(loading)
    assert "submit" not in loading
    assert "USD 2,010.76" in words(filled)
    assert acting.client.of("views.update")[0]["view_id"] == "V0OPENED"
    assert acting.unsubscribing.drafts[0]["refs"] == ("st-quota",)
    assert problems(filled, "modal") == ()


def test_the_command_without_an_id_asks_which(acting):
    acting.stage.send(payload("slash_command_unsubscribe") | {"text": "unsubscribe"})

    [asks] = acting.views("views.open")
    assert "*Which subscription?*" in words(asks)
    assert acting.unsubscribing.drafts == []


def test_more_than_a_form_can_carry_is_refused_in_a_sentence(acting):
    many = " ".join(f"account/subscription-{n:04}" for n in range(60))
    acting.stage.send(payload("slash_command_unsubscribe") | {"text": f"unsubscribe {many}"})

    assert "These are too many for one request. Ask for them in parts." in words(
        acting.stage.answers
    )
    assert acting.views("views.open") == []


def test_the_menu_offers_the_nearest_subscriptions(acting):
    response = acting.stage.send(payload("block_suggestion") | {"action_id": ids.UNSUBSCRIBE_MENU})

    [option] = json.loads(response.body)["options"]
    assert option["text"]["text"].startswith("SecMaster Professional, 50 ECS · ")


def test_a_guest_is_offered_nothing_in_a_menu(acting):
    acting.people.guests = frozenset({REQUESTER})
    response = acting.stage.send(payload("block_suggestion") | {"action_id": ids.UNSUBSCRIBE_MENU})

    assert json.loads(response.body)["options"] == []


@pytest.mark.parametrize("action_id", [ids.RECEIPT, ids.REQUEST_WORKING, ids.REQUEST_MENU])
def test_a_guest_opens_nothing_of_a_request_and_the_record_has_it(acting, action_id):
    acting.unsubscribing.request = samples.done()
    acting.people.guests = frozenset({REQUESTER})

    acting.stage.press(action_id, "1042", on="message", user={"id": REQUESTER})

    assert acting.views("views.open") == []
    assert "Guests cannot use Lapse here." in words(acting.stage.answers)
    [(click, refusal)] = acting.clicks
    assert (click.by, click.button, type(refusal)) == (REQUESTER, action_id, GuestRefused)


def test_choosing_a_subscription_fills_the_same_view(acting):
    body = payload("block_actions_menu_in_modal")
    body["view"]["private_metadata"] = forms.encode(Carried.fresh((), channel="C0FINOPS"))
    acting.stage.send(body)

    assert acting.unsubscribing.drafts[0]["refs"] == ("lab/lab-quota",)
    assert acting.client.of("views.update")[0]["view_id"] == "V0FORM"


def test_each_tick_of_a_package_works_the_figures_out_again(acting):
    body = payload("block_actions_in_modal")
    body["view"]["private_metadata"] = showing(acting)
    acting.stage.send(body)

    [wish] = acting.unsubscribing.drafts
    assert wish["packages"] == samples.keys("staging/st-screen")
    assert wish["opened_at"] == samples.draft().opened_at
    [view] = acting.views("views.update")
    assert "The staging servers moved." in words(view)


def chosen_too_late(acting: Cast, *, sent: bool) -> list[dict[str, Any]]:
    """The updates of a choice whose window has changed since it was made."""
    carried = showing(acting)
    if sent:
        submission = payload("view_submission_unsubscribe")
        submission["view"]["private_metadata"] = carried
        acting.stage.send(submission)
    conflict = SlackApiError("", {"ok": False, "error": "hash_conflict"})
    acting.client.answers["views.update"] = conflict
    body = payload("block_actions_in_modal")
    body["view"] |= {"private_metadata": carried, "hash": "1.chosen"}
    acting.stage.send(body)
    return acting.client.of("views.update")


def test_a_choice_that_is_drawn_late_does_not_come_over_what_was_sent(acting):
    [update] = chosen_too_late(acting, sent=True)

    assert update["hash"] == "1.chosen"


def test_of_two_quick_choices_the_second_is_drawn_as_well(acting):
    [guarded, insisting] = chosen_too_late(acting, sent=False)

    assert guarded["hash"] == "1.chosen"
    assert "hash" not in insisting
    assert insisting["view"] == guarded["view"]


def test_choosing_other_makes_details_required(acting):
    body = payload("block_actions_in_modal")
    body["view"]["private_metadata"] = showing(acting)
    reason = body["view"]["state"]["values"][ids.REASON][ids.REASON]
    reason["selected_option"]["value"] = str(int(Reason.OTHER))
    acting.stage.send(body)

    [view] = acting.views("views.update")
    details = next(block for block in view["blocks"] if block.get("block_id") == ids.DETAILS)
    assert details["optional"] is False


def test_sending_the_form_makes_a_request_of_what_it_showed(acting):
    answer = submitted(acting)

    [sent] = acting.unsubscribing.submissions
    assert (sent.by, sent.reason, sent.acknowledged) == (
        REQUESTER,
        Reason.FEATURES_INSUFFICIENT,
        True,
    )
    assert sent.details == "The staging servers moved."
    assert sent.packages == samples.keys("staging/st-screen")
    assert sent.worst == samples.draft().worst
    assert sent.deadline == samples.draft().deadline
    assert answer["response_action"] == "update"
    assert answer["view"]["title"]["text"] == "Request sent"
    assert "Request 1042 goes to <#C0APPROVALS>." in words(answer)


def test_the_same_opened_form_is_the_same_submission_twice(acting):
    body = payload("view_submission_unsubscribe")
    body["view"]["private_metadata"] = showing(acting)
    acting.stage.send(body)
    acting.stage.send(payload("view_submission_unsubscribe") | {"view": body["view"]})

    first, second = acting.unsubscribing.submissions
    assert first.form == second.form


def test_missing_fields_are_told_under_their_fields(acting):
    acting.unsubscribing.fails = Incomplete(reason=True, details=True, checkbox=True)

    answer = submitted(acting)

    assert answer == {
        "response_action": "errors",
        "errors": {
            "unsubscribe.reason": "Choose a reason; the cloud asks for one.",
            "unsubscribe.details": "Other needs details: say in a few words why.",
            "unsubscribe.fee.0123456789ab": "Tick this box to go on; nothing has been sent.",
        },
    }


def test_too_many_details_are_counted(acting):
    acting.unsubscribing.fails = Incomplete(too_long=612)

    assert submitted(acting)["errors"] == {
        "unsubscribe.details": "At most 500 characters; this has 612."
    }


def test_changed_figures_are_shown_and_the_box_is_empty_again(acting):
    draft = samples.draft()
    before = replace(draft.worst, refund=usd("2110.76"))
    acting.unsubscribing.fails = FiguresChanged(draft, before=before)

    answer = submitted(acting)

    assert "The figures changed while this was open: refund at least USD 2,010.76, before USD " in (
        words(answer)
    )
    tick = answer["view"]["blocks"][-1]["element"]
    assert "initial_options" not in tick
    assert problems(answer["view"], "modal") == ()


def test_what_cannot_go_any_more_is_said_in_the_window(acting):
    acting.unsubscribing.fails = AlreadyRequested(1041)

    answer = submitted(acting)

    assert answer["response_action"] == "update"
    assert "It is already part of request 1041." in words(answer)


def test_a_package_before_its_edition_is_explained_in_the_window(acting):
    acting.unsubscribing.drafting_fails = package_first()
    acting.stage.send(payload("slash_command_unsubscribe") | {"text": "unsubscribe st-screen"})

    [view] = acting.views("views.update")
    assert view["title"]["text"] == "Not possible now"
    assert "Unsubscribe from all 3…" in words(view)


def test_a_surprise_is_told_in_the_window_with_its_code(acting):
    acting.unsubscribing.drafting_fails = RuntimeError("boom")
    acting.stage.send(payload("slash_command_unsubscribe"))

    [view] = acting.views("views.update")
    assert "That did not work, and nothing was changed." in words(view)
    assert "boom" not in words(view)


def test_unsubscribe_on_a_message_answers_with_the_form_in_a_private_message(acting):
    acting.stage.press(ids.UNSUBSCRIBE, "staging/st-quota\nstaging/st-screen", on="message")

    [answer] = acting.stage.answers
    assert answer["response_type"] == "ephemeral"
    assert answer["replace_original"] is False
    assert "Request unsubscription" in words(answer)
    assert acting.unsubscribing.drafts[0]["refs"] == ("staging/st-quota", "staging/st-screen")
    assert acting.views("views.open") == []


def test_unsubscribe_without_a_subscription_opens_the_question(acting):
    acting.stage.press(ids.UNSUBSCRIBE, "", on="ephemeral")

    assert "Which subscription?" in words(acting.views("views.open"))


def test_the_message_form_becomes_the_sent_text(acting):
    acting.stage.send(in_message(acting))

    [sent] = acting.unsubscribing.submissions
    assert sent.reason is Reason.FEATURES_INSUFFICIENT
    assert sent.acknowledged is True
    [answer] = acting.stage.answers
    assert answer["replace_original"] is True
    assert answer["text"].startswith("Request 1042 goes to")


def test_the_message_form_says_what_is_missing_and_keeps_the_choice(acting):
    acting.unsubscribing.fails = Incomplete(checkbox=True)
    acting.stage.send(in_message(acting))

    [answer] = acting.stage.answers
    assert answer["replace_original"] is True
    assert "*Tick the box to go on; nothing has been sent.*" in words(answer)
    reason = next(b for b in answer["blocks"] if b.get("block_id") == ids.REASON)
    assert reason["element"]["initial_option"]["value"] == "2"


def test_other_in_the_message_form_leads_to_the_modal(acting):
    acting.unsubscribing.fails = Incomplete(details=True)
    acting.stage.send(in_message(acting))

    assert "*Other needs details: open it as form.*" in words(acting.stage.answers)


def test_open_as_form_takes_along_what_was_chosen(acting):
    body = in_message(acting)
    body["actions"][0]["action_id"] = ids.UNSUBSCRIBE_AS_FORM
    acting.stage.send(body)

    [view] = acting.views("views.update")
    reason = next(b for b in view["blocks"] if b.get("block_id") == ids.REASON)
    assert reason["element"]["initial_option"]["value"] == "2"


def test_the_working_is_pushed_over_the_form(acting):
    body = payload("block_actions_in_modal")
    body["view"]["private_metadata"] = showing(acting)
    body["actions"][0] = {"type": "button", "action_id": ids.WORKING, "value": "x", "block_id": "b"}
    acting.stage.send(body)

    [view] = acting.views("views.push")
    assert view["title"]["text"] == "How it is worked out"
    assert "Order 8,775 h" in words(view)


def pressed_in_form(acting: Cast, action_id: str) -> dict[str, Any]:
    body = payload("block_actions_in_modal")
    body["view"]["private_metadata"] = showing(acting)
    body["actions"][0] = {"type": "button", "action_id": action_id, "value": "x", "block_id": "b"}
    acting.stage.send(body)
    [view] = acting.views("views.push")
    assert problems(view, "modal") == ()
    return view


def test_the_working_of_one_has_its_ways_as_the_form_read_them(acting):
    acting.unsubscribing.draft_ = samples.draft(
        samples.LAB, group=(samples.LAB,), account=samples.LAB_ACCOUNT
    )

    assert "Turn auto-renewal off         R25" in words(pressed_in_form(acting, ids.WORKING))


def test_the_ways_out_of_several_are_pushed_over_the_form(acting):
    view = pressed_in_form(acting, ids.WAYS)

    assert (view["title"]["text"], view["close"]["text"]) == ("The ways out", "Go back")
    assert "*Unsubscribe now (estimate) · cheapest*" in words(view)
    [wish] = acting.unsubscribing.drafts
    assert wish["packages"] == samples.keys("staging/st-screen")


def test_the_ways_out_of_the_form_in_a_message_open_as_a_window(acting):
    body = in_message(acting)
    body["actions"][0]["action_id"] = ids.WAYS
    acting.stage.send(body)

    [view] = acting.views("views.open")
    assert (view["title"]["text"], view["close"]["text"]) == ("The ways out", "Close")
    assert "Security orchestration" in words(view)
    assert acting.stage.answers == []
    assert problems(view, "modal") == ()


def test_giving_back_opens_the_form_with_the_renewal_alone_chosen(acting):
    acting.stage.press(ids.GIVE_BACK, "staging/st-quota")

    [wish] = acting.unsubscribing.drafts
    assert (wish["refs"], wish["scope"]) == (("staging/st-quota",), Scope.RENEWALS)
    assert len(acting.views("views.open")) == len(acting.views("views.update")) == 1


def test_giving_back_from_a_window_fills_that_window(acting):
    acting.stage.press(ids.GIVE_BACK, "staging/st-quota", on="modal")

    assert acting.unsubscribing.drafts[0]["scope"] is Scope.RENEWALS
    assert acting.views("views.open") == []
    assert len(acting.views("views.update")) == 1


def test_the_working_of_what_is_shown_has_its_ways_too(acting):
    acting.stage.press(ids.WORKING, "prod/sm-quota")

    [view] = acting.views("views.open")
    assert "Ways out (estimate)" in words(view)
    assert "Do nothing                    R19" in words(view)


def test_late_figures_do_not_replace_what_the_person_sees_since(acting):
    view = acting.stage.send(payload("slash_command_unsubscribe"))

    assert view.status == 200
    assert acting.client.of("views.update")[0]["hash"] == "1.first"


@pytest.mark.parametrize(
    ("action_id", "verb", "said"),
    [
        (ids.APPROVE, "approve", 0),
        (ids.WITHDRAW, "withdraw", ""),
        (ids.STOP, "stop", ""),
        (ids.RETRY, "retry", ""),
    ],
)
def test_a_decision_is_passed_on_and_answers_only_through_the_shared_message(
    acting, action_id, verb, said
):
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = action_id
    acting.stage.send(body)

    assert acting.unsubscribing.acts == [(verb, 1042, REQUESTER, said)]
    assert acting.stage.answers == []
    assert acting.client.of("chat.update") == []


def test_ones_own_request_is_explained_privately(acting):
    acting.unsubscribing.fails = own(samples.waiting())
    acting.stage.send(payload("block_actions_button"))

    [answer] = acting.stage.answers
    assert answer["text"] == (
        "You asked for this one, so a colleague has to approve it. You can withdraw it."
    )
    assert (answer["response_type"], answer["replace_original"]) == ("ephemeral", False)


def test_reject_asks_why_of_those_who_may_decide(acting):
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = ids.REJECT
    acting.stage.send(body)

    [view] = acting.views("views.open")
    assert view["title"]["text"] == "Reject request"
    assert (REQUESTER, Action.DECIDE, None) in acting.people.demanded


def test_who_may_not_decide_is_told_who_can_instead_of_being_asked_why(acting):
    acting.people.fails = NotAllowed.deciding([APPROVER_1, APPROVER_2])
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = ids.REJECT
    acting.stage.send(body)

    assert acting.views("views.open") == []
    assert seen.named(acting.stage.answers[0]["text"]) == (
        "You cannot decide this one. @approver-1 and @approver-2 can."
    )


def pressed(action_id: str):
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = action_id
    return body


def why_sent(callback_id: str):
    body = payload("view_submission_why")
    body["view"]["callback_id"] = callback_id
    return body


def test_break_glass_asks_why_of_those_who_may(acting):
    acting.stage.send(pressed(ids.BREAK_GLASS))

    [view] = acting.views("views.open")
    assert view["title"]["text"] == "Break glass"
    assert acting.unsubscribing.acts == [("breakable", 1042, REQUESTER, "")]


def test_who_may_not_break_it_hears_who_can_instead(acting):
    acting.unsubscribing.fails = NotAllowed.breaking_glass([APPROVER_1])
    acting.stage.send(pressed(ids.BREAK_GLASS))

    assert acting.views("views.open") == []
    assert seen.named(acting.stage.answers[0]["text"]) == (
        "You cannot break the glass here. @approver-1 can."
    )


def test_the_reason_breaks_the_glass_and_without_one_it_is_said_under_the_field(acting):
    response = acting.stage.send(why_sent(ids.BREAK_GLASS_FORM))
    assert acting.unsubscribing.acts == [
        ("break_glass", 1042, REQUESTER, "Wait until the audit is over.", 0)
    ]
    assert response.body == ""

    acting.unsubscribing.fails = Incomplete(why=True)
    refused = acting.stage.send(why_sent(ids.BREAK_GLASS_FORM))
    assert '"request.why": "Say why; everybody in the channel reads it."' in refused.body


def test_the_menu_of_a_breakable_request_shows_the_working(acting):
    body = pressed(ids.REQUEST_MENU)
    action = body["actions"][0]
    action.pop("value")
    action |= {"type": "overflow", "selected_option": {"value": "1042"}}
    acting.stage.send(body)

    [view] = acting.views("views.open")
    assert view["title"]["text"] == "How it is worked out"


def test_a_rejection_carries_its_reason(acting):
    response = acting.stage.send(payload("view_submission_why"))

    assert acting.unsubscribing.acts == [
        ("reject", 1042, REQUESTER, "Wait until the audit is over.")
    ]
    assert response.body == ""


def test_a_rejection_without_a_reason_is_told_under_the_field(acting):
    acting.unsubscribing.fails = Incomplete(why=True)
    response = acting.stage.send(payload("view_submission_why"))

    assert json.loads(response.body)["errors"] == {ids.WHY: "Say why; the requester reads it."}


@pytest.mark.parametrize(
    ("callback_id", "said"),
    [
        (ids.LEAVE_FORM, "Say why; it goes into the receipt."),
        (ids.BY_HAND_FORM, "Say what was done; it goes into the request's history."),
    ],
)
def test_what_is_missing_is_told_with_who_reads_it(acting, callback_id, said):
    acting.unsubscribing.fails = Incomplete(why=True)
    response = acting.stage.send(why_sent(callback_id))

    assert json.loads(response.body)["errors"] == {ids.WHY: said}


@pytest.mark.parametrize(
    ("action_id", "title"),
    [(ids.BY_HAND, "Done by hand"), (ids.LEAVE, "Leave as is")],
)
def test_repairs_by_people_ask_why(acting, action_id, title):
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = action_id
    acting.stage.send(body)

    assert acting.views("views.open")[0]["title"]["text"] == title


@pytest.mark.parametrize("action_id", [ids.BY_HAND, ids.LEAVE])
def test_repairs_show_no_figures_to_those_who_may_not_see_them(acting, monkeypatch, action_id):
    monkeypatch.setattr(OpenDiscretion, "request", lambda _, __, request: without_figures(request))

    acting.stage.send(pressed(action_id))

    said = words(acting.views("views.open"))
    assert "refund amount hidden (estimate)" in said
    assert "1,299.90" not in said


def test_why_it_is_left_is_sent_with_what_was_shown(acting):
    body = why_sent(ids.LEAVE_FORM)
    body["view"]["private_metadata"] = "1042#6"
    acting.stage.send(body)

    assert acting.unsubscribing.acts == [
        ("leave", 1042, REQUESTER, "Wait until the audit is over.#6")
    ]


def test_ask_again_opens_a_new_form_about_the_same_subscriptions(acting):
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = ids.ASK_AGAIN
    acting.stage.send(body)

    assert acting.unsubscribing.drafts[0]["refs"] == (
        "staging/st-quota",
        "staging/st-screen",
        "staging/st-orchestration",
    )


def pressed_again(acting, request: Request) -> dict[str, object]:
    """The fields of the form that *Ask again…* opens, each with what stands in it."""
    acting.unsubscribing.request = request
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = ids.ASK_AGAIN
    acting.stage.send(body)
    view = acting.views("views.update")[-1]
    elements = {block["block_id"]: block.get("element", {}) for block in view["blocks"][-3:]}
    return {
        "reason": elements[ids.REASON].get("initial_option", {}).get("value"),
        "details": elements[ids.DETAILS].get("initial_value"),
    }


def test_ask_again_keeps_what_the_requester_said_before(acting):
    request = samples.waiting()

    assert pressed_again(acting, request) == {
        "reason": str(int(request.reason)),
        "details": request.details,
    }


def test_ask_again_puts_no_words_into_the_mouth_of_somebody_else(acting):
    other = samples.waiting(requested_by=APPROVER_1)

    assert pressed_again(acting, other) == {"reason": None, "details": None}


def test_ask_again_is_about_the_renewal_period_alone_where_that_was_asked_for(acting):
    pressed_again(acting, samples.waiting(scope=Scope.RENEWALS))

    assert acting.unsubscribing.drafts[-1]["scope"] is Scope.RENEWALS


def test_new_figures_are_acknowledged_with_what_the_window_showed(acting):
    draft = samples.draft()
    acting.unsubscribing.figures = NewFigures(
        number=1042, draft=draft, before=draft.worst, acknowledged_at=samples.ASKED
    )
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = ids.REVIEW
    acting.stage.send(body)
    [view] = acting.views("views.open")

    sent = payload("view_submission_unsubscribe")
    sent["view"] |= {
        "callback_id": ids.REVIEW_FORM,
        "private_metadata": view["private_metadata"],
    }
    acting.stage.send(sent)

    assert acting.unsubscribing.acts[-1] == ("acknowledge", 1042, REQUESTER, "")
    assert acting.unsubscribing.submissions[-1].scope is Scope.ALL


def test_the_receipt_opens_as_a_window(acting):
    acting.unsubscribing.request = samples.done()
    body = payload("block_actions_button")
    body["actions"][0]["action_id"] = ids.RECEIPT
    acting.stage.send(body)

    shown = words(acting.views("views.open"))
    assert "Receipt of request 1042: USD 2,057.93 back" in shown
    assert "Record: 1,204 entries, head 3f9a3f9a3f9a3f9a…" in shown


def test_skipping_the_tour_is_for_everyone(acting):
    acting.stage.press(ids.TOUR_SKIP, "skip", on="message")

    assert acting.touring.skipped == 1
    assert acting.stage.answers == []
