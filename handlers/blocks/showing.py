"""One subscription with its ways out compared: money, last moment, what is lost."""

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import Block, ButtonElement, ConfirmObject, SectionBlock

from bot.billing.money import Money
from bot.billing.quote import Quote
from bot.billing.renewal import AnchorKind
from bot.billing.subscription import BillingMode, Order, Status
from bot.facts.listing import Shown, Way, WayKind
from handlers import ids, text
from handlers.blocks.pieces import (
    DRY_RUN,
    Content,
    actions,
    button,
    confirm,
    context,
    cut,
    fields,
    header,
    section,
)
from handlers.blocks.subscriptions import plain_context

GROUP = 5
"""So many packages are named; of more the rest is counted."""

Words = tuple[str, ...]


def shown(facts: Shown, *, zone: ZoneInfo | None = None) -> Content:
    """The answer to `/lapse show`; `zone` is the reader's, for the text that is read aloud."""
    label = facts.subscription.label
    blocks: list[Block] = [
        header(label, dry_run=facts.dry_run),
        fields(*_facts(facts, zone)),
        plain_context(" · ".join(_surroundings(facts))),
        *(_way(way, facts) for way in facts.ways),
        *_small_print(facts),
        *actions(_open_request(facts), _working(facts)),
    ]
    opening = "Dry run: " if facts.dry_run else ""
    spoken = text.fallback(*_spoken(facts, zone))
    return Content(f"{opening}{spoken}", blocks, cut(label, 24))


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


def _facts(facts: Shown, zone: ZoneInfo | None) -> Sequence[tuple[str, str]]:
    subscription = facts.subscription
    place = ", ".join(part for part in (subscription.key.account, subscription.region) if part)
    running = _running(facts)
    return (
        ("Account, region", text.esc(place)),
        ("Owner", text.mention(subscription.owner) if subscription.owner else "nobody"),
        ("Term", _term(facts, running)),
        _end(facts),
        _next(facts, zone),
        ("Amount expected", text.money(facts.amount) if _is_deducted(facts) else "none"),
    )


def _running(facts: Shown) -> Order | None:
    begun = [
        order
        for order in facts.subscription.orders
        if order.effective_at and order.effective_at <= facts.now
    ]
    return begun[-1] if begun else next(iter(facts.subscription.orders), None)


def _term(facts: Shown, order: Order | None) -> str:
    if facts.subscription.billing_mode is BillingMode.PAY_PER_USE:
        return "pay-per-use"
    if order is None or order.effective_at is None:
        return "not known"
    start = text.day(text.cloud_day(order.effective_at))
    months = text.plural(order.term_months, "month") if order.term_months else "a term"
    return f"{months} from {start}"


def _end(facts: Shown) -> tuple[str, str]:
    ends = facts.subscription.expires_at
    over = ends is not None and ends <= facts.now
    name = "Expired" if over or facts.subscription.status is Status.EXPIRED else "Expires"
    return name, text.instant(ends) if ends else "not known"


def _is_deducted(facts: Shown) -> bool:
    return facts.anchor is not None and facts.anchor.kind is not AnchorKind.EXPIRY


def _next(facts: Shown, zone: ZoneInfo | None) -> tuple[str, str]:
    anchor = facts.anchor
    if anchor is None or anchor.kind is AnchorKind.EXPIRY:
        return "Next deduction", "none, auto-renewal is off"
    if anchor.kind is AnchorKind.NOTICE or anchor.at is None:
        return "Notice by", text.day(anchor.date)
    words = text.instant(anchor.at)
    if zone is not None and not text.same_hour(anchor.at, zone):
        words += f"\nyours: {text.yours(anchor.at)}"
    return "Next deduction", words


def _surroundings(facts: Shown) -> Sequence[str]:
    words = [str(facts.subscription.key)]
    if facts.packages:
        named = [each.label for each in facts.packages[:GROUP]]
        rest = len(facts.packages) - len(named)
        words.append(f"packages: {', '.join(named)}{f' and {rest} more' if rest else ''}")
    if facts.quota is not None:
        words.append(f"package of {facts.quota.label}")
    if facts.current_edition is not None:
        words.append(f"edition is {facts.current_edition.value}")
    if facts.read_at is not None:
        today = text.cloud_day(facts.now) == text.cloud_day(facts.read_at)
        when = f"today, {text.hour(facts.read_at)}" if today else text.instant(facts.read_at)
        words.append(f"read from the cloud {when}")
    return words


def _way(way: Way, facts: Shown) -> SectionBlock:
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


def _give_back(way: Way, facts: Shown) -> tuple[str, Words]:
    title = "Give back the renewal period"
    figures = way.quote.total if way.quote else None
    if way.open and figures is not None:
        lines = (f"You get back {text.money(figures.refund)}, no fee", *_until(way))
        return f"{title} (estimate)", lines
    if way.opens_at is not None:
        today = text.cloud_day(facts.now)
        when = text.short_day(text.cloud_day(way.opens_at), today=today)
        return title, (f"Closed until the deduction of {when}{_open_for(way)}",)
    return title, _closed(way)


def _open_for(way: Way) -> str:
    if way.opens_at is None or way.last_moment is None:
        return ""
    days = (text.cloud_day(text.last_safe(way.last_moment)) - text.cloud_day(way.opens_at)).days
    return f", then open for {text.plural(days, 'day')}"


