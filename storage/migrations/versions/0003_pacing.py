"""Changed subscriptions wait to be planned; sending is paced; anchors are read in their order."""

import sqlalchemy as sa
from alembic import op

from storage.types import TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

THERE = "gone_at IS NULL"
BEGUN = "state IN ('sending', 'unknown')"
WAITS = "state = 'armed' AND delivery_id IS NULL"


def upgrade() -> None:
    op.create_table(
        "unplanned",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("team_id", "account", "id", name="pk_unplanned"),
    )
    op.create_table(
        "pacing",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("free_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "name", name="pk_pacing"),
    )
    op.add_column("deliveries", sa.Column("slot_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_reminders_destination",
        "reminders",
        ["team_id", "destination", "due_at"],
        unique=False,
        sqlite_where=sa.text(WAITS),
        postgresql_where=sa.text(WAITS),
    )
    op.create_index(
        "ix_deliveries_begun",
        "deliveries",
        ["team_id", "work_at"],
        unique=False,
        sqlite_where=sa.text(BEGUN),
        postgresql_where=sa.text(BEGUN),
    )
    op.drop_index("ix_subscriptions_anchor", table_name="subscriptions")
    op.create_index(
        "ix_subscriptions_anchor",
        "subscriptions",
        ["team_id", "anchor_at", "account", "id"],
        unique=False,
        sqlite_where=sa.text(THERE),
        postgresql_where=sa.text(THERE),
    )
