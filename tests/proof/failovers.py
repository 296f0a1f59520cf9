"""Lives in which the database fails over to a copy that the last commits had not reached.

One to five commits are gone, and no process forgets anything: what a replica knows, holds and is
about to post may be ahead of the database. Its connection breaks, which it notices once, when it
uses the database next. What was learned of a cloud is read again at once, as a sync would.

Excused is what nobody could know any more, and nothing else: a reminder whose first copy was asked
for in the lost window, from the oldest lost commit to the failover, or was on its way then by an
intent that is lost, may be told once more; what Slack said and was written down by a lost commit is
forgotten; and what had passed by then may be told in more messages than one, where the row of a
part is lost and has to be entered anew. A copy whose intent was kept is found, as ever. Nothing is
lost.

Nobody freezes here: two copies, one of a freeze and one of a failover, are promised by nothing.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from bot.ports.store import DeliveryState, Transaction
from storage.errors import DatabaseAway
from tests.proof.checker import judged
from tests.proof.memory import MemoryStore, Tables
from tests.proof.nemesis import Nemesis
from tests.proof.pieces import Trial, Verdict
from tests.proof.replica import Replica
from tests.proof.stages import Disk, Open, on_model
from tests.proof.world import World

MOST_LOST = 5
"""Commits that had not reached the copy."""

LAG = timedelta(minutes=10)
"""No copy is further behind: what was committed before has reached it, be it ever so little."""

FAILOVERS = 40
"""Of a thousand steps so many are followed by a failover."""

Line = dict[str, Any]


class Commit(NamedTuple):
    """What was before it, how much Slack had been asked by then, and what it wrote down of that."""

    at: float
    before: Tables
    asked: int
    heard: Sequence[Line]


class Window(NamedTuple):
    """From the oldest lost commit to the failover, by the lines of Slack's evidence.

    `begun` are the messages whose attempt had begun, by an intent that is lost; `at` is its end.
    """

    at: float
    first: int
    last: int
    begun: frozenset[str]

    def covers(self, number: int, line: Line) -> bool:
        """Whether this was asked for in it, or right after it by who had begun in it."""
        on_its_way = number == self.last and line["delivery"] in self.begun
        return self.first <= number < self.last or on_its_way


class CopiedStore:
    """A store that can be put back by its last commits."""

    def __init__(self, store: MemoryStore, elapsed: Callable[[], float]) -> None:
        self._store = store
        self._elapsed = elapsed
        self.accounts = store.accounts
        self.commits: deque[Commit] = deque(maxlen=MOST_LOST)
        self.evidence: Sequence[Line] = ()
        self.heard: Sequence[Line] = ()
        """What the transaction that is open writes down of what Slack said."""

    @property
    def committed(self) -> Tables:
        return self._store.committed

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self.heard = ()
        before = self._store.committed
        store: Any = self._store
        with store.transaction() as tx:
            yield tx
        self.commits.append(Commit(self._elapsed(), before, len(self.evidence), self.heard))

    def reading(self) -> AbstractContextManager[Transaction]:
        store: Any = self._store
        reading: AbstractContextManager[Transaction] = store.reading()
        return reading

    def give_way(self) -> None:
        """Nobody waits."""

    def lose(self, number: int) -> Sequence[Commit]:
        """Be what it was before so many commits, or those of the last minutes; which these were."""
        since = self._elapsed() - LAG.total_seconds()
        lost = [each for each in list(self.commits)[-number:] if each.at >= since]
        self.commits.clear()  # what the copy had, every copy has
        if lost:
            self._store.restore(lost[0].before)
        return lost


class FailoverWorld(World):
    """A life whose database fails over."""

    def __init__(self, store: MemoryStore, disk: Disk, seed: int) -> None:
        self._copied = CopiedStore(store, self.elapsed)
        self._windows: list[Window] = []
        copied: Any = self._copied
        super().__init__(copied, disk, seed, replace(Nemesis.of(seed), freezes=0))
        self._copied.commits.clear()
        self._copied.evidence = self.slack.evidence

    def run(self) -> list[Line]:
        """As ever, without what is excused."""
        lines = [self._in_parts(line) for line in super().run()]
        told_again = excused(self.slack.evidence, self._windows)
        self.slack.happened["F11 told again in the lost window"] += len(told_again)
        return _without(told_again, lines)

    def _in_parts(self, line: Line) -> Line:
        """What had passed when it failed over may be told in two messages: one row may be lost."""
        last = max((each.at for each in self._windows), default=0.0)
        was_over = line["event"] == "owed" and line["over"] and line["over"] <= last
        return {**line, "over": None} if was_over else line

    def step(self, replica: Replica, *, inside: bool = False) -> None:
        if inside:
            self._copied.heard = [*replica.heard]
        super().step(replica, inside=inside)
        if not inside and not self._calm and self._happens(FAILOVERS):
            self._fail_over()

    def away(self, error: DatabaseAway) -> None:
        """It was, for a moment."""

    def _rest(self) -> None:
        for each in self.replicas:
            if each.is_cut_off:
                each.tick("arm")  # which it does every minute, so that the next one works
        super()._rest()

    def _fail_over(self) -> None:
        ahead = self._copied.committed
        lost = self._copied.lose(self.random.randint(1, MOST_LOST))
        if not lost:
            return
        self.slack.happened["F11 failover"] += 1
        self.slack.happened["F11 lost commits"] += len(lost)
        begun = _attempts(ahead) - _attempts(lost[0].before)
        of = frozenset(delivery for delivery, _ in begun)
        self._windows.append(Window(self.elapsed(), lost[0].asked, len(self.slack.evidence), of))
        for line in (line for commit in lost for line in commit.heard):
            line["forgotten"] = True
        for each in self.replicas:
            each.is_cut_off = True
        self._read_again(ahead)

    def _read_again(self, ahead: Tables) -> None:
        """What a lost commit had learned of a cloud is learned once more."""
        kept, now = self._copied.committed.subscriptions, self.clock.now()
        for key, known in ahead.subscriptions.items():
            if (known.subscription, known.gone) == (kept[key].subscription, kept[key].gone):
                continue
            self.slack.happened["F11 read again"] += 1
            with self.store.transaction() as tx:
                if known.gone:
                    tx.catalogue.mark_gone([key], at=now)
                else:
                    tx.catalogue.put([known.subscription], at=now)


def excused(evidence: Sequence[Line], windows: Sequence[Window]) -> Sequence[tuple[Line, str]]:
    """The posts, each with a reminder, that count as not made: one a failover and reminder.

    Of its copies these are the ones that were taken back, or else the first.
    """
    gone = {line["ts"] for line in evidence if line["event"] == "delete"}
    copies: dict[str, list[tuple[int, Line]]] = defaultdict(list)
    for number, line in enumerate(evidence):
        for reminder in line["ids"] if line["event"] == "post" else ():
            copies[reminder].append((number - 1, line))  # it was asked for in the line before
    found = []
    for reminder, shown in copies.items():
        left = list(shown)
        for window in windows:
            if len(left) > 1 and window.covers(*left[0]):
                left.pop(0)
        made = [line for _, line in shown]
        made.sort(key=lambda line: line["ts"] not in gone)
        found += [(line, reminder) for line in made[: len(shown) - len(left)]]
    return found


def _without(told_again: Sequence[tuple[Line, str]], lines: Sequence[Line]) -> list[Line]:
    less: dict[int, set[str]] = defaultdict(set)
    for post, reminder in told_again:
        less[id(post)].add(reminder)
    left = []
    for line in lines:
        if id(line) not in less:
            left.append(line)
        elif ids := [each for each in line["ids"] if each not in less[id(line)]]:
            left.append({**line, "ids": ids})
    return left


def _attempts(tables: Tables) -> set[tuple[str, int]]:
    """Every attempt of which there is a record that it began."""
    posts = (each.delivery for each in tables.deliveries.values())
    return {(each.id, each.attempt) for each in posts if each.state is DeliveryState.SENDING}


def failed_over(stage: Open, seed: int) -> Verdict:
    """Live through one seed."""
    with stage() as (store, disk):
        assert isinstance(store, MemoryStore)
        world = FailoverWorld(store, disk, seed)
        evidence = world.run()
    happened = {name: n for name, n in world.slack.happened.items() if name.startswith("F11")}
    return Verdict(judged(evidence), happened)


@contextmanager
def failovers() -> Iterator[Trial]:
    """Trials on the model of the store."""
    with on_model() as stage:
        yield partial(failed_over, stage)
