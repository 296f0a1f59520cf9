"""One subscription with its ways out compared: money, last moment, what is lost."""

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from slack_sdk.models.blocks import Block, ButtonElement

from bot.billing.money import Money
from bot.billing.quote import Quote
from bot.billing.renewal import AnchorKind
from bot.billing.subscription import BillingMode, Order, Status
from bot.billing.way import Way, WayKind
from bot.facts.listing import Shown
from handlers import ids, text
from handlers.blocks.pieces import (
    DRY_RUN,
    Content,
    actions,
    button,
    context,
    cut,
    fields,
    header,
)
from handlers.blocks.subscriptions import plain_context
from handlers.blocks.ways import coming_amount, in_order, marked, may_be_charged, way_section

TITLE = 60
GROUP = 5
"""So many packages are named; of more the rest is counted."""


def shown(facts: Shown, *, zone: ZoneInfo | None = None) -> Content:
    """The answer to `/lapse show`; `zone` is the reader's, for the text that is read aloud."""
    label = facts.subscription.label
    blocks: list[Block] = [
        header(text.clip(label, TITLE), dry_run=facts.dry_run),
        fields(*_facts(facts, zone)),
        plain_context(" · ".join(_surroundings(facts))),
        *(way_section(way, facts) for way in in_order(facts)),
        *_small_print(facts),
        *actions(_open_request(facts), _working(facts), _history(facts)),
    ]
    opening = "Dry run: " if facts.dry_run else ""
    spoken = text.fallback(*_spoken(facts, zone))
    return Content(f"{opening}{spoken}", blocks, cut(label, 24))


