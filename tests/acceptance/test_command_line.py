"""The command line on a fresh directory: import, look, quote, plan, export, audit; wrong input."""

import fcntl
import getpass
import importlib
import io
import json
import logging
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli import run
from bot.cli.environment import open_core
from bot.cli.failures import FAILED, WRONG_INPUT
from bot.config import Secrets, load_settings
from bot.core import open_core as opened_core
from bot.demo import workspace
from bot.localslack.server import LocalSlack
from bot.ports.record import Remains
from bot.services import recording
from storage.clock import DatabaseClock
from storage.engine import engines, parse
from storage.store import SqlStore
from storage.tables import SCHEMA
from tests.acceptance.catalogue import LAB, PROD, STAGING, bought
from tests.contract.samples import request
from tests.factories import NOW, REQUESTER
from tests.unit.handlers import samples

SETTINGS = """
[accounts.prod]
[accounts.staging]
[accounts.lab]
"""
P3 = {
    "account": {"site": "intl"},
    "subscription": {
        "id": "disk",
        "kind": "resource",
        "billing_mode": "yearly/monthly",
        "status": "in-use",
        "orders": [
            {
                "order_type": "new",
                "term_months": 1,
                "effective_at": "2024-01-01T10:30:00+08:00",
                "expires_at": "2024-02-01T23:59:59+08:00",
                "currency": "USD",
                "cash": "100.00",
            }
        ],
    },
}


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory with settings and nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "LAPSE_DATABASE_URL", "LAPSE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lapse.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def written(name: str, content: object) -> str:
    Path(name).write_text(json.dumps(content), encoding="utf-8")
    return name


def imported(capsys, *subscriptions: object) -> str:
    assert run(["import", written("in.json", list(subscriptions))]) == 0
    return str(capsys.readouterr().out)


