"""What a run shows: its counts, what was wrong, and the times that have a goal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.proof.torture.history import History

BACK_GOAL, TAKEN_OVER_GOAL = 5.0, 90.0
"""Seconds until the first reminder once the database is back, and until all that the dead held."""

Visible = Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of one run."""

    counts: Mapping[str, int]
    back: Sequence[float]
    taken_over: Sequence[float]
    wrong: Sequence[str]
    slow: Sequence[str]


def report(history: History, visible: Visible) -> Report:
    """Judge a finished run by its history and by what stands in Slack."""
    counts = _counts(history)
    back = [first - since for since, first, _ in _after(history, "database away", "database back")]
    taken_over = [last - since for since, _, last in _after(history, "all killed", "kill")]
    slow = [f"The first reminder came {each:.1f} s late." for each in back if each > BACK_GOAL]
    slow += [f"A takeover took {each:.1f} s." for each in taken_over if each > TAKEN_OVER_GOAL]
    return Report(
        counts=counts,
        back=[round(each, 2) for each in back],
        taken_over=[round(each, 2) for each in taken_over],
        wrong=[
            *history.judged(),
            *_strange(history, extra=counts["second copies"]),
            *_unlike(history, visible),
        ],
        slow=slow,
    )


def _counts(history: History) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    counts["reminders"] = history.counts["owed"]
    for event in ("kill", "freeze", "hold", "stall", "busy", "full", "ended", "too many", "wave"):
        counts[event] = history.counts[event]
    for line in history.of("database"):
        counts[str(line["what"])] += 1
    counts["trouble"] = history.counts["trouble"]
    posts = Counter(line["delivery"] for line in history.of("post"))
    counts["second copies"] = sum(number - 1 for number in posts.values())
    counts["taken back"] = history.counts["delete"]
    return dict(counts)


def _after(history: History, kind: str, cause: str) -> list[tuple[float, float, float]]:
    """In every wave of a kind, when the first cause was, and the first and last post after it."""
    found = []
    waves: list[list[Mapping[str, Any]]] = []
    for line in history.lines():
        if line["event"] == "wave":
            waves.append([])
        if waves:
            waves[-1].append(line)
    for wave in waves:
        causes = [_at(line) for line in wave if line["event"] == cause]
        if wave[0]["kind"] == kind and causes:
            posts = [_at(line) for line in wave if line["event"] == "post"]
            later = [at for at in posts if at > causes[0]]
            if later:
                found.append((causes[0], later[0], later[-1]))
    return found


def _strange(history: History, *, extra: int) -> list[str]:
    """What a process or a file did that nobody made it do; `extra` copies in all."""
    freezes = sum(int(str(line["freezes"])) for line in history.of("end"))
    ended = [line for line in history.of("ended by itself") if line["up"]]
    broken = [line for line in history.of("integrity") if line["found"] != "ok"]
    left = [line for line in history.of("ended") if line["log_left"]]
    return [
        *([f"{extra} second copies after {freezes} freezes."] if extra > freezes else []),
        *(f"{line['replica']} ended by itself: {line['said']}" for line in ended),
        *(f"The database is damaged: {line['found']}" for line in broken),
        *("A polite end left a write-ahead log." for _ in left),
    ]


def _unlike(history: History, visible: Visible) -> list[str]:
    """Where the history and Slack's own rooms differ, or a delivery stands there twice."""
    gone = {line["ts"] for line in history.of("delete")}
    told = {
        (line["channel"], line["ts"], line["delivery"])
        for line in history.of("post")
        if line["ts"] not in gone
    }
    often = Counter(delivery for _, _, delivery in visible)
    return [
        *(
            f"{each} is in the history and not in Slack, or the reverse"
            for each in told ^ {*visible}
        ),
        *(f"Delivery {each} stands there {n} times." for each, n in often.items() if n > 1),
    ]


def _at(line: Mapping[str, Any]) -> float:
    return float(line["at"])
