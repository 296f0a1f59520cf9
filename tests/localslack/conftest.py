"""A small workspace, a local Slack with short waits, and Slack's own Bolt connected to it."""

import contextlib
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from slack_sdk import WebClient
from websockets.sync.client import connect

from bot.localslack.seed import Channel, Group, Person, Seed
from bot.localslack.server import LocalSlack, Timing
from tests.localslack.robot import Robot

MANIFEST = {
    "display_information": {"name": "Probe"},
    "features": {
        "bot_user": {"display_name": "Probe"},
        "slash_commands": [
            {"command": "/probe", "description": "Probes.", "should_escape": True},
            {"command": "/raw", "description": "Gets what was typed."},
        ],
    },
    "oauth_config": {
        "scopes": {
            "bot": [
                "commands",
                "chat:write",
                "files:write",
                "users:read",
                "channels:read",
                "channels:history",
                "groups:read",
                "groups:history",
                "im:history",
                "im:write",
                "usergroups:read",
            ]
        }
    },
    "settings": {
        "event_subscriptions": {
            "bot_events": ["app_home_opened", "channel_archive", "member_joined_channel"]
        }
    },
}
BOT = "U0LOCALBOT"
SEED = Seed(
    people=(
        Person(id="U0ASKER", handle="requester", name="Requester", tz="Asia/Shanghai"),
        Person(id="U0FIRST", handle="approver-1", name="Approver 1", tz="Europe/Berlin"),
        Person(id="U0OUT", handle="outsider", name="Outsider", is_restricted=True),
    ),
    channels=(
        Channel(id="C0FIN", name="finops", purpose="Money.", members=("U0ASKER", "U0FIRST", BOT)),
        Channel(id="C0QUIET", name="quiet", members=("U0ASKER",)),
        Channel(id="G0SECRET", name="secret", members=("U0FIRST", BOT), is_private=True),
        Channel(id="G0CLOSED", name="closed", members=("U0FIRST",), is_private=True),
    ),
    groups=(Group(id="S0APPR", handle="approvers", name="Approvers", users=("U0FIRST",)),),
    manifest=MANIFEST,
)


class HandClock:
    """A clock that tests move."""

    def __init__(self):
        self.at = datetime(2026, 11, 23, 2, 12, tzinfo=UTC)

    def now(self):
        return self.at

    def move(self, **by):
        self.at += timedelta(**by)


TIMING = Timing(ack_seconds=0.4, trigger_seconds=0.4, retry_delays=(0.0, 0.05))


class ClockPanel:
    """The host's panel in these tests: it moves the clock."""

    def __init__(self, clock):
        self._clock = clock

    def describe(self):
        controls = [{"id": "hour", "label": "+1 hour"}]
        return {
            "id": "clock",
            "title": "Clock",
            "badge": None,
            "badge_clear": None,
            "summary": self._clock.now().isoformat(),
            "items": [{"type": "buttons", "controls": controls}],
        }

    def press(self, control_id, values):
        if control_id != "hour":
            raise LookupError("This clock goes forward by hours only.")
        self._clock.move(hours=int(values.get("count", "1")))
        return "Moved."


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """One local Slack for all tests that need no other; `slack` hands it out as new."""
    clock = HandClock()
    slack = LocalSlack(
        seed=SEED,
        data=tmp_path_factory.mktemp("shared"),
        clock=clock,
        panels=[ClockPanel(clock)],
        timing=TIMING,
    )
    slack.start()
    yield slack, clock
    slack.stop()


@pytest.fixture
def clock(shared):
    _, clock = shared
    clock.at = HandClock().at
    return clock


@pytest.fixture
def slack(shared, clock, until):
    slack, _ = shared
    until(lambda: slack.sockets == 0)
    slack.reset()
    slack.client_msg_id = "ignore"
    return slack


@pytest.fixture
def start(tmp_path):
    """Starts local Slacks of their own that are stopped at the end."""
    started = []

    def begin(**more):
        settings = {"seed": SEED, "data": tmp_path / "slack", "clock": HandClock()}
        slack = LocalSlack(**(settings | {"timing": TIMING} | more))
        slack.start()
        started.append(slack)
        return slack

    yield begin
    for slack in started:
        slack.stop()


@pytest.fixture
def client(slack):
    return WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture(scope="session")
def until():
    def wait(condition, *, seconds=5.0):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)
        return found

    return wait


@pytest.fixture
def robot(slack):
    """The app, connected by one socket."""
    robot = Robot(slack).connect()
    yield robot
    robot.close()


@pytest.fixture
def feed(slack):
    """A page's live feed: a function that waits for the next frame of a type."""

    @contextlib.contextmanager
    def follow(person):
        address = slack.url.replace("http", "ws", 1)
        with connect(f"{address}/page/live?as={person}") as socket:
            assert json.loads(socket.recv(timeout=5))["type"] == "hello"

            def next_of(kind, *, passed=None):
                while (frame := json.loads(socket.recv(timeout=5)))["type"] != kind:
                    if passed is not None:
                        passed.append(frame["type"])
                return frame

            yield next_of

    return follow
