"""Taking over many subscriptions at once: staged on disk, then written beside what is seen."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple, Protocol

from bot.billing.subscription import AccountName, SubscriptionKey
from bot.ports.clock import Clock
from bot.ports.store import Store, Transaction


class TakeoverRunning(Exception):
    """Somebody else takes over a catalogue in this workspace now."""


class Outcome(IntEnum):
    """What a staged subscription is to the catalogue."""

    UNCHANGED = 0
    ADDED = 1
    CHANGED = 2


class StagedRow(NamedTuple):
    """A staged subscription as it is compared: by the digest of its record."""

    number: int
    account: str
    id: str
    digest: bytes


class Staging(Protocol):
    """Subscriptions on their way into the catalogue, on disk; nothing is left of it afterwards.

    A record is that of `bot.facts.records`.
    """

    def add(self, line: int, account: str, ref: str, record: str) -> None:
        """Stage the one of this account and id that stood in this line."""

    def __len__(self) -> int:
        """How many are staged."""

    def accounts(self) -> Collection[AccountName]:
        """Those that one is of."""

    def keys(self) -> Collection[SubscriptionKey]:
        """The keys of all of them, read into memory."""

    def forget_decisions(self) -> None:
        """Begin to decide anew."""

    def repeated(self) -> Iterator[tuple[int, SubscriptionKey, int]]:
        """Each line whose key stood in an earlier line, with the key and that line."""

    def in_order(self) -> Iterator[StagedRow]:
        """All of them, ordered by key."""

    def index(self) -> None:
        """Get ready to find single ones, which takes its time with many."""

    def record(self, key: SubscriptionKey) -> tuple[int, str] | None:
        """The number and the record of one."""

    def decide(self, number: int, outcome: Outcome, record: str | None = None) -> None:
        """Say what one is; the record is written in place of its own when given."""

    def decided(self, outcome: Outcome) -> "Keys":
        """The keys of an outcome, in the order of their lines."""

    def to_write(self) -> Iterator[tuple[SubscriptionKey, str]]:
        """The records that are to be written, ordered by key."""

    def lose(self, key: SubscriptionKey) -> None:
        """Say that one is not there any more."""

    def lost(self) -> "Keys":
        """Those, ordered by key."""


class Keys(Collection[SubscriptionKey], Protocol):
    """Keys that are counted at once and read from disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What the next generation shows of a subscription.

    `booked` ones are written into the ledger's book too, to be looked at on `next_event_at`.
    """

    key: SubscriptionKey
    record: str
    booked: bool = False
    next_event_at: datetime | None = None


class Pending(Protocol):
    """The generation that is being written, which nobody sees yet."""

    def write(self, versions: Sequence[Version]) -> None:
        """Write what it shows in place of what is seen now, if anything is."""

    def leave_out(self, keys: Collection[SubscriptionKey]) -> None:
        """Keep these for history alone; the book has them no longer."""

    def touched(self, *, limit: int | None = None) -> Sequence[SubscriptionKey]:
        """Those that others have changed meanwhile."""

    def take_back(self, keys: Collection[SubscriptionKey]) -> None:
        """Forget what was written of these, and that they were touched."""

    def settle(self, *, limit: int | None = None) -> bool:
        """Move groups to where their earliest anchor is, some rows at a time; True when done."""


class Takeover(Protocol):
    """Writes a generation in short transactions; each fails when somebody else has taken over."""

    def write(self, versions: Sequence[Version]) -> None:
        """Write a slice in a transaction of its own, prepared before it begins."""

    def slice(self) -> AbstractContextManager[tuple[Transaction, Pending]]:
        """A short transaction of the generation."""

    def flip(self) -> AbstractContextManager[tuple[Transaction, Pending]]:
        """A transaction at whose end everybody sees the generation; others who write wait for it.

        What has to become true in the same moment is written in it.
        """


class BulkStore(Store, Protocol):
    """A store that takes over many subscriptions at once."""

    def staging(self) -> Staging:
        """A place on disk for subscriptions that are being read."""

    def takeover(self, clock: Clock) -> AbstractContextManager[Takeover]:
        """Write a generation that nobody sees until it is flipped.

        Raises TakeoverRunning while somebody else does, for more than a moment. What is not flipped
        is removed at the end.
        """

    def tidy(self, clock: Clock) -> int:
        """Remove what a takeover that died has left; 1 when there was something, else 0."""
