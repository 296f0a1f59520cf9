"""A receipt's file over the wire: three calls in the attempt's time, and what a refusal means."""

from collections.abc import Mapping
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Any
from urllib.error import HTTPError

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.facts.hiding import without_figures
from bot.facts.messages import Discreet, Receipt, ReceiptFile
from bot.facts.receipt import Form, RecordHead
from bot.ports.messenger import (
    Limited,
    LockedOut,
    Posted,
    Undeliverable,
    Unreachable,
    Unsettled,
)
from handlers.client import SlackClient
from handlers.messenger import SlackMessenger
from handlers.wire import NotSent
from tests.unit.handlers import samples
from tests.unit.handlers.stage import RecordingClient
from tests.wires import answering, serving, silent

DELIVERY = "5c1f0d2e-7a0b-5b55-9b77-6f1a3c0d9e42"
HEAD = RecordHead(entries=1204, digest="3f9a" * 16)
RECEIPT = Receipt(request=samples.done(), head=HEAD)
PDF, JSON = (ReceiptFile(receipt=RECEIPT, form=form) for form in Form)
GET, COMPLETE = "files.getUploadURLExternal", "files.completeUploadExternal"


class Uploading(RecordingClient):
    """A client that keeps the bytes too; `refuses` is raised instead."""

    def __init__(self) -> None:
        super().__init__()
        self.uploaded: list[tuple[str, bytes]] = []
        self.refuses: Exception | None = None
        self.answers |= {
            GET: {"upload_url": "https://files.slack.test/upload/1", "file_id": "F1"},
            COMPLETE: {"files": [{"id": "F1"}]},
            "conversations.replies": {"messages": [{"ts": "1.1"}, shown()]},
        }

    def upload(self, url: str, content: bytes) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.uploaded.append((url, content))


def shown(**changes: Any) -> Mapping[str, Any]:
    """The message of the file in the thread."""
    files = [{"name": "receipt-1042-5c1f0d2e.pdf"}]
    return {"ts": "1.2", "user": "U0LAPSE", "files": files} | changes


def post(client: SlackClient, file: Any = PDF, *, over_by: float = inf, **how: Any) -> Posted:
    messenger = SlackMessenger(client)
    about: dict[str, Any] = {"to": "C0APPROVALS", "delivery_id": DELIVERY, "thread": "1.1"}
    return messenger.post(file, over_by=over_by, **(about | how))


def refusal(code: str, *, status: int = 200, **headers: str) -> SlackApiError:
    answer = SlackResponse(
        client=None,
        http_verb="POST",
        api_url="",
        req_args={},
        data={"ok": False, "error": code},
        headers=headers,
        status_code=status,
    )
    return SlackApiError(code, answer)


@pytest.fixture
def client() -> Uploading:
    return Uploading()


def test_the_bytes_go_where_slack_wants_them_and_the_file_into_the_thread(client):
    assert post(client) == Posted("C0APPROVALS", "1.2")

    [(url, content)] = client.uploaded
    [asked] = client.of(GET)
    [done] = client.of(COMPLETE)
    assert url == "https://files.slack.test/upload/1"
    assert content.startswith(b"%PDF-")
    assert asked == {"filename": "receipt-1042-5c1f0d2e.pdf", "length": len(content)}
    assert done["channel_id"] == "C0APPROVALS"
    assert done["thread_ts"] == "1.1"
    assert "Receipt of request 1042 (PDF)" in str(done["files"])
    assert not done.get("initial_comment")


def test_a_file_from_after_the_second_look_has_a_title_of_its_own(client):
    newer = Receipt(request=samples.looked_again(), head=HEAD)
    post(client, ReceiptFile(receipt=newer, form=Form.PDF))

    title = "Receipt of request 1042 after the second look (PDF)"
    assert title in str(client.of(COMPLETE)[0]["files"])


def test_one_that_may_repeat_another_says_so_beside_it(client):
    post(client, may_repeat=True)

    assert client.of(COMPLETE)[0]["initial_comment"] == "May repeat an earlier message."


def test_a_file_for_a_channel_without_figures_has_none(client):
    hidden = without_figures(JSON)
    client.answers["conversations.replies"] = {
        "messages": [shown(files=[{"name": "receipt-1042-5c1f0d2e.json"}])]
    }

    post(client, Discreet(message=hidden, delivery_id=DELIVERY))

    assert b'"amounts_hidden": true' in client.uploaded[0][1]
    assert b"2057" not in client.uploaded[0][1]


