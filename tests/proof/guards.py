"""The guards of the engine, and each of them taken away, from the SQL stores and from the model."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import and_, bindparam, true

from bot.ports.store import DeliveryState
from bot.services import arming, delivering, wanting
from bot.services.arming import Arming
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.pacing import Pacing
from bot.services.steadiness import Steadiness
from bot.services.sweeping import Sweeping
from storage import engine, outbox_statements
from storage.outbox import SqlOutbox
from storage.reminders import SqlReminders
from storage.tables import deliveries
from tests.clocks import always_steady
from tests.proof import memory
from tests.proof.memory import MemoryOutbox

NOTHING = timedelta(0)


@contextmanager
def without_fence() -> Iterator[None]:
    """Whoever once held a delivery may still record an outcome."""
    row = deliveries.c

    def held() -> Any:
        return and_(
            row.team_id == bindparam("team"),
            row.id == bindparam("held"),
            row.fence <= bindparam("with_fence") + 1_000_000,
        )

    def held_in_memory(self: MemoryOutbox, delivery: Any) -> Any:
        return self._rows.get(delivery.id)

    with (
        _recompiled(),
        patch.object(outbox_statements, "_held", held),
        patch.object(MemoryOutbox, "_held", held_in_memory),
    ):
        yield


@contextmanager
def without_intent() -> Iterator[None]:
    """Nothing is written before the first byte."""

    def begin(_self: object, delivery: Any, *, at: Any) -> Any:
        return replace(
            delivery, state=DeliveryState.SENDING, attempt=delivery.attempt + 1, started_at=at
        )

    with patch.object(SqlOutbox, "begin", begin), patch.object(MemoryOutbox, "begin", begin):
        yield


@contextmanager
def without_wait() -> Iterator[None]:
    """An attempt is looked for at once, while it may still land."""
    with (
        patch.object(delivering, "MAY_LAND", NOTHING),
        patch.object(delivering, "TIMEOUT", NOTHING),
    ):
        yield


@contextmanager
def without_look() -> Iterator[None]:
    """What may have been posted is posted again without looking."""
    with patch.object(Delivering, "_landed", lambda *_arguments, **_named: None):
        yield


@contextmanager
def without_unique_key() -> Iterator[None]:
    """A reminder is entered as often as somebody thinks of it."""
    move = SqlReminders._move

    def moved(self: SqlReminders) -> Any:
        insert = self._work.insert(move(self).table)
        names = ("due_at", "lead_due_at", "anchor_kind", "anchor_at", "state", "reason")
        return insert.on_conflict_do_update(
            index_elements=["team_id", "id", "destination"],
            set_={**{name: insert.excluded[name] for name in names}, "delivery_id": None},
            where=true(),
        )

    def moved_in_memory(known: Any, wanted: Any) -> Any:
        return replace(wanted, sent_at=known.sent_at)

    with (
        patch.object(wanting, "_is_lacking", lambda wanted, _known: wanted.due_at is not None),
        patch.object(SqlReminders, "_move", moved),
        patch.object(memory, "_moved", moved_in_memory),
    ):
        yield


@contextmanager
def without_sweep() -> Iterator[None]:
    """Nobody looks once more."""
    with patch.object(Sweeping, "sweep_due", lambda _self: 0):
        yield


@contextmanager
def without_full() -> Iterator[None]:
    """A commit returns before it is on the disk."""
    settings = tuple(each.replace("= FULL", "= NORMAL") for each in engine._SETTINGS)
    with patch.object(engine, "_SETTINGS", settings):
        yield


@contextmanager
def without_patience() -> Iterator[None]:
    """What Slack limited is sent again soon, whatever Slack says."""
    with patch.object(Pacing, "hold", lambda *_arguments, **_named: None):
        yield


@contextmanager
def without_patience_of_sweeps() -> Iterator[None]:
    """A sweep reads on, though Slack has stopped reading for the workspace."""
    with patch.object(Sweeping, "_may_call", lambda _self: True):
        yield


@contextmanager
def without_second_thought() -> Iterator[None]:
    """What was bundled is sent, whatever was withdrawn since."""
    with (
        patch.object(Composing, "dropped", lambda *_arguments, **_named: ()),
        patch.object(Arming, "_objections", lambda *_arguments: ()),
    ):
        yield


@contextmanager
def without_release() -> Iterator[None]:
    """What waited until its date had passed is told as it was bundled."""
    with patch.object(Composing, "overtaken", lambda *_arguments, **_named: False):
        yield


@contextmanager
def without_absences() -> Iterator[None]:
    """Nobody knows that nobody ran, and what passed meanwhile."""
    with patch.object(arming, "absences", lambda *_arguments, **_named: ()):
        yield


@contextmanager
def without_steadiness() -> Iterator[None]:
    """The wait goes by the database's clock, however it leaps.

    Too rare to be missed within a thousand lives, so it has lives of its own.
    """
    with patch.object(Steadiness, "since", lambda _self: always_steady()):
        yield


@contextmanager
def _recompiled() -> Iterator[None]:
    built = (outbox_statements.begin, outbox_statements.settle)
    for each in built:
        each.cache_clear()
    try:
        yield
    finally:
        for each in built:
            each.cache_clear()


GUARDS: Mapping[str, Callable[[], Any]] = {
    "fence": without_fence,
    "intent": without_intent,
    "wait": without_wait,
    "look": without_look,
    "unique key": without_unique_key,
    "sweep": without_sweep,
    "FULL": without_full,
    "Retry-After": without_patience,
    "Retry-After of reads": without_patience_of_sweeps,
    "second thought": without_second_thought,
    "release": without_release,
    "absences": without_absences,
}
