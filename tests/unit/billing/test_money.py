"""Money is exact, of one currency, and rounded half up to cents only when asked."""

from decimal import Decimal, InvalidOperation
from operator import add, ge, gt, le, lt, sub

import pytest
from hypothesis import given

from bot.billing.money import CurrencyMismatch, Money, added, rounded, sums
from tests.factories import cny, usd
from tests.strategies import amounts


@pytest.mark.parametrize(
    ("exact", "to_cents"), [("0.005", "0.01"), ("0.004999", "0.00"), ("-0.005", "-0.01")]
)
def test_half_a_cent_rounds_away_from_zero(exact, to_cents):
    assert usd(exact).rounded() == usd(to_cents)
    assert rounded(Decimal(exact)) == Decimal(to_cents)


@pytest.mark.parametrize("combine", [add, sub, lt, le, gt, ge], ids=lambda each: each.__name__)
def test_two_currencies_are_never_combined(combine):
    with pytest.raises(CurrencyMismatch) as raised:
        combine(usd(1), cny(1))

    assert str(raised.value) == "USD and CNY cannot be combined"


def test_money_is_added_subtracted_and_turned_around():
    assert usd("1.10") + usd("2.20") == usd("3.30")
    assert usd("1.10") - usd("2.20") == usd("-1.10")
    assert -usd("1.10") == usd("-1.10")
    assert Money.zero("CNY") == cny("0.00")


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [("1", "2", (True, True, False, False)), ("2", "2", (False, True, False, True))],
)
def test_money_of_one_currency_is_compared_by_amount(one, other, order):
    compared = tuple(compare(usd(one), usd(other)) for compare in (lt, le, gt, ge))

    assert compared == order


def test_an_amount_that_its_reader_may_not_see_stays_hidden():
    hidden = Money.hidden()

    assert hidden.is_hidden
    assert (hidden + hidden).is_hidden
    assert str(hidden) == "amount hidden"
    assert hidden.currency == ""
    assert not usd(1).is_hidden
    with pytest.raises(InvalidOperation):
        _ = hidden < hidden  # noqa: PLR0124 - no order is known, not even to itself


def test_amounts_of_one_currency_are_added_up_and_none_is_nothing():
    assert added([usd("1.10"), usd("2.20")], "USD") == usd("3.30")
    assert added([], "CNY") == cny(0)
    with pytest.raises(CurrencyMismatch):
        added([usd(1)], "CNY")


def test_sums_keep_currencies_apart():
    found = sums([usd(1), cny(2), usd(3)])

    assert found == {"CNY": cny(2), "USD": usd(4)}
    assert list(found) == ["CNY", "USD"]


def test_money_is_written_with_its_code_and_grouped():
    assert str(usd("3600")) == "USD 3,600.00"
    assert str(cny("-1234567.895")) == "CNY -1,234,567.90"
    assert str(usd("0.005")) == "USD 0.01"


def test_nothing_is_false():
    assert not usd(0)
    assert usd("0.01")


@given(amounts(), amounts())
def test_order_follows_the_amounts(one, other):
    assert (usd(str(one)) < usd(str(other))) == (one < other)
    assert (usd(str(one)) <= usd(str(other))) == (one <= other)
    assert (usd(str(one)) >= usd(str(other))) == (one >= other)
    assert -usd(str(one)) <= usd(0)
