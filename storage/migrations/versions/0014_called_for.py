"""What a cloud was called for by a request that is over is found by its subscription."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CALLED_FOR = sa.text("NOT held AND state IN ('sent', 'unknown', 'gone')")


def upgrade() -> None:
    op.create_index(
        "ix_request_items_called_for",
        "request_items",
        ["team_id", "account", "subscription_id"],
        sqlite_where=CALLED_FOR,
        postgresql_where=CALLED_FOR,
    )
