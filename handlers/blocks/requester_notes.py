"""What the requester is told of a request, in direct messages, and what they can press there."""

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import ButtonElement

from bot.billing.unsubscription import Event, Item, ItemState, Request, State, Verb
from bot.facts.erased import ERASED
from bot.facts.messages import Fresh, RequesterNote
from bot.facts.receipt import in_order
from handlers import ids, text
from handlers.blocks import change_words, checklist_lines
from handlers.blocks import request_body as body
from handlers.blocks import request_facts as facts
from handlers.blocks.pieces import Content, actions, button, section
from handlers.blocks.stale_words import FACTS_CHANGED, FIGURES_WORSE, because


def requester_note(note: RequesterNote) -> Content:
    """A direct message at every change: one section, one link, and what the requester can do."""
    request = note.request
    words = _overtaken(note) or checklist_lines.note(note) or _told(note)
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
    return facts.marked(Content(words, blocks), request)


def _who_decides(request: Request) -> str:
    """Those who hear of it in place of a requester who was forgotten."""
    return facts.people([each for each in request.approvers if each != ERASED])


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


def _overtaken(note: RequesterNote) -> str | None:
    """What its event says where the request cannot tell: of a standstill, or of what was over."""
    return _held_up(note) or _had_failed(note)


def _held_up(note: RequesterNote) -> str | None:
    """That it cannot go on, or that nobody could look again, in the words of that event."""
    event, number = note.told, note.request.number
    if event is None or event.verb not in {Verb.HELD_UP, Verb.NOT_LOOKED}:
        return None
    said = body.foreign(text.clip(event.note or "", facts.SAID))
    if event.verb is Verb.HELD_UP:
        return f"Request {number} cannot go on yet: {said}"
    is_done = "is done" if note.request.state is State.DONE else "was left as it is"
    return f"Request {number} {is_done} and could not be looked at again: {said} {body.LOOK}"


def _had_failed(note: RequesterNote) -> str | None:
    """That it failed, where somebody went on before this could be sent."""
    request = note.request
    if note.state is not State.FAILED or request.state is State.FAILED:
        return None
    event = note.told or facts.last_event(request, Verb.FAILED)
    why = text.sentence(text.clip((event and event.note) or "It was not done", facts.SAID))
    by_now = f" {_BY_NOW[request.state]}" if request.state in _BY_NOW else ""
    return f"Request {request.number} had failed: {body.foreign(why)}{by_now}"


def _told(note: RequesterNote) -> str:
    if note.state in _AHEAD:
        return _AHEAD[note.state](note.request, note.zone)
    return _NOTES[note.state](note.request)


def _waits(request: Request, zone: ZoneInfo | None) -> str:
    if request.state is not State.WAITING:
        return f"Request {request.number} was sent: {text.esc(facts.what(request))}."
    left = max(request.required_approvals - len(request.approvals), 1)
    return (
        f"Request {request.number} waits for {text.plural(left, 'approval')}: "
        f"{text.esc(facts.what(request))}. Decision due by {text.spoken(request.deadline, zone)}."
    )


def _approved(request: Request, zone: ZoneInfo | None) -> str:
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
    when = facts.moment_in(request.starts_at, request, zone)
    return f"{approved} It starts at {when}; until then you can stop it.{facts.no_later(request)}"


def _runs(request: Request) -> str:
    """It says what began, so that it is as true when it is read late."""
    if facts.last_event(request, Verb.RETRIED) is not None:
        return f"Request {request.number} goes on with what was open."
    steps = text.plural(len(request.steps), "step")
    first = text.esc(facts.short(in_order(request)[0].label))
    then = f", {first} first" if len(request.steps) > 1 else ""
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
    who = _who(request, facts.last_event(request, Verb.STOPPED))
    return f"{who} stopped request {request.number} during the cooling-off. Nothing was changed."


def _who(request: Request, event: Event | None) -> str:
    """Who did it; the requester, who reads it, is *you*."""
    if event is None or not event.by:
        return "Lapse"
    return "You" if event.by == request.requested_by != ERASED else text.mention(event.by)


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
    if facts.last_event(request, Verb.CAME_BACK):
        return f"Request {request.number}: {text.esc(request.problem or '')} {body.AGAIN}"
    left = facts.last_event(request, Verb.LEFT)
    if left is not None and left.by:
        said = text.esc(text.clip((left.note or "").rstrip("."), 300))
        why = f': "{said}"' if said else ""
        return f"{_who(request, left)} left request {request.number} as it is{why}."
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

_AHEAD: Mapping[State, Callable[[Request, ZoneInfo | None], str]] = {
    State.WAITING: _waits,
    State.APPROVED: _approved,
}
"""What names a moment ahead, in the cloud's zone and the reader's."""

_NOTES: Mapping[State, Callable[[Request], str]] = {
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
