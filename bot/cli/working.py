"""A quote with its working, its dates and its ways out, line by line, for a terminal."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from bot.billing.dates import Dates
from bot.billing.days import CLOUD_ZONE, cloud_date, written
from bot.billing.money import Money
from bot.billing.quote import Case, Lost, OrderQuote, Quote, QuoteTotal
from bot.billing.renewal import AnchorKind
from bot.billing.way import Way, WayKind, WaysOut
from bot.cli.printing import print_table, say

Row = tuple[str, str, str]

WAYS = {
    WayKind.KEEP: "Do nothing",
    WayKind.TURN_OFF: "Turn auto-renewal off",
    WayKind.GIVE_BACK: "Give back the renewal period",
    WayKind.LATER: "Unsubscribe later (estimate)",
    WayKind.UNSUBSCRIBE: "Unsubscribe now (estimate)",
}

_ANCHORS = {
    AnchorKind.DEDUCTION: ("Next deduction", "R19"),
    AnchorKind.EXPIRY: ("Expires", "R14"),
    AnchorKind.NOTICE: ("Notice by", "contract"),
}


def print_quote(label: str, quote: Quote) -> None:
    """Every order's working, the totals, and what people should know before they act."""
    say(f"{label}, {moment(quote.at)}, rule set {quote.rules}. An estimate.")
    if quote.refused is not None:
        say(f"Not possible: {quote.refused.reason} ({quote.refused.rule})")
        return
    rows = [row for each in quote.orders for row in order_working(each)]
    print_table(("", ">", "Rule"), [*rows, *_totals(quote)])
    for notice in quote.warnings:
        say(f"{notice.text} ({notice.rule})")


def print_dates(dates: Dates, *, last_working_day: date | None) -> None:
    """When the money is taken, until when acting is safe, and what follows the expiry."""
    say("\nDates")
    print_table(("", "", "Rule"), list(_dates(dates, last_working_day)))


def print_ways(found: WaysOut) -> None:
    """Every way out side by side, cheapest first, and why the first is the cheapest."""
    say("\nWays out, cheapest first")
    columns = ("", ">Pay", ">Get back", "Last safe moment", "Rule")
    print_table(columns, [_way(each) for each in found.ways])
    if sum(way.open for way in found.ways) > 1:
        say(f"Cheapest because {found.because}.")
    for way in found.ways:
        for notice in (*way.lost, way.caution):
            if way.open and notice is not None:
                say(f"{WAYS[way.kind]}: {notice.text} ({notice.rule})")


def order_working(order: OrderQuote) -> list[Row]:
    """One order: what was paid, how much of it is used, the fee, what comes back."""
    if order.case is not Case.CONDITIONAL:
        return [
            (f"Paid ({order.order_type} order, {order.case})", str(order.paid), "R32"),
            ("Refund, nothing consumed, no fee", str(order.refund), order.rule),
        ]
    percent = f"{order.fee_rate:.0%}"
    return [
        (f"Paid ({order.order_type} order, {order.case})", str(order.paid), "R42"),
        (f"Order {order.duration_hours:,} h, used {order.used_hours:,} h", "", "R42"),
        ("Consumed", str(order.consumed), "R42"),
        (f"Handling fee {percent}", str(order.handling_fee), "R43"),
        ("Refund", str(order.refund), order.rule),
    ]


def total_rows(total: QuoteTotal, lost: Lost | None = None) -> Iterator[Row]:
    """What comes back by which way of payment, and which coupons do not (R32, R38)."""
    yield ("Total handling fee", str(total.handling_fee), "R43")
    yield ("Total refund", str(total.refund), "R41")
    ways = (
        ("by flexi-purchase coupon", total.flexi_coupon, "R32"),
        ("by stored value card", total.stored_value, "R32"),
        ("and cash coupons", total.cash_coupon, "R32"),
    )
    yield from ((f"  {what}", str(amount), rule) for what, amount, rule in ways if amount)
    if lost is None:
        return
    kinds = (("Cash", lost.cash_coupon), ("Discount", lost.discount_coupon))
    yield from ((f"{kind} coupons lost", str(gone), "R32") for kind, gone in kinds if gone)


def moment(at: datetime) -> str:
    """An instant in the cloud's zone: `Mon 30 Nov 2026, 03:00 GMT+08:00`."""
    return f"{written(cloud_date(at))}, {at.astimezone(CLOUD_ZONE):%H:%M} GMT+08:00"


def _totals(quote: Quote) -> Sequence[Row]:
    return list(total_rows(quote.total, quote.lost)) if quote.total is not None else []


def _dates(dates: Dates, last_working_day: date | None) -> Iterator[Row]:
    ahead = dates.anchor
    if ahead is not None:
        name, rule = ("Next attempt", "R21") if dates.retry else _ANCHORS[ahead.kind]
        yield (name, moment(ahead.at) if ahead.at else written(ahead.date), rule)
    if last_working_day is not None:
        yield ("Last working day before", written(last_working_day), "")
    if dates.safe_until is not None:
        yield ("Last safe moment", _last_before(dates.safe_until), "R25")
    if dates.too_late_at is not None and dates.too_late_at != dates.safe_until:
        yield ("Too late from", moment(dates.too_late_at), "R25")
    if dates.give_back_until is not None:
        yield ("Give back in full until", _last_before(dates.give_back_until), "R46")
    if dates.late_charge_at is not None:
        yield ("May still be charged", moment(dates.late_charge_at), "X4")
    if dates.expires_at is not None and (ahead is None or ahead.kind is not AnchorKind.EXPIRY):
        yield ("Expires", moment(dates.expires_at), "R14")
    after = dates.after
    if after is not None:
        yield ("Grace, usable, until", moment(after.grace_ends), "R16")
        yield ("Retention, frozen, until", moment(after.released_at), "R16")


def _way(way: Way) -> tuple[str, str, str, str, str]:
    if not way.open:
        return (WAYS[way.kind], "", "", way.closed_because or "Not possible now.", way.rule)
    begins = f"from {moment(way.at)}" if way.kind is WayKind.LATER and way.at else ""
    ends = _last_before(way.last_moment) if way.last_moment else ""
    until = " until ".join(part for part in (begins, ends) if part)
    return (WAYS[way.kind], _money(way.money_out), _money(way.money_back), until, way.rule)


def _last_before(cutoff: datetime) -> str:
    """The last whole minute before a cut-off, which itself is not safe; of 23:59:59 it is 23:59."""
    whole = (cutoff + timedelta(seconds=1)).replace(second=0, microsecond=0)
    return moment(whole - timedelta(minutes=1))


def _money(money: Money | None) -> str:
    return str(money) if money is not None else "not known"
