"""A request that a person carries out by hand: its message, and the modals about it."""

from collections.abc import Callable, Collection, Mapping, Sequence

from slack_sdk.models.blocks import (
    Block,
    ButtonElement,
    CheckboxesElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
)
from slack_sdk.models.blocks.block_elements import FileInputElement
from slack_sdk.models.views import View

from bot.billing import by_hand
from bot.billing.unsubscription import Item, ItemState, Request, State, Verb
from bot.facts.messages import Overdue, RequestCard
from bot.facts.reasons import REASONS
from handlers import ids, text
from handlers.blocks import checklist_lines as lines
from handlers.blocks import contracts, requests
from handlers.blocks import request_body as body
from handlers.blocks import request_facts as facts
from handlers.blocks.decisions import WHY_LIMIT
from handlers.blocks.pieces import (
    DRY_RUN,
    Bold,
    Content,
    Line,
    Link,
    Who,
    actions,
    button,
    confirm,
    context,
    cut,
    fields,
    header,
    modal,
    rich,
    section,
)
from handlers.blocks.requests import DONE, WARNING, WORKING, Face
from handlers.blocks.stale_words import is_unapproved

OPENS_AGAIN = "Retry opens the checklist for another day."
CALLS_AGAIN = "Retry calls those who may look once more."
TAKES_STILL = "Done… still takes what is gone already."
ASK_AGAIN = (
    "The acknowledged figures hold no longer, so nobody is asked to do it: leave it as is and ask "
    f"again. {TAKES_STILL}"
)

TICKS = 10
"""Boxes that one group shows; Slack takes no more."""

SHOWN = TICKS * len(ids.CHECKLIST_GROUPS)
"""Boxes that one modal shows."""


def card(message: RequestCard) -> Content:
    """The message of any request; of one that is carried out by hand, with its checklist."""
    request = message.request
    listed_again = facts.last_event(request, Verb.CAME_BACK) is not None
    if not request.by_hand or request.dry_run or request.state not in _FACES or listed_again:
        return requests.request_card(message)
    face = _FACES[request.state](request)
    shown = [header(face.headline, emoji=face.emoji), *face.body, *actions(*face.buttons)]
    return Content(face.spoken, shown)


def overdue(message: Overdue) -> Content:
    """Told to the channel: what nobody did in time, of whom it was asked, what can be done.

    Or that it is approved no more.
    """
    request = message.request
    people, what = by_hand.whom_to_ask(request), f"do request {request.number} by hand"
    if not by_hand.open_items(request):
        verb = facts.verb(request, one="it is", several="all are")
        called = facts.last_event(request, Verb.REMINDED, Verb.VERIFYING)
        people = called.called if called else ()
        what = f"look whether {verb} gone, request {request.number}"
    asked = f"{facts.people(people)} {'was' if len(people) == 1 else 'were'} asked"
    problem = body.foreign(text.sentence(request.problem or "It was not done in time"))
    told = f"{asked if people else 'Nobody was asked'} to {what}. {problem} {_opens_again(request)}"
    link = button(
        "Open request",
        ids.OPEN_LINK,
        "",
        url=message.link,
        says=f"Open request {request.number}",
    )
    why = "Approved no more" if is_unapproved(request.problem) else "Overdue"
    blocks: list[Block] = [
        header(f"{why}: unsubscribe {facts.subject(request)}", emoji=WARNING),
        section(told),
        *([context(DRY_RUN)] if request.dry_run else []),
        *actions(link if message.link else None),
    ]
    spoken = f"{why}: unsubscribe {text.esc(facts.subject(request))}. {told}"
    return Content(spoken, blocks)


def done_form(request: Request) -> View:
    """*Done by hand*: which of it, and the link or the file that shows it."""
    left = by_hand.open_items(request)
    rest = len(left) - SHOWN
    more = f" The other {rest} come after these." if rest > 0 else ""
    shown = "A link or a file has to show it, and a second person looks."
    return modal(
        "Done by hand",
        [
            rich((f"Request {request.number}, {request.account}. {shown}{more}",)),
            *_ticks("What is done", left, ticked=len(left) == 1),
            _input(
                "Link",
                ids.EVIDENCE,
                hint="To what shows it: the vendor's answer, or a message or file in the thread.",
                optional=True,
            ),
            InputBlock(
                label=PlainTextObject(text="Or a file"),
                element=FileInputElement(action_id=ids.EVIDENCE_FILE, max_files=1),
                block_id=ids.EVIDENCE_FILE,
                hint=PlainTextObject(text="For example a screenshot, where there is no link."),
                optional=True,
            ),
            _input(
                "Note",
                ids.WHY,
                hint="It goes into the request's history and its receipt.",
                optional=True,
                several=True,
            ),
        ],
        callback_id=ids.CHECKLIST_DONE_FORM,
        submit="Done",
        close="Go back",
        metadata=facts.reference(request),
    )