def printed(capsys, *arguments: str) -> object:
    code = run([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def refused(capsys, *arguments: str, code: int = 2) -> str:
    assert run(list(arguments)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert captured.err.count("\n") == 1
    return str(captured.err)


def test_an_import_says_what_it_did_and_the_same_file_twice_changes_nothing(capsys):
    assert "3 added" in imported(capsys, *PROD)

    again = imported(capsys, *PROD)

    assert "0 added, 0 changed, 3 unchanged, 0 gone" in again


def test_an_export_imported_elsewhere_exports_the_same_bytes(capsys, tmp_path, monkeypatch):
    imported(capsys, *PROD, *STAGING, LAB)
    for form in ("csv", "json"):
        monkeypatch.chdir(tmp_path)
        assert run(["export", "--format", form]) == 0
        first = capsys.readouterr().out
        elsewhere = tmp_path / form
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        Path("lapse.toml").write_text(SETTINGS, encoding="utf-8")
        Path(f"x.{form}").write_text(first, encoding="utf-8", newline="")
        assert run(["import", f"x.{form}"]) == 0
        capsys.readouterr()
        assert run(["export", "--format", form]) == 0
        assert capsys.readouterr().out == first


def test_a_bad_row_rejects_the_whole_file_and_every_bad_line_is_named(capsys):
    rows = [
        "account,id,name,status,order_type,expires_at",
        "prod,a,A,in-use,new,2026-12-07",
        "prod,b,B,used,new,2026-12-07T00:00:00+08:00",
        "prod,c,C,in-use,new,2026-12-07T00:00:00+08:00",
    ]
    Path("bad.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")

    assert run(["import", "bad.csv"]) == 2

    said = capsys.readouterr().err
    assert "2 of 3 lines are wrong" in said
    assert "line 2" in said
    assert "expires_at" in said
    assert "line 3" in said
    assert "status" in said
    assert printed(capsys, "list") == []


def test_list_show_and_upcoming_print_the_same_objects(capsys):
    imported(capsys, *PROD)

    listed = printed(capsys, "list")
    shown = printed(capsys, "show", "prod-quota")

    assert listed[0]["id"] == "prod-quota"
    assert listed[0] == shown
    assert shown["current_edition"] == "professional"
    assert shown["deduction_at"] == "2026-11-30T03:00:00+08:00"
    assert shown["anchor"] == {
        "kind": "deduction",
        "date": "2026-11-30",
        "at": "2026-11-30T03:00:00+08:00",
    }


def test_a_quote_is_the_published_case_from_a_file_without_a_database(capsys):
    file = written("p3.json", P3)

    quote = printed(capsys, "quote", file, "--at", "2024-01-15T18:40:00+08:00")

    assert quote["total"]["consumed"] == "45.38"
    assert quote["total"]["handling_fee"] == "10.00"
    assert quote["total"]["refund"] == "44.62"
    assert quote["orders"][0]["duration_hours"] == 758
    assert quote["orders"][0]["used_hours"] == 344
    assert quote["rules"] == "huaweicloud-intl/2025-07-25"
    assert not Path("lapse.db").exists()


def test_a_plan_goes_quota_first_then_packages(capsys):
    imported(capsys, *STAGING)

    plan = printed(capsys, "plan", "staging-quota", "staging-screen", "staging-orchestration")

    assert plan["steps"][0]["subscriptions"] == ["staging-quota"]
    assert sorted(plan["steps"][1]["subscriptions"]) == [
        "staging-orchestration",
        "staging-screen",
    ]
    assert plan["steps"][1]["after"] == [1]
    assert plan["left_behind"] == []


def test_the_audit_record_notices_an_altered_line(capsys):
    imported(capsys, *PROD)
    assert run(["audit", "--verify"]) == 0
    assert "whole" in capsys.readouterr().out

    with sqlite3.connect("lapse.db") as connection:
        triggers = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        ).fetchall()
        assert triggers
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE audit SET actor = 'somebody else' WHERE number = 1")
    connection.close()

    assert "Audit entry 1 was altered." in refused(capsys, "audit", "--verify", code=1)


def test_the_head_of_the_record_is_compared_with_later(capsys):
    imported(capsys, *PROD)
    head = printed(capsys, "audit", "--head")
    assert head["entries"] == 1
    assert run(["audit", "--head"]) == 0
    assert capsys.readouterr().out == f"1 {head['digest']}\n"
    imported(capsys, LAB)

    for named in (head["digest"], head["digest"][:16]):
        found = printed(capsys, "audit", "--verify", "--against", named)
        assert found == {"whole": True, "entry": 1}
    assert run(["audit", "--verify", "--against", head["digest"]]) == 0
    assert "It holds entry 1" in capsys.readouterr().out


def test_a_record_that_was_put_back_does_not_hold_a_later_head(capsys):
    imported(capsys, *PROD)
    earlier = Path("lapse.db").read_bytes()
    imported(capsys, LAB)
    head = printed(capsys, "audit", "--head")
    Path("lapse.db").write_bytes(earlier)

    assert printed(capsys, "audit", "--verify") == {"whole": True}
    said = refused(capsys, "audit", "--verify", "--against", head["digest"], code=1)
    assert "what came last was cut off" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--against", "0" * 64),
        ("--verify", "--against", "0123"),
        ("--verify", "--against", "not a digest at all"),
        ("--verify", "--head"),
        ("1001", "--verify"),
        ("--head", "--forget", "U0MEI"),
    ],
)
def test_audit_says_which_of_its_options_go_together(capsys, arguments):
    assert "`--" in refused(capsys, "audit", *arguments)


def test_the_record_says_who_imported_from_where_and_forgets_it(capsys, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "mei")
    imported(capsys, *PROD)

    [line] = printed(capsys, "audit")
    assert (line["actor"], line["action"]) == ("mei", "import")
    assert line["from"] == {"host": socket.gethostname(), "user": "mei"}
    assert run(["audit"]) == 0
    assert f"{socket.gethostname()} mei" in capsys.readouterr().out

    monkeypatch.setattr("getpass.getuser", lambda: "omar")
    assert printed(capsys, "audit", "--forget", "mei") == {
        "values": 1,
        "requests": [],
        "open_requests": [],
        "older_entries": 0,
        "remains": "nowhere",
    }
    before, after = printed(capsys, "audit")
    assert (before["actor"], before["from"]["user"]) == ("erased", "erased")
    assert (after["actor"], after["action"]) == ("omar", "personal.forgotten")
    assert printed(capsys, "audit", "--verify") == {"whole": True}
    assert b"mei" not in b"".join(each.read_bytes() for each in Path().glob("lapse.db*"))


