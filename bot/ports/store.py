"""The Store port: what Lapse remembers, in transactions of one workspace."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from bot.billing.account import Account
from bot.billing.delegation import Delegation
from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.reminder import Reminder
from bot.billing.subscription import (
    AccountName,
    Kind,
    SlackUser,
    Status,
    Subscription,
    SubscriptionKey,
)
from bot.billing.unsubscription import Request
from bot.facts.listing import Place
from bot.facts.reminding import Standing
from bot.ports.record import Bad, Named, Origin, Personal, Remains

PAGE = 10
COUNTED = 1000


class ChangedMeanwhile(Exception):
    """Somebody saved this first; load again and decide again."""


class StoreAway(Exception):
    """Nothing can be read or kept now; whoever works goes on when the store is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """The filters of `/lapse list`; words are matched in name, id and service, any case.

    The page is what comes `after` a place or `before` it, so that nothing is skipped or repeated
    when others come or go; `page` is its number, and finds it where there is no such place.
    """

    service: str | None = None
    account: str | None = None
    region: str | None = None
    status: Status | None = None
    owner: SlackUser | None = None
    unowned: bool = False
    auto_renew: bool | None = None
    due_before: datetime | None = None
    kind: Kind | None = None
    words: tuple[str, ...] = ()
    page: int = 1
    after: Place | None = None
    before: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Ten rows, and how many there are, counted up to 1,000 (`more` beyond).

    `number` is that of the first row: exact where all are counted. The page before this one ends
    before the place `previous`, the page behind it begins after `next`; None where there is none.
    """

    rows: tuple[Subscription, ...]
    count: int
    more: bool
    number: int
    previous: Place | None
    next: Place | None


class KnownRow(NamedTuple):
    """A subscription as it is compared with what is read again.

    The digests are those of its record (`bot.facts.records`) in the catalogue and in the ledger's
    book, None where it is not there or not derived yet.
    """

    account: str
    id: str
    digest: bytes | None
    book_digest: bytes | None
    status: Status | None
    gone: bool


class Catalogue(Protocol):
    """The subscriptions as last read; those gone or unsubscribed are kept for history."""

    def get(self, key: SubscriptionKey) -> Subscription | None:
        """One subscription, gone ones included."""

    def named(self, id: str) -> Sequence[Subscription]:  # noqa: A002 - the field's own word
        """Every account's subscription of this id; `account/id` names one."""

    def page(self, query: ListQuery) -> Page:
        """One page, nearest anchor first, a quota before its packages; an indexed read.

        Empty where nothing comes after the place, or a page has a number beyond the last.
        """

    def listed(self) -> Iterator[Subscription]:
        """What all pages without a filter show, in their order, streamed."""

    def anchored(self, *, start: datetime, end: datetime) -> Iterator[Subscription]:
        """Live subscriptions whose next anchor falls into [start, end), nearest first, streamed."""

    def anchored_keys(self, *, start: datetime, end: datetime) -> Iterator[SubscriptionKey]:
        """The keys of the same, in the same order: an index holds all of them."""

    def soonest(self, *, start: datetime, end: datetime, limit: int = 10) -> Sequence[Subscription]:
        """Live subscriptions whose next anchor falls into [start, end), nearest first."""

    def group(self, account: AccountName, region: str | None) -> Sequence[Subscription]:
        """All quotas and packages of an account and region that are not gone."""

    def parts(self, mains: Collection[SubscriptionKey]) -> Sequence[Subscription]:
        """Those that are not gone and name one of these as their main resource (R35)."""

    def near(self, text: str, *, limit: int = 5) -> Sequence[Subscription]:
        """Subscriptions whose id or name is spelled most like the text."""

    def values(self, column: str) -> Sequence[str]:
        """What listed subscriptions bear as service, account or region, in order; at most 1,000."""

    def all(self) -> Iterator[Subscription]:
        """The whole book that export writes: ordered by key, gone ones left out, streamed."""

    def known(
        self,
        keys: Collection[SubscriptionKey] | None = None,
        *,
        account: AccountName | None = None,
    ) -> Iterator[KnownRow]:
        """What is kept, gone ones included, by key, streamed: all, of an account, or some keys."""

    def put(self, subscriptions: Collection[Subscription], *, at: datetime) -> None:
        """Add or replace; derives the next anchor of each and of its group."""

    def mark_gone(self, keys: Collection[SubscriptionKey], *, at: datetime) -> None:
        """Keep for history, list no longer."""

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Read many at once: `get`, `is_gone` and `known_since` answer from it until a write."""

    def hold(self, keys: Collection[SubscriptionKey]) -> None:
        """Look up what is to be written: nobody else changes it before this transaction ends."""

    def is_gone(self, key: SubscriptionKey) -> bool:
        """Whether it is kept for history alone."""

    def mark_read(self, account: AccountName, *, at: datetime) -> None:
        """The account was read or imported, changed or not; `put` says so too."""

    def date_passed(self, *, at: datetime, limit: int) -> int:
        """Derive again some anchors that time has passed; returns how many there were."""

    def date_anew(self, keys: Collection[SubscriptionKey], *, at: datetime) -> None:
        """Derive the anchors of these again, which were derived by a clock that was wrong."""

    def unplanned(self, *, limit: int) -> Sequence[SubscriptionKey]:
        """Those whose facts changed since they were planned; in a write for this caller alone."""

    def unplan(self, keys: Collection[SubscriptionKey]) -> None:
        """Have the reminders of these derived again; whoever writes a fact does it, too."""

    def planned(self, keys: Collection[SubscriptionKey]) -> None:
        """Their reminders are as the facts want them."""

    def known_since(self, key: SubscriptionKey) -> datetime | None:
        """When Lapse first knew of it."""

    def read_at(self, account: AccountName) -> datetime | None:
        """When the account was last read or imported."""


class Requests(Protocol):
    """Requests with their items, steps and history."""

    def next_number(self) -> int:
        """The next number of this workspace, from 1001; a rolled back one is given again."""

    def get(self, number: int) -> Request | None:
        """One request as last saved."""

    def hold(self, number: int) -> Request | None:
        """The same, which nobody else changes before this transaction ends."""

    def save(self, request: Request) -> Request:
        """Save with a version check and return it with its new version; raises ChangedMeanwhile."""

    def open_with(self, key: SubscriptionKey) -> Request | None:
        """The open, not closed request that holds this subscription."""

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Find out at once which of many are held: `open_with` knows it until a write."""

    def called_for(self, keys: Collection[SubscriptionKey]) -> Sequence[Request]:
        """The requests that are over and had a cloud called for one of these, the oldest first."""

    def of(self, user: SlackUser, *, limit: int = 5) -> Sequence[Request]:
        """The newest requests of a person."""

    def waiting(self, *, limit: int = 50) -> Sequence[Request]:
        """Requests that wait for a decision, nearest deadline first."""

    def by_hand(self, *, limit: int = 50) -> Sequence[Request]:
        """Requests that people carry out or look at now, the oldest first."""

    def decided(self) -> Iterator[tuple[SubscriptionKey, Request]]:
        """Approved requests that nobody stopped, once for each of their subscriptions, streamed.

        They come by `account/id`, those about one subscription by number.
        """

    def claim_due(self, *, now: datetime, lease_until: datetime, limit: int) -> Sequence[Request]:
        """Requests with work to do: approved, executing, verifying, or a call or deadline is due.

        Each is handed to one replica until its lease ends; `attend` sets when it is looked at next.
        """

    def attend(self, number: int, *, at: datetime | None) -> None:
        """Give the claim back: work on it again from `at`, or when its state changes."""

    def hasten(self, number: int, *, at: datetime) -> None:
        """Work on it from `at` already, unless somebody does so now, or nothing is to be done."""

    def next_due(self) -> datetime | None:
        """When the next request has work to do, a call or its deadline among it."""

    def forget(self, person: str) -> Named:
        """Erase in closed requests who a person is and what the person wrote.

        Open ones keep it: who asked must not approve, and who decided is told.
        """

    def card(self, number: int) -> "Delivery | None":
        """The delivery of the request's message in the approvals channel."""


