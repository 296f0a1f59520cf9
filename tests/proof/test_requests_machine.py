"""Whatever people, clouds, clocks and deaths do: one call each, agreed to, and a true receipt."""

from contextlib import nullcontext

import pytest

from tests.conftest import ONLY_POSTGRESQL
from tests.proof.request_guards import MISSED_AT_ONCE, missed
from tests.proof.requests_machine import played
from tests.proof.stages import on_database, on_sqlite


@pytest.mark.parametrize("seed", range(2))
def test_requests_keep_their_promises_whatever_happens(seed: int) -> None:
    assert played(50, seed=seed) == ""


def test_they_keep_them_on_sqlite() -> None:
    assert played(3, seed=0, stages=on_sqlite) == ""


@pytest.mark.parametrize("any_url", ONLY_POSTGRESQL, indirect=True)
def test_they_keep_them_on_postgresql(any_url: str) -> None:
    with on_database(any_url) as opened:
        assert played(3, seed=1, stages=lambda: nullcontext(opened)) == ""


@pytest.mark.parametrize("name", MISSED_AT_ONCE)
def test_without_a_guard_a_promise_is_broken(name: str) -> None:
    assert missed(name, played) != ""
