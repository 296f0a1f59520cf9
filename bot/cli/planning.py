"""`lapse plan`: the order and its figures, nothing executed."""

from typing import Annotated, Any

import typer

from bot.cli import quote as quoting
from bot.cli.printing import print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Add this module's commands; `quote` stands here for the list of commands alone."""
    unparsed = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command("quote", help=quoting.HELP, context_settings=unparsed)(_quote)
    app.command("plan")(plan)


def _quote(context: typer.Context) -> None:
    quoting.quote(context.args)


def plan(
    ids: Annotated[list[str], typer.Argument(help="Ids, or account/id where one is not unique.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the ordered unsubscription plan with its quotes.

    Nothing is executed.
    """
    from bot.cli.environment import open_core
    from bot.services import exchange

    with open_core() as core:
        planned = core.planning.plan(ids)
        if as_json:
            print_json(exchange.plan_json(planned))
            return
        rows = [
            (str(step.number), str(key), *_figures(planned.quotes[key]))
            for step in planned.steps
            for key in step.subscriptions
        ]
        print_table(("Step", "Subscription", ">Paid", ">Consumed", ">Fee", ">Refund"), rows)
        for key, refusal in planned.refused.items():
            say(f"Not possible: {key}. {refusal.reason} ({refusal.rule})")
        for key in planned.left_behind:
            say(f"Left behind and still paid for: {key} (R9)")
        for notice in planned.warnings:
            say(f"{notice.text} ({notice.rule})")


def _figures(result: Any) -> tuple[str, str, str, str]:
    total = result.total
    return (str(total.paid), str(total.consumed), str(total.handling_fee), str(total.refund))
