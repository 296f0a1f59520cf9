"""Socket Mode: the app's WebSocket connections, each payload to one of them."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable
from typing import Any, Final, Literal

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.localslack.delivery.transport import Envelope, NotConnected
from bot.localslack.faults import Faults
from bot.localslack.wire import Wire

_MOST: Final = 10
_TICKET_SECONDS: Final = 30.0
_CLOSE_AFTER: Final = 1.0  # Slack keeps the old socket a moment, so that the app can move over


class SocketPool:
    """Up to ten sockets of the app; everything runs on the server's event loop."""

    name: Literal["socket", "http"] = "socket"

    def __init__(
        self,
        *,
        app_id: str,
        faults: Faults,
        wire: Wire,
        elapsed: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._app_id = app_id
        self._faults = faults
        self._wire = wire
        self._elapsed = elapsed
        self._changed = changed
        self._tickets: dict[str, float] = {}
        self._sockets: list[WebSocket] = []
        self._turn = 0
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> bool:
        """Whether at least one socket is open."""
        return bool(self._sockets)

    def __len__(self) -> int:
        return len(self._sockets)

    def ticket(self) -> str:
        """The right to open one socket, for half a minute."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = self._elapsed() + _TICKET_SECONDS
        return ticket

    async def serve(self, socket: WebSocket) -> None:
        """One socket of the app, from its ticket to its end."""
        until = self._tickets.pop(socket.query_params.get("ticket", ""), 0.0)
        if until < self._elapsed() or len(self._sockets) >= _MOST:
            await socket.close(code=1008)
            return
        await socket.accept()
        self._sockets.append(socket)
        self._changed()
        try:
            await socket.send_json(self._hello())
            while True:
                self._acked(await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass  # closed by either side; RuntimeError is Starlette's word for a send after it
        finally:
            self._forget(socket)

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._sockets),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {
                "host": "applink-local",
                "started": "",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
        }

    def _forget(self, socket: WebSocket) -> None:
        if socket in self._sockets:
            self._sockets.remove(socket)
            self._changed()

    def _acked(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return
        waiting = (
            self._waiting.get(str(said.get("envelope_id"))) if isinstance(said, dict) else None
        )
        if waiting is not None and not waiting.done():
            waiting.set_result(said.get("payload"))

    async def send(self, envelope: Envelope, *, seconds: float) -> Any:
        """Hand the envelope to the next socket and wait for its ack."""
        if not self._sockets:
            raise NotConnected
        socket = self._sockets[self._turn % len(self._sockets)]
        self._turn += 1
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope.id] = waiting
        try:
            if self._faults.strike("socket_cut"):
                self._wire.cut(socket.client)
            else:
                await self._write(socket, envelope)
            return await asyncio.wait_for(waiting, seconds)
        finally:
            del self._waiting[envelope.id]

    async def _write(self, socket: WebSocket, envelope: Envelope) -> None:
        told: dict[str, Any] = {
            "envelope_id": envelope.id,
            "type": envelope.kind,
            "accepts_response_payload": envelope.kind != "events_api",
            "payload": envelope.payload,
        }
        if envelope.attempt:
            told |= {"retry_attempt": envelope.attempt, "retry_reason": envelope.retry_reason}
        elif envelope.kind == "events_api":
            told |= {"retry_attempt": 0, "retry_reason": ""}
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.send_json(told)  # a socket that died a moment ago counts as no ack

    def disconnect(self, *, reason: str = "refresh_requested", abrupt: bool = False) -> None:
        """End every socket: with Slack's notice first, or broken off at once."""
        for socket in list(self._sockets):
            if abrupt:
                self._forget(socket)
                self._wire.cut(socket.client)
            else:
                self._start(self._leave(socket, reason))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _leave(self, socket: WebSocket, reason: str) -> None:
        told = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-local"}}
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.send_json(told)
            if reason == "warning":
                return
            self._forget(socket)
            await asyncio.sleep(_CLOSE_AFTER)
            await socket.close(code=1000)
