"""What a request changes at the cloud, and what turning auto-renewal on or off means in money."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.billing.money import Money


class Change(StrEnum):
    """The kinds of change that people ask for; giving back a renewal unsubscribes from it."""

    UNSUBSCRIBE = "unsubscribe"
    RENEWAL_ON = "auto-renewal-on"
    RENEWAL_OFF = "auto-renewal-off"

    @property
    def renews(self) -> bool | None:
        """What auto-renewal reads afterwards; None where it is not what changes."""
        return {Change.RENEWAL_ON: True, Change.RENEWAL_OFF: False}.get(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What the cloud deducts for the next renewal as long as auto-renewal is on.

    `amount` None is not known. `at` is the attempt that comes next; it is None where turning on
    itself deducts, `at_once` (R22). `months` is how long the renewal lasts.
    """

    amount: Money | None
    at: datetime | None
    at_once: bool
    months: int | None