def test_forgetting_says_where_a_person_is_still_named(capsys):
    imported(capsys, *PROD)
    core = opened_core(load_settings({}, directory=Path.cwd()), Secrets())
    with core, core.store.transaction() as tx:
        tx.requests.save(request())
        tx.audit.append(at=NOW, actor=REQUESTER, action="a", subject="s", facts={})

    assert run(["audit", "--forget", REQUESTER]) == 0
    said = capsys.readouterr().out
    assert "Erased 0 values in the record, 0 closed requests." in said
    assert "Open requests keep the name until they are closed: 1001." in said
    assert "1 entries of an earlier Lapse hold the name" in said


@pytest.mark.parametrize(
    ("remains", "said"),
    [
        (
            Remains.FILES,
            "The files of the database still hold the bytes: they are in use, or there is no room"
            " to write them anew. Run this again.\n",
        ),
        (Remains.SERVER, "The files of PostgreSQL hold the bytes until `VACUUM FULL`.\n"),
        (Remains.NOWHERE, "0 closed requests.\n"),
    ],
)
def test_forgetting_says_where_the_bytes_still_lie(capsys, monkeypatch, remains, said):
    imported(capsys, *PROD)
    monkeypatch.setattr(SqlStore, "wipe", lambda _: remains)

    assert run(["audit", "--forget", "U0NOBODY"]) == 0
    assert capsys.readouterr().out.endswith(said)


def test_a_machine_that_knows_no_name_is_told_by_number(capsys, monkeypatch):
    def unknown() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", unknown)
    imported(capsys, *PROD)

    [line] = printed(capsys, "audit")
    assert line["actor"].isdigit()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lst",), "No such command 'lst'. Did you mean 'list'?"),
        (("upcoming", "--days", "0"), "Invalid value for '--days'"),
        (("show", "nothing"), "No subscription `nothing`."),
        (("import", "nothing.csv"), "nothing.csv cannot be read"),
        (("quote", "nothing.json"), "nothing.json cannot be read"),
        (("export", "--format", "xml"), "allowed are csv and json"),
        (("run", "--role", "boss"), "allowed are all, web and worker"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_code_2(capsys, arguments, said):
    assert said in refused(capsys, *arguments)


def test_a_wrong_setting_stops_every_command(capsys):
    Path("lapse.toml").write_text("[approvals]\nrequird = 2\n", encoding="utf-8")

    assert "Did you mean `approvals.required`?" in refused(capsys, "list")


def test_the_doctor_names_what_is_missing_and_fails(capsys):
    assert run(["doctor"]) == 1

    captured = capsys.readouterr()
    assert "SLACK_BOT_TOKEN" in captured.out
    assert "ok   database" in captured.out


def test_reminders_are_shown_as_they_will_be_and_no_command_says_that_lapse_ran(capsys, fresh):
    assert run(["migrate"]) == 0
    today = DatabaseClock(engines(parse(f"sqlite:///{fresh}/lapse.db")).writer).now().date()
    year = bought(f"{today - timedelta(days=365)}", f"{today + timedelta(days=8)}", "10.00")
    imported(capsys, LAB | {"auto_renew": False, "orders": [year]})
    capsys.readouterr()

    week = [each for each in printed(capsys, "reminders") if each["id"].endswith("/7d")]
    assert [(each["state"], each["destination"]) for each in week] == [("armed", "")]
    assert printed(capsys, "sync")["lab"]["unchanged"] == 1
    assert len(printed(capsys, "reminders", "--all")) == 4
    assert run(["doctor"]) == 1
    assert "Has not run yet; start `lapse run`." in capsys.readouterr().out
    with closing(sqlite3.connect(fresh / "lapse.db")) as database:
        assert database.execute("SELECT count(*) FROM reminders").fetchone() == (0,)


def test_every_command_explains_itself(capsys):
    for name in ("demo", "run", "migrate", "import", "export", "sync", "list", "show", "upcoming",
                 "quote", "plan", "reminders", "audit", "doctor"):  # fmt: skip
        try:
            code = run([name, "--help"])
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        assert code == 0
        assert f"lapse {name}" in captured.out
        assert captured.err == ""


def test_the_expected_errors_are_all_there():
    for name in (*FAILED, *WRONG_INPUT):
        module, _, kind = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), kind), Exception)


