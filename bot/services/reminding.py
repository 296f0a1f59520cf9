"""Reminding: telling people in time, and what they may do about it: keep, take back, snooze."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing import reminder, renewal
from bot.billing.rights import Action
from bot.billing.subscription import SlackUser, Subscription, SubscriptionKey
from bot.facts.messages import ReminderMessage, Settled
from bot.facts.reminding import ReminderPage, RestPage, SnoozeOptions
from bot.ports.clock import Clock
from bot.ports.store import ArmedReminder, ReminderState, Store, Transaction
from bot.services.announcing import Announcing, carried_about, nearest
from bot.services.armed import DIRECT, base_of, over, repeat_of
from bot.services.arming import Arming
from bot.services.bundling import Bundling
from bot.services.errors import NoLongerDue, Refused, SnoozeTooFar
from bot.services.filing import who
from bot.services.foreseeing import foreseen
from bot.services.lateness import LATE_AFTER
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.recalling import Recalling
from bot.services.settled import SettledFact, fact_about
from bot.services.telling import give_back, is_unanswered, tell


class Reminding:
    """The reminders' use cases; rights are checked at every press."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy, people: People) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people
        self._arming = Arming(store=store, clock=clock, policy=policy)
        wanting = self._arming.wanting
        self._bundling = Bundling(store=store, clock=clock, wanting=wanting)
        self._recalling = Recalling(store=store, clock=clock, policy=policy, arming=self._arming)
        self.announcing = Announcing(store=store, policy=policy, people=people, wanting=wanting)

    def arm(self) -> int:
        """Bring the rows of the next 48 hours in step with the catalogue; how many are new.

        What was being turned off when Lapse stopped is settled as well.
        """
        with self._store.reading() as tx:
            unanswered = is_unanswered(tx)
        if unanswered:
            with self._store.transaction() as tx:
                give_back(tx, now=self._clock.now())
        return self._arming.arm()

    def bundle_due(self) -> int:
        """Owe the messages for what is due; how many reminders they carry."""
        return self._bundling.bundle_due()

    def due_in(self) -> timedelta | None:
        """How long until the next armed reminder falls due, None when none is armed."""
        with self._store.reading() as tx:
            due_at = tx.reminders.next_due()
        return None if due_at is None else due_at - self._clock.now()

    def next_lead(self) -> tuple[datetime, Subscription] | None:
        """When any lead falls due next, however far ahead, and of which subscription."""
        return self._arming.next_lead()

    def message(self, delivery: str) -> ReminderMessage:
        """A reminder message as it reads now; raises NoLongerDue when there is none."""
        now = self._clock.now()
        with self._store.reading() as tx:
            post = tx.outbox.get(delivery)
            message = self.announcing.message(tx, post, now=now) if post else None
        if message is None:
            raise NoLongerDue
        return message

    def rest(self, batch: str, *, page: int = 1) -> RestPage:
        """What a message only counted, for *Show all*; raises NoLongerDue when there is none.

        A page beyond the last is the last.
        """
        with self._store.reading() as tx:
            post = tx.outbox.get(batch)
            if post is None:
                raise NoLongerDue
            return self.announcing.rest_page(tx, post, page=page, now=self._clock.now())

    def listed(
        self, *, until: datetime | None = None, settled: bool = False
    ) -> Iterator[ArmedReminder]:
        """Every reminder that is armed, sent, late, missed or unknown, by due time, streamed.

        With `settled` also those that people kept or snoozed, and those that were cancelled.
        """
        states = ReminderState if settled else _LISTED
        with self._store.reading() as tx:
            yield from tx.reminders.listed(until=until, states=tuple(states))

    def foreseen(
        self, *, until: datetime | None = None, settled: bool = False
    ) -> Iterator[ArmedReminder]:
        """The same as they would be had arming just run; nothing is written."""
        states = ReminderState if settled else _LISTED
        now = self._clock.now()
        with self._store.reading() as tx:
            yield from foreseen(tx, self._arming, until=until, states=tuple(states), now=now)

    def recalled(self, destination: str | None = None, *, page: int = 1) -> ReminderPage:
        """Ten of what is armed, and of what became of the others lately, at one destination or all.

        A page beyond the last is the last.
        """
        return self._recalling.page(destination, page=page)

    def keep(
        self, delivery: str, keys: Sequence[SubscriptionKey], *, by: SlackUser
    ) -> ReminderMessage:
        """No more reminders for these deductions; raises NotAllowed or NoLongerDue."""
        now = self._clock.now()
        for key, rows in self._allowed(delivery, keys, by=by, now=now).items():
            with self._store.transaction() as tx:
                self._settle(tx, key, delivery, rows, Settled.KEPT, by=by)
                ids = [row.id for row in rows]
                tx.reminders.set_state(ids, state=ReminderState.KEPT, reason=f"kept by {by}")
        return self.message(delivery)

    def undo_keep(
        self, delivery: str, keys: Sequence[SubscriptionKey], *, by: SlackUser
    ) -> ReminderMessage:
        """Remind again of deductions that were kept; raises NotAllowed or NoLongerDue."""
        now = self._clock.now()
        for key, rows in self._allowed(delivery, keys, by=by, now=now).items():
            with self._store.transaction() as tx:
                known = fact_about(tx, key, rows[0].reminder.anchor.date)
                if known is None or known.settled is not Settled.KEPT:
                    continue
                self._settle(tx, key, delivery, rows, Settled.OPEN, by=by)
                for row in self._timed_anew(tx, rows, now=now):
                    state, reason = _before_keeping(row, now=now)
                    tx.reminders.set_state([row.id], state=state, reason=reason)
                self._arming.arm_one(tx, key, now=now)
        return self.message(delivery)

    def snooze(
        self,
        delivery: str,
        keys: Sequence[SubscriptionKey],
        *,
        until: datetime,
        by: SlackUser,
    ) -> ReminderMessage:
        """Come back everywhere at an instant before the last safe moment, quiet until then.

        Raises NotAllowed, NoLongerDue, SnoozeTooFar, or Refused for a moment that has passed.
        """
        now = self._clock.now()
        if until <= now:
            raise Refused("That moment has passed.", "Choose a later time.")
        allowed = self._allowed(delivery, keys, by=by, now=now)
        for rows in allowed.values():
            self._demand_safe(rows[0], until=until)
        for key, rows in allowed.items():
            with self._store.transaction() as tx:
                self._settle(tx, key, delivery, rows, Settled.SNOOZED, by=by, until=until)
                open_again = _no_longer_kept(tx, self._timed_anew(tx, rows, now=now), now=now)
                quiet = [row.id for row in open_again if _falls_silent(row, until=until)]
                reason = f"snoozed by {by}"
                tx.reminders.set_state(quiet, state=ReminderState.SNOOZED, reason=reason)
                tx.reminders.arm(_repeats(rows, until=until))
                self._arming.arm_one(tx, key, now=now)
        return self.message(delivery)

    def snooze_options(self, delivery: str, keys: Sequence[SubscriptionKey]) -> SnoozeOptions:
        """The moments that lie before the last safe one of every chosen subscription."""
        now = self._clock.now()
        with self._store.reading() as tx:
            rows = [row for row in _shown(tx, delivery, keys) if self._is_ahead(tx, row, now=now)]
            found = [tx.catalogue.get(row.reminder.subscription) for row in rows]
        if not rows:
            raise NoLongerDue
        schedule = self._policy.schedule
        first = min(rows, key=lambda row: row.reminder.anchor.date).reminder.anchor
        choices = reminder.snooze_choices(
            first, schedule=schedule, now=now, countries=self._policy.holidays
        )
        return SnoozeOptions(
            subscriptions=tuple(each for each in found if each is not None),
            choices=tuple(choices),
            hour=schedule.at,
            zone=schedule.zone,
            safe_until=renewal.safe_cutoff(first, reader=schedule.zone),
            now=now,
        )

    def _allowed(
        self,
        delivery: str,
        keys: Sequence[SubscriptionKey],
        *,
        by: SlackUser,
        now: datetime,
    ) -> Mapping[SubscriptionKey, Sequence[ArmedReminder]]:
        """Every row about what the pressed message announced, where the person may settle it."""
        with self._store.reading() as tx:
            shown = [row for row in _shown(tx, delivery, keys) if self._is_ahead(tx, row, now=now)]
            about = [
                (tx.catalogue.get(row.reminder.subscription), _siblings(tx, row)) for row in shown
            ]
        if not about:
            raise NoLongerDue
        for subscription, _ in about:
            self._people.demand(by, Action.SETTLE_REMINDER, subscription=subscription)
        return {rows[0].reminder.subscription: rows for _, rows in about}

    def _timed_anew(
        self, tx: Transaction, rows: Sequence[ArmedReminder], *, now: datetime
    ) -> Sequence[ArmedReminder]:
        """The rows with the hours that the settings of today give to leads that wait.

        While something is kept nobody moves its rows, so they may bear the hours of earlier ones.
        """
        subscription = tx.catalogue.get(rows[0].reminder.subscription)
        leads = self._arming.wanting.open_leads(tx, subscription, now=now) if subscription else ()
        hours = {each.id: each.due_at for each in leads}
        return [
            replace(row, due_at=hours.get(base_of(row.id), row.due_at)) if _has_hour(row) else row
            for row in rows
        ]

    def _is_ahead(self, tx: Transaction, row: ArmedReminder, *, now: datetime) -> bool:
        passed = over(row.reminder.anchor, zone=self._policy.schedule.zone, now=now)
        return not passed and self._arming.wanting.is_next(tx, row, now=now)

    def _demand_safe(self, row: ArmedReminder, *, until: datetime) -> None:
        cutoff = renewal.safe_cutoff(row.reminder.anchor, reader=self._policy.schedule.zone)
        if until >= cutoff:
            raise SnoozeTooFar(cutoff)

    def _settle(
        self,
        tx: Transaction,
        key: SubscriptionKey,
        delivery: str,
        rows: Sequence[ArmedReminder],
        settled: Settled,
        *,
        by: SlackUser,
        until: datetime | None = None,
    ) -> None:
        now = self._clock.now()
        anchor = rows[0].reminder.anchor
        fact = SettledFact(settled=settled, at=now, by=by, until=until)
        tell(tx, key, anchor.date, fact, pressed=delivery)
        facts = {
            "anchor": anchor.date.isoformat(),
            "until": until.isoformat() if until else None,
        }
        action = _ACTIONS[settled]
        tx.audit.append(at=now, actor=who(by), action=action, subject=str(key), facts=facts)


