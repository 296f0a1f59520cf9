"""The checker finds what it is there to find."""

from typing import Any

import pytest

from tests.proof.checker import judged

OWED = {
    "event": "owed",
    "id": "a",
    "at": 0.0,
    "channel": "C1",
    "fallback": "C2",
    "due": 10.0,
    "over": 1000.0,
    "optional": False,
}
END = {"event": "end", "sweep": 60.0, "frozen": False, "clock_off": 0.0, "operator": "D1"}
FROZEN = {**END, "frozen": True}


def line(event: str, at: float, **facts: Any) -> dict[str, Any]:
    return {"event": event, "at": at, "channel": "C1", "delivery": "d", "ids": ["a"]} | facts


def post(at: float, **facts: Any) -> dict[str, Any]:
    return line("post", at, ts=f"{at}", **facts)


def test_told_once_in_time_is_fine() -> None:
    assert judged([OWED, line("asked", 10), post(10), END]) == []


def test_the_plainest_evidence_is_enough() -> None:
    owed = {"event": "owed", "id": "a", "channel": "C1", "due": 10.0}
    end = {"event": "end", "sweep": 60.0, "frozen": False}

    assert judged([owed, post(10), end]) == []
    assert judged([owed, end]) != []


def test_the_second_copy_of_a_frozen_process_may_be_there_until_the_sweep() -> None:
    deleted = {"event": "delete", "at": 70.0, "ts": "20"}

    assert judged([OWED, post(10), post(20), deleted, FROZEN]) == []


@pytest.mark.parametrize("at", [1005.0, 1011.0])
def test_what_was_missed_may_be_told_as_such_or_within_an_attempt_of_its_date(at: float) -> None:
    assert judged([OWED, line("asked", at, missed=at > 1010), post(at), END]) == []


def test_of_two_copies_either_may_be_the_one_that_is_gone_within_a_sweep() -> None:
    first = {"event": "delete", "at": 70.0, "ts": "10"}
    too_late = {**first, "at": 81.0}

    assert judged([OWED, post(10), post(20), first, FROZEN]) == []
    assert judged([OWED, post(10), post(20), too_late, FROZEN]) != []


WITHDRAWN = {"event": "withdrawn", "id": "a", "at": 5.0, "taken": False}
BROKEN: dict[str, list[dict[str, Any]]] = {
    "told to nobody": [OWED, END],
    "stands there 2 times": [OWED, post(10), post(20), FROZEN],
    "although no process was frozen": [
        OWED,
        post(10),
        post(20),
        {"event": "delete", "at": 21.0, "ts": "20"},
        END,
    ],
    "two at most": [
        OWED,
        *(post(at) for at in (10, 20, 30)),
        *({"event": "delete", "at": 31.0, "ts": ts} for ts in ("20", "30")),
        FROZEN,
    ],
    "taken back altogether": [OWED, post(10), {"event": "delete", "at": 20.0, "ts": "10"}, END],
    "longer than one sweep": [
        OWED,
        post(10),
        post(20),
        {"event": "delete", "at": 81.0, "ts": "20"},
        FROZEN,
    ],
    "before it was due": [OWED, post(9), END],
    "where it does not belong": [OWED, post(10, channel="C3"), END],
    "nobody owed it": [OWED, post(10, ids=["a", "b"]), END],
    "after it was withdrawn": [OWED, WITHDRAWN, line("asked", 10), post(10), END],
    "post was called before Slack allowed it": [
        OWED,
        line("slow_down", 10, until=40.0, method="post"),
        line("asked", 10, delivery="another", ids=[], method="post"),
        post(39),
        END,
    ],
    "history was called before Slack allowed it": [
        OWED,
        post(10),
        line("slow_down", 20, until=320.0, method="history"),
        line("slow_down", 20, until=30.0, method="history"),
        line("asked", 319, delivery="", ids=[], method="history"),
        END,
    ],
    "tried 4 times": [
        OWED,
        post(10, channel="D1", ids=[]),
        post(20),
        *(line("refused", at, here=True) for at in range(10, 14)),
        END,
    ],
    "nobody heard": [OWED, post(20), line("refused", 10, here=True), END],
    "2 messages about what was missed": [
        OWED,
        {**OWED, "id": "b"},
        *(line("asked", 1000, ids=[each], delivery=each) for each in "ab"),
        post(1000, ids=["a"], delivery="a"),
        post(1001, ids=["b"], delivery="b"),
        END,
    ],
    "spoke of what had passed": [OWED, line("asked", 1011, missed=False), post(1011), END],
    "without a reason": [OWED, post(10), {"event": "dropped", "id": "a", "reason": ""}, END],
}


