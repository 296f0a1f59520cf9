"""The local Slack: one server on the loopback that looks like Slack to an app and to people."""

import asyncio
import errno
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from bot.localslack.control import Control
from bot.localslack.delivery.courier import Courier
from bot.localslack.delivery.response_urls import ResponseUrls
from bot.localslack.delivery.signed import SignedPosts
from bot.localslack.delivery.sockets import SocketPool
from bot.localslack.doorkeeper import Doorkeeper
from bot.localslack.failure import SlackError
from bot.localslack.fault_panel import FaultPanel
from bot.localslack.faults import Fault, Faults
from bot.localslack.guard import (
    LOCAL_MARK,
    PortInUse,
    RealWorkspaceConfigured,
    refuse_beside_real_tokens,
)
from bot.localslack.handles import Handles
from bot.localslack.page.files import serve_file
from bot.localslack.page.live import Live
from bot.localslack.page.routes import Page
from bot.localslack.panels import Clock, Panel
from bot.localslack.seed import Seed
from bot.localslack.state.book import Book
from bot.localslack.state.changes import Change
from bot.localslack.state.refused import RefusedLog
from bot.localslack.state.triggers import Triggers
from bot.localslack.state.views import Views
from bot.localslack.state.workspace import Workspace
from bot.localslack.timing import SLACKS_OWN, Timing
from bot.localslack.webapi.calls import Tokens, WebApi
from bot.localslack.webapi.desk import Desk
from bot.localslack.wire import Wire

__all__ = [
    "Fault", "LocalSlack", "PortInUse", "RealWorkspaceConfigured", "Timing",
    "refuse_beside_real_tokens",
]  # fmt: skip

_LOOPBACK: Final = "127.0.0.1"
_START_SECONDS: Final = 10.0


class LocalSlack(Handles):
    """A workspace of its own; `events_url` makes it deliver by signed HTTP, else Socket Mode.

    State is kept in `data`. What the host and tests do with it is in `Handles`.
    """

    def __init__(
        self,
        *,
        seed: Seed,
        data: Path,
        clock: Clock,
        panels: Sequence[Panel] = (),
        port: int = 0,
        events_url: str | None = None,
        timing: Timing = SLACKS_OWN,
    ) -> None:
        self.seed = seed
        self._port = port
        self._book = Book(data)
        self._wire = Wire()
        self._faults = Faults(elapsed=time.monotonic)
        every_panel = (*panels, FaultPanel(faults=self._faults, cut=self._cut))
        self._live = Live(panels=every_panel, elapsed=time.monotonic)
        tell = self._live.tell
        self._workspace = Workspace(seed=seed, book=self._book, clock=clock, tell=tell)
        self._tokens = _tokens(self._workspace)
        self._pool = SocketPool(
            app_id=seed.app_id,
            faults=self._faults,
            wire=self._wire,
            elapsed=time.monotonic,
            changed=lambda: tell(Change(kind="app")),
        )
        refused = RefusedLog(workspace=self._workspace, tell=tell)
        posts = SignedPosts(url=events_url, secret=self.signing_secret) if events_url else None
        courier = Courier(
            workspace=self._workspace,
            transport=posts or self._pool,
            faults=self._faults,
            elapsed=time.monotonic,
            timing=timing,
        )
        self._desk = Desk(
            workspace=self._workspace,
            views=Views(workspace=self._workspace, tell=tell),
            triggers=Triggers(seconds=timing.trigger_seconds, elapsed=time.monotonic),
            refused=refused,
            faults=self._faults,
            courier=courier,
            response_urls=ResponseUrls(
                workspace=self._workspace, refused=refused, elapsed=time.monotonic
            ),
            tell=tell,
            ticket=self._pool.ticket,
        )
        self._api = WebApi(desk=self._desk, tokens=self._tokens, wire=self._wire)
        self._page = Page(desk=self._desk, live=self._live, panels=every_panel, reset=self.reset)
        self._control = Control(
            desk=self._desk,
            api=self._api,
            pool=None if events_url else self._pool,
            reset=self.reset,
        )
        self._doorkeeper = Doorkeeper(self._application())
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()

    # Running

    def start(self) -> None:
        """Listen on the loopback; raises `PortInUse`."""
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        self._doorkeeper.port = self._port
        self._desk.url = self._desk.response_urls.base = self.url
        config = uvicorn.Config(
            self._doorkeeper,
            http=self._wire.protocol(),
            ws="websockets-sansio",
            ws_ping_interval=10.0,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="local-slack", daemon=True
        )
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError("The local Slack did not start within 10 seconds.")

    def stop(self) -> None:
        """Close every connection and the file."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._book.close()
        self._server = self._thread = self._loop = None

    @property
    def url(self) -> str:
        """The page's address, without a slash at the end."""
        return f"http://{_LOOPBACK}:{self._port}"

    @property
    def api_url(self) -> str:
        """The base address of the Web API."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        """The token with which the app calls the Web API."""
        return self._tokens.bot

    @property
    def app_token(self) -> str:
        """The token with which the app opens sockets."""
        return self._tokens.app

    @property
    def signing_secret(self) -> str:
        """The secret with which HTTP deliveries are signed."""
        return self._tokens.signing

    def _application(self) -> Starlette:
        routes = [
            Route("/api/{method}", self._api.serve, methods=["GET", "POST"]),
            Route("/upload/{ticket}", self._api.upload, methods=["POST"]),
            Route("/files/{file}/{name}", self._page.download),
            Route("/response/{name}", self._respond, methods=["POST"]),
            WebSocketRoute("/link/", self._pool.serve),
            WebSocketRoute("/page/live", self._feed),
            *self._page.routes(),
            *self._control.routes(),
            Route("/", serve_file),
            Route("/{name}", serve_file),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._live.started(self._desk, loop)
        self._desk.courier.started(loop)
        watching = asyncio.create_task(self._live.watch())
        self._ready.set()
        yield
        watching.cancel()
        self._desk.courier.forget()

    async def _respond(self, request: Request) -> Response:
        try:
            said = await request.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            return PlainTextResponse("invalid_payload", status_code=400)
        try:
            self._desk.response_urls.use(request.path_params["name"], said)
        except SlackError as error:
            status = 404 if error.code in ("expired_url", "used_url") else 400
            self._api.note("response_url", said, status=status, answer=error.answer())
            return PlainTextResponse(error.code, status_code=status)
        self._api.note("response_url", said, status=200, answer={"ok": True})
        return PlainTextResponse("ok")

    async def _feed(self, socket: WebSocket) -> None:
        person = self._page.acting(socket.query_params.get("as"))
        if person is None:
            await socket.close(code=1008)
            return
        await self._live.serve(socket, person.id)


def _tokens(workspace: Workspace) -> Tokens:
    kept: Mapping[str, str] = workspace.kept("token")
    if not kept:
        kept = {
            "bot": f"xoxb{LOCAL_MARK}{secrets.token_hex(12)}",
            "app": f"xapp{LOCAL_MARK}{secrets.token_hex(12)}",
            "signing": secrets.token_hex(16),
        }
        for name, value in kept.items():
            workspace.keep("token", name, value)
    return Tokens(bot=kept["bot"], app=kept["app"], signing=kept["signing"])


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_LOOPBACK, port))
        listener.listen()  # so that whoever connects before the server accepts waits a moment
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"Port {port} is in use. Choose another one.") from error
        raise
    return listener
