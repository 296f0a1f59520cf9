"""The unsubscription form: what it shows before anything is asked, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.billing.account import Account, CarriedOut
from bot.billing.contract import is_of_contracts
from bot.billing.money import Money
from bot.billing.plan import Plan
from bot.billing.quote import QuoteTotal, Refusal, Scope
from bot.billing.renewal import Anchor
from bot.billing.subscription import SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import Reason
from bot.billing.way import Way, WaysOut
from bot.billing.worst import Worst

DETAILS_LIMIT = 500
"""Characters of details (ux, section 2.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What comes next if nobody unsubscribes: the nearest anchor of the items and what it costs."""

    anchor: Anchor
    amounts: tuple[Money, ...]
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An unsubscription as it would be asked for now: order, figures, deadline.

    `worst` is what can be reached until the deadline and is acknowledged; `total` is now. In
    `plan.steps` stand the chosen ones alone; `left_out` were asked for but are not possible.
    `optional_packages` belong to a chosen quota and may go along, `chosen_packages` are those that
    do. `ways` are those of every one that goes, each for itself. `fingerprint` changes with the
    facts, not with the passing of an hour. `off_by_request`: the settings ask for an approval
    before auto-renewal is turned off. It needs `more_as_unknown` approvals than what is known to
    be paid asks for. `left_open` are the numbers of the requests that are over and left some of it
    at the cloud.
    """

    account: Account
    scope: Scope
    refs: tuple[str, ...]
    plan: Plan
    subscriptions: Mapping[SubscriptionKey, Subscription]
    optional_packages: tuple[Subscription, ...]
    chosen_packages: frozenset[SubscriptionKey]
    total: QuoteTotal
    coupons_lost: Money
    worst: Worst
    deadline: datetime
    opened_at: datetime
    now: datetime
    left_out: Mapping[SubscriptionKey, Refusal]
    ways: Mapping[SubscriptionKey, WaysOut]
    cheaper: Way | None
    renewal_scope_possible: bool
    renewal_begins_at: datetime | None
    zero_fee_until: datetime | None
    large_value: bool
    dry_run: bool
    approvals_needed: int
    approvers: tuple[SlackUser, ...]
    if_kept: Kept | None
    fingerprint: str
    off_by_request: bool = False
    more_as_unknown: bool = False
    left_open: tuple[int, ...] = ()

    @property
    def is_contract(self) -> bool:
        """Whether contracts outside the cloud go, which say themselves what comes back."""
        return is_of_contracts(self.plan)

    @property
    def by_hand(self) -> bool:
        """Whether a person carries it out."""
        return self.is_contract or self.account.carried_out is CarriedOut.BY_HAND

    @property
    def ordered(self) -> tuple[Subscription, ...]:
        """The subscriptions that go, in the order in which they go."""
        return tuple(
            self.subscriptions[key] for step in self.plan.steps for key in step.subscriptions
        )

    @property
    def left_behind(self) -> tuple[Subscription, ...]:
        """Packages of a quota that goes which stay without their edition (R9)."""
        return tuple(self.subscriptions[key] for key in self.plan.left_behind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """The form filled in. `form` identifies the opened form: sending it twice is one request.

    `worst`, `fingerprint`, `deadline` and `opened_at` are those that the form showed; `packages`
    None means all of a chosen quota.
    """

    form: str
    refs: tuple[str, ...]
    packages: tuple[SubscriptionKey, ...] | None
    scope: Scope
    reason: Reason | None
    details: str
    acknowledged: bool
    by: SlackUser
    opened_at: datetime
    deadline: datetime
    worst: Worst
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFigures:
    """A stale request with what was acknowledged and what the facts say today; `why` it is.

    `read_at` is when the cloud was read for these facts, as far as that is known.
    """

    number: int
    draft: Draft
    before: Worst
    acknowledged_at: datetime
    why: str | None = None
    read_at: datetime | None = None
