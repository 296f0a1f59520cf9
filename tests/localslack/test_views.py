"""Windows and Home: triggers, the stack, hashes, forms and what is kept while they change."""

import pytest
from slack_sdk.errors import SlackApiError

from bot.localslack.server import Fault
from tests.localslack.robot import SILENCE


def plain(text):
    return {"type": "plain_text", "text": text}


def field(block_id="why", element=None, **more):
    element = element or {"type": "plain_text_input", "action_id": "text"}
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain("Why"),
        "element": element,
        **more,
    }


def modal(*blocks, name="form", **more):
    return {
        "type": "modal",
        "callback_id": name,
        "title": plain("Form"),
        "submit": plain("Send"),
        "blocks": list(blocks) or [field()],
        **more,
    }


def button(action_id="go", **more):
    element = {"type": "button", "action_id": action_id, "text": plain("Go"), "value": "7"}
    return {"type": "actions", "block_id": "row", "elements": [{**element, **more}]}


@pytest.fixture
def asker(slack):
    return slack.acting("requester")


@pytest.fixture
def trigger(asker, robot):
    def give():
        asker.say("C0FIN", "/probe x")
        return robot.last("command")["trigger_id"]

    return give


def error_of(call, **arguments):
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return caught.value.response["error"]


# Triggers


def test_a_trigger_opens_one_window_before_its_person(slack, client, trigger):
    name = trigger()
    opened = client.views_open(trigger_id=name, view=modal())["view"]

    assert slack.view("requester")["id"] == opened["id"]
    assert slack.view("approver-1") is None
    assert error_of(client.views_open, trigger_id=name, view=modal()) == "exchanged_trigger_id"
    assert error_of(client.views_open, trigger_id="1.2.3", view=modal()) == "invalid_trigger_id"


def test_a_trigger_expires_and_the_person_is_told(slack, client, trigger, feed):
    slack.arm(Fault(kind="expired_trigger"))
    with feed("requester") as told:
        assert error_of(client.views_open, trigger_id=trigger(), view=modal()) == (
            "expired_trigger_id"
        )
        notice = told("notice")

    assert notice["sentence"] == "The app opened its window too late (expired_trigger_id)."
    assert client.views_open(trigger_id=trigger(), view=modal())["ok"]


def test_a_trigger_lives_for_real_seconds_whatever_the_clock_says(client, trigger, clock):
    name = trigger()
    clock.move(days=30)

    assert client.views_open(trigger_id=name, view=modal())["ok"]


def test_three_windows_lie_on_each_other_and_no_fourth(client, asker, robot, trigger):
    client.views_open(trigger_id=trigger(), view=modal(button()))

    for depth in (2, 3):
        asker.click_modal("go")
        name = robot.last("block_actions")["trigger_id"]
        pushed = client.views_push(trigger_id=name, view=modal(button()))["view"]
        assert asker.modal()["depth"] == depth
        assert pushed["previous_view_id"] != pushed["root_view_id"] or depth == 2

    asker.click_modal("go")
    name = robot.last("block_actions")["trigger_id"]
    assert error_of(client.views_push, trigger_id=name, view=modal()) == "push_limit_reached"


def test_a_window_with_a_taken_external_id_is_refused(client, trigger):
    client.views_open(trigger_id=trigger(), view=modal(external_id="one"))

    assert (
        error_of(client.views_open, trigger_id=trigger(), view=modal(external_id="one"))
        == "duplicate_external_id"
    )
    assert client.views_update(external_id="one", view=modal(external_id="one"))["ok"]


def test_a_bad_window_is_refused_with_its_pointer(slack, client, trigger, asker):
    view = modal(title=plain("x" * 25))

    with pytest.raises(SlackApiError) as caught:
        client.views_open(trigger_id=trigger(), view=view)

    answer = caught.value.response
    assert answer["error"] == "invalid_arguments"
    assert "[json-pointer:/view/title/text]" in answer["response_metadata"]["messages"][0]
    refused = asker.state()["modal_refused"]
    assert refused["sentence"] == (
        "Slack would refuse this window: /title/text has 25 of 24 characters"
    )
    client.views_open(trigger_id=trigger(), view=modal())
    assert asker.state()["modal_refused"] is None


def test_a_window_that_is_too_large_has_its_own_error(client, trigger):
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}} for _ in range(85)
    ]

    assert (
        error_of(client.views_open, trigger_id=trigger(), view=modal(*blocks)) == "view_too_large"
    )


# Updating


def test_an_update_by_an_old_hash_is_refused(client, trigger):
    opened = client.views_open(trigger_id=trigger(), view=modal())["view"]
    arguments = {"view_id": opened["id"], "view": modal()}
    client.views_update(hash=opened["hash"], **arguments)

    assert error_of(client.views_update, hash=opened["hash"], **arguments) == "hash_conflict"
    assert client.views_update(**arguments)["ok"]


