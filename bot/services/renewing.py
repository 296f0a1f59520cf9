"""Renewing: turning auto-renewal off, in two phases, and reading back that it is off."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from bot.billing.account import CarriedOut, ExecuteMode
from bot.billing.change import Change
from bot.billing.money import Money
from bot.billing.next_renewal import next_renewal
from bot.billing.renewal import (
    CLOUD_ZONE,
    AnchorKind,
    anchor,
    charge_after_expiry,
    give_back_until,
    renewal_periods,
    safe_cutoff,
)
from bot.billing.rights import Action, Actor, may
from bot.billing.subscription import (
    AccountName,
    Kind,
    Order,
    SlackUser,
    Subscription,
    SubscriptionKey,
)
from bot.facts.messages import Settled
from bot.facts.renewing import Renewal, Renewals, TurnedOff, TurnedOffItem
from bot.ports.clock import Clock
from bot.ports.provider import OutcomeUnknown, Provider, ProviderError, ProviderRefused
from bot.ports.store import Store, Transaction
from bot.services import filing, switched
from bot.services.errors import (
    AlreadyDeducted,
    AlreadyOff,
    Incomplete,
    SeveralAccounts,
    SwitchedByHand,
    UnknownSubscription,
)
from bot.services.filing import Called, Outcome, who
from bot.services.finding import account_of, expected_amount, find
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.settled import SettledFact
from bot.services.telling import tell

DRY_RUN = "Dry run: nothing is changed at the cloud."
_NO_PROVIDER = "The settings do not name its account any more; nothing was changed."
_NOT_OFF = "The cloud accepted it, but auto-renewal still reads on; look again in a minute."
_UNKNOWN = "The cloud did not answer; look again in a minute and press nothing twice."

log = logging.getLogger(__name__)


class Renewing:
    """Switches auto-renewal off for owners, deputies, approvers and admins."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        policy: Policy,
        people: People,
        providers: Mapping[AccountName, Provider],
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people
        self._providers = providers

    def settings_for(self, ref: str) -> Renewals:
        """What `autorenew off` would change: the named one, and a quota's packages with it.

        Raises AlreadyOff when none of them renews, and what `find` raises.
        """
        now = self._clock.now()
        with self._store.reading() as tx:
            held = find(tx, ref)
            chosen = [held, *_packages(tx, held)]
            renewing = tuple(each for each in chosen if each.auto_renew is True)
            if not renewing:
                raise _off(tx, held)
        account = account_of(self._store, held.key.account)
        return Renewals(
            items=tuple(self._renewal(each, now=now) for each in renewing),
            dry_run=account.execute is ExecuteMode.DRY_RUN,
            now=now,
        )

    def demand_some(self, settings: Renewals, *, by: SlackUser) -> None:
        """Raise NotAllowed, of the first, where the person may turn off none of them."""
        actor = self._people.actor(by)
        held = [each.subscription for each in settings.items]
        if not any(may(actor, Action.AUTORENEW_OFF, subscription=each) for each in held):
            self._people.check(actor, Action.AUTORENEW_OFF, subscription=held[0])

    def turn_off(
        self, keys: Sequence[SubscriptionKey], *, by: SlackUser, reminder: str | None = None
    ) -> TurnedOff:
        """Turn auto-renewal off and read it back; messages show both moments.

        `reminder` is the delivery whose button was pressed. Raises NotAllowed, SwitchedByHand,
        AlreadyOff, AlreadyDeducted, Incomplete without keys, UnknownSubscription and
        SeveralAccounts before anything is changed; what the cloud refuses stands in the item.
        """
        if not keys:
            raise Incomplete(nothing=True)
        accounts = sorted({key.account for key in keys})
        if len(accounts) > 1:
            raise SeveralAccounts(accounts)
        now = self._clock.now()
        held = self._announce(keys, by=by, reminder=reminder, now=now)
        dry_run = account_of(self._store, accounts[0]).execute is ExecuteMode.DRY_RUN
        items = [self._switch(each, by=by, reminder=reminder, dry_run=dry_run) for each in held]
        return TurnedOff(items=tuple(items), by=by, at=self._clock.now(), dry_run=dry_run)

    def _announce(
        self,
        keys: Sequence[SubscriptionKey],
        *,
        by: SlackUser,
        reminder: str | None,
        now: datetime,
    ) -> Sequence[Subscription]:
        """Refuse or, in one transaction, say that it is being turned off."""
        renewing = self._renewing(keys, by=by, reminder=reminder, now=now)
        with self._store.transaction() as tx:
            for each in renewing:
                fact = SettledFact(settled=Settled.TURNING_OFF, at=now, by=by)
                self._tell(tx, each, fact, reminder=reminder)
        return renewing

    def check(
        self, keys: Sequence[SubscriptionKey], *, by: SlackUser, reminder: str | None = None
    ) -> None:
        """Raise what `turn_off` raises before anything is changed, where it becomes a request."""
        self._renewing(keys, by=by, reminder=reminder, now=self._clock.now())

    def _renewing(
        self,
        keys: Sequence[SubscriptionKey],
        *,
        by: SlackUser,
        reminder: str | None,
        now: datetime,
    ) -> Sequence[Subscription]:
        """Those of them that the person may turn off and that are not off."""
        actor = self._people.actor(by)
        with self._store.reading() as tx:
            found = [_get(tx, key) for key in dict.fromkeys(keys)]
            for each in found:
                self._people.check(actor, Action.AUTORENEW_OFF, subscription=each)
            for each in found:
                self._demand_not_by_hand(each)
                self._demand_not_deducted(tx, each, actor, reminder=reminder, now=now)
            renewing = [each for each in found if each.auto_renew is not False]
            if not renewing:
                raise _off(tx, found[0])
        return renewing

    def _switch(
        self, held: Subscription, *, by: SlackUser, reminder: str | None, dry_run: bool
    ) -> TurnedOffItem:
        """Call the cloud, read back, and tell what was read."""
        error, called = (DRY_RUN, ()) if dry_run else self._call(held)
        now = self._clock.now()
        fresh = held if error else replace(held, auto_renew=False)
        with self._store.transaction() as tx:
            if error is None:
                _remember(tx, held, by=by, at=now)
                fact = SettledFact(settled=Settled.TURNED_OFF, at=now, by=by)
            else:
                fact = SettledFact(settled=Settled.OPEN, at=now, by=by, note=error)
            self._tell(tx, held, fact, reminder=reminder)
            for each in called:
                filing.call(tx, each, subject=str(held.key), at=now, by=by)
            tx.audit.append(
                at=now,
                actor=who(by),
                action="autorenew.off" if error is None else "autorenew.not-off",
                subject=str(held.key),
                facts={
                    "read_back": "off" if error is None else "on",
                    "error": error,
                    "renewal": self._renewal_told(held, at=now),
                },
            )
        return TurnedOffItem(key=held.key, subscription=fresh, off=error is None, error=error)

    def _renewal_told(self, held: Subscription, *, at: datetime) -> Mapping[str, object] | None:
        """Which renewal it is about, as the record tells it."""
        found = next_renewal(held, account_of(self._store, held.key.account), at=at)
        return {"term_ends": found.term_ends, "amount": found.amount} if found else None

    def _call(self, held: Subscription) -> tuple[str | None, Sequence[Called]]:
        """Why it is not off at the cloud, None when it reads off; and the calls that were made."""
        provider = self._providers.get(held.key.account)
        if provider is None:
            return _NO_PROVIDER, ()
        asked = partial(Called, call="auto-renew-off", ids=[held.key.id])
        try:
            provider.set_auto_renew(held.key.id, on=False)
        except OutcomeUnknown as lost:
            log.warning("autorenew.unknown", extra={"subscription": str(held.key)})
            said = asked(outcome=Outcome.UNKNOWN, code=lost.code, request_id=lost.request_id)
        except ProviderError as no:
            refused = isinstance(no, ProviderRefused)
            outcome = Outcome.REFUSED if refused else Outcome.UNAVAILABLE
            return no.sentence, [asked(outcome=outcome, code=no.code, request_id=no.request_id)]
        else:
            said = asked(outcome=Outcome.ACCEPTED)
        read = partial(Called, call="read", ids=[held.key.id])
        try:
            fresh = provider.read([held.key.id]).get(held.key.id)
        except ProviderError as away:
            return _UNKNOWN, [said, read(outcome=Outcome.UNKNOWN, code=away.code)]
        if fresh is None or fresh.auto_renew is False:
            return None, [said, read(outcome=Outcome.DONE)]
        return _NOT_OFF, [said, read(outcome=Outcome.NOT_DONE)]

    def _tell(
        self, tx: Transaction, held: Subscription, fact: SettledFact, *, reminder: str | None
    ) -> None:
        on = self._deduction_date(held, at=fact.at)
        if on is not None:
            tell(tx, held.key, on, fact, pressed=reminder)

    def _deduction_date(self, held: Subscription, *, at: datetime) -> date | None:
        ahead = anchor(held, account_of(self._store, held.key.account), at=at)
        return ahead.date if ahead is not None and ahead.kind is AnchorKind.DEDUCTION else None

    def _demand_not_by_hand(self, held: Subscription) -> None:
        account = account_of(self._store, held.key.account)
        if account.carried_out is CarriedOut.BY_HAND:
            raise SwitchedByHand(account.name, Change.RENEWAL_OFF)

    def _demand_not_deducted(
        self,
        tx: Transaction,
        held: Subscription,
        actor: Actor,
        *,
        reminder: str | None,
        now: datetime,
    ) -> None:
        """An old reminder's button must not switch off the renewal after the announced one."""
        if reminder is None:
            return
        rows = [row for row in tx.reminders.of(held.key) if row.delivery_id == reminder]
        periods = renewal_periods(held, at=now)
        announced = next((row.reminder.anchor for row in rows), None)
        if announced is None or announced.kind is not AnchorKind.DEDUCTION or not periods:
            return
        if announced.at is not None and announced.at <= now:
            raise AlreadyDeducted(
                _paid(periods[0]) if self._people.sees(actor, [held]) else None,
                at=announced.at,
                until=give_back_until(held, at=now),
                key=held.key,
            )

    def _renewal(self, subscription: Subscription, *, now: datetime) -> Renewal:
        account = account_of(self._store, subscription.key.account)
        ahead = anchor(subscription, account, at=now)
        late = charge_after_expiry(subscription, account, at=now)
        return Renewal(
            subscription=subscription,
            anchor=ahead,
            amount=expected_amount(subscription, account),
            safe_until=safe_cutoff(ahead, reader=CLOUD_ZONE) if ahead is not None else late,
            late_charge_at=late,
        )


def _get(tx: Transaction, key: SubscriptionKey) -> Subscription:
    held = tx.catalogue.get(key)
    if held is None or tx.catalogue.is_gone(key):
        raise UnknownSubscription(str(key), tx.catalogue.near(key.id))
    return held


def _packages(tx: Transaction, held: Subscription) -> Sequence[Subscription]:
    if held.kind is not Kind.QUOTA:
        return ()
    group = tx.catalogue.group(held.key.account, held.region)
    return [each for each in group if each.kind is Kind.PACKAGE]


def _remember(tx: Transaction, held: Subscription, *, by: SlackUser, at: datetime) -> None:
    tx.catalogue.hold([held.key])
    now_held = tx.catalogue.get(held.key) or held
    tx.catalogue.put([replace(now_held, auto_renew=False)], at=at)
    switched.remember(tx, held.key, on=False, by=by, at=at)


def _off(tx: Transaction, held: Subscription) -> AlreadyOff:
    known = switched.turned_off_by(tx, held.key)
    if known is None or held.auto_renew is not False:
        return AlreadyOff(None, None)
    return AlreadyOff(known.by, known.at)


def _paid(order: Order) -> Money | None:
    if order.cash is None or order.currency is None:
        return None
    return Money(order.cash, order.currency)
