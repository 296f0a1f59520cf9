"""The catalogue: subscriptions as last read, in the order that people see them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    literal,
    literal_column,
    outerjoin,
    select,
    tuple_,
    update,
)

from bot.billing.account import Account, account_named
from bot.billing.subscription import AccountName, Subscription, SubscriptionKey
from bot.facts.records import OWN
from bot.ports.store import KnownRow, ListQuery, Page
from storage import grouping, paging, rows, searching
from storage.places import ORDER, beyond
from storage.tables import LIVE, PARENTED, book_subscriptions, orders, subscriptions, unplanned
from storage.tables import accounts as account_rows
from storage.touched import note_touched
from storage.types import Instant
from storage.work import Work, among

_ROW = subscriptions.c
_QUOTAS_FIRST = ORDER[3:]
_BY_TIME = (_ROW.anchor_at, _ROW.account, _ROW.id)

KNOWN = 5000
"""Digests that one statement reads."""

_WRITTEN_IN: ColumnElement[Any] = literal_column("subscriptions.xmin::text").label("written_in")
"""The transaction that wrote a row, as PostgreSQL notes it: another one, another row."""

T = TypeVar("T")


class _Known(NamedTuple):
    """What was looked up of one subscription."""

    subscription: Subscription
    since: datetime
    gone: bool


class SqlCatalogue:
    """The subscriptions of one workspace."""

    def __init__(self, work: Work, accounts: Mapping[AccountName, Account]) -> None:
        self.work = work
        self._accounts = accounts
        self._looked_up: dict[SubscriptionKey, _Known | None] = {}

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Read many at once: `get`, `is_gone` and `known_since` answer from it until a write."""
        if self._looked_up.keys() >= set(keys):
            return
        self._looked_up = dict.fromkeys(keys)
        for piece in rows.pieces(keys):
            self._looked_up |= {
                each.key: _Known(each, row.known_since, row.gone_at is not None)
                for row, each in self._whole(
                    self._select().where(among(_ROW.account, _ROW.id, piece))
                )
            }

    def hold(self, keys: Collection[SubscriptionKey]) -> None:
        """Look up what nobody else changes until the transaction ends: others wait."""
        self._alone({key.account for key in keys})
        self._looked_up = {}
        self.look_up(keys)

    def get(self, key: SubscriptionKey) -> Subscription | None:
        """One subscription, gone ones included."""
        if key in self._looked_up:
            known = self._looked_up[key]
            return known.subscription if known else None
        found = self._read(self._select().where(_ROW.account == key.account, _ROW.id == key.id))
        return found[0] if found else None

    def named(self, id: str) -> Sequence[Subscription]:  # noqa: A002 - the field's own word
        """Every account's subscription of this id that is not gone, by account."""
        return self._read(
            self._select().where(_ROW.id == id, _ROW.gone_at.is_(None)).order_by(_ROW.account)
        )

    def page(self, query: ListQuery) -> Page:
        """Ten rows after or before a place, else of a page's number; the count stops at 1,000."""
        search = searching.Search(self.work, query)
        count, more = search.count
        shown = paging.shown(search, query)
        keys = [SubscriptionKey(AccountName(row.account), row.id) for row in shown.rows]
        found = {each.key: each for each in self._of_keys(keys)}
        return Page(
            rows=tuple(found[key] for key in keys if key in found),
            count=count,
            more=more,
            number=shown.number,
            previous=shown.previous,
            next=shown.next,
        )

    def listed(self) -> Iterator[Subscription]:
        """What all pages without a filter show, in their order, read in pieces."""
        query = select(*ORDER).where(self._mine(), LIVE).order_by(*ORDER).limit(rows.CHUNK)
        piece = self.work.connection.execute(query).all()
        while piece:
            keys = [SubscriptionKey(AccountName(row.account), row.id) for row in piece]
            found = {each.key: each for each in self._of_keys(keys)}
            yield from (found[key] for key in keys)
            after = beyond(ORDER, tuple(piece[-1]), backwards=False)
            piece = self.work.connection.execute(query.where(after)).all()

    def anchored(self, *, start: datetime, end: datetime) -> Iterator[Subscription]:
        """Live subscriptions whose next anchor falls into [start, end), nearest first, in pieces.

        A notice, which is a date, counts as falling on the end of it at GMT+08:00.
        """
        yield from self._by_time(self._anchored(start, end), self._whole)

    def anchored_keys(self, *, start: datetime, end: datetime) -> Iterator[SubscriptionKey]:
        """The keys of the same, in the same order, from the index alone."""
        yield from self._by_time(
            self._anchored(start, end).with_only_columns(*_BY_TIME), self._keys
        )

    def _by_time(
        self, query: Select[Any], read: Callable[[Select[Any]], Sequence[tuple[Row[Any], T]]]
    ) -> Iterator[T]:
        """What is read of the rows of a query, nearest anchor first, in pieces."""
        query = query.order_by(*_BY_TIME).limit(rows.CHUNK)
        found = read(query)
        while found:
            yield from (each for _, each in found)
            if len(found) < rows.CHUNK:
                return
            last = found[-1][0]
            after = tuple_(*_BY_TIME) > tuple_(
                literal(last.anchor_at, Instant), last.account, last.id
            )
            found = read(query.where(after))

    def _keys(self, query: Select[Any]) -> Sequence[tuple[Row[Any], SubscriptionKey]]:
        found = self.work.connection.execute(query).all()
        return [(row, SubscriptionKey(AccountName(row.account), row.id)) for row in found]

    def soonest(self, *, start: datetime, end: datetime, limit: int = 10) -> Sequence[Subscription]:
        """Live subscriptions whose next anchor falls into [start, end), nearest first."""
        return self._read(self._anchored(start, end).order_by(*_BY_TIME).limit(limit))

    def group(self, account: AccountName, region: str | None) -> Sequence[Subscription]:
        """Quotas and packages of an account and region that are there, quotas first."""
        return self._read(
            self._select()
            .where(LIVE, _ROW.account == account, _ROW.group_key == rows.group_key(region))
            .order_by(*_QUOTAS_FIRST)
        )

    def parts(self, mains: Collection[SubscriptionKey]) -> Sequence[Subscription]:
        """Those that are there and name one of these as their main resource."""
        found: list[Subscription] = []
        accounts = {key.account for key in mains}
        for account in sorted(accounts):
            ids = sorted(key.id for key in mains if key.account == account)
            for start in range(0, len(ids), rows.CHUNK):
                named = _ROW.parent_id.in_(ids[start : start + rows.CHUNK])
                wanted = (LIVE, _ROW.account == account, PARENTED, named)
                found += self._read(self._select().where(*wanted).order_by(_ROW.id))
        return found

    def near(self, text: str, *, limit: int = 5) -> Sequence[Subscription]:
        """Live subscriptions whose id or name is spelled most like the text, likest first."""
        keys = searching.near(self.work, text, limit=limit)
        found = {each.key: each for each in self._of_keys(keys)}
        return [found[key] for key in keys if key in found]

    def values(self, column: str) -> Sequence[str]:
        """What listed subscriptions bear as service, account or region, in order; at most 1,000."""
        if column not in {"service", "account", "region"}:
            raise ValueError(f"{column} is not told apart; service, account and region are")
        return searching.distinct(self.work, _ROW[column])

    def all(self) -> Iterator[Subscription]:
        """Everything that is not gone, ordered by key, read in pieces."""
        query = self._select().where(_ROW.gone_at.is_(None)).order_by(_ROW.account, _ROW.id)
        piece = self._read(query.limit(rows.CHUNK))
        while piece:
            yield from piece
            if len(piece) < rows.CHUNK:
                return
            piece = self._read(query.where(_after(piece[-1].key)).limit(rows.CHUNK))

    def known(
        self,
        keys: Collection[SubscriptionKey] | None = None,
        *,
        account: AccountName | None = None,
    ) -> Iterator[KnownRow]:
        """What is kept, gone ones included, by key, streamed: all, of an account, or some keys."""
        book = book_subscriptions.c
        booked = and_(
            self.work.shown(book_subscriptions), book.account == _ROW.account, book.id == _ROW.id
        )
        gone = _ROW.gone_at.is_not(None)
        columns = (_ROW.account, _ROW.id, _ROW.digest, book.digest, _ROW.status, gone)
        query = (
            select(*columns)
            .select_from(outerjoin(subscriptions, book_subscriptions, booked))
            .where(self._mine())
            .order_by(_ROW.account, _ROW.id)
        )
        if account is not None:
            query = query.where(_ROW.account == account)
        if keys is not None:
            for piece in rows.pieces(keys):
                chosen = query.where(among(_ROW.account, _ROW.id, piece))
                yield from map(KnownRow._make, self.work.connection.execute(chosen))
            return
        after = ("", "")
        while found := self.work.connection.execute(
            query.where(tuple_(_ROW.account, _ROW.id) > after).limit(KNOWN)
        ).all():
            yield from map(KnownRow._make, found)
            after = (found[-1].account, found[-1].id)

    def put(self, subscriptions: Collection[Subscription], *, at: datetime) -> None:
        """Add or replace, in a few statements however many; one that was gone is new again.

        Raises KeyError for an account that the settings do not name.
        """
        newest = {each.key: each for each in subscriptions}
        if not newest:
            return
        self._alone({key.account for key in newest})
        touched = grouping.of(self.work, newest)
        versions = self._versions(newest)
        self._write(list(newest.values()), versions, at=at)
        self._write_orders(list(newest.values()), versions)
        grouping.settle(self.work, touched | grouping.of(self.work, newest))
        self.unplan(newest)
        note_touched(self.work, newest)
        for account in {key.account for key in newest}:
            self.mark_read(account, at=at)

    def mark_gone(self, keys: Collection[SubscriptionKey], *, at: datetime) -> None:
        """Keep for history, list no longer."""
        self._alone({key.account for key in keys})
        touched = grouping.of(self.work, keys)
        for piece in rows.pieces(keys):
            self.work.connection.execute(
                update(subscriptions)
                .where(self._mine(), among(_ROW.account, _ROW.id, piece), _ROW.gone_at.is_(None))
                .values(gone_at=at)
            )
        grouping.settle(self.work, touched)
        self.unplan(keys)
        note_touched(self.work, keys)

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

    def date_passed(self, *, at: datetime, limit: int) -> int:
        """Derive some anchors that time has passed; returns how many there were."""
        return self._date_again(and_(LIVE, _ROW.anchor_at < at), at=at, limit=limit)

    def date_anew(self, keys: Collection[SubscriptionKey], *, at: datetime) -> None:
        """Derive the anchors of these again, which were derived by a clock that was wrong."""
        for piece in rows.pieces(keys):
            self._date_again(among(_ROW.account, _ROW.id, piece), at=at)

    def unplanned(self, *, limit: int) -> Sequence[SubscriptionKey]:
        """Those that changed since they were planned; in a write for this caller alone."""
        query = (
            select(unplanned.c.account, unplanned.c.id)
            .where(unplanned.c.team_id == self.work.team_id)
            .order_by(unplanned.c.account, unplanned.c.id)
            .limit(limit)
        )
        if self.work.writing:
            query = query.with_for_update(skip_locked=True)
        return [
            SubscriptionKey(AccountName(row.account), row.id)
            for row in self.work.connection.execute(query)
        ]

    def unplan(self, keys: Collection[SubscriptionKey]) -> None:
        """Have their reminders derived again, and forget what was looked up."""
        self._looked_up = {}
        if keys:
            self.work.connection.execute(
                self.work.insert(unplanned).on_conflict_do_nothing(),
                [
                    {"team_id": self.work.team_id, "account": key.account, "id": key.id}
                    for key in sorted(keys)
                ],
            )

    def planned(self, keys: Collection[SubscriptionKey]) -> None:
        """Their reminders are as the facts want them."""
        for piece in rows.pieces(keys):
            self.work.connection.execute(
                delete(unplanned).where(
                    unplanned.c.team_id == self.work.team_id,
                    among(unplanned.c.account, unplanned.c.id, piece),
                )
            )

    def is_gone(self, key: SubscriptionKey) -> bool:
        """Whether it is kept for history alone; False for one that was never known."""
        if key in self._looked_up:
            known = self._looked_up[key]
            return known is not None and known.gone
        gone = _ROW.gone_at.is_not(None)
        query = select(gone).where(self._mine(), _ROW.account == key.account, _ROW.id == key.id)
        return bool(self.work.connection.scalar(query))

    def known_since(self, key: SubscriptionKey) -> datetime | None:
        """When Lapse first knew of it; anew after it was gone."""
        if key in self._looked_up:
            known = self._looked_up[key]
            return known.since if known else None
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
        return searching.mine(self.work)

    def _select(self) -> Select[Any]:
        return select(subscriptions).where(self._mine())

    def _anchored(self, start: datetime, end: datetime) -> Select[Any]:
        return self._select().where(LIVE, _ROW.anchor_at >= start, _ROW.anchor_at < end)

    def _read(self, query: Select[Any]) -> list[Subscription]:
        return [each for _, each in self._whole(query)]

    def _whole(self, query: Select[Any]) -> Sequence[tuple[Row[Any], Subscription]]:
        """The rows of a query, each with the subscription that it and its orders make.

        Where others can commit between the two statements, a third one sees that nobody did: else
        a subscription would have the orders of another moment.
        """
        if not self.work.others_commit:
            found = self.work.connection.execute(query).all()
            return list(zip(found, self._assembled(found), strict=True))
        while True:
            found = self.work.connection.execute(query.add_columns(_WRITTEN_IN)).all()
            whole = self._assembled(found)
            if self._as_written(found):
                return list(zip(found, whole, strict=True))

    def _as_written(self, found: Sequence[Row[Any]]) -> bool:
        """Whether all of these are still the rows that others see."""
        read = {(row.account, row.id, row.written_in) for row in found}
        now: set[tuple[str, str, str]] = set()
        for start in range(0, len(found), rows.CHUNK):
            piece = [(row.account, row.id) for row in found[start : start + rows.CHUNK]]
            columns = select(_ROW.account, _ROW.id, _WRITTEN_IN)
            same = columns.where(self._mine(), among(_ROW.account, _ROW.id, piece))
            now |= {tuple(row) for row in self.work.connection.execute(same)}
        return now == read

    def _alone(self, accounts: Collection[AccountName]) -> None:
        """Whoever else would write of these accounts waits for the end of this transaction.

        One lock for each account, in order, before the first row: so that what is read under it
        cannot be outrun, whether it is there already or not, and nobody waits in a circle. Whoever
        flips the generation has that first and accounts afterwards, and so have all others.
        """
        if not self.work.others_commit or not accounts:
            return
        self.work.keep_generation()
        named = account_rows.c.name.in_(sorted(accounts))
        self.work.connection.execute(
            select(account_rows.c.name)
            .where(account_rows.c.team_id == self.work.team_id, named)
            .order_by(account_rows.c.name)
            .with_for_update(key_share=True)
        )

    def _assembled(self, found: Sequence[Row[Any]]) -> list[Subscription]:
        """Subscriptions in the order of their rows, each with its orders."""
        if not found:
            return []
        keys = [(row.account, row.id) for row in found]
        paid = self.work.connection.execute(
            select(orders)
            .where(
                orders.c.team_id == self.work.team_id,
                orders.c.generation <= self.work.generation.visible,
                among(orders.c.account, orders.c.subscription_id, keys),
            )
            .order_by(orders.c.account, orders.c.subscription_id, orders.c.number)
        )
        return rows.assembled(found, paid)

    def _of_keys(self, keys: Collection[SubscriptionKey]) -> Iterator[Subscription]:
        for piece in rows.pieces(keys):
            yield from self._read(self._select().where(among(_ROW.account, _ROW.id, piece)))

    def _versions(self, keys: Collection[SubscriptionKey]) -> Mapping[SubscriptionKey, int]:
        """The generation in which each is seen, or will be."""
        seen = dict.fromkeys(keys, self.work.generation.visible)
        for piece in rows.pieces(keys):
            found = select(_ROW.account, _ROW.id, _ROW.generation).where(
                self._mine(), among(_ROW.account, _ROW.id, piece)
            )
            for row in self.work.connection.execute(found):
                seen[SubscriptionKey(AccountName(row.account), row.id)] = row.generation
        return seen

    def _write(
        self,
        changed: Sequence[Subscription],
        versions: Mapping[SubscriptionKey, int],
        *,
        at: datetime,
    ) -> None:
        insert = self.work.insert(subscriptions)
        gone = _ROW.gone_at.is_not(None)
        renewed = {name: insert.excluded[name] for name in ("digest", *OWN, *rows.DERIVED)}
        self.work.connection.execute(
            insert.on_conflict_do_update(
                index_elements=["team_id", "account", "id", "generation"],
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
                | rows.derived(each, account_named(each.key.account, self._accounts), at=at)
                | {"generation": versions[each.key], "known_since": at, "gone_at": None}
                for each in changed
            ],
        )

    def _write_orders(
        self, changed: Sequence[Subscription], versions: Mapping[SubscriptionKey, int]
    ) -> None:
        for piece in rows.pieces(each.key for each in changed):
            self.work.connection.execute(
                delete(orders).where(
                    orders.c.team_id == self.work.team_id,
                    orders.c.generation <= self.work.generation.visible,
                    among(orders.c.account, orders.c.subscription_id, piece),
                )
            )
        paid = [
            row
            for each in changed
            for row in rows.order_rows(self.work.team_id, each, generation=versions[each.key])
        ]
        if paid:
            self.work.connection.execute(orders.insert(), paid)

    def _date_again(
        self, wanted: ColumnElement[bool], *, at: datetime, limit: int | None = None
    ) -> int:
        ours = _ROW.account.in_(list(self._accounts))
        keys = [
            SubscriptionKey(AccountName(row.account), row.id)
            for row in self.work.connection.execute(
                select(_ROW.account, _ROW.id).where(self._mine(), ours, wanted).limit(limit)
            )
        ]
        self._alone({key.account for key in keys})
        for piece in rows.pieces(keys):
            dated = self._read(self._select().where(among(_ROW.account, _ROW.id, piece)))
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
                            each, account_named(each.key.account, self._accounts), at=at
                        ).items()
                    }
                    for each in dated
                ],
            )
        grouping.settle(self.work, grouping.of(self.work, keys))
        self.unplan(keys)
        return len(keys)


def _after(key: SubscriptionKey) -> ColumnElement[bool]:
    return tuple_(_ROW.account, _ROW.id) > tuple_(key.account, key.id)
