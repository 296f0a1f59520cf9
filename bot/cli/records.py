"""`lapse reminders`, `lapse receipt` and `lapse audit`: what is sent, done, and by whom."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from bot.cli.failures import Failed, WrongInput
from bot.cli.printing import print_json, print_json_array, print_long_table, print_table, say
from bot.ports.record import Remains, Tampering

if TYPE_CHECKING:
    from bot.core import Core
    from bot.facts.receipt import ReceiptFacts
    from bot.ports.store import ArmedReminder, AuditEntry

_COMPARE = " Compare with a backup; nothing after it can be trusted."
_DIGEST = re.compile("[0-9a-f]{16,64}")
_BAD: Mapping[Tampering, str] = {
    Tampering.ALTERED: "Audit entry {number} was altered.",
    Tampering.REMOVED: "Audit entry {number} was removed.",
    Tampering.MOVED: "Audit entry {number} was put in the place of another: they were reordered.",
    Tampering.INSERTED: "Audit entry {number} was inserted: Lapse never wrote it there.",
    Tampering.CUT: "Audit entry {number} and all after it were cut off.",
    Tampering.UNSEALED: "Where the record ends was altered or removed, at audit entry {number}.",
    Tampering.VALUE_ALTERED: "A personal value of audit entry {number} was altered.",
    Tampering.VALUE_REMOVED: "A personal value of audit entry {number} was removed unrecorded.",
}
"""What can be told of the first bad entry."""

_REMAINS: Mapping[Remains, str] = {
    Remains.FILES: "The files of the database still hold the bytes: they are in use, or there is no"
    " room to write them anew. Run this again.",
    Remains.SERVER: "The files of PostgreSQL hold the bytes until `VACUUM FULL`.",
}
"""What is still to be done where erased values can be read byte by byte."""

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
    print_table(receipt_lines.columns(found), items)
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
    against: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="With --verify: it holds what a receipt names."),
    ] = None,
    head: Annotated[
        bool, typer.Option("--head", help="The number and digest of the last entry.")
    ] = False,
    forget: Annotated[
        str | None, typer.Option(metavar="USER", help="Erase what tells of a person.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the append-only record, or verify it."""
    from bot.cli.environment import open_core

    if against is not None and (not verify or not _DIGEST.fullmatch(against)):
        raise WrongInput(
            "`--against` goes with `--verify` and takes a digest, 16 hexadecimal digits or more."
        )
    if sum((ref is not None, verify, head, forget is not None)) > 1:
        raise WrongInput("Give one of ID, `--verify`, `--head` and `--forget`.")
    with open_core() as core:
        if forget is not None:
            _forget(core, forget, as_json=as_json)
        elif verify:
            _verify(core, against, as_json=as_json)
        elif head:
            _head(core, as_json=as_json)
        else:
            _print(core, ref, as_json=as_json)


def _print(core: "Core", ref: str | None, *, as_json: bool) -> None:
    with core.store.reading() as tx:
        entries = tx.audit.entries(_subject(core, ref) if ref else None)
        if as_json:
            print_json_array(map(_entry_object, entries))
            return
        columns = (">No.", "At", "Who", "What", "Subject", "From")
        print_long_table(columns, map(_entry_row, entries))


def _verify(core: "Core", against: str | None, *, as_json: bool) -> None:
    with core.store.reading() as tx:
        bad = tx.audit.first_bad()
        known = tx.audit.numbered(against) if against is not None and bad is None else None
    if bad is not None:
        raise Failed(_BAD[bad.how].format(number=bad.number) + _COMPARE)
    if against is not None and known is None:
        raise Failed(
            f"No entry of the record has the digest {against}: what came last was cut off, or it "
            "is another record's." + _COMPARE
        )
    if as_json:
        print_json({"whole": True} if known is None else {"whole": True, "entry": known})
    else:
        holds = f" It holds entry {known}, which the digest names." if known is not None else ""
        say(f"The audit record is whole.{holds}")


def _head(core: "Core", *, as_json: bool) -> None:
    with core.store.reading() as tx:
        entries, digest = tx.audit.head()
    if as_json:
        print_json({"entries": entries, "digest": digest})
    else:
        say(f"{entries} {digest}")


def _forget(core: "Core", person: str, *, as_json: bool) -> None:
    from bot.core import host_user
    from bot.services.forgetting import Forgetting

    forgetting = Forgetting(store=core.store, clock=core.clock)
    forgotten = forgetting.forget(person, by=host_user())
    requests = forgotten.requests
    if as_json:
        print_json(
            {
                "values": forgotten.values,
                "requests": list(requests.erased),
                "open_requests": list(requests.still),
                "older_entries": forgotten.older,
                "remains": forgotten.remains.value,
            }
        )
        return
    say(f"Erased {forgotten.values} values in the record, {len(requests.erased)} closed requests.")
    if requests.still:
        numbers = ", ".join(map(str, requests.still))
        say(f"Open requests keep the name until they are closed: {numbers}. Then run this again.")
    if forgotten.older:
        say(f"{forgotten.older} entries of an earlier Lapse hold the name; the chain covers them.")
    if (left := _REMAINS.get(forgotten.remains)) is not None:
        say(left)


def _entry_object(entry: "AuditEntry") -> Mapping[str, object]:
    return {
        "number": entry.number,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "facts": dict(entry.facts),
        "from": dict(entry.origin) if entry.origin is not None else None,
    }


def _entry_row(entry: "AuditEntry") -> Sequence[str]:
    at = entry.at.isoformat(timespec="seconds")
    origin = " ".join(map(str, (entry.origin or {}).values()))
    return (str(entry.number), at, entry.actor, entry.action, entry.subject, origin)


def _end_of(text: str, zone: ZoneInfo) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WrongInput(f"`--until` is {text}; write a date, 2026-12-31.") from None
    return datetime.combine(day + timedelta(days=1), time(0), zone)


def _subject(core: "Core", ref: str) -> str:
    """What the record calls it: a request by its number, a subscription by account/id.

    The settings and a delegation are named as the record itself names them.
    """
    if ref == "settings" or ref.startswith("delegation/"):
        return ref
    if ref.isdigit():
        return f"request/{ref}"
    return str(core.listing.find(ref).key)
