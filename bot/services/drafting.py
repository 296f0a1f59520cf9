"""Drafting: everything that the unsubscription form shows, worked out at one instant."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from bot.billing import stepping
from bot.billing.account import Account, CarriedOut, ExecuteMode
from bot.billing.cases import five_day_end
from bot.billing.change import Change
from bot.billing.contract import is_of_contracts, worst_of
from bot.billing.deadline import deadline_for, last_safe, latest_execution, too_late
from bot.billing.delegation import Deciders
from bot.billing.dependents import dependents
from bot.billing.edition import is_live_quota
from bot.billing.money import added, sums
from bot.billing.plan import Plan
from bot.billing.quote import Case, Quote, QuoteTotal, Scope
from bot.billing.renewal import AnchorKind, anchor, give_back_until
from bot.billing.subscription import (
    BillingMode,
    Kind,
    SlackUser,
    Status,
    Subscription,
    SubscriptionKey,
)
from bot.billing.way import Way, WayKind, WaysOut
from bot.billing.ways_out import ways_out
from bot.facts.unsubscribing import Draft, Kept
from bot.ports.store import Store, Transaction
from bot.services.errors import (
    AlreadyRequested,
    NoApprover,
    NotPossible,
    Refused,
    RenewalBeginsSoon,
    SeveralCurrencies,
    TooLate,
)
from bot.services.finding import account_of, expected_amount, find_all
from bot.services.planning import planned, surroundings
from bot.services.policy import Policy, Stake

_OVER = frozenset({Status.UNSUBSCRIBED, Status.EXPIRED, Status.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for: named subscriptions, ticked packages (None: all), and for how much.

    `deciders` are those of this moment, and `ignoring` is its own request.
    """

    refs: tuple[str, ...]
    packages: tuple[SubscriptionKey, ...] | None = None
    scope: Scope = Scope.ALL
    opened_at: datetime
    by: SlackUser
    deciders: Deciders
    ignoring: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """The named subscriptions with what surrounds them and what goes along."""

    named: tuple[Subscription, ...]
    group: tuple[Subscription, ...]
    optional: tuple[Subscription, ...]
    ticked: frozenset[SubscriptionKey]

    @property
    def chosen(self) -> tuple[Subscription, ...]:
        """What would go: the named ones without unticked packages, and the ticked packages."""
        choice = {each.key for each in self.optional}
        own = [each for each in self.named if each.key not in choice]
        return (*own, *(each for each in self.optional if each.key in self.ticked))

    @property
    def known(self) -> Mapping[SubscriptionKey, Subscription]:
        """Everything by key."""
        return {each.key: each for each in (*self.group, *self.named)}


