"""Taking over what was read: compared in the order of keys, then only what differs is written.

A few subscriptions are put in one transaction; many are written beside what is seen, in slices, and
shown at one stroke. Where others change something meanwhile it is looked at again.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Protocol, TypeVar

from bot.billing.subscription import AccountName, Subscription, SubscriptionKey
from bot.facts.records import record_of, subscription_of
from bot.ports.clock import Clock
from bot.ports.store import KnownRow, Transaction
from bot.ports.takeover import (
    BulkStore,
    Outcome,
    Pending,
    StagedRow,
    Staging,
    Takeover,
    Version,
)
from bot.services.armed import look_anew

T = TypeVar("T")

FEW = 20
"""Subscriptions that one transaction writes, in less than half of the 100 ms that others wait."""
LOOKED_UP = 1000
"""Staged subscriptions that are compared by their keys; more are compared with all that is kept."""
NOTED = 1000
"""Changes that are told apart when they are shown; of more everything ahead is looked at anew."""
TOGETHER = 500
"""Subscriptions whose present versions are read together."""
SLICE = 1000
MOVED = 250
"""Subscriptions that one transaction leaves out or moves, which takes longer than writing them."""
AGAIN = 50
"""Subscriptions changed by others that the flip itself looks at again."""


class Intake(Protocol):
    """What those who read subscriptions want of them."""

    @property
    def whole(self) -> AccountName | None:
        """The account of which everything was read."""

    def compare(self, row: StagedRow, held: KnownRow) -> Outcome | None:
        """What one is to the version that is known; None when the digests do not tell."""

    def decide(self, tx: Transaction, row: Subscription) -> tuple[Outcome, Subscription]:
        """What one is as things stand, and what becomes of it."""

    def loses(self, held: KnownRow) -> bool:
        """Whether one of the whole account that was not read is gone."""

    def version(self, key: SubscriptionKey, record: str) -> Version:
        """What is written of one."""

    def finish(self, tx: Transaction, changed: Sequence[SubscriptionKey], /) -> None:
        """Write what has to become true in the same moment; `changed` are the first of them."""


class TakingOver:
    """One taking over of staged subscriptions."""

    def __init__(
        self, *, store: BulkStore, clock: Clock, staged: Staging, intake: Intake, at: datetime
    ) -> None:
        self._store = store
        self._clock = clock
        self._staged = staged
        self._intake = intake
        self._at = at

    @property
    def changes(self) -> int:
        """How many have to be written."""
        kinds = (Outcome.ADDED, Outcome.CHANGED)
        return sum(len(self._staged.decided(kind)) for kind in kinds) + len(self._staged.lost())

    def compare(self) -> None:
        """Decide what every staged subscription is, and what is gone, from one reading."""
        staged, whole = self._staged, self._intake.whole
        staged.forget_decisions()
        with self._store.reading() as tx:
            few = len(staged) <= LOOKED_UP and whole is None
            known = tx.catalogue.known(staged.keys() if few else None, account=whole)
            undecided: list[SubscriptionKey] = []
            for row, held in _side_by_side(staged.in_order(), known):
                if row is None:
                    if held is not None and not held.gone and self._intake.loses(held):
                        staged.lose(_key(held))
                elif held is None:
                    staged.decide(row.number, Outcome.ADDED)
                elif (outcome := self._intake.compare(row, held)) is None:
                    undecided.append(_key(row))
                elif outcome != Outcome.UNCHANGED:
                    staged.decide(row.number, outcome)
                if len(undecided) == TOGETHER:
                    self._decide_all(tx, undecided)
                    undecided.clear()
            self._decide_all(tx, undecided)

    def write(self) -> None:
        """Write what differs, all of it or nothing; raises TakeoverRunning."""
        self._staged.index()
        if self.changes <= FEW:
            self._write_few()
            return
        with self._store.takeover(self._clock) as taking:
            self.compare()  # from here on others note what they change
            for piece in _slices(self._staged.to_write(), SLICE):
                taking.write([self._intake.version(key, record) for key, record in piece])
            for gone in _slices(self._staged.lost(), MOVED):
                with taking.slice() as (_, pending):
                    pending.leave_out(gone)
            _settle_groups(taking)
            self._catch_up(taking)
            _settle_groups(taking)
            changed = self._changed()  # read from disk before others wait
            with taking.flip() as (tx, pending):
                touched = pending.touched()
                self._look_again(tx, pending, touched)
                pending.settle()
                self._show(tx, list(dict.fromkeys((*touched, *changed))))

    def _write_few(self) -> None:
        """Put what differs now, since others may have changed it after it was compared."""
        keys = [key for key, _ in self._staged.to_write()]  # read from disk before others wait
        gone = list(self._staged.lost())
        with self._store.transaction() as tx:
            tx.catalogue.hold([*keys, *gone])
            self._put(tx, keys)
            gone = self._lost(tx, gone)
            tx.catalogue.mark_gone(gone, at=self._at)
            tx.book.remove(gone)
            self._intake.finish(tx, [*keys, *gone])

    def _changed(self) -> list[SubscriptionKey]:
        """What is written and what is gone, and no more of it than is noted."""
        written = (key for key, _ in self._staged.to_write())
        return list(islice(chain(written, self._staged.lost()), NOTED + 1))

    def _show(self, tx: Transaction, changed: Sequence[SubscriptionKey]) -> None:
        """In the moment in which all is seen its reminders are to be derived again."""
        self._intake.finish(tx, changed[:NOTED])
        if len(changed) > NOTED:
            look_anew(tx)
        else:
            tx.catalogue.unplan(changed)

    def _put(self, tx: Transaction, keys: Sequence[SubscriptionKey]) -> None:
        versions = self._decide_all(tx, keys)
        fresh = {each.key: subscription_of(each.key, each.record) for each in versions}
        tx.book.put_all([(fresh[e.key], e.next_event_at) for e in versions if e.booked])
        tx.catalogue.put(fresh.values(), at=self._at)

    def _catch_up(self, taking: Takeover) -> None:
        """Look again at what others changed meanwhile, until few are left for the flip."""
        while True:
            with taking.slice() as (tx, pending):
                touched = pending.touched(limit=AGAIN)
                if len(touched) < AGAIN:
                    return
                self._look_again(tx, pending, touched)

    def _look_again(
        self, tx: Transaction, pending: Pending, keys: Sequence[SubscriptionKey]
    ) -> None:
        pending.take_back(keys)
        pending.write(self._decide_all(tx, keys))
        gone = self._lost(tx, keys)
        for key in gone:
            self._staged.lose(key)
        pending.leave_out(gone)

    def _lost(self, tx: Transaction, keys: Collection[SubscriptionKey]) -> list[SubscriptionKey]:
        """Those of them that are gone as things stand."""
        return [
            _key(held)
            for held in tx.catalogue.known(keys)
            if held.account == self._intake.whole
            and not held.gone
            and self._staged.record(_key(held)) is None
            and self._intake.loses(held)
        ]

    def _decide_all(self, tx: Transaction, keys: Sequence[SubscriptionKey]) -> Sequence[Version]:
        tx.catalogue.look_up(keys)
        decided = [self._decide(tx, key) for key in keys]
        return [each for each in decided if each is not None]

    def _decide(self, tx: Transaction, key: SubscriptionKey) -> Version | None:
        """What is to be written of a staged subscription as things stand, if anything is."""
        found = self._staged.record(key)
        if found is None:
            return None
        number, record = found
        outcome, merged = self._intake.decide(tx, subscription_of(key, record))
        if outcome is Outcome.UNCHANGED:
            self._staged.decide(number, outcome)
            return None
        written = record_of(merged)
        self._staged.decide(number, outcome, written)
        return self._intake.version(key, written)


def _settle_groups(taking: Takeover) -> None:
    done = False
    while not done:
        with taking.slice() as (_, pending):
            done = pending.settle(limit=MOVED)


def _side_by_side(
    rows: Iterator[StagedRow], known: Iterator[KnownRow]
) -> Iterator[tuple[StagedRow | None, KnownRow | None]]:
    """Both, in the order of their keys: those of one key together."""
    row, held = next(rows, None), next(known, None)
    while row is not None or held is not None:
        if held is None or (row is not None and row[1:3] < held[:2]):
            yield row, None
            row = next(rows, None)
        elif row is None or held[:2] < row[1:3]:
            yield None, held
            held = next(known, None)
        else:
            yield row, held
            row, held = next(rows, None), next(known, None)


def _key(row: StagedRow | KnownRow) -> SubscriptionKey:
    return SubscriptionKey(AccountName(row.account), row.id)


def _slices(found: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(found)
    while piece := list(islice(source, size)):
        yield piece
