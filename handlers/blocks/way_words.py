"""What every surface says about a way out: its name, what it loses, what waiting changes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from bot.billing.quote import Case, Notice, Quote
from bot.billing.way import Way, WayKind
from bot.billing.worst import Cause
from handlers import text

TITLES: Mapping[WayKind, str] = {
    WayKind.TURN_OFF: "Turn auto-renewal off",
    WayKind.KEEP: "Do nothing",
    WayKind.GIVE_BACK: "Give back the renewal period",
    WayKind.LATER: "Unsubscribe later",
    WayKind.UNSUBSCRIBE: "Unsubscribe now",
}
ESTIMATED = frozenset({WayKind.GIVE_BACK, WayKind.LATER, WayKind.UNSUBSCRIBE})
"""What comes back by these is worked out by Lapse, and called an estimate."""

MAY_BE_CHARGED = "X4"
"""The rule by which what has expired may still be charged."""

_ENDS_AT_ONCE = "R35"
"""Said beside the money already: it ends at once."""

_LIMITS = frozenset({Cause.FIVE_DAYS, Cause.BEGINNING})
"""Moments until which everything comes back, and from which use and fee are counted."""

_CAUSES: Mapping[Cause, str] = {
    Cause.FIVE_DAYS: "from then on use and handling fee count",
    Cause.NEW_YEAR: "in the new year it comes back in full",
    Cause.BEGINNING: "its term has begun, so use and handling fee count",
    Cause.RENEWAL_PERIOD: "the renewal period has begun, so use and handling fee count",
    Cause.TERM_END: "the running term is over by then",
    Cause.COUPON: "a cash coupon has expired by then",
}


def cheapest_of(ways: Sequence[Way]) -> Way | None:
    """Of ways in their order the first that is open and of which the amount is known."""
    return next((way for way in ways if way.open and way.cost is not None), None)


def way_of(ways: Sequence[Way], kind: WayKind) -> Way | None:
    """The way of a kind, open or closed."""
    return next((way for way in ways if way.kind is kind), None)


def in_full_until(ways: Sequence[Way]) -> datetime | None:
    """From when use and fee are counted, where everything still comes back and waiting ends it."""
    later = way_of(ways, WayKind.LATER)
    return later.at if later is not None and later.cause in _LIMITS else None


def is_free(way: Way) -> bool:
    """Whether nothing is paid for turning it off or doing nothing; also of a hidden amount."""
    renews = way.at is not None or way.months is not None
    known = way.money_out is not None and not way.money_out.is_hidden
    return way.kind is WayKind.TURN_OFF or not (renews or (known and way.money_out))


def title(way: Way, *, cheapest: bool) -> str:
    """`Unsubscribe now (estimate) · cheapest`."""
    estimate = " (estimate)" if way.open and way.kind in ESTIMATED else ""
    return f"{TITLES[way.kind]}{estimate}{' · cheapest' if cheapest else ''}"


def lower(way: Way) -> str:
    """The name inside a sentence: `unsubscribe now`."""
    name = TITLES[way.kind]
    return f"{name[:1].lower()}{name[1:]}"


def drawbacks(way: Way) -> tuple[str, ...]:
    """What does not come back besides money, and what else has to be done or known."""
    found = (*way.lost, way.caution)
    return tuple(_line(each) for each in found if each and each.rule != _ENDS_AT_ONCE)


def waiting(later: Way, now: Way | None) -> str:
    """What waiting changes: how much more or less comes back than now, and why."""
    why = _why_wait(later, now)
    then, today = later.money_back, now.money_back if now else None
    if then is None or today is None or then.is_hidden or then == today:
        return f"{why[:1].upper()}{why[1:]}"
    more = then > today
    gap = text.money(then - today if more else today - then)
    return f"{gap} {'more' if more else 'less'} than now{f': {why}' if why else ''}"


def _why_wait(later: Way, now: Way | None) -> str:
    if later.cause is Cause.FEE_YEAR:
        return _fee_step(_rate(later.quote), _rate(now.quote if now else None))
    return _CAUSES.get(later.cause, "") if later.cause else ""


def _fee_step(then: Decimal | None, today: Decimal | None) -> str:
    if then is None or today is None or then == today:
        return "another year of the term has begun"
    return f"the handling fee {'falls' if then < today else 'rises'} to {text.percent(then)}"


def _rate(quote: Quote | None) -> Decimal | None:
    """The fee of the running order."""
    orders = quote.orders if quote else ()
    return next((each.fee_rate for each in orders if each.case is Case.CONDITIONAL), None)


def _line(notice: Notice) -> str:
    return text.tied(text.esc(notice.text)).removesuffix(".")
