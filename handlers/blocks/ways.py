"""The ways out of a subscription as sections: money, last moment, what is lost."""

from collections.abc import Callable, Mapping
from datetime import datetime

from slack_sdk.models.blocks import ButtonElement, ConfirmObject, SectionBlock

from bot.billing.money import Money
from bot.billing.renewal import AnchorKind
from bot.billing.subscription import BillingMode, Kind, Status
from bot.billing.way import Way, WayKind
from bot.facts.listing import Shown
from handlers import ids, text
from handlers.blocks.pieces import button, section
from handlers.blocks.renewing import off_label, off_question
from handlers.blocks.way_words import MAY_BE_CHARGED, drawbacks, in_full_until, title, waiting

Words = tuple[str, ...]

_ORDER = (WayKind.TURN_OFF, WayKind.KEEP, WayKind.UNSUBSCRIBE, WayKind.LATER, WayKind.GIVE_BACK)


def in_order(facts: Shown) -> list[Way]:
    """The cheapest first, then those that are open, then those that are closed."""
    best = facts.cheapest
    return sorted(facts.ways, key=lambda way: (way != best, not way.open, _ORDER.index(way.kind)))


def marked(facts: Shown) -> Way | None:
    """The way that is called the cheapest; none where one way alone is open.

    Giving notice, which nobody does here, is cheaper than to wait for a contract's renewal.
    """
    several = sum(way.open for way in facts.ways) > 1
    return facts.cheapest if several else None


def way_section(way: Way, facts: Shown) -> SectionBlock:
    """One way: its money, its last moment, what is lost; a closed one says why or until when."""
    name = title(way, cheapest=way == marked(facts))
    if not way.open:
        by_hand = _unsubscribe_button(facts) if _ends_by_hand(way, facts) else None
        return section("\n".join((f"*{name}*", *_closed(way, facts))), accessory=by_hand)
    lines = (*_WAYS[way.kind](way, facts), *drawbacks(way))
    accessory = _BUTTONS[way.kind](facts) if way.kind in _BUTTONS else None
    return section("\n".join((f"*{name}*", *lines)), accessory=accessory)


def _ends_by_hand(way: Way, facts: Shown) -> bool:
    """Whether it is a contract outside the cloud, of which a request is a person's checklist."""
    contract = facts.subscription.kind is Kind.SAAS
    over = facts.subscription.status in {Status.UNSUBSCRIBED, Status.EXPIRED}
    return way.kind is WayKind.UNSUBSCRIBE and contract and not over


def _until(way: Way, *, full: datetime | None = None) -> Words:
    """The last moment: until it no longer comes back in full, else until the way is safe."""
    if full is not None:
        return (f"In full until {text.instant(text.last_safe(full))}",)
    if way.last_moment is None:
        return ()
    return (f"Last safe moment: {text.instant(text.last_safe(way.last_moment))}",)


def _closed(way: Way, facts: Shown) -> Words:
    if way.opens_at is not None:
        when = text.short_day(text.cloud_day(way.opens_at), today=text.cloud_day(facts.now))
        return (f"Closed until the deduction of {when}{_open_for(way, facts)}",)
    return (text.esc(text.sentence(way.closed_because or "Not possible now")).removesuffix("."),)


def _end(way: Way, facts: Shown) -> tuple[str, str]:
    """`ends` or `ended`, and the day; nothing where it is not known."""
    ends = way.works_until or facts.subscription.expires_at
    if ends is None:
        return "", ""
    verb = "ended" if ends <= facts.now else "ends"
    return verb, text.short_day(text.cloud_day(ends), today=text.cloud_day(facts.now))


def _turn_off(way: Way, facts: Shown) -> Words:
    verb, when = _end(way, facts)
    stays = {"ends": f" and keep it until {when}", "ended": f", it ended on {when}"}.get(verb, "")
    return (f"You pay nothing more{stays}", *_until(way))


def _keep(way: Way, facts: Shown) -> Words:
    if way.at is not None:
        return _charged(way, way.at, facts)
    if facts.anchor is not None and facts.anchor.kind is AnchorKind.NOTICE:
        by = text.short_day(facts.anchor.date, today=text.cloud_day(facts.now))
        return (f"{text.money(way.money_out)}{_months(way)} unless notice is given by {by}",)
    if facts.subscription.billing_mode is BillingMode.PAY_PER_USE:
        return ("Nothing is deducted in advance, it costs what it uses",)
    verb, when = _end(way, facts)
    ends = f"t {verb} on {when}" if verb else ""
    if way.money_out is None:
        unknown = "It is not known whether it renews"
        return (f"{unknown}; if not, i{ends}",) if ends else (unknown,)
    return ("You pay nothing more", f"I{ends}") if ends else ("You pay nothing more",)


