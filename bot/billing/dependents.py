"""What depends on subscriptions that go, and does not go by itself (pure)."""

from bot.billing.edition import is_live_quota
from bot.billing.plan import Plan
from bot.billing.quote import Scope
from bot.billing.subscription import Kind, Status, SubscriptionKey

_OVER = frozenset({Status.UNSUBSCRIBED, Status.FAILED, Status.EXPIRED})


def dependents(plan: Plan) -> tuple[SubscriptionKey, ...]:
    """Packages of a region that loses its last quota (R9, R10), and parts of what goes (R35).

    None of those that go themselves; none where renewal periods alone are given back, which takes
    nothing away.
    """
    if plan.scope is not Scope.ALL:
        return ()
    going = set(plan.going)
    mains = {key.id for key in going}
    others = {key: each for key, each in plan.subscriptions.items() if key not in going}
    kept = {each.region for each in others.values() if is_live_quota(each)}
    quotas = (plan.subscriptions[key] for key in going)
    lost = {each.region for each in quotas if each.kind is Kind.QUOTA} - kept
    return tuple(
        sorted(
            key
            for key, each in others.items()
            if each.status not in _OVER
            and (each.parent_id in mains or (each.kind is Kind.PACKAGE and each.region in lost))
        )
    )
