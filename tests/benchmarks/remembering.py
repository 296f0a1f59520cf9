"""A Slack that takes its time, remembers what was posted, and loses or holds what it is told to.

In the process that measures, so that it and what is measured go by one clock.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.benchmarks.standin import ANSWER

HOLDS = 60.0
"""Seconds that a held request waits, longer than anybody waits for its answer."""


class Loss(Enum):
    """What of a post is lost: the message is there without an answer, or nothing is there."""

    ANSWER = "answer"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message as it stands, and when it came there, by `time.perf_counter`."""

    channel: str
    at: float
    message: Mapping[str, Any]


@dataclass
class Workspace:
    """What several doors to one workspace have taken."""

    posts: list[Post] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def take(self, body: Mapping[str, Any]) -> str:
        """Keep a message; its timestamp."""
        metadata = body.get("metadata")
        with self.lock:
            ts = f"{len(self.posts) + 1}.000000"
            message = {
                "ts": ts,
                "bot_id": ANSWER["bot_id"],
                "metadata": json.loads(metadata) if isinstance(metadata, str) else metadata,
            }
            at = time.perf_counter()
            self.posts.append(Post(channel=str(body["channel"]), at=at, message=message))
        return ts

    def said(self, channel: str) -> list[Mapping[str, Any]]:
        """What stands in a channel."""
        with self.lock:
            return [each.message for each in self.posts if each.channel == channel]

    def reminders(self, rooms: set[str]) -> list[Post]:
        """The reminder messages of some channels, in the order in which they came."""
        with self.lock:
            return [
                each
                for each in self.posts
                if each.channel in rooms
                and (each.message["metadata"] or {}).get("event_type") == "lapse_reminder"
            ]


class Door:
    """One address of a workspace; a post is answered after some seconds."""

    def __init__(self, workspace: Workspace, *, after: float) -> None:
        self.workspace = workspace
        self.after = after
        self.losing: dict[str, Loss] = {}
        self.lost: list[float] = []
        self.holding = False
        self.held = 0
        self._server = _Server(self)
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The base of the Web API."""
        return f"http://127.0.0.1:{self._server.server_port}/api/"

    def answer(self, method: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a call is answered; None when the connection breaks without a word."""
        if method == "chat.postMessage":
            return self._posted(body)
        if method == "conversations.history":
            return ANSWER | {"messages": self.workspace.said(str(body["channel"]))}
        return ANSWER

    def close(self) -> None:
        """Take nothing more."""
        self._server.shutdown()
        self._server.server_close()

    def _posted(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        channel = str(body["channel"])
        if self.holding:
            self.held += 1
            time.sleep(HOLDS)
            return None
        time.sleep(self.after)
        loss = self.losing.pop(channel, None)
        if loss is not None:
            self.lost.append(time.perf_counter())
        if loss is Loss.REQUEST:
            return None
        ts = self.workspace.take(body)
        return None if loss is Loss.ANSWER else ANSWER | {"channel": channel, "ts": ts}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, door: Door) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.door = door


class _Call(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own word
        """Say nothing."""

    def _answer(self) -> None:
        asked = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        answer = self.server.door.answer(asked.path.rpartition("/")[2], _body(text, asked.query))
        if answer is None:
            self.close_connection = True
            return
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _body(text: str, query: str) -> Mapping[str, Any]:
    """The arguments of a call, in JSON, as a form or in its address."""
    if text.startswith("{"):
        found: Mapping[str, Any] = json.loads(text)
        return found
    return {name: values[0] for name, values in parse_qs(text or query).items()}
