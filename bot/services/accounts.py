"""An account as `lapse quote` is given it: the keys of one account, read without settings."""

import difflib
from collections.abc import Callable, Mapping

from bot.billing.account import Account, ExecuteMode, Site
from bot.billing.rulesets import RULE_SETS
from bot.billing.subscription import AccountName
from bot.services.errors import Refused

PROVIDERS = ("ledger", "huaweicloud")
TIERS = ("V0", "V1", "V2", "V3", "V4", "V5")


class WrongAccount(Refused):
    """A key of the given account is unknown, or its value is not allowed."""


def account_from_json(given: object) -> Account:
    """Read the account of a quote's input; what is not given has its default (contract, section 3).

    Raises WrongAccount with the key, the value and what is allowed.
    """
    if not isinstance(given, Mapping):
        raise WrongAccount("`account` is not an object.", "Write it as { … }.")
    for key, value in given.items():
        if key not in ALLOWED:
            near = difflib.get_close_matches(str(key), ALLOWED, n=1, cutoff=0.5)
            hint = f"Did you mean `account.{near[0]}`?" if near else f"Known: {', '.join(ALLOWED)}."
            raise WrongAccount(f"`account.{key}` is not a setting.", hint)
        allowed, holds = ALLOWED[key]
        if not holds(value):
            raise WrongAccount(f"`account.{key}` is {value}; allowed are {allowed}.", "Correct it.")
    provider = given.get("provider", "ledger")
    live = ExecuteMode.LIVE if provider == "ledger" else ExecuteMode.DRY_RUN
    return Account(
        name=AccountName("default"),
        provider=provider,
        site=Site(given.get("site", "intl")),
        rules=given.get("rules", ""),
        execute=ExecuteMode(given.get("execute", live)),
        deduction_days_before=given.get("deduction_days_before", 7),
        customer_tier=given.get("customer_tier", "V3"),
        five_day_returns_used=given.get("five_day_returns_used", 0),
        fee_waiver=given.get("fee_waiver", False),
    )


def _one_of(*values: str) -> tuple[str, Callable[[object], bool]]:
    return ", ".join(value or "nothing" for value in values), lambda value: value in values


def _whole(least: int, most: int) -> tuple[str, Callable[[object], bool]]:
    def holds(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return f"{least} to {most}", holds


ALLOWED: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "provider": _one_of(*PROVIDERS),
    "site": _one_of(*Site),
    "rules": _one_of("", *(each.id for each in RULE_SETS)),
    "endpoint": ("texts", lambda value: isinstance(value, str)),
    "secmaster_endpoint": ("texts", lambda value: isinstance(value, str)),
    "secmaster_projects": ("objects", lambda value: isinstance(value, Mapping)),
    "execute": _one_of(*ExecuteMode),
    "deduction_days_before": _whole(2, 7),
    "customer_tier": _one_of(*TIERS),
    "five_day_returns_used": _whole(0, 10),
    "fee_waiver": ("true and false", lambda value: isinstance(value, bool)),
    "cooling_off_minutes": _whole(0, 1440),
}
