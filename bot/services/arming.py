"""Arming: reminders become rows when due within 48 hours, and are cancelled when facts change.

Everything later than the horizon is derived from the subscription, so a changed date or lead
rewrites nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.billing import reminder, renewal
from bot.billing.days import cloud_date
from bot.billing.reminder import Reminder, Schedule
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import Status, Subscription, SubscriptionKey
from bot.facts.messages import Settled
from bot.ports.clock import Clock
from bot.ports.store import ArmedReminder, Store, Transaction
from bot.services.policy import Policy
from bot.services.settled import SettledFact, fact_about

HORIZON = timedelta(hours=48)
PAGE = 200
WATCH = "reminders/watch"
DIRECT = "/dm"

ONE_DAY = timedelta(days=1)
_ALL_ARMED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """When arming ran last, and up to which due time it had armed everything then."""

    at: datetime
    until: datetime


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
        with self._store.transaction() as tx:
            watch = last_watch(tx)
            self._disarm(tx, now=now, until=horizon)
        armed = self._arm_pages(watch, now=now, horizon=horizon)
        with self._store.transaction() as tx:
            tx.catalogue.date_passed(at=now)
            tx.notes.put(WATCH, {"at": now.isoformat(), "until": horizon.isoformat()})
        return armed

    def next_lead(self, *, now: datetime, days: int = 400) -> tuple[datetime, Subscription] | None:
        """The next instant at which any lead falls due, and of which subscription."""
        nearest: tuple[datetime, Subscription] | None = None
        after: SubscriptionKey | None = None
        with self._store.reading() as tx:
            while page := tx.catalogue.anchored(
                start=now - ONE_DAY, end=now + days * ONE_DAY, after=after, limit=PAGE
            ):
                after = page[-1].key
                for each in page:
                    due = self._first_lead(tx, each, now=now)
                    if due is not None and (nearest is None or due < nearest[0]):
                        nearest = due, each
        return nearest

    def _first_lead(
        self, tx: Transaction, subscription: Subscription, *, now: datetime
    ) -> datetime | None:
        anchor = self._anchor(subscription, at=now)
        if anchor is None or _kept(fact_about(tx, subscription.key, anchor.date)):
            return None
        leads = self._leads(subscription, anchor)
        return min((each.due_at for each in leads if each.due_at > now), default=None)

    def _arm_pages(self, watch: Watch | None, *, now: datetime, horizon: datetime) -> int:
        start = min(watch.at if watch else now, now) - ONE_DAY
        end = horizon + (self._longest_lead() + 2) * ONE_DAY
        armed = 0
        after: SubscriptionKey | None = None
        while True:
            with self._store.transaction() as tx:
                page = tx.catalogue.anchored(start=start, end=end, after=after, limit=PAGE)
                for each in page:
                    armed += self._arm_one(tx, each, watch, now=now, horizon=horizon)
            if len(page) < PAGE:
                return armed
            after = page[-1].key

    def _longest_lead(self) -> int:
        routed = (route.lead_days or () for route in self._policy.routes)
        return max(
            (*self._policy.schedule.lead_days, *(lead for leads in routed for lead in leads))
        )

    def _arm_one(
        self,
        tx: Transaction,
        subscription: Subscription,
        watch: Watch | None,
        *,
        now: datetime,
        horizon: datetime,
    ) -> int:
        anchor = self._unseen(tx, subscription, watch, now=now)
        anchor = anchor or self._anchor(subscription, at=now)
        leads = self._leads(subscription, anchor) if anchor else ()
        if not leads or leads[0].due_at > horizon:
            return 0
        return tx.reminders.arm(
            self._wanted(tx, subscription, leads, watch, now=now, horizon=horizon)
        )

    def _unseen(
        self, tx: Transaction, subscription: Subscription, watch: Watch | None, *, now: datetime
    ) -> Anchor | None:
        """An anchor that passed beyond the horizon while Lapse was off.

        What comes after it is armed the next time, when the cloud may have been read again.
        """
        if watch is None or watch.until >= now:
            return None
        known = tx.catalogue.known_since(subscription.key)
        if known is None or known > watch.until:
            return None
        anchor = self._anchor(subscription, at=watch.until)
        zone = self.schedule(subscription).zone
        return anchor if anchor and over(anchor, zone=zone, now=now) else None

    def _wanted(
        self,
        tx: Transaction,
        subscription: Subscription,
        leads: Sequence[Reminder],
        watch: Watch | None,
        *,
        now: datetime,
        horizon: datetime,
    ) -> list[ArmedReminder]:
        anchor = leads[0].anchor
        fact = fact_about(tx, subscription.key, anchor.date)
        if _kept(fact):
            return []
        rows = tx.reminders.of(subscription.key)
        here = [row for row in rows if row.reminder.anchor.date == anchor.date]
        patient = _postponed(rows, anchor, now=now) and any(each.due_at > now for each in leads)
        since = _known_since(tx, subscription, watch, now=now)
        wanted: list[ArmedReminder] = []
        for destination, suffix in self.targets(subscription):
            told = any(row.destination == destination for row in here)
            fresh = not told and not patient
            owed = _owed(leads, since=since, until=horizon, fresh=fresh, now=now)
            wanted += [
                ArmedReminder(
                    id=each.id + suffix, reminder=each, destination=destination, due_at=due_at
                )
                for each, due_at in owed
                if not _snoozed_past(fact, due_at)
            ]
        return wanted

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
        key = row.reminder.subscription
        subscription = tx.catalogue.get(key)
        if subscription is None or tx.catalogue.is_gone(key):
            return "gone from the cloud"
        if subscription.status is Status.UNSUBSCRIBED:
            return "unsubscribed"
        fact = fact_about(tx, key, row.reminder.anchor.date)
        if fact is not None and _kept(fact):
            return f"kept by {fact.by}"
        if over(row.reminder.anchor, zone=self.schedule(subscription).zone, now=now):
            return self._not_missed(subscription, row.reminder.anchor)
        if self._anchor(subscription, at=now) != row.reminder.anchor:
            return "its date changed"
        return self._not_wanted(subscription, row)

    def _not_missed(self, subscription: Subscription, anchor: Anchor) -> str | None:
        off = anchor.kind is AnchorKind.DEDUCTION and subscription.auto_renew is False
        return "auto-renewal is off" if off and not self.renewed(subscription, anchor) else None

    def renewed(self, subscription: Subscription, anchor: Anchor) -> bool:
        """Whether a deduction that an anchor announced has extended the term."""
        account = self._store.accounts[subscription.key.account]
        ends = subscription.expires_at
        announced = anchor.date + account.deduction_days_before * ONE_DAY
        return (
            anchor.kind is AnchorKind.DEDUCTION
            and ends is not None
            and cloud_date(ends) > announced
        )

    def _not_wanted(self, subscription: Subscription, row: ArmedReminder) -> str | None:
        if row.reason:  # it fell back here from a destination that would not take it
            return None
        if row.destination not in {destination for destination, _ in self.targets(subscription)}:
            return "it goes elsewhere now"
        wanted = row.reminder.lead_days in self.schedule(subscription).lead_days
        return None if wanted or repeat_of(row.id) else "its lead is not wanted any more"

    def _disarm(self, tx: Transaction, *, now: datetime, until: datetime) -> None:
        for row in tx.reminders.due(now=until, limit=_ALL_ARMED):
            reason = self.objection(tx, row, now=now)
            if reason is not None:
                cancel(tx, row, reason=reason)

    def _anchor(self, subscription: Subscription, *, at: datetime) -> Anchor | None:
        account = self._store.accounts.get(subscription.key.account)
        return renewal.anchor(subscription, account, at=at) if account else None

    def _leads(self, subscription: Subscription, anchor: Anchor) -> Sequence[Reminder]:
        return reminder.reminders(subscription.key, anchor, self.schedule(subscription))


def over(anchor: Anchor, *, zone: tzinfo, now: datetime) -> bool:
    """Whether what was announced has come: the deduction, the expiry, the end of a notice date."""
    ends = anchor.at if anchor.at is not None else renewal.safe_cutoff(anchor, reader=zone)
    return ends <= now


def cancel(tx: Transaction, row: ArmedReminder, *, reason: str) -> None:
    """Disarm one row and leave the others of its subscription alone."""
    key = row.reminder.subscription
    others = {(each.id, each.destination) for each in tx.reminders.of(key)}
    tx.reminders.disarm(others - {(row.id, row.destination)}, subscription=key, reason=reason)


def base_of(reminder_id: str) -> str:
    """The id of the lead alone, without `/r<n>` and `/dm`; its four parts are percent-encoded."""
    return "/".join(reminder_id.split("/")[:4])


def repeat_of(reminder_id: str) -> int:
    """Which repeat an id names: the n of `/r<n>`, 0 for the first send."""
    extras = reminder_id.split("/")[4:]
    return next((int(each[1:]) for each in extras if each.startswith("r")), 0)


def last_watch(tx: Transaction) -> Watch | None:
    """When arming ran last, as it noted it."""
    note = tx.notes.get(WATCH)
    if note is None:
        return None
    at, until = (datetime.fromisoformat(str(note[name])) for name in ("at", "until"))
    return Watch(at=at, until=until)


def _known_since(
    tx: Transaction, subscription: Subscription, watch: Watch | None, *, now: datetime
) -> datetime:
    known = tx.catalogue.known_since(subscription.key) or now
    return max(known, min(watch.until, now)) if watch else known


def _owed(
    leads: Sequence[Reminder], *, since: datetime, until: datetime, fresh: bool, now: datetime
) -> Sequence[tuple[Reminder, datetime]]:
    """What to arm and when it is due; a nearest lead that had passed is due now, thus not late."""
    owed = reminder.owed(leads, known_since=since, until=until)
    ahead = [(each, each.due_at) for each in owed if each.due_at >= since]
    slept = any(due_at <= now for _, due_at in ahead)
    passed = [(each, now) for each in owed if each.due_at < since and fresh and not slept]
    return (*passed, *ahead)


def _postponed(rows: Sequence[ArmedReminder], anchor: Anchor, *, now: datetime) -> bool:
    """Whether an earlier date was announced lately: renewed, turned off, or tried again."""
    recent = cloud_date(now) - 2 * ONE_DAY
    dates = {row.reminder.anchor.date for row in rows}
    known = max((each for each in dates if each >= recent), default=None)
    return known is not None and known < anchor.date


def _kept(fact: SettledFact | None) -> bool:
    return fact is not None and fact.settled is Settled.KEPT


def _snoozed_past(fact: SettledFact | None, due_at: datetime) -> bool:
    return fact is not None and fact.until is not None and due_at < fact.until
