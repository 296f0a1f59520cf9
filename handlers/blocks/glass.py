"""Broken glass: the button on a waiting request, and what the whole channel is told."""

from collections.abc import Sequence
from datetime import timedelta

from slack_sdk.models.blocks import (
    Block,
    InteractiveElement,
    Option,
    OverflowMenuElement,
    PlainTextObject,
)

from bot.billing.unsubscription import Request
from bot.facts.messages import BrokenGlass
from handlers import ids, text
from handlers.blocks import request_body as body
from handlers.blocks import request_facts as facts
from handlers.blocks.pieces import (
    DRY_RUN,
    Content,
    actions,
    button,
    context,
    header,
    quoted,
    section,
)

EVERYBODY = "<!channel>"
SAID = 200
"""Characters of the reason in the top-level text, which a lock screen shows and a phone reads."""


def breaking(request: Request) -> Sequence[InteractiveElement]:
    """The button, and what it makes room for as a menu: a message has four buttons at most."""
    breaks = body.press(
        "Break glass…", ids.BREAK_GLASS, request, says="Break the glass for request"
    )
    if body.working(request) is None:
        return (breaks,)
    working = Option(value=str(request.number), text=PlainTextObject(text="Show the working…"))
    return (
        breaks,
        OverflowMenuElement(action_id=ids.REQUEST_MENU, options=[working]),
    )


def broken(message: BrokenGlass) -> Content:
    """Who approved what alone, why, when it starts, and until when it can be stopped."""
    request, event = message.request, message.event
    why = text.clip(event.note or "", 500)
    told = (
        f"{EVERYBODY} {text.mention(event.by or '')} broke the glass for request {request.number} "
        f"and approved it alone, with {facts.count(request)}: "
        f"{body.foreign(facts.subject(request))} of {body.foreign(request.account)}."
    )
    starts_at = event.at + timedelta(minutes=request.cooling_off_minutes)
    if request.starts_at is not None and request.broken_glass == event:
        starts_at = request.starts_at
    starts = (
        f"It starts at {facts.moment(starts_at, request)}; until then requester and approvers can "
        f"stop it.{facts.no_later(request)}"
    )
    if starts_at == event.at:
        starts = "It starts at once."
    opens = f"Open request {request.number}"
    link = button("Open request", ids.OPEN_LINK, "", url=message.link, says=opens)
    blocks: list[Block] = [
        header(f"Glass broken: request {request.number}", emoji="warning", dry_run=request.dry_run),
        section(told),
        quoted([("Why:",)], why),
        section(starts),
        *([context(DRY_RUN)] if request.dry_run else []),
        *actions(link if message.link else None),
    ]
    said = text.sentence(text.esc(text.clip(why, SAID)))
    spoken = f"{told} Why: {said} {starts}"
    return facts.dry(Content(spoken, blocks), request)
