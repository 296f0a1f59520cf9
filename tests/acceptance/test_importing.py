"""An import that is killed outright: a real process, a real signal, a real file."""

import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli import run
from bot.services.exporting import to_csv
from storage.clock import DatabaseClock
from storage.engine import engines, parse
from tests.factories import quota, resource

MANY = 3000
PATIENCE = 60.0
URL = "sqlite:///lapse.db"


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory and nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("LAPSE_DATABASE_URL", "LAPSE_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_an_import_killed_in_the_middle_changed_nothing_and_can_be_run_again(capsys):
    first = "".join(to_csv([quota(), resource("vm-0001", name="as it was")]))
    many = "".join(to_csv(resource(f"vm-{number:04}") for number in range(MANY)))
    Path("first.csv").write_text(first, newline="")
    Path("many.csv").write_text(many, newline="")
    assert run(["import", "first.csv"]) == 0
    before = exported(capsys)

    importing = subprocess.Popen([sys.executable, "-m", "bot", "import", "many.csv"])
    wait_until_some_is_written(importing)
    importing.send_signal(signal.SIGKILL)
    assert importing.wait() == -signal.SIGKILL

    assert exported(capsys) == before
    assert run(["import", "many.csv"]) == 1
    assert "Another import is running" in capsys.readouterr().err
    pass_time(timedelta(minutes=2))
    assert run(["import", "many.csv"]) == 0
    assert f"{MANY - 1} added, 1 changed" in capsys.readouterr().out
    assert exported(capsys).count("\n") == MANY + 2
    assert unseen() == 0


def exported(capsys) -> str:
    capsys.readouterr()
    assert run(["export"]) == 0
    return str(capsys.readouterr().out)


def pass_time(by: timedelta) -> None:
    database = engines(parse(URL))
    DatabaseClock(database.writer).advance(by)
    database.dispose()


def unseen() -> int:
    """How many versions nobody sees, not yet or not any more."""
    with sqlite3.connect(f"file:{Path.cwd()}/lapse.db?mode=ro", uri=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM subscriptions JOIN generations USING (team_id)"
            " WHERE generation > visible OR replaced_in IS NOT NULL"
        )
        return int(found.fetchone()[0])


def wait_until_some_is_written(importing: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while not unseen():
        assert importing.poll() is None, "it ended before anything was seen of it"
        assert time.monotonic() < until
        time.sleep(0.005)
