"""`lapse quote` and `lapse plan`: figures and order, nothing executed."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.failures import WrongInput
from bot.cli.printing import print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("quote")(quote)
    app.command("plan")(plan)


def quote(
    file: Annotated[str, typer.Argument(help="JSON with `account` and `subscription`, or - .")],
    at: Annotated[
        str | None, typer.Option(help="Instant with an offset; default: now.", metavar="INSTANT")
    ] = None,
    scope: Annotated[str, typer.Option(help="all, or renewals not yet in effect.")] = "all",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Quote a refund from a file: no database, no network."""
    from bot.billing.quote import Scope
    from bot.billing.refund import quote as quoted
    from bot.services import exchange
    from bot.services.accounts import account_from_json
    from bot.services.reading import subscription_from_json

    given = _object(file)
    account = account_from_json(given["account"])
    subscription = subscription_from_json(given["subscription"])
    if scope not in list(Scope):
        raise WrongInput(f"`--scope` is {scope}; allowed are all and renewals.")
    result = quoted(subscription, account, at=_instant(at), scope=Scope(scope))
    if as_json:
        print_json(exchange.quote_json(result))
        return
    from bot.cli.working import print_quote

    print_quote(subscription.label, result)


def plan(
    ids: Annotated[list[str], typer.Argument(help="Ids, or account/id where one is not unique.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the ordered unsubscription plan with its quotes; nothing is executed."""
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


def _object(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
        given = json.loads(text)
    except OSError as error:
        raise WrongInput(f"{file} cannot be read: {error.strerror}. Check the path.") from error
    except ValueError as error:
        raise WrongInput(f"{file} is not JSON in UTF-8: {error}. Correct it.") from error
    if not isinstance(given, dict) or not {"account", "subscription"} >= set(given) >= {
        "subscription"
    }:
        raise WrongInput(f"{file} needs an object with `account` and `subscription`, nothing else.")
    return {"account": {}, **given}


def _instant(text: str | None) -> datetime:
    if text is None:
        from bot.clock import MachineClock

        return MachineClock().now()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise WrongInput(
            f"`--at` is {text}; write an instant with an offset, 2024-01-15T18:40:00+08:00."
        )
    return instant
