"""What went wrong, in sentences: expected refusals say why, surprises give a code."""

import re
from collections.abc import Mapping

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.services.errors import Refused
from handlers import text
from handlers.blocks import parts
from handlers.blocks.parts import Rendered

NOTHING_CHANGED = "That did not work, and nothing was changed."
NOT_POSSIBLE = "Not possible now"
_PERSON = re.compile(r"@([UW][A-Z0-9_-]+)")


def rendered(error: Exception, *, code: str) -> Rendered:
    """An expected refusal in its own words, anything else as a surprise with its code."""
    if isinstance(error, Refused):
        return _refusal(error)
    return surprise(code)


def surprise(code: str) -> Rendered:
    """Something that nobody expected; the code leads an operator to the log."""
    words = f"{NOTHING_CHANGED} Try again; if it stays, give your operator the code"
    return Rendered(f"{words} {code}.", [parts.section(f"{words} `{code}`.")])


def view(error: Exception, *, code: str) -> View:
    """The same for a modal, without a submit button."""
    return parts.modal(NOT_POSSIBLE, rendered(error, code=code).blocks, close="Close")


def submission_answer(error: Exception, *, code: str) -> Mapping[str, object]:
    """The same as the answer to a submitted modal."""
    return {"response_action": "update", "view": view(error, code=code).to_dict()}


def _refusal(error: Refused) -> Rendered:
    sentence, advice = (_peopled(part, error) for part in (error.sentence, error.advice))
    lines = f"*{sentence}*\n{advice}" if advice else f"*{sentence}*"
    blocks: list[Block] = [parts.section(lines)]
    return Rendered(text.fallback(sentence, advice), blocks)


def _peopled(foreign: str, error: Refused) -> str:
    """Escape everything, then let exactly the people that the error names become mentions."""
    known = set(error.people)

    def named(match: re.Match[str]) -> str:
        user = match.group(1)
        return text.mention(user) if user in known else match.group(0)

    return _PERSON.sub(named, text.esc(foreign))
