"""The current SecMaster edition of an account and region (R8)."""

from collections.abc import Iterable

from bot.billing.subscription import Edition, Kind, Status, Subscription

_RANK = (Edition.PROFESSIONAL, Edition.STANDARD)


def is_live_quota(subscription: Subscription) -> bool:
    """Whether a quota in use lifts the edition above basic; one of unknown status counts."""
    return (
        subscription.kind is Kind.QUOTA
        and subscription.edition is not Edition.BASIC
        and subscription.status in {Status.IN_USE, None}
    )


def current_edition(group: Iterable[Subscription]) -> Edition:
    """The highest edition among the quotas in use of a group, basic when none is left (R1, R8).

    `group` holds the quotas and packages of one account and region, whatever their billing mode.
    Source: INTL secmaster_01_0257, 2024-06-07; EU secmaster_04_0018, 2024-01-05.
    """
    held = {each.edition for each in group if is_live_quota(each)}
    return next((edition for edition in _RANK if edition in held), Edition.BASIC)
