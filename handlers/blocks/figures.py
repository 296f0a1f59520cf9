"""The figures of an unsubscription: what goes when, what comes back, what is left."""

from slack_sdk.models.blocks import Block

from bot.billing.money import Money
from bot.billing.quote import Quote, Scope
from bot.billing.renewal import deduction_at
from bot.billing.subscription import Subscription
from bot.facts.unsubscribing import Draft
from handlers import text
from handlers.blocks.notes import Note, notes, once
from handlers.blocks.pieces import Bold, Line, context, fields, rich, section

SHOWN = 10
WARNINGS = 8
"""Slack shows ten lines of small print; the first and the one that counts the rest are ours."""


def facts(draft: Draft) -> list[Block]:
    """The items with their figures, what is left out or behind, and what everybody should know."""
    one = len(draft.ordered) == 1
    items = _only(draft) if one else _several(draft)
    return [
        *items,
        _totals(draft),
        *_left_out(draft),
        *_left_behind(draft),
        context(_ending(draft), *_warnings(draft)),
    ]


def facts_line(subscription: Subscription, *, region: bool = True) -> str:
    """Service, edition or package, region, term, expiry: whatever its name does not say already."""
    service = subscription.service or ""
    named = service.lower() in subscription.label.lower()
    what = " ".join(word for word in ("" if named else service, _kind(subscription)) if word)
    place = subscription.region or "" if region else ""
    return " · ".join(part for part in (what, place, term(subscription)) if part)


def _kind(subscription: Subscription) -> str:
    """Edition or package, unless its name says it."""
    kind = subscription.edition or subscription.package
    words = str(kind).replace("-", " ") if kind else ""
    return "" if words in subscription.label.lower() else words


def term(subscription: Subscription) -> str:
    """`12 months, expires Thu 1 Jul 2027, 23:59 GMT+08:00`."""
    newest = subscription.orders[-1] if subscription.orders else None
    months = newest.term_months if newest else None
    ends = subscription.expires_at
    parts = (
        text.plural(months, "month") if months else "",
        f"expires {text.instant(ends)}" if ends else "expiry not known",
    )
    return ", ".join(part for part in parts if part)


def _only(draft: Draft) -> list[Block]:
    [item] = draft.ordered
    kind = facts_line(item, region=False).removesuffix(term(item)).rstrip(" ·")
    where = "".join(f" · {part}" for part in (draft.account.name, item.region or "", kind) if part)
    return [rich((Bold(item.label), where), (term(item),))]


def _several(draft: Draft) -> list[Block]:
    items = draft.ordered
    alike = not any(_differs(item, items[0]) for item in items[1:])
    where = "" if alike else f" · {draft.account.name} · "
    rows: list[Block] = [
        rich(
            (Bold(f"{number} {item.label}"), f"{where}{'' if alike else facts_line(item)}"),
            *_item_figures(draft.plan.quotes[item.key]),
        )
        for number, item in enumerate(items[:SHOWN], start=1)
    ]
    rest = len(items) - SHOWN
    if rest > 0:
        rows.append(rich((f"and {rest} more",)))
    return [section(_order(draft)), *rows, *([_shared(draft)] if alike else [])]


def _order(draft: Draft) -> str:
    items = draft.ordered
    head = f"*{len(items)} subscriptions, in this order*"
    later = [
        number
        for number, item in enumerate(items, start=1)
        if any(step.after and item.key in step.subscriptions for step in draft.plan.steps)
    ]
    if not later:
        return head
    verb = "starts" if len(later) == 1 else "start"
    which = text.joined([str(number) for number in later])
    account = text.esc(draft.account.name)
    return f"{head}\n{which} {verb} when the edition of {account} reads basic."