def still_form(request: Request) -> View:
    """*Still there*: which of it, and what was seen."""
    items = list(enumerate(request.items, 1))
    return modal(
        "Still there",
        [
            rich((f"Request {request.number}, {request.account}. It is to be done again then.",)),
            *_ticks("What is still there", items, ticked=len(items) == 1),
            _input("What you saw", ids.WHY, hint="Who did it reads it.", several=True),
        ],
        callback_id=ids.CHECKLIST_STILL_FORM,
        submit="Still there",
        close="Go back",
        metadata=facts.reference(request),
    )


def _ticks(label: str, items: Sequence[tuple[int, Item]], *, ticked: bool) -> Sequence[Block]:
    """A box for each, in groups; of several groups none has to have a tick."""
    if len(items) <= TICKS:
        return [_boxes(label, ids.CHECKLIST_ITEMS, items, ticked=ticked)]
    groups = [items[first : first + TICKS] for first in range(0, len(items), TICKS)]
    return [
        _boxes(f"{label}, {group[0][0]} to {group[-1][0]}", block_id, group, optional=True)
        for block_id, group in zip(ids.CHECKLIST_GROUPS, groups, strict=False)
    ]


def _boxes(
    label: str,
    block_id: str,
    items: Collection[tuple[int, Item]],
    *,
    ticked: bool = False,
    optional: bool = False,
) -> Block:
    options = [
        Option(value=str(number), text=PlainTextObject(text=cut(f"{number} {item.label}", 75)))
        for number, item in items
    ]
    boxes = CheckboxesElement(
        action_id=block_id, options=options, initial_options=options if ticked else None
    )
    return InputBlock(
        label=PlainTextObject(text=label), element=boxes, block_id=block_id, optional=optional
    )


def _input(
    label: str, block_id: str, *, hint: str, optional: bool = False, several: bool = False
) -> Block:
    return InputBlock(
        label=PlainTextObject(text=label),
        element=PlainTextInputElement(action_id=block_id, multiline=several, max_length=WHY_LIMIT),
        block_id=block_id,
        hint=PlainTextObject(text=hint),
        optional=optional,
    )


def _executing(request: Request) -> Face:
    due = lines.due(request)
    notice = "give notice of " if request.is_contract else ""
    headline = f"Executing by hand: {notice}{facts.subject(request)}"
    calls = "" if request.is_contract else " · nothing is called at the cloud"
    rows = _rows(request)
    return Face(
        emoji=WORKING,
        headline=headline,
        spoken=_spoken(
            f"Request {request.number} is to be done by hand by {due}: "
            f"{facts.subject(request)} ({request.account})",
            rows,
        ),
        body=(
            body.asked(request),
            body.reason(request),
            body.figures(request),
            rich((Bold(f"To do by hand by {due}"),), *rows),
            context(f"{body.decided(request)}{calls}"),
        ),
        buttons=(_done_button(request), _leave_button(request), body.working(request)),
    )


def _verifying(request: Request) -> Face:
    seen = by_hand.confirmed(request)
    rows = _rows(request)
    who = facts.last_event(request, Verb.REMINDED, Verb.VERIFYING)
    whom = facts.people(who.called) if who else ""
    looks = f"{whom} can look" if whom else "Nobody is named who may look; an admin can"
    if seen and seen.by:
        reads = "" if request.is_contract else ", the cloud is being read"
        looks = f"{text.mention(seen.by)} looked, {facts.moment(seen.at, request)}{reads}"
    verb = facts.verb(request, one="is", several="are")
    headline = f"Verifying: {verb} {facts.subject(request)} gone?"
    whether = "it is gone"
    if request.is_contract:
        headline = f"Verifying: is notice given for {facts.subject(request)}?"
        whether = "notice is given"
    said = f"a second person looks whether {whether}" if seen is None else "seen by a second person"
    return Face(
        emoji=WORKING,
        headline=headline,
        spoken=_spoken(
            f"Request {request.number}: {facts.subject(request)} ({request.account}) was done by "
            f"hand, {said}",
            rows,
        ),
        body=(
            body.asked(request),
            body.reason(request),
            body.figures(request),
            rich((Bold("Done by hand"),), *rows),
            context(f"{body.decided(request)} · {looks}"),
        ),
        buttons=(
            *((*_looking(request), _leave_button(request)) if seen is None else ()),
            body.working(request),
        ),
    )


