"""The HTTP side: health of the process and of its parts, and the mount for Slack's endpoint."""

import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

Endpoint = Callable[[Request], Awaitable[Response]]
Health = Callable[[], Mapping[str, str]]
"""Every part's name with its trouble in a sentence, or an empty text when it is well."""


def web_app(*, health: Health, slack: Endpoint | None) -> Starlette:
    """`/healthz`, `/readyz`, and `/slack/events` when Slack's endpoint is handed in."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"ok": True})

    async def readyz(_: Request) -> Response:
        parts = await run_in_threadpool(health)
        failing = {name: trouble for name, trouble in parts.items() if trouble}
        body = {"ok": not failing, "failing": failing, "parts": sorted(parts)}
        return JSONResponse(body, status_code=503 if failing else 200)

    routes: list[BaseRoute] = [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
    ]
    if slack is not None:
        routes.append(Route("/slack/events", slack, methods=["POST"]))
    return Starlette(routes=routes)


SWITCH_SECONDS = 0.0005
"""How long a thread that makes an answer keeps the interpreter while an acknowledgement waits for
it; Python's own 5 ms, several times a request, would be most of what Slack waits."""


class PortInUse(Exception):
    """The port belongs to another process, or the host is not of this machine."""


class WebServer:
    """uvicorn in a thread of its own; `url` is known once it is started."""

    def __init__(self, app: Starlette, *, host: str, port: int) -> None:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._host = host
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)
        try:
            self._socket = socket.create_server((host, port), backlog=128)
            # asyncio sees to it only where a socket names its protocol; without it the body of an
            # answer waits up to 40 ms for the acknowledgement of its head.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise PortInUse(
                f"Port {port} of {host} cannot be used ({error.strerror}). "
                "Set `LAPSE_HTTP_PORT` or `LAPSE_HTTP_HOST` to another."
            ) from error

    def _serve(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        self._server.run(sockets=[self._socket])

    @property
    def url(self) -> str:
        """Where it listens; with port 0 the free one that was found."""
        return f"http://{self._host}:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Serve until `stop()`; the socket is bound already, so no request is refused."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being answered, then close."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._socket.close()
