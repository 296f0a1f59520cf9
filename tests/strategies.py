"""Hypothesis strategies: subscriptions, orders, accounts and instants that could be real."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from bot.billing.account import Account
from bot.billing.reminder import Schedule
from bot.billing.rulesets import RULE_SETS
from bot.billing.subscription import AccountName, Order, Package, Status, Subscription
from tests.factories import order, package, quota, renewal, resource

ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Honolulu",
    "UTC",
)
TERMS = (1, 3, 12, 24, 36)


def zones() -> SearchStrategy[ZoneInfo]:
    """Zones with and without daylight saving, with odd offsets, and across the date line."""
    return st.sampled_from(ZONES).map(ZoneInfo)


def instants() -> SearchStrategy[datetime]:
    """Aware instants from 2024 to 2030, to the second, in UTC."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    return st.integers(0, 6 * 366 * 86_400).map(lambda seconds: first + timedelta(seconds=seconds))


def amounts() -> SearchStrategy[Decimal]:
    """Nothing to 100,000.00, to the cent."""
    return st.integers(0, 10_000_000).map(lambda cents: Decimal(cents).scaleb(-2))


def accounts(**fixed: object) -> SearchStrategy[Account]:
    """Accounts of every site and rule set, with and without waiver and five-day returns left."""
    return st.builds(
        lambda rules, days, used, waiver: replace(
            Account(
                name=AccountName("default"),
                site=rules.site,
                rules=rules.id,
                deduction_days_before=days,
                five_day_returns_used=used,
                fee_waiver=waiver,
            ),
            **fixed,
        ),
        st.sampled_from(RULE_SETS),
        st.integers(2, 7),
        st.sampled_from((0, 9, 10)),
        st.booleans(),
    )


@st.composite
def orders(draw: st.DrawFn) -> tuple[Order, ...]:
    """A new purchase, paid in any mix of ways, and up to three renewals of any length."""
    months = draw(st.sampled_from(TERMS))
    bought = order(draw(instants()), months=months, **_payment(draw))
    found = [bought]
    for _ in range(draw(st.integers(0, 3))):
        again = renewal(found[-1], months=draw(st.sampled_from(TERMS)), **_payment(draw))
        found.append(again)
    return tuple(found)


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    """A quota, package or resource in use with an order or more, sometimes inactive or failed."""
    build = draw(st.sampled_from((quota, package, resource)))
    status = draw(st.sampled_from((Status.IN_USE, Status.IN_USE, Status.INACTIVE, Status.FAILED)))
    return build(status=status, auto_renew=draw(st.booleans()), orders=draw(orders()))


@st.composite
def groups(draw: st.DrawFn) -> tuple[Subscription, ...]:
    """Quotas, packages and servers of up to three regions of one account, in any order."""
    regions = st.sampled_from(("ap-southeast-1", "eu-west-101", None))
    built: list[Subscription] = []
    for number in range(draw(st.integers(1, 25))):
        build = draw(st.sampled_from((quota, package, resource)))
        facts = {"region": draw(regions)}
        if build is package:
            facts["package"] = draw(st.sampled_from(list(Package)))
        built.append(build(f"item-{number}", **facts))
    return tuple(built)


@st.composite
def moments_within(draw: st.DrawFn, subscription: Subscription) -> datetime:
    """An instant from a day before the first order to a day after the last."""
    starts = subscription.orders[0].effective_at
    ends = subscription.expires_at
    assert starts is not None
    assert ends is not None
    span = int((ends - starts).total_seconds()) + 2 * 86_400
    seconds = draw(st.integers(0, span))
    return starts + timedelta(seconds=seconds) - timedelta(days=1)


def schedules() -> SearchStrategy[Schedule]:
    """Any leads of a year, any minute of the day, any zone."""
    return st.builds(
        lambda leads, at, zone: Schedule(lead_days=tuple(leads), at=at, zone=zone),
        st.lists(st.integers(1, 366), min_size=1, max_size=6),
        st.times().map(lambda time: time.replace(second=0, microsecond=0)),
        zones(),
    )


def _payment(draw: st.DrawFn) -> dict[str, Decimal | None]:
    """Cash always; the other ways now and then."""
    rare = st.one_of(st.none(), amounts())
    return {
        "cash": draw(amounts()),
        "cash_coupon": draw(rare),
        "flexi_coupon": draw(rare),
        "stored_value": draw(rare),
        "discount_coupon": draw(rare),
    }
