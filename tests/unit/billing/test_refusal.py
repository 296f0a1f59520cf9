"""What cannot be unsubscribed from, each with its rule and a sentence (R1, R31, R34, R35, R48)."""

from dataclasses import replace

import pytest

from bot.billing.coherence import UnclearFacts
from bot.billing.quote import Quote, Refusal, Scope
from bot.billing.refund import quote
from bot.billing.refusal import NEVER_TAKEN_BACK, renewals_held
from bot.billing.subscription import BillingMode, Edition, Status
from tests.factories import (
    CN,
    EU,
    NOW,
    account,
    contract,
    instant,
    order,
    package,
    quota,
    renewal,
    resource,
)


def renewed(**changes):
    bought = order()
    return quota(**({"orders": (bought, renewal(bought))} | changes))


def why_not(subscription, *, at=NOW, scope=Scope.ALL, settings=None) -> Refusal | None:
    return quote(subscription, settings or account(), at=at, scope=scope).refused


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize(
    ("subscription", "rule", "reason"),
    [
        (
            quota(billing_mode=BillingMode.PAY_PER_USE, orders=()),
            "R31",
            "It is pay-per-use, nothing is prepaid.",
        ),
        (contract(), "R31", "It is a contract outside the cloud, it ends by notice."),
        (quota(edition=Edition.BASIC, orders=()), "R1", "The basic edition is free."),
        (quota(parent_id="server-1"), "R35", "It belongs to server-1 and goes with it."),
        (quota(status=Status.UNSUBSCRIBED), "R34", "It is unsubscribed from already."),
        (quota(status=Status.FROZEN), "R34", "The cloud froze it."),
        (quota(status=Status.EXPIRED, orders=()), "R34", "It has expired."),
        (
            quota(status=Status.EXPIRED),
            "R34",
            "The cloud calls it expired, although its term ends on Mon 7 Dec 2026.",
        ),
        (resource(service="WeLink"), "R34", "The cloud does not take WeLink back."),
    ],
)
def test_what_never_goes_is_refused_with_rule_and_sentence(subscription, rule, reason, scope):
    assert why_not(subscription, scope=scope) == Refusal(rule=rule, reason=reason)


def test_r1_only_a_quota_of_the_basic_edition_is_free():
    assert why_not(quota(edition=Edition.BASIC)).reason == "The basic edition is free."
    assert why_not(quota(edition=Edition.STANDARD)) is None
    assert why_not(package(edition=Edition.BASIC)) is None


@pytest.mark.parametrize("build", [quota, package, resource, contract])
def test_r4_r10_r31_what_is_paid_by_use_has_nothing_to_return(build):
    found = why_not(build(billing_mode=BillingMode.PAY_PER_USE, orders=()))

    assert found == Refusal(rule="R31", reason="It is pay-per-use, nothing is prepaid.")


@pytest.mark.parametrize(
    ("subscription", "reason"),
    [
        (quota(transaction_in_progress=True), "Another transaction is in progress."),
        (
            quota(orders=(order(promotion=True),)),
            "Bought in a promotion, it cannot be unsubscribed from.",
        ),
        (quota(orders=(order(invoiced=True),)), "It is invoiced already."),
        (renewed(orders=(order(), renewal(order(), invoiced=True))), "It is invoiced already."),
    ],
)
def test_r34_a_transaction_a_promotion_and_an_invoice_forbid_it(subscription, reason):
    assert why_not(subscription) == Refusal(rule="R34", reason=reason)


@pytest.mark.parametrize(
    "service",
    [
        "Huawei Cloud Meeting",
        "Meeting",
        "WeLink",
        "Domains",
        "SSL Certificate Manager",
        "Cloud Certificate Manager",
        "DevCloud",
        "Support Plan",
    ],
)
def test_r34_some_services_are_never_taken_back(service):
    found = why_not(resource(service=service))

    assert found == Refusal(rule="R34", reason=f"The cloud does not take {service} back.")
    assert service.casefold() in NEVER_TAKEN_BACK


@pytest.mark.parametrize("service", ["welink", "WELINK", "Welink", "huawei cloud meeting"])
def test_r34_a_service_is_known_in_any_spelling_of_case(service):
    found = why_not(resource(service=service))

    assert found == Refusal(rule="R34", reason=f"The cloud does not take {service} back.")
    assert why_not(resource(service="WeLinks")) is None


def test_r34_secmaster_and_servers_are_taken_back():
    assert why_not(quota()) is None
    assert why_not(resource()) is None
    assert why_not(resource(service=None)) is None


def test_r34_a_term_that_is_over_forbids_nothing_of_the_next_one():
    bought = order(promotion=True, invoiced=True)
    running = quota(orders=(bought, renewal(bought)))

    assert why_not(running, at=instant("2026-12-08")) is None


