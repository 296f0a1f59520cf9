"""What cannot be unsubscribed from, each with its rule and a sentence (R1, R31, R34, R35, R48)."""

import pytest

from bot.billing.quote import Scope
from bot.billing.refund import quote
from bot.billing.subscription import BillingMode, Edition, Status
from tests.factories import NOW, account, contract, instant, order, quota, renewal


def renewed(**changes):
    bought = order()
    return quota(**({"orders": (bought, renewal(bought))} | changes))


@pytest.mark.parametrize(
    ("subscription", "rule", "reason"),
    [
        (quota(billing_mode=BillingMode.PAY_PER_USE, orders=()), "R31", "It is pay-per-use"),
        (contract(), "R31", "ends by notice"),
        (quota(edition=Edition.BASIC, orders=()), "R1", "The basic edition is free."),
        (quota(parent_id="server-1"), "R35", "It belongs to server-1 and goes with it."),
        (quota(status=Status.UNSUBSCRIBED), "R34", "unsubscribed from already"),
        (quota(status=Status.FROZEN), "R34", "The cloud froze it."),
        (quota(status=Status.EXPIRED, orders=()), "R34", "It has expired."),
        (quota(transaction_in_progress=True), "R34", "Another transaction is in progress."),
        (quota(orders=(order(promotion=True),)), "R34", "Bought in a promotion"),
        (quota(orders=(order(invoiced=True),)), "R34", "It is invoiced already."),
    ],
)
def test_everything_is_refused_with_rule_and_sentence(subscription, rule, reason):
    found = quote(subscription, account(), at=NOW)

    assert not found.allowed
    assert found.refused.rule == rule
    assert reason in found.refused.reason
    assert (found.orders, found.total, found.lost, found.case) == ((), None, None, None)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2026-12-08 00:00", "It expired on Mon 7 Dec 2026; grace until Tue 22 Dec 2026, 23:59"),
        ("2026-12-23 00:00", "It expired on Mon 7 Dec 2026; frozen, and kept until Wed 6 Jan 2027"),
        ("2027-01-07 00:00", "It expired on Mon 7 Dec 2026."),
    ],
)
def test_r34_past_its_end_it_is_expired_whatever_was_read(at, reason):
    found = quote(quota(), account(), at=instant(at))

    assert found.refused.rule == "R34"
    assert found.refused.reason.startswith(reason)


def test_the_last_second_is_still_in_use():
    assert quote(quota(), account(), at=instant("2026-12-07 23:59:59")).allowed


@pytest.mark.parametrize(
    ("subscription", "rule", "reason"),
    [
        (quota(), "R45", "There is no renewal period to give back."),
        (renewed(renewals_locked=True), "R48", "does not take its renewal period back alone"),
        (renewed(transaction_in_progress=True), "R48", "Another transaction is in progress."),
        (renewed(orders=(order(), renewal(order(), promotion=True))), "R48", "a promotion"),
        (renewed(orders=(order(), renewal(order(), invoiced=True))), "R48", "invoiced already"),
    ],
)
def test_renewals_alone_are_refused_with_rule_and_sentence(subscription, rule, reason):
    found = quote(subscription, account(), at=NOW, scope=Scope.RENEWALS)

    assert found.refused.rule == rule
    assert reason in found.refused.reason


def test_r46_a_renewal_that_has_begun_cannot_be_given_back():
    found = quote(renewed(), account(), at=instant("2026-12-08 00:00"), scope=Scope.RENEWALS)

    assert found.refused.rule == "R46"
    assert found.refused.reason == "The renewal period began on Tue 8 Dec 2026."


def test_what_holds_renewals_alone_does_not_hold_everything_together():
    assert quote(renewed(renewals_locked=True), account(), at=NOW).allowed
    promoted = renewed(orders=(order(), renewal(order(), promotion=True)))
    assert quote(promoted, account(), at=NOW).allowed
