"""Announcing: what a reminder message says at this moment, from the present facts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bot.billing import renewal
from bot.billing.account import ExecuteMode
from bot.billing.money import Money, sums
from bot.billing.reminder import Reminder
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import Kind, Package, SlackUser, Status, Subscription
from bot.billing.working_days import last_working_day
from bot.facts.messages import (
    ReminderItem,
    ReminderLine,
    ReminderMessage,
    ReminderRest,
    Settled,
    Timing,
)
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
from bot.services.people import People
from bot.services.phrases import day
from bot.services.policy import Policy
from bot.services.settled import SettledFact, fact_about, read
from bot.services.telling import ANSWERED_WITHIN
from bot.services.wanting import Wanting

LATE_AFTER = timedelta(minutes=2)
"""A takeover after a crash takes at most 90 s and is not worth the word *late*."""

WAS_OFF = "Lapse was not running."
NOT_TAKEN = "Slack did not take it in time."

_PACKAGES = tuple(Package)

Place = tuple[date, str, str, int, str]
"""What reminders are sorted by."""


class _Now(NamedTuple):
    """What has become of an item."""

    settled: Settled
    fact: SettledFact | None = None
    note: str | None = None
    request_number: int | None = None


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
        sent_at = post.sent_at or now
        timing, why = timing_of(post, at=sent_at)
        items = self._items(tx, rows, timing=timing, now=now)
        return ReminderMessage(
            items=items,
            zone=self._zone(rows[0]),
            timing=timing,
            sent_at=sent_at,
            why=why,
            direct=rows[0].id.endswith(DIRECT),
            dry_run=all(self._is_dry(item.subscription) for item in items),
            delivery_id=post.id,
        )

    def rest(self, tx: Transaction, post: Delivery, *, now: datetime) -> ReminderRest | None:
        """The message that counts what is beyond forty; None when nothing of it is left."""
        items = self.rest_items(tx, post, now=now)
        if not items:
            return None
        amounts = (item.amount for item in items if item.amount is not None)
        return ReminderRest(
            batch_id=post.id,
            count=len(items),
            sums=tuple(sums(amounts).values()),
            zone=self._zone(carried(tx, post)[0]),
        )

    def rest_items(
        self, tx: Transaction, post: Delivery, *, now: datetime
    ) -> tuple[ReminderItem, ...]:
        """Those beyond forty, one by one."""
        timing, _ = timing_of(post, at=post.sent_at or now)
        return self._items(tx, carried(tx, post), timing=timing, now=now)

    def line(self, tx: Transaction, delivery: Delivery, *, now: datetime) -> ReminderLine | None:
        """One line of a thread: what was pressed then, whatever holds now."""
        parent = tx.outbox.get(delivery.thread_of) if delivery.thread_of else None
        about = str(delivery.subject.get("about", ""))
        rows = carried(tx, parent) if parent else ()
        row = next((each for each in rows if str(each.reminder.subscription) == about), None)
        if row is None:
            return None
        fact = read(delivery.subject)
        item = self._item(tx, row, timing=Timing.ON_TIME, now=now)
        return ReminderLine(item=_as_settled(item, _Now(fact.settled, fact, fact.note)))

    def objections(
        self, tx: Transaction, rows: Sequence[ArmedReminder], *, now: datetime
    ) -> Sequence[tuple[ArmedReminder, str]]:
        """Those that are not to be sent any more, each with the reason."""
        self._wanting.look_up_rows(tx, rows)
        asked = [(row, self._wanting.objection(tx, row, now=now)) for row in rows]
        return [(row, reason) for row, reason in asked if reason is not None]

    def _items(
        self, tx: Transaction, rows: Sequence[ArmedReminder], *, timing: Timing, now: datetime
    ) -> tuple[ReminderItem, ...]:
        self._wanting.look_up_rows(tx, rows)
        tx.requests.look_up({row.reminder.subscription for row in rows})
        items = (self._item(tx, row, timing=timing, now=now) for row in nearest(rows))
        return tuple(sorted(items, key=_place))

    def _item(
        self, tx: Transaction, row: ArmedReminder, *, timing: Timing, now: datetime
    ) -> ReminderItem:
        """One subscription of a message, with what has become of its reminder."""
        anchor = row.reminder.anchor
        subscription = tx.catalogue.get(row.reminder.subscription)
        if subscription is None:
            subscription = Subscription(key=row.reminder.subscription)
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
        return _as_settled(item, self._became(tx, row, subscription, timing=timing, now=now))

    def _became(
        self,
        tx: Transaction,
        row: ArmedReminder,
        subscription: Subscription,
        *,
        timing: Timing,
        now: datetime,
    ) -> _Now:
        fact = fact_about(tx, subscription.key, row.reminder.anchor.date)
        ended = self._ended(tx, subscription)
        if ended is None and fact is not None and self._stands(fact, subscription, now=now):
            return _Now(fact.settled, fact)
        if ended is None and timing is not Timing.MISSED:
            ended = self._changed(subscription, row.reminder.anchor, now=now)
        if ended is not None:
            return _Now(Settled.NO_LONGER_DUE, note=ended)
        return _asked_or_snoozed(tx, subscription, fact, now=now)

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

    def _changed(self, subscription: Subscription, anchor: Anchor, *, now: datetime) -> str | None:
        if self._wanting.renewed(subscription, anchor):
            return "It was renewed."
        if anchor.kind is AnchorKind.DEDUCTION and subscription.auto_renew is False:
            return "Auto-renewal was turned off at the cloud; by whom is not known."
        if over(anchor, zone=self._wanting.schedule(subscription).zone, now=now):
            return (
                f"It expired on {day(anchor.date)}." if anchor.kind is AnchorKind.EXPIRY else None
            )
        account = account_of(self._store, subscription.key.account)
        present = renewal.anchor(subscription, account, at=now)
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
    rows = tx.reminders.carried_by(post.id)
    if post.state is DeliveryState.PENDING:
        return [row for row in rows if row.state is ReminderState.ARMED]
    return [row for row in rows if row.state is not ReminderState.CANCELLED]


def nearest(rows: Iterable[ArmedReminder]) -> Sequence[ArmedReminder]:
    """One row for each subscription and date: the one with the fewest days ahead."""
    chosen: dict[tuple[object, object], ArmedReminder] = {}
    for row in sorted(rows, key=lambda each: (each.reminder.lead_days, each.id)):
        chosen.setdefault((row.reminder.subscription, row.reminder.anchor.date), row)
    return tuple(chosen.values())


def timing_of(post: Delivery, *, at: datetime) -> tuple[Timing, str | None]:
    """Whether a delivery sent at an instant is on time, and why it is not."""
    timing = Timing(str(post.subject.get("timing", Timing.ON_TIME)))
    if timing is not Timing.ON_TIME:
        return timing, WAS_OFF
    late = at - post.due_at > LATE_AFTER
    return (Timing.LATE, NOT_TAKEN) if late else (Timing.ON_TIME, None)


def expected(subscription: Subscription, anchor: Anchor) -> Money | None:
    """What will be deducted, or committed to at a notice; None when unknown, or at an expiry."""
    price, currency = subscription.renewal_price, subscription.currency
    if price is None or currency is None or anchor.kind is AnchorKind.EXPIRY:
        return None
    return Money(price, currency)


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
