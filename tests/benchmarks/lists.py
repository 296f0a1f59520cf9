"""How long looking takes at 1,000,000 subscriptions against 1,000, on both databases.

Run by `make bench`. Every ratio is taken in one run, so that it means the same on every machine; it
is one of computing time, the server's included, as nothing is waited for but the processor.
"""

import gc
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import time, timedelta
from pathlib import Path
from time import process_time_ns
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    Text,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from bot.billing.reminder import Schedule
from bot.billing.subscription import (
    AccountName,
    Kind,
    SlackChannel,
    SlackUser,
    Status,
    Subscription,
)
from bot.ports.store import ListQuery
from bot.services.errors import UnknownSubscription
from bot.services.listing import Listing
from bot.services.policy import Policy
from bot.services.status import Status as Health
from storage import Database, open_database
from storage.migrate import migrate
from storage.store import SqlStore
from storage.tables import orders, subscriptions
from storage.types import MICROSECOND
from tests.clocks import SettableClock
from tests.factories import NOW, account, order, package, quota, resource
from tests.postgres import PostgresServer, administer

SMALL, LARGE = 1_000, 1_000_000
GOAL = 1.3
ROUNDS = 25
DAY = timedelta(days=1)
ACCOUNTS = {name: account(name) for name in (AccountName("prod"), AccountName("staging"))}
SERVICES = ("ECS", "EVS", "EIP", "RDS", "OBS")
POLICY = Policy(
    approvals_channel=SlackChannel("C0APPROVALS"),
    reminders_channel=SlackChannel("C0FINOPS"),
    schedule=Schedule(lead_days=(30, 14, 7, 3, 1), at=time(9), zone=ZoneInfo("Asia/Shanghai")),
)
WORDS = "ix_subscriptions_words"
"""SQLite's index of words is another, which its triggers write."""

BASE = "server-"
"""What ids of subscriptions begin with that a large catalogue has a thousand times as many of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What looks at so many subscriptions, and the query of a page deep in their list."""

    listing: Listing
    health: Health
    deep: ListQuery
    server: int | None


def few() -> list[Subscription]:
    """What stays rare however large the catalogue is: in filters and words, and deducted soon."""
    soon = [
        resource(
            f"soon-{day}", account="prod", orders=(order(NOW - 360 * DAY + day * DAY, months=12),)
        )
        for day in range(1, 21)
    ]
    rare = [
        resource(f"needle-{n}", account="prod", service="CDN", owner=SlackUser("U0RARE"))
        for n in range(5)
    ]
    ice = [resource(f"ice-{n}", account="prod", status=Status.FROZEN) for n in range(5)]
    group = [quota(account="prod"), package(account="prod"), quota("st", account="staging")]
    return [*(far(each) for each in (*rare, *ice, *group)), *soon]


def many(size: int) -> Iterator[Subscription]:
    """Servers that a catalogue has ever more of."""
    for n in range(size):
        yield far(
            resource(
                f"{BASE}{n:04}",
                account=("prod", "staging")[n % 2],
                name=f"node {n:04} of the farm",
                service=SERVICES[n % len(SERVICES)],
                region=f"region-{n % 10}",
                owner=SlackUser(f"U{n:05}") if n % 4 else None,
                auto_renew=n % 3 > 0,
            ),
            days=n % 300,
        )


def far(subscription: Subscription, *, days: int = 0) -> Subscription:
    """The same, ending beyond the windows that are looked at."""
    begun = NOW - 200 * DAY + days * DAY
    return replace(subscription, orders=(order(begun, months=12, cash="61.20"),))


def fill(database: Database, store: SqlStore, *, size: int) -> None:
    """A thousand through the store; more by copies of the servers, in one statement a table.

    A copy has a name and a number of its own and is paid for some days later.
    """
    rare = few()
    base = SMALL - len(rare)
    with store.transaction() as tx:
        tx.catalogue.put([*rare, *many(base)], at=NOW)
    if size > SMALL:
        _multiply(database, (size - SMALL) // base, rest=(size - SMALL) % base)
    if database.writer.dialect.name == "postgresql":  # as its own housekeeping does
        with database.writer.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "VACUUM ANALYZE"
            )


def _multiply(database: Database, times: int, *, rest: int) -> None:
    first = select(literal(1).label("n")).cte(recursive=True)
    copies = first.union_all(select(first.c.n + 1).where(first.c.n <= times))
    with database.writer.begin() as connection:
        on_postgresql = connection.dialect.name == "postgresql"
        if not on_postgresql:
            connection.exec_driver_sql("PRAGMA cache_size = -400000")
        # Built anew at the end, which takes a fraction of the time.
        indexes = [each for each in subscriptions.indexes if on_postgresql or each.name != WORDS]
        for index in indexes:
            index.drop(connection)
        for table, key in ((subscriptions, "id"), (orders, "subscription_id")):
            last = table.c[key] < f"{BASE}{rest:04}"
            columns = _copied(table, key, copies.c.n)
            source = (
                select(*columns.values())
                .select_from(table.join(copies, or_(copies.c.n <= times, last)))
                .where(table.c[key].startswith(BASE))
            )
            connection.execute(table.insert().from_select(list(columns), source))
        for index in indexes:
            index.create(connection)
    database.dispose()


