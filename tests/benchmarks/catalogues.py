"""Catalogues of up to a million subscriptions: templates are put, the database multiplies them.

A template goes through the store like any subscription, so that its derived columns are true; a
copy differs in its id, and in what repeats the id.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    null,
    select,
    type_coerce,
)
from sqlalchemy.dialects import sqlite

from bot.billing.bookkeeping import next_event
from bot.billing.renewal import CLOUD_ZONE
from bot.billing.subscription import Kind, Subscription
from bot.config import Settings
from bot.config.policy import accounts_of
from bot.core import TEAM
from bot.ports.store import ReminderState
from storage.engine import Database
from storage.store import SqlStore
from storage.tables import book_subscriptions, orders, reminders, subscriptions
from tests.factories import order, quota

AUDIT_KEY = "a key of the benchmarks"
KNOWN_FOR = timedelta(days=90)
A_YEAR = 360
ONE_DAY = timedelta(days=1)


def open_store(database: Database) -> SqlStore:
    """The store that a bot without a file of settings opens."""
    accounts = accounts_of(Settings())
    return database.store(team_id=TEAM, accounts=accounts, audit_key=AUDIT_KEY.encode())


def server(ref: str, *, expires_at: datetime, **facts: Any) -> Subscription:
    """A yearly server that renews itself; its name repeats its id."""
    paid = order(expires_at - 365 * ONE_DAY, expires_at=expires_at, cash="1200.00")
    defaults = {"name": f"Server {ref}", "service": "ECS", "kind": Kind.RESOURCE, "edition": None}
    return quota(ref, orders=(paid,), **{**defaults, "owner": None, **facts})


def over_a_year(*, after: datetime, per_day: int = 1) -> Sequence[Subscription]:
    """Servers whose terms end on each of 360 days, so many a day."""
    first = end_of_day(after)
    return [
        server(
            f"server-{day:03d}-{number}", expires_at=first + day * ONE_DAY, owner=f"U{number:06d}"
        )
        for day in range(A_YEAR)
        for number in range(per_day)
    ]


def end_of_day(at: datetime) -> datetime:
    """The last second of its day where the clouds are, when their terms end."""
    day = at.astimezone(CLOUD_ZONE).date()
    return datetime.combine(day, time(23, 59, 59), CLOUD_ZONE)


def fill(
    database: Database, templates: Sequence[Subscription], *, size: int, at: datetime
) -> SqlStore:
    """Put the templates as known for 90 days, and copy them until the catalogue has its size."""
    store = open_store(database)
    with database.reader.connect() as connection:
        known = connection.scalar(select(func.count()).select_from(subscriptions))
    with store.transaction() as tx:
        tx.catalogue.put(templates, at=at - KNOWN_FOR)
    copies = (size - known) // len(templates) - 1
    if copies:
        with _bulk(database) as connection:
            names = [each.key.id for each in templates]
            for table, identity in ((subscriptions, "id"), (orders, "subscription_id")):
                connection.execute(_copy(table, identity, names, copies=copies))
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("ANALYZE")
    return store


def keep_book(
    database: Database, templates: Sequence[Subscription], *, size: int, at: datetime
) -> None:
    """Have the embedded account's book hold so many more, which no catalogue knows yet."""
    store = open_store(database)
    with store.transaction() as tx:
        for each in templates:
            account = store.accounts[each.key.account]
            tx.book.put(each, next_event_at=next_event(each, account, after=at))
    copies = size // len(templates) - 1
    if copies > 0:
        with _bulk(database) as connection:
            names = [each.key.id for each in templates]
            connection.execute(_copy(book_subscriptions, "id", names, copies=copies))


def tell_passed(database: Database, *, at: datetime) -> None:
    """Take every reminder that is due as told in time, as in a bot that has run all along."""
    due = and_(reminders.c.state == ReminderState.ARMED, reminders.c.due_at <= at)
    told = {"state": ReminderState.SENT, "sent_at": reminders.c.due_at}
    with database.writer.begin() as connection:
        connection.execute(reminders.update().where(due).values(told))


def untold(database: Database, *, at: datetime, bundled: bool = False) -> int:
    """How many reminders are due and not told; of those in a message alone when asked so."""
    due = and_(reminders.c.state == ReminderState.ARMED, reminders.c.due_at <= at)
    if bundled:
        due = and_(due, reminders.c.delivery_id.is_not(None))
    with database.reader.connect() as connection:
        return connection.scalar(select(func.count()).where(due)) or 0


def _copy(table: Table, identity: str, templates: Sequence[str], *, copies: int) -> Any:
    known = table.c[identity]
    numbers = _numbers(copies)
    copied = known + "-" + func.substr(cast(1_000_000 + numbers.c.n, Text), 2)
    changed: dict[str, ColumnElement[Any]] = {identity: copied}
    if table is subscriptions:
        group, alone = table.c.group_key, "id:" + known
        changed |= {name: func.replace(table.c[name], known, copied) for name in ("name", "search")}
        changed["group_key"] = case((group == alone, "id:" + copied), else_=group)
    if table is book_subscriptions:
        written = type_coerce(table.c.subscription, Text)
        changed |= {"digest": null(), "subscription": func.replace(written, known, copied)}
    columns = [changed.get(column.name, column) for column in table.c]
    source = select(*columns).select_from(table.join(numbers, known.in_(templates)))
    return table.insert().from_select([column.name for column in table.c], source)


def _numbers(most: int) -> Any:
    numbers = select(cast(1, sqlite.INTEGER).label("n")).cte("numbers", recursive=True)
    return numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < most))


@contextmanager
def _bulk(database: Database) -> Iterator[Connection]:
    """A transaction with room for all indexes, which takes the rows' references for granted."""
    with database.writer.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA cache_size = -1000000")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection
    database.dispose()
