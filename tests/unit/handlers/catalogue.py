"""The catalogue of the samples: Mon 23 Nov 2026, 10:12 GMT+08:00, as the list shows it."""

from decimal import Decimal
from typing import Any

from bot.billing.money import Money
from bot.billing.renewal import Anchor, AnchorKind, anchor
from bot.billing.subscription import Package, Subscription
from bot.billing.unsubscription import State
from bot.billing.ways_out import ways_out
from bot.facts.listing import (
    CurrencySum,
    ListPage,
    ListRow,
    Shown,
    Upcoming,
    UpcomingDay,
    UpcomingRow,
)
from bot.facts.reminding import Because, ReminderPage, ReminderRow, Standing, Why
from tests.factories import (
    APPROVER_1,
    NOW,
    OWNER,
    account,
    cny,
    contract,
    instant,
    order,
    package,
    quota,
    resource,
    usd,
)

PROD = account("prod")
STAGING = account("staging")

SM_QUOTA = quota("sm-quota", account="prod")
SCREEN = package("sm-screen", account="prod")
ORCHESTRATION = package(
    "sm-orchestration",
    Package.SECURITY_ORCHESTRATION,
    account="prod",
    renewal_price=Decimal("1200.00"),
    orders=(order(cash="1200.00"),),
)
STATUS_PAGE = contract(account="contracts")
WAF = resource(
    "waf",
    account="prod",
    name="WAF Standard",
    service="WAF",
    owner=None,
    auto_renew_months=12,
    renewal_price=Decimal("432.00"),
    orders=(order("2025-12-10 08:00", cash="432.00"),),
)
RUNNER = resource(account="prod")
BANDWIDTH = resource(
    "bandwidth",
    account="prod",
    name="Bandwidth 100 Mbit/s, EIP",
    auto_renew=False,
    orders=(order("2026-11-18 10:00", months=1, cash="80.00"),),
)


def row(number: int, subscription: Subscription, **changes: Any) -> ListRow:
    """A row of the list, dated by the billing rules."""
    settings = account(subscription.key.account)
    ahead = anchor(subscription, settings, at=NOW)
    price, currency = subscription.renewal_price, subscription.currency
    expires = ahead is not None and ahead.kind is AnchorKind.EXPIRY
    amount = Money(price, currency) if price and currency and not expires else None
    facts: dict[str, Any] = {
        "number": number,
        "subscription": subscription,
        "anchor": ahead,
        "amount": amount,
        "open_request": None,
        "open_state": None,
        "package_of": None,
    }
    return ListRow(**(facts | changes))


def page(*rows: ListRow, **changes: Any) -> ListPage:
    """A page of the list."""
    facts: dict[str, Any] = {
        "rows": rows,
        "count": 42,
        "more": False,
        "page": 1,
        "previous": None,
        "next": "cd",
        "now": NOW,
    }
    return ListPage(**(facts | changes))


def sample_page(**changes: Any) -> ListPage:
    """Page one of the samples."""
    cn_quota = quota(
        "cn-quota",
        account="cn",
        name="SecMaster Standard, 20 ECS",
        renewal_price=Decimal("12800.00"),
        orders=(order("2025-12-14 10:00", cash="12800.00", currency="CNY"),),
    )
    cn_screen = package(
        "cn-screen",
        account="cn",
        renewal_price=Decimal("3200.00"),
        orders=(order("2025-12-14 10:00", cash="3200.00", currency="CNY"),),
    )
    staging = quota("st-quota", account="staging", orders=(order("2026-05-10 10:00"),))
    return page(
        row(1, SM_QUOTA),
        row(2, SCREEN, package_of=SM_QUOTA),
        row(3, ORCHESTRATION, package_of=SM_QUOTA),
        row(4, STATUS_PAGE),
        row(5, WAF),
        row(6, RUNNER),
        row(7, cn_quota),
        row(8, cn_screen, package_of=cn_quota),
        row(9, BANDWIDTH),
        row(10, staging, open_request=1042, open_state=State.WAITING),
        **changes,
    )


def shown(subscription: Subscription = SM_QUOTA, **changes: Any) -> Shown:
    """One subscription with its ways out, worked out by the billing rules."""
    settings = account(subscription.key.account)
    found = ways_out(subscription, settings, at=NOW)
    listed = row(1, subscription)
    facts: dict[str, Any] = {
        "subscription": subscription,
        "account": settings,
        "anchor": listed.anchor,
        "amount": listed.amount,
        "current_edition": None,
        "ways": found.ways,
        "because": found.because,
        "packages": (),
        "quota": None,
        "open_request": None,
        "read_at": instant("2026-11-23 09:55"),
        "last_working_day": None,
        "dry_run": False,
        "now": NOW,
    }
    return Shown(**(facts | changes))


