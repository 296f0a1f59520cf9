"""How fast Slack gets its acknowledgement over HTTP, from a real process with a million rows.

Run by `make bench ONLY=acks`, or smaller by `python -m tests.benchmarks.acks 20000 8000 40000`: so
many subscriptions, reminders due, and rows of a file. Most requests are `/lapse list`, whose answer
is made after the acknowledgement and competes with those that follow; an event has no answer.
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, time
from pathlib import Path

from bot.billing.renewal import CLOUD_ZONE
from bot.billing.subscription import SlackChannel, Subscription
from bot.config import Settings
from bot.config.policy import accounts_of, policy_of
from bot.core import TEAM
from storage.engine import Database, open_database
from tests.benchmarks import databases, installation
from tests.benchmarks.catalogues import (
    A_YEAR,
    AUDIT_KEY,
    ONE_DAY,
    end_of_day,
    fill,
    over_a_year,
    server,
    tell_passed,
    untold,
)
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.installation import Bot
from tests.benchmarks.replica import Prompt, Replica

MILLION = 1_000_000
BACKLOG = 100_000
CHANNELS = 1_000
"""So many share the backlog, whose messages take longer than the measuring at 300 a minute."""

IMPORTED = 400_000
"""Rows whose import takes longer than the measuring."""

SECONDS = 10
BUSY_SECONDS = 30
LEAD = 30 * ONE_DAY
SECOND = 1.0
ANSWERED = 0.05
"""A pause in which a person's answer is made, so that one connection stays one person."""


def quiet(figures: Figures, url: str, size: int) -> None:
    """One person, then many at once."""
    figures.about(f"SQLite: acknowledgements over HTTP, {size:,} subscriptions")
    with installation.bot(url, role="web") as bot:
        _asked(bot, connections=1, seconds=SECOND)  # the first one asks Slack who we are
        one = _asked(bot, connections=1, pause=ANSWERED)
        _spread(figures, "1 connection", one)
        bare = _asked(bot, port=bot.slack_port, connections=1, pause=ANSWERED)
        _spread(figures, "1 connection, a server that only answers", bare)
        figures.tell("the same, p99", f"{percentile(bare, 99):.2f} ms")
        figures.at_most("1 connection, p99", percentile(one, 99), 3, "ms")
        before = _cpu(bot)
        alone = _asked(bot, connections=16, kind="event")
        spent = (_cpu(bot) - before) / len(alone) * 1e3
        _spread(figures, "16 connections, without answers", alone)
        figures.tell("the same, a second", f"{len(alone) / SECONDS:,.0f}")
        figures.tell("the same, computed for each", f"{spent:.2f} ms")
        many = _asked(bot, connections=16)
        _spread(figures, "16 connections", many)
        figures.at_most("16 connections, p99", percentile(many, 99), 50, "ms")
        figures.at_least("16 connections", len(many) / SECONDS, 800, "a second")


def busy(figures: Figures, database: Database, url: str, *, due: int, imported: int) -> None:
    """While a file is imported, and reminders are told that are all due at once."""
    figures.about(
        f"SQLite: while {imported:,} rows are imported and {due:,} due reminders are told"
    )
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place, ExitStack() as ended:
        file = _file(Path(place) / "imported.json", imported)
        (file.parent / "lapse.toml").write_text(installation.OF_A_CLOUD, "ascii")
        bot = ended.enter_context(
            installation.bot(url, role="all", settings=installation.OF_A_CLOUD)
        )
        log = ended.enter_context((Path(place) / "log").open("wb")).fileno()
        environ = installation.environment(url)
        importing = installation.lapse(
            ["import", str(file)], environ, directory=file.parent, log=log
        )
        ended.callback(importing.kill)
        times = _asked(bot, connections=1, seconds=BUSY_SECONDS, pause=ANSWERED)
        if importing.poll() is not None:
            raise AssertionError("The import was over before the last request.")
        left, bundled = _backlog(database)
        if not left or not bundled:
            raise AssertionError(f"At the end {left:,} were untold, {bundled:,} in a message.")
    figures.tell(f"of the {due:,} still to be told at the end, when the import ran", f"{left:,}")
    figures.tell("of these in a message that waits for its turn", f"{bundled:,}")
    _spread(figures, "1 connection", times)
    figures.at_most("1 connection, p99", percentile(times, 99), 100, "ms")


