"""What people do to a request before anything is executed: ask, approve, reject, withdraw, stop."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.billing.account import Account
from bot.billing.contract import is_of_contracts, rules_of
from bot.billing.delegation import Deciders
from bot.billing.dependents import dependents
from bot.billing.next_renewal import NextRenewal, next_renewal
from bot.billing.plan import Plan
from bot.billing.quote import Scope
from bot.billing.subscription import Kind, SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import (
    ACKNOWLEDGEMENT,
    Acknowledgement,
    AlreadyDecided,
    ApprovedAlready,
    ApprovedByYou,
    CannotApproveForRequester,
    CannotApproveOwnRequest,
    IllegalMove,
    Item,
    MayNotBreakGlass,
    NotAnApprover,
    OnlyTheRequester,
    Reason,
    Request,
    RequestExpired,
    RequestStale,
    SnapshotChanged,
    State,
    Step,
    StopTooLate,
    Verb,
    demand,
    noted,
)
from bot.billing.worst import Worst

BY_SETTINGS = "by the settings, which ask for no approval"
"""How it is approved where nobody has to decide."""

_AT_THE_CLOUD = frozenset({State.EXECUTING, State.VERIFYING, State.DONE, State.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the settings of a moment ask of a request, and what happens if nothing is done.

    They are those of the newest acknowledgement: who asks or acknowledges sees them in the form.
    `by_hand` is what the account is set to; contracts end by hand whatever it says.
    """

    required_approvals: int
    approvers: tuple[SlackUser, ...]
    cooling_off_minutes: int
    dry_run: bool
    by_hand: bool
    if_kept: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a person sent: reason, acknowledged figures, and the terms of that moment.

    `deadline` is the last instant for a decision; `worst` can be reached until it is executed.
    """

    number: int
    account: Account
    by: SlackUser
    at: datetime
    reason: Reason
    details: str
    worst: Worst
    deadline: datetime
    terms: Terms


def ask(
    asking: Asking, *, plan: Plan, subscriptions: Mapping[SubscriptionKey, Subscription]
) -> Request:
    """A waiting request for a plan; `subscriptions` are those of the plan and those left behind."""
    request = Request(
        number=asking.number,
        account=asking.account.name,
        scope=next((quote.scope for quote in plan.quotes.values()), Scope.ALL),
        items=tuple(_items(plan, subscriptions)),
        steps=tuple(_steps(plan)),
        left_behind=tuple(subscriptions[key].label for key in plan.left_behind),
        state=State.WAITING,
        requested_by=asking.by,
        requested_at=asking.at,
        reason=asking.reason,
        details=asking.details,
        acknowledgement=_acknowledged(asking.worst, by=asking.by, at=asking.at),
        deadline=asking.deadline,
        rules=rules_of(plan),
        dependents=dependents(plan),
        required_approvals=asking.terms.required_approvals,
        approvers=asking.terms.approvers,
        cooling_off_minutes=asking.terms.cooling_off_minutes,
        dry_run=asking.terms.dry_run,
        by_hand=asking.terms.by_hand or is_of_contracts(plan),
        if_kept=asking.terms.if_kept,
    )
    asked = noted(request, Verb.ASKED, by=asking.by, at=asking.at, note=ACKNOWLEDGEMENT)
    return approved_by_settings(asked, at=asking.at)


def under(request: Request, terms: Terms) -> Request:
    """The request under other terms."""
    return replace(
        request,
        required_approvals=terms.required_approvals,
        approvers=terms.approvers,
        cooling_off_minutes=terms.cooling_off_minutes,
        dry_run=terms.dry_run,
        by_hand=terms.by_hand,
        if_kept=terms.if_kept,
    )


def approved_by_settings(request: Request, *, at: datetime) -> Request:
    """A waiting request that needs no approval cools off at once; another one stays as it is."""
    if request.required_approvals:
        return request
    return _cooling_off(noted(request, Verb.APPROVED, at=at, note=BY_SETTINGS), at=at)


def approve(
    request: Request,
    *,
    by: SlackUser,
    at: datetime,
    authorities: Sequence[SlackUser],
    cools_off_minutes: int = 0,
) -> Request:
    """Count one more person; with enough of them the request is approved and cools off.

    It cools off for as long as was acknowledged, or for `cools_off_minutes`, what the settings say
    now, where that is longer; but it starts while the figures hold. `authorities`: as whom the
    person may decide now, best first. Each approval takes a different person and a different
    authority. Raises CannotApproveOwnRequest, CannotApproveForRequester, NotAnApprover,
    RequestExpired, RequestStale, AlreadyDecided also for a second approval by one person, and
    ApprovedAlready when everybody for whom the person decides has approved.
    """
    usable = _usable(request, by=by, authorities=authorities)
    _demand_waiting(request, at=at)
    if any(event.by == by for event in request.approvals):
        raise ApprovedByYou(request)
    unused = _unused(request, usable)
    if not unused:
        raise ApprovedAlready(request)
    behalf = unused[0] if unused[0] != by else None
    approved = noted(request, Verb.APPROVED, by=by, at=at, behalf=behalf)
    if len(approved.approvals) < request.required_approvals:
        return approved
    return _cooling_off(approved, at=at, minutes=cools_off_minutes)


def demand_shown(request: Request, shown: int) -> None:
    """Raise SnapshotChanged unless it is what was seen: as acknowledged by the event `shown`.

    0 is how it was asked for.
    """
    if request.acknowledged_as != shown:
        raise SnapshotChanged(request)


def reject(
    request: Request, *, by: SlackUser, at: datetime, why: str, authorities: Sequence[SlackUser]
) -> Request:
    """End a waiting request, saying why; raises what `approve` raises of who and when."""
    usable = _usable(request, by=by, authorities=authorities)
    _demand_waiting(request, at=at)
    behalf = usable[0] if usable[0] != by else None
    rejected = _closed(request, State.REJECTED)
    return noted(rejected, Verb.REJECTED, by=by, at=at, note=why, behalf=behalf)


def break_glass(
    request: Request,
    *,
    by: SlackUser,
    at: datetime,
    why: str,
    may_break: bool,
    cools_off_minutes: int = 0,
) -> Request:
    """Approve alone in an emergency, saying why: it waives how many approve, and nothing else.

    `may_break`: the settings name the person for it now. It cools off like any other. Raises
    CannotApproveOwnRequest, MayNotBreakGlass, RequestExpired, RequestStale and AlreadyDecided.
    """
    if by == request.requested_by:
        raise CannotApproveOwnRequest(request.number)
    if not may_break:
        raise MayNotBreakGlass(request.number)
    _demand_waiting(request, at=at)
    broken = noted(request, Verb.BROKE_GLASS, by=by, at=at, note=why)
    return _cooling_off(broken, at=at, minutes=cools_off_minutes)


def can_approve(request: Request, *, by: SlackUser, authorities: Sequence[SlackUser]) -> bool:
    """Whether a waiting request lacks just this person's approval."""
    if request.state is not State.WAITING or by == request.requested_by:
        return False
    others = [each for each in authorities if each != request.requested_by]
    return not any(event.by == by for event in request.approvals) and bool(_unused(request, others))


