"""One run: waves of reminders fall due while the nemesis strikes; then all comes to rest."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Literal

from bot.billing.renewal import CLOUD_ZONE
from tests.acceptance.catalogue import SECMASTER, bought, subscription
from tests.proof.torture.nemesis import Nemesis
from tests.proof.torture.site import Site
from tests.proof.torture.times import SWEPT_WITHIN

LEADS = (3, 1)
DUE_AT = "T09:00:00+08:00"
AFTER_DUE = timedelta(seconds=10)
"""So far beyond the due instant a wave begins: setting the clock back never gets before it."""

ONE_DAY = timedelta(days=1)
STORM_SECONDS = 45.0
PAUSES = 0.3, 1.2
"""Seconds from a strike to the next: a process needs some of them to be up again."""
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.05

Wave = Literal["storm", "all killed", "database away"]


class NoRest(Exception):
    """Something is still due, on its way or unknown, long after everything was mended."""


@dataclass
class Torture:
    """Waves on one site."""

    site: Site
    random: Random
    freezing: bool
    per_channel: int = 3
    nemesis: Nemesis = field(init=False)
    waves: int = 0

    def __post_init__(self) -> None:
        self.nemesis = Nemesis(self.site, self.random)
        self._began = self.site.core.clock.now().astimezone(CLOUD_ZONE).date()
        self._owed: set[str] = set()
        self._load(self._began + ONE_DAY)

    def run(self, go_on: Callable[[int], bool]) -> None:
        """Wave after wave while `go_on` says so of their number; raises NoRest."""
        try:
            while go_on(self.waves):
                self.wave(self._kind())
        finally:
            self._end()

    def wave(self, kind: Wave) -> None:
        """Let the next day's reminders fall due, and wait until all of them are told."""
        self.waves += 1
        day = self._began + self.waves * ONE_DAY
        self._load(day + ONE_DAY)  # ahead, so that most is armed when it falls due
        self._step_to(datetime.fromisoformat(f"{day}{DUE_AT}") + AFTER_DUE)
        self._owe(day)
        self.site.history.tell("wave", number=self.waves, kind=kind)
        {"storm": self._storm, "all killed": self._kill_all, "database away": self._take_away}[
            kind
        ]()
        self._rest()

    def _kind(self) -> Wave:
        calm: Mapping[int, Wave] = {1: "all killed", 3: "database away"}
        kind = calm.get(self.waves % 5, "storm")
        return kind if self.site.server or kind != "database away" else "storm"

    def _storm(self) -> None:
        self.site.weather.bad = True
        freezes = self.freezing and self.random.random() < 0.8
        strikes = self.nemesis.freezes if freezes else self.nemesis.stops
        until = time.monotonic() + STORM_SECONDS
        while self._lacking() and time.monotonic() < until:
            self.nemesis.strike(strikes)
            calm = time.monotonic() + self.random.uniform(*PAUSES)
            while time.monotonic() < calm:
                self.nemesis.tend()
                time.sleep(LOOK_SECONDS)  # between two looks

    def _kill_all(self) -> None:
        self._until_some_are_posted()
        self.nemesis.kill_all()

    def _take_away(self) -> None:
        self._until_some_are_posted()
        self.site.history.tell("database", what="immediate restart")
        self.nemesis.shut_down("immediate", seconds=self.random.uniform(0, 3))
        before = len(self.site.history.of("database back"))
        self._until(lambda: len(self.site.history.of("database back")) > before, "the database")

    def _until_some_are_posted(self) -> None:
        some = len(self._lacking()) * 0.8
        self._until(lambda: len(self._lacking()) < some, "the first posts")

    def _rest(self) -> None:
        self.nemesis.relent()
        self._until(lambda: not self._lacking(), "every reminder")
        self.site.weather.bad = False
        self._until(self._rests, "rest")
        self.nemesis.forget()
        self.site.history.tell("rest", number=self.waves)
        if self.site.server is None:
            with self.site.sqlite() as connection:
                [found] = connection.execute("PRAGMA integrity_check").fetchone()
            self.site.history.tell("integrity", found=found)

    def _rests(self) -> bool:
        up = all(replica.up for replica in self.site.replicas)
        return up and not self._lacking() and self.site.at_rest()

    def _until(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            if time.monotonic() > deadline:
                state = self.site.state()
                raise NoRest(f"wave {self.waves} waited in vain for {what}: {state}")
            self.nemesis.tend()
            time.sleep(LOOK_SECONDS)  # between two looks

    def _lacking(self) -> set[str]:
        """What is owed and was not yet posted."""
        return self._owed - self.site.history.told

    def _load(self, day: date) -> None:
        """Import what has its first lead on that day."""
        ends = day + timedelta(days=LEADS[0])
        term = (str(ends - timedelta(days=365)), str(ends))
        self.site.load(
            subscription(
                _key(ends, room, number),
                f"Quota {number}",
                bought(*term, "540.00"),
                **SECMASTER,
                kind="quota",
                edition="standard",
                owner=None,
                channel=room,
                auto_renew=False,
            )
            for room in self.site.rooms
            for number in range(self.per_channel)
        )

    def _step_to(self, instant: datetime) -> None:
        by = instant - self.site.core.clock.now()
        self.site.step(max(by, timedelta(0)))

    def _owe(self, day: date) -> None:
        due = datetime.fromisoformat(f"{day}{DUE_AT}").timestamp()
        for lead in LEADS:
            ends = day + timedelta(days=lead)
            if ends <= self._began + timedelta(days=LEADS[0]):
                continue  # nothing was loaded for it
            for room in self.site.rooms:
                for number in range(self.per_channel):
                    id_ = f"{_key(ends, room, number)}/{ends}/{lead}d"
                    self._owed.add(id_)
                    self.site.history.tell("owed", id=id_, channel=room, due=due)

    def _end(self) -> None:
        history = self.site.history
        asked_for = history.counts["freeze"] + history.counts["hold"]
        stalls = max(self.site.stalls() - history.counts["thaw"], 0)
        freezes = asked_for + stalls
        history.tell("end", sweep=SWEPT_WITHIN, frozen=freezes > 0, freezes=freezes, stalls=stalls)


def _key(ends: date, room: str, number: int) -> str:
    return f"lab/{ends:%m%d}-{room.lower()}-{number}"
