"""`lapse plan`: the order and its figures, nothing executed."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import quote as quoting
from bot.cli.printing import print_json, print_table, say
from bot.services.phrases import listed

if TYPE_CHECKING:
    from bot.billing.plan import Plan
    from bot.billing.quote import QuoteTotal


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
    from bot.services.advice import way_forward

    with open_core() as core:
        planned = core.planning.plan(ids)
        if as_json:
            print_json(exchange.plan_json(planned))
            return
        _print_steps(planned)
        for key, refusal in planned.refused.items():
            held = planned.subscriptions[key]
            named = "" if f"({refusal.rule})" in refusal.reason else f" ({refusal.rule})"
            say(f"Not possible: {key}. {refusal.reason}{named}")
            say(f"  {way_forward(refusal, held, ())}")
        for key in planned.left_behind:
            say(f"Left behind and still paid for: {key} (R9)")
        said = tuple(refusal.reason for refusal in planned.refused.values())
        for notice in planned.warnings:
            if notice.text.endswith(said):
                continue
            say(f"{notice.text} ({notice.rule})")


def _print_steps(planned: "Plan") -> None:
    """Each step with its figures and its sum, then the working of every item line by line."""
    from bot.cli.working import order_working

    rows: list[tuple[str, ...]] = []
    for step in planned.steps:
        after = f", after {listed([str(each) for each in step.after])}" if step.after else ""
        for key in step.subscriptions:
            label = planned.subscriptions[key].label
            rows.append((f"{step.number}{after}", label, *_figures(planned.quotes[key].total)))
        if len(step.subscriptions) > 1 and len(planned.steps) > 1:
            rows.append((f"{step.number}", "All of this step", *_figures(planned.total_of(step))))
    if len(planned.quotes) > 1:
        rows.append(("", "Total (estimate)", *_figures(planned.total)))
    print_table(("Step", "Subscription", ">Paid", ">Consumed", ">Fee", ">Refund"), rows)
    for key in planned.going:
        quote = planned.quotes[key]
        say(f"\n{planned.subscriptions[key].label} ({key}), rule set {quote.rules}")
        working = [row for each in quote.orders for row in order_working(each)]
        print_table(("", ">", "Rule"), working)
        for notice in quote.warnings:
            if notice not in planned.warnings:
                say(f"{notice.text} ({notice.rule})")
    if planned.steps:
        say("")


def _figures(total: "QuoteTotal | None") -> tuple[str, str, str, str]:
    if total is None:
        return ("", "", "", "")
    return (str(total.paid), str(total.consumed), str(total.handling_fee), str(total.refund))
