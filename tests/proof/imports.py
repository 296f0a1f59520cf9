"""Imports that are killed, that meet another or have bad rows: all of a file or nothing of it.

Each trial is the real command in a process of its own, on a copy of a database that holds a
catalogue whose reminders are armed. Afterwards the catalogue is the one from before or the one of
the file and nothing between, and so are the reminders; the next import ends the work.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import text

from bot.billing.subscription import Subscription
from bot.cli import run
from bot.config import Secrets, load_settings
from bot.core import Core, Nobody, open_core
from bot.ports.store import KnownRow
from bot.services.exporting import to_csv
from tests.factories import order, quota
from tests.proof import databases
from tests.proof.databases import Databases
from tests.proof.forks import Fork, Steps, forked
from tests.proof.pieces import Trial, Verdict

KEY = "a key of the proof"
SETTINGS = """
[slack]
approvals_channel = "C0APPROVALS"
reminders_channel = "C0FINOPS"
[reminders]
lead_days = [3, 1]
[accounts.lab]
"""
KNOWN, FEW, SOME, MANY = 15, 20, 400, 1040
"""Items from before, and rows of three files: what one transaction writes, what many do, and so
many that everything ahead is looked at anew."""

ONE_BAD_OF = 100
LEASE_IS_OVER = timedelta(minutes=2)
DONE, HELD_UP, REFUSED = 0, 1, 2
RUNNING = "Another import is running"
UNSEEN = (
    "SELECT count(*) FROM subscriptions JOIN generations USING (team_id)"
    " WHERE generation > visible OR replaced_in IS NOT NULL OR pending IS NOT NULL"
)


class Seen(NamedTuple):
    """What people see: the catalogue, as digests, and what is armed for them."""

    catalogue: frozenset[KnownRow]
    armed: frozenset[tuple[str, str, datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How an import of a file ends when nothing disturbs it."""

    after: Seen
    steps: int
    seconds: float


