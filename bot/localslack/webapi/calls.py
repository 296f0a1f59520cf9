"""The Web API over HTTP: reads a call, applies armed faults, answers and writes it down."""

import asyncio
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.localslack.failure import SlackError
from bot.localslack.state import files as kept_files
from bot.localslack.webapi import chat, conversations, files, people, views
from bot.localslack.webapi.desk import Desk, Json, Method, granted
from bot.localslack.wire import Wire

log: Final = logging.getLogger(__name__)
_KEEP: Final = 5_000
UPLOAD: Final = "upload"

METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        **chat.METHODS,
        **conversations.METHODS,
        **files.METHODS,
        **people.METHODS,
        **views.METHODS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One call: what the app asked and what it was told; `fault` names what got in the way."""

    n: int
    at: float
    method: str
    arguments: Mapping[str, Any]
    status: int
    answer: Mapping[str, Any]
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The three secrets of the app."""

    bot: str
    app: str
    signing: str


class WebApi:
    """Serves `/api/METHOD`."""

    def __init__(self, *, desk: Desk, tokens: Tokens, wire: Wire) -> None:
        self._desk = desk
        self._tokens = tokens
        self._wire = wire
        self._calls: list[ApiCall] = []
        self._count = 0

    def calls(self, method: str | None = None) -> tuple[ApiCall, ...]:
        """Every call so far, oldest first."""
        return tuple(each for each in list(self._calls) if method in (None, each.method))

    def forget(self) -> None:
        """Drop the record."""
        self._calls.clear()

    async def serve(self, request: Request) -> Response:
        """Answer one call."""
        method = str(request.path_params["method"])
        arguments = await _arguments(request)
        token = _token(request, arguments)
        broken = self._broken_before(method, arguments)
        if broken is not None:
            return await self._sent(request, broken)
        answer = self._answer(method, arguments, token)
        if self._desk.faults.strike("lost_after", method=method):
            self.note(method, arguments, status=0, answer=answer, fault="lost_after")
            return await self._sent(request, None)
        self.note(method, arguments, status=200, answer=answer)
        return JSONResponse(answer, headers=self._headers(method))

    async def upload(self, request: Request) -> Response:
        """Take the bytes of a file at the address that was given for it, as raw bytes alone.

        Faults know it as the method `upload`.
        """
        content = await request.body()
        arguments = {"length": len(content)}
        broken = self._broken_before(UPLOAD, arguments)
        if broken is not None:
            return await self._sent(request, broken)
        try:
            with self._desk.workspace.lock:
                kept_files.fill(self._desk.workspace, request.path_params["ticket"], content)
        except SlackError as error:
            self.note(UPLOAD, arguments, status=400, answer=error.answer())
            return PlainTextResponse(error.code, status_code=400)
        if self._desk.faults.strike("lost_after", method=UPLOAD):
            self.note(UPLOAD, arguments, status=0, answer={"ok": True}, fault="lost_after")
            return await self._sent(request, None)
        self.note(UPLOAD, arguments, status=200, answer={"ok": True})
        return PlainTextResponse(f"OK - {len(content)}")

    def _headers(self, method: str) -> dict[str, str]:
        scopes = self._desk.workspace.seed.scopes or frozenset()
        known = METHODS.get(method)
        return {
            "x-oauth-scopes": ",".join(sorted(scopes)),
            "x-accepted-oauth-scopes": ",".join(known.scopes if known else ()),
        }

    async def _sent(self, request: Request, response: Response | None) -> Response:
        """The response, or for None a connection that breaks before any answer."""
        if response is not None and response.status_code:
            return response
        self._wire.cut(request.client)
        await asyncio.sleep(0.01)  # lets the server notice that nobody is there to answer
        return Response(status_code=503)

    def _broken_before(self, method: str, arguments: Mapping[str, Any]) -> Response | None:
        struck = self._desk.faults.strike(
            "ratelimited", "server_error", "lost_before", "error", method=method
        )
        if struck is None:
            return None
        fault, left = struck
        answers: dict[str, tuple[int, Json]] = {
            "ratelimited": (429, {"ok": False, "error": "ratelimited"}),
            "server_error": (500, {"ok": False, "error": "internal_error"}),
            "error": (200, {"ok": False, "error": fault.error}),
            "lost_before": (0, {}),
        }
        status, answer = answers[fault.kind]
        self.note(method, arguments, status=status, answer=answer, fault=fault.kind)
        if not status:
            return _Lost()
        headers = {"Retry-After": str(math.ceil(left))} if status == 429 else None
        return JSONResponse(answer, status_code=status, headers=headers)

    def _answer(self, method: str, arguments: Mapping[str, Any], token: str) -> Json:
        try:
            return self._run(method, arguments, token)
        except SlackError as error:
            return error.answer()

    def _run(self, method: str, arguments: Mapping[str, Any], token: str) -> Json:
        known = METHODS.get(method)
        if known is None:
            log.error("slack.unknown_method", extra={"method": method})
            raise SlackError("unknown_method", {"req_method": method})
        if not token:
            raise SlackError("not_authed")
        if token not in (self._tokens.bot, self._tokens.app):
            raise SlackError("invalid_auth")
        if token != (self._tokens.app if known.needs == "app" else self._tokens.bot):
            raise SlackError("not_allowed_token_type")
        granted(self._desk, *known.scopes)
        with self._desk.workspace.lock:
            return known.run(self._desk, arguments)

    def note(
        self,
        method: str,
        arguments: Mapping[str, Any],
        *,
        status: int,
        answer: Mapping[str, Any],
        fault: str | None = None,
    ) -> None:
        """Write a call down."""
        self._count += 1
        self._calls.append(
            ApiCall(
                n=self._count,
                at=self._desk.workspace.now().timestamp(),
                method=method,
                arguments={key: value for key, value in arguments.items() if key != "token"},
                status=status,
                answer=answer,
                fault=fault,
            )
        )
        del self._calls[:-_KEEP]


class _Lost(Response):
    """Stands for no answer at all."""

    def __init__(self) -> None:
        super().__init__()
        self.status_code = 0


async def _arguments(request: Request) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        try:
            said = json.loads(await request.body() or b"{}")
        except ValueError:
            said = {}
        return arguments | (said if isinstance(said, dict) else {})
    body = (await request.body()).decode("utf-8", errors="replace")
    return arguments | dict(parse_qsl(body, keep_blank_values=True))


def _token(request: Request, arguments: Mapping[str, Any]) -> str:
    word, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if word.lower() == "bearer" else str(arguments.get("token") or "")
