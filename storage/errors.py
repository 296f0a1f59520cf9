"""What can be wrong with a database, each with a sentence and what to do."""

from bot.ports.store import StoreAway


class StorageError(Exception):
    """An expected trouble of the database; `sentence` says what happened, `advice` what to do."""

    def __init__(self, sentence: str, advice: str) -> None:
        super().__init__(f"{sentence} {advice}")
        self.sentence = sentence
        self.advice = advice


class DatabaseAway(StorageError, StoreAway):
    """The database cannot be reached, opened or written now."""

    def __init__(self) -> None:
        super().__init__("The database does not answer.", "Check `LAPSE_DATABASE_URL`.")


class NoRoomToStage(StorageError):
    """What is read for an import or a sync finds no room in the directory of temporary files."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"Temporary files cannot be written ({cause}), and nothing was changed.",
            "Free some space, or name another directory in `SQLITE_TMPDIR`, and try again.",
        )


class DatabaseUnknown(StorageError):
    """The URL names a database that Lapse does not speak, or one that forgets."""

    def __init__(self) -> None:
        super().__init__(
            "The database is neither a SQLite file nor PostgreSQL.",
            "Set `LAPSE_DATABASE_URL` to `sqlite:///lapse.db` or `postgresql+psycopg://…`.",
        )


class DatabaseInUse(StorageError):
    """Another `lapse run` holds the SQLite file; `name` is the file's."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Another `lapse run` uses {name}.", "Stop that one, or use PostgreSQL.")


class DatabaseNamedTwice(StorageError):
    """A hard link gives the SQLite file a second name; each name would have a log of its own."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has a second name, a hard link, by which another program would ruin it."
            " Lapse was not started.",
            "Remove the other name, or run Lapse on a copy.",
        )


class SchemaOlder(StorageError):
    """The database was not migrated yet; revisions are like `0004`, `0000` is an empty one."""

    def __init__(self, *, current: str, needed: str) -> None:
        super().__init__(
            f"The database is at schema {current}, Lapse needs {needed}.",
            "Run `lapse migrate`.",
        )
        self.current = current
        self.needed = needed


class SchemaNewer(StorageError):
    """A newer Lapse migrated the database; this one would misread it."""

    def __init__(self, *, current: str) -> None:
        super().__init__("The database is newer than this Lapse.", "Install the newer version.")
        self.current = current
