"""What a closed request left at the cloud is found by its subscription, before another call."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

LEFT_OPEN = sa.text("NOT held AND state IN ('sent', 'unknown')")


def upgrade() -> None:
    op.create_index(
        "ix_request_items_left_open",
        "request_items",
        ["team_id", "account", "subscription_id"],
        sqlite_where=LEFT_OPEN,
        postgresql_where=LEFT_OPEN,
    )
