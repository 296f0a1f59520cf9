"""Versions in bulk: records become rows of a generation, through the driver's fastest door."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table

from bot.billing.account import Account, account_named
from bot.billing.subscription import AccountName, Subscription
from bot.facts.records import ORDER, OWN, SEPARATOR, digest_of, subscription_of
from bot.ports.takeover import Version
from storage import rows
from storage.tables import book_subscriptions, orders, subscriptions
from storage.types import Document, microseconds

_SUBSCRIPTION = (
    "team_id",
    "account",
    "id",
    *OWN,
    "search",
    "anchor_kind",
    "anchor_at",
    "anchor_date",
    "group_key",
    "group_rank",
    "group_anchor_at",
    "generation",
    "digest",
    "known_since",
)
_ORDER = ("team_id", "account", "subscription_id", "generation", "number", *ORDER)
_BOOK = (
    "team_id",
    "account",
    "id",
    "generation",
    "digest",
    "region",
    "kind",
    "status",
    "next_event_at",
    "subscription",
)
_NAME, _SERVICE, _REGION, _KIND, _PACKAGE, _STATUS = (
    OWN.index(name) for name in ("name", "service", "region", "kind", "package", "status")
)
_DATING = tuple(
    OWN.index(name)
    for name in (
        "kind",
        "package",
        "billing_mode",
        "status",
        "auto_renew",
        "auto_renew_months",
        "notice_days",
    )
)
_EXPIRES, _TERM = ORDER.index("expires_at"), ORDER.index("term_months")
_REMEMBERED = 20_000
_SUBSCRIPTIONS = Document(Subscription)

Derived = tuple[str | None, int, str | None, int]
"""Kind, instant and date of the anchor, and the rank within a group."""


@dataclass(slots=True)
class Rows:
    """A slice as rows, all but `known_since`, which the database knows."""

    keys: list[tuple[str, str]] = field(default_factory=list)
    booked: list[tuple[str, str]] = field(default_factory=list)
    groups: set[tuple[str, str]] = field(default_factory=set)
    subscriptions: list[tuple[Any, ...]] = field(default_factory=list)
    orders: list[tuple[Any, ...]] = field(default_factory=list)
    book: list[tuple[Any, ...]] = field(default_factory=list)


class Spelling:
    """Spells versions as rows of one generation; what dates alike is derived once."""

    def __init__(
        self,
        *,
        team_id: str,
        generation: int,
        accounts: Mapping[AccountName, Account],
        at: datetime,
    ) -> None:
        self._team_id = team_id
        self._generation = generation
        self._accounts = accounts
        self.at = at
        self._derived: dict[tuple[str, ...], Derived] = {}

    def rows(self, versions: Iterable[Version]) -> Rows:
        """The rows of a slice; raises KeyError for an account that the settings do not name."""
        made = Rows()
        for each in versions:
            self._add(made, each)
        return made

    def _add(self, made: Rows, version: Version) -> None:
        account, ref = version.key.account, version.key.id
        texts = version.record.split(SEPARATOR)
        digest = digest_of(version.record)
        anchor_kind, anchor_at, anchor_date, rank = self._derive(version, texts)
        region, group = texts[_REGION], f"id:{ref}"
        if rank != rows.ALONE:
            group = rows.group_key(region or None)
            made.groups.add((account, group))
        words = (texts[_NAME], ref, texts[_SERVICE])
        made.keys.append((account, ref))
        made.subscriptions.append(
            (
                self._team_id,
                account,
                ref,
                *[text or None for text in texts[: len(OWN)]],
                "\n".join([word for word in words if word]).casefold(),
                anchor_kind,
                anchor_at,
                anchor_date,
                group,
                rank,
                anchor_at,
                self._generation,
                digest,
            )
        )
        for number, start in enumerate(range(len(OWN), len(texts), len(ORDER))):
            paid = [text or None for text in texts[start : start + len(ORDER)]]
            made.orders.append((self._team_id, account, ref, self._generation, number, *paid))
        if version.booked:
            made.booked.append((account, ref))
            made.book.append(self._book_row(version, texts, digest))

    def _derive(self, version: Version, texts: Sequence[str]) -> Derived:
        paid = texts[len(OWN) :]
        dating = (
            version.key.account,
            *[texts[place] for place in _DATING],
            max(paid[_EXPIRES :: len(ORDER)], key=lambda text: int(text or 0), default=""),
            paid[_TERM - len(ORDER)] if paid else "",
        )
        known = self._derived.get(dating)
        if known is None:
            known = self._dated(version)
            if len(self._derived) >= _REMEMBERED:
                self._derived.clear()
            self._derived[dating] = known
        return known

    def _dated(self, version: Version) -> Derived:
        subscription = subscription_of(version.key, version.record)
        account = account_named(version.key.account, self._accounts)
        found = rows.derived(subscription, account, at=self.at)
        kind, when = found["anchor_kind"], microseconds(found["anchor_at"])
        return kind and str(kind), when, found["anchor_date"], found["group_rank"]

    def _book_row(self, version: Version, texts: Sequence[str], digest: bytes) -> tuple[Any, ...]:
        subscription = subscription_of(version.key, version.record)
        due = version.next_event_at
        return (
            self._team_id,
            version.key.account,
            version.key.id,
            self._generation,
            digest,
            texts[_REGION] or None,
            texts[_KIND] or None,
            texts[_STATUS] or None,
            None if due is None else microseconds(due),
            _SUBSCRIPTIONS.written(subscription),
        )


def insert(
    connection: Connection, made: Rows, *, since: Mapping[tuple[str, str], int], at: int
) -> None:
    """Insert a slice; `since` says from when those are known that are not new `at` this instant."""
    dated = [
        (*row, since.get(key, at)) for key, row in zip(made.keys, made.subscriptions, strict=True)
    ]
    if connection.dialect.name == "postgresql":
        # Parents are looked for by one remembered plan, made when there was hardly a row to read.
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    _insert(connection, subscriptions, _SUBSCRIPTION, dated)
    _insert(connection, orders, _ORDER, made.orders)
    _insert(connection, book_subscriptions, _BOOK, made.book)


def _insert(
    connection: Connection, table: Table, columns: Sequence[str], found: Sequence[tuple[Any, ...]]
) -> None:
    if not found:
        return
    names = ", ".join(columns)
    if connection.dialect.name == "postgresql":
        cursor: Any = connection.connection.cursor()
        with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in found:
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) VALUES ({marks})",  # noqa: S608 - own words
        list(found),
    )