class Drafting:
    """Works out drafts inside a transaction that somebody else opened."""

    def __init__(self, *, store: Store, policy: Policy) -> None:
        self._store = store
        self._policy = policy

    def draft(self, tx: Transaction, wish: Wish, *, now: datetime) -> Draft:
        """The draft of a wish.

        Raises UnknownSubscription, AmbiguousId, SeveralAccounts, AlreadyRequested, NotPossible,
        SeveralCurrencies, TooLate and NoApprover.
        """
        choice = self._choice(tx, wish, now=now)
        account = account_of(self._store, choice.named[0].key.account)
        plan = planned(tx, choice.chosen, account=account, at=now, scope=wish.scope)
        if not plan.steps:
            raise _not_possible(plan, choice)
        if plan.total is None:
            raise SeveralCurrencies(sorted({q.currency for q in plan.quotes.values()}))
        going = [choice.known[key] for step in plan.steps for key in step.subscriptions]
        deadline = self._deadline(going, account, wish=wish, now=now)
        minutes = self._policy.cooling_off_minutes_of(account)
        worst = worst_of(plan, until=latest_execution(deadline, cooling_off_minutes=minutes))
        stake, known = _stake(plan, plan.total)
        needed = self._policy.required_for(going, stake=stake, scope=wish.scope)
        if_known = self._policy.required_for(going, stake=known, scope=wish.scope)
        others = demand_deciders(wish.deciders, by=wish.by, needed=needed)
        lost = (quote.lost.coupons for quote in plan.quotes.values() if quote.lost)
        ways = _ways(going, plan, now=now)
        return Draft(
            account=account,
            scope=wish.scope,
            refs=wish.refs,
            plan=plan,
            subscriptions=choice.known,
            optional_packages=choice.optional,
            chosen_packages=choice.ticked,
            total=plan.total,
            coupons_lost=added(lost, plan.total.refund.currency),
            worst=worst,
            deadline=deadline,
            opened_at=wish.opened_at,
            now=now,
            left_out=plan.refused,
            ways=ways,
            cheaper=None if is_of_contracts(plan) else _cheaper(ways[going[0].key], plan.total),
            renewal_scope_possible=self._renewals_possible(tx, choice, wish, now=now),
            renewal_begins_at=_earliest(give_back_until(each, at=now) for each in going),
            zero_fee_until=_zero_fee_until(going, plan, now=now),
            large_value=any(quote.large_value for quote in plan.quotes.values()),
            dry_run=account.execute is ExecuteMode.DRY_RUN,
            approvals_needed=needed,
            more_as_unknown=needed > if_known,
            approvers=others.approvers,
            if_kept=_if_kept(going, account, now=now),
            fingerprint=_fingerprint(plan, account, scope=wish.scope),
            off_by_request=self._policy.needing_approval.of(Change.RENEWAL_OFF),
            left_open=_left_open(tx, {each.key for each in going}),
        )

    def _choice(self, tx: Transaction, wish: Wish, *, now: datetime) -> _Choice:
        named = find_all(tx, wish.refs)
        _demand_free(tx, named, ignoring=wish.ignoring)
        group = surroundings(tx, named)
        optional = _optional(named, group, scope=wish.scope, now=now)
        free = tuple(each for each in optional if _free(tx, each.key, ignoring=wish.ignoring))
        ticked = {each.key for each in free}
        if wish.packages is not None:
            ticked &= set(wish.packages)
        return _Choice(named=named, group=group, optional=free, ticked=frozenset(ticked))

    def _renewals_possible(
        self, tx: Transaction, choice: _Choice, wish: Wish, *, now: datetime
    ) -> bool:
        if wish.scope is Scope.RENEWALS:
            return True
        account = account_of(self._store, choice.named[0].key.account)
        alone = planned(tx, choice.named, account=account, at=now, scope=Scope.RENEWALS)
        return bool(alone.steps)

    def _deadline(
        self, going: Sequence[Subscription], account: Account, *, wish: Wish, now: datetime
    ) -> datetime:
        zone = self._policy.schedule.zone
        safe = (last_safe(each, account, at=now, scope=wish.scope, reader=zone) for each in going)
        deadline = deadline_for(
            opened_at=wish.opened_at,
            expires_after_hours=self._policy.expires_after_hours,
            cooling_off_minutes=self._policy.cooling_off_minutes_of(account),
            last_safe=[moment for moment in safe if moment is not None],
        )
        if too_late(deadline, opened_at=now):
            raise _too_late(going, account, scope=wish.scope, now=now)
        return deadline


def demand_deciders(deciders: Deciders, *, by: SlackUser, needed: int) -> Deciders:
    """Those who decide about a request of this person; raises NoApprover when they are too few."""
    others = deciders.besides(by)
    if others.most_approvals < needed:
        raise NoApprover(needed=needed, there=others.most_approvals, unread=others.unread)
    return others


def _optional(
    named: Sequence[Subscription], group: Sequence[Subscription], *, scope: Scope, now: datetime
) -> tuple[Subscription, ...]:
    """The packages that may go along: those of regions whose every live quota is named (R8, R9)."""
    names = {each.key for each in named}
    quotas = [each for each in group if is_live_quota(each)]
    leaving = {each.region for each in quotas if each.key in names}
    leaving -= {each.region for each in quotas if each.key not in names}
    return tuple(
        each
        for each in group
        if _goes(each)
        and each.region in leaving
        and (scope is Scope.ALL or give_back_until(each, at=now) is not None)
    )


def _left_open(tx: Transaction, keys: Collection[SubscriptionKey]) -> tuple[int, ...]:
    """The requests that left some of these at the cloud, so that their calls are looked for."""
    over = tx.requests.called_for(keys)
    return tuple(each.number for each in over if stepping.left_at_the_cloud(each) & set(keys))


def _free(tx: Transaction, key: SubscriptionKey, *, ignoring: int | None) -> bool:
    held = tx.requests.open_with(key)
    return held is None or held.number == ignoring


def _demand_free(tx: Transaction, named: Collection[Subscription], *, ignoring: int | None) -> None:
    for each in named:
        held = tx.requests.open_with(each.key)
        if held is not None and held.number != ignoring:
            raise AlreadyRequested(held.number)


