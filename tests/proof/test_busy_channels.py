"""Sweeps of a channel in which very much is said, and of which Slack shows a page a minute."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from bot.billing.subscription import SlackUser
from bot.ports.store import Delivery, DeliveryState
from bot.services.composing import Composing
from bot.services.delivering import Delivering
from bot.services.pacing import Limits, Pacing
from bot.services.people import People
from bot.services.rerouting import Rerouting
from bot.services.sweeping import ONCE_MORE_AFTER, Sweeping
from handlers.messenger import SlackMessenger
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import order, quota
from tests.messengers import FakeDirectory
from tests.proof.one_page import OnePageSlack
from tests.proof.slack import Answer, Client, Landed, Mood
from tests.unit.services.rig import FINOPS, Rig

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
PAGE = 15


class BusySlack(OnePageSlack):
    """Somebody says something each so many seconds."""

    def __init__(self, clock: SettableClock, *, every: int, script: Sequence[str] = ()) -> None:
        super().__init__(clock, Random(1), Mood(page=PAGE), list(script))
        self.every = every

    def call(self, method: str, asked: Mapping[str, Any], *, wait: Callable[[int], None]) -> Answer:
        """As ever, with as many messages as fit in what is asked for."""
        if method.startswith("conversations."):
            latest = min(float(asked["latest"]), self.clock.now().timestamp())
            noise = max(1, int((latest - float(asked["oldest"])) / self.every))
            self.mood = Mood(page=PAGE, noise=noise)
        return super().call(method, asked, wait=wait)

    def posts(self) -> Sequence[Landed]:
        """What stands in the channel."""
        return [each for each in self.history if each.channel == FINOPS]


class Replica:
    """One process: a messenger of its own before the common Slack and store."""

    def __init__(self, rig: Rig, slack: BusySlack) -> None:
        self.before: Callable[[str], None] = lambda _method: None
        self._slack = slack
        messenger = SlackMessenger(Client(self._call))  # type: ignore[arg-type]  # as slack_sdk's
        people = People(directory=FakeDirectory(), policy=rig.policy)
        self.delivering = Delivering(
            store=rig.store,
            clock=rig.clock,
            messenger=messenger,
            composing=Composing(links=messenger, announcing=rig.reminding.announcing),
            rerouting=Rerouting(store=rig.store, clock=rig.clock, policy=rig.policy, people=people),
            pacing=Pacing(Limits()),
            elapsed=lambda: 0.0,
            steady_since=lambda: rig.steady_since,
        )
        self.sweeping = Sweeping(
            store=rig.store,
            clock=rig.clock,
            messenger=messenger,
            pacing=Pacing(Limits()),
            steady_since=lambda: rig.steady_since,
            operators=lambda: (SlackUser("U0OPS"),),
        )

    def _call(self, method: str, asked: Mapping[str, Any]) -> Answer:
        self.before(method)
        return self._slack.call(method, asked, wait=lambda _seconds: None)


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """A reminder is bundled and due."""
    rig = Rig(store, clock)
    rig.know(quota(orders=(order("2025-12-07 09:20"),), owner=None))
    rig.reminding.arm()
    rig.reminding.bundle_due()
    return rig


def the_delivery(rig: Rig) -> Delivery:
    [ref] = {row.delivery_id for row in rig.rows() if row.delivery_id}
    with rig.store.reading() as tx:
        found = tx.outbox.get(ref)
    assert found is not None
    return found


def test_a_copy_that_lands_while_its_sweep_is_interrupted_is_taken_back(rig: Rig) -> None:
    slack = BusySlack(rig.clock, every=8)
    frozen, other = Replica(rig, slack), Replica(rig, slack)

    def until_half_a_sweep(method: str) -> None:
        if method != "chat.postMessage":
            return
        frozen.before = lambda _method: None
        rig.clock.advance(61 * SECOND)
        while the_delivery(rig).state is not DeliveryState.SENT:
            other.delivering.send_due()
            rig.clock.advance(SECOND)
        rig.clock.advance(80 * SECOND)
        other.sweeping.sweep_due()
        rig.clock.advance(5 * SECOND)

    frozen.before = until_half_a_sweep
    frozen.delivering.send_due()
    assert len(slack.posts()) == 2

    for _ in range(20):
        other.sweeping.sweep_due()
        rig.clock.advance(MINUTE)

    assert len(slack.posts()) == 1


@pytest.mark.parametrize(
    ("every", "within"),
    [(60, timedelta(minutes=20)), (15, timedelta(minutes=70)), (8, timedelta(minutes=130))],
)
def test_a_sweep_ends_however_much_is_said_meanwhile(
    rig: Rig, every: int, within: timedelta
) -> None:
    slack = BusySlack(rig.clock, every=every, script=["F7 request lost"])
    replica = Replica(rig, slack)
    ends = rig.clock.now() + ONCE_MORE_AFTER + 3 * MINUTE + within
    while rig.clock.now() < ends:
        replica.delivering.send_due()
        replica.sweeping.sweep_due()
        rig.clock.advance(MINUTE)

    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None
    assert the_delivery(rig).state is DeliveryState.SENT