def day(*subscriptions: Subscription, working: str) -> UpcomingDay:
    """A day on which these are deducted."""
    rows = [row(0, each) for each in subscriptions]
    first = rows[0].anchor
    assert first is not None
    totals: dict[str, Money] = {}
    for each in rows:
        if each.amount is not None:
            zero = Money.zero(each.amount.currency)
            totals[zero.currency] = totals.get(zero.currency, zero) + each.amount
    return UpcomingDay(
        anchor=first,
        last_working_day=instant(f"{working} 00:00").date(),
        rows=tuple(UpcomingRow(subscription=r.subscription, amount=r.amount) for r in rows),
        sums=tuple(totals.values()),
    )


def upcoming(*days: UpcomingDay, **changes: Any) -> Upcoming:
    """The deductions of thirty days."""
    facts: dict[str, Any] = {
        "days": days,
        "sums": (
            CurrencySum(total=usd("6193.20"), count=5),
            CurrencySum(total=cny("16000.00"), count=2),
        ),
        "notices": 1,
        "unknown": 0,
        "until": instant("2026-12-23 00:00").date(),
        "span": 30,
        "next_after": None,
        "now": NOW,
    }
    return Upcoming(**(facts | changes))


def reminder_row(
    subscription: Subscription = SM_QUOTA, standing: Standing = Standing.ARMED, **changes: Any
) -> ReminderRow:
    """Three days before the deduction of Mon 30 Nov, for the common channel, as no route is."""
    told = standing not in {Standing.ARMED, Standing.UNKNOWN}
    facts: dict[str, Any] = {
        "subscription": subscription,
        "anchor": Anchor(
            kind=AnchorKind.DEDUCTION,
            date=instant("2026-11-30 03:00").date(),
            at=instant("2026-11-30 03:00"),
        ),
        "lead_days": 3,
        "standing": standing,
        "due_at": instant("2026-11-24 09:00"),
        "sent_at": instant("2026-11-24 09:00") if told else None,
        "destination": "C0FINOPS",
        "direct": False,
        "why": None if told else Why(because=Because.NO_ROUTE),
    }
    return ReminderRow(**(facts | changes))


def recalled(*rows: ReminderRow, **changes: Any) -> ReminderPage:
    """A page of `/lapse reminders`, by default one row of every standing, of every channel."""
    kept = Why(because=Because.KEPT, by=APPROVER_1)
    off = Why(because=Because.RECORDED, detail="Lapse was not running.")
    shown = rows or (
        reminder_row(),
        reminder_row(
            destination=OWNER,
            direct=True,
            due_at=instant("2026-11-25 09:00"),
            why=Why(because=Because.OWNER),
        ),
        reminder_row(
            WAF,
            Standing.UNKNOWN,
            destination="C0SECURITY",
            due_at=instant("2026-11-23 09:00"),
            why=Why(because=Because.NOT_CONFIRMED),
        ),
        reminder_row(
            RUNNER,
            Standing.MISSED,
            due_at=instant("2026-11-04 09:00"),
            sent_at=instant("2026-11-06 12:00"),
            lead_days=1,
            why=off,
        ),
        reminder_row(
            WAF,
            Standing.LATE,
            due_at=instant("2026-11-16 09:00"),
            sent_at=instant("2026-11-16 13:20"),
            lead_days=14,
            why=off,
        ),
        reminder_row(
            STATUS_PAGE,
            Standing.SENT,
            anchor=Anchor(kind=AnchorKind.NOTICE, date=instant("2026-12-01 00:00").date(), at=None),
            lead_days=14,
            sent_at=instant("2026-11-17 09:00"),
            why=kept,
        ),
    )
    facts: dict[str, Any] = {
        "destination": None,
        "rows": shown,
        "counts": {each: sum(row.standing is each for row in shown) for each in Standing},
        "page": 1,
        "pages": 1,
        "number": 1,
        "since": instant("2026-10-24 10:12"),
        "next": None,
        "now": NOW,
    }
    facts["counts"] = {each: count for each, count in facts["counts"].items() if count}
    return ReminderPage(**(facts | changes))
