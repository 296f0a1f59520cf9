"""Reminders: one subscription's, in every form it takes, and what happened in its thread."""

from collections.abc import Callable, Mapping

from slack_sdk.models.blocks import Block, ButtonElement

from bot.billing.renewal import AnchorKind
from bot.facts.messages import ReminderItem, ReminderLine, ReminderMessage, Settled, Timing
from handlers import ids, text
from handlers.blocks import digests, reminder_actions
from handlers.blocks import reminder_words as words
from handlers.blocks.pieces import (
    DRY_RUN,
    Bold,
    Content,
    actions,
    button,
    context,
    fields,
    header,
    rich,
    section,
)

BELL = "bell"
WARNING = "warning"
OK = "white_check_mark"

_NAMES: Mapping[AnchorKind, str] = {
    AnchorKind.DEDUCTION: "Deduction",
    AnchorKind.EXPIRY: "Expiry",
    AnchorKind.NOTICE: "Notice by",
}


def reminder(message: ReminderMessage) -> Content:
    """The message as things stand now: one item, a digest, or what was missed."""
    if message.timing is Timing.MISSED:
        content = digests.missed(message)
    elif len(message.items) == 1:
        content = _single(message, message.items[0])
    else:
        content = digests.digest(message)
    if not message.dry_run:
        return content
    return Content(f"Dry run: {content.text}", [*content.blocks, context(DRY_RUN)])


def reminder_line(line: ReminderLine) -> Content:
    """One line in the reminder's thread: who did what, when."""
    item = line.item
    at = f"{text.hour(item.settled_at)} " if item.settled_at else ""
    refused = item.note if item.settled is Settled.OPEN else None
    did = "tried to turn auto-renewal off" if refused else _DID.get(item.settled, "changed it")
    said = f"{at}{words.actor(item)} {did}: {text.esc(item.subscription.label)}."
    if refused:
        said += f" {text.sentence(text.esc(refused))}"
    return Content(said, [section(said)])


def _single(message: ReminderMessage, item: ReminderItem) -> Content:
    return _SINGLE[item.settled](message, item)


def _open(message: ReminderMessage, item: ReminderItem, *notes: str) -> Content:
    late = message.timing is Timing.LATE
    headline = f"Late: {words.headline(item)}" if late else words.headline(item)
    lines = (
        words.late(message) if late else "",
        words.meant(message),
        text.esc(item.note or ""),
        *notes,
        _small_print(item),
    )
    spoken = text.fallback(
        f"{'Late: ' if late else ''}{words.comes(item, message.zone)}",
        f"Last working day before: {words.short_working_day(message, item)}"
        if item.last_working_day
        else "",
        text.esc(item.note or ""),
        *notes,
        words.late(message) if late else "",
        words.meant(message),
        closing=reminder_actions.can_do(message, item),
    )
    return Content(
        spoken,
        [
            header(headline, emoji=WARNING if late else BELL, dry_run=message.dry_run),
            *_facts(item),
            context(*lines),
            *actions(*reminder_actions.buttons(message, item)),
        ],
    )


def _snoozed(message: ReminderMessage, item: ReminderItem) -> Content:
    return _open(message, item, words.snoozed(item, message.zone))


def _requested(message: ReminderMessage, item: ReminderItem) -> Content:
    return _open(message, item, words.requested(item))


def _turning_off(message: ReminderMessage, item: ReminderItem) -> Content:
    doing = f"{words.actor(item)} is turning it off…"
    return Content(
        text.fallback(f"{words.comes(item, message.zone)}", doing),
        [
            header(words.headline(item), emoji=BELL, dry_run=message.dry_run),
            *_facts(item),
            section(doing),
        ],
    )


def _turned_off(message: ReminderMessage, item: ReminderItem) -> Content:
    headline = "Auto-renewal is off: nothing will be deducted"
    done = f"{words.actor(item)} turned it off{words.did_at(item)}; read back: off."
    if message.dry_run:
        headline = "Auto-renewal would have been turned off"
        done = f"{words.actor(item)} would have turned it off{words.did_at(item)}."
    return _settled(
        message,
        item,
        headline,
        f"{done}{words.works_until(item)}",
        *reminder_actions.buttons(message, item),
    )


