"""Arming: reminders become rows when due within 48 hours, and are cancelled when facts change.

Everything later than the horizon is derived from the subscription, so a changed date or lead
rewrites nothing. A run reads three things only: what the horizon reached since the run before,
the subscriptions whose facts changed, and those whose anchor has passed. A lead that is new in the
settings, for all or for what a route claims, takes two runs: the first enters what falls due soon,
so that it holds at once. Only when other settings changed, or time made a leap, is everything ahead
read once more, what falls due soon before the rest.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

from bot.billing import reminder
from bot.billing.days import beginning
from bot.billing.subscription import Subscription, SubscriptionKey
from bot.ports.clock import Clock
from bot.ports.store import ArmedReminder, ReminderState, Store, Transaction
from bot.services.armed import (
    HORIZON,
    Watch,
    absences,
    cancel,
    end_pauses,
    last_watch,
    note_pause,
    note_seen,
    note_watch,
)
from bot.services.lateness import LATE_AFTER
from bot.services.missing import Pass
from bot.services.policy import Policy
from bot.services.reach import FAR, SOON, Part, Reach
from bot.services.wanting import ONE_DAY, Wanting

LONG_AGO = datetime.min.replace(tzinfo=UTC)
FEW = 10
SIGN_EVERY = timedelta(minutes=1)
"""A run that takes longer shows that it is on its way: nobody is to think that none ran."""

STEP_BACK = timedelta(hours=1)
"""A clock that was ahead by less let nothing pass whose leads had not come: a lead is longer."""

PAGE = 100
"""Subscriptions that one transaction looks at: other writers wait that long."""

_ALL_ARMED = 100_000
_EVERY = 2**31 - 1


class Arming:
    """Keeps the rows of the next 48 hours in step with the catalogue."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._reach = Reach(policy)
        self.wanting = Wanting(accounts=store.accounts, policy=policy)
        self._signed = LONG_AGO
        self._goes_on = False

    def arm(self) -> int:
        """Enter what falls due within the horizon, cancel what no longer holds; how many are new.

        Leads that came due while Lapse was off are entered as well, so they are told late. Of the
        leads that had passed before a subscription, its date or its destination was known, only
        the nearest is entered, due now.
        """
        now = self._clock.now()
        run = self._run(now)
        self._signed, self._goes_on = now, not _is_after_pause(run)
        armed = self._bring_in_step(run)
        self._date_passed(now)
        self._sign()
        with self._store.transaction() as tx:
            self._note(tx, run)
        return armed

    def catch_up(self) -> int:
        """Enter what is owed by the facts that are known, before others take their place.

        As `arm` does, but whoever calls this is no scheduler: that one ran is not noted, and where
        none ever did nothing is entered.
        """
        run = self._run(self._clock.now())
        self._signed, self._goes_on = run.now, False
        return self._bring_in_step(run) if run.before is not None else 0

    def _sign(self) -> None:
        """Show between two pages that this run is on its way, and note where it stood still.

        One that follows a pause shows nothing: that one lasts until it is noted.
        """
        now, before = self._clock.now(), self._signed
        if not self._goes_on or now - before < SIGN_EVERY:
            return
        self._signed = now
        with self._store.transaction() as tx:
            if now - before > LATE_AFTER:
                note_pause(tx, since=before, now=now)
            note_seen(tx, now=now)

    def _run(self, now: datetime) -> Pass:
        with self._store.reading() as tx:
            return self._pass(tx, now)

    def _pass(self, tx: Transaction, now: datetime) -> Pass:
        before = last_watch(tx)
        return Pass(
            now=now,
            horizon=now + HORIZON,
            before=before,
            goes_on=before is not None and self._follows(before, now=now),
            off=absences(tx, before, now=now),
        )

    def _follows(self, before: Watch, *, now: datetime) -> bool:
        """Whether a run follows one by the same settings but for leads, and not long after it."""
        return before.wishes == self._wishes(now) and before.at <= now <= before.until

    def _bring_in_step(self, run: Pass) -> int:
        before, goes_on = run.before, run.goes_on
        if before is not None and before.at - run.now > STEP_BACK:
            self._date_anew(run.now)
        armed = 0 if goes_on else self._arm_soon(run)
        if not goes_on or (before is not None and not before.tidy):
            self._disarm(run)
        # When nobody ran for long, the next run would not know any more that these changed then.
        armed += self._arm_changed(run) if goes_on or run.off else 0
        return armed + self._arm_all(self._reach.looked_at(run))

    def _arm_soon(self, run: Pass) -> int:
        """Enter what falls due soon before everything is looked at, which takes a while."""
        soon = replace(run, horizon=run.now + SOON)
        return self._arm_all(self._reach.due_after(run.now, soon))

    def _arm_all(self, spans: Iterable[Part]) -> int:
        return sum(self._arm_anchored(start, end, each) for start, end, each in spans)

    def lacking(self, tx: Transaction) -> Iterator[ArmedReminder]:
        """The rows that a run would enter now, or at another time than they are; enters nothing."""
        run = self._pass(tx, self._clock.now())
        changed = iter(tx.catalogue.unplanned(limit=_EVERY))
        anchored = (
            (tx.catalogue.anchored_keys(start=start, end=end), each)
            for start, end, each in self._reach.looked_at(run)
        )
        for found, each in chain([(changed, run)], anchored):
            while keys := tuple(islice(found, PAGE)):
                yield from self._lacking(tx, keys, each)

    def _note(self, tx: Transaction, run: Pass) -> None:
        """Remember the run, and that nobody ran before it where that is so."""
        now, before = run.now, run.before
        leads, wishes = self._reach.leads, self._wishes(now)
        seen = max(now, self._clock.now())
        watch = Watch(at=now, until=run.horizon, seen=seen, leads=leads, wishes=wishes)
        if before is not None and run.goes_on:
            watch = _after_news(watch, before)
        if _is_after_pause(run):
            note_pause(tx, since=before.at if before else None, now=now)
        elif before is not None and now < before.at:
            end_pauses(tx, now=now)
        note_watch(tx, watch)

    def arm_one(self, tx: Transaction, key: SubscriptionKey, *, now: datetime) -> int:
        """Enter what one subscription lacks, in the transaction that changed what is wanted."""
        subscription = tx.catalogue.get(key)
        if subscription is None:
            return 0
        run = self._pass(tx, now)
        return tx.reminders.arm(self.wanting.lacking(tx, [subscription], run))

    def next_lead(self) -> tuple[datetime, Subscription] | None:
        """The next instant at which any lead falls due, and of which subscription."""
        now = self._clock.now()
        with self._store.reading() as tx:
            found = [self._next_of(tx, days, now=now) for days in self._reach.days]
        nearest = (each for each in found if each is not None)
        return min(nearest, key=lambda each: each[0], default=None)

    def _arm_anchored(self, start: datetime, end: datetime, run: Pass) -> int:
        armed = 0
        with self._store.reading() as tx:
            found = tx.catalogue.anchored_keys(start=start, end=end)
            while keys := tuple(islice(found, PAGE)):
                armed += self._enter(keys, run)
                self._sign()
        return armed

    def _enter(self, keys: Sequence[SubscriptionKey], run: Pass) -> int:
        """Enter their rows in the transaction that reads them."""
        with self._store.transaction() as tx:
            return tx.reminders.arm(self._lacking(tx, keys, run))

    def _arm_changed(self, run: Pass) -> int:
        """Bring in step the subscriptions that somebody wrote since they were planned."""
        armed = 0
        while self._has_changed():
            with self._store.transaction() as tx:
                keys = tx.catalogue.unplanned(limit=PAGE)
                tx.catalogue.look_up(keys)
                tx.reminders.look_up(keys)
                rows = [row for key in keys for row in tx.reminders.of(key) if _waits(row)]
                cancel(tx, self._objections(tx, rows, run))
                armed += tx.reminders.arm(self._lacking(tx, keys, run))
                tx.catalogue.planned(keys)
            if not keys:  # another replica has them
                break
            self._sign()
        return armed

    def _has_changed(self) -> bool:
        with self._store.reading() as tx:
            return bool(tx.catalogue.unplanned(limit=1))

    def _lacking(
        self, tx: Transaction, keys: Sequence[SubscriptionKey], run: Pass
    ) -> Sequence[ArmedReminder]:
        tx.catalogue.look_up(keys)
        held = [each for key in keys if (each := tx.catalogue.get(key)) is not None]
        return self.wanting.lacking(tx, held, run)

    def _disarm(self, run: Pass) -> None:
        with self._store.reading() as tx:
            rows = tx.reminders.waiting(until=run.horizon)
            while some := tuple(islice(rows, PAGE)):
                objections = self._objections(tx, some, run)
                if objections:
                    with self._store.transaction() as writing:
                        cancel(writing, objections)
                self._sign()

    def _objections(
        self, tx: Transaction, rows: Sequence[ArmedReminder], run: Pass
    ) -> Sequence[tuple[ArmedReminder, str]]:
        self.wanting.look_up_rows(tx, rows)
        asked = ((row, self.wanting.objection(tx, row, now=run.now)) for row in rows)
        return [(row, reason) for row, reason in asked if reason is not None]

    def _date_passed(self, now: datetime) -> None:
        """Date anew what came to pass; its next anchor is planned by the next run."""
        with self._store.reading() as tx:
            passed = next(tx.catalogue.anchored_keys(start=LONG_AGO, end=now), None)
        while passed is not None:
            with self._store.transaction() as tx:
                if tx.catalogue.date_passed(at=now, limit=PAGE) < PAGE:
                    return
            self._sign()

    def _date_anew(self, now: datetime) -> None:
        """The clock was ahead: what came to pass only by that clock is still to come."""
        with self._store.reading() as tx:
            found = (each.key for each in tx.catalogue.all())
            while keys := tuple(islice(found, PAGE)):
                with self._store.transaction() as writing:
                    writing.catalogue.date_anew(keys, at=now)
                self._sign()

    def _next_of(
        self, tx: Transaction, days: int, *, now: datetime
    ) -> tuple[datetime, Subscription] | None:
        """The nearest subscription whose lead of so many days is ahead: mostly the first read."""
        schedule = self._policy.schedule
        day = now.astimezone(schedule.zone).date()
        if reminder.local_instant(day, schedule.at, schedule.zone) <= now:
            day += ONE_DAY
        start = beginning(day + days * ONE_DAY)
        for limit in (FEW, PAGE, _ALL_ARMED):
            rows = tx.catalogue.soonest(start=start, end=now + FAR, limit=limit)
            ahead = [
                (lead.due_at, each)
                for each in rows
                for lead in self.wanting.open_leads(tx, each, now=now)
                if lead.lead_days == days and lead.due_at > now
            ]
            if ahead or len(rows) < limit:
                return min(ahead, key=lambda each: each[0], default=None)
        return None

    def _wishes(self, now: datetime) -> str:
        """A name of what else in the settings decides which reminders there are.

        The rules of the zone among it, which a new edition of the zones may change.
        """
        policy = self._policy
        zone = policy.schedule.zone
        hour = (policy.schedule.at, zone.key, reminder.rules_of(zone, now.year))
        routes = tuple(replace(each, lead_days=None) for each in policy.routes)
        accounts = sorted(self._store.accounts.items())
        said = repr((hour, routes, policy.reminders_channel, accounts))
        return hashlib.sha256(said.encode()).hexdigest()


def _is_after_pause(run: Pass) -> bool:
    """Whether nobody ran before it for long enough to be noted."""
    return run.before is None or run.now - run.before.seen > LATE_AFTER


def _after_news(watch: Watch, before: Watch) -> Watch:
    """What is noted after a run that followed another by the same settings, but for leads."""
    begun = watch.leads - before.leads - before.coming.keys()
    return replace(
        watch,
        leads=watch.leads - begun,
        coming=dict.fromkeys(begun, watch.at),
        tidy=(before.leads | before.coming.keys()) <= watch.leads,
    )


def _waits(row: ArmedReminder) -> bool:
    return row.state is ReminderState.ARMED and row.delivery_id is None
