"""The guards of the calls to a cloud, and each of them taken away."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from bot.billing import stepping
from bot.billing.unsubscription import Request, Step, StepState
from bot.ports.provider import Provider
from bot.services import calling
from bot.services.calling import Calling
from bot.services.progress import Progress
from storage.requests import SqlRequests
from tests.proof.memory_requests import MemoryRequests

NOTHING, FOR_EVER = timedelta(0), timedelta(days=1)
_GOING, _SETTLED = StepState.ACCEPTED, frozenset({StepState.DONE, StepState.REFUSED})


@contextmanager
def without_intent() -> Iterator[None]:
    """Nothing is written before the call."""
    with patch.object(Progress, "intend", lambda _self, _before, moved: moved):
        yield


@contextmanager
def without_look() -> Iterator[None]:
    """What may have been done is asked for again without looking, when it can no longer land."""

    def wait_only(self: Calling, request: Request, step: Step, _provider: Provider) -> None:
        now = self._now()
        if step.started_at is not None and now < step.started_at + calling.SETTLED_AFTER:
            self._progress.again(request, at=now + calling.LOOK_EVERY)
            return
        undone = stepping.step_not_done(request, step.number)
        self._progress.save(request, undone, again=now)

    with patch.object(Calling, "_look", wait_only):
        yield


@contextmanager
def without_wait() -> Iterator[None]:
    """What was not found is asked for again at once, while it may still land."""
    with patch.object(calling, "SETTLED_AFTER", NOTHING):
        yield


@contextmanager
def without_compare() -> Iterator[None]:
    """Whoever saves last wins, whatever others saved since it read."""

    def overwriting(save: Callable[[Any, Request], Request]) -> Callable[[Any, Request], Request]:
        def saved(self: Any, request: Request) -> Request:
            known = self.get(request.number)
            return save(self, replace(request, version=known.version) if known else request)

        return saved

    with (
        patch.object(MemoryRequests, "save", overwriting(MemoryRequests.save)),
        patch.object(SqlRequests, "save", overwriting(SqlRequests.save)),
    ):
        yield


@contextmanager
def without_order() -> Iterator[None]:
    """Any step may be next."""

    def last(request: Request) -> Step | None:
        unsettled = [step for step in request.steps if step.state not in _SETTLED]
        return max(
            unsettled, key=lambda step: (step.state is not _GOING, step.number), default=None
        )

    with (
        patch.object(stepping, "next_step", last),
        patch.object(Calling, "_waits_for_basic", lambda *_: False),
    ):
        yield


@contextmanager
def without_haste() -> Iterator[None]:
    """A call is made however long its intent took to record."""
    with patch.object(calling, "STARTS_WITHIN", FOR_EVER):
        yield


GUARDS: Mapping[str, tuple[Callable[[], Any], str]] = {
    "intent": (without_intent, "a lost answer of a slow cloud"),
    "look": (without_look, "a lost answer of a slow cloud"),
    "wait": (without_wait, "a lost request, then one that lands late"),
    "compare-and-set": (without_compare, "two replicas"),
    "order": (without_order, "a quota, then two packages"),
    "haste": (without_haste, "two replicas and answers that come late"),
}
"""Each with a scenario in which it is missed."""
