"""`lapse quote`: figures from a file, without database or network.

It is parsed by argparse alone: importing Typer takes a third of the 300 ms that a quote may take.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bot.cli.failures import WrongInput

if TYPE_CHECKING:
    from bot.billing.dates import Dates

HELP = "Quote a refund from a file: no database, no network."


_YEARS = range(1990, 2200)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a call as one sentence."""

    def error(self, message: str) -> NoReturn:
        """Refuse the call."""
        raise WrongInput(f"{message[0].upper()}{message[1:]}. Run `lapse quote --help`.")


def quote(arguments: Sequence[str]) -> int:
    """Run the command; raises WrongInput and whatever the rules refuse to compute with."""
    from bot.billing.dates import dates_of
    from bot.billing.quote import Scope
    from bot.billing.refund import quote as quoted
    from bot.billing.ways_out import ways_out
    from bot.services.accounts import account_from_json
    from bot.services.errors import BadFile
    from bot.services.reading import subscription_from_json

    call = _parser().parse_args(arguments)
    given = _object(call.file)
    account = account_from_json(given["account"])
    try:
        subscription = subscription_from_json(given["subscription"])
    except BadFile as error:
        said = " ".join(f"{at}: {text}" if at else f"It {text}" for _, at, text in error.problems)
        raise WrongInput(f"`subscription` of {call.file} is wrong. {said}") from error
    at = _instant(call.at)
    result = quoted(subscription, account, at=at, scope=Scope(call.scope))
    ways, dates = ways_out(subscription, account, at=at), dates_of(subscription, account, at=at)
    working_day = _last_working_day(dates)
    if call.json:
        from bot.services import exchange

        answer = {
            **exchange.quote_json(result),
            "dates": exchange.dates_json(dates, last_working_day=working_day),
            "ways_out": exchange.ways_json(ways),
        }
        json.dump(answer, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        from bot.cli.working import print_dates, print_quote, print_ways

        print_quote(subscription.label, result)
        print_dates(dates, last_working_day=working_day)
        print_ways(ways)
    return 0


def _last_working_day(dates: "Dates") -> date | None:
    """Before a deduction or a notice, by China's calendar; the settings are not read here."""
    from bot.billing.renewal import AnchorKind

    if dates.anchor is None or dates.anchor.kind is AnchorKind.EXPIRY:
        return None
    from bot.billing.working_days import last_working_day

    return last_working_day(dates.anchor.date, countries=("CN",))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="lapse quote", description=HELP, allow_abbrev=False)
    parser.add_argument("file", help="JSON with `account` and `subscription`, or - for stdin")
    parser.add_argument("--at", metavar="INSTANT", help="with an offset; default: now")
    parser.add_argument(
        "--scope",
        choices=("all", "renewals"),
        default="all",
        help="everything, or only the renewal periods not yet in effect",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _object(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
        given = json.loads(text, object_pairs_hook=_each_once)
    except OSError as error:
        raise WrongInput(f"{file} cannot be read: {error.strerror}. Check the path.") from error
    except RecursionError as error:
        raise WrongInput(f"{file} is nested too deeply. Correct it.") from error
    except ValueError as error:
        raise WrongInput(f"{file} is not JSON in UTF-8: {error}. Correct it.") from error
    if not isinstance(given, dict) or not {"account", "subscription"} >= set(given) >= {
        "subscription"
    }:
        raise WrongInput(f"{file} needs an object with `account` and `subscription`, nothing else.")
    return {"account": {}, **given}


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand there once; of two, nobody knows which one is meant."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise WrongInput(f"`{name}` is given twice. Remove one.")
    return dict(pairs)


def _instant(text: str | None) -> datetime:
    if text is None:
        from bot.clock import MachineClock

        return MachineClock().now().replace(microsecond=0)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None or instant.year not in _YEARS:
        raise WrongInput(
            f"`--at` is {text}; write an instant with an offset, 2024-01-15T18:40:00+08:00, "
            f"from {_YEARS.start} to {_YEARS.stop - 1}."
        )
    return instant
