"""The ways out side by side: beside the form of one subscription, in a window for several."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from slack_sdk.models.blocks import Block, ButtonElement
from slack_sdk.models.views import View

from bot.billing.quote import Scope
from bot.billing.subscription import Subscription
from bot.billing.way import Way, WayKind, WaysOut
from bot.facts.unsubscribing import Draft
from handlers import ids, text
from handlers.blocks.pieces import (
    Bold,
    button,
    context,
    fields,
    modal,
    rich,
    section,
)
from handlers.blocks.way_words import (
    cheapest_of,
    drawbacks,
    in_full_until,
    lower,
    title,
    waiting,
    way_of,
)

COMPARED = 48
"""So many subscriptions stand in the window: two blocks each, of a hundred."""

HOURS = f"Hours are {text.CLOUD}."

Lines = Sequence[str]


def beside(draft: Draft) -> list[Block]:
    """*Other ways out* of the one that would go; several have a window of their own."""
    found = _of_one(draft)
    others = [way for way in found.ways if _is_other(way, draft)] if found else []
    if found is None or not others:
        return []
    best, today = cheapest_of(found.ways), text.cloud_day(draft.now)
    said = [_because(best, found, draft=draft)] if best else []
    asked = way_of(found.ways, _asked(draft))
    if asked is not None and asked.caution is not None:
        said.append(text.sentence(text.esc(asked.caution.text)))
    return [
        section(f"*Other ways out*\n{HOURS}"),
        fields(*(_field(way, found, best=best, today=today) for way in others)),
        *([context(*said)] if said else []),
    ]


def spoken(draft: Draft) -> str:
    """The cheapest way in a sentence, where that is not what is asked for."""
    found = _of_one(draft)
    best = cheapest_of(found.ways) if found else None
    if found is None or best is None or not _is_other(best, draft):
        return ""
    return f"Cheapest: {lower(best)}, because {text.tied(text.esc(found.because))}"


def open_button(draft: Draft, value: str, *, what: str) -> ButtonElement | None:
    """*Show the ways out…* of several; nothing for one, which has them beside its figures."""
    if len(draft.ordered) < 2:
        return None
    return button("Show the ways out…", ids.WAYS, value, says=f"Show the ways out of {what}")


def window(draft: Draft, *, over_form: bool) -> View:
    """Every subscription with its open ways, the cheapest marked; beyond a window they are counted.

    What the form has read: nothing is worked out again.
    """
    items = [each for each in draft.ordered if each.key in draft.ways]
    today = text.cloud_day(draft.now)
    blocks: list[Block] = []
    for item in items[:COMPARED]:
        blocks.extend(_compared(item, draft.ways[item.key], today=today))
    rest = len(items) - COMPARED
    if rest > 0:
        blocks.append(rich((f"and {text.plural(rest, 'more subscription')}",)))
    rules = next(iter(draft.plan.quotes.values())).rules if draft.plan.quotes else ""
    blocks.append(context(f"{HOURS} Rule set {text.esc(rules)}; the cloud's bill is binding."))
    close = "Go back" if over_form else "Close"
    return modal("The ways out", blocks, close=close, dry_run=draft.dry_run)


def _compared(item: Subscription, found: WaysOut, *, today: date) -> list[Block]:
    best = cheapest_of(found.ways)
    because = [(f"Cheapest because {text.sentence(text.tied(found.because))}",)] if best else []
    pairs = [_field(way, found, best=best, today=today) for way in found.ways if way.open]
    head = rich((Bold(item.label),), *because)
    return [head, fields(*pairs)] if pairs else [head]


def _of_one(draft: Draft) -> WaysOut | None:
    items = draft.ordered
    return draft.ways.get(items[0].key) if len(items) == 1 else None


def _asked(draft: Draft) -> WayKind:
    return WayKind.GIVE_BACK if draft.scope is Scope.RENEWALS else WayKind.UNSUBSCRIBE


def _is_other(way: Way, draft: Draft) -> bool:
    """Whether it is open, and neither what the form asks for nor a choice that it has itself."""
    return way.open and way.kind not in {WayKind.UNSUBSCRIBE, _asked(draft)}


def _because(best: Way, found: WaysOut, *, draft: Draft) -> str:
    """Why the marked one is the cheapest; without a mark beside the figures it is named."""
    because = text.sentence(text.tied(text.esc(found.because)))
    if _is_other(best, draft):
        return f"Cheapest because {because}"
    return f"Cheapest is to {lower(best)}: {because}"


def _field(way: Way, found: WaysOut, *, best: Way | None, today: date) -> tuple[str, str]:
    lines = [*_WAYS[way.kind](way, found, today), *drawbacks(way)]
    return title(way, cheapest=way == best), "\n".join(lines)


def _moment(at: datetime, today: date) -> str:
    return f"{text.short_day(text.cloud_day(at), today=today)}, {text.time_of_day(at)}"


def _until(way: Way, today: date, *, says: str = "Possible until") -> Lines:
    if way.last_moment is None:
        return ()
    return (f"{says} {_moment(text.last_safe(way.last_moment), today)}",)


def _turn_off(way: Way, _: WaysOut, today: date) -> Lines:
    keep = ""
    if way.works_until is not None:
        keep = f" and keep it until {text.short_day(text.cloud_day(way.works_until), today=today)}"
    return (f"Pay nothing{keep}", *_until(way, today))


def _keep(way: Way, _: WaysOut, today: date) -> Lines:
    if way.at is not None:
        when = text.short_day(text.cloud_day(way.at), today=today)
        paid = f"Pay {text.money(way.money_out)} on {when}"
        return (paid, *_until(way, today, says="Back in full until"))
    if way.money_out is None:
        return ("Not known whether it renews",)
    ends = way.works_until
    when = f", it ends on {text.short_day(text.cloud_day(ends), today=today)}" if ends else ""
    return (f"Pay nothing{when}",)


def _give_back(way: Way, _: WaysOut, today: date) -> Lines:
    return (f"Get back {text.money(way.money_back)}, no fee", *_until(way, today))


def _later(way: Way, found: WaysOut, today: date) -> Lines:
    begins = f"From {_moment(way.at, today)}" if way.at else ""
    changes = waiting(way, way_of(found.ways, WayKind.UNSUBSCRIBE))
    lines = (f"Get back {text.money(way.money_back)}", begins, changes)
    return tuple(line for line in lines if line)


def _unsubscribe(way: Way, found: WaysOut, today: date) -> Lines:
    back = f"Get back {text.money(way.money_back)}, it ends at once"
    full = in_full_until(found.ways)
    if full is not None:
        return (back, f"In full until {_moment(text.last_safe(full), today)}")
    return (back, *_until(way, today))


_WAYS: Mapping[WayKind, Callable[[Way, WaysOut, date], Lines]] = {
    WayKind.TURN_OFF: _turn_off,
    WayKind.KEEP: _keep,
    WayKind.GIVE_BACK: _give_back,
    WayKind.LATER: _later,
    WayKind.UNSUBSCRIBE: _unsubscribe,
}
