"""The second route to those who run Lapse, for when Slack does not accept the token."""

import logging
from time import monotonic
from urllib.request import Request

from slack_sdk.webhook import WebhookClient, WebhookResponse

from handlers.refusals import LOST, code_of
from handlers.wire import exchange

log = logging.getLogger(__name__)

TIMEOUT = 10
"""Seconds, for all of it."""


class OperatorsWebhook:
    """Says a sentence to an incoming webhook; one that fails is logged, since nobody else hears."""

    def __init__(self, url: str) -> None:
        self._client = _Client(url, timeout=TIMEOUT, retry_handlers=[])

    def say(self, text: str) -> None:
        """Once, as far as can be known."""
        try:
            answer = self._client.send(text=text)
        except LOST as error:
            log.error("webhook.failed", extra={"error": code_of(error)})  # noqa: TRY400
            return
        if answer.status_code != 200:
            log.error("webhook.failed", extra={"error": f"http_{answer.status_code}"})


class _Client(WebhookClient):
    """slack_sdk's client over a wire that keeps time: a tick waits for it."""

    def _perform_http_request_internal(self, url: str, req: Request) -> WebhookResponse:
        until = monotonic() + self.timeout
        answer, body = exchange(req, until=until, proxy=self.proxy, context=self.ssl)
        text = body.decode(errors="replace")
        return WebhookResponse(
            url=url, status_code=answer.status, body=text, headers=dict(answer.headers)
        )