@pytest.mark.parametrize(
    "message",
    [
        shown(user="U0SOMEBODY"),
        shown(files=[{"name": "receipt-1042-6a1f0d2e.pdf"}]),
        shown(files=[{"name": "5c1f0d2e.pdf"}]),
        shown(files=[{"name": None}]),
        shown(files=None),
    ],
)
def test_what_is_another_ones_or_another_file_is_not_taken_for_it(client, message):
    client.answers["conversations.replies"] = {"messages": [message]}

    with pytest.raises(Unsettled, match="not shown yet"):
        post(client)


def test_a_file_that_bears_the_bots_id_alone_is_ours(client):
    ours = shown(user="", bot_id="B0LAPSE")
    client.answers["conversations.replies"] = {"messages": [ours]}

    assert post(client).ts == "1.2"


def test_a_thread_that_cannot_be_read_leaves_it_open(client):
    client.answers["conversations.replies"] = TimeoutError()

    with pytest.raises(Unsettled):
        post(client)


@pytest.mark.parametrize(
    "lost", [TimeoutError(), NotSent(OSError()), ConnectionResetError(), refusal("fatal_error")]
)
def test_until_it_is_shared_whatever_is_lost_may_be_repeated(client, lost):
    client.answers[GET] = lost
    with pytest.raises(Unreachable):
        post(client)

    assert client.uploaded == []
    assert client.of(COMPLETE) == []


@pytest.mark.parametrize("lost", [TimeoutError(), HTTPError("", 503, "", None, None)])  # type: ignore[arg-type]
def test_bytes_that_are_lost_are_sent_again_later(client, lost):
    client.refuses = lost

    with pytest.raises(Unreachable):
        post(client)

    assert client.of(COMPLETE) == []


def test_bytes_that_are_refused_are_not_sent_again(client):
    client.refuses = HTTPError("", 413, "", None, None)  # type: ignore[arg-type]

    with pytest.raises(Undeliverable, match="http_413") as refused:
        post(client)

    assert not refused.value.closed


def test_a_page_that_cannot_be_made_is_not_tried_for_ever(client, monkeypatch):
    def broken(*_):
        raise KeyError("a font")

    monkeypatch.setattr("handlers.attaching.receipt_file", broken)

    with pytest.raises(Undeliverable, match="unprintable"):
        post(client)

    assert client.of(GET) == []


@pytest.mark.parametrize("lost", [TimeoutError(), refusal("internal_error")])
def test_an_answer_that_is_lost_when_it_is_shared_is_looked_for(client, lost):
    client.answers[COMPLETE] = lost

    with pytest.raises(Unsettled):
        post(client)


@pytest.mark.parametrize("method", [GET, COMPLETE])
@pytest.mark.parametrize(
    ("code", "closed"),
    [
        ("missing_scope", False),
        ("file_uploads_disabled", False),
        ("what_nobody_knows", False),
        ("is_archived", True),
        ("not_in_channel", True),
    ],
)
def test_only_a_channel_that_takes_nothing_counts_as_closed(client, method, code, closed):
    client.answers[method] = refusal(code)

    with pytest.raises(Undeliverable) as refused:
        post(client)

    assert (refused.value.error, refused.value.closed) == (code, closed)


def test_a_limit_and_a_token_mean_what_they_mean_of_messages(client):
    client.answers[GET] = refusal("ratelimited", status=429, **{"Retry-After": "7"})
    with pytest.raises(Limited) as limited:
        post(client)
    client.answers[GET] = refusal("invalid_auth")
    with pytest.raises(LockedOut):
        post(client)

    assert limited.value.retry_after == 7


def test_uploading_goes_over_the_wire_that_keeps_time():
    with serving(answering(b"OK")) as side:
        slack = SlackClient("xoxb-1", base_url=side.url, within=timedelta(seconds=5))
        slack.upload(f"http://127.0.0.1:{side.port}/upload/1", b"\x00bytes\xff")

    assert side.heard[0].startswith(b"POST /upload/1 HTTP/1.1\r\n")
    assert side.heard[0].endswith(b"\r\n\r\n\x00bytes\xff")
    assert b"xoxb" not in side.heard[0]


def test_an_upload_is_over_when_its_attempt_is():
    began = monotonic()
    with serving(silent) as side:
        slack = SlackClient("xoxb-1", base_url=side.url, within=timedelta(seconds=5))
        with slack.over_by(began + 0.3), pytest.raises(TimeoutError):
            slack.upload(f"http://127.0.0.1:{side.port}/upload/1", b"bytes")

    assert monotonic() - began < 1.3


def test_an_upload_whose_time_is_over_is_not_begun():
    with serving(answering(b"OK")) as side:
        slack = SlackClient("xoxb-1", base_url=side.url, within=timedelta(seconds=5))
        with slack.over_by(monotonic()), pytest.raises(NotSent):
            slack.upload(f"http://127.0.0.1:{side.port}/upload/1", b"bytes")

    assert side.heard == []
