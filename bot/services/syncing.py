"""Syncing: the catalogue follows what the clouds say, and messages follow the catalogue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from bot.billing.subscription import AccountName, Status, Subscription, SubscriptionKey
from bot.ports.clock import Clock
from bot.ports.provider import Provider
from bot.ports.store import Store, Transaction
from bot.services.arming import Arming
from bot.services.owing import reminder_updates

_OURS = frozenset({"owner", "deputy", "channel", "tags", "note", "notice_days"})
"""What people say about a subscription; no cloud knows it better."""


@runtime_checkable
class Embedded(Protocol):
    """A provider whose book moves by itself when time passes."""

    def settle(self, now: datetime) -> int:
        """Let everything that is due happen; returns the revision of the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What a reading changed in the catalogue."""

    added: tuple[SubscriptionKey, ...]
    changed: tuple[SubscriptionKey, ...]
    gone: tuple[SubscriptionKey, ...]
    unchanged: int

    @property
    def counts(self) -> Mapping[str, int]:
        """The numbers, in the words of an import."""
        return {
            "added": len(self.added),
            "changed": len(self.changed),
            "unchanged": self.unchanged,
            "gone": len(self.gone),
        }


class Syncing:
    """Reads accounts; every reminder message that shows something changed is brought up to date.

    What fell due while Lapse was off is armed by the old reading, before a new one replaces it.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        providers: Mapping[AccountName, Provider],
        arming: Arming | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._providers = providers
        self._arming = arming

    def tick(self) -> int:
        """Let embedded accounts go on, and read those whose book changed; how many were read."""
        now = self._clock.now()
        read = 0
        for name, provider in self._providers.items():
            if isinstance(provider, Embedded):
                revision = provider.settle(now)
                if revision != self._seen(name):
                    self.sync(name)
                    self._see(name, revision)
                    read += 1
        return read

    def sync_all(self) -> Mapping[AccountName, SyncResult]:
        """Read every account."""
        return {name: self.sync(name) for name in self._providers}

    def sync(self, account: AccountName) -> SyncResult:
        """Read one account; raises ProviderError, KeyError for one that has no provider.

        What the cloud does not list any more is kept for history; what people said about a
        subscription (owner, channel, labels) stays.
        """
        if self._arming is not None:
            self._arming.arm()
        now = self._clock.now()
        read = {each.key: each for each in self._providers[account].subscriptions()}
        with self._store.transaction() as tx:
            added = [key for key in read if tx.catalogue.get(key) is None]
            back = [key for key in read if tx.catalogue.is_gone(key)]
            merged = [_merged(tx.catalogue.get(key), each) for key, each in read.items()]
            changed = [each for each in merged if tx.catalogue.get(each.key) != each]
            renewed = {each.key for each in changed} | set(back)
            tx.catalogue.put([each for each in merged if each.key in renewed], at=now)
            gone = _missing(tx, account, read)
            tx.catalogue.mark_gone(gone, at=now)
            tx.catalogue.mark_read(account, at=now)
            touched = [*(each.key for each in changed if each.key not in added), *gone]
            for update in reminder_updates(tx, touched, cause=f"sync/{now.isoformat()}", at=now):
                tx.outbox.owe(update)
        return SyncResult(
            added=(*added, *back),
            changed=tuple(each.key for each in changed if each.key not in {*added, *back}),
            gone=tuple(gone),
            unchanged=len(merged) - len(renewed),
        )

    def _seen(self, account: AccountName) -> int | None:
        with self._store.reading() as tx:
            note = tx.notes.get(_note(account))
        revision = note.get("revision") if note else None
        return revision if isinstance(revision, int) else None

    def _see(self, account: AccountName, revision: int) -> None:
        with self._store.transaction() as tx:
            tx.notes.put(_note(account), {"revision": revision})


def _missing(
    tx: Transaction, account: AccountName, read: Iterable[SubscriptionKey]
) -> list[SubscriptionKey]:
    """Those of an account that were listed and are not any more; unsubscribed ones stay known."""
    listed = set(read)
    return [
        each.key
        for each in tx.catalogue.all()
        if each.key.account == account
        and each.key not in listed
        and each.status is not Status.UNSUBSCRIBED
    ]


def _merged(known: Subscription | None, read: Subscription) -> Subscription:
    """The reading, completed by what only Lapse knows; what a cloud does not say stays."""
    if known is None:
        return read
    kept = {
        each.name: getattr(known, each.name)
        for each in fields(Subscription)
        if each.name != "key"
        and getattr(known, each.name) not in (None, {}, ())
        and (each.name in _OURS or getattr(read, each.name) in (None, {}, ()))
    }
    return replace(read, **kept)


def _note(account: AccountName) -> str:
    return f"synced/{account}"