class Delegations(Protocol):
    """Who decides for whom, and from when to when; nothing of it is removed but persons."""

    def add(self, delegation: Delegation) -> bool:
        """Write a new one; False when its id is known already, and then nothing is written."""

    def get(self, id: str) -> Delegation | None:  # noqa: A002 - the field's own word
        """One of them, ended or not."""

    def open(self, *, at: datetime) -> Sequence[Delegation]:
        """Those in force or still ahead, in the order in which they begin.

        In a transaction that writes none of them is ended before it is over.
        """

    def over(self, *, at: datetime, limit: int = 5) -> Sequence[Delegation]:
        """Those that ended or were ended, the newest end first."""

    def forget(self, person: str, *, at: datetime) -> None:
        """Erase in those that are over who a person is and what the person wrote."""

    def end(self, id: str, *, at: datetime, by: SlackUser) -> bool:  # noqa: A002
        """End one that is in force or ahead; False when it is not, or there is none."""


class ReminderState(StrEnum):
    """What the row of a reminder and destination says (contract, section 2)."""

    ARMED = "armed"
    SENT = "sent"
    LATE = "late"
    MISSED = "missed"
    UNKNOWN = "unknown"
    KEPT = "kept"
    SNOOZED = "snoozed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmedReminder:
    """A reminder for one destination. `id` carries `/r<n>` and `/dm` suffixes."""

    id: str
    reminder: Reminder
    destination: str
    due_at: datetime
    state: ReminderState = ReminderState.ARMED
    delivery_id: str | None = None
    sent_at: datetime | None = None
    reason: str = ""


