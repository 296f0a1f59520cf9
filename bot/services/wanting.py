"""What reminders a subscription should have, and why an armed one no longer holds.

Everything is derived from the subscription, the settings and what people did. What the answers
about many of them need is read at once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.billing import reminder, renewal
from bot.billing.account import Account, account_named
from bot.billing.days import beginning, cloud_date
from bot.billing.reminder import Reminder, Schedule
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import AccountName, Status, Subscription
from bot.facts.messages import Settled
from bot.ports.store import ArmedReminder, DeliveryState, ReminderState, Transaction
from bot.services.armed import DIRECT, over, repeat_of
from bot.services.missing import Due, Pass, missed, owed
from bot.services.moved import moved_because
from bot.services.policy import Policy
from bot.services.settled import SettledFact, fact_about, fact_name

ONE_DAY = timedelta(days=1)


class Judged(NamedTuple):
    """A reminder as it is now, and why it is not to be sent any more."""

    row: ArmedReminder
    objection: str | None


class Wanting:
    """Judges reminders by the settings; changes nothing."""

    def __init__(self, *, accounts: Mapping[AccountName, Account], policy: Policy) -> None:
        self._accounts = accounts
        self._policy = policy

    def targets(self, subscription: Subscription) -> Sequence[tuple[str, str]]:
        """Where its reminders go, with what their ids append: the channel, and the owner's DM."""
        channel, _ = self._policy.destination(subscription)
        owner = [(str(subscription.owner), DIRECT)] if subscription.owner else []
        return [(str(channel), ""), *owner]

    def schedule(self, subscription: Subscription) -> Schedule:
        """The leads, hour and zone that hold for a subscription."""
        return self._policy.destination(subscription)[1]

    def objection(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> str | None:
        """Why an armed reminder is not to be sent any more, or None while it holds."""
        return self.judged(tx, row, now=now).objection

    def judged(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> Judged:
        """An armed reminder by the present facts, with why it is not to be sent any more.

        One whose anchor has passed while it waited still holds: it is told as missed, unless
        nothing was deducted because auto-renewal is off.
        """
        subscription = tx.catalogue.get(row.reminder.subscription)
        if subscription is None:
            return Judged(row, "not in the catalogue")
        if absent := self._absent(tx, subscription):
            return Judged(row, absent)
        ahead = self._anchor(subscription, at=now)
        present = self._present(subscription, row, ahead, now=now)
        return Judged(present, self._objection(tx, subscription, present, ahead, now=now))

    def _objection(
        self,
        tx: Transaction,
        subscription: Subscription,
        row: ArmedReminder,
        ahead: Anchor | None,
        *,
        now: datetime,
    ) -> str | None:
        key, anchor = subscription.key, row.reminder.anchor
        schedule = self.schedule(subscription)
        fact = fact_about(tx, key, anchor.date)
        if fact is not None and (wish := _wish(fact, row, schedule)):
            return wish
        if row.reminder.lead_days not in schedule.lead_days and not repeat_of(row.id):
            return "its lead is not wanted any more"
        if over(anchor, zone=schedule.zone, now=now):
            return self._averted(subscription, anchor)
        if ahead is None or ahead.date != anchor.date:
            return "its date changed"
        return None if self._belongs(tx, subscription, row) else "it goes elsewhere now"

    def is_next(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> bool:
        """Whether what it announces is still what comes next, and not over."""
        subscription = tx.catalogue.get(row.reminder.subscription)
        if subscription is None:
            return False
        ahead = self._anchor(subscription, at=now)
        return ahead is not None and ahead.date == row.reminder.anchor.date

    def as_now(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> ArmedReminder:
        """The reminder with its anchor as it is by the present facts."""
        subscription = tx.catalogue.get(row.reminder.subscription)
        if subscription is None:
            return row
        return self._present(subscription, row, self._anchor(subscription, at=now), now=now)

    def _present(
        self,
        subscription: Subscription,
        row: ArmedReminder,
        ahead: Anchor | None,
        *,
        now: datetime,
    ) -> ArmedReminder:
        """A reminder is about a date: its hour may have changed since, and what comes then.

        Where nothing comes on that date any more it stays as it was. `ahead` is what comes next.
        """
        anchor = row.reminder.anchor
        if (ahead is None or ahead.date != anchor.date) and now > beginning(anchor.date):
            before = renewal.before_it_expired(subscription)
            ahead = self._anchor(before, at=beginning(anchor.date))
        if ahead is None or ahead == anchor or ahead.date != anchor.date:
            return row
        return replace(row, reminder=replace(row.reminder, anchor=ahead))

    def renewed(self, subscription: Subscription, anchor: Anchor) -> bool:
        """Whether a deduction that an anchor announced has extended the term.

        What was told of an account that the settings no longer name is dated as account_of says.
        """
        name = subscription.key.account
        account = account_named(name, self._accounts)
        ends = subscription.expires_at
        announced = anchor.date + account.deduction_days_before * ONE_DAY
        return (
            anchor.kind is AnchorKind.DEDUCTION
            and ends is not None
            and cloud_date(ends) > announced
        )

    def look_up_rows(self, tx: Transaction, rows: Iterable[ArmedReminder]) -> None:
        """Read at once what the answers about these reminders need."""
        about = {(row.reminder.subscription, row.reminder.anchor.date) for row in rows}
        tx.catalogue.look_up({key for key, _ in about})
        tx.notes.look_up([fact_name(key, day) for key, day in about])

    def lacking(
        self, tx: Transaction, subscriptions: Collection[Subscription], run: Pass
    ) -> Sequence[ArmedReminder]:
        """The rows that should be there for these and are not, or at another time."""
        keys = [each.key for each in subscriptions]
        tx.catalogue.look_up(keys)
        tx.reminders.look_up(keys)
        wanted = [(each, due) for each in subscriptions for due in self._due(tx, each, run)]
        tx.notes.look_up([fact_name(each.key, due.anchor.date) for each, due in wanted])
        return [row for each, due in wanted for row in self._lacking(tx, each, due, run)]

    def _lacking(
        self, tx: Transaction, subscription: Subscription, due: Due, run: Pass
    ) -> Sequence[ArmedReminder]:
        leads = self._leads(subscription, due.anchor)
        if not leads or leads[0].due_at > run.horizon:
            return ()
        fact = fact_about(tx, subscription.key, due.anchor.date)
        if is_kept(fact):
            return ()
        rows = tx.reminders.of(subscription.key)
        known = {(row.id, row.destination): row for row in rows}
        return [
            each
            for each in self._wanted(subscription, leads, rows, due, run)
            if not is_quiet(fact, each.due_at)
            and _is_lacking(each, known.get((each.id, each.destination)))
        ]

    def open_leads(
        self, tx: Transaction, subscription: Subscription, *, now: datetime
    ) -> Sequence[Reminder]:
        """Those of its next anchor, unless it was kept."""
        anchor = self._anchor(subscription, at=now)
        if anchor is None or is_kept(fact_about(tx, subscription.key, anchor.date)):
            return ()
        return self._leads(subscription, anchor)

    def _absent(self, tx: Transaction, subscription: Subscription) -> str | None:
        if tx.catalogue.is_gone(subscription.key):
            return "gone from the cloud"
        if subscription.key.account not in self._accounts:
            return "its account is not in the settings"
        return "unsubscribed" if subscription.status is Status.UNSUBSCRIBED else None

    def moved(self, tx: Transaction, row: ArmedReminder) -> str | None:
        """Why it is in the common channel, as noted, when its own destination would not take it."""
        subscription = tx.catalogue.get(row.reminder.subscription)
        if subscription is None or self._is_at_home(subscription, row):
            return None
        return self._fell_back(tx, row)

    def _belongs(self, tx: Transaction, subscription: Subscription, row: ArmedReminder) -> bool:
        """Whether it goes where reminders of the subscription go, or had to fall back."""
        return self._is_at_home(subscription, row) or self._fell_back(tx, row) is not None

    def _is_at_home(self, subscription: Subscription, row: ArmedReminder) -> bool:
        return row.destination in {destination for destination, _ in self.targets(subscription)}

    def _fell_back(self, tx: Transaction, row: ArmedReminder) -> str | None:
        if row.destination != self._policy.reminders_channel:
            return None
        twins = tx.reminders.of(row.reminder.subscription, row.reminder.anchor.date.isoformat())
        for twin in twins:
            if twin.id == row.id and twin != row and twin.delivery_id is not None:
                post = tx.outbox.get(twin.delivery_id)
                if post is not None and post.state is DeliveryState.UNDELIVERABLE:
                    return moved_because(twin.destination, post.error or "")
        return None

    def _wanted(
        self,
        subscription: Subscription,
        leads: Sequence[Reminder],
        rows: Sequence[ArmedReminder],
        due: Due,
        run: Pass,
    ) -> Iterator[ArmedReminder]:
        anchor = due.anchor
        patient = _postponed(rows, anchor, now=run.now) and leads[-1].due_at > run.now
        told = {row.destination for row in rows if _tells(row, anchor)}
        for destination, suffix in self.targets(subscription):
            fresh = destination not in told and not patient and not run.ahead
            for each, due_at in owed(leads, due, fresh=fresh, new=not told, run=run):
                yield ArmedReminder(
                    id=each.id + suffix, reminder=each, destination=destination, due_at=due_at
                )

    def _due(self, tx: Transaction, subscription: Subscription, run: Pass) -> Sequence[Due]:
        """What passed while nobody ran, and what comes next.

        After a deduction that by the present reading did not renew, that is the next attempt. It is
        armed the next time, when the cloud may have been read again.
        """
        if subscription.status is Status.UNSUBSCRIBED or tx.catalogue.is_gone(subscription.key):
            return ()
        account = self._accounts.get(subscription.key.account)
        if account is None:
            return ()
        passed = list(missed(tx, subscription, account, self.schedule(subscription), run))
        ahead = self._anchor(subscription, at=run.now)
        is_open = any(self._is_open(subscription, each.anchor) for each in passed)
        if ahead is None or (is_open and run.is_first):
            return passed
        known = run.known_since(tx, subscription)
        return [*passed, Due(ahead, run.armed_until(known), known)]

    def _is_open(self, subscription: Subscription, passed: Anchor) -> bool:
        deduction = passed.kind is AnchorKind.DEDUCTION
        return deduction and not self.renewed(subscription, passed)

    def _averted(self, subscription: Subscription, anchor: Anchor) -> str | None:
        """Why a deduction that was announced did not come, as far as that is known."""
        if anchor.kind is not AnchorKind.DEDUCTION or self.renewed(subscription, anchor):
            return None
        if subscription.status is Status.EXPIRED:
            return "it was not renewed"
        return "auto-renewal is off" if subscription.auto_renew is False else None

    def _anchor(self, subscription: Subscription, *, at: datetime) -> Anchor | None:
        account = self._accounts.get(subscription.key.account)
        return renewal.anchor(subscription, account, at=at) if account else None

    def _leads(self, subscription: Subscription, anchor: Anchor) -> Sequence[Reminder]:
        return reminder.reminders(subscription.key, anchor, self.schedule(subscription))


def is_kept(fact: SettledFact | None) -> bool:
    """Whether somebody said that nothing more is to be told."""
    return fact is not None and fact.settled is Settled.KEPT


def _wish(fact: SettledFact, row: ArmedReminder, schedule: Schedule) -> str | None:
    """Who does not want to hear it: it was kept, or its hour comes before a snooze is over.

    The settings may have moved that hour since the row was armed. A repeat, and a lead that had
    passed and is told at once, come at no hour of the settings.
    """
    if is_kept(fact):
        return f"kept by {fact.by}"
    what = row.reminder
    if fact.until is None or repeat_of(row.id) or row.due_at != what.due_at:
        return None
    hour = reminder.due_at(what.anchor, lead_days=what.lead_days, schedule=schedule)
    return f"snoozed by {fact.by}" if is_quiet(fact, hour) else None


def is_quiet(fact: SettledFact | None, due_at: datetime) -> bool:
    """Whether somebody snoozed beyond that instant."""
    return fact is not None and fact.until is not None and due_at < fact.until


def _postponed(rows: Sequence[ArmedReminder], anchor: Anchor, *, now: datetime) -> bool:
    """Whether an earlier date was announced lately: renewed, turned off, or tried again."""
    recent = cloud_date(now) - 2 * ONE_DAY
    dates = {row.reminder.anchor.date for row in rows}
    known = max((each for each in dates if each >= recent), default=None)
    return known is not None and known < anchor.date


def _tells(row: ArmedReminder, anchor: Anchor) -> bool:
    """Whether a row has told of this anchor, will, or tried and was not taken."""
    tried = row.state is not ReminderState.CANCELLED or row.delivery_id is not None
    return tried and row.reminder.anchor.date == anchor.date


def _is_lacking(wanted: ArmedReminder, known: ArmedReminder | None) -> bool:
    """Whether a row is to be entered, armed again, or moved to another instant."""
    if known is None:
        return True
    if known.state is ReminderState.CANCELLED:
        return known.sent_at is None
    if known.state is ReminderState.SNOOZED:
        return known.sent_at is None and known.delivery_id is None
    waits = known.state is ReminderState.ARMED and known.delivery_id is None
    return waits and known.due_at != wanted.due_at
