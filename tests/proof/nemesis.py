"""What a seed does to the replicas, to Slack, to the clock and to the catalogue."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

from tests.proof.codes import OF_A_CHANNEL, OF_A_WORKSPACE
from tests.proof.slack import CALM, Mood

STORM = Mood(posts=30, reads=10)
TEMPEST = Mood(posts=75, reads=25)
MOODS = (
    CALM,
    STORM,
    STORM,
    TEMPEST,
    Mood(posts=60, reads=60, page=15, noise=40),
    Mood(posts=60, reads=10, lag=10, page=15, noise=20),
)
LONGEST_FREEZE = 600
"""Seconds."""

OFF = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 45, 6 * 60, *(days * 24 * 60 for days in (1, 2, 5, 10, 30, 60)))
)
LASTS = (None, None, *(timedelta(days=days) for days in (1, 3, 5, 12)))
"""For how long the workspace accepts no token; without a time, for some minutes."""

STEPS = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 20))
"""By how much the database's clock jumps, either way."""


TROUBLES = ("off", "closed", "locked", "edits", "clock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nemesis:
    """How often, of a thousand steps, a replica is killed or frozen, and what else happens.

    `off` is for how long nobody runs; `closed` the error of the channel that some items have for
    themselves; `locked` that of the whole workspace, which `lasts` so long; `edits`, of a thousand
    steps, how often somebody changes an item; `clock`, of a thousand rounds, how often the clock
    jumps.
    """

    kills: int = 0
    power_cuts: int = 0
    freezes: int = 0
    mood: Mood = CALM
    off: timedelta | None = None
    closed: str | None = None
    locked: str | None = None
    lasts: timedelta | None = None
    edits: int = 0
    clock: int = 0

    @classmethod
    def of(cls, seed: int) -> "Nemesis":
        """Every life dies and freezes by its seed; every second one has a trouble of its own."""
        random = Random(f"nemesis {seed}")
        dying = {
            "kills": random.choice((0, 20, 60)),
            "power_cuts": random.choice((0, 5, 20)),
            "freezes": random.choice((0, 0, 30, 120)),
            "mood": random.choice(MOODS),
        }
        trouble = random.choice(
            ("none", "none", "none", "off", "closed", "locked", "edits", "clock")
        )
        match trouble:
            case "off":
                return cls(**dying, off=random.choice(OFF))
            case "closed":
                return cls(**dying, closed=random.choice(OF_A_CHANNEL))
            case "locked":
                return cls(
                    **dying, locked=random.choice(OF_A_WORKSPACE), lasts=random.choice(LASTS)
                )
            case "edits":
                return cls(**dying, edits=random.choice((10, 30)))
            case "clock":
                return cls(**dying, clock=random.choice((100, 300)))
            case _:
                return cls(**dying)
