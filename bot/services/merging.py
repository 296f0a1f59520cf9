"""Merging: what a cloud says of a subscription, completed by what only Lapse knows."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from bot.billing.subscription import Subscription
from bot.ports.store import Transaction

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
