"""`lapse savings`: what was decided, executed and verified, which are three figures."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.failures import WrongInput
from bot.cli.printing import print_json, print_table, say, working
from bot.services.phrases import counted

if TYPE_CHECKING:
    from bot.facts.saving import By, Savings, SavingsRow

_GROUPS = ("month", "account", "service", "owner")
_FIGURES = (">Refund at the cloud", ">Refund, at least (estimate)", ">Renewals avoided (estimate)")
_EXPLAINED = (
    "The same money at three stages, each by its own date: never add them up. A refund is money "
    "back, a renewal avoided is money not spent."
)


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("savings")(savings)


def savings(
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From this day on.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Until this day, included.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="GROUP", help="month, account, service or owner.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add up what was saved: decided, executed and verified, per currency.

    A refund stands apart from a renewal that was avoided, and an estimate from what was read at
    the cloud. Dry runs never count.
    """
    from bot.cli.environment import open_core
    from bot.facts.saving import SavingsQuery
    from bot.papers.savings_json import savings_json

    query = SavingsQuery(first=_day(first, "--from"), last=_day(last, "--until"), by=_group(by))
    if query.first and query.last and query.last < query.first:
        raise WrongInput(f"`--until` is {last}, before `--from`, which is {first}.")
    with open_core() as core:
        with working("Adding up"):
            found = core.saving.savings(query)
        if as_json:
            print_json(savings_json(found))
        else:
            _print(found)


def _print(found: "Savings") -> None:
    if found.rows:
        group = (found.query.by.value.capitalize(),) if found.query.by else ()
        columns = (*group, "Stage", *_FIGURES, ">Subscriptions")
        print_table(columns, [line for row in found.rows for line in _lines(row, found)])
        say("")
        say(_EXPLAINED)
    else:
        say("Nothing was saved in that time.")
    say(f"Days are {found.zone.key}.")
    for line in _besides(found):
        say(line)


def _lines(row: "SavingsRow", found: "Savings") -> Iterator[Sequence[str]]:
    """A row for each stage; what belongs to no group says so."""
    from bot.billing.savings import Stage

    by = found.query.by
    group = (row.group or f"no {by.value}",) if by else ()
    for stage in Stage:
        figures = row.figures[stage]
        amounts = (figures.refund_at_cloud, figures.refund_estimate, figures.renewals)
        yield (*group, stage.value, *map(str, amounts), f"{figures.subscriptions:,}")


def _besides(found: "Savings") -> Iterator[str]:
    """What is in none of the sums."""
    if found.renewals_not_known:
        many = counted(found.renewals_not_known, "renewal")
        yield f"Not in the sums: {many} avoided whose amount is not known."
    if found.refunds_not_found:
        many = counted(found.refunds_not_found, "verified refund")
        yield f"Not in the sums: {many} whose order the cloud does not show yet."
    if found.dry_runs:
        many = counted(found.dry_runs, "subscription")
        yield f"Not counted: {many} of dry runs, of which nothing was changed at the cloud."


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongInput(f"`{option}` is {text}; write a date, 2026-12-31.") from None


def _group(text: str | None) -> "By | None":
    from bot.facts.saving import By

    if text is None:
        return None
    if text not in _GROUPS:
        raise WrongInput(f"`--by` is {text}; allowed are month, account, service and owner.")
    return By(text)
