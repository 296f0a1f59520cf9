"""What a failover excuses, and what it does not: lives without a guard, and evidence by hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from bot.ports.store import ArmedReminder
from bot.services import wanting
from tests.proof.failovers import Line, Window, excused, failovers
from tests.proof.guards import without_intent, without_look

LIVES = 60
FAILED_OVER = Window(at=0.0, first=2, last=4, begun=frozenset({"begun"}))


@contextmanager
def trusting_memory() -> Iterator[None]:
    """What a process has entered once it takes to be there for good."""
    entered: set[tuple[str, str]] = set()
    is_lacking = wanting._is_lacking

    def lacking(wanted: ArmedReminder, known: ArmedReminder | None) -> bool:
        pair = wanted.id, wanted.destination
        if pair in entered:
            return False
        entered.add(pair)
        return is_lacking(wanted, known)

    with patch.object(wanting, "_is_lacking", lacking):
        yield


@contextmanager
def without_excuse() -> Iterator[None]:
    """No copy is taken away from the evidence."""
    with patch.object(Window, "covers", lambda *_arguments: False):
        yield


@pytest.mark.parametrize(
    ("without", "said"),
    [
        pytest.param(trusting_memory, "was told to nobody", id="memory"),
        pytest.param(without_look, "was told 2 times", id="look"),
        pytest.param(without_intent, "stands there", id="intent"),
        pytest.param(without_excuse, "stands there 2 times", id="excuse"),
    ],
)
def test_lives_that_fail_over_miss_it(without: Callable[[], Any], said: str) -> None:
    with failovers() as trial:
        wrong = [each for number in range(LIVES) for each in _life(without, trial, number)]

    assert any(said in each for each in wrong)


def test_a_copy_begun_in_the_lost_window_may_be_made_again() -> None:
    evidence = [*_told("before", "other"), *_told("lost"), *_told("again")]

    assert _excused(evidence, FAILED_OVER) == ["lost"]


def test_a_copy_begun_before_the_oldest_lost_commit_may_not() -> None:
    evidence = [*_told("kept"), *_told("another", "other"), *_told("again")]

    assert _excused(evidence, FAILED_OVER) == []


def test_a_copy_begun_after_the_failover_may_not() -> None:
    evidence = [*_told("a", "1"), *_told("b", "2"), *_told("first"), *_told("again")]

    assert _excused(evidence, FAILED_OVER) == []


def test_a_copy_on_its_way_by_a_lost_intent_may() -> None:
    evidence = [*_told("a", "1"), *_told("b", "2"), *_told("begun"), *_told("again")]

    assert _excused(evidence, FAILED_OVER) == ["begun"]


def test_one_failover_excuses_one_copy() -> None:
    evidence = [*_told("another", "other"), *_told("lost"), *_told("again"), *_told("third")]

    assert _excused(evidence, FAILED_OVER) == ["lost"]


def test_of_two_copies_the_one_that_was_taken_back_counts_as_not_made() -> None:
    evidence = [*_told("another", "other"), *_told("lost"), *_told("again")]
    evidence.append({"event": "delete", "ts": "again"})

    assert _excused(evidence, FAILED_OVER) == ["again"]


def test_a_copy_that_stands_alone_is_not_taken_away() -> None:
    assert _excused([*_told("another", "other"), *_told("lost")], FAILED_OVER) == []


def _life(without: Callable[[], Any], trial: Any, number: int) -> list[str]:
    with without():
        return list(trial(number).wrong)


def _told(delivery: str, reminder: str = "reminder") -> list[Line]:
    told = {"delivery": delivery, "ids": [reminder]}
    return [{"event": "asked", **told}, {"event": "post", "ts": delivery, **told}]


def _excused(evidence: list[Line], *windows: Window) -> list[str]:
    return [post["ts"] for post, _ in excused(evidence, windows)]
