"""A sweep knows up to when a copy may have landed that it is to find."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("sweep_until", sa.BigInteger(), nullable=True))
    op.execute("UPDATE deliveries SET sweep_until = sweep_at WHERE sweep_at IS NOT NULL")
