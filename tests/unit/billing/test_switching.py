"""Turning auto-renewal on or off: what is deducted when, until when, and what is worse."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.change import Change, Charge
from bot.billing.subscription import BillingMode, Kind, Status, Subscription
from bot.billing.switching import (
    CannotSwitch,
    at_once,
    charge,
    cutoffs,
    demand_can_renew,
    worse,
)
from tests.factories import account, cny, instant, order, quota, usd

ON, OFF = Change.RENEWAL_ON, Change.RENEWAL_OFF
ACCOUNT = account()
SECOND = timedelta(seconds=1)
ACKNOWLEDGED = Charge(
    amount=usd("1080.00"), at=instant("2026-12-03 03:00"), at_once=False, months=12
)


def ending(on: str) -> Subscription:
    """One whose auto-renewal is off and whose year ends at 23:59:59 of that day."""
    begins = instant(f"{on} 09:20")
    return quota(orders=(order(begins.replace(year=begins.year - 1)),), auto_renew=False)


@pytest.mark.parametrize(
    ("at", "expected", "now"),
    [
        ("2026-11-23 10:12", "2026-12-03 03:00", False),
        ("2026-12-03 03:00", "2026-12-04 03:00", False),
        ("2026-12-10 02:59", "2026-12-10 03:00", False),
        ("2026-12-10 03:00", None, True),
        ("2026-12-10 23:59", None, True),
    ],
)
def test_r21_r22_it_is_deducted_at_the_next_attempt_and_past_the_last_at_once(
    at: str, expected: str | None, now: bool
) -> None:
    found = charge(ending("2026-12-10"), ACCOUNT, at=instant(at))

    assert found == Charge(
        amount=usd("3600.00"),
        at=instant(expected) if expected else None,
        at_once=now,
        months=12,
    )


def test_what_is_not_known_is_not_made_up() -> None:
    bare = replace(ending("2026-12-10"), renewal_price=None)

    assert charge(bare, ACCOUNT, at=instant("2026-11-23 10:12")).amount is None


def test_turned_on_it_has_to_be_before_the_last_attempt_else_before_the_end() -> None:
    subscription = ending("2026-12-10")
    ends = subscription.expires_at

    before = cutoffs(ON, subscription, ACCOUNT, at=instant("2026-11-23 10:12"))
    after = cutoffs(ON, subscription, ACCOUNT, at=instant("2026-12-10 03:00"))

    assert before == (instant("2026-12-10 03:00"), ends)
    assert after == (ends,)


def test_r25_turned_off_it_has_to_be_before_the_safe_cutoff() -> None:
    on = replace(ending("2026-12-10"), auto_renew=True)

    assert cutoffs(OFF, on, ACCOUNT, at=instant("2026-11-23 10:12")) == (
        instant("2026-12-03 00:00"),
    )


def test_a_contract_is_turned_off_before_its_notice_date_is_over_for_the_reader() -> None:
    contract = replace(ending("2026-12-10"), kind=Kind.SAAS, notice_days=7, auto_renew=True)
    auckland = ZoneInfo("Pacific/Auckland")

    assert cutoffs(OFF, contract, ACCOUNT, at=instant("2026-11-23 10:12"), reader=auckland) == (
        instant("2026-12-03 19:00"),
    )


def test_turned_off_after_its_term_it_has_to_be_before_the_next_attempt() -> None:
    on = replace(ending("2026-12-10"), auto_renew=True)

    assert cutoffs(OFF, on, ACCOUNT, at=instant("2026-12-11 10:00")) == (
        instant("2026-12-12 03:00"),
    )
    assert cutoffs(OFF, replace(on, orders=()), ACCOUNT, at=instant("2026-11-23 10:12")) == ()


@given(
    day=st.dates(instant("2026-03-01 00:00").date(), instant("2028-02-28 00:00").date()),
    before=st.integers(1, 90 * 86_400),
    later=st.integers(0, 90 * 86_400),
    days_before=st.integers(2, 7),
)
def test_r22_until_the_preferred_cutoff_nothing_gets_worse_than_was_acknowledged(
    day: datetime, before: int, later: int, days_before: int
) -> None:
    subscription = ending(day.isoformat())
    assert subscription.expires_at is not None
    asked = subscription.expires_at - before * SECOND
    of = account(deduction_days_before=days_before)
    preferred, *_ = cutoffs(ON, subscription, of, at=asked)
    shown = charge(subscription, of, at=asked)

    for then in (min(asked + later * SECOND, preferred - SECOND), preferred - SECOND):
        now = charge(subscription, of, at=then)
        assert worse(now, than=shown) is None
        assert worse(now, than=at_once(shown)) is None
    assert preferred <= subscription.expires_at
    if preferred < subscription.expires_at:
        assert charge(subscription, of, at=preferred).at_once


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"amount": usd("1000.00")}, None),
        ({"at": instant("2026-12-04 03:00")}, None),
        ({"at": None, "at_once": True}, "would be deducted at once"),
        ({"at": instant("2026-12-02 03:00")}, "would be deducted sooner than acknowledged"),
        ({"amount": usd("1080.01")}, "costs USD 1,080.01, acknowledged USD 1,080.00"),
        ({"amount": cny("900.00")}, "costs CNY 900.00, acknowledged USD 1,080.00"),
        ({"amount": None}, "costs amount not known, acknowledged USD 1,080.00"),
        ({"months": 1}, "renews for 1 month, acknowledged 12 months"),
        ({"months": None}, "renews for a time that is not known, acknowledged 12 months"),
    ],
)
def test_what_is_worse_than_acknowledged(changes: dict[str, object], said: str | None) -> None:
    now = replace(ACKNOWLEDGED, **changes)  # type: ignore[arg-type]

    assert worse(now, than=ACKNOWLEDGED) == said


def test_what_was_acknowledged_to_be_at_once_may_come_later() -> None:
    assert worse(ACKNOWLEDGED, than=at_once(ACKNOWLEDGED)) is None


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"billing_mode": BillingMode.PAY_PER_USE}, "Nothing to do."),
        ({"status": Status.UNSUBSCRIBED}, "Nothing to do."),
        ({"status": Status.EXPIRED}, "Renew it in the cloud's console, or let it go."),
        ({"orders": ()}, "Import it again, or read the account with `lapse sync`."),
    ],
)
def test_what_the_cloud_does_not_renew_cannot_be_turned_on(
    changes: dict[str, object], advice: str
) -> None:
    subscription = replace(ending("2026-12-10"), **changes)  # type: ignore[arg-type]

    with pytest.raises(CannotSwitch) as refused:
        demand_can_renew(subscription, ACCOUNT, at=instant("2026-11-23 10:12"))

    assert refused.value.advice == advice
