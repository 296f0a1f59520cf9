"""A request's history: the lines of its thread, the receipt, and what the requester is told."""

from collections.abc import Callable, Mapping

from slack_sdk.models.blocks import Block, ButtonElement

from bot.billing.unsubscription import Event, Item, ItemState, Reason, Request, State, Verb
from bot.facts.erased import ERASED
from bot.facts.messages import Fresh, Receipt, RequesterNote, RequestLine
from bot.facts.receipt import (
    Handwork,
    ReceiptFacts,
    ReceiptItem,
    Said,
    SecondLook,
    Verification,
    in_order,
)
from handlers import ids, text
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
    actions,
    button,
    context,
    header,
    rich,
    section,
)
from handlers.blocks.stale_words import FACTS_CHANGED, FIGURES_WORSE, because

LONG = 3000
SAID = 500
DIGITS = 16
"""Of a digest's 64, which are in the JSON: enough to compare by eye."""


def request_line(line: RequestLine) -> Content:
    """One line a change; the first names the zone in which all hours are."""
    request, event = line.request, line.event
    if event.verb is Verb.CALLED:
        return _dry(calls.call(request, event), request)
    if (by_hand := checklist_lines.line(request, event)) is not None:
        return _dry(by_hand, request)
    asked = event.verb is Verb.ASKED
    when = facts.moment(event.at, request) if asked else facts.clock(event.at, request)
    did = _did_of(request, event.verb)
    if event.verb is Verb.EXPIRED and event.note:
        did = "expired"
    said = text.clip(event.note or "", 500) if event.verb not in _SENTENCE_SAID else ""
    what = said if said and event.verb is Verb.STEP_DONE else f"{did}{f': {said}' if said else ''}"
    blocks: list[Block] = [rich(_line(event, when, what))]
    who = f"{facts.decider(event)} " if event.by else ""
    spoken = f"{when} {who}{text.esc(what)}"
    return _dry(Content(spoken, blocks), request)


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


def requester_note(note: RequesterNote) -> Content:
    """A direct message at every change: one section, one link, and what the requester can do."""
    request = note.request
    words = _overtaken(note) or checklist_lines.note(note) or _NOTES[note.state](request)
    if note.fresh is not None and note.state is State.STALE is request.state:
        words = _stale_now(request, note.fresh)
    if request.requested_by == ERASED and (others := _who_decides(request)):
        words = f"{others}: {words}"
    link = (
        button(
            "See what to do"
            if note.state is State.FAILED and not request.closed
            else "Open request",
            ids.OPEN_LINK,
            "",
            url=note.link,
            says=f"Open request {request.number}",
        )
        if note.link
        else None
    )
    blocks = [section(words), *actions(_own(note), link)]
    return _dry(Content(words, blocks), request)


