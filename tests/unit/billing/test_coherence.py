"""What a quote cannot do without, and what contradicts itself: whole sentences (R14, R36, R42)."""

from dataclasses import replace

import pytest

from bot.billing.coherence import UnclearFacts, currency_of, demand_coherent, missing
from bot.billing.quote import Scope
from bot.billing.refund import quote
from bot.billing.subscription import Order
from tests.factories import CN, NOW, account, instant, order, quota, renewal

BOUGHT = order()


def begins_at(text: str) -> Order:
    return replace(renewal(BOUGHT), effective_at=instant(text))


def unclear(*orders) -> UnclearFacts:
    with pytest.raises(UnclearFacts) as raised:
        demand_coherent(orders, account())
    assert str(raised.value) == raised.value.sentence
    return raised.value


def test_r42_a_missing_field_is_named_with_the_rule_that_needs_it():
    found = missing("term_months", rule="R43")

    assert found.sentence == "term_months is not known; the figures need it (R43)."
    assert (found.field, found.rule) == ("term_months", "R43")


def test_r42_figures_need_an_order():
    demand_coherent((), account())
    with pytest.raises(UnclearFacts) as raised:
        quote(quota(orders=()), account(), at=NOW)

    assert raised.value.sentence == "orders is not known; the figures need it (R42)."
    assert (raised.value.field, raised.value.rule) == ("orders", "R42")


def test_r42_orders_of_one_subscription_have_one_currency():
    found = unclear(BOUGHT, renewal(BOUGHT, currency="EUR"))

    assert found.sentence == "currency differs between orders (EUR, USD); figures need one (R42)."
    assert (found.field, found.rule) == ("currency", "R42")


@pytest.mark.parametrize("scope", list(Scope))
def test_r42_the_running_term_and_its_renewal_have_one_currency_whatever_goes(scope):
    mixed = quota(orders=(BOUGHT, renewal(BOUGHT, currency="EUR")))

    with pytest.raises(UnclearFacts) as raised:
        quote(mixed, account(), at=NOW, scope=scope)

    assert raised.value.sentence == (
        "currency differs between orders (EUR, USD); figures need one (R42)."
    )


def test_r42_a_term_that_is_over_may_have_been_paid_in_another_currency():
    over = order("2024-12-07 09:20", currency="EUR")
    renewed = quota(orders=(over, renewal(over, currency="USD")))

    assert quote(renewed, account(), at=NOW).currency == "USD"


def test_r42_an_order_without_currency_has_that_of_its_account():
    nameless = order(currency=None)

    assert currency_of(nameless, account(site=CN)) == "CNY"
    assert currency_of(nameless, account()) == "USD"
    assert currency_of(order(currency="EUR"), account(site=CN)) == "EUR"
    demand_coherent([nameless, renewal(BOUGHT)], account())
    demand_coherent([BOUGHT, renewal(nameless)], account())
    with pytest.raises(UnclearFacts, match="CNY, USD"):
        demand_coherent([nameless, renewal(BOUGHT)], account(site=CN))


def test_r47_only_the_first_order_is_a_purchase():
    found = unclear(BOUGHT, order("2026-12-08 00:00"))

    assert found.sentence == (
        "order_type is new after the first order; what follows is a renewal (R47)."
    )
    assert (found.field, found.rule) == ("order_type", "R47")


def test_r47_every_later_order_is_looked_at():
    again = renewal(BOUGHT)

    assert unclear(BOUGHT, again, order("2027-12-08 00:00")).field == "order_type"
    assert unclear(BOUGHT, again, renewal(again, currency="EUR")).field == "currency"
    assert unclear(BOUGHT, renewal(BOUGHT, provisioned_at="2030-01-01")).field == "provisioned_at"


def test_r14_a_renewal_does_not_begin_before_the_term_that_it_follows_ends():
    found = unclear(BOUGHT, begins_at("2026-12-06 23:59:59"))

    assert found.sentence == (
        "effective_at is Sun 6 Dec 2026, before the term that it follows ends on Mon 7 Dec 2026; "
        "a renewal begins when the term before it ends (R14)."
    )
    assert (found.field, found.rule) == ("effective_at", "R14")


def test_r14_a_renewal_may_begin_on_the_day_of_the_expiry_and_later():
    for effective_at in ("2026-12-07 00:00", "2026-12-07 23:59:59", "2026-12-08", "2027-01-01"):
        demand_coherent([BOUGHT, begins_at(effective_at)], account())


def test_r14_unknown_dates_do_not_contradict_each_other():
    demand_coherent([BOUGHT, replace(renewal(BOUGHT), effective_at=None)], account())
    demand_coherent([order(expires_at=None), renewal(BOUGHT)], account())


def test_r36_what_is_provisioned_after_its_end_is_unclear():
    found = unclear(order(provisioned_at="2026-12-08 00:00"))

    assert found.sentence == (
        "provisioned_at is after expires_at, Mon 7 Dec 2026; correct one of them (R36)."
    )
    assert (found.field, found.rule) == ("provisioned_at", "R36")


def test_r36_what_is_provisioned_by_its_end_is_clear():
    demand_coherent([order(provisioned_at="2026-12-07 23:59:59")], account())
    demand_coherent([order(provisioned_at="2026-12-08", expires_at=None)], account())
    demand_coherent([BOUGHT], account())
