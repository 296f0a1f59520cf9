"""Lives of other kinds fail where the guard that each of them is about is taken away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from bot.ports.store import ArmedReminder, Transaction
from bot.services import closing, rerouting
from bot.services.announcing import Announcing
from bot.services.wanting import Wanting
from handlers.messenger import SlackMessenger
from tests.proof import edits
from tests.proof.guards import without_look
from tests.proof.owners import PERSONAL, Line, excused
from tests.proof.variants import VARIANTS

LIVES = 60


@contextmanager
def by_the_hour() -> Iterator[None]:
    """A reminder is about an instant, so that another hour of its date is another reminder."""
    objection = Wanting.objection

    def objected(
        self: Wanting, tx: Transaction, row: ArmedReminder, *, now: datetime
    ) -> str | None:
        present = self.as_now(tx, row, now=now)
        return "its date changed" if present != row else objection(self, tx, row, now=now)

    with patch.object(Wanting, "objection", objected):
        yield


@contextmanager
def by_the_hour_of_arming() -> Iterator[None]:
    """Whether a date has passed goes by its hour when the reminder was armed."""

    def armed(_self: Announcing, _tx: Transaction, row: ArmedReminder, **_at: datetime) -> Any:
        return row

    with patch.object(Announcing, "_as_now", armed):
        yield


@contextmanager
def without_patience() -> Iterator[None]:
    """What is refused is tried each minute."""

    def minute(_calls: int) -> timedelta:
        return timedelta(minutes=1)

    with patch.object(closing, "pause", minute), patch.object(rerouting, "pause", minute):
        yield


@contextmanager
def without_memory() -> Iterator[None]:
    """A look that was interrupted begins anew."""
    with patch.object(SlackMessenger, "_remember", lambda *_arguments: None):
        yield


@pytest.mark.parametrize(
    ("name", "without", "said"),
    [
        pytest.param("hours", by_the_hour, "was told to nobody", id="hours"),
        pytest.param("hours", by_the_hour_of_arming, "as if it were to come", id="hours-armed"),
        pytest.param("switches", by_the_hour, "was told to nobody", id="switches"),
        pytest.param("owners", without_patience, "where it was refused", id="owners"),
        pytest.param("owners", without_look, "was told 2 times", id="owners-look"),
        pytest.param("counted", without_look, "was told 2 times", id="counted"),
        pytest.param("one-page", without_memory, "was told to nobody", id="one-page"),
    ],
)
def test_lives_miss_the_guard_that_they_are_about(
    name: str, without: Callable[[], Any], said: str
) -> None:
    with VARIANTS[name]() as trial, without():
        assert any(said in each for number in range(LIVES) for each in trial(number).wrong)


def test_probes_as_rare_as_is_promised_are_excused() -> None:
    rare = _refused(0, 30, 60, 120, 720, 4320, 7920)

    assert list(excused(rare)) == rare[3:]


def test_probes_that_come_sooner_are_not() -> None:
    soon = _refused(0, 30, 60, 119, 718, 4317)

    assert list(excused(soon)) == []


def test_nothing_is_excused_elsewhere_and_nothing_that_was_forgotten() -> None:
    elsewhere = [{**line, "channel": "C0FINOPS"} for line in _refused(0, 30, 60, 120)]
    forgotten = [{**line, "forgotten": True} for line in _refused(0, 30, 60, 120)]

    assert list(excused([*elsewhere, *forgotten])) == []


@pytest.mark.parametrize(
    ("changes", "is_left"),
    [
        pytest.param({}, False, id="excused"),
        pytest.param({"optional": False}, True, id="promised"),
        pytest.param({"at": 19.0}, True, id="posted while it was owed"),
        pytest.param({"event": "withdrawn"}, True, id="withdrawn in the end"),
    ],
)
def test_what_was_posted_while_withdrawn_and_is_gone_counts_as_not_made(
    changes: Line, is_left: bool
) -> None:
    post = {"event": "post", "at": 20.0, "ts": "1", "ids": ["reminder"]}
    lines = [
        {"event": "withdrawn", "id": "reminder", "at": 10.0},
        {"event": "owed", "id": "reminder", "at": 30.0, "optional": True, **changes},
        post,
    ]

    [*_, with_a_copy] = edits.excused(lines)
    [*_, told, _] = edits.excused([*lines, {"event": "delete", "ts": "1"}])

    assert with_a_copy == post
    assert told["ids"] == (["reminder"] if is_left else [])


def _refused(*at: float) -> list[Line]:
    line = {"event": "refused", "channel": PERSONAL, "delivery": "delivery"}
    return [{**line, "at": float(each)} for each in at]
