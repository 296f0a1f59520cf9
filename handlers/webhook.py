"""The second route to those who run Lapse, for when Slack does not accept the token."""

import logging

from slack_sdk.webhook import WebhookClient

from handlers.refusals import LOST, code_of

log = logging.getLogger(__name__)

TIMEOUT = 10
"""Seconds."""


class OperatorsWebhook:
    """Says a sentence to an incoming webhook; one that fails is logged, since nobody else hears."""

    def __init__(self, url: str) -> None:
        self._client = WebhookClient(url, timeout=TIMEOUT, retry_handlers=[])

    def say(self, text: str) -> None:
        """Once, as far as can be known."""
        try:
            answer = self._client.send(text=text)
        except LOST as error:
            log.error("webhook.failed", extra={"error": code_of(error)})  # noqa: TRY400
            return
        if answer.status_code != 200:
            log.error("webhook.failed", extra={"error": f"http_{answer.status_code}"})
