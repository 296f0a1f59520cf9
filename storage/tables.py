"""The tables: one MetaData, every key starting with the workspace.

Instants are integers (storage/types.py). A partial index holds only what is still to be done, so
that an idle tick costs the same however long the history grows. Its condition is text that queries
repeat word for word: SQLite does not find such an index through a bound value.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    UniqueConstraint,
    text,
)

from bot.billing.account import Account
from bot.billing.change import Change, Charge
from bot.billing.money import Money
from bot.billing.next_renewal import NextRenewal
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
from bot.billing.unsubscription import Acknowledgement, ItemState, State, StepState, Task, Verb
from bot.ports.store import DeliveryState, ReminderState
from storage.columns import belongs_to, key, maybe, number, partial, some
from storage.types import Document, Exact, Instant, Json, Word

SCHEMA = "0014"
"""The revision that this code reads and writes: the newest file of storage/migrations/versions."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_1_name)s",
        "ix": "ix_%(table_name)s_%(column_1_name)s",
    }
)


# Conditions of partial indexes, as queries repeat them.
ARMED = text("reminders.state = 'armed' AND reminders.delivery_id IS NULL")
PARENTED = text("subscriptions.parent_id IS NOT NULL")
LIVE = text(
    "subscriptions.gone_at IS NULL"
    " AND (subscriptions.status IS NULL OR subscriptions.status <> 'unsubscribed')"
)
"""What is there: neither gone nor unsubscribed from."""
WAITING = text("requests.state = 'waiting'")
BY_HAND = text("requests.by_hand AND requests.state IN ('executing', 'verifying')")
NOT_ENDED = text("delegations.ended_at IS NULL")
HELD = text("request_items.held")
CALLED_FOR = text("NOT request_items.held AND request_items.state IN ('sent', 'unknown', 'gone')")
TURNED_OFF = text("audit.action = 'autorenew.off'")
UNDONE = text("NOT book_orders.done")
LISTED = "gone_at IS NULL AND (status IS NULL OR status <> 'unsubscribed')"
BEGUN = "state IN ('sending', 'unknown')"
VERSION = ("generation", "replaced_in")
"""Whether a row is seen is tested in the index where it ends with these."""

REPLACED = "replaced_in IS NOT NULL"
UNFINISHED = "state IN ('pending', 'sending', 'unknown')"

workspaces = Table("workspaces", metadata, key("team_id"), some("last_request", Integer))

accounts = Table(
    "accounts",
    metadata,
    key("team_id"),
    key("name"),
    some("settings", Document(Account)),
    maybe("read_at", Instant),
    belongs_to("workspaces", to=()),
)

generations = Table(
    "generations",
    metadata,
    key("team_id"),
    # What is seen; the next is written beside it, slice by slice, until this number rises.
    some("visible", Integer),
    # The generation that is being written, while others note in `touched` what they change.
    maybe("pending", Integer),
    # Whose it is, and until when without a sign of life.
    maybe("holder"),
    maybe("lease_until", Instant),
    belongs_to("workspaces", to=()),
)

touched = Table("touched", metadata, key("team_id"), key("account"), key("id"))

