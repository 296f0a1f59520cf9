"""What Slack accepts and people still suffer from: a text that says less than its blocks."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.localslack.blockkit.problem import Problem, too_long

ADVISED_TEXT: Final = (
    4_000  # methods/chat.postMessage: "for best results"; chat.update refuses more
)
_AMOUNT: Final = re.compile(r"\b[A-Z]{3}[ \u00a0\u202f]\d[\d,]*(?:\.\d+)?")
_DAY: Final = re.compile(
    r"\b\d{1,2} (?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b(?: \d{4})?"
)
_TOKEN: Final = re.compile(r"<!date\^[^>]*>")
_SPACES: Final = re.compile(r"[\s\u00a0\u202f]+")


def quality(payload: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Remarks on a message that Slack would take: its text is missing or too long for readers."""
    return tuple(_remarks(payload))


def _remarks(payload: Mapping[str, Any]) -> Iterator[Problem]:
    text = payload.get("text")
    if payload.get("files") and not text:
        return  # readers hear the files' titles
    if not isinstance(text, str) or not text.strip():
        yield Problem(pointer="/text", code="no_text", message="is missing: readers hear nothing")
    elif len(text) > ADVISED_TEXT:
        yield too_long("/text", got=len(text), most=ADVISED_TEXT)


def missing_in_text(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Amounts and dates that stand in the blocks but not in the text, in order.

    A date of the blocks counts as told when the text has it with or without its year.
    """
    text = _flat(str(payload.get("text") or ""))
    told: dict[str, None] = {}
    for piece in _texts(payload.get("blocks")):
        flat = _flat(_TOKEN.sub("", piece))
        for match in (*_AMOUNT.findall(flat), *_DAY.findall(flat)):
            short = re.sub(r" \d{4}$", "", match) if _DAY.fullmatch(match) else match
            if short not in text:
                told.setdefault(match)
    return tuple(told)


def _flat(text: str) -> str:
    return _SPACES.sub(" ", text)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "text" and isinstance(each, str):
                yield each
            elif name not in ("confirm", "options", "option_groups"):
                yield from _texts(each)
