"""How long Slack waits; tests wait less."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds of real time: for an ack, for a trigger, and between attempts of one event."""

    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0)


SLACKS_OWN = Timing()
"""What Slack publishes: interactivity and apis/events-api."""
