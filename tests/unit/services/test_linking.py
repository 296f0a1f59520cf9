"""Links are asked for once, by nobody while Slack has stopped them, and nothing waits for one."""

from datetime import timedelta

import pytest

from bot.ports.messenger import Limited, Posted
from bot.services.linking import Linking
from bot.services.pacing import Limits, Pacing
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.messengers import FakeMessenger

AT = Posted("C0APPROVALS", "1.2")
OTHER = Posted("C0APPROVALS", "1.3")


@pytest.fixture
def messenger(clock: SettableClock) -> FakeMessenger:
    return FakeMessenger(clock)


def linking(store: SqlStore, clock: SettableClock, messenger: FakeMessenger) -> Linking:
    return Linking(store=store, clock=clock, messenger=messenger, pacing=Pacing(Limits()))


def test_a_link_is_asked_for_once(
    store: SqlStore, clock: SettableClock, messenger: FakeMessenger
) -> None:
    links = linking(store, clock, messenger)

    assert links.link(AT) == links.link(AT) == "https://slack.test/archives/C0APPROVALS/p12"
    assert messenger.links == 1


def test_no_replica_asks_for_a_link_before_slack_allows_it(
    store: SqlStore, clock: SettableClock, messenger: FakeMessenger
) -> None:
    first, second = (linking(store, clock, messenger) for _ in range(2))
    first.link(AT)
    messenger.no_links = Limited("ratelimited", retry_after=300)

    with store.reading():  # as while a message is composed
        assert first.link(OTHER) is None
    assert first.link(OTHER) is second.link(OTHER) is None
    assert first.link(AT) is not None  # this one is known
    assert messenger.links == 2

    messenger.no_links = None
    clock.advance(timedelta(seconds=300))
    assert second.link(OTHER) is not None
