"""The stand-in for Slack's client makes of every answer what slack_sdk makes of it."""

import io
import json
from collections.abc import Mapping
from datetime import timedelta
from email.message import Message as Headers
from random import Random
from typing import Any
from urllib.error import HTTPError

import pytest

from bot.facts.messages import OperatorWarning
from bot.ports.messenger import NotPosted, Posted, Undeliverable, Unsettled
from handlers.client import SlackClient
from handlers.messenger import SlackMessenger
from tests.factories import NOW
from tests.proof.codes import DRAWN
from tests.proof.slack import POST_FAULTS, READ_FAULTS, Answer, Client, Fault, _says, refusal

WARNING = OperatorWarning(subject="Lapse cannot read prod", since=NOW, text="Look.")
POSTED = {"ok": True, "channel": "C0FINOPS", "ts": "1.2", "messages": []}
REFUSALS = [Fault(code, False, _says(200, refusal(code))) for code in DRAWN]
ANSWERS = [Fault("answered", True, _says(200, POSTED)), *POST_FAULTS, *REFUSALS]


class Wired(SlackClient):
    """slack_sdk itself, over a wire that gives one answer."""

    def __init__(self, answer: Any) -> None:
        super().__init__("xoxb-1", base_url="http://127.0.0.1:1/", within=timedelta(seconds=8))
        self._answer = answer

    def _perform_urllib_http_request_internal(self, url: str, req: Any) -> Mapping[str, Any]:
        status, headers, body = self._answer()
        text = body if isinstance(body, str) else json.dumps(body)
        if status == 200:
            return {"status": status, "headers": headers, "body": text}
        named = Headers()
        for name, value in headers.items():
            named[name.replace("_", "-")] = value
        raise HTTPError(url, status, "refused", named, io.BytesIO(text.encode()))


def outcome(client: Any, call: str) -> tuple[object, ...]:
    messenger = SlackMessenger(client)
    try:
        if call == "copies":
            return ("found", messenger.copies("d-1", to="C0FINOPS", since=NOW, until=NOW))
        return ("posted", messenger.post(WARNING, to="C0FINOPS", delivery_id="d-1"))
    except NotPosted as error:
        return ("not posted", error.error, error.retry_after)
    except (Undeliverable, Unsettled) as error:
        return (type(error), error.error)


@pytest.mark.parametrize("fault", ANSWERS, ids=lambda fault: fault.name)
def test_a_post_ends_as_with_slack_sdk(fault: Fault) -> None:
    def answer() -> Answer:
        return fault.answer(Random(1), POSTED)

    ours = outcome(Client(lambda _method, _asked: answer()), "post")

    assert ours == outcome(Wired(answer), "post")
    if ours[0] == "posted":
        assert ours == ("posted", Posted("C0FINOPS", "1.2"))
    assert fault.lands == (ours[0] in {"posted", Unsettled}) or ours[0] is Unsettled


@pytest.mark.parametrize("fault", READ_FAULTS, ids=lambda fault: fault.name)
def test_a_look_at_the_history_ends_as_with_slack_sdk(fault: Fault) -> None:
    def answer() -> Answer:
        return fault.answer(Random(1), {})

    ours = outcome(Client(lambda _method, _asked: answer()), "copies")

    assert ours == outcome(Wired(answer), "copies")
    assert ours[0] is Unsettled
