"""Deaths and stalls at every numbered step of a request's execution, singly and in pairs.

Everything runs in one thread on a still clock. A process that dies begins anew with nothing in
memory; one that stalls stands still inside its own call while time passes and the other goes on.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, TypeVar

from bot.billing import deciding
from bot.billing.deciding import Asking
from bot.billing.plan import plan
from bot.billing.subscription import Edition, Subscription
from bot.billing.unsubscription import Reason, Request, State, StepState
from bot.billing.worst import worst
from bot.ports.provider import Call, ItemResult, OutcomeUnknown, ProviderError, Refund
from bot.ports.store import Store, Transaction
from bot.services import owing, recording
from bot.services.filing import request_subject
from bot.services.people import People
from bot.services.unsubscribing import Unsubscribing
from tests.clocks import SettableClock, always_steady
from tests.factories import APPROVER_1, NOW, REQUESTER, terms
from tests.messengers import FakeDirectory
from tests.proof.call_checker import judged_calls, keys_of
from tests.proof.cloud import BUSY, DONE_UNHEARD, LANDS_LATE, NEVER_ARRIVED, Cloud, Fate
from tests.proof.memory_requests import FIRST
from tests.proof.replica import Killed
from tests.proof.stages import ACCOUNT, Open
from tests.proof.surprises import Unforgiving
from tests.unit.services.desk import secmaster
from tests.unit.services.rig import policy

T = TypeVar("T")

POLICY = policy()
REFUSED = {"sm-screen": ("CBC.99003643", "It is invoiced.")}
SECOND, PAUSE = timedelta(seconds=1), timedelta(seconds=25)
"""Between two rounds, and when the first of them found nothing to do."""

HOURS = timedelta(hours=3)
"""The same while nothing happens for a day."""

QUICK, SLOW = timedelta(seconds=2), timedelta(seconds=150)
FOR_EVER = timedelta(days=3650)
STALLS = tuple(timedelta(seconds=each) for each in (45, 75, 200))
"""Within a lease, beyond it, and until all is over."""

MOST_ROUNDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens but for the deaths: what befalls the calls in their order, who is there."""

    script: Sequence[Fate] = ()
    refuses: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Until a person has the request tried again, if anybody does."""
    retried: bool = True
    takes: timedelta = QUICK
    """From when the cloud took something until it is gone from its list."""
    pace: timedelta = SECOND
    """Between two rounds: with a slow cloud most of them only wait."""
    replicas: int = 1
    gives_up: bool = False
    """Whether it is left to people, whatever dies."""


SCENARIOS: Mapping[str, Scenario] = {
    "a quota, then two packages": Scenario(),
    "a lost answer of a slow cloud": Scenario(script=(DONE_UNHEARD,), takes=SLOW, pace=PAUSE),
    "a lost request, then one that lands late": Scenario(
        script=(NEVER_ARRIVED, LANDS_LATE), takes=SLOW, pace=PAUSE
    ),
    "a refusal and a retry": Scenario(refuses=REFUSED),
    "a cloud that finishes nothing": Scenario(takes=FOR_EVER, pace=HOURS, gives_up=True),
    "two replicas": Scenario(replicas=2),
    "two replicas and a refusal": Scenario(replicas=2, refuses=REFUSED, retried=False),
    "two replicas and answers that come late": Scenario(
        replicas=2, script=(LANDS_LATE, BUSY, DONE_UNHEARD), takes=SLOW, pace=PAUSE
    ),
}


class Ending(NamedTuple):
    """What became of a life: how many steps it had, where calls are sent, what went wrong."""

    steps: int
    sends: frozenset[int]
    wrong: Sequence[str]
    evidence: Sequence[Mapping[str, Any]]


class Office:
    """One approved request, the cloud, and the replicas that carry it out."""

    def __init__(
        self,
        store: Store,
        scenario: Scenario,
        *,
        kill_at: Collection[int] = (),
        stall_at: int | None = None,
        stalls_for: timedelta = SECOND,
    ) -> None:
        self.store = store
        self.clock = SettableClock(NOW)
        items = secmaster(ACCOUNT.name)
        self.cloud = Cloud(ACCOUNT, items, self.clock, script=scenario.script, takes=scenario.takes)
        self.cloud.behind.refuses.update(scenario.refuses)
        self.number = _approved(store, items, self.clock)
        self.steps = 0
        self.sends: set[int] = set()
        self._scenario = scenario
        self._kill_at = frozenset(kill_at)
        self._stall_at = stall_at
        self._stalls_for = stalls_for
        self._late_sender = False
        self._busy: list[Clerk] = []
        self._clerks = [Clerk(self) for _ in range(scenario.replicas)]

    def run(self) -> list[dict[str, Any]]:
        """Go on until nobody has anything to do; the evidence, to judge."""
        for _ in range(MOST_ROUNDS):
            worked = [clerk.tick() for clerk in self._clerks]
            if not any(worked) and not self._is_retried():
                if self._is_over():
                    break
                self.clock.advance(PAUSE)
            self.clock.advance(self._scenario.pace)
        return [*self.cloud.evidence, self._end()]

    def request(self) -> Request:
        """As it is committed."""
        with self.store.reading() as tx:
            held = tx.requests.get(self.number)
        assert held is not None
        return held

    def step(self, clerk: "Clerk", *, inside: bool = False, sends: bool = False) -> None:
        """One numbered step: the process may die here, or, outside a transaction, stand still."""
        self.steps += 1
        if sends:
            self.sends.add(self.steps)
        if self.steps in self._kill_at:
            raise Killed
        if self.steps == self._stall_at and not inside:
            self._late_sender = sends
            self.wait(clerk, self._stalls_for)

    def wait(self, clerk: "Clerk", span: timedelta) -> None:
        """Let time pass in which one stands still and the others go on."""
        self._busy.append(clerk)
        until = self.clock.now() + span
        while self.clock.now() < until:
            self.clock.advance(min(PAUSE, until - self.clock.now()))
            for other in self._clerks:
                if other not in self._busy:
                    other.tick()
        self._busy.remove(clerk)

    def died(self, clerk: "Clerk") -> None:
        """Others take over where there are any; who is the last of all begins anew."""
        clerk.up = False
        if not any(each.up for each in self._clerks):
            for each in self._clerks:
                each.start()

    def _is_retried(self) -> bool:
        """A person has what was refused tried again, when the reason for it is gone."""
        refused = self._scenario.retried and bool(self.cloud.behind.refuses)
        if not refused or self.request().state is not State.FAILED:
            return False
        next(each for each in self._clerks if each.up).retry()
        return True

    def _is_over(self) -> bool:
        return self.request().state in {State.DONE, State.FAILED}

    def _end(self) -> dict[str, Any]:
        request = self.request()
        end: dict[str, Any] = {
            "event": "end",
            "number": request.number,
            "version": request.version,
            "state": request.state.value,
            "closed": request.closed,
            "events": [(each.number, each.verb.value) for each in request.events],
            "listed": self.cloud.listed(),
            "taken": self.cloud.taken(),
            "taken_ids": [each.id for each in self.cloud.behind.accepted],
            "late_sender": self._late_sender,
            "gives_up": self._scenario.gives_up,
            "warned": _warnings(request) if self._scenario.gives_up else [],
        }
        with self.store.reading() as tx:
            end["items"] = {
                item.key.id: (item.state.value, item.refund_order, _is_there(tx, item.key))
                for item in request.items
            }
            subjects = [request_subject(request.number)]
            subjects += [str(item.key) for item in request.items]
            end["record"] = {
                subject: [
                    entry.action
                    for entry in tx.audit.entries(subject)
                    if entry.action.startswith("request.")
                ]
                for subject in subjects
            }
            due = tx.requests.next_due()
            end["next_due"] = None if due == request.second_look_at else due
            found = {key: tx.outbox.get(owing.delivery_id(key)) for key in keys_of(end)}
            end["owed"] = [key for key, delivery in found.items() if delivery is not None]
            end["messages"] = sum(tx.outbox.counts().values())
        return end


@dataclass(eq=False)
class Clerk:
    """One process that carries out requests, and through which a person has them tried again."""

    office: Office
    up: bool = field(init=False)
    unheard: list[dict[str, Any]] = field(init=False)
    """Calls whose answers it has read and not yet written down."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory."""
        office = self.office
        self.up, self.unheard = True, []
        store: Any = MortalStore(self)
        parts: dict[str, Any] = {"store": store, "clock": office.clock, "policy": POLICY}
        line: Any = MortalLine(self)
        people = People(directory=FakeDirectory(), policy=POLICY)
        self._executing = Unforgiving(
            **parts, people=people, providers={ACCOUNT.name: line}, steady_since=always_steady
        )
        self._unsubscribing = Unsubscribing(**parts, people=people)

    def tick(self) -> bool:
        """One tick; whether it did anything, if only to die."""
        if not self.up:
            return False
        try:
            return self._executing.run_due(limit=1) > 0
        except Killed:
            self.office.died(self)
            return True

    def retry(self) -> None:
        """A person presses the button."""
        try:
            self._unsubscribing.retry(self.office.number, by=REQUESTER)
            self.office.cloud.behind.refuses.clear()
        except Killed:
            self.office.died(self)


