"""Turns away whoever calls this server by another name or from another site's page."""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from bot.localslack.guard import is_own_host, is_own_origin


class Doorkeeper:
    """Checks Host and Origin of every request and WebSocket; `port` is known once it listens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.port = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is ours."""
        if scope["type"] == "lifespan" or self._ours(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(code=1008)(scope, receive, send)
        else:
            refusal = PlainTextResponse("Only this machine's own page may ask.", status_code=403)
            await refusal(scope, receive, send)

    def _ours(self, headers: Headers) -> bool:
        host = headers.get("host", "")
        return is_own_host(host, port=self.port) and is_own_origin(headers.get("origin"), host=host)
