"""Savings: a request remembers which renewal ends with each subscription, and turning off is found.

Of requests that are there already nobody knows it by subscription.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TURNED_OFF = "action = 'autorenew.off'"


def upgrade() -> None:
    op.add_column("request_items", sa.Column("renewal", sa.Text(), nullable=True))
    op.create_index(
        "ix_audit_turned_off",
        "audit",
        ["team_id", "subject", "number"],
        unique=False,
        sqlite_where=sa.text(TURNED_OFF),
        postgresql_where=sa.text(TURNED_OFF),
    )