def moved(row: ArmedReminder, *, to: str, reason: str) -> ArmedReminder:
    """The same reminder for another destination, as nobody has told it yet."""
    return replace(
        row,
        destination=to,
        state=ReminderState.ARMED,
        delivery_id=None,
        sent_at=None,
        reason=reason,
    )


STANDINGS: Mapping[ReminderState, Standing] = {
    ReminderState.ARMED: Standing.ARMED,
    ReminderState.UNKNOWN: Standing.UNKNOWN,
    ReminderState.MISSED: Standing.MISSED,
    ReminderState.LATE: Standing.LATE,
    ReminderState.SENT: Standing.SENT,
    ReminderState.KEPT: Standing.SENT,
}
"""What people read of a state; a kept one is among them only when it was sent before."""


class Reminders(Protocol):
    """The rows of reminders that are within the horizon or past it."""

    def arm(self, reminders: Collection[ArmedReminder]) -> int:
        """Enter those whose id and destination are new; returns how many were.

        A row that is still armed takes the new due time; one that was cancelled before it was sent
        is armed again, tied to no delivery, and so is a snoozed one that no delivery ever carried.
        All others stay as they are.
        """

    def disarm(self, ids: Collection[tuple[str, str]], *, reason: str) -> int:
        """Cancel (id, destination) pairs that are armed and not on their way; how many were."""

    def due(
        self,
        *,
        now: datetime,
        limit: int,
        most: int | None = None,
        without: Collection[str] = (),
    ) -> Sequence[ArmedReminder]:
        """Armed ones that are due and not yet bundled, whole destinations first come first served.

        Left out are the destinations `without`, and those where more than `most` are due. In a
        write transaction the rows are handed to this transaction alone.
        """

    def crowds(self, *, now: datetime, most: int) -> Sequence[str]:
        """Destinations where more than `most` are due and not yet bundled, by name."""

    def waiting(
        self, *, until: datetime, destination: str | None = None
    ) -> Iterator[ArmedReminder]:
        """Armed ones that are due until an instant and not yet bundled, by id, streamed.

        Those of one subscription and date follow each other. They are as they were when the
        transaction began, however long the reader takes.
        """

    def count_waiting(self) -> int:
        """How many are armed and not yet bundled."""

    def bundle(self, ids: Collection[tuple[str, str]], *, delivery_id: str) -> None:
        """Tie (id, destination) pairs to the delivery that will carry them."""

    def take(
        self, ids: Collection[tuple[str, str]], *, due_until: datetime, delivery_id: str
    ) -> Collection[tuple[str, str]]:
        """Tie those of them that are armed, due and not yet bundled; which ones they were."""

    def release(self, delivery_id: str, *, most: int | None = None) -> int:
        """Untie armed members of a delivery, so that they are bundled again; how many there were.

        All of them, or so many at most.
        """

    def carried_by(self, delivery_id: str) -> Sequence[ArmedReminder]:
        """The members of a delivery, fixed when it was bundled."""

    def streamed_by(self, delivery_id: str) -> Iterator[ArmedReminder]:
        """The armed members of a delivery, by id, streamed."""

    def told_by(
        self, delivery_id: str, *, armed: bool, skip: int = 0, limit: int | None = None
    ) -> Iterator[ArmedReminder]:
        """One member for each subscription and date, by date, streamed: that of the nearest lead.

        Of those that are still armed, or of all that are not cancelled.
        """

    def count_told_by(self, delivery_id: str, *, armed: bool) -> int:
        """How many subscriptions and dates a delivery tells of."""

    def settle(
        self,
        delivery_id: str,
        *,
        state: ReminderState,
        at: datetime | None,
        reason: str = "",
        most: int | None = None,
    ) -> int:
        """Record what became of a delivery's members; how many there were to be recorded.

        Of all of them, or of so many at most. Kept, snoozed and cancelled ones stay so.
        """

    def move(self, delivery_id: str, *, to: str, reason: str, most: int | None = None) -> int:
        """Cancel a delivery's members and arm each for another destination; how many there were.

        All of them, or so many at most. What people settled stays where it is.
        """

    def set_state(self, ids: Collection[str], *, state: ReminderState, reason: str) -> None:
        """Keep, snooze or cancel reminders in every destination."""

    def of(self, key: SubscriptionKey, anchor_date: str | None = None) -> Sequence[ArmedReminder]:
        """The rows of a subscription, of one anchor date when given."""

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Read many at once: `of` answers from it until a write."""

    def listed(
        self, *, until: datetime | None, states: Collection[ReminderState]
    ) -> Iterator[ArmedReminder]:
        """All that are in one of these states, until an instant when given, by due time, streamed.

        They are as they were when the transaction began, however long the reader takes.
        """

    def recalled(
        self, *, since: datetime, destination: str | None, skip: int, limit: int
    ) -> Sequence[ArmedReminder]:
        """What `/lapse reminders` shows, by standing: all armed ones, soonest first.

        After them those that were sent, or due when they were not sent, since an instant, newest
        first.
        """

    def standings(self, *, since: datetime, destination: str | None) -> Mapping[Standing, int]:
        """How many there are of each standing; only those that there are."""

    def next_due(self) -> datetime | None:
        """When the next armed reminder that is not bundled falls due."""


class DeliveryState(StrEnum):
    """Where a message that must arrive once stands (delivery.md, section 2).

    Of an unconfirmed one nobody will know whether it arrived: it is neither looked for any more
    nor repeated.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    UNCONFIRMED = "unconfirmed"
    UNDELIVERABLE = "undeliverable"
    CANCELLED = "cancelled"


