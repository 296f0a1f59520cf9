"""Judges how a request was carried out by what the cloud was asked and what is kept of it.

Imports nothing of Lapse: the promise is spelled here once more.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Line = Mapping[str, Any]
MAY_LAND = 90.0
"""Seconds from the sending of a call until it can no longer land: 60 of its own, 30 beyond."""

UNTOLD = {"read-again", "step-done", "step-refused"}
"""What happens without a word to the requester."""


def judged_calls(evidence: Sequence[Line]) -> list[str]:
    """Everything that is wrong."""
    end = evidence[-1]
    calls = [line for line in evidence if line["event"] == "call"]
    wrong = [*_intents(calls), *_order(calls), *_ending(end), *_words(end)]
    if not end["late_sender"]:  # which nothing outside the cloud can hold back
        wrong += _items(end)
        landed = (line for line in evidence if line["event"] == "landed")
        wrong += [
            f"{line['id']} was asked for again." for line in landed if line["said"] == "again"
        ]
        wrong += _too_early(calls)
    return wrong


def _intents(calls: Sequence[Line]) -> Iterator[str]:
    for line in calls:
        if line["intent"] is None:
            yield f"{line['ids']} were sent without an intent."
    known = Counter(str(line["intent"]) for line in calls if line["intent"])
    yield from (f"intent {each} was carried out twice." for each, n in known.items() if n > 1)


def _order(calls: Sequence[Line]) -> Iterator[str]:
    yield from (f"{line['ids']} went before the quota." for line in calls if line["quota_there"])


def _too_early(calls: Sequence[Line]) -> Iterator[str]:
    for number, later in enumerate(calls):
        for earlier in calls[:number]:
            shared = set(earlier["ids"]) & set(later["ids"])
            apart = later["at"] - earlier["at"]
            if shared and not earlier["known"] and apart < MAY_LAND:
                yield f"{sorted(shared)} were sent again after {apart:.0f} s."


def _ending(end: Line) -> Iterator[str]:
    if end["state"] not in {"done", "failed"}:
        yield f"it ended as {end['state']}."
    if end["next_due"] is not None:
        yield "somebody is still to look at it."
    if end["state"] == "done" and not end["closed"]:
        yield "it is done and not closed."
    taken = Counter[str](end["taken_ids"])
    for ref, times in taken.items():
        if times > 1:
            yield f"{ref} was taken {times} times."


def _items(end: Line) -> Iterator[str]:
    for ref, (state, order, in_catalogue) in end["items"].items():
        there = ref in end["listed"]
        known = {"gone", "refused", "planned"} | ({"sent"} if end["gives_up"] else set())
        if state not in known or (state == "gone") is there:
            yield f"{ref} is said to be {state}, and is {'there' if there else 'gone'}."
        if end["state"] == "done" and (there or order != end["taken"].get(ref)):
            yield f"{ref} is said to be done with order {order}."
        if in_catalogue is not there:
            yield f"the catalogue is wrong about {ref}."
    refused = any(state == "refused" for state, _, _ in end["items"].values())
    if (end["state"] == "failed") is not (refused or end["gives_up"]):
        yield "its state is not that of its items."


def _words(end: Line) -> Iterator[str]:
    keys = keys_of(end)
    lacking = [each for each in keys if each not in end["owed"]]
    if lacking:
        yield f"not owed: {lacking}."
    if end["messages"] != len(keys):
        yield f"{end['messages']} messages are owed instead of {len(keys)}."
    told = [f"request.{verb}" for _, verb in end["events"]]
    for subject, actions in end["record"].items():
        if actions != told:
            yield f"the record of {subject} is {actions}."


def keys_of(end: Line) -> list[str]:
    """What is owed of a request that went so, each once."""
    stem = f"request/{end['number']}"
    updates = [f"{stem}/card/v{version}" for version in range(2, end["version"] + 1)]
    lines = [f"{stem}/line/{number}" for number, _ in end["events"]]
    notes = [f"{stem}/note/{number}" for number, verb in end["events"] if verb not in UNTOLD]
    receipt = [f"{stem}/receipt{form}" for form in ("", "/pdf", "/json")] if end["closed"] else []
    cards = [f"{stem}/card", *updates]
    return [*cards, *lines, *notes, f"{stem}/note/2/v3", *receipt, *end["warned"]]
