"""Slack's endpoint over HTTP: the signature first, then the same listeners as in Socket Mode."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from http import HTTPStatus

from slack_bolt import App, BoltRequest
from slack_sdk.signature import Clock as Now
from slack_sdk.signature import SignatureVerifier
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

LARGEST_BODY = 1_000_000
"""Slack's own payloads stay below 250 kB for a view and far below for the rest."""

REPLAY_WINDOW = 300
"""Seconds; Slack asks to refuse what is older, or from the future by as much."""

Endpoint = Callable[[Request], Awaitable[Response]]


def slack_endpoint(
    app: App, *, signing_secret: str, answering: Callable[[], AbstractContextManager[None]]
) -> Endpoint:
    """Answer `POST /slack/events`: 413 too large, 401 unsigned or old, else what Bolt answers.

    Listeners acknowledge inside of `answering`, which may hold other work back.
    """
    verifier = SignatureVerifier(signing_secret)
    now = Now()

    async def endpoint(request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return _refused(HTTPStatus.BAD_REQUEST, "The request broke off.")
        if body is None:
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too large.")
        trouble = _unsigned(verifier, now.now(), request, body)
        if trouble:
            return _refused(HTTPStatus.UNAUTHORIZED, trouble)
        headers: dict[str, str | Sequence[str]] = dict(request.headers.items())
        bolt_request = BoltRequest(body=body, query=request.url.query, headers=headers)
        with answering():
            answer = await run_in_threadpool(app.dispatch, bolt_request)
        response = Response(answer.body, status_code=answer.status)
        for name, values in answer.headers.items():
            for value in values:
                response.headers[name] = value
        return response

    return endpoint


async def _body(request: Request) -> str | None:
    """The raw body, which the signature is about; None when it grows too large."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > LARGEST_BODY:
            return None
        pieces.append(piece)
    return b"".join(pieces).decode("utf-8", errors="replace")


def _unsigned(verifier: SignatureVerifier, now: float, request: Request, body: str) -> str | None:
    """Why a request is not believed, and what an operator does about it."""
    stamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    if stamp.isdigit() and abs(now - int(stamp)) > REPLAY_WINDOW:
        return "Older than 5 minutes. Check the clock."
    if not stamp.isdigit() or not verifier.is_valid(body, stamp, signature):
        return "Signature does not match. Check `SLACK_SIGNING_SECRET`."
    return None


def _refused(status: HTTPStatus, sentence: str) -> Response:
    return PlainTextResponse(sentence, status_code=status)
