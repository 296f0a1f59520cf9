"""Taking over many subscriptions at once: a lease, slices beside what is seen, one flip.

Whoever dies in between leaves versions that nobody sees; the next who takes over removes them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from time import perf_counter, sleep
from typing import Any, Protocol
from uuid import uuid4

from sqlalchemy import ColumnElement, Row, Table, delete, exists, select, text, tuple_, update

from bot.billing.account import Account
from bot.billing.subscription import AccountName
from bot.ports.clock import Clock
from bot.ports.store import Transaction
from bot.ports.takeover import TakeoverRunning, Version
from storage.pending import SqlPending
from storage.tables import (
    REPLACED,
    book_subscriptions,
    generations,
    orders,
    subscriptions,
    touched,
)
from storage.versions import Spelling
from storage.work import Work, among

LEASE = timedelta(seconds=60)
PATIENCE = 2.0
"""Seconds in which some thousand subscriptions are taken over, so that two of these take turns."""
LONG = 0.04
"""Seconds that a slice may last; those that wait for it poll, and so wait longer than it lasts."""
FEWEST, MOST = 50, 1600
"""Subscriptions of a slice."""
GROWTH = 4
"""So many times the rows, and PostgreSQL should look at its statistics again."""
SWEPT = 500
"""Rows that one transaction removes."""

_VERSIONED = (book_subscriptions, subscriptions)


class Opened(Transaction, Protocol):
    """A transaction of this storage."""

    @property
    def work(self) -> Work:
        """Its connection."""


Open = Callable[[], AbstractContextManager[Opened]]


class SqlTakeover:
    """The Takeover port, for the one who holds the lease of a workspace."""

    def __init__(
        self,
        *,
        reading: Open,
        transaction: Open,
        give_way: Callable[[], None],
        team_id: str,
        accounts: Mapping[AccountName, Account],
        clock: Clock,
    ) -> None:
        self._reading = reading
        self._transaction = transaction
        self._give_way = give_way
        self._team_id = team_id
        self._accounts = accounts
        self._clock = clock
        self._holder = uuid4().hex
        self._renewed = clock.now()
        self._groups: set[tuple[str, str]] = set()
        self._generation = 0
        self._rows = FEWEST
        self._written = 0
        self._planned_for = FEWEST
        self._spelling: Spelling | None = None

    def wait(self) -> None:
        """Take the lease, which others mostly give back soon; raises TakeoverRunning else."""
        until = perf_counter() + PATIENCE
        while True:
            try:
                self.acquire()
            except TakeoverRunning:
                if perf_counter() >= until:
                    raise
                sleep(LONG)
            else:
                return

    def acquire(self) -> None:
        """Take the lease; raises TakeoverRunning while somebody else has it."""
        self._renewed = now = self._clock.now()
        with self._transaction() as tx:
            held = self._row(tx.work)
            if held.holder is not None and held.lease_until > now:
                raise TakeoverRunning
            self._set(tx.work, holder=self._holder, lease_until=now + LEASE)

    def begin(self) -> None:
        """Open the next generation: from now on others note what they change."""
        with self._transaction() as tx:
            self._generation = self._row(tx.work).visible + 1
            self._check(tx.work)
            self._set(tx.work, pending=self._generation)
        self._spelling = Spelling(
            team_id=self._team_id,
            generation=self._generation,
            accounts=self._accounts,
            at=self._renewed,
        )

    def write(self, versions: Sequence[Version]) -> None:
        """Write in transactions so short that others hardly wait, prepared before they begin."""
        start = 0
        while start < len(versions):
            made = self._spelled().rows(versions[start : start + self._rows])
            start += self._rows
            began = perf_counter()
            with self.slice() as (_, pending):
                pending.insert(made)
            took = perf_counter() - began
            if took > LONG:
                self._rows = max(self._rows // 2, FEWEST)
            elif took < LONG / 2:
                self._rows = min(self._rows * 2, MOST)
            self._written += len(made.keys)
            if self._written >= self._planned_for:
                self._plan_anew()

    @contextmanager
    def slice(self) -> Iterator[tuple[Transaction, SqlPending]]:
        """A short transaction of the generation, and then a moment for others who wait."""
        self._renew()
        with self._mine() as tx:
            yield tx, self._pending(tx.work)
        self._give_way()

    @contextmanager
    def flip(self) -> Iterator[tuple[Transaction, SqlPending]]:
        """A transaction at whose end everybody sees the generation; others who write wait for it.

        What has to become true in the same moment is written in it.
        """
        with self._transaction() as tx:
            self._row(tx.work)  # locks it before it is read, so that no two wait for each other
            self._check(tx.work)
            yield tx, self._pending(tx.work)
            self._set(tx.work, visible=self._generation, pending=None)

    def has_leftovers(self) -> bool:
        """Whether there is something that nobody sees any more, or never saw."""
        with self._reading() as tx:
            old = (
                select(exists().where(table.c.team_id == self._team_id, text(REPLACED)))
                for table in _VERSIONED
            )
            begun = tx.work.generation.pending is not None
            return begun or any(tx.work.connection.scalar(query) for query in old)

    def sweep(self) -> None:
        """Remove it, some rows at a time."""
        with self._reading() as tx:
            begun = tx.work.generation.pending is not None
        for table in _VERSIONED:
            if begun:
                self._remove_unseen(table)
            self._remove_replaced(table)
        if begun:
            with self._mine() as tx:
                self._set(tx.work, pending=None)
                forgotten = delete(touched).where(touched.c.team_id == self._team_id)
                tx.work.connection.execute(forgotten)

    def release(self) -> None:
        """Let the next one take over."""
        with self._transaction() as tx:
            self._row(tx.work)
            tx.work.connection.execute(
                update(generations)
                .where(generations.c.team_id == self._team_id, generations.c.holder == self._holder)
                .values(holder=None, lease_until=None)
            )

    def _plan_anew(self) -> None:
        """PostgreSQL remembers how it looked for rows when there were hardly any."""
        with self._transaction() as tx:
            if tx.work.on_postgres:
                for table in (*_VERSIONED, orders):
                    tx.work.connection.execute(text(f"ANALYZE {table.name}"))
        self._planned_for = GROWTH * self._written

    def _remove_unseen(self, table: Table) -> None:
        """Found by reading, since there is no index that writers would have to keep for this."""
        row, after = table.c, ("", "")
        key = tuple_(row.account, row.id)
        while True:
            with self._reading() as tx:
                visible = tx.work.generation.visible
                query = select(row.account, row.id).where(
                    row.team_id == self._team_id, row.generation > visible, key > after
                )
                in_order = query.order_by(row.account, row.id).limit(SWEPT)
                found = tx.work.connection.execute(in_order).all()
            if not found:
                return
            after = (found[-1].account, found[-1].id)
            self._remove(table, found, row.generation > visible)

    def _remove_replaced(self, table: Table) -> None:
        row = table.c
        while True:
            with self._reading() as tx:
                visible = tx.work.generation.visible
                query = select(row.account, row.id).where(
                    row.team_id == self._team_id, text(REPLACED)
                )
                found = tx.work.connection.execute(query.limit(SWEPT)).all()
            if not found:
                return
            self._remove(table, found, row.replaced_in <= visible)
            with self._mine() as tx:
                tx.work.connection.execute(
                    update(table)
                    .where(_among(tx.work, table, found), row.replaced_in > visible)
                    .values(replaced_in=None)
                )
            self._give_way()

    def _remove(
        self, table: Table, found: Sequence[Row[Any, Any]], which: ColumnElement[bool]
    ) -> None:
        self._renew()
        with self._mine() as tx:
            tx.work.connection.execute(delete(table).where(_among(tx.work, table, found), which))
        self._give_way()

    def _pending(self, work: Work) -> SqlPending:
        return SqlPending(
            work, generation=self._generation, spelling=self._spelled(), groups=self._groups
        )

    def _spelled(self) -> Spelling:
        if self._spelling is None:
            raise TakeoverRunning
        return self._spelling

    @contextmanager
    def _mine(self) -> Iterator[Opened]:
        """A transaction in which nobody else can take the lease."""
        with self._transaction() as tx:
            self._check(tx.work)
            yield tx

    def _check(self, work: Work) -> None:
        mine = select(generations.c.holder).where(generations.c.team_id == self._team_id)
        if work.connection.scalar(mine.with_for_update(read=True)) != self._holder:
            raise TakeoverRunning

    def _renew(self) -> None:
        now = self._clock.now()
        if now - self._renewed < LEASE / 4:
            return
        with self._transaction() as tx:
            self._row(tx.work)
            self._check(tx.work)
            self._set(tx.work, lease_until=now + LEASE)
        self._renewed = now

    def _row(self, work: Work) -> Row[Any]:
        found = select(generations).where(generations.c.team_id == self._team_id)
        return work.connection.execute(found.with_for_update()).one()

    def _set(self, work: Work, **values: object) -> None:
        work.connection.execute(
            update(generations).where(generations.c.team_id == self._team_id).values(**values)
        )


def _among(work: Work, table: Table, found: Sequence[Row[Any, Any]]) -> ColumnElement[bool]:
    pairs = [(row.account, row.id) for row in found]
    return (table.c.team_id == work.team_id) & among(table.c.account, table.c.id, pairs)
