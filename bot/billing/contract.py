"""Contracts outside the cloud: they end by notice, and say themselves what comes back."""

from collections.abc import Sequence
from datetime import datetime

from bot.billing.account import Account
from bot.billing.money import Money
from bot.billing.plan import Plan, PlanStep
from bot.billing.plan import plan as cloud_plan
from bot.billing.quote import CONTRACT, Lost, Quote, QuoteTotal, Refusal, Scope
from bot.billing.refund import combined
from bot.billing.renewal import open_orders
from bot.billing.rulesets import rule_set
from bot.billing.subscription import Kind, Order, Status, Subscription, SubscriptionKey
from bot.billing.worst import Worst, worst

_OVER = {
    Status.UNSUBSCRIBED: Refusal(rule="R34", reason="It is unsubscribed from already."),
    Status.EXPIRED: Refusal(rule="R34", reason="It has expired."),
}


def plan_of(
    chosen: Sequence[Subscription],
    *,
    group: Sequence[Subscription],
    account: Account,
    at: datetime,
    scope: Scope = Scope.ALL,
) -> Plan:
    """The plan of what is asked for: one step where all are contracts, else that of the cloud.

    Beside something that the cloud sells a contract is refused (R31): a person ends it, the cloud
    the other, so that each is asked for by itself.
    """
    if scope is Scope.ALL and chosen and all(each.kind is Kind.SAAS for each in chosen):
        return _contracts(chosen, account=account, at=at)
    return cloud_plan(chosen, group=group, account=account, at=at, scope=scope)


def worst_of(plan: Plan, *, until: datetime) -> Worst:
    """The worst figures of a plan: of contracts no refund is assumed, and no fee is worked out."""
    if not is_of_contracts(plan):
        return worst(plan, until=until).worst
    zero = Money.zero(next(quote.currency for quote in plan.quotes.values()))
    return Worst(handling_fee=zero, refund=zero, coupons_lost=zero)


def is_of_contracts(plan: Plan) -> bool:
    """Whether what goes are contracts outside the cloud."""
    return bool(plan.quotes) and all(quote.rules == CONTRACT for quote in plan.quotes.values())


def rules_of(plan: Plan) -> str:
    """The rule set that its figures follow, or that the contract says what is due."""
    return CONTRACT if is_of_contracts(plan) else rule_set(plan.account).id


def _contracts(chosen: Sequence[Subscription], *, account: Account, at: datetime) -> Plan:
    wanted = {each.key: each for each in chosen}
    found = {key: _quote(each, account, at=at) for key, each in wanted.items()}
    quotes = {key: quote for key, quote in found.items() if quote.allowed}
    keys = tuple(quotes)
    return Plan(
        account=account,
        at=at,
        scope=Scope.ALL,
        subscriptions=wanted,
        steps=(PlanStep(number=1, subscriptions=keys, after=()),) if keys else (),
        quotes=quotes,
        total=_total(quotes),
        refused={key: quote.refused for key, quote in found.items() if quote.refused},
        left_behind=(),
        warnings=(),
    )


def _quote(contract: Subscription, account: Account, *, at: datetime) -> Quote:
    """What was paid for what still runs, where it is known; nothing is worked out."""
    currency = contract.currency or account.currency
    refused = _OVER.get(contract.status) if contract.status else None
    zero = Money.zero(currency)
    paid = _paid(open_orders(contract, at=at), currency)
    total = QuoteTotal(paid, zero, zero, zero, zero, zero, zero, zero) if paid else None
    return Quote(
        at=at,
        scope=Scope.ALL,
        refused=refused,
        case=None,
        currency=currency,
        rules=CONTRACT,
        large_value=False,
        orders=(),
        total=None if refused else total,
        lost=None if refused else Lost(cash_coupon=zero, discount_coupon=zero),
        warnings=(),
    )


def _paid(orders: Sequence[Order], currency: str) -> Money | None:
    """The sum of what the running orders cost; None while that of one is not known."""
    amounts = [order.cash for order in orders]
    known = [amount for amount in amounts if amount is not None]
    return (
        Money(sum(known[1:], known[0]), currency) if known and len(known) == len(amounts) else None
    )


def _total(quotes: dict[SubscriptionKey, Quote]) -> QuoteTotal | None:
    """What is known added up, zero where nothing is; None when currencies differ."""
    currencies = {quote.currency for quote in quotes.values()}
    if len(currencies) != 1:
        return None
    zero = Money.zero(currencies.pop())
    nothing = QuoteTotal(zero, zero, zero, zero, zero, zero, zero, zero)
    return combined([nothing, *(quote.total for quote in quotes.values() if quote.total)])
