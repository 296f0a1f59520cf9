"""Requests to turn auto-renewal on and off, in every state; the figures are those of `hk-quota`."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.billing import deciding, stepping, switching
from bot.billing.change import Change, Charge
from bot.billing.deciding import Asking
from bot.billing.unsubscription import Reason, Request, State
from bot.facts.switching import SwitchDraft, SwitchItem
from tests import factories as make
from tests.factories import APPROVER_1, APPROVER_2, NOW, REQUESTER, instant
from tests.unit.handlers import samples

ON, OFF = Change.RENEWAL_ON, Change.RENEWAL_OFF
QUOTA = make.quota(
    "hk-quota",
    account="hk",
    name="SecMaster Standard, 20 ECS",
    auto_renew=False,
    renewal_price=make.usd("1080").amount,
    orders=(make.order("2025-12-10 11:00", cash="1080.00"),),
)
ACCOUNT = make.account("hk")
AT = instant("2026-12-03 03:00")
CHARGE = Charge(amount=make.usd("1080.00"), at=AT, at_once=False, months=12)
AT_ONCE = replace(CHARGE, at=None, at_once=True)
DEADLINE = samples.ASKED + timedelta(hours=72)
ENDED = instant("2026-11-23 11:06")
SECOND = timedelta(seconds=1)


def draft(change: Change = ON, charge: Charge = CHARGE, **changes: Any) -> SwitchDraft:
    """What is shown before it is asked for."""
    facts: dict[str, Any] = {
        "change": change,
        "account": ACCOUNT,
        "items": (SwitchItem(subscription=QUOTA, charge=charge),),
        "deadline": DEADLINE,
        "opened_at": NOW,
        "now": NOW,
        "dry_run": False,
        "approvals_needed": 1,
        "approvers": (APPROVER_1, APPROVER_2),
        "cooling_off_minutes": 5,
        "fingerprint": "f1",
    }
    return SwitchDraft(**(facts | changes))


SECOND_ONE = replace(QUOTA, key=make.key("hk-screen", "hk"), name="Large screen")


def several(change: Change = ON) -> Request:
    """The same about another one too, whose amount is not known and whose attempt is later."""
    later = replace(CHARGE, amount=None, at=instant("2026-12-05 03:00"))
    return waiting(change, others=[(SECOND_ONE, later)])


def waiting(change: Change = ON, charge: Charge = CHARGE, **changes: Any) -> Request:
    """Request 1042, sent at 10:14; `required_approvals=0` cools off at once."""
    others, settings = changes.pop("others", []), changes.pop("account", ACCOUNT)
    asking = Asking(
        number=1042,
        account=settings,
        by=REQUESTER,
        at=samples.ASKED,
        reason=Reason.OTHER,
        details="",
        worst=switching.nothing_back("USD"),
        deadline=DEADLINE,
        terms=make.terms(
            settings,
            required_approvals=changes.pop("required_approvals", 1),
            if_kept={
                "kind": "expiry",
                "date": "2026-12-10",
                "at": "2026-12-10T23:59:59+08:00",
                "amount": "",
                "currency": "",
            },
        ),
    )
    return replace(switching.ask(asking, change, [(QUOTA, charge), *others]), **changes)


def approved(request: Request) -> Request:
    return deciding.approve(request, by=APPROVER_1, at=samples.APPROVED, authorities=(APPROVER_1,))


def executing(request: Request) -> Request:
    begun = stepping.start(approved(request), at=instant("2026-11-23 10:58"))
    for other in begun.steps[1:]:
        at = instant("2026-11-23 10:59")
        begun = stepping.step_started(begun, other.number, at=at)
        begun = stepping.step_gone(begun, other.number, at=at, gone=other.subscriptions)
    return stepping.step_started(begun, 1, at=instant("2026-11-23 10:58"))


def verifying(request: Request) -> Request:
    at = instant("2026-11-23 11:01")
    done = stepping.step_gone(executing(request), 1, at=at, gone=(QUOTA.key,))
    return stepping.verify(done, at=at)


def done(request: Request) -> Request:
    """Verified at 11:06."""
    read = verifying(request)
    on = bool(request.change.renews)
    if not request.dry_run:
        for item in read.items:
            read = stepping.with_item(read, replace(item, auto_renew_off=not on))
    note = f"auto-renewal reads {'on' if on else 'off'}"
    return stepping.verified(read, at=ENDED, note=note)


def failed(request: Request) -> Request:
    refusal = {QUOTA.key: ("CBC.99003651", "another transaction is in progress")}
    at = instant("2026-11-23 11:02")
    refused = stepping.step_refused(executing(request), 1, at=at, refusals=refusal)
    return stepping.fail(refused, at=at, problem="The cloud refused SecMaster Standard, 20 ECS.")


def left(request: Request) -> Request:
    return stepping.leave_as_is(failed(request), by=APPROVER_1, at=ENDED, why="Later.")


def unanswered(request: Request) -> Request:
    return stepping.step_unknown(executing(request), 1)


def stale(request: Request) -> Request:
    note = "SecMaster Standard, 20 ECS costs USD 1,200.00, acknowledged USD 1,080.00."
    gone = deciding.go_stale(approved(request), at=ENDED, note=note)
    return replace(gone, problem=note)


def rejected(request: Request) -> Request:
    return deciding.reject(
        request, by=APPROVER_2, at=ENDED, why="We leave.", authorities=(APPROVER_2,)
    )


def withdrawn(request: Request) -> Request:
    return deciding.withdraw(request, by=REQUESTER, at=ENDED)


def stopped(request: Request) -> Request:
    return deciding.stop(approved(request), by=APPROVER_2, at=ENDED, may_stop=True)


def expired(request: Request) -> Request:
    return deciding.expire(request, at=request.deadline + SECOND)


IN_STATE = {
    State.WAITING: lambda request: request,
    State.APPROVED: approved,
    State.EXECUTING: executing,
    State.VERIFYING: verifying,
    State.DONE: done,
    State.FAILED: failed,
    State.STALE: stale,
    State.REJECTED: rejected,
    State.WITHDRAWN: withdrawn,
    State.STOPPED: stopped,
    State.EXPIRED: expired,
}
