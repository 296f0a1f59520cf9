"""Judges the evidence of a run: what people could see, against what they should have been told.

A program of its own that imports nothing of Lapse: `python -m tests.proof.checker EVIDENCE`, where
every line is a JSON object with an `event`, instants being seconds. What is in brackets may lack.

Of Slack's stand-in: `post` with `at`, `channel`, `ts`, `delivery` and `ids`; `delete` with `at` and
`ts`; for each call `asked` [`missed`: it says that its dates have passed; `doubt`: that it may
repeat], `refused` with `here` where its channel does so, all with `at`, `channel`, `delivery`,
`ids` [`method`], and `slow_down` with `until` [`method`; the latter two `forgotten`: who heard it
died]. Of the run: `owed` with `id`, `channel` and `due` [`at`, since when; `over`, when it is past;
`optional`: may be told or not; `fallback`, a channel]; `moved` with `id`, `at` and the new `over`;
`withdrawn` with `id`, `at` [`taken`: it was
about to be told]; `dropped` with `id`, `reason`; one `end` with `sweep`, seconds a second copy may
stand, `frozen`, whether a process was [`clock_off`, by so much, `operator`, who hears of it].

The promise: when processes stop, never two, never none; when a process is frozen for longer than
its lease, never none, two at most, and the second is gone within one sweep.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Line = Mapping[str, Any]
Lines = Sequence[Line]
Events = Mapping[str, Lines]
MOST_CALLS, ATTEMPT, FOREVER = 3, 10.0, float("inf")
IN_ORDER = {"owed": "fact", "withdrawn": "fact", "asked": "call", "slow_down": "call"}


def judged(lines: Iterable[Line]) -> list[str]:
    """What is wrong, a sentence each; nothing when the promise was kept."""
    events: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        events[line["event"]].append(line)
        events[IN_ORDER.get(line["event"], "")].append(line)  # though they be of one instant
    [end] = events["end"]
    dropped = (line["id"] for line in events["dropped"] if not line["reason"])
    found = [f"{each} was dropped without a reason." for each in dropped]
    found += [*_seen(events, end), *_refused(events, end), *_missed(events, end)]
    return found if end["frozen"] else [*found, *_hurried(events, end)]


def _seen(events: Events, end: Line) -> Iterator[str]:
    """Each reminder against the posts that carry it."""
    gone = {line["ts"]: line["at"] for line in events["delete"]}
    posts, asked, facts = (_by_id(events[each]) for each in ("post", "asked", "fact"))
    for reminder in posts.keys() - facts.keys():
        yield f"{reminder} was told and nobody owed it."
    for reminder, known in facts.items():
        known.sort(key=lambda line: line.get("at", 0.0))
        shown = sorted(posts[reminder], key=lambda post: post["at"])
        over = known[-1]["event"] == "withdrawn" or known[-1].get("optional")  # may be gone
        for what in (*_told(known, shown, end), *_twice(shown, gone, end, over=over)):
            yield f"{reminder} {what}"
        if not end["frozen"] and _after_withdrawal(known, asked[reminder]):
            yield f"{reminder} was told after it was withdrawn."


def _told(known: Lines, shown: Lines, end: Line) -> Iterator[str]:
    owed = [line for line in known if line["event"] == "owed"]
    channels = {line.get(name) for line in owed for name in ("channel", "fallback")}
    if not shown and known[-1]["event"] == "owed" and not known[-1].get("optional"):
        yield "was told to nobody."
    if any(post["at"] < owed[0]["due"] - end.get("clock_off", 0.0) for post in shown):
        yield "was told before it was due."
    if any(post["channel"] not in channels for post in shown):
        yield "was told where it does not belong."


def _twice(shown: Lines, gone: Mapping[str, float], end: Line, *, over: bool) -> Iterator[str]:
    lasting = [post for post in shown if post["ts"] not in gone]
    if shown and not lasting and not over:
        yield "was taken back altogether."
    if len(lasting) > 1:
        yield f"stands there {len(lasting)} times."
    if len(shown) > 1 and not end["frozen"]:
        yield f"was told {len(shown)} times although no process was frozen."
    if len(shown) > 2:
        yield f"was told {len(shown)} times, two at most are promised."
    ends = sorted(gone.get(post["ts"], FOREVER) for post in shown)
    if len(shown) > 1 and len(lasting) < 2 and ends[-2] - shown[-1]["at"] > end["sweep"]:
        yield "was there a second time for longer than one sweep."


def _after_withdrawal(known: Lines, asked: Lines) -> bool:
    """Whether it was sent, withdrawn before anybody took it, before it was owed again."""
    spans = zip(known, [*(line.get("at", 0.0) for line in known[1:]), FOREVER], strict=True)
    untold = ((fact, until) for fact, until in spans if fact["event"] == "withdrawn")
    times = [(fact["at"], until) for fact, until in untold if not fact.get("taken")]
    return any(start < each["at"] < until for start, until in times for each in asked)


def _hurried(events: Events, end: Line) -> Iterator[str]:
    """No method is called before Slack allows it, by anybody, once who heard it wrote it down."""
    free: dict[str | None, float] = defaultdict(float)
    for line in events["call"]:
        method = line.get("method")
        if line["event"] == "asked" and line["at"] < free[method]:
            yield f"{method} was called before Slack allowed it."
        elif line["event"] == "slow_down" and not line.get("forgotten"):
            free[method] = max(free[method], line["until"] - 2 * end.get("clock_off", 0.0))


def _refused(events: Events, end: Line) -> Iterator[str]:
    """A destination that refuses is left alone soon, and somebody hears of it."""
    here = [line for line in events["refused"] if line["here"]]
    most = MOST_CALLS * (2 if end["frozen"] else 1)  # of two neither may hear of the other's
    for delivery, calls in Counter(x["delivery"] for x in here if not x.get("forgotten")).items():
        if calls > most:
            yield f"{delivery} was tried {calls} times where it was refused."
    if here and not any(post["channel"] == end["operator"] for post in events["post"]):
        yield "nobody heard that a channel refuses."


def _missed(events: Events, end: Line) -> Iterator[str]:
    """What was past when it was told says so, and nothing else does, by the hour that held then.

    What was owed since one instant is told in one message.
    """
    doubted = {each for line in events["asked"] if line.get("doubt") for each in line["ids"]}
    known = _by_id((*events["owed"], *events["moved"]))
    posted = {line["delivery"] for line in events["post"]}
    digests: dict[str, set[tuple[str, float | None]]] = defaultdict(set)
    off = end.get("clock_off", 0.0)
    spare = FOREVER if end["frozen"] else ATTEMPT + off
    for line in events["asked"]:
        what, at = line["delivery"], line["at"]
        told = [_overs(known[x], at, spare) for x in line["ids"] if x in known.keys() - doubted]
        past = [(at - max(overs), since) for overs, since in told if overs]
        digests[line["channel"]] |= {(what, x) for by, x in past if by >= 0 and what in posted}
        if any(by > spare for by, _ in past) and not line.get("missed", True):
            yield f"{what} spoke of what had passed as if it were to come."
        if past and line.get("missed") and all(at + off < min(x) < FOREVER for x, _ in told if x):
            yield f"{what} spoke of what was to come as if it had passed."
    for channel, missed in digests.items():
        messages, since = ({each[part] for each in missed} for part in (0, 1))
        if len(messages) > len(since):
            yield f"{channel} got {len(messages)} messages about what was missed."


def _overs(known: Lines, at: float, spare: float) -> tuple[list[float], float | None]:
    """By the facts of some time before: when it is past; and since when the last of them held."""
    facts = sorted((x for x in known if x.get("at", 0.0) <= at), key=lambda x: x.get("at", 0.0))
    until = [*(each.get("at", 0.0) for each in facts[1:]), FOREVER]
    held = [fact for fact, ends in zip(facts, until, strict=False) if ends >= at - spare]
    return [each.get("over") or FOREVER for each in held], facts[-1].get("at") if facts else None


def _by_id(lines: Iterable[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        for reminder in line.get("ids", [line.get("id")]):
            found[reminder].append(line)
    return found


if __name__ == "__main__":
    evidence = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    wrong = judged(evidence)
    sys.stdout.write("\n".join([*wrong, f"{len(evidence)} lines, {len(wrong)} wrong\n"]))
    sys.exit(1 if wrong else 0)
