"""Three replicas for 72 virtual hours: `python -m tests.proof.soak [--hours 72] [--seed 0]`.

Reminders fall due at the readers' hour and, since more is imported every few minutes, at any time,
beside a catalogue of which nothing does, on a PostgreSQL server of its own. In gusts of some
minutes the faults of the matrix befall the replicas, Slack, the clock and the server. A watch is
six hours, the last of which are calm, and its evidence is judged by itself: in about half of them
nobody freezes, and these promise more.

Evidence goes to files, and Slack's stand-in forgets what is older than any search, so that memory
which grows is Lapse's. It is measured at each virtual hour.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from bot.billing.reminder import owed, reminders
from bot.billing.renewal import anchor
from bot.billing.subscription import SlackChannel, Subscription
from bot.ports.store import ReminderState, Store
from storage.errors import DatabaseAway
from tests.benchmarks.catalogues import KNOWN_FOR, end_of_day
from tests.factories import order, quota
from tests.proof.checker import judged
from tests.proof.databases import scratch
from tests.proof.growth import resident, second_half, slope
from tests.proof.nemesis import Nemesis
from tests.proof.outages import Outages, beside
from tests.proof.pieces import Trial, Verdict
from tests.proof.replica import Replica
from tests.proof.slack import CALM
from tests.proof.stages import ACCOUNT, SafeDisk
from tests.proof.world import BEGINS, CHANNEL, DAY, MOST_CLOCK_OFF, ROUND, ROUNDS, World

HOURS, SUBSCRIPTIONS, ARRIVING = 72, 1_000_080, 8
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
WATCH, CALM_FOR = 6 * HOUR, 1.5 * HOUR
BEFORE_THE_HOUR = timedelta(minutes=2)
"""A watch ends so long before the readers' hour, more than clocks are off; a gust comes next."""

SEARCHED_FOR = 6 * HOUR
MOST_GROWTH = 1.0
"""Megabytes a virtual hour, over the second half of them."""

KINDS_OF_TICKS = ("arm", "bundle", "send", "send", "sweep")
ROOMS, SHARE_OF_ROOMS = 6, 5
"""Rooms of each watch, the last of which may refuse; most items have one for themselves.

At most forty reminders meet at the readers' hour in one room, the common one with what others
refused included: of more the rest is only counted, and the evidence would not show it.
"""

CUTTING = 30
"""Of a thousand transactions of a gust that has to do with the database."""


