"""Switching: auto-renewal turned on or off by request; nothing here reaches a cloud."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from bot.billing import switching
from bot.billing.account import Account, ExecuteMode
from bot.billing.change import Change, Charge
from bot.billing.days import CLOUD_ZONE, cloud_date
from bot.billing.deadline import deadline_for, too_late
from bot.billing.deciding import Asking
from bot.billing.money import Money, sums
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.rights import Action
from bot.billing.subscription import SlackUser, Subscription, SubscriptionKey
from bot.billing.switching import CannotSwitch
from bot.billing.unsubscription import Reason, Request, UnsubscriptionError
from bot.facts.switching import NewCharges, SwitchDraft, SwitchItem, SwitchWish
from bot.facts.unsubscribing import Kept
from bot.ports.clock import Clock
from bot.ports.store import ChangedMeanwhile, Store, Transaction
from bot.services import recording
from bot.services.errors import (
    AlreadyOff,
    AlreadyOn,
    AlreadyRequested,
    Busy,
    ChargesChanged,
    Incomplete,
    NoApprover,
    NotRenewable,
    RequestRefused,
    SeveralAccounts,
    TooLateToSwitch,
    UnknownRequest,
    UnknownSubscription,
)
from bot.services.finding import account_of, find_all
from bot.services.forms import kept_facts
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.switched import turned_off_by

ATTEMPTS = 5
"""How often it is asked again when somebody else saved first."""


class Switching:
    """Asks for auto-renewal to be switched; deciding and executing are those of every request."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy, people: People) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people

    def needs_request(self, change: Change) -> bool:
        """Whether it is asked for; else the press itself does it. Turning on always is."""
        return change is Change.RENEWAL_ON or self._policy.needing_approval.of(change)

    def draft(self, refs: Sequence[str], change: Change, *, by: SlackUser) -> SwitchDraft:
        """What the person would ask for.

        Raises NotAllowed, AlreadyOn, AlreadyOff, NotRenewable, AlreadyRequested, NoApprover,
        TooLateToSwitch, and what `find_all` raises.
        """
        now = self._clock.now()
        approvers = self._people.approvers()
        with self._store.reading() as tx:
            found = find_all(tx, refs)
            self._demand_allowed(found, change, by=by)
            return self._draft(tx, found, change, by=by, approvers=approvers, opened_at=now)

    def ask(self, wish: SwitchWish) -> Request:
        """Make it a request; one that needs no approval cools off at once.

        Raises ChargesChanged when it means something else than was shown, Incomplete without a
        subscription, SeveralAccounts, and what `draft` raises.
        """
        if not wish.keys:
            raise Incomplete(nothing=True)
        accounts = sorted({key.account for key in wish.keys})
        if len(accounts) > 1:
            raise SeveralAccounts(accounts)
        approvers = self._people.approvers()
        for _ in range(ATTEMPTS):
            try:
                with self._store.transaction() as tx:
                    return self._ask(tx, wish, approvers, now=self._clock.now())
            except ChangedMeanwhile:
                continue
        raise Busy

    def review(self, number: int, *, by: SlackUser) -> NewCharges:
        """A stale request's charges as they are now, beside the acknowledged ones.

        Raises RequestRefused unless it is the person's own, and what `draft` raises.
        """
        self._people.demand(by, Action.ASK)
        approvers = self._people.approvers()
        now = self._clock.now()
        with self._store.reading() as tx:
            request = _load(tx, number)
            self._people.demand(by, Action.WITHDRAW, requester=request.requested_by)
            draft = self._again(tx, request, approvers, opened_at=now)
        return NewCharges(
            number=number,
            draft=draft,
            before=[item.charge for item in request.items if item.charge is not None],
            acknowledged_at=request.acknowledgement.at,
            why=request.problem,
        )

    def acknowledge_again(self, number: int, wish: SwitchWish) -> Request:
        """Accept what a stale request means now; it then waits again.

        Raises ChargesChanged, RequestRefused and what `review` raises.
        """
        self._people.demand(wish.by, Action.ASK)
        approvers = self._people.approvers()
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            try:
                with self._store.transaction() as tx:
                    request = _load(tx, number)
                    opened_at = wish.opened_at or now
                    draft = self._again(tx, request, approvers, opened_at=opened_at)
                    _demand_same(draft, wish)
                    moved = _acknowledged(request, draft, by=wish.by, at=now)
                    return recording.save(tx, request, moved, policy=self._policy, at=now)
            except ChangedMeanwhile:
                continue
        raise Busy(number)

    def _ask(
        self,
        tx: Transaction,
        wish: SwitchWish,
        approvers: tuple[SlackUser, ...],
        *,
        now: datetime,
    ) -> Request:
        # Taken first: people who ask at the same moment wait here, and then see each other.
        number = tx.requests.next_number()
        found = [_get(tx, key) for key in dict.fromkeys(wish.keys)]
        self._demand_allowed(found, wish.change, by=wish.by)
        opened_at = wish.opened_at or now
        draft = self._draft(
            tx, found, wish.change, by=wish.by, approvers=approvers, opened_at=opened_at
        )
        _demand_same(draft, wish)
        currency = draft.account.currency
        asking = Asking(
            number=number,
            account=draft.account,
            by=wish.by,
            at=now,
            reason=Reason.OTHER,
            details="",
            worst=switching.nothing_back(currency),
            deadline=draft.deadline,
            required_approvals=draft.approvals_needed,
            approvers=draft.approvers,
            cooling_off_minutes=draft.cooling_off_minutes,
            if_kept=kept_facts(_if_kept(draft)),
        )
        switched = [(each.subscription, each.charge) for each in draft.items]
        asked = switching.ask(asking, wish.change, switched)
        return recording.save(tx, None, asked, policy=self._policy, at=now)

    def _again(
        self,
        tx: Transaction,
        request: Request,
        approvers: tuple[SlackUser, ...],
        *,
        opened_at: datetime,
    ) -> SwitchDraft:
        return self._draft(
            tx,
            [_get(tx, item.key) for item in request.items],
            request.change,
            by=request.requested_by,
            approvers=approvers,
            opened_at=opened_at,
            ignoring=request.number,
        )

    def _demand_allowed(
        self, found: Sequence[Subscription], change: Change, *, by: SlackUser
    ) -> None:
        """On is asked for by everybody, off by those who may turn it off."""
        if change is Change.RENEWAL_ON:
            self._people.demand(by, Action.ASK)
            return
        actor = self._people.actor(by)
        for each in found:
            self._people.check(actor, Action.AUTORENEW_OFF, subscription=each)

    def _draft(
        self,
        tx: Transaction,
        found: Sequence[Subscription],
        change: Change,
        *,
        by: SlackUser,
        approvers: tuple[SlackUser, ...],
        opened_at: datetime,
        ignoring: int | None = None,
    ) -> SwitchDraft:
        now = self._clock.now()
        account = account_of(self._store, found[0].key.account)
        _demand_free(tx, found, ignoring=ignoring)
        switched = _switchable(tx, found, change, account, at=now)
        deadline, at_once = self._deadline(switched, change, account, opened_at=opened_at, now=now)
        charges = [switching.charge(each, account, at=now) for each in switched]
        if at_once:
            charges = [switching.at_once(each) for each in charges]
        items = tuple(
            SwitchItem(subscription=each, charge=charged)
            for each, charged in zip(switched, charges, strict=True)
        )
        needed = self._policy.required_for(switched, paid=_stake(charges, account), change=change)
        others = tuple(user for user in approvers if user != by)
        if len(others) < needed:
            raise NoApprover(needed=needed, there=len(others))
        minutes = self._policy.cooling_off_minutes_of(account)
        return SwitchDraft(
            change=change,
            account=account,
            items=items,
            deadline=deadline,
            opened_at=opened_at,
            now=now,
            dry_run=account.execute is ExecuteMode.DRY_RUN,
            approvals_needed=needed,
            approvers=others,
            cooling_off_minutes=minutes,
            fingerprint=_fingerprint(change, items, account, deadline),
        )

    def _deadline(
        self,
        switched: Sequence[Subscription],
        change: Change,
        account: Account,
        *,
        opened_at: datetime,
        now: datetime,
    ) -> tuple[datetime, bool]:
        """Until when it can be decided, and whether turning on may then deduct at once.

        As long as there is time before the last attempt, the deadline lies before it.
        """
        cutoffs = [switching.cutoffs(change, each, account, at=now) for each in switched]
        dated = [each for each in cutoffs if each]
        for place in range(max((len(each) for each in dated), default=1)):
            last = [each[min(place, len(each) - 1)] for each in dated]
            deadline = deadline_for(
                opened_at=opened_at,
                expires_after_hours=self._policy.expires_after_hours,
                cooling_off_minutes=self._policy.cooling_off_minutes_of(account),
                last_safe=last,
            )
            if not too_late(deadline, opened_at=now):
                ends = [each.expires_at for each in switched]
                return deadline, change is Change.RENEWAL_ON and last == ends
        raise TooLateToSwitch(change, min((each[-1] for each in dated), default=now))


