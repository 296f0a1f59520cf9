"""Every click that is refused is handed to the record, however the person is told."""

import json
from dataclasses import replace

import pytest

from bot.billing.quote import Refusal
from bot.billing.unsubscription import CannotApproveOwnRequest
from bot.ports.record import told_origin
from bot.services.errors import (
    FiguresChanged,
    Incomplete,
    NotAllowed,
    NotPossible,
    RequestRefused,
    SnoozeTooFar,
)
from handlers import forms, ids, payloads, submissions
from handlers.forms import Carried
from tests.factories import APPROVER_1, OWNER, REQUESTER, instant, usd
from tests.unit.handlers import samples
from tests.unit.handlers.acting import Cast, cast
from tests.unit.handlers.stage import payload


@pytest.fixture
def acting(monkeypatch) -> Cast:
    return cast(monkeypatch)


def button(action_id: str, value: str = "1042"):
    body = payload("block_actions_button")
    body["actions"][0] |= {"action_id": action_id, "value": value}
    return body


def refused(acting: Cast):
    """The one click that was refused, as who, what, about what, and why."""
    [(click, refusal)] = acting.clicks
    assert click.code
    return click.by, click.button, list(click.about), type(refusal)


def impossible() -> NotPossible:
    known = {each.key: each for each in samples.GROUP}
    refusal = Refusal(rule="R8", reason="Large screen cannot go before its edition.")
    return NotPossible({samples.SCREEN.key: refusal}, subscriptions=known)


def changed(acting: Cast) -> FiguresChanged:
    worst = acting.unsubscribing.draft_.worst
    return FiguresChanged(acting.unsubscribing.draft_, before=replace(worst, refund=usd("1.00")))


def carried(acting: Cast, **facts) -> str:
    fresh = Carried.fresh(("staging/st-quota",), channel="C0FINOPS", **facts)
    return forms.encode(fresh.showing(acting.unsubscribing.draft_))


def test_a_refused_approval(acting):
    request = acting.unsubscribing.request
    acting.unsubscribing.fails = RequestRefused(CannotApproveOwnRequest(1042), request)
    acting.stage.send(button(ids.APPROVE))

    assert refused(acting) == (REQUESTER, "request.approve", ["request/1042"], RequestRefused)


def test_who_may_not_be_asked_why(acting):
    acting.people.fails = NotAllowed.deciding([APPROVER_1])
    acting.stage.send(button(ids.REJECT))

    assert refused(acting)[1:] == ("request.reject", ["request/1042"], NotAllowed)


def test_a_refused_modal_in_whose_place_the_reason_comes(acting):
    acting.unsubscribing.fails = NotAllowed.deciding([APPROVER_1])
    acting.stage.send(payload("view_submission_why"))

    assert refused(acting)[1:] == ("request.reject.form", ["request/1042"], NotAllowed)


def test_a_modal_without_a_reason(acting):
    acting.unsubscribing.fails = Incomplete(why=True)
    acting.stage.send(payload("view_submission_why"))

    assert refused(acting)[1:] == ("request.reject.form", ["request/1042"], Incomplete)


@pytest.mark.parametrize("why", ["incomplete", "changed", "not possible"])
def test_a_form_that_is_not_taken(acting, why):
    fails = {
        "incomplete": Incomplete(checkbox=True),
        "changed": changed(acting),
        "not possible": impossible(),
    }[why]
    acting.unsubscribing.fails = fails
    body = payload("view_submission_unsubscribe")
    body["view"]["private_metadata"] = carried(acting)
    assert acting.stage.send(body).status == 200

    assert refused(acting)[1:] == ("unsubscribe.form", ["staging/st-quota"], type(fails))


@pytest.mark.parametrize("why", ["incomplete", "changed"])
def test_a_form_in_a_message_that_is_not_taken(acting, why):
    fails = Incomplete(checkbox=True) if why == "incomplete" else changed(acting)
    acting.unsubscribing.fails = fails
    body = payload("block_actions_form_in_message")
    body["actions"][0]["value"] = carried(acting)
    acting.stage.send(body)

    name = body["actions"][0]["action_id"]
    assert refused(acting)[1:] == (name, ["staging/st-quota"], type(fails))


