"""Merging: what a cloud says of a subscription, completed by what only Lapse knows."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import partial

from bot.billing.subscription import Subscription, SubscriptionKey
from bot.ports.store import Transaction

Told = Callable[[Subscription | None], Subscription | None]
"""What the catalogue says of a subscription from what it says now, if anything; None: as it is."""

_OURS = frozenset({"owner", "deputy", "channel", "tags", "note", "notice_days"})
"""What people say about a subscription; no cloud knows it better."""


def merged(known: Subscription | None, read: Subscription) -> Subscription:
    """The reading, completed by what only Lapse knows; what a cloud does not say stays."""
    if known is None:
        return read
    kept = {
        each.name: getattr(known, each.name)
        for each in fields(Subscription)
        if each.name != "key"
        and getattr(known, each.name) not in (None, {}, ())
        and (each.name in _OURS or getattr(read, each.name) in (None, {}, ()))
    }
    return replace(read, **kept)


def merged_with(tx: Transaction, fresh: Mapping[str, Subscription]) -> Sequence[Subscription]:
    """Readings by id, each completed by what the catalogue knows of it."""
    return [merged(tx.catalogue.get(each.key), each) for each in fresh.values()]


def taken_over(read: Iterable[Subscription]) -> Mapping[SubscriptionKey, Told]:
    """What the catalogue takes over of a reading, whether or not it knew of it."""
    return {each.key: partial(merged, read=each) for each in read}


def of_known(
    keys: Collection[SubscriptionKey], change: Callable[[Subscription], Subscription | None]
) -> Mapping[SubscriptionKey, Told]:
    """What the catalogue says of those that it knows."""

    def told(held: Subscription | None) -> Subscription | None:
        return None if held is None else change(held)

    return dict.fromkeys(keys, told)


def tell(tx: Transaction, told: Mapping[SubscriptionKey, Told], *, at: datetime) -> None:
    """Have the catalogue say so, from what it says in this very moment.

    What people or another reading changed since the cloud was asked stays as they left it.
    """
    tx.catalogue.hold(told)
    said = [says(tx.catalogue.get(key)) for key, says in told.items()]
    tx.catalogue.put([each for each in said if each is not None], at=at)
