"""The list of subscriptions: a page, a page that found nothing, an empty catalogue."""

from collections.abc import Sequence

from slack_sdk.models.blocks import (
    Block,
    ButtonElement,
    ContextBlock,
    InteractiveElement,
    Option,
    PlainTextObject,
    StaticSelectElement,
)

from bot.billing.subscription import Subscription
from bot.facts.listing import ListPage, NearestFilter
from handlers import ids, text
from handlers.blocks import rows
from handlers.blocks.pieces import Content, actions, button, cut, header, pagers, section
from handlers.paging import Paging

TITLE = "Subscriptions"
VALUE = 150
OPTION = 75
SPOKEN = 3000


def plain_context(*lines: str) -> ContextBlock:
    """Small print in which no foreign character means anything."""
    return ContextBlock(elements=[PlainTextObject(text=line, emoji=False) for line in lines])


def page(shown: ListPage, *, filters: str) -> Content:
    """One page of the list; `filters` is what was typed, and travels in the buttons."""
    today = text.cloud_day(shown.now)
    first, last = shown.rows[0].number, shown.rows[-1].number
    span = f"{first:,} to {last:,} of {_counted(shown)}"
    blocks: list[Block] = [
        header(TITLE),
        plain_context(f"{span} · nearest deduction first · {filters or 'no filter'}"),
        *rows.blocks(shown.rows, today=today),
        *actions(_menu(shown), *_paging(shown, filters=filters)),
    ]
    more = "More: press Next." if shown.next is not None else ""
    spoken = text.fallback(
        f"Subscriptions {span}, nearest deduction first{_filtered(filters)}.",
        *rows.spoken(shown.rows, today=today),
        closing=more,
        limit=SPOKEN,
    )
    return Content(spoken, blocks, TITLE)


def nothing_found(filters: str, nearest: NearestFilter | None) -> Content:
    """No subscription matches; the nearest spelling that would find some is one press away."""
    asked = text.code(text.clip(filters, 200))
    words = f"No subscription matches {asked}."
    buttons: list[ButtonElement] = []
    if nearest is not None:
        typed = f"{nearest.field}:{_quoted(nearest.value)}"
        words += f" {text.code(f'{nearest.field}:{nearest.value}')} has {_counted(nearest)}."
        label = cut(f"Search {nearest.value}", 24)
        buttons.append(button(label, ids.LIST_SEARCH, f"1 {typed}", says=f"Search {typed}"))
    clear = button("Clear filters", ids.LIST_CLEAR, "1 ", says="List without filters")
    return Content(words, [section(words), *actions(*buttons, clear)], TITLE)


def empty_catalogue() -> Content:
    """Nothing to watch yet, and how that changes."""
    words = (
        "Lapse has nothing to watch. An operator imports a file (`lapse import FILE`) "
        "or connects an account (`lapse sync`)."
    )
    return Content(
        f"No subscriptions yet. {words}", [header("No subscriptions yet"), section(words)], TITLE
    )


def open_menu(choices: Sequence[tuple[str, Subscription]]) -> StaticSelectElement | None:
    """A menu that opens one of these subscriptions, each with the label that it has in the text."""
    named = {str(each.key): label for label, each in choices if len(str(each.key)) <= VALUE}
    options = [
        Option(text=PlainTextObject(text=cut(label, OPTION), emoji=False), value=key)
        for key, label in named.items()
    ]
    if not options:
        return None
    return StaticSelectElement(
        placeholder=PlainTextObject(text="Open a subscription…"),
        action_id=ids.OPEN_SUBSCRIPTION,
        options=options[:100],
    )


def option(subscription: Subscription) -> Option:
    """A subscription as something to choose, told apart by account and id."""
    return Option(
        text=PlainTextObject(text=cut(subscription.label, OPTION), emoji=False),
        description=PlainTextObject(text=cut(str(subscription.key), OPTION), emoji=False),
        value=str(subscription.key),
    )


def _counted(shown: ListPage | NearestFilter) -> str:
    return f"more than {shown.count:,}" if shown.more else f"{shown.count:,}"


def _filtered(filters: str) -> str:
    return f", {text.esc(filters)}" if filters else ""


def _menu(shown: ListPage) -> StaticSelectElement | None:
    return open_menu([(f"{r.number} {r.subscription.label}", r.subscription) for r in shown.rows])


def _paging(shown: ListPage, *, filters: str) -> Sequence[InteractiveElement]:
    previous = following = None
    if shown.previous is not None:
        page = max(shown.page - 1, 1)
        previous = Paging(page=page, filters=filters, before=shown.previous)
    if shown.next is not None:
        following = Paging(page=shown.page + 1, filters=filters, after=shown.next)
    return pagers(
        previous=previous,
        following=following,
        of="subscriptions",
        next_id=ids.LIST_PAGE,
        previous_id=ids.LIST_PREVIOUS,
    )


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
