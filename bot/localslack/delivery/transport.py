"""What both ways of reaching the app have in common."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

EnvelopeKind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One payload on its way to the app; `attempt` counts from 0."""

    id: str
    kind: EnvelopeKind
    payload: dict[str, Any]
    attempt: int = 0
    retry_reason: str | None = None


class NotConnected(Exception):
    """The app cannot be reached at all."""


class NotAccepted(Exception):
    """The app answered with an error."""


class Transport(Protocol):
    """Carries an envelope to the app and its acknowledgement back."""

    name: Literal["socket", "http"]

    @property
    def connected(self) -> bool:
        """Whether something listens, as far as is known."""

    async def send(self, envelope: Envelope, *, seconds: float) -> Any:
        """The ack's payload, or None.

        Raises `NotConnected`, `NotAccepted`, or `TimeoutError` after so many seconds.
        """
