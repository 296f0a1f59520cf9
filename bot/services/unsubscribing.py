"""Unsubscribing: a person asks, others decide; nothing here reaches a cloud."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.billing import by_hand, deciding, stepping
from bot.billing.account import CarriedOut
from bot.billing.deciding import Asking, Terms
from bot.billing.delegation import Deciders, authorities
from bot.billing.quote import Scope
from bot.billing.rights import Action, Actor
from bot.billing.subscription import SlackUser, SubscriptionKey
from bot.billing.unsubscription import (
    ApprovalsGone,
    NotAnApprover,
    Reason,
    Request,
    UnsubscriptionError,
)
from bot.facts.unsubscribing import Draft, NewFigures, Submission
from bot.ports.clock import Clock
from bot.ports.messenger import Links, Posted
from bot.ports.store import Store, Transaction
from bot.services import recording
from bot.services.awaiting import awaited
from bot.services.changing import Changing, load
from bot.services.drafting import Drafting, Wish
from bot.services.errors import (
    GroupUnread,
    Incomplete,
    NotPossible,
    RequestRefused,
)
from bot.services.finding import account_of
from bot.services.forms import (
    acknowledged,
    demand_complete,
    demand_same,
    demand_why,
    kept_facts,
    made_of,
    remember,
    requoted,
)
from bot.services.people import People, in_force
from bot.services.policy import Policy
from bot.services.reviewing import same_again
from bot.services.standing import Standing, raised

Move = Callable[[Request, datetime], Request]
Decision = Callable[[Request, datetime, Sequence[SlackUser]], Request]
"""What becomes of a request, at an instant, by somebody who may decide as these people."""


class Unsubscribing:
    """Everything that people do about requests; rights are checked at every call."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        policy: Policy,
        people: People,
        links: Links | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._people = people
        self._links = links
        self._drafting = Drafting(store=store, policy=policy)
        self._standing = Standing(store=store, policy=policy, people=people)
        self._changing = Changing(store=store, clock=clock, policy=policy)

    def draft(
        self,
        refs: Sequence[str],
        *,
        by: SlackUser,
        packages: Sequence[SubscriptionKey] | None = None,
        scope: Scope = Scope.ALL,
        opened_at: datetime | None = None,
    ) -> Draft:
        """What the form shows: the named subscriptions and the packages that go along.

        `packages` None ticks all packages of the named quotas. `opened_at` is when the form was
        opened first, from which its deadline counts. Raises what `Drafting.draft` raises.
        """
        self._people.demand(by, Action.ASK)
        now = self._clock.now()
        wish = Wish(
            refs=tuple(refs),
            packages=None if packages is None else tuple(packages),
            scope=scope,
            opened_at=opened_at or now,
            by=by,
            deciders=self._people.deciders(),
        )
        with self._store.reading() as tx:
            return self._drafting.draft(tx, wish, now=now)

    def submit(self, submission: Submission) -> Request:
        """Make a request of a form that was filled in; the same form twice is one request.

        Raises Incomplete, FiguresChanged when the facts are worse than the form showed, and what
        `draft` raises.
        """
        self._people.demand(submission.by, Action.ASK)
        with self._store.reading() as tx:
            known = made_of(tx, submission.form)
        if known is not None:
            return known
        demand_complete(submission)
        deciders = self._people.deciders()
        return self._changing.ask(lambda tx, at: self._ask(tx, submission, deciders, now=at))

    def was_sent(self, form: str) -> bool:
        """Whether an opened form has become a request."""
        with self._store.reading() as tx:
            return made_of(tx, form) is not None

    def get(self, number: int) -> Request:
        """One request; raises UnknownRequest."""
        with self._store.reading() as tx:
            return load(tx, number)

    def approve(self, number: int, *, by: SlackUser, shown: int = 0) -> Request:
        """Approve what was `shown`; with enough approvals it starts after the cooling-off.

        `shown` is what `acknowledged_as` was then. Raises RequestRefused when other figures were
        acknowledged since, when it is the person's own, decided, stale or expired, or the person is
        no approver.
        """
        self._people.demand(by, Action.LOOK)
        others = self._others(by)

        def move(request: Request, at: datetime, behalf: Sequence[SlackUser]) -> Request:
            best = deciding.best_first(request, by=by, authorities=behalf, deciders=others)
            approved = deciding.approve(
                request,
                by=by,
                at=at,
                authorities=best,
                cools_off_minutes=self._cools_off_minutes(request),
            )
            deciding.demand_shown(request, shown)
            return approved

        return self._decide(number, by, move)

    def reject(self, number: int, *, by: SlackUser, why: str) -> Request:
        """Reject, saying why; raises Incomplete without a reason, and what `approve` raises."""
        self._people.demand(by, Action.LOOK)
        reason = demand_why(why)
        return self._decide(
            number,
            by,
            lambda request, at, behalf: deciding.reject(
                request, by=by, at=at, why=reason, authorities=behalf
            ),
        )

    def break_glass(self, number: int, *, by: SlackUser, why: str, shown: int = 0) -> Request:
        """Approve alone in an emergency, saying why; it cools off, and the whole channel is told.

        Raises Incomplete without a reason, NotAllowed unless the settings name the person, and
        RequestRefused as `approve` does.
        """
        breaking = self._breaking(by, why=demand_why(why))

        def move(request: Request, at: datetime) -> Request:
            broken = breaking(request, at)
            deciding.demand_shown(request, shown)
            return broken

        return self._change(number, move)

    def breakable(self, number: int, *, by: SlackUser) -> Request:
        """The request as it would be if the person broke its glass now; nothing is saved.

        Raises what `break_glass` raises.
        """
        breaking = self._breaking(by, why="")
        request = self.get(number)
        try:
            return breaking(request, self._clock.now())
        except UnsubscriptionError as error:
            raise RequestRefused(error, request) from error

    def withdraw(self, number: int, *, by: SlackUser) -> Request:
        """Take one's own request back; raises RequestRefused."""
        self._people.demand(by, Action.LOOK)
        return self._change(number, lambda request, at: deciding.withdraw(request, by=by, at=at))

    def stop(self, number: int, *, by: SlackUser) -> Request:
        """Stop an approved request during its cooling-off; raises NotAllowed, RequestRefused."""
        actor = self._people.actor(by)
        return self._change(
            number,
            lambda request, at: deciding.stop(
                request, by=by, at=at, may_stop=self._may(actor, Action.STOP, request)
            ),
        )

    def retry(self, number: int, *, by: SlackUser) -> Request:
        """Try again what the cloud refused, within the approved figures, or what nobody did.

        Raises RequestRefused also when its approvals do not count any more; what is only read, or
        looked at, needs none.
        """
        actor = self._people.actor(by)
        gone = isinstance(self._standing.against(self.get(number)), str)

        def move(request: Request, at: datetime) -> Request:
            retry = by_hand.retry if request.by_hand else stepping.retry
            retried = retry(request, by=by, at=at)
            if gone and _is_carried_out_again(request):
                raise ApprovalsGone(request)
            return retried

        return self._repair(number, actor, move)

    def by_hand(self, number: int, *, by: SlackUser, why: str, evidence: str = "") -> Request:
        """Say that a person finished it at the cloud; Lapse reads it back."""
        said = demand_why(why)
        note = f"{said} ({evidence.strip()})" if evidence.strip() else said
        actor = self._people.actor(by)
        return self._repair(
            number,
            actor,
            lambda request, at: stepping.done_by_hand(request, by=by, at=at, why=note),
        )

    def leave(self, number: int, *, by: SlackUser, why: str, shown: int = 0) -> Request:
        """Accept what was not done: it stays failed and is closed, with the receipt.

        What a person carries out can be given up while it runs, as it was `shown`: its turn then.
        """
        said = demand_why(why)
        actor = self._people.actor(by)

        def move(request: Request, at: datetime) -> Request:
            if not request.by_hand:
                return stepping.leave_as_is(request, by=by, at=at, why=said)
            left = by_hand.leave_as_is(request, by=by, at=at, why=said)
            by_hand.demand_shown(request, shown)
            return left

        return self._repair(number, actor, move)

    def look_now(self, number: int, *, by: SlackUser) -> Request:
        """Have an answer that is missing read from the cloud at once, and keep who asked for it.

        It is read anyway, so that nothing is lost between the two. Raises RequestRefused when none
        is missing any more.
        """
        actor = self._people.actor(by)
        asked = self._repair(
            number, actor, lambda request, at: stepping.look_now(request, by=by, at=at)
        )
        with self._store.transaction() as tx:
            tx.requests.hasten(number, at=self._clock.now())
        return asked

    def review(self, number: int, *, by: SlackUser) -> NewFigures:
        """A stale request's figures as they are now, beside the acknowledged ones.

        What is at the cloud no more is left out. Raises RequestRefused unless it is stale and the
        person's own, or when nothing is left, NotPossible when one of its items cannot go.
        """
        self._people.demand(by, Action.ASK)
        deciders = self._people.deciders()
        now = self._clock.now()
        with self._store.reading() as tx:
            request = load(tx, number)
            self._people.demand(by, Action.WITHDRAW, requester=request.requested_by)
            draft = self._again(tx, request, deciders, opened_at=now, now=now)
            read_at = tx.catalogue.read_at(request.account)
        return NewFigures(
            number=number,
            draft=draft,
            before=request.acknowledgement.worst,
            acknowledged_at=request.acknowledgement.at,
            why=request.problem,
            read_at=read_at,
        )

    def acknowledge_again(self, number: int, submission: Submission) -> Request:
        """Accept the new figures of a stale request, which then waits again.

        Of the submission only acknowledgement, person, figures and opening count. Raises
        Incomplete, FiguresChanged, RequestRefused and what `review` raises.
        """
        self._people.demand(submission.by, Action.ASK)
        if not submission.acknowledged:
            raise Incomplete(checkbox=True)
        deciders = self._people.deciders()

        def move(tx: Transaction, request: Request, at: datetime) -> Request:
            opened_at = submission.opened_at
            draft = self._again(tx, request, deciders, opened_at=opened_at, now=at)
            demand_same(draft, submission)
            waiting = deciding.acknowledge_again(
                request,
                by=submission.by,
                at=at,
                worst=submission.worst,
                items=requoted(request, draft),
                deadline=min(draft.deadline, submission.deadline),
                plan=draft.plan,
                terms=self._terms(draft),
            )
            return replace(waiting, problem=None)

        return self._save(number, move)

    def mine(self, user: SlackUser, *, limit: int = 5) -> Sequence[Request]:
        """The person's newest requests."""
        with self._store.reading() as tx:
            return tx.requests.of(user, limit=limit)

    def waiting_for(self, user: SlackUser, *, limit: int = 5) -> Sequence[Request]:
        """Requests that the person is to decide, to carry out by hand, or to look at."""
        behalf = self._people.authorities(user)
        with self._store.reading() as tx:
            return awaited(tx, user, authorities=behalf)[:limit]

    def link(self, number: int) -> str | None:
        """A link to the request's message, None while there is none."""
        with self._store.reading() as tx:
            card = tx.requests.card(number)
        if card is None or card.channel is None or card.ts is None or self._links is None:
            return None
        return self._links.link(Posted(card.channel, card.ts))

    def _ask(
        self,
        tx: Transaction,
        submission: Submission,
        deciders: Deciders,
        *,
        now: datetime,
    ) -> Request:
        # Taken first: people who ask at the same moment wait here, and then see each other.
        number = tx.requests.next_number()
        known = made_of(tx, submission.form)
        if known is not None:
            return known
        wish = Wish(
            refs=submission.refs,
            packages=submission.packages,
            scope=submission.scope,
            opened_at=self._opening(submission, now=now),
            by=submission.by,
            deciders=deciders,
        )
        draft = self._drafting.draft(tx, wish, now=now)
        demand_same(draft, submission)
        asking = Asking(
            number=number,
            account=draft.account,
            by=submission.by,
            at=now,
            reason=submission.reason or Reason.OTHER,
            details=submission.details.strip(),
            worst=acknowledged(draft, submission),
            deadline=min(draft.deadline, submission.deadline),
            terms=self._terms(draft),
        )
        asked = deciding.ask(asking, plan=draft.plan, subscriptions=draft.subscriptions)
        saved = recording.save(tx, None, asked, policy=self._policy, at=now)
        remember(tx, submission.form, number=saved.number)
        return saved

    def _terms(self, draft: Draft) -> Terms:
        return Terms(
            required_approvals=draft.approvals_needed,
            approvers=draft.approvers,
            cooling_off_minutes=self._policy.cooling_off_minutes_of(draft.account),
            dry_run=draft.dry_run,
            by_hand=draft.account.carried_out is CarriedOut.BY_HAND,
            if_kept=kept_facts(draft.if_kept),
        )

    def _opening(self, submission: Submission, *, now: datetime) -> datetime:
        """When the form was opened; one whose deadline has passed counts as opened now."""
        lasts = timedelta(hours=self._policy.expires_after_hours)
        return submission.opened_at if now < submission.opened_at + lasts else now

    def _again(
        self,
        tx: Transaction,
        request: Request,
        deciders: Deciders,
        *,
        opened_at: datetime,
        now: datetime,
    ) -> Draft:
        draft = self._drafting.draft(
            tx, same_again(tx, request, deciders, opened_at=opened_at), now=now
        )
        if draft.left_out:
            raise NotPossible(draft.left_out, subscriptions=draft.subscriptions)
        return draft

    def _breaking(self, by: SlackUser, *, why: str) -> Move:
        actor = self._people.demand(by, Action.LOOK)

        def move(request: Request, at: datetime) -> Request:
            own = by == request.requested_by
            may = not own and self._may(actor, Action.BREAK_GLASS, request)
            return deciding.break_glass(
                request,
                by=by,
                at=at,
                why=why,
                may_break=may,
                cools_off_minutes=self._cools_off_minutes(request),
            )

        return move

    def _cools_off_minutes(self, request: Request) -> int:
        """As the settings say now; what was acknowledged may be longer."""
        return self._policy.cooling_off_minutes_of(account_of(self._store, request.account))

    def _may(self, actor: Actor, action: Action, request: Request) -> bool:
        self._people.check(actor, action, requester=request.requested_by)
        return True

    def _repair(self, number: int, actor: Actor, move: Move) -> Request:
        def checked(request: Request, at: datetime) -> Request:
            self._people.check(actor, Action.REPAIR, requester=request.requested_by)
            return move(request, at)

        return self._change(number, checked)

    def _others(self, by: SlackUser) -> Deciders:
        """Who decides besides a person, where it matters as whom that person does."""
        several = len(self._people.authorities(by)) > 1
        return self._people.deciders() if several else Deciders()

    def _decide(self, number: int, by: SlackUser, decide: Decision) -> Request:
        """A decision; who may not hears who may now, whoever could when it was asked for."""
        approvers = self._people.approvers()

        def move(tx: Transaction, request: Request, at: datetime) -> Request:
            lent = in_force(tx, at=at)
            needed = raised(tx, request, self._policy)
            return decide(needed, at, authorities(by, approvers=approvers, in_force=lent))

        try:
            return self._save(number, move)
        except RequestRefused as refusal:
            if not isinstance(refusal.cause, NotAnApprover):
                raise
            deciders = self._people.deciders()
            if deciders.unread:
                raise GroupUnread(deciders.unread) from refusal
            present = replace(refusal.request, approvers=deciders.approvers)
            raise RequestRefused(refusal.cause, present) from refusal

    def _change(self, number: int, move: Move) -> Request:
        return self._save(number, lambda _, request, at: move(request, at))

    def _save(
        self, number: int, move: Callable[[Transaction, Request, datetime], Request]
    ) -> Request:
        return self._changing.save(number, move)


def _is_carried_out_again(request: Request) -> bool:
    """Whether *Retry* has a call made, or something done by hand."""
    if request.by_hand:
        return bool(by_hand.open_items(request))
    return stepping.sends_again(request)
