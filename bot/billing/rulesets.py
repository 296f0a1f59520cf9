"""The published refund rules as dated data: next year's table is one more entry here (R42, R43)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache

from bot.billing.account import Account, Site
from bot.billing.money import Money


class Unit(StrEnum):
    """In what use is counted: full hours (2025) or calendar days (2024), see X2."""

    HOUR = "hour"
    DAY = "day"


class PaidWith(StrEnum):
    """A way of payment, named as the field of an order that holds it."""

    CASH = "cash"
    FLEXI_COUPON = "flexi_coupon"
    STORED_VALUE = "stored_value"


FeeTable = Mapping[int, tuple[Decimal, ...]]
"""Years of the term (0 is monthly) to the rate of its first, second, ... year (R43)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """One version of a site's rules; `large_value` is the refund above which people decide.

    Sources: INTL unsubscriptions_faq_300007, 2025-07-25; EU of 2025-05-26; CN
    zh-cn_topic_0083138805, 2025-07-24; intl/es-us of the same, 2024-06-28; CN
    unsubscriptions_faq_300004, 2024-02-05.
    """

    site: Site
    since: date
    unit: Unit
    counts_as_paid: tuple[PaidWith, ...]
    fees: FeeTable
    large_value: Money | None
    large_value_note: str = ""
    five_day: bool = False
    id: str = field(init=False)

    def __post_init__(self) -> None:
        """Name it as settings and quotes do, for example `huaweicloud-intl/2025-07-25`."""
        object.__setattr__(self, "id", f"huaweicloud-{self.site}/{self.since.isoformat()}")

    def fee_rate(self, *, term_months: int, year: int) -> Decimal | None:
        """The rate for a term in its first, second, ... year; None where R43 lists none."""
        years, rest = divmod(term_months, 12)
        if term_months < 1 or (years and rest) or years not in self.fees:
            return None
        rates = self.fees[years]
        return rates[year - 1] if year <= len(rates) else None


class UnknownRuleSet(ValueError):
    """The account's setting `rules` names none of its site's rule sets."""


def rule_set(account: Account) -> RuleSet:
    """The rule set that the account names, else the newest of its site (R42, X2, X8).

    Raises UnknownRuleSet for a name that its site does not have.
    """
    return _rule_set(account.site, account.rules)


@cache
def _rule_set(site: Site, name: str) -> RuleSet:
    known = [rules for rules in RULE_SETS if rules.site is site]
    if not name:
        return max(known, key=lambda rules: rules.since)
    for rules in known:
        if rules.id == name:
            return rules
    names = ", ".join(rules.id for rules in known)
    raise UnknownRuleSet(f"rules is {name}; allowed for site {site} are {names}, or empty.")


def _rates(*percents: int) -> tuple[Decimal, ...]:
    return tuple(Decimal(percent).scaleb(-2) for percent in percents)


_FEES = {0: _rates(10), 1: _rates(10), 2: _rates(15, 10), 3: _rates(15, 10, 5)}
_FEES_CN = {**_FEES, 5: _rates(30, 40, 30, 15)}
"""As printed: year two of five costs more than year one (X14), year five was not captured."""

_CASH_AND_FLEXI = (PaidWith.CASH, PaidWith.FLEXI_COUPON)
_INTL_NOTE = "the account manager is asked, and no answer within 24 hours approves it"
_CN_NOTE = "the account manager decides within 24 hours"

RULE_SETS = (
    RuleSet(
        site=Site.INTL,
        since=date(2025, 7, 25),
        unit=Unit.HOUR,
        counts_as_paid=(PaidWith.CASH,),
        fees=_FEES,
        large_value=Money(Decimal(7000), "USD"),
        large_value_note=_INTL_NOTE,
    ),
    RuleSet(
        site=Site.EU,
        since=date(2025, 5, 26),
        unit=Unit.HOUR,
        counts_as_paid=(PaidWith.CASH,),
        fees=_FEES,
        large_value=None,
    ),
    RuleSet(
        site=Site.CN,
        since=date(2025, 7, 24),
        unit=Unit.HOUR,
        counts_as_paid=tuple(PaidWith),
        fees=_FEES_CN,
        large_value=Money(Decimal(50000), "CNY"),
        large_value_note=_CN_NOTE,
        five_day=True,
    ),
    RuleSet(
        site=Site.INTL,
        since=date(2024, 6, 28),
        unit=Unit.DAY,
        counts_as_paid=(PaidWith.CASH,),
        fees=_FEES,
        large_value=Money(Decimal(1000), "USD"),
        large_value_note=_INTL_NOTE,
    ),
    RuleSet(
        site=Site.CN,
        since=date(2024, 2, 5),
        unit=Unit.DAY,
        counts_as_paid=_CASH_AND_FLEXI,
        fees=_FEES_CN,
        large_value=Money(Decimal(50000), "CNY"),
        large_value_note=_CN_NOTE,
        five_day=True,
    ),
)
"""Every rule set that Lapse knows; the site's newest applies unless settings name another."""
