"""Deciding: approvers are called again, others decide for them; what depends is remembered."""

import sqlalchemy as sa
from alembic import op

from storage.types import TEXT

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NOT_ENDED = "ended_at IS NULL"


def upgrade() -> None:
    op.add_column("requests", sa.Column("dependents", sa.Text(), nullable=True))
    op.add_column("request_items", sa.Column("promotion", sa.Boolean(), nullable=True))
    op.add_column("decisions", sa.Column("behalf", TEXT, nullable=True))
    op.add_column("decisions", sa.Column("called", sa.Text(), nullable=True))
    # What waits already is looked at once more, so that the next call is worked out for it.
    op.execute("UPDATE requests SET work_at = requested_at WHERE state = 'waiting' AND NOT closed")
    op.create_table(
        "delegations",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("approver", TEXT, nullable=False),
        sa.Column("delegate", TEXT, nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["workspaces.team_id"],
            name="fk_delegations_workspaces",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "id", name="pk_delegations"),
    )
    op.create_index(
        "ix_delegations_open",
        "delegations",
        ["team_id", "ends_at"],
        unique=False,
        sqlite_where=sa.text(NOT_ENDED),
        postgresql_where=sa.text(NOT_ENDED),
    )