def test_in_a_pipe_a_row_is_one_line_however_long(capsys):
    imported(capsys, *PROD, LAB | {"name": "A very long name, " * 12 + "with a\nbreak"})

    assert run(["list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 4
    assert lines[0].split() == ["Id", "Name", "Comes", "next", "When", "Amount", "Owner"]
    assert any("with a break" in line for line in lines)


def test_the_whole_of_an_account_leaves_out_what_is_gone_and_a_dry_run_changes_nothing(capsys):
    imported(capsys, *PROD, LAB)
    rest = written("rest.json", [{**PROD[0], "account": None}])

    assert run(["import", rest, "--account", "prod", "--dry-run"]) == 0
    assert "0 added, 0 changed, 1 unchanged, 2 gone" in capsys.readouterr().out
    assert len(printed(capsys, "list")) == 4

    assert run(["import", rest, "--account", "prod"]) == 0
    assert "2 gone" in capsys.readouterr().out
    assert {each["id"] for each in printed(capsys, "list")} == {"prod-quota", "lab-quota"}
    assert "is not `prod`" in refused(
        capsys, "import", written("lab.json", [LAB]), "--account", "prod"
    )
    assert "not in the settings" in refused(capsys, "import", rest, "--account", "nowhere")


def test_an_account_that_left_the_settings_is_still_shown(capsys, fresh):
    imported(capsys, LAB)
    (fresh / "lapse.toml").write_text("", encoding="utf-8")

    assert [each["id"] for each in printed(capsys, "list")] == ["lab-quota"]
    for command in (["list"], ["show", "lab-quota"], ["upcoming", "--json"], ["reminders"]):
        assert run(command) == 0, capsys.readouterr().err


HEADER = "id,name,status,order_type,effective_at,expires_at,currency,cash\n"
ROW = "a,A,in-use,new,2026-11-01T00:00:00+08:00,2026-12-01T23:59:59+08:00,USD,10.00\n"


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + (HEADER + ROW).encode(),
        (HEADER + ROW).replace("\n", "\r\n").encode(),
        (HEADER + ROW).encode().rstrip(),
    ],
    ids=["byte order mark", "carriage returns", "no last line break"],
)
def test_a_file_as_spreadsheets_write_it_is_taken(capsys, content):
    Path("in.csv").write_bytes(content)

    assert run(["import", "in.csv"]) == 0

    assert "1 added" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "It is empty."),
        ((HEADER + ROW).encode("utf-16"), "Not CSV or JSON in UTF-8."),
        ((HEADER + ROW).replace("A", "Ä").encode("latin-1"), "Not CSV or JSON in UTF-8."),
        (HEADER.replace(",", ";").encode(), "separated by `;`"),
        (HEADER.replace("cash", "csh").encode(), "Unknown column `csh`. Did you mean `cash`?"),
        ((HEADER + ROW + ROW.replace("a,A", "b,B") + ROW).encode(), "line 4: repeats default/a"),
        ((HEADER + ROW.replace("10.00", "-10.00")).encode(), "line 2, cash: `-10.00` is not"),
        ((HEADER + ROW.replace("59+08:00", "59")).encode(), "line 2, expires_at:"),
    ],
    ids=["empty", "utf-16", "latin-1", "semicolons", "column", "twice", "negative", "naive"],
)
def test_a_file_that_is_wrong_changes_nothing_and_says_where(capsys, content, said):
    Path("in.csv").write_bytes(content)

    assert said in refused(capsys, "import", "in.csv")
    assert printed(capsys, "list") == []