class MortalStore:
    """A store whose process may stop or die right before and right after each commit."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk
        self._store = clerk.office.store
        self.accounts = self._store.accounts
        self.reading = self._store.reading
        self.give_way = self._store.give_way

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        clerk, office = self._clerk, self._clerk.office
        office.step(clerk)
        with self._store.transaction() as tx:
            yield tx
            office.step(clerk, inside=True)
        for line in clerk.unheard:
            line["known"] = True
        clerk.unheard.clear()
        office.step(clerk)


class MortalLine:
    """The Provider port of one process, which may stop or die before and after each answer."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk
        self._office = clerk.office
        self._cloud = clerk.office.cloud

    def read(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        return self._between(lambda: self._cloud.read(ids))

    def around(self, ids: Collection[str]) -> Sequence[Subscription]:
        return self._between(lambda: self._cloud.around(ids))

    def edition(self, region: str | None) -> Edition | None:
        return self._between(lambda: self._cloud.edition(region))

    def find_outcome(self, call: Call) -> Sequence[ItemResult]:
        return self._between(lambda: self._cloud.find_outcome(call))

    def refunds(self, ids: Collection[str], *, since: datetime) -> Sequence[Refund]:
        return self._between(lambda: self._cloud.refunds(ids, since=since))

    def unsubscribe(self, call: Call) -> Sequence[ItemResult]:
        clerk, office = self._clerk, self._office
        intent = _intent(office.request(), call)
        office.step(clerk, sends=True)
        line, answer = self._cloud.unsubscribe(
            call, intent=intent, wait=lambda span: office.wait(clerk, span)
        )
        office.step(clerk)
        if not isinstance(answer, OutcomeUnknown):
            clerk.unheard.append(line)
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def _between(self, read: Callable[[], T]) -> T:
        self._office.step(self._clerk)
        found = read()
        self._office.step(self._clerk)
        return found


def lived(
    stage: Open,
    name: str,
    *,
    kill_at: Collection[int] = (),
    stall_at: int | None = None,
    stalls_for: timedelta = SECOND,
) -> Ending:
    """Live through a scenario in which processes die at these steps, or one stands still."""
    with stage() as (store, _):
        office = Office(
            store, SCENARIOS[name], kill_at=kill_at, stall_at=stall_at, stalls_for=stalls_for
        )
        evidence = office.run()
    return Ending(office.steps, frozenset(office.sends), judged_calls(evidence), evidence)


def call_pairs(stage: Open, name: str, first: int) -> Iterator[tuple[int, int]]:
    """The step and every one that comes after it, to the end of the life in which it kills."""
    for second in range(first + 1, lived(stage, name, kill_at=(first,)).steps + 1):
        yield first, second


def _approved(store: Store, items: Sequence[Subscription], clock: SettableClock) -> int:
    """A request for all of them that one other person approved and that has cooled off."""
    now = clock.now()
    with store.transaction() as tx:
        tx.catalogue.put(items, at=now)
        tx.requests.next_number()
        asked = recording.save(tx, None, _asked(), policy=POLICY, at=now)
        approved = deciding.approve(asked, by=APPROVER_1, at=now, authorities=(APPROVER_1,))
        recording.save(tx, asked, approved, policy=POLICY, at=now)
    clock.advance(timedelta(minutes=POLICY.cooling_off_minutes))
    return asked.number


@cache
def _asked() -> Request:
    """The same in all lives, since it takes longer to work out than to carry out."""
    items = secmaster(ACCOUNT.name)
    chosen = plan(items, group=items, account=ACCOUNT, at=NOW)
    deadline = NOW + timedelta(hours=72)
    asking = Asking(
        number=FIRST,
        account=ACCOUNT,
        by=REQUESTER,
        at=NOW,
        reason=Reason.OTHER,
        details="The servers moved to another account.",
        worst=worst(chosen, until=deadline + timedelta(hours=2)).worst,
        deadline=deadline,
        terms=terms(
            ACCOUNT, approvers=(APPROVER_1,), cooling_off_minutes=POLICY.cooling_off_minutes
        ),
    )
    return deciding.ask(asking, plan=chosen, subscriptions={each.key: each for each in items})


def _warnings(request: Request) -> list[str]:
    """What each of those who run Lapse is told of a standstill, by when it began."""
    taken = [step.accepted_at for step in request.steps if step.accepted_at is not None]
    began = f"{max(taken):%Y-%m-%dT%H}" if taken else ""
    return [f"warning/request/{request.number}/{began}/{each}" for each in POLICY.approvers]


def _intent(request: Request, call: Call) -> tuple[int, int] | None:
    """Step and attempt that are committed for just this call; None when there is no such."""
    for step in request.steps:
        covers = set(call.ids) <= {key.id for key in step.subscriptions}
        if covers and step.state is StepState.STARTED and step.started_at == call.started_at:
            return step.number, step.attempt
    return None


def _is_there(tx: Transaction, key: Any) -> bool:
    held = tx.catalogue.get(key)
    return held is not None and held.status is not None and held.status.value != "unsubscribed"
