"""Lives on a SQLite file whose disk fails: it stays whole, and nothing is lost or told twice.

A tick that meets a fault ends with the one error that says that the database is away; the process
goes on with its next tick, as under the scheduler.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from bot.ports.store import Transaction
from storage import engine
from storage.errors import DatabaseAway
from storage.migrate import migrate
from storage.store import SqlStore
from tests.conftest import AUDIT_KEY
from tests.proof.checker import judged
from tests.proof.databases import scratch
from tests.proof.disks import FAULTS, PAGE, Disk
from tests.proof.nemesis import STORM, TEMPEST, Nemesis
from tests.proof.pieces import Trial, Verdict
from tests.proof.replica import Replica
from tests.proof.slack import CALM
from tests.proof.stages import ACCOUNTS
from tests.proof.world import World

FAULTY = 250
"""Of a thousand transactions so many meet a fault."""


class FaultyStore:
    """A store of which some transactions meet a fault, while `failing`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._random = disk.random
        self.accounts = ACCOUNTS
        self.failing = False

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        with self._store().reading() as tx:
            yield tx

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        if not self.failing or self._random.randrange(1000) >= FAULTY:
            with self._store().transaction() as tx:
                yield tx
            return
        name = self._random.choice((*sorted(FAULTS), *("F12 full",) * 4))  # which rarely matters
        try:
            with self._disk.fault(name), self._store().transaction() as tx:
                yield tx
        except DatabaseAway:
            self._disk.happened[name] += 1
            self._disk.check(name)
            raise

    def give_way(self) -> None:
        self._store().give_way()

    def _store(self) -> SqlStore:
        # A power cut closes the database, so that nothing of it is kept here.
        return self._disk.database.store(team_id="T0", accounts=ACCOUNTS, audit_key=AUDIT_KEY)


class DiskWorld(World):
    """A life that meets faults of the disk, power cuts and the end of all processes."""

    def __init__(self, disk: Disk, seed: int) -> None:
        random = Random(f"disk {seed}")
        nemesis = Nemesis(
            kills=random.choice((0, 20)),
            power_cuts=random.choice((0, 20, 60)),
            freezes=random.choice((0, 0, 30)),
            mood=random.choice((CALM, STORM, TEMPEST)),
        )
        self._file = disk
        self._faulty = FaultyStore(disk)
        self._heard: list[dict[str, object]] = []
        store: Any = self._faulty
        super().__init__(store, disk, seed, nemesis)

    def step(self, replica: Replica, *, inside: bool = False) -> None:
        if inside:
            self._heard = [*replica.heard]  # what this commit is about to write down
        super().step(replica, inside=inside)
        self._file.fresh = False

    def died(self, replica: Replica) -> None:
        if self._dark and self._file.fresh:
            for line in self._heard:
                line["forgotten"] = True
        super().died(replica)

    def away(self, error: DatabaseAway) -> None:
        """It is, and the operator reads just that."""

    def _live(self) -> None:
        self._faulty.failing = True
        super()._live()
        self._faulty.failing = False

    def _rest(self) -> None:
        if self.random.random() < 0.5:
            self._file.stop()
            for each in self.replicas:
                each.forget()
                each.start()
        super()._rest()


def lived(file: Path, seed: int) -> Verdict:
    """Live through one seed on a file of its own."""
    happened: Counter[str] = Counter()
    disk = Disk(file, Random(f"faults {seed}"), happened)
    try:
        with patch.object(engine, "PATIENCE", 0.0):
            evidence = DiskWorld(disk, seed).run()
        disk.check("its life")
        return Verdict([*disk.wrong, *judged(evidence)], happened)
    finally:
        disk.database.dispose()


def _with_small_pages(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in (
            "PRAGMA journal_mode = DELETE",
            f"PRAGMA page_size = {PAGE}",
            "VACUUM",
            "PRAGMA journal_mode = WAL",
        ):
            connection.execute(statement)


def _lived_in(directory: Path, number: int) -> Verdict:
    file = Path(shutil.copyfile(directory / "template.db", directory / "life.db"))
    try:
        return lived(file, number)
    finally:
        for left in directory.glob("life.db*"):
            left.unlink()


@contextmanager
def disk_lives() -> Iterator[Trial]:
    """Trials in one directory."""
    with scratch() as directory:
        template = directory / "template.db"
        migrate(f"sqlite:///{template}")
        _with_small_pages(template)
        yield partial(_lived_in, directory)
