"""The requests' use cases over a real SQLite store, a still clock and a cloud in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from bot.billing.account import Account
from bot.billing.subscription import AccountName, Package, SlackUser, Subscription
from bot.billing.unsubscription import Reason, Request, State
from bot.facts.unsubscribing import Draft, Submission
from bot.ports.provider import Provider
from bot.ports.store import Delivery, DeliveryState, Store, Transaction
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.executing import Executing
from bot.services.pacing import Limits, Pacing
from bot.services.people import People, in_force_now
from bot.services.policy import Policy
from bot.services.reminding import Reminding
from bot.services.renewing import Renewing
from bot.services.rerouting import Rerouting
from bot.services.reviewing import Reviewing
from bot.services.switching import Switching
from bot.services.unsubscribing import Unsubscribing
from tests.clocks import SettableClock, always_steady
from tests.factories import APPROVER_1, NOW, REQUESTER, order, package, quota
from tests.fakes import FakeProvider
from tests.messengers import FakeDirectory, FakeMessenger
from tests.unit.services.rig import policy

LONG = order("2026-05-10 09:20")
"""A term that ends in May 2027, so that there is time to decide."""

SECOND = timedelta(seconds=1)


def secmaster(account: str = "default") -> tuple[Subscription, ...]:
    """A professional quota with two packages, paid USD 3,600.00, 900.00 and 1,200.00."""
    return (
        quota(account=account, orders=(LONG,)),
        package(account=account, orders=(replace(LONG, cash=order(cash="900.00").cash),)),
        package(
            "sm-orchestration",
            Package.SECURITY_ORCHESTRATION,
            account=account,
            orders=(replace(LONG, cash=order(cash="1200.00").cash),),
        ),
    )


@dataclass
class Desk:
    """People at work; `cloud` has what the catalogue was read from."""

    store: Store
    clock: SettableClock
    subscriptions: Sequence[Subscription] = field(default_factory=secmaster)
    policy: Policy = field(default_factory=policy)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    steady_since: datetime = field(default_factory=always_steady)

    def __post_init__(self) -> None:
        name = self.subscriptions[0].key.account
        self.account = self.store.accounts.get(name) or Account(name=name)
        self.cloud = FakeProvider(self.account, self.subscriptions, self.clock)
        self.messenger = FakeMessenger(self.clock)
        with self.store.transaction() as tx:
            tx.catalogue.put(self.subscriptions, at=self.clock.now())
        self.start()

    def start(self) -> None:
        """Begin anew with nothing in memory, as after a crash."""
        self.people = People(
            directory=self.directory,
            policy=self.policy,
            in_force=partial(in_force_now, self.store, self.clock),
        )
        self.unsubscribing = Unsubscribing(
            store=self.store,
            clock=self.clock,
            policy=self.policy,
            people=self.people,
            links=self.messenger,
        )
        providers: dict[AccountName, Provider] = {self.account.name: self.cloud}
        self.executing = Executing(
            store=self.store,
            clock=self.clock,
            policy=self.policy,
            people=self.people,
            providers=providers,
            steady_since=lambda: self.steady_since,
        )
        self.switching = Switching(
            store=self.store, clock=self.clock, policy=self.policy, people=self.people
        )
        self.renewing = Renewing(
            store=self.store,
            clock=self.clock,
            policy=self.policy,
            people=self.people,
            providers=providers,
        )

    def draft(self, *refs: str, by: SlackUser = REQUESTER, **wish: Any) -> Draft:
        """The form as it opens, by default for the quota."""
        return self.unsubscribing.draft(refs or ("sm-quota",), by=by, **wish)

    def ask(self, *refs: str, by: SlackUser = REQUESTER, **changes: Any) -> Request:
        """Open the form and send it filled in."""
        return self.unsubscribing.submit(filled_in(self.draft(*refs, by=by), by=by, **changes))

    def approved(self, *refs: str) -> Request:
        """A request that one other person approved."""
        return self.unsubscribing.approve(self.ask(*refs).number, by=APPROVER_1)

    def run(self, *, seconds: int = 0) -> None:
        """The execution ticks of some seconds, and at least one."""
        self.executing.run_due()
        for _ in range(seconds):
            self.clock.advance(SECOND)
            self.executing.run_due()

    def executed(self, *refs: str, seconds: int = 15) -> Request:
        """A request approved, cooled off and run."""
        number = self.approved(*refs).number
        self.cool_off()
        self.run(seconds=seconds)
        return self.unsubscribing.get(number)

    def cool_off(self) -> None:
        """Let the five minutes between approval and execution pass."""
        self.clock.advance(timedelta(minutes=self.policy.cooling_off_minutes))

    def get(self, number: int = 1001) -> Request:
        return self.unsubscribing.get(number)

    def state(self, number: int = 1001) -> State:
        return self.get(number).state

    def owed(self, prefix: str = "") -> list[str]:
        """The keys of everything owed so far, in order."""
        return [each.key for each in self.deliveries() if each.key.startswith(prefix)]

    def deliveries(self) -> list[Delivery]:
        """Everything that was ever owed and not handed out; hands it out."""
        far = NOW + timedelta(days=1000)
        found: list[Delivery] = []
        with self.store.transaction() as tx:
            while claimed := tx.outbox.claim(now=far, lease_until=far + SECOND, limit=1000):
                found += claimed
                for each in claimed:
                    begun = tx.outbox.begin(each, at=far)
                    assert begun is not None
                    _settle(tx, begun)
        return found


def _settle(tx: Transaction, delivery: Delivery) -> None:
    tx.outbox.settle(
        delivery, state=DeliveryState.SENT, at=NOW, channel=delivery.destination, ts="1.000001"
    )


def filled_in(draft: Draft, *, by: SlackUser = REQUESTER, **changes: Any) -> Submission:
    """The form of a draft with everything that it asks for."""
    facts: dict[str, Any] = {
        "form": str(uuid4()),
        "refs": draft.refs,
        "packages": None,
        "scope": draft.scope,
        "reason": Reason.FEATURES_INSUFFICIENT,
        "details": "The servers moved to another account.",
        "acknowledged": True,
        "by": by,
        "opened_at": draft.opened_at,
        "deadline": draft.deadline,
        "worst": draft.worst,
        "fingerprint": draft.fingerprint,
    }
    return Submission(**(facts | changes))


def delivering(desk: Desk) -> Delivering:
    """What carries the messages that a desk owes."""
    shared = {"store": desk.store, "clock": desk.clock, "policy": desk.policy}
    reminding = Reminding(**shared, people=desk.people)
    return Delivering(
        store=desk.store,
        clock=desk.clock,
        messenger=desk.messenger,
        composing=Composing(
            links=desk.messenger,
            announcing=reminding.announcing,
            reviewing=Reviewing(store=desk.store, policy=desk.policy),
            policy=desk.policy,
            zone_of=desk.people.zone,
        ),
        rerouting=Rerouting(**shared, people=desk.people),
        pacing=Pacing(Limits()),
        elapsed=lambda: 0.0,
        steady_since=always_steady,
    )