def test_a_quote_is_read_from_standard_input_too(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(P3)))

    assert printed(capsys, "quote", "-", "--at", "2024-01-15T18:40:00+08:00")["allowed"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"subscription": {"id": "a", "nmae": "A"}}, "nmae: unknown key; did you mean `name`?"),
        ({"subscription": []}, "`subscription` of given.json is wrong. It is not an object."),
        ({"account": {"sit": "intl"}, "subscription": {}}, "Did you mean `account.site`?"),
        ({"account": {}}, "nothing else"),
        ({"subscription": {}, "more": 1}, "nothing else"),
    ],
)
def test_a_quote_names_what_is_wrong_with_its_input(capsys, given, said):
    assert said in refused(capsys, "quote", written("given.json", given))


@pytest.fixture
def finished() -> int:
    """The number of a request that is done."""
    with open_core() as core, core.store.transaction() as tx:
        return recording.save(tx, None, samples.done(), policy=core.policy, at=NOW).number


def test_a_receipt_is_printed_for_people_and_for_programs(finished, capsys):
    assert run(["receipt", str(finished)]) == 0
    told = capsys.readouterr().out
    object_ = printed(capsys, "receipt", str(finished))

    assert told.startswith("Receipt of request 1042\nDone: 3 of 3 items gone. USD 2,057.93 back")
    assert "st-screen, order CS26112311reen" in told
    assert object_["total"]["actual"]["refund"] == "2057.93"
    assert f"head {object_['record']['head']}" in told
    with open_core() as core, core.store.reading() as tx:
        assert object_["record"]["entries"] == len(list(tx.audit.entries()))


def test_a_receipt_is_written_as_a_page_the_same_each_time(finished, capsys, fresh):
    assert run(["receipt", str(finished), "--pdf", "one.pdf"]) == 0
    assert capsys.readouterr().out == "Wrote one.pdf.\n"
    assert printed(capsys, "receipt", str(finished), "--pdf", "two.pdf")["request"] == finished

    assert (fresh / "one.pdf").read_bytes().startswith(b"%PDF-")
    assert (fresh / "one.pdf").read_bytes() == (fresh / "two.pdf").read_bytes()


def test_a_page_that_cannot_be_written_is_one_sentence(finished, capsys):
    said = refused(capsys, "receipt", str(finished), "--pdf", "no/where.pdf", code=1)

    assert said == "no/where.pdf cannot be written (No such file or directory).\n"


def test_a_receipt_of_nothing_says_what_is_the_matter(finished, capsys):
    with open_core() as core, core.store.transaction() as tx:
        waiting = replace(samples.waiting(), number=1043, items=())
        recording.save(tx, None, waiting, policy=core.policy, at=NOW)

    assert "There is no request 7." in refused(capsys, "receipt", "7")
    assert "Request 1043 is waiting, so it has no receipt yet." in refused(
        capsys, "receipt", "1043"
    )


def test_what_a_delegation_or_the_settings_left_in_the_record_is_printed_by_its_subject(capsys):
    with open_core() as core:
        core.record_settings()
        with core.store.transaction() as tx:
            for subject in ("delegation/f1", "delegation/f2"):
                tx.audit.append(at=NOW, actor="x", action="made", subject=subject, facts={})

    assert [line["subject"] for line in printed(capsys, "audit", "delegation/f1")] == [
        "delegation/f1"
    ]
    assert [line["action"] for line in printed(capsys, "audit", "settings")] == ["settings.first"]


