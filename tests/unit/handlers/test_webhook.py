"""The operators' webhook: told over real HTTP, and a failure is logged."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from handlers import webhook
from handlers.webhook import OperatorsWebhook
from tests.wires import serving, trickling


class Hook(HTTPServer):
    """A webhook on loopback that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Told)
        self.told: list[str] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/hook"


class Told(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append(json.loads(body)["text"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_sentence_reaches_the_webhook_once(hook: Hook, caplog: pytest.LogCaptureFixture):
    OperatorsWebhook(hook.url).say("Slack does not accept the token.")

    assert hook.told == ["Slack does not accept the token."]
    assert caplog.records == []


def test_a_webhook_that_fails_is_logged_and_not_repeated(
    hook: Hook, caplog: pytest.LogCaptureFixture
):
    hook.status = 500
    OperatorsWebhook(hook.url).say("Anybody?")

    assert hook.told == ["Anybody?"]
    assert "webhook.failed" in [each.message for each in caplog.records]


def test_a_webhook_whose_answer_does_not_end_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(webhook, "TIMEOUT", 0.2)
    with serving(trickling(b"HTTP/1.1 200 OK\r\n\r\no")) as side:
        OperatorsWebhook(side.url).say("Anybody?")

    assert "webhook.failed" in [each.message for each in caplog.records]


def test_a_webhook_that_is_not_there_is_logged(caplog: pytest.LogCaptureFixture):
    OperatorsWebhook("http://127.0.0.1:9/hook").say("Anybody?")

    assert "webhook.failed" in [each.message for each in caplog.records]
