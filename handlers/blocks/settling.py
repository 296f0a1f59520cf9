"""The windows that a reminder opens: *Snooze*, *Turn off several*, and *Show all*."""

from collections.abc import Sequence

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    DateTimePickerElement,
    InputBlock,
    InteractiveElement,
    Option,
    PlainTextObject,
    RadioButtonsElement,
)
from slack_sdk.models.views import View

from bot.billing.reminder import SnoozeChoice, SnoozeKind
from bot.billing.subscription import SubscriptionKey
from bot.facts.messages import ReminderItem, ReminderMessage
from bot.facts.reminding import RestPage, SnoozeOptions
from handlers import ids, text
from handlers.blocks import reminder_actions
from handlers.blocks import reminder_words as words
from handlers.blocks.pieces import (
    Bold,
    Content,
    Line,
    actions,
    context,
    cut,
    header,
    modal,
    pagers,
    rich,
)
from handlers.blocks.renewing import off_label
from handlers.paging import Paging

ANOTHER = "another"
MOST = 10
LONG = 3000


def snooze(options: SnoozeOptions, metadata: str, *, another: bool = False) -> View:
    """*Snooze*: only moments before the last safe one; *Another day* adds a field for it."""
    what = text.joined([each.label for each in options.subscriptions])
    moments = [_option(str(int(c.at.timestamp())), _moment(c, options)) for c in options.choices]
    other = _option(ANOTHER, "Another day")
    radio = RadioButtonsElement(
        action_id=ids.REMINDER_SNOOZE_UNTIL,
        options=[*moments, other],
        initial_option=other if another or not moments else moments[0],
    )
    until = InputBlock(
        label=PlainTextObject(text="Until"),
        element=radio,
        block_id=ids.REMINDER_SNOOZE_UNTIL,
        dispatch_action=True,
    )
    last = text.instant(text.last_safe(options.safe_until))
    small_print = (
        f"It comes back here for everyone. Hours are {text.esc(options.zone.key)}. "
        f"Last safe moment: {last}."
    )
    return modal(
        "Snooze",
        [
            rich((Bold(cut(what, 200)),)),
            until,
            *([_another_day()] if another or not moments else []),
            context(small_print),
        ],
        callback_id=ids.REMINDER_SNOOZE_FORM,
        submit="Snooze",
        close="Go back",
        metadata=metadata,
    )


def several(
    message: ReminderMessage,
    metadata: str,
    *,
    only: Sequence[SubscriptionKey] = (),
    by_request: bool = False,
) -> View | None:
    """*Turn off several*: the items of the digest whose auto-renewal is on, none ticked.

    `only` offers these alone, ticked, as a menu's question before it is done. None when nothing is
    left. They may have different owners, so one press never takes all of a digest along.
    `by_request`: the settings ask for an approval first.
    """
    offered = [
        item
        for item in message.items
        if reminder_actions.OFF in reminder_actions.offers(item)
        and (not only or item.subscription.key in only)
    ][:MOST]
    if not offered:
        return None
    options = [
        _option(str(item.subscription.key), _item(item), describe=_ends(item)) for item in offered
    ]
    boxes = CheckboxesElement(
        action_id=ids.REMINDER_TICKS,
        options=options,
        initial_options=options if only else None,
    )
    return modal(
        off_label(by_request=by_request),
        [
            InputBlock(
                label=PlainTextObject(text="Which ones"),
                element=boxes,
                block_id=ids.REMINDER_TICKS,
            ),
            context("Each ends with its term unless someone renews it."),
            *([context("It needs approval.")] if by_request else []),
        ],
        callback_id=ids.REMINDER_OFF_FORM,
        submit="Send request" if by_request else "Turn off",
        close="Go back",
        metadata=metadata,
        dry_run=message.dry_run,
    )


def rest(shown: RestPage) -> Content:
    """*Show all*: one line an item that was only counted, a page of them at a time."""
    lines: list[Line] = [
        (
            Bold(item.subscription.label),
            f" · {item.subscription.key.account} · {words.headline_short(item)}",
        )
        for item in shown.items
    ]
    headline = text.plural(shown.count, "reminder")
    last = shown.number + len(shown.items) - 1
    span = f"{shown.number:,} to {last:,} of {shown.count:,}" if shown.pages > 1 else ""
    spoken = [
        text.esc(f"{item.subscription.label}: {words.headline_short(item)}") for item in shown.items
    ]
    blocks: list[Block] = [
        header(headline),
        *([context(span)] if span else []),
        *([rich(*lines)] if lines else []),
        *actions(*_pagers(shown)),
    ]
    closing = "More: press Next." if shown.page < shown.pages else ""
    said = text.fallback(headline, span, *spoken, closing=closing, limit=LONG)
    return Content(said, blocks, "Reminders")


def _pagers(shown: RestPage) -> Sequence[InteractiveElement]:
    page, batch = shown.page, shown.batch_id
    return pagers(
        previous=Paging(page=page - 1, filters=batch) if page > 1 else None,
        following=Paging(page=page + 1, filters=batch) if page < shown.pages else None,
        of="reminders",
        next_id=ids.REMINDER_REST_PAGE,
        previous_id=ids.REMINDER_REST_PREVIOUS,
    )


def _moment(choice: SnoozeChoice, options: SnoozeOptions) -> str:
    hour = f"{choice.at.astimezone(options.zone):%H:%M}"
    day = text.short_day(choice.date)
    return {
        SnoozeKind.TOMORROW: f"Tomorrow, {hour}",
        SnoozeKind.LAST_WORKING_DAY: f"Last working day, {day}, {hour}",
    }.get(choice.kind, f"{day}, {hour}")


def _another_day() -> Block:
    return InputBlock(
        label=PlainTextObject(text="Another day"),
        element=DateTimePickerElement(action_id=ids.REMINDER_SNOOZE_DAY),
        block_id=ids.REMINDER_SNOOZE_DAY,
        hint=PlainTextObject(text="In your own time zone, before the last safe moment."),
    )


def _item(item: ReminderItem) -> str:
    return f"{text.clip(item.subscription.label, 50)} · {text.money(item.amount)}"


def _ends(item: ReminderItem) -> str:
    ends = item.subscription.expires_at
    return f"ends on {text.instant(ends)}" if ends else ""


def _option(value: str, label: str, *, describe: str = "") -> Option:
    return Option(
        value=value,
        text=PlainTextObject(text=cut(label, 75)),
        description=PlainTextObject(text=cut(describe, 75)) if describe else None,
    )