class Imports:
    """Trials on one kind of database, in a directory that holds the files."""

    def __init__(self, kept: Databases, directory: Path) -> None:
        self._kept = kept
        self._directory = directory
        (directory / "lapse.toml").write_text(SETTINGS, encoding="utf-8")
        self._prepare()
        self._finished = {name: self._finish(name) for name in ("few", "some", "many")}

    def killed(self, random: Random) -> Verdict:
        """Killed, once or again in the next run, at a step or at any instant."""
        happened: Counter[str] = Counter()
        name = random.choice(("few", "some", "many"))
        with self._kept.copy() as url:
            for _ in range(random.choice((1, 1, 2))):
                code = self._killed_once(url, name, random)
                happened["F17 killed"] += code < 0
                if wrong := self._between(url, name):
                    return Verdict(wrong, happened)
            wrong = self._completed(url, name)
        return Verdict(wrong, happened)

    def meeting(self, random: Random) -> Verdict:
        """Two of one file at once, one of which may be killed."""
        name = random.choice(("few", "some", "many"))
        happened = Counter({"F17 two at once": 1})
        with self._kept.copy() as url:
            first = self._start(url, name, said="first", kill_at=self._some_step(name, random))
            second = self._start(url, name, said="second")
            codes = first.ended(), second.ended()
            happened["F17 killed"] += codes[0] < 0
            wrong = [] if codes[1] in {DONE, HELD_UP} else [f"the second ended with {codes[1]}."]
            wrong += self._between(url, name) or self._completed(url, name)
        return Verdict(wrong, happened)

    def bad(self, random: Random) -> Verdict:
        """A hundredth of the rows are bad: just these are told, and nothing is changed."""
        lines = _lines(_book(self._at, MANY))
        wrong_lines = sorted(random.sample(range(1, len(lines)), MANY // ONE_BAD_OF))
        for number in wrong_lines:
            lines[number] = lines[number].replace("3600.00", "much", 1)
        (self._directory / "bad.csv").write_text("".join(lines), "utf-8", newline="")
        happened = {"F17 bad rows": 1, "F17 rows that were bad": len(wrong_lines)}
        with self._kept.copy() as url:
            code = self._start(url, "bad", said="bad").ended()
            told = self._said("bad")
            wrong = [] if code == REFUSED else [f"bad rows ended with {code}."]
            named = sorted({int(line) for line in re.findall(r"line (\d+)", told)})
            if named != [number + 1 for number in wrong_lines]:
                wrong.append(f"lines {named} were told instead of {wrong_lines}.")
            with self._core(url) as core:
                wrong += [] if _seen(core) == self._before else ["bad rows changed something."]
        return Verdict(wrong, happened)

    def _prepare(self) -> None:
        with self._core(self._kept.prepared) as core:
            noon = core.clock.now().replace(hour=4, minute=0) + timedelta(days=2)
            self._at = core.clock.advance_to(noon).replace(second=0, microsecond=0)
            for name, rows in {"known": KNOWN, "few": FEW, "some": SOME, "many": MANY}.items():
                moved = timedelta(0) if name == "known" else timedelta(hours=24)
                lines = "".join(_lines(_book(self._at, rows, moved=moved)))
                self._file(name).write_text(lines, "utf-8", newline="")
            with self._file("known").open("rb") as file:
                core.importing.run(file, "known.csv", by="proof")
            core.reminding(Nobody()).arm()
            self._before = _seen(core)

    def _finish(self, name: str) -> Finished:
        with self._kept.copy() as url:
            code = self._start(url, name, said="finish").ended()
            assert code == DONE, self._said("finish")
            with self._core(url) as core:
                core.reminding(Nobody()).arm()
                after = _seen(core)
        assert after != self._before
        steps, seconds = self._said("finish.steps").split()
        return Finished(after=after, steps=int(steps), seconds=float(seconds))

    def _killed_once(self, url: str, name: str, random: Random) -> int:
        """Its exit code: it may have finished before, where it was not to die at a step."""
        if random.random() < 0.7:
            at_step = self._some_step(name, random)
            return self._start(url, name, said="killed", kill_at=at_step).ended()
        seconds = random.uniform(0.001, self._finished[name].seconds)
        return self._start(url, name, said="killed", kill_after=seconds).ended()

    def _some_step(self, name: str, random: Random) -> int:
        return random.randint(1, self._finished[name].steps)

    def _between(self, url: str, name: str) -> list[str]:
        """Everything is as before, or as after; what is armed is what the catalogue wants."""
        with self._core(url) as core:
            now = _seen(core)
            core.reminding(Nobody()).arm()
            armed = _seen(core)
        if armed not in (self._before, self._finished[name].after):
            return ["what was killed left a part of the file."]
        if now.armed not in (self._before.armed, self._finished[name].after.armed):
            return ["what was killed touched reminders."]
        return []

    def _completed(self, url: str, name: str) -> list[str]:
        """The file goes in by the next import, at once or when the lease of the killed is over."""
        code = self._start(url, name, said="next").ended()
        if code == HELD_UP and RUNNING in self._said("next"):
            with self._core(url) as core:
                core.clock.advance(LEASE_IS_OVER)
            code = self._start(url, name, said="next").ended()
        if code != DONE:
            return [f"the next import ended with {code}: {self._said('next')}"]
        again = self._start(url, name, said="again").ended()
        wrong = [] if again == DONE and "0 added, 0 changed" in self._said("again") else ["again."]
        with self._core(url) as core:
            core.clock.advance(LEASE_IS_OVER)  # of one that was killed after all was shown
            core.importing.tidy()
            core.reminding(Nobody()).arm()
            if _seen(core) != self._finished[name].after:
                wrong.append("the next import did not bring the file.")
            with core.database.reader.connect() as connection:
                if left := connection.scalar(text(UNSEEN)):
                    wrong.append(f"{left} versions are left that nobody sees.")
        return wrong

    def _start(
        self, url: str, name: str, *, said: str, kill_at: int = 0, kill_after: float = 0.0
    ) -> Fork:
        """`lapse import`; ends itself at a step or when so many seconds are over."""

        def work() -> int:
            os.chdir(self._directory)
            os.environ.update(LAPSE_DATABASE_URL=url, LAPSE_AUDIT_KEY=KEY)  # noqa: TID251
            steps = Steps(kill_at)
            steps.begin()
            began = monotonic()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the kernel ends it, wherever it is
            signal.setitimer(signal.ITIMER_REAL, kill_after)
            code = run(["import", self._file(name).name])
            signal.setitimer(signal.ITIMER_REAL, 0)
            counted = f"{steps.count} {monotonic() - began}"
            Path(f"{said}.steps.said").write_text(counted, "utf-8")
            return code

        return forked(work, said=self._directory / f"{said}.said")

    def _said(self, name: str) -> str:
        return (self._directory / f"{name}.said").read_text("utf-8")

    def _file(self, name: str) -> Path:
        return self._directory / f"{name}.csv"

    def _core(self, url: str) -> Core:
        secrets = Secrets(lapse_database_url=url, lapse_audit_key=SecretStr(KEY))
        return open_core(load_settings({}, directory=self._directory), secrets)


def _seen(core: Core) -> Seen:
    with core.store.reading() as tx:
        catalogue = frozenset(tx.catalogue.known(None))
    rows = core.reminding(Nobody()).listed(settled=True)
    return Seen(catalogue, frozenset((row.id, row.destination, row.due_at) for row in rows))


def _book(now: datetime, rows: int, *, moved: timedelta = timedelta(0)) -> list[Subscription]:
    """Items that end in four days or later; those that are known end later by what they `moved`.

    No lead has passed when an item becomes known: it would be due at that very instant.
    """
    items = []
    for number in range(rows):
        days = 4 + number % 2 if number < FEW else 100
        ends = now + timedelta(days=days) + (moved if number < KNOWN else timedelta(0))
        paid = replace(order(ends - timedelta(days=365)), expires_at=ends)
        ref = f"item-{number:05}"
        items.append(quota(ref, account="lab", owner=None, auto_renew=False, orders=(paid,)))
    return items


def _lines(book: Sequence[Subscription]) -> list[str]:
    return "".join(to_csv(book)).splitlines(keepends=True)


KINDS: Sequence[Callable[[Imports, Random], Verdict]] = (
    *(Imports.killed,) * 7,
    *(Imports.meeting,) * 2,
    Imports.bad,
)


@contextmanager
def imports(kind: str) -> Iterator[Trial]:
    """Trials on SQLite or PostgreSQL; seven of ten are killed."""
    opened = {"sqlite": databases.on_sqlite, "postgres": databases.on_postgres}[kind]
    with opened() as kept, databases.scratch() as directory:
        trials = Imports(kept, directory)
        yield lambda number: KINDS[number % len(KINDS)](trials, Random(f"{kind} {number}"))
