"""The dates of one subscription at one instant, side by side."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.billing.account import Account
from bot.billing.days import CLOUD_ZONE
from bot.billing.expiry import Afterlife, Phase, afterlife
from bot.billing.renewal import (
    Anchor,
    AnchorKind,
    anchor,
    charge_after_expiry,
    deduction_at,
    give_back_until,
    hard_cutoff,
    safe_cutoff,
)
from bot.billing.subscription import BillingMode, Kind, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """What happens when; None where it does not apply.

    Acting is safe before `safe_until` and too late from `too_late_at` on (R25). `after` is what
    follows the expiry at the cloud, `phase` where it stands. `give_back_until` is the start of a
    renewal period that is paid (R46). `retry` says that an attempt did not succeed (R21),
    `late_charge_at` is one that may come although the term is over (X4).
    """

    anchor: Anchor | None
    safe_until: datetime | None
    too_late_at: datetime | None
    expires_at: datetime | None
    after: Afterlife | None
    phase: Phase | None
    give_back_until: datetime | None
    retry: bool
    late_charge_at: datetime | None


def dates_of(
    subscription: Subscription, account: Account, *, at: datetime, reader: tzinfo = CLOUD_ZONE
) -> Dates:
    """Everything that people have to mind, with the reader's zone for the end of a notice date."""
    ahead = anchor(subscription, account, at=at)
    mode = subscription.billing_mode or BillingMode.YEARLY_MONTHLY
    expires_at = subscription.expires_at
    kept = expires_at is not None and subscription.kind is not Kind.SAAS
    after = afterlife(expires_at, account, mode=mode) if kept and expires_at else None
    first = deduction_at(subscription, account)
    return Dates(
        anchor=ahead,
        safe_until=safe_cutoff(ahead, reader=reader) if ahead is not None else None,
        too_late_at=hard_cutoff(ahead, reader=reader) if ahead is not None else None,
        expires_at=expires_at,
        after=after,
        phase=after.phase(at=at) if after is not None else None,
        give_back_until=give_back_until(subscription, at=at),
        retry=ahead is not None and ahead.kind is AnchorKind.DEDUCTION and ahead.at != first,
        late_charge_at=charge_after_expiry(subscription, account, at=at),
    )
