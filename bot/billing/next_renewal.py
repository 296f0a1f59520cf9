"""The next renewal: what it costs unless somebody acts, and the term that it would follow."""

from dataclasses import dataclass
from datetime import datetime

from bot.billing.account import Account
from bot.billing.money import Money
from bot.billing.renewal import AnchorKind, anchor, charge_after_expiry
from bot.billing.subscription import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRenewal:
    """A renewal that comes by itself; `amount` None is not known.

    It is the same one as long as it follows the same term: the day of its deduction moves with the
    account's settings and with every attempt that fails.
    """

    term_ends: datetime
    amount: Money | None


def next_renewal(
    subscription: Subscription, account: Account, *, at: datetime
) -> NextRenewal | None:
    """The renewal that comes unless somebody acts; None when the term ends without one."""
    ends = subscription.expires_at
    ahead = anchor(subscription, account, at=at)
    comes = ahead is not None and ahead.kind is not AnchorKind.EXPIRY
    if ends is None or not (comes or charge_after_expiry(subscription, account, at=at)):
        return None
    price, currency = subscription.renewal_price, subscription.currency or account.currency
    return NextRenewal(term_ends=ends, amount=None if price is None else Money(price, currency))
