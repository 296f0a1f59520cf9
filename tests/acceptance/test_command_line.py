"""The command line on a fresh directory: import, look, quote, plan, export, audit; wrong input."""

import json
import sqlite3
from pathlib import Path

import pytest

from bot.cli import run
from tests.acceptance.catalogue import LAB, PROD, STAGING

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

    assert "Audit entry 1" in refused(capsys, "audit", "--verify", code=1)


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


def test_migrate_brings_an_empty_place_to_the_newest_schema(capsys):
    assert run(["migrate"]) == 0

    assert "schema 0001" in capsys.readouterr().out
