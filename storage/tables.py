"""The tables: one MetaData, every key starting with the workspace.

Instants are integers (storage/types.py). A partial index holds only what is still to be done, so
that an idle tick costs the same however long the history grows.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Sequence,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from bot.billing.account import Account
from bot.billing.money import Money
from bot.billing.quote import Quote, Scope
from bot.billing.renewal import AnchorKind
from bot.billing.subscription import (
    BillingMode,
    Edition,
    Kind,
    OrderType,
    Package,
    Status,
    Subscription,
)
from bot.billing.unsubscription import Acknowledgement, ItemState, State, StepState, Verb
from bot.ports.store import DeliveryState, ReminderState
from storage.types import TEXT, Document, Exact, Instant, Json, Word

SCHEMA = "0001"
"""The revision that this code reads and writes: the newest file of storage/migrations/versions."""

NO_TEAM = ""
"""The clock's offset belongs to the whole database."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_1_name)s",
        "ix": "ix_%(table_name)s_%(column_1_name)s",
    }
)


def _id(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]] = TEXT) -> Column[Any]:
    return Column(name, kind, primary_key=True)


def _some(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]] = TEXT) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _maybe(name: str, kind: TypeEngine[Any] | type[TypeEngine[Any]] = TEXT) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _number(name: str, kind: type[TypeEngine[Any]] = Integer) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _of(parent: str, *columns: str, to: tuple[str, ...]) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["team_id", *columns],
        [f"{parent}.team_id", *(f"{parent}.{each}" for each in to)],
        ondelete="CASCADE",
    )


def _due(name: str, *columns: str, where: str) -> Index:
    return Index(name, "team_id", *columns, sqlite_where=text(where), postgresql_where=text(where))


workspaces = Table("workspaces", metadata, _id("team_id"), _some("last_request", Integer))

accounts = Table(
    "accounts",
    metadata,
    _id("team_id"),
    _id("name"),
    _some("settings", Document(Account)),
    _maybe("read_at", Instant),
    _of("workspaces", to=()),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    _id("team_id"),
    _id("account"),
    _id("id"),
    _maybe("name"),
    _maybe("service"),
    _maybe("region"),
    _maybe("spec"),
    _maybe("quantity", Exact),
    _maybe("kind", Word(Kind)),
    _maybe("edition", Word(Edition)),
    _maybe("package", Word(Package)),
    _maybe("parent_id"),
    _maybe("billing_mode", Word(BillingMode)),
    _maybe("status", Word(Status)),
    _maybe("auto_renew", Boolean),
    _maybe("auto_renew_months", Integer),
    _maybe("renewal_price", Exact),
    _maybe("notice_days", Integer),
    _maybe("owner"),
    _maybe("deputy"),
    _maybe("channel"),
    _some("tags", Json),
    _maybe("note"),
    _maybe("transaction_in_progress", Boolean),
    _maybe("renewals_locked", Boolean),
    # Derived when it is put, so that pages and windows are read in the order of an index.
    _some("search"),
    _maybe("anchor_kind", Word(AnchorKind)),
    _some("anchor_at", Instant),
    _maybe("anchor_date"),
    _some("group_key"),
    _some("group_rank", Integer),
    _some("group_anchor_at", Instant),
    _some("known_since", Instant),
    _maybe("gone_at", Instant),
    _of("accounts", "account", to=("name",)),
    _due(
        "ix_subscriptions_page",
        "group_anchor_at",
        "account",
        "group_key",
        "group_rank",
        "anchor_at",
        "id",
        where="gone_at IS NULL",
    ),
    _due("ix_subscriptions_anchor", "anchor_at", where="gone_at IS NULL"),
    Index("ix_subscriptions_group", "team_id", "account", "group_key"),
    Index("ix_subscriptions_id", "team_id", "id"),
    Index("ix_subscriptions_service", "team_id", "service"),
    Index("ix_subscriptions_region", "team_id", "region"),
    Index("ix_subscriptions_owner", "team_id", "owner"),
)

