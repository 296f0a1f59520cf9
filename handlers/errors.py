"""What went wrong, in sentences: expected refusals say why, surprises give a code."""

import re
from collections.abc import Callable, Mapping, Sequence

from slack_sdk.models.blocks import Block, InteractiveElement
from slack_sdk.models.views import View

from bot.services.errors import AlreadyDeducted, AlreadyRequested, Refused, UnknownSubscription
from handlers import ids, text
from handlers.blocks import pieces
from handlers.blocks.pieces import Content

NOT_POSSIBLE = "Not possible now"
NOTHING_CHANGED = "That did not work, and nothing was changed."

_PERSON = re.compile(r"@([UW][A-Z0-9_-]+)")


def rendered(error: Exception, *, code: str) -> Content:
    """An expected refusal in its own words, anything else as a surprise with its code."""
    return refusal(error) if isinstance(error, Refused) else surprise(code)


def refusal(error: Refused) -> Content:
    """What happened and what to do, with a button where one leads on."""
    words = f"{peopled(error.sentence, error.people)} {peopled(error.advice, error.people)}".strip()
    blocks: list[Block] = [pieces.section(words), *pieces.actions(*_ways_on(error))]
    return Content(text.fallback(words), blocks, NOT_POSSIBLE)


def surprise(code: str) -> Content:
    """Something that nobody expected; the code leads an operator to the log."""
    words = f"{NOTHING_CHANGED} Try again; if it stays, give your operator the code"
    return Content(f"{words} {code}.", [pieces.section(f"{words} `{code}`.")], NOT_POSSIBLE)


def view(error: Exception, *, code: str) -> View:
    """The same as a modal, without a submit button."""
    message = rendered(error, code=code)
    return pieces.modal(message.title, message.blocks, close="Close")


def submission_answer(error: Exception, *, code: str) -> Mapping[str, object]:
    """The same as the answer to a submitted modal."""
    return {"response_action": "update", "view": view(error, code=code).to_dict()}


def peopled(foreign: str, people: Sequence[str]) -> str:
    """Escape everything, then let exactly these people, written `@U…`, become mentions."""

    def named(match: re.Match[str]) -> str:
        user = match.group(1)
        return text.mention(user) if user in people else match.group(0)

    return _PERSON.sub(named, text.esc(foreign))


def _ways_on(error: Refused) -> Sequence[InteractiveElement]:
    way = _WAYS_ON.get(type(error))
    return way(error) if way else ()


def _show_nearest(error: Refused) -> Sequence[InteractiveElement]:
    near = error.near[:1] if isinstance(error, UnknownSubscription) else ()
    return [
        pieces.button("Show it", ids.SHOW, str(each.key), says=f"Show {each.label}")
        for each in near
    ]


def _open_request(error: Refused) -> Sequence[InteractiveElement]:
    if not isinstance(error, AlreadyRequested):
        return ()
    says = f"Open request {error.number}"
    return [pieces.button("Open request", ids.OPEN_REQUEST, str(error.number), says=says)]


def _give_back(error: Refused) -> Sequence[InteractiveElement]:
    if not isinstance(error, AlreadyDeducted) or error.until is None or error.key is None:
        return ()
    says = "Give back the renewal"
    return [pieces.button("Give it back…", ids.GIVE_BACK, str(error.key), says=says)]


_WAYS_ON: Mapping[type[Refused], Callable[[Refused], Sequence[InteractiveElement]]] = {
    UnknownSubscription: _show_nearest,
    AlreadyRequested: _open_request,
    AlreadyDeducted: _give_back,
}