def _kept(message: ReminderMessage, item: ReminderItem) -> Content:
    this = {AnchorKind.DEDUCTION: "deduction", AnchorKind.EXPIRY: "expiry"}
    what = this.get(item.reminder.anchor.kind, "notice")
    return _settled(
        message,
        item,
        f"Kept: {words.headline(item)}",
        f"{words.actor(item)} keeps it. No more reminders for this {what}.",
        button(
            "Undo keep",
            ids.REMINDER_UNDO_KEEP,
            words.value(message, item.subscription.key),
            says=f"Undo keep of {item.subscription.label}",
        ),
    )


def _no_longer_due(message: ReminderMessage, item: ReminderItem) -> Content:
    why = text.sentence(text.esc(item.note or "It changed at the cloud"))
    return _settled(message, item, f"No longer due: {words.headline_short(item)}", why)


def _settled(
    message: ReminderMessage,
    item: ReminderItem,
    headline: str,
    sentence: str,
    *buttons: ButtonElement,
) -> Content:
    label = text.esc(item.subscription.label)
    return Content(
        text.fallback(f"{label}: {text.esc(headline[0].lower() + headline[1:])}", sentence),
        [
            header(headline, emoji=OK, dry_run=message.dry_run),
            rich((Bold(item.subscription.label), _where(item))),
            section(sentence),
            *actions(*buttons),
        ],
    )


def _facts(item: ReminderItem) -> list[Block]:
    anchor = item.reminder.anchor
    yours = f"\nyours: {text.yours(anchor.at)}" if anchor.at else ""
    pairs = [
        (_NAMES[anchor.kind], f"{words.when(anchor)}{yours}"),
        ("Last working day before", words.working_day(item)),
        ("Last safe moment", words.last_safe(item)),
        ("Owner", words.owner(item)),
    ]
    return [
        rich((Bold(item.subscription.label), _where(item)), *_renews(item)),
        fields(*[(name, said) for name, said in pairs if said]),
    ]


def _where(item: ReminderItem) -> str:
    key, region = item.subscription.key, item.subscription.region
    return "".join(f" · {part}" for part in (key.account, region) if part)


def _renews(item: ReminderItem) -> list[tuple[str]]:
    months = item.subscription.auto_renew_months
    if item.reminder.anchor.kind is AnchorKind.DEDUCTION and months:
        return [(f"Renews for {text.plural(months, 'month')}",)]
    return []


def _small_print(item: ReminderItem) -> str:
    anchor = item.reminder.anchor
    renewing = {True: "auto-renewal on", False: "auto-renewal off"}
    back = words.give_back_until(item) if anchor.kind is AnchorKind.DEDUCTION else ""
    parts = (
        f"{text.plural(item.reminder.lead_days, 'day')} ahead",
        renewing.get(bool(item.subscription.auto_renew), ""),
        f"after the deduction it can be given back until {back}" if back else "",
    )
    return " · ".join(part for part in parts if part)


_SINGLE: Mapping[Settled, Callable[[ReminderMessage, ReminderItem], Content]] = {
    Settled.OPEN: _open,
    Settled.TURNING_OFF: _turning_off,
    Settled.TURNED_OFF: _turned_off,
    Settled.KEPT: _kept,
    Settled.SNOOZED: _snoozed,
    Settled.REQUESTED: _requested,
    Settled.NO_LONGER_DUE: _no_longer_due,
}

_DID: Mapping[Settled, str] = {
    Settled.OPEN: "opened it again",
    Settled.TURNING_OFF: "is turning auto-renewal off",
    Settled.TURNED_OFF: "turned auto-renewal off",
    Settled.KEPT: "keeps it",
    Settled.SNOOZED: "snoozed it",
    Settled.REQUESTED: "sent a request",
    Settled.NO_LONGER_DUE: "found it no longer due",
}