_LISTED = (
    ReminderState.ARMED,
    ReminderState.SENT,
    ReminderState.LATE,
    ReminderState.MISSED,
    ReminderState.UNKNOWN,
)
_ACTIONS = {
    Settled.KEPT: "reminder.kept",
    Settled.OPEN: "reminder.keep-undone",
    Settled.SNOOZED: "reminder.snoozed",
}


def _shown(
    tx: Transaction, delivery: str, keys: Sequence[SubscriptionKey]
) -> Sequence[ArmedReminder]:
    post = tx.outbox.get(delivery)
    return nearest(carried_about(tx, post, keys)) if post is not None else ()


def _siblings(tx: Transaction, row: ArmedReminder) -> Sequence[ArmedReminder]:
    """All rows of the same subscription and anchor, the one itself first."""
    anchor_date = row.reminder.anchor.date.isoformat()
    rows = tx.reminders.of(row.reminder.subscription, anchor_date)
    others = [
        each
        for each in rows
        if each.state is not ReminderState.CANCELLED
        and (each.id, each.destination) != (row.id, row.destination)
    ]
    return (row, *others)


def _no_longer_kept(
    tx: Transaction, rows: Sequence[ArmedReminder], *, now: datetime
) -> Sequence[ArmedReminder]:
    """The rows as they stand when a snooze takes the place of a keep."""
    reopened = []
    for row in rows:
        state, reason = row.state, row.reason
        if state is ReminderState.KEPT:
            state, reason = _before_keeping(row, now=now)
            tx.reminders.set_state([row.id], state=state, reason=reason)
        reopened.append(replace(row, state=state, reason=reason))
    return reopened


