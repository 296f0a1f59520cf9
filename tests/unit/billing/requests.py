"""Requests in every state, made by the moves themselves."""

from datetime import datetime, timedelta

from bot.billing.deciding import Asking, approve, ask
from bot.billing.plan import plan
from bot.billing.stepping import start
from bot.billing.subscription import Package
from bot.billing.unsubscription import Reason, Request
from bot.billing.worst import Worst
from tests.factories import (
    APPROVER_1,
    APPROVER_2,
    NOW,
    REQUESTER,
    account,
    package,
    quota,
    usd,
)

QUOTA = quota()
SCREEN = package()
ORCHESTRATION = package("sm-orchestration", Package.SECURITY_ORCHESTRATION)
EVERYTHING = {each.key: each for each in (QUOTA, SCREEN, ORCHESTRATION)}
WORST = Worst(handling_fee=usd(540), refund=usd(0), coupons_lost=usd(0))
DEADLINE = NOW + timedelta(hours=72)
LATER = NOW + timedelta(minutes=10)


def waiting(*, required: int = 1, cooling_off_minutes: int = 5, **changes) -> Request:
    """The requester asks for the quota with its packages."""
    settings = account(**changes)
    found = plan(list(EVERYTHING.values()), group=[], account=settings, at=NOW)
    asking = Asking(
        number=1042,
        account=settings,
        by=REQUESTER,
        at=NOW,
        reason=Reason.FEATURES_INSUFFICIENT,
        details="The staging servers moved.",
        worst=WORST,
        deadline=DEADLINE,
        required_approvals=required,
        approvers=(APPROVER_1, APPROVER_2),
        cooling_off_minutes=cooling_off_minutes,
        if_kept={},
    )
    return ask(asking, plan=found, subscriptions=EVERYTHING)


def approved(at: datetime = NOW) -> Request:
    """Approved once and cooling off."""
    return approve(waiting(), by=APPROVER_1, at=at, may_decide=True)


def executing() -> Request:
    """Cooled off and started."""
    return start(approved(), at=LATER)
