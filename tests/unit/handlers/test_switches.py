"""Asking for auto-renewal to be switched: the facts, the press, and the second look."""

import json
from dataclasses import replace

import pytest

from bot.billing.change import Change
from bot.facts.hiding import seen
from bot.facts.messages import Settled
from bot.facts.switching import NewCharges
from bot.services.errors import AlreadyOn, AlreadyRequested, ChargesChanged, TooLateToSwitch
from handlers import ids
from handlers.blocks import renewing, switching
from handlers.blocks.reminders import reminder
from tests.factories import NOW, OWNER, instant, key, usd
from tests.unit.handlers import samples, switch_samples
from tests.unit.handlers.acting import Cast, cast
from tests.unit.handlers.catalogue import SCREEN, SM_QUOTA
from tests.unit.handlers.looks import accepted, as_json, buttons, plain, read, words
from tests.unit.handlers.stage import payload
from tests.unit.handlers.switch_samples import AT_ONCE, CHARGE, OFF, ON, draft
from tests.unit.handlers.test_autorenew import off as turned_off_item
from tests.unit.handlers.test_autorenew import result, settings

HK = key("hk-quota", "hk")
CARRIED = (
    f's1 {{"c":"auto-renewal-on","k":["hk/hk-quota"],"o":"{NOW.isoformat()}","f":"f1","n":null}}'
)


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> Cast:
    return cast(monkeypatch)


def test_the_command_shows_what_is_deducted_when_and_that_it_needs_approval(stage, fakes):
    fakes.switching.draft_ = draft()

    answer = stage.command("autorenew on hk-quota")

    assert fakes.switching.drafts == [(("hk-quota",), ON, OWNER)]
    assert read(answer["blocks"]) == [
        "Turn on auto-renewal: SecMaster Standard, 20 ECS",
        "**SecMaster Standard, 20 ECS** · hk · ap-southeast-1 · USD 1,080.00",
        (
            "**Amount expected**\nUSD 1,080.00 | **Deducted**\non Thu 3 Dec 2026, 03:00 GMT+08:00 "
            "| **Term ends**\nThu 10 Dec 2026, 23:59 GMT+08:00 | **Renews for**\n12 months"
        ),
        (
            "USD 1,080.00 will be deducted on Thu 3 Dec 2026, 03:00 GMT+08:00. It needs approval, "
            "by Thu 26 Nov 2026, 10:14 GMT+08:00, and is done 5 minutes later."
        ),
        "[Request auto-renewal on]",
    ]
    [button] = answer["blocks"][-1]["elements"]
    assert button["action_id"] == ids.AUTORENEW_ASK
    assert button["value"] == CARRIED
    assert "1080" not in button["value"]
    assert button["confirm"]["title"]["text"] == "Request auto-renewal on?"
    assert plain(button["confirm"]["text"]["text"]) == (
        "SecMaster Standard, 20 ECS: USD 1,080.00 will be deducted on Thu 3 Dec 2026, 03:00 "
        "GMT+08:00. I understand that the next renewal will be deducted."
    )
    assert fakes.switching.wishes == []


def test_at_once_is_said_in_the_facts_the_question_and_the_text():
    content = accepted(switching.asked_for(draft(charge=AT_ONCE), CARRIED))

    assert "It deducts USD 1,080.00 at once." in plain(content.text)
    assert "**Deducted**\nat once" in words(content.blocks)[2]
    assert "It deducts USD 1,080.00 at once." in words(content.blocks)[3]
    [button] = as_json(content.blocks)[-1]["elements"]
    assert "It deducts USD 1,080.00 at once." in plain(button["confirm"]["text"]["text"])


@pytest.mark.parametrize("change", [ON, OFF])
@pytest.mark.parametrize("charge", [CHARGE, AT_ONCE, replace(CHARGE, amount=None, at=None)])
def test_the_question_fits_whatever_the_name_is(change, charge):
    long = replace(switch_samples.QUOTA, name="A very long name of a subscription " * 4)
    item = replace(draft(charge=charge).items[0], subscription=long)

    content = accepted(switching.asked_for(draft(change, items=(item,)), CARRIED))

    [button] = as_json(content.blocks)[-1]["elements"]
    assert len(button["confirm"]["text"]["text"]) <= 200
    assert len(button["text"]["text"]) <= 24
    assert len(words(content.blocks)[0]) <= 60
    assert len(content.text) <= 600