def _switchable(
    tx: Transaction,
    found: Sequence[Subscription],
    change: Change,
    account: Account,
    *,
    at: datetime,
) -> Sequence[Subscription]:
    """Those that are not as they should be already; turned on only what the cloud renews."""
    wanted = [each for each in found if each.auto_renew is not change.renews]
    if not wanted:
        known = turned_off_by(tx, found[0].key)
        off = AlreadyOff(*known) if known else AlreadyOff(None, None)
        raise AlreadyOn if change is Change.RENEWAL_ON else off
    if change is Change.RENEWAL_ON:
        for each in wanted:
            try:
                switching.demand_can_renew(each, account, at=at)
            except CannotSwitch as why:
                raise NotRenewable(why.sentence, why.advice) from why
    return wanted


def _demand_free(tx: Transaction, found: Sequence[Subscription], *, ignoring: int | None) -> None:
    for each in found:
        held = tx.requests.open_with(each.key)
        if held is not None and held.number != ignoring:
            raise AlreadyRequested(held.number)


def _demand_same(draft: SwitchDraft, wish: SwitchWish) -> None:
    if wish.fingerprint is not None and wish.fingerprint != draft.fingerprint:
        raise ChargesChanged(draft)


def _acknowledged(request: Request, draft: SwitchDraft, *, by: SlackUser, at: datetime) -> Request:
    charges = {each.subscription.key: each.charge for each in draft.items}
    items = tuple(
        replace(item, charge=charges.get(item.key, item.charge)) for item in request.items
    )
    try:
        return switching.acknowledge_again(
            request, by=by, at=at, items=items, deadline=draft.deadline
        )
    except UnsubscriptionError as error:
        raise RequestRefused(error, request) from error


