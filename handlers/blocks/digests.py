"""Several reminders in one message: the digest of ten, what was missed, and the rest counted."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from slack_sdk.models.blocks import Block, DividerBlock

from bot.billing.money import sums
from bot.billing.renewal import Anchor, AnchorKind
from bot.facts.messages import (
    WAS_OFF,
    ReminderItem,
    ReminderMessage,
    ReminderRest,
    Settled,
    Timing,
)
from handlers import ids, text
from handlers.blocks import reminder_actions, reminder_words
from handlers.blocks.pieces import (
    Bold,
    Content,
    actions,
    button,
    context,
    header,
    rich,
    section,
)
from handlers.blocks.renewing import off_label

BELL = "bell"
WARNING = "warning"
DONE = "white_check_mark"
LONG = 3000
OVER = frozenset({Settled.TURNED_OFF, Settled.NO_LONGER_DUE})
NOTHING_DUE = "Nothing of this is due any more"

_PREFIXES = {Timing.ON_TIME: "", Timing.LATE: "Late: ", Timing.MISSED: "Missed: "}

_NOUNS = {
    AnchorKind.DEDUCTION: ("deduction", "deductions"),
    AnchorKind.EXPIRY: ("expiry", "expiries"),
    AnchorKind.NOTICE: ("notice", "notices"),
}


def digest(message: ReminderMessage) -> Content:
    """At most ten items by date, each with a menu; the spoken text has every amount and date."""
    late = message.timing is Timing.LATE
    prefix = "Late: " if late else ""
    groups = _by_anchor(message.items)
    lines = (
        reminder_words.late(message) if late else "",
        reminder_words.meant(message),
    )
    due = _due(message.items)
    headline = f"{prefix}{_counted(due)} {_span(due)}" if due else NOTHING_DUE
    emoji = WARNING if late else BELL
    blocks: list[Block] = [
        header(headline, emoji=emoji if due else DONE, dry_run=message.dry_run),
        *([context(*lines)] if any(lines) else []),
    ]
    for place, (anchor, items) in enumerate(groups):
        blocks += [DividerBlock()] if place else []
        blocks.append(section(_heading(message, anchor, items)))
        blocks += [_row(message, item) for item in items]
    blocks += _several(message)
    spoken = text.fallback(
        (f"{prefix}{_counted(due)} ahead: " if due else f"{NOTHING_DUE}: ")
        + "; ".join(_spoken_group(message, anchor, items) for anchor, items in groups),
        "; ".join(_spoken_item(message, item) for _, items in groups for item in items),
        *lines,
        limit=LONG,
    )
    return Content(spoken, blocks)


def missed(message: ReminderMessage) -> Content:
    """What came before it was told; too late to prevent, perhaps not to give back."""
    headline = f"Missed: {_counted(message.items)}"
    # The headline says why where that is all there is to say of it; else a line of its own does.
    off = message.why == WAS_OFF
    headline += " while Lapse was not running" if off else ""
    lines = [(item.subscription.label, _passed(item)) for item in message.items]
    notes = ("" if off else _why(message), reminder_words.meant(message))
    return Content(
        text.fallback(
            headline, *(text.esc(f"{label}: {what}") for label, what in lines), *notes, limit=LONG
        ),
        [
            header(headline, emoji=WARNING, dry_run=message.dry_run),
            rich(*[(Bold(label), f" · {what}") for label, what in lines]),
            *([context(*notes)] if any(notes) else []),
        ],
    )


def rest(message: ReminderRest) -> Content:
    """What is beyond forty items: counted, with sums per currency."""
    more = text.plural(message.count, "more reminder")
    money = text.joined([text.money(each) for each in message.sums])
    prefix = _PREFIXES[message.timing]
    headline = f"{prefix}{more}: {money}" if money else f"{prefix}{more}"
    notes = [each for each in (_why(message), reminder_words.meant(message)) if each]
    show = button(
        "Show all", ids.REMINDER_SHOW_ALL, message.batch_id, says=f"Show all {message.count}"
    )
    beside = "They fell due together with those above."
    return Content(
        text.fallback(headline, beside, *notes, closing="Show all of them."),
        [
            header(headline, emoji=WARNING if prefix else BELL),
            section(beside),
            *([context(*notes)] if notes else []),
            *actions(show),
        ],
    )


def _why(message: ReminderMessage | ReminderRest) -> str:
    return text.sentence(text.esc(message.why)) if message.why else ""


def _several(message: ReminderMessage) -> list[Block]:
    can = [i for i in message.items if reminder_actions.OFF in reminder_actions.offers(i)]
    if len(can) < 2:
        return []
    return actions(
        button(
            "Request several off…" if message.off_by_request else "Turn off several…",
            ids.REMINDER_OFF_SEVERAL,
            message.delivery_id,
            says=f"{off_label(by_request=message.off_by_request)} of several",
        )
    )


def _by_anchor(
    items: Sequence[ReminderItem],
) -> Sequence[tuple[Anchor, Sequence[ReminderItem]]]:
    """Grouped by what comes, nearest first; within a group the order stays."""

    def place(item: ReminderItem) -> tuple[date, str]:
        anchor = item.reminder.anchor
        return anchor.date, anchor.at.isoformat() if anchor.at else ""

    grouped = groupby(sorted(items, key=place), key=place)
    found = [list(each) for _, each in grouped]
    return [(each[0].reminder.anchor, each) for each in found]


def _due(items: Sequence[ReminderItem]) -> Sequence[ReminderItem]:
    """Those that will still happen; kept and snoozed ones do, those turned off or gone do not."""
    return [item for item in items if item.settled not in OVER]


def _counted(items: Sequence[ReminderItem]) -> str:
    kinds = {item.reminder.anchor.kind for item in items}
    one, many = _NOUNS[next(iter(kinds))] if len(kinds) == 1 else ("date", "dates")
    return text.plural(len(items), one, many)


def _span(items: Sequence[ReminderItem]) -> str:
    dates = sorted(item.reminder.anchor.date for item in items)
    first, last = dates[0], dates[-1]
    if first == last:
        return f"on {text.day(first)}"
    start = text.short_day(first) if first.year == last.year else text.day(first)
    return f"from {start} to {text.day(last)}"


def _heading(message: ReminderMessage, anchor: Anchor, items: Sequence[ReminderItem]) -> str:
    today = text.cloud_day(message.sent_at)
    at = (
        text.short_instant(anchor.at, today=today)
        if anchor.at
        else text.short_day(anchor.date, today=today)
    )
    verbs = {AnchorKind.EXPIRY: " · expires", AnchorKind.NOTICE: " · notice to give"}
    what = verbs.get(anchor.kind, "") if len({i.reminder.anchor.kind for i in items}) == 1 else ""
    total = _total(_due(items)) or "nothing will be deducted"
    money = f" · {total}" if anchor.kind is not AnchorKind.EXPIRY else ""
    day = reminder_words.short_working_day(message, items[0])
    before = f"\nLast working day before: {day}" if day else ""
    return f"*{at}{what}{money}*{before}"


def _row(message: ReminderMessage, item: ReminderItem) -> Block:
    label = text.esc(item.subscription.label.replace("`", ""))
    state = reminder_words.settled_word(item, message.zone)
    refused = item.note if item.note and item.settled is Settled.OPEN else ""
    note = f"\n{text.esc(refused.replace('`', ''))}" if refused else ""
    return section(
        f"{label} · {text.esc(item.subscription.key.account)}\n"
        f"{_amount(item)} · {state or reminder_words.owner(item)}{note}",
        accessory=reminder_actions.menu(message, item),
        block_id=reminder_words.block_id(message, item),
    )


def _amount(item: ReminderItem) -> str:
    if item.reminder.anchor.kind is AnchorKind.EXPIRY:
        return "nothing deducted"
    return text.money(item.amount)


def _total(items: Sequence[ReminderItem]) -> str:
    known = sums(item.amount for item in items if item.amount is not None)
    unknown = sum(item.amount is None for item in items)
    words = [text.money(each) for each in known.values()]
    words += [f"{unknown} not known"] if unknown else []
    return text.joined(words)


def _spoken_group(message: ReminderMessage, anchor: Anchor, items: Sequence[ReminderItem]) -> str:
    at = text.spoken(anchor.at, message.zone) if anchor.at else text.day(anchor.date)
    total = _total(_due(items)) or "nothing"
    what = {
        AnchorKind.DEDUCTION: f"{total} on {at}",
        AnchorKind.EXPIRY: f"{len(items)} expire on {at}",
        AnchorKind.NOTICE: f"notice by {at}, {total}",
    }[anchor.kind]
    day = reminder_words.short_working_day(message, items[0])
    return f"{what}, last working day {day}" if day else what


def _spoken_item(message: ReminderMessage, item: ReminderItem) -> str:
    state = reminder_words.settled_word(item, message.zone)
    money = f" {_amount(item)}" if item.reminder.anchor.kind is not AnchorKind.EXPIRY else ""
    return f"{text.esc(item.subscription.label)}{money}{f' ({state})' if state else ''}"


def _passed(item: ReminderItem) -> str:
    anchor = item.reminder.anchor
    at = reminder_words.when(anchor)
    if anchor.kind is AnchorKind.EXPIRY:
        return f"expired on {at}"
    if anchor.kind is AnchorKind.NOTICE:
        return f"notice was due by {at}"
    back = reminder_words.give_back_until(item)
    given = f", can be given back until {back}" if back else ""
    return f"{text.money(item.amount)} on {at}{given}"