def _item_figures(quote: Quote) -> list[Line]:
    total = quote.total
    if total is None:
        return [("amount not known",)]
    lost = quote.lost.coupons if quote.lost else None
    coupons = f", coupons lost {text.money(lost)}" if lost else ""
    figures = (
        f"Paid {text.money(total.paid)}, consumed {text.money(total.consumed)}, "
        f"fee {text.money(total.handling_fee)}{coupons}"
    )
    return [
        (figures,),
        (f"Refund now {text.money(total.refund)} (estimate)",),
    ]


def _shared(draft: Draft) -> Block:
    """What the rows share is said once; where one differs each has its own."""
    first, *others = draft.ordered
    service = first.service or ""
    unsaid = service and any(service.lower() not in item.label.lower() for item in others)
    named = service.lower() in first.label.lower()
    parts = (draft.account.name, service if unsaid and named else "", facts_line(first))
    return rich((" · ".join(part for part in parts if part),))


def _differs(item: Subscription, first: Subscription) -> bool:
    """Whether service, edition or package, region or term are not those that stand there."""
    same = (item.service, item.region, term(item)) == (first.service, first.region, term(first))
    return not same or bool(_kind(item))


def _totals(draft: Draft) -> Block:
    total, worst = draft.total, draft.worst
    return fields(
        ("Paid", text.money(total.paid)),
        ("Consumed (estimate)", text.money(total.consumed)),
        ("Handling fee, at most", text.money(worst.handling_fee)),
        ("Refund now", text.money(total.refund)),
        ("At least, until the deadline", text.money(worst.refund)),
        ("Coupons lost", text.money(worst.coupons_lost)),
    )


def _left_out(draft: Draft) -> list[Block]:
    if not draft.left_out:
        return []
    lines: list[Line] = [
        (f"{draft.subscriptions[key].label}: {refusal.reason}",)
        for key, refusal in list(draft.left_out.items())[:SHOWN]
    ]
    return [rich((Bold("Left out"),), *lines)]


def _left_behind(draft: Draft) -> list[Block]:
    if not draft.left_behind:
        return []
    stops = "stops working without its edition, stays paid for"
    lines: list[Line] = [
        (Bold("Left behind: "), f"{item.label} {stops}{_goes_on(item, draft)}.")
        for item in draft.left_behind[:SHOWN]
    ]
    return [rich(*lines)]


def _goes_on(item: Subscription, draft: Draft) -> str:
    taken = deduction_at(item, draft.account)
    if taken is None:
        ends = item.expires_at
        return f" until {text.day(text.cloud_day(ends))}" if ends else ""
    currency = item.currency or draft.account.currency
    price = Money(item.renewal_price, currency) if item.renewal_price is not None else None
    return f" and renews for {text.money(price)} on {text.day(text.cloud_day(taken))}"


def _ending(draft: Draft) -> str:
    rules = next(iter(draft.plan.quotes.values())).rules if draft.plan.quotes else ""
    one = len(draft.ordered) == 1
    stops = "It stops" if one else "They stop"
    ends = f"{stops} at once and cannot be restored."
    if draft.scope is Scope.RENEWALS:
        ends = "Only the renewal period is given back; the running term goes on."
    return (
        f"{ends} Deadline to decide: {text.instant(draft.deadline)}. "
        f"Rule set {text.esc(rules)}; the cloud's bill is binding."
    )


def _warnings(draft: Draft) -> list[str]:
    """What nobody reads elsewhere in the form: notices of the plan, then those of the quotes."""
    elsewhere = {"R9", *(refusal.rule for refusal in draft.left_out.values())}
    plan = [Note(each.rule, text.tied(each.text)) for each in draft.plan.warnings]
    quotes = [(each.label, draft.plan.quotes[each.key]) for each in draft.ordered]
    said = [
        text.esc(note.text)
        for note in once([*(note for note in plan if note.rule not in elsewhere), *notes(quotes)])
    ]
    rest = len(said) - WARNINGS
    return [*said[:WARNINGS], f"and {text.plural(rest, 'more note')}."] if rest > 0 else said
