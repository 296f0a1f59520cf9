"""Objections: why a request cannot start as it was approved, each with its sentence."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bot.billing.account import Account, CarriedOut, ExecuteMode
from bot.billing.change import Change
from bot.billing.contract import worst_of
from bot.billing.deadline import STEPS
from bot.billing.dependents import dependents
from bot.billing.plan import Plan
from bot.billing.subscription import Subscription, SubscriptionKey
from bot.billing.switching import charge, worse
from bot.billing.unsubscription import Item, Request
from bot.services.figures import exceeds
from bot.services.phrases import listed

UNKNOWN = (
    "Slack does not show who is in a user group of the settings, so that nobody knows whether who "
    "approved it may decide."
)
"""Why it did not start while it could."""


def unapproved(request: Request) -> str:
    """That who approved it may not decide any more; it names nobody, since it is not erased."""
    if request.broken_glass is not None:
        return "Breaking the glass for it does not count any more: the settings name others now."
    return "An approval of it does not count any more: the settings no longer name the approver."


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


def gone(request: Request, fresh: Mapping[SubscriptionKey, Subscription]) -> str | None:
    """Items that the cloud does not list any more."""
    missing = [item.label for item in request.items if item.key not in fresh]
    if not missing:
        return None
    verb = "is" if len(missing) == 1 else "are"
    return f"{listed(missing)} {verb} not at the cloud any more."


def changed(request: Request, plan: Plan, *, now: datetime) -> str | None:
    """What is worse than acknowledged, or another thing; None when it is all as it was, or better.

    `plan` is that of its items, as the cloud has them now, with what surrounds them.
    """
    for key, refusal in plan.refused.items():
        return f"{request.item(key).label}: {refusal.reason}"
    for item in request.items:
        for said in _prices(item, plan):
            return said
    depending = _new_dependents(request, plan)
    return depending or exceeds(worst_of(plan, until=now + STEPS), request)


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
    new = [key for key in dependents(plan) if key not in request.dependents]
    if not new:
        return None
    labels = listed([plan.subscriptions[key].label for key in new])
    depend, were = ("depends", "was") if len(new) == 1 else ("depend", "were")
    return f"{labels} {depend} on what goes and {were} not there when it was acknowledged."
