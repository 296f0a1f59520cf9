"""The ways out of a subscription, compared at one instant: what each costs, and until when."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from bot.billing.account import Account
from bot.billing.days import cloud_date, counted, written
from bot.billing.leaving import give_back, later, unsubscribe
from bot.billing.renewal import anchor
from bot.billing.staying import keep, turn_off
from bot.billing.subscription import Subscription
from bot.billing.way import Situation, Way, WayKind, WaysOut


def ways_out(subscription: Subscription, account: Account, *, at: datetime) -> WaysOut:
    """Compare doing nothing, auto-renewal off, giving back, unsubscribing now and later.

    Cheapest is what costs least in money; of equally cheap ways the one that can be used longest.
    """
    ahead = anchor(subscription, account, at=at)
    situation = Situation(subscription=subscription, account=account, at=at, ahead=ahead)
    now = unsubscribe(situation)
    found = (
        keep(situation),
        turn_off(situation),
        give_back(situation),
        now,
        *later(situation, now),
    )
    uncertain = any(way.open and way.cost is None for way in found)
    ways = tuple(sorted(found, key=lambda way: _rank(way, uncertain=uncertain)))
    return WaysOut(ways=ways, cheapest=ways[0].kind, because=_because(ways, at=at))


def _rank(way: Way, *, uncertain: bool) -> tuple[bool, int, Decimal, Decimal, float, int]:
    """Open before closed, known before unknown, cheap before dear, long before short.

    Of ways that cost the same, the one that returns more coupons goes first. Where the cost of
    another is `uncertain`, an end that returns nothing goes last: it cannot be taken back.
    """
    cost, coupons = way.cost, way.coupons_back
    ends = way.kind in {WayKind.UNSUBSCRIBE, WayKind.LATER}
    pointless = ends and not way.money_back and not coupons
    lasts = way.works_until.timestamp() if way.works_until is not None else 0.0
    return (
        not way.open,
        2 if pointless and uncertain else int(cost is None),
        cost.amount if cost else Decimal(0),
        -(coupons.amount if coupons else Decimal(0)),
        -lasts,
        list(WayKind).index(way.kind),
    )


def _because(ways: Sequence[Way], *, at: datetime) -> str:
    """The clause behind *Cheapest because*, for the first of the ranked ways."""
    best, others = ways[0], ways[1:]
    if not any(way.open for way in others):
        return "no other way is open"
    if best.kind is WayKind.GIVE_BACK:
        return "the renewal period comes back in full and the running term stays"
    if best.kind is WayKind.LATER:
        return f"waiting until {written(cloud_date(best.works_until or at))} returns more"
    if best.kind is WayKind.UNSUBSCRIBE:
        back = best.money_back if best.money_back else f"coupons of {best.coupons_back}"
        return f"it returns {back} now"
    if best.cost is None:
        return "unsubscribing returns nothing; what a renewal costs is not known"
    return _because_free(best, ways, at=at)


def _because_free(best: Way, ways: Sequence[Way], *, at: datetime) -> str:
    """Why to let it lapse, which costs nothing."""
    if best.rule == "X4":
        return "the cloud may still try to charge until it is released"
    now = next((way for way in ways if way.kind is WayKind.UNSUBSCRIBE and way.open), None)
    if now is not None and best.works_until is not None:
        days = (best.works_until - at).days
        earlier = f"{counted(days, 'day')} earlier" if days else "today"
        return f"unsubscribing returns nothing and ends it {earlier}"
    return "nothing more is paid and it runs to the end of its term"
