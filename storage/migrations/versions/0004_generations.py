"""Subscriptions, their orders and the book in versions, so that an import is seen all at once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
CHANGED = ("orders", "subscriptions", "book_subscriptions")  # children before their parent
REPLACED = "replaced_in IS NOT NULL"
LISTED = "gone_at IS NULL"
PARENTED = "parent_id IS NOT NULL"
TO_HAPPEN = "next_event_at IS NOT NULL"


def upgrade() -> None:
    before = {table: _set_aside(table) for table in CHANGED}
    _generations()
    _subscriptions()
    _orders()
    _book()
    for table in reversed(CHANGED):
        columns = ", ".join(before[table])
        op.execute(
            f"INSERT INTO {table} (generation, {columns}) SELECT 1, {columns} FROM old_{table}"
        )
        op.execute(f"DROP TABLE old_{table}")


def _set_aside(table: str) -> list[str]:
    """Neither the key of a table nor what refers to it can be changed in place on SQLite."""
    columns = [f'"{each["name"]}"' for each in sa.inspect(op.get_bind()).get_columns(table)]
    op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")
    op.drop_table(table)
    return columns


def _generations() -> None:
    op.create_table(
        "generations",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("visible", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=True),
        sa.Column("holder", TEXT, nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["workspaces.team_id"],
            name=op.f("fk_generations_workspaces"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_generations")),
    )
    op.execute("INSERT INTO generations (team_id, visible) SELECT team_id, 1 FROM workspaces")
    op.create_table(
        "touched",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("team_id", "account", "id", name=op.f("pk_touched")),
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("replaced_in", sa.Integer(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
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
        sa.PrimaryKeyConstraint(
            "team_id", "account", "id", "generation", name=op.f("pk_subscriptions")
        ),
    )
    _index("subscriptions", "id", "id", "account")
    _index("subscriptions", "group", "account", "group_key")
    for column in ("service", "region", "owner"):
        _index("subscriptions", column, column)
    _index("subscriptions", "parent", "account", "parent_id", where=PARENTED)
    _index("subscriptions", "replaced", "replaced_in", where=REPLACED)
    _index(
        "subscriptions",
        "anchor",
        "anchor_at",
        "account",
        "id",
        "generation",
        "replaced_in",
        where=LISTED,
    )
    _index(
        "subscriptions",
        "page",
        "group_anchor_at",
        "account",
        "group_key",
        "group_rank",
        "anchor_at",
        "generation",
        "replaced_in",
        where=LISTED,
    )


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("subscription_id", TEXT, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
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
            ["team_id", "account", "subscription_id", "generation"],
            [
                "subscriptions.team_id",
                "subscriptions.account",
                "subscriptions.id",
                "subscriptions.generation",
            ],
            name=op.f("fk_orders_subscriptions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "team_id",
            "account",
            "subscription_id",
            "generation",
            "number",
            name=op.f("pk_orders"),
        ),
    )


def _book() -> None:
    op.create_table(
        "book_subscriptions",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("replaced_in", sa.Integer(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("region", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=True),
        sa.Column("next_event_at", sa.BigInteger(), nullable=True),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "team_id", "account", "id", "generation", name=op.f("pk_book_subscriptions")
        ),
    )
    _index("book_subscriptions", "due", "next_event_at", where=TO_HAPPEN)
    _index("book_subscriptions", "region", "account", "region")
    _index("book_subscriptions", "replaced", "replaced_in", where=REPLACED)


def _index(table: str, name: str, *columns: str, where: str | None = None) -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        f"ix_{table}_{name}",
        table,
        ["team_id", *columns],
        unique=False,
        sqlite_where=condition,
        postgresql_where=condition,
    )