def _who_decides(request: Request) -> str:
    """Those who hear of it in place of a requester who was forgotten."""
    return facts.people([each for each in request.approvers if each != ERASED])


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
    details = f": {text.clip(words, SAID)}" if words else ""
    reason = f": {found.reason_words}{details}"
    if found.is_switch:
        reason = f" to {change_words.words(request).do} auto-renewal"
    said = figures if request.has_figures else facts.stake(request)
    acknowledged = f': "{found.acknowledged.text}", {said}'
    lines: list[Line] = [
        (
            Bold("Asked"),
            f" {text.instant(found.asked.at)} by ",
            Who(found.asked.by),
            reason,
        ),
        (Bold("Acknowledged"), acknowledged),
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
        lines.append((Bold("Problem"), f": {text.clip(found.problem, SAID)}"))
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
    words = f": {text.clip(done.words, SAID)}" if done.words else ""
    shows: Line = (" ", Link(done.evidence)) if done.evidence else ()
    when = facts.clock(done.at, request)
    return (Bold("Done by hand"), f"{which} {when} by ", Who(done.by), words, *shows)


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
    found = f"still gone, {_read(look)}" if look.back is None else text.clip(look.back, SAID)
    if look.unread is not None:
        found = f"not possible: {text.clip(look.unread, SAID)}"
    return (Bold("Second look"), f" {when}: {found}")


def _read(found: Verification | SecondLook) -> str:
    off = "auto-renewal off" if found.auto_renew_off else "auto-renewal not off everywhere"
    return f"{off}, {text.plural(found.refund_orders or 0, 'refund order')}"


def _did(what: str, said: Said, request: Request) -> Line:
    words = f": {text.clip(said.words, SAID)}" if said.words else ""
    behalf: Line = (" for ", Who(said.behalf)) if said.behalf else ()
    return (Bold(what), f" {facts.clock(said.at, request)} by ", Who(said.by), *behalf, words)


def _small_print(found: ReceiptFacts) -> list[str]:
    """The rules that the figures follow, and the record's head, so that a cut record shows."""
    lines = ["As the contract says" if found.contract else f"Rule set: {text.esc(found.rules)}"]
    if found.head is not None:
        entries = text.plural(found.head.entries, "entry", "entries")
        lines.append(f"Record: {entries}, head {found.head.digest[:DIGITS]}{text.ELLIPSIS}")
    return lines


def _dry(content: Content, request: Request) -> Content:
    if not request.dry_run:
        return content
    return Content(f"Dry run: {content.text}", [*content.blocks, context(DRY_RUN)], content.title)


def _own(note: RequesterNote) -> ButtonElement | None:
    """What the requester can press in the note; it goes when it no longer holds."""
    request = note.request
    if not note.current or note.state is not request.state:
        return None
    if note.state is State.APPROVED:
        return body.press("Stop", ids.STOP, request, style="danger")
    if note.state in {State.REJECTED, State.EXPIRED, State.WITHDRAWN, State.STOPPED}:
        return body.ask_again(request)
    if note.state is State.STALE:
        return body.press("Review new figures…", ids.REVIEW, request, says="Review request")
    return None


def _subject(request: Request) -> str:
    return text.esc(facts.subject(request))


def _held_up(note: RequesterNote) -> str | None:
    """That it cannot go on, or that nobody could look again, in the words of that event."""
    event, number = note.told, note.request.number
    if event is None or event.verb not in {Verb.HELD_UP, Verb.NOT_LOOKED}:
        return None
    said = body.foreign(text.clip(event.note or "", SAID))
    if event.verb is Verb.HELD_UP:
        return f"Request {number} cannot go on yet: {said}"
    return f"Request {number} is done and could not be looked at again: {said} {body.LOOK}"


def _overtaken(note: RequesterNote) -> str | None:
    """What its event says where the request cannot tell: of a standstill, or of what was over."""
    return _held_up(note) or _had_failed(note)


def _had_failed(note: RequesterNote) -> str | None:
    """That it failed, where somebody went on before this could be sent."""
    request = note.request
    if note.state is not State.FAILED or request.state is State.FAILED:
        return None
    event = note.told or facts.last_event(request, Verb.FAILED)
    why = text.sentence(text.clip((event and event.note) or "It was not done", SAID))
    by_now = f" {_BY_NOW[request.state]}" if request.state in _BY_NOW else ""
    return f"Request {request.number} had failed: {body.foreign(why)}{by_now}"


def _waits(request: Request) -> str:
    if request.state is not State.WAITING:
        return f"Request {request.number} was sent: {text.esc(facts.what(request))}."
    left = max(request.required_approvals - len(request.approvals), 1)
    return (
        f"Request {request.number} waits for {text.plural(left, 'approval')}: "
        f"{text.esc(facts.what(request))}. Decision due by {text.instant(request.deadline)}."
    )


def _approved(request: Request) -> str:
    event = request.broken_glass or facts.last_event(request, Verb.APPROVED)
    who = facts.decider(event) if event and event.by else "Lapse"
    approved = f"{who} approved request {request.number}."
    if not request.required_approvals and event and not event.by:
        approved = f"Request {request.number} needs no approval: {text.esc(facts.what(request))}."
    if event is not None and event is request.broken_glass:
        why = text.sentence(text.esc(text.clip(event.note or "", 300)))
        approved = f"{who} broke the glass and approved request {request.number} alone: {why}"
    if request.starts_at is None:
        return approved
    when = facts.moment(request.starts_at, request)
    return f"{approved} It starts at {when}; until then you can stop it."


def _runs(request: Request) -> str:
    left = [item for item in in_order(request) if item.state is not ItemState.GONE]
    open_steps = {step.number for item in left if (step := body.step_of(request, item))}
    steps = text.plural(len(open_steps), "step")
    first = text.esc(facts.short((left or in_order(request))[0].label))
    then = f", {first} first" if len(open_steps) > 1 else ""
    return f"Request {request.number} runs: {steps}{then}."


def _verifies(request: Request) -> str:
    several = len(request.items) > 1
    said = change_words.words(request)
    gone = f"{_subject(request)} is {said.ended}"
    if several:
        gone = f"all {len(request.items)} are {said.ended}"
    if request.dry_run:
        return f"Request {request.number}: every step would have been made."
    return f"Request {request.number}: {gone}, Lapse reads {said.verifies}."


def _done(request: Request) -> str:
    said = change_words.words(request)
    if request.dry_run:
        would = f"{_subject(request)} would have been {said.did}"
        return f"Done: {would}. {body.estimated(request)}"
    if facts.last_event(request, Verb.CAME_BACK):
        return f"Request {request.number}: {text.esc(request.problem or '')} {body.AGAIN}"
    verb = facts.verb(request, one="is", several="are")
    return f"Done: {_subject(request)} {verb} {said.ended}. {body.money_back(request)}"


def _rejected(request: Request) -> str:
    event = facts.last_event(request, Verb.REJECTED)
    who = facts.decider(event) if event and event.by else "Lapse"
    why = f': "{text.esc(text.clip(event.note, 300))}"' if event and event.note else ""
    end = "" if why.endswith(('."', '!"', '?"')) else "."
    return f"{who} rejected request {request.number}{why}{end} Nothing was changed."


def _expired(request: Request) -> str:
    why = facts.why_expired(request)
    if why:
        said = body.foreign(body.lower(why))
        return f"Request {request.number} expired: {said} Nothing was changed."
    return f"Request {request.number} expired: {facts.unsettled(request).sentence}."


def _withdrawn(request: Request) -> str:
    return f"You withdrew request {request.number}. Nothing was changed."


def _stopped(request: Request) -> str:
    event = facts.last_event(request, Verb.STOPPED)
    who = text.mention(event.by) if event and event.by else "Lapse"
    return f"{who} stopped request {request.number} during the cooling-off. Nothing was changed."


def _stale(request: Request) -> str:
    if request.state is not State.STALE:
        event = facts.last_event(request, Verb.STALE)
        was = because(event.note if event else None, account=request.account)
        return f"Request {request.number} was stale, nothing was executed: {was}."
    floor = f"{'' if request.has_figures else 'that '}{facts.floor(request)}"
    why = facts.why_stale(request)
    if request.problem and why != FIGURES_WORSE:
        changed = f": {why}." if why == FACTS_CHANGED else "."
        return (
            f"Request {request.number} is stale, nothing was executed{changed} "
            f"{text.esc(text.sentence(request.problem))} You acknowledged {floor}."
        )
    return (
        f"Request {request.number} is stale, nothing was executed: {why}, you acknowledged {floor}."
    )


def _stale_now(request: Request, fresh: Fresh) -> str:
    """The same where it is known what it means now."""
    worse = facts.got_worse(request, fresh)
    if worse and facts.why_stale(request) == FIGURES_WORSE:
        return f"Request {request.number} is stale, nothing was executed: {worse}."
    return f"{_stale(request)} {facts.now_means(request, fresh)}"


def _failed(request: Request) -> str:
    left = facts.last_event(request, Verb.LEFT)
    if left is not None and left.by:
        said = text.esc(text.clip((left.note or "").rstrip("."), 300))
        why = f': "{said}"' if said else ""
        return f"{text.mention(left.by)} left request {request.number} as it is{why}."
    items = in_order(request)
    stuck = [item for item in items if item.state is not ItemState.GONE]
    gone = len(items) - len(stuck)
    if not stuck:
        return (
            f"Request {request.number} failed: {body.foreign(request.problem or 'see the request')}"
        )
    step = body.step_of(request, stuck[0])
    where = f" in step {step.number} of {len(request.steps)}" if step else ""
    ended = change_words.words(request).ended
    others = {0: "", 1: f" The other one is {ended}."}.get(gone, f" The other {gone} are {ended}.")
    return f"Request {request.number} failed{where}: {_stuck(request, stuck[0])}{others}"


def _stuck(request: Request, item: Item) -> str:
    """What is known of one that is not done, and why where it was not even sent."""
    said, label = change_words.words(request), text.esc(item.label)
    if item.state is ItemState.REFUSED and not item.error_code:
        why = text.esc(body.lower((item.error or "the cloud did not take it").rstrip(".")))
        return f"{label} is not done, {why}, and {said.left}."
    if item.state is ItemState.REFUSED:
        return f"the cloud refused {label}, which {said.left}."
    if item.state is ItemState.PLANNED:
        why = f" {text.esc(text.sentence(request.problem))}" if request.problem else ""
        return f"{label} was not sent and {said.left}.{why}"
    if request.problem:
        return body.foreign(body.lower(text.sentence(request.problem)))
    return f"it is not known whether {change_words.of(request)}{label} is {said.ended}."


_BY_NOW: Mapping[State, str] = {
    State.EXECUTING: "By now it goes on.",
    State.VERIFYING: "By now it is being verified.",
    State.DONE: "By now it is done.",
}
"""What became of one that had failed."""

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

_NOTES: Mapping[State, Callable[[Request], str]] = {
    State.WAITING: _waits,
    State.APPROVED: _approved,
    State.EXECUTING: _runs,
    State.VERIFYING: _verifies,
    State.DONE: _done,
    State.REJECTED: _rejected,
    State.EXPIRED: _expired,
    State.WITHDRAWN: _withdrawn,
    State.STOPPED: _stopped,
    State.STALE: _stale,
    State.FAILED: _failed,
}
