"""The ways out of a subscription as sections: money, last moment, what is lost."""

from collections.abc import Callable, Mapping

from slack_sdk.models.blocks import ButtonElement, ConfirmObject, SectionBlock

from bot.billing.renewal import AnchorKind
from bot.billing.ways_out import Way, WayKind
from bot.facts.listing import Shown
from handlers import ids, text
from handlers.blocks.pieces import button, confirm, cut, section

Words = tuple[str, ...]


_ORDER = (WayKind.TURN_OFF, WayKind.KEEP, WayKind.UNSUBSCRIBE, WayKind.LATER, WayKind.GIVE_BACK)


def in_order(facts: Shown) -> list[Way]:
    """The cheapest first, then those that are open, then those that are closed."""
    best = facts.cheapest
    return sorted(facts.ways, key=lambda way: (way != best, not way.open, _ORDER.index(way.kind)))


def way_section(way: Way, facts: Shown) -> SectionBlock:
    """One way: its money, its last moment, what is lost; a closed one says why or until when."""
    title, lines = _WAYS[way.kind](way, facts)
    if way == facts.cheapest:
        title += " · cheapest"
    accessory = _BUTTONS[way.kind](facts) if way.open and way.kind in _BUTTONS else None
    return section("\n".join((f"*{title}*", *lines)), accessory=accessory)


def _until(way: Way) -> Words:
    if way.last_moment is None:
        return ()
    return (f"Last safe moment: {text.instant(text.last_safe(way.last_moment))}",)


def _closed(way: Way) -> Words:
    return (text.esc(text.sentence(way.closed_because or "Not possible now")).removesuffix("."),)


def _turn_off(way: Way, facts: Shown) -> tuple[str, Words]:
    if not way.open:
        return "Turn auto-renewal off", _closed(way)
    today = text.cloud_day(facts.now)
    works = way.works_until or facts.subscription.expires_at
    until = ""
    if works is not None:
        until = f" and keep it until {text.short_day(text.cloud_day(works), today=today)}"
    return "Turn auto-renewal off", (f"You pay nothing more{until}", *_until(way))


def _keep(way: Way, facts: Shown) -> tuple[str, Words]:
    today = text.cloud_day(facts.now)
    if facts.anchor is None or facts.anchor.kind is AnchorKind.EXPIRY:
        works = way.works_until or facts.subscription.expires_at
        ends = f"It ends on {text.short_day(text.cloud_day(works), today=today)}" if works else ""
        return "Do nothing", tuple(line for line in ("You pay nothing more", ends) if line)
    when = text.short_day(facts.anchor.date, today=today)
    paid = text.money(way.cost) if way.cost is not None else text.NOT_KNOWN
    months = f" for {text.plural(way.months, 'month')}" if way.months else ""
    verb = " to give notice by" if facts.anchor.kind is AnchorKind.NOTICE else " on"
    back = ""
    if way.last_moment is not None:
        back = f"Can be given back in full until {text.instant(text.last_safe(way.last_moment))}"
    return "Do nothing", tuple(line for line in (f"{paid}{verb} {when}{months}", back) if line)


def _unsubscribe(way: Way, facts: Shown) -> tuple[str, Words]:
    figures = way.quote.total if way.quote else None
    if not way.open or figures is None:
        return "Unsubscribe now", _closed(way)
    ends = "it ends at once"
    if way.works_until is not None:
        ends = f"it works until {text.instant(way.works_until)}"
    lines = [
        f"You get back {text.money(figures.refund)}, {ends}",
        (
            f"Paid {text.money(figures.paid)}, consumed {text.money(figures.consumed)}, "
            f"fee {text.money(figures.handling_fee)}"
        ),
    ]
    if facts.open_request is not None:
        lines.append(f"It is part of request {facts.open_request.number}")
    return "Unsubscribe now (estimate)", tuple(lines)


def _later(way: Way, _: Shown) -> tuple[str, Words]:
    figures = way.quote.total if way.quote else None
    if figures is None or way.at is None:
        return "Unsubscribe later", _closed(way)
    begins = f"From {text.instant(way.at)} you get back {text.money(figures.refund)}"
    fee = f"Handling fee {text.money(figures.handling_fee)}"
    return "Unsubscribe later (estimate)", (begins, f"{fee}, it ends then")


def _give_back(way: Way, facts: Shown) -> tuple[str, Words]:
    title = "Give back the renewal period"
    figures = way.quote.total if way.quote else None
    if way.open and figures is not None:
        lines = (f"You get back {text.money(figures.refund)}, no fee", *_until(way))
        return f"{title} (estimate)", lines
    if way.opens_at is not None:
        today = text.cloud_day(facts.now)
        when = text.short_day(text.cloud_day(way.opens_at), today=today)
        return title, (f"Closed until the deduction of {when}{_open_for(way, facts)}",)
    return title, _closed(way)


def _open_for(way: Way, facts: Shown) -> str:
    ends = facts.subscription.expires_at
    if way.opens_at is None or ends is None:
        return ""
    days = (text.cloud_day(ends) - text.cloud_day(way.opens_at)).days
    return f", then open for {text.plural(days, 'day')}" if days else ""


_WAYS: Mapping[WayKind, Callable[[Way, Shown], tuple[str, Words]]] = {
    WayKind.TURN_OFF: _turn_off,
    WayKind.KEEP: _keep,
    WayKind.UNSUBSCRIBE: _unsubscribe,
    WayKind.GIVE_BACK: _give_back,
    WayKind.LATER: _later,
}


def turn_off_button(facts: Shown) -> ButtonElement:
    """Asks first; with packages beside it the press opens a form instead, as each has its own."""
    label = facts.subscription.label
    return button(
        "Turn off auto-renewal",
        ids.AUTORENEW_FORM if facts.packages else ids.AUTORENEW_OFF,
        str(facts.subscription.key),
        says=f"Turn off auto-renewal of {label}",
        confirm=None if facts.packages else turn_off_question(facts),
    )


def turn_off_question(facts: Shown) -> ConfirmObject:
    """What turning off means: until when it works, and what is then not deducted."""
    ends = facts.subscription.expires_at
    end = f"ends on {text.instant(ends)} unless someone renews it" if ends else "is not renewed"
    saved = f"{text.money(facts.amount)} will not be deducted." if facts.amount else ""
    words = f"{cut(facts.subscription.label, 80)} {end}. {saved}".strip()
    return confirm("Turn off auto-renewal?", words, "Turn off")


def _unsubscribe_button(facts: Shown) -> ButtonElement | None:
    if facts.open_request is not None:
        return None
    says = f"Unsubscribe {facts.subscription.label}"
    return button("Unsubscribe…", ids.UNSUBSCRIBE, str(facts.subscription.key), says=says)


_BUTTONS: Mapping[WayKind, Callable[[Shown], ButtonElement | None]] = {
    WayKind.TURN_OFF: turn_off_button,
    WayKind.UNSUBSCRIBE: _unsubscribe_button,
}
