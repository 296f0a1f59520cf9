"""A request may switch auto-renewal; those that are there unsubscribe."""

import sqlalchemy as sa
from alembic import op

from storage.types import TEXT

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("change", TEXT, nullable=True))
    op.add_column("request_items", sa.Column("charge", sa.Text(), nullable=True))
