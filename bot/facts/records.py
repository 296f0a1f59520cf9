"""A subscription as one line of text: how it is staged, compared by digest, and written in bulk.

The line has the subscription's own values in the order of `OWN`, then those of each order in the
order of `ORDER`, each as a table column takes it. It ends in no separator; nothing is empty text.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from bot.billing.subscription import (
    BillingMode,
    Edition,
    Kind,
    Order,
    OrderType,
    Package,
    Status,
    Subscription,
    SubscriptionKey,
)

OWN = tuple(each.name for each in fields(Subscription) if each.name not in {"key", "orders"})
ORDER = tuple(each.name for each in fields(Order))
SEPARATOR = "\0"
"""No text that Lapse takes has it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WORDS = {
    "kind": Kind,
    "edition": Edition,
    "package": Package,
    "billing_mode": BillingMode,
    "status": Status,
    "order_type": OrderType,
}
_NUMBERS = frozenset({"auto_renew_months", "notice_days", "term_months"})
_FLAGS = frozenset(
    {"auto_renew", "transaction_in_progress", "renewals_locked", "promotion", "invoiced"}
)
_AMOUNTS = frozenset(
    {
        "quantity",
        "renewal_price",
        "cash",
        "cash_coupon",
        "flexi_coupon",
        "stored_value",
        "discount_coupon",
    }
)
_SPELLED: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "1" if value else "0",
    datetime: lambda value: str((value - _EPOCH) // _MICROSECOND),
    dict: lambda value: json.dumps(value, sort_keys=True, separators=(",", ":")),
}
_INSTANTS = frozenset({"effective_at", "expires_at", "provisioned_at", "cash_coupon_expires_at"})


def spelled(value: object) -> str:
    """A field's value as its text in a record."""
    return _SPELLED.get(type(value), str)(value)


def record_of(subscription: Subscription) -> str:
    """Everything but its key; two that are equal have one record, but for trailing zeros."""
    texts = [spelled(getattr(subscription, name)) for name in OWN]
    for order in subscription.orders:
        texts += [spelled(getattr(order, name)) for name in ORDER]
    return SEPARATOR.join(texts)


def subscription_of(key: SubscriptionKey, record: str) -> Subscription:
    """The subscription that a record was made of."""
    texts = record.split(SEPARATOR)
    paid = texts[len(OWN) :]
    orders = (
        Order(**_values(ORDER, paid[start : start + len(ORDER)]))
        for start in range(0, len(paid), len(ORDER))
    )
    return Subscription(key=key, orders=tuple(orders), **_values(OWN, texts[: len(OWN)]))


def order_of(texts: Sequence[str]) -> Order:
    """The order whose values are these, as a record has them."""
    return Order(**_values(ORDER, texts))


def digest_of(record: str) -> bytes:
    """What tells records apart."""
    return blake2b(record.encode(), digest_size=16).digest()


def own_values(texts: Sequence[str]) -> Mapping[str, Any]:
    """The values of a subscription's own fields, as a record has them."""
    return _values(OWN, texts)


def _values(names: Iterable[str], texts: Iterable[str]) -> dict[str, Any]:
    return {name: _read(name, text) for name, text in zip(names, texts, strict=True) if text}


def _read(name: str, text: str) -> object:
    if name in _INSTANTS:
        return _EPOCH + int(text) * _MICROSECOND
    if name in _AMOUNTS:
        return Decimal(text)
    if name in _FLAGS:
        return text == "1"
    if name in _NUMBERS:
        return int(text)
    if name in _WORDS:
        return _WORDS[name](text)
    return json.loads(text) if name == "tags" else text