_WAYS: Mapping[WayKind, Callable[[Way, Shown], tuple[str, Words]]] = {
    WayKind.TURN_OFF: _turn_off,
    WayKind.KEEP: _keep,
    WayKind.UNSUBSCRIBE: _unsubscribe,
    WayKind.GIVE_BACK: _give_back,
}


def _unsubscribe_button(facts: Shown) -> ButtonElement | None:
    if facts.open_request is not None:
        return None
    says = f"Unsubscribe {facts.subscription.label}"
    return button("Unsubscribe…", ids.UNSUBSCRIBE, str(facts.subscription.key), says=says)


_BUTTONS: Mapping[WayKind, Callable[[Shown], ButtonElement | None]] = {
    WayKind.TURN_OFF: turn_off_button,
    WayKind.UNSUBSCRIBE: _unsubscribe_button,
}


def _small_print(facts: Shown) -> Sequence[Block]:
    words = " ".join(part for part in (_why(facts), _binding(facts)) if part)
    lines = [line for line in (words, DRY_RUN if facts.dry_run else "") if line]
    return [context(*lines)] if lines else []


def _why(facts: Shown) -> str:
    best, leave = facts.cheapest, facts.way(WayKind.UNSUBSCRIBE)
    if best is None or leave is None or not leave.open:
        return ""
    if best.kind is WayKind.UNSUBSCRIBE:
        return f"Cheapest because it returns {_returned(leave.quote)}; it ends at once."
    ends = best.works_until or facts.subscription.expires_at
    days = (text.cloud_day(ends) - text.cloud_day(facts.now)).days if ends else 0
    earlier = f" and ends it {text.plural(days, 'day')} earlier" if days > 0 else ""
    if best.kind is WayKind.TURN_OFF and not _refund(leave.quote):
        return f"Cheapest because unsubscribing returns nothing{earlier}."
    return ""


def _refund(quote: Quote | None) -> Money | None:
    return quote.total.refund if quote and quote.total else None


def _returned(quote: Quote | None) -> str:
    return text.money(_refund(quote))


def _binding(facts: Shown) -> str:
    quote = next((way.quote for way in facts.ways if way.quote and way.quote.rules), None)
    return f"Rule set {text.esc(quote.rules)}; the cloud's bill is binding." if quote else ""


def _open_request(facts: Shown) -> ButtonElement | None:
    if facts.open_request is None:
        return None
    number = facts.open_request.number
    return button("Open request", ids.OPEN_REQUEST, str(number), says=f"Open request {number}")


def _working(facts: Shown) -> ButtonElement | None:
    leave = facts.way(WayKind.UNSUBSCRIBE)
    if leave is None or leave.quote is None or leave.quote.total is None:
        return None
    says = f"Show the working for {facts.subscription.label}"
    return button("Show the working…", ids.WORKING, str(facts.subscription.key), says=says)


def _spoken(facts: Shown, zone: ZoneInfo | None) -> Sequence[str]:
    subscription = facts.subscription
    name = f"{text.esc(subscription.label)}, {text.esc(subscription.key.account)}"
    best = facts.cheapest
    cheapest = _CHEAPEST[best.kind](best, zone) if best else ""
    leave = facts.way(WayKind.UNSUBSCRIBE)
    returns = ""
    if leave is not None and leave.open and leave != best:
        returns = f"Unsubscribing now returns {_returned(leave.quote)} (estimate)"
    elif leave is not None and not leave.open and leave.closed_because:
        returns = f"Unsubscribing is not possible: {text.esc(leave.closed_because)}"
    request = facts.open_request
    asked = f"It is part of request {request.number}, {request.state.value}" if request else ""
    return (f"{name}: {_coming(facts, zone)}", cheapest, returns, asked)


def _coming(facts: Shown, zone: ZoneInfo | None) -> str:
    anchor = facts.anchor
    if anchor is None:
        return "nothing is known to be deducted"
    at = text.spoken(anchor.at, zone) if anchor.at else text.day(anchor.date)
    if anchor.kind is AnchorKind.EXPIRY:
        return f"expires on {at}, auto-renewal is off"
    if anchor.kind is AnchorKind.NOTICE:
        return f"notice to give by {at}, {text.money(facts.amount)}"
    return f"{text.money(facts.amount)} will be deducted on {at}"


def _by(way: Way, zone: ZoneInfo | None) -> str:
    return f" by {text.spoken(text.last_safe(way.last_moment), zone)}" if way.last_moment else ""


_CHEAPEST: Mapping[WayKind, Callable[[Way, ZoneInfo | None], str]] = {
    WayKind.TURN_OFF: lambda way, zone: (
        f"Cheapest: turn auto-renewal off{_by(way, zone)}, pay nothing more"
    ),
    WayKind.KEEP: lambda _way, _zone: "Cheapest: do nothing",
    WayKind.UNSUBSCRIBE: lambda way, _: (
        f"Cheapest: unsubscribe now, get back {_returned(way.quote)} (estimate)"
    ),
    WayKind.GIVE_BACK: lambda way, zone: (
        f"Cheapest: give back the renewal period{_by(way, zone)}, "
        f"get back {_returned(way.quote)} (estimate)"
    ),
}
