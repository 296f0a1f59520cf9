"""Two replicas, none stopped or frozen, and one whose way to Slack is slow: one message."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.services.delivering import CALLED_WITHIN, LEASE, MAY_LAND, TIMEOUT
from handlers import wire
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


def replica(store: SqlStore, clock: SettableClock, client: WebClient) -> Rig:
    rig = Rig(store, clock)
    messenger: Any = SlackMessenger(client)
    rig.messenger = messenger
    rig.start()
    return rig


def told(
    kind: Any,
    served: Front,
    store: SqlStore,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    slow: timedelta,
) -> int:
    """How often it stands in Slack, when its first attempt takes so long to find the way."""
    monkeypatch.setattr(wire, "monotonic", lambda: clock.now().timestamp())
    near = SlackClient("xoxb-1", base_url=f"http://127.0.0.1:{served.port}/", within=CALLED_WITHIN)
    first, second = replica(store, clock, kind), replica(store, clock, near)
    first.know(quota(orders=(order("2025-12-07 09:20"),), owner=None))
    first.reminding.arm()
    first.reminding.bundle_due()

    def meanwhile() -> None:
        monkeypatch.undo()
        monkeypatch.setattr(wire, "monotonic", lambda: clock.now().timestamp())
        resolve(monkeypatch, served.port)  # at once from now on
        clock.advance(slow)
        second.delivering.send_due()

    resolve(monkeypatch, served.port, meanwhile=meanwhile)
    first.delivering.send_due()
    for each in (first, second, first):
        clock.advance(timedelta(seconds=45))
        each.delivering.send_due()
    assert served.slack is not None
    return sum(line["event"] == "post" for line in served.slack.evidence)


FAR = f"http://{HOST}/"


@pytest.mark.parametrize("slow", [timedelta(0), CALLED_WITHIN / 2, TIMEOUT, ANOTHER_POSTS_AFTER])
def test_a_slow_way_to_slack_makes_no_second_copy(served, store, clock, monkeypatch, slow):
    client = SlackClient("xoxb-1", base_url=FAR, within=CALLED_WITHIN)

    assert told(client, served, store, clock, monkeypatch, slow=slow) == 1
    with store.reading() as tx:
        assert tx.outbox.next_due() is None


def test_a_client_that_keeps_no_time_makes_one(served, store, clock, monkeypatch):
    client = WebClient("xoxb-1", base_url=FAR, timeout=10, retry_handlers=[])

    assert told(client, served, store, clock, monkeypatch, slow=ANOTHER_POSTS_AFTER) == 2
