"""A request's history: the lines of its thread, and the receipt."""

from collections.abc import Mapping

from slack_sdk.models.blocks import Block

from bot.billing.unsubscription import Event, ItemState, Reason, Request, State, Verb
from bot.facts.messages import Receipt, RequestLine
from bot.facts.receipt import (
    Handwork,
    ReceiptFacts,
    ReceiptItem,
    Said,
    SecondLook,
    Verification,
)
from handlers import text
from handlers.blocks import calls, change_words, checklist_lines, contracts
from handlers.blocks import request_body as body
from handlers.blocks import request_facts as facts
from handlers.blocks.pieces import (
    DRY_RUN,
    Bold,
    Content,
    Line,
    Link,
    Who,
    context,
    header,
    rich,
)

LONG = 3000
DIGITS = 16
"""Of a digest's 64, which are in the JSON: enough to compare by eye."""


def request_line(line: RequestLine) -> Content:
    """One line a change; the first names the zone in which all hours are."""
    request, event = line.request, line.event
    if event.verb is Verb.CALLED:
        return facts.marked(calls.call(request, event), request)
    if (by_hand := checklist_lines.line(request, event)) is not None:
        return facts.marked(by_hand, request)
    asked = event.verb is Verb.ASKED
    when = facts.moment(event.at, request) if asked else facts.clock(event.at, request)
    did = _did_of(request, event.verb)
    if event.verb is Verb.ACKNOWLEDGED and facts.voided(request, event.number):
        did = f"{did}; {facts.VOID}"
    if event.verb is Verb.EXPIRED and event.note:
        did = "expired"
    note = facts.why_now(request, line.fresh) if line.fresh else event.note or ""
    said = text.clip(note, 500) if event.verb not in _SENTENCE_SAID else ""
    what = said if said and event.verb is Verb.STEP_DONE else f"{did}{f': {said}' if said else ''}"
    blocks: list[Block] = [rich(_line(event, when, what))]
    who = f"{facts.decider(event)} " if event.by else ""
    spoken = f"{when} {who}{text.esc(what)}"
    return facts.marked(Content(spoken, blocks), request)


def receipt(message: Receipt) -> Content:
    """What was asked, acknowledged, approved and done, with every figure and order."""
    found, request = message.facts, message.request
    back = found.actual.refund
    headline = f"Receipt of request {found.number}: {text.money(back)} back"
    if found.is_switch:
        headline = f"Receipt of request {found.number}: {_switched(found, request)}"
    elif found.contract or (found.by_people and found.state is State.FAILED):
        headline = f"Receipt of request {found.number}: {_how_it_ended(found)}"
    elif found.is_back:
        headline = f"Receipt of request {found.number}: back at the cloud"
    elif found.nothing_went:
        headline = f"Receipt of request {found.number}: nothing is gone"
    elif found.refunds_unknown and found.refund_known is not None:
        so_far = facts.but_unknown(f"{text.money(found.refund_known)} back", found.refunds_unknown)
        headline = f"Receipt of request {found.number}: {so_far}"
    elif back is None:
        headline = f"Receipt of request {found.number}: refund not known"
    if found.dry_run:
        headline = f"Receipt of request {found.number}: nothing was changed"
    parts = (_beginning(found, request), _items(found), _end(found, request))
    small = _small_print(found)
    spoken = text.fallback(
        headline,
        _totals(found),
        *(text.esc(each) for each in body.plain([*parts[1], *parts[2]])),
        *small,
        limit=LONG,
    )
    dry = [context(DRY_RUN)] if found.dry_run else []
    shown = (rich(*lines) for lines in parts if lines)
    blocks = [header(headline, dry_run=found.dry_run), *shown, context(*small), *dry]
    title = f"Receipt {found.number}"
    return facts.dry(Content(spoken, blocks, title), request)


def _did_of(request: Request, verb: Verb) -> str:
    said = change_words.words(request)
    own = {
        Verb.ASKED: f'asked and acknowledged: "{said.sentence}"',
        Verb.STEP_DONE: said.step_done,
        Verb.EXPIRED: f"expired, {facts.unsettled(request).line}",
    }
    return own.get(verb) or _DID[verb]


def _line(event: Event, when: str, what: str) -> Line:
    who: Line = (*facts.decided_by(event), " ") if event.by else ()
    return (f"{when} ", *who, what)


def _switched(found: ReceiptFacts, request: Request) -> str:
    """How it ended: auto-renewal is as it was asked for, or still as it was."""
    said = change_words.words(request)
    well = found.state is State.DONE
    return f"auto-renewal {'is' if well else 'not'} {said.ended}"


def _how_it_ended(found: ReceiptFacts) -> str:
    states = {item.state for item in found.items}
    if states == {ItemState.GONE}:
        return "ended by hand"
    return "not seen gone" if states == {ItemState.SENT} else "not ended"