def test_more_approvals_none_and_no_cooling_off_are_said():
    def approval(**changes) -> str:
        return words(switching.asked_for(draft(**changes), CARRIED).blocks)[3]

    assert "It needs 2 approvals, by" in approval(approvals_needed=2)
    dark = approval(approvals_needed=2, more_as_unknown=True)
    assert "It needs 2 approvals since not every amount is known, by" in dark
    assert approval(approvals_needed=0).endswith(
        "It needs no approval and is done 5 minutes later."
    )
    assert approval(cooling_off_minutes=0).endswith("and is done right after it.")


def test_a_dry_run_says_so():
    content = accepted(switching.asked_for(draft(dry_run=True), CARRIED))

    assert content.text.startswith("Dry run: ")
    assert words(content.blocks)[0].startswith("Dry run: ")
    assert "Dry run: nothing is changed at the cloud." in words(content.blocks)


def test_amounts_are_hidden_from_those_who_may_not_see_them():
    hidden = seen(draft(), lambda _: False)

    said = plain(json.dumps(as_json(switching.asked_for(hidden, CARRIED).blocks)))

    assert "1,080" not in said
    assert "amount hidden" in said


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (AlreadyOn(), "Auto-renewal is on already. Nothing to do."),
        (AlreadyRequested(1041), "It is already part of request 1041."),
        (TooLateToSwitch(ON, instant("2026-11-25 23:59")), "too soon for an approval."),
    ],
)
def test_a_refusal_takes_the_place_of_the_question(stage, fakes, refusal, said):
    fakes.switching.fails = refusal

    stage.press(ids.AUTORENEW_ASK, CARRIED)

    assert said in stage.answers[-1]["text"]


def test_the_confirmed_press_makes_it_a_request(stage, fakes):
    fakes.switching.request = switch_samples.waiting()

    stage.press(ids.AUTORENEW_ASK, CARRIED)

    [wish] = fakes.switching.wishes
    assert (wish.change, wish.keys, wish.by) == (ON, (HK,), OWNER)
    assert (wish.opened_at, wish.fingerprint) == (NOW, "f1")
    assert stage.answers[-1]["replace_original"] is True
    assert (
        "Request 1042 goes to <#C0APPROVALS>. One approval is needed" in stage.answers[-1]["text"]
    )


def test_other_facts_are_shown_instead_of_sent(stage, fakes):
    dearer = replace(CHARGE, amount=usd("1200.00"))
    fakes.switching.fails = ChargesChanged(draft(charge=dearer, fingerprint="f2"))

    stage.press(ids.AUTORENEW_ASK, CARRIED)

    answer = stage.answers[-1]
    assert "The facts changed while this was open, so it was not sent." in read(answer["blocks"])[1]
    assert "USD 1,200.00" in plain(answer["text"])
    assert '"f":"f2"' in answer["blocks"][-1]["elements"][0]["value"]
    assert [type(refusal) for _, refusal in fakes.clicks] == [ChargesChanged]


def test_turn_on_again_opens_the_same_in_a_window(stage, fakes, client):
    fakes.switching.draft_ = draft()

    stage.press(ids.AUTORENEW_ON, "hk/hk-quota\nhk/other")

    assert fakes.switching.drafts == [(("hk/hk-quota", "hk/other"), ON, OWNER)]
    [view] = [sent["view"] for sent in client.of("views.open")]
    assert "Request auto-renewal on" in json.dumps(view)


def test_off_is_a_request_where_the_settings_say_so(stage, fakes):
    fakes.switching.off_by_request = True
    fakes.switching.request = switch_samples.waiting(OFF)
    fakes.renewing.settings = settings(SM_QUOTA)

    answer = stage.command("autorenew off sm-quota")
    assert (
        "It needs approval. By asking you acknowledge: I understand that it ends with its term "
        "unless someone renews it."
    ) in read(answer["blocks"])
    [button] = answer["blocks"][-1]["elements"]
    assert button["text"]["text"] == "Request auto-renewal off"
    assert button["confirm"]["title"]["text"] == "Request auto-renewal off?"
    stage.press(ids.AUTORENEW_OFF, "prod/sm-quota")

    [wish] = fakes.switching.wishes
    assert (wish.change, wish.keys) == (OFF, (key("sm-quota", "prod"),))
    assert fakes.renewing.turned == []
    assert "Request 1042 goes to" in stage.answers[-1]["text"]
    assert "is turning it off" not in json.dumps(stage.answers)


def test_the_form_of_several_is_one_request_then(stage, fakes, client):
    fakes.switching.off_by_request = True
    fakes.switching.request = switch_samples.waiting(OFF)
    ticks = {
        ids.AUTORENEW_TICKS: {
            ids.AUTORENEW_TICKS: {
                "type": "checkboxes",
                "selected_options": [{"value": "prod/sm-quota"}, {"value": "prod/sm-screen"}],
            }
        }
    }

    answer = stage.submit(ids.AUTORENEW_FORM, ticks)

    [wish] = fakes.switching.wishes
    assert wish.keys == (SM_QUOTA.key, SCREEN.key)
    assert "Sending the request" in json.dumps(answer)


