"""Effects: what each kind of change asks of a cloud, and how its outcome is seen there."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.billing.change import Change
from bot.billing.quote import Scope
from bot.billing.renewal import renewal_periods
from bot.billing.subscription import Status, Subscription, SubscriptionKey
from bot.billing.unsubscription import Request
from bot.ports.provider import Call, ItemResult, Provider
from bot.services.merging import Told, of_known

READS_WITHIN = timedelta(minutes=15)
"""How long auto-renewal may read as before although the cloud took the call."""

_NOT_LISTED = frozenset({"CBC.30000067", "CBC.99003012"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One kind of change: its call, the outcome in the cloud's list, and what stays afterwards.

    `call` is how the record names the call. `find` reads what became of one whose answer was lost.
    `reached`: whether a subscription, None where the list lacks it, is as the request wants it.
    `left`: what the catalogue says afterwards, from what it said before and what was read.
    `within` is how long what the cloud took may stay as it was; None: until it is done.
    """

    call: str
    ask: Callable[[Provider, Call], Sequence[ItemResult]]
    find: Callable[[Provider, Call], Sequence[ItemResult]]
    taken: Callable[[ItemResult], bool]
    reached: Callable[[Subscription | None, Request, datetime], bool]
    left: Callable[[Request, Subscription, Subscription | None], Subscription | None]
    within: timedelta | None = None


def effect_of(request: Request) -> Effect:
    """The effect that the request is about."""
    return _EFFECTS[request.change]


def afterwards(
    request: Request, keys: Collection[SubscriptionKey], fresh: Mapping[str, Subscription]
) -> Mapping[SubscriptionKey, Told]:
    """What the catalogue says of these afterwards; `fresh` is what was read of them, by id."""
    left = effect_of(request).left
    return of_known(keys, lambda held: left(request, held, fresh.get(held.key.id)))


def is_gone(held: Subscription | None, request: Request, now: datetime) -> bool:
    """Gone from the list; where only the renewal goes, without a period that was still ahead (R45).

    One that was ahead when it was asked for and has begun since was not given back.
    """
    if held is None or request.scope is not Scope.RENEWALS:
        return held is None
    return not renewal_periods(held, at=min(request.item(held.key).quote.at, now))


def _ended(
    request: Request, before: Subscription, fresh: Subscription | None
) -> Subscription | None:
    if request.scope is Scope.RENEWALS:
        return replace(before, orders=fresh.orders) if fresh is not None else None
    return replace(
        before, status=Status.UNSUBSCRIBED, auto_renew=False, transaction_in_progress=False
    )


def _switch(*, on: bool) -> Effect:
    def ask(provider: Provider, call: Call) -> Sequence[ItemResult]:
        for each in call.ids:
            provider.set_auto_renew(each, on=on)
        return [ItemResult(id=each, accepted=True) for each in call.ids]

    def find(provider: Provider, call: Call) -> Sequence[ItemResult]:
        fresh = provider.read(call.ids)
        return [
            ItemResult(id=each, accepted=False, gone=each in fresh and reads(fresh[each]))
            for each in call.ids
        ]

    def reads(held: Subscription) -> bool:
        return held.auto_renew is on

    def left(
        request: Request,  # noqa: ARG001 - one shape for every change
        before: Subscription,
        fresh: Subscription | None,
    ) -> Subscription | None:
        orders = fresh.orders if fresh is not None else before.orders
        return replace(before, auto_renew=on, orders=orders)

    return Effect(
        call=f"auto-renew-{'on' if on else 'off'}",
        ask=ask,
        find=find,
        taken=lambda result: result.accepted,
        reached=lambda held, *_: held is not None and reads(held),
        left=left,
        within=READS_WITHIN,
    )


_EFFECTS: Mapping[Change, Effect] = {
    Change.UNSUBSCRIBE: Effect(
        call="unsubscribe",
        ask=lambda provider, call: provider.unsubscribe(call),
        find=lambda provider, call: provider.find_outcome(call),
        taken=lambda result: result.accepted or result.error_code in _NOT_LISTED,
        reached=is_gone,
        left=_ended,
    ),
    Change.RENEWAL_ON: _switch(on=True),
    Change.RENEWAL_OFF: _switch(on=False),
}