def _before_keeping(row: ArmedReminder, *, now: datetime) -> tuple[ReminderState, str]:
    if row.sent_at is not None or row.delivery_id is not None:
        late = row.sent_at is not None and row.sent_at - row.due_at > LATE_AFTER
        return (ReminderState.LATE if late else ReminderState.SENT), ""
    if row.due_at > now:
        return ReminderState.ARMED, ""
    return ReminderState.CANCELLED, "it was kept when this fell due"


def _has_hour(row: ArmedReminder) -> bool:
    """Whether it comes at an hour of the settings and has not come yet."""
    return row.delivery_id is None and row.sent_at is None and not repeat_of(row.id)


def _falls_silent(row: ArmedReminder, *, until: datetime) -> bool:
    waits = row.state is ReminderState.ARMED and row.delivery_id is None
    return waits and (row.due_at < until or repeat_of(row.id) > 0)


def _repeats(rows: Sequence[ArmedReminder], *, until: datetime) -> Sequence[ArmedReminder]:
    """The pressed lead once more, under the next repeat number, wherever it was sent."""
    pressed = rows[0]
    base = base_of(pressed.id)
    number = 1 + max(repeat_of(row.id) for row in rows if base_of(row.id) == base)
    targets = {(row.destination, row.id.endswith(DIRECT)) for row in rows}
    return [
        ArmedReminder(
            id=f"{base}/r{number}{DIRECT if direct else ''}",
            reminder=pressed.reminder,
            destination=destination,
            due_at=until,
        )
        for destination, direct in sorted(targets)
    ]
