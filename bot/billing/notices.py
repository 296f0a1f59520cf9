"""What people should know beside the figures: exceptions, contradictions, assumptions."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from bot.billing.account import Account, Site
from bot.billing.cases import FIVE_DAY_RETURNS, five_day_end, within_five_days
from bot.billing.days import counted
from bot.billing.money import Money
from bot.billing.quote import Case, Notice, OrderQuote, Scope
from bot.billing.rulesets import RuleSet
from bot.billing.subscription import Kind, Order, Subscription
from bot.billing.usage import HOURS_A_DAY, fee_year

SECMASTER = "SecMaster"
COLLECTORS = (
    "If data collection was on, collector servers and VPC endpoints keep costing "
    "until someone releases them."
)
"""What stays behind a SecMaster that is gone (R11)."""

SHORTEST_MONTH, LONGEST_MONTH = 28, 31


class Worked(NamedTuple):
    """A quote that is worked out, as every notice looks at it."""

    subscription: Subscription
    account: Account
    rules: RuleSet
    scope: Scope
    at: datetime
    orders: tuple[Order, ...]
    quotes: tuple[OrderQuote, ...]
    large: bool


def notices(worked: Worked) -> tuple[Notice, ...]:
    """The notices of a quote, each once: those of its orders, then those of the whole."""
    of_all = _OF_ALL
    if worked.subscription.service == SECMASTER:
        of_all = _OF_SECMASTER + of_all
    pairs = zip(worked.orders, worked.quotes, strict=True)
    found = [
        check(order, quote, worked) for order, quote in pairs for check in _checks(quote, worked)
    ]
    found += [check(worked) for check in of_all]
    said = [notice for notice in found if notice is not None]
    return tuple(dict.fromkeys(said)) if said else ()


def _checks(quote: OrderQuote, worked: Worked) -> "_OfOrder":
    """What is asked of one order: by the way that it goes, and more on the Chinese site."""
    conditional = quote.case is Case.CONDITIONAL
    checks = _OF_CONDITIONAL if conditional else _OF_RETURNED
    if worked.account.site is not Site.CN:
        return checks
    return checks + (_OF_CONDITIONAL_IN_CHINA if conditional else _OF_RETURNED_IN_CHINA)


def is_large(refund: Money, rules: RuleSet) -> bool:
    """Whether people at the cloud decide: the estimate is over the site's limit (R42, X8)."""
    limit = rules.large_value
    return limit is not None and limit.currency == refund.currency and refund > limit


def _five_days_elsewhere(worked: Worked) -> Notice | None:
    """X1, R40: pages of SecMaster speak of five days on sites whose rules know none."""
    if worked.account.site is Site.CN or worked.quotes[0].case is not Case.CONDITIONAL:
        return None
    ends = five_day_end(worked.orders[0])
    if ends is None or worked.at >= ends:
        return None
    text = (
        "SecMaster's pages mention five days without a fee; "
        f"the rules of the {worked.account.site} site know none, so {_what_counts(worked)} counted."
    )
    return Notice(rule="X1", text=text)


def _keeps_costing(worked: Worked) -> Notice | None:
    """R11: collectors and endpoints outlive the edition.

    Source: intl/pt-br secmaster_04_0027.
    """
    leaves = worked.scope is Scope.ALL and worked.subscription.kind is Kind.QUOTA
    return Notice(rule="R11", text=COLLECTORS) if leaves else None


def _stored_value(order: Order, _quote: OrderQuote, _: Worked) -> Notice | None:
    """X10: one page gives a part back, the next line of it does not."""
    if not order.stored_value:
        return None
    return Notice(rule="X10", text="What was paid by stored value card may not be returned.")


def _odd_fee(order: Order, _: OrderQuote, worked: Worked) -> Notice | None:
    """X14: the second of five years costs more than the first."""
    if order.term_months != 60 or worked.account.fee_waiver:
        return None
    begun = order.effective_at
    if begun is None or fee_year(begun, term_months=60, at=worked.at) != 2:
        return None
    text = "The fee of year two is higher than that of year one: as printed, but odd."
    return Notice(rule="X14", text=text)


def _console_estimate(order: Order, _quote: OrderQuote, _: Worked) -> Notice | None:
    """R49: the console's estimate counts coupons, what is paid back does not.

    Source: intl/tr-tr unsubscription_topic_2000009, 2025-07-28.
    """
    if not order.cash_coupon:
        return None
    text = "The console's own estimate counts the cash coupon, so it reads higher than this refund."
    return Notice(rule="R49", text=text)


def _expired_coupon(order: Order, _: OrderQuote, worked: Worked) -> Notice | None:
    """R33: a coupon that would come back has expired meanwhile."""
    expires_at = order.cash_coupon_expires_at
    if expires_at is None or not order.cash_coupon or expires_at > worked.at:
        return None
    return Notice(rule="R33", text="The cash coupon has expired, so it is worth nothing.")


