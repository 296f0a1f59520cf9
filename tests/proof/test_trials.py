"""A few trials of each kind of fault that the release's proof tries by the hundred."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from tests.conftest import missing
from tests.postgres import NotInstalled
from tests.proof.pieces import Place
from tests.proof.places import PLACES
from tests.proof.variants import VARIANTS

TRIED: Mapping[str, Sequence[range]] = {
    "disks": (range(10),),
    "leaps": (range(200),),
    "failovers": (range(100),),
    "imports-sqlite": (range(5, 7),),
    "imports-postgres": (range(8, 10),),
    "executions-sqlite": (range(4, 300, 100),),
    "executions-postgres": (range(9, 300, 150),),
    "killed-sqlite": (range(5, 190, 70),),
    "killed-postgres": (range(20, 190, 60),),
    "shortages": (range(3),),
    "sockets": (range(1, 9),),
    **dict.fromkeys(VARIANTS, (range(60),)),
}


def tried(place: Place, numbers: range) -> tuple[Mapping[int, Sequence[str]], Counter[str]]:
    happened: Counter[str] = Counter()
    wrong: dict[int, Sequence[str]] = {}
    try:
        with place() as trial:
            for number in numbers:
                verdict = trial(number)
                happened.update(verdict.happened)
                if verdict.wrong:
                    wrong[number] = verdict.wrong
    except NotInstalled as absent:
        raise missing(str(absent)) from None
    return wrong, happened


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        pytest.param(name, numbers, marks=[pytest.mark.postgres] if "postgres" in name else [])
        for name, all_numbers in TRIED.items()
        for numbers in all_numbers
    ],
)
def test_nothing_is_wrong_with_a_few_trials(name: str, numbers: range) -> None:
    wrong, happened = tried(PLACES[name], numbers)

    assert wrong == {}
    assert happened.total() > 0
