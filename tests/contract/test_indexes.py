"""A tick that finds nothing, a page and a look-up read an index and not the history."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import event, select

from bot.billing.subscription import AccountName, Kind, Status
from bot.billing.unsubscription import State
from bot.ports.store import BookOrder, DeliveryState, ListQuery, ReminderState
from storage import tables
from tests.contract.samples import HOUR, LEASE, armed, delivery, request
from tests.factories import NOW, OUTSIDER, key, package, quota, resource, usd

DEFAULT = AccountName("default")
MANY = 1500
WORDS = {"sqlite": "subscription_words VIRTUAL", "postgresql": "ix_subscriptions_words"}
READS = [
    ("ix_deliveries_work", lambda tx: tx.outbox.next_due()),
    ("ix_deliveries_stream", lambda tx: tx.outbox.superseded(delivery("1", update_of="id-b"))),
    ("deliveries_key|autoindex_deliveries_2", lambda tx: tx.requests.card(1001)),
    ("ix_reminders_due|ix_reminders_destination", lambda tx: tx.reminders.next_due()),
    ("ix_reminders_destination|ix_reminders_due", lambda tx: tx.reminders.due(now=NOW, limit=10)),
    (
        "ix_reminders_destination|ix_reminders_due",
        lambda tx: tx.reminders.crowds(now=NOW, most=200),
    ),
    (
        "ix_reminders_destination|ix_reminders_due",
        lambda tx: list(tx.reminders.waiting(until=NOW, destination="C0FINOPS")),
    ),
    ("ix_reminders_destination|ix_reminders_due", lambda tx: tx.reminders.count_waiting()),
    ("ix_reminders_delivery", lambda tx: tx.reminders.carried_by("id-a")),
    ("ix_reminders_delivery", lambda tx: list(tx.reminders.streamed_by("id-a"))),
    ("ix_reminders_delivery", lambda tx: list(tx.reminders.told_by("id-a", armed=True))),
    ("ix_reminders_delivery", lambda tx: tx.reminders.count_told_by("id-a", armed=False)),
    ("ix_reminders_subscription", lambda tx: tx.reminders.of(key("s-7"))),
    (
        "ix_reminders_state",
        lambda tx: tx.reminders.recalled(since=NOW + HOUR, destination=None, skip=0, limit=10),
    ),
    (
        "ix_reminders_state",
        lambda tx: tx.reminders.standings(since=NOW + HOUR, destination="C0FINOPS"),
    ),
    ("ix_requests_work", lambda tx: tx.requests.next_due()),
    ("ix_requests_deadline", lambda tx: tx.requests.waiting()),
    ("ix_requests_person", lambda tx: tx.requests.of("U0OUTSIDER")),
    ("uq_request_items_held", lambda tx: tx.requests.open_with(key("s-7"))),
    ("ix_request_items_called_for", lambda tx: tx.requests.called_for([key("s-7")])),
    ("ix_book_subscriptions_due", lambda tx: tx.book.due(DEFAULT, now=NOW, limit=10)),
    ("ix_book_orders_due", lambda tx: tx.book.orders_due(DEFAULT, now=NOW)),
    ("ix_subscriptions_page", lambda tx: tx.catalogue.page(ListQuery())),
    (
        "ix_subscriptions_anchor",
        lambda tx: tx.catalogue.soonest(start=NOW, end=NOW + HOUR, limit=10),
    ),
    ("ix_subscriptions_service", lambda tx: tx.catalogue.page(ListQuery(service="secmaster"))),
    ("ix_subscriptions_service", lambda tx: tx.catalogue.values("service")),
    ("ix_subscriptions_region", lambda tx: tx.catalogue.page(ListQuery(region="region-7"))),
    ("ix_subscriptions_owner", lambda tx: tx.catalogue.page(ListQuery(owner=OUTSIDER))),
    ("ix_subscriptions_kind", lambda tx: tx.catalogue.page(ListQuery(kind=Kind.PACKAGE))),
    ("ix_subscriptions_auto_renew", lambda tx: tx.catalogue.page(ListQuery(auto_renew=False))),
    ("ix_subscriptions_status", lambda tx: tx.catalogue.page(ListQuery(status=Status.FROZEN))),
    ("ix_subscriptions_anchor", lambda tx: tx.catalogue.page(ListQuery(due_before=NOW))),
    ("ix_subscriptions_id", lambda tx: tx.catalogue.named("s-7")),
    ("ix_subscriptions_group", lambda tx: tx.catalogue.group(DEFAULT, "region-7")),
]
CLAIMS = [
    ("ix_deliveries_work", lambda tx: tx.outbox.claim(now=NOW, lease_until=NOW + LEASE, limit=9)),
    ("ix_deliveries_stream", lambda tx: tx.outbox.claim(now=NOW, lease_until=NOW + LEASE, limit=9)),
    # Both hold the one row that waits; which is cheaper is a toss-up for PostgreSQL.
    ("ix_reminders_destination|ix_reminders_due", lambda tx: tx.reminders.due(now=NOW, limit=9)),
    (
        "ix_requests_work",
        lambda tx: tx.requests.claim_due(now=NOW, lease_until=NOW + LEASE, limit=9),
    ),
    ("ix_book_subscriptions_due", lambda tx: tx.book.due(DEFAULT, now=NOW, limit=9)),
]


def test_what_is_done_often_finds_its_rows_by_an_index(any_database, any_store):
    remember_much(any_store)
    keep_house(any_database)

    missed = {
        index: plan
        for engine, opened, acts in (
            (any_database.reader, any_store.reading, READS),
            (any_database.writer, any_store.transaction, CLAIMS),
        )
        for index, act in acts
        if not any(name in (plan := plans(engine, opened(), act)) for name in index.split("|"))
    }
    assert missed == {}


def test_a_page_in_the_middle_is_read_along_the_order_of_the_list(any_database, any_store):
    remember_much(any_store)
    with any_store.reading() as tx:
        there = tx.catalogue.page(ListQuery(page=50)).next

    for query in (ListQuery(), ListQuery(service="ECS"), ListQuery(words=("runner",))):
        for side in ("after", "before"):
            at = replace(query, page=51, **{side: there})
            plan = ordered(plans(any_database.reader, any_store.reading(), opened(at)))
            assert "ix_subscriptions_page" in plan
            assert "group_anchor_at" in plan  # it begins at the place


def test_rare_words_are_found_by_three_letters(any_database, any_store):
    remember_much(any_store)
    keep_house(any_database)

    for act in (opened(ListQuery(words=("s-1234",))), lambda tx: tx.catalogue.near("s-12345")):
        plan = plans(any_database.reader, any_store.reading(), act, small=True)
        assert WORDS[any_database.reader.dialect.name] in plan
        assert "ix_subscriptions_page" not in plan


def test_what_was_turned_off_is_found_without_the_rest_of_the_record(any_database, any_store):
    with any_store.transaction() as tx:
        for number in range(MANY):
            action = "autorenew.off" if number == 7 else "message.sent"
            subject = f"default/s-{number}"
            tx.audit.append(at=NOW, actor="x", action=action, subject=subject, facts={})
    keep_house(any_database)

    plan = plans(
        any_database.reader, any_store.reading(), lambda tx: list(tx.audit.turned_off()), small=True
    )

    assert "ix_audit_turned_off" in plan


def opened(query):
    return lambda tx: tx.catalogue.page(query)


def ordered(plan):
    """What is said of the statement that finds the rows of a page."""
    return "\n".join(
        line for line in plan.split("\n") if "ix_subscriptions_page" in line or "ROW(" in line
    )


def keep_house(database):
    """Count and tidy up what there is, as PostgreSQL does by itself."""
    if database.writer.dialect.name == "postgresql":
        with database.writer.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("VACUUM ANALYZE")


def remember_much(store):
    """A long history of which little is still to be done."""
    with store.transaction() as tx:
        tx.catalogue.put(
            [
                *(resource(f"s-{n}") for n in range(MANY)),
                *(quota(f"q-{n}", region=f"region-{n}") for n in range(50)),
                *(package(f"p-{n}", region=f"region-{n}") for n in range(50)),
            ],
            at=NOW,
        )
        tx.reminders.arm(
            [
                armed(f"s-{n}", state=ReminderState.SENT, delivery_id=f"id-{n}", sent_at=NOW)
                for n in range(MANY)
            ]
        )
        tx.reminders.arm([armed(due_at=NOW + HOUR)])
        for number in (1001, 1002):
            over = {"state": State.DONE, "closed": True} if number == 1002 else {}
            tx.requests.save(request(number, f"s-{number}", **over))
        for n in (0, 1):
            tx.book.put(resource(f"s-{n}"), next_event_at=None if n else NOW + HOUR)
            tx.book.add_order(replace(order(n), done=n == 1))
            tx.outbox.owe(delivery(str(n), update_of="id-x"))
        [sent, _] = tx.outbox.claim(now=NOW, lease_until=NOW + LEASE, limit=9)
        tx.outbox.settle(sent, state=DeliveryState.SENT, at=NOW, channel="C1", ts="1")
        connection = tx.catalogue.work.connection
        multiply(connection, tables.requests, tables.requests.c.closed, "number")
        multiply(connection, tables.request_items, ~tables.request_items.c.held, "request")
        multiply(connection, tables.book_orders, tables.book_orders.c.done, "id")
        book = tables.book_subscriptions
        multiply(connection, book, book.c.next_event_at.is_(None), "id")
        multiply(
            connection,
            tables.deliveries,
            tables.deliveries.c.work_at.is_(None),
            "id",
            "key",
            "stream",
            "update_of",
        )


def multiply(connection, table, finished, *names):
    """Copy the one finished row of a table many times over, under other names."""
    row = dict(connection.execute(select(table).where(finished)).one()._mapping)
    copies = [
        row | {name: n if isinstance(row[name], int) else f"{row[name]}-{n}" for name in names}
        for n in range(2000, 2000 + MANY)
    ]
    connection.execute(table.insert(), copies)


def order(number):
    return BookOrder(
        id=f"o-{number}",
        account=DEFAULT,
        subscription_id=f"s-{number}",
        accepted_at=NOW,
        completes_at=NOW + timedelta(seconds=2),
        refund=usd(1),
        handling_fee=usd(0),
    )


def plans(engine, opened, act, *, small=False):
    """How the database goes about every statement of an act.

    A table as small as a test's PostgreSQL may rather read as a whole, unless it is told not to.
    """
    seen = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        seen.append((statement, parameters))

    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with opened as tx:
        if small and engine.dialect.name == "postgresql":
            tx.catalogue.work.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        event.listen(engine, "before_cursor_execute", note)
        act(tx)
        event.remove(engine, "before_cursor_execute", note)
        return "\n".join(
            str(row)
            for statement, parameters in seen
            for row in tx.catalogue.work.connection.exec_driver_sql(explain + statement, parameters)
        )
