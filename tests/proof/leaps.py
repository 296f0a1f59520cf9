"""Lives in which the database's clock leaps, by a second or by ten years, and is set right again.

Lapse goes by that clock, so what is told may be early or late by as much as the clock was wrong,
and what only a wrong date makes due may be told as well; nothing is ever told twice, and what was
owed is told once the clock is right.

The clock does not leap here while an attempt is under way or its outcome unknown, and where it is
wrong by more than a search of the history allows for, no process dies and no answer is lost: what
an attempt left is looked for by its time, which such a clock does not know. Nobody freezes where
it leaps or the host is suspended, since the sweep after a freeze is late by that as well.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from random import Random

from bot.billing.subscription import Subscription
from bot.ports.store import DeliveryState, Store
from bot.services.keeping_time import TOLERATED, KeepingTime
from tests.clocks import SettableClock
from tests.proof.checker import judged
from tests.proof.nemesis import STORM, TEMPEST, Nemesis
from tests.proof.pieces import Trial, Verdict
from tests.proof.slack import CALM, POST_FAULTS, Mood
from tests.proof.stages import Disk, Open, on_model
from tests.proof.world import BEGINS, DAY, MOST_CLOCK_OFF, OPERATOR, World

YEAR = 365 * DAY
LEAPS = {
    "a second": timedelta(seconds=1),
    "half a minute": timedelta(seconds=30),
    "5 minutes": timedelta(minutes=5),
    "an hour": timedelta(hours=1),
    "a day": DAY,
    "a month": 30 * DAY,
    "a year": YEAR,
    "10 years": 10 * YEAR,
}
LIMITED = Mood(posts=40, faults=tuple(each for each in POST_FAULTS if each.name.startswith("F6")))
SLEWED = timedelta(milliseconds=500)
SUSPENDED = (timedelta(seconds=30), timedelta(minutes=10), timedelta(hours=3), 2 * DAY)
SKEWS = tuple(timedelta(seconds=seconds) for seconds in (0, 1, 14, 16, 29, 31, 300))
SHARE_OF_SKEWS = 10
"""One trial of so many is about clocks of machines that are apart."""


class LeapingWorld(World):
    """A life whose clock goes wrong while a lead falls due, in one of three ways."""

    def __init__(self, store: Store, disk: Disk, seed: int) -> None:
        random = Random(f"leaps {seed}")
        self._way = random.choice(("leap", "leap", "leap", "slew", "suspend"))
        self._usual = Nemesis(
            kills=random.choice((0, 20)),
            freezes=random.choice((0, 0, 30)) if self._way == "slew" else 0,
            mood=random.choice((CALM, STORM, TEMPEST)),
        )
        self.furthest = MOST_CLOCK_OFF
        super().__init__(store, disk, seed, self._usual)

    def run(self) -> list[dict[str, object]]:
        """As ever, but that one message tells all that was missed is promised of downtime alone."""
        lines = super().run()
        return [{**line, "over": None} if line["event"] == "owed" else line for line in lines]

    def pass_round(self) -> None:
        """What the clocks do between two ticks, while no attempt is open."""
        if self._is_anything_open():
            return
        if self._way == "suspend" and not self._is_anything_owed() and self._happens(200):
            self.slack.happened["F13 host suspended"] += 1
            self.true.advance(self.random.choice(SUSPENDED))
        elif self._way == "slew":
            self.slack.happened["F13 slewed"] += 1
            self._set_off(max(self.clock.off - SLEWED, -MOST_CLOCK_OFF))
        elif self._way == "leap" and self.random.random() < 0.3:
            name = self.random.choice(sorted(LEAPS))
            self.slack.happened[f"F13 by {name}"] += 1
            self._set_off(self.random.choice((-1, 1)) * LEAPS[name])

    def _live(self) -> None:
        super()._live()
        self._let_go()
        if self.random.random() < 0.5 and not self._is_anything_open():
            super()._rest()  # it stays wrong for hours
        self._set_off(timedelta(0))

    def _let_go(self) -> None:
        """What was attempted comes to its end before the clock is set right."""
        self._calm, self.slack.mood = True, CALM
        for seconds in (75, 75, 75):
            if self._is_anything_open():
                self.true.advance(timedelta(seconds=seconds))
                self.replicas[0].tick("send")

    def _note_what_was_taken_meanwhile(self) -> None:
        """Before the end: what waits for an instant of the wrong clock waits as long as it was."""
        self.true.advance(self.furthest)
        super()._rest()
        super()._note_what_was_taken_meanwhile()

    def _usual_items(self) -> Sequence[Subscription]:
        return [self._ending(number, 3 + number) for number in range(2)]

    def _set_off(self, off: timedelta) -> None:
        self.clock.off = off
        self.furthest = max(self.furthest, abs(off))
        far = abs(off) > MOST_CLOCK_OFF
        self.nemesis = Nemesis(mood=LIMITED) if far else self._usual
        self.slack.mood = self.nemesis.mood
        if far:
            self._owing.may_be_told(self._items.values(), at=self.clock.now())

    def _is_anything_open(self) -> bool:
        return self._is_any(DeliveryState.SENDING, DeliveryState.UNKNOWN)

    def _is_anything_owed(self) -> bool:
        return self._is_any(DeliveryState.PENDING)

    def _is_any(self, *states: DeliveryState) -> bool:
        with self.store.reading() as tx:
            counts = tx.outbox.counts()
        return any(counts.get(state) for state in states)

    def _end(self) -> dict[str, object]:
        return {**super()._end(), "clock_off": self.furthest.total_seconds()}


def _ahead(true: SettableClock, by: timedelta) -> datetime:
    return true.now() + by


def apart(store: Store, seed: int) -> Verdict:
    """Machines whose clocks are apart, each a replica: told when above 30 s, and only then."""
    random = Random(f"skew {seed}")
    true = SettableClock(BEGINS)
    for number in range(3):
        keeping = KeepingTime(
            store=store,
            clock=true,
            replica=f"replica-{number}",
            machine=partial(_ahead, true, random.choice((-1, 1)) * random.choice(SKEWS)),
            database=true.now,
            operators=lambda: (OPERATOR,),
        )
        measured = keeping.measure()
    with store.reading() as tx:
        told = tx.outbox.next_due() is not None
    wanted = measured.apart > TOLERATED
    return Verdict(
        [] if told == wanted else [f"clocks apart by {measured.apart}: told is {told}."],
        {"F13 clocks of machines apart": 1},
    )


def leapt(stage: Open, seed: int) -> Verdict:
    """Live through one seed."""
    with stage() as (store, disk):
        if seed % SHARE_OF_SKEWS == 0:
            return apart(store, seed)
        world = LeapingWorld(store, disk, seed)
        evidence = world.run()
    happened = {name: n for name, n in world.slack.happened.items() if name.startswith("F13")}
    return Verdict(judged(evidence), happened)


@contextmanager
def leaps() -> Iterator[Trial]:
    """Trials on the model of the store."""
    with on_model() as stage:
        yield partial(leapt, stage)
