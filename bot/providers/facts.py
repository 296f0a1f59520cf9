"""Facts that change at the practice cloud without Lapse: prices, dates, coupons, items."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from bot.billing import bookkeeping
from bot.billing.account import Account
from bot.billing.subscription import (
    BillingMode,
    Kind,
    Order,
    OrderType,
    Status,
    Subscription,
    SubscriptionKey,
)
from bot.billing.terms import term_end
from bot.ports.clock import Clock
from bot.providers.ledger import LedgerProvider

FOUND_PRICE = Decimal("61.20")
NOTHING = Decimal(0)


class CloudFacts:
    """Somebody else changes the account; the next reading finds out.

    Every change raises KeyError for an id that the account does not have.
    """

    def __init__(self, *, ledger: LedgerProvider, account: Account, clock: Clock) -> None:
        self._ledger = ledger
        self._account = account
        self._clock = clock

    def set_price(self, id: str, price: Decimal) -> None:  # noqa: A002 - the field's own word
        """The next renewal costs this, in the currency of the last order."""
        self._ledger.enter(replace(self._held(id), renewal_price=price))

    def switch_auto_renew_on(self, id: str) -> None:  # noqa: A002
        """Somebody switches auto-renewal on in the console."""
        self._ledger.set_auto_renew(id, on=True)

    def put_coupon(self, id: str, amount: Decimal) -> None:  # noqa: A002
        """Part of the purchase turns out to have been paid with a cash coupon."""
        held = self._held(id)
        first, *others = held.orders
        coupon = min(amount, first.cash or NOTHING)
        paid = replace(first, cash=(first.cash or NOTHING) - coupon, cash_coupon=coupon)
        self._ledger.enter(replace(held, orders=(paid, *others)))

    def set_expiry(self, id: str, expires_at: datetime) -> None:  # noqa: A002
        """The running term ends at another instant."""
        held = self._held(id)
        *others, last = held.orders
        moved = replace(last, expires_at=expires_at)
        self._ledger.enter(replace(held, orders=(*others, moved)))

    def remove(self, id: str) -> None:  # noqa: A002
        """Somebody unsubscribes from it in the console."""
        self._ledger.enter(bookkeeping.unsubscribed(self._held(id)))

    def add(self, id: str) -> Subscription:  # noqa: A002
        """Somebody buys a server for a month, and nobody owns it."""
        now = self._clock.now()
        order = Order(
            order_type=OrderType.NEW,
            term_months=1,
            effective_at=now,
            expires_at=term_end(now, months=1),
            currency=self._account.currency,
            cash=FOUND_PRICE,
            cash_coupon=NOTHING,
            flexi_coupon=NOTHING,
            stored_value=NOTHING,
            discount_coupon=NOTHING,
        )
        found = Subscription(
            key=SubscriptionKey(self._account.name, id),
            name=f"{id}, ECS",
            service="ECS",
            kind=Kind.RESOURCE,
            billing_mode=BillingMode.YEARLY_MONTHLY,
            status=Status.IN_USE,
            auto_renew=True,
            auto_renew_months=1,
            renewal_price=FOUND_PRICE,
            orders=(order,),
        )
        self._ledger.enter(found)
        return found

    def _held(self, id: str) -> Subscription:  # noqa: A002
        return self._ledger.read([id])[id]
