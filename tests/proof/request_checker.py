"""Judges requests by what the cloud was asked, what was read before, and what is kept of them.

Imports nothing of Lapse: the promises are spelled here once more.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

Line = Mapping[str, Any]
MAY_LAND = 90.0
"""Seconds from the sending of a call until it can no longer land: 60 of its own, 30 beyond."""

MAY_START = 2.0
"""Seconds from the last look at the clock until a call begins."""

SHOWN = ("asked", "acknowledged")
AGREED = ("approved", "broke-glass")
ENDED_UNTRIED = ("rejected", "withdrew", "expired", "stopped")
HALTED = (*ENDED_UNTRIED, "stale")
ENDS = {"done", "failed", "rejected", "withdrawn", "expired", "stopped"}


def judged_decision(event: Line) -> list[str]:
    """What is wrong with the decision of a person, by who may decide at that moment."""
    verb, by, behalf = event["verb"], event["by"], event["behalf"]
    if verb == "broke-glass":
        may = by in event["glass_breakers"]
    elif behalf is None:
        may = by in event["approvers"]
    else:
        may = behalf in event["approvers"] and (behalf, by) in event["lent"]
    wrong = [] if may else [f"{by} {verb} for {behalf} and may not."]
    if event["shown"] is not None and event["shown"] != event["acknowledged"]:
        wrong.append(f"{by} {verb} as {event['acknowledged']} what was shown as {event['shown']}.")
    if event["requester"] in {by, behalf}:
        wrong.append(f"{by} {verb} for {behalf} what {event['requester']} asked for.")
    return wrong


def judged_call(call: Line) -> list[str]:
    """What is wrong with one irreversible call at the moment when it is sent."""
    if call["intent"] is None:
        return [f"{call['ids']} were sent without an intent."]
    return [*_as_set(call), *_agreed(call), *_within(call), *_read(call), *_as_shown(call)]


def judged_life(calls: Sequence[Line], landed: Sequence[Line]) -> list[str]:
    """What is wrong with all calls of a life together."""
    known = Counter(str(call["intent"]) for call in calls)
    wrong = [f"intent {each} was carried out twice." for each, n in known.items() if n > 1]
    wrong += [f"{each['id']} was asked for again." for each in landed if each["said"] == "again"]
    wrong += [f"{call['ids']} went before the quota." for call in calls if call["quota_there"]]
    for number, later in enumerate(calls):
        for earlier in calls[:number]:
            shared = set(earlier["ids"]) & set(later["ids"])
            apart = later["at"] - earlier["at"]
            if shared and not earlier["known"] and apart < MAY_LAND:
                wrong.append(f"{sorted(shared)} were sent again after {apart:.0f} s.")
    return wrong


def judged_end(end: Line) -> list[str]:
    """What is wrong with a request when nothing more happens to it."""
    wrong = [*_final(end), *_as_recorded(end)]
    if end["receipt"] is not None:
        wrong += [*_paid(end, end["receipt"]), *_who(end, end["receipt"])]
    return [f"request {end['number']}: {each}" for each in wrong]


def _as_set(call: Line) -> Iterator[str]:
    """The settings have the cloud called, and had when it was acknowledged."""
    if not call["set_to_call"]:
        yield "it was sent against the settings."
    if not call["agreed_to_call"]:
        yield "it was sent, which had not been acknowledged."


def _agreed(call: Line) -> Iterator[str]:
    """Enough different people agreed to what was acknowledged last, and nobody ended it.

    Those count whom the settings name when it is sent, and as many as they ask for then.
    """
    verbs = [event["verb"] for event in call["events"]]
    if verbs != call["record"]:
        yield f"the record says {call['record']}, the request {verbs}."
    newest = max(place for place, verb in enumerate(call["record"]) if verb in SHOWN)
    since = call["record"][newest:]
    yield from (f"it was sent although it was {verb}." for verb in since if verb in HALTED)
    if "started" not in since:
        yield "it was sent and never started."
    agreed = [each for each in call["events"][newest:] if each["verb"] in AGREED]
    broke = [each["by"] for each in agreed if each["verb"] == "broke-glass"]
    if broke:
        if not set(broke) & set(call["glass_breakers"]):
            yield f"{broke} broke the glass, and may not when it is sent."
        return
    named = [each for each in agreed if (each["behalf"] or each["by"]) in call["approvers"]]
    people = {each["by"] for each in named}
    names = {each["behalf"] or each["by"] for each in named}
    if min(len(people), len(names)) < call["required"]:
        yield f"{len(people)} people approved in the names of {len(names)}: {agreed}."


def _within(call: Line) -> Iterator[str]:
    """What was acknowledged had been shown, and what was read before the call is not worse."""
    acknowledged = call["acknowledged"]
    if acknowledged not in call["shown"]:
        yield f"{acknowledged} were never shown, but {call['shown']}."
    if call["recorded"] != call["kept"]:
        yield f"{call['recorded']} were acknowledged by the record, now {call['kept']}."
    now = call["now"]
    if now is None:
        yield f"what {call['ids']} come to could not be told."
        return
    if now[0] < acknowledged[0] or now[1] > acknowledged[1] or now[2] > acknowledged[2]:
        yield f"the facts were {now}, acknowledged {acknowledged}."


def _read(call: Line) -> Iterator[str]:
    """It began upon facts in which everything was there, and nothing new depended on it."""
    reads = call["reads"]
    if not any(not each["missing"] and not each["new"] for each in reads):
        yield f"it began upon {reads}."


def _as_shown(call: Line) -> Iterator[str]:
    """Nothing new depends on it, the prices rest on what was shown, and the figures still hold."""
    if call["new"]:
        yield f"{call['new']} depend on it and were never shown."
    if call["prices"] not in call["shown_prices"]:
        yield f"the facts were {call['prices']}, shown {call['shown_prices']}."
    if call["late"] > MAY_START:
        yield f"it was sent {call['late']:.0f} s after the figures held."


def _final(end: Line) -> Iterator[str]:
    if end["state"] not in ENDS or not end["closed"]:
        yield f"it ended as {end['state']}."
    verbs = [event["verb"] for event in end["events"]]
    if verbs and end["taken"] and verbs[-1] in ENDED_UNTRIED:
        yield f"it was {verbs[-1]}, and the cloud took {sorted(end['taken'])}."
    tried = end["state"] in {"done", "failed"}
    if tried is (end["receipt"] is None) or tried is not end["receipt_owed"]:
        yield "its receipt is not what its end asks for."


def _as_recorded(end: Line) -> Iterator[str]:
    verbs = [event["verb"] for event in end["events"]]
    if verbs != end["record"]:
        yield f"the record says {end['record']}, the request {verbs}."


def _paid(end: Line, receipt: Line) -> Iterator[str]:
    """What it says is what the cloud's book says."""
    taken, listed = end["taken"], end["listed"]
    if receipt["state"] != end["state"]:
        yield f"its receipt says {receipt['state']}."
    paid = [refund for _, refund, _ in taken.values()]
    for item in receipt["items"]:
        ref, actual = item["id"], item["actual"]
        gone = item["state"] == "gone"
        if gone and ref in listed and not receipt["dry_run"]:
            yield f"{ref} is said to be gone and is there."
        open_still = item["state"] in {"sent", "unknown"} and not end["recovered"]
        if ref in taken and not gone and not open_still:
            yield f"{ref} was taken and is said to be {item['state']}."
        if end["state"] == "done" and not gone:
            yield f"it is done, and {ref} is {item['state']}."
        order, refund, fee = taken.get(ref, (None, None, None))
        told = item["order_id"], actual["refund"], actual["handling_fee"]
        settled = end["state"] == "done"
        if not _says(told, (order, refund, fee), settled=settled):
            yield f"{ref} is said to be paid {told} instead of {(order, refund, fee)}."
    total = receipt["total"]["actual"]["refund"]
    if total is not None and end["state"] == "done" and Decimal(total) != sum(map(Decimal, paid)):
        yield f"its receipt says {total} instead of {paid}."
    if receipt["dry_run"] and any(event["verb"] == "by-hand" for event in end["events"]):
        yield "it is a dry run, and was said to be done by hand."
    if receipt["dry_run"] and taken:
        yield f"its receipt says that it was a dry run, and the cloud took {sorted(taken)}."


def _who(end: Line, receipt: Line) -> Iterator[str]:
    """Who asked, approved, did it and saw it gone are those who did."""
    did = {each["by"] for each in receipt["handwork"]}
    if receipt["seen_gone"] is not None and receipt["seen_gone"]["by"] in did:
        yield f"its receipt says that {receipt['seen_gone']['by']} did and verified it."
    asked = [event["by"] for event in end["events"] if event["verb"] == "asked"]
    if [receipt["asked"]["by"]] != asked:
        yield f"its receipt says that {receipt['asked']['by']} asked."
    newest = max(n for n, event in enumerate(end["events"]) if event["verb"] in SHOWN)
    agreed = [
        (event["by"], event["behalf"])
        for event in end["events"][newest:]
        if event["verb"] == "approved"
    ]
    if [(each["by"], each["on_behalf_of"]) for each in receipt["approvals"]] != agreed:
        yield f"its receipt says that {receipt['approvals']} approved."


def _says(told: Sequence[Any], known: Sequence[Any], *, settled: bool) -> bool:
    """Whether it says what is known; where people left it, it may know less, and nothing else."""
    pairs = zip(told, known, strict=True)
    return all(one == other or (one is None and not settled) for one, other in pairs)
