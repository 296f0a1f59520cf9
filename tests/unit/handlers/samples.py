"""The sample of the screens: SecMaster Professional and two packages in account staging.

Everything is worked out by the billing rules from the orders, so that a figure on a screen is
never typed twice. It is Mon 23 Nov 2026, 10:12 GMT+08:00; the request is sent at 10:14.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.billing import deciding, standstill, stepping
from bot.billing.deciding import Asking
from bot.billing.money import Money
from bot.billing.plan import plan
from bot.billing.quote import Scope
from bot.billing.reminder import Reminder
from bot.billing.renewal import Anchor, AnchorKind, safe_cutoff
from bot.billing.subscription import Edition, Package, Subscription, SubscriptionKey
from bot.billing.unsubscription import Item, ItemState, Reason, Request, State
from bot.billing.ways_out import ways_out
from bot.billing.worst import worst
from bot.facts.messages import ReminderItem, ReminderMessage, Timing
from bot.facts.reminding import RestPage
from bot.facts.unsubscribing import Draft, Kept
from tests import factories as make
from tests.factories import APPROVER_1, APPROVER_2, NOW, OWNER, REQUESTER, instant

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
DELIVERY = "7d3f6c1e-0000-5000-8000-000000000001"
ASKED = instant("2026-11-23 10:14")
APPROVED = instant("2026-11-23 10:53")
BOUGHT = "2026-05-10 09:20"

ACCOUNT = make.account("staging")
QUOTA = make.quota("st-quota", account="staging", orders=(make.order(BOUGHT),))
SCREEN = make.package("st-screen", account="staging", orders=(make.order(BOUGHT, cash="900.00"),))
ORCHESTRATION = make.package(
    "st-orchestration",
    Package.SECURITY_ORCHESTRATION,
    account="staging",
    orders=(make.order(BOUGHT, cash="1200.00"),),
)
GROUP = (QUOTA, SCREEN, ORCHESTRATION)
LAB_ACCOUNT = make.account("lab")
LAB = make.quota(
    "lab-quota",
    account="lab",
    name="SecMaster Standard, 10 ECS",
    edition=Edition.STANDARD,
    orders=(make.order("2026-07-01 14:30", cash="540.00"),),
)
IF_KEPT = {
    "kind": "deduction",
    "date": "2027-05-03",
    "at": "2027-05-03T03:00:00+08:00",
    "amount": "5700.00",
    "currency": "USD",
}


def draft(*chosen: Subscription, group: tuple[Subscription, ...] = GROUP, **changes: Any) -> Draft:
    """The form's figures for the chosen ones, by default all three of staging."""
    items = chosen or group
    account = changes.pop("account", ACCOUNT)
    opened_at = changes.pop("opened_at", NOW)
    scope = changes.pop("scope", Scope.ALL)
    worked = plan(items, group=group, account=account, at=NOW, scope=scope)
    deadline = opened_at + timedelta(hours=72)
    known = {each.key: each for each in group}
    until = deadline + timedelta(minutes=65)
    assert worked.total is not None
    facts: dict[str, Any] = {
        "account": account,
        "scope": scope,
        "refs": (str(items[0].key),),
        "plan": worked,
        "subscriptions": known,
        "optional_packages": tuple(each for each in group if each.package),
        "chosen_packages": frozenset(each.key for each in items if each.package),
        "total": worked.total,
        "coupons_lost": make.usd(0),
        "worst": worst(worked, until=until).worst,
        "deadline": deadline,
        "opened_at": opened_at,
        "now": NOW,
        "left_out": worked.refused,
        "ways": {key: ways_out(known[key], account, at=NOW) for key in worked.quotes},
        "cheaper": None,
        "renewal_scope_possible": False,
        "renewal_begins_at": None,
        "zero_fee_until": None,
        "large_value": False,
        "dry_run": False,
        "approvals_needed": 1,
        "approvers": (APPROVER_1, APPROVER_2),
        "if_kept": Kept(
            anchor=Anchor(
                kind=AnchorKind.DEDUCTION,
                date=instant("2027-05-03 03:00").date(),
                at=instant("2027-05-03 03:00"),
            ),
            amounts=(make.usd("5700"),),
            unknown=0,
        ),
        "fingerprint": "f1",
    }
    return Draft(**(facts | changes))


def waiting(**changes: Any) -> Request:
    """Request 1042, just sent."""
    form = draft(opened_at=ASKED)
    asking = Asking(
        number=1042,
        account=ACCOUNT,
        by=REQUESTER,
        at=ASKED,
        reason=Reason.FEATURES_INSUFFICIENT,
        details="The staging servers moved to another account in October.",
        worst=form.worst,
        deadline=form.deadline,
        terms=make.terms(ACCOUNT, if_kept=IF_KEPT),
    )
    request = deciding.ask(asking, plan=form.plan, subscriptions=form.subscriptions)
    return replace(request, **changes)