def _unknown_cash(order: Order, _quote: OrderQuote, _: Worked) -> Notice | None:
    """R42: the other ways of payment are known, so that nothing is taken to be paid in cash."""
    if order.cash is not None:
        return None
    return Notice(rule="R42", text="Assumed: nothing was paid in cash, as no amount is given.")


def _term_and_dates(order: Order, quote: OrderQuote, _: Worked) -> Notice | None:
    """R14: a term that its own dates do not bear out; a renewal date may add a month (R30)."""
    months, lasts = order.term_months, quote.duration_hours // HOURS_A_DAY
    if months is None or not lasts:
        return None
    if SHORTEST_MONTH * months - 1 <= lasts <= LONGEST_MONTH * (months + 1) + 1:
        return None
    text = f"A term of {counted(months, 'month')} and the dates of its order differ; check both."
    return Notice(rule="R14", text=text)


def _five_day_return(_order: Order, quote: OrderQuote, worked: Worked) -> Notice | None:
    """R37, R39: what a return uses up; the count is a setting, as no interface tells it."""
    if quote.case is not Case.FIVE_DAY:
        return None
    used = worked.account.five_day_returns_used
    text = f"It is one of {FIVE_DAY_RETURNS} five-day returns this year, after {used} before it."
    return Notice(rule="R37", text=text)


def _no_return_left(order: Order, _: OrderQuote, worked: Worked) -> Notice | None:
    """R37, R39: it is inside the five days, but this year's returns are used up."""
    if not within_five_days(order, worked.rules, at=worked.at):
        return None
    used_up = f"All {FIVE_DAY_RETURNS} five-day returns of this year are used"
    return Notice(rule="R37", text=f"{used_up}, so {_what_counts(worked)} counted.")


def _what_counts(worked: Worked) -> str:
    """What a conditional unsubscription costs: without a fee, where a contract waives it."""
    return "use is" if worked.account.fee_waiver else "use and fee are"


def _provisioning(order: Order, quote: OrderQuote, _: Worked) -> Notice | None:
    """R36: the five days count from provisioning, which is assumed where it is not known."""
    if quote.case is not Case.FIVE_DAY or order.provisioned_at is not None:
        return None
    return Notice(rule="R36", text="Assumed: it was provisioned when its order took effect.")


def _begun_though_inactive(order: Order, quote: OrderQuote, worked: Worked) -> Notice | None:
    """R32: what the cloud calls inactive goes whole, but its dates say that it has begun."""
    begun = order.effective_at
    if quote.case is not Case.INACTIVE or begun is None or begun > worked.at:
        return None
    text = "The cloud calls it inactive, but its term has begun; check which is true."
    return Notice(rule="R32", text=text)


def _chinese_fees(order: Order, _: OrderQuote, worked: Worked) -> Notice | None:
    """R43: of the Chinese table only the five-year row could be read."""
    if order.term_months == 60 or worked.account.fee_waiver:
        return None
    text = "Assumed: the Chinese fee for this term is the international one."
    return Notice(rule="R43", text=text)


def _large_value(worked: Worked) -> Notice | None:
    """R42, X8: over the site's limit people at the cloud decide."""
    if not worked.large:
        return None
    text = f"The refund is over {worked.rules.large_value}: {worked.rules.large_value_note}."
    return Notice(rule="R42", text=text)


def _waiver(worked: Worked) -> Notice | None:
    """R42: a framework contract without fee."""
    if not worked.account.fee_waiver or worked.quotes[0].case is not Case.CONDITIONAL:
        return None
    text = "The account's contract waives the handling fee, so none is counted."
    return Notice(rule="R42", text=text)


def _currency_of_site(worked: Worked) -> Notice | None:
    """An account pays in the currency of its site; another one hints at the wrong site."""
    currency, own = worked.quotes[0].paid.currency, worked.account.site.currency
    if currency == own:
        return None
    text = f"Orders are in {currency}, but accounts of the {worked.account.site} site pay in {own}."
    return Notice(rule="R42", text=f"{text} Check the account's site.")


_OfOrder = tuple[Callable[[Order, OrderQuote, Worked], Notice | None], ...]
_OfAll = tuple[Callable[[Worked], Notice | None], ...]

_OF_SECMASTER: _OfAll = (_five_days_elsewhere, _keeps_costing)
_OF_CONDITIONAL: _OfOrder = (
    _stored_value,
    _odd_fee,
    _console_estimate,
    _unknown_cash,
    _term_and_dates,
)
_OF_RETURNED: _OfOrder = (
    _expired_coupon,
    _unknown_cash,
    _begun_though_inactive,
    _term_and_dates,
)
_OF_CONDITIONAL_IN_CHINA: _OfOrder = (_no_return_left, _chinese_fees)
_OF_RETURNED_IN_CHINA: _OfOrder = (_five_day_return, _provisioning)
_OF_ALL: _OfAll = (_large_value, _waiver, _currency_of_site)
