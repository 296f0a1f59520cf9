"""Judges the evidence of a run: what people could see, against what they should have been told.

A program of its own that imports nothing of Lapse: `python -m tests.proof.checker EVIDENCE`, where
every line of the file is a JSON object with an `event`; instants are seconds.

Of the stand-in for Slack: `asked`, `refused`, `limited` (with `until`, and `forgotten` when who
heard it died before writing it down) and `post`, each with `at`, `channel`, `delivery`
and `ids`, a post with `ts`; and `delete` with `at` and `ts`. Of the run: `owed` with `id`, `at`,
`channels` (one of them is to tell it), `due`, `over` (when it is past) and `optional` (it may be
told or not); `withdrawn` with `id`, `at` and `taken` (somebody was about to tell it); `dropped`
with `id` and `reason`; and one `end` with `sweep` (seconds within which a second copy has to be
gone), `frozen` (whether a process was), `clock_off` (how many seconds Lapse's clock may be off)
and `operator` (the conversation that hears of a channel that refuses).

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
FOREVER = float("inf")
MOST_CALLS = 3


def judged(lines: Iterable[Line]) -> list[str]:
    """What is wrong, a sentence each; nothing when the promise was kept."""
    by_event: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_event[line["event"]].append(line)
    [end] = by_event["end"]
    return [
        *_seen(by_event, end),
        *([] if end["frozen"] else _asked_early(by_event, end)),
        *_refused(by_event, end),
        *_missed(by_event),
        *(
            f"{line['id']} was dropped without a reason."
            for line in by_event["dropped"]
            if not line["reason"]
        ),
    ]


def _seen(by_event: Mapping[str, Sequence[Line]], end: Line) -> Iterator[str]:
    """Each reminder against the posts that carry it."""
    gone = {line["ts"]: line["at"] for line in by_event["delete"]}
    posts, asked = _by_id(by_event["post"]), _by_id(by_event["asked"])
    facts: dict[str, list[Line]] = defaultdict(list)
    for line in (*by_event["owed"], *by_event["withdrawn"]):
        facts[line["id"]].append(line)
    for reminder in posts.keys() - facts.keys():
        yield f"{reminder} was told and nobody owed it."
    for reminder, known in facts.items():
        known.sort(key=lambda line: line["at"])
        shown = sorted(posts[reminder], key=lambda post: post["at"])
        yield from _told(reminder, known, shown, gone, end)
        if not end["frozen"]:
            yield from _withdrawn(reminder, known, asked[reminder])


def _told(
    reminder: str,
    known: Sequence[Line],
    shown: Sequence[Line],
    gone: Mapping[str, float],
    end: Line,
) -> Iterator[str]:
    owed = [line for line in known if line["event"] == "owed"]
    lasting = [post for post in shown if post["ts"] not in gone]
    needed = known[-1]["event"] == "owed" and not known[-1]["optional"]
    channels = {channel for line in owed for channel in line["channels"]}
    if needed and not lasting:
        yield f"{reminder} was told to nobody."
    if len(lasting) > 1:
        yield f"{reminder} stands there {len(lasting)} times."
    if any(post["at"] < owed[0]["due"] - end["clock_off"] for post in shown):
        yield f"{reminder} was told before it was due."
    if any(post["channel"] not in channels for post in shown):
        yield f"{reminder} was told where it does not belong."
    if len(shown) > 1 and not end["frozen"]:
        yield f"{reminder} was told {len(shown)} times although no process was frozen."
    if len(shown) > 2:
        yield f"{reminder} was told {len(shown)} times, two at most are promised."
    for post in shown[1:]:
        if gone.get(post["ts"], FOREVER) - post["at"] > end["sweep"] and len(lasting) < 2:
            yield f"the second copy of {reminder} was there for longer than one sweep."


def _withdrawn(reminder: str, known: Sequence[Line], asked: Sequence[Line]) -> Iterator[str]:
    """What was withdrawn before anybody took it is not told until it is owed again."""
    for place, line in enumerate(known):
        if line["event"] == "withdrawn" and not line["taken"]:
            until = known[place + 1]["at"] if place + 1 < len(known) else FOREVER
            if any(line["at"] < each["at"] < until for each in asked):
                yield f"{reminder} was told after it was withdrawn."


def _asked_early(by_event: Mapping[str, Sequence[Line]], end: Line) -> Iterator[str]:
    """Nothing goes out again before Slack allows it, by whoever wrote down what Slack said."""
    asked: dict[str, list[float]] = defaultdict(list)
    for line in by_event["asked"]:
        asked[line["delivery"]].append(line["at"])
    for limit in by_event["limited"]:
        until = limit["until"] - 2 * end["clock_off"]
        early = any(limit["at"] < at < until for at in asked[limit["delivery"]])
        if early and not limit.get("forgotten"):
            yield f"{limit['delivery']} was sent before Slack allowed it."


def _refused(by_event: Mapping[str, Sequence[Line]], end: Line) -> Iterator[str]:
    """A destination that refuses is left alone soon, and somebody hears of it."""
    here = [line for line in by_event["refused"] if line["here"]]
    for delivery, calls in Counter(line["delivery"] for line in here).items():
        if calls > MOST_CALLS:
            yield f"{delivery} was tried {calls} times where it was refused."
    if here and not any(post["channel"] == end["operator"] for post in by_event["post"]):
        yield "nobody heard that a channel refuses."


def _missed(by_event: Mapping[str, Sequence[Line]]) -> Iterator[str]:
    """What was past when it was told comes in one message for each channel."""
    over = {line["id"]: line["over"] or FOREVER for line in by_event["owed"]}
    digests: dict[str, set[str]] = defaultdict(set)
    for line in by_event["asked"]:
        if any(line["at"] >= over.get(each, FOREVER) for each in line["ids"]):
            digests[line["channel"]].add(line["delivery"])
    for channel, deliveries in digests.items():
        if len(deliveries) > 1:
            yield f"{channel} got {len(deliveries)} messages about what was missed."


def _by_id(lines: Iterable[Line]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        for reminder in line["ids"]:
            found[reminder].append(line)
    return found


def main(arguments: Sequence[str]) -> int:
    """Exit 1 when the promise was broken."""
    [file] = arguments
    lines = [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]
    wrong = judged(lines)
    for sentence in wrong:
        sys.stdout.write(f"{sentence}\n")
    sys.stdout.write(f"{len(lines)} lines, {len(wrong)} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
