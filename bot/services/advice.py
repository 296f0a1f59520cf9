"""What to do about a subscription that cannot be unsubscribed from (ux, section 4)."""

from collections.abc import Mapping, Sequence

from bot.billing.quote import Refusal
from bot.billing.subscription import Kind, Status, Subscription, SubscriptionKey


def way_forward(
    refusal: Refusal, subscription: Subscription, together_with: Sequence[SubscriptionKey]
) -> str:
    """One sentence; `together_with` are those that could go when they go together (R8)."""
    if refusal.rule == "R8" and together_with:
        return f"Unsubscribe from all {len(together_with)} together."
    if refusal.rule == "R31" and subscription.kind is Kind.SAAS:
        return "Ask for it by itself, then a person ends it."
    if refusal.rule == "R34":
        return _after_r34(refusal, subscription)
    return _ADVICE.get(refusal.rule, "Turn off auto-renewal instead.")


def _after_r34(refusal: Refusal, subscription: Subscription) -> str:
    """What to do about the reasons that R34 gathers, in the order in which they are found."""
    orders = subscription.orders
    known = (
        (subscription.status is Status.UNSUBSCRIBED, "Nothing to do."),
        (subscription.status is Status.FROZEN, "Ask the cloud's support."),
        ("expired" in refusal.reason, "Renew it or let it go; no fee."),
        (subscription.transaction_in_progress, "Retry later."),
        (any(order.promotion for order in orders), "Turn off auto-renewal."),
        (
            any(order.invoiced for order in orders),
            "Ask the cloud to take the invoice back, or let it lapse.",
        ),
    )
    return next((advice for holds, advice in known if holds), "Turn off auto-renewal instead.")


_ADVICE: Mapping[str, str] = {
    "R1": "Nothing to do.",
    "R8": "Unsubscribe from the edition first.",
    "R31": "End it in the cloud's console.",
    "R35": "Unsubscribe from the main one.",
    "R41": "Complete its facts, then ask again.",
    "R42": "Complete its facts, then ask again.",
    "R43": "Ask the cloud's support for the fee.",
    "R45": "Unsubscribe with the fee, or keep it.",
    "R46": "Unsubscribe with the fee, or keep it.",
    "R48": "Remove what holds it first.",
}
