"""What people should know beside figures, each notice once, however many quotes carry it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.billing.quote import Notice, Quote
from handlers import text

NAMED = 2
"""So many subscriptions are named before a notice that is not about all; the rest is counted."""

_BY_ITSELF = frozenset({"R11"})
"""Notices about what surrounds the subscriptions, which name nothing."""


class Note(NamedTuple):
    """A sentence, never parsed, and the number of its rule."""

    rule: str
    text: str

    @property
    def with_rule(self) -> str:
        """`It uses one of this year's 10 returns. (R37)`."""
        return self.text if f"({self.rule})" in self.text else f"{self.text} ({self.rule})"


def notes(quotes: Sequence[tuple[str, Quote]]) -> list[Note]:
    """The notices of quotes with the names they go by; one that is not about all says whose."""
    about: dict[Notice, list[str]] = {}
    for label, quote in quotes:
        for notice in quote.warnings:
            about.setdefault(notice, []).append(label)
    return once(
        Note(notice.rule, f"{_whose(labels, notice, of=len(quotes))}{text.tied(notice.text)}")
        for notice, labels in about.items()
    )


def once(found: Iterable[Note]) -> list[Note]:
    """Each sentence once, and those that name nothing once a rule."""
    kept = {note.rule if note.rule in _BY_ITSELF else note.text: note for note in found}
    return list(kept.values())


def _whose(labels: Sequence[str], notice: Notice, *, of: int) -> str:
    if len(labels) == of or notice.rule in _BY_ITSELF:
        return ""
    rest = len(labels) - NAMED
    named = text.joined([*labels[:NAMED], f"{rest} more"] if rest > 0 else labels)
    return f"{named}: "
