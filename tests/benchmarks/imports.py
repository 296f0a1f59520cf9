"""How fast a large catalogue is imported, and how long others wait for it meanwhile.

Run by `make bench`, for one database by `python -m tests.benchmarks.imports 1000000 postgresql`.
Against the databases' own programs, in the same run: `sqlite3 .import` and
`psql \\copy` of the very rows that the import wrote, into the same tables with the same indexes.
Beside the import another process writes a note every few milliseconds and counts how long it waits.
"""

import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, process_time, sleep

import psycopg

from bot.services.fields import COLUMNS
from bot.services.importing import Importing
from storage import open_database
from storage.migrate import migrate
from storage.store import SqlStore
from tests.conftest import AUDIT_KEY
from tests.factories import account
from tests.postgres import PostgresServer

ROWS = 1_000_000
SMALL = (10, 20, 100, 300, 1000, 3000)
"""Rows of the imports of every day: the first two are one transaction, the others a generation."""
TEAM = "T0LAPSE"
ACCOUNTS = {
    name: account(name, provider="huaweicloud" if name == "prod" else "ledger")
    for name in ("default", "prod")
}
GOALS = {
    "sqlite": ("`sqlite3 .import`", 1.0),
    "postgresql": ("`psql \\copy`", 1.6),
}
MEMORY_GOAL, WAIT_GOAL, AGAIN_GOAL = 200, 100, 7.0
PAUSE = 0.005
TABLES = ("subscriptions", "orders")
FIRST = datetime.fromisoformat("2026-11-24T00:00:00+08:00")
REGIONS = ("ap-southeast-1", "ap-southeast-3", "eu-west-101", "af-south-1")
SERVICES = ("ECS", "EVS", "RDS", "CDN", "EIP")


def write_catalogue(file: Path, rows: int) -> None:
    """Servers of one account in the order of their ids, as an export has them; one order each."""
    chance = random.Random(rows)
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(_server(chance, number) for number in range(rows))


def _server(chance: random.Random, number: int) -> Mapping[str, str]:
    bought = FIRST - timedelta(days=chance.randrange(1, 360), seconds=chance.randrange(86_400))
    service = chance.choice(SERVICES)
    price = f"{chance.randrange(1_000, 100_000) / 100:.2f}"
    return {
        "account": "prod",
        "id": f"vm-{number:07}",
        "name": f"build-runner-{number:07}, {service}",
        "service": service,
        "region": chance.choice(REGIONS),
        "spec": f"s6.large.{chance.randrange(1, 9)}",
        "quantity": "1",
        "kind": "resource",
        "billing_mode": "yearly/monthly",
        "status": "in-use",
        "auto_renew": chance.choice(("true", "false")),
        "auto_renew_months": "12",
        "renewal_price": price,
        "owner": f"U0OWNER{chance.randrange(200):03}",
        "tags": json.dumps({"team": chance.choice(("blue", "green", "red"))}),
        "order_type": "new",
        "term_months": "12",
        "effective_at": bought.isoformat(),
        "expires_at": f"{(bought + timedelta(days=365)).date()}T23:59:59+08:00",
        "currency": "USD",
        "cash": price,
        "cash_coupon": "0.00",
        "flexi_coupon": "0.00",
        "stored_value": "0.00",
        "discount_coupon": "0.00",
    }


def opened(url: str) -> SqlStore:
    """The store of a migrated database."""
    return open_database(url).store(team_id=TEAM, accounts=ACCOUNTS, audit_key=AUDIT_KEY)


def import_once(url: str, file: str) -> None:
    """What the process that is measured does; prints what it took."""
    database = open_database(url)
    store = database.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=AUDIT_KEY)
    importing = Importing(store=store, clock=database.clock(), providers={})
    began, used = perf_counter(), process_time()
    with Path(file).open("rb") as data:
        result = importing.run(data, Path(file).name, by="benchmark")
    taken = {
        "seconds": perf_counter() - began,
        "processor": process_time() - used,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "added": len(result.added),
        "unchanged": len(result.unchanged),
    }
    sys.stdout.write(json.dumps(taken))