def _if_kept(draft: SwitchDraft) -> Kept | None:
    """What comes when nothing is switched: the end of the term, or the deduction."""
    if draft.change is Change.RENEWAL_ON:
        ends = min((each.expires_at for each in draft.ordered if each.expires_at), default=None)
        return None if ends is None else _kept(AnchorKind.EXPIRY, ends, ())
    dated = [each.charge for each in draft.items if each.charge.at is not None]
    first = min((each.at for each in dated if each.at is not None), default=None)
    same = [each.amount for each in dated if each.at == first]
    return None if first is None else _kept(AnchorKind.DEDUCTION, first, same)


def _kept(kind: AnchorKind, at: datetime, amounts: Sequence[Money | None]) -> Kept:
    known = [each for each in amounts if each is not None]
    return Kept(
        anchor=Anchor(kind=kind, date=cloud_date(at), at=at),
        amounts=tuple(sums(known).values()),
        unknown=len(amounts) - len(known),
    )


def _stake(charges: Sequence[Charge], account: Account) -> Money:
    """What is deducted or no longer is, in the first known currency."""
    known = [each.amount for each in charges if each.amount is not None]
    if not known:
        return Money.zero(account.currency)
    same = [each for each in known if each.currency == known[0].currency]
    return sum(same[1:], same[0])


def _fingerprint(
    change: Change, items: Sequence[SwitchItem], account: Account, deadline: datetime
) -> str:
    """Everything that the person sees of what it means."""
    seen = [
        [
            str(each.subscription.key),
            str(each.charge.amount),
            str(each.charge.at.astimezone(CLOUD_ZONE) if each.charge.at else ""),
            each.charge.at_once,
            each.charge.months,
        ]
        for each in items
    ]
    facts = [change, account.execute, deadline.astimezone(CLOUD_ZONE).isoformat(), seen]
    return sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _get(tx: Transaction, key: SubscriptionKey) -> Subscription:
    held = tx.catalogue.get(key)
    if held is None or tx.catalogue.is_gone(key):
        raise UnknownSubscription(str(key), tx.catalogue.near(key.id))
    return held


def _load(tx: Transaction, number: int) -> Request:
    request = tx.requests.get(number)
    if request is None:
        raise UnknownRequest(number)
    return request
