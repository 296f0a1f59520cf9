"""A bot as an operator runs it: a process over a database, and a Slack that accepts everything."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance.processes import surroundings
from tests.acceptance.world import free_port
from tests.benchmarks.catalogues import AUDIT_KEY

SIGNING_SECRET = "the signing secret of the benchmarks"
SETTINGS = '[slack]\napprovals_channel = "C0APPROVALS"\nreminders_channel = "C0FINOPS"\n'
OF_A_CLOUD = SETTINGS + '[accounts.default]\nprovider = "huaweicloud"\n'
"""An account that has no book: one whose book is empty would have all of its subscriptions gone."""

MEGABYTE = 1_000_000
LOOK_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A running `lapse run`."""

    process: subprocess.Popen[bytes]
    port: int
    slack_port: int
    ready_after: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took that has ended: seconds on the wall, and the most bytes it ever held."""

    seconds: float
    memory: int


def memory(process: subprocess.Popen[bytes], what: str = "VmRSS") -> int:
    """Resident bytes now, or with `VmHWM` the most there ever were; 0 when it has ended.

    What the system tells of a process that has ended would count the memory of its parent as well.
    """
    lines = Path(f"/proc/{process.pid}/status").read_text("ascii").splitlines()
    found = [line for line in lines if line.startswith(f"{what}:")]
    return int(found[0].split()[1]) * 1024 if found else 0


@contextmanager
def bot(url: str, *, role: str = "all", settings: str = SETTINGS) -> Iterator[Bot]:
    """Start it on a database and wait until it says that it is ready."""
    port, slack_port = free_port(), free_port()
    slack = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.standin", str(slack_port)])
    with TemporaryDirectory(prefix="lapse-bench-") as place:
        directory = Path(place)
        (directory / "lapse.toml").write_text(settings, "ascii")
        environ = environment(url) | {
            "SLACK_API_URL": f"http://127.0.0.1:{slack_port}/api/",
            "LAPSE_HTTP_PORT": str(port),
        }
        _await(slack_port, "/")
        begun = time.perf_counter()
        with (directory / "log").open("wb") as log:
            process = lapse(["run", "--role", role], environ, directory=directory, log=log.fileno())
        try:
            _await(port, "/readyz")
            yield Bot(
                process=process,
                port=port,
                slack_port=slack_port,
                ready_after=time.perf_counter() - begun,
            )
        finally:
            for each in (process, slack):
                each.send_signal(signal.SIGKILL)
                each.wait()


def environment(url: str) -> dict[str, str]:
    """What a `lapse` on this database finds in its environment."""
    return surroundings(
        SLACK_BOT_TOKEN="xoxb-bench",
        SLACK_SIGNING_SECRET=SIGNING_SECRET,
        LAPSE_TRANSPORT="http",
        LAPSE_DATABASE_URL=url,
        LAPSE_AUDIT_KEY=AUDIT_KEY,
        LAPSE_LOG="warning",
    )


def lapse(
    arguments: Sequence[str], environ: dict[str, str], *, directory: Path, log: int
) -> subprocess.Popen[bytes]:
    """Start a command of Lapse."""
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def spent(url: str, arguments: Sequence[str], *, out: Path) -> Spent:
    """Run a command by the settings of the bot to its end; what it says is in the file."""
    (out.parent / "lapse.toml").write_text(SETTINGS, "ascii")
    begun, most = time.perf_counter(), 0
    with out.open("wb") as log:
        process = lapse(arguments, environment(url), directory=out.parent, log=log.fileno())
        while process.poll() is None:
            most = max(most, memory(process, "VmHWM"))
            time.sleep(LOOK_SECONDS)  # between two looks
    if process.returncode != 0:
        raise AssertionError(out.read_text("utf-8")[-500:])
    return Spent(time.perf_counter() - begun, most)


def _await(port: int, path: str) -> None:
    """Ask until the answer is 200."""
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                return
        except OSError:
            time.sleep(LOOK_SECONDS)  # between two looks
