"""Until when a request can be decided and executed, given what becomes unsafe when."""

from collections.abc import Collection
from datetime import datetime, timedelta, tzinfo

from bot.billing.account import Account
from bot.billing.days import CLOUD_ZONE
from bot.billing.quote import Scope
from bot.billing.renewal import anchor, give_back_until, safe_cutoff
from bot.billing.subscription import Subscription

STEPS = timedelta(hours=1)
"""What the steps of a request may take after the cooling-off."""


def latest_execution(deadline: datetime, *, cooling_off_minutes: int) -> datetime:
    """The last instant at which an approved request may still reach the cloud."""
    return deadline + timedelta(minutes=cooling_off_minutes) + STEPS


def last_safe(
    subscription: Subscription,
    account: Account,
    *,
    at: datetime,
    scope: Scope = Scope.ALL,
    reader: tzinfo = CLOUD_ZONE,
) -> datetime | None:
    """Before when an item has to be gone (R25): its anchor's cut-off; None when it has none.

    Giving back renewal periods has to be over when the next of them begins (R46).
    """
    if scope is Scope.RENEWALS:
        return give_back_until(subscription, at=at)
    ahead = anchor(subscription, account, at=at)
    return safe_cutoff(ahead, reader=reader) if ahead is not None else None


def deadline_for(
    *,
    opened_at: datetime,
    expires_after_hours: int,
    cooling_off_minutes: int,
    last_safe: Collection[datetime],
) -> datetime:
    """The last instant for a decision, counted from the opening of the form, to the minute.

    Never after the earliest of the items' last safe moments less cooling-off and one hour.
    """
    margin = timedelta(minutes=cooling_off_minutes) + STEPS
    latest = (moment - margin for moment in last_safe)
    deadline = min([opened_at + timedelta(hours=expires_after_hours), *latest])
    return deadline.replace(second=0, microsecond=0)


def too_late(deadline: datetime, *, opened_at: datetime) -> bool:
    """Whether no time is left to decide, so that only a quicker way out remains."""
    return deadline <= opened_at
