"""Objections: why a request cannot start as it was approved, each with its sentence."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from bot.billing.account import Account, CarriedOut, ExecuteMode
from bot.billing.change import Change
from bot.billing.contract import worst_of
from bot.billing.deadline import STEPS
from bot.billing.dependents import dependents
from bot.billing.money import Money
from bot.billing.plan import Plan
from bot.billing.quote import OrderQuote, Quote, Refusal
from bot.billing.refusal import is_over_by_itself
from bot.billing.subscription import Kind, OrderType, Subscription, SubscriptionKey
from bot.billing.switching import charge, worse
from bot.billing.unsubscription import Item, Request
from bot.services.figures import exceeds, keys_of
from bot.services.phrases import listed

ENDS_WITHIN = timedelta(hours=25)
"""An order that ends so soon may be over, as a quote counts hours, or days under older rules."""

UNKNOWN = (
    "Slack does not show who is in a user group of the settings, so that nobody knows whether who "
    "approved it may decide."
)
"""Why it waits."""


def unapproved(request: Request) -> str:
    """That who approved it may not decide any more; it names nobody, since it is not erased."""
    if request.broken_glass is not None:
        return "Breaking the glass for it does not count any more: the settings name others now."
    return "An approval of it does not count any more: the settings no longer name the approver."


def more_needed(request: Request, required: int) -> str:
    """That the settings ask for more approvals now than it has; nobody gives some of them alone."""
    has = len(request.approvals)
    approvals = "approval" if required == 1 else "approvals"
    return f"The settings ask for {required} {approvals} of it now, and it has {has or 'none'}."


def set_otherwise(request: Request, account: Account) -> str | None:
    """That the settings would have it carried out otherwise than was acknowledged."""
    if request.dry_run != (dry_run := account.execute is ExecuteMode.DRY_RUN):
        now, before = ("to a dry run", "live") if dry_run else ("live", "a dry run")
        return f"{account.name} is set {now} now; what was acknowledged was {before}."
    by_hand = account.carried_out is CarriedOut.BY_HAND
    if by_hand == request.by_hand or request.is_contract:
        return None
    who = "a person" if by_hand else "Lapse"
    return f"{account.name} is set so that {who} carries it out now, which was not acknowledged."


def gone(request: Request, there: Collection[SubscriptionKey]) -> str | None:
    """Items that the cloud does not list any more."""
    missing = [item.label for item in request.items if item.key not in there]
    if not missing:
        return None
    verb = "is" if len(missing) == 1 else "are"
    return f"{listed(missing)} {verb} not at the cloud any more."


def changed(request: Request, plan: Plan, *, now: datetime) -> str | None:
    """What is worse than acknowledged, or another thing; None when it is all as it was, or better.

    `plan` is that of its items, as the cloud has them now, with what surrounds them.
    """
    other = refused(request, plan) or otherwise(request, plan, keys=keys_of(request))
    worse = other or exceeds(worst_of(plan, until=now + STEPS), request)
    return worse or paid_otherwise(request, plan)


def refused(request: Request, plan: Plan) -> str | None:
    """That the rules let something of it not go; then it has no figures that could be compared.

    What is not over by itself comes first.
    """
    found = _of_its_own(plan)
    for key, why in sorted(found.items(), key=lambda each: is_over_by_itself(each[1])):
        label = request.item(key).label
        return why.reason if why.reason.startswith(label) else f"{label}: {why.reason}"
    return None


def are_over_by_themselves(plan: Plan) -> bool:
    """Whether nothing but other transactions keeps what is refused, and they come to their end."""
    return all(is_over_by_itself(why) for why in _of_its_own(plan).values())


def otherwise(request: Request, plan: Plan, *, keys: Collection[SubscriptionKey]) -> str | None:
    """What is another thing than was acknowledged, whatever the figures are, of these items.

    The plan refuses none of them.
    """
    for item in request.items:
        if item.key in keys:
            for said in _prices(item, plan):
                return said
    return _new_dependents(request, plan)


def coupons_found(request: Request, plan: Plan) -> str | None:
    """That an order shows a cash coupon, which does not come back, where it did not before."""
    for item in request.items:
        now, before = plan.quotes.get(item.key), item.quote.lost
        if now is None or now.lost is None or before is None:
            continue
        lost = now.lost.cash_coupon
        if lost and not before.cash_coupon and lost.currency == before.cash_coupon.currency:
            shows = f"The order of {item.label} shows a cash coupon of {lost}"
            return f"{shows}, which is not returned."
    return None


def paid_otherwise(request: Request, plan: Plan) -> str | None:
    """That a price rests on other orders: one was added, is not there any more, or reads otherwise.

    Orders whose term is over count for nothing. Where none was noted nobody looked.
    """
    for item in request.items:
        now = plan.quotes.get(item.key)
        if now is None or not item.quote.orders:
            continue
        before, known = Counter(map(_paid, item.quote.orders)), Counter(map(_paid, now.orders))
        running = Counter(_paid(each) for each in item.quote.orders if _runs(each, item.quote, now))
        added, lost = known - before, running - known
        if added and lost:
            return f"What was paid for {item.label} reads otherwise than when it was acknowledged."
        if added:
            return f"{item.label} has an order that it had not when it was acknowledged."
        if lost:
            return f"An order of {item.label} is not there any more."
    return None


def dearer(
    request: Request, held: Sequence[Subscription], account: Account, at: datetime
) -> str | None:
    """What turning on deducts beyond what was acknowledged; turning off deducts nothing."""
    if request.change is not Change.RENEWAL_ON:
        return None
    for each in held:
        item = request.item(each.key)
        now = charge(each, account, at=at)
        said = worse(now, than=item.charge) if item.charge is not None else None
        if said is not None and each.auto_renew is not True:
            return f"{item.label} {said}."
    return None


def _of_its_own(plan: Plan) -> Mapping[SubscriptionKey, Refusal]:
    """What is refused for another reason than that its own edition is, which packages wait for."""
    refused = plan.refused
    edition = any(plan.subscriptions[key].kind is Kind.QUOTA for key in refused)
    return {key: why for key, why in refused.items() if not (edition and why.rule == "R8")}


def _prices(item: Item, plan: Plan) -> Iterator[str]:
    """The facts that a price rests on; where they are others, the figures compare nothing."""
    quote, before = plan.quotes.get(item.key), item.quote
    if quote is None:
        yield f"{item.label} belongs to another one now and goes with it."
        return
    if quote.currency != before.currency:
        yield f"The currency of {item.label} is {quote.currency}, before {before.currency}."
    if quote.rules != before.rules:
        yield f"The rule set of {item.label} is {quote.rules}, acknowledged {before.rules}."
    promotion = any(order.promotion for order in plan.subscriptions[item.key].orders)
    if promotion and item.promotion is False:
        yield f"An order of {item.label} is a promotion, which it was not when acknowledged."


def _new_dependents(request: Request, plan: Plan) -> str | None:
    """What depends on an item and was not there; a request of an earlier Lapse knows of none."""
    if request.dependents is None:
        return None
    known = {*request.dependents, *keys_of(request)}
    new = [key for key in dependents(plan) if key not in known]
    if not new:
        return None
    labels = listed([plan.subscriptions[key].label for key in new])
    depend, were = ("depends", "was") if len(new) == 1 else ("depend", "were")
    return f"{labels} {depend} on what goes and {were} not there when it was acknowledged."


def _paid(order: OrderQuote) -> tuple[OrderType, Money]:
    """What an order is known by: the cloud gives the API no other name of it."""
    return order.order_type, order.paid


def _runs(order: OrderQuote, before: Quote, now: Quote) -> bool:
    """Whether its term is surely not over; a quote knows ends by the hour, or by the day."""
    left = timedelta(hours=order.duration_hours - order.used_hours)
    return before.at + left > now.at + ENDS_WITHIN