orders = Table(
    "orders",
    metadata,
    _id("team_id"),
    _id("account"),
    _id("subscription_id"),
    _number("number"),
    _some("order_type", Word(OrderType)),
    _maybe("term_months", Integer),
    _maybe("effective_at", Instant),
    _maybe("expires_at", Instant),
    _maybe("provisioned_at", Instant),
    _maybe("currency"),
    _maybe("cash", Exact),
    _maybe("cash_coupon", Exact),
    _maybe("flexi_coupon", Exact),
    _maybe("stored_value", Exact),
    _maybe("discount_coupon", Exact),
    _maybe("cash_coupon_expires_at", Instant),
    _maybe("promotion", Boolean),
    _maybe("invoiced", Boolean),
    _of("subscriptions", "account", "subscription_id", to=("account", "id")),
)

requests = Table(
    "requests",
    metadata,
    _id("team_id"),
    _number("number"),
    _some("version", Integer),
    _some("account"),
    _some("scope", Word(Scope)),
    _some("left_behind", Json),
    _some("state", Word(State)),
    _some("requested_by"),
    _some("requested_at", Instant),
    _some("reason", Integer),
    _some("details"),
    _some("acknowledgement", Document(Acknowledgement)),
    _some("deadline", Instant),
    _some("required_approvals", Integer),
    _some("approvers", Json),
    _some("dry_run", Boolean),
    _some("cooling_off_minutes", Integer),
    _some("rules"),
    _some("if_kept", Json),
    _maybe("starts_at", Instant),
    _some("closed", Boolean),
    _maybe("problem"),
    # When a replica looks at it next: NULL when only a person can move it on.
    _maybe("work_at", Instant),
    _maybe("lease_until", Instant),
    _of("workspaces", to=()),
    _due("ix_requests_work", "work_at", where="work_at IS NOT NULL"),
    _due("ix_requests_deadline", "deadline", where="state = 'waiting'"),
    Index("ix_requests_person", "team_id", "requested_by", "number"),
)

request_items = Table(
    "request_items",
    metadata,
    _id("team_id"),
    _number("request"),
    _number("position"),
    _some("account"),
    _some("subscription_id"),
    _some("label"),
    _maybe("region"),
    _some("quote", Document(Quote)),
    _some("state", Word(ItemState)),
    _maybe("error_code"),
    _maybe("error"),
    _maybe("gone_at", Instant),
    _maybe("refund_order"),
    _maybe("refund_actual", Document(Money)),
    _maybe("fee_actual", Document(Money)),
    _maybe("auto_renew_off", Boolean),
    # An open request holds its subscriptions: the index below lets only one request do so.
    _some("held", Boolean),
    _of("requests", "request", to=("number",)),
    Index(
        "uq_request_items_held",
        "team_id",
        "account",
        "subscription_id",
        unique=True,
        sqlite_where=text("held"),
        postgresql_where=text("held"),
    ),
)

request_steps = Table(
    "request_steps",
    metadata,
    _id("team_id"),
    _number("request"),
    _number("number"),
    _some("subscriptions", Json),
    _some("after", Json),
    _some("state", Word(StepState)),
    _some("attempt", Integer),
    _maybe("started_at", Instant),
    _maybe("accepted_at", Instant),
    _of("requests", "request", to=("number",)),
)

decisions = Table(
    "decisions",
    metadata,
    _id("team_id"),
    _number("request"),
    _number("number"),
    _some("verb", Word(Verb)),
    _some("at", Instant),
    _maybe("by"),
    _maybe("note"),
    _of("requests", "request", to=("number",)),
)

