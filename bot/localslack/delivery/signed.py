"""HTTP delivery: each payload as a signed POST to the app's one address."""

import asyncio
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import urlencode, urlsplit

from bot.localslack.delivery.transport import Envelope, NotAccepted, NotConnected

_FORM: Final = "application/x-www-form-urlencoded"


class SignedPosts:
    """Posts to the app as Slack does; the signature's age is real time, whatever the clock says."""

    name: Literal["socket", "http"] = "http"

    def __init__(self, *, url: str, secret: str) -> None:
        self._parts = urlsplit(url)
        self._secret = secret.encode()
        self._reached = True

    @property
    def connected(self) -> bool:
        """Whether the last attempt found somebody listening."""
        return self._reached

    async def send(self, envelope: Envelope, *, seconds: float) -> Any:
        """Post the envelope and read what the app answers with its 200."""
        body, kind = _body(envelope)
        headers = {"Content-Type": kind, **self.signature(body), **_retries(envelope)}
        posting = asyncio.to_thread(self._post, body, headers, seconds)
        return await asyncio.wait_for(posting, seconds)

    def signature(self, body: bytes) -> dict[str, str]:
        """The headers by which the app knows that Slack speaks."""
        stamp = str(int(time.time()))  # noqa: TID251 - the app compares it with its machine's clock
        digest = hmac.new(self._secret, f"v0:{stamp}:".encode() + body, hashlib.sha256)
        return {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest.hexdigest()}",
        }

    def _post(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Any:
        host, port = self._parts.hostname or "127.0.0.1", self._parts.port
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
        try:
            connection.request("POST", self._parts.path or "/", body=body, headers=dict(headers))
            answer = connection.getresponse()
            said = answer.read().decode("utf-8", "replace")
        except ConnectionRefusedError as error:
            self._reached = False
            raise NotConnected from error
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise NotAccepted(str(error)) from error
        finally:
            connection.close()
        self._reached = True
        if not 200 <= answer.status < 300:
            raise NotAccepted(f"HTTP {answer.status}")
        return _answer(said)


def _answer(said: str) -> Any:
    if not said.strip():
        return None
    try:
        return json.loads(said)
    except ValueError:
        return {"text": said}


def _body(envelope: Envelope) -> tuple[bytes, str]:
    if envelope.kind == "events_api":
        return json.dumps(envelope.payload).encode(), "application/json"
    if envelope.kind == "slash_commands":
        return urlencode(envelope.payload).encode(), _FORM
    return urlencode({"payload": json.dumps(envelope.payload)}).encode(), _FORM


def _retries(envelope: Envelope) -> dict[str, str]:
    if not envelope.attempt:
        return {}
    return {
        "X-Slack-Retry-Num": str(envelope.attempt),
        "X-Slack-Retry-Reason": envelope.retry_reason or "unknown_error",
    }