def _totals(found: ReceiptFacts) -> str:
    if found.is_switch:
        return f"Amount expected: {change_words.amounts(found.charges)}."
    if found.contract:
        return contracts.DECIDES
    if found.dry_run:
        return (
            f"The refund would have been {text.money(found.estimate.refund)}, the handling fee "
            f"{text.money(found.estimate.handling_fee)} (estimate)."
        )
    if found.nothing_went:
        return "Nothing is gone, so nothing comes back."
    return _paid_back(found)


def _paid_back(found: ReceiptFacts) -> str:
    if found.actual.refund is None and found.refund_known is not None:
        known = facts.but_unknown(text.money(found.refund_known), found.refunds_unknown)
        return f"Refund at the cloud: {known}."
    if found.actual.refund is None:
        return "The refund is not known yet."
    back = text.money(found.actual.refund)
    difference = facts.worded(found.difference) if found.difference is not None else ""
    if not difference:
        return f"Refund at the cloud: {back}."
    than = difference if difference == "as estimated" else f"{difference} than the estimate"
    return f"Refund at the cloud {back}, {than}."


def _beginning(found: ReceiptFacts, request: Request) -> list[Line]:
    worst = found.acknowledged.worst
    figures = (
        f"fee at most {text.money(worst.handling_fee)}, refund at least {text.money(worst.refund)}"
    )
    words = found.asked.words if found.reason == Reason.OTHER else ""
    details = f": {text.clip(words, facts.SAID)}" if words else ""
    reason = f": {found.reason_words}{details}"
    if found.is_switch:
        reason = f" to {change_words.words(request).do} auto-renewal"
    said = figures if request.has_figures else facts.stake(request)
    acknowledged = f': "{found.acknowledged.text}", {said}'
    anew = request.acknowledged_as > 0
    again = f" again {facts.clock(found.acknowledged.at, request)}" if anew else ""
    lines: list[Line] = [
        (
            Bold("Asked"),
            f" {text.instant(found.asked.at)} by ",
            Who(found.asked.by),
            reason,
        ),
        (Bold("Acknowledged"), f"{again}{acknowledged}"),
    ]
    lines += [_did("Approved", each, request) for each in found.approvals]
    if found.broken_glass is not None:
        lines.append(_did("Glass broken", found.broken_glass, request))
    return lines


def _items(found: ReceiptFacts) -> list[Line]:
    return [
        (Bold(f"{item.number} {item.label}"), f" · {_became(item, found)}") for item in found.items
    ]


def _became(item: ReceiptItem, found: ReceiptFacts) -> str:
    if found.is_switch:
        return _switch(item, dry_run=found.dry_run)
    if not found.contract:
        return _item(item, found)
    if found.dry_run:
        return "would have been ended by hand"
    if item.back:
        return _BACK
    return "gone" if item.state is ItemState.GONE else _STILL_BY_PEOPLE.get(item.state, "not known")


def _switch(item: ReceiptItem, *, dry_run: bool) -> str:
    charged = item.charge
    amount = text.money(charged.amount if charged else None)
    if dry_run:
        return f"{amount} expected, would have been switched"
    if item.auto_renew_off is None:
        code = f" ({item.error_code})" if item.error_code else ""
        return f"{_STILL.get(item.state, 'not done')}{code}"
    return f"reads {'off' if item.auto_renew_off else 'on'}, {amount} expected"


def _item(item: ReceiptItem, found: ReceiptFacts) -> str:
    estimate = text.money(item.estimate.refund)
    if found.dry_run:
        return f"{estimate} (estimate), would have been unsubscribed"
    if item.state is not ItemState.GONE:
        code = f" ({item.error_code})" if item.error_code else ""
        still = _STILL_BY_PEOPLE if found.by_people else _STILL
        return f"{still.get(item.state, 'not done')}{code}"
    return f"{_BACK}; {_paid(item, estimate)}" if item.back else _paid(item, estimate)


def _paid(item: ReceiptItem, estimate: str) -> str:
    """What came back of one that is gone."""
    if item.actual.refund is None:
        return f"gone, refund not known yet, estimated {estimate}"
    order = f", order {item.order}" if item.order else ""
    order += f", the cloud's request {item.cloud_request}" if item.cloud_request else ""
    if item.actual.refund.is_hidden:
        return f"gone, {text.money(item.actual.refund)}{order}"
    same = item.difference is not None and not item.difference
    against = "as estimated" if same else f"estimated {estimate}"
    return f"{text.money(item.actual.refund)}, {against}{order}"


def _end(found: ReceiptFacts, request: Request) -> list[Line]:
    lines: list[Line] = []
    if found.problem is not None and not found.is_back:
        lines.append((Bold("Problem"), f": {text.clip(found.problem, facts.SAID)}"))
    if found.by_hand is not None:
        lines.append(_did("Done by hand", found.by_hand, request))
    lines += [_handwork(found, each, request) for each in found.handwork]
    if found.seen_gone is not None:
        lines.append(_did("Seen gone", found.seen_gone, request))
    if found.not_read is not None:
        lines.append((Bold("Not read back"), f": {found.not_read}"))
    if found.left is not None:
        lines.append(_did("Left as it is", found.left, request))
    if found.verified is not None:
        lines.append(_verification(found.verified, request))
    if found.second_look is not None:
        lines.append(_second_look(found.second_look, request))
    return lines


