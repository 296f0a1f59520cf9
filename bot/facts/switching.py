"""Asking for auto-renewal to be switched: what is shown before, and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.billing.account import Account
from bot.billing.change import Change, Charge
from bot.billing.subscription import SlackUser, Subscription, SubscriptionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchItem:
    """One subscription and what its renewal deducts as long as auto-renewal is on."""

    subscription: Subscription
    charge: Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDraft:
    """A switch as it would be asked for now; it can be decided until `deadline`.

    `fingerprint` changes with everything that the person acknowledges. It needs `more_as_unknown`
    approvals than the amounts that are known ask for.
    """

    change: Change
    account: Account
    items: tuple[SwitchItem, ...]
    deadline: datetime
    opened_at: datetime
    now: datetime
    dry_run: bool
    approvals_needed: int
    approvers: tuple[SlackUser, ...]
    cooling_off_minutes: int
    fingerprint: str
    more_as_unknown: bool = False

    @property
    def ordered(self) -> tuple[Subscription, ...]:
        """What would be switched."""
        return tuple(each.subscription for each in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchWish:
    """What a person presses: which way, which ones, and what was shown, counted from its opening.

    `fingerprint` None: nothing was shown that could have changed.
    """

    change: Change
    keys: tuple[SubscriptionKey, ...]
    by: SlackUser
    opened_at: datetime | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCharges:
    """A stale switch: what was acknowledged, and what it means today; `why` it is stale.

    `read_at` is when the cloud was read for that, as far as it is known.
    """

    number: int
    draft: SwitchDraft
    before: Sequence[Charge]
    acknowledged_at: datetime
    why: str | None
    read_at: datetime | None = None
