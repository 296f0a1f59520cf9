"""`/lapse savings`: three figures a currency, side by side and never added up."""

from collections.abc import Callable, Mapping, Sequence

from slack_sdk.models.blocks import Block, InteractiveElement

from bot.billing.savings import Stage
from bot.facts.saving import By, Figures, Savings, SavingsQuery, SavingsRow
from handlers import ids, text
from handlers.blocks.pieces import (
    Bold,
    Content,
    Line,
    Part,
    Who,
    actions,
    button,
    context,
    header,
    rich,
    section,
)

TITLE = "Savings"
SHOWN = 12
"""Groups of a message; the command line prints all."""

LABEL = 60
SPOKEN = 3000
EXPLAINED = (
    "The same money at three stages, never to be added up. A refund is money back, a renewal "
    "avoided is money not spent."
)


def savings(found: Savings) -> Content:
    """The figures of every group and currency, what is in no sum, and other ways to group."""
    besides = _besides(found)
    if not found.rows:
        words = f"Nothing was saved {_span(found)}."
        nothing: list[Block] = [section(words), *_small(*besides), *actions(*_buttons(found))]
        return Content(text.fallback(words, *besides), nothing, TITLE)
    shown, left = found.rows[:SHOWN], len(found.rows) - SHOWN
    more = f"{left} more groups: run `lapse savings{_flag(found.query)}`." if left > 0 else ""
    blocks: list[Block] = [
        header(TITLE),
        context(f"{_span(found).capitalize()} · each figure by its own date"),
        *(rich(*_lines(row, found.query)) for row in shown),
        *_small(more, *besides, EXPLAINED),
        *actions(*_buttons(found)),
        context(f"Days are {found.zone.key}. Only you see this."),
    ]
    said = (sentence for row in shown for sentence in _sentences(row, found.query))
    title = f"{TITLE} {_span(found)}, each figure by its own date"
    return Content(text.fallback(title, *said, more, *besides, limit=SPOKEN), blocks, TITLE)


def _lines(row: SavingsRow, query: SavingsQuery) -> Sequence[Line]:
    """The group in bold, then a line for each stage."""
    group = _group(row, query)
    title: Line = (*group, Bold(f" · {row.currency}")) if group else (Bold(row.currency),)
    stages = [("• ", Bold(stage.value.capitalize()), f" · {_said(stage, row)}") for stage in Stage]
    return [title, *stages]


def _sentences(row: SavingsRow, query: SavingsQuery) -> Sequence[str]:
    """The same for those who hear it, escaped."""
    group = "".join(_HEARD[type(part)](part) for part in _group(row, query))
    name = f"{group}, {row.currency}" if group else row.currency
    return [f"{name}, {stage.value}: {_said(stage, row)}" for stage in Stage]


def _group(row: SavingsRow, query: SavingsQuery) -> tuple[Part, ...]:
    if query.by is None:
        return ()
    if row.group is None:
        return (Bold(f"no {query.by.value}"),)
    return (Who(row.group),) if query.by is By.OWNER else (Bold(text.clip(row.group, LABEL)),)


def _said(stage: Stage, row: SavingsRow) -> str:
    figures = row.figures[stage]
    if not figures.subscriptions:
        return "nothing yet"
    many = text.plural(figures.subscriptions, "subscription")
    return f"{' · '.join(_parts(stage, figures))} · {many}"


def _parts(stage: Stage, figures: Figures) -> Sequence[str]:
    """What was read at the cloud and what is an estimate, each by itself; what is nothing not."""
    read, least = text.money(figures.refund_at_cloud), text.money(figures.refund_estimate)
    at_cloud = f"refund {read} at the cloud"
    estimate = f"refund at least {least} (estimate)"
    told = (
        (at_cloud, figures.refund_at_cloud),
        (estimate, figures.refund_estimate),
        (f"renewals of {text.money(figures.renewals)} avoided (estimate)", figures.renewals),
    )
    nothing = at_cloud if stage is Stage.VERIFIED else estimate
    return [words for words, amount in told if amount] or [nothing]


def _besides(found: Savings) -> Sequence[str]:
    """What is in none of the sums."""
    counted = (
        (found.renewals_not_known, "renewal", "avoided whose amount is not known"),
        (found.refunds_not_found, "verified refund", "whose order the cloud does not show yet"),
        (found.hidden, "subscription", "whose amounts you may not see"),
        (found.dry_runs, "subscription", "of dry runs, of which nothing was changed at the cloud"),
    )
    return [
        f"Not in the sums: {text.plural(count, noun)} {what}."
        for count, noun, what in counted
        if count
    ]


def _small(*lines: str) -> Sequence[Block]:
    said = " ".join(line for line in lines if line)
    return [context(said)] if said else []


def _span(found: Savings) -> str:
    first, last = found.query.first, found.query.last
    if first and last:
        return f"from {text.day(first)} to {text.day(last)}"
    if first:
        return f"from {text.day(first)} on"
    return f"until {text.day(last)}" if last else "so far"


def _flag(query: SavingsQuery) -> str:
    return f" --by {query.by.value}" if query.by else ""


def _buttons(found: Savings) -> Sequence[InteractiveElement]:
    """Every other way to group the same days."""
    if not found.rows:
        return []
    others: Sequence[By | None] = [each for each in By if each is not found.query.by]
    wanted = others if found.query.by is None else [*others, None]
    return [
        button(
            f"By {by.value}" if by else "All together",
            ids.SAVINGS_GROUPS[place],
            _typed(found.query, by),
            says=f"Savings by {by.value}" if by else "Savings of all together",
        )
        for place, by in enumerate(wanted)
    ]


def _typed(query: SavingsQuery, by: By | None) -> str:
    """The query as it is typed."""
    told = {"by": by, "from": query.first, "until": query.last}
    return " ".join(f"{name}:{value}" for name, value in told.items() if value) or "all"


_HEARD: Mapping[type, Callable[[Part], str]] = {
    Bold: lambda part: text.esc(getattr(part, "text", "")),
    Who: lambda part: text.mention(getattr(part, "user", "")),
}
