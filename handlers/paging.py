"""Where a button of a list leads: a page, the place where it begins, and what was asked for."""

import re
from dataclasses import dataclass

from bot.facts.listing import Place

AFTER, BEFORE = ">", "<"
"""Which side of a place a page lies on."""

VALUE = 2000
"""Characters of a button's value."""

_TO = re.compile(r"(?P<page>[1-9]\d{0,8})((?P<side>[<>])(?P<place>[\w-]+))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which page of which list a button leads to, and the place that it begins after or before."""

    page: int
    filters: str
    after: Place | None = None
    before: Place | None = None


def write(paging: Paging) -> str:
    """The value of a paging button; without its place where it would be longer than Slack takes."""
    place = ""
    if paging.after is not None:
        place = f"{AFTER}{paging.after}"
    elif paging.before is not None:
        place = f"{BEFORE}{paging.before}"
    value = f"{paging.page}{place} {paging.filters}"
    return value if len(value) <= VALUE else f"{paging.page} {paging.filters}"


def read(value: str) -> Paging:
    """What `write` wrote; anything else leads to the first page."""
    to, _, filters = value.partition(" ")
    found = _TO.fullmatch(to)
    if found is None:
        return Paging(page=1, filters=filters)
    place = Place(found["place"]) if found["place"] else None
    after, before = (place, None) if found["side"] == AFTER else (None, place)
    return Paging(page=int(found["page"]), filters=filters, after=after, before=before)
