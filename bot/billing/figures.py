"""The figures of one order: paid, consumed, fee, refund, by way of payment (R41 to R47)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from bot.billing.account import Account
from bot.billing.cases import case_of
from bot.billing.money import CENT, Money
from bot.billing.quote import Case, OrderQuote, Refusal
from bot.billing.rulesets import PaidWith, RuleSet, rule_set
from bot.billing.subscription import Order, Subscription
from bot.billing.usage import duration_hours, fee_year, used_hours

ALL_WAYS = tuple(PaidWith)
NO_FEE = Decimal("0.00")

_RULES = {
    Case.CONDITIONAL: "R41",
    Case.FIVE_DAY: "R38",
    Case.INACTIVE: "R32",
    Case.RENEWAL_PERIOD: "R46",
    Case.FAILED: "R32",
}


class UnclearFacts(ValueError):
    """What a quote needs is missing or contradicts itself: `field` of an order, by which `rule`."""

    def __init__(self, sentence: str, *, field: str, rule: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.rule = rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One order's quote, what comes back by which way of payment, and which coupons do not."""

    quote: OrderQuote
    parts: Mapping[PaidWith, Money]
    coupon_back: Money
    coupon_lost: Money
    discount_lost: Money


def figures(
    order: Order, subscription: Subscription, account: Account, *, at: datetime
) -> Figures | Refusal:
    """Work out one order at an instant; refused where R43 lists no fee for its term or year.

    Raises UnclearFacts when the order lacks what its case needs.
    """
    case = case_of(order, subscription, account, at=at)
    rules = rule_set(account)
    if case is Case.CONDITIONAL:
        worked_out = _conditional(order, account, at=at)
        counted = rules.counts_as_paid
    else:
        worked_out = _in_full(order, account, case, at=at)
        counted = ALL_WAYS
    if isinstance(worked_out, Refusal):
        return worked_out
    back, lost = _coupon(order, account, case, at=at)
    return Figures(
        quote=worked_out,
        parts=_split(order, worked_out, counted),
        coupon_back=back,
        coupon_lost=lost,
        discount_lost=Money(order.discount_coupon or Decimal(0), currency_of(order, account)),
    )


def currency_of(order: Order, account: Account) -> str:
    """The order's own currency, else that of the account's site."""
    return order.currency or account.currency


def added(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of amounts of one currency; nothing at all is zero of it."""
    return sum(amounts, Money.zero(currency))


def missing(field: str, *, rule: str) -> UnclearFacts:
    """The refusal to work out figures without a field."""
    return UnclearFacts(
        f"{field} is not known; the figures need it ({rule}).", field=field, rule=rule
    )


def _conditional(order: Order, account: Account, *, at: datetime) -> OrderQuote | Refusal:
    """R41: paid - consumed - handling fee, each to the cent; below zero means nothing."""
    rules = rule_set(account)
    paid = _paid(order, account, rules.counts_as_paid)
    begun, ends = _term(order)
    duration, used = _use(begun, ends, rules, at=at)
    rate = _fee_rate(order, account, rules, begun=begun, at=at)
    if isinstance(rate, Refusal):
        return rate
    consumed = paid.share(used, duration).rounded()
    fee = paid.times(rate).rounded()
    return OrderQuote(
        order_type=order.order_type,
        case=Case.CONDITIONAL,
        duration_hours=duration,
        used_hours=used,
        paid=paid,
        consumed=consumed,
        fee_rate=rate,
        handling_fee=fee,
        refund=(paid - consumed - fee).floor_zero(),
        rule=_RULES[Case.CONDITIONAL],
    )


def _in_full(order: Order, account: Account, case: Case, *, at: datetime) -> OrderQuote:
    """R32, R38, R46: everything paid comes back, nothing counts as consumed, no fee."""
    paid = _paid(order, account, ALL_WAYS)
    dated = order.effective_at is not None and order.expires_at is not None
    duration, used = _use(*_term(order), rule_set(account), at=at) if dated else (0, 0)
    return OrderQuote(
        order_type=order.order_type,
        case=case,
        duration_hours=duration,
        used_hours=used if case is Case.FIVE_DAY else 0,
        paid=paid,
        consumed=Money.zero(paid.currency),
        fee_rate=NO_FEE,
        handling_fee=Money.zero(paid.currency),
        refund=paid,
        rule=_RULES[case],
    )


def _term(order: Order) -> tuple[datetime, datetime]:
    """When an order takes effect and when it ends."""
    if order.effective_at is None:
        raise missing("effective_at", rule="R42")
    if order.expires_at is None:
        raise missing("expires_at", rule="R42")
    return order.effective_at, order.expires_at


def _use(begun: datetime, ends: datetime, rules: RuleSet, *, at: datetime) -> tuple[int, int]:
    """Duration and use of a term in hours (R42)."""
    duration = duration_hours(begun, ends, unit=rules.unit)
    if duration <= 0:
        sentence = "expires_at is not after effective_at; the figures need a term (R42)."
        raise UnclearFacts(sentence, field="expires_at", rule="R42")
    return duration, max(0, min(used_hours(begun, at=at, unit=rules.unit), duration))


def _fee_rate(
    order: Order, account: Account, rules: RuleSet, *, begun: datetime, at: datetime
) -> Decimal | Refusal:
    """R43, or nothing with a waiver (R42); a term or year that is not listed is refused."""
    if account.fee_waiver:
        return NO_FEE
    if order.term_months is None:
        raise missing("term_months", rule="R43")
    year = fee_year(begun, term_months=order.term_months, at=at)
    rate = rules.fee_rate(term_months=order.term_months, year=year)
    if rate is not None:
        return rate
    term = f"a term of {order.term_months} months"
    return Refusal(rule="R43", reason=f"No handling fee is published for year {year} of {term}.")


def _paid(order: Order, account: Account, counted: tuple[PaidWith, ...]) -> Money:
    """What counts as paid, never cash coupons (R42, X9); to the cent."""
    if all(_amount(order, way) is None for way in ALL_WAYS):
        raise missing("cash", rule="R42")
    amount = sum((_amount(order, way) or Decimal(0) for way in counted), Decimal(0))
    return Money(amount, currency_of(order, account)).rounded()


def _amount(order: Order, way: PaidWith) -> Decimal | None:
    amount: Decimal | None = getattr(order, way)
    return amount


def _split(
    order: Order, worked_out: OrderQuote, counted: tuple[PaidWith, ...]
) -> Mapping[PaidWith, Money]:
    """A refund by way of payment, in proportion; the odd cent goes to cash (R32)."""
    refund, paid = worked_out.refund, worked_out.paid.amount
    parts = {way: Money.zero(refund.currency) for way in ALL_WAYS}
    for way in counted:
        if way is not PaidWith.CASH and paid:
            share = refund.amount * (_amount(order, way) or Decimal(0)) / paid
            parts[way] = Money(share.quantize(CENT, rounding=ROUND_DOWN), refund.currency)
    parts[PaidWith.CASH] = refund - added(parts.values(), refund.currency)
    return parts


def _coupon(order: Order, account: Account, case: Case, *, at: datetime) -> tuple[Money, Money]:
    """The cash coupon that comes back, and the one lost: conditional, or expired (R32, R33)."""
    currency = currency_of(order, account)
    coupon, nothing = Money(order.cash_coupon or Decimal(0), currency), Money.zero(currency)
    expires_at = order.cash_coupon_expires_at
    worthless = expires_at is not None and expires_at <= at
    return (nothing, coupon) if case is Case.CONDITIONAL or worthless else (coupon, nothing)