def test_x13_only_an_order_known_to_be_invoiced_is_refused():
    for invoiced in (None, False):
        assert why_not(quota(orders=(order(invoiced=invoiced),))) is None
    assert why_not(quota(orders=(order(invoiced=True),))).rule == "R34"


def test_r34_a_flag_that_is_unknown_or_off_forbids_nothing():
    plain = order(promotion=False, invoiced=False)

    assert why_not(quota(transaction_in_progress=False, orders=(plain,))) is None
    assert why_not(quota(status=None)) is None
    assert why_not(quota(edition=None)) is None
    assert why_not(quota(billing_mode=None)) is None
    assert why_not(resource(edition=Edition.BASIC)) is None


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (
            "2026-12-08 00:00",
            "It expired on Mon 7 Dec 2026; grace until Tue 22 Dec 2026, 23:59 GMT+08:00.",
        ),
        (
            "2026-12-22 23:59:58",
            "It expired on Mon 7 Dec 2026; grace until Tue 22 Dec 2026, 23:59 GMT+08:00.",
        ),
        (
            "2026-12-23 00:00",
            "It expired on Mon 7 Dec 2026; frozen, and kept until Wed 6 Jan 2027, 23:59 GMT+08:00.",
        ),
        (
            "2027-01-06 23:59:58",
            "It expired on Mon 7 Dec 2026; frozen, and kept until Wed 6 Jan 2027, 23:59 GMT+08:00.",
        ),
        ("2027-01-07 00:00", "It expired on Mon 7 Dec 2026."),
        ("2028-01-07 00:00", "It expired on Mon 7 Dec 2026."),
    ],
)
@pytest.mark.parametrize("status", [Status.IN_USE, Status.EXPIRED, None])
def test_r34_past_its_end_it_is_expired_whatever_was_read(at, reason, status):
    found = why_not(quota(status=status), at=instant(at))

    assert found == Refusal(rule="R34", reason=reason)


def test_r34_what_was_read_as_expired_in_its_last_second_says_since_when():
    found = why_not(quota(status=Status.EXPIRED), at=instant("2026-12-07 23:59:59"))

    assert found.reason == (
        "It expired on Mon 7 Dec 2026; grace until Tue 22 Dec 2026, 23:59 GMT+08:00."
    )


@pytest.mark.parametrize("at", ["2026-11-23 10:12", "2026-12-07 23:59:58"])
def test_r34_what_the_cloud_calls_expired_before_its_end_is_told_as_its_word(at):
    found = why_not(quota(status=Status.EXPIRED), at=instant(at))

    assert found == Refusal(
        rule="R34",
        reason="The cloud calls it expired, although its term ends on Mon 7 Dec 2026.",
    )


def test_r15_how_long_an_expired_one_is_kept_follows_the_account():
    settings = account(site=CN, customer_tier="V0")

    found = why_not(quota(), at=instant("2026-12-09 12:00"), settings=settings)

    assert found.reason == (
        "It expired on Mon 7 Dec 2026; frozen, and kept until Wed 9 Dec 2026, 23:59 GMT+08:00."
    )


def test_r15_the_end_of_grace_is_written_in_the_cloud_s_zone():
    ended = order(expires_at="2026-12-07T10:15:00+00:00")

    found = why_not(quota(orders=(ended,)), at=instant("2026-12-08 00:00"))

    assert found.reason == (
        "It expired on Mon 7 Dec 2026; grace until Tue 22 Dec 2026, 18:15 GMT+08:00."
    )


def test_the_last_second_is_still_in_use():
    assert why_not(quota(), at=instant("2026-12-07 23:59:59")) is None


def test_the_plainest_reason_comes_first():
    everything_at_once = quota(
        billing_mode=BillingMode.PAY_PER_USE,
        status=Status.FROZEN,
        parent_id="server-1",
        transaction_in_progress=True,
        orders=(order(promotion=True, invoiced=True),),
    )

    assert why_not(everything_at_once).rule == "R31"
    assert why_not(quota(status=Status.FROZEN, parent_id="server-1")).rule == "R34"
    assert why_not(resource(service="WeLink", parent_id="server-1")).rule == "R34"
    assert why_not(quota(parent_id="server-1", transaction_in_progress=True)).rule == "R35"


def test_a_refusal_comes_before_any_figure_is_missed():
    unpaid = order(cash=None, term_months=None, expires_at=None)

    assert why_not(quota(status=Status.FROZEN, orders=(unpaid,))).rule == "R34"
    assert why_not(quota(transaction_in_progress=True, orders=())).rule == "R34"
    with pytest.raises(UnclearFacts):
        why_not(quota(orders=(unpaid,)))