def _copied(table: Table, key: str, number: ColumnElement[int]) -> Mapping[str, Any]:
    """The columns of a copy."""
    known, copied = table.c[key], table.c[key] + "-" + cast(number, Text)
    later = cast(7 + number % 97, BigInteger) * literal(DAY // MICROSECOND, BigInteger)
    columns: dict[str, Any] = {each.name: each for each in table.c} | {key: copied}
    for name in ("anchor_at", "group_anchor_at", "effective_at", "expires_at"):
        if name in columns:
            columns[name] = type_coerce(table.c[name], BigInteger) + later
    if table is subscriptions:
        columns["search"] = func.replace(table.c.search, known, copied)
        columns["group_key"] = "id:" + copied
    return columns


def lists(catalogue: Catalogue) -> Mapping[str, Callable[[], object]]:
    """What people look at, by what it is called."""
    page = catalogue.listing.page
    return {
        "first page": lambda: page(ListQuery()),
        "last page that 1,000 have, 1000th": lambda: page(catalogue.deep),
        "service that every fifth has": lambda: page(ListQuery(service="ecs")),
        "account that every second has": lambda: page(ListQuery(account="prod")),
        "service that five have": lambda: page(ListQuery(service="CDN")),
        "status that five have": lambda: page(ListQuery(status=Status.FROZEN)),
        "owner who has five": lambda: page(ListQuery(owner=SlackUser("U0RARE"))),
        "no owner, of one kind": lambda: page(ListQuery(unowned=True, kind=Kind.RESOURCE)),
        "due in 30 days": lambda: page(ListQuery(due_before=NOW + 30 * DAY)),
        "word that nearly all have": lambda: page(ListQuery(words=("farm",))),
        "word that every tenth has": lambda: page(ListQuery(words=("7 of the",))),
        "word that five have": lambda: page(ListQuery(words=("needle",))),
        "word that nothing has": lambda: _nothing(catalogue.listing, ListQuery(words=("zzqq",))),
        "service misspelled": lambda: _nothing(catalogue.listing, ListQuery(service="CDNN")),
        "show": lambda: catalogue.listing.show("needle-3"),
        "show, misspelled": lambda: _unknown(catalogue.listing, "nedle-3"),
        "upcoming, 20 deductions": lambda: catalogue.listing.upcoming(30),
        "status": catalogue.health.status,
    }


def _nothing(listing: Listing, query: ListQuery) -> object:
    return listing.page(query), listing.nearest(query)


def _unknown(listing: Listing, ref: str) -> object:
    try:
        return listing.find(ref)
    except UnknownSubscription as unknown:
        return unknown.near


def server_of(store: SqlStore) -> int | None:
    """The process in which PostgreSQL serves the one connection that is used here."""
    with store.reading() as tx:
        connection = tx.catalogue.work.connection
        if connection.dialect.name != "postgresql":
            return None
        return connection.scalar(select(func.pg_backend_pid()))


@contextmanager
def catalogue(url: str, *, size: int) -> Iterator[Catalogue]:
    """A migrated database that is filled and opened."""
    migrate(url)
    database = open_database(url)
    try:
        store = database.store(team_id="T0LAPSE", accounts=ACCOUNTS, audit_key=b"of the benchmark")
        fill(database, store, size=size)
        clock = SettableClock(NOW)
        with store.reading() as tx:
            ahead = tx.catalogue.page(ListQuery(page=min(size // 10, 1000) - 1)).next
        yield Catalogue(
            listing=Listing(store=store, clock=clock, policy=POLICY),
            health=Health(store=store, clock=clock),
            deep=ListQuery(page=min(size // 10, 1000), after=ahead),
            server=server_of(store),
        )
    finally:
        database.dispose()


def spent(catalogue: Catalogue) -> float:
    """Seconds that this process and the server's for it have computed."""
    served = 0
    if catalogue.server is not None:
        served = int(Path(f"/proc/{catalogue.server}/schedstat").read_text().split()[0])
    return (process_time_ns() + served) / 1e9


def fastest(look: Callable[[], object], catalogue: Catalogue) -> float:
    """Seconds of the fastest of some rounds; others on the machine do not count."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        started = spent(catalogue)
        look()
        times.append(spent(catalogue) - started)
    return min(times)


def compare(name: str, small: Catalogue, large: Catalogue) -> bool:
    """Print a line for everything that is looked at; False where one misses the goal."""
    met = True
    for what in lists(small):
        before, after = (fastest(lists(each)[what], each) for each in (small, large))
        ratio = after / before
        met = met and ratio <= GOAL
        sys.stdout.write(
            f"{name}, {what}: {before * 1000:.1f} ms, {after * 1000:.1f} ms, {ratio:.2f}x"
            f" (goal {GOAL}x: {'met' if ratio <= GOAL else 'missed'})\n"
        )
        sys.stdout.flush()
    return met


def main() -> int:
    """Print the figures; exit 1 where a goal is missed."""
    met = True
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lapse-lists-")))
        server = PostgresServer()
        stack.callback(server.close)
        server.start()
        for size in (SMALL, LARGE):
            administer(server.url, f"CREATE DATABASE of_{size} TEMPLATE template0")
        for name, urls in {
            "SQLite": [f"sqlite:///{home / f'{size}.db'}" for size in (SMALL, LARGE)],
            "PostgreSQL": [f"{server.url}/of_{size}" for size in (SMALL, LARGE)],
        }.items():
            small, large = (
                stack.enter_context(catalogue(url, size=size))
                for url, size in zip(urls, (SMALL, LARGE), strict=True)
            )
            met = compare(name, small, large) and met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
