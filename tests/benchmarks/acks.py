"""How fast Slack gets its acknowledgement over HTTP, from a real process with a million rows.

Run by `make bench ONLY=acks`. Most requests are `/lapse list`, whose answer is made after the
acknowledgement and competes with those that follow; an event has no answer.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from storage.engine import open_database
from tests.benchmarks import databases, installation
from tests.benchmarks.catalogues import fill, over_a_year
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.installation import Bot

MILLION = 1_000_000
IMPORTED = 50_000
SECONDS = 10
SECOND = 1.0
ANSWERED = 0.05
"""A pause in which a person's answer is made, so that one connection stays one person."""


def quiet(figures: Figures, url: str) -> None:
    """One person, then many at once."""
    figures.about(f"SQLite: acknowledgements over HTTP, {MILLION:,} subscriptions")
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


def busy(figures: Figures, url: str) -> None:
    """While a file is imported, and every reminder of the last month is due at once."""
    figures.about(f"SQLite: while {IMPORTED:,} rows are imported and a backlog is planned and sent")
    with tempfile.TemporaryDirectory(prefix="lapse-bench-") as place, ExitStack() as ended:
        file = _file(Path(place) / "imported.json")
        bot = ended.enter_context(installation.bot(url, role="all"))
        log = ended.enter_context((Path(place) / "log").open("wb")).fileno()
        environ = installation.environment(url)
        importing = installation.lapse(
            ["import", str(file)], environ, directory=file.parent, log=log
        )
        ended.callback(importing.kill)
        times = _asked(bot, connections=1, pause=ANSWERED)
        if importing.poll() is not None:
            raise AssertionError("The import was over before the last request.")
        _spread(figures, "1 connection", times)
        figures.at_most("1 connection, p99", percentile(times, 99), 100, "ms")


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


def _file(path: Path) -> Path:
    """Subscriptions as a file brings them, none of them known."""
    rows = [
        {"account": "default", "id": f"imported-{n}", "name": f"Imported {n}", "kind": "resource"}
        for n in range(IMPORTED)
    ]
    path.write_text(json.dumps(rows), "ascii")
    return path


def main() -> int:
    """Print the figures; exit 1 where a goal is missed."""
    figures = Figures()
    with databases.sqlite() as new:
        url = new()
        database = open_database(url)
        now = database.clock().now()
        fill(database, over_a_year(after=now, per_day=2), size=MILLION, at=now)
        quiet(figures, url)
        busy(figures, url)
    return figures.exit_code


if __name__ == "__main__":
    sys.exit(main())
