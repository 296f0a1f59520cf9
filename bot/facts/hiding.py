"""Hiding: the same facts without their figures, for readers who may not see them (pure)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar, cast

from bot.billing.money import HIDDEN, Money, sums
from bot.billing.renewal import AnchorKind
from bot.billing.subscription import Order, Subscription, SubscriptionKey
from bot.billing.unsubscription import Request
from bot.facts.listing import (
    CurrencySum,
    ListPage,
    ListRow,
    Shown,
    Upcoming,
    UpcomingDay,
    UpcomingRow,
)
from bot.facts.messages import ReminderItem, ReminderMessage
from bot.facts.reminding import RestPage
from bot.facts.renewing import Renewal, Renewals
from bot.facts.switching import SwitchDraft
from bot.facts.unsubscribing import Draft

Facts = TypeVar("Facts")

_FIGURE = re.compile(r"\b[A-Z]{3}[ \u00a0]-?\d[\d,]*\.\d\d\b")
"""Money as sentences of Lapse write it, `USD 3,600.00`."""

_PAID = ("cash", "cash_coupon", "flexi_coupon", "stored_value", "discount_coupon")


def without_figures(facts: Facts) -> Facts:
    """The same facts with every amount hidden, also those inside sentences; all else stays."""
    return cast("Facts", _hidden(facts))


def seen(facts: Facts, may_see: Callable[[Sequence[Subscription]], bool]) -> Facts:
    """The same facts with the amounts of what the reader may not see hidden, and sums without them.

    Asks about the subscriptions of each row, of a whole form together.
    """
    return cast("Facts", _seen(facts, may_see))


def _seen(value: Any, may_see: Callable[[Sequence[Subscription]], bool]) -> Any:
    if isinstance(value, Draft | SwitchDraft):
        return value if may_see(value.ordered) else without_figures(value)
    if isinstance(value, ListRow | Shown | UpcomingRow | Renewal | ReminderItem):
        return value if may_see((value.subscription,)) else without_figures(value)
    if type(value) is tuple:
        return tuple(_seen(each, may_see) for each in value)
    if isinstance(value, ListPage | Upcoming | UpcomingDay | Renewals | ReminderMessage | RestPage):
        parts = {f.name: _seen(getattr(value, f.name), may_see) for f in fields(value)}
        return _summed(replace(value, **parts))
    return value


def _summed(value: Any) -> Any:
    if isinstance(value, UpcomingDay):
        known, hidden = _split(value.rows)
        return replace(value, sums=tuple(sums(known).values()), hidden=hidden)
    if isinstance(value, Upcoming):
        deducted = (day for day in value.days if day.anchor.kind is AnchorKind.DEDUCTION)
        known, hidden = _split(row for day in deducted for row in day.rows)
        return replace(value, sums=CurrencySum.of(known), hidden=hidden)
    return value


def _split(rows: Iterable[UpcomingRow]) -> tuple[Sequence[Money], int]:
    """The amounts that are known and may be seen, and how many are hidden."""
    amounts = [row.amount for row in rows if row.amount is not None]
    known = [amount for amount in amounts if not amount.is_hidden]
    return known, len(amounts) - len(known)


def _hidden(value: Any) -> Any:
    if isinstance(value, Money):
        return Money.hidden()
    if type(value) is str:  # not an enumeration's member, which is a name
        return _FIGURE.sub(HIDDEN, value)
    if isinstance(value, tuple):
        named = type(value) is not tuple
        return type(value)(*map(_hidden, value)) if named else _all(value)
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
