"""What a thread and direct messages say of a request that a person carries out by hand."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.billing import by_hand
from bot.billing.unsubscription import Event, Request, State, Verb
from bot.facts.messages import RequesterNote
from handlers import text
from handlers.blocks import contracts
from handlers.blocks import request_body as body
from handlers.blocks import request_facts as facts
from handlers.blocks.pieces import Content, Line, Link, Who, rich

SAID = 500


def line(request: Request, event: Event) -> Content | None:
    """The line of an event that only such a request has; None for all others."""
    if not request.by_hand or request.dry_run or event.verb not in _LINES:
        return None
    parts = _LINES[event.verb](request, event)
    when = facts.clock(event.at, request)
    whole: Line = (f"{when} ", *parts)
    return Content(spoken(whole), [rich(whole)])


def spoken(line: Line) -> str:
    """A line as top-level text, in which people are mentioned."""
    return "".join(
        text.mention(part.user)
        if isinstance(part, Who)
        else text.esc("".join(body.plain([(part,)])))
        for part in line
    )


def note(message: RequesterNote) -> str | None:
    """What the requester is told of a state in other words than of what the cloud does."""
    request = message.request
    other = Verb.LEFT if message.state is State.FAILED else Verb.CAME_BACK
    if not request.by_hand or request.dry_run or message.state not in _NOTES:
        return None
    if facts.last_event(request, other) is not None:
        return None
    return _NOTES[message.state](request)


def due(request: Request) -> str:
    """By when what is left has to be done."""
    at = by_hand.due_at(request)
    return text.instant(text.last_safe(at)) if at else "no date"


def gone(request: Request) -> str:
    """What is to be seen: of a contract the notice, which may run for long before it ends."""
    if request.is_contract:
        return f"notice is given for {facts.subject(request)}"
    return f"{facts.subject(request)} {facts.verb(request, one='is', several='are')} gone"


def gone_label(request: Request) -> str:
    """What is pressed by whom has seen it."""
    if request.is_contract:
        return "Notice is given"
    return "It is gone" if len(request.items) == 1 else "All are gone"


def held(until: datetime) -> str:
    """That it was said too late for what was acknowledged."""
    return f", said after {text.instant(until)}, until when the acknowledged figures held"


def awaited(request: Request) -> str:
    """What those who are asked have to do now, in a list of requests."""
    if request.state is State.EXECUTING:
        return f"To do by hand by {due(request)}"
    return "Done by hand; a second person looks whether it is gone"


def people(users: Sequence[str]) -> Line:
    """Mentions in a line; beyond eight they are counted."""
    parts: list[str | Who] = []
    for user in users[: facts.SHOWN_PEOPLE]:
        parts += [Who(user), ", "]
    rest = len(users) - facts.SHOWN_PEOPLE
    return (*parts[:-1], f" and {rest} more") if rest > 0 else tuple(parts[:-1])


def named(request: Request, event: Event) -> str:
    """The items that an event is about, by name."""
    numbers = event.items or tuple(range(1, len(request.items) + 1))
    labels = [request.items[number - 1].label for number in numbers[: facts.SHOWN_ITEMS]]
    rest = len(numbers) - len(labels)
    return text.joined([*labels, *([f"{rest} more"] if rest else [])])


def _reminded(request: Request, event: Event) -> Line:
    whom = people(event.called)
    if by_hand.calls_to_look(request, event):
        return (*whom, *([": "] if whom else []), _look(request))
    left = text.joined([facts.short(item.label) for _, item in by_hand.open_items(request)][:3])
    what = left or facts.subject(request)
    does = (
        f"request {request.number} is to be done by hand by {due(request)}: {what}. "
        "Press Done… in the request when it is."
    )
    return (*whom, *([": "] if whom else []), does)


def _look(request: Request) -> str:
    return (
        f"look whether {gone(request)}, then press {gone_label(request)} or Still there… in the "
        "request."
    )


def _carried_out(request: Request, event: Event) -> Line:
    said = f": {text.clip(event.note, SAID)}" if event.note else ""
    shows: Line = (" ", Link(event.evidence)) if event.evidence else ()
    late = held(request.good_until) if by_hand.is_late(request, event) else ""
    did = f" did it by hand, {named(request, event)}{late}{said}"
    return (*_who(event), text.sentence(did), *shows)


def _verifying(request: Request, event: Event) -> Line:
    whom = people(event.called)
    if not whom:
        who = "an admin can, or name an owner or an approver"
        return (f"verifying: nobody is named who may look whether it is gone; {who}",)
    return (*whom, f": {_look(request)}")


def _confirmed(request: Request, event: Event) -> Line:
    seen = f"{facts.verb(request, one='it is', several='all are')} gone"
    return (*_who(event), f" looked: {'notice is given' if request.is_contract else seen}")


def _still_there(request: Request, event: Event) -> Line:
    what = named(request, event)
    several = len(event.items or request.items) > 1
    why = text.clip(event.note or "", SAID)
    whom = people(event.called)
    again: Line = (" To be done again: ", *whom, ".") if whom else ()
    if event.by is None:
        return (f"the cloud was read: {text.sentence(why)}", *again)
    said = text.sentence(f" looked: {what} {'are' if several else 'is'} still there: {why}")
    return (*_who(event), said, *again)


def _who(event: Event) -> Line:
    return (Who(event.by or ""),)


_LINES: Mapping[Verb, Callable[[Request, Event], Line]] = {
    Verb.REMINDED: _reminded,
    Verb.CARRIED_OUT: _carried_out,
    Verb.VERIFYING: _verifying,
    Verb.CONFIRMED: _confirmed,
    Verb.STILL_THERE: _still_there,
}


def _runs(request: Request) -> str:
    whom = facts.people(by_hand.whom_to_ask(request))
    again = facts.last_event(request, Verb.STILL_THERE, Verb.STARTED, Verb.RETRIED)
    still = again is not None and again.verb is Verb.STILL_THERE
    first = f"Request {request.number}: {text.esc(facts.subject(request))} "
    if still:
        first += f"{facts.verb(request, one='is', several='are')} still there. "
    else:
        first += f"{facts.verb(request, one='is', several='are')} to be done by hand. "
    return f"{first}{whom or 'Nobody'} is asked to do it by {due(request)}."


def _verifies(request: Request) -> str:
    did = text.joined([text.mention(user) for user in sorted(by_hand.doers(request))])
    seen = text.esc(gone(request))
    return f"Request {request.number}: {did} said that {seen}; a second person looks."


def _done(request: Request) -> str:
    seen = by_hand.confirmed(request)
    by = f", seen by {text.mention(seen.by)}" if seen and seen.by else ""
    said = contracts.noticed(request) if request.is_contract else gone(request)
    return f"Done: {text.esc(said)}{by}. {body.money_back(request)}"


def _failed(request: Request) -> str:
    why = text.esc(text.sentence(request.problem or "It was not done"))
    return f"Request {request.number} failed: {why}"


_NOTES: Mapping[State, Callable[[Request], str]] = {
    State.EXECUTING: _runs,
    State.VERIFYING: _verifies,
    State.DONE: _done,
    State.FAILED: _failed,
}
