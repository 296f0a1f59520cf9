"""Two replicas, and one whose way to Slack is slow, or that is frozen before it: one message."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.ports.messenger import Posted
from bot.services.delivering import CALLED_WITHIN, LEASE, MAY_LAND, TIMEOUT
from handlers import client, wire
from handlers.client import SlackClient
from handlers.messenger import SlackMessenger
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import order, quota
from tests.proof.front import Front, front
from tests.proof.slack import SimulatedSlack
from tests.unit.services.rig import Rig
from tests.wires import HOST, resolve

ANOTHER_POSTS_AFTER = max(LEASE, TIMEOUT + MAY_LAND)


@pytest.fixture
def served(clock: SettableClock) -> Iterator[Front]:
    with front() as served:
        served.slack = SimulatedSlack(clock, Random(1))
        yield served


@pytest.fixture(autouse=True)
def monotonic(clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """All processes and wires have one clock, which goes on while one of them is frozen."""

    def instant() -> float:
        return clock.now().timestamp()

    for module in (wire, client):
        monkeypatch.setattr(module, "monotonic", instant)
    return instant


class Timeless(WebClient):
    """slack_sdk's own client: its timeout does not hold for looking up a name."""

    def over_by(self, _instant: float) -> AbstractContextManager[None]:
        return nullcontext()


class Frozen(SlackMessenger):
    """Its process stands still after the intent, once, before the call begins."""

    def __init__(self, client: SlackClient, meanwhile: Callable[[], None]) -> None:
        super().__init__(client)
        self._meanwhile = [meanwhile]

    def post(self, *args: Any, **asked: Any) -> Posted:
        while self._meanwhile:
            self._meanwhile.pop()()
        return super().post(*args, **asked)


def replica(store: SqlStore, clock: SettableClock, messenger: Any) -> Rig:
    rig = Rig(store, clock, elapsed=lambda: clock.now().timestamp())
    rig.messenger = messenger
    rig.start()
    return rig


def near(served: Front) -> SlackClient:
    return SlackClient("xoxb-1", base_url=f"http://127.0.0.1:{served.port}/", within=CALLED_WITHIN)


def owe(rig: Rig) -> None:
    rig.know(quota(orders=(order("2025-12-07 09:20"),), owner=None))
    rig.reminding.arm()
    rig.reminding.bundle_due()


def copies(served: Front, clock: SettableClock, *replicas: Rig) -> int:
    """How often it stands in Slack once everything has come to its end."""
    for each in replicas:
        clock.advance(timedelta(seconds=45))
        each.delivering.send_due()
    assert served.slack is not None
    return sum(line["event"] == "post" for line in served.slack.evidence)


def told(
    far: Any,
    served: Front,
    store: SqlStore,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    slow: timedelta,
) -> int:
    """How often it stands in Slack, when its first attempt takes so long to find the way."""
    first = replica(store, clock, SlackMessenger(far))
    second = replica(store, clock, SlackMessenger(near(served)))
    owe(first)

    def meanwhile() -> None:
        resolve(monkeypatch, served.port)  # at once from now on
        clock.advance(slow)
        second.delivering.send_due()

    resolve(monkeypatch, served.port, meanwhile=meanwhile)
    first.delivering.send_due()
    return copies(served, clock, first, second, first)


FAR = f"http://{HOST}/"


@pytest.mark.parametrize("slow", [timedelta(0), CALLED_WITHIN / 2, TIMEOUT, ANOTHER_POSTS_AFTER])
def test_a_slow_way_to_slack_makes_no_second_copy(served, store, clock, monkeypatch, slow):
    far = SlackClient("xoxb-1", base_url=FAR, within=CALLED_WITHIN)

    assert told(far, served, store, clock, monkeypatch, slow=slow) == 1
    with store.reading() as tx:
        assert tx.outbox.next_due() is None


def test_a_client_that_keeps_no_time_makes_one(served, store, clock, monkeypatch):
    far = Timeless("xoxb-1", base_url=FAR, timeout=10, retry_handlers=[])

    assert told(far, served, store, clock, monkeypatch, slow=ANOTHER_POSTS_AFTER) == 2


@pytest.mark.parametrize("frozen", [timedelta(seconds=each) for each in (1, 11, 35, 59, 70, 600)])
def test_a_freeze_before_the_call_makes_no_second_copy(served, store, clock, frozen):
    second = replica(store, clock, SlackMessenger(near(served)))

    def meanwhile() -> None:
        clock.advance(frozen)
        second.delivering.send_due()

    client = SlackClient(
        "xoxb-1", base_url=f"http://127.0.0.1:{served.port}/", within=CALLED_WITHIN
    )
    first = replica(store, clock, Frozen(client, meanwhile))
    owe(first)
    first.delivering.send_due()

    assert copies(served, clock, second, first, second) == 1
