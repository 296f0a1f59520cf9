"""Homing: what one person should see first."""

from collections.abc import Sequence

from bot.billing import renewal
from bot.billing.account import Account
from bot.billing.money import sums
from bot.billing.rights import Actor
from bot.billing.subscription import SlackUser, Subscription
from bot.billing.working_days import last_working_day
from bot.facts.homing import HomeFacts, Role, Setup, SetupStep
from bot.facts.listing import UpcomingDay, UpcomingRow
from bot.facts.status import StatusFacts
from bot.ports.clock import Clock
from bot.ports.store import ListQuery, Page, Store
from bot.services.awaiting import awaited
from bot.services.finding import account_of, expected_amount
from bot.services.people import People
from bot.services.policy import Policy
from bot.services.status import Status

SHOWN = 5


class Homing:
    """Gathers a person's Home; figures are theirs to see because they own what is listed."""

    def __init__(self, *, store: Store, clock: Clock, policy: Policy, people: People) -> None:
        self._store = store
        self._policy = policy
        self._people = people
        self._status = Status(store=store, clock=clock)

    def home(self, user: SlackUser) -> HomeFacts:
        """Everything on the person's Home, five a list."""
        actor, behalf = self._people.actor(user), self._people.authorities(user)
        status = self._status.status()
        with self._store.reading() as tx:
            owned = tx.catalogue.page(ListQuery(owner=user))
            unowned = tx.catalogue.page(ListQuery(unowned=True))
            waiting = awaited(tx, user, authorities=behalf)
            setup = self._setup(status)
            return HomeFacts(
                user=user,
                role=_role(actor, owned, setup),
                troubles=status.troubles,
                waiting=tuple(waiting[:SHOWN]),
                waiting_count=len(waiting),
                next_day=self._next_day(owned.rows, status),
                my_requests=tuple(tx.requests.of(user, limit=SHOWN)),
                without_owner=unowned.rows[:SHOWN],
                without_owner_count=unowned.count,
                setup=setup if actor.admin else (),
                health=status.health,
                approvals_channel=self._policy.approvals_channel,
                operators=self._policy.operators or self._people.approvers(),
                schedule_zone=self._policy.schedule.zone,
                sees_savings=actor.approver or actor.delegate or actor.admin,
                now=status.now,
            )

    def _next_day(self, owned: Sequence[Subscription], status: StatusFacts) -> UpcomingDay | None:
        """The first anchor among the nearest, with everything on the page that shares it."""
        dated = [
            (anchor, each)
            for each in owned
            if (anchor := renewal.anchor(each, self._account(each), at=status.now)) is not None
        ]
        if not dated:
            return None
        first = min((anchor for anchor, _ in dated), key=lambda anchor: anchor.date)
        rows = tuple(
            UpcomingRow(subscription=each, amount=expected_amount(each, self._account(each)))
            for anchor, each in dated
            if anchor == first
        )
        known = (row.amount for row in rows if row.amount is not None)
        return UpcomingDay(
            anchor=first,
            last_working_day=last_working_day(first.date, countries=self._policy.holidays),
            rows=rows,
            sums=tuple(sums(known).values()),
        )

    def _setup(self, status: StatusFacts) -> tuple[Setup, ...]:
        """The five steps; none once all are done."""
        steps = (
            (SetupStep.SLACK, True),
            (SetupStep.APPROVALS_CHANNEL, bool(self._policy.approvals_channel)),
            (SetupStep.CATALOGUE, any(each.count for each in status.accounts)),
            (SetupStep.APPROVERS, bool(self._policy.approvers)),
            (SetupStep.FIRST_REMINDER, status.sent > 0),
        )
        if all(done for _, done in steps):
            return ()
        return tuple(Setup(step=step, done=done) for step, done in steps)

    def _account(self, subscription: Subscription) -> Account:
        return account_of(self._store, subscription.key.account)


def _role(actor: Actor, owned: Page, setup: Sequence[Setup]) -> Role:
    if actor.approver or actor.delegate:
        return Role.APPROVER
    if owned.count:
        return Role.OWNER
    return Role.INSTALLER if actor.admin and setup else Role.NOBODY