def approved(**changes: Any) -> Request:
    """Approved at 10:53, starts at 10:58."""
    request = deciding.approve(waiting(), by=APPROVER_1, at=APPROVED, authorities=(APPROVER_1,))
    return replace(request, **changes)


def executing() -> Request:
    """The quota is gone at 11:01, the packages were sent at 11:01."""
    request = stepping.start(approved(), at=instant("2026-11-23 10:58"))
    request = stepping.step_started(request, 1, at=instant("2026-11-23 10:58"))
    request = stepping.step_gone(
        request, 1, at=instant("2026-11-23 11:01"), gone=(QUOTA.key,), note="edition is basic"
    )
    return stepping.step_started(request, 2, at=instant("2026-11-23 11:01"))


def verifying() -> Request:
    """Everything is gone, two of three refund orders are found."""
    gone = (SCREEN.key, ORCHESTRATION.key)
    request = stepping.step_gone(executing(), 2, at=instant("2026-11-23 11:02"), gone=gone)
    request = stepping.verify(request, at=instant("2026-11-23 11:02"))
    for key, back, fee in (
        (QUOTA.key, "1299.90", "360"),
        (SCREEN.key, "324.87", "90"),
        (ORCHESTRATION.key, None, None),
    ):
        request = stepping.with_item(request, _read_back(request.item(key), back, fee))
    return request


def done() -> Request:
    """Verified at 11:06."""
    request = verifying()
    item = _read_back(request.item(ORCHESTRATION.key), "433.16", "120")
    request = stepping.with_item(request, item)
    return stepping.verified(request, at=instant("2026-11-23 11:06"))


def given_back(*, off: bool = False) -> Request:
    """Done at 11:06: a renewal period that was paid already is gone."""
    bought = make.order("2025-12-07 09:20", cash="1080.00")
    renewed = replace(LAB, orders=(bought, make.renewal(bought)))
    form = draft(
        renewed, group=(renewed,), account=LAB_ACCOUNT, scope=Scope.RENEWALS, opened_at=ASKED
    )
    asking = Asking(
        number=1042,
        account=LAB_ACCOUNT,
        by=REQUESTER,
        at=ASKED,
        reason=Reason.FEATURES_INSUFFICIENT,
        details="",
        worst=form.worst,
        deadline=form.deadline,
        terms=make.terms(LAB_ACCOUNT),
    )
    asked = deciding.ask(asking, plan=form.plan, subscriptions=form.subscriptions)
    at = instant("2026-11-23 11:06")
    back = _read_back(asked.items[0], "1080.00", "0")
    item = replace(back, auto_renew_off=off, state=ItemState.GONE, gone_at=at)
    read = replace(stepping.with_item(asked, item), state=State.VERIFYING)
    return stepping.verified(read, at=at)


def looked_again() -> Request:
    """A day later all of it is still gone."""
    at, note = instant("2026-11-24 11:06"), "all gone, 3 refund orders of 3 found"
    *before, verified = done().events
    noted = (*before, replace(verified, note="all gone, 2 refund orders of 3 found"))
    return stepping.looked_again(replace(done(), events=noted), at=at, note=note)


def came_back() -> Request:
    """A day later Large screen is listed again."""
    problem = "Large screen is at the cloud again."
    at = instant("2026-11-24 11:06")
    return stepping.came_back(done(), at=at, problem=problem, items=(2,))


def unanswered() -> Request:
    """The answer about the packages was lost."""
    return stepping.step_unknown(executing(), 2)


def failed() -> Request:
    """Large screen was refused, the other two are gone."""
    request = stepping.step_gone(
        executing(), 2, at=instant("2026-11-23 11:02"), gone=(ORCHESTRATION.key,)
    )
    refusal = ("CBC.99003651", "another transaction is in progress")
    request = stepping.step_refused(
        request, 2, at=instant("2026-11-23 11:02"), refusals={SCREEN.key: refusal}
    )
    for key, back, fee in ((QUOTA.key, "1299.90", "360"), (ORCHESTRATION.key, "433.30", "120")):
        request = stepping.with_item(request, _read_back(request.item(key), back, fee))
    return stepping.fail(
        request,
        at=instant("2026-11-23 11:03"),
        problem="Large screen does not work without the edition and stays paid for. Retry when "
        "the other transaction is over, or unsubscribe by hand and say so.",
    )