class Soak(World):
    """One long life; what was imported early falls due in all of it."""

    def __init__(
        self,
        store: Store,
        seed: int,
        *,
        arriving: int,
        directory: Path,
        outages: Outages | None = None,
    ) -> None:
        super().__init__(store, SafeDisk(), seed, Nemesis())
        self.replicas = [Replica(self, name) for name in ("first", "second", "third")]
        self.measured: list[tuple[float, float]] = []
        self.imported = 0
        self.owed = 0
        self._arriving = arriving
        self._directory = directory
        self._outages = outages
        self._ahead: list[dict[str, object]] = []
        self._rooms: list[SlackChannel] = []
        self._file = directory
        self._until = self._measure_at = BEGINS
        self._working: Replica | None = None

    def live(self, hours: int) -> Sequence[Path]:
        """Live so long; the evidence of each watch."""
        files = []
        for number, until in enumerate(_borders(hours)):
            self._file = self._directory / f"watch-{number:02}.jsonl"
            self._rooms = [SlackChannel(f"C{number}ROOM{n}") for n in range(ROOMS)]
            if number == 0:
                self._import(10 * self._arriving, days=(3, 6), known=BEGINS - KNOWN_FOR)
            self._watch(until)
            files.append(self._file)
        return files

    def step(self, replica: Replica, *, inside: bool = False) -> None:
        super().step(replica, inside=inside)
        self._working = replica

    def away(self, error: DatabaseAway) -> None:
        """What it could not write down it may not know."""
        if self._outages is None:
            raise error
        if self._working is not None:
            self._working.forget()

    def _usual_items(self) -> Sequence[Subscription]:
        return ()

    def _watch(self, until: datetime) -> None:
        self.frozen, self._until = 0, until
        may_freeze = self.random.random() < 0.5
        self._owe()
        while self.true.now() < until - CALM_FOR:
            self._gust(self._drawn(may_freeze=may_freeze))
            self._rest_for(self.random.randrange(3, 10) * MINUTE)
            self._import(self._arriving)
        self.slack.closed = {}
        self._rest_for(until - self.true.now())
        self.slack.evidence += [*self._dropped(), self._end()]
        self._write_down()

    def _drawn(self, *, may_freeze: bool) -> Nemesis:
        nemesis = Nemesis.of(self.random.randrange(2**32))
        freezes = nemesis.freezes if may_freeze else 0
        return replace(nemesis, off=None, lasts=None, edits=0, freezes=freezes)

    def _gust(self, nemesis: Nemesis) -> None:
        self.nemesis, self._calm, self.slack.mood = nemesis, False, nemesis.mood
        if nemesis.closed:
            self.slack.closed = {} if self.slack.closed else {self._rooms[-1]: nemesis.closed}
        self.slack.locked = nemesis.locked
        with self._trouble_of_the_database():
            for _ in range(ROUNDS):
                self._pass(ROUND * self.random.choice((1, 1, 1, 2, 8, 14)))
                self.pass_round()
                for replica in self.random.sample(self.replicas, len(self.replicas)):
                    replica.tick(self.random.choice(KINDS_OF_TICKS))
        self._calm, self.slack.mood, self.slack.locked = True, CALM, None

    @contextmanager
    def _trouble_of_the_database(self) -> Iterator[None]:
        """In a third of the gusts it is cut off now and then, in others it goes away altogether."""
        what = self.random.choice(("cut", "strike", "down", "", "", ""))
        if self._outages is None or not what:
            yield
            return
        if what == "strike":
            self._outages.strike(self.random)
        elif what == "down":
            self._be_without()
        self._outages.cutting = CUTTING if what == "cut" else 0
        yield
        self._outages.cutting = 0

    def _be_without(self) -> None:
        assert self._outages is not None
        with self._outages.down():
            for _ in range(3):
                self._pass(MINUTE / 3)
                for replica in self.replicas:
                    replica.tick(self.random.choice(KINDS_OF_TICKS))

    def _rest_for(self, span: timedelta) -> None:
        """No faults: everybody works each minute."""
        until = min(self.true.now() + span, self._until)
        while self.true.now() < until:
            self._pass(min(MINUTE, until - self.true.now()))
            for number, replica in enumerate(self.replicas):
                for name in ("bundle", "send", "sweep") if number else ("arm", "send"):
                    replica.tick(name)

    def _pass(self, by: timedelta) -> None:
        self.true.advance(by)
        if self.true.now() >= self._measure_at:
            self._write_down()
            self._let_slack_forget()
            at = (self.true.now() - BEGINS) / HOUR
            self.measured.append((at, resident()))
            self._measure_at += HOUR

    def _write_down(self) -> None:
        """All evidence but what somebody may yet forget."""
        evidence = self.slack.evidence
        heard = {id(line) for each in self.replicas for line in each.heard}
        last = next((n for n, line in enumerate(evidence) if id(line) in heard), len(evidence))
        with self._file.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in evidence[:last])
        del evidence[:last]

    def _let_slack_forget(self) -> None:
        since = self.true.now() - SEARCHED_FOR
        self.slack.history = [each for each in self.slack.history if each.at > since]

    def _import(
        self, how_many: int, *, days: tuple[int, int] = (1, 2), known: datetime | None = None
    ) -> None:
        """New ones that end within so many days; of the leads that passed the nearest is owed."""
        now = known or self.clock.now()
        items = [self._ending_in(self.random.randint(*days)) for _ in range(how_many)]
        with self.store.transaction() as tx:
            tx.catalogue.put(items, at=now)
        for item in items:
            self._note_leads(item, now)
        self._owe()

    def _ending_in(self, days: int) -> Subscription:
        ends = end_of_day(self.true.now()) + days * DAY
        paid = replace(order("2025-12-07 09:20"), expires_at=ends)
        self.imported += 1
        open_tomorrow = self._rooms if days == 1 else self._rooms[:-1]
        room = self.random.choice([None, *open_tomorrow * SHARE_OF_ROOMS])
        return quota(
            f"soak-{self.imported:05}", owner=None, auto_renew=False, channel=room, orders=(paid,)
        )

    def _note_leads(self, item: Subscription, now: datetime) -> None:
        channel, schedule = self.policy.destination(item)
        ahead = anchor(item, ACCOUNT, at=now)
        assert ahead is not None
        assert ahead.at is not None
        leads = reminders(item.key, ahead, schedule)
        for each in owed(leads, known_since=now, until=ahead.at):
            line = {"event": "owed", "id": each.id, "at": now.timestamp(), "channel": channel}
            line |= {"due": each.due_at.timestamp(), "over": ahead.at.timestamp()}
            self._ahead.append({**line, "fallback": CHANNEL})

    def _owe(self) -> None:
        """What falls due within this watch."""
        until = self._until.timestamp()
        near = [line for line in self._ahead if float(str(line["due"])) < until]
        self._ahead = [line for line in self._ahead if float(str(line["due"])) >= until]
        self.owed += len(near)
        self.slack.evidence += near

    def _dropped(self) -> Sequence[dict[str, object]]:
        with self.store.reading() as tx:
            rows = tx.reminders.listed(until=None, states=(ReminderState.CANCELLED,))
            return [{"event": "dropped", "id": row.id, "reason": row.reason} for row in rows]

    def _end(self) -> dict[str, object]:
        return {**super()._end(), "clock_off": MOST_CLOCK_OFF.total_seconds()}


