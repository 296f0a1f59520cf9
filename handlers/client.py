"""Slack's Web API over a wire that keeps time."""

from datetime import timedelta
from typing import Any
from urllib.request import Request

from slack_sdk import WebClient

from handlers.wire import exchange


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

    def _perform_urllib_http_request_internal(
        self,
        url: str,  # noqa: ARG002 - the request's own
        req: Request,
    ) -> dict[str, Any]:
        """What slack_sdk calls for one attempt of any method."""
        answer, body = exchange(req, within=self.timeout, proxy=self.proxy, context=self.ssl)
        charset = answer.headers.get_content_charset() or "utf-8"
        return {"status": answer.status, "headers": answer.headers, "body": body.decode(charset)}