def _not_possible(plan: Plan, choice: _Choice) -> NotPossible:
    """Nothing goes; packages that only wait for their edition go together with it (R8)."""
    regions = {choice.known[key].region for key, why in plan.refused.items() if why.rule == "R8"}
    together = tuple(
        each.key
        for each in choice.group
        if each.region in regions and (is_live_quota(each) or _goes(each))
    )
    return NotPossible(plan.refused, subscriptions=choice.known, together_with=together)


def _goes(package: Subscription) -> bool:
    prepaid = package.billing_mode is not BillingMode.PAY_PER_USE
    return package.kind is Kind.PACKAGE and prepaid and package.status not in _OVER


def _too_late(
    going: Sequence[Subscription], account: Account, *, scope: Scope, now: datetime
) -> Refused:
    if scope is Scope.RENEWALS:
        return RenewalBeginsSoon(_earliest(give_back_until(each, at=now) for each in going) or now)
    ahead = (anchor(each, account, at=now) for each in going)
    return TooLate(min((each for each in ahead if each), key=lambda each: each.date))


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _ways(
    going: Sequence[Subscription], plan: Plan, *, now: datetime
) -> Mapping[SubscriptionKey, WaysOut]:
    """The ways out of each; every five-day return before it uses one up, as in the plan (R37)."""
    found: dict[SubscriptionKey, WaysOut] = {}
    used = plan.account.five_day_returns_used
    for each in going:
        counted = replace(plan.account, five_day_returns_used=used)
        found[each.key] = ways_out(each, counted, at=now)
        used += plan.quotes[each.key].case is Case.FIVE_DAY
    return found


def _cheaper(found: WaysOut, total: QuoteTotal) -> Way | None:
    """The way that costs nothing and keeps it, where unsubscribing returns nothing."""
    if total.refund:
        return None
    for way in found.ways:
        free = way.open and way.cost is not None and not way.cost
        if free and way.kind in {WayKind.TURN_OFF, WayKind.KEEP}:
            return way
    return None


def _zero_fee_until(going: Sequence[Subscription], plan: Plan, *, now: datetime) -> datetime | None:
    """Until when the fee that is zero now stays zero; None when it is not, or stays so (R32)."""
    fees = [quote.total.handling_fee for quote in plan.quotes.values() if quote.total]
    if any(fees):
        return None
    return _earliest(_free_until(each, plan.quotes[each.key], now=now) for each in going)


def _free_until(subscription: Subscription, quote: Quote, *, now: datetime) -> datetime | None:
    if quote.scope is Scope.RENEWALS:
        return give_back_until(subscription, at=now)
    purchase = subscription.orders[0] if subscription.orders else None
    if purchase is None or quote.case is None:
        return None
    ends = {Case.FIVE_DAY: five_day_end(purchase), Case.INACTIVE: purchase.effective_at}
    return ends.get(quote.case)


def _stake(plan: Plan, total: QuoteTotal) -> tuple[Stake, Stake]:
    """What was paid for what goes; and as if all that is not known were nothing."""
    known = Stake(known=(total.paid,))
    unknown = frozenset(each.currency for each in plan.quotes.values() if each.total is None)
    return replace(known, unknown=unknown), known


def _if_kept(going: Sequence[Subscription], account: Account, *, now: datetime) -> Kept | None:
    """The nearest anchor of what would go, and what it costs for all that share it."""
    ahead = [(each, anchor(each, account, at=now)) for each in going]
    dated = [(each, found) for each, found in ahead if found is not None]
    if not dated:
        return None
    _, first = min(dated, key=lambda pair: pair[1].date)
    if first.kind is AnchorKind.EXPIRY:
        return Kept(anchor=first, amounts=(), unknown=0)
    amounts = [expected_amount(each, account) for each, found in dated if found == first]
    known = [amount for amount in amounts if amount is not None]
    return Kept(
        anchor=first, amounts=tuple(sums(known).values()), unknown=len(amounts) - len(known)
    )


def _fingerprint(plan: Plan, account: Account, *, scope: Scope) -> str:
    """What a person saw besides figures: which go, in which order, what stays, and where."""
    steps = [[str(key) for key in step.subscriptions] for step in plan.steps]
    behind = [str(key) for key in plan.left_behind]
    currency = next(quote.currency for quote in plan.quotes.values())
    along = [str(key) for key in dependents(plan)]
    said = [account.name, account.execute, currency, scope, steps, behind, along]
    by_hand = [account.carried_out] if account.carried_out is CarriedOut.BY_HAND else []
    seen = json.dumps([*said, *by_hand])
    return sha256(seen.encode()).hexdigest()[:16]
