"""Switching: auto-renewal turned on or off by request; nothing here reaches a cloud."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from bot.billing import switching
from bot.billing.change import Change
from bot.billing.deciding import Asking, Terms
from bot.billing.delegation import Deciders
from bot.billing.rights import Action
from bot.billing.subscription import SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import Item, Reason, Request
from bot.facts.switching import NewCharges, SwitchDraft, SwitchWish
from bot.ports.clock import Clock
from bot.ports.store import Store, Transaction
from bot.services import recording
from bot.services.changing import Changing, load
from bot.services.errors import (
    ChargesChanged,
    Incomplete,
    SeveralAccounts,
    UnknownSubscription,
)
from bot.services.finding import find_all, still_there
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.reviewing import switched_again
from bot.services.switch_drafting import SwitchDrafting, Wanted, if_kept


class Switching:
    """Asks for auto-renewal to be switched; deciding and executing are those of every request."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy, people: People) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people
        self._drafting = SwitchDrafting(store=store, policy=policy)
        self._changing = Changing(store=store, clock=clock, policy=policy)

    def needs_request(self, change: Change) -> bool:
        """Whether it is asked for; else the press itself does it. Turning on always is."""
        return change is Change.RENEWAL_ON or self._policy.needing_approval.of(change)

    def draft(self, refs: Sequence[str], change: Change, *, by: SlackUser) -> SwitchDraft:
        """What the person would ask for.

        Raises NotAllowed, SwitchedByHand, AlreadyOn, AlreadyOff, NotRenewable, AlreadyRequested,
        NoApprover, TooLateToSwitch, and what `find_all` raises.
        """
        now = self._clock.now()
        deciders = self._people.deciders()
        with self._store.reading() as tx:
            found = find_all(tx, refs)
            self._demand_allowed(found, change, by=by)
            wanted = Wanted(change=change, by=by, deciders=deciders, opened_at=now)
            return self._drafting.draft(tx, found, wanted, now=now)

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
        deciders = self._people.deciders()
        return self._changing.ask(lambda tx, at: self._ask(tx, wish, deciders, now=at))

    def review(self, number: int, *, by: SlackUser) -> NewCharges:
        """A stale request's charges as they are now, beside the acknowledged ones.

        Raises RequestRefused unless it is the person's own, and what `draft` raises.
        """
        self._people.demand(by, Action.ASK)
        deciders = self._people.deciders()
        now = self._clock.now()
        with self._store.reading() as tx:
            request = load(tx, number)
            self._people.demand(by, Action.WITHDRAW, requester=request.requested_by)
            draft = self._again(tx, request, deciders, opened_at=now)
            read_at = tx.catalogue.read_at(request.account)
        return NewCharges(
            number=number,
            draft=draft,
            before=[item.charge for item in request.items if item.charge is not None],
            acknowledged_at=request.acknowledgement.at,
            why=request.problem,
            read_at=read_at,
        )

    def acknowledge_again(self, number: int, wish: SwitchWish) -> Request:
        """Accept what a stale request means now; it then waits again.

        Raises ChargesChanged, RequestRefused and what `review` raises.
        """
        self._people.demand(wish.by, Action.ASK)
        deciders = self._people.deciders()

        def move(tx: Transaction, request: Request, at: datetime) -> Request:
            draft = self._again(tx, request, deciders, opened_at=wish.opened_at or at)
            _demand_same(draft, wish)
            return switching.acknowledge_again(
                request,
                by=wish.by,
                at=at,
                items=_recharged(request, draft, there=still_there(tx, request)),
                deadline=draft.deadline,
                terms=_terms(draft),
            )

        return self._changing.save(number, move)

    def _ask(
        self,
        tx: Transaction,
        wish: SwitchWish,
        deciders: Deciders,
        *,
        now: datetime,
    ) -> Request:
        # Taken first: people who ask at the same moment wait here, and then see each other.
        number = tx.requests.next_number()
        found = [_get(tx, key) for key in dict.fromkeys(wish.keys)]
        self._demand_allowed(found, wish.change, by=wish.by)
        wanted = Wanted(
            change=wish.change, by=wish.by, deciders=deciders, opened_at=wish.opened_at or now
        )
        draft = self._drafting.draft(tx, found, wanted, now=now)
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
            terms=_terms(draft),
        )
        switched = [(each.subscription, each.charge) for each in draft.items]
        asked = switching.ask(asking, wish.change, switched)
        return recording.save(tx, None, asked, policy=self._policy, at=now)

    def _again(
        self,
        tx: Transaction,
        request: Request,
        deciders: Deciders,
        *,
        opened_at: datetime,
    ) -> SwitchDraft:
        wanted = switched_again(request, deciders, opened_at=opened_at)
        found = [_get(tx, key) for key in still_there(tx, request)]
        return self._drafting.draft(tx, found, wanted, now=self._clock.now())

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


def _demand_same(draft: SwitchDraft, wish: SwitchWish) -> None:
    if wish.fingerprint is not None and wish.fingerprint != draft.fingerprint:
        raise ChargesChanged(draft)


def _terms(draft: SwitchDraft) -> Terms:
    return Terms(
        required_approvals=draft.approvals_needed,
        approvers=draft.approvers,
        cooling_off_minutes=draft.cooling_off_minutes,
        dry_run=draft.dry_run,
        by_hand=False,
        if_kept=if_kept(draft),
    )


def _recharged(
    request: Request, draft: SwitchDraft, *, there: Collection[SubscriptionKey]
) -> tuple[Item, ...]:
    """Its items without those that are gone, with the new charges."""
    charges = {each.subscription.key: each.charge for each in draft.items}
    return tuple(
        replace(item, charge=charges.get(item.key, item.charge))
        for item in request.items
        if item.key in there
    )


def _get(tx: Transaction, key: SubscriptionKey) -> Subscription:
    held = tx.catalogue.get(key)
    if held is None or tx.catalogue.is_gone(key):
        raise UnknownSubscription(str(key), tx.catalogue.near(key.id))
    return held
