"""The plan: in which order subscriptions go, what goes along, what is left behind (R8, R9, R35)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.billing.account import Account
from bot.billing.quote import Notice, Quote, QuoteTotal, Refusal, Scope
from bot.billing.subscription import Subscription, SubscriptionKey

BATCH = 10
"""The cloud takes at most ten main ids a call (API reference, section 2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One call to the cloud; starts when the steps it comes `after` (counted from 1) are gone."""

    number: int
    subscriptions: tuple[SubscriptionKey, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An executable order with its figures; `refused` never appears in a step."""

    steps: tuple[PlanStep, ...]
    quotes: Mapping[SubscriptionKey, Quote]
    total: QuoteTotal | None
    refused: Mapping[SubscriptionKey, Refusal]
    left_behind: tuple[SubscriptionKey, ...]
    warnings: tuple[Notice, ...]


def plan(
    chosen: Sequence[Subscription],
    *,
    group: Sequence[Subscription],
    account: Account,
    at: datetime,
    scope: Scope = Scope.ALL,
) -> Plan:
    """Order the chosen subscriptions of one account; `group` holds all quotas and packages there.

    Quotas go first; packages follow when the edition of their region reads basic (R8), so they are
    refused while another quota of that account and region stays, which is named. Packages of a
    quota that goes and that are not chosen are left behind (R9).
    """
    raise NotImplementedError
