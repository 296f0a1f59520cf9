"""Announcing: what a reminder message says at this moment, from the present facts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.billing import renewal
from bot.billing.account import ExecuteMode
from bot.billing.change import Change
from bot.billing.money import Money, sums
from bot.billing.reminder import Reminder
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import (
    AccountName,
    Kind,
    Package,
    SlackUser,
    Status,
    Subscription,
    SubscriptionKey,
)
from bot.billing.working_days import last_working_day
from bot.facts.messages import (
    ReminderItem,
    ReminderLine,
    ReminderMessage,
    ReminderRest,
    Settled,
    Timing,
)
from bot.facts.reminding import RestPage
from bot.ports.store import (
    ArmedReminder,
    Delivery,
    DeliveryState,
    ReminderState,
    Store,
    Transaction,
)
from bot.services.armed import DIRECT, over
from bot.services.finding import account_of
from bot.services.lateness import (
    cause_since_bundled,
    may_have_passed,
    meant_for,
    recorded,
    sentence_of,
    timing_of,
)
from bot.services.owing import REMINDER_REST
from bot.services.people import People
from bot.services.phrases import day
from bot.services.policy import Policy
from bot.services.settled import SettledFact, fact_about, read
from bot.services.telling import ANSWERED_WITHIN
from bot.services.wanting import Wanting

REST_PAGE = 50
"""Items of one page of what is beyond forty."""

PIECE = 500
"""Members that are looked up together where there may be very many."""

_PACKAGES = tuple(Package)

Place = tuple[date, str, str, int, str]
"""What reminders are sorted by."""


class _Now(NamedTuple):
    """What has become of an item."""

    settled: Settled
    fact: SettledFact | None = None
    note: str | None = None
    request_number: int | None = None


class _Said(NamedTuple):
    """When a message was said, or is, with what timing, and the moment as of which it reads."""

    timing: Timing
    why: str | None
    at: datetime
    now: datetime


class Announcing:
    """Reads reminder messages out of their rows; the same delivery always names the same rows."""

    def __init__(self, *, store: Store, policy: Policy, people: People, wanting: Wanting) -> None:
        self._store = store
        self._policy = policy
        self._people = people
        self._wanting = wanting

    def message(self, tx: Transaction, post: Delivery, *, now: datetime) -> ReminderMessage | None:
        """The message of a delivery as it reads now; None when it carries nothing any more."""
        rows = carried(tx, post)
        if not rows:
            return None
        said = self._said(tx, post, rows, now=now)
        items = self._items(tx, rows, said)
        return ReminderMessage(
            items=items,
            zone=self._zone(rows[0]),
            timing=said.timing,
            sent_at=post.sent_at or now,
            why=said.why,
            meant=meant_for(post),
            direct=rows[0].id.endswith(DIRECT),
            dry_run=all(self._is_dry(item.subscription) for item in items),
            delivery_id=post.id,
            off_by_request=self._policy.needing_approval.of(Change.RENEWAL_OFF),
        )

    def rest(self, tx: Transaction, post: Delivery, *, now: datetime) -> ReminderRest | None:
        """The message that counts what is beyond forty; None when nothing of it is left.

        Its members may be very many, so they are read once, some at a time.
        """
        at, count = _spoken_at(post, now=now), 0
        passed: set[bool] = set()
        amounts: Mapping[str, Money] = {}
        some: Sequence[ArmedReminder] = ()
        for some in _in_pieces(told(tx, post)):
            count += len(some)
            passed |= set(self.passed(tx, post, some, at=at, now=now))
            amounts = sums((*amounts.values(), *_amounts(tx, some)))
        if not some:
            return None
        timing, why = timing_of(
            post, at=at, passed=passed, delayed=lambda: _delayed(tx, post, at=at)
        )
        return ReminderRest(
            batch_id=post.id,
            count=count,
            sums=tuple(amounts.values()),
            zone=self._zone(some[0]),
            timing=timing,
            why=why,
            meant=meant_for(post),
        )

    def rest_owned(self, tx: Transaction, post: Delivery) -> Sequence[Subscription]:
        """Of those beyond forty one for each pair of owner and deputy, whose figures they are."""
        owned: dict[tuple[object, object], Subscription] = {}
        for some in _in_pieces(told(tx, post)):
            tx.catalogue.look_up([row.reminder.subscription for row in some])
            for row in some:
                held = _held(tx, row)
                owned.setdefault((held.owner, held.deputy), held)
        return tuple(owned.values())

    def rest_page(self, tx: Transaction, post: Delivery, *, page: int, now: datetime) -> RestPage:
        """Some of those beyond forty, by date; a page beyond the last is the last."""
        armed = post.state is DeliveryState.PENDING
        count = tx.reminders.count_told_by(post.id, armed=armed)
        pages = max(1, -(-count // REST_PAGE))
        page = min(max(1, page), pages)
        skip = (page - 1) * REST_PAGE
        rows = tx.reminders.told_by(post.id, armed=armed, skip=skip, limit=REST_PAGE)
        return RestPage(
            batch_id=post.id,
            items=self._items(tx, tuple(rows), self._said(tx, post, told(tx, post), now=now)),
            count=count,
            page=page,
            pages=pages,
            number=skip + 1,
        )

    def timing(self, tx: Transaction, post: Delivery, *, at: datetime) -> tuple[Timing, str | None]:
        """With what timing, and for what reason, an attempt that was just made speaks."""
        said = self._said(tx, post, told(tx, post), now=at)
        return said.timing, said.why

    def passed(
        self,
        tx: Transaction,
        post: Delivery,
        rows: Iterable[ArmedReminder],
        *,
        at: datetime,
        now: datetime | None = None,
    ) -> Iterator[bool]:
        """Of each reminder that a delivery tells whether it had come, by the hour that holds now.

        A row keeps the hour of when it was armed, which a reading may have moved since.
        """
        if not may_have_passed(post, at=at):
            yield from (False for _ in rows)
            return
        for some in _in_pieces(iter(rows)):
            self._wanting.look_up_rows(tx, some)
            for row in some:
                yield self._has_come(self._as_now(tx, row, now=now or at), at=at)

    def _has_come(self, row: ArmedReminder, *, at: datetime) -> bool:
        return over(row.reminder.anchor, zone=self._policy.schedule.zone, now=at)

    def line(self, tx: Transaction, delivery: Delivery, *, now: datetime) -> ReminderLine | None:
        """One line of a thread: what was pressed then, whatever holds now."""
        parent = tx.outbox.get(delivery.thread_of) if delivery.thread_of else None
        account, _, ref = str(delivery.subject.get("about", "")).partition("/")
        about = SubscriptionKey(AccountName(account), ref)
        row = next(iter(carried_about(tx, parent, [about])), None) if parent else None
        if row is None:
            return None
        fact = read(delivery.subject)
        item = self._item(tx, row, _Said(Timing.ON_TIME, None, at=now, now=now))
        return ReminderLine(item=_as_settled(item, _Now(fact.settled, fact, fact.note)))

    def objections(
        self, tx: Transaction, rows: Sequence[ArmedReminder], *, now: datetime
    ) -> Sequence[tuple[ArmedReminder, str]]:
        """Those of some that are not to be sent any more, each with the reason."""
        self._wanting.look_up_rows(tx, rows)
        asked = [(row, self._wanting.objection(tx, row, now=now)) for row in rows]
        return [(row, reason) for row, reason in asked if reason is not None]

    def _said(
        self, tx: Transaction, post: Delivery, rows: Iterable[ArmedReminder], *, now: datetime
    ) -> _Said:
        """With what timing it speaks, by when the attempt began that was seen.

        Its words are of that moment.
        """
        at = _spoken_at(post, now=now)
        timing, why = timing_of(
            post,
            at=at,
            passed=self.passed(tx, post, rows, at=at, now=now),
            delayed=lambda: _delayed(tx, post, at=at),
        )
        return _Said(timing, why, at=at, now=now)

    def _items(
        self, tx: Transaction, rows: Sequence[ArmedReminder], said: _Said
    ) -> tuple[ReminderItem, ...]:
        self._wanting.look_up_rows(tx, rows)
        tx.requests.look_up({row.reminder.subscription for row in rows})
        items = (self._item(tx, self._as_now(tx, row, now=said.now), said) for row in nearest(rows))
        return tuple(sorted(items, key=_place))

    def _as_now(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> ArmedReminder:
        """With the hour that holds now; what was told as a deduction does not become an expiry."""
        present = self._wanting.as_now(tx, row, now=now)
        told = row.sent_at is not None
        same = present.reminder.anchor.kind is row.reminder.anchor.kind
        return present if same or not told else row

    def _item(self, tx: Transaction, row: ArmedReminder, said: _Said) -> ReminderItem:
        """One subscription of a message, with what has become of its reminder."""
        anchor = row.reminder.anchor
        subscription = _held(tx, row)
        item = ReminderItem(
            reminder=_due(row),
            reminder_id=row.id,
            subscription=subscription,
            amount=expected(subscription, anchor),
            last_working_day=last_working_day(anchor.date, countries=self._policy.holidays),
            safe_until=renewal.safe_cutoff(
                anchor, reader=self._wanting.schedule(subscription).zone
            ),
        )
        return _as_settled(item, self._became(tx, row, subscription, said))

    def _became(
        self, tx: Transaction, row: ArmedReminder, subscription: Subscription, said: _Said
    ) -> _Now:
        fact = fact_about(tx, subscription.key, row.reminder.anchor.date)
        ended = self._ended(tx, subscription)
        if ended is None and fact is not None and self._stands(fact, subscription, now=said.now):
            return _Now(fact.settled, fact)
        if ended is None and said.timing is not Timing.MISSED:
            ended = self._changed(subscription, row, said)
        if ended is not None:
            return _Now(Settled.NO_LONGER_DUE, note=ended)
        return _asked_or_snoozed(tx, subscription, fact, now=said.now)

    def _ended(self, tx: Transaction, subscription: Subscription) -> str | None:
        if subscription.status is Status.UNSUBSCRIBED:
            return "It was unsubscribed."
        return "It is gone from the cloud." if tx.catalogue.is_gone(subscription.key) else None

    def _stands(self, fact: SettledFact, subscription: Subscription, *, now: datetime) -> bool:
        """Kept stays kept; turned off holds until somebody turns it on again."""
        if fact.settled is Settled.TURNED_OFF:
            return subscription.auto_renew is False or self._is_dry(subscription)
        if fact.settled is Settled.TURNING_OFF:
            return now - fact.at < ANSWERED_WITHIN
        return fact.settled is Settled.KEPT

    def _changed(self, subscription: Subscription, row: ArmedReminder, said: _Said) -> str | None:
        anchor = row.reminder.anchor
        if self._wanting.renewed(subscription, anchor):
            return "It was renewed."
        if anchor.kind is AnchorKind.DEDUCTION and subscription.auto_renew is False:
            return "Auto-renewal was turned off at the cloud; by whom is not known."
        if self._has_come(row, at=said.now):
            if anchor.kind is AnchorKind.EXPIRY:
                return f"It expired on {day(anchor.date)}."
            told_too_late = self._has_come(row, at=said.at)
            return f"{day(anchor.date)} had passed when this was sent." if told_too_late else None
        account = account_of(self._store, subscription.key.account)
        present = renewal.anchor(subscription, account, at=said.now)
        if present is None:
            return "It does not renew any more."
        same = (present.kind, present.date) == (anchor.kind, anchor.date)
        return None if same else f"What comes next is on {day(present.date)} now."

    def _zone(self, row: ArmedReminder) -> ZoneInfo:
        if row.id.endswith(DIRECT):
            return self._people.zone(SlackUser(row.destination))
        return self._policy.schedule.zone

    def _is_dry(self, subscription: Subscription) -> bool:
        account = account_of(self._store, subscription.key.account)
        return account.execute is ExecuteMode.DRY_RUN


def carried(tx: Transaction, post: Delivery) -> Sequence[ArmedReminder]:
    """The rows that a delivery tells of.

    Before anything was sent, those that still wait; afterwards all that may have been sent, so
    that a repeat says exactly what the first attempt said.
    """
    return [row for row in tx.reminders.carried_by(post.id) if _is_told(row, post)]


def carried_about(
    tx: Transaction, post: Delivery, keys: Iterable[SubscriptionKey]
) -> Sequence[ArmedReminder]:
    """Those of them that are about some subscriptions."""
    rows = (row for key in keys for row in tx.reminders.of(key) if row.delivery_id == post.id)
    return [row for row in rows if _is_told(row, post)]


def told(tx: Transaction, post: Delivery) -> Iterator[ArmedReminder]:
    """One for each subscription and date that a delivery tells of; of a counting one streamed."""
    if post.kind != REMINDER_REST:
        return iter(nearest(carried(tx, post)))
    return tx.reminders.told_by(post.id, armed=post.state is DeliveryState.PENDING)


def waiting(tx: Transaction, post: Delivery) -> Iterator[Sequence[ArmedReminder]]:
    """The rows of a delivery that was never sent, some at a time."""
    if post.kind != REMINDER_REST:
        return iter([carried(tx, post)])
    return _in_pieces(tx.reminders.streamed_by(post.id))


def nearest(rows: Iterable[ArmedReminder]) -> Sequence[ArmedReminder]:
    """One row for each subscription and date: the one with the fewest days ahead."""
    chosen: dict[tuple[object, object], ArmedReminder] = {}
    for row in sorted(rows, key=lambda each: (each.reminder.lead_days, each.id)):
        chosen.setdefault((row.reminder.subscription, row.reminder.anchor.date), row)
    return tuple(chosen.values())


def expected(subscription: Subscription, anchor: Anchor) -> Money | None:
    """What will be deducted, or committed to at a notice; None when unknown, or at an expiry."""
    price, currency = subscription.renewal_price, subscription.currency
    if price is None or currency is None or anchor.kind is AnchorKind.EXPIRY:
        return None
    return Money(price, currency)


def _is_told(row: ArmedReminder, post: Delivery) -> bool:
    if post.state is DeliveryState.PENDING:
        return row.state is ReminderState.ARMED
    return row.state is not ReminderState.CANCELLED


def _in_pieces(rows: Iterator[ArmedReminder]) -> Iterator[Sequence[ArmedReminder]]:
    while some := tuple(islice(rows, PIECE)):
        yield some


def _amounts(tx: Transaction, rows: Sequence[ArmedReminder]) -> Iterator[Money]:
    tx.catalogue.look_up([row.reminder.subscription for row in rows])
    for row in rows:
        amount = expected(_held(tx, row), row.reminder.anchor)
        if amount is not None:
            yield amount


def _held(tx: Transaction, row: ArmedReminder) -> Subscription:
    """The subscription of a row; one that the catalogue does not know is its key alone."""
    key = row.reminder.subscription
    return tx.catalogue.get(key) or Subscription(key=key)


def _spoken_at(post: Delivery, *, now: datetime) -> datetime:
    """The moment whose words it says: that of the attempt that was seen, else now."""
    return now if post.sent_at is None else post.started_at or post.sent_at


def _delayed(tx: Transaction, post: Delivery, *, at: datetime) -> str | None:
    """Why it is late although it was bundled on time; once it is sent, what was recorded then."""
    if post.sent_at is not None:
        return recorded(islice(told(tx, post), PIECE))
    return sentence_of({cause_since_bundled(tx, post, at=at)})


def _asked_or_snoozed(
    tx: Transaction, subscription: Subscription, fact: SettledFact | None, *, now: datetime
) -> _Now:
    until = fact.until if fact and fact.until and fact.until > now else None
    request = tx.requests.open_with(subscription.key)
    if request is not None:
        asked = SettledFact(
            settled=Settled.REQUESTED,
            at=request.requested_at,
            by=request.requested_by,
            until=until,
        )
        return _Now(Settled.REQUESTED, asked, request_number=request.number)
    if fact is not None and until is not None:
        return _Now(Settled.SNOOZED, fact)
    return _Now(Settled.OPEN, note=fact.note if fact else None)


def _as_settled(item: ReminderItem, became: _Now) -> ReminderItem:
    fact = became.fact
    return replace(
        item,
        settled=became.settled,
        settled_by=fact.by if fact else None,
        settled_at=fact.at if fact else None,
        snoozed_until=fact.until if fact else None,
        request_number=became.request_number,
        note=became.note,
    )


def _due(row: ArmedReminder) -> Reminder:
    """The reminder with the instant at which this send of it was due."""
    return replace(row.reminder, due_at=row.due_at)


def _place(item: ReminderItem) -> Place:
    return place(item.subscription, item.reminder.anchor)


def place(held: Subscription, anchor: Anchor) -> Place:
    """By date, then a quota before its packages, which go in the order of the guides (R3)."""
    rank = 0 if held.kind is Kind.QUOTA else 1 + len(_PACKAGES)
    if held.package is not None:
        rank = 1 + _PACKAGES.index(held.package)
    return (anchor.date, held.key.account, held.region or "", rank, held.label)
