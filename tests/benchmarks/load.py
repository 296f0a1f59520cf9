"""Signed requests as Slack sends them, each timed from its first byte to the whole answer.

`python -m tests.benchmarks.load PORT SECRET RESPONSE_URL CONNECTIONS SECONDS PAUSE KIND` keeps the
connections alive; each sends its next request a pause after its answer. Prints the milliseconds of
every request as JSON. One thread over bare sockets, so that measuring costs little.
"""

import hashlib
import hmac
import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

PAYLOAD = Path(__file__).parents[1] / "payloads" / "command.json"
COMMAND = json.loads(PAYLOAD.read_text("utf-8")) | {"text": "list"}
CONFIRMED = b"HTTP/1.1 200"
END_OF_HEAD = b"\r\n\r\n"


@dataclass
class Requests:
    """Writes requests of one kind, every one with a trigger of its own, signed now."""

    kind: str
    secret: bytes
    response_url: str
    number: int = 0

    def next(self) -> bytes:
        """One whole request."""
        self.number += 1
        text, kind = self._body()
        body = text.encode()
        stamp = str(int(time.time()))  # noqa: TID251 - a signature is stamped with real time
        signed = f"v0:{stamp}:".encode() + body
        signature = "v0=" + hmac.new(self.secret, signed, hashlib.sha256).hexdigest()
        head = (
            "POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
            "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\n"
            f"X-Slack-Request-Timestamp: {stamp}\r\nX-Slack-Signature: {signature}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _body(self) -> tuple[str, str]:
        """What is sent and its type: a command, or an event that nobody needs."""
        trigger = f"{time.monotonic_ns()}.{self.number}"
        if self.kind == "event":
            event = {"type": "team_rename", "event_ts": trigger}
            sent = {"type": "event_callback", "event_id": trigger, "event": event}
            return json.dumps(sent), "application/json"
        form = COMMAND | {"trigger_id": trigger, "response_url": self.response_url}
        return urlencode(form), "application/x-www-form-urlencoded"


@dataclass
class Connection:
    """One of Slack's connections: a request, its answer, and the next one."""

    socket: socket.socket
    begun: float = 0.0
    waits_until: float = 0.0
    held: bytes = b""
    times: list[float] = field(default_factory=list)

    def send(self, request: bytes) -> None:
        self.begun = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what came; True when the answer is whole."""
        came = self.socket.recv(1 << 16)
        if not came:
            raise ConnectionError("The bot closed the connection.")
        self.held += came
        if not _is_whole(self.held):
            return False
        if not self.held.startswith(CONFIRMED):
            raise ConnectionError(self.held[:200].decode("ascii", "replace"))
        self.times.append((time.perf_counter() - self.begun) * 1e3)
        self.held = b""
        return True


def run(
    requests: Requests, *, port: int, connections: int, seconds: float, pause: float
) -> list[float]:
    """The milliseconds of every request."""
    ready = selectors.DefaultSelector()
    opened = [Connection(socket.create_connection(("127.0.0.1", port))) for _ in range(connections)]
    resting = list(opened)
    ends = time.perf_counter() + seconds
    for each in opened:
        each.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready.register(each.socket, selectors.EVENT_READ, each)
    while time.perf_counter() < ends:
        now = time.perf_counter()
        for each in [each for each in resting if each.waits_until <= now]:
            resting.remove(each)
            each.send(requests.next())
        soonest = min((each.waits_until for each in resting), default=now + 1)
        for key, _ in ready.select(max(0.0, soonest - now)):
            if key.data.receive():
                key.data.waits_until = time.perf_counter() + pause
                resting.append(key.data)
    return [taken for each in opened for taken in each.times]


def _is_whole(answer: bytes) -> bool:
    end = answer.find(END_OF_HEAD)
    if end < 0:
        return False
    lengths = [
        int(line.split(b":")[1])
        for line in answer[:end].split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    return len(answer) >= end + len(END_OF_HEAD) + sum(lengths)


def main(arguments: list[str]) -> None:
    """Print what every request took."""
    port, secret, response_url, connections, seconds, pause, kind = arguments
    requests = Requests(kind=kind, secret=secret.encode(), response_url=response_url)
    times = run(
        requests,
        port=int(port),
        connections=int(connections),
        seconds=float(seconds),
        pause=float(pause),
    )
    sys.stdout.write(json.dumps(times))


if __name__ == "__main__":
    main(sys.argv[1:])
