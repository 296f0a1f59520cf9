"""Slack's own Bolt and SDK work against the local Slack as against Slack."""

import logging

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.localslack.server import LocalSlack
from tests.localslack.conftest import SEED, HandClock

FORM = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Form"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": {"type": "plain_text", "text": "Why"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


def section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id, text):
    element = {"type": "button", "action_id": action_id, "value": "7"}
    return {
        "type": "actions",
        "elements": [{**element, "text": {"type": "plain_text", "text": text}}],
    }


def listeners(app):
    @app.command("/probe")
    def probe(ack, respond, client, command):
        ack()
        if command["text"] == "form":
            client.views_open(trigger_id=command["trigger_id"], view=FORM)
        else:
            respond(text=f"You wrote {command['text']}.", blocks=[section("."), button("go", "Go")])

    @app.action("go")
    def go(ack, respond, body):
        ack()
        value = body["actions"][0]["value"]
        respond(text=f"Went with {value}.", blocks=[section("Gone.")], replace_original=True)

    @app.view("form")
    def form(ack, body, view, client):
        text = view["state"]["values"]["why"]["text"]["value"]
        if text == "bad":
            ack(response_action="errors", errors={"why": "Say it better."})
            return
        ack()
        client.chat_postMessage(channel=body["user"]["id"], text=f"Because {text}.")

    @app.options("find")
    def find(ack, payload):
        text = {"type": "plain_text", "text": payload["value"].upper()}
        ack(options=[{"text": text, "value": payload["value"]}])

    @app.event("app_home_opened")
    def home(client, event):
        view = {"type": "home", "blocks": [section(f"Home of <@{event['user']}>")]}
        client.views_publish(user_id=event["user"], view=view)


@pytest.fixture(scope="module")
def slack(tmp_path_factory):
    slack = LocalSlack(seed=SEED, data=tmp_path_factory.mktemp("slack"), clock=HandClock())
    slack.start()
    yield slack
    slack.stop()


@pytest.fixture(scope="module")
def handler(slack):
    logging.getLogger("slack_bolt").setLevel(logging.CRITICAL)
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    app = App(client=client, process_before_response=True)
    listeners(app)
    handler = SocketModeHandler(app, slack.app_token)
    handler.connect()
    yield handler
    handler.close()


@pytest.fixture
def asker(slack, handler, until):
    until(lambda: slack.sockets > 0)
    slack.reset()
    return slack.acting("requester")


def test_a_command_is_answered_to_the_person_alone(slack, asker):
    assert asker.say("C0FIN", "/probe one <two>") == {"ok": True}

    [shown] = slack.ephemerals("requester")
    assert shown["text"] == "You wrote one <two>."
    assert slack.ephemerals("approver-1") == []
    assert slack.messages("finops") == []
    assert slack.refused() == ()


def test_a_button_of_an_ephemeral_answer_replaces_it(slack, asker):
    asker.say("C0FIN", "/probe x")
    [shown] = slack.ephemerals("requester")

    assert asker.click(shown, "Go") == {"ok": True}

    [after] = slack.ephemerals("requester")
    assert (after["ts"], after["text"]) == (shown["ts"], "Went with 7.")


def test_a_form_opens_shows_the_apps_errors_and_closes(slack, asker, until):
    asker.say("C0FIN", "/probe form")

    refused = asker.submit({"why": {"text": "bad"}})
    assert refused["errors"] == {"why": "Say it better."}
    assert asker.modal()["state"] == {"why": {"text": "bad"}}

    assert asker.submit({"why": {"text": "good"}})["result"] == "closed"
    assert asker.state()["modals"] == []
    until(lambda: [each["text"] for each in slack.messages("@requester")] == ["Because good."])


def test_choosing_home_publishes_it(slack, asker, until):
    asker.open_home()

    home = until(lambda: slack.home("requester"))
    assert home["blocks"][0]["text"]["text"] == "Home of <@U0ASKER>"
    assert slack.home("approver-1") is None


def test_an_external_select_asks_the_app_for_its_options(slack, asker):
    element = {"type": "external_select", "action_id": "find", "min_query_length": 0}
    block = {"type": "actions", "block_id": "row", "elements": [element]}
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    client.chat_postMessage(channel="C0FIN", text="Choose.", blocks=[block])
    [message] = slack.messages("finops")
    target = {"channel": "C0FIN", "ts": message["ts"]}

    found = asker.do("suggest", target=target, block_id="row", action_id="find", value="waf")

    assert found["options"] == [{"text": {"type": "plain_text", "text": "WAF"}, "value": "waf"}]


def test_the_sdk_comes_back_after_slacks_goodbye(slack, asker, until):
    slack.disconnect(reason="refresh_requested")
    until(lambda: slack.sockets == 0 or slack.calls("apps.connections.open"))
    until(lambda: slack.calls("apps.connections.open") and slack.sockets == 1)

    assert asker.say("C0FIN", "/probe again") == {"ok": True}


def test_the_sdk_can_read_every_answer(slack, handler):
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)

    assert client.auth_test()["bot_id"] == "B0LOCAL"
    assert "chat:write" in client.auth_test().headers["x-oauth-scopes"]
    assert client.users_info(user="U0FIRST")["user"]["tz"] == "Europe/Berlin"
    assert client.users_list()["members"][0]["id"] == "U0LOCALBOT"
    assert client.usergroups_users_list(usergroup="S0APPR")["users"] == ["U0FIRST"]
    assert client.conversations_open(users="U0ASKER")["channel"]["id"] == "D0ASKER"
    assert client.blocks_validate(blocks=[section("fine")])["ok"]