def test_forms_say_that_they_send_a_request_then(acting):
    view = renewing.form(replace(settings(SM_QUOTA, SCREEN), by_request=True)).to_dict()
    acting.switching.off_by_request = True
    body = payload("block_actions_button")
    body["actions"][0] |= {"action_id": ids.REMINDER_OFF_SEVERAL, "value": samples.DELIVERY}
    acting.stage.send(body)
    [several] = acting.views("views.open")

    assert view["submit"]["text"] == several["submit"]["text"] == "Send request"
    assert "It needs approval." in json.dumps(view)
    assert "It needs approval." in json.dumps(several)


def test_what_was_turned_off_can_be_turned_on_again_but_not_after_a_dry_run():
    done = accepted(renewing.turned_off(result(turned_off_item(SM_QUOTA))))
    refused = renewing.turned_off(result(turned_off_item(SM_QUOTA, off=False, error="No.")))
    dry = renewing.turned_off(result(turned_off_item(SM_QUOTA), dry_run=True))

    assert buttons(done.blocks) == ["Turn on again…"]
    assert buttons(refused.blocks) == []
    assert buttons(dry.blocks) == []


def test_a_reminder_that_was_turned_off_offers_to_turn_on_again(acting):
    off = replace(samples.HK, auto_renew=False)
    item = samples.reminder_item(off, settled=Settled.TURNED_OFF, settled_by=OWNER)
    acting.reminding.message_ = samples.reminder(item)
    acting.switching.draft_ = draft()
    shown = accepted(reminder(acting.reminding.message_))
    assert buttons(shown.blocks) == ["Turn on again…"]
    [button] = as_json(shown.blocks)[-1]["elements"]
    acting.stage.press(ids.REMINDER_ON, button["value"])

    assert acting.switching.drafts[0][:2] == (("hk/hk-quota",), ON)
    assert "Request auto-renewal on" in json.dumps(acting.views("views.open"))


def test_a_reminders_off_is_a_request_where_the_settings_say_so(acting):
    acting.switching.off_by_request = True
    acting.switching.request = switch_samples.waiting(OFF)

    acting.stage.press(ids.REMINDER_OFF, f"{samples.DELIVERY} hk/hk-quota", on="button")

    [wish] = acting.switching.wishes
    assert (wish.change, wish.keys) == (OFF, (HK,))
    assert acting.renewing.turned == []
    assert "Request 1042 goes to" in acting.stage.answers[-1]["text"]


@pytest.mark.parametrize("change", [ON, OFF])
def test_asking_again_opens_the_switch_and_not_the_form(acting, change: Change):
    acting.unsubscribing.request = switch_samples.rejected(switch_samples.waiting(change))
    acting.switching.draft_ = draft(change)

    acting.stage.press(ids.ASK_AGAIN, "1042")

    assert acting.switching.drafts[0][:2] == (("hk/hk-quota",), change)
    assert acting.unsubscribing.drafts == []


def test_new_facts_of_a_stale_one_stand_beside_the_old_and_are_acknowledged(acting):
    acting.unsubscribing.request = switch_samples.stale(switch_samples.waiting())
    dearer = replace(CHARGE, amount=usd("1200.00"))
    acting.switching.new = NewCharges(
        number=1042,
        draft=draft(charge=dearer),
        before=[CHARGE],
        acknowledged_at=samples.ASKED,
        why="SecMaster Standard, 20 ECS costs USD 1,200.00, acknowledged USD 1,080.00.",
        read_at=instant("2026-11-23 09:40"),
    )
    acting.switching.request = switch_samples.waiting()

    acting.stage.press(ids.REVIEW, "1042")

    [view] = acting.views("views.open")
    said = " ".join(read(view["blocks"]))
    assert "Request 1042 was not executed. SecMaster Standard, 20 ECS costs" in said
    assert "**Acknowledged Mon 23 Nov, 10:14 GMT+08:00**\nUSD 1,080.00 will be deducted" in said
    read_at = "**Read Mon 23 Nov, 09:40 GMT+08:00, worked out 10:12 GMT+08:00**"
    assert f"{read_at}\nUSD 1,200.00 will be deducted" in said
    [button] = view["blocks"][-1]["elements"]
    assert button["text"]["text"] == "Acknowledge"
    acting.stage.press(ids.REVIEW_SWITCH, button["value"])
    assert acting.switching.acknowledged == [1042]
    assert acting.unsubscribing.acts == []
