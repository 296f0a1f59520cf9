"""Brings what happened to the app, watches for its ack and writes down how it went."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.localslack.delivery.transport import (
    Envelope,
    EnvelopeKind,
    NotAccepted,
    NotConnected,
    Transport,
)
from bot.localslack.faults import Faults
from bot.localslack.stamps import new_id
from bot.localslack.state.workspace import Workspace
from bot.localslack.timing import Timing

_KEEP: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt to bring something to the app; `latency_ms` is until the ack."""

    number: int
    id: str
    type: EnvelopeKind
    name: str
    transport: str
    attempt: int
    at: float
    payload: dict[str, Any]
    acked: bool = False
    latency_ms: float | None = None
    error: str | None = None


class NotDelivered(Exception):
    """The app did not acknowledge; `code` and `sentence` are what the person is shown."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Courier:
    """Delivers over one transport."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        transport: Transport,
        faults: Faults,
        elapsed: Callable[[], float],
        timing: Timing,
    ) -> None:
        self._workspace = workspace
        self.transport = transport
        self._faults = faults
        self._elapsed = elapsed
        self._seconds = timing.ack_seconds
        self._delays = timing.retry_delays
        self._done: list[Delivery] = []
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def started(self, loop: asyncio.AbstractEventLoop) -> None:
        """Learn on which loop events are delivered."""
        self._loop = loop

    def deliveries(self) -> tuple[Delivery, ...]:
        """Every attempt that is over, oldest first."""
        return tuple(self._done)

    def forget(self) -> None:
        """Drop the record and whatever was to be repeated."""
        self._done.clear()
        for task in self._tasks:
            task.cancel()

    async def deliver(self, kind: EnvelopeKind, name: str, payload: dict[str, Any]) -> Any:
        """The payload of the app's ack; raises `NotDelivered` in the words for the person."""
        envelope = Envelope(id=str(uuid.uuid4()), kind=kind, payload=payload)
        app = self._workspace.seed.app_name
        try:
            return await self._attempt(envelope, name)
        except NotConnected:
            sentence = (
                f"{app} is not connected (dispatch_failed). Nothing was sent; try again when it is"
                " back."
            )
            raise NotDelivered("dispatch_failed", sentence) from None
        except NotAccepted as error:
            sentence = (
                f"{app} answered with an error (dispatch_failed, {error}). Nothing is known about"
                " your click; look before you repeat it."
            )
            raise NotDelivered("dispatch_failed", sentence) from None
        except TimeoutError:
            sentence = (
                f"{app} did not answer within 3 seconds (operation_timeout). Nothing is known about"
                " your click; look before you repeat it."
            )
            raise NotDelivered("operation_timeout", sentence) from None

    async def _attempt(self, envelope: Envelope, name: str) -> Any:
        begun = self._elapsed()
        self._count += 1
        record = Delivery(
            number=self._count,
            id=envelope.id,
            type=envelope.kind,
            name=name,
            transport=self.transport.name,
            attempt=envelope.attempt,
            at=self._workspace.now().timestamp(),
            payload=envelope.payload,
        )
        try:
            answer = await self._sent(envelope, begun)
        except (NotConnected, NotAccepted, TimeoutError) as error:
            self._note(replace(record, error=_word(error)))
            raise
        latency = (self._elapsed() - begun) * 1000
        self._note(replace(record, acked=True, latency_ms=latency))
        return answer

    async def _sent(self, envelope: Envelope, begun: float) -> Any:
        late = self._faults.strike("ack_late")
        answer = await self.transport.send(envelope, seconds=self._seconds)
        if late:
            await asyncio.sleep(max(0.0, self._seconds - (self._elapsed() - begun)))
            raise TimeoutError
        return answer

    def _note(self, delivery: Delivery) -> None:
        self._done.append(delivery)
        del self._done[:-_KEEP]

    # Events

    def event(self, event: dict[str, Any], *, delay: float = 0.0) -> None:
        """Deliver an event soon, from any thread, if the app is subscribed to it."""
        subscribed = self._workspace.seed.bot_events
        if self._loop is None or (subscribed is not None and event["type"] not in subscribed):
            return
        self._loop.call_soon_threadsafe(self._start, self._repeat(event, delay))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _repeat(self, event: dict[str, Any], delay: float) -> None:
        await asyncio.sleep(delay)
        payload = self._event_payload(event)
        reason: str | None = None
        for attempt, wait in enumerate((0.0, *self._delays)):
            await asyncio.sleep(wait)
            envelope = Envelope(
                id=str(uuid.uuid4()),
                kind="events_api",
                payload=payload,
                attempt=attempt,
                retry_reason=reason,
            )
            try:
                await self._attempt(envelope, str(event["type"]))
            except (NotConnected, NotAccepted, TimeoutError) as error:
                reason = _REASONS[type(error)]
            else:
                return

    def _event_payload(self, event: dict[str, Any]) -> dict[str, Any]:
        seed = self._workspace.seed
        return {
            "token": "local-verification",
            "team_id": seed.team_id,
            "api_app_id": seed.app_id,
            "event": {**event, "event_ts": self._workspace.next_ts()},
            "type": "event_callback",
            "event_id": new_id("Ev"),
            "event_time": int(self._workspace.now().timestamp()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": seed.team_id,
                    "user_id": seed.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }


_REASONS: Final[dict[type[Exception], str]] = {
    NotConnected: "connection_failed",
    NotAccepted: "http_error",
    TimeoutError: "http_timeout",
}


def _word(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "operation_timeout"
    return "not_connected" if isinstance(error, NotConnected) else f"dispatch_failed {error}"