@pytest.mark.parametrize("scope", list(Scope))
def test_a_refused_quote_has_no_figures(scope):
    frozen = quota(status=Status.FROZEN, orders=(order(currency=None),))

    found = quote(frozen, account(site=EU), at=NOW, scope=scope)

    assert not found.allowed
    assert found == Quote(
        at=NOW,
        scope=scope,
        refused=Refusal(rule="R34", reason="The cloud froze it."),
        case=None,
        currency="EUR",
        rules="huaweicloud-eu/2025-05-26",
        large_value=False,
        orders=(),
        total=None,
        lost=None,
        warnings=(),
    )
    assert quote(quota(status=Status.FROZEN), account(site=EU), at=NOW).currency == "USD"


# Renewals alone


def test_r45_without_a_renewal_period_there_is_none_to_give_back():
    expected = Refusal(rule="R45", reason="There is no renewal period to give back.")

    assert why_not(quota(), scope=Scope.RENEWALS) == expected
    undated = replace(renewal(order()), effective_at=None)
    assert why_not(quota(orders=(order(), undated)), scope=Scope.RENEWALS) == expected


@pytest.mark.parametrize(
    ("subscription", "reason"),
    [
        (
            renewed(renewals_locked=True),
            "The cloud does not take its renewal period back alone.",
        ),
        (renewed(transaction_in_progress=True), "Another transaction is in progress."),
        (
            renewed(service="CloudSite"),
            "The cloud does not take renewals of CloudSite back alone.",
        ),
        (
            renewed(orders=(order(), renewal(order(), promotion=True))),
            "The renewal was a promotion.",
        ),
        (
            renewed(orders=(order(), renewal(order(), invoiced=True))),
            "The renewal is invoiced already.",
        ),
    ],
)
def test_r48_renewals_alone_are_refused_with_a_sentence(subscription, reason):
    found = why_not(subscription, scope=Scope.RENEWALS)

    assert found == Refusal(rule="R48", reason=reason)


def test_r48_cloudsite_is_known_in_any_spelling_of_case():
    found = why_not(renewed(service="cloudSITE"), scope=Scope.RENEWALS)

    assert found.reason == "The cloud does not take renewals of cloudSITE back alone."


def test_r48_what_holds_a_renewal_holds_one_that_is_still_to_be_paid():
    assert renewals_held(quota(renewals_locked=True)) == Refusal(
        rule="R48", reason="The cloud does not take its renewal period back alone."
    )
    assert renewals_held(quota(service="CloudSite")) == Refusal(
        rule="R48", reason="The cloud does not take renewals of CloudSite back alone."
    )
    assert renewals_held(quota()) is None
    assert renewals_held(quota(service=None)) is None


def test_r48_any_of_several_periods_holds_them_all():
    bought = order()
    again = renewal(bought)
    promoted = renewal(again, promotion=True)
    invoiced = renewal(again, invoiced=True)

    for last in (promoted, invoiced):
        held = quota(orders=(bought, again, last))
        assert why_not(held, scope=Scope.RENEWALS).rule == "R48"


def test_r48_the_running_term_holds_no_renewal():
    bought = order(promotion=True, invoiced=True)

    assert why_not(quota(orders=(bought, renewal(bought))), scope=Scope.RENEWALS) is None


def test_r46_a_renewal_that_has_begun_cannot_be_given_back():
    found = why_not(renewed(), at=instant("2026-12-08 00:00"), scope=Scope.RENEWALS)

    assert found == Refusal(rule="R46", reason="The renewal period began on Tue 8 Dec 2026.")


def test_r46_of_several_renewals_the_last_to_begin_is_named():
    first = order("2025-01-01 09:00", months=1)
    second = renewal(first)
    third = renewal(second)

    found = why_not(
        quota(orders=(first, second, third)), at=instant("2025-03-10"), scope=Scope.RENEWALS
    )

    assert found.reason == "The renewal period began on Sun 2 Mar 2025."


def test_r44_what_holds_renewals_alone_does_not_hold_everything_together():
    assert why_not(renewed(renewals_locked=True)) is None
    assert why_not(renewed(service="CloudSite")) is None
    assert why_not(renewed(orders=(order(), renewal(order(), promotion=True)))) is None


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-12-22 23:59:59", "grace until"),
        ("2026-12-23 00:00:00", "frozen, and kept until"),
        ("2027-01-06 23:59:59", "frozen, and kept until"),
        ("2027-01-07 00:00:00", "It expired on Mon 7 Dec 2026."),
    ],
)
def test_r15_the_sentence_of_what_is_expired_follows_its_phase(at, said):
    assert said in quote(quota(), account(), at=instant(at)).refused.reason
