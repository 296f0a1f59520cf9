"""Lives in which a conversation is read once a minute, fifteen messages at a time.

So Slack limits programs that are not of its directory. The channel is busy: between an attempt and
the end of what is looked through stand forty messages of others, so that a look takes three pages
and as many minutes. Whoever dies begins anew; who was frozen may post while a sweep is half done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from math import ceil
from random import Random
from typing import Any

from bot.billing.subscription import SlackChannel, Subscription
from bot.ports.store import Store
from tests.proof.nemesis import Nemesis
from tests.proof.slack import Answer, Mood, SimulatedSlack, refusal
from tests.proof.stages import Disk
from tests.proof.world import TEAM, World, renewing

READS = ("conversations.history", "conversations.replies")
EVERY = 60.0
"""Seconds between two pages."""

BUSY = Mood(page=15, noise=40)
CHANNELS = (None, TEAM, SlackChannel("C0OTHERS"))
LOST = ("F7 reset before", "F7 request lost", "F7 reset after", "F7 reply lost", "F7 lands late")
MINUTES = 90
"""So long a day's doubts are looked through, one after the other, before it is over."""


class OnePageSlack(SimulatedSlack):
    """A workspace that shows a page a minute."""

    free: float = 0.0

    def call(self, method: str, asked: Mapping[str, Any], *, wait: Callable[[int], None]) -> Answer:
        """As ever, or too early."""
        now = self.clock.now().timestamp()
        if method not in READS:
            return super().call(method, asked, wait=wait)
        if now < self.free:
            self.happened["one-page limited"] += 1
            self._write("asked", asked["channel"], method=method, delivery="", ids=[])
            headers = {"Retry-After": str(ceil(self.free - now))}
            return self._limiting(method, asked["channel"], (429, headers, refusal("ratelimited")))
        self.happened["one-page went on"] += asked["cursor"] is not None
        self.free = now + EVERY
        return super().call(method, asked, wait=wait)


class OnePageWorld(World):
    """A life before such a Slack, in which answers and requests are lost and processes die.

    Of each of three channels the first message is lost one way or the other, before Slack took it
    or after that, so that several are looked for at a time.
    """

    def __init__(self, store: Store, disk: Disk, seed: int) -> None:
        random = Random(f"one page {seed}")
        mood = replace(BUSY, posts=random.choice((20, 40, 60)))
        kills, freezes = random.choice((0, 0, 10)), random.choice((0, 120, 300))
        super().__init__(store, disk, seed, Nemesis(kills=kills, freezes=freezes, mood=mood))
        lost = [random.choice(LOST) for _ in CHANNELS]
        self.slack = OnePageSlack(self.true, self.random, script=lost)

    def _usual_items(self) -> Sequence[Subscription]:
        return [
            replace(renewing(f"item-{number}"), channel=channel)
            for number, channel in enumerate(CHANNELS)
        ]

    def _rest(self) -> None:
        self._calm, self.slack.mood = True, BUSY
        for number in range(MINUTES):
            replica = self.replicas[number % len(self.replicas)]
            for name in ("arm", "bundle", "send", "sweep"):
                replica.tick(name)
            self.true.advance(timedelta(minutes=1))
