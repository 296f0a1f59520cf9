"""The socket to Slack: why it does not open in a sentence, and no waiting when it ends."""

import errno
import logging
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from handlers.health import slack_trouble
from handlers.refusals import LOST, code_of

log = logging.getLogger(__name__)
sdk_log = logging.getLogger("slack_sdk.socket_mode")

RECONNECT_SECONDS = 0.3
"""By then the SDK has let go of a broken connection; its own look comes every ten seconds."""


class SlackAway(Exception):
    """Slack does not answer, or does not accept a token; the message says what to do."""


def demand_slack(client: WebClient) -> None:
    """Raise SlackAway unless Slack answers and accepts the bot's token."""
    trouble = slack_trouble(client)
    if trouble:
        raise SlackAway(trouble)


class SlackSocket:
    """Socket Mode for an app; once open it opens itself again whenever it breaks."""

    def __init__(self, app: App, *, app_token: str) -> None:
        self._closing = threading.Event()
        self._handler = SocketModeHandler(app, app_token, logger=sdk_log)
        self._client = self._handler.client
        self._client.message_listeners.append(self._heard)
        self._client.on_error_listeners.append(lambda _: self._reconnect_soon())
        self._client.on_close_listeners.append(lambda *_: self._reconnect_soon())

    def open(self) -> None:
        """Listen; raises SlackAway."""
        try:
            self._handler.connect()  # type: ignore[no-untyped-call]
        except SlackApiError as error:
            raise SlackAway(
                f"Slack does not accept the app token ({code_of(error)}). "
                "Make one with the scope `connections:write`, then set `SLACK_APP_TOKEN`."
            ) from error
        except LOST as error:
            raise SlackAway(
                f"Slack cannot be reached ({code_of(error)}). Check the network."
            ) from error

    def close(self) -> None:
        """Hang up; what is being answered is answered, the rest Slack delivers again."""
        self._closing.set()
        self._client.auto_reconnect_enabled = False
        self._client.current_session_runner.event.set()  # or it would begin to read again
        self._client.current_session_state.terminated = True
        session = self._client.current_session
        line = session.sock if session is not None else None
        if line is not None:
            with suppress(OSError):  # wakes the reader, which else notices within three seconds
                line.shutdown(socket.SHUT_RDWR)
        self._client.message_processor.event.set()
        self._client.message_queue.put(None)  # or it would wait a second for the next message
        self._handler.close()  # type: ignore[no-untyped-call]

    def _heard(self, _client: object, message: Mapping[str, Any], _raw: str | None) -> None:
        """Slack's first word on a new connection; from now on its end is noticed."""
        if message.get("type") != "hello":
            return
        log.info("slack.connected")
        session = self._client.current_session
        if session is not None and session.sock is not None:
            session.sock = _Line(session.sock, self._closing)  # type: ignore[assignment]

    def _reconnect_soon(self) -> None:
        if self._client.auto_reconnect_enabled:
            threading.Timer(RECONNECT_SECONDS, self._reconnect).start()

    def _reconnect(self) -> None:
        """Once; when that fails the SDK's monitor goes on trying."""
        try:
            if self._client.auto_reconnect_enabled:
                self._client.connect_to_new_endpoint()
        except LOST as error:
            log.warning("slack.away", extra={"error": code_of(error)})


class _Line:
    """A connected socket whose end is an error, unless it is us who close.

    The SDK takes an end without a closing frame for silence: it reads on without a pause, and
    reconnects only after a minute.
    """

    def __init__(self, connected: Any, closing: threading.Event) -> None:
        self._connected = connected
        self._closing = closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connected, name)

    def recv(self, size: int) -> bytes:
        """The next bytes; raises ConnectionResetError where there will be no more."""
        received: bytes = self._connected.recv(size)
        if not received and not self._closing.is_set():
            raise ConnectionResetError(errno.ECONNRESET, "Slack hung up")
        return received
