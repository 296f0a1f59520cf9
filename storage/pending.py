"""The generation that is being written: versions that nobody sees, beside those that all see."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Table, delete, insert, literal, null, select, update

from bot.billing.subscription import AccountName, SubscriptionKey
from bot.ports.takeover import Version
from storage import grouping, rows, versions
from storage.tables import book_subscriptions, orders, subscriptions, touched
from storage.types import instant, microseconds
from storage.versions import Rows, Spelling
from storage.work import Work, among

_ROW = subscriptions.c
_BOOK = book_subscriptions.c
_PAID = orders.c

Pair = tuple[str, str]


class SqlPending:
    """The Pending port in one transaction; `groups` are those that still have to be settled."""

    def __init__(
        self, work: Work, *, generation: int, spelling: Spelling, groups: set[Pair]
    ) -> None:
        self._work = work
        self._generation = generation
        self._spelling = spelling
        self._groups = groups

    def write(self, versions: Sequence[Version]) -> None:
        """Write what it shows in place of what is seen now, if anything is."""
        self.insert(self._spelling.rows(versions))

    def insert(self, made: Rows) -> None:
        """Write rows that were spelled before."""
        since: dict[Pair, int] = {}
        for piece in _pieces(made.keys):
            since |= self._replace(piece)
        for piece in _pieces(made.booked):
            self._replace_in(book_subscriptions, piece)
        self._groups |= made.groups
        versions.insert(
            self._work.connection, made, since=since, at=microseconds(self._spelling.at)
        )

    def leave_out(self, keys: Collection[SubscriptionKey]) -> None:
        """Keep these for history alone; the book has them no longer."""
        for piece in rows.pieces(keys):
            seen = [
                (row.account, row.id)
                for row in self._work.connection.execute(
                    select(_ROW.account, _ROW.id).where(
                        self._seen(subscriptions, piece), _ROW.gone_at.is_(None)
                    )
                )
            ]
            self._copy(seen, {"gone_at": microseconds(self._spelling.at)})
            self._replace_in(book_subscriptions, piece)

    def touched(self, *, limit: int | None = None) -> Sequence[SubscriptionKey]:
        """Those that others have changed meanwhile."""
        found = self._work.connection.execute(
            select(touched.c.account, touched.c.id)
            .where(touched.c.team_id == self._work.team_id)
            .order_by(touched.c.account, touched.c.id)
            .limit(limit)
        )
        return [SubscriptionKey(AccountName(row.account), row.id) for row in found]

    def take_back(self, keys: Collection[SubscriptionKey]) -> None:
        """Forget what was written of these, and that they were touched."""
        for piece in rows.pieces(keys):
            self._note_groups(piece)
            for table in (subscriptions, book_subscriptions):
                mine = self._of(table, piece)
                self._work.connection.execute(
                    delete(table).where(mine, table.c.generation == self._generation)
                )
                self._work.connection.execute(
                    update(table)
                    .where(mine, table.c.replaced_in == self._generation)
                    .values(replaced_in=None)
                )
            self._work.connection.execute(delete(touched).where(self._of(touched, piece)))

    def settle(self, *, limit: int | None = None) -> bool:
        """Move groups to where their earliest anchor is, some rows at a time; True when done."""
        left = limit
        for piece in list(_pieces(sorted(self._groups))):
            earliest = grouping.earliest_of(self._work, piece, generation=self._generation)
            for group in piece:
                moved = self._move(group, microseconds(earliest[group]), limit=left)
                if left is not None:
                    left -= moved
                    if left <= 0:
                        return False
                self._groups.discard(group)
        return True

    def _move(self, group: Pair, earliest: int, *, limit: int | None) -> int:
        members = self._work.connection.execute(
            select(_ROW.account, _ROW.id, _ROW.generation)
            .where(
                self._work.shown(subscriptions, self._generation),
                _ROW.account == group[0],
                _ROW.group_key == group[1],
                _ROW.group_anchor_at != instant(earliest),
            )
            .limit(limit)
        ).all()
        new = [(row.account, row.id) for row in members if row.generation == self._generation]
        for piece in _pieces(new):
            self._work.connection.execute(
                update(subscriptions)
                .where(self._of(subscriptions, piece), _ROW.generation == self._generation)
                .values(group_anchor_at=instant(earliest))
            )
        old = [(row.account, row.id) for row in members if row.generation != self._generation]
        for piece in _pieces(old):
            self._copy(piece, {"group_anchor_at": earliest})
        return len(members)

    def _replace(self, piece: Sequence[Pair]) -> Mapping[Pair, int]:
        """Mark what is seen as replaced; since when those are known that are not gone."""
        known = self._work.connection.execute(
            select(_ROW.account, _ROW.id, _ROW.known_since, _ROW.gone_at).where(
                self._seen(subscriptions, piece)
            )
        ).all()
        if not known:
            return {}
        self._note_groups(piece)
        self._replace_in(subscriptions, piece)
        return {
            (row.account, row.id): microseconds(row.known_since)
            for row in known
            if row.gone_at is None
        }

    def _replace_in(self, table: Table, piece: Sequence[Pair]) -> None:
        self._work.connection.execute(
            update(table).where(self._seen(table, piece)).values(replaced_in=self._generation)
        )

    def _copy(self, piece: Sequence[Pair], changed: Mapping[str, int]) -> None:
        """Write what is seen once more, but for what changes."""
        self._note_groups(piece)
        new = {"generation": self._generation, "replaced_in": None, **changed}
        columns = [each.name for each in subscriptions.columns]
        taken = [
            (null() if new[name] is None else literal(new[name])) if name in new else _ROW[name]
            for name in columns
        ]
        seen = self._seen(subscriptions, piece)
        self._work.connection.execute(
            insert(subscriptions).from_select(columns, select(*taken).where(seen))
        )
        paid = [each.name for each in orders.columns]
        own = [literal(self._generation) if n == "generation" else _PAID[n] for n in paid]
        self._work.connection.execute(
            insert(orders).from_select(
                paid,
                select(*own).where(
                    _PAID.team_id == _ROW.team_id,
                    _PAID.account == _ROW.account,
                    _PAID.subscription_id == _ROW.id,
                    _PAID.generation == _ROW.generation,
                    seen,
                ),
            )
        )
        self._replace_in(subscriptions, piece)

    def _note_groups(self, piece: Sequence[Pair]) -> None:
        """Whoever leaves a group, or stays in it with another date, may move it."""
        found = self._work.connection.execute(
            select(_ROW.account, _ROW.group_key)
            .where(self._of(subscriptions, piece), _ROW.group_rank < rows.ALONE)
            .distinct()
        )
        self._groups |= {(row.account, row.group_key) for row in found}

    def _of(self, table: Table, piece: Iterable[Pair]) -> ColumnElement[bool]:
        return (table.c.team_id == self._work.team_id) & among(table.c.account, table.c.id, piece)

    def _seen(self, table: Table, piece: Iterable[Pair]) -> ColumnElement[bool]:
        return self._work.shown(table) & among(table.c.account, table.c.id, piece)


def _pieces(pairs: Sequence[Pair]) -> Iterable[Sequence[Pair]]:
    return (pairs[start : start + rows.CHUNK] for start in range(0, len(pairs), rows.CHUNK))
