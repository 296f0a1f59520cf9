"""The request message in the approvals channel, in every state it can be in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from slack_sdk.models.blocks import Block, ButtonElement, InteractiveElement

from bot.billing import stepping
from bot.billing.standstill import is_at_the_cloud
from bot.billing.stepping import ahead
from bot.billing.unsubscription import ItemState, Request, State, StepState, Verb
from bot.facts.messages import Fresh, RequestCard
from handlers import ids, text
from handlers.blocks import glass, refusal_words
from handlers.blocks import request_body as body
from handlers.blocks import request_facts as facts
from handlers.blocks.change_words import is_switch, words
from handlers.blocks.pieces import (
    DRY_RUN,
    Bold,
    Content,
    Line,
    Who,
    actions,
    context,
    fields,
    header,
    quoted,
    rich,
    section,
)
from handlers.blocks.stale_words import is_unapproved

WAITING = "hourglass_flowing_sand"
WORKING = "gear"
DONE = "white_check_mark"
WARNING = "warning"
ENDED = "no_entry_sign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What changes from state to state; the order of the message never does."""

    emoji: str
    headline: str
    spoken: str
    body: tuple[Block, ...]
    buttons: tuple[ButtonElement | None, ...] = ()


class Start(NamedTuple):
    """How the start of an approved request reads, and until when it can be stopped."""

    headline: str
    does: str
    spoken: str
    stop: str


def request_card(card: RequestCard) -> Content:
    """The message in its present state; the top-level text says everything needed to decide."""
    request = card.request
    face = FACES[request.state](request)
    if card.several is not None and request.state is State.WAITING:
        face = _waiting(request, several=card.several)
    if card.fresh is not None and request.state is State.STALE:
        face = _stale(request, card.fresh)
    blocks = [
        header(face.headline, emoji=face.emoji, dry_run=request.dry_run),
        *face.body,
        *([context(DRY_RUN)] if request.dry_run else []),
        *actions(*_offered(card, face)),
    ]
    return facts.dry(Content(face.spoken, blocks), request)


def _offered(card: RequestCard, face: Face) -> Sequence[InteractiveElement | None]:
    """The buttons; where glass can be broken the last one makes room and becomes a menu."""
    if not card.breakable or card.request.state is not State.WAITING:
        return face.buttons
    return (*face.buttons[:-1], *glass.breaking(card.request))


def _waiting(request: Request, several: str = "") -> Face:
    do = words(request).do
    who, what = text.mention(request.requested_by), text.esc(facts.subject(request, full=True))
    by = text.instant(request.deadline)
    why = f" ({body.foreign(several)})" if several else ""
    return Face(
        emoji=WAITING,
        headline=f"Waiting: {do} {facts.subject(request)}",
        spoken=(
            f"Request {request.number} waits: {who} asks to {do} {what} "
            f"({text.esc(request.account)}). {facts.stake(request, first=True)}. "
            f"Approve or reject by {by}."
        ),
        body=(
            body.asked(request),
            body.reason(request),
            body.figures(request),
            rich(*body.rows(request, body.estimate)),
            context(
                " · ".join(
                    (
                        f"{body.counted_approvals(request)}{why}",
                        *body.still_to_decide(request),
                        f"by {by}",
                        body.rules(request),
                    )
                )
            ),
        ),
        buttons=(
            body.approve(request),
            body.press("Reject", ids.REJECT, request),
            body.withdraw(request),
            body.working(request),
        ),
    )


