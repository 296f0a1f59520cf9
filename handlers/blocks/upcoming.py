"""The deductions ahead, by day, with sums per currency."""

from collections.abc import Sequence
from datetime import date

from slack_sdk.models.blocks import Block, ButtonElement, StaticSelectElement

from bot.billing.money import HIDDEN
from bot.billing.renewal import AnchorKind
from bot.billing.subscription import Subscription
from bot.facts.listing import CurrencySum, Upcoming, UpcomingDay
from handlers import ids, text
from handlers.blocks.pieces import (
    Bold,
    Content,
    Line,
    actions,
    button,
    context,
    header,
    rich,
    section,
)
from handlers.blocks.subscriptions import open_menu

SPOKEN = 3000
DAYS = 30
"""So many days are shown one by one; a message holds fifty blocks."""
ROWS = 20
LABEL = 60
SPANS = (7, 30, 90)


def upcoming(ahead: Upcoming) -> Content:
    """The answer to `/lapse upcoming`."""
    title = f"Deductions until {text.day(ahead.until)}"
    today = text.cloud_day(ahead.now)
    if not ahead.days:
        words = _nothing(ahead)
        return Content(words, [header(title), section(words), *actions(*_spans(ahead))], "Upcoming")
    days = ahead.days[:DAYS]
    left_out = len(ahead.days) - len(days)
    blocks: list[Block] = [
        header(title),
        section("\n".join(_sums(ahead))),
        *(rich(*_day_lines(day, today=today)) for day in days),
        *([section(_more(left_out))] if left_out else []),
        *actions(_menu(days), *_spans(ahead)),
        context(_footer(ahead)),
    ]
    spoken = text.fallback(
        *_spoken(ahead, today=today), _more(left_out) if left_out else "", limit=SPOKEN
    )
    return Content(spoken, blocks, "Upcoming")


def _nothing(ahead: Upcoming) -> str:
    words = f"Nothing will be deducted until {text.day(ahead.until)}."
    after = ahead.next_after
    if after is None:
        return words
    on = text.day(after.anchor.date)
    return f"{words} The next one after that: {_amounts(after)} on {on}."


def _most_first(ahead: Upcoming) -> Sequence[CurrencySum]:
    return sorted(ahead.sums, key=lambda each: -each.count)


def _sums(ahead: Upcoming) -> Sequence[str]:
    lines = []
    for place, each in enumerate(_most_first(ahead)):
        count = text.plural(each.count, "deduction") if place == 0 else str(each.count)
        lines.append(f"*{text.money(each.total)}* in {count}")
    if ahead.unknown and not ahead.sums:
        lines.append(f"{text.plural(ahead.unknown, 'deduction')}, {text.NOT_KNOWN}")
    return [*lines, *_hidden(ahead), *_notices(ahead)]


def _hidden(ahead: Upcoming) -> Sequence[str]:
    return [f"{text.plural(ahead.hidden, 'deduction')}, {HIDDEN}"] if ahead.hidden else []


def _notices(ahead: Upcoming) -> Sequence[str]:
    if not ahead.notices:
        return []
    return [f"{text.plural(ahead.notices, 'notice')} to give"]


def _day_lines(day: UpcomingDay, *, today: date) -> list[Line]:
    lines: list[Line] = [(Bold(_day_title(day, today=today)),)]
    if day.anchor.kind is not AnchorKind.NOTICE and len(day.rows) > 1:
        lines.append((f"Last working day before: {_working_day(day, today=today)}",))
    for row in day.rows[:ROWS]:
        label = text.clip(row.subscription.label, LABEL)
        lines.append((f"• {label} · {text.money(row.amount)}",))
    if len(day.rows) > ROWS:
        lines.append((f"and {len(day.rows) - ROWS} more",))
    return lines


def _day_title(day: UpcomingDay, *, today: date) -> str:
    when = text.short_day(day.anchor.date, today=today)
    if day.anchor.kind is AnchorKind.NOTICE:
        return f"{when} · notice to give"
    hour = f", {text.time_of_day(day.anchor.at)}" if day.anchor.at else ""
    return f"{when}{hour} · {_amounts(day)}"


def _amounts(day: UpcomingDay) -> str:
    said = [text.money(each) for each in day.sums]
    if day.hidden:
        said.append(f"{day.hidden} hidden" if said else HIDDEN)
    return " and ".join(said) or text.NOT_KNOWN


def _working_day(day: UpcomingDay, *, today: date) -> str:
    return text.short_day(day.last_working_day, today=today)


def _menu(days: Sequence[UpcomingDay]) -> StaticSelectElement | None:
    subscriptions: list[Subscription] = [row.subscription for day in days for row in day.rows]
    return open_menu([(each.label, each) for each in subscriptions])


def _spans(ahead: Upcoming) -> Sequence[ButtonElement]:
    return [
        button(
            f"{days} days",
            action_id,
            str(days),
            says=f"Deductions of the next {days} days",
        )
        for days, action_id in zip(SPANS, ids.UPCOMING_SPANS, strict=True)
        if days != ahead.span
    ][:2]


def _footer(ahead: Upcoming) -> str:
    verb = "is" if ahead.unknown == 1 else "are"
    hides = "is" if ahead.hidden == 1 else "are"
    hidden = f" {ahead.hidden} {hides} hidden from you and not in the sums either."
    return (
        "Hours are GMT+08:00. Amounts are expected; "
        f"{ahead.unknown} of them {verb} not known and not in the sums."
        f"{hidden if ahead.hidden else ''}"
    )


def _more(left_out: int) -> str:
    return f"and {text.plural(left_out, 'more day')}" if left_out else ""


def _spoken(ahead: Upcoming, *, today: date) -> Sequence[str]:
    totals = ", ".join(
        f"{text.money(each.total)} in "
        + (text.plural(each.count, "deduction") if place == 0 else str(each.count))
        for place, each in enumerate(_most_first(ahead))
    )
    parts = [part for part in (totals, *_hidden(ahead), *_notices(ahead)) if part]
    first = next((d for d in ahead.days if d.anchor.kind is not AnchorKind.NOTICE), None)
    return (
        f"Until {text.day(ahead.until)}: {', '.join(parts) or text.NOT_KNOWN}",
        _next(first, today=today) if first else "",
        *(_day_sentence(day, today=today) for day in ahead.days[:DAYS] if day is not first),
    )


def _next(day: UpcomingDay, *, today: date) -> str:
    when = text.instant(day.anchor.at) if day.anchor.at else text.day(day.anchor.date)
    working = f"last working day before it {_working_day(day, today=today)}"
    return f"Next: {_amounts(day)} on {when}, {working}"


def _day_sentence(day: UpcomingDay, *, today: date) -> str:
    names = text.joined(
        [
            f"{text.esc(text.clip(row.subscription.label, LABEL))} {text.money(row.amount)}"
            for row in day.rows[:ROWS]
        ]
    )
    return f"{_day_title(day, today=today).replace(' · ', ': ')}, {names}"
