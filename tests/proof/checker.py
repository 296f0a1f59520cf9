"""Judges the evidence of a run: what people could see, against what they should have been told.

A program of its own that imports nothing of Lapse: `python -m tests.proof.checker EVIDENCE`, where
every line of the file is a JSON object. Lines of the stand-in for Slack: `post` with `at`
(seconds), `channel`, `ts`, `delivery` and `ids`, `update`, and `delete`. Lines of the run: `owed`
with `id`, `channel` and `due`, `withdrawn` with `id` and `at`, and one `end` with `at`, `sweep`
(seconds within which a second copy has to be gone) and `frozen` (whether a process was).

The promise: when processes stop, never two, never none; when a process is frozen for longer than
its lease, never none, two at most, and the second is gone within one sweep.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Line = Mapping[str, object]
FOREVER = float("inf")


def judged(lines: Iterable[Line]) -> list[str]:
    """What is wrong, a sentence each; nothing when the promise was kept."""
    by_event: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_event[str(line["event"])].append(line)
    [end] = by_event["end"]
    gone = {str(line["ts"]): float(line["at"]) for line in by_event["delete"]}
    posts: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for post in by_event["post"]:
        for reminder in post["ids"]:
            posts[reminder, str(post["channel"])].append(post)
    owed = {(str(each["id"]), str(each["channel"])): each for each in by_event["owed"]}
    withdrawn = {str(each["id"]): float(each["at"]) for each in by_event["withdrawn"]}
    found = [f"{what} was told and nobody owed it." for what in posts.keys() - owed.keys()]
    for (reminder, channel), line in owed.items():
        shown = sorted(posts[reminder, channel], key=lambda post: float(post["at"]))
        found += _one(reminder, line, shown, gone, end, withdrawn.get(reminder, FOREVER))
    return found


def _one(
    reminder: str,
    owed: Line,
    shown: Sequence[Line],
    gone: Mapping[str, float],
    end: Line,
    withdrawn: float,
) -> Iterable[str]:
    due = float(owed["due"])
    lasting = [post for post in shown if str(post["ts"]) not in gone]
    if not lasting and withdrawn == FOREVER:
        yield f"{reminder} was told to nobody."
    if len(lasting) > 1:
        yield f"{reminder} stands there {len(lasting)} times."
    if any(float(post["at"]) < due for post in shown):
        yield f"{reminder} was told before it was due."
    if len(shown) > 1 and not end["frozen"]:
        yield f"{reminder} was told {len(shown)} times although no process was frozen."
    if len(shown) > 2:
        yield f"{reminder} was told {len(shown)} times, two at most are promised."
    for post in shown[1:]:
        ends = gone.get(str(post["ts"]), FOREVER)
        if ends - float(post["at"]) > float(end["sweep"]) and len(lasting) < 2:
            yield f"the second copy of {reminder} was there for longer than one sweep."


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