subscriptions = Table(
    "subscriptions",
    metadata,
    key("team_id"),
    key("account"),
    key("id"),
    number("generation"),
    # The generation in which another version, or none, takes its place; NULL for the newest.
    maybe("replaced_in", Integer),
    # Of the record (bot/facts/records.py); NULL where nobody has derived it yet.
    maybe("digest", LargeBinary),
    maybe("name"),
    maybe("service"),
    maybe("region"),
    maybe("spec"),
    maybe("quantity", Exact),
    maybe("kind", Word(Kind)),
    maybe("edition", Word(Edition)),
    maybe("package", Word(Package)),
    maybe("parent_id"),
    maybe("billing_mode", Word(BillingMode)),
    maybe("status", Word(Status)),
    maybe("auto_renew", Boolean),
    maybe("auto_renew_months", Integer),
    maybe("renewal_price", Exact),
    maybe("notice_days", Integer),
    maybe("owner"),
    maybe("deputy"),
    maybe("channel"),
    some("tags", Json),
    maybe("note"),
    maybe("transaction_in_progress", Boolean),
    maybe("renewals_locked", Boolean),
    # Derived when it is put, so that pages and windows are read in the order of an index.
    some("search"),
    maybe("anchor_kind", Word(AnchorKind)),
    some("anchor_at", Instant),
    maybe("anchor_date"),
    some("group_key"),
    some("group_rank", Integer),
    some("group_anchor_at", Instant),
    some("known_since", Instant),
    maybe("gone_at", Instant),
    belongs_to("accounts", "account", to=("name",)),
    partial(
        "ix_subscriptions_page",
        "group_anchor_at",
        "account",
        "group_key",
        "group_rank",
        "anchor_at",
        # What filters ask for is tested in the index, without a look at the row.
        "status",
        "service",
        "region",
        "owner",
        "kind",
        "auto_renew",
        *VERSION,
        where="gone_at IS NULL",
    ),
    partial("ix_subscriptions_replaced", "replaced_in", where=REPLACED),
    partial("ix_subscriptions_parent", "account", "parent_id", where="parent_id IS NOT NULL"),
    partial(
        "ix_subscriptions_anchor",
        "anchor_at",
        "account",
        "id",
        *VERSION,
        where="gone_at IS NULL",
    ),
    Index("ix_subscriptions_group", "team_id", "account", "group_key"),
    Index("ix_subscriptions_id", "team_id", "id", "account"),
    # What few subscriptions have is found by one of these, and counted in it.
    partial("ix_subscriptions_account", "account", where=LISTED),
    partial("ix_subscriptions_service", "service", *VERSION, where=LISTED),
    partial("ix_subscriptions_region", "region", *VERSION, where=LISTED),
    partial("ix_subscriptions_owner", "owner", *VERSION, where=LISTED),
    partial("ix_subscriptions_kind", "kind", *VERSION, where=LISTED),
    partial("ix_subscriptions_auto_renew", "auto_renew", *VERSION, where=LISTED),
    partial("ix_subscriptions_status", "status", *VERSION, where="gone_at IS NULL"),
    # SQLite finds words in `subscription_words`, which triggers of the first table keep in step.
    Index(
        "ix_subscriptions_words",
        "search",
        postgresql_using="gin",
        postgresql_ops={"search": "gin_trgm_ops"},
    ).ddl_if(dialect="postgresql"),
)

# Subscriptions whose facts changed; arming derives their reminders again and takes them out.
unplanned = Table("unplanned", metadata, key("team_id"), key("account"), key("id"))

orders = Table(
    "orders",
    metadata,
    key("team_id"),
    key("account"),
    key("subscription_id"),
    number("generation"),
    number("number"),
    some("order_type", Word(OrderType)),
    maybe("term_months", Integer),
    maybe("effective_at", Instant),
    maybe("expires_at", Instant),
    maybe("provisioned_at", Instant),
    maybe("currency"),
    maybe("cash", Exact),
    maybe("cash_coupon", Exact),
    maybe("flexi_coupon", Exact),
    maybe("stored_value", Exact),
    maybe("discount_coupon", Exact),
    maybe("cash_coupon_expires_at", Instant),
    maybe("promotion", Boolean),
    maybe("invoiced", Boolean),
    belongs_to(
        "subscriptions",
        "account",
        "subscription_id",
        "generation",
        to=("account", "id", "generation"),
    ),
)

requests = Table(
    "requests",
    metadata,
    key("team_id"),
    number("number"),
    some("version", Integer),
    some("account"),
    some("scope", Word(Scope)),
    some("left_behind", Json),
    some("state", Word(State)),
    some("requested_by"),
    some("requested_at", Instant),
    some("reason", Integer),
    some("details"),
    some("acknowledgement", Document(Acknowledgement)),
    some("deadline", Instant),
    some("required_approvals", Integer),
    some("approvers", Json),
    some("dry_run", Boolean),
    some("cooling_off_minutes", Integer),
    some("rules"),
    some("if_kept", Json),
    maybe("starts_at", Instant),
    some("closed", Boolean),
    maybe("problem"),
    # What depended on its items when it was acknowledged; NULL where nobody looked.
    maybe("dependents", Json),
    # NULL: an earlier Lapse only unsubscribed.
    maybe("change", Word(Change)),
    # Whether a person carries it out; NULL where an earlier Lapse knew of none.
    maybe("by_hand", Boolean),
    # When a replica looks at it next: NULL when only a person can move it on.
    maybe("work_at", Instant),
    maybe("lease_until", Instant),
    belongs_to("workspaces", to=()),
    partial("ix_requests_work", "work_at", "number", where="work_at IS NOT NULL"),
    partial("ix_requests_deadline", "deadline", where="state = 'waiting'"),
    partial(
        "ix_requests_by_hand", "number", where="by_hand AND state IN ('executing', 'verifying')"
    ),
    Index("ix_requests_person", "team_id", "requested_by", "number"),
)

