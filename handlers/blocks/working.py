"""*How it is worked out*: order by order, way by way, with the number of the rule behind each."""

from collections.abc import Iterable, Sequence

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.billing.quote import Case, OrderQuote, Quote
from bot.billing.way import Way, WayKind
from handlers import text
from handlers.blocks.notes import Note, notes, once
from handlers.blocks.pieces import Bold, context, modal, preformatted, rich, section
from handlers.blocks.way_words import TITLES, cheapest_of, is_free, lower

WIDTH = 38
COLUMN = 28
"""From the margin to where amounts end, at least; the rule follows after two blanks."""

MOST = 90
"""Blocks of orders that leave room for the ways, the notes and the small print."""

NOTHING_TO_WORK_OUT = "It cannot be unsubscribed from now, so there are no figures."


def working(
    quotes: Sequence[tuple[str, Quote]],
    *,
    ways: Sequence[Way] = (),
    dry_run: bool = False,
    over_form: bool = False,
) -> View:
    """One preformatted block an order, one rule a line, 38 wide; `ways` are those of one item."""
    return modal(
        "How it is worked out",
        [*_orders(quotes), *_ways(ways), *_notes(quotes, ways), *_small_print(quotes)],
        close="Go back" if over_form else "Close",
        dry_run=dry_run,
    )


def order_lines(order: OrderQuote) -> list[str]:
    """The working of one order in columns: what, how much (to the right), by which rule."""
    rows = [("Paid", text.money(order.paid), "R42")]
    if order.case is Case.CONDITIONAL:
        hours = f"Order {order.duration_hours:,} h, used {order.used_hours:,} h"
        rows += [
            (hours, "", "R42"),
            ("Consumed", text.money(order.consumed), "R42"),
            (f"Fee {text.percent(order.fee_rate)}", text.money(order.handling_fee), "R43"),
        ]
    rows.append(("Refund", text.money(order.refund), order.rule))
    ends = max(COLUMN, *(len(f"{what}  {amount}".rstrip()) for what, amount, _ in rows))
    return [f"{what}{amount:>{ends - len(what)}}  {rule}" for what, amount, rule in rows]


def way_lines(ways: Sequence[Way]) -> list[str]:
    """Two lines a way: its name and the rule behind it, then the money; a closed one says so."""
    best = cheapest_of(ways)
    return [line for way in ways for line in _way(way, cheapest=way == best)]


def _way(way: Way, *, cheapest: bool) -> list[str]:
    mark = ", cheapest" if cheapest else ""
    return [f"{TITLES[way.kind]:<{COLUMN}}  {way.rule}", f"  {_money(way)}{mark}"]


def _money(way: Way) -> str:
    if not way.open:
        return "closed"
    if way.kind not in {WayKind.TURN_OFF, WayKind.KEEP}:
        return f"get back {text.money(way.money_back)}"
    if way.money_out is None:
        return text.NOT_KNOWN
    return "pay nothing" if is_free(way) else f"pay {text.money(way.money_out)}"


def _orders(quotes: Sequence[tuple[str, Quote]]) -> list[Block]:
    if not quotes:
        return [section(NOTHING_TO_WORK_OUT)]
    blocks: list[Block] = []
    for number, (label, quote) in enumerate(quotes):
        of_one = _worked(label, quote, several=len(quotes) > 1)
        if len(blocks) + len(of_one) > MOST:
            rest = len(quotes) - number
            return [*blocks, rich((f"and {text.plural(rest, 'more subscription')}",))]
        blocks += of_one
    return blocks


def _worked(label: str, quote: Quote, *, several: bool) -> list[Block]:
    if quote.refused:
        why = Note(quote.refused.rule, quote.refused.reason)
        return [rich((Bold(label),), (why.with_rule,))]
    blocks: list[Block] = []
    for number, order in enumerate(quote.orders, start=1):
        which = "" if len(quote.orders) == 1 else f"order {number}, {order.order_type.value}"
        title = ", ".join(part for part in (label if several else "", which) if part)
        blocks.append(preformatted(title, order_lines(order)))
    return blocks


def _ways(ways: Sequence[Way]) -> list[Block]:
    return [preformatted("Ways out (estimate)", way_lines(ways))] if ways else []


def _notes(quotes: Sequence[tuple[str, Quote]], ways: Sequence[Way]) -> list[Block]:
    refused = {quote.refused.reason for _, quote in quotes if quote.refused}
    found = once([*notes(quotes), *_of_ways(ways, said=refused)])
    lines = [(f"• {each.with_rule}",) for each in found]
    return [rich((Bold("Good to know"),), *lines)] if lines else []


def _of_ways(ways: Sequence[Way], *, said: Iterable[str]) -> list[Note]:
    """What ways lose and ask for, and why closed ones are; those that share it stand together."""
    about: dict[Note, list[Way]] = {}
    for way in ways:
        for note in _about(way):
            if note.text not in said:
                about.setdefault(note, []).append(way)
    return [Note(rule, f"{_named(them)}: {what}") for (rule, what), them in about.items()]


def _named(ways: Sequence[Way]) -> str:
    first, *others = ways
    return text.joined([TITLES[first.kind], *(lower(each) for each in others)])


def _about(way: Way) -> list[Note]:
    if way.open:
        found = (*way.lost, way.caution)
        return [Note(each.rule, text.tied(each.text)) for each in found if each is not None]
    return [Note(way.rule, text.sentence(way.closed_because))] if way.closed_because else []


def _small_print(quotes: Sequence[tuple[str, Quote]]) -> list[Block]:
    rules = next((quote.rules for _, quote in quotes if quote.rules), "")
    if not rules:
        return []
    return [context(f"Estimate. Rule set {text.esc(rules)}; the cloud's bill is binding.")]
