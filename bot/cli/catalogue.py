"""`lapse import`, `export`, `sync`, `list`, `show`, `upcoming`: the catalogue."""

import gc
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from bot.billing.subscription import AccountName
from bot.cli.failures import WrongInput
from bot.cli.printing import (
    print_json,
    print_json_array,
    print_long_table,
    print_table,
    say,
    working,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AccountOption = Annotated[str | None, typer.Option("--account", help="Name of an account.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("import")(import_file)
    app.command("export")(export)
    app.command("sync")(sync)
    app.command("list")(list_all)
    app.command("show")(show)
    app.command("upcoming")(upcoming)


def import_file(
    file: Annotated[str, typer.Argument(help="CSV or JSON in UTF-8.")],
    account: Annotated[
        str | None, typer.Option(help="The file is the whole of this account.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Add and update subscriptions from a file: all of it or nothing."""
    from bot.cli.environment import open_core
    from bot.core import host_user

    with _opened(file) as data, open_core() as core, working(f"Importing {file}"):
        gc.freeze()  # what is loaded stays: looking for garbage among it would hold up a slice
        result = core.importing.run(
            data, Path(file).name, account=account, dry_run=dry_run, by=host_user()
        )
    counts = {
        "added": result.added,
        "changed": result.changed,
        "unchanged": result.unchanged,
        "gone": result.gone,
    }
    if as_json:
        print_json({name: [str(key) for key in keys] for name, keys in counts.items()})
        return
    lead = "Dry run, nothing was changed: " if dry_run else ""
    say(lead + ", ".join(f"{len(keys)} {name}" for name, keys in counts.items()))


def _opened(file: str) -> BinaryIO:
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise WrongInput(f"{file} cannot be read: {error.strerror}. Check the path.") from error


def export(
    form: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
) -> None:
    """Write the whole catalogue to standard output, without loss."""
    from bot.cli.environment import open_core
    from bot.services import exporting

    if form not in {"csv", "json"}:
        raise WrongInput(f"`--format` is {form}; allowed are csv and json.")
    with open_core() as core, core.store.reading() as tx:
        write = exporting.to_csv if form == "csv" else exporting.to_json
        for piece in write(tx.catalogue.all()):
            sys.stdout.write(piece)


def sync(account: AccountOption = None, as_json: Json = False) -> None:
    """Pull the catalogue from an account's cloud, or from all."""
    from bot.cli.environment import open_core

    with open_core() as core, working("Reading the cloud"):
        if account is not None and account not in core.providers:
            known = ", ".join(sorted(core.providers))
            raise WrongInput(f"No account `{account}` can be read. Accounts: {known}.")
        names = [AccountName(account)] if account is not None else list(core.providers)
        results = {name: dict(core.syncing.sync(name).counts) for name in names}
    if as_json:
        print_json(results)
        return
    for name, counts in results.items():
        say(f"{name}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))


def list_all(as_json: Json = False) -> None:
    """List the subscriptions, nearest anchor first."""
    from bot.cli import rows
    from bot.cli.environment import open_core

    with open_core() as core, core.store.reading() as tx:
        listed = tx.catalogue.listed()
        if as_json:
            print_json_array(rows.as_json(core, tx, listed))
            return
        columns = ("Id", "Name", "Comes next", "When", ">Amount", "Owner")
        print_long_table(columns, rows.catalogue_rows(core, listed))


def show(
    ref: Annotated[str, typer.Argument(metavar="ID", help="Id, or account/id.")],
    as_json: Json = False,
) -> None:
    """Show one subscription with its ways out compared."""
    from bot.cli import rows
    from bot.cli.environment import open_core

    with open_core() as core:
        shown = core.listing.show(ref)
        if as_json:
            with core.store.reading() as tx:
                print_json(next(rows.as_json(core, tx, [shown.subscription])))
            return
    print_table(("", ""), rows.subscription_rows(shown))


def upcoming(
    days: Annotated[int, typer.Option(min=1, max=366, help="How far ahead.")] = 30,
    as_json: Json = False,
) -> None:
    """List the deductions ahead, by day, with sums per currency."""
    from bot.cli import rows
    from bot.cli.environment import open_core
    from bot.services.phrases import counted

    with open_core() as core:
        ahead = core.listing.upcoming(days)
        if as_json:
            due = (row.subscription for day in ahead.days for row in day.rows)
            with core.store.reading() as tx:
                print_json_array(rows.as_json(core, tx, due))
            return
    columns = ("When", "Last working day", "Id", "Name", ">Amount")
    print_table(columns, rows.upcoming_rows(ahead))
    for each in ahead.sums:
        say(f"{each.total} in {counted(each.count, 'deduction')} until {ahead.until.isoformat()}")