request_items = Table(
    "request_items",
    metadata,
    key("team_id"),
    number("request"),
    number("position"),
    some("account"),
    some("subscription_id"),
    some("label"),
    maybe("region"),
    some("quote", Document(Quote)),
    some("state", Word(ItemState)),
    maybe("error_code"),
    maybe("error"),
    maybe("gone_at", Instant),
    maybe("refund_order"),
    maybe("refund_actual", Document(Money)),
    maybe("fee_actual", Document(Money)),
    maybe("auto_renew_off", Boolean),
    # Whether an order was one when it was acknowledged; NULL where nobody looked.
    maybe("promotion", Boolean),
    # What was acknowledged where auto-renewal is switched.
    maybe("charge", Document(Charge)),
    # The renewal that came next then, and that ends with it.
    maybe("renewal", Document(NextRenewal)),
    # What whom is asked to do by hand, and before when.
    maybe("task", Document(Task)),
    maybe("asked"),
    maybe("due_at", Instant),
    # An open request holds its subscriptions: the index below lets only one request do so.
    some("held", Boolean),
    belongs_to("requests", "request", to=("number",)),
    Index(
        "uq_request_items_held",
        "team_id",
        "account",
        "subscription_id",
        unique=True,
        sqlite_where=text("held"),
        postgresql_where=text("held"),
    ),
    Index(
        "ix_request_items_called_for",
        "team_id",
        "account",
        "subscription_id",
        sqlite_where=text("NOT held AND state IN ('sent', 'unknown', 'gone')"),
        postgresql_where=text("NOT held AND state IN ('sent', 'unknown', 'gone')"),
    ),
)

request_steps = Table(
    "request_steps",
    metadata,
    key("team_id"),
    number("request"),
    number("number"),
    some("subscriptions", Json),
    some("after", Json),
    some("state", Word(StepState)),
    some("attempt", Integer),
    maybe("started_at", Instant),
    maybe("accepted_at", Instant),
    belongs_to("requests", "request", to=("number",)),
)

decisions = Table(
    "decisions",
    metadata,
    key("team_id"),
    number("request"),
    number("number"),
    some("verb", Word(Verb)),
    some("at", Instant),
    maybe("by"),
    maybe("note"),
    # The approver for whom a delegate decided.
    maybe("behalf"),
    # Whom a call names.
    maybe("called", Json),
    # The numbers of the items that it is about, NULL where it is about all, and what shows it.
    maybe("items", Json),
    maybe("evidence"),
    belongs_to("requests", "request", to=("number",)),
)

delegations = Table(
    "delegations",
    metadata,
    key("team_id"),
    key("id"),
    some("approver"),
    some("delegate"),
    some("starts_at", Instant),
    some("ends_at", Instant),
    some("why"),
    some("made_at", Instant),
    maybe("ended_at", Instant),
    maybe("ended_by"),
    belongs_to("workspaces", to=()),
    partial("ix_delegations_open", "ends_at", where="ended_at IS NULL"),
)

reminders = Table(
    "reminders",
    metadata,
    key("team_id"),
    key("id"),
    key("destination"),
    some("account"),
    some("subscription_id"),
    some("anchor_kind", Word(AnchorKind)),
    some("anchor_date"),
    maybe("anchor_at", Instant),
    some("lead_days", Integer),
    some("lead_due_at", Instant),
    some("due_at", Instant),
    some("state", Word(ReminderState)),
    maybe("delivery_id"),
    maybe("sent_at", Instant),
    some("reason"),
    partial("ix_reminders_due", "due_at", where="state = 'armed' AND delivery_id IS NULL"),
    partial(
        "ix_reminders_destination",
        "destination",
        "due_at",
        where="state = 'armed' AND delivery_id IS NULL",
    ),
    partial("ix_reminders_delivery", "delivery_id", where="delivery_id IS NOT NULL"),
    Index("ix_reminders_subscription", "team_id", "account", "subscription_id", "anchor_date"),
    Index("ix_reminders_state", "team_id", "state", "sent_at", "due_at", "destination"),
)

owed = Sequence("owed", metadata=metadata)
"""Numbers deliveries in the order they were owed, on PostgreSQL; SQLite has one writer."""