reminders = Table(
    "reminders",
    metadata,
    _id("team_id"),
    _id("id"),
    _id("destination"),
    _some("account"),
    _some("subscription_id"),
    _some("anchor_kind", Word(AnchorKind)),
    _some("anchor_date"),
    _maybe("anchor_at", Instant),
    _some("lead_days", Integer),
    _some("lead_due_at", Instant),
    _some("due_at", Instant),
    _some("state", Word(ReminderState)),
    _maybe("delivery_id"),
    _maybe("sent_at", Instant),
    _some("reason"),
    _due("ix_reminders_due", "due_at", where="state = 'armed' AND delivery_id IS NULL"),
    _due("ix_reminders_delivery", "delivery_id", where="delivery_id IS NOT NULL"),
    Index("ix_reminders_subscription", "team_id", "account", "subscription_id", "anchor_date"),
    Index("ix_reminders_listed", "team_id", "due_at"),
)

owed = Sequence("owed", metadata=metadata)
"""Numbers deliveries in the order they were owed, on PostgreSQL; SQLite has one writer."""

deliveries = Table(
    "deliveries",
    metadata,
    _id("team_id"),
    _id("id"),
    _some("key"),
    _some("kind"),
    _some("destination"),
    _some("stream"),
    _some("due_at", Instant),
    _some("subject", Json),
    _maybe("update_of"),
    _maybe("thread_of"),
    _some("state", Word(DeliveryState)),
    _some("sequence", BigInteger),
    _some("owed_as", BigInteger),
    _some("attempt", Integer),
    _some("fence", Integer),
    _maybe("started_at", Instant),
    _maybe("channel"),
    _maybe("ts"),
    _maybe("sent_at", Instant),
    _maybe("error"),
    # When it may be claimed next: due, to be tried again, or the end of a lease; NULL when finished.
    _maybe("work_at", Instant),
    UniqueConstraint("team_id", "key", name="uq_deliveries_key"),
    _due("ix_deliveries_work", "work_at", where="work_at IS NOT NULL"),
    _due("ix_deliveries_stream", "stream", "sequence", "owed_as", where="work_at IS NOT NULL"),
    _due("ix_deliveries_update", "update_of", where="update_of IS NOT NULL"),
    Index("ix_deliveries_owed", "team_id", "owed_as"),
    Index("ix_deliveries_state", "team_id", "state"),
)

audit = Table(
    "audit",
    metadata,
    _id("team_id"),
    _number("number", BigInteger),
    _some("at", Instant),
    _some("actor"),
    _some("action"),
    _some("subject"),
    _some("facts", Json),
    _some("digest"),
    Index("ix_audit_subject", "team_id", "subject", "number"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    _id("team_id"),
    _some("entries", BigInteger),
    _some("digest"),
    _some("seal"),
)

book_subscriptions = Table(
    "book_subscriptions",
    metadata,
    _id("team_id"),
    _id("account"),
    _id("id"),
    _maybe("region"),
    _maybe("kind", Word(Kind)),
    _maybe("status", Word(Status)),
    _maybe("next_event_at", Instant),
    _some("subscription", Document(Subscription)),
    _due("ix_book_subscriptions_due", "next_event_at", where="next_event_at IS NOT NULL"),
    Index("ix_book_subscriptions_region", "team_id", "account", "region"),
)

book_orders = Table(
    "book_orders",
    metadata,
    _id("team_id"),
    _id("id"),
    _some("account"),
    _some("subscription_id"),
    _some("accepted_at", Instant),
    _some("completes_at", Instant),
    _some("refund", Document(Money)),
    _some("handling_fee", Document(Money)),
    _some("scope", Word(Scope)),
    _some("done", Boolean),
    _due("ix_book_orders_due", "completes_at", where="NOT done"),
    Index("ix_book_orders_subscription", "team_id", "account", "subscription_id"),
)

notes = Table("notes", metadata, _id("team_id"), _id("name"), _some("value", Json))

seen_events = Table(
    "seen_events",
    metadata,
    _id("team_id"),
    _id("event"),
    _some("at", Instant),
    Index("ix_seen_events_at", "team_id", "at"),
)

clock = Table("clock", metadata, _id("team_id"), _some("offset", BigInteger))
