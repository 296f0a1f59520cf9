"""Arming: reminders become rows when due within 48 hours, and are cancelled when facts change.

Everything later than the horizon is derived from the subscription, so a changed date or lead
rewrites nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bot.billing import reminder, renewal
from bot.billing.days import cloud_date
from bot.billing.reminder import Reminder, Schedule
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import Status, Subscription, SubscriptionKey
from bot.facts.messages import Settled
from bot.ports.clock import Clock
from bot.ports.store import ArmedReminder, DeliveryState, ReminderState, Store, Transaction
from bot.services.armed import DIRECT, Watch, cancel, last_watch, note_watch, over, repeat_of
from bot.services.finding import account_of
from bot.services.policy import Policy
from bot.services.settled import SettledFact, fact_about

HORIZON = timedelta(hours=48)
FAR = timedelta(days=430)
FEW = 10
PAGE = 200

ONE_DAY = timedelta(days=1)
_ALL_ARMED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """One run of arming, and what the run before it had reached."""

    now: datetime
    horizon: datetime
    before: Watch | None

    def known_since(self, tx: Transaction, subscription: Subscription) -> datetime:
        """From when on its leads count: those before were armed by earlier runs, or not known."""
        # A clock that stepped back since must not make what lies ahead look passed.
        known = min(tx.catalogue.known_since(subscription.key) or self.now, self.now)
        return max(known, min(self.before.until, self.now)) if self.before else known


class Arming:
    """Keeps the rows of the next 48 hours in step with the catalogue."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    def arm(self) -> int:
        """Enter what falls due within the horizon, cancel what no longer holds; how many are new.

        Leads that came due while Lapse was off are entered as well, so they are told late. Of the
        leads that had passed before a subscription, its date or its destination was known, only
        the nearest is entered, due now.
        """
        now = self._clock.now()
        horizon = now + HORIZON
        with self._store.reading() as tx:
            run = _Pass(now=now, horizon=horizon, before=last_watch(tx))
        self._disarm(run)
        armed = sum(self._arm(keys, run) for keys in self._in_need(run))
        with self._store.transaction() as tx:
            tx.catalogue.date_passed(at=now)
            note_watch(tx, Watch(at=now, until=horizon))
        return armed

    def arm_one(self, tx: Transaction, key: SubscriptionKey, *, now: datetime) -> int:
        """Enter what one subscription lacks, in the transaction that changed what is wanted."""
        subscription = tx.catalogue.get(key)
        if subscription is None:
            return 0
        run = _Pass(now=now, horizon=now + HORIZON, before=last_watch(tx))
        return tx.reminders.arm(self._lacking(tx, subscription, run))

    def next_lead(self) -> tuple[datetime, Subscription] | None:
        """The next instant at which any lead falls due, and of which subscription."""
        now = self._clock.now()
        with self._store.reading() as tx:
            found = [self._next_of(tx, days, now=now) for days in self._lead_days()]
        nearest = (each for each in found if each is not None)
        return min(nearest, key=lambda each: each[0], default=None)

    def targets(self, subscription: Subscription) -> Sequence[tuple[str, str]]:
        """Where its reminders go, with what their ids append: the channel, and the owner's DM."""
        channel, _ = self._policy.destination(subscription)
        owner = [(str(subscription.owner), DIRECT)] if subscription.owner else []
        return [(str(channel), ""), *owner]

    def schedule(self, subscription: Subscription) -> Schedule:
        """The leads, hour and zone that hold for a subscription."""
        return self._policy.destination(subscription)[1]

    def objection(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> str | None:
        """Why an armed reminder is not to be sent any more, or None while it holds.

        One whose anchor has passed while it waited still holds: it is told as missed, unless
        nothing was deducted because auto-renewal is off.
        """
        key, anchor = row.reminder.subscription, row.reminder.anchor
        subscription = tx.catalogue.get(key)
        if subscription is None or (absent := self._absent(tx, subscription)):
            return absent if subscription else "not in the catalogue"
        fact = fact_about(tx, key, anchor.date)
        if fact is not None and _is_kept(fact):
            return f"kept by {fact.by}"
        if over(anchor, zone=self.schedule(subscription).zone, now=now):
            off = anchor.kind is AnchorKind.DEDUCTION and subscription.auto_renew is False
            averted = off and not self.renewed(subscription, anchor)
            return "auto-renewal is off" if averted else None
        if self._anchor(subscription, at=now) != anchor:
            return "its date changed"
        return self._unwanted(tx, subscription, row)

    def _absent(self, tx: Transaction, subscription: Subscription) -> str | None:
        if tx.catalogue.is_gone(subscription.key):
            return "gone from the cloud"
        if subscription.key.account not in self._store.accounts:
            return "its account is not in the settings"
        return "unsubscribed" if subscription.status is Status.UNSUBSCRIBED else None

    def renewed(self, subscription: Subscription, anchor: Anchor) -> bool:
        """Whether a deduction that an anchor announced has extended the term."""
        account = account_of(self._store, subscription.key.account)
        ends = subscription.expires_at
        announced = anchor.date + account.deduction_days_before * ONE_DAY
        return (
            anchor.kind is AnchorKind.DEDUCTION
            and ends is not None
            and cloud_date(ends) > announced
        )

    def _unwanted(
        self, tx: Transaction, subscription: Subscription, row: ArmedReminder
    ) -> str | None:
        if row.destination not in {destination for destination, _ in self.targets(subscription)}:
            return None if self._fell_back(tx, row) else "it goes elsewhere now"
        wanted = row.reminder.lead_days in self.schedule(subscription).lead_days
        return None if wanted or repeat_of(row.id) else "its lead is not wanted any more"

    def _fell_back(self, tx: Transaction, row: ArmedReminder) -> bool:
        """Whether it is in the common channel because its own destination would not take it."""
        if row.destination != self._policy.reminders_channel:
            return False
        twins = tx.reminders.of(row.reminder.subscription, row.reminder.anchor.date.isoformat())
        carriers = {each.delivery_id for each in twins if each.id == row.id and each != row}
        posts = [tx.outbox.get(each) for each in carriers if each is not None]
        return any(post and post.state is DeliveryState.UNDELIVERABLE for post in posts)

    def _disarm(self, run: _Pass) -> None:
        with self._store.reading() as tx:
            rows = tx.reminders.due(now=run.horizon, limit=_ALL_ARMED)
            objections = [
                (row, reason)
                for row in rows
                if (reason := self.objection(tx, row, now=run.now)) is not None
            ]
        if objections:
            with self._store.transaction() as tx:
                for row, reason in objections:
                    cancel(tx, row, reason=reason)

    def _in_need(self, run: _Pass) -> Iterator[Sequence[SubscriptionKey]]:
        """The subscriptions that lack a row, some at a time; most runs find none."""
        start = min(run.before.at if run.before else run.now, run.now) - ONE_DAY
        end = run.horizon + (max(self._lead_days()) + 2) * ONE_DAY
        found: list[SubscriptionKey] = []
        for tx, each in self._anchored(start=start, end=end):
            if self._lacking(tx, each, run):
                found.append(each.key)
        for at in range(0, len(found), PAGE):
            yield found[at : at + PAGE]

    def _arm(self, keys: Sequence[SubscriptionKey], run: _Pass) -> int:
        """Enter their rows in the transaction that reads them."""
        with self._store.transaction() as tx:
            held = [each for key in keys if (each := tx.catalogue.get(key)) is not None]
            lacking = [row for each in held for row in self._lacking(tx, each, run)]
            return tx.reminders.arm(lacking)

    def _anchored(
        self, *, start: datetime, end: datetime
    ) -> Iterator[tuple[Transaction, Subscription]]:
        after: SubscriptionKey | None = None
        while True:
            with self._store.reading() as tx:
                page = tx.catalogue.anchored(start=start, end=end, after=after, limit=PAGE)
                for each in page:
                    yield tx, each
            if len(page) < PAGE:
                return
            after = page[-1].key

    def _next_of(
        self, tx: Transaction, days: int, *, now: datetime
    ) -> tuple[datetime, Subscription] | None:
        """The nearest subscription whose lead of so many days is ahead: mostly the first read."""
        schedule = self._policy.schedule
        day = now.astimezone(schedule.zone).date()
        if reminder.local_instant(day, schedule.at, schedule.zone) <= now:
            day += ONE_DAY
        start = datetime.combine(day + days * ONE_DAY, time(), renewal.CLOUD_ZONE)
        for limit in (FEW, PAGE, _ALL_ARMED):
            rows = tx.catalogue.soonest(start=start, end=now + FAR, limit=limit)
            ahead = [
                (lead.due_at, each)
                for each in rows
                for lead in self._open_leads(tx, each, now=now)
                if lead.lead_days == days and lead.due_at > now
            ]
            if ahead or len(rows) < limit:
                return min(ahead, key=lambda each: each[0], default=None)
        return None

    def _open_leads(
        self, tx: Transaction, subscription: Subscription, *, now: datetime
    ) -> Sequence[Reminder]:
        """Those of its next anchor, unless it was kept."""
        anchor = self._anchor(subscription, at=now)
        if anchor is None or _is_kept(fact_about(tx, subscription.key, anchor.date)):
            return ()
        return self._leads(subscription, anchor)

    def _lead_days(self) -> Collection[int]:
        routed = (route.lead_days or () for route in self._policy.routes)
        return set(self._policy.schedule.lead_days).union(*routed)

    def _lacking(
        self, tx: Transaction, subscription: Subscription, run: _Pass
    ) -> Sequence[ArmedReminder]:
        """The rows that should be there for a subscription and are not, or at another time."""
        anchor = self._unseen(tx, subscription, run) or self._anchor(subscription, at=run.now)
        leads = self._leads(subscription, anchor) if anchor else ()
        if anchor is None or not leads or leads[0].due_at > run.horizon:
            return ()
        fact = fact_about(tx, subscription.key, anchor.date)
        if _is_kept(fact):
            return ()
        rows = tx.reminders.of(subscription.key)
        known = {(row.id, row.destination): row for row in rows}
        return [
            each
            for each in self._wanted(tx, subscription, leads, rows, run)
            if not (fact and fact.until and each.due_at < fact.until)
            and _is_lacking(each, known.get((each.id, each.destination)))
        ]

    def _wanted(
        self,
        tx: Transaction,
        subscription: Subscription,
        leads: Sequence[Reminder],
        rows: Sequence[ArmedReminder],
        run: _Pass,
    ) -> Iterator[ArmedReminder]:
        anchor = leads[0].anchor
        patient = _postponed(rows, anchor, now=run.now) and leads[-1].due_at > run.now
        told = {row.destination for row in rows if _tells(row, anchor)}
        since = run.known_since(tx, subscription)
        for destination, suffix in self.targets(subscription):
            fresh = destination not in told and not patient
            for each, due_at in _owed(leads, since=since, fresh=fresh, run=run):
                yield ArmedReminder(
                    id=each.id + suffix, reminder=each, destination=destination, due_at=due_at
                )

    def _unseen(self, tx: Transaction, subscription: Subscription, run: _Pass) -> Anchor | None:
        """An anchor that passed beyond the horizon while Lapse was off.

        What comes after it is armed the next time, when the cloud may have been read again.
        """
        if run.before is None or run.before.until >= run.now:
            return None
        known = tx.catalogue.known_since(subscription.key)
        if known is None or known > run.before.until:
            return None
        anchor = self._anchor(subscription, at=run.before.until)
        zone = self.schedule(subscription).zone
        return anchor if anchor and over(anchor, zone=zone, now=run.now) else None

    def _anchor(self, subscription: Subscription, *, at: datetime) -> Anchor | None:
        account = self._store.accounts.get(subscription.key.account)
        return renewal.anchor(subscription, account, at=at) if account else None

    def _leads(self, subscription: Subscription, anchor: Anchor) -> Sequence[Reminder]:
        return reminder.reminders(subscription.key, anchor, self.schedule(subscription))


def _owed(
    leads: Sequence[Reminder], *, since: datetime, fresh: bool, run: _Pass
) -> Sequence[tuple[Reminder, datetime]]:
    """What to arm and when it is due; a nearest lead that had passed is due now, thus not late."""
    owed = reminder.owed(leads, known_since=since, until=run.horizon)
    ahead = [(each, each.due_at) for each in owed if each.due_at >= since]
    slept = any(due_at <= run.now for _, due_at in ahead)
    passed = [(each, run.now) for each in owed if each.due_at < since and fresh and not slept]
    return (*passed, *ahead)


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
    waits = known.state is ReminderState.ARMED and known.delivery_id is None
    return waits and known.due_at != wanted.due_at


def _is_kept(fact: SettledFact | None) -> bool:
    return fact is not None and fact.settled is Settled.KEPT
