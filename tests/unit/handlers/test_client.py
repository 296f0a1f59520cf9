"""Slack's Web API within a time: every method, and what the messenger makes of it."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPResponse
from math import inf
from time import monotonic
from typing import Any
from urllib.request import Request

import pytest
from pydantic import SecretStr
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot import app
from bot.config import Secrets
from bot.facts.messages import OperatorWarning
from bot.ports.messenger import Limited, Posted, Unreachable, Unsettled
from bot.services.delivering import STARTS_WITHIN, TIMEOUT
from handlers.client import SlackClient
from handlers.messenger import SlackMessenger
from handlers.webhook import OperatorsWebhook
from handlers.wire import NotSent, exchange
from tests.factories import NOW
from tests.wires import HOST, Side, answering, dead, resolve, serving, silent, trickling

WITHIN = timedelta(seconds=0.3)
GRACE = 1.0
WARNING = OperatorWarning(subject="Lapse cannot read prod", since=NOW, text="Look.")
POSTED = b'{"ok":true,"channel":"C0FINOPS","ts":"1.2"}'

CALLS: dict[str, Callable[[WebClient], object]] = {
    "auth.test": lambda client: client.auth_test(),
    "apps.connections.open": lambda client: client.apps_connections_open(app_token="xapp-1"),
    "chat.postMessage": lambda client: client.chat_postMessage(channel="C1", text="x"),
    "chat.update": lambda client: client.chat_update(channel="C1", ts="1.1", text="x"),
    "chat.delete": lambda client: client.chat_delete(channel="C1", ts="1.1"),
    "chat.getPermalink": lambda client: client.chat_getPermalink(channel="C1", message_ts="1.1"),
    "conversations.history": lambda client: client.conversations_history(channel="C1"),
    "conversations.replies": lambda client: client.conversations_replies(channel="C1", ts="1.1"),
    "conversations.open": lambda client: client.conversations_open(users="U1"),
    "files.getUploadURLExternal": lambda client: client.files_getUploadURLExternal(
        filename="a.pdf", length=3
    ),
    "files.completeUploadExternal": lambda client: client.files_completeUploadExternal(
        files=[{"id": "F1"}], channel_id="C1"
    ),
    "users.info": lambda client: client.users_info(user="U1"),
    "views.open": lambda client: client.views_open(trigger_id="1", view={"type": "modal"}),
    "views.publish": lambda client: client.views_publish(user_id="U1", view={"type": "home"}),
}


def client_of(side: Side, *, within: timedelta = timedelta(seconds=5)) -> SlackClient:
    return SlackClient("xoxb-1", base_url=side.url, within=within)


def post(client: SlackClient, *, over_by: float = inf) -> Posted:
    messenger = SlackMessenger(client)
    return messenger.post(WARNING, to="C0FINOPS", delivery_id="d-1", over_by=over_by)


@pytest.mark.parametrize("method", CALLS)
def test_every_method_goes_over_the_wire_that_keeps_time(method, monkeypatch):
    kept: list[str] = []

    def noted(request: Request, **how: Any) -> tuple[HTTPResponse, bytes]:
        kept.append(request.full_url)
        return exchange(request, **how)

    monkeypatch.setattr("handlers.client.exchange", noted)
    with serving(answering(POSTED)) as side:
        CALLS[method](client_of(side))

    assert kept == [f"{side.url}{method}"]
    assert len(side.heard) == 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SlackClient, WebClient),
        (type(OperatorsWebhook("http://127.0.0.1/")._client), WebhookClient),
    ],
    ids=["Web API", "webhook"],
)
def test_slack_sdk_has_the_place_that_is_taken(ours, theirs):
    for name in vars(ours):
        if name.startswith("_perform"):
            wanted = inspect.signature(getattr(theirs, name)).parameters
            assert list(inspect.signature(getattr(ours, name)).parameters) == list(wanted)
            return
    pytest.fail("nothing is replaced")


@pytest.mark.parametrize("method", ["chat.postMessage", "conversations.history"])
def test_who_cannot_be_reached_in_time_is_sent_nothing(method, monkeypatch):
    began = monotonic()
    with dead(3) as ports:
        resolve(monkeypatch, *ports)
        client = SlackClient("xoxb-1", base_url=f"http://{HOST}/api/", within=WITHIN)
        with pytest.raises(NotSent):
            CALLS[method](client)

    assert monotonic() - began < WITHIN.total_seconds() + GRACE


def test_a_post_that_was_not_sent_in_time_is_simply_tried_again(monkeypatch):
    with dead(3) as ports:
        resolve(monkeypatch, *ports)
        client = SlackClient("xoxb-1", base_url=f"http://{HOST}/api/", within=WITHIN)
        with pytest.raises(Unreachable, match="TimeoutError"):
            post(client)


def test_a_post_whose_time_is_over_is_not_sent():
    with serving(answering(POSTED)) as side:
        with pytest.raises(Unreachable, match="TimeoutError"):
            post(client_of(side), over_by=monotonic())
        assert post(client_of(side)) == Posted("C0FINOPS", "1.2")

    assert len(side.heard) == 1


def test_a_post_is_over_when_its_attempt_is():
    began = monotonic()
    with serving(silent) as side, pytest.raises(Unsettled):
        post(client_of(side), over_by=began + WITHIN.total_seconds())

    assert monotonic() - began < WITHIN.total_seconds() + GRACE


@pytest.mark.parametrize("talk", [silent, trickling(b"HTTP/1.1 200 OK\r\n\r\n" + POSTED[:-1])])
def test_a_post_whose_answer_does_not_end_is_unsettled(talk):
    with serving(talk) as side, pytest.raises(Unsettled):
        post(client_of(side, within=WITHIN))


def test_a_post_is_answered():
    with serving(answering(POSTED)) as side:
        assert post(client_of(side)) == Posted("C0FINOPS", "1.2")


def test_a_refusal_is_read_with_its_header():
    refuses = answering(b'{"ok":false}', "429 Too Many Requests", "Retry-After: 12")
    with serving(refuses) as side, pytest.raises(Limited) as raised:
        post(client_of(side))

    assert raised.value.retry_after == 12.0


def test_an_answer_that_is_no_json_is_unsettled():
    breaks = answering(b"<html>Bad gateway</html>", "502 Bad Gateway")
    with serving(breaks) as side, pytest.raises(Unsettled, match="http_502"):
        post(client_of(side))


def test_a_proxy_of_the_environment_is_used(monkeypatch):
    with serving(answering(POSTED)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        client = SlackClient("xoxb-1", base_url="http://192.0.2.1/api/", within=WITHIN)

        assert post(client) == Posted("C0FINOPS", "1.2")

    assert proxy.heard[0].startswith(b"POST http://192.0.2.1/api/chat.postMessage ")


def test_lapse_takes_it_with_what_an_attempt_has_left_after_its_intent():
    client = app.slack_client(Secrets(slack_bot_token=SecretStr("xoxb-1")))

    assert isinstance(client, SlackClient)
    assert client.retry_handlers == []
    assert client.timeout == (TIMEOUT - STARTS_WITHIN).total_seconds() == 8
