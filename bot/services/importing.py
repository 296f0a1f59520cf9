"""Importing: a catalogue file becomes the catalogue, all of it or nothing (contract, section 4)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.billing.account import Account
from bot.billing.bookkeeping import next_event
from bot.billing.subscription import AccountName, Order, Status, Subscription, SubscriptionKey
from bot.ports.clock import Clock
from bot.ports.provider import Provider
from bot.ports.store import Store, Transaction
from bot.services.errors import UnknownAccount
from bot.services.reading import DEFAULT_ACCOUNT, read_catalogue

LEDGER = "ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What an import did, or would do: keys in the order of the file, gone ones by key."""

    added: tuple[SubscriptionKey, ...]
    changed: tuple[SubscriptionKey, ...]
    unchanged: tuple[SubscriptionKey, ...]
    gone: tuple[SubscriptionKey, ...]


class Importing:
    """Reads a file, compares it with what is known, and takes over what differs at once."""

    def __init__(
        self, *, store: Store, clock: Clock, providers: Mapping[AccountName, Provider]
    ) -> None:
        self._store = store
        self._clock = clock
        self._providers = providers

    def run(
        self,
        data: bytes,
        filename: str,
        *,
        account: str | None = None,
        dry_run: bool = False,
        by: str,
    ) -> ImportResult:
        """Import a CSV or JSON file; with `account` it is the whole of that account.

        What an embedded account did since stays done. Raises BadFile and UnknownAccount, and then
        nothing is changed; `dry_run` changes nothing either.
        """
        whole = self._account(account)
        rows = read_catalogue(data, filename, account=whole, accounts=self._store.accounts.keys())
        self._settle({row.key.account for row in rows})
        now = self._clock.now()
        if dry_run:
            with self._store.reading() as tx:
                return self._compare(tx, rows, whole=whole)[0]
        with self._store.transaction() as tx:
            result, fresh = self._compare(tx, rows, whole=whole)
            self._write(tx, fresh, gone=result.gone, at=now)
            if fresh or result.gone:
                self._record(tx, result, filename=filename, by=by, at=now)
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

    def _is_ledger(self, name: AccountName) -> bool:
        return self._accounted(name).provider == LEDGER

    def _accounted(self, name: AccountName) -> Account:
        return self._store.accounts.get(name) or Account(name=name)

    def _compare(
        self, tx: Transaction, rows: Collection[Subscription], *, whole: AccountName | None
    ) -> tuple[ImportResult, tuple[Subscription, ...]]:
        known = {held.key: held for held in tx.catalogue.all()}
        for name in {row.key.account for row in rows}:
            if self._is_ledger(name):
                known |= {h.key: h for h in tx.book.of(name) if h.key in known}
        added: list[Subscription] = []
        changed: list[Subscription] = []
        unchanged: list[SubscriptionKey] = []
        for row in rows:
            held = known.get(row.key)
            if held is None:
                added.append(row)
                continue
            merged = self._merged(tx, row, held)
            if merged == held:
                unchanged.append(row.key)
            else:
                changed.append(merged)
        listed = {row.key for row in rows}
        gone = sorted(key for key in known if key.account == whole and key not in listed)
        result = ImportResult(
            added=tuple(row.key for row in added),
            changed=tuple(row.key for row in changed),
            unchanged=tuple(unchanged),
            gone=tuple(gone),
        )
        return result, (*added, *changed)

    def _merged(self, tx: Transaction, row: Subscription, held: Subscription) -> Subscription:
        """The file's word, except for what an embedded account did since."""
        if not self._is_ledger(row.key.account) or row == held:
            return row
        happened = tx.notes.get(f"ledger/happened/{row.key}")
        return merge(row, held, given_back=bool(happened.get("given_back"))) if happened else row

    def _write(
        self,
        tx: Transaction,
        fresh: Collection[Subscription],
        *,
        gone: Collection[SubscriptionKey],
        at: datetime,
    ) -> None:
        tx.book.put_all(
            [
                (each, next_event(each, self._accounted(each.key.account), after=at))
                for each in fresh
                if self._is_ledger(each.key.account)
            ]
        )
        tx.catalogue.put(fresh, at=at)
        if gone:
            tx.catalogue.mark_gone(gone, at=at)
            tx.book.remove([key for key in gone if self._is_ledger(key.account)])

    def _record(
        self, tx: Transaction, result: ImportResult, *, filename: str, by: str, at: datetime
    ) -> None:
        tx.audit.append(
            at=at,
            actor=by,
            action="import",
            subject="catalogue",
            facts={
                "file": filename,
                "added": len(result.added),
                "changed": len(result.changed),
                "unchanged": len(result.unchanged),
                "gone": len(result.gone),
            },
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
