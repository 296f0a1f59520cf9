"""Slack's Web API over a wire that keeps time."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from http.client import HTTPResponse
from math import inf
from time import monotonic
from typing import Any
from urllib.request import Request

from slack_sdk import WebClient

from handlers.wire import exchange

_OVER_BY = ContextVar("over_by", default=inf)


class SlackClient(WebClient):
    """slack_sdk's client, whose every call is over `within` a time and is never repeated.

    A call of which not a byte was sent raises `wire.NotSent`.
    """

    def __init__(self, token: str, *, base_url: str, within: timedelta) -> None:
        super().__init__(
            token,
            base_url=base_url,
            timeout=within.total_seconds(),  # type: ignore[arg-type]  # parts of a second will do
            retry_handlers=[],
        )

    @contextmanager
    def over_by(self, instant: float) -> Iterator[None]:
        """What this thread calls in here is over by an instant of `monotonic` as well."""
        before = _OVER_BY.set(instant)
        try:
            yield
        finally:
            _OVER_BY.reset(before)

    def upload(self, url: str, content: bytes) -> None:
        """Send a file's bytes to where Slack wants them; raises what `exchange` raises."""
        kind = {"Content-Type": "application/octet-stream"}
        self._exchange(Request(url, data=content, headers=kind, method="POST"))  # noqa: S310 - exchange refuses what is not HTTP

    def _exchange(self, request: Request) -> tuple[HTTPResponse, bytes]:
        until = min(monotonic() + self.timeout, _OVER_BY.get())
        return exchange(request, until=until, proxy=self.proxy, context=self.ssl)

    def _perform_urllib_http_request_internal(
        self,
        url: str,  # noqa: ARG002 - the request's own
        req: Request,
    ) -> dict[str, Any]:
        """What slack_sdk calls for one attempt of any method."""
        answer, body = self._exchange(req)
        charset = answer.headers.get_content_charset() or "utf-8"
        return {"status": answer.status, "headers": answer.headers, "body": body.decode(charset)}
