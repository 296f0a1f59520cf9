"""Lists of any length: filters have indexes, words are found by three letters."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

THERE = "gone_at IS NULL"
LISTED = f"{THERE} AND (status IS NULL OR status <> 'unsubscribed')"
PAGE = ["team_id", "group_anchor_at", "account", "group_key", "group_rank", "anchor_at"]
FILTERS = ["status", "service", "region", "owner", "kind", "auto_renew"]
VERSION = ["generation", "replaced_in"]
PARTIAL = {
    "page": ([*PAGE, *FILTERS, *VERSION], THERE),
    "account": (["team_id", "account"], LISTED),
    **{name: (["team_id", name, *VERSION], LISTED) for name in FILTERS[1:]},
    "status": (["team_id", "status", *VERSION], THERE),
}

# A row's number is what it has in SQLite: VACUUM keeps it in a table with an index.
SQLITE_WORDS = [
    "CREATE VIRTUAL TABLE subscription_words USING fts5("
    "search, content='', columnsize=0, tokenize='trigram case_sensitive 1')",
    "INSERT INTO subscription_words (rowid, search) SELECT rowid, search FROM subscriptions",
    "CREATE TRIGGER subscriptions_word AFTER INSERT ON subscriptions BEGIN"
    " INSERT INTO subscription_words (rowid, search) VALUES (new.rowid, new.search);"
    " END",
    "CREATE TRIGGER subscriptions_reword AFTER UPDATE OF search ON subscriptions"
    " WHEN old.search <> new.search BEGIN"
    " INSERT INTO subscription_words (subscription_words, rowid, search)"
    " VALUES ('delete', old.rowid, old.search);"
    " INSERT INTO subscription_words (rowid, search) VALUES (new.rowid, new.search);"
    " END",
    "CREATE TRIGGER subscriptions_unword AFTER DELETE ON subscriptions BEGIN"
    " INSERT INTO subscription_words (subscription_words, rowid, search)"
    " VALUES ('delete', old.rowid, old.search);"
    " END",
]

POSTGRESQL_WORDS = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX ix_subscriptions_words ON subscriptions USING gin (search gin_trgm_ops)",
]


def upgrade() -> None:
    for name in ("page", "service", "region", "owner"):
        op.drop_index(f"ix_subscriptions_{name}", "subscriptions")
    for name, (columns, where) in PARTIAL.items():
        op.create_index(
            f"ix_subscriptions_{name}",
            "subscriptions",
            columns,
            unique=False,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    op.create_index(
        "ix_reminders_state",
        "reminders",
        ["team_id", "state", "sent_at", "due_at", "destination"],
        unique=False,
    )
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in POSTGRESQL_WORDS if on_postgresql else SQLITE_WORDS:
        op.execute(statement)
