"""Catalogue files, read into memory."""

import io
from collections.abc import Iterator
from typing import Any

from bot.billing.subscription import AccountName, Subscription, SubscriptionKey
from bot.facts.records import subscription_of
from bot.services import reading


class InMemory:
    """Where subscriptions go that were read, of a small file."""

    def __init__(self) -> None:
        self.found: list[tuple[int, SubscriptionKey, str]] = []

    def add(self, line: int, account: str, ref: str, record: str) -> None:
        self.found.append((line, SubscriptionKey(AccountName(account), ref), record))

    def repeated(self) -> Iterator[tuple[int, SubscriptionKey, int]]:
        first: dict[SubscriptionKey, int] = {}
        for line, key, _ in self.found:
            if first.setdefault(key, line) != line:
                yield line, key, first[key]


def read_catalogue(data: bytes, filename: str, **how: Any) -> tuple[Subscription, ...]:
    """The subscriptions of a file, in its order."""
    staged = InMemory()
    reading.read_catalogue(io.BytesIO(data), filename, staged, **how)
    return tuple(subscription_of(key, record) for _, key, record in staged.found)
