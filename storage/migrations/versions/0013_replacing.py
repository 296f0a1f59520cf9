"""What replaces a row is refused like what changes one, and so is emptying a table at one stroke.

SQLite deletes what `INSERT OR REPLACE` replaces without asking the triggers of deletion. A row is
found there by its key or by its number; where nobody names a number, it is one that no row has.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

EMPTIED = "Personal values may be erased, not truncated."
SQLITE = [
    f"CREATE TRIGGER {table}_replace BEFORE INSERT ON {table}"
    f" WHEN EXISTS (SELECT 1 FROM {table} WHERE team_id = new.team_id AND {key} = new.{key})"
    f" OR EXISTS (SELECT 1 FROM {table} WHERE rowid = new.rowid)"
    f" BEGIN SELECT RAISE(ABORT, '{refused}'); END"
    for table, key, refused in (
        ("audit", "number", "The audit record is append-only."),
        ("personal_values", "hash", "Personal values may be erased, not changed."),
    )
]
POSTGRESQL = [
    "CREATE FUNCTION personal_values_keep() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{EMPTIED}'; END $$",
    "CREATE TRIGGER personal_values_truncate BEFORE TRUNCATE ON personal_values"
    " FOR EACH STATEMENT EXECUTE FUNCTION personal_values_keep()",
]


def upgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in POSTGRESQL if on_postgresql else SQLITE:
        op.execute(statement)