deliveries = Table(
    "deliveries",
    metadata,
    key("team_id"),
    key("id"),
    some("key"),
    some("kind"),
    some("destination"),
    some("stream"),
    some("due_at", Instant),
    some("subject", Json),
    maybe("update_of"),
    maybe("thread_of"),
    some("state", Word(DeliveryState)),
    some("sequence", BigInteger),
    some("owed_as", BigInteger),
    some("attempt", Integer),
    some("fence", Integer),
    maybe("started_at", Instant),
    maybe("first_at", Instant),
    maybe("channel"),
    maybe("ts"),
    maybe("sent_at", Instant),
    maybe("error"),
    # When it may be claimed: due, to be tried again, or the end of a lease; NULL when finished.
    maybe("work_at", Instant),
    # When it may go to its channel, where it had to wait for its turn there.
    maybe("slot_at", Instant),
    # When its conversation is read once more for a second copy; NULL when it need not be.
    maybe("sweep_at", Instant),
    # Up to when a copy may have landed that is looked for then.
    maybe("sweep_until", Instant),
    UniqueConstraint("team_id", "key", name="uq_deliveries_key"),
    partial("ix_deliveries_sweep", "sweep_at", where="sweep_at IS NOT NULL"),
    partial("ix_deliveries_work", "work_at", "owed_as", where="work_at IS NOT NULL"),
    partial("ix_deliveries_begun", "work_at", where=BEGUN),
    partial("ix_deliveries_stream", "stream", "sequence", "owed_as", where=UNFINISHED),
    # Not by workspace first: PostgreSQL would take them for a way to any row of a workspace.
    Index("ix_deliveries_owed", "owed_as"),
    Index("ix_deliveries_state", "state", "team_id"),
)

# When a bucket's next token is free: of a method, or of posting in one channel.
pacing = Table("pacing", metadata, key("team_id"), key("name"), some("free_at", Instant))

audit = Table(
    "audit",
    metadata,
    key("team_id"),
    number("number", BigInteger),
    some("at", Instant),
    some("actor"),
    some("action"),
    some("subject"),
    some("facts", Json),
    some("digest"),
    maybe("origin", Json),
    Index("ix_audit_subject", "team_id", "subject", "number"),
    partial("ix_audit_turned_off", "subject", "number", where="action = 'autorenew.off'"),
)

# What the record holds only as hashes; erased without a trace but a line of the record.
personal_values = Table(
    "personal_values",
    metadata,
    key("team_id"),
    key("hash"),
    some("person"),
    some("own", Boolean),
    some("salt"),
    some("value", Json),
    Index("ix_personal_values_person", "team_id", "person"),
    partial("ix_personal_values_own", "person", where="own"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    key("team_id"),
    some("entries", BigInteger),
    some("digest"),
    some("seal"),
)

book_subscriptions = Table(
    "book_subscriptions",
    metadata,
    key("team_id"),
    key("account"),
    key("id"),
    number("generation"),
    maybe("replaced_in", Integer),
    maybe("digest", LargeBinary),
    maybe("region"),
    maybe("kind", Word(Kind)),
    maybe("status", Word(Status)),
    maybe("next_event_at", Instant),
    some("subscription", Document(Subscription)),
    partial("ix_book_subscriptions_replaced", "replaced_in", where=REPLACED),
    partial("ix_book_subscriptions_due", "next_event_at", where="next_event_at IS NOT NULL"),
    Index("ix_book_subscriptions_region", "team_id", "account", "region"),
)

book_orders = Table(
    "book_orders",
    metadata,
    key("team_id"),
    key("id"),
    some("account"),
    some("subscription_id"),
    some("accepted_at", Instant),
    some("completes_at", Instant),
    some("refund", Document(Money)),
    some("handling_fee", Document(Money)),
    some("scope", Word(Scope)),
    some("done", Boolean),
    partial("ix_book_orders_due", "completes_at", where="NOT done"),
    Index("ix_book_orders_subscription", "team_id", "account", "subscription_id"),
)

notes = Table("notes", metadata, key("team_id"), key("name"), some("value", Json))

seen_events = Table(
    "seen_events",
    metadata,
    key("team_id"),
    key("event"),
    some("at", Instant),
    Index("ix_seen_events_at", "team_id", "at"),
)

# Its one row has no workspace: the offset belongs to the whole database.
clock = Table("clock", metadata, key("team_id"), some("offset", BigInteger))
