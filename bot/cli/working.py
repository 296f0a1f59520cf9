"""A quote with its working, line by line, for a terminal."""

from bot.billing.quote import OrderQuote, Quote
from bot.cli.printing import print_table, say


def print_quote(label: str, quote: Quote) -> None:
    """Every order's working, the totals, and what people should know before they act."""
    say(f"{label}, {quote.at.isoformat()}, rule set {quote.rules}. An estimate.")
    if quote.refused is not None:
        say(f"Not possible: {quote.refused.reason} ({quote.refused.rule})")
        return
    print_table(("", ">", "Rule"), [row for each in quote.orders for row in _working(each)])
    if quote.total is not None:
        total = quote.total
        say(f"Refund {total.refund}, handling fee {total.handling_fee}.")
        if total.cash_coupon:
            say(f"Cash coupons returned: {total.cash_coupon}.")
    if quote.lost is not None and quote.lost.cash_coupon:
        say(f"Cash coupons lost: {quote.lost.cash_coupon}.")
    for notice in quote.warnings:
        say(f"{notice.text} ({notice.rule})")


def _working(order: OrderQuote) -> list[tuple[str, str, str]]:
    percent = f"{order.fee_rate:.0%}"
    return [
        (f"Paid ({order.order_type} order, {order.case})", str(order.paid), "R42"),
        (f"Order {order.duration_hours:,} h, used {order.used_hours:,} h", "", "R42"),
        ("Consumed", str(order.consumed), "R42"),
        (f"Handling fee {percent}", str(order.handling_fee), "R43"),
        ("Refund", str(order.refund), order.rule),
    ]
