"""A cloud in memory, which is late, refuses and loses answers exactly as a test tells it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.billing.account import Account
from bot.billing.bookkeeping import without_renewals
from bot.billing.edition import current_edition
from bot.billing.money import Money
from bot.billing.quote import Scope
from bot.billing.refund import quote
from bot.billing.subscription import Edition, Kind, Status, Subscription
from bot.ports.provider import (
    Call,
    ItemResult,
    OutcomeUnknown,
    ProviderRefused,
    ProviderUnavailable,
    Refund,
)
from tests.clocks import SettableClock

TAKES = timedelta(seconds=2)


@dataclass
class _Accepted:
    call: Call
    id: str
    order_id: str
    at: datetime
    refund: Money
    fee: Money


@dataclass
class FakeProvider:
    """The Provider port. Faults are one-shot lists; `calls` are the irreversible ones it got."""

    account: Account
    given: Iterable[Subscription]
    clock: SettableClock
    calls: list[Call] = field(default_factory=list)
    switched: list[tuple[str, bool]] = field(default_factory=list)
    reads: int = 0
    lose_requests: int = 0
    lose_answers: int = 0
    away: int = 0
    away_reading: int = 0
    ignores_switch: bool = False
    refuses: dict[str, tuple[str, str]] = field(default_factory=dict)
    refuses_calls: list[ProviderRefused] = field(default_factory=list)
    edition_reads: Edition | None = None
    before_call: Callable[[], None] | None = None
    pays_less: Money | None = None
    takes: timedelta = TAKES

    def __post_init__(self) -> None:
        self.held = {each.key.id: each for each in self.given}
        self.accepted: list[_Accepted] = []

    def change(self, ref: str, **facts: object) -> None:
        """Something happens at the cloud without Lapse."""
        self.held[ref] = replace(self.held[ref], **facts)  # type: ignore[arg-type]

    def subscriptions(self) -> Iterator[Subscription]:
        self._pass_time()
        return iter(sorted(self.held.values(), key=lambda each: each.key))

    def read(self, ids: Collection[str]) -> Mapping[str, Subscription]:
        self.reads += 1
        if self.away_reading:
            self.away_reading -= 1
            raise ProviderUnavailable("The cloud cannot be reached, nothing was sent.")
        self._pass_time()
        return {each: self.held[each] for each in ids if self._is_listed(each)}

    def around(self, ids: Collection[str]) -> Sequence[Subscription]:
        self._pass_time()
        there = [each for ref, each in self.held.items() if self._is_listed(ref)]
        grouped = {Kind.QUOTA, Kind.PACKAGE}
        regions = {each.region for each in there if each.key.id in ids and each.kind in grouped}
        return [
            each
            for each in there
            if each.parent_id in ids
            or (each.kind in grouped and each.region in regions and each.status is Status.IN_USE)
        ]

    def edition(self, region: str | None) -> Edition | None:
        self._pass_time()
        if self.edition_reads is not None:
            return self.edition_reads
        return current_edition(
            each
            for each in self.held.values()
            if each.region == region and self._is_listed(each.key.id)
        )

    def unsubscribe(self, call: Call) -> Sequence[ItemResult]:
        if self.before_call is not None:
            self.before_call()
        if self.away:
            self.away -= 1
            raise ProviderUnavailable("It asks to slow down.", code="429")
        self.calls.append(call)
        if self.lose_requests:
            self.lose_requests -= 1
            raise OutcomeUnknown("timeout")
        if self.refuses_calls:
            raise self.refuses_calls.pop(0)
        results = tuple(self._end(call, each) for each in call.ids)
        if self.lose_answers:
            self.lose_answers -= 1
            raise OutcomeUnknown("timeout")
        return results

    def find_outcome(self, call: Call) -> Sequence[ItemResult]:
        self._pass_time()
        orders = {each.id: each for each in self.accepted if each.at >= call.started_at}
        return tuple(
            ItemResult(
                id=each,
                accepted=each in orders,
                gone=not self._is_listed(each),
                order_id=orders[each].order_id if each in orders else None,
            )
            for each in call.ids
        )

    def refunds(self, ids: Collection[str], *, since: datetime) -> Sequence[Refund]:
        now = self.clock.now()
        return tuple(
            Refund(
                id=each.id,
                order_id=each.order_id,
                refund=each.refund,
                handling_fee=each.fee,
                completed_at=each.at + self.takes,
            )
            for each in self.accepted
            if each.id in ids and each.at >= since and each.at + self.takes <= now
        )

    def set_auto_renew(self, id: str, *, on: bool) -> None:  # noqa: A002 - the port's word
        if self.refuses_calls:
            raise self.refuses_calls.pop(0)
        if not self._is_listed(id):
            raise ProviderRefused("The cloud does not list it any more.", code="CBC.30000067")
        self.switched.append((id, on))
        if not self.ignores_switch:
            self.change(id, auto_renew=on)

    def _end(self, call: Call, ref: str) -> ItemResult:
        self._pass_time()
        if ref in self.refuses:
            code, said = self.refuses[ref]
            return ItemResult(id=ref, accepted=False, error_code=code, error=said)
        if not self._is_listed(ref):
            return ItemResult(
                id=ref, accepted=False, error_code="CBC.30000067", error="It is not listed."
            )
        held = self.held[ref]
        if held.kind is Kind.PACKAGE and self.edition(held.region) is not Edition.BASIC:
            return ItemResult(id=ref, accepted=False, error_code="R8", error="The edition first.")
        now = self.clock.now()
        found = quote(held, self.account, at=now, scope=call.scope)
        if found.total is None:
            assert found.refused is not None
            return ItemResult(
                id=ref, accepted=False, error_code=found.refused.rule, error=found.refused.reason
            )
        order_id = f"CS{len(self.accepted) + 1:04d}"
        less = self.pays_less or Money.zero(found.currency)
        self.accepted.append(
            _Accepted(call, ref, order_id, now, found.total.refund - less, found.total.handling_fee)
        )
        return ItemResult(id=ref, accepted=True, order_id=order_id)

    def _pass_time(self) -> None:
        for each in self.accepted:
            if each.at + self.takes > self.clock.now() or not self._is_listed(each.id):
                continue
            held = self.held[each.id]
            if each.call.scope is Scope.ALL:
                self.change(each.id, status=Status.UNSUBSCRIBED, auto_renew=False)
            else:
                self.held[each.id] = without_renewals(held, at=each.at)

    def _is_listed(self, ref: str) -> bool:
        held = self.held.get(ref)
        return held is not None and held.status is not Status.UNSUBSCRIBED
