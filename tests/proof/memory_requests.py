"""The model's requests: versions, claims with a lease, and when each is to be looked at next."""

from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from bot.billing.by_hand import next_move
from bot.billing.call_to_decide import next_call
from bot.billing.savings import COUNTED
from bot.billing.subscription import SlackUser, SubscriptionKey
from bot.billing.unsubscription import OPEN, Item, ItemState, Request, State
from bot.ports.store import ChangedMeanwhile, Delivery

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
LAST, FIRST = "request", 1001
CALLED_FOR = {ItemState.SENT, ItemState.UNKNOWN, ItemState.GONE}


class Kept(NamedTuple):
    """A request with when it is to be worked on, and until when somebody does."""

    request: Request
    work_at: datetime | None
    lease_until: datetime | None = None

    def is_free(self, now: datetime) -> bool:
        return self.lease_until is None or self.lease_until <= now


class MemoryRequests:
    """Requests of one workspace; `keyed` finds a delivery by its key."""

    def __init__(
        self,
        rows: MutableMapping[int, Kept],
        numbers: MutableMapping[str, int],
        *,
        keyed: Callable[[str], Delivery | None],
    ) -> None:
        self._rows = rows
        self._numbers = numbers
        self._keyed = keyed

    def next_number(self) -> int:
        self._numbers[LAST] = self._numbers.get(LAST, FIRST - 1) + 1
        return self._numbers[LAST]

    def get(self, number: int) -> Request | None:
        kept = self._rows.get(number)
        return kept.request if kept else None

    def hold(self, number: int) -> Request | None:
        return self.get(number)

    def save(self, request: Request) -> Request:
        known = self._rows.get(request.number)
        if (known.request.version if known else 0) != request.version:
            raise ChangedMeanwhile
        saved = replace(request, version=request.version + 1)
        if self._is_open(saved):
            holders = [self.open_with(item.key) for item in saved.items]
            if any(each is not None and each.number != saved.number for each in holders):
                raise ChangedMeanwhile
        same = known is not None and _times(known.request) == _times(saved)
        if known is not None and same and not saved.by_hand:
            self._rows[saved.number] = known._replace(request=saved)
        else:
            lease = known.lease_until if known else None
            self._rows[saved.number] = Kept(saved, _work_at(saved), lease)
        return saved

    def open_with(self, key: SubscriptionKey) -> Request | None:
        for kept in self._rows.values():
            if self._is_open(kept.request) and any(i.key == key for i in kept.request.items):
                return kept.request
        return None

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Everything is at hand."""

    def called_for(self, keys: Collection[SubscriptionKey]) -> Sequence[Request]:
        over = [k.request for k in self._rows.values() if not self._is_open(k.request)]
        called = [r for r in over if any(_was_called_for(i, keys) for i in r.items)]
        return sorted(called, key=lambda each: each.number)

    def of(self, user: SlackUser, *, limit: int = 5) -> Sequence[Request]:
        mine = [k.request for k in self._rows.values() if k.request.requested_by == user]
        return sorted(mine, key=lambda each: -each.number)[:limit]

    def waiting(self, *, limit: int = 50) -> Sequence[Request]:
        waiting = [
            kept.request
            for kept in self._rows.values()
            if kept.request.state is State.WAITING and not kept.request.closed
        ]
        return sorted(waiting, key=lambda each: (each.deadline, each.number))[:limit]

    def by_hand(self, *, limit: int = 50) -> Sequence[Request]:
        carried = [
            kept.request
            for kept in self._rows.values()
            if kept.request.by_hand and kept.request.state in {State.EXECUTING, State.VERIFYING}
        ]
        return sorted(carried, key=lambda each: each.number)[:limit]

    def decided(self) -> Iterator[tuple[SubscriptionKey, Request]]:
        told = [
            (item.key, kept.request)
            for kept in self._rows.values()
            if kept.request.state in COUNTED
            for item in kept.request.items
        ]
        yield from sorted(told, key=lambda each: (str(each[0]), each[1].number))

    def claim_due(self, *, now: datetime, lease_until: datetime, limit: int) -> Sequence[Request]:
        due = [
            (kept.work_at, number)
            for number, kept in self._rows.items()
            if kept.work_at is not None and kept.work_at <= now and kept.is_free(now)
        ]
        numbers = sorted(number for _, number in sorted(due)[:limit])
        for number in numbers:
            self._rows[number] = self._rows[number]._replace(lease_until=lease_until)
        return [self._rows[number].request for number in numbers]

    def attend(self, number: int, *, at: datetime | None) -> None:
        kept = self._rows.get(number)
        if kept is not None:
            when = _falls_due(kept.request)
            if at is not None and (when is not None or not kept.request.closed):
                when = at
            self._rows[number] = Kept(kept.request, when)

    def hasten(self, number: int, *, at: datetime) -> None:
        kept = self._rows.get(number)
        if kept is not None and kept.is_free(at) and kept.work_at is not None:
            self._rows[number] = kept._replace(work_at=min(kept.work_at, at))

    def next_due(self) -> datetime | None:
        dues = (
            max(kept.work_at, kept.lease_until or kept.work_at)
            for kept in self._rows.values()
            if kept.work_at is not None
        )
        return min(dues, default=None)

    def card(self, number: int) -> Delivery | None:
        return self._keyed(f"request/{number}/card")

    def _is_open(self, request: Request) -> bool:
        return request.state in OPEN and not request.closed


def _was_called_for(item: Item, keys: Collection[SubscriptionKey]) -> bool:
    return item.key in keys and item.state in CALLED_FOR


def _times(request: Request) -> tuple[object, ...]:
    return request.state, request.closed, request.deadline, request.starts_at


def _work_at(request: Request) -> datetime | None:
    return AT_ONCE if _moves(request) and not request.by_hand else _falls_due(request)


def _moves(request: Request) -> bool:
    return request.state in {State.EXECUTING, State.VERIFYING} and not request.closed


def _falls_due(request: Request) -> datetime | None:
    if request.closed:
        return request.second_look_at
    if request.state in {State.WAITING, State.STALE}:
        return next_call(request) or request.deadline
    if request.state is State.APPROVED:
        return request.starts_at or AT_ONCE
    return next_move(request) if request.by_hand and _moves(request) else None
