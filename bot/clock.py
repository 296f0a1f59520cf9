"""The machine's clock: for `lapse quote` alone, which has no database to ask."""

from datetime import UTC, datetime


class MachineClock:
    """The Clock port, told by the operating system."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may ask