def _done(request: Request) -> Face:
    gone = contracts.noticed(request) if request.is_contract else lines.gone(request)
    seen, verified = by_hand.confirmed(request), facts.last_event(request, Verb.VERIFIED)
    did = text.joined([text.mention(user) for user in sorted(by_hand.doers(request))])
    saw = "" if request.is_contract else " gone"
    told = (
        f"Asked by {text.mention(request.requested_by)}",
        f"approved by {body.approvers(request)}",
        f"done by {did}" if did else "",
        f"seen{saw} by {text.mention(seen.by)}" if seen and seen.by else "",
        f"verified {facts.moment(verified.at, request)}" if verified else "",
        "" if request.is_contract or by_hand.was_read(request) else "not read at the cloud",
        requests.second_look(request),
        "receipt in the thread",
    )
    costs = (
        " Collector servers and VPC endpoints, if used, keep costing until someone releases them."
    )
    if not facts.keeps_costing(request):
        costs = ""
    cloud = fields(
        ("Refund at the cloud", facts.refund_known(request)),
        ("Handling fee", facts.fee_known(request)),
        *([("May still cost", "collector servers, VPC endpoints")] * facts.keeps_costing(request)),
    )
    return Face(
        emoji=DONE,
        headline=f"Done: {gone}",
        spoken=f"Request {request.number} is done by hand: {text.esc(gone)}. "
        f"{body.money_back(request)}{costs}",
        body=(
            body.asked(request),
            body.reason(request),
            contracts.request_figures(request) if request.is_contract else cloud,
            rich(*_rows(request)),
            context(" · ".join(part for part in told if part)),
        ),
        buttons=(body.press("Receipt…", ids.RECEIPT, request, says="Receipt of request"),),
    )


def _opens_again(request: Request) -> str:
    """How to go on with one that failed: what Retry does, where it does anything."""
    if not by_hand.open_items(request):
        return CALLS_AGAIN
    if is_unapproved(request.problem):
        return f"{body.ASK_AGAIN} {TAKES_STILL}"
    return OPENS_AGAIN if by_hand.opens_again(request) else ASK_AGAIN


def _failed(request: Request) -> Face:
    rows = _rows(request)
    became = _became(request)
    left = facts.last_event(request, Verb.LEFT)
    why = f": {text.clip(left.note or '', lines.SAID)}" if left else ""
    problem = text.sentence(request.problem or f"It was given up{why}")
    headline = f"Failed: {became}{', left as it is' if request.closed else ''}"
    return Face(
        emoji=WARNING,
        headline=headline,
        spoken=_spoken(
            f"Request {request.number} failed: {facts.subject(request)} ({request.account}) was "
            f"{became}. {problem}",
            rows,
        ),
        body=(
            body.asked(request),
            body.reason(request),
            body.figures(request),
            rich(*rows),
            rich((problem if request.closed else f"{problem} {_opens_again(request)}",)),
            context(body.failed(request)),
        ),
        buttons=() if request.closed else _repairs(request),
    )


def _became(request: Request) -> str:
    """How far it came: nobody did it, or nobody looked; in time, unless somebody gave it up."""
    late = " in time" if request.problem and not is_unapproved(request.problem) else ""
    return f"not done by hand{late}" if by_hand.open_items(request) else f"not seen gone{late}"


def _spoken(first: str, rows: Collection[Line]) -> str:
    """The sentence, then the rows as far as they fit, with people as mentions."""
    return text.fallback(text.esc(first), *(lines.spoken(row) for row in rows))