def test_what_was_typed_stays_while_both_ids_stay(client, asker, robot, trigger):
    opened = client.views_open(trigger_id=trigger(), view=modal(field(), field("b"), button()))
    typed = {"why": {"text": "kept"}, "b": {"text": "lost"}}
    asker.click_modal("go", state=typed)
    values = robot.last("block_actions")["view"]["state"]["values"]
    assert values["why"]["text"] == {"type": "plain_text_input", "value": "kept"}

    client.views_update(view_id=opened["view"]["id"], view=modal(field(), field("c")))

    assert asker.modal()["state"] == {"why": {"text": "kept"}}


def test_a_closed_window_cannot_be_updated(client, asker, trigger):
    opened = client.views_open(trigger_id=trigger(), view=modal())["view"]
    asker.close()

    assert error_of(client.views_update, view_id=opened["id"], view=modal()) == "not_found"


def test_home_is_published_for_one_person_and_guarded_by_its_hash(slack, client):
    view = {"type": "home", "blocks": [{"type": "divider"}]}
    first = client.views_publish(user_id="U0ASKER", view=view)["view"]
    second = client.views_publish(user_id="U0ASKER", view=view, hash=first["hash"])["view"]

    assert first["id"] == second["id"]
    assert slack.home("requester")["hash"] == second["hash"]
    assert slack.home("approver-1") is None
    assert (
        error_of(client.views_publish, user_id="U0ASKER", view=view, hash=first["hash"])
        == "hash_conflict"
    )


def test_a_button_on_home_tells_the_app_where_it_is(client, asker, robot):
    client.views_publish(user_id="U0ASKER", view={"type": "home", "blocks": [button()]})

    assert asker.click_home("Go") == {"ok": True}

    payload = robot.last("block_actions")
    assert payload["container"]["type"] == "view"
    assert payload["view"]["type"] == "home"
    assert payload["actions"][0]["value"] == "7"


# Sending


def test_a_sent_form_carries_every_value(client, asker, robot, trigger):
    options = [{"text": plain(name), "value": name} for name in ("a", "b")]
    blocks = [
        field("text", {"type": "plain_text_input", "action_id": "x"}),
        field("one", {"type": "static_select", "action_id": "x", "options": options}),
        field("many", {"type": "checkboxes", "action_id": "x", "options": options}),
        field("day", {"type": "datepicker", "action_id": "x", "initial_date": "2026-11-23"}),
        field("who", {"type": "users_select", "action_id": "x"}, optional=True),
    ]
    client.views_open(trigger_id=trigger(), view=modal(*blocks, private_metadata="m"))

    sent = asker.submit({"text": {"x": "hi"}, "one": {"x": "a"}, "many": {"x": ["b"]}})

    assert sent["result"] == "closed"
    view = robot.last("view_submission")["view"]
    values = {name: inside["x"] for name, inside in view["state"]["values"].items()}
    assert values["text"]["value"] == "hi"
    assert values["one"]["selected_option"] == options[0]
    assert values["many"]["selected_options"] == [options[1]]
    assert values["day"]["selected_date"] == "2026-11-23"
    assert values["who"]["selected_user"] is None
    assert view["private_metadata"] == "m"
    assert robot.last("view_submission")["user"]["id"] == "U0ASKER"


@pytest.mark.parametrize(
    ("element", "value", "sentence"),
    [
        ({"type": "plain_text_input"}, "", "Fill in this field."),
        ({"type": "plain_text_input"}, "  ", "Fill in this field."),
        ({"type": "plain_text_input", "min_length": 3}, "ab", "Write at least 3 characters."),
        ({"type": "plain_text_input", "max_length": 3}, "abcd", "Write at most 3 characters."),
        ({"type": "number_input", "is_decimal_allowed": False}, "x", "Write a number."),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", "Write a whole number."),
        (
            {"type": "number_input", "is_decimal_allowed": True, "min_value": "2"},
            "1.5",
            "Write a number from 2.",
        ),
        (
            {"type": "number_input", "is_decimal_allowed": True, "max_value": "2"},
            "2.5",
            "Write a number up to 2.",
        ),
        ({"type": "email_text_input"}, "nobody", "Write an email address."),
        (
            {"type": "url_text_input"},
            "example.org",
            "Write an address that begins with https://.",
        ),
        (
            {"type": "multi_users_select", "max_selected_items": 1},
            ["U1", "U2"],
            "Choose at most 1.",
        ),
    ],
)
def test_slacks_own_checks_stop_a_form_before_the_app(
    client, asker, robot, trigger, element, value, sentence
):
    client.views_open(trigger_id=trigger(), view=modal(field("f", {**element, "action_id": "x"})))

    answer = asker.submit({"f": {"x": value}})

    assert (answer["error"], answer["errors"]) == ("invalid_inputs", {"f": sentence})
    assert robot.payloads("view_submission") == []


