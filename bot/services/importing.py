"""Importing: a catalogue file becomes the catalogue, all of it or nothing (contract, section 4).

The file is staged on disk, compared in the order of keys with what is known, and only what differs
is written: a few subscriptions in one transaction, many as a generation that is seen at one stroke.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import BinaryIO, TypeVar

from bot.billing.account import Account
from bot.billing.bookkeeping import next_event
from bot.billing.subscription import AccountName, Order, Status, Subscription, SubscriptionKey
from bot.facts.records import record_of, subscription_of
from bot.ports.clock import Clock
from bot.ports.provider import Provider
from bot.ports.store import KnownRow, Transaction
from bot.ports.takeover import (
    BulkStore,
    Keys,
    Outcome,
    Pending,
    StagedRow,
    Staging,
    Takeover,
    TakeoverRunning,
    Version,
)
from bot.services.errors import ImportRunning, UnknownAccount
from bot.services.reading import DEFAULT_ACCOUNT, read_catalogue

T = TypeVar("T")

LEDGER = "ledger"
FEW = 1000
"""Subscriptions that one transaction writes; more are written as a generation."""
SLICE = 1000
AGAIN = 100
"""Subscriptions changed by others that the flip itself looks at again."""


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
    """Reads a file, compares it with what is known, and takes over what differs at once."""

    def __init__(
        self, *, store: BulkStore, clock: Clock, providers: Mapping[AccountName, Provider]
    ) -> None:
        self._store = store
        self._clock = clock
        self._providers = providers

    def run(
        self,
        file: BinaryIO,
        filename: str,
        *,
        account: str | None = None,
        dry_run: bool = False,
        by: str,
    ) -> ImportResult:
        """Import a CSV or JSON file; with `account` it is the whole of that account.

        What an embedded account did since stays done. Raises BadFile, UnknownAccount and
        ImportRunning, and then nothing is changed; `dry_run` changes nothing either.
        """
        whole = self._account(account)
        staged = self._store.staging()
        accounts = self._store.accounts.keys()
        read_catalogue(file, filename, staged, account=whole, accounts=accounts)
        self._settle(staged.accounts())
        self._compare(staged, whole=whole)
        result = _result(staged)
        changes = len(result.added) + len(result.changed) + len(result.gone)
        if dry_run or not changes:
            return result
        job = _Job(staged=staged, whole=whole, filename=filename, by=by, at=self._clock.now())
        if changes <= FEW:
            with self._store.transaction() as tx:
                self._write_few(tx, job)
                self._record(tx, job)
        else:
            self._take_over(job)
        return result

    def _account(self, name: str | None) -> AccountName | None:
        known = {*self._store.accounts, DEFAULT_ACCOUNT}
        if name is not None and name not in known:
            raise UnknownAccount(name, sorted(known))
        return AccountName(name) if name is not None else None

    def _settle(self, accounts: Iterable[AccountName]) -> None:
        """Let embedded accounts catch up: what is due has happened before it is compared."""
        for name in sorted(accounts):
            if self._is_ledger(name) and name in self._providers:
                self._providers[name].read(())

    def _is_ledger(self, name: str) -> bool:
        return self._accounted(AccountName(name)).provider == LEDGER

    def _accounted(self, name: AccountName) -> Account:
        return self._store.accounts.get(name) or Account(name=name)

    def _compare(self, staged: Staging, *, whole: AccountName | None) -> None:
        """Decide what every staged subscription is, and what is gone, from one reading."""
        staged.forget_decisions()
        with self._store.reading() as tx:
            few = len(staged) <= FEW and whole is None
            known = tx.catalogue.known(staged.keys() if few else None)
            for row, held in _side_by_side(staged.in_order(), known):
                if row is None:
                    if held is not None and held.account == whole and not held.gone:
                        staged.lose(_key(held))
                elif held is None or held.gone:
                    staged.decide(row.number, Outcome.ADDED)
                elif held.digest is None or self._is_ledger(row.account):
                    if row.digest != held.digest:
                        self._decide(tx, staged, _key(row))
                elif row.digest != held.digest:
                    staged.decide(row.number, Outcome.CHANGED)

    def _decide(self, tx: Transaction, staged: Staging, key: SubscriptionKey) -> Version | None:
        """What is to be written of a staged subscription as things stand, if anything is."""
        found = staged.record(key)
        if found is None:
            return None
        number, record = found
        held = self._held(tx, key)
        if held is None:
            staged.decide(number, Outcome.ADDED, record)
            return self._version(key, record)
        merged = record_of(self._merged(tx, subscription_of(key, record), held))
        if merged == record_of(held):
            staged.decide(number, Outcome.UNCHANGED)
            return None
        staged.decide(number, Outcome.CHANGED, merged)
        return self._version(key, merged)

    def _held(self, tx: Transaction, key: SubscriptionKey) -> Subscription | None:
        """What is known of it; of an embedded account what its book says."""
        held = None if tx.catalogue.is_gone(key) else tx.catalogue.get(key)
        booked = tx.book.get(key) if held is not None and self._is_ledger(key.account) else None
        return booked or held

    def _merged(self, tx: Transaction, row: Subscription, held: Subscription) -> Subscription:
        """The file's word, except for what an embedded account did since."""
        if not self._is_ledger(row.key.account) or row == held:
            return row
        happened = tx.notes.get(f"ledger/happened/{row.key}")
        return merge(row, held, given_back=bool(happened.get("given_back"))) if happened else row

    def _version(self, key: SubscriptionKey, record: str) -> Version:
        if not self._is_ledger(key.account):
            return Version(key=key, record=record)
        subscription = subscription_of(key, record)
        due = next_event(subscription, self._accounted(key.account), after=self._clock.now())
        return Version(key=key, record=record, booked=True, next_event_at=due)

    def _write_few(self, tx: Transaction, job: "_Job") -> None:
        """Put what differs now, since others may have changed it after it was compared."""
        decided = (self._decide(tx, job.staged, key) for key, _ in list(job.staged.to_write()))
        versions = [each for each in decided if each is not None]
        fresh = {each.key: subscription_of(each.key, each.record) for each in versions}
        booked = [(fresh[each.key], each.next_event_at) for each in versions if each.booked]
        tx.book.put_all(booked)
        tx.catalogue.put(fresh.values(), at=job.at)
        gone = list(job.staged.lost())
        if gone:
            tx.catalogue.mark_gone(gone, at=job.at)
            tx.book.remove([key for key in gone if self._is_ledger(key.account)])

    def _take_over(self, job: "_Job") -> None:
        """Write what differs beside what is seen, in slices, and let it be seen at one stroke."""
        with _told(), self._store.takeover(self._clock) as taking:
            self._compare(job.staged, whole=job.whole)  # from here on others note what they change
            for piece in _slices(job.staged.to_write()):
                taking.write([self._version(key, record) for key, record in piece])
            for gone in _slices(job.staged.lost()):
                with taking.slice() as (_, pending):
                    pending.leave_out(gone)
            self._settle_groups(taking)
            self._catch_up(taking, job)
            self._settle_groups(taking)
            with taking.flip() as (tx, pending):
                self._look_again(tx, pending, job, pending.touched())
                pending.settle()
                for name in job.staged.accounts():
                    tx.catalogue.mark_read(name, at=job.at)
                self._record(tx, job)

    def _settle_groups(self, taking: Takeover) -> None:
        done = False
        while not done:
            with taking.slice() as (_, pending):
                done = pending.settle(limit=SLICE)

    def _catch_up(self, taking: Takeover, job: "_Job") -> None:
        """Look again at what others changed meanwhile, until few are left for the flip."""
        while True:
            with taking.slice() as (tx, pending):
                touched = pending.touched(limit=AGAIN)
                if len(touched) < AGAIN:
                    return
                self._look_again(tx, pending, job, touched)

    def _look_again(
        self, tx: Transaction, pending: Pending, job: "_Job", keys: Sequence[SubscriptionKey]
    ) -> None:
        pending.take_back(keys)
        decided = (self._decide(tx, job.staged, key) for key in keys)
        pending.write([each for each in decided if each is not None])
        gone = [
            key
            for key in keys
            if key.account == job.whole
            and job.staged.record(key) is None
            and self._held(tx, key) is not None
        ]
        for key in gone:
            job.staged.lose(key)
        pending.leave_out(gone)

    def _record(self, tx: Transaction, job: "_Job") -> None:
        result = _result(job.staged)
        tx.audit.append(
            at=job.at,
            actor=job.by,
            action="import",
            subject="catalogue",
            facts={
                "file": job.filename,
                "added": len(result.added),
                "changed": len(result.changed),
                "unchanged": len(result.unchanged),
                "gone": len(result.gone),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One import that has something to write."""

    staged: Staging
    whole: AccountName | None
    filename: str
    by: str
    at: datetime


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except TakeoverRunning:
        raise ImportRunning from None


def _result(staged: Staging) -> ImportResult:
    return ImportResult(
        added=staged.decided(Outcome.ADDED),
        changed=staged.decided(Outcome.CHANGED),
        unchanged=staged.decided(Outcome.UNCHANGED),
        gone=staged.lost(),
    )


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


def _slices(found: Iterable[T]) -> Iterator[list[T]]:
    source = iter(found)
    while piece := list(islice(source, SLICE)):
        yield piece


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