def _rows(request: Request) -> list[Line]:
    """One numbered line an item: what is to be done, or who did it and what shows it."""
    found: list[Line] = []
    numbered = list(enumerate(request.items, 1))
    for number, item in numbered[: facts.SHOWN_ITEMS]:
        found += [(Bold(f"{number} {item.label}"), *_row(request, number, item))]
        if item.state is ItemState.PLANNED and not request.closed:
            found += [(_how(request, item),)]
    rest = len(numbered) - facts.SHOWN_ITEMS
    return [*found, (f"and {rest} more",)] if rest > 0 else found


def _row(request: Request, number: int, item: Item) -> Line:
    said = by_hand.done_by(request, number)
    if said is None:
        whom: Line = (", asked of ", Who(item.asked)) if item.asked else ()
        word = "not done" if request.state is State.FAILED else "to do"
        several = len({each.due_at for _, each in by_hand.open_items(request)}) > 1
        due = by_hand.in_time(request, item.due_at) if several and item.due_at else None
        by = f" by {text.instant(text.last_safe(due))}" if due else ""
        return (" · ", Bold(word), by, *whom)
    who: Line = (" by ", Who(said.by)) if said.by else ()
    shows: Line = (": ", Link(said.evidence)) if said.evidence else ()
    gone = item.state is ItemState.GONE
    unseen = ", not seen gone" if request.state is State.FAILED and not gone else ""
    return (
        " · ",
        Bold(_word(request, gone=gone)),
        ", done" if gone and not request.is_contract else "",
        *who,
        f", {facts.moment(said.at, request)}{unseen}",
        *shows,
    )


def _word(request: Request, *, gone: bool) -> str:
    seen = "notice given" if request.is_contract else "gone"
    return seen if gone else "done"


def _how(request: Request, item: Item) -> str:
    """What to do and where; the console's own path where a page describes it."""
    if request.is_contract:
        where = f" to {item.task.service}" if item.task and item.task.service else ""
        return f"Give notice{where} as the contract asks for it, and keep the vendor's answer."
    path = by_hand.console_path(item.task) if item.task else ()
    after = body.step_of(request, item)
    first = "When the edition reads basic: " if after and after.after else ""
    where = " > ".join(path) or "the cloud's console, Unsubscribe"
    return (
        f"{first}{where}, the reason {REASONS[request.reason]}, tick that a handling fee applies, "
        "Confirm, then look there that it is gone."
    )


def _done_button(request: Request) -> ButtonElement:
    return body.press(
        "Done…", ids.CHECKLIST_DONE, request, style="primary", says="Done by hand, request"
    )


def _looking(request: Request) -> tuple[ButtonElement, ...]:
    label, what = lines.gone_label(request), cut(facts.counted(request), 80)
    seen = f"{what} {'is' if len(request.items) == 1 else 'are'} gone"
    seen = f"notice is given for {what}" if request.is_contract else seen
    gone = button(
        label,
        ids.CHECKLIST_GONE,
        facts.reference(request),
        style="primary",
        says=f"{label}, request {request.number}",
        confirm=confirm(
            f"Is {'notice given' if request.is_contract else 'it gone'}, request {request.number}?",
            f"You looked yourself, and say for the record that {seen}. Reminders stop.",
            label,
        ),
    )
    still = body.press("Still there…", ids.CHECKLIST_STILL, request, says="Still there, request")
    return (gone, still)


def _repairs(request: Request) -> tuple[ButtonElement, ...]:
    left = by_hand.open_items(request)
    opens = "The checklist opens again for a day, and those who are asked are called."
    retry = button(
        "Retry",
        ids.RETRY,
        str(request.number),
        says=f"Retry request {request.number}",
        confirm=confirm(
            f"Retry request {request.number}?",
            f"{opens if left else 'Those who may look whether it is gone are called again.'} "
            "Nothing is called at the cloud.",
            "Retry",
        ),
    )
    first = (_done_button(request),) if left else _looking(request)
    opens_again = by_hand.opens_again(request) and not is_unapproved(request.problem)
    again = (retry,) if not left or opens_again else ()
    return (*first, *again, _leave_button(request))


def _leave_button(request: Request) -> ButtonElement:
    return body.press("Leave as is…", ids.LEAVE, request, says="Leave as is, request")


_FACES: Mapping[State, Callable[[Request], Face]] = {
    State.EXECUTING: _executing,
    State.VERIFYING: _verifying,
    State.DONE: _done,
    State.FAILED: _failed,
}
