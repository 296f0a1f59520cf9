"""Recalling: what is armed and why, and what became of the reminders of the last days."""

from datetime import timedelta

from bot.billing.subscription import Subscription
from bot.facts.messages import Settled
from bot.facts.reminding import (
    Because,
    NextReminder,
    ReminderPage,
    ReminderRow,
    Standing,
    Why,
)
from bot.ports.clock import Clock
from bot.ports.store import (
    PAGE,
    STANDINGS,
    ArmedReminder,
    ReminderState,
    Store,
    Transaction,
)
from bot.services.armed import DIRECT, repeat_of
from bot.services.arming import Arming
from bot.services.moved import moved_from
from bot.services.policy import NOT_REPEATED, Policy
from bot.services.settled import fact_about

LATELY = timedelta(days=30)


class Recalling:
    """Answers what `/lapse reminders` asks; changes nothing."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy, arming: Arming) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._arming = arming

    def page(self, destination: str | None, *, page: int = 1) -> ReminderPage:
        """Ten reminders of a destination, or of all; a page beyond the last is the last."""
        now = self._clock.now()
        since = now - LATELY
        with self._store.reading() as tx:
            counts = tx.reminders.standings(since=since, destination=destination)
            pages = max(1, -(-sum(counts.values()) // PAGE))
            page = min(max(1, page), pages)
            skip = (page - 1) * PAGE
            found = tx.reminders.recalled(
                since=since, destination=destination, skip=skip, limit=PAGE
            )
            rows = tuple(self._row(tx, each) for each in found)
        return ReminderPage(
            destination=destination,
            rows=rows,
            counts=counts,
            page=page,
            pages=pages,
            number=skip + 1,
            since=since,
            next=None if Standing.ARMED in counts else self._next(),
            now=now,
        )

    def _next(self) -> NextReminder | None:
        ahead = self._arming.next_lead()
        if ahead is None:
            return None
        at, subscription = ahead
        channel, _ = self._policy.destination(subscription)
        return NextReminder(at=at, subscription=subscription, channel=channel)

    def _row(self, tx: Transaction, row: ArmedReminder) -> ReminderRow:
        key = row.reminder.subscription
        subscription = tx.catalogue.get(key) or Subscription(key=key)
        return ReminderRow(
            subscription=subscription,
            anchor=row.reminder.anchor,
            lead_days=row.reminder.lead_days,
            standing=STANDINGS[row.state],
            due_at=row.due_at,
            sent_at=row.sent_at,
            destination=row.destination,
            direct=row.id.endswith(DIRECT),
            why=self._why(tx, row, subscription),
        )

    def _why(self, tx: Transaction, row: ArmedReminder, subscription: Subscription) -> Why | None:
        if row.state is ReminderState.ARMED:
            return self._why_armed(tx, row, subscription)
        if row.state is ReminderState.UNKNOWN and row.reason != NOT_REPEATED:
            return Why(because=Because.NOT_CONFIRMED)
        if row.state is ReminderState.KEPT:
            return _by(Because.KEPT, Settled.KEPT, tx, row)
        return _recorded(row) if row.reason else None

    def _why_armed(self, tx: Transaction, row: ArmedReminder, subscription: Subscription) -> Why:
        """What happened to it, else what sends it there."""
        if row.delivery_id is not None:
            return Why(because=Because.ON_ITS_WAY)
        if moved := moved_from(row.reason):
            return Why(because=Because.MOVED, channel=moved[0], detail=moved[1])
        if repeat_of(row.id):
            return _by(Because.SNOOZED, Settled.SNOOZED, tx, row)
        return self._why_there(row, subscription)

    def _why_there(self, row: ArmedReminder, subscription: Subscription) -> Why:
        if row.id.endswith(DIRECT):
            return Why(because=Because.OWNER)
        if subscription.channel == row.destination:
            return Why(because=Because.OWN_CHANNEL)
        route = self._policy.route(subscription)
        if route is None:
            return Why(because=Because.NO_ROUTE)
        return Why(because=Because.ROUTE, detail=route.matches)


def _recorded(row: ArmedReminder) -> Why:
    """The reason as it was recorded; one that moved names the channel that would not take it."""
    moved = moved_from(row.reason)
    if moved is None:
        return Why(because=Because.RECORDED, detail=row.reason)
    return Why(because=Because.MOVED, channel=moved[0], detail=moved[1])


def _by(because: Because, settled: Settled, tx: Transaction, row: ArmedReminder) -> Why:
    """Somebody did it; who, while nobody has done anything else about it since."""
    fact = fact_about(tx, row.reminder.subscription, row.reminder.anchor.date)
    known = fact is not None and fact.settled is settled
    return Why(because=because, by=fact.by if fact and known else None)