def _borders(hours: int) -> Iterator[datetime]:
    """When each watch ends."""
    number = 1
    while number * WATCH < hours * HOUR:
        yield BEGINS + number * WATCH - BEFORE_THE_HOUR
        number += 1
    yield BEGINS + hours * HOUR


def lived(soak: Soak, hours: int) -> Verdict:
    """Live through it, and judge each watch and the growth of memory."""
    wrong = []
    for file in soak.live(hours):
        evidence = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        wrong += [f"{file.stem}: {each}" for each in judged(evidence)]
    return Verdict(wrong, {**soak.slack.happened, "soak hours": hours, "soak owed": soak.owed})


def grown(measured: Sequence[tuple[float, float]]) -> Sequence[str]:
    """What is wrong with the memory that was held hour by hour."""
    growth = slope(second_half(measured))
    return [f"memory grew by {growth:.2f} MB an hour."] if growth >= MOST_GROWTH else []


def soaked(seed: int, *, hours: int, subscriptions: int, directory: Path) -> tuple[Verdict, Soak]:
    """On PostgreSQL, beside so many subscriptions that do not fall due."""
    with beside(subscriptions) as outages:
        soak = Soak(outages, seed, arriving=ARRIVING, directory=directory, outages=outages)
        wrong, happened = lived(soak, hours)
    wrong = [*wrong, *grown(soak.measured)]
    return Verdict(wrong, {**happened, **outages.happened}), soak


@contextmanager
def soaks() -> Iterator[Trial]:
    """Each in a new process, whose heap has no room that a leak could fill unseen."""
    fresh = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as pool:
        yield lambda number: pool.submit(_soaked_alone, number).result()


def _soaked_alone(seed: int) -> Verdict:
    logging.disable(logging.CRITICAL)
    with scratch() as directory:
        found, _ = soaked(seed, hours=HOURS, subscriptions=SUBSCRIPTIONS, directory=directory)
    return found


def main(arguments: Sequence[str]) -> int:
    """Exit 1 when the promise was broken or memory grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof.soak")
    parser.add_argument("--hours", type=int, default=HOURS)
    parser.add_argument("--subscriptions", type=int, default=SUBSCRIPTIONS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evidence", type=Path, help="an empty directory to keep it in")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    with nullcontext(asked.evidence) if asked.evidence else scratch() as directory:
        (wrong, happened), soak = soaked(
            asked.seed, hours=asked.hours, subscriptions=asked.subscriptions, directory=directory
        )
    for name, times in sorted(happened.items()):
        sys.stdout.write(f"{name}: {times}\n")
    for hour, megabytes in soak.measured:
        sys.stdout.write(f"hour {hour:.1f}: {megabytes:.1f} MB\n")
    growth = slope(second_half(soak.measured))
    sys.stdout.write("\n".join([*wrong, f"{growth:.3f} MB an hour, {len(wrong)} wrong\n"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
