"""The simulated Slack behind HTTP, for processes of their own that speak to it as to Slack."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.proof.slack import Answer, SimulatedSlack

USUAL: Mapping[str, Any] = {
    "thread_ts": None,
    "cursor": None,
    "limit": 200,
    "oldest": "0",
    "latest": "9999999999",
}
"""What slack_sdk leaves out of a request when it is nothing."""


class Front:
    """Which of the simulated workspaces answers now; nobody sleeps for its slow answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.slack: SimulatedSlack | None = None
        self._one = threading.Lock()

    def answer(self, method: str, asked: Mapping[str, Any]) -> Answer:
        """One call at a time, as the simulation wants it."""
        assert self.slack is not None
        with self._one:
            return self.slack.call(method, {**USUAL, **asked}, wait=lambda _seconds: None)


@contextmanager
def front() -> Iterator[Front]:
    """Serves on a port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8", "replace")
            if target.path.startswith("/upload/"):
                self._send(200, {}, "OK")
                return
            asked = dict(parse_qsl(target.query))
            asked |= json.loads(body) if body.startswith("{") else dict(parse_qsl(body))
            try:
                answer = served.answer(target.path.rpartition("/")[2], asked)
            except OSError:
                self.close_connection = True  # reset or silent: in either case no answer comes
                return
            self._send(*answer)

        do_GET = do_POST  # noqa: N815 - the name that the server looks for

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        def _send(self, status: int, headers: Mapping[str, str], body: object) -> None:
            said = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Front(server.server_address[1])
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield served
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