class Lane(StrEnum):
    """What is claimed by itself, so that a backlog of one does not hold up the others.

    To be looked for is what was begun and has no outcome; the rest is to be posted, or updates.
    """

    LOOK = "look"
    POST = "post"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message owed: who gets it, what it is about (ids and facts), and what became of it.

    `key` is unique and makes owing it twice harmless. Deliveries of one `stream` go in the order
    of `sequence`. `fence` rises with every claim; only its holder may record an outcome.
    `update_of` names a delivery whose message is to be replaced in place instead of a new post.
    `started_at` is when the last attempt began that may have come to something, `first_at` when the
    first of all did. `slot_at` is its turn in a channel that had to wait for one. `sent_at` is when
    it was sent, of a cancelled one when it was let go. `sweep_until` is up to when a copy may have
    landed that the next sweep is to find, and so names what was asked for.
    """

    id: str
    key: str
    kind: str
    destination: str
    stream: str
    due_at: datetime
    subject: Mapping[str, object] = field(default_factory=dict)
    update_of: str | None = None
    thread_of: str | None = None
    state: DeliveryState = DeliveryState.PENDING
    sequence: int = 0
    attempt: int = 0
    fence: int = 0
    started_at: datetime | None = None
    first_at: datetime | None = None
    slot_at: datetime | None = None
    channel: str | None = None
    ts: str | None = None
    sent_at: datetime | None = None
    error: str | None = None
    sweep_until: datetime | None = None


class Outbox(Protocol):
    """Messages owed, claimed with a lease and a fence, recorded before and after they are sent."""

    def owe(self, delivery: Delivery) -> bool:
        """Owe a message unless its key is known already; False then."""

    def claim(
        self, *, now: datetime, lease_until: datetime, limit: int, lane: Lane | None = None
    ) -> Sequence[Delivery]:
        """Hand what is due, of one lane or of all, to exactly one replica, its fence raised.

        Due are pending ones, those whose lease has expired, and unknown ones to be looked at again.

        Of one stream only the first unfinished delivery is handed out; what was owed first goes
        first where sequences are equal. The state stays what it was, so that the holder knows
        whether an intent is open (`sending` or `unknown`): those are looked up before a repeat.
        """

    def postpone(self, delivery: Delivery, *, until: datetime) -> None:
        """Let a claimed one wait for its turn in its channel; the state stays what it was."""

    def renew(self, delivery: Delivery, *, until: datetime) -> bool:
        """Hold a claimed one for longer; False when the fence is lost."""

    def begin(self, delivery: Delivery, *, at: datetime) -> Delivery | None:
        """Record the intent of an attempt, durably, before a byte is sent.

        None when the fence is lost.
        """

    def settle(
        self,
        delivery: Delivery,
        *,
        state: DeliveryState,
        at: datetime,
        channel: str | None = None,
        ts: str | None = None,
        error: str | None = None,
        again_at: datetime | None = None,
        sweep_at: datetime | None = None,
    ) -> bool:
        """Record an outcome; False when the fence is lost.

        PENDING or UNKNOWN with `again_at` means try later. PENDING clears the intent; UNKNOWN
        leaves open the attempt that `delivery` names by its `started_at`. With `sweep_at` its
        conversation is to be read once more from then on, for what landed until it.
        """

    def waiting(self, destination: str) -> Sequence[Delivery]:
        """Posts to a destination that are pending, in the order they were owed; no updates."""

    def withdraw(
        self, delivery_id: str, *, at: datetime, error: str, sweep_at: datetime | None = None
    ) -> bool:
        """Cancel one that is pending, whoever has claimed it; False when it is not pending.

        Nobody begins an attempt of it any more.
        """

    def sweep(self, delivery_id: str, *, at: datetime, by: datetime) -> None:
        """Have a conversation read once more for what lands until `at`, no earlier than asked for.

        What was asked for after `by` would find it too late: then it is read at `at`. It is still
        to come for whoever reads it now for what landed until another instant.
        """

    def claim_sweeps(self, *, now: datetime, again_at: datetime, limit: int) -> Sequence[Delivery]:
        """Hand sweeps that are due to exactly one replica; others may have them at `again_at`."""

    def swept(
        self,
        delivery: Delivery,
        *,
        ts: str | None,
        next_at: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        """The conversation shows it once, as the message `ts`, or not at all; again at `next_at`.

        Then for what landed until `until`, or for the same once more. A sweep that was asked for
        since is still to come instead.
        """

    def next_sweep(self) -> datetime | None:
        """When the next conversation is to be read once more."""

    def superseded(self, delivery: Delivery) -> bool:
        """Whether a later update of the same message is not out yet, which shows the newest state.

        One that is out already may have been replaced since by an older one that landed late.
        """

    def get(self, delivery_id: str) -> Delivery | None:
        """One delivery."""

    def next_due(self) -> datetime | None:
        """When the next unfinished delivery is due."""

    def next_waiting(self) -> datetime | None:
        """When the next one is due that was attempted before, or waits for its turn."""

    def counts(self) -> Mapping[DeliveryState, int]:
        """How many stand where, for status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the record; `digest` chains it, keyed, to the line before.

    Personal values are put back, or the word `erased`. `origin` says from where the actor acted,
    None in lines of an older Lapse.
    """

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    facts: Mapping[str, object]
    digest: str
    origin: Origin | None = None


class AuditHead(NamedTuple):
    """Where the record ends: the number of its last line, 0 without one, and its digest."""

    entries: int
    digest: str


class Audit(Protocol):
    """The append-only record."""

    def append(
        self,
        *,
        at: datetime,
        actor: str | Personal,
        action: str,
        subject: str,
        facts: Mapping[str, object],
    ) -> None:
        """Add a line in this transaction; it says by itself from where the actor acted.

        What is Personal, as actor or among the facts, is kept apart and can be erased.
        """

    def entries(self, subject: str | None = None) -> Iterator[AuditEntry]:
        """The lines, oldest first; of one subject when given."""

    def turned_off(self) -> Iterator[AuditEntry]:
        """Where auto-renewal was turned off, by subject, those of one oldest first, streamed."""

    def first_bad(self) -> Bad | None:
        """The first entry that was altered, removed, moved or put in; None when all is well."""

    def numbered(self, digest: str) -> int | None:
        """The number of the line whose digest begins so; 0 for the head of an empty record."""

    def forget(self, person: str, *, at: datetime, actor: str | Personal) -> int:
        """Erase every personal value of a person; how many there were, which the record says."""

    def naming(self, person: str) -> int:
        """How many lines of an older Lapse hold a person's id itself, which nothing erases."""

    def head(self) -> AuditHead:
        """How many lines there are and the digest of the last one, lines of this write included.

        Kept elsewhere, as receipts do, it shows later whether the record's tail was cut.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BookOrder:
    """An unsubscription order of the ledger: accepted, and done from `completes_at` on.

    With scope `all` the subscription is gone then, with `renewals` only its periods not in effect.
    """

    id: str
    account: AccountName
    subscription_id: str
    accepted_at: datetime
    completes_at: datetime
    refund: Money
    handling_fee: Money
    scope: Scope = Scope.ALL
    done: bool = False


class Book(Protocol):
    """The ledger's own book: the cloud's side of an embedded account."""

    def get(self, key: SubscriptionKey) -> Subscription | None:
        """The subscription as the ledger has it."""

    def of(self, account: AccountName) -> Iterator[Subscription]:
        """All of an account, ordered by id."""

    def put(self, subscription: Subscription, *, next_event_at: datetime | None) -> None:
        """Write it, and when the ledger must look at it next (charge or expiry)."""

    def put_all(self, entries: Collection[tuple[Subscription, datetime | None]]) -> None:
        """Write many at once, each with its next event; the last word on a key counts."""

    def remove(self, keys: Collection[SubscriptionKey]) -> None:
        """Take subscriptions out of the book, which then neither lists nor charges them."""

    def due(
        self, account: AccountName, *, now: datetime, limit: int
    ) -> Sequence[tuple[datetime, Subscription]]:
        """Those whose next event is due, each with the instant of it, earliest first."""

    def group(self, account: AccountName, region: str | None) -> Sequence[Subscription]:
        """Quotas and packages of a region that are in use."""

    def parts(self, account: AccountName, mains: Collection[str]) -> Sequence[Subscription]:
        """Those of an account that name one of these ids as their main resource (R35)."""

    def add_order(self, order: BookOrder) -> None:
        """Accept an unsubscription."""

    def orders(
        self, account: AccountName, ids: Collection[str], *, since: datetime
    ) -> Sequence[BookOrder]:
        """Unsubscription orders accepted since an instant."""

    def orders_due(self, account: AccountName, *, now: datetime) -> Sequence[BookOrder]:
        """Accepted orders whose completion is due."""

    def complete(self, order_id: str) -> None:
        """Mark an order as done."""

    def next_event(self) -> datetime | None:
        """The next charge, expiry or completion of any ledger account."""


class Notes(Protocol):
    """Small facts by name: last sync, last tick, channel reminders, the demo's tour."""

    def get(self, name: str) -> Mapping[str, object] | None:
        """The fact, or None."""

    def held(self, name: str) -> Mapping[str, object]:
        """The fact, empty when there is none; until the write ends nobody else holds or puts it.

        For what is read, changed and written: others wait, and then read what was written.
        """

    def look_up(self, names: Collection[str]) -> None:
        """Read many at once: `get` answers from it until a write."""

    def put(self, name: str, value: Mapping[str, object]) -> None:
        """Write or replace it."""

    def forget(self, person: str) -> None:
        """Erase who it was that a fact is `by`."""

    def seen(self, event: str, *, at: datetime) -> bool:
        """True the first time an event id is shown, False on redelivery; remembered for a day."""