def _handwork(found: ReceiptFacts, done: Handwork, request: Request) -> Line:
    """Who did it by hand, which of several, and the link that shows it."""
    some = len(done.items) < len(found.items)
    which = f", {text.joined([str(each) for each in done.items])}" if some else ""
    words = f": {text.clip(done.words, facts.SAID)}" if done.words else ""
    shows: Line = (" ", Link(done.evidence)) if done.evidence else ()
    when = facts.clock(done.at, request)
    late = checklist_lines.held(done.after) if done.after else ""
    return (Bold("Done by hand"), f"{which} {when} by ", Who(done.by), late, words, *shows)


def _verification(verified: Verification, request: Request) -> Line:
    if change_words.is_switch(request):
        read = f"auto-renewal reads {change_words.words(request).ended}"
        return (Bold("Verified"), f" {facts.clock(verified.at, request)}: {read}")
    when = facts.clock(verified.at, request)
    read = verified.note or "gone"
    if verified.refund_orders is not None:
        read = f"gone, {_read(verified)}"
    return (Bold("Verified"), f" {when}: {read}")


def _second_look(look: SecondLook, request: Request) -> Line:
    if look.due is not None:
        when = facts.clock(look.due, request)
        return (Bold("Second look"), f" due {when}; what it finds is added here, with newer files")
    when = facts.clock(look.at, request) if look.at else ""
    gone = "still gone" if look.gone is None else f"{look.gone} gone"
    found = f"{gone}, {_read(look)}" if look.back is None else text.clip(look.back, facts.SAID)
    if look.unread is not None:
        found = f"not possible: {text.clip(look.unread, facts.SAID)}"
    return (Bold("Second look"), f" {when}: {found}")


def _read(found: Verification | SecondLook) -> str:
    off = "auto-renewal off" if found.auto_renew_off else "auto-renewal not off everywhere"
    return f"{off}, {text.plural(found.refund_orders or 0, 'refund order')}"


def _did(what: str, said: Said, request: Request) -> Line:
    words = f": {text.clip(said.words, facts.SAID)}" if said.words else ""
    behalf: Line = (" for ", Who(said.behalf)) if said.behalf else ()
    return (Bold(what), f" {facts.clock(said.at, request)} by ", Who(said.by), *behalf, words)


def _small_print(found: ReceiptFacts) -> list[str]:
    """The rules that the figures follow, and the record's head, so that a cut record shows."""
    lines = ["As the contract says" if found.contract else f"Rule set: {text.esc(found.rules)}"]
    if found.head is not None:
        entries = text.plural(found.head.entries, "entry", "entries")
        lines.append(f"Record: {entries}, head {found.head.digest[:DIGITS]}{text.ELLIPSIS}")
    return lines


_BACK = "at the cloud again"

_STILL: Mapping[ItemState, str] = {
    ItemState.PLANNED: "not sent",
    ItemState.SENT: "sent, not gone yet",
    ItemState.REFUSED: "refused, nothing changed",
    ItemState.UNKNOWN: "not known",
}

_STILL_BY_PEOPLE: Mapping[ItemState, str] = {
    **_STILL,
    ItemState.PLANNED: "not done",
    ItemState.SENT: "said to be done by hand, not seen gone",
}
"""The same where nothing is sent, since a person carries it out."""

_SENTENCE_SAID = frozenset({Verb.ASKED, Verb.ACKNOWLEDGED})
"""Their note is the acknowledgement, which the words quote already."""

_DID: Mapping[Verb, str] = {
    Verb.APPROVED: "approved",
    Verb.BROKE_GLASS: "broke the glass and approved it alone",
    Verb.REJECTED: "rejected",
    Verb.WITHDREW: "withdrew",
    Verb.STOPPED: "stopped it during the cooling-off",
    Verb.READ_AGAIN: "figures read again",
    Verb.STALE: "stale, nothing was executed",
    Verb.ACKNOWLEDGED: "acknowledged the new figures",
    Verb.STARTED: "started",
    Verb.STEP_REFUSED: "refused by the cloud",
    Verb.VERIFYING: "verifying: reading back",
    Verb.VERIFIED: "verified",
    Verb.FAILED: "failed",
    Verb.RETRIED: "retried",
    Verb.BY_HAND: "did it by hand",
    Verb.LEFT: "left it as it is",
    Verb.LOOKED_AGAIN: "second look",
    Verb.CAME_BACK: "second look",
    Verb.HELD_UP: "cannot go on yet",
    Verb.NOT_LOOKED: "no second look",
    Verb.NOT_READ: "not read back",
    Verb.ASKED_TO_LOOK: "asked Lapse to look at the cloud now",
}
