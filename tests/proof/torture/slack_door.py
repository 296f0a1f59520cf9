"""The door between a replica and the local Slack, on a bad day: limits, lost and late calls.

It knows whose call it is, and writes down what Slack accepted.
"""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.proof.torture.doors import Doors, Passing
from tests.proof.torture.history import History
from tests.proof.torture.times import SETTLED, TIMEOUT

POST, DELETE, HISTORY = "chat.postMessage", "chat.delete", "conversations.history"
LATEST_LANDING = SETTLED - 0.5
"""Seconds after its arrival here when a request lands at the latest; it left shortly before."""
SLOWEST = 0.3
PAGE = 15
"""Messages of one page, as for the apps that Slack limits most."""

TROUBLES: Mapping[str, Mapping[str, int]] = {
    POST: {
        "429": 4,
        "429 without Retry-After": 1,
        "500 before": 3,
        "500 after": 3,
        "reset before": 3,
        "reset after": 3,
        "no answer": 3,
        "late": 4,
        "half an answer": 3,
    },
    HISTORY: {"429": 5, "500 before": 3, "reset before": 3, "no answer": 2, "half an answer": 3},
    DELETE: {"429": 5, "500 before": 5, "reset after": 5},
}
"""Of a hundred calls of a method, how many meet which trouble on a bad day."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as it came."""

    method: str
    head: bytes
    body: bytes

    @property
    def arguments(self) -> Mapping[str, Any]:
        """From the address and the body."""
        target = self.head.split(b" ", 2)[1].decode()
        said: dict[str, Any] = dict(parse_qsl(urlsplit(target).query))
        if self.body.startswith(b"{"):
            return said | json.loads(self.body)
        return said | dict(parse_qsl(self.body.decode()))

    def forwarded(self, port: int, *, page: int | None) -> bytes:
        """The request's bytes for Slack itself, asking for pages of at most that size."""
        head = re.sub(rb"(?i)\r\nhost: [^\r]+", b"\r\nHost: 127.0.0.1:%d" % port, self.head)
        if page is None:
            return head + self.body
        body = re.sub(rb"limit=\d+", b"limit=%d" % page, self.body)
        length = b"Content-Length: %d" % len(body)
        return re.sub(rb"(?i)content-length: \d+", length, head) + body


@dataclass
class Limits:
    """What Slack publishes: a message a second and channel, tier 3 for history; short bursts."""

    allowed: Mapping[str, tuple[int, float]] = field(
        default_factory=lambda: {POST: (3, 1.0), HISTORY: (50, 60 / 50)}
    )
    _full_at: dict[tuple[str, str], float] = field(default_factory=dict)

    def wait(self, method: str, channel: str) -> float:
        """Seconds until a call is allowed; one that is allowed counts."""
        if method not in self.allowed:
            return 0.0
        burst, every = self.allowed[method]
        place = (method, channel if method == POST else "")
        now = time.monotonic()
        full_at = max(now, self._full_at.get(place, now)) + every
        if full_at - now > burst * every:
            return full_at - now - burst * every
        self._full_at[place] = full_at
        return 0.0


class Weather:
    """How Slack is today, for all doors alike."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._lock = threading.Lock()
        self.bad = False
        self.limits = Limits()

    def trouble(self, method: str) -> str | None:
        """What a call of a method meets."""
        troubles = TROUBLES.get(method)
        if not self.bad or troubles is None:
            return None
        with self._lock:
            drawn = self._random.randrange(100)
            for name, share in troubles.items():
                drawn -= share
                if drawn < 0:
                    return name
        return None

    def pause(self) -> float:
        """Seconds that a call takes."""
        return self._random.uniform(0.02, SLOWEST)

    def lateness(self) -> float:
        """Seconds until a late call lands, after its caller gave up."""
        return self._random.uniform(TIMEOUT, LATEST_LANDING)


class SlackDoor:
    """One replica's way to Slack."""

    def __init__(
        self,
        doors: Doors,
        *,
        slack_port: int,
        weather: Weather,
        history: History,
        passing: Passing,
    ) -> None:
        self._slack_port = slack_port
        self._weather = weather
        self._history = history
        self._passing = passing
        self.port = doors.open(self._serve)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came = time.monotonic()
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        method = urlsplit(head.split(b" ", 2)[1].decode()).path.rpartition("/")[2]
        answer = await self._answer(Call(method, head, body), came, reader)
        writer.write(answer)
        await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _answer(self, call: Call, came: float, reader: asyncio.StreamReader) -> bytes:
        """What the caller is told; nothing means that the connection breaks."""
        channel = str(call.arguments.get("channel", ""))
        wait = self._weather.limits.wait(call.method, channel)
        if wait:
            self._history.tell("too many", method=call.method)
            return _too_many(str(max(1, round(wait))))
        trouble = self._weather.trouble(call.method)
        if trouble is not None:
            self._history.tell("trouble", method=call.method, what=trouble)
        if trouble in _INSTEAD:
            return _INSTEAD[trouble]
        late = self._weather.lateness() if trouble == "late" else 0.0
        await asyncio.sleep(max(late, self._weather.pause()))
        if call.method == POST and self._passing("before a post") == "cut":
            return b""
        if time.monotonic() - came > LATEST_LANDING:
            return b""  # this program itself was too slow: what is later than promised never lands
        answer = await self._carry(call)
        if call.method == POST and self._passing("after a post") == "cut":
            return b""
        if trouble in {"no answer", "late"}:
            await reader.read()  # until the caller has given up
        return _AFTERWARDS.get(trouble or "", bytes)(answer)

    async def _carry(self, call: Call) -> bytes:
        """Have Slack do it, and write down what people see."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._slack_port)
        try:
            page = PAGE if call.method == HISTORY and self._weather.bad else None
            writer.write(call.forwarded(self._slack_port, page=page))
            await writer.drain()
            answer = await reader.read()
        finally:
            writer.transport.abort()
        self._witness(call, json.loads(answer.partition(b"\r\n\r\n")[2] or b"{}"))
        return answer

    def _witness(self, call: Call, answer: Mapping[str, Any]) -> None:
        if not answer.get("ok"):
            return
        if call.method == POST:
            payload = (answer["message"].get("metadata") or {}).get("event_payload") or {}
            self._history.tell(
                "post",
                channel=answer["channel"],
                ts=answer["ts"],
                delivery=payload.get("delivery_id", ""),
                ids=payload.get("reminder_ids", []),
            )
        if call.method == DELETE:
            self._history.tell("delete", channel=answer["channel"], ts=answer["ts"])


def _response(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", "Connection: close"]
    head = "\r\n".join([*lines, *headers, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


def _too_many(*retry_after: str) -> bytes:
    headers = [f"Retry-After: {seconds}" for seconds in retry_after]
    return _response("429 Too Many Requests", b'{"ok":false,"error":"ratelimited"}', *headers)


def _error_500(_answer: bytes) -> bytes:
    return _response("500 Internal Server Error", b"upstream connect error")


def _half(answer: bytes) -> bytes:
    """The answer with half of its body, as if that were all."""
    body = answer.partition(b"\r\n\r\n")[2]
    return _response("200 OK", body[: len(body) // 2])


_INSTEAD: Mapping[str | None, bytes] = {
    "429": _too_many("1"),
    "429 without Retry-After": _too_many(),
    "500 before": _error_500(b""),
    "reset before": b"",
}
_AFTERWARDS: Mapping[str, Callable[[bytes], bytes]] = {
    "500 after": _error_500,
    "reset after": lambda _answer: b"",
    "half an answer": _half,
}