def measured(url: str, file: Path) -> Mapping[str, float]:
    """An import in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.imports", "once", url, str(file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    taken: Mapping[str, float] = json.loads(done.stdout)
    return taken


@contextmanager
def writing_beside(url: str) -> Iterator[list[float]]:
    """Write a note every few milliseconds; the milliseconds that each took."""
    store, waits, stop = opened(url), [], Event()

    def write() -> None:
        while not stop.is_set():
            began = perf_counter()
            with store.transaction() as tx:
                tx.notes.put("benchmark", {"written": len(waits)})
            waits.append(1000 * (perf_counter() - began))
            sleep(PAUSE)

    thread = Thread(target=write)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()
        store.dispose()


def timed(*command: object, given: str = "") -> float:
    """Seconds that a program of the database takes."""
    began = perf_counter()
    arguments = [str(part) for part in command]
    subprocess.run(arguments, check=True, input=given, text=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began


def sqlite_import(home: Path, file: Path) -> float:
    """The rows of a database into the same tables of another, by its own program.

    It knows no NULL, so that an index on a part of the rows takes them all: as many as here.
    """
    for table in TABLES:
        written = f".mode csv\n.output {home / table}.csv\nSELECT * FROM {table};\n"
        timed("sqlite3", file, given=written)
    target = home / "target.db"
    migrate(f"sqlite:///{target}")
    indexes = []
    for name in ("ix_subscriptions_page", "ix_subscriptions_anchor"):
        found = subprocess.run(
            ["sqlite3", str(target), f"SELECT sql FROM sqlite_master WHERE name = '{name}'"],
            check=True,
            capture_output=True,
            text=True,
        )
        whole = found.stdout.split(" WHERE ")[0]
        indexes.append(f"DROP INDEX {name}; {whole};")
    timed("sqlite3", target, given="\n".join(indexes))
    loads = "\n".join(f".import {home / table}.csv {table}" for table in TABLES)
    return timed("sqlite3", target, given=f".mode csv\n{loads}\n")


def postgres_copy(home: Path, server: str) -> float:
    """The rows of a database into the same tables of another, by its own program."""
    where = server.replace("postgresql+psycopg", "postgresql")
    for table in TABLES:
        timed("psql", "-qX", f"{where}/lapse", "-c", f"\\copy {table} to '{home / table}.copy'")
    create(server, "target")
    opened(f"{server}/target").dispose()
    copies = [f"\\copy {table} from '{home / table}.copy'\nANALYZE {table};" for table in TABLES]
    return timed("psql", "-qX", f"{where}/target", given="\n".join(copies) + "\n")


def create(server: str, name: str) -> None:
    """A migrated database."""
    where = server.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(f"{where}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")  # type: ignore[call-overload]
    migrate(f"{server}/{name}")


def say(what: str, figure: str, *, goal: str = "", met: bool = True) -> bool:
    """Print a figure with its goal; whether the goal is met."""
    verdict = f"  (goal {goal}: {'met' if met else 'missed'})" if goal else ""
    sys.stdout.write(f"{what}: {figure}{verdict}\n")
    sys.stdout.flush()
    return met


def compare(kind: str, url: str, file: Path, rows: int, own: Iterator[float]) -> bool:
    """Import beside a writer, import again, and let the database's own program do the like."""
    with writing_beside(url) as waits:
        first = measured(url, file)
    again = measured(url, file)
    if (first["added"], again["unchanged"]) != (rows, rows):
        raise AssertionError("The benchmark has to import everything once and nothing twice.")
    program, goal = GOALS[kind]
    base = next(own)
    ratio, waited = first["seconds"] / base, sorted(waits)
    percentile = waited[int(len(waited) * 0.99)]
    memory = max(first["memory"], again["memory"])
    used = f"{first['seconds']:.1f} s, {first['processor']:.1f} s of it the processor's"
    verdicts = [
        say(f"{kind}, import of {rows:,}", used),
        say(
            f"{kind}, against {program} ({base:.1f} s)",
            f"{ratio:.1f}x",
            goal=f"at most {goal}x",
            met=ratio <= goal,
        ),
        say(
            f"{kind}, the same file again",
            f"{again['seconds']:.1f} s, {again['processor']:.1f} s of it the processor's",
            goal=f"at most {AGAIN_GOAL:.0f} s",
            met=again["seconds"] <= AGAIN_GOAL,
        ),
        say(
            f"{kind}, another writer's longest wait of {len(waits):,}",
            f"{waited[-1]:.0f} ms, 99 of 100 within {percentile:.0f} ms",
            goal=f"at most {WAIT_GOAL} ms",
            met=waited[-1] <= WAIT_GOAL,
        ),
        say(
            f"{kind}, memory",
            f"{memory:.0f} MB",
            goal=f"under {MEMORY_GOAL} MB",
            met=memory < MEMORY_GOAL,
        ),
    ]
    return all(verdicts)


def waiting(home: Path, rows: int) -> bool:
    """How long another writer waits for rows that are new, and for the same with another spec."""
    file, url = home / f"{rows}.csv", f"sqlite:///{home / f'{rows}.db'}"
    write_catalogue(file, rows)
    migrate(url)
    opened(url).dispose()
    longest = {}
    for what in ("new", "changed"):
        with writing_beside(url) as waits:
            measured(url, file)
        longest[what] = max(waits)
        file.write_text(file.read_text("utf-8").replace("s6.large", "s7.large"), "utf-8")
    return say(
        f"sqlite, another writer's longest wait for {rows:,}",
        ", ".join(f"{wait:.0f} ms {what}" for what, wait in longest.items()),
        goal=f"at most {WAIT_GOAL} ms",
        met=max(longest.values()) <= WAIT_GOAL,
    )


def on_sqlite(home: Path, file: Path, rows: int) -> bool:
    """The small imports, and the large one if there is one."""
    met = [waiting(home, each) for each in SMALL]
    if rows:
        database = home / "lapse.db"
        migrate(f"sqlite:///{database}")
        own = (sqlite_import(home, database) for _ in range(1))
        met.append(compare("sqlite", f"sqlite:///{database}", file, rows, own))
    return all(met)


def on_postgresql(home: Path, file: Path, rows: int) -> bool:
    """The large import, if there is one."""
    if not rows:
        return True
    server = PostgresServer(as_shipped=True)
    try:
        server.start()
        create(server.url, "lapse")
        own = (postgres_copy(home, server.url) for _ in range(1))
        return compare("postgresql", f"{server.url}/lapse", file, rows, own)
    finally:
        server.close()


KINDS = {"sqlite": on_sqlite, "postgresql": on_postgresql}


def main(rows: int, kinds: Sequence[str]) -> int:
    """Print the figures; exit 1 where a goal is missed. Without rows only the small imports."""
    with tempfile.TemporaryDirectory(prefix="lapse-imports-") as place:
        home = Path(place)
        file = home / "catalogue.csv"
        write_catalogue(file, rows)
        met = [KINDS[kind](home, file, rows) for kind in kinds or KINDS]
        return 0 if all(met) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["once"]:
        import_once(*sys.argv[2:4])
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ROWS, sys.argv[2:]))
