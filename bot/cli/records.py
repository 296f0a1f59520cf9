"""`lapse reminders`, `lapse receipt` and `lapse audit`: what is sent, done, and by whom."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from bot.cli.failures import Failed, WrongInput
from bot.cli.printing import print_json, print_json_array, print_long_table, print_table, say

if TYPE_CHECKING:
    from bot.core import Core
    from bot.facts.receipt import ReceiptFacts
    from bot.ports.store import ArmedReminder, AuditEntry

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("reminders")(reminders)
    app.command("receipt")(receipt)
    app.command("audit")(audit)


def reminders(
    until: Annotated[str | None, typer.Option(help="Only those due by this date.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Kept, snoozed and cancelled ones too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List every reminder with its state, its destination and the reason."""
    from bot.cli.environment import open_core
    from bot.core import Nobody

    with open_core() as core:
        end = _end_of(until, core.zone) if until else None
        rows = core.reminding(Nobody()).foreseen(until=end, settled=every)
        if as_json:
            print_json_array(_reminder_object(row, core.zone) for row in rows)
            return
        columns = ("Due", "State", "Sent", "To", "Reminder", "Reason")
        print_long_table(columns, (_reminder_row(row, core.zone) for row in rows))


def _reminder_object(row: "ArmedReminder", zone: ZoneInfo) -> Mapping[str, object]:
    return {
        "id": row.id,
        "destination": row.destination,
        "state": row.state.value,
        "due_at": row.due_at.astimezone(zone).isoformat(),
        "sent_at": row.sent_at.astimezone(zone).isoformat() if row.sent_at else None,
        "reason": row.reason,
    }


def _reminder_row(row: "ArmedReminder", zone: ZoneInfo) -> Sequence[str]:
    from bot.cli.rows import in_zone

    sent = in_zone(row.sent_at, zone) if row.sent_at else ""
    due = in_zone(row.due_at, zone)
    return (due, row.state.value, sent, row.destination, row.id, row.reason)


def receipt(
    number: Annotated[int, typer.Argument(help="The number of a finished request.")],
    as_json: Json = False,
    pdf: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one page of A4 there.")
    ] = None,
) -> None:
    """Print the receipt of a finished request."""
    from bot.cli.environment import open_core
    from bot.facts.receipt import Form
    from bot.papers import receipt_file, receipt_json

    with open_core() as core:
        found = core.attesting.receipt(number).facts
    if pdf is not None:
        _write(pdf, receipt_file.receipt_file(found, Form.PDF))
    if as_json:
        print_json(receipt_json.receipt_json(found))
    elif pdf is None:
        _print_receipt(found)
    else:
        say(f"Wrote {pdf}.")


def _print_receipt(found: "ReceiptFacts") -> None:
    from bot.papers import receipt_lines

    say(receipt_lines.title(found))
    say(receipt_lines.outcome(found))
    say("")
    print_table(("", ""), receipt_lines.beginning(found))
    say("")
    items = (*receipt_lines.items(found), receipt_lines.total(found))
    print_table(receipt_lines.COLUMNS, items)
    say("")
    print_table(("", ""), receipt_lines.end(found))


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Failed(f"{path} cannot be written ({error.strerror}).") from error


def audit(
    ref: Annotated[str | None, typer.Argument(metavar="[ID]", help="One subject's lines.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that nothing was altered, removed or reordered.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the append-only record, or verify it."""
    from bot.cli.environment import open_core

    with open_core() as core, core.store.reading() as tx:
        subject = _subject(core, ref) if ref else None
        if verify:
            bad = tx.audit.first_bad()
            if bad is not None:
                raise Failed(
                    f"Audit entry {bad.number} was altered, removed or reordered. "
                    "Compare with a backup; nothing after it can be trusted."
                )
            if as_json:
                print_json({"whole": True})
            else:
                say("The audit record is whole.")
            return
        entries = tx.audit.entries(subject)
        if as_json:
            print_json_array(map(_entry_object, entries))
            return
        print_long_table((">No.", "At", "Who", "What", "Subject"), map(_entry_row, entries))


def _entry_object(entry: "AuditEntry") -> Mapping[str, object]:
    return {
        "number": entry.number,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "facts": dict(entry.facts),
    }


def _entry_row(entry: "AuditEntry") -> Sequence[str]:
    at = entry.at.isoformat(timespec="seconds")
    return (str(entry.number), at, entry.actor, entry.action, entry.subject)


def _end_of(text: str, zone: ZoneInfo) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WrongInput(f"`--until` is {text}; write a date, 2026-12-31.") from None
    return datetime.combine(day + timedelta(days=1), time(0), zone)


def _subject(core: "Core", ref: str) -> str:
    """What the record calls it: a request by its number, a subscription by account/id."""
    if ref.isdigit():
        return f"request/{ref}"
    return str(core.listing.find(ref).key)
