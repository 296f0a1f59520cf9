"""Forms: whether what came back filled in is complete, still true, and not sent already."""

from collections.abc import Mapping
from dataclasses import replace

from bot.billing.deciding import renewal_avoided
from bot.billing.quote import Quote
from bot.billing.unsubscription import Item, Reason, Request
from bot.billing.worst import Worst, is_worse
from bot.facts.unsubscribing import DETAILS_LIMIT, Draft, Kept, Submission
from bot.ports.store import Transaction
from bot.services.errors import FiguresChanged, Incomplete
from bot.services.fields import written_instant


def demand_complete(submission: Submission) -> None:
    """Raise Incomplete unless reason, details and checkbox are as the cloud asks for them."""
    details = submission.details.strip()
    too_long = len(details) if len(details) > DETAILS_LIMIT else None
    missing = submission.reason is Reason.OTHER and not details
    if submission.reason is None or missing or too_long or not submission.acknowledged:
        raise Incomplete(
            reason=submission.reason is None,
            details=missing,
            too_long=too_long,
            checkbox=not submission.acknowledged,
        )


def demand_why(why: str) -> str:
    """The reason without its blanks; raises Incomplete when nothing is left."""
    said = why.strip()
    if not said:
        raise Incomplete(why=True)
    return said


def demand_same(draft: Draft, submission: Submission) -> None:
    """Raise FiguresChanged unless the form showed what would go and nothing better than it is.

    A full hour passing is no change: the worst until the deadline is compared, unless its figures
    were hidden in the form.
    """
    shown = submission.worst
    worse = not shown.refund.is_hidden and is_worse(draft.worst, than=shown)
    other = draft.fingerprint != submission.fingerprint
    sooner = draft.deadline < submission.deadline
    over = submission.deadline <= draft.now
    if other or sooner or over or worse:
        raise FiguresChanged(draft, before=shown)


def acknowledged(draft: Draft, submission: Submission) -> Worst:
    """What a complete form acknowledges: what it showed, else what it hid."""
    return draft.worst if submission.worst.refund.is_hidden else submission.worst


def made_of(tx: Transaction, form: str) -> Request | None:
    """The request that this opened form was sent as, None when it was not sent yet."""
    note = tx.notes.get(_form(form))
    return tx.requests.get(int(str(note["request"]))) if note else None


def remember(tx: Transaction, form: str, *, number: int) -> None:
    """Remember as which request an opened form was sent."""
    tx.notes.put(_form(form), {"request": number})


def requoted(request: Request, draft: Draft) -> tuple[Item, ...]:
    """The items of a request that go by a new draft, with its quotes."""
    return tuple(
        Item(
            key=item.key,
            label=item.label,
            region=item.region,
            quote=_requoted(item, draft),
            promotion=any(order.promotion for order in draft.subscriptions[item.key].orders),
            renewal=renewal_avoided(draft.plan, draft.subscriptions[item.key]),
        )
        for item in request.items
        if item.key in draft.plan.quotes
    )


def _requoted(item: Item, draft: Draft) -> Quote:
    """The new quote; what outlives the item (R11) does so whatever the figures are."""
    quote = draft.plan.quotes[item.key]
    outlives = (notice for notice in item.quote.warnings if notice.rule == "R11")
    return replace(quote, warnings=(*quote.warnings, *outlives))


def kept_facts(kept: Kept | None) -> Mapping[str, str]:
    """What comes next if it is kept, as a request remembers it; an empty text is not known.

    Keys: kind, date, at, amount and currency; empty when nothing comes.
    """
    if kept is None:
        return {}
    known = kept.amounts[0] if len(kept.amounts) == 1 and not kept.unknown else None
    return {
        "kind": kept.anchor.kind.value,
        "date": kept.anchor.date.isoformat(),
        "at": written_instant(kept.anchor.at) if kept.anchor.at else "",
        "amount": f"{known.rounded().amount:.2f}" if known else "",
        "currency": known.currency if known else "",
    }


def _form(form: str) -> str:
    return f"form/{form}"