def _approved(request: Request) -> Face:
    last = request.broken_glass or (request.approvals[-1] if request.approvals else None)
    starts = request.starts_at or (last.at if last else request.requested_at)
    by = facts.decider(last) if last and last.by else facts.SETTINGS
    how = facts.how_approved(request)
    alone = ", who broke the glass," if request.broken_glass else ""
    what = facts.counted(request) if len(request.items) > 1 else facts.subject(request)
    what = f"{words(request).do} {what}" if is_switch(request) else what
    start = _start(request, at=starts)
    return Face(
        emoji=WAITING,
        headline=f"Approved{start.headline}",
        spoken=(
            f"Request {request.number} is approved by {by}{alone} and {start.does}: "
            f"{text.esc(what)} of {text.esc(request.account)}, {facts.least(request)}. "
            f"{start.spoken} it can be stopped."
            f"{facts.no_later(request)}{body.held_up_spoken(request)}"
        ),
        body=(
            body.asked(request),
            body.reason(request),
            body.figures(request),
            rich(*body.rows(request, body.estimate)),
            *body.held_up(request),
            context(
                f"{how[0].upper()}{how[1:]} · requester and approvers can stop it "
                f"until {start.stop}"
            ),
            *([context(no_later.strip())] if (no_later := facts.no_later(request)) else []),
        ),
        buttons=(
            body.press("Stop", ids.STOP, request, style="danger"),
            body.working(request),
        ),
    )


def _start(request: Request, *, at: datetime) -> Start:
    """By its hour; where that has passed and it cannot go on yet, by what it waits for."""
    if why := facts.why_held_up(request):
        return Start(f", waits: {why}", "waits", "Until it starts", "it starts")
    when = facts.moment(at, request)
    return Start(f": starts at {when}", f"starts at {when}", "Until then", facts.clock(at, request))


def _executing(request: Request) -> Face:
    running = body.running(request)
    rows = body.rows(request, body.progress)
    number = running.number if running else len(request.steps)
    headline = f"Executing step {number} of {len(request.steps)}: {facts.under_way(request)}"
    return Face(
        emoji=WORKING,
        headline=headline,
        spoken=body.spoken(
            f"Request {request.number} is {body.lower(headline)} ({request.account})",
            *body.plain([*body.held_up_lines(request), *rows]),
        ),
        body=(
            body.asked(request),
            body.reason(request),
            body.figures(request),
            rich(*rows),
            *body.held_up(request),
            context(body.decided(request)),
        ),
        buttons=(*body.looking(request), body.working(request)),
    )


def _verifying(request: Request) -> Face:
    gone = sum(item.state is ItemState.GONE for item in request.items)
    read = [item.auto_renew_off for item in request.items if item.auto_renew_off is not None]
    off = f"{sum(read)} of {len(request.items)}" if read else "not read yet"
    refunds = sum(item.refund_actual is not None for item in request.items)
    of = len(request.items)
    again = "" if refunds == of else f", looking again until {_looks_until(request)}"
    rows: list[Line] = (
        [(f"Auto-renewal reads {words(request).ended}: ", Bold(off))]
        if is_switch(request)
        else [
            ("Gone from the cloud's list: ", Bold(f"{gone} of {of}")),
            ("Auto-renewal off: ", Bold(off)),
            ("Refund orders found: ", Bold(f"{refunds} of {of}"), again),
        ]
    )
    if request.dry_run:
        rows = [("Nothing was sent, so there is nothing to read back.",)]
    headline = f"Verifying: reading {text.plural(of, 'subscription')} back"
    return Face(
        emoji=WORKING,
        headline=headline,
        spoken=body.spoken(
            f"Request {request.number}: {facts.subject(request)} ({request.account}), "
            f"{body.lower(headline)}",
            *body.plain([*body.held_up_lines(request), *rows]),
        ),
        body=(
            body.asked(request),
            body.reason(request),
            body.figures(request, gone=gone == of and not request.dry_run),
            rich(*rows),
            *body.held_up(request),
            context(body.decided(request)),
        ),
        buttons=(*body.looking(request), body.working(request)),
    )


def _looks_until(request: Request) -> str:
    """How long refund orders are looked for; each look is soon, and none of them is announced."""
    return facts.moment(stepping.refunds_read_until(request), request)


