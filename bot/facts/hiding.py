"""Hiding: the same facts without their figures, for readers who may not see them (pure)."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar, cast

from bot.billing.money import HIDDEN, Money
from bot.billing.subscription import Order, Subscription, SubscriptionKey
from bot.billing.unsubscription import Request

Facts = TypeVar("Facts")

_FIGURE = re.compile(r"\b[A-Z]{3}[ \u00a0]-?\d[\d,]*\.\d\d\b")
"""Money as sentences of Lapse write it, `USD 3,600.00`."""

_PAID = ("cash", "cash_coupon", "flexi_coupon", "stored_value", "discount_coupon")


def without_figures(facts: Facts) -> Facts:
    """The same facts with every amount hidden, also those inside sentences; all else stays."""
    return cast("Facts", _hidden(facts))


def _hidden(value: Any) -> Any:
    if isinstance(value, Money):
        return Money.hidden()
    if type(value) is str:  # not an enumeration's member, which is a name
        return _FIGURE.sub(HIDDEN, value)
    if type(value) is tuple:
        return _all(value)
    if isinstance(value, Mapping):
        return {key: _hidden(each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, SubscriptionKey | type):
        return _bare(
            replace(value, **{f.name: _hidden(getattr(value, f.name)) for f in fields(value)})
        )
    return value


def _all(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sums stand one a currency; hidden ones tell not even how many currencies there are."""
    if values and all(isinstance(each, Money) for each in values):
        return (Money.hidden(),)
    return tuple(_hidden(each) for each in values)


def _bare(value: Any) -> Any:
    """Amounts that are kept as numbers or text beside their currency."""
    if isinstance(value, Subscription):
        return replace(value, renewal_price=_nothing(value.renewal_price))
    if isinstance(value, Order):
        amounts: dict[str, Any] = {name: _nothing(getattr(value, name)) for name in _PAID}
        return replace(value, **amounts)
    if isinstance(value, Request) and value.if_kept.get("amount"):
        return replace(value, if_kept={**value.if_kept, "amount": str(Money.hidden().amount)})
    return value


def _nothing(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else Money.hidden().amount