def fall_due(database: Database, size: int) -> int:
    """Move the clock to the first lead of the crowd; how many reminders are due then."""
    clock = database.clock()
    settings = Settings.model_validate(tomllib.loads(installation.OF_A_CLOUD))
    store = database.store(
        team_id=TEAM, accounts=accounts_of(settings), audit_key=AUDIT_KEY.encode()
    )
    reminding = Replica.of(store, clock, Prompt(), policy=policy_of(settings)).reminding
    due_at = _nine_tomorrow(clock.now())
    reminding.arm()
    reminding.arm()  # which dates anew, and plans, what passed before the first plan
    tell_passed(database, at=clock.now())
    clock.advance_to(due_at)
    due = untold(database, at=clock.now())
    if due < size:
        raise AssertionError(f"Of {size:,} reminders {due:,} are due.")
    return due


def _nine_tomorrow(now: datetime) -> datetime:
    """When reminders are told where the clouds are."""
    return datetime.combine(now.astimezone(CLOUD_ZONE).date() + ONE_DAY, time(9), CLOUD_ZONE)


def _crowd(now: datetime, size: int) -> Sequence[Subscription]:
    """One for each channel, whose first lead is tomorrow at nine."""
    ends = end_of_day(_nine_tomorrow(now) + LEAD)
    return [
        server(f"due-{n:04d}", expires_at=ends, auto_renew=False, channel=SlackChannel(f"C{n:08d}"))
        for n in range(min(CHANNELS, size))
    ]


def _backlog(database: Database) -> tuple[int, int]:
    """How many due reminders are not told, and how many of them are in a message already."""
    at = database.clock().now()
    return untold(database, at=at), untold(database, at=at, bundled=True)


def _asked(
    bot: Bot,
    *,
    connections: int,
    port: int | None = None,
    seconds: float = SECONDS,
    pause: float = 0.0,
    kind: str = "command",
) -> Sequence[float]:
    """The milliseconds of every request of a separate process, to the bot or another server."""
    load = [sys.executable, "-m", "tests.benchmarks.load"]
    answers = f"http://127.0.0.1:{bot.slack_port}/response"
    where = [str(port or bot.port), installation.SIGNING_SECRET, answers]
    how = [str(connections), str(seconds), str(pause), kind]
    asked = subprocess.run([*load, *where, *how], stdout=subprocess.PIPE, check=True)
    times: list[float] = json.loads(asked.stdout)
    return times


def _spread(figures: Figures, what: str, times: Sequence[float]) -> None:
    middle, late = percentile(times, 50), percentile(times, 90)
    figures.tell(f"{what}, p50 and p90 of {len(times):,}", f"{middle:.2f}, {late:.2f} ms")


def _cpu(bot: Bot) -> float:
    """Seconds that the bot has computed."""
    fields = Path(f"/proc/{bot.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _file(path: Path, rows: int) -> Path:
    """Subscriptions as a file brings them, none of them known."""
    rows = [
        {"account": "default", "id": f"imported-{n}", "name": f"Imported {n}", "kind": "resource"}
        for n in range(rows)
    ]
    path.write_text(json.dumps(rows), "ascii")
    return path


def main(size: int = MILLION, backlog: int = BACKLOG, imported: int = IMPORTED) -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    with databases.sqlite() as new:
        url = new()
        database = open_database(url)
        now = database.clock().now()
        fill(database, _crowd(now, backlog), size=backlog, at=now)
        others = over_a_year(after=now, per_day=min(2, (size - backlog) // A_YEAR))
        fill(database, others, size=size, at=now)
        quiet(figures, url, size)
        due = fall_due(database, backlog)
        busy(figures, database, url, due=due, imported=imported)
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
