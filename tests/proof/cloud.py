"""A cloud that loses answers, is slow and takes calls late, and writes down what it was asked.

It has no mercy: what is asked for again after it was taken is written down as a second time.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.billing.account import Account
from bot.billing.subscription import Edition, Kind, Subscription
from bot.ports.provider import (
    Call,
    ItemResult,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    Refund,
)
from tests.clocks import SettableClock
from tests.fakes import FakeProvider

TIMEOUT = timedelta(seconds=60)
"""The longest that a call takes."""

IN_PROGRESS = ("CBC.99003651", "Another transaction is in progress.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What befalls one irreversible call; one that is lost is waited for in vain."""

    lands_after: timedelta | None = timedelta(0)
    """None when it never arrives."""
    lost: bool = False
    busy: bool = False


PLAIN = Fate()
DONE_UNHEARD = Fate(lost=True)
NEVER_ARRIVED = Fate(lost=True, lands_after=None)
LANDS_LATE = Fate(lost=True, lands_after=timedelta(seconds=88))
"""It timed out after 60 s and lands just within the 30 that it may take beyond."""
BUSY = Fate(busy=True, lands_after=None)


@dataclass(frozen=True, slots=True)
class _OnItsWay:
    call: Call
    number: int
    lands_at: datetime


class Cloud:
    """Whatever is due happens before anything is answered; `evidence` tells of each call."""

    def __init__(
        self,
        account: Account,
        subscriptions: Iterable[Subscription],
        clock: SettableClock,
        *,
        script: Sequence[Fate] = (),
        takes: timedelta,
    ) -> None:
        self.behind = FakeProvider(account, subscriptions, clock, takes=takes)
        self.evidence: list[dict[str, Any]] = []
        self._clock = clock
        self._script = list(script)
        self._on_their_way: list[_OnItsWay] = []

    def read(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        self._pass_time()
        return self.behind.read(ids)

    def around(self, ids: Collection[str]) -> Sequence[Subscription]:
        self._pass_time()
        return self.behind.around(ids)

    def edition(self, region: str | None) -> Edition | None:
        self._pass_time()
        return self.behind.edition(region)

    def find_outcome(self, call: Call) -> Sequence[ItemResult]:
        self._pass_time()
        return self.behind.find_outcome(call)

    def refunds(self, ids: Collection[str], *, since: datetime) -> Sequence[Refund]:
        self._pass_time()
        return self.behind.refunds(ids, since=since)

    def unsubscribe(
        self, call: Call, *, intent: object, wait: Callable[[timedelta], None]
    ) -> tuple[dict[str, Any], Sequence[ItemResult] | ProviderError]:
        """The line of evidence, to be marked as known, and what comes back to the caller."""
        self._pass_time()
        now = self._clock.now()
        fate = self._script.pop(0) if self._script else PLAIN
        line = {
            "event": "call",
            "at": now.timestamp(),
            "ids": list(call.ids),
            "intent": intent,
            "quota_there": self._is_quota_there(call),
            "known": False,
        }
        self.evidence.append(line)
        if fate.busy:
            return line, ProviderUnavailable("It asks to slow down.", code="429")
        if fate.lands_after is not None:
            coming = _OnItsWay(call, self.evidence.index(line), now + fate.lands_after)
            self._on_their_way.append(coming)
        if fate.lost:
            self._pass_time()
            wait(TIMEOUT)
            return line, OutcomeUnknown("The cloud did not answer in time.")
        return line, self._landed(self._on_their_way.pop())

    def listed(self) -> frozenset[str]:
        """What is still there."""
        self._pass_time()
        return frozenset(self.behind.read(list(self.behind.held)))

    def taken(self) -> Mapping[str, str]:
        """The order of each that was taken."""
        return {each.id: each.order_id for each in self.behind.accepted}

    def _pass_time(self) -> None:
        now = self._clock.now()
        due = [each for each in self._on_their_way if each.lands_at <= now]
        self._on_their_way = [each for each in self._on_their_way if each.lands_at > now]
        for each in due:
            self._landed(each)

    def _landed(self, coming: _OnItsWay) -> Sequence[ItemResult]:
        results = []
        for ref in coming.call.ids:
            before = ref in self.taken()
            result = self._result(coming.call, ref, in_progress=before)
            said = "again" if before else "taken" if result.accepted else "refused"
            facts = {"call": coming.number, "id": ref, "said": said}
            self.evidence.append({"event": "landed", **facts})
            results.append(result)
        return results

    def _result(self, call: Call, ref: str, *, in_progress: bool) -> ItemResult:
        if in_progress and ref in self.behind.read([ref]):
            code, said = IN_PROGRESS
            return ItemResult(id=ref, accepted=False, error_code=code, error=said)
        return self.behind.unsubscribe(replace(call, ids=(ref,)))[0]

    def _is_quota_there(self, call: Call) -> bool:
        held = self.behind.held
        regions = {held[ref].region for ref in call.ids if held[ref].kind is Kind.PACKAGE}
        return any(
            each.kind is Kind.QUOTA and each.region in regions
            for each in self.behind.read(list(held)).values()
        )