def _charged(way: Way, at: datetime, facts: Shown) -> Words:
    """What the next renewal takes, and until when that can be given back."""
    when = text.short_day(text.cloud_day(at), today=text.cloud_day(facts.now))
    paid = f"{text.money(way.money_out)} on {when}{_months(way)}"
    if way.rule == MAY_BE_CHARGED:
        return (f"{paid}, if the cloud still charges it",)
    if way.last_moment is None:
        return (paid,)
    back = text.instant(text.last_safe(way.last_moment))
    return (paid, f"Can be given back in full until {back}")


def _months(way: Way) -> str:
    return f" for {text.plural(way.months, 'month')}" if way.months else ""


def _unsubscribe(way: Way, facts: Shown) -> Words:
    figures = way.quote.total if way.quote else None
    if figures is None:
        return _closed(way, facts)
    lines = [
        f"You get back {text.money(figures.refund)}, it ends at once",
        (
            f"Paid {text.money(figures.paid)}, consumed {text.money(figures.consumed)}, "
            f"fee {text.money(figures.handling_fee)}"
        ),
        *_until(way, full=in_full_until(facts.ways)),
    ]
    if facts.open_request is not None:
        lines.append(f"It is part of request {facts.open_request.number}")
    return tuple(lines)


def _later(way: Way, facts: Shown) -> Words:
    if way.at is None:
        return _closed(way, facts)
    begins = f"From {text.instant(way.at)} you get back {text.money(way.money_back)}"
    return tuple(line for line in (begins, waiting(way, facts.way(WayKind.UNSUBSCRIBE))) if line)


def _give_back(way: Way, facts: Shown) -> Words:
    verb, when = _end(way, facts) if way.works_until else ("", "")
    stays = f", it {verb} on {when}" if verb else ""
    return (f"You get back {text.money(way.money_back)}, no fee{stays}", *_until(way))


def _open_for(way: Way, facts: Shown) -> str:
    ends = facts.subscription.expires_at
    if way.opens_at is None or ends is None:
        return ""
    days = (text.cloud_day(ends) - text.cloud_day(way.opens_at)).days
    return f", then open for {text.plural(days, 'day')}" if days else ""


_WAYS: Mapping[WayKind, Callable[[Way, Shown], Words]] = {
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
        off_label(by_request=facts.off_by_request),
        ids.AUTORENEW_FORM if facts.packages else ids.AUTORENEW_OFF,
        str(facts.subscription.key),
        says=f"{off_label(by_request=facts.off_by_request)} of {label}",
        confirm=None if facts.packages else turn_off_question(facts),
    )


def turn_off_question(facts: Shown) -> ConfirmObject:
    """What turning off means: until when it works, and what is then not deducted."""
    ends = facts.subscription.expires_at
    end = f"ends on {text.instant(ends)} unless someone renews it" if ends else "is not renewed"
    if ends is not None and ends <= facts.now:
        end = f"ended on {text.instant(ends)}"
    amount = coming_amount(facts)
    saved = f"{text.money(amount)} will not be deducted." if amount else ""
    by_request = facts.off_by_request
    return off_question(facts.subscription.label, f"{end}.", saved, by_request=by_request)


def may_be_charged(facts: Shown) -> Way | None:
    """To do nothing about what has expired and may still be charged; None for everything else."""
    keep = facts.way(WayKind.KEEP)
    return keep if keep is not None and keep.rule == MAY_BE_CHARGED else None


def coming_amount(facts: Shown) -> Money | None:
    """What will be deducted, or may be although it has expired."""
    late = may_be_charged(facts)
    return late.money_out if late else facts.amount


def _unsubscribe_button(facts: Shown) -> ButtonElement | None:
    if facts.open_request is not None:
        return None
    says = f"Unsubscribe {facts.subscription.label}"
    return button("Unsubscribe…", ids.UNSUBSCRIBE, str(facts.subscription.key), says=says)


def _give_back_button(facts: Shown) -> ButtonElement | None:
    if facts.open_request is not None:
        return None
    says = f"Give back the renewal of {facts.subscription.label}"
    return button("Give it back…", ids.GIVE_BACK, str(facts.subscription.key), says=says)


_BUTTONS: Mapping[WayKind, Callable[[Shown], ButtonElement | None]] = {
    WayKind.TURN_OFF: turn_off_button,
    WayKind.UNSUBSCRIBE: _unsubscribe_button,
    WayKind.GIVE_BACK: _give_back_button,
}
