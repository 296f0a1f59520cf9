"""Everything that speaks SQL: the Store and Clock ports on SQLite and PostgreSQL."""

from storage.engine import Database, open_database, open_store
from storage.errors import DatabaseAway, DatabaseInUse, SchemaNewer, SchemaOlder, StorageError

__all__ = [
    "Database",
    "DatabaseAway",
    "DatabaseInUse",
    "SchemaNewer",
    "SchemaOlder",
    "StorageError",
    "open_database",
    "open_store",
]
