"""What people should know beside the figures: contradictions and exceptions (R32 to R43)."""

from collections.abc import Iterator
from datetime import datetime

from bot.billing.account import Account, Site
from bot.billing.cases import five_day_end
from bot.billing.money import Money
from bot.billing.quote import Case, Notice, OrderQuote
from bot.billing.rulesets import RuleSet
from bot.billing.subscription import Order, Subscription
from bot.billing.usage import fee_year

Worked = tuple[Order, OrderQuote]


def notices(
    subscription: Subscription,
    account: Account,
    rules: RuleSet,
    worked: tuple[Worked, ...],
    *,
    at: datetime,
) -> tuple[Notice, ...]:
    """The notices of a quote, in a fixed order: X1, X10, X14, R33, then R42."""
    return (
        *_five_days_elsewhere(subscription, account, worked, at=at),
        *_stored_value(worked),
        *_odd_fee(worked, at=at),
        *_expired_coupon(worked, at=at),
        *_large_value(rules, worked),
        *_waiver(account, worked),
    )


def is_large(refund: Money, rules: RuleSet) -> bool:
    """Whether people at the cloud decide: the estimate is over the site's limit (R42, X8)."""
    limit = rules.large_value
    return limit is not None and limit.currency == refund.currency and refund > limit


def _five_days_elsewhere(
    subscription: Subscription, account: Account, worked: tuple[Worked, ...], *, at: datetime
) -> Iterator[Notice]:
    if subscription.service != "SecMaster" or account.site is Site.CN:
        return
    ends = [five_day_end(order) for order, quote in worked if quote.case is Case.CONDITIONAL]
    if any(end is not None and at < end for end in ends):
        text = (
            "SecMaster's pages mention five days without a fee; "
            f"the rules of the {account.site} site know none, so the fee is counted."
        )
        yield Notice(rule="X1", text=text)


def _stored_value(worked: tuple[Worked, ...]) -> Iterator[Notice]:
    if any(order.stored_value and quote.case is Case.CONDITIONAL for order, quote in worked):
        yield Notice(rule="X10", text="What was paid by stored value card may not be returned.")


def _odd_fee(worked: tuple[Worked, ...], *, at: datetime) -> Iterator[Notice]:
    for order, quote in worked:
        if quote.case is not Case.CONDITIONAL or not quote.handling_fee:
            continue
        if order.term_months == 60 and order.effective_at is not None:
            year = fee_year(order.effective_at, term_months=60, at=at)
            if year == 2:
                text = "The fee of year two is higher than that of year one: as printed, but odd."
                yield Notice(rule="X14", text=text)


def _expired_coupon(worked: tuple[Worked, ...], *, at: datetime) -> Iterator[Notice]:
    for order, quote in worked:
        expires_at = order.cash_coupon_expires_at
        returned = quote.case is not Case.CONDITIONAL and bool(order.cash_coupon)
        if returned and expires_at is not None and expires_at <= at:
            yield Notice(rule="R33", text="The cash coupon has expired, so it is worth nothing.")


def _large_value(rules: RuleSet, worked: tuple[Worked, ...]) -> Iterator[Notice]:
    refunds = [quote.refund for _, quote in worked]
    total = sum(refunds, Money.zero(refunds[0].currency))
    if is_large(total, rules):
        text = f"The refund is over {rules.large_value}: {rules.large_value_note}."
        yield Notice(rule="R42", text=text)


def _waiver(account: Account, worked: tuple[Worked, ...]) -> Iterator[Notice]:
    if account.fee_waiver and any(quote.case is Case.CONDITIONAL for _, quote in worked):
        text = "The account's contract waives the handling fee, so none is counted."
        yield Notice(rule="R42", text=text)
