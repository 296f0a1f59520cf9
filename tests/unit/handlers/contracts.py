"""A contract outside the cloud in every state that a person brings it to, and a cloud's three.

It is Mon 23 Nov 2026; the request is sent at 10:14 and approved at 10:53, as the other samples.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.billing import by_hand, deciding
from bot.billing.account import CarriedOut
from bot.billing.contract import plan_of, worst_of
from bot.billing.deciding import Asking
from bot.billing.plan import Plan
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import Edition, Kind, Subscription
from bot.billing.unsubscription import Reason, Request, Task
from bot.facts.unsubscribing import Draft, Kept, NewFigures
from tests import factories as make
from tests.factories import APPROVER_1, APPROVER_2, OWNER, REQUESTER, instant
from tests.unit.handlers import samples

LINK = "https://vendor.example/answers/1?a=1&b=2"
ACCOUNT = make.account("contracts")
WITHOUT_API = make.account("staging", carried_out=CarriedOut.BY_HAND)
PAGE = make.contract(account="contracts", orders=(make.order("2026-05-10 09:20", cash="348.00"),))
STARTS, SAID, SEEN = (instant(f"2026-11-23 {at}") for at in ("10:58", "11:30", "12:00"))
DUE = instant("2027-04-11 00:00")
IF_KEPT = {"kind": "notice", "date": "2027-04-10", "at": "", "amount": "348.00", "currency": "USD"}


def plan(*chosen: Subscription) -> Plan:
    return plan_of(chosen or (PAGE,), group=(), account=ACCOUNT, at=make.NOW)


def waiting(**changes: Any) -> Request:
    """Just sent."""
    return replace(_asked(plan(), ACCOUNT), **changes)


def cloud() -> Request:
    """SecMaster and two packages of an account without rights to the API, approved."""
    worked = plan_of(samples.GROUP, group=samples.GROUP, account=WITHOUT_API, at=make.NOW)
    return _approved(_asked(worked, WITHOUT_API))


def opened(request: Request | None = None) -> Request:
    """The owner is asked to do it by 10 April."""
    request = request or _approved(waiting())
    kinds = {"st-quota": Kind.QUOTA, "st-screen": Kind.PACKAGE, "st-orchestration": Kind.PACKAGE}
    items = [
        replace(
            item,
            task=Task(
                kind=kinds.get(item.key.id, Kind.SAAS),
                service="SecMaster" if item.key.id in kinds else "Status page",
                edition=Edition.PROFESSIONAL if item.key.id in kinds else None,
            ),
            asked=OWNER,
            due_at=DUE,
        )
        for item in request.items
    ]
    return by_hand.start(request, items=items, whom=(OWNER,), at=STARTS)


def said(request: Request | None = None, **changes: Any) -> Request:
    """The owner did it."""
    facts: dict[str, Any] = {
        "numbers": range(1, 10),
        "by": OWNER,
        "at": SAID,
        "evidence": LINK,
        "note": "By e-mail to the vendor.",
        "whom": (APPROVER_1, APPROVER_2),
    }
    return by_hand.carry_out(request or opened(), **(facts | changes))


def seen(request: Request | None = None) -> Request:
    """An approver saw that it is gone."""
    return by_hand.confirm(request or said(), by=APPROVER_1, at=SEEN)


def done(request: Request | None = None) -> Request:
    """It has ended."""
    saw = seen(request)
    return by_hand.seen_gone(saw, at=SEEN, note="seen by a second person")


def read_back() -> Request:
    """SecMaster and two packages, which the cloud does not list any more."""
    saw = seen(said(opened(cloud())))
    items = tuple(replace(item, auto_renew_off=True) for item in saw.items)
    return by_hand.seen_gone(replace(saw, items=items), at=SEEN, note="not on the cloud's list")


def called_to_look() -> Request:
    """A day later nobody has looked."""
    return by_hand.call(said(), whom=(APPROVER_1,), at=SAID + timedelta(days=1))


def still_listed() -> Request:
    """The cloud lists Large screen, which an approver saw gone."""
    request = seen(said(opened(cloud())))
    why = "Large screen is still at the cloud."
    return by_hand.listed_still(request, numbers=(2,), at=SEEN, why=why)


def many(count: int) -> Request:
    """So many contracts."""
    pages = [replace(PAGE, key=make.key(f"page-{n}", "contracts")) for n in range(count)]
    return opened(_approved(_asked(plan(*pages), ACCOUNT)))


def draft(*chosen: Subscription) -> Draft:
    """The form of a contract."""
    items = chosen or (PAGE,)
    worked = plan(*items)
    kept = Anchor(kind=AnchorKind.NOTICE, date=DUE.date() - timedelta(days=1), at=None)
    return replace(
        samples.draft(),
        account=ACCOUNT,
        refs=("contracts/status-page",),
        plan=worked,
        subscriptions=worked.subscriptions,
        optional_packages=(),
        chosen_packages=frozenset(),
        total=worked.total,
        worst=worst_of(worked, until=DUE),
        left_out={},
        ways={},
        if_kept=Kept(anchor=kept, amounts=(), unknown=0),
    )


def new_facts() -> NewFigures:
    """What the requester of a stale one reads."""
    return NewFigures(
        number=1042,
        draft=draft(),
        before=draft().worst,
        acknowledged_at=samples.ASKED,
        why="It has another account.",
    )


def still_there() -> Request:
    """An approver saw that it is not gone."""
    return by_hand.still_there(said(), numbers=(1,), by=APPROVER_1, at=SEEN, why="Still billed")


def nobody_looked() -> Request:
    """It was done, and for a week nobody looked."""
    late = SAID + by_hand.LOOKED_WITHIN
    return by_hand.overdue(said(), at=late, problem="Nobody looked whether it is gone.")


def given_up(request: Request | None = None) -> Request:
    """The requester keeps it after all."""
    running = request or opened()
    return by_hand.leave_as_is(running, by=REQUESTER, at=SEEN, why="We keep it")


def failed() -> Request:
    """Nobody did it in time."""
    late = DUE + timedelta(hours=1)
    return by_hand.overdue(opened(), at=late, problem="Nobody said in time that it is done.")


def _asked(worked: Plan, account: Any) -> Request:
    deadline = samples.ASKED + timedelta(hours=72)
    asking = Asking(
        number=1042,
        account=account,
        by=REQUESTER,
        at=samples.ASKED,
        reason=Reason.FEATURES_INSUFFICIENT,
        details="Nobody looks at it.",
        worst=worst_of(worked, until=deadline),
        deadline=deadline,
        terms=make.terms(account, if_kept=IF_KEPT),
    )
    return deciding.ask(asking, plan=worked, subscriptions=worked.subscriptions)


def _approved(request: Request) -> Request:
    return deciding.approve(request, by=APPROVER_1, at=samples.APPROVED, authorities=(APPROVER_1,))
