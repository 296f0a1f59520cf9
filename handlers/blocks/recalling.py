"""`/lapse reminders`: what is armed and why, and what became of the others lately."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby

from slack_sdk.models.blocks import Block, InteractiveElement, RichTextBlock

from bot.billing.renewal import Anchor, AnchorKind
from bot.facts.reminding import Because, NextReminder, ReminderPage, ReminderRow, Standing, Why
from handlers import ids, text
from handlers.blocks.pieces import (
    Bold,
    Content,
    Line,
    Part,
    Where,
    Who,
    actions,
    button,
    context,
    header,
    pagers,
    rich,
    section,
)
from handlers.blocks.subscriptions import open_menu
from handlers.paging import Paging

TITLE = "Reminders"
HERE = "Reminders of this channel"
EVERYWHERE = "All reminders"
ALL = "all"
LABEL = 60
DETAIL = 80
SPOKEN = 3000

_TITLES: Mapping[Standing, str] = {
    Standing.ARMED: "Armed",
    Standing.UNKNOWN: "Not known",
    Standing.MISSED: "Missed",
    Standing.LATE: "Late",
    Standing.SENT: "Sent",
}
_COUNTED: Mapping[Standing, str] = {
    Standing.ARMED: "armed",
    Standing.UNKNOWN: "not known",
    Standing.MISSED: "missed",
    Standing.LATE: "late",
    Standing.SENT: "sent",
}


def page(shown: ReminderPage) -> Content:
    """One page: a block for each standing, its rows two lines each."""
    if not shown.rows:
        return _nothing(shown)
    title = _title(shown)
    span = _span(shown)
    blocks: list[Block] = [
        header(title),
        context(f"{span} · {_counts(shown)}"),
        *_groups(shown),
        *([context(_nothing_armed(shown))] if _is_quiet(shown) else []),
        *actions(_menu(shown), *_buttons(shown)),
        context(_footer(shown)),
    ]
    today = text.cloud_day(shown.now)
    return Content(
        text.fallback(
            f"{title}, {span}: {_counts(shown)}",
            _nothing_armed(shown) if _is_quiet(shown) else "",
            *(_sentence(row, today=today) for row in shown.rows),
            closing="More: press Next." if shown.page < shown.pages else "",
            limit=SPOKEN,
        ),
        blocks,
        TITLE,
    )


def _nothing(shown: ReminderPage) -> Content:
    here = " for this channel" if shown.destination else ""
    words = f"No reminder is armed{here}, and none was due since {_since(shown)}. {_next(shown)}"
    return Content(words, [section(words), *actions(*_buttons(shown))], TITLE)


def _title(shown: ReminderPage) -> str:
    return HERE if shown.destination else EVERYWHERE


def _span(shown: ReminderPage) -> str:
    last = shown.number + len(shown.rows) - 1
    return f"{shown.number:,} to {last:,} of {shown.count:,}"


def _counts(shown: ReminderPage) -> str:
    said = [
        f"{shown.counts[standing]:,} {word}"
        for standing, word in _COUNTED.items()
        if shown.counts.get(standing)
    ]
    return ", ".join(said)


def _since(shown: ReminderPage) -> str:
    return text.short_day(text.cloud_day(shown.since), today=text.cloud_day(shown.now))


def _is_quiet(shown: ReminderPage) -> bool:
    """Whether to say what comes next, because nothing is armed; on the first page alone."""
    return Standing.ARMED not in shown.counts and shown.page == 1


def _nothing_armed(shown: ReminderPage) -> str:
    return f"Nothing is armed{' for this channel' if shown.destination else ''}. {_next(shown)}"


def _next(shown: ReminderPage) -> str:
    if shown.next is None:
        return "Nothing that Lapse watches has a reminder ahead."
    return f"The next one of all: {_coming(shown.next)}"


def _coming(ahead: NextReminder) -> str:
    label = text.esc(text.clip(ahead.subscription.label, LABEL))
    return f"{label}, {text.instant(ahead.at)}, in {text.channel(ahead.channel)}."


def _groups(shown: ReminderPage) -> list[RichTextBlock]:
    return [
        _group(standing, list(rows), shown)
        for standing, rows in groupby(shown.rows, key=lambda row: row.standing)
    ]


def _group(standing: Standing, rows: Sequence[ReminderRow], shown: ReminderPage) -> RichTextBlock:
    """The zone stands at the first hour of the block, those that follow share it."""
    today = text.cloud_day(shown.now)
    lines: list[Line] = [(Bold(_TITLES[standing]), f" · {shown.counts[standing]:,}")]
    for place, row in enumerate(rows):
        name = Bold(text.clip(row.subscription.label, LABEL))
        lines.append(("• ", name, f" · {_announces(row, today=today)} · {_lead(row)}"))
        lines.append(_fate(row, today=today, zone=place == 0))
    return rich(*lines)


def _fate(row: ReminderRow, *, today: date, zone: bool) -> Line:
    """When, to whom and why."""
    where: Part = Who(row.destination) if row.direct else Where(row.destination)
    why: Line = (" · ", *_WHY[row.why.because](row.why)) if row.why else ()
    return (f"{_when(row, today=today, zone=zone)} · ", where, *why)


def _announces(row: ReminderRow, *, today: date) -> str:
    return f"{_ANCHORS[row.anchor.kind]} {_day(row.anchor, today=today)}"


def _day(anchor: Anchor, *, today: date) -> str:
    return text.short_day(anchor.date, today=today)


def _lead(row: ReminderRow) -> str:
    return f"{text.plural(row.lead_days, 'day')} before" if row.lead_days else "on the day"


def _when(row: ReminderRow, *, today: date, zone: bool) -> str:
    """`Due Sun 29 Nov, 09:00`, or when it was sent; of what came late both, one day said once."""
    due = _instant(row.due_at, today=today, zone=zone)
    if row.sent_at is None or row.standing in {Standing.ARMED, Standing.UNKNOWN}:
        return f"Due {due}"
    verb = "Told" if row.standing is Standing.MISSED else "Sent"
    sent = f"{verb} {_instant(row.sent_at, today=today, zone=zone)}"
    if row.standing is Standing.SENT:
        return sent
    if text.cloud_day(row.due_at) == text.cloud_day(row.sent_at):
        return f"{sent}, due {text.time_of_day(row.due_at)}"
    return f"{sent}, due {_instant(row.due_at, today=today, zone=False)}"


def _instant(at: datetime, *, today: date, zone: bool) -> str:
    day = text.short_day(text.cloud_day(at), today=today)
    return f"{day}, {text.hour(at) if zone else text.time_of_day(at)}"


def _sentence(row: ReminderRow, *, today: date) -> str:
    """One row for those who hear the list, escaped; every hour with its zone."""
    label = text.esc(text.clip(row.subscription.label, LABEL))
    where = text.mention(row.destination) if row.direct else text.channel(row.destination)
    why = f", {_heard(_WHY[row.why.because](row.why))}" if row.why else ""
    announces = f"{_announces(row, today=today)}, {_lead(row)}"
    when = _when(row, today=today, zone=True)
    said = f"{_COUNTED[row.standing]}: {label}, {announces}. {when}, to {where}{why}"
    return f"{said[0].upper()}{said[1:]}"


def _heard(parts: Line) -> str:
    return "".join(_HEARD[type(part)](part) for part in parts)


def _menu(shown: ReminderPage) -> InteractiveElement | None:
    return open_menu([(row.subscription.label, row.subscription) for row in shown.rows])


def _buttons(shown: ReminderPage) -> Sequence[InteractiveElement]:
    scope = "" if shown.destination else ALL
    page = shown.page
    found = pagers(
        previous=Paging(page=page - 1, filters=scope) if page > 1 else None,
        following=Paging(page=page + 1, filters=scope) if page < shown.pages else None,
        of="reminders",
        next_id=ids.REMINDERS_PAGE,
        previous_id=ids.REMINDERS_PREVIOUS,
    )
    if shown.destination:
        says = "Show the reminders of all channels and people"
        found.append(button("All reminders", ids.REMINDERS_EVERYWHERE, f"1 {ALL}", says=says))
    return found


def _footer(shown: ReminderPage) -> str:
    return (
        "Only you see this. Reminders are armed 48 hours before they fall due; "
        f"those that were due or sent before {_since(shown)} are not shown."
    )


_ANCHORS: Mapping[AnchorKind, str] = {
    AnchorKind.DEDUCTION: "deduction",
    AnchorKind.EXPIRY: "expiry",
    AnchorKind.NOTICE: "notice by",
}


def _did(what: str) -> Callable[[Why], Line]:
    return lambda why: (f"{what} by ", Who(why.by)) if why.by else (what,)


def _moved(why: Why) -> Line:
    where: Line = ("moved from ", Where(why.channel)) if why.channel else ("moved",)
    return (*where, f": {text.clip(why.detail, DETAIL)}")


def _recorded(why: Why) -> Line:
    return (text.clip(why.detail, DETAIL).rstrip("."),)


_WHY: Mapping[Because, Callable[[Why], Line]] = {
    Because.OWNER: lambda _: ("its owner",),
    Because.OWN_CHANNEL: lambda _: ("its own channel",),
    Because.ROUTE: lambda why: (
        f"route {text.clip(why.detail, DETAIL)}" if why.detail else "route for everything",
    ),
    Because.NO_ROUTE: lambda _: ("no route claims it",),
    Because.MOVED: _moved,
    Because.SNOOZED: _did("snoozed"),
    Because.ON_ITS_WAY: lambda _: ("on its way",),
    Because.NOT_CONFIRMED: lambda _: ("Slack has not confirmed it",),
    Because.KEPT: _did("kept"),
    Because.RECORDED: _recorded,
}

_HEARD: Mapping[type, Callable[[Part], str]] = {
    str: lambda part: text.esc(str(part)),
    Who: lambda part: text.mention(getattr(part, "user", "")),
    Where: lambda part: text.channel(getattr(part, "channel", "")),
}
