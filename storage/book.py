"""The ledger's own book."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    delete,
    func,
    select,
    type_coerce,
    union_all,
    update,
)

from bot.billing.subscription import AccountName, Kind, Status, Subscription, SubscriptionKey
from bot.facts.records import digest_of, record_of
from bot.ports.store import BookOrder
from storage import rows
from storage.tables import UNDONE, book_orders, book_subscriptions
from storage.touched import note_touched
from storage.work import Work, among

_BOOK = book_subscriptions.c
_ORDER = book_orders.c


class SqlBook:
    """What an embedded account has, and the unsubscriptions that it accepted."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def get(self, key: SubscriptionKey) -> Subscription | None:
        """The subscription as the ledger has it."""
        found = self._work.connection.scalar(
            select(_BOOK.subscription).where(
                self._shown(),
                _BOOK.account == key.account,
                _BOOK.id == key.id,
            )
        )
        return cast("Subscription | None", found)

    def of(self, account: AccountName) -> Iterator[Subscription]:
        """All of an account, ordered by id, read in pieces."""
        after = ""
        while True:
            found = self._work.connection.execute(
                select(_BOOK.id, _BOOK.subscription)
                .where(self._shown(), _BOOK.account == account, _BOOK.id > after)
                .order_by(_BOOK.id)
                .limit(rows.CHUNK)
            ).all()
            yield from (row.subscription for row in found)
            if len(found) < rows.CHUNK:
                return
            after = found[-1].id

    def put(self, subscription: Subscription, *, next_event_at: datetime | None) -> None:
        """Write it, and when the ledger must look at it next."""
        self.put_all([(subscription, next_event_at)])

    def put_all(self, entries: Collection[tuple[Subscription, datetime | None]]) -> None:
        """Write many in one statement, each with its next event."""
        if not entries:
            return
        insert = self._work.insert(book_subscriptions)
        versions = self._versions([each.key for each, _ in entries])
        changing = ("digest", "region", "kind", "status", "next_event_at", "subscription")
        self._work.connection.execute(
            insert.on_conflict_do_update(
                index_elements=["team_id", "account", "id", "generation"],
                set_={name: insert.excluded[name] for name in changing},
            ),
            [
                {
                    "team_id": self._work.team_id,
                    "account": each.key.account,
                    "id": each.key.id,
                    "generation": versions[each.key],
                    "digest": digest_of(record_of(each)),
                    "region": each.region,
                    "kind": each.kind,
                    "status": each.status,
                    "next_event_at": next_event_at,
                    "subscription": each,
                }
                for each, next_event_at in entries
            ],
        )
        note_touched(self._work, versions)

    def remove(self, keys: Collection[SubscriptionKey]) -> None:
        """Take subscriptions out of the book; their unsubscription orders stay known."""
        for piece in rows.pieces(keys):
            self._work.connection.execute(
                delete(book_subscriptions).where(
                    self._shown(), among(_BOOK.account, _BOOK.id, piece)
                )
            )
        note_touched(self._work, keys)

    def due(
        self, account: AccountName, *, now: datetime, limit: int
    ) -> Sequence[tuple[datetime, Subscription]]:
        """Those whose next event is due, earliest first; a write transaction has them alone."""
        query = (
            select(_BOOK.next_event_at, _BOOK.subscription)
            .where(
                self._shown(),
                _BOOK.account == account,
                _BOOK.next_event_at <= now,
            )
            .order_by(_BOOK.next_event_at, _BOOK.id)
            .limit(limit)
        )
        if self._work.writing:
            query = query.with_for_update(skip_locked=True)
        found = self._work.connection.execute(query).all()
        return [(row.next_event_at, row.subscription) for row in found]

    def group(self, account: AccountName, region: str | None) -> Sequence[Subscription]:
        """Quotas and packages of a region that are in use, ordered by id."""
        return self._work.connection.scalars(
            select(_BOOK.subscription)
            .where(
                self._shown(),
                _BOOK.account == account,
                _BOOK.region.is_not_distinct_from(region),
                _BOOK.kind.in_([Kind.QUOTA, Kind.PACKAGE]),
                _BOOK.status == Status.IN_USE,
            )
            .order_by(_BOOK.id)
        ).all()

    def parts(self, account: AccountName, mains: Collection[str]) -> Sequence[Subscription]:
        """Those that name one of these as their main resource, ordered by id.

        No column has it, since nobody asks but who is about to end something: the account is read.
        """
        parented = type_coerce(_BOOK.subscription, Text).contains('"parent_id":"', autoescape=True)
        query = select(_BOOK.subscription).where(self._shown(), _BOOK.account == account, parented)
        found = self._work.connection.scalars(query.order_by(_BOOK.id))
        return [each for each in found if each.parent_id in mains]

    def add_order(self, order: BookOrder) -> None:
        """Accept an unsubscription."""
        self._work.connection.execute(
            book_orders.insert().values(
                team_id=self._work.team_id,
                id=order.id,
                account=order.account,
                subscription_id=order.subscription_id,
                accepted_at=order.accepted_at,
                completes_at=order.completes_at,
                refund=order.refund,
                handling_fee=order.handling_fee,
                scope=order.scope,
                done=order.done,
            )
        )

    def orders(
        self, account: AccountName, ids: Collection[str], *, since: datetime
    ) -> Sequence[BookOrder]:
        """Unsubscription orders of these ids accepted since an instant, oldest first."""
        found = self._work.connection.execute(
            select(book_orders)
            .where(
                _ORDER.team_id == self._work.team_id,
                _ORDER.account == account,
                _ORDER.subscription_id.in_(ids),
                _ORDER.accepted_at >= since,
            )
            .order_by(_ORDER.accepted_at, _ORDER.id)
        )
        return [_order(row) for row in found]

    def orders_due(self, account: AccountName, *, now: datetime) -> Sequence[BookOrder]:
        """Accepted orders whose completion is due, oldest first; handed out as `due` does."""
        query = (
            select(book_orders)
            .where(
                _ORDER.team_id == self._work.team_id,
                _ORDER.account == account,
                UNDONE,
                _ORDER.completes_at <= now,
            )
            .order_by(_ORDER.completes_at, _ORDER.id)
        )
        if self._work.writing:
            query = query.with_for_update(skip_locked=True)
        return [_order(row) for row in self._work.connection.execute(query)]

    def complete(self, order_id: str) -> None:
        """Mark an order as done."""
        self._work.connection.execute(
            update(book_orders)
            .where(_ORDER.team_id == self._work.team_id, _ORDER.id == order_id)
            .values(done=True)
        )

    def next_event(self) -> datetime | None:
        """The next charge, expiry or completion of any ledger account."""
        charges = select(func.min(_BOOK.next_event_at).label("at")).where(
            self._shown(), _BOOK.next_event_at.is_not(None)
        )
        completions = select(func.min(_ORDER.completes_at).label("at")).where(
            _ORDER.team_id == self._work.team_id, UNDONE
        )
        both = self._work.connection.scalars(union_all(charges, completions)).all()
        return min((at for at in both if at is not None), default=None)

    def _shown(self) -> ColumnElement[bool]:
        return self._work.shown(book_subscriptions)

    def _versions(self, keys: Collection[SubscriptionKey]) -> Mapping[SubscriptionKey, int]:
        seen = dict.fromkeys(keys, self._work.generation.visible)
        for piece in rows.pieces(seen):
            found = select(_BOOK.account, _BOOK.id, _BOOK.generation).where(
                self._shown(), among(_BOOK.account, _BOOK.id, piece)
            )
            for row in self._work.connection.execute(found):
                seen[SubscriptionKey(AccountName(row.account), row.id)] = row.generation
        return seen


def _order(row: Row[Any]) -> BookOrder:
    return BookOrder(
        id=row.id,
        account=row.account,
        subscription_id=row.subscription_id,
        accepted_at=row.accepted_at,
        completes_at=row.completes_at,
        refund=row.refund,
        handling_fee=row.handling_fee,
        scope=row.scope,
        done=row.done,
    )
