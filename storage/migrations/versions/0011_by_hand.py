"""By hand: what a person carries out, who is asked by when, and what shows that it is done."""

import sqlalchemy as sa
from alembic import op

from storage.types import TEXT

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("by_hand", sa.Boolean(), nullable=True))
    open_by_hand = sa.text("by_hand AND state IN ('executing', 'verifying')")
    op.create_index(
        "ix_requests_by_hand",
        "requests",
        ["team_id", "number"],
        sqlite_where=open_by_hand,
        postgresql_where=open_by_hand,
    )
    op.add_column("request_items", sa.Column("task", sa.Text(), nullable=True))
    op.add_column("request_items", sa.Column("asked", TEXT, nullable=True))
    op.add_column("request_items", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.add_column("decisions", sa.Column("items", sa.Text(), nullable=True))
    op.add_column("decisions", sa.Column("evidence", TEXT, nullable=True))
