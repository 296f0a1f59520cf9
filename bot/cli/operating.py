"""`lapse demo`, `run`, `migrate` and `doctor`: starting it and looking after it."""

import gc
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.failures import Failed, WrongInput
from bot.cli.printing import print_json, say

ROLES = ("all", "web", "worker")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("demo")(demo)
    app.command("run")(run)
    app.command("migrate")(migrate)
    app.command("doctor")(doctor)


def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the local Slack; 0 finds a free one.")
    ] = 8099,
    data: Annotated[Path, typer.Option(help="Where the practice workspace is kept.")] = Path(
        "lapse-demo"
    ),
) -> None:
    """Try everything in a practice workspace on this machine alone."""
    from bot.cli.environment import environment_taken, start_log
    from bot.demo.practice import Practice

    start_log(default="warning")
    ended = _ending()
    practice = Practice(port=port, data=data, environ=environment_taken())
    practice.start()
    try:
        say(f"Lapse's practice workspace: {practice.url}")
        say("Ctrl-C ends it; started again, it goes on where it was.")
        ended.wait()
    finally:
        practice.stop()


def run(
    role: Annotated[str, typer.Option(help="all, web or worker.")] = "all",
) -> None:
    """Run the bot against a real workspace."""
    # What is loaded while starting stays until the end: collecting among it would only cost time,
    # a sixth of the start now and a pause of all threads at every full collection later.
    gc.disable()
    try:
        _run(role)
    finally:
        gc.enable()


def _run(role: str) -> None:
    from bot import app as wiring
    from bot import core as opening
    from bot.cli.environment import settings_taken, start_log
    from bot.cli.heap import share_one_heap

    share_one_heap()
    if role not in ROLES:
        raise WrongInput(f"`--role` is {role}; allowed are all, web and worker.")
    settings, secrets = settings_taken()
    wiring.demand_complete(settings, secrets, role=role)
    start_log()
    ended = _ending()
    origin = {"replica": opening.replica()}
    with opening.open_core(settings, secrets, origin=origin) as core, core.sole_runner():
        core.record_settings()
        bot = wiring.build_bot(core, role=role)
        try:
            bot.start()
            gc.freeze()
            gc.enable()
            say(f"Lapse runs ({role}); health at {bot.url}/healthz.")
            ended.wait()
        finally:
            bot.stop()


def migrate() -> None:
    """Bring the database to the newest schema.

    It is safe from several replicas at once.
    """
    from bot import config
    from bot.cli.environment import environment
    from storage import migrate as schema

    secrets = config.load_secrets(environment())
    before = schema.migrate(secrets.lapse_database_url)
    now = schema.needed()
    say(f"The database is at schema {now}" + (f", before {before}." if before != now else "."))


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check settings, Slack, database, accounts and the last tick."""
    from bot.cli.doctor import examine
    from bot.cli.environment import environment

    findings = examine(environment(), directory=Path.cwd())
    if as_json:
        print_json([{"part": f.part, "ok": f.ok, "finding": f.text} for f in findings])
    else:
        for finding in findings:
            say(f"{'ok  ' if finding.ok else 'FAIL'} {finding.part}: {finding.text}")
    failed = [finding.part for finding in findings if not finding.ok]
    if failed:
        raise Failed(f"{len(failed)} of {len(findings)} checks failed: {', '.join(failed)}.")


def _ending() -> threading.Event:
    """Set by Ctrl-C or a polite kill: the first ends everything cleanly, a second at once."""
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return ended