def _done(request: Request) -> Face:
    back = facts.refunded(request)
    difference = facts.against(back, facts.sums(request).refund) if back is not None else ""
    verb = facts.verb(request, one="is", several="are")
    said = words(request)
    gone = f"{facts.subject(request)} {verb} {said.ended}"
    would = f"{facts.subject(request)} would have been {said.did}"
    figures = [("Refund at the cloud", facts.refund_known(request))]
    figures += [("Against the estimate", difference)] if difference else []
    figures += [("Handling fee", facts.fee_known(request))]
    lost = request.acknowledgement.worst.coupons_lost
    figures += [("Coupons lost, at most", text.money(lost))] if lost else []
    figures += [("May still cost", "collector servers, VPC endpoints")] * facts.keeps_costing(
        request
    )
    verified = facts.last_event(request, Verb.VERIFIED)
    asked = (
        f"Asked by {text.mention(request.requested_by)}",
        f"approved by {body.approvers(request)}",
        f"verified {facts.moment(verified.at, request)}" if verified else "",
        second_look(request),
        "receipt in the thread",
    )
    spoken = f"Request {request.number} is done: {text.esc(gone)}. {body.money_back(request)}"
    estimated = request.dry_run or is_switch(request)
    estimate = body.figures(request) if estimated else fields(*figures)
    if request.dry_run:
        spoken = f"Request {request.number} is done: {text.esc(would)}. {body.estimated(request)}"
    if facts.keeps_costing(request):
        spoken += (
            " Collector servers and VPC endpoints, if used, keep costing until someone releases "
            "them."
        )
    if facts.last_event(request, Verb.CAME_BACK):
        return _back(request, estimate, context(" · ".join(part for part in asked if part)))
    return Face(
        emoji=DONE,
        headline=f"Done: {would if request.dry_run else gone}",
        spoken=spoken,
        body=(
            body.asked(request),
            body.reason(request),
            estimate,
            rich(*body.rows(request, body.estimate if request.dry_run else body.progress)),
            *body.renews_still(request),
            context(" · ".join(part for part in asked if part)),
        ),
        buttons=(
            body.turn_off(request),
            body.press("Receipt…", ids.RECEIPT, request, says="Receipt of request"),
        ),
    )


def _back(request: Request, figures: Block, said: Block) -> Face:
    """What was done and verified is listed again a day later."""
    problem = text.sentence(request.problem or "It is at the cloud again")
    return Face(
        emoji=WARNING,
        headline=f"Back at the cloud: {facts.subject(request)}",
        spoken=body.spoken(f"Request {request.number} was done, but: {problem}", body.AGAIN),
        body=(
            body.asked(request),
            body.reason(request),
            figures,
            rich(*body.rows(request, body.progress)),
            rich((f"{problem} {body.AGAIN}",)),
            said,
        ),
        buttons=(
            body.ask_again(request),
            body.press("Receipt…", ids.RECEIPT, request, says="Receipt of request"),
        ),
    )


def second_look(request: Request) -> str:
    """When it will be, or what it found."""
    if request.second_look_at is not None:
        return f"second look {facts.moment(request.second_look_at, request)}"
    looked = facts.last_event(request, Verb.LOOKED_AGAIN, Verb.NOT_LOOKED)
    if looked is None:
        return ""
    if looked.verb is Verb.NOT_LOOKED:
        return f"no second look, not readable {facts.moment(looked.at, request)}"
    gone = sum(item.state is ItemState.GONE for item in request.items)
    found = "still gone" if request.state is State.DONE else f"second look, {gone} gone"
    return f"{found} {facts.moment(looked.at, request)}"


