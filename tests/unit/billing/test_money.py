"""Money is exact, of one currency, and rounded half up to cents only when asked."""

import pytest
from hypothesis import given

from bot.billing.money import CurrencyMismatch, sums
from tests.factories import cny, usd
from tests.strategies import amounts


@pytest.mark.parametrize(
    ("exact", "rounded"), [("0.005", "0.01"), ("0.004999", "0.00"), ("-0.005", "-0.01")]
)
def test_half_a_cent_rounds_away_from_zero(exact, rounded):
    assert usd(exact).rounded() == usd(rounded)


def test_two_currencies_are_never_combined():
    with pytest.raises(CurrencyMismatch, match="USD and CNY cannot be combined"):
        usd(1) + cny(1)
    with pytest.raises(CurrencyMismatch):
        _ = usd(1) < cny(1)


def test_sums_keep_currencies_apart():
    assert sums([usd(1), cny(2), usd(3)]) == {"CNY": cny(2), "USD": usd(4)}


def test_money_is_written_with_its_code_and_grouped():
    assert str(usd("3600")) == "USD 3,600.00"


def test_nothing_is_false_and_negative_is_floored():
    assert not usd(0)
    assert usd("0.01")
    assert usd("-3").floor_zero() == usd(0)
    assert usd("3").floor_zero() == usd(3)


@given(amounts(), amounts())
def test_order_follows_the_amounts(one, other):
    assert (usd(str(one)) < usd(str(other))) == (one < other)
    assert (usd(str(one)) <= usd(str(other))) == (one <= other)
    assert (usd(str(one)) >= usd(str(other))) == (one >= other)
    assert -usd(str(one)) <= usd(0)
