"""The refund: what one subscription returns when it is unsubscribed from (R31 to R50)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.billing.account import Account
from bot.billing.money import Money
from bot.billing.quote import Quote, Scope
from bot.billing.subscription import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The highest fee, lowest refund and most coupons lost that a span of time can bring."""

    handling_fee: Money
    refund: Money
    coupons_lost: Money


def quote(
    subscription: Subscription, account: Account, *, at: datetime, scope: Scope = Scope.ALL
) -> Quote:
    """Quote the refund at an instant, with the account's rule set; an estimate (R41 to R47).

    Never raises for a refusal: `Quote.refused` then says which rule and why (R31, R34, R48).
    """
    raise NotImplementedError


def worst(quotes: Mapping[str, Quote]) -> Worst:
    """Add up quotes taken at the latest possible execution; all in one currency."""
    raise NotImplementedError
