"""Money, instants, dates and the spoken text."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.billing.money import Money
from bot.facts.erased import ERASED
from handlers import text
from handlers.blocks.pieces import Who, rich
from tests.factories import instant, usd

DEDUCTION = instant("2026-11-30 03:00")


def test_money_has_its_code_grouping_two_decimals_and_a_space_that_does_not_break():
    assert text.money(usd("3600")) == "USD\u00a03,600.00"
    assert text.money(Money(Decimal("16000"), "CNY")) == "CNY\u00a016,000.00"
    assert text.money(usd("0")) == "USD\u00a00.00"


def test_money_is_rounded_half_up_and_a_currency_without_cents_is_printed_alike():
    assert text.money(usd("0.005")) == "USD\u00a00.01"
    assert text.money(Money(Decimal("1234.5"), "JPY")) == "JPY\u00a01,234.50"


def test_who_was_erased_is_a_word_and_no_mention():
    assert text.mention("U0OWNER") == "<@U0OWNER>"
    assert text.mention(ERASED) == "erased"
    [line] = rich((Who(ERASED), " asked ", Who("U0OWNER"))).to_dict()["elements"]
    assert [each["type"] for each in line["elements"]] == ["text", "text", "user"]


def test_an_amount_that_nobody_knows_is_never_zero():
    assert text.money(None) == "amount not known"


def test_an_instant_is_written_in_the_clouds_zone():
    utc = datetime(2026, 11, 29, 19, 0, tzinfo=UTC)

    assert text.instant(utc) == "Mon 30 Nov 2026, 03:00 GMT+08:00"


def test_the_readers_instant_is_slacks_token_with_a_fallback_in_utc():
    token = "<!date^1795978800^{date_short_pretty}, {time}|Sun 29 Nov, 19:00 UTC>"

    assert text.instant_and_yours(DEDUCTION) == f"Mon 30 Nov 2026, 03:00 GMT+08:00 (yours: {token})"


def test_the_last_second_of_a_day_is_written_as_its_last_minute():
    assert text.instant(instant("2026-12-07 23:59:59")) == "Mon 7 Dec 2026, 23:59 GMT+08:00"


@pytest.mark.parametrize(
    ("cutoff", "written"),
    [
        ("2026-11-30 00:00", "Sun 29 Nov 2026, 23:59 GMT+08:00"),
        ("2026-12-07 23:59:59", "Mon 7 Dec 2026, 23:59 GMT+08:00"),
        ("2026-11-30 09:20:15", "Mon 30 Nov 2026, 09:19 GMT+08:00"),
    ],
)
def test_the_last_safe_moment_is_the_last_minute_before_the_cut_off(cutoff, written):
    assert text.instant(text.last_safe(instant(cutoff))) == written


def test_amounts_in_sentences_of_the_rules_stay_on_one_line():
    said = text.tied("Coupons of USD 1,300.00 do not come back; use SWR 5, not USD alone.")

    assert said == "Coupons of USD\u00a01,300.00 do not come back; use SWR 5, not USD alone."


@pytest.mark.parametrize(("rate", "written"), [("0.10", "10 %"), ("0.125", "12.5 %"), ("0", "0 %")])
def test_a_rate_is_written_in_percent(rate, written):
    assert text.percent(Decimal(rate)) == written


def test_the_year_stays_for_another_year():
    today = date(2026, 11, 23)

    assert text.short_day(date(2026, 11, 30), today=today) == "Mon 30 Nov"
    assert text.short_day(date(2027, 5, 3), today=today) == "Mon 3 May 2027"


def test_the_year_stays_half_a_year_ahead():
    assert text.short_day(date(2026, 9, 1), today=date(2026, 1, 2)) == "Tue 1 Sep 2026"


def test_spoken_text_names_the_readers_zone_only_where_the_hour_differs():
    berlin = text.spoken(DEDUCTION, ZoneInfo("Europe/Berlin"))

    assert berlin == "Mon 30 Nov 2026, 03:00 GMT+08:00, Sun 29 Nov 20:00 Europe/Berlin"
    assert text.spoken(DEDUCTION, ZoneInfo("Asia/Shanghai")) == text.instant(DEDUCTION)
    assert text.spoken_with_zone(DEDUCTION, ZoneInfo("Asia/Shanghai")) == (
        "Mon 30 Nov 2026, 03:00 GMT+08:00 (same hour in Asia/Shanghai)"
    )


@given(st.text())
def test_nothing_foreign_comes_alive_after_escaping(foreign):
    escaped = text.esc(foreign)

    assert "<" not in escaped
    assert ">" not in escaped


def test_a_foreign_word_cannot_leave_its_backticks():
    assert text.code("a`<!channel>`b") == "`a&lt;!channel&gt;b`"


@given(st.text(), st.integers(min_value=1, max_value=80))
def test_clipped_text_is_never_longer_than_its_limit(foreign, limit):
    assert len(text.clip(foreign, limit)) <= limit


@given(st.lists(st.text(min_size=1, max_size=200)), st.text(max_size=40))
def test_spoken_text_stays_within_its_limit(sentences, closing):
    assert len(text.fallback(*sentences, closing=closing, limit=600)) <= 600


def test_sentences_that_do_not_fit_are_left_out_whole_and_the_closing_stays():
    spoken = text.fallback("One", "x" * 70, "Two", closing="More: press Next.", limit=60)

    assert spoken == "One. … More: press Next."


@pytest.mark.parametrize(
    ("words", "written"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_words_are_joined_for_reading(words, written):
    assert text.joined(words) == written


def test_plurals_are_words():
    assert text.plural(1, "package") == "1 package"
    assert text.plural(2, "package") == "2 packages"
    assert text.plural(1200, "entry", "entries") == "1,200 entries"
