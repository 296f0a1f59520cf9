"""One process that people ask, approve and stop through, and that carries requests out.

It may stop or die at every step that it takes; what it reads and sends is written down.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from bot.billing.account import Account
from bot.billing.subscription import AccountName, Edition, Subscription
from bot.ports.clock import Clock
from bot.ports.provider import (
    Call,
    ItemResult,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    Refund,
)
from bot.ports.store import Store
from bot.services.delegating import Delegating
from bot.services.errors import Refused
from bot.services.people import People, in_force_now
from bot.services.policy import Policy
from bot.services.steadiness import Steadiness
from bot.services.unsubscribing import Unsubscribing
from bot.services.vouching import Vouching
from tests.messengers import FakeDirectory
from tests.proof.calls import MortalStore
from tests.proof.cloud import BUSY, Cloud, Fate
from tests.proof.replica import Killed
from tests.proof.stages import ACCOUNT
from tests.proof.surprises import Unforgiving

T = TypeVar("T")

FOR_EVER = 10**4
"""More readings or calls than a life has."""

NEVER = datetime(2100, 1, 1, tzinfo=UTC)


class OwnClockCloud(Cloud):
    """One whose clock is not that of Lapse's database: it compares no instant of Lapse's with it.

    Each id is unsubscribed from once at most, so that an order of it is always that of the call.
    """

    away = 0
    """How many of the next readings it does not answer."""

    stuck = False
    """Whether what it takes is never done."""

    def fail(self, fate: Fate) -> None:
        """This befalls the next call but for those that something befalls already."""
        self._script.append(fate)

    def recover(self) -> None:
        """Nothing befalls any call any more, and whatever is read is answered."""
        self._script.clear()
        self.away = 0

    def go_away(self) -> None:
        """Nothing is answered any more."""
        self.away = FOR_EVER

    def take_nothing(self) -> None:
        """It is too busy for any call."""
        self._script = [BUSY] * FOR_EVER

    def finish_nothing(self) -> None:
        """It takes what it is asked, and lists it for ever."""
        self.stuck = True

    def read(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        self._answer()
        return super().read(ids)

    def around(self, ids: Collection[str]) -> Sequence[Subscription]:
        self._answer()
        return super().around(ids)

    def edition(self, region: str | None) -> Edition | None:
        self._answer()
        return super().edition(region)

    def find_outcome(self, call: Call) -> Sequence[ItemResult]:
        self._answer()
        listed = self.listed()  # after which everything that is due has landed
        orders = self.taken()
        return [
            ItemResult(id=i, accepted=i in orders, gone=i not in listed, order_id=orders.get(i))
            for i in call.ids
        ]

    def refunds(self, ids: Collection[str], *, since: datetime) -> Sequence[Refund]:
        self._answer()
        return super().refunds(ids, since=since - timedelta(days=1))

    def _pass_time(self) -> None:
        super()._pass_time()
        for each in self.behind.accepted if self.stuck else ():
            if each.id in self.behind.read([each.id]):
                each.at = NEVER

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise ProviderUnavailable("The cloud cannot be reached, nothing was sent.")


class Surroundings(Protocol):
    """What clerks work in."""

    store: Store
    clock: Clock
    policy: Policy
    accounts: Mapping[AccountName, Account]
    directory: FakeDirectory
    cloud: OwnClockCloud

    def step(self, clerk: "Clerk", *, inside: bool = False, sends: bool = False) -> None:
        """One step; raises Killed. Inside a transaction nobody else can write."""

    def wait(self, clerk: "Clerk", span: timedelta) -> None:
        """So long no answer comes; the others go on."""

    def elapsed(self) -> float:
        """Seconds of true time since some instant."""

    def read(self, clerk: "Clerk", ids: Collection[str], found: Mapping[str, Subscription]) -> None:
        """This is what the clerk was told."""

    def sent(self, clerk: "Clerk", call: Call) -> object:
        """It is about to send this; which intent is committed for it."""


@dataclass(eq=False)
class Clerk:
    """One replica; whoever dies begins anew at once, with nothing in memory."""

    office: Surroundings
    name: str
    unheard: list[dict[str, Any]] = field(init=False)
    """Calls whose answers it has read and not yet written down."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory."""
        office = self.office
        self.unheard = []
        store: Any = MortalStore(self)  # type: ignore[arg-type]
        store.accounts = office.accounts
        parts: dict[str, Any] = {"store": store, "clock": office.clock, "policy": office.policy}
        lent = partial(in_force_now, office.store, office.clock)
        people = People(directory=office.directory, policy=office.policy, in_force=lent)
        line: Any = Line(self)
        steadiness = Steadiness(
            clock=office.clock, database=office.clock.now, elapsed=office.elapsed
        )
        self._executing = Unforgiving(
            **parts,
            people=people,
            providers={ACCOUNT.name: line},
            steady_since=steadiness.since,
        )
        self.unsubscribing = Unsubscribing(**parts, people=people)
        self.vouching = Vouching(**parts, people=people)
        self.delegating = Delegating(**parts, people=people)

    def tick(self) -> bool:
        """One tick; whether it did anything, if only to die."""
        try:
            return self._executing.run_due(limit=1) > 0
        except Killed:
            self.start()
            return True

    def serve(self, click: Callable[["Clerk"], T]) -> T | None:
        """Do what a person asks; None when it refuses or dies, of which the person hears alike."""
        try:
            return click(self)
        except Refused:
            return None
        except Killed:
            self.start()
            return None


class Line:
    """The Provider port of one process, which may stop or die before and after each answer."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk
        self._office = clerk.office

    def read(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        found = self._between(lambda: self._office.cloud.read(ids))
        self._office.read(self._clerk, ids, found)
        return found

    def around(self, ids: Collection[str]) -> Sequence[Subscription]:
        return self._between(lambda: self._office.cloud.around(ids))

    def edition(self, region: str | None) -> Edition | None:
        return self._between(lambda: self._office.cloud.edition(region))

    def find_outcome(self, call: Call) -> Sequence[ItemResult]:
        return self._between(lambda: self._office.cloud.find_outcome(call))

    def refunds(self, ids: Collection[str], *, since: datetime) -> Sequence[Refund]:
        return self._between(lambda: self._office.cloud.refunds(ids, since=since))

    def unsubscribe(self, call: Call) -> Sequence[ItemResult]:
        clerk, office = self._clerk, self._office
        office.step(clerk, sends=True)
        line, answer = office.cloud.unsubscribe(
            call, intent=office.sent(clerk, call), wait=lambda span: office.wait(clerk, span)
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