def _ended(word: str, verb: Verb, did: str) -> Callable[[Request], Face]:
    def face(request: Request) -> Face:
        event = facts.last_event(request, verb)
        who = facts.decider(event) if event and event.by else "Lapse"
        when = facts.moment(event.at, request) if event else ""
        said = words(request)
        stays = facts.verb(request, one=said.stays, several=said.stay)
        sentence = f"{who} {did}, {when}. Nothing was changed."
        note = (event.note or "") if event and verb is Verb.REJECTED else ""
        return Face(
            emoji=ENDED,
            headline=f"{word}: {facts.subject(request)} {stays}",
            spoken=text.fallback(
                f"Request {request.number} is {word.lower()}: "
                f"{text.esc(facts.subject(request, full=True))} ({text.esc(request.account)}) "
                f"{stays}",
                sentence,
                f"“{text.esc(text.clip(note, 200))}”" if note else "",
            ),
            body=(
                section(sentence),
                *((quoted((), note),) if note else ()),
                *body.remembered(request),
            ),
            buttons=(body.ask_again(request),),
        )

    return face


def _not_started(request: Request, why: str, after: str) -> Face:
    """It was approved, and could not start as long as the acknowledged figures held."""
    what = text.esc(facts.subject(request, full=True))
    return Face(
        emoji=ENDED,
        headline="Expired: it could not start in time",
        spoken=(
            f"Request {request.number} expired: {what} ({text.esc(request.account)}). {why} "
            f"Nothing was changed.{after}"
        ),
        body=(section(f"{why} Nothing was changed.{after}"), *body.remembered(request)),
        buttons=(body.ask_again(request),),
    )


def _expired(request: Request) -> Face:
    next_one = facts.kept(request, hour=True)
    deduction = request.if_kept.get("kind") == "deduction"
    label = "Next deduction: " if deduction else "It "
    after = f" {label}{text.esc(next_one)}." if next_one else ""
    what = text.esc(facts.subject(request, full=True))
    why = body.foreign(facts.why_expired(request) or "")
    if why:
        return _not_started(request, why, after)
    unsettled = facts.unsettled(request)
    said = unsettled.sentence
    # The headline of one about which nobody decided says it all already.
    told = "" if unsettled.short == "nobody decided by" else f"{said[0].upper()}{said[1:]}. "
    return Face(
        emoji=ENDED,
        headline=f"Expired: {unsettled.short} {text.short_instant(request.deadline)}",
        spoken=(
            f"Request {request.number} expired: {what} ({text.esc(request.account)}), {said}. "
            f"Nothing was changed.{after}"
        ),
        body=(section(f"{told}Nothing was changed.{after}"), *body.remembered(request)),
        buttons=(body.ask_again(request),),
    )


def _stale(request: Request, fresh: Fresh | None = None) -> Face:
    """What was acknowledged and, where it is known, what it means now, side by side."""
    why = facts.why_now(request, fresh)
    again = "must acknowledge again, then approvers decide again."
    now = f"{facts.now_means(request, fresh)} " if fresh else ""
    return Face(
        emoji=WARNING,
        headline=f"Stale: {facts.why_stale(request)}, nothing was executed",
        spoken=(
            f"Request {request.number} is stale, nothing was executed: "
            f"{text.esc(facts.subject(request, full=True))} ({text.esc(request.account)}). "
            f"{text.esc(why)} {now}{text.mention(request.requested_by)} {again}"
        ),
        body=(
            body.asked(request),
            rich((f"{why} ", Who(request.requested_by), f" {again}")),
            body.reason(request),
            body.figures(request) if request.is_contract else body.compared(request, fresh),
            rich(*body.rows(request, body.acknowledged)),
        ),
        buttons=(
            body.press(
                "Review new figures…", ids.REVIEW, request, says="Review figures of request"
            ),
            body.withdraw(request),
        ),
    )