def test_the_apps_errors_stand_by_their_fields_and_strays_apart(client, asker, robot, trigger):
    client.views_open(trigger_id=trigger(), view=modal())
    robot.answers["form"] = {
        "response_action": "errors",
        "errors": {"why": "Say more.", "gone": "Lost."},
    }

    answer = asker.submit({"why": {"text": "x"}})

    assert answer["errors"] == {"why": "Say more.", "": "Lost."}
    assert asker.modal()["state"] == {"why": {"text": "x"}}


def test_an_answer_updates_pushes_or_clears(client, asker, robot, trigger):
    client.views_open(trigger_id=trigger(), view=modal())

    def send(answer):
        robot.answers["form"] = answer
        return asker.submit({"why": {"text": "x"}})

    updated = send({"response_action": "update", "view": modal(title=plain("Next"))})
    assert (updated["result"], updated["modals"][0]["title"]["text"]) == ("updated", "Next")
    pushed = send({"response_action": "push", "view": modal()})
    assert (pushed["result"], [each["of"] for each in pushed["modals"]]) == ("pushed", [2, 2])
    assert send({"response_action": "clear"})["modals"] == []


def test_a_bad_window_in_an_answer_is_refused_and_the_form_stays(
    slack, client, asker, robot, trigger
):
    client.views_open(trigger_id=trigger(), view=modal())
    robot.answers["form"] = {"response_action": "update", "view": {"type": "modal"}}

    assert asker.submit({"why": {"text": "x"}})["error"] == "invalid_view"
    assert asker.modal()["title"]["text"] == "Form"
    assert [each.method for each in slack.refused()] == ["response_action"]


def test_a_form_whose_ack_never_comes_stays_open(client, asker, robot, trigger):
    client.views_open(trigger_id=trigger(), view=modal())
    robot.answers["form"] = SILENCE

    assert asker.submit({"why": {"text": "x"}})["error"] == "operation_timeout"
    assert asker.modal()["state"] == {"why": {"text": "x"}}


def test_closing_tells_the_app_only_where_it_asked(client, asker, robot, trigger, until):
    client.views_open(trigger_id=trigger(), view=modal())
    asker.close()
    client.views_open(trigger_id=trigger(), view=modal(notify_on_close=True))
    asker.close()
    client.views_open(trigger_id=trigger(), view=modal(notify_on_close=True))
    asker.close(everything=True)

    until(lambda: len(robot.payloads("view_closed")) == 2)
    assert [each["is_cleared"] for each in robot.payloads("view_closed")] == [False, True]


# Clicks


def test_a_control_inside_an_input_acts_only_when_the_app_asked(client, asker, robot):
    blocks = [
        field("quiet"),
        field("loud", {"type": "plain_text_input", "action_id": "loud"}, dispatch_action=True),
    ]
    client.chat_postMessage(channel="C0FIN", text="x", blocks=blocks)
    [message] = asker.messages("C0FIN")

    assert asker.click(message, "text", value="a")["error"] == "no_such_element"
    assert asker.click(message, "loud", value="b", state={"quiet": {"text": "a"}})["ok"]

    payload = robot.last("block_actions")
    assert payload["actions"][0]["value"] == "b"
    values = payload["state"]["values"]
    assert values["quiet"]["text"]["value"] == "a"
    assert values["loud"]["loud"]["value"] == "b"


def test_an_option_that_is_not_offered_cannot_be_chosen(client, asker, robot):
    options = [{"text": plain("A"), "value": "a"}]
    select = {"type": "static_select", "action_id": "pick", "options": options}
    blocks = [{"type": "actions", "elements": [select]}]
    client.chat_postMessage(channel="C0FIN", text="x", blocks=blocks)
    [message] = asker.messages("C0FIN")

    assert asker.click(message, "pick", value="b")["error"] == "no_such_element"
    assert asker.click(message, "pick", value="a")["ok"]
    assert robot.last("block_actions")["actions"][0]["selected_option"] == options[0]


def test_a_click_on_a_message_that_is_gone_says_so(client, asker, robot):
    posted = client.chat_postMessage(channel="C0FIN", text="x", blocks=[button()])
    [message] = asker.messages("C0FIN")
    client.chat_delete(channel="C0FIN", ts=posted["ts"])

    answer = asker.click(message, "go")
    assert answer["error"] == "message_not_found"
    assert answer["sentence"] == "This message is not there any more."


def test_a_click_carries_message_channel_and_a_response_url(slack, client, asker, robot):
    client.chat_postMessage(channel="C0FIN", text="x", blocks=[button()])
    [message] = asker.messages("C0FIN")
    asker.click(message, "go")

    payload = robot.last("block_actions")
    assert payload["message"]["ts"] == message["ts"]
    assert payload["channel"] == {"id": "C0FIN", "name": "finops"}
    assert payload["response_url"].startswith(slack.url)
    assert payload["user"]["username"] == "requester"
    [action] = payload["actions"]
    assert (action["type"], action["block_id"], action["value"]) == ("button", "row", "7")
