"""Arrays read item by item say what the whole parser says of the whole text."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.services import arrays
from bot.services.arrays import NotAnArray, NotJson, items

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)
WINDOWS = st.sampled_from([1, 2, 3, 7, 1 << 16])
INDENTS = st.sampled_from([None, 0, 2])


def read(text, window=1 << 16):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "WINDOW", window)
        return list(items(io.StringIO(text, newline="")))


@given(st.lists(VALUES), WINDOWS, INDENTS)
def test_the_items_are_those_of_the_whole(values, window, indent):
    assert read(json.dumps(values, indent=indent), window) == values


@given(st.lists(VALUES), WINDOWS, INDENTS, st.data())
def test_what_is_broken_is_refused_where_the_whole_parser_refuses_it(values, window, indent, data):
    text = json.dumps(values, indent=indent)
    at = data.draw(st.integers(0, len(text) - 1))
    broken = text[:at] + data.draw(st.sampled_from(["", "}", ",", '"', "\n\n]"])) + text[at + 1 :]
    where = refused_at(broken)
    if where is None:
        return
    with pytest.raises(NotJson) as refused:
        read(broken, window)
    assert (refused.value.line, refused.value.column) == where


def refused_at(text):
    """Line and column where the whole parser refuses a text, if it does."""
    try:
        json.loads(text, object_pairs_hook=arrays._once)
    except json.JSONDecodeError as error:
        return error.lineno, error.colno
    except ValueError:  # a key that stands twice
        return 0, 0
    return None


@pytest.mark.parametrize("text", ["{}", '"text"', " 1 ", "null"])
def test_what_is_no_array_is_told_as_such(text):
    with pytest.raises(NotAnArray):
        read(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1, "a": 2}]', "The key `a` stands twice in one object."),
        ("[NaN]", "`NaN` is not JSON."),
    ],
)
def test_what_only_some_parsers_take_is_refused(text, said):
    with pytest.raises(NotJson, match=said):
        read(text)


def test_an_item_that_never_ends_is_refused_before_all_of_it_is_read(monkeypatch):
    monkeypatch.setattr(arrays, "LARGEST", 1000)
    file = io.StringIO('["' + "x" * 1_000_000)

    with pytest.raises(NotJson):
        list(items(file))

    assert file.tell() < 500_000
