"""A running workspace for a story; afterwards every payload that was sent is looked at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.world import World
from tests.clocks import SettableClock


@pytest.fixture
def world(tmp_path: Path, database_url: str, clock: SettableClock) -> Iterator[World]:
    """The practice workspace without its catalogue, Lapse started, ticks driven by hand."""
    world = World(data=tmp_path, database_url=database_url, clock=clock)
    try:
        world.start()
        yield world
        assert not world.slack.refused(), "Slack would have refused a payload"
        assert world.remarks() == [], "a message says less to a screen reader than to the eye"
    finally:
        world.close()
