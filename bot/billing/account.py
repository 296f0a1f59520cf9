"""An account at a cloud: the settings that decide rules, currency and permission."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.billing.subscription import AccountName


class Site(StrEnum):
    """An account belongs to exactly one website; rules, endpoint and currency follow from it."""

    CN = "cn"
    INTL = "intl"
    EU = "eu"

    @property
    def currency(self) -> str:
        """In what its accounts pay."""
        if self is Site.CN:
            return "CNY"
        return "USD" if self is Site.INTL else "EUR"


class ExecuteMode(StrEnum):
    """Whether irreversible calls are made (`live`) or left out and said so (`dry-run`)."""

    DRY_RUN = "dry-run"
    LIVE = "live"


class CarriedOut(StrEnum):
    """Who ends what was approved: the cloud, at Lapse's call, or a person who then says so."""

    API = "api"
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a person set for one account (contract, section 3).

    `deduction_days_before` is 2 to 7, as the API takes it (R20, X3); `customer_tier` V0 to V5 is
    for the CN site, where it decides grace and retention (R16); `five_day_returns_used` counts this
    calendar year's (R37), in the cloud's zone.
    """

    name: AccountName
    provider: str = "ledger"
    site: Site = Site.INTL
    rules: str = ""
    execute: ExecuteMode = ExecuteMode.LIVE
    deduction_days_before: int = 7
    customer_tier: str = "V3"
    five_day_returns_used: int = 0
    fee_waiver: bool = False
    cooling_off_minutes: int | None = None
    carried_out: CarriedOut = CarriedOut.API

    @property
    def currency(self) -> str:
        """The currency of the site, for figures of which no order names one."""
        return self.site.currency


def account_named(name: AccountName, accounts: Mapping[AccountName, Account]) -> Account:
    """What is set for an account; one that the settings do not name any more is an embedded one."""
    return accounts.get(name) or Account(name=name)
