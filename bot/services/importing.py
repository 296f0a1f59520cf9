"""Importing: a catalogue file becomes the catalogue, all of it or nothing (contract, section 4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from bot.billing.account import Account, account_named
from bot.billing.bookkeeping import next_event
from bot.billing.subscription import AccountName, Order, Status, Subscription, SubscriptionKey
from bot.facts.records import record_of, subscription_of
from bot.ports.clock import Clock
from bot.ports.provider import Provider
from bot.ports.record import Personal
from bot.ports.store import KnownRow, Transaction
from bot.ports.takeover import (
    BulkStore,
    Keys,
    Outcome,
    StagedRow,
    Staging,
    TakeoverRunning,
    Version,
)
from bot.services.arming import Arming
from bot.services.errors import ImportRunning, UnknownAccount
from bot.services.reading import DEFAULT_ACCOUNT, read_catalogue
from bot.services.taking_over import TakingOver

LEDGER = "ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import did, or would do: keys in the order of the file, gone ones by key.

    They are counted at once and read from disk.
    """

    added: Keys
    changed: Keys
    unchanged: Keys
    gone: Keys


class Importing:
    """Reads a file, compares it with what is known, and takes over what differs at once.

    What fell due while Lapse was off is armed by the old facts, before new ones replace them.
    """

    def __init__(
        self,
        *,
        store: BulkStore,
        clock: Clock,
        providers: Mapping[AccountName, Provider],
        arming: Arming | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._providers = providers
        self._arming = arming

    def run(
        self,
        file: BinaryIO,
        filename: str,
        *,
        account: str | None = None,
        dry_run: bool = False,
        by: str | Personal,
    ) -> ImportResult:
        """Import a CSV or JSON file; with `account` it is the whole of that account.

        What an embedded account did since stays done. Raises BadFile, UnknownAccount and
        ImportRunning, and then nothing is changed; `dry_run` changes nothing either.
        """
        whole = self._account(account)
        staged = self._store.staging()
        known = self._store.accounts
        read_catalogue(file, filename, staged, account=whole, accounts=known.keys())
        self._settle(staged.accounts())
        at = self._clock.now()
        job = _Import(staged=staged, accounts=known, whole=whole, filename=filename, by=by, at=at)
        taking = TakingOver(store=self._store, clock=self._clock, staged=staged, intake=job, at=at)
        taking.compare()
        if taking.changes and not dry_run:
            if self._arming is not None:
                self._arming.catch_up()
            try:
                taking.write()
            except TakeoverRunning:
                raise ImportRunning from None
        return _result(staged)

    def tidy(self) -> int:
        """Remove what an import that was killed has left behind; how many there were."""
        return self._store.tidy(self._clock)

    def _account(self, name: str | None) -> AccountName | None:
        known = {*self._store.accounts, DEFAULT_ACCOUNT}
        if name is not None and name not in known:
            raise UnknownAccount(name, sorted(known))
        return AccountName(name) if name is not None else None

    def _settle(self, accounts: Iterable[AccountName]) -> None:
        """Let embedded accounts catch up: what is due has happened before it is compared."""
        for name in sorted(accounts):
            if _is_ledger(self._store.accounts, name) and name in self._providers:
                self._providers[name].read(())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """The file's word counts, except for what an embedded account did since."""

    staged: Staging
    accounts: Mapping[AccountName, Account]
    whole: AccountName | None
    filename: str
    by: str | Personal
    at: datetime

    def compare(self, row: StagedRow, held: KnownRow) -> Outcome | None:
        """What one is to the version that is known; None when the digests do not tell."""
        if held.gone:
            return Outcome.ADDED
        if row.digest == (held.book_digest or held.digest):
            return Outcome.UNCHANGED
        told = held.digest is not None and not _is_ledger(self.accounts, row.account)
        return Outcome.CHANGED if told else None

    def decide(self, tx: Transaction, row: Subscription) -> tuple[Outcome, Subscription]:
        """What one is as things stand, and what becomes of it."""
        held = self._held(tx, row.key)
        if held is None:
            return Outcome.ADDED, row
        merged = self._merged(tx, row, held)
        same = record_of(merged) == record_of(held)
        return Outcome.UNCHANGED if same else Outcome.CHANGED, merged

    def loses(self, held: KnownRow) -> bool:
        """Whether one of the whole account that was not read is gone: always."""
        return held.account == self.whole

    def version(self, key: SubscriptionKey, record: str) -> Version:
        """What is written of one; of an embedded account into its book too."""
        if not _is_ledger(self.accounts, key.account):
            return Version(key=key, record=record)
        account = _accounted(self.accounts, key.account)
        due = next_event(subscription_of(key, record), account, after=self.at)
        return Version(key=key, record=record, booked=True, next_event_at=due)

    def finish(self, tx: Transaction, _changed: Sequence[SubscriptionKey]) -> None:
        """The accounts were read, and the record says what was imported."""
        for name in sorted(self.staged.accounts()):
            tx.catalogue.mark_read(name, at=self.at)
        result = _result(self.staged)
        tx.audit.append(
            at=self.at,
            actor=self.by,
            action="import",
            subject="catalogue",
            facts={
                "file": self.filename,
                "added": len(result.added),
                "changed": len(result.changed),
                "unchanged": len(result.unchanged),
                "gone": len(result.gone),
            },
        )

    def _held(self, tx: Transaction, key: SubscriptionKey) -> Subscription | None:
        """What is known of it; of an embedded account what its book says."""
        held = None if tx.catalogue.is_gone(key) else tx.catalogue.get(key)
        if held is None or not _is_ledger(self.accounts, key.account):
            return held
        return tx.book.get(key) or held

    def _merged(self, tx: Transaction, row: Subscription, held: Subscription) -> Subscription:
        if not _is_ledger(self.accounts, row.key.account) or row == held:
            return row
        happened = tx.notes.get(f"ledger/happened/{row.key}")
        return merge(row, held, given_back=bool(happened.get("given_back"))) if happened else row


def _accounted(accounts: Mapping[AccountName, Account], name: str) -> Account:
    return account_named(AccountName(name), accounts)


def _is_ledger(accounts: Mapping[AccountName, Account], name: str) -> bool:
    return _accounted(accounts, name).provider == LEDGER


def _result(staged: Staging) -> ImportResult:
    return ImportResult(
        added=staged.decided(Outcome.ADDED),
        changed=staged.decided(Outcome.CHANGED),
        unchanged=staged.decided(Outcome.UNCHANGED),
        gone=staged.lost(),
    )


def merge(row: Subscription, held: Subscription, *, given_back: bool) -> Subscription:
    """A file's row for a subscription that something has happened to since it was imported.

    Status, auto-renewal, running transactions and added orders stay; descriptions and the amounts
    of orders that both have are the file's. Orders that were `given_back` do not return.
    """
    common = _corrected(row.orders, held.orders)
    later = row.orders[len(held.orders) :]
    closed = given_back or held.status is Status.UNSUBSCRIBED
    revived = held.status is Status.EXPIRED and later and not closed
    return replace(
        row,
        status=row.status if revived else held.status,
        auto_renew=held.auto_renew,
        transaction_in_progress=held.transaction_in_progress,
        orders=common if closed else common + later,
    )


def _corrected(file: tuple[Order, ...], held: tuple[Order, ...]) -> tuple[Order, ...]:
    """The held orders, each as the file has it when the file has one of its type in its place."""
    pairs = zip(file, held, strict=False)
    shared = tuple(row if row.order_type is own.order_type else own for row, own in pairs)
    return shared + held[len(shared) :]