def _failed(request: Request) -> Face:
    counts = {
        "done": sum(item.state is ItemState.GONE for item in request.items),
        "refused": sum(item.state is ItemState.REFUSED for item in request.items),
        "not known": sum(
            item.state in {ItemState.UNKNOWN, ItemState.SENT} for item in request.items
        ),
        "not sent": sum(item.state is ItemState.PLANNED for item in request.items),
    }
    summary = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    open_items = len(request.items) - counts["done"]
    summary += "" if open_items else ", not read back"
    rows = body.rows(request, body.progress)
    said = (_stays_paid(request), _problem(request), _what_to_do(request))
    problem = " ".join(each for each in said if each)
    headline = f"Failed: {summary}{', left as it is' if request.closed else ''}"
    return Face(
        emoji=WARNING,
        headline=headline,
        spoken=body.spoken(
            f"Request {request.number} failed: {facts.subject(request)} ({request.account}), "
            f"{summary}",
            *body.plain(rows),
            problem,
        ),
        body=(
            body.asked(request),
            body.reason(request),
            body.figures_left(request),
            rich(*rows),
            rich((problem,)),
            context(
                " · ".join(part for part in (body.failed(request), second_look(request)) if part)
            ),
        ),
        buttons=_left(request) if request.closed else body.repairs(request, open_items),
    )


def _left(request: Request) -> tuple[ButtonElement | None, ...]:
    receipt = body.press("Receipt…", ids.RECEIPT, request, says="Receipt of request")
    return (body.ask_again(request), receipt)


def _stays_paid(request: Request) -> str:
    """What is left behind by what went before it: a package without its edition (R8, R9)."""
    done = {step.number for step in request.steps if step.state is StepState.DONE}
    after = {key for s in request.steps if done.intersection(s.after) for key in s.subscriptions}
    left = [i.label for i in request.items if i.key in after and i.state is ItemState.REFUSED]
    if not left or not request.ends_items:
        return ""
    does, stays = ("does", "stays") if len(left) == 1 else ("do", "stay")
    return f"{text.joined(left)} {does} not work without the edition and {stays} paid for."


def _problem(request: Request) -> str:
    return text.sentence(request.problem) if request.problem else ""


def _what_to_do(request: Request) -> str:
    """How people can go on; nothing once they left it, or where an earlier Lapse wrote it down."""
    by_hand = f"{words(request).by_hand} and say so"
    if request.closed or by_hand in (request.problem or ""):
        return ""
    if all(item.state is ItemState.GONE for item in request.items):
        return "Retry reads it back once more, or leave it as is."
    return _rehearses_again(request) if request.dry_run else _goes_on(request, by_hand)


def _goes_on(request: Request, by_hand: str) -> str:
    if is_at_the_cloud(request):
        return f"Retry looks first and asks for nothing twice, or {by_hand}."
    if is_unapproved(request.problem):
        return f"{body.ASK_AGAIN} Done by hand… still takes it if all of it is gone already."
    if _is_over(request):
        return f"Retry calls nothing any more: {by_hand}, or leave it and ask again."
    if said := refusal_words.instead(request):
        return said
    refused = [item for item in request.items if item.state is ItemState.REFUSED]
    untaken = any(not item.error_code for item in refused)  # nothing that could be over by itself
    return f"Retry what is open{'' if untaken else ' when that is over'}, or {by_hand}."


def _rehearses_again(request: Request) -> str:
    """A dry run is nobody's to do by hand."""
    if is_unapproved(request.problem):
        return body.ASK_AGAIN
    if _is_over(request):
        return "Leave it as is and ask again."
    return "Retry when that is over, or leave it as is."


def _is_over(request: Request) -> bool:
    """Whether something is left of what failed after the acknowledged figures held."""
    failed = facts.last_event(request, Verb.FAILED)
    return failed is not None and failed.at > request.good_until and bool(ahead(request))


FACES: Mapping[State, Callable[[Request], Face]] = {
    State.WAITING: _waiting,
    State.APPROVED: _approved,
    State.EXECUTING: _executing,
    State.VERIFYING: _verifying,
    State.DONE: _done,
    State.REJECTED: _ended("Rejected", Verb.REJECTED, "rejected it"),
    State.WITHDRAWN: _ended("Withdrawn", Verb.WITHDREW, "withdrew it"),
    State.STOPPED: _ended("Stopped", Verb.STOPPED, "stopped it during the cooling-off"),
    State.EXPIRED: _expired,
    State.STALE: _stale,
    State.FAILED: _failed,
}
