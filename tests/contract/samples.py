"""Requests, deliveries and armed reminders to save, each field open to change."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from bot.billing.money import Money
from bot.billing.next_renewal import NextRenewal
from bot.billing.quote import (
    Case,
    Lost,
    Notice,
    OrderQuote,
    Quote,
    QuoteTotal,
    Refusal,
    Scope,
)
from bot.billing.reminder import Reminder
from bot.billing.renewal import CLOUD_ZONE, Anchor, AnchorKind
from bot.billing.subscription import AccountName, Edition, Kind, OrderType, SubscriptionKey
from bot.billing.unsubscription import (
    ACKNOWLEDGEMENT,
    Acknowledgement,
    Event,
    Item,
    Reason,
    Request,
    State,
    Step,
    StepState,
    Task,
    Verb,
)
from bot.billing.worst import Worst
from bot.ports.store import ArmedReminder, Delivery
from tests.factories import APPROVER_1, APPROVER_2, NOW, OUTSIDER, REQUESTER, key, usd

HOUR = timedelta(hours=1)
DEADLINE = NOW + timedelta(days=3)
LEASE = timedelta(seconds=60)


def figures(paid: str = "3600.00") -> Quote:
    """A quote in which every field that can be set is set, offsets and all."""
    order = OrderQuote(
        order_type=OrderType.RENEWAL,
        case=Case.CONDITIONAL,
        duration_hours=8767,
        used_hours=8394,
        paid=usd(paid),
        consumed=usd("3446.84"),
        fee_rate=Decimal("0.30"),
        handling_fee=usd("153.16"),
        refund=usd("0.00"),
        rule="R41",
    )
    total = QuoteTotal(
        paid=usd(paid),
        consumed=usd("3446.84"),
        handling_fee=usd("153.16"),
        refund=usd("1E+2"),
        cash=usd("0.00"),
        cash_coupon=usd("0.00"),
        flexi_coupon=usd("0.00"),
        stored_value=usd("0.10"),
    )
    return Quote(
        at=NOW.astimezone(timezone(timedelta(hours=5, minutes=45))),
        scope=Scope.ALL,
        refused=Refusal(rule="R34", reason="a reason with “quotes”, a \x00 and a \n"),
        case=Case.CONDITIONAL,
        currency="USD",
        rules="huaweicloud-intl/2025-07-25",
        large_value=True,
        orders=(order,),
        total=total,
        lost=Lost(cash_coupon=usd("1.00"), discount_coupon=usd("2")),
        warnings=(Notice(rule="X10", text="Stored value."),),
    )


def request(number: int = 1001, *refs: str, **changes: Any) -> Request:
    """A request that waits, for `sm-quota` unless other ids are given."""
    keys = tuple(key(ref) for ref in refs or ("sm-quota",))
    worst = Worst(handling_fee=usd("153.16"), refund=usd("0.00"), coupons_lost=usd("0.00"))
    facts: dict[str, Any] = {
        "number": number,
        "account": AccountName("default"),
        "scope": Scope.ALL,
        "items": tuple(
            Item(key=each, label=f"{each.id}, 50 ECS", region="ap-southeast-1", quote=figures())
            for each in keys
        ),
        "steps": (
            Step(number=1, subscriptions=keys[:1], after=()),
            *((Step(number=2, subscriptions=keys[1:], after=(1,)),) if keys[1:] else ()),
        ),
        "left_behind": ("sm-orch",),
        "state": State.WAITING,
        "requested_by": REQUESTER,
        "requested_at": NOW,
        "reason": Reason.OTHER,
        "details": "moved to another region",
        "acknowledgement": Acknowledgement(
            by=REQUESTER, at=NOW, text=ACKNOWLEDGEMENT, worst=worst, required_approvals=1
        ),
        "deadline": DEADLINE,
        "required_approvals": 1,
        "approvers": (APPROVER_1, APPROVER_2),
        "dry_run": False,
        "cooling_off_minutes": 5,
        "rules": "huaweicloud-intl/2025-07-25",
        "if_kept": {"kind": "deduction", "amount": "3600.00"},
        "events": (Event(number=1, verb=Verb.ASKED, at=NOW, by=REQUESTER),),
    }
    return Request(**(facts | changes))


def fully_told(number: int = 1001) -> Request:
    """A request with every optional field set, as it is after a long story."""
    plain = request(number, "sm-quota", "sm-screen")
    first, second = plain.items
    return replace(
        plain,
        state=State.VERIFYING,
        starts_at=NOW + HOUR,
        problem="The cloud refused one.",
        dependents=(key("sm-orch"), key("disk", account="prod")),
        items=(
            replace(
                first,
                gone_at=NOW + 2 * HOUR,
                refund_order="CS123",
                refund_actual=Money(Decimal("12.340"), "USD"),
                fee_actual=usd("0.00"),
                auto_renew_off=True,
                promotion=False,
                renewal=NextRenewal(term_ends=DEADLINE, amount=usd("3600.00")),
                task=Task(kind=Kind.QUOTA, service="SecMaster", edition=Edition.BASIC),
                asked=OUTSIDER,
                due_at=NOW + 3 * HOUR,
            ),
            replace(second, error_code="CBC.99003651", error="Another transaction."),
        ),
        steps=(
            replace(
                plain.steps[0],
                state=StepState.DONE,
                attempt=2,
                started_at=NOW + HOUR,
                accepted_at=NOW + HOUR,
            ),
            plain.steps[1],
        ),
        events=(
            *plain.events,
            Event(number=2, verb=Verb.STEP_REFUSED, at=NOW + HOUR, note="line\none"),
            Event(
                number=3,
                verb=Verb.CARRIED_OUT,
                at=NOW + HOUR,
                by=OUTSIDER,
                items=(1,),
                evidence="https://vendor.example/1?a=1&b=2",
            ),
        ),
    )


def delivery(ref: str, **changes: Any) -> Delivery:
    """A message owed now, in a stream of its own."""
    facts: dict[str, Any] = {
        "id": f"id-{ref}",
        "key": f"key-{ref}",
        "kind": "request-card",
        "destination": "C0APPROVALS",
        "stream": f"stream-{ref}",
        "due_at": NOW,
        "subject": {"request": 1001},
    }
    return Delivery(**(facts | changes))


def armed(
    ref: str = "sm-quota",
    *,
    lead_days: int = 7,
    day: date = date(2026, 11, 30),
    destination: str = "C0FINOPS",
    due_at: datetime = NOW,
    **changes: Any,
) -> ArmedReminder:
    """A reminder of a deduction at 03:00 GMT+08:00, armed for one channel."""
    reminder = Reminder(
        subscription=SubscriptionKey(AccountName("default"), ref),
        anchor=Anchor(
            kind=AnchorKind.DEDUCTION,
            date=day,
            at=datetime.combine(day, time(3), CLOUD_ZONE).astimezone(UTC),
        ),
        lead_days=lead_days,
        due_at=due_at,
    )
    facts: dict[str, Any] = {
        "id": reminder.id,
        "reminder": reminder,
        "destination": destination,
        "due_at": due_at,
    }
    return ArmedReminder(**(facts | changes))
