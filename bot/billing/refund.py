"""The refund: what one subscription returns when it is unsubscribed from (R31 to R49)."""

from collections.abc import Sequence
from datetime import datetime

from bot.billing.account import Account
from bot.billing.coherence import UnclearFacts, demand_coherent, missing
from bot.billing.figures import Figures, figures
from bot.billing.notices import Worked, is_large, notices
from bot.billing.quote import Lost, Quote, QuoteTotal, Refusal, Scope
from bot.billing.refusal import refusal
from bot.billing.renewal import open_orders, renewal_periods
from bot.billing.rulesets import RuleSet, rule_set
from bot.billing.subscription import Order, Subscription


def quote(
    subscription: Subscription, account: Account, *, at: datetime, scope: Scope = Scope.ALL
) -> Quote:
    """Quote the refund at an instant, with the account's rule set; an estimate (R41 to R47).

    With scope `all` the running order and every renewal ahead are taken together (R44), with
    `renewals` only those that have not begun (R45). Never raises for a refusal: `Quote.refused`
    then says which rule and why (R31, R34, R48). Raises UnclearFacts when an order lacks what its
    figures need or orders contradict each other, UnknownRuleSet for a rule set that the site does
    not have.
    """
    rules = rule_set(account)
    running = open_orders(subscription, at=at)
    refused = refusal(subscription, account, running, at=at, scope=scope)
    if refused is not None:
        return _refused(refused, subscription, account, rules, at=at, scope=scope)
    orders = running if scope is Scope.ALL else renewal_periods(subscription, at=at)
    demand_coherent(running, account)
    if not orders:
        raise missing("orders", rule="R42")
    worked: list[Figures] = []
    for order in orders:
        try:
            found = figures(order, subscription, account, rules, at=at)
        except UnclearFacts as unclear:
            if len(subscription.orders) == 1:
                raise
            raise _of_order(unclear, order, subscription) from unclear
        if isinstance(found, Refusal):
            return _refused(found, subscription, account, rules, at=at, scope=scope)
        worked.append(found)
    total = combined([each.total for each in worked])
    quotes = tuple([each.quote for each in worked])
    large = is_large(total.refund, rules)
    return Quote(
        at=at,
        scope=scope,
        refused=None,
        case=quotes[0].case,
        currency=total.refund.currency,
        rules=rules.id,
        large_value=large,
        orders=quotes,
        total=total,
        lost=_all_lost([each.lost for each in worked]),
        warnings=notices(Worked(subscription, account, rules, scope, at, orders, quotes, large)),
    )


def combined(totals: Sequence[QuoteTotal]) -> QuoteTotal:
    """Totals of one currency added up, figure by figure; at least one."""
    first, *rest = totals
    for each in rest:
        first = QuoteTotal(
            paid=first.paid + each.paid,
            consumed=first.consumed + each.consumed,
            handling_fee=first.handling_fee + each.handling_fee,
            refund=first.refund + each.refund,
            cash=first.cash + each.cash,
            cash_coupon=first.cash_coupon + each.cash_coupon,
            flexi_coupon=first.flexi_coupon + each.flexi_coupon,
            stored_value=first.stored_value + each.stored_value,
        )
    return first


def _of_order(unclear: UnclearFacts, order: Order, subscription: Subscription) -> UnclearFacts:
    """The same, saying of which order."""
    number = subscription.orders.index(order) + 1
    sentence = f"Order {number}: {unclear.sentence}"
    return UnclearFacts(sentence, field=unclear.field, rule=unclear.rule)


def _all_lost(lost: Sequence[Lost]) -> Lost:
    first, *rest = lost
    for each in rest:
        first = Lost(
            cash_coupon=first.cash_coupon + each.cash_coupon,
            discount_coupon=first.discount_coupon + each.discount_coupon,
        )
    return first


def _refused(
    why: Refusal,
    subscription: Subscription,
    account: Account,
    rules: RuleSet,
    *,
    at: datetime,
    scope: Scope,
) -> Quote:
    return Quote(
        at=at,
        scope=scope,
        refused=why,
        case=None,
        currency=subscription.currency or account.currency,
        rules=rules.id,
        large_value=False,
        orders=(),
        total=None,
        lost=None,
        warnings=(),
    )