def stands(
    request: Request,
    *,
    approvers: Collection[SlackUser],
    glass_breakers: Collection[SlackUser],
    required: int,
) -> bool:
    """Whether it is approved by `required` of those whom the settings name now.

    An approval counts for the approver in whose name it was given: a delegation may have ended
    since. Where somebody broke the glass that person counts alone.
    """
    broken = request.broken_glass
    if broken is not None:
        return broken.by in glass_breakers
    named = sum(event.authority in approvers for event in request.approvals)
    return named >= required


def still_to_decide(request: Request, deciders: Deciders) -> tuple[SlackUser, ...]:
    """Everybody who can approve a waiting request: approvers as they are set, then delegates."""
    return tuple(
        each
        for each, may in deciders.as_whom.items()
        if can_approve(request, by=each, authorities=may)
    )


def most_approvals(request: Request, deciders: Deciders) -> int:
    """How many approvals a waiting request can have: those given, and what others can add."""
    people = {event.by for event in request.approvals if event.by}
    used = {event.authority for event in request.approvals if event.authority}
    others = deciders.besides(request.requested_by).without(people=people, authorities=used)
    return len(request.approvals) + others.most_approvals


def best_first(
    request: Request, *, by: SlackUser, authorities: Sequence[SlackUser], deciders: Deciders
) -> tuple[SlackUser, ...]:
    """As whom a person approves: first as whom it leaves most approvals to the others."""
    gave = {by, *(event.by for event in request.approvals if event.by)}
    used = {event.authority for event in request.approvals if event.authority}
    others = deciders.besides(request.requested_by)

    def left(authority: SlackUser) -> int:
        return others.without(people=gave, authorities={authority, *used}).most_approvals

    return tuple(sorted(authorities, key=left, reverse=True))


