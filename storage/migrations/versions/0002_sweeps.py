"""Deliveries that were attempted more than once are looked for once more; parts find their main."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WAITS = "sweep_at IS NOT NULL"
PARENTED = "parent_id IS NOT NULL"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("first_at", sa.BigInteger(), nullable=True))
    op.add_column("deliveries", sa.Column("sweep_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE deliveries SET first_at = started_at")
    op.create_index(
        "ix_deliveries_sweep",
        "deliveries",
        ["team_id", "sweep_at"],
        unique=False,
        sqlite_where=sa.text(WAITS),
        postgresql_where=sa.text(WAITS),
    )
    op.create_index(
        "ix_subscriptions_parent",
        "subscriptions",
        ["team_id", "account", "parent_id"],
        unique=False,
        sqlite_where=sa.text(PARENTED),
        postgresql_where=sa.text(PARENTED),
    )
