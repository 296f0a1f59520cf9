"""The code that ties a person's click to its log lines, written like `7F3K-9Q2M`."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No letter that is read as another letter or digit."""

_current: ContextVar[str] = ContextVar("correlation", default="")


def new_code() -> str:
    """A fresh code; 30^8 of them make a repetition within a day's log unlikely."""
    number = secrets.randbelow(len(ALPHABET) ** 8)  # once: every acknowledgement waits for it
    letters = [ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(8)]
    return f"{''.join(letters[:4])}-{''.join(letters[4:])}"


@contextmanager
def correlated(code: str) -> Iterator[None]:
    """Everything logged inside belongs to this code."""
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)


class Correlated(logging.Filter):
    """Adds `code` to every log record of the click that is being worked on."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never leaves a record out."""
        if not hasattr(record, "code"):
            record.code = _current.get()
        return True
