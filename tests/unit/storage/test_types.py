from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from bot.billing.subscription import Kind, Subscription
from storage.types import NEVER, Document, Exact, Instant, Json, Word, canonical
from tests.contract.samples import figures
from tests.factories import quota, usd

DIALECT = sqlite.dialect()


def there_and_back(column, value):
    read = column.result_processor(DIALECT, None)
    return read(column.process_bind_param(value, DIALECT))


@given(st.datetimes(timezones=st.timezones()))
def test_an_instant_keeps_every_microsecond_and_comes_back_in_utc(value):
    back = there_and_back(Instant(), value)

    assert back == value.astimezone(UTC)  # an hour that occurs twice equals none of another zone
    assert back.tzinfo is UTC


@given(st.datetimes(), st.datetimes())
def test_instants_sort_as_their_numbers(one, other):
    one, other = one.replace(tzinfo=UTC), other.replace(tzinfo=UTC)
    numbers = [Instant().process_bind_param(each, DIALECT) for each in (one, other)]

    assert (one < other) == (numbers[0] < numbers[1])
    assert there_and_back(Instant(), NEVER) == NEVER


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no zone"):
        Instant().process_bind_param(datetime(2026, 11, 30), DIALECT)  # noqa: DTZ001 - the point


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_an_amount_keeps_every_digit_and_zero(value):
    back = there_and_back(Exact(), value)

    assert back.as_tuple() == value.as_tuple()


@pytest.mark.parametrize("value", [0.1, 1, "1", Decimal("NaN"), Decimal("Infinity")])
def test_what_is_not_a_finite_decimal_is_no_amount(value):
    with pytest.raises(TypeError, match="Decimal"):
        Exact().process_bind_param(value, DIALECT)


def test_a_word_is_one_of_its_enum():
    assert there_and_back(Word(Kind), Kind.SAAS) is Kind.SAAS
    with pytest.raises(ValueError, match="yacht"):
        Word(Kind).process_bind_param("yacht", DIALECT)
    with pytest.raises(KeyError, match="yacht"):
        Word(Kind).result_processor(DIALECT, None)("yacht")


@pytest.mark.parametrize("column", [Instant(), Exact(), Word(Kind), Json(), Document(int)])
def test_unknown_stays_unknown(column):
    assert there_and_back(column, None) is None


def test_a_document_comes_back_equal():
    assert there_and_back(Document(Subscription), quota()) == quota()
    assert there_and_back(Document(type(figures())), figures()) == figures()


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_equal_facts_have_one_spelling(facts):
    backwards = dict(reversed(facts.items()))

    assert canonical(facts) == canonical(backwards)
    assert there_and_back(Json(), facts) == facts
    assert canonical(facts).isascii()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (usd("1E+2"), '"USD 100"'),
        (Decimal("0.10"), '"0.10"'),
        (
            datetime(2026, 11, 30, 3, tzinfo=timezone(timedelta(hours=8))),
            '"2026-11-29T19:00:00+00:00"',
        ),
        (date(2026, 11, 30), '"2026-11-30"'),
        (Kind.SAAS, '"saas"'),
        (quota().key, '"default/sm-quota"'),
        (frozenset({"b", "a"}), '["a","b"]'),
        ((1, None, True), "[1,null,true]"),
    ],
)
def test_facts_are_written_as_text(value, written):
    assert canonical(value) == written