STANDS = (
    "The cloud of staging could not be read: The key *is* <not> valid any more. Nothing is asked "
    "for twice. Lapse goes on trying until Tue 24 Nov 2026, 11:01 GMT+08:00."
)
"""What people are told of a request that cannot go on."""


def held_up(request: Request) -> Request:
    """It has not gone on for a quarter of an hour."""
    return standstill.held_up(request, at=instant("2026-11-23 11:20"), note=STANDS)


def given_up() -> Request:
    """The packages were taken a day ago and are listed still."""
    taken = stepping.step_accepted(
        executing(), 2, at=instant("2026-11-23 11:01"), orders={SCREEN.key: None}
    )
    problem = "The cloud took the call about Large screen and lists it still."
    return stepping.fail(taken, at=instant("2026-11-24 11:02"), problem=problem)


def unread() -> Request:
    """The answer about the packages was lost, and nothing could be read since."""
    problem = "The cloud of staging could not be read: It is away."
    return stepping.fail(unanswered(), at=instant("2026-11-24 11:02"), problem=problem)


def unsent() -> Request:
    """Nothing was sent before the cloud could not be read."""
    started = stepping.start(approved(), at=instant("2026-11-23 10:58"))
    problem = "The cloud of staging could not be read: It is away."
    return stepping.fail(started, at=instant("2026-11-24 11:02"), problem=problem)


def not_in_time() -> Request:
    """It was approved and could not start."""
    why = "It could not start by Thu 26 Nov 2026, 11:19 GMT+08:00. The *cloud* was <away>."
    request = approved()
    return deciding.expire(request, at=request.good_until + timedelta(seconds=1), why=why)


def not_looked() -> Request:
    """A day later nobody could look again."""
    note = "The cloud of staging could not be read: It is away."
    return stepping.not_looked(done(), at=instant("2026-11-25 11:07"), note=note)


def reminder_item(subscription: Subscription | None = None, **changes: Any) -> ReminderItem:
    """The reminder of `hk-quota`, seven days before its deduction."""
    about = subscription or HK
    at = changes.pop("at", instant("2026-11-23 03:00"))
    kind = changes.pop("kind", AnchorKind.DEDUCTION)
    anchor = Anchor(kind=kind, date=at.date(), at=None if kind is AnchorKind.NOTICE else at)
    lead = changes.pop("lead_days", 7)
    price = about.renewal_price
    reminder = Reminder(
        subscription=about.key,
        anchor=anchor,
        lead_days=lead,
        due_at=changes.pop("due_at", instant("2026-11-16 09:00")),
    )
    facts: dict[str, Any] = {
        "reminder": reminder,
        "reminder_id": reminder.id,
        "subscription": about,
        "amount": Money(price, about.currency or "USD") if price is not None else None,
        "last_working_day": instant("2026-11-20 00:00").date(),
        "safe_until": safe_cutoff(anchor, reader=SHANGHAI),
    }
    return ReminderItem(**(facts | changes))


def reminder(*items: ReminderItem, **changes: Any) -> ReminderMessage:
    """A message that carries these, by default the one of `hk-quota`, for Asia/Shanghai."""
    facts: dict[str, Any] = {
        "items": items or (reminder_item(),),
        "zone": SHANGHAI,
        "timing": Timing.ON_TIME,
        "sent_at": instant("2026-11-16 09:00"),
        "delivery_id": DELIVERY,
    }
    return ReminderMessage(**(facts | changes))


def rest_page(*items: ReminderItem, **changes: Any) -> RestPage:
    """A page of *Show all* that carries these."""
    facts: dict[str, Any] = {
        "batch_id": "b-1",
        "items": items,
        "count": len(items),
        "page": 1,
        "pages": 1,
        "number": 1,
    }
    return RestPage(**(facts | changes))


HK = make.quota(
    "hk-quota",
    account="hk",
    name="SecMaster Standard, 20 ECS",
    edition=Edition.STANDARD,
    renewal_price=make.usd("1080").amount,
    owner=OWNER,
    orders=(make.order("2025-11-30 11:00", cash="1080.00"),),
)


def _read_back(item: Item, back: str | None, fee: str | None) -> Item:
    order = f"CS26112311{item.key.id[-4:]}" if back else None
    return replace(
        item,
        refund_actual=make.usd(back) if back else None,
        fee_actual=make.usd(fee) if fee else None,
        refund_order=order,
        auto_renew_off=True,
    )


def keys(*refs: str) -> tuple[SubscriptionKey, ...]:
    """`account/id` as keys."""
    return tuple(make.key(ref.split("/")[1], ref.split("/")[0]) for ref in refs)
