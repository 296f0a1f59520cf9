"""The practice workspace's panels, without a page: what they show and what a press says."""

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from bot.demo.clock_panel import ClockPanel
from bot.demo.cloud_panel import CloudPanel
from bot.facts.faults import Fault
from bot.facts.rehearsing import Moved
from tests.clocks import SettableClock
from tests.factories import NOW, quota

PATIENCE = 5.0


@dataclass
class HeldUp:
    """A rehearsal in which something is under way until it is let go."""

    clock: SettableClock
    began: Event = field(default_factory=Event)
    go: Event = field(default_factory=Event)

    def next_event(self) -> None:
        return None

    def advance(self, by: timedelta) -> Moved:
        self.began.set()
        assert self.go.wait(PATIENCE)
        start = self.clock.now()
        self.clock.advance(by)
        return Moved(start=start, end=self.clock.now(), passed=())


def buttons(panel: ClockPanel) -> dict[str, bool]:
    found = [each for each in panel.describe()["items"] if each["type"] == "buttons"]
    return {each["label"]: each["disabled"] for row in found for each in row["controls"]}


def texts(panel: ClockPanel) -> list[str]:
    return [each["text"] for each in panel.describe()["items"] if each["type"] == "text"]


def test_the_clock_says_that_it_moves_and_takes_no_other_press_until_it_has() -> None:
    clock, started_over = SettableClock(NOW), Event()
    rehearsal = HeldUp(clock)
    stage: Any = SimpleNamespace(core=SimpleNamespace(clock=clock), rehearsal=rehearsal)
    panel = ClockPanel(stage=lambda: stage, counted=dict, start_over=started_over.set)
    said: list[str] = []
    moving = Thread(target=lambda: said.append(panel.press("day", {})))
    moving.start()
    assert rehearsal.began.wait(PATIENCE)

    assert set(buttons(panel).values()) == {True}
    assert texts(panel)[1] == "Moving by 1 day… What is under way finishes first."
    for control in ("minutes", "next", "start-over"):
        assert panel.press(control, {}) == (
            "Moving by 1 day… What is under way finishes first. Press again when it has moved."
        )
    rehearsal.go.set()
    moving.join(PATIENCE)

    assert said == ["Moved 1 day. No new messages."]
    assert clock.now() == NOW + timedelta(days=1)
    assert not started_over.is_set()
    assert set(buttons(panel).values()) == {False}
    assert texts(panel)[1] == "Nothing is ahead."
    panel.press("start-over", {})
    assert started_over.is_set()


class Armed:
    """What is armed, and no call yet."""

    fault: Fault | None = None

    def arm(self, fault: Fault) -> None:
        self.fault = fault

    def armed(self) -> Fault | None:
        return self.fault

    def calls(self) -> tuple[()]:
        return ()


@pytest.fixture
def cloud() -> CloudPanel:
    faults = Armed()
    stage: Any = SimpleNamespace(faults=faults, subscriptions=lambda: [quota()])
    return CloudPanel(stage=lambda: stage)


@pytest.mark.parametrize(
    ("values", "badge"),
    [
        (
            {"kind": "unreachable", "often": "once", "item": "any"},
            "cannot be read, until changed",
        ),
        (
            {"kind": "refuse", "often": "once", "item": str(quota().key)},
            f"refuses, once, {quota().label} · {quota().key.account}",
        ),
        ({"kind": "refuse", "often": "once", "item": "default/left"}, "refuses, once, left"),
    ],
)
def test_the_badge_says_what_is_armed_in_the_words_of_the_menus(
    cloud: CloudPanel, values: dict[str, str], badge: str
) -> None:
    assert cloud.press("arm", values) == f"The cloud {badge}."
    assert cloud.describe()["badge"] == f"Cloud: {badge}"