@pytest.mark.parametrize("why", ["incomplete", "changed"])
def test_new_figures_that_are_not_acknowledged(acting, why):
    fails = Incomplete(checkbox=True) if why == "incomplete" else changed(acting)
    acting.unsubscribing.fails = fails
    body = payload("view_submission_unsubscribe")
    body["view"] |= {
        "callback_id": ids.REVIEW_FORM,
        "private_metadata": carried(acting, review_of=1042),
    }
    acting.stage.send(body)

    (click, refusal), *_ = acting.clicks
    assert (click.button, list(click.about)) == (ids.REVIEW_FORM, ["request/1042"])
    assert refusal is fails


def test_a_reminders_button_and_its_modal(acting):
    acting.reminding.fails = NotAllowed.caring([OWNER])
    acting.stage.send(button(ids.REMINDER_KEEP, f"{samples.DELIVERY} hk/hk-quota"))
    assert refused(acting)[1:] == (ids.REMINDER_KEEP, ["hk/hk-quota"], NotAllowed)

    acting.clicks.clear()
    acting.reminding.fails = SnoozeTooFar(instant("2026-11-23 00:00"))
    acting.stage.send(payload("view_submission_snooze"))
    assert refused(acting)[1:] == (ids.REMINDER_SNOOZE_FORM, ["hk/hk-quota"], SnoozeTooFar)


def test_the_menu_of_a_digest(acting):
    acting.reminding.fails = acting.renewing.fails = NotAllowed.caring([OWNER])
    body = payload("block_actions_overflow")
    body["actions"][0]["selected_option"]["value"] = "keep"
    acting.stage.send(body)

    [(click, _)] = acting.clicks
    assert click.about
    assert all("/" in each for each in click.about)


def test_a_form_that_cannot_even_be_drawn(acting):
    acting.unsubscribing.drafting_fails = impossible()
    acting.stage.send(payload("slash_command_unsubscribe"))
    assert acting.clicks == []  # it was typed, and nobody lacked a right

    acting.stage.send(button(ids.ASK_AGAIN))
    assert refused(acting)[1:] == (ids.ASK_AGAIN, ["request/1042"], NotPossible)


def test_of_a_command_only_who_had_no_right(stage, fakes):
    stage.command("show nothing-of-this-name")
    assert fakes.clicks == []

    fakes.people.guests = frozenset({"U0OWNER"})
    stage.command("list everything I wrote")
    [(click, _)] = fakes.clicks
    assert (click.by, click.button, list(click.about)) == (OWNER, "/lapse list", [])


def test_while_a_turn_runs_the_record_knows_from_where(acting, monkeypatch):
    seen: list[object] = []

    def approve(_number: int, *, by: str, shown: int) -> None:
        seen.append((by, told_origin()))

    monkeypatch.setattr(acting.unsubscribing, "approve", approve)
    acting.stage.send(button(ids.APPROVE))

    body = button(ids.APPROVE)
    where = {"slack": "T0LAPSE", "channel": body["channel"]["id"]}
    assert seen == [(REQUESTER, where)]
    assert told_origin() is None


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        ("C0FINOPS", {"slack": "T0", "channel": "C0FINOPS"}),
        ("D0MEI", {"slack": "T0", "channel": "direct"}),
        ("", {"slack": "T0"}),
    ],
)
def test_a_private_conversation_is_not_named(channel, told):
    assert payloads.origin({"team": {"id": "T0"}}, channel) == told
    assert payloads.origin({"team_id": "T0", "team": None}, channel) == told


@pytest.mark.parametrize(
    ("value", "about"),
    [
        ("1042", ["request/1042"]),
        ("prod/a b\nprod/c", ["prod/a b", "prod/c"]),
        ("prod/a\nprod/b", ["prod/a", "prod/b"]),
        ("delivery#3 prod/a\nprod/b c", ["prod/a", "prod/b c"]),
        ("page 2", []),
        ("", []),
        ("1 {not json", []),
    ],
)
def test_what_a_button_is_about(value, about):
    assert list(submissions.about({"actions": [{"value": value}]})) == about


def test_what_has_no_name_is_about_nothing():
    assert list(submissions.about({})) == []
    assert payloads.button({}) == ""
    assert json.dumps(payloads.button({"command": "/lapse"})) == '"/lapse"'
