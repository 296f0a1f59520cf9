"""Requests in every state, made by the moves themselves."""

from datetime import datetime, timedelta

from bot.billing.account import Account
from bot.billing.deciding import Asking, approve, ask
from bot.billing.plan import Plan, plan
from bot.billing.stepping import start
from bot.billing.subscription import Package, Subscription
from bot.billing.unsubscription import Reason, Request
from bot.billing.worst import Worst
from tests.factories import (
    APPROVER_1,
    NOW,
    REQUESTER,
    account,
    package,
    quota,
    terms,
    usd,
)

QUOTA = quota()
SCREEN = package()
ORCHESTRATION = package("sm-orchestration", Package.SECURITY_ORCHESTRATION)
EVERYTHING = {each.key: each for each in (QUOTA, SCREEN, ORCHESTRATION)}
WORST = Worst(handling_fee=usd(540), refund=usd(0), coupons_lost=usd(0))
DEADLINE = NOW + timedelta(hours=72)
LATER = NOW + timedelta(minutes=10)


def waiting(
    *chosen: Subscription, required: int = 1, cooling_off_minutes: int = 5, **changes
) -> Request:
    """The requester asks for what is chosen, by default for the quota with its packages."""
    settings = account(**changes)
    wanted = {each.key: each for each in chosen or EVERYTHING.values()}
    found = plan(list(wanted.values()), group=[], account=settings, at=NOW)
    return ask(
        asking(settings, required=required, cooling_off_minutes=cooling_off_minutes),
        plan=found,
        subscriptions=wanted,
    )


def planned_again(*chosen: Subscription, group: tuple[Subscription, ...] = (), **changes) -> Plan:
    """The plan of the same items later, with what surrounds them then."""
    wanted = chosen or tuple(EVERYTHING.values())
    return plan(list(wanted), group=group, account=account(**changes), at=LATER)


def asking(settings: Account, *, required: int = 1, cooling_off_minutes: int = 5) -> Asking:
    """What the requester sent, whatever the plan."""
    return Asking(
        number=1042,
        account=settings,
        by=REQUESTER,
        at=NOW,
        reason=Reason.FEATURES_INSUFFICIENT,
        details="The staging servers moved.",
        worst=WORST,
        deadline=DEADLINE,
        terms=terms(
            settings,
            required_approvals=required,
            cooling_off_minutes=cooling_off_minutes,
            if_kept={"default/sm-quota": "USD 3,600.00 on Mon 30 Nov 2026"},
        ),
    )


def approved(*chosen: Subscription, at: datetime = NOW) -> Request:
    """Approved once and cooling off."""
    return approve(waiting(*chosen), by=APPROVER_1, at=at, authorities=(APPROVER_1,))


def executing(*chosen: Subscription) -> Request:
    """Cooled off and started."""
    return start(approved(*chosen), at=LATER)
