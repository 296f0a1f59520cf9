"""A PostgreSQL server that goes away: cut off in the middle of a commit, restarted, down."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from bot.core import TEAM
from bot.ports.store import Transaction
from storage.engine import open_database
from storage.errors import DatabaseAway
from storage.migrate import migrate
from storage.store import SqlStore
from tests.benchmarks.catalogues import ONE_DAY, fill, over_a_year
from tests.postgres import PostgresServer, administer
from tests.proof.stages import ACCOUNTS
from tests.proof.world import BEGINS

DATABASE = "soak"
NOT_YET = 60 * ONE_DAY
"""So long after the beginning the first term of what is only there ends."""

_OTHERS = f"FROM pg_stat_activity WHERE datname = '{DATABASE}' AND pid <> pg_backend_pid()"
_WRITING = f"SELECT pg_terminate_backend(pid, 5000) {_OTHERS} AND state = 'idle in transaction'"
_ALL = f"SELECT pg_terminate_backend(pid, 5000) {_OTHERS}"


class Outages:
    """A store of which some transactions lose their connection, while `cutting` of a thousand do.

    Before a commit nothing is kept; after it all is, and nobody hears of it.
    """

    cutting = 0

    def __init__(self, server: PostgresServer, store: SqlStore) -> None:
        self._server = server
        self._store = store
        self._random = Random(0)
        self.accounts = store.accounts
        self.reading = store.reading
        self.give_way = store.give_way
        self.happened: Counter[str] = Counter()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """As the store's."""
        cut = self._random.randrange(1000) < self.cutting
        before = cut and self._random.random() < 0.5
        with self._store.transaction() as tx:
            yield tx
            if before:
                self._terminate("F11 cut before a commit", _WRITING)
        if cut and not before:
            self.happened["F11 cut after a commit"] += 1
            raise DatabaseAway

    def strike(self, random: Random) -> None:
        """Between two ticks all connections are cut, or the server is restarted."""
        match random.choice(("terminated", "terminated", "fast", "immediate")):
            case "fast":
                self._restart("fast restart", "fast")
            case "immediate":
                self._restart("immediate restart", "immediate")
            case _:
                self._terminate("F11 backends terminated", _ALL)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody reaches it meanwhile."""
        self.happened["F11 down"] += 1
        self._server.stop("fast")
        try:
            yield
        finally:
            self._server.start()

    def _restart(self, name: str, mode: str) -> None:
        self.happened[f"F11 {name}"] += 1
        self._server.stop("fast" if mode == "fast" else "immediate")
        self._server.start()

    def _terminate(self, name: str, statement: str) -> None:
        self.happened[name] += 1
        administer(self._server.url, statement)


@contextmanager
def beside(subscriptions: int) -> Iterator[Outages]:
    """A server whose catalogue holds so many that do not fall due for two months."""
    server = PostgresServer(lasting=True)
    try:
        server.start()
        administer(server.url, f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        migrate(url := f"{server.url}/{DATABASE}")
        database = open_database(url)
        templates = over_a_year(after=BEGINS + NOT_YET)
        if subscriptions:
            fill(database, templates, size=subscriptions, at=BEGINS)
        key = b"a key of the soak"
        yield Outages(server, database.store(team_id=TEAM, accounts=ACCOUNTS, audit_key=key))
        database.dispose()
    finally:
        server.close()