def withdraw(request: Request, *, by: SlackUser, at: datetime) -> Request:
    """Take back a waiting or stale request.

    Raises OnlyTheRequester, and AlreadyDecided or RequestExpired when it waits no longer.
    """
    if by != request.requested_by:
        raise OnlyTheRequester(request.number)
    if request.state is not State.STALE:
        _demand_state_waiting(request)
    return noted(_closed(request, State.WITHDRAWN), Verb.WITHDREW, by=by, at=at)


def stop(request: Request, *, by: SlackUser, at: datetime, may_stop: bool) -> Request:
    """Stop an approved request before its first step; the requester can, whoever else may.

    `may_stop`: the person is an approver or admin now. Raises NotAnApprover, StopTooLate once it
    executes, AlreadyDecided when it is not approved.
    """
    if by != request.requested_by and not may_stop:
        raise NotAnApprover(request.number)
    if request.state in _AT_THE_CLOUD:
        raise StopTooLate(request)
    if request.state is not State.APPROVED:
        raise AlreadyDecided(request)
    return noted(_closed(request, State.STOPPED), Verb.STOPPED, by=by, at=at)


def expire(request: Request, *, at: datetime, why: str | None = None) -> Request:
    """End a request about which nobody decided before its deadline.

    Also one that could not start while the acknowledged figures held, with `why`.
    """
    demand(request, State.WAITING, State.STALE, State.APPROVED)
    until = request.good_until if request.state is State.APPROVED else request.deadline
    if at <= until:
        raise IllegalMove(f"request {request.number} does not expire before {until}")
    return noted(_closed(request, State.EXPIRED), Verb.EXPIRED, at=at, note=why)


def read_again(request: Request, *, at: datetime, note: str) -> Request:
    """Record that facts were read again before execution and are within what was approved."""
    demand(request, State.WAITING, State.APPROVED)
    return noted(request, Verb.READ_AGAIN, at=at, note=note)


def go_stale(request: Request, *, at: datetime, note: str) -> Request:
    """Facts are worse than what was acknowledged: nothing is executed until that is done again."""
    demand(request, State.WAITING, State.APPROVED)
    stale = replace(request, state=State.STALE, starts_at=None)
    return noted(stale, Verb.STALE, at=at, note=note)


def acknowledge_again(
    request: Request,
    *,
    by: SlackUser,
    at: datetime,
    worst: Worst,
    items: tuple[Item, ...],
    deadline: datetime,
    plan: Plan,
    terms: Terms,
) -> Request:
    """Accept the new figures of a stale request; it waits again and earlier approvals are void.

    `plan` is that of these items, with what surrounds them now, and has the new steps; `terms` are
    the present ones.
    Raises OnlyTheRequester, RequestExpired past the old deadline, AlreadyDecided when not stale.
    """
    waiting = replace(
        under(request, terms),
        items=items,
        steps=tuple(_steps(plan)),
        deadline=deadline,
        rules=rules_of(plan),
        left_behind=tuple(plan.subscriptions[key].label for key in plan.left_behind),
        dependents=dependents(plan),
        by_hand=terms.by_hand or is_of_contracts(plan),
    )
    acknowledgement = _acknowledged(worst, by=by, at=at)
    return waits_again(waiting, stale=request, acknowledgement=acknowledgement)