class Pacing(Protocol):
    """Instants at which something may be done again, shared by all replicas."""

    def free_at(self, name: str) -> datetime | None:
        """When, or None while it never had to wait; in a write nobody else changes it meanwhile."""

    def set_free_at(self, name: str, at: datetime) -> None:
        """From then on."""


class Transaction(Protocol):
    """Everything of one workspace, seen and changed together or not at all."""

    @property
    def catalogue(self) -> Catalogue:
        """The subscriptions."""

    @property
    def requests(self) -> Requests:
        """The requests."""

    @property
    def reminders(self) -> Reminders:
        """The reminders of the horizon."""

    @property
    def outbox(self) -> Outbox:
        """The messages owed."""

    @property
    def audit(self) -> Audit:
        """The record."""

    @property
    def book(self) -> Book:
        """The ledger's book."""

    @property
    def notes(self) -> Notes:
        """Small facts."""

    @property
    def pacing(self) -> Pacing:
        """The buckets that sending is paced by."""

    @property
    def delegations(self) -> Delegations:
        """Who decides for whom."""


class Store(Protocol):
    """Opens transactions; knows the accounts, whose settings date the anchors."""

    @property
    def accounts(self) -> Mapping[AccountName, Account]:
        """The accounts of the settings, by name."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A write transaction: committed at the end of the block, rolled back on an exception."""

    def give_way(self) -> None:
        """Let those write who wait, between transactions of one who writes much.

        What was written is put in its place; else one of them would have to, and take long.
        """

    def reading(self) -> AbstractContextManager[Transaction]:
        """A consistent read; writing in it is an error."""


class ErasingStore(Store, Protocol):
    """A store that keeps files of its own."""

    def wipe(self) -> Remains:
        """Let nothing remain in the files of what was erased; says where something does.

        Nobody else writes meanwhile, and a large file takes long.
        """
