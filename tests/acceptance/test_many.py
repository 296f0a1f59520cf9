"""The command line where there is much: all of it is listed, and what has to wait says so."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.billing.days import CLOUD_ZONE
from bot.cli import run
from bot.cli.rows import in_zone
from bot.config import Secrets, load_settings
from bot.core import open_core
from bot.ports.store import ReminderState
from bot.services import taking_over
from storage import staging
from tests.acceptance.catalogue import LAB
from tests.acceptance.test_command_line import (  # noqa: F401 - the fixture works by its name
    fresh,
    imported,
    printed,
    refused,
    written,
)
from tests.contract.samples import HOUR, armed
from tests.factories import NOW

CLOUD_READER = ZoneInfo("Asia/Shanghai")


def known_reminders(*rows):
    """What a database of some time past says of reminders."""
    with opened() as core, core.store.transaction() as tx:
        tx.reminders.arm(rows)


def opened():
    return open_core(load_settings({}, directory=Path()), Secrets())


def test_reminders_are_all_there_however_many_came_before(capsys):
    with opened() as core:
        ends = core.clock.now().replace(microsecond=0) + timedelta(days=10)
    order = {**LAB["orders"][0], "expires_at": ends.isoformat()}
    imported(capsys, LAB | {"auto_renew": False, "orders": [order]})
    sent = {"state": ReminderState.SENT, "sent_at": NOW + HOUR}
    settled = (ReminderState.KEPT, ReminderState.SNOOZED, ReminderState.CANCELLED)
    known_reminders(
        *(armed(f"old-{number}", **sent) for number in range(1500)),
        *(armed(str(state), state=state) for state in settled),
    )

    found = printed(capsys, "reminders")

    assert [each["state"] for each in found[:1500]] == ["sent"] * 1500
    assert found[0]["sent_at"] == (NOW + HOUR).astimezone(CLOUD_ZONE).isoformat()
    assert found[1500:]
    soon = found[-1]
    assert soon["id"].startswith("lab/lab-quota/")
    assert (soon["state"], soon["sent_at"]) == ("armed", None)
    assert soon.keys() == {"id", "destination", "state", "due_at", "sent_at", "reason"}
    assert len(printed(capsys, "reminders", "--all")) == len(found) + 3


def test_the_table_of_reminders_says_when_they_were_sent_page_after_page(capsys):
    sent = {"state": ReminderState.LATE, "sent_at": NOW + HOUR, "reason": "Slack was away"}
    known_reminders(*(armed(f"old-{number:04}", **sent) for number in range(1500)))

    assert run(["reminders"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Due", "State", "Sent", "To", "Reminder", "Reason"]
    assert len(lines) == 1 + 1500
    for line in (lines[1], lines[-1]):
        assert line.index("late") == lines[0].index("State")
        assert line[lines[0].index("Sent") :].startswith(in_zone(NOW + HOUR, CLOUD_READER))
        assert line.endswith("Slack was away")


def test_no_reminder_is_an_empty_list_in_json_too(capsys):
    assert printed(capsys, "reminders") == []


def test_an_import_whose_temporary_files_find_no_room_says_so(capsys, monkeypatch):
    monkeypatch.setattr(staging, "_SETTINGS", ("PRAGMA max_page_count = 10",))
    many = [LAB | {"id": f"lab-{number}", "note": "long " * 50} for number in range(200)]

    assert refused(capsys, "import", written("in.json", many), code=1) == (
        "Temporary files cannot be written (database or disk is full), and nothing was changed."
        " Free some space, or name another directory in `SQLITE_TMPDIR`, and try again.\n"
    )
    assert printed(capsys, "list") == []


def test_a_sync_and_an_import_beside_a_large_import_say_what_to_do(capsys, monkeypatch):
    monkeypatch.setattr(taking_over, "FEW", 0)
    monkeypatch.setattr("storage.takeover.PATIENCE", 0.0)
    imported(capsys, LAB)
    other = written("other.json", [LAB | {"name": "Another"}])
    with opened() as core:
        with core.store.transaction() as tx:
            tx.book.put(replace(core.listing.find("lab-quota"), name="Moved"), next_event_at=None)
        with core.store.takeover(core.clock):
            said = [refused(capsys, "sync", "--account", "lab", code=1)]
            said += [refused(capsys, "import", other, code=1)]

    assert said == [
        "An import is running, so account `lab` was not brought up to date."
        " Sync again when it has ended.\n",
        "Another import is running. Import again when it has ended.\n",
    ]
