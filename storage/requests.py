"""Requests with their items, steps and history."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, case, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from bot.billing.subscription import AccountName, SlackUser, SubscriptionKey
from bot.billing.unsubscription import Request
from bot.ports.record import Named
from bot.ports.store import ChangedMeanwhile, Delivery
from storage import decided, forgetting, request_rows
from storage.outbox import SqlOutbox
from storage.rows import pieces
from storage.tables import (
    BY_HAND,
    CALLED_FOR,
    HELD,
    WAITING,
    decisions,
    deliveries,
    request_items,
    request_steps,
    requests,
    workspaces,
)
from storage.work import Work, among, one_of

_ROW = requests.c


class SqlRequests:
    """Requests of one workspace."""

    def __init__(self, work: Work, outbox: SqlOutbox) -> None:
        self._work = work
        self._outbox = outbox
        self._holders: Mapping[SubscriptionKey, int | None] = {}

    def next_number(self) -> int:
        """The next number, from 1001; concurrent writers wait here for each other's commit."""
        number: int = self._work.connection.execute(
            update(workspaces)
            .where(workspaces.c.team_id == self._work.team_id)
            .values(last_request=workspaces.c.last_request + 1)
            .returning(workspaces.c.last_request)
        ).scalar_one()
        return number

    def get(self, number: int) -> Request | None:
        """One request as last saved."""
        found = self._load([number])
        return found[0] if found else None

    def hold(self, number: int) -> Request | None:
        """The same; whoever else would save or claim it waits for the end of this transaction."""
        if self._work.others_commit:
            same = select(_ROW.number).where(self._mine(), _ROW.number == number)
            self._work.connection.execute(same.with_for_update(key_share=True))
        return self.get(number)

    def save(self, request: Request) -> Request:
        """Save what was loaded with this version (0 is new); raises ChangedMeanwhile.

        Also when another open request holds one of its subscriptions already.
        """
        self._holders = {}
        saved = replace(request, version=request.version + 1)
        self._save_row(saved)
        try:
            self._replace(
                request_items, saved.number, request_rows.item_rows(self._work.team_id, saved)
            )
        except IntegrityError as error:
            raise ChangedMeanwhile from error
        self._replace(
            request_steps, saved.number, request_rows.step_rows(self._work.team_id, saved)
        )
        self._add_events(saved)
        return saved

    def open_with(self, key: SubscriptionKey) -> Request | None:
        """The open, not closed request that holds this subscription."""
        held = self._holders if key in self._holders else self._held([key])
        number = held[key]
        return None if number is None else self.get(number)

    def look_up(self, keys: Collection[SubscriptionKey]) -> None:
        """Find out at once which of many are held: `open_with` knows it until a write."""
        self._holders = self._held(keys)

    def called_for(self, keys: Collection[SubscriptionKey]) -> Sequence[Request]:
        """The requests that are over and had a cloud called for one of these, the oldest first."""
        item, found = request_items.c, set[int]()
        for piece in pieces(keys):
            mine = item.team_id == self._work.team_id
            these = among(item.account, item.subscription_id, piece)
            statement = select(item.request).where(mine, these, CALLED_FOR)
            found.update(self._work.connection.scalars(statement))
        return self._load(sorted(found))

    def of(self, user: SlackUser, *, limit: int = 5) -> Sequence[Request]:
        """The newest requests of a person, newest first."""
        numbers = self._work.connection.scalars(
            select(_ROW.number)
            .where(self._mine(), _ROW.requested_by == user)
            .order_by(_ROW.number.desc())
            .limit(limit)
        ).all()
        return self._load(numbers)

    def waiting(self, *, limit: int = 50) -> Sequence[Request]:
        """Requests that wait for a decision, nearest deadline first."""
        numbers = self._work.connection.scalars(
            select(_ROW.number)
            .where(self._mine(), WAITING)
            .order_by(_ROW.deadline, _ROW.number)
            .limit(limit)
        ).all()
        return self._load(numbers)

    def by_hand(self, *, limit: int = 50) -> Sequence[Request]:
        """Requests that people carry out or look at now, the oldest first."""
        numbers = self._work.connection.scalars(
            select(_ROW.number).where(self._mine(), BY_HAND).order_by(_ROW.number).limit(limit)
        ).all()
        return self._load(numbers)

    def decided(self) -> Iterator[tuple[SubscriptionKey, Request]]:
        """Those that were approved, once for each subscription, by `account/id`, streamed."""
        return decided.decided(self._work, self._load)

    def claim_due(self, *, now: datetime, lease_until: datetime, limit: int) -> Sequence[Request]:
        """Hand requests with work to do to this caller alone until the lease ends."""
        free = and_(
            self._mine(),
            _ROW.work_at <= now,
            or_(_ROW.lease_until.is_(None), _ROW.lease_until <= now),
        )
        due = (
            select(_ROW.number)
            .where(free)
            .order_by(_ROW.work_at, _ROW.number)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        numbers = self._work.connection.scalars(
            update(requests)
            .where(
                self._mine(),
                one_of(_ROW.number, select(due.c.number), on_postgres=self._work.on_postgres),
            )
            .values(lease_until=lease_until)
            .returning(_ROW.number)
        ).all()
        return self._load(sorted(numbers))

    def attend(self, number: int, *, at: datetime | None) -> None:
        """Look at it again from `at`; None: when its state, or a deadline, asks for it."""
        request = self.hold(number)
        if request is not None:
            when = request_rows.falls_due(request)
            if at is not None and (when is not None or not request.closed):
                when = at
            self._work.connection.execute(
                update(requests)
                .where(self._mine(), _ROW.number == number)
                .values(work_at=when, lease_until=None)
            )

    def hasten(self, number: int, *, at: datetime) -> None:
        """Work on it from `at` already, unless somebody does so now."""
        free = or_(_ROW.lease_until.is_(None), _ROW.lease_until <= at)
        self._work.connection.execute(
            update(requests)
            .where(self._mine(), _ROW.number == number, _ROW.work_at > at, free)
            .values(work_at=at)
        )

    def next_due(self) -> datetime | None:
        """When the next request has work to do or reaches its deadline."""
        leased = _ROW.lease_until > _ROW.work_at
        when: datetime | None = self._work.connection.scalar(
            select(func.min(case((leased, _ROW.lease_until), else_=_ROW.work_at))).where(
                self._mine(), _ROW.work_at.is_not(None)
            )
        )
        return when

    def forget(self, person: str) -> Named:
        """Erase in closed requests who a person is and what the person wrote."""
        return forgetting.forget(self._work, person)

    def card(self, number: int) -> Delivery | None:
        """The delivery of the request's message in the approvals channel."""
        return self._outbox.find(deliveries.c.key == f"request/{number}/card")

    def _held(self, keys: Collection[SubscriptionKey]) -> Mapping[SubscriptionKey, int | None]:
        """The number of the open request that holds each, None where none does."""
        holders: dict[SubscriptionKey, int | None] = dict.fromkeys(keys)
        item = request_items.c
        for piece in pieces(keys):
            found = self._work.connection.execute(
                select(item.account, item.subscription_id, item.request).where(
                    item.team_id == self._work.team_id,
                    among(item.account, item.subscription_id, piece),
                    HELD,
                )
            )
            for account, ref, number in found:
                holders[SubscriptionKey(AccountName(account), ref)] = number
        return holders

    def _mine(self) -> ColumnElement[bool]:
        return _ROW.team_id == self._work.team_id

    def _save_row(self, saved: Request) -> None:
        values = request_rows.request_row(saved)
        statement: ReturningInsert[Any] | ReturningUpdate[Any]
        if saved.version == 1:
            statement = (
                self._work.insert(requests)
                .values(team_id=self._work.team_id, work_at=request_rows.work_at(saved), **values)
                .on_conflict_do_nothing()
                .returning(_ROW.number)
            )
        else:
            if saved.by_hand or self._moves(saved):
                values["work_at"] = request_rows.work_at(saved)
            same = and_(
                self._mine(), _ROW.number == saved.number, _ROW.version == saved.version - 1
            )
            statement = update(requests).where(same).values(values).returning(_ROW.number)
        if not self._work.connection.scalars(statement).all():
            raise ChangedMeanwhile

    def _moves(self, saved: Request) -> bool:
        """Whether it leaves its state or its times, so that it is to be looked at anew."""
        before = self._work.connection.execute(
            select(_ROW.state, _ROW.closed, _ROW.deadline, _ROW.starts_at).where(
                self._mine(), _ROW.number == saved.number
            )
        ).one_or_none()
        after = (saved.state, saved.closed, saved.deadline, saved.starts_at)
        return before is None or tuple(before) != after

    def _replace(self, table: Table, number: int, rows: list[dict[str, Any]]) -> None:
        connection = self._work.connection
        connection.execute(
            delete(table).where(table.c.team_id == self._work.team_id, table.c.request == number)
        )
        if rows:
            connection.execute(table.insert(), rows)

    def _add_events(self, request: Request) -> None:
        known = self._work.connection.scalar(
            select(func.coalesce(func.max(decisions.c.number), 0)).where(
                decisions.c.team_id == self._work.team_id, decisions.c.request == request.number
            )
        )
        new = request_rows.event_rows(self._work.team_id, request, after=known or 0)
        if new:
            self._work.connection.execute(decisions.insert(), new)

    def _load(self, numbers: Collection[int]) -> list[Request]:
        """Requests in the order of the numbers; four queries, however many there are.

        Where others can commit between two of them, a fifth one sees that nobody did: else what is
        returned would bear a version that is not that of its items, steps and events.
        """
        if not numbers:
            return []
        mine = and_(self._mine(), _ROW.number.in_(numbers))
        while True:
            rows = self._work.connection.execute(select(requests).where(mine)).all()
            items = self._children(request_items, numbers, order="position")
            steps = self._children(request_steps, numbers, order="number")
            events = self._children(decisions, numbers, order="number")
            if not self._work.others_commit or self._versions(mine) == {
                row.number: row.version for row in rows
            }:
                break
        found = {
            row.number: request_rows.read_request(
                row, items=items[row.number], steps=steps[row.number], events=events[row.number]
            )
            for row in rows
        }
        return [found[number] for number in numbers if number in found]

    def _versions(self, which: ColumnElement[bool]) -> Mapping[int, int]:
        found = self._work.connection.execute(select(_ROW.number, _ROW.version).where(which))
        return {row.number: row.version for row in found}

    def _children(
        self, table: Table, numbers: Collection[int], *, order: str
    ) -> defaultdict[int, list[Row[Any]]]:
        children: defaultdict[int, list[Row[Any]]] = defaultdict(list)
        for row in self._work.connection.execute(
            select(table)
            .where(table.c.team_id == self._work.team_id, table.c.request.in_(numbers))
            .order_by(table.c.request, table.c[order])
        ):
            children[row.request].append(row)
        return children
