"""What operators read of trouble, and of trouble that is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.facts.messages import OperatorWarning
from handlers.blocks.warnings import lasted, operator_warning
from tests.factories import NOW
from tests.unit.handlers.seen import lines

WARNING = OperatorWarning(subject="Lapse cannot read account <prod>", since=NOW, text="403.")
SOLVED = replace(
    WARNING, over_at=NOW + timedelta(minutes=31), over="account prod is read again", solved=True
)


def test_trouble_is_a_warning_since_when_it_lasts():
    shown = operator_warning(WARNING)

    assert lines(shown.blocks) == [
        ":warning: Lapse cannot read account <prod>",
        "Since Mon 23 Nov 2026, 10:12 GMT+08:00: 403.",
    ]


def test_what_is_solved_says_so_and_how_long_it_took():
    shown = operator_warning(SOLVED)

    assert lines(shown.blocks) == [
        ":white_check_mark: Solved: account prod is read again",
        (
            "It lasted 31 minutes, from Mon 23 Nov 2026, 10:12 GMT+08:00 to Mon 23 Nov 2026, 10:43 "
            "GMT+08:00."
        ),
        "It was: Lapse cannot read account <prod>.",
    ]
    assert shown.text == (
        "Solved: account prod is read again. It lasted 31 minutes, from Mon 23 Nov 2026, 10:12 "
        "GMT+08:00 to Mon 23 Nov 2026, 10:43 GMT+08:00. It was: Lapse cannot read account "
        "&lt;prod&gt;."
    )


def test_what_is_over_without_being_solved_does_not_say_solved():
    shown = operator_warning(replace(SOLVED, over="request 1001 ended as stopped", solved=False))

    assert lines(shown.blocks)[0] == ":no_entry_sign: Over: request 1001 ended as stopped"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=20), "1 minute"),
        (timedelta(minutes=31), "31 minutes"),
        (timedelta(hours=3, minutes=20), "3 hours 20 minutes"),
        (timedelta(days=1, minutes=31), "1 day"),
        (timedelta(days=2, hours=4, minutes=59), "2 days 4 hours"),
    ],
)
def test_how_long_it_lasted_is_said_in_its_two_largest_units(span, words):
    assert lasted(span) == words
