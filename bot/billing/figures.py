"""The figures of one order: paid, consumed, fee, refund, by way of payment (R41 to R47)."""

from collections.abc import Collection
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from functools import cache
from typing import NamedTuple

from bot.billing.account import Account
from bot.billing.cases import case_of
from bot.billing.coherence import UnclearFacts, currency_of, missing
from bot.billing.days import counted
from bot.billing.money import CENT, NOTHING, Money, rounded
from bot.billing.quote import Case, Lost, OrderQuote, QuoteTotal, Refusal
from bot.billing.rulesets import PaidWith, RuleSet
from bot.billing.subscription import Order, Subscription
from bot.billing.usage import fee_year, hours_of

ALL_WAYS = tuple(PaidWith)
NO_FEE = Decimal("0.00")

_IN_FULL = {
    Case.FIVE_DAY: "R38",
    Case.INACTIVE: "R32",
    Case.RENEWAL_PERIOD: "R46",
    Case.FAILED: "R32",
}
"""The rule by which everything comes back."""


class Figures(NamedTuple):
    """One order's quote, what comes back by which way of payment, and which coupons do not."""

    quote: OrderQuote
    total: QuoteTotal
    lost: Lost


def figures(
    order: Order, subscription: Subscription, account: Account, rules: RuleSet, *, at: datetime
) -> Figures | Refusal:
    """Work out one order at an instant; refused where R43 lists no fee for its term or year.

    Each order is computed from its own paid amount, term and duration (R47), as the order API
    attributes refunds afterwards. Raises UnclearFacts when the order lacks what its case needs.
    Source: CN unsubscription_topic_2000001, 2025-02-20.
    """
    case = case_of(order, subscription, account, rules, at=at)
    currency = currency_of(order, account)
    if case is Case.CONDITIONAL:
        quote = _conditional(order, account, rules, currency=currency, at=at)
        counted: Collection[PaidWith] = rules.counts_as_paid
    else:
        quote = _in_full(order, case, rules, currency=currency, at=at)
        counted = ALL_WAYS
    if isinstance(quote, Refusal):
        return quote
    returned, lost = _coupons(order, case, currency=currency, at=at)
    return Figures(quote=quote, total=_split(order, quote, counted, returned), lost=lost)


def _conditional(
    order: Order, account: Account, rules: RuleSet, *, currency: str, at: datetime
) -> OrderQuote | Refusal:
    """R41: paid - consumed - handling fee, each to the cent; below zero means nothing.

    Source: INTL unsubscriptions_faq_300007, 2025-07-25; CN zh-cn_topic_0083138805, 2025-07-24.
    """
    begun, duration, used = _use(order, rules, at=at)
    rate = _fee_rate(order, account, rules, begun=begun, at=at)
    if isinstance(rate, Refusal):
        return rate
    paid = _paid(order, rules.counts_as_paid)
    consumed = rounded(paid * used / duration)
    fee = rounded(paid * rate)
    return OrderQuote(
        order_type=order.order_type,
        case=Case.CONDITIONAL,
        duration_hours=duration,
        used_hours=used,
        paid=Money(paid, currency),
        consumed=Money(consumed, currency),
        fee_rate=rate,
        handling_fee=Money(fee, currency),
        refund=Money(max(paid - consumed - fee, NOTHING), currency),
        rule="R41",
    )


def _in_full(
    order: Order, case: Case, rules: RuleSet, *, currency: str, at: datetime
) -> OrderQuote:
    """R32, R38, R46: everything paid comes back, nothing counts as consumed, no fee.

    Source: INTL unsubscription_topic_2000010, 2025-07-28; the CN table of the same scenarios.
    """
    paid = Money(_paid(order, ALL_WAYS), currency)
    dated = order.effective_at is not None and order.expires_at is not None
    _, duration, used = _use(order, rules, at=at) if dated else (at, 0, 0)
    return OrderQuote(
        order_type=order.order_type,
        case=case,
        duration_hours=duration,
        used_hours=used if case is Case.FIVE_DAY else 0,
        paid=paid,
        consumed=Money.zero(currency),
        fee_rate=NO_FEE,
        handling_fee=Money.zero(currency),
        refund=paid,
        rule=_IN_FULL[case],
    )


