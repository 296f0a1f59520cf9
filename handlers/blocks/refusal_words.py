"""What to do about a refusal that no repetition changes (the cloud's codes, API reference)."""

from collections.abc import Mapping

from bot.billing.unsubscription import Item, ItemState, Request, Verb
from handlers import text
from handlers.blocks.change_words import is_switch, words

_KEEP = "turn off auto-renewal instead"
_BY_HAND = ""

_FINAL: Mapping[str, str] = {
    "CBC.99003645": _KEEP,
    "CBC.99003647": _KEEP,
    "CBC.30000053": _KEEP,
    "CBC.99003649": _BY_HAND,
    "CBC.99003650": _BY_HAND,
    "CBC.99003652": _BY_HAND,
    "CBC.99003128": "leave it as is",
    "CBC.99003185": "ask again for all that goes only as a whole",
}
"""What to do instead; nothing where it is to be done by hand alone."""


def only_final(request: Request) -> bool:
    """Whether nothing is open but what the cloud refuses for good."""
    open_items = [item for item in request.items if item.state is not ItemState.GONE]
    return bool(open_items) and _final(request) == open_items


def instead(request: Request) -> str:
    """What to do where Retry alone does not help; nothing where it may."""
    by_hand, final = f"{words(request).by_hand} and say so", _final(request)
    if not final:
        return _after_by_hand(request, by_hand)
    ways = [way for way in dict.fromkeys(_FINAL[item.error_code or ""] for item in final) if way]
    said = text.joined([*ways, by_hand], last="or")
    if only_final(request):
        return f"Retry does not change that: {said}."
    which = text.joined([item.label for item in final])
    return f"Retry does not change what is said of {which}: {said}. Retry what else is open."


def _final(request: Request) -> list[Item]:
    if is_switch(request):
        return []
    refused = (item for item in request.items if item.state is ItemState.REFUSED)
    return [item for item in refused if item.error_code in _FINAL]


def _after_by_hand(request: Request, by_hand: str) -> str:
    """Somebody said that it is done, and the cloud lists it: nothing is there to be over."""
    last = [event.verb for event in request.events[-2:]]
    if last != [Verb.BY_HAND, Verb.FAILED]:
        return ""
    return f"Retry what is open, or {by_hand} once the cloud lists it no more."
