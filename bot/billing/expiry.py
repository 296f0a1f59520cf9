"""After expiry: how long it still works, how long it is kept, and when it is released."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.billing.account import Account, Site
from bot.billing.days import CLOUD_ZONE
from bot.billing.subscription import BillingMode

ONE_DAY = timedelta(days=1)

Days = tuple[int, int]
"""Grace and retention, in natural days."""

INTL_DAYS: Days = (15, 15)

CN_DAYS: Mapping[BillingMode, Mapping[str, Days]] = {
    BillingMode.YEARLY_MONTHLY: {
        "V5": (7, 15),
        "V4": (7, 15),
        "V3": (7, 7),
        "V2": (1, 7),
        "V1": (1, 7),
        "V0": (1, 1),
    },
    BillingMode.PAY_PER_USE: {
        "V5": (7, 15),
        "V4": (7, 15),
        "V3": (1, 7),
        "V2": (0, 7),
        "V1": (0, 7),
        "V0": (0, 1),
    },
}
"""By customer tier, which is a setting: no API tells it (R16; CN zh-cn_topic_0086671074)."""


class Phase(StrEnum):
    """Where a term stands (R15)."""

    RUNNING = "running"
    GRACE = "grace"
    RETENTION = "retention"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterlife:
    """What follows an expiry: usable until `grace_ends`, then frozen until `released_at` (R15)."""

    expires_at: datetime
    grace_ends: datetime
    released_at: datetime

    def phase(self, *, at: datetime) -> Phase:
        """Where it stands at an instant; an end belongs to what it ends.

        Day 18 after an expiry with 15 days of grace is retention, whatever an example says (X7).
        """
        if at <= self.expires_at:
            return Phase.RUNNING
        if at <= self.grace_ends:
            return Phase.GRACE
        return Phase.RETENTION if at <= self.released_at else Phase.RELEASED


def afterlife(
    expires_at: datetime, account: Account, *, mode: BillingMode = BillingMode.YEARLY_MONTHLY
) -> Afterlife:
    """Grace, then retention, then release: restoring and renewing end with it (R12, R15, R16).

    On the CN site the lengths follow the customer tier; on the others they are 15 and 15 days. The
    EU site publishes none of its own and is taken to equal Intl. Source: INTL
    renewals_topic_00000001, 2025-07-28; CN zh-cn_topic_0086671074, 2025-02-12.
    """
    by_tier = CN_DAYS[mode]
    grace, retention = by_tier[account.customer_tier] if account.site is Site.CN else INTL_DAYS
    grace_ends = expires_at.astimezone(CLOUD_ZONE) + grace * ONE_DAY
    return Afterlife(
        expires_at=expires_at, grace_ends=grace_ends, released_at=grace_ends + retention * ONE_DAY
    )
