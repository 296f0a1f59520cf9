"""The unsubscription form: as a modal, as message blocks, and the views around it."""

from collections.abc import Mapping, Sequence

from slack_sdk.models.blocks import (
    Block,
    ButtonElement,
    ExternalDataSelectElement,
    Option,
    PlainTextObject,
)
from slack_sdk.models.views import View

from bot.billing.subscription import Subscription
from bot.billing.unsubscription import Request
from bot.billing.way import WayKind
from bot.billing.worst import Worst
from bot.facts.unsubscribing import Draft
from handlers import forms, ids, text
from handlers.blocks import comparing, contracts, figures, form_fields
from handlers.blocks.pieces import (
    DRY_RUN,
    Bold,
    Content,
    actions,
    button,
    context,
    cut,
    header,
    modal,
    rich,
    section,
)
from handlers.blocks.renewing import off_label
from handlers.forms import Carried, Filled

TITLE = "Unsubscribe"
GO_BACK = "Go back"
BUTTON_VALUE = 2000
"""Characters that a button carries."""

UNREADABLE = "The figures could not be read in 10 seconds."
OTHER_NEEDS_FORM = "Other needs details: open it as form."
TICK = "Tick the box to go on; nothing has been sent."


def which(carried: Carried) -> View:
    """The first question when no subscription was named."""
    menu = ExternalDataSelectElement(
        action_id=ids.UNSUBSCRIBE_MENU,
        placeholder=PlainTextObject(text="Choose a subscription"),
        min_query_length=0,
    )
    return modal(
        TITLE,
        [section("*Which subscription?*", accessory=menu)],
        callback_id=ids.UNSUBSCRIBE_FORM,
        close=GO_BACK,
        metadata=forms.encode(carried),
    )


def option(subscription: Subscription) -> Option:
    """One subscription in the menu of *Which subscription?*."""
    where = f"{subscription.label} · {subscription.key.account}"
    return Option(value=str(subscription.key)[:150], text=PlainTextObject(text=cut(where, 75)))


def loading(carried: Carried, name: str) -> View:
    """What stands there while the figures are read."""
    return modal(
        TITLE,
        [rich((f"Reading the figures of {name}…\nNothing has been sent.",))],
        callback_id=ids.UNSUBSCRIBE_FORM,
        close=GO_BACK,
        metadata=forms.encode(carried),
    )


def unreadable(carried: Carried) -> View:
    """The figures took too long; nothing was sent."""
    again = button(
        "Try again", ids.UNSUBSCRIBE_TRY_AGAIN, "again", says="Try again to read the figures"
    )
    return modal(
        TITLE,
        [section(f"{UNREADABLE}\nNothing has been sent."), *actions(again)],
        callback_id=ids.UNSUBSCRIBE_FORM,
        close=GO_BACK,
        metadata=forms.encode(carried),
    )


def form(
    draft: Draft,
    carried: Carried,
    *,
    filled: Filled = form_fields.NOTHING_FILLED,
    before: Worst | None = None,
) -> View:
    """The modal with its figures; `before` when they changed while it was open."""
    changed: list[Block] = [_changed(draft, before)] if before else []
    blocks = [
        *changed,
        *_cheaper(draft),
        *form_fields.scope(draft),
        *_figures(draft),
        *_looking(draft),
        *form_fields.packages(draft),
        form_fields.reason(filled),
        form_fields.details(draft, filled),
        form_fields.fee(draft, filled),
    ]
    return modal(
        TITLE,
        blocks,
        callback_id=ids.UNSUBSCRIBE_FORM,
        submit="Send request",
        close=GO_BACK,
        metadata=forms.encode(carried.showing(draft)),
        dry_run=draft.dry_run,
    )


def message(
    draft: Draft,
    carried: Carried,
    *,
    filled: Filled = form_fields.NOTHING_FILLED,
    missing: Sequence[str] = (),
    before: Worst | None = None,
) -> Content:
    """The same form in a private message; what is missing stands in bold above the buttons."""
    shown = forms.encode(carried.showing(draft))
    what = named(draft.ordered)
    ask = button(
        "Request unsubscription",
        ids.UNSUBSCRIBE_SEND,
        shown,
        says=f"Request unsubscription from {what}",
    )
    as_form = button(
        "Open as form…", ids.UNSUBSCRIBE_AS_FORM, shown, says=f"Open as form: unsubscribe {what}"
    )
    changed: list[Block] = [_changed(draft, before)] if before else []
    blocks: list[Block] = [
        header(f"Unsubscribe: {cut(what, 100)}", dry_run=draft.dry_run),
        *changed,
        *_cheaper(draft),
        *_figures(draft),
        form_fields.reason(filled),
        form_fields.fee(draft, filled),
        *([section("\n".join(f"*{each}*" for each in missing))] if missing else []),
        *actions(ask, as_form, *_compared(draft, shown)),
        context("Only you see this."),
        *([context(DRY_RUN)] if draft.dry_run else []),
    ]
    spoken = text.fallback(
        *missing,
        f"Unsubscribe {text.esc(what)} ({text.esc(draft.account.name)})",
        *_spoken(draft),
        closing="Choose a reason, tick the box and request it.",
    )
    return Content(f"Dry run: {spoken}" if draft.dry_run else spoken, blocks, TITLE)


def _figures(draft: Draft) -> list[Block]:
    if draft.is_contract:
        return contracts.form_facts(draft)
    notes = [*([contracts.BY_HAND] if draft.by_hand else []), *_left_open(draft)]
    return [*figures.facts(draft), *comparing.beside(draft), *(context(each) for each in notes)]