def _use(order: Order, rules: RuleSet, *, at: datetime) -> tuple[datetime, int, int]:
    """When an order took effect, for how many hours, and how many of them are used (R42)."""
    begun, ends = order.effective_at, order.expires_at
    if begun is None:
        raise missing("effective_at", rule="R42")
    if ends is None:
        raise missing("expires_at", rule="R42")
    duration, used = hours_of(begun, ends, at=at, unit=rules.unit)
    if duration <= 0:
        sentence = "expires_at is not after effective_at; the figures need a term (R42)."
        raise UnclearFacts(sentence, field="expires_at", rule="R42")
    return begun, duration, max(0, min(used, duration))


def _fee_rate(
    order: Order, account: Account, rules: RuleSet, *, begun: datetime, at: datetime
) -> Decimal | Refusal:
    """R43, or nothing with a waiver (R42); a term or year that is not listed is refused.

    Source: INTL topic 0083138805, 2024-06-28; CN zh-cn_topic_0083138805, 2025-07-24.
    """
    if account.fee_waiver:
        return NO_FEE
    if order.term_months is None:
        raise missing("term_months", rule="R43")
    year = fee_year(begun, term_months=order.term_months, at=at)
    rate = rules.fee_rate(term_months=order.term_months, year=year)
    if rate is not None:
        return rate
    term = f"a term of {counted(order.term_months, 'month')}"
    return Refusal(rule="R43", reason=f"No handling fee is published for year {year} of {term}.")


def _paid(order: Order, counted: Collection[PaidWith]) -> Decimal:
    """What counts as paid, never cash coupons (R42, X9); to the cent.

    One that is not known counts for nothing beside another; at least one has to be known. Source:
    CN zh-cn_topic_0083138805, 2025-07-24; INTL unsubscriptions_faq_300007, 2025-07-25.
    """
    amounts: list[Decimal] = [getattr(order, way) or NOTHING for way in counted]
    if not any(amounts) and all(getattr(order, way) is None for way in ALL_WAYS):
        raise missing("cash", rule="R42")
    return rounded(sum(amounts, NOTHING))


def _split(
    order: Order, quote: OrderQuote, counted: Collection[PaidWith], coupon: Money
) -> QuoteTotal:
    """A refund by way of payment, in proportion; the odd cent goes to cash (R32)."""
    refund = quote.refund
    flexi = stored = Money.zero(refund.currency)
    if order.flexi_coupon and refund and PaidWith.FLEXI_COUPON in counted:
        flexi = _part(order.flexi_coupon, quote)
    if order.stored_value and refund and PaidWith.STORED_VALUE in counted:
        stored = _part(order.stored_value, quote)
    return QuoteTotal(
        paid=quote.paid,
        consumed=quote.consumed,
        handling_fee=quote.handling_fee,
        refund=refund,
        cash=refund - flexi - stored if flexi or stored else refund,
        cash_coupon=coupon,
        flexi_coupon=flexi,
        stored_value=stored,
    )


def _part(amount: Decimal | None, quote: OrderQuote) -> Money:
    """The share of a refund that comes back in the way in which an amount was paid (R32)."""
    refund = quote.refund
    share = refund.amount * (amount or NOTHING) / quote.paid.amount
    return Money(share.quantize(CENT, rounding=ROUND_DOWN), refund.currency)


def _coupons(order: Order, case: Case, *, currency: str, at: datetime) -> tuple[Money, Lost]:
    """The cash coupon that comes back, and what is lost with the order.

    A conditional unsubscription keeps the cash coupon, and one that has expired meanwhile is
    worthless; a discount coupon never comes back (R32, R33, R38). Source: INTL
    unsubscription_topic_2000010, 2025-07-28; the CN table of the same scenarios.
    """
    nothing = Money.zero(currency)
    if not order.cash_coupon and not order.discount_coupon:
        return nothing, _none_lost(currency)
    coupon = Money(order.cash_coupon, currency) if order.cash_coupon else nothing
    discount = Money(order.discount_coupon, currency) if order.discount_coupon else nothing
    expires_at = order.cash_coupon_expires_at
    worthless = expires_at is not None and expires_at <= at
    kept = case is Case.CONDITIONAL or worthless
    lost = Lost(cash_coupon=coupon if kept else nothing, discount_coupon=discount)
    return (nothing if kept else coupon), lost


@cache
def _none_lost(currency: str) -> Lost:
    return Lost(cash_coupon=Money.zero(currency), discount_coupon=Money.zero(currency))
