"""The record says from where somebody acted, and keeps what is personal apart from its lines.

Lines that are there already stay as they are: their digests cover the ids in them, so that taking
those out would break the chain.
"""

import sqlalchemy as sa
from alembic import op

from storage.types import TEXT

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

REFUSED = "Personal values may be erased, not changed."
SQLITE = [
    "CREATE TRIGGER personal_values_update BEFORE UPDATE ON personal_values"
    f" BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
]
POSTGRESQL = [
    "CREATE FUNCTION personal_values_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$",
    "CREATE TRIGGER personal_values_update BEFORE UPDATE ON personal_values"
    " FOR EACH ROW EXECUTE FUNCTION personal_values_refuse()",
]


def upgrade() -> None:
    op.add_column("audit", sa.Column("origin", sa.Text(), nullable=True))
    op.create_table(
        "personal_values",
        sa.Column("team_id", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("salt", TEXT, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("team_id", "hash", name="pk_personal_values"),
    )
    op.create_index(
        "ix_personal_values_person", "personal_values", ["team_id", "person"], unique=False
    )
    op.create_index(
        "ix_personal_values_own",
        "personal_values",
        ["team_id", "person"],
        unique=False,
        sqlite_where=sa.text("own"),
        postgresql_where=sa.text("own"),
    )
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in POSTGRESQL if on_postgresql else SQLITE:
        op.execute(statement)
