"""The embedded account: what happens by itself and when, and what each event leaves behind."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.bookkeeping import (
    charged,
    expired,
    happen,
    next_event,
    unsubscribed,
    without_renewals,
)
from bot.billing.days import add_months
from bot.billing.renewal import deductions
from bot.billing.subscription import BillingMode, Order, OrderType, Status
from tests.factories import NOW, account, contract, instant, order, quota, renewal, resource

EXPIRY = instant("2026-12-07 23:59:59")
VAGUE = {
    "auto_renew_months": None,
    "orders": (order(term_months=None, expires_at=EXPIRY),),
}
OF_UNKNOWN_LENGTH = quota(**VAGUE)
NOTHING = Decimal(0)


def event(subscription, after=NOW, **changes):
    return next_event(subscription, account(**changes), after=after)


# What comes next


def test_r19_the_next_event_is_the_deduction():
    assert event(quota()) == instant("2026-11-30 03:00")
    assert event(quota(), deduction_days_before=3) == instant("2026-12-04 03:00")


def test_what_is_frozen_is_still_looked_at_for_its_charge():
    assert event(quota(status=Status.FROZEN)) == instant("2026-11-30 03:00")


def test_r21_a_first_attempt_that_was_missed_is_made_up_for_on_the_next_day():
    missed = instant("2026-12-01 12:00")

    assert event(quota(), after=missed) == instant("2026-12-02 03:00")


@pytest.mark.parametrize(
    "subscription",
    [quota(auto_renew=False), quota(auto_renew=None), OF_UNKNOWN_LENGTH],
    ids=["off", "unknown", "of unknown length"],
)
def test_without_a_charge_ahead_the_next_event_is_the_expiry(subscription):
    assert event(subscription) == EXPIRY


def test_a_contract_that_asks_for_notice_is_looked_at_when_its_term_ends():
    assert event(contract()) == instant("2026-12-31 23:59:59")


@pytest.mark.parametrize("subscription", [quota(), quota(auto_renew=False)])
def test_an_expiry_that_passed_unnoticed_is_due_at_once(subscription):
    assert event(subscription, after=EXPIRY) == EXPIRY
    assert event(subscription, after=EXPIRY + timedelta(days=3)) == EXPIRY


def test_what_was_bought_ahead_begins_when_its_order_does():
    bought = order("2026-12-01 10:00", months=1)
    ahead = quota(status=Status.INACTIVE, orders=(bought, renewal(bought)))

    assert event(ahead) == instant("2026-12-01 10:00")
    assert event(ahead, after=instant("2026-12-05 00:00")) == instant("2026-12-01 10:00")


def test_what_was_bought_ahead_for_an_unknown_day_is_looked_at_for_its_charge():
    ahead = quota(
        status=Status.INACTIVE,
        orders=(replace(order(), effective_at=None),),
    )

    assert event(ahead) == instant("2026-11-30 03:00")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.UNSUBSCRIBED},
        {"status": Status.EXPIRED},
        {"status": Status.FAILED},
        {"billing_mode": BillingMode.PAY_PER_USE},
        {"orders": ()},
        {"status": Status.INACTIVE, "orders": ()},
    ],
)
def test_nothing_happens_by_itself_to_what_is_over_or_paid_by_use_or_has_no_end(changes):
    assert event(quota(**changes)) is None
    assert event(quota(auto_renew=False, **changes)) is None


# What happens


def test_what_was_bought_ahead_is_in_use_from_its_start():
    ahead = quota(status=Status.INACTIVE, orders=(order("2026-12-01 10:00", months=1),))

    begun = happen(ahead, at=instant("2026-12-01 10:00"))

    assert begun == replace(ahead, status=Status.IN_USE)


def test_before_the_expiry_it_is_charged():
    assert happen(quota(), at=instant("2026-11-30 03:00")) == charged(quota())
    assert happen(quota(), at=EXPIRY - timedelta(seconds=1)) == charged(quota())


@pytest.mark.parametrize("auto_renew", [True, False, None])
def test_r15_at_the_expiry_what_was_not_renewed_is_expired(auto_renew):
    ending = quota(auto_renew=auto_renew)

    assert happen(ending, at=EXPIRY) == replace(ending, status=Status.EXPIRED)
    assert happen(ending, at=EXPIRY + timedelta(days=1)) == expired(ending)


def test_a_contract_that_got_no_notice_is_renewed_when_its_term_ends():
    ends = instant("2026-12-31 23:59:59")

    renewed = happen(contract(), at=ends)

    assert renewed == charged(contract())
    assert renewed.expires_at == instant("2027-12-31 23:59:59")


@pytest.mark.parametrize(
    "ending",
    [
        contract(auto_renew=False),
        contract(auto_renew=None),
        contract(notice_days=None),
        contract(**VAGUE),
    ],
    ids=["off", "unknown", "without notice", "of unknown length"],
)
def test_any_other_contract_expires_when_its_term_ends(ending):
    assert happen(ending, at=instant("2026-12-31 23:59:59")) == expired(ending)


def test_a_charge_without_an_expiry_changes_nothing():
    endless = quota(orders=())

    assert happen(endless, at=NOW) == endless


# A charge


def test_r7_a_charge_adds_one_order_paid_in_cash_and_changes_nothing_else():
    before = quota()

    after = charged(before)

    added = Order(
        order_type=OrderType.RENEWAL,
        term_months=12,
        effective_at=instant("2026-12-08 00:00"),
        expires_at=instant("2027-12-07 23:59:59"),
        currency="USD",
        cash=Decimal("3600.00"),
        cash_coupon=NOTHING,
        flexi_coupon=NOTHING,
        stored_value=NOTHING,
        discount_coupon=NOTHING,
    )
    assert after == replace(before, orders=(*before.orders, added))


def test_r14_the_next_term_follows_directly():
    bought = order("2023-07-08 15:50:04")

    renewed = charged(quota(orders=(bought,)))

    assert [each.expires_at for each in renewed.orders] == [
        instant("2024-07-08 23:59:59"),
        instant("2025-07-08 23:59:59"),
    ]
    assert renewed.orders[1].effective_at - bought.expires_at == timedelta(seconds=1)


def test_r23_a_charge_renews_for_the_setting_else_for_the_last_order_s_length():
    monthly, yearly = charged(quota(auto_renew_months=1)), charged(quota(auto_renew_months=None))

    assert (monthly.orders[1].term_months, monthly.expires_at) == (
        1,
        instant("2027-01-07 23:59:59"),
    )
    assert (yearly.orders[1].term_months, yearly.expires_at) == (
        12,
        instant("2027-12-07 23:59:59"),
    )


@pytest.mark.parametrize(
    ("price", "cash"), [(Decimal("3900.00"), "3900.00"), (NOTHING, "0"), (None, "3000.00")]
)
def test_a_charge_costs_the_renewal_price_else_what_the_last_order_cost_in_cash(price, cash):
    bought = order(cash="3600.00", cash_coupon="50.00")
    again = renewal(bought, cash="3300.00")
    newest = renewal(again, cash="3000.00", currency="EUR")

    renewed = charged(quota(renewal_price=price, orders=(bought, again, newest)))

    assert (renewed.orders[3].cash, renewed.orders[3].currency) == (Decimal(cash), "EUR")


@pytest.mark.parametrize("subscription", [OF_UNKNOWN_LENGTH, quota(orders=())])
def test_r23_without_an_end_or_a_length_nothing_is_charged(subscription):
    assert charged(subscription) == subscription


@given(day=st.integers(1, 31), months=st.sampled_from((1, 3, 12)), before=st.integers(2, 7))
def test_r24_the_book_charges_when_the_dates_ahead_said(day, months, before):
    settings = account(deduction_days_before=before)
    server = resource(
        auto_renew_months=months, orders=(order(f"2026-10-{day:02} 14:05", months=months),)
    )
    start = instant("2026-10-28 00:00") + timedelta(days=7)
    expected = deductions(server, settings, start=start, end=add_months(start, months=40))

    now, found = start, []
    for _ in expected:
        now = next_event(server, settings, after=now)
        server = happen(server, at=now)
        found.append(now)

    assert found == [each.at for each in expected]


# Given back


def test_what_is_unsubscribed_from_is_kept_and_never_charged_again():
    before = quota(transaction_in_progress=True)

    gone = unsubscribed(before)

    assert gone == replace(
        before, status=Status.UNSUBSCRIBED, auto_renew=False, transaction_in_progress=False
    )
    assert event(gone) is None


def test_r45_giving_back_the_renewals_leaves_what_has_begun():
    bought = order()
    again = renewal(bought)
    renewed = quota(transaction_in_progress=True, orders=(bought, again, renewal(again)))

    now = without_renewals(renewed, at=NOW)
    later = without_renewals(renewed, at=again.effective_at)

    assert now == replace(renewed, orders=(bought,), transaction_in_progress=False)
    assert later.orders == (bought, again)


def test_days_of_notice_of_a_cloud_resource_never_renew_it_at_its_end():
    resourceful = quota(notice_days=30)

    assert happen(resourceful, at=EXPIRY).status is Status.EXPIRED
