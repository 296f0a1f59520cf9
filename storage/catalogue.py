"""The catalogue: subscriptions as last read, in the order that people see them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    select,
    tuple_,
    update,
)

from bot.billing.account import Account
from bot.billing.subscription import AccountName, Status, Subscription, SubscriptionKey
from bot.ports.store import PAGE, ListQuery, Page
from storage import rows, searching
from storage.tables import accounts as account_rows
from storage.tables import orders, subscriptions
from storage.types import NEVER
from storage.work import Work

CHUNK = 500
_ROW = subscriptions.c
_KEY = tuple_(_ROW.account, _ROW.id)
_LIVE = and_(_ROW.gone_at.is_(None), _ROW.status.is_distinct_from(Status.UNSUBSCRIBED))
_ORDER = (
    _ROW.group_anchor_at,
    _ROW.account,
    _ROW.group_key,
    _ROW.group_rank,
    _ROW.anchor_at,
    _ROW.id,
)
_QUOTAS_FIRST = (_ROW.group_rank, _ROW.anchor_at, _ROW.id)


class SqlCatalogue:
    """The subscriptions of one workspace."""

    def __init__(self, work: Work, accounts: Mapping[AccountName, Account]) -> None:
        self.work = work
        self._accounts = accounts

    def get(self, key: SubscriptionKey) -> Subscription | None:
        """One subscription, gone ones included."""
        found = self._read(self._select().where(_ROW.account == key.account, _ROW.id == key.id))
        return found[0] if found else None

    def named(self, id: str) -> Sequence[Subscription]:  # noqa: A002 - the field's own word
        """Every account's subscription of this id that is not gone, by account."""
        return self._read(
            self._select().where(_ROW.id == id, _ROW.gone_at.is_(None)).order_by(_ROW.account)
        )

    def page(self, query: ListQuery) -> Page:
        """One page in the order of an index; the count stops at 1,000."""
        wanted = searching.conditions(query)
        found = self._select().where(*wanted)
        start = (max(query.page, 1) - 1) * PAGE
        listed = self._read(found.order_by(*_ORDER).limit(PAGE).offset(start))
        count, more = searching.count(self.work, wanted)
        return Page(rows=tuple(listed), count=count, more=more)

    def anchored(
        self,
        *,
        start: datetime,
        end: datetime,
        after: SubscriptionKey | None = None,
        limit: int = 500,
    ) -> Sequence[Subscription]:
        """Live subscriptions whose next anchor falls into [start, end), in order of their key.

        A notice, which is a date, counts as falling on the end of it at GMT+08:00.
        """
        query = self._select().where(_LIVE, _ROW.anchor_at >= start, _ROW.anchor_at < end)
        if after is not None:
            query = query.where(_after(after))
        return self._read(query.order_by(_ROW.account, _ROW.id).limit(limit))

    def group(self, account: AccountName, region: str | None) -> Sequence[Subscription]:
        """Quotas and packages of an account and region that are there, quotas first."""
        return self._read(
            self._select()
            .where(_LIVE, _ROW.account == account, _ROW.group_key == rows.group_key(region))
            .order_by(*_QUOTAS_FIRST)
        )

    def near(self, text: str, *, limit: int = 5) -> Sequence[Subscription]:
        """Live subscriptions whose id or name is spelled most like the text, likest first."""
        keys = searching.near(self.work, text, limit=limit)
        found = {each.key: each for each in self._of_keys(keys)}
        return [found[key] for key in keys if key in found]

    def values(self, column: str) -> Mapping[str, int]:
        """How many listed subscriptions bear each value of service, account or region."""
        if column not in {"service", "account", "region"}:
            raise ValueError(f"{column} is not counted; service, account and region are")
        named = _ROW[column]
        counted = self.work.connection.execute(
            select(named, func.count())
            .where(_ROW.team_id == self.work.team_id, _LIVE, named.is_not(None))
            .group_by(named)
            .order_by(named)
        )
        return {value: count for value, count in counted}

    def all(self) -> Iterator[Subscription]:
        """Everything that is not gone, ordered by key, read in pieces."""
        query = self._select().where(_ROW.gone_at.is_(None)).order_by(_ROW.account, _ROW.id)
        piece = self._read(query.limit(CHUNK))
        while piece:
            yield from piece
            if len(piece) < CHUNK:
                return
            piece = self._read(query.where(_after(piece[-1].key)).limit(CHUNK))

    def put(self, subscriptions: Collection[Subscription], *, at: datetime) -> None:
        """Add or replace, in a few statements however many; one that was gone is new again.

        Raises KeyError for an account that the settings do not name.
        """
        newest = {each.key: each for each in subscriptions}
        if not newest:
            return
        touched = self._groups_of(newest)
        self._write(list(newest.values()), at=at)
        self._write_orders(list(newest.values()))
        self._settle_groups(touched | self._groups_of(newest))
        for account in {key.account for key in newest}:
            self.mark_read(account, at=at)

    def mark_gone(self, keys: Collection[SubscriptionKey], *, at: datetime) -> None:
        """Keep for history, list no longer."""
        touched = self._groups_of(keys)
        for piece in _pieces(keys):
            self.work.connection.execute(
                update(subscriptions)
                .where(self._mine(), _KEY.in_(piece), _ROW.gone_at.is_(None))
                .values(gone_at=at)
            )
        self._settle_groups(touched)

    def mark_read(self, account: AccountName, *, at: datetime) -> None:
        """The account was read or imported, whether or not anything had changed."""
        self.work.connection.execute(
            update(account_rows)
            .where(account_rows.c.team_id == self.work.team_id, account_rows.c.name == account)
            .values(read_at=at)
        )

    def date_again(self, accounts: Collection[AccountName], *, at: datetime) -> None:
        """Derive every anchor of these accounts, whose settings changed."""
        for account in accounts:
            self._date_again(_ROW.account == account, at=at)

    def date_passed(self, *, at: datetime) -> int:
        """Derive the anchors that time has passed; returns how many there were."""
        return self._date_again(and_(_LIVE, _ROW.anchor_at < at), at=at)

    def known_since(self, key: SubscriptionKey) -> datetime | None:
        """When Lapse first knew of it; anew after it was gone."""
        return self.work.connection.scalar(
            select(_ROW.known_since).where(
                self._mine(), _ROW.account == key.account, _ROW.id == key.id
            )
        )

    def read_at(self, account: AccountName) -> datetime | None:
        """When the account was last read or imported."""
        return self.work.connection.scalar(
            select(account_rows.c.read_at).where(
                account_rows.c.team_id == self.work.team_id, account_rows.c.name == account
            )
        )

    def _mine(self) -> ColumnElement[bool]:
        return _ROW.team_id == self.work.team_id

    def _select(self) -> Select[Any]:
        return select(subscriptions).where(self._mine())

    def _read(self, query: Select[Any]) -> list[Subscription]:
        found = self.work.connection.execute(query).all()
        if not found:
            return []
        keys = [(row.account, row.id) for row in found]
        paid = self.work.connection.execute(
            select(orders)
            .where(
                orders.c.team_id == self.work.team_id,
                tuple_(orders.c.account, orders.c.subscription_id).in_(keys),
            )
            .order_by(orders.c.account, orders.c.subscription_id, orders.c.number)
        )
        return rows.assembled(found, paid)

    def _of_keys(self, keys: Collection[SubscriptionKey]) -> Iterator[Subscription]:
        for piece in _pieces(keys):
            yield from self._read(self._select().where(_KEY.in_(piece)))

    def _write(self, changed: Sequence[Subscription], *, at: datetime) -> None:
        insert = self.work.insert(subscriptions)
        gone = _ROW.gone_at.is_not(None)
        renewed = {name: insert.excluded[name] for name in (*rows.PLAIN, *rows.DERIVED)}
        self.work.connection.execute(
            insert.on_conflict_do_update(
                index_elements=["team_id", "account", "id"],
                set_={
                    **renewed,
                    "known_since": case(
                        (gone, insert.excluded.known_since), else_=_ROW.known_since
                    ),
                    "gone_at": None,
                },
            ),
            [
                rows.subscription_row(self.work.team_id, each)
                | rows.derived(each, self._accounts[each.key.account], at=at)
                | {"known_since": at, "gone_at": None}
                for each in changed
            ],
        )

    def _write_orders(self, changed: Sequence[Subscription]) -> None:
        for piece in _pieces(each.key for each in changed):
            self.work.connection.execute(
                delete(orders).where(
                    orders.c.team_id == self.work.team_id,
                    tuple_(orders.c.account, orders.c.subscription_id).in_(piece),
                )
            )
        paid = [row for each in changed for row in rows.order_rows(self.work.team_id, each)]
        if paid:
            self.work.connection.execute(orders.insert(), paid)

    def _groups_of(self, keys: Collection[SubscriptionKey]) -> set[tuple[str, str]]:
        """Account and group key of quotas and packages among the keys, as they stand now."""
        found: set[tuple[str, str]] = set()
        for piece in _pieces(keys):
            for row in self.work.connection.execute(
                select(_ROW.account, _ROW.group_key).where(
                    self._mine(), _KEY.in_(piece), _ROW.group_rank < 2
                )
            ):
                found.add((row.account, row.group_key))
        return found

    def _settle_groups(self, groups: Collection[tuple[str, str]]) -> None:
        """A group stands where its quotas' earliest anchor is; without quotas, its packages'."""
        if not groups:
            return
        earliest = self._earliest(groups)
        self.work.connection.execute(
            update(subscriptions)
            .where(
                self._mine(),
                _ROW.account == bindparam("of_account"),
                _ROW.group_key == bindparam("of_group"),
                _ROW.group_anchor_at != bindparam("earliest"),
            )
            .values(group_anchor_at=bindparam("earliest")),
            [
                {"of_account": account, "of_group": group, "earliest": when}
                for (account, group), when in earliest.items()
            ],
        )

    def _earliest(self, groups: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], datetime]:
        by_rank: dict[tuple[str, str], dict[int, datetime]] = {group: {} for group in groups}
        wanted = sorted(groups)
        for start in range(0, len(wanted), CHUNK):
            found = self.work.connection.execute(
                select(_ROW.account, _ROW.group_key, _ROW.group_rank, func.min(_ROW.anchor_at))
                .where(
                    self._mine(),
                    _LIVE,
                    tuple_(_ROW.account, _ROW.group_key).in_(wanted[start : start + CHUNK]),
                )
                .group_by(_ROW.account, _ROW.group_key, _ROW.group_rank)
            )
            for account, group, rank, when in found:
                by_rank[account, group][rank] = when
        return {
            group: next((at for _, at in sorted(ranks.items()) if at != NEVER), NEVER)
            for group, ranks in by_rank.items()
        }

    def _date_again(self, wanted: ColumnElement[bool], *, at: datetime) -> int:
        keys = [
            SubscriptionKey(AccountName(row.account), row.id)
            for row in self.work.connection.execute(
                select(_ROW.account, _ROW.id).where(self._mine(), wanted)
            )
            if row.account in self._accounts
        ]
        for piece in _pieces(keys):
            dated = self._read(self._select().where(_KEY.in_(piece)))
            self.work.connection.execute(
                update(subscriptions)
                .where(
                    self._mine(),
                    _ROW.account == bindparam("of_account"),
                    _ROW.id == bindparam("of_id"),
                )
                .values({name: bindparam(f"new_{name}") for name in rows.DERIVED}),
                [
                    {"of_account": each.key.account, "of_id": each.key.id}
                    | {
                        f"new_{name}": value
                        for name, value in rows.derived(
                            each, self._accounts[each.key.account], at=at
                        ).items()
                    }
                    for each in dated
                ],
            )
        self._settle_groups(self._groups_of(keys))
        return len(keys)


def _after(key: SubscriptionKey) -> ColumnElement[bool]:
    return _KEY > tuple_(key.account, key.id)


def _pieces(keys: Iterable[SubscriptionKey]) -> Iterator[list[tuple[AccountName, str]]]:
    pairs = sorted((key.account, key.id) for key in keys)
    for start in range(0, len(pairs), CHUNK):
        yield pairs[start : start + CHUNK]
