"""A million rows of which a hundredth is bad: each of these is told, and nothing is imported."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.billing.subscription import AccountName
from bot.cli import run
from storage.engine import open_database
from storage.migrate import migrate
from tests.benchmarks.imports import ACCOUNTS, TEAM, write_catalogue
from tests.conftest import AUDIT_KEY
from tests.proof.databases import scratch
from tests.proof.forks import forked
from tests.proof.pieces import Trial, Verdict

ROWS, ONE_BAD_OF = 1_000_000, 100
REFUSED = 2
GOOD, BAD = ",USD,", ",dollars,"


def refused(directory: Path, rows: int = ROWS) -> Verdict:
    """Import it in a process of its own."""
    (directory / "lapse.toml").write_text("[accounts.prod]\n", encoding="utf-8")
    spoilt = _write(directory / "bad.csv", rows)
    url = f"sqlite:///{directory / 'lapse.db'}"
    migrate(url)

    def work() -> int:
        os.chdir(directory)
        os.environ["LAPSE_DATABASE_URL"] = url  # noqa: TID251 - of this process alone
        return run(["import", "bad.csv"])

    code = forked(work, said=directory / "said", patience=None).ended()
    told = (directory / "said").read_text("utf-8")
    wrong = [] if code == REFUSED else [f"it ended with {code}: {told[-900:]}"]
    if {int(line) for line in re.findall(r"line (\d+)", told)} != spoilt:
        wrong.append(f"other lines were told than the {len(spoilt)} that are bad.")
    accounts = {AccountName(name): account for name, account in ACCOUNTS.items()}
    store = open_database(url).store(team_id=TEAM, accounts=accounts, audit_key=AUDIT_KEY)
    with store.reading() as tx:
        wrong += ["a part of it is there."] if next(tx.catalogue.known(), None) else []
    store.dispose()
    return Verdict(wrong, {"F17 a bad row of a million": len(spoilt)})


def _write(file: Path, rows: int) -> set[int]:
    """The numbers of the lines that are bad, the header being the first."""
    whole = file.with_suffix(".whole")
    write_catalogue(whole, rows)
    spoilt = set()
    with (
        whole.open(newline="", encoding="utf-8") as lines,
        file.open("w", newline="", encoding="utf-8") as out,
    ):
        for number, line in enumerate(lines, start=1):
            bad = number % ONE_BAD_OF == 0
            out.write(line.replace(GOOD, BAD) if bad else line)
            if bad:
                spoilt.add(number)
    whole.unlink()
    return spoilt


@contextmanager
def large_import() -> Iterator[Trial]:
    """One trial takes minutes."""
    with scratch() as directory:
        yield lambda _number: refused(directory)
