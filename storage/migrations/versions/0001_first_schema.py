"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

REFUSED = "The audit record is append-only."

SQLITE_TRIGGERS = [
    f"CREATE TRIGGER audit_{change.lower()} BEFORE {change} ON audit"
    f" BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    for change in ("UPDATE", "DELETE")
]

POSTGRESQL_TRIGGERS = [
    "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
    "CREATE TRIGGER audit_change BEFORE UPDATE OR DELETE ON audit"
    " FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
]


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("team_id", "number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_subject", "audit", ["team_id", "subject", "number"], unique=False)
    op.create_table(
        "audit_heads",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("seal", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "book_orders",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("completes_at", sa.BigInteger(), nullable=False),
        sa.Column("refund", sa.Text(), nullable=False),
        sa.Column("handling_fee", sa.Text(), nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "id", name=op.f("pk_book_orders")),
    )
    op.create_index(
        "ix_book_orders_due",
        "book_orders",
        ["team_id", "completes_at"],
        unique=False,
        sqlite_where=sa.text("NOT done"),
        postgresql_where=sa.text("NOT done"),
    )
    op.create_index(
        "ix_book_orders_subscription",
        "book_orders",
        ["team_id", "account", "subscription_id"],
        unique=False,
    )
    op.create_table(
        "book_subscriptions",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("region", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=True),
        sa.Column("next_event_at", sa.BigInteger(), nullable=True),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "account", "id", name=op.f("pk_book_subscriptions")),
    )
    op.create_index(
        "ix_book_subscriptions_due",
        "book_subscriptions",
        ["team_id", "next_event_at"],
        unique=False,
        sqlite_where=sa.text("next_event_at IS NOT NULL"),
        postgresql_where=sa.text("next_event_at IS NOT NULL"),
    )
    op.create_index(
        "ix_book_subscriptions_region",
        "book_subscriptions",
        ["team_id", "account", "region"],
        unique=False,
    )
    op.create_table(
        "clock",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_clock")),
    )
    op.create_table(
        "deliveries",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("destination", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("update_of", TEXT, nullable=True),
        sa.Column("thread_of", TEXT, nullable=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("owed_as", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("channel", TEXT, nullable=True),
        sa.Column("ts", TEXT, nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("work_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("team_id", "id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("team_id", "key", name="uq_deliveries_key"),
    )
    op.create_index("ix_deliveries_owed", "deliveries", ["owed_as"], unique=False)
    op.create_index("ix_deliveries_state", "deliveries", ["state", "team_id"], unique=False)
    op.create_index(
        "ix_deliveries_stream",
        "deliveries",
        ["team_id", "stream", "sequence", "owed_as"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'sending', 'unknown')"),
        postgresql_where=sa.text("state IN ('pending', 'sending', 'unknown')"),
    )
    op.create_index(
        "ix_deliveries_update",
        "deliveries",
        ["team_id", "update_of"],
        unique=False,
        sqlite_where=sa.text("update_of IS NOT NULL"),
        postgresql_where=sa.text("update_of IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_work",
        "deliveries",
        ["team_id", "work_at", "owed_as"],
        unique=False,
        sqlite_where=sa.text("work_at IS NOT NULL"),
        postgresql_where=sa.text("work_at IS NOT NULL"),
    )
    op.create_table(
        "notes",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "name", name=op.f("pk_notes")),
    )
    op.create_table(
        "reminders",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("destination", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("anchor_kind", TEXT, nullable=False),
        sa.Column("anchor_date", TEXT, nullable=False),
        sa.Column("anchor_at", sa.BigInteger(), nullable=True),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("lead_due_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("delivery_id", TEXT, nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("team_id", "id", "destination", name=op.f("pk_reminders")),
    )
    op.create_index(
        "ix_reminders_delivery",
        "reminders",
        ["team_id", "delivery_id"],
        unique=False,
        sqlite_where=sa.text("delivery_id IS NOT NULL"),
        postgresql_where=sa.text("delivery_id IS NOT NULL"),
    )
    op.create_index(
        "ix_reminders_due",
        "reminders",
        ["team_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'armed' AND delivery_id IS NULL"),
        postgresql_where=sa.text("state = 'armed' AND delivery_id IS NULL"),
    )
    op.create_index(
        "ix_reminders_subscription",
        "reminders",
        ["team_id", "account", "subscription_id", "anchor_date"],
        unique=False,
    )
    op.create_table(
        "seen_events",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "event", name=op.f("pk_seen_events")),
    )
    op.create_index("ix_seen_events_at", "seen_events", ["team_id", "at"], unique=False)
    op.create_table(
        "workspaces",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("last_request", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_workspaces")),
    )
    op.create_table(
        "accounts",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["workspaces.team_id"],
            name=op.f("fk_accounts_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "name", name=op.f("pk_accounts")),
    )
    op.create_table(
        "requests",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("left_behind", sa.Text(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("requested_by", TEXT, nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("acknowledgement", sa.Text(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("required_approvals", sa.Integer(), nullable=False),
        sa.Column("approvers", sa.Text(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("cooling_off_minutes", sa.Integer(), nullable=False),
        sa.Column("rules", TEXT, nullable=False),
        sa.Column("if_kept", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("problem", TEXT, nullable=True),
        sa.Column("work_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["workspaces.team_id"],
            name=op.f("fk_requests_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "number", name=op.f("pk_requests")),
    )
    op.create_index(
        "ix_requests_deadline",
        "requests",
        ["team_id", "deadline"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_requests_person", "requests", ["team_id", "requested_by", "number"], unique=False
    )
    op.create_index(
        "ix_requests_work",
        "requests",
        ["team_id", "work_at", "number"],
        unique=False,
        sqlite_where=sa.text("work_at IS NOT NULL"),
        postgresql_where=sa.text("work_at IS NOT NULL"),
    )
    op.create_table(
        "decisions",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("request", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verb", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", TEXT, nullable=True),
        sa.Column("note", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id", "request"],
            ["requests.team_id", "requests.number"],
            name=op.f("fk_decisions_requests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "request", "number", name=op.f("pk_decisions")),
    )
    op.create_table(
        "request_items",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("request", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("region", TEXT, nullable=True),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("error_code", TEXT, nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.Column("refund_order", TEXT, nullable=True),
        sa.Column("refund_actual", sa.Text(), nullable=True),
        sa.Column("fee_actual", sa.Text(), nullable=True),
        sa.Column("auto_renew_off", sa.Boolean(), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id", "request"],
            ["requests.team_id", "requests.number"],
            name=op.f("fk_request_items_requests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "request", "position", name=op.f("pk_request_items")),
    )
    op.create_index(
        "uq_request_items_held",
        "request_items",
        ["team_id", "account", "subscription_id"],
        unique=True,
        sqlite_where=sa.text("held"),
        postgresql_where=sa.text("held"),
    )
    op.create_table(
        "request_steps",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("request", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subscriptions", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id", "request"],
            ["requests.team_id", "requests.number"],
            name=op.f("fk_request_steps_requests"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "request", "number", name=op.f("pk_request_steps")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("service", TEXT, nullable=True),
        sa.Column("region", TEXT, nullable=True),
        sa.Column("spec", TEXT, nullable=True),
        sa.Column("quantity", sa.Text(), nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("edition", TEXT, nullable=True),
        sa.Column("package", TEXT, nullable=True),
        sa.Column("parent_id", TEXT, nullable=True),
        sa.Column("billing_mode", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=True),
        sa.Column("auto_renew", sa.Boolean(), nullable=True),
        sa.Column("auto_renew_months", sa.Integer(), nullable=True),
        sa.Column("renewal_price", sa.Text(), nullable=True),
        sa.Column("notice_days", sa.Integer(), nullable=True),
        sa.Column("owner", TEXT, nullable=True),
        sa.Column("deputy", TEXT, nullable=True),
        sa.Column("channel", TEXT, nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("note", TEXT, nullable=True),
        sa.Column("transaction_in_progress", sa.Boolean(), nullable=True),
        sa.Column("renewals_locked", sa.Boolean(), nullable=True),
        sa.Column("search", TEXT, nullable=False),
        sa.Column("anchor_kind", TEXT, nullable=True),
        sa.Column("anchor_at", sa.BigInteger(), nullable=False),
        sa.Column("anchor_date", TEXT, nullable=True),
        sa.Column("group_key", TEXT, nullable=False),
        sa.Column("group_rank", sa.Integer(), nullable=False),
        sa.Column("group_anchor_at", sa.BigInteger(), nullable=False),
        sa.Column("known_since", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id", "account"],
            ["accounts.team_id", "accounts.name"],
            name=op.f("fk_subscriptions_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "account", "id", name=op.f("pk_subscriptions")),
    )
    op.create_index(
        "ix_subscriptions_anchor",
        "subscriptions",
        ["team_id", "anchor_at"],
        unique=False,
        sqlite_where=sa.text("gone_at IS NULL"),
        postgresql_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_subscriptions_group", "subscriptions", ["team_id", "account", "group_key"], unique=False
    )
    op.create_index(
        "ix_subscriptions_id", "subscriptions", ["team_id", "id", "account"], unique=False
    )
    op.create_index("ix_subscriptions_owner", "subscriptions", ["team_id", "owner"], unique=False)
    op.create_index(
        "ix_subscriptions_page",
        "subscriptions",
        ["team_id", "group_anchor_at", "account", "group_key", "group_rank", "anchor_at"],
        unique=False,
        sqlite_where=sa.text("gone_at IS NULL"),
        postgresql_where=sa.text("gone_at IS NULL"),
    )
    op.create_index("ix_subscriptions_region", "subscriptions", ["team_id", "region"], unique=False)
    op.create_index(
        "ix_subscriptions_service", "subscriptions", ["team_id", "service"], unique=False
    )
    op.create_table(
        "orders",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_type", TEXT, nullable=False),
        sa.Column("term_months", sa.Integer(), nullable=True),
        sa.Column("effective_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("provisioned_at", sa.BigInteger(), nullable=True),
        sa.Column("currency", TEXT, nullable=True),
        sa.Column("cash", sa.Text(), nullable=True),
        sa.Column("cash_coupon", sa.Text(), nullable=True),
        sa.Column("flexi_coupon", sa.Text(), nullable=True),
        sa.Column("stored_value", sa.Text(), nullable=True),
        sa.Column("discount_coupon", sa.Text(), nullable=True),
        sa.Column("cash_coupon_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("promotion", sa.Boolean(), nullable=True),
        sa.Column("invoiced", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id", "account", "subscription_id"],
            ["subscriptions.team_id", "subscriptions.account", "subscriptions.id"],
            name=op.f("fk_orders_subscriptions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "team_id", "account", "subscription_id", "number", name=op.f("pk_orders")
        ),
    )

    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(sa.schema.CreateSequence(sa.Sequence("owed")))
    for trigger in POSTGRESQL_TRIGGERS if on_postgresql else SQLITE_TRIGGERS:
        op.execute(trigger)
