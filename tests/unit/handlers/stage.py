"""Bolt on a stage: recorded payloads go in, everything that would go to Slack comes out."""

import copy
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_bolt import App, BoltRequest, BoltResponse
from slack_sdk import WebClient
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookResponse

from bot.localslack.blockkit.validator import problems
from handlers.client import SlackClient
from handlers.turns import Task

PAYLOADS = Path(__file__).parents[2] / "payloads"

Answer = Mapping[str, Any]
_counter = itertools.count(1)


def payload(name: str) -> dict[str, Any]:
    """A recorded payload of Slack, with a trigger and an event id of its own."""
    body: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    for unique in ("trigger_id", "event_id"):
        if unique in body:
            body[unique] = f"{body[unique]}.{next(_counter)}"
    return body


class Inline:
    """Work that is done before `submit` returns."""

    def submit(self, task: Task) -> None:
        task()


class RecordingClient(SlackClient):
    """A client that reaches nobody: it keeps each call and answers as it is told."""

    def __init__(self) -> None:
        super().__init__("xoxb-on-stage", base_url=WebClient.BASE_URL, within=timedelta(seconds=8))
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Mapping[str, Any] | Exception] = {
            "auth.test": {
                "user_id": "U0LAPSE",
                "bot_id": "B0LAPSE",
                "team_id": "T0LAPSE",
                "url": "",
                "team": "",
                "user": "",
            }
        }

    def api_call(self, api_method: str, **arguments: Any) -> SlackResponse:
        sent = arguments.get("json") or arguments.get("params") or arguments.get("data") or {}
        self.calls.append((api_method, _travelled(sent)))
        answer = self.answers.get(api_method, {})
        if isinstance(answer, Exception):
            raise answer
        return SlackResponse(
            client=self,
            http_verb="POST",
            api_url=f"https://slack.com/api/{api_method}",
            req_args={},
            data={"ok": True, **answer},
            headers={},
            status_code=200,
        )

    def of(self, method: str) -> list[dict[str, Any]]:
        """What was sent to one method."""
        return [sent for name, sent in self.calls if name == method]


@dataclass
class Stage:
    """An app with its listeners; `seen` forgets nothing."""

    app: App
    client: RecordingClient
    answers: list[dict[str, Any]] = field(default_factory=list)

    def send(self, body: dict[str, Any]) -> BoltResponse:
        """Hand a payload to Bolt as Socket Mode does."""
        return self.app.dispatch(BoltRequest(body=body, mode="socket_mode"))

    def command(self, text: str, *, user: str = "U0OWNER", channel: str = "C0FINOPS") -> Answer:
        """Type a command and return the last answer."""
        body = payload("command") | {"text": text, "user_id": user, "channel_id": channel}
        assert self.send(body).status == 200
        return self.answers[-1]

    def press(
        self, action_id: str, value: str = "", *, on: str = "ephemeral", **changes: Any
    ) -> BoltResponse:
        """Press a button on an ephemeral, a message, a modal or the Home."""
        body = payload(f"block_actions_{on}")
        body["actions"][0] |= {"action_id": action_id, "value": value}
        return self.send(body | changes)

    def choose(self, action_id: str, value: str) -> BoltResponse:
        """Choose an option of a menu on an ephemeral."""
        body = payload("block_actions_ephemeral")
        option = {"text": {"type": "plain_text", "text": "…", "emoji": True}, "value": value}
        body["actions"] = [
            {
                "type": "static_select",
                "action_id": action_id,
                "block_id": "b1",
                "action_ts": "1.1",
                "selected_option": option,
            }
        ]
        return self.send(body)

    def submit(
        self, callback_id: str, values: Mapping[str, Any], *, metadata: str | None = None
    ) -> dict[str, Any]:
        """Send a modal and return what the acknowledgement carries."""
        body = payload("view_submission")
        body["view"] |= {"callback_id": callback_id, "state": {"values": values}}
        if metadata is not None:
            body["view"]["private_metadata"] = metadata
        response = self.send(body)
        assert response.status == 200
        return json.loads(response.body) if response.body else {}


def staged(
    monkeypatch: pytest.MonkeyPatch, bind: Callable[[App], None], client: RecordingClient
) -> Stage:
    """An app whose listeners `bind` binds and whose answers are kept."""
    app = App(client=client, signing_secret="on stage", process_before_response=True)
    bind(app)
    stage = Stage(app=app, client=client)

    def send_dict(self: Any, body: dict[str, Any], *_: Any, **__: Any) -> WebhookResponse:
        sent = _travelled(body)
        found = problems(sent, "message") if "text" in sent or "blocks" in sent else ()
        assert not found, found
        stage.answers.append(sent)
        return WebhookResponse(url=self.url, status_code=200, body="ok", headers={})

    def api_call(_: WebClient, method: str, **arguments: Any) -> SlackResponse:
        return client.api_call(method, **arguments)

    monkeypatch.setattr("slack_sdk.webhook.WebhookClient.send_dict", send_dict)
    monkeypatch.setattr(WebClient, "api_call", api_call)  # Bolt copies the client for each turn
    return stage


def _travelled(sent: Any) -> Any:
    if isinstance(sent, JsonObject):
        return _travelled(sent.to_dict())
    if isinstance(sent, Mapping):
        return {name: _travelled(value) for name, value in sent.items() if value is not None}
    if isinstance(sent, list | tuple):
        return [_travelled(value) for value in sent]
    if isinstance(sent, str) and sent.startswith(("{", "[")):
        return json.loads(sent)
    return copy.deepcopy(sent)
