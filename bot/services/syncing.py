"""Syncing: the catalogue follows what the clouds say, and messages follow the catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from typing import Protocol, runtime_checkable

from bot.billing.subscription import AccountName, Status, Subscription, SubscriptionKey
from bot.facts.records import record_of
from bot.ports.clock import Clock
from bot.ports.provider import Provider, ProviderUnavailable
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
from bot.services import switched
from bot.services.arming import Arming
from bot.services.errors import SyncHeldUp
from bot.services.following import AT_ONCE, catch_up, follow, follow_later
from bot.services.merging import merged
from bot.services.taking_over import NOTED, TakingOver


@runtime_checkable
class Embedded(Protocol):
    """A provider whose book moves by itself when time passes."""

    def settle(self, now: datetime) -> int:
        """Let everything that is due happen; returns the revision of the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What a reading changed in the catalogue."""

    added: Keys
    changed: Keys
    gone: Keys
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
        store: BulkStore,
        clock: Clock,
        providers: Mapping[AccountName, Provider],
        arming: Arming | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._providers = providers
        self._arming = arming

    def tick(self) -> int:
        """Let embedded accounts go on, and read those whose book changed; how many were read.

        What a reading that died has left of the messages is owed first.
        One that an import holds up, or whose cloud cannot be read, is read by a later tick.
        """
        catch_up(self._store)
        now = self._clock.now()
        read = 0
        for name, provider in self._providers.items():
            if isinstance(provider, Embedded):
                revision = provider.settle(now)
                if revision == self._seen(name):
                    continue
                if self._read(name):
                    self._see(name, revision)
                    read += 1
                else:
                    self._stay_behind(name, at=now)
        return read

    def _read(self, account: AccountName) -> bool:
        try:
            self.sync(account)
        except (SyncHeldUp, ProviderUnavailable):
            return False
        return True

    def sync(self, account: AccountName) -> SyncResult:
        """Read one account; raises ProviderError, KeyError for one that has no provider.

        Raises SyncHeldUp while an import takes over a large part, and then nothing is changed.
        What the cloud does not list any more is kept for history; what people said about a
        subscription (owner, channel, labels) stays.
        """
        if self._arming is not None:
            self._arming.catch_up()
        staged, began = self._store.staging(), self._clock.now()
        provider = self._providers[account]
        for number, each in enumerate(provider.subscriptions()):
            staged.add(number, each.key.account, each.key.id, record_of(each))
        now = self._clock.now()
        booked = isinstance(provider, Embedded)
        intake = _Reading(staged=staged, whole=account, booked=booked, began=began, at=now)
        taking = TakingOver(
            store=self._store, clock=self._clock, staged=staged, intake=intake, at=now
        )
        taking.compare()
        try:
            taking.write()
        except TakeoverRunning:
            raise SyncHeldUp(account) from None
        changed, gone = staged.decided(Outcome.CHANGED), staged.lost()
        self._follow(changed, gone, at=now)
        return SyncResult(
            added=staged.decided(Outcome.ADDED),
            changed=changed,
            gone=gone,
            unchanged=len(staged.decided(Outcome.UNCHANGED)),
        )

    def _follow(self, changed: Keys, gone: Keys, *, at: datetime) -> None:
        """Bring up to date what shows those that were too many for one transaction."""
        catch_up(self._store)
        if len(changed) + len(gone) <= NOTED:
            return
        every = chain(changed, gone)
        while piece := list(islice(every, AT_ONCE)):
            with self._store.transaction() as tx:
                follow(tx, piece, at=at)

    def _seen(self, account: AccountName) -> int | None:
        with self._store.reading() as tx:
            note = tx.notes.get(_note(account))
        revision = note.get("revision") if note else None
        return revision if isinstance(revision, int) else None

    def _see(self, account: AccountName, revision: int) -> None:
        with self._store.transaction() as tx:
            tx.notes.put(_note(account), {"revision": revision})

    def _stay_behind(self, account: AccountName, *, at: datetime) -> None:
        """Note since when its book is ahead of what was read of it."""
        with self._store.transaction() as tx:
            note = tx.notes.held(_note(account))
            if "behind_since" not in note:
                tx.notes.put(_note(account), {**note, "behind_since": at.isoformat()})


def behind_since(tx: Transaction, account: AccountName) -> datetime | None:
    """Since when an embedded account cannot be read although its book changed."""
    since = (tx.notes.get(_note(account)) or {}).get("behind_since")
    return datetime.fromisoformat(since) if isinstance(since, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The cloud's word counts, completed by what only Lapse knows.

    Reading takes its time: what Lapse itself, or an import, changed since it `began` stays, and the
    next reading tells. Of a `booked` account the book as it is now says whether it is so.
    """

    staged: Staging
    whole: AccountName
    booked: bool
    began: datetime
    at: datetime

    def compare(self, row: StagedRow, held: KnownRow) -> Outcome | None:
        """What one is to the version that is known; None when the digests do not tell."""
        same = row.digest == held.digest and not held.gone
        outrun = self.booked and held.book_digest not in {None, row.digest}
        return Outcome.UNCHANGED if same or outrun else None

    def decide(self, tx: Transaction, row: Subscription) -> tuple[Outcome, Subscription]:
        """What one is as things stand, and what becomes of it."""
        known = tx.catalogue.get(row.key)
        completed = merged(known, self._unless_outrun(tx, known, row))
        if known is None or tx.catalogue.is_gone(row.key):
            return Outcome.ADDED, completed
        return Outcome.UNCHANGED if completed == known else Outcome.CHANGED, completed

    def loses(self, held: KnownRow) -> bool:
        """Whether one that was not read is gone; unsubscribed ones stay known."""
        booked = self.booked and held.book_digest is not None
        ended = held.status is Status.UNSUBSCRIBED
        return held.account == self.whole and not ended and not booked

    def _unless_outrun(
        self, tx: Transaction, known: Subscription | None, row: Subscription
    ) -> Subscription:
        """The reading without what Lapse did after it began."""
        if known is None:
            return row
        ended = known.status is Status.UNSUBSCRIBED and row.status is not Status.UNSUBSCRIBED
        if ended and self._written_since(tx):
            return replace(row, status=known.status, auto_renew=known.auto_renew)
        if known.auto_renew is not row.auto_renew:
            at = switched.switched_at(tx, row.key)
            if at is not None and at >= self.began:
                return replace(row, auto_renew=known.auto_renew)
        return row

    def _written_since(self, tx: Transaction) -> bool:
        """Whether somebody wrote of the account since it was begun to read."""
        at = tx.catalogue.read_at(self.whole)
        return at is not None and at >= self.began

    def version(self, key: SubscriptionKey, record: str) -> Version:
        """What is written of one; the book is the cloud's side."""
        return Version(key=key, record=record)

    def finish(self, tx: Transaction, changed: Sequence[SubscriptionKey]) -> None:
        """The account was read, and messages show what changed."""
        tx.catalogue.mark_read(self.whole, at=self.at)
        follow_later(tx, changed, at=self.at)


def _note(account: AccountName) -> str:
    return f"synced/{account}"
