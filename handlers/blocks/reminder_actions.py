"""What can be done about a reminder's subscription: as buttons, as a menu, and in words."""

from collections.abc import Mapping, Sequence

from slack_sdk.models.blocks import (
    ButtonElement,
    ConfirmObject,
    Option,
    OverflowMenuElement,
    PlainTextObject,
)

from bot.billing.renewal import AnchorKind
from bot.facts.messages import ReminderItem, ReminderMessage, Settled
from handlers import ids, text
from handlers.blocks import reminder_words as words
from handlers.blocks.pieces import button
from handlers.blocks.renewing import off_label, off_question

OFF = "off"
ON = "on"
UNSUBSCRIBE = "unsubscribe"
OPEN_REQUEST = "open-request"
KEEP = "keep"
SNOOZE = "snooze"
SHOW = "show"
UNDO_KEEP = "undo-keep"

LABELS: Mapping[str, str] = {
    ON: "Turn on again…",
    UNSUBSCRIBE: "Unsubscribe…",
    OPEN_REQUEST: "Open request",
    KEEP: "Keep",
    SNOOZE: "Snooze…",
    SHOW: "Show",
    UNDO_KEEP: "Undo keep",
}

_ACTIONS: Mapping[str, str] = {
    OFF: ids.REMINDER_OFF,
    ON: ids.REMINDER_ON,
    UNSUBSCRIBE: ids.REMINDER_UNSUBSCRIBE,
    OPEN_REQUEST: ids.OPEN_REQUEST,
    KEEP: ids.REMINDER_KEEP,
    SNOOZE: ids.REMINDER_SNOOZE,
    UNDO_KEEP: ids.REMINDER_UNDO_KEEP,
}

_SAID: Mapping[str, str] = {
    OFF: "turn off auto-renewal",
    UNSUBSCRIBE: "unsubscribe",
    OPEN_REQUEST: "open the request",
    KEEP: "keep",
    SNOOZE: "snooze",
}


def offers(item: ReminderItem) -> Sequence[str]:
    """What can be done about an item as it stands; what has lost its meaning is left out."""
    if item.settled is Settled.TURNED_OFF and item.subscription.auto_renew is False:
        return (ON, SHOW)
    if item.settled in {Settled.TURNING_OFF, Settled.TURNED_OFF, Settled.NO_LONGER_DUE}:
        return (SHOW,)
    if item.settled is Settled.KEPT:
        return (UNDO_KEEP, SHOW)
    if item.settled is Settled.REQUESTED:
        return (OPEN_REQUEST, KEEP, SNOOZE, SHOW)
    renews = item.subscription.auto_renew and item.reminder.anchor.kind is AnchorKind.DEDUCTION
    off = (OFF,) if renews else ()
    return (*off, UNSUBSCRIBE, KEEP, SNOOZE, SHOW)


def buttons(message: ReminderMessage, item: ReminderItem) -> list[ButtonElement]:
    """One button for each thing that can be done; none is coloured, a reminder does not push."""
    return [_button(message, item, offer) for offer in offers(item) if offer in _ACTIONS]


def menu(message: ReminderMessage, item: ReminderItem) -> OverflowMenuElement:
    """The same as a menu beside an item of a digest; the block names message and subscription."""
    return OverflowMenuElement(
        action_id=ids.REMINDER_MENU,
        options=[
            Option(value=offer, text=PlainTextObject(text=label(message, offer)))
            for offer in offers(item)
        ],
    )


def label(message: ReminderMessage, offer: str) -> str:
    """What is pressed; to turn off is asked for where the settings say so."""
    return off_label(by_request=message.off_by_request) if offer == OFF else LABELS[offer]


def can_do(message: ReminderMessage, item: ReminderItem) -> str:
    """What can be done, as one sentence: `Turn off auto-renewal, unsubscribe, keep or snooze`."""
    off = {OFF: "request auto-renewal off"} if message.off_by_request else {}
    verbs = {**_SAID, **off}
    said = text.joined([verbs[offer] for offer in offers(item) if offer in verbs], "or")
    return f"{said[0].upper()}{said[1:]}." if said else ""


def _button(message: ReminderMessage, item: ReminderItem, offer: str) -> ButtonElement:
    name = label(message, offer)
    carried = words.value(message, item.subscription.key)
    return button(
        name,
        _ACTIONS[offer],
        str(item.request_number) if offer == OPEN_REQUEST else carried,
        says=f"{name.rstrip('…')}: {item.subscription.label}",
        confirm=_confirm_off(message, item) if offer == OFF else None,
    )


def _confirm_off(message: ReminderMessage, item: ReminderItem) -> ConfirmObject:
    ends = item.subscription.expires_at
    until = f"ends on {text.instant(ends)}" if ends else "ends with its term"
    return off_question(
        item.subscription.label,
        f"{until} unless someone renews it.",
        f"{words.amount(item)} will not be deducted.",
        by_request=message.off_by_request,
    )