def waits_again(request: Request, *, stale: Request, acknowledgement: Acknowledgement) -> Request:
    """A stale request with new facts, as its requester acknowledged them; raises as above."""
    by, at = acknowledgement.by, acknowledgement.at
    if by != stale.requested_by:
        raise OnlyTheRequester(stale.number)
    if stale.state is not State.STALE:
        raise AlreadyDecided(stale)
    if at > stale.deadline:
        raise RequestExpired(stale)
    waiting = replace(request, state=State.WAITING, acknowledgement=acknowledgement, problem=None)
    again = noted(waiting, Verb.ACKNOWLEDGED, by=by, at=at, note=acknowledgement.text)
    return approved_by_settings(again, at=at)


def _items(plan: Plan, subscriptions: Mapping[SubscriptionKey, Subscription]) -> Iterator[Item]:
    """The items in order; what outlives an edition (R11) is remembered with its quotas."""
    outlives = tuple(notice for notice in plan.warnings if notice.rule == "R11")
    for step in plan.steps:
        for key in step.subscriptions:
            each, quote = subscriptions[key], plan.quotes[key]
            if each.kind is Kind.QUOTA:
                quote = replace(quote, warnings=(*quote.warnings, *outlives))
            promotion = any(order.promotion for order in each.orders)
            yield Item(
                key=key,
                label=each.label,
                region=each.region,
                quote=quote,
                promotion=promotion,
                renewal=renewal_avoided(plan, each),
            )


def renewal_avoided(plan: Plan, subscription: Subscription) -> NextRenewal | None:
    """The renewal that ends with a subscription; giving back a renewal period avoids none."""
    if plan.scope is Scope.RENEWALS:
        return None
    return next_renewal(subscription, plan.account, at=plan.at)


def _steps(plan: Plan) -> Iterator[Step]:
    for step in plan.steps:
        yield Step(number=step.number, subscriptions=step.subscriptions, after=step.after)


def _acknowledged(worst: Worst, *, by: SlackUser, at: datetime) -> Acknowledgement:
    return Acknowledgement(by=by, at=at, text=ACKNOWLEDGEMENT, worst=worst)


def _closed(request: Request, state: State) -> Request:
    return replace(request, state=state, closed=True, starts_at=None)


def _cooling_off(request: Request, *, at: datetime, minutes: int = 0) -> Request:
    """Never for less than was acknowledged; for `minutes` only where it could still start then."""
    cooled_off = at + timedelta(minutes=max(request.cooling_off_minutes, minutes))
    return replace(request, state=State.APPROVED, starts_at=min(cooled_off, request.starts_by))


def _usable(
    request: Request, *, by: SlackUser, authorities: Sequence[SlackUser]
) -> Sequence[SlackUser]:
    """As whom the person may decide this one: never their own, never for the one who asked."""
    if by == request.requested_by:
        raise CannotApproveOwnRequest(request.number)
    if not authorities:
        raise NotAnApprover(request.number)
    usable = [each for each in authorities if each != request.requested_by]
    if not usable:
        raise CannotApproveForRequester(request.number)
    return usable


def _unused(request: Request, authorities: Sequence[SlackUser]) -> Sequence[SlackUser]:
    """Those of them whose approval is not there yet, whoever gave it."""
    used = {event.authority for event in request.approvals}
    return [each for each in authorities if each not in used]


def _demand_waiting(request: Request, *, at: datetime) -> None:
    _demand_state_waiting(request)
    if at > request.deadline:
        raise RequestExpired(request)


def _demand_state_waiting(request: Request) -> None:
    if request.state is State.EXPIRED:
        raise RequestExpired(request)
    if request.state is State.STALE:
        raise RequestStale(request)
    if request.state is not State.WAITING:
        raise AlreadyDecided(request)