def test_savings_are_three_figures_for_people_and_for_programs(finished, capsys):
    assert run(["savings", "--by", "month"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [row] = printed(capsys, "savings", "--by", "month")["savings"]

    assert [line.split()[:2] for line in lines[1:4]] == [
        ["2026-11", "decided"],
        ["2026-11", "executed"],
        ["2026-11", "verified"],
    ]
    assert "never add them up" in lines[5]
    assert (row["group"], row["currency"]) == ("2026-11", "USD")
    assert row["decided"] == {
        "refund_at_cloud": "0.00",
        "refund_estimate": "2010.76",
        "renewals_avoided_estimate": row["decided"]["renewals_avoided_estimate"],
        "subscriptions": 3,
    }
    for stage in ("executed", "verified"):
        assert row[stage]["refund_at_cloud"] == "2057.93"
        assert row[stage]["refund_estimate"] == "0.00"
    assert "2,057.93" in lines[3]


@pytest.mark.parametrize("by", ["owner", "service"])
def test_savings_that_belong_to_nobody_say_so(finished, capsys, by):
    assert run(["savings", "--by", by]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith(f"no {by}  decided")
    assert printed(capsys, "savings", "--by", by)["savings"][0]["group"] is None


def test_savings_of_other_days_are_none(finished, capsys):
    assert run(["savings", "--until", "2026-11-22"]) == 0
    assert capsys.readouterr().out == "Nothing was saved in that time.\nDays are Asia/Shanghai.\n"
    assert printed(capsys, "savings", "--from", "2026-11-24") == {
        "from": "2026-11-24",
        "until": None,
        "timezone": "Asia/Shanghai",
        "by": None,
        "savings": [],
        "renewals_not_known": 0,
        "refunds_not_found": 0,
        "dry_run_subscriptions": 0,
    }


def test_savings_say_what_is_in_none_of_the_sums(capsys):
    with open_core() as core, core.store.transaction() as tx:
        done = samples.done()
        items = tuple(replace(each, refund_actual=None) for each in done.items)
        recording.save(tx, None, replace(done, items=items), policy=core.policy, at=NOW)
        rehearsed = replace(done, number=1043, dry_run=True)
        recording.save(tx, None, rehearsed, policy=core.policy, at=NOW)
        tx.audit.append(
            at=NOW, actor="x", action="autorenew.off", subject="default/a", facts={"error": None}
        )

    assert run(["savings"]) == 0
    told = capsys.readouterr().out

    assert "Not in the sums: 1 renewal avoided whose amount is not known." in told
    assert "Not in the sums: 3 verified refunds whose order the cloud does not show yet." in told
    assert "Not counted: 3 subscriptions of dry runs" in told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--by", "team"), "`--by` is team; allowed are month, account, service and owner."),
        (("--from", "soon"), "`--from` is soon; write a date, 2026-12-31."),
        (("--until", "31.12.2026"), "`--until` is 31.12.2026; write a date, 2026-12-31."),
        (
            ("--from", "2026-12-01", "--until", "2026-11-01"),
            "`--until` is 2026-11-01, before `--from`, which is 2026-12-01.",
        ),
    ],
)
def test_savings_name_what_is_wrong_with_the_call(capsys, given, said):
    assert refused(capsys, "savings", *given) == f"{said}\n"


def test_an_audit_is_whole_in_json_too(capsys):
    imported(capsys, LAB)

    assert printed(capsys, "audit", "--verify") == {"whole": True}


COMPLETE = (
    SETTINGS
    + f"""
[slack]
approvals_channel = "{workspace.APPROVALS}"
reminders_channel = "{workspace.FINOPS}"
[approvals]
approvers = ["U0APPROVER1"]
"""
)


@pytest.fixture
def installed(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Settings and tokens that are complete; what starting changes in this process is undone."""
    (fresh / "lapse.toml").write_text(COMPLETE, encoding="utf-8")
    for name in ("SLACK_SIGNING_SECRET", "LAPSE_TRANSPORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-local-tests")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-local-tests")
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/api/")
    monkeypatch.setenv("LAPSE_HTTP_PORT", "0")
    held = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    yield monkeypatch
    for number, handler in held.items():
        signal.signal(number, handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "`SLACK_BOT_TOKEN` is not set. Set it in the environment."),
        ({"SLACK_APP_TOKEN": ""}, "`SLACK_APP_TOKEN` is not set. Set it in the environment."),
        (
            {"LAPSE_TRANSPORT": "http"},
            "`SLACK_SIGNING_SECRET` is not set. Set it in the environment.",
        ),
        (
            {"LAPSE_TRANSPORT": "pigeon"},
            "`LAPSE_TRANSPORT` is \"pigeon\"; allowed are 'socket' or 'http'."
            " Correct the environment.",
        ),
        (
            {"LAPSE_SLACK__REMINDERS_CHANNEL": "#finops"},
            '`slack.reminders_channel` is "#finops"; allowed is a channel id, for example'
            " C0FINOPS. Correct the environment.",
        ),
    ],
)
def test_run_says_what_is_missing_or_wrong_before_it_touches_anything(
    capsys, installed, fresh, changed, said
):
    for name, value in changed.items():
        installed.setenv(name, value)

    assert refused(capsys, "run") == f"{said}\n"
    assert list(fresh.iterdir()) == [fresh / "lapse.toml"]


def test_run_without_channels_names_the_first_that_is_missing(capsys, installed, fresh):
    (fresh / "lapse.toml").write_text(SETTINGS, encoding="utf-8")

    assert "`slack.approvals_channel` is not set" in refused(capsys, "run")
    assert not (fresh / "lapse.db").exists()


def test_run_does_not_start_without_slack(capsys, installed):
    said = refused(capsys, "run", code=1)

    assert said == "Slack cannot be reached (ConnectionRefusedError). Check the network.\n"


def test_run_does_not_start_with_a_token_that_slack_refuses(capsys, installed, tmp_path):
    clock = DatabaseClock(engines(parse(f"sqlite:///{tmp_path}/lapse.db")).writer)
    assert run(["migrate"]) == 0
    capsys.readouterr()
    slack = LocalSlack(seed=workspace.practice_seed(), data=tmp_path, clock=clock)
    slack.start()
    try:
        installed.setenv("SLACK_API_URL", slack.api_url)
        assert "does not accept the token (invalid_auth)" in refused(capsys, "run", code=1)
        installed.setenv("SLACK_API_URL", slack.api_url)
        installed.setenv("SLACK_BOT_TOKEN", slack.bot_token)
        installed.setenv("SLACK_APP_TOKEN", "xapp-local-wrong")
        assert "does not accept the app token (invalid_auth)" in refused(capsys, "run", code=1)
    finally:
        slack.stop()


def test_run_records_which_settings_decide_before_it_listens(capsys, installed):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        installed.setenv("LAPSE_HTTP_PORT", str(taken.getsockname()[1]))
        for required in ("1", "1", "2"):
            installed.setenv("LAPSE_APPROVALS__REQUIRED", required)
            installed.setenv("SLACK_BOT_TOKEN", "xoxb-local-tests")  # starting takes it out
            installed.setenv("SLACK_APP_TOKEN", "xapp-local-tests")
            installed.setenv("SLACK_API_URL", "http://127.0.0.1:9/api/")
            refused(capsys, "run", code=1)

    first, changed = printed(capsys, "audit")
    assert (first["action"], first["subject"]) == ("settings.first", "settings")
    assert first["from"]["replica"].startswith(f"{socket.gethostname()}/")
    assert changed["action"] == "settings.changed"
    assert changed["facts"] == {"approvals.required": {"from": 1, "to": 2}}
    assert changed["actor"] == getpass.getuser()


def test_run_does_not_take_a_port_that_is_taken(capsys, installed):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        installed.setenv("LAPSE_HTTP_PORT", str(port))
        assert f"Port {port} of 127.0.0.1 cannot be used" in refused(capsys, "run", code=1)


@contextmanager
def held(file: Path) -> Iterator[None]:
    """What a process that runs on a database does to its lock file."""
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_second_run_on_the_same_file_is_refused(capsys, installed):
    with held(Path("lapse.db.lock")):
        assert refused(capsys, "run", code=1) == (
            "Another `lapse run` uses lapse.db. Stop that one, or use PostgreSQL.\n"
        )


@pytest.mark.parametrize("name", ["link.db", "elsewhere/../lapse.db", "./lapse.db"])
def test_a_second_run_by_another_name_of_the_file_is_refused(capsys, installed, fresh, name):
    (fresh / "elsewhere").mkdir()
    (fresh / "link.db").symlink_to("elsewhere/../lapse.db")

    with held(Path("lapse.db.lock")):
        installed.setenv("LAPSE_DATABASE_URL", f"sqlite:///{name}")
        assert refused(capsys, "run", code=1) == (
            "Another `lapse run` uses lapse.db. Stop that one, or use PostgreSQL.\n"
        )
    assert not list(fresh.glob("link.db?*"))


@pytest.mark.parametrize("name", ["lapse.db", "other.db"])
def test_a_file_with_a_second_name_by_a_hard_link_is_not_run(capsys, installed, fresh, name):
    assert run(["migrate"]) == 0
    capsys.readouterr()
    (fresh / "other.db").hardlink_to(fresh / "lapse.db")

    installed.setenv("LAPSE_DATABASE_URL", f"sqlite:///{name}")
    assert refused(capsys, "run", code=1) == (
        f"{name} has a second name, a hard link, by which another program would ruin it."
        " Lapse was not started. Remove the other name, or run Lapse on a copy.\n"
    )


def test_a_key_that_was_kept_beside_a_link_goes_on_to_hold(capsys, installed, fresh):
    assert run(["migrate"]) == 0
    (fresh / "link.db").symlink_to("lapse.db")
    (fresh / "link.db.audit-key").write_text("a key that was kept")
    installed.setenv("LAPSE_DATABASE_URL", "sqlite:///link.db")
    capsys.readouterr()
    imported(capsys, LAB)

    assert printed(capsys, "audit", "--verify") == {"whole": True}
    assert not (fresh / "lapse.db.audit-key").exists()


def test_a_second_demo_in_the_same_directory_is_refused(capsys, installed):
    installed.delenv("SLACK_BOT_TOKEN")
    installed.delenv("SLACK_APP_TOKEN")
    with held(Path("practice/lapse.db.lock")):
        assert refused(capsys, "demo", "--port", "0", "--data", "practice", code=1) == (
            "Another `lapse demo` uses practice. Stop that one, or name another with `--data`.\n"
        )


def test_a_demo_takes_no_port_that_is_taken_and_no_directory_that_is_none(capsys, installed):
    installed.delenv("SLACK_BOT_TOKEN")
    installed.delenv("SLACK_APP_TOKEN")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused(capsys, "demo", "--port", port, "--data", "practice", code=1)
    assert said == f"Port {port} is in use. Choose another one.\n"
    assert "cannot be used" in refused(capsys, "demo", "--data", "lapse.toml", code=1)


def test_a_demo_does_not_start_beside_the_token_of_a_real_workspace(capsys, installed, fresh):
    installed.setenv("SLACK_BOT_TOKEN", "xoxb-1-real")

    assert refused(capsys, "demo", "--data", "practice") == (
        "`SLACK_BOT_TOKEN` is set; the local Slack does not start beside a real workspace."
        " Unset it, start again.\n"
    )
    assert not (fresh / "practice").exists()


@pytest.mark.parametrize(
    ("revision", "said"),
    [("0000", "Run `lapse migrate`."), ("9999", "Install the newer version.")],
)
def test_a_database_of_another_schema_is_not_touched(capsys, installed, revision, said):
    assert run(["migrate"]) == 0
    capsys.readouterr()
    with sqlite3.connect("lapse.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()

    assert said in refused(capsys, "run", code=1)


def test_what_is_no_database_is_told_as_such(capsys, installed, fresh):
    (fresh / "lapse.db").write_text("a letter", encoding="utf-8")

    assert "The database does not answer." in refused(capsys, "list", code=1)


def test_migrate_brings_an_empty_place_to_the_newest_schema(capsys):
    assert run(["migrate"]) == 0

    assert f"schema {SCHEMA}" in capsys.readouterr().out
