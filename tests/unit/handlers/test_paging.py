"""Values of paging buttons: what is written is read again, and anything else is a first page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import paging
from handlers.paging import Paging

PLACES = st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)


@given(st.integers(1, 999_999_999), PLACES, st.booleans(), st.text(max_size=60))
def test_what_is_written_is_read_again(page, place, ahead, filters):
    sides = {"after": place} if ahead else {"before": place}
    wanted = Paging(page=page, filters=filters, **sides)

    assert paging.read(paging.write(wanted)) == wanted


@given(st.text())
def test_whatever_a_button_says_it_leads_to_a_page(value):
    assert paging.read(value).page >= 1


@pytest.mark.parametrize(
    ("value", "page"),
    [("2 service:SecMaster due:30d", 2), ("1 ", 1), ("", 1), ("two ", 1), ("2> ", 1)],
)
def test_a_page_is_read_with_and_without_a_place(value, page):
    assert paging.read(value).page == page
