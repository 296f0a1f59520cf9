"""Turning auto-renewal off: what is about to change, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from bot.billing.money import Money
from bot.billing.renewal import Anchor
from bot.billing.subscription import SlackUser, Subscription, SubscriptionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """One subscription whose auto-renewal can be turned off, and what would be deducted.

    `late_charge_at` is when the cloud may still charge what has expired.
    """

    subscription: Subscription
    anchor: Anchor | None
    amount: Money | None
    safe_until: datetime | None
    late_charge_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewals:
    """A subscription and its packages, each renewing by its own setting (R7).

    `by_request`: the settings ask for an approval before it is turned off.
    """

    items: tuple[Renewal, ...]
    dry_run: bool
    now: datetime
    by_request: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedOffItem:
    """What was read back for one subscription; `error` says why it is not off, in one sentence."""

    key: SubscriptionKey
    subscription: Subscription
    off: bool
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedOff:
    """The result of turning off, read back at the cloud; in a dry run nothing was changed there."""

    items: tuple[TurnedOffItem, ...]
    by: SlackUser
    at: datetime
    dry_run: bool
