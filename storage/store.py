"""The Store port, spoken in SQL."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from time import sleep

from sqlalchemy import Connection, Engine, select

from bot.billing.account import Account
from bot.billing.subscription import AccountName
from bot.ports.clock import Clock
from bot.ports.record import Origin, Remains
from bot.ports.takeover import TakeoverRunning
from storage import wiping
from storage.audit import SqlAudit, first_seal
from storage.book import SqlBook
from storage.catalogue import SqlCatalogue
from storage.delegations import SqlDelegations
from storage.notes import SqlNotes
from storage.outbox import SqlOutbox
from storage.pacing import SqlPacing
from storage.reminders import SqlReminders
from storage.requests import SqlRequests
from storage.staging import DiskStaging
from storage.tables import accounts as account_rows
from storage.tables import audit_heads, generations, workspaces
from storage.takeover import SqlTakeover
from storage.work import FIRST, Work, told

MOMENT = 0.004
"""Seconds to give way for: who waits for SQLite's only writer looks each two milliseconds."""


class SqlTransaction:
    """Everything of one workspace over one connection."""

    def __init__(
        self,
        work: Work,
        *,
        accounts: Mapping[AccountName, Account],
        audit_key: bytes,
        origin: Origin,
    ) -> None:
        self.work = work
        self.catalogue = SqlCatalogue(work, accounts)
        self.outbox = SqlOutbox(work)
        self.requests = SqlRequests(work, self.outbox)
        self.reminders = SqlReminders(work)
        self.audit = SqlAudit(work, audit_key, origin=origin)
        self.book = SqlBook(work)
        self.notes = SqlNotes(work)
        self.pacing = SqlPacing(work)
        self.delegations = SqlDelegations(work)


class SqlStore:
    """The store of one workspace in a database that it may share with others."""

    def __init__(
        self,
        *,
        reader: Engine,
        writer: Engine,
        timer: Engine,
        team_id: str,
        accounts: Mapping[AccountName, Account],
        audit_key: bytes,
        origin: Origin,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._timer = timer
        self._team_id = team_id
        self._accounts = dict(accounts)
        self._audit_key = audit_key
        self._origin = origin

    @property
    def accounts(self) -> Mapping[AccountName, Account]:
        """The accounts as the settings name them."""
        return self._accounts

    @contextmanager
    def transaction(self) -> Iterator[SqlTransaction]:
        """A write transaction, durable when the block has ended.

        Raises ChangedMeanwhile when the database gave the race to another, DatabaseAway when it
        cannot be reached; nothing is kept then, unless it went away during the very commit.
        """
        with told(writing=True), self._writer.begin() as connection:
            transaction = self._open(connection, writing=True)
            yield transaction
            # Last, so that writers wait for each other's place in the record only this long.
            transaction.audit.write()

    @contextmanager
    def reading(self) -> Iterator[SqlTransaction]:
        """A consistent read; the database refuses to write in it."""
        with told(writing=False), self._reader.begin() as connection:
            yield self._open(connection, writing=False)

    def staging(self) -> DiskStaging:
        """A place on disk for subscriptions that are being read."""
        return DiskStaging()

    @contextmanager
    def takeover(self, clock: Clock) -> Iterator[SqlTakeover]:
        """Write a generation that nobody sees until it is flipped.

        Raises TakeoverRunning while somebody else does, for more than a moment.
        """
        taking = self._takeover(clock)
        taking.wait()
        try:
            taking.sweep()
            taking.begin()
            yield taking
            taking.sweep()
        except Exception:
            taking.sweep()
            raise
        finally:
            taking.release()

    def tidy(self, clock: Clock) -> int:
        """Remove what a takeover that died has left; 1 when there was something, else 0."""
        taking = self._takeover(clock)
        if not taking.has_leftovers():
            return 0
        try:
            taking.acquire()
        except TakeoverRunning:
            return 0
        try:
            taking.sweep()
        finally:
            taking.release()
        return 1

    def wipe(self) -> Remains:
        """Write SQLite's file anew, so that nothing remains in it of what was erased."""
        return wiping.wipe(self._writer)

    def dispose(self) -> None:
        """Close every connection that is not in use, of other stores of this database too."""
        for engine in (self._reader, self._writer, self._timer):
            engine.dispose()

    def settle_accounts(self, *, at: datetime) -> None:
        """Enter a new workspace and its accounts; date anew what changed settings date."""
        with self.reading() as tx:
            if not self._unsettled(tx):
                return
        with self.transaction() as tx:
            work = tx.catalogue.work
            self._enter(work)
            changed = self._unsettled(tx)
            for name in changed:
                account = self._accounts[name]
                row = {"team_id": self._team_id, "name": name, "settings": account}
                work.connection.execute(
                    work.insert(account_rows)
                    .values(row)
                    .on_conflict_do_update(
                        index_elements=["team_id", "name"], set_={"settings": account}
                    )
                )
            tx.catalogue.date_again(changed, at=at)

    def _takeover(self, clock: Clock) -> SqlTakeover:
        return SqlTakeover(
            reading=self.reading,
            transaction=self.transaction,
            give_way=self.give_way,
            team_id=self._team_id,
            accounts=self._accounts,
            clock=clock,
        )

    def give_way(self) -> None:
        """Write the log back, so that nobody else's commit has to, and let others have a moment."""
        self._write_back()
        sleep(MOMENT)

    def _write_back(self) -> None:
        """Move what SQLite has logged into its file, as far as no reader needs the log."""
        if self._writer.dialect.name == "sqlite":
            with closing(self._writer.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _open(self, connection: Connection, *, writing: bool) -> SqlTransaction:
        work = Work(connection=connection, team_id=self._team_id, writing=writing)
        return SqlTransaction(
            work, accounts=self._accounts, audit_key=self._audit_key, origin=self._origin
        )

    def _unsettled(self, tx: SqlTransaction) -> list[AccountName]:
        """Accounts whose settings the database does not know yet; all for a new workspace."""
        known = {
            row.name: row.settings
            for row in tx.catalogue.work.connection.execute(
                select(account_rows.c.name, account_rows.c.settings).where(
                    account_rows.c.team_id == self._team_id
                )
            )
        }
        return [name for name, account in self._accounts.items() if known.get(name) != account]

    def _enter(self, work: Work) -> None:
        new = work.connection.scalars(
            work.insert(workspaces)
            .values(team_id=self._team_id, last_request=1000)
            .on_conflict_do_nothing()
            .returning(workspaces.c.team_id)
        ).all()
        if new:
            first = generations.insert().values(team_id=self._team_id, visible=FIRST)
            work.connection.execute(first)
            head = first_seal(self._audit_key, self._team_id)
            work.connection.execute(audit_heads.insert().values(head))