def _facts(facts: Shown, zone: ZoneInfo | None) -> Sequence[tuple[str, str]]:
    subscription = facts.subscription
    place = ", ".join(part for part in (subscription.key.account, subscription.region) if part)
    running = _running(facts)
    return (
        ("Account, region", text.esc(place)),
        ("Owner", text.mention(subscription.owner) if subscription.owner else "no owner"),
        ("Term", _term(facts, running)),
        _end(facts),
        _next(facts, zone),
        ("Amount expected", _amount(facts)),
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


def _amount(facts: Shown) -> str:
    if may_be_charged(facts):
        return text.money(coming_amount(facts))
    deducted = facts.anchor is not None and facts.anchor.kind is not AnchorKind.EXPIRY
    return text.money(facts.amount) if deducted else "none"


def _next(facts: Shown, zone: ZoneInfo | None) -> tuple[str, str]:
    anchor = facts.anchor
    late = may_be_charged(facts)
    if late is not None and late.at is not None:
        return "May still be charged", text.instant(late.at)
    if anchor is None or anchor.kind is AnchorKind.EXPIRY:
        return "Next deduction", _none(facts)
    if anchor.kind is AnchorKind.NOTICE or anchor.at is None:
        return "Notice by", text.day(anchor.date)
    words = text.instant(anchor.at)
    if zone is not None and not text.same_hour(anchor.at, zone):
        words += f"\nyours: {text.yours(anchor.at)}"
    return "Next deduction", words


def _none(facts: Shown) -> str:
    """Why nothing is dated that will be deducted."""
    subscription = facts.subscription
    if subscription.billing_mode is BillingMode.PAY_PER_USE:
        return "none, it is pay-per-use"
    if subscription.auto_renew is None:
        return "not known whether auto-renewal is on"
    if not subscription.auto_renew:
        return "none, auto-renewal is off"
    return "none before it expires" if facts.anchor else "none"


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


def _small_print(facts: Shown) -> Sequence[Block]:
    words = " ".join(part for part in (_why(facts), _binding(facts)) if part)
    lines = [line for line in (words, DRY_RUN if facts.dry_run else "") if line]
    return [context(*lines)] if lines else []


def _why(facts: Shown) -> str:
    if marked(facts) is None or not facts.because:
        return ""
    return f"Cheapest because {text.sentence(text.tied(text.esc(facts.because)))}"


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


def _working(facts: Shown) -> ButtonElement:
    says = f"Show the working for {facts.subscription.label}"
    return button("Show the working…", ids.WORKING, str(facts.subscription.key), says=says)


def _history(facts: Shown) -> ButtonElement:
    says = f"Show the history of {facts.subscription.label}"
    return button("History…", ids.HISTORY, str(facts.subscription.key), says=says)


def _spoken(facts: Shown, zone: ZoneInfo | None) -> Sequence[str]:
    subscription = facts.subscription
    name = f"{text.esc(subscription.label)}, {text.esc(subscription.key.account)}"
    best = marked(facts)
    cheapest = _CHEAPEST[best.kind](best, zone) if best else ""
    leave, later = facts.way(WayKind.UNSUBSCRIBE), facts.way(WayKind.LATER)
    returns = waits = ""
    if leave is not None and leave.open and leave != best:
        returns = f"Unsubscribing now returns {_returned(leave.quote)} (estimate)"
    elif leave is not None and not leave.open and leave.closed_because:
        returns = f"Unsubscribing is not possible: {text.esc(leave.closed_because)}"
    if later is not None and later.open and later != best:
        waits = (
            f"Unsubscribing later{_from(later, zone)}, returns {_returned(later.quote)} (estimate)"
        )
    request = facts.open_request
    asked = f"It is part of request {request.number}, {request.state.value}" if request else ""
    return (f"{name}: {_coming(facts, zone)}", cheapest, returns, waits, asked)


def _coming(facts: Shown, zone: ZoneInfo | None) -> str:
    anchor, late = facts.anchor, may_be_charged(facts)
    if late is not None and late.at is not None:
        next_ = text.spoken(late.at, zone)
        return f"expired, {text.money(late.money_out)} may still be charged, next on {next_}"
    if anchor is None:
        return "nothing is known to be deducted"
    at = text.spoken(anchor.at, zone) if anchor.at else text.day(anchor.date)
    if anchor.kind is AnchorKind.EXPIRY:
        return f"expires on {at}, {_COMING_NONE[facts.subscription.auto_renew]}"
    if anchor.kind is AnchorKind.NOTICE:
        return f"notice to give by {at}, {text.money(facts.amount)}"
    if facts.amount is None:
        return f"a deduction on {at}, {text.NOT_KNOWN}"
    return f"{text.money(facts.amount)} will be deducted on {at}"


_COMING_NONE: Mapping[bool | None, str] = {
    True: "no deduction is attempted before",
    False: "auto-renewal is off",
    None: "it is not known whether auto-renewal is on",
}


def _by(way: Way, zone: ZoneInfo | None) -> str:
    return f" by {text.spoken(text.last_safe(way.last_moment), zone)}" if way.last_moment else ""


def _from(way: Way, zone: ZoneInfo | None) -> str:
    return f", from {text.spoken(way.at, zone)}" if way.at else ""


_CHEAPEST: Mapping[WayKind, Callable[[Way, ZoneInfo | None], str]] = {
    WayKind.TURN_OFF: lambda way, zone: (
        f"Cheapest: turn auto-renewal off{_by(way, zone)}, pay nothing more"
    ),
    WayKind.KEEP: lambda _way, _zone: "Cheapest: do nothing",
    WayKind.LATER: lambda way, zone: (
        f"Cheapest: unsubscribe later{_from(way, zone)}, get back {_returned(way.quote)} (estimate)"
    ),
    WayKind.UNSUBSCRIBE: lambda way, _: (
        f"Cheapest: unsubscribe now, get back {_returned(way.quote)} (estimate)"
    ),
    WayKind.GIVE_BACK: lambda way, zone: (
        f"Cheapest: give back the renewal period{_by(way, zone)}, "
        f"get back {_returned(way.quote)} (estimate)"
    ),
}