def _left_open(draft: Draft) -> list[str]:
    """What an earlier request may have set going at the cloud already."""
    if not draft.left_open or draft.dry_run or draft.by_hand:
        return []
    numbers = ", ".join(str(each) for each in draft.left_open)
    which = f"Request {numbers}" if len(draft.left_open) == 1 else f"Requests {numbers}"
    called = f"{which} had the cloud called about this, and nobody read how it ended."
    return [f"{called} Lapse looks for that first; nothing is asked for twice."]


def _looking(draft: Draft) -> list[Block]:
    """How the figures come about, and the ways beside; nothing of either about a contract."""
    if draft.is_contract:
        return []
    return actions(_working(draft), *_compared(draft, "ways"))


def _compared(draft: Draft, value: str) -> list[ButtonElement | None]:
    what = named(draft.ordered)
    return [] if draft.is_contract else [comparing.open_button(draft, value, what=what)]


def _spoken(draft: Draft) -> tuple[str, ...]:
    if draft.is_contract:
        return (contracts.form_spoken(draft),)
    figures_ = (
        f"Refund now {text.money(draft.total.refund)}, at least "
        f"{text.money(draft.worst.refund)} until {text.instant(draft.deadline)}, handling fee at "
        f"most {text.money(draft.worst.handling_fee)} (estimate)"
    )
    by_hand = (contracts.BY_HAND,) if draft.by_hand else ()
    return (figures_, comparing.spoken(draft), *by_hand, *_left_open(draft))


def sent(request: Request, channel: str) -> Content:
    """What happens next, in the place of the form."""
    needed = request.required_approvals
    approvals = "One approval is" if needed == 1 else f"{needed} approvals are"
    words = (
        f"Request {request.number} goes to {text.channel(channel)}. {approvals} needed by "
        f"{text.instant(request.deadline)}. You get a DM at every change."
    )
    if not needed:
        starts = text.instant(request.starts_at or request.requested_at)
        words = (
            f"Request {request.number} needs no approval and starts at {starts}. "
            f"{text.channel(channel)} shows it. You get a DM at every change."
        )
    blocks: list[Block] = [section(words), *([context(DRY_RUN)] if request.dry_run else [])]
    return Content(f"Dry run: {words}" if request.dry_run else words, blocks, "Request sent")


def not_possible(
    sentence: str,
    advice: str,
    *,
    rule: str,
    together: Sequence[str],
    shown: str,
) -> Content:
    """Nothing of it can go now: why, and what can be done instead."""
    why = EXPLAINED.get(rule, advice)
    everything = (
        button(
            f"Unsubscribe from all {len(together)}…",
            ids.UNSUBSCRIBE,
            "\n".join(together),
            says=f"Unsubscribe from all {len(together)} together",
        )
        if together
        else None
    )
    ways = button("Show the ways out", ids.SHOW, shown, says=f"Show the ways out of {shown}")
    blocks = [rich((Bold(sentence), f"\n{why}")), *actions(everything, ways if shown else None)]
    return Content(text.fallback(text.esc(sentence), text.esc(why)), blocks, "Not possible now")


EXPLAINED: Mapping[str, str] = {
    "R8": "The cloud unsubscribes from packages only when the edition is basic (R8).",
}


def as_view(content: Content) -> View:
    """An answer as a modal that can only be closed."""
    return modal(content.title, content.blocks, close="Close")


def named(subscriptions: Sequence[Subscription]) -> str:
    """The first by name, and how many more."""
    first, *others = [each.label for each in subscriptions] or ["nothing"]
    return f"{first} and {len(others)} more" if others else first


def _changed(draft: Draft, before: Worst) -> Block:
    now = draft.worst
    changed = (
        ("refund at least", now.refund, before.refund),
        ("handling fee at most", now.handling_fee, before.handling_fee),
        ("coupons lost", now.coupons_lost, before.coupons_lost),
    )
    said = [
        f"{what} {text.money(new)}, before {text.money(old)}"
        for what, new, old in changed
        if new != old
    ]
    what = "; ".join(said) or "look at what would go and until when it can be decided"
    return section(f"*The figures changed while this was open: {what}.*")


def _cheaper(draft: Draft) -> list[Block]:
    way = draft.cheaper
    if way is None:
        return []
    until = way.works_until or draft.ordered[0].expires_at
    keeps = f" and keeps it until {text.short_day(text.cloud_day(until))}" if until else ""
    returns = f"Unsubscribing returns {text.money(draft.total.refund)} today."
    if way.kind is not WayKind.TURN_OFF:
        return [section(f"{returns} Letting it end costs nothing{keeps}.")]
    keys = forms.write_keys(each.key for each in draft.ordered)
    off = button(
        off_label(by_request=draft.off_by_request),
        ids.AUTORENEW_OFF,
        keys,
        says=f"{off_label(by_request=draft.off_by_request)} of {named(draft.ordered)}",
    )
    words = f"{returns} Turning auto-renewal off costs nothing{keeps}."
    return [section(words, accessory=off if len(keys) <= BUTTON_VALUE else None)]


def _working(draft: Draft) -> ButtonElement:
    return button(
        "Show the working…",
        ids.WORKING,
        forms.write_keys(each.key for each in draft.ordered)[:BUTTON_VALUE],
        says=f"Show the working of {named(draft.ordered)}",
    )