@pytest.mark.parametrize("sentence", BROKEN)
def test_each_broken_promise_is_one_sentence(sentence: str) -> None:
    found = judged(BROKEN[sentence])

    assert any(sentence in each for each in found), found


def test_what_was_withdrawn_and_is_owed_again_may_be_told() -> None:
    again = {**OWED, "at": 7.0}

    assert judged([OWED, WITHDRAWN, again, line("asked", 10), post(10), END]) == []


def test_what_may_be_told_or_not_is_fine_either_way() -> None:
    optional = {**OWED, "optional": True}

    assert judged([optional, END]) == []
    assert judged([optional, line("asked", 10), post(10), END]) == []
    gone = {"event": "delete", "at": 20.0, "ts": "10"}
    withdrawn, again = {**WITHDRAWN, "at": 15.0, "taken": True}, {**optional, "at": 30.0}
    assert judged([OWED, line("asked", 10), post(10), withdrawn, gone, again, END]) == []


def test_a_method_may_be_called_while_another_is_stopped_and_when_its_time_is_over() -> None:
    stopped = line("slow_down", 10, until=40.0, method="history")
    others = [line("asked", 10, method="post"), line("asked", 40, method="history", ids=[])]
    forgotten = {**stopped, "until": 90.0, "forgotten": True}

    assert judged([OWED, stopped, forgotten, *others, post(10), END]) == []


def test_what_came_to_be_owed_later_may_come_in_another_message_about_what_was_missed() -> None:
    told = [
        *(line("asked", at, ids=[each], delivery=each) for at, each in ((1000, "a"), (1001, "b"))),
        *(post(at, ids=[each], delivery=each) for at, each in ((1000, "a"), (1001, "b"))),
    ]

    assert judged([OWED, {**OWED, "id": "b", "at": 1000.5}, *told, END]) == []
    assert judged([OWED, {**OWED, "id": "b"}, *told, END]) != []


def test_what_may_stand_there_already_is_told_by_itself_although_its_date_has_passed() -> None:
    twice = [
        line("asked", 20, delivery="a", missed=True, doubt=True),
        *(line("asked", at, ids=[each], delivery=each) for at, each in ((1000, "b"), (1001, "a"))),
        *(post(at, ids=[each], delivery=each) for at, each in ((1000, "b"), (1001, "a"))),
    ]

    assert judged([OWED, {**OWED, "id": "b"}, *twice, END]) == []
    assert judged([OWED, {**OWED, "id": "b"}, *twice[1:], END]) != []


@pytest.mark.parametrize(("at", "over", "missed"), [(500, 400.0, False), (1500, 2000.0, True)])
def test_what_has_passed_goes_by_the_hour_that_held_when_it_was_told(
    at: int, over: float, missed: bool
) -> None:
    moved = {"event": "moved", "id": "a", "at": 200.0, "over": over}
    wrong, right = (line("asked", at, missed=says) for says in (missed, not missed))

    assert judged([OWED, moved, right, post(at), END]) == []
    assert judged([OWED, moved, wrong, post(at), END]) != []
    assert judged([OWED, {**moved, "at": at - 5.0}, wrong, post(at), END]) == []
    assert judged([OWED, moved, wrong, post(at), FROZEN]) == []
