"""Contracts outside the cloud, where others show figures: the contract says what comes back."""

from datetime import date
from decimal import Decimal

from slack_sdk.models.blocks import Block

from bot.billing.money import Money
from bot.billing.quote import Quote
from bot.billing.renewal import AnchorKind
from bot.billing.unsubscription import Request
from bot.facts.unsubscribing import Draft
from handlers import text
from handlers.blocks import request_facts
from handlers.blocks.figures import facts_line
from handlers.blocks.pieces import Bold, Line, context, fields, rich

DECIDES = "The contract decides; no refund is assumed."
NO_FEE = "The contract decides; no fee is worked out."
BY_HAND = "A person ends it by hand, and a second one looks whether it is gone."
SHOWN = 10


def form_facts(draft: Draft) -> list[Block]:
    """Each contract and its term, what was paid, what is not assumed, and by when notice is due."""
    items = draft.ordered
    rows: list[Line] = [
        (Bold(item.label), f" · {draft.account.name} · {facts_line(item)}")
        for item in items[:SHOWN]
    ]
    rest = len(items) - SHOWN
    more: list[Line] = [(f"and {rest} more",)] if rest > 0 else []
    return [
        rich(*rows, *more),
        fields(("Paid", paid(draft)), ("What comes back", DECIDES), *_ends(draft)),
        *_left_out(draft),
        context(f"{_needs(draft)}{BY_HAND} Deadline to decide: {text.instant(draft.deadline)}."),
    ]


def form_spoken(draft: Draft) -> str:
    """The same in one or two sentences."""
    ends = " ".join(f"{name}: {when}." for name, when in _ends(draft))
    return f"Paid: {paid(draft)}. {DECIDES} {ends} {_needs(draft)}{BY_HAND}"


def _needs(draft: Draft) -> str:
    """That more have to approve because what was paid is not known; nothing otherwise."""
    if not draft.more_as_unknown:
        return ""
    needs = text.plural(draft.approvals_needed, "approval")
    return f"It needs {needs} since what was paid is not known. "


def paid(draft: Draft) -> str:
    """What was paid for them, where all of it is known."""
    return _paid([draft.plan.quotes[item.key] for item in draft.ordered])


def request_figures(request: Request) -> Block:
    """The same of a request, with what comes next if it is kept while that is open."""
    kept = "" if request.closed else _kept(request)
    return fields(
        ("Paid", _paid([item.quote for item in request.items])),
        ("What comes back", DECIDES),
        *([("If kept", kept)] if kept else []),
    )


def noticed(request: Request) -> str:
    """What has come of it: it goes on until its term ends."""
    ends = request_facts.verb(request, one="ends", several="end")
    return f"notice given, {request_facts.subject(request)} {ends} {_end(request)}"


def _end(request: Request) -> str:
    """`Tue 16 Feb 2027`; `with its term` where that is not known or not the same of all."""
    known = {text.cloud_day(each.renewal.term_ends) for each in request.items if each.renewal}
    if len(known) == 1 and all(each.renewal for each in request.items):
        return text.day(known.pop())
    return "with its term" if len(request.items) == 1 else "with their terms"


def _kept(request: Request) -> str:
    known = request.if_kept
    if known.get("kind") != AnchorKind.NOTICE:
        return request_facts.kept(request)
    price = Money(Decimal(known["amount"]), known["currency"]) if known["amount"] else None
    day = text.day(date.fromisoformat(known["date"]))
    return f"{text.money(price)}, unless notice is given by {day}"


def _paid(quotes: list[Quote]) -> str:
    known = [quote.total.paid for quote in quotes if quote.total]
    if len(known) < len(quotes):
        return text.money(None)
    return text.money(sum(known[1:], known[0]))


def _ends(draft: Draft) -> list[tuple[str, str]]:
    kept = draft.if_kept
    if kept is None:
        return []
    name = "Notice by" if kept.anchor.kind is AnchorKind.NOTICE else "Ends on"
    return [(name, text.day(kept.anchor.date))]


def _left_out(draft: Draft) -> list[Block]:
    lines: list[Line] = [
        (f"{draft.subscriptions[key].label}: {refusal.reason}",)
        for key, refusal in list(draft.left_out.items())[:SHOWN]
    ]
    return [rich((Bold("Left out"),), *lines)] if lines else []
