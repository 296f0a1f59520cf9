"""A workspace with Lapse in it: the local Slack, the real bot, and a clock that can be set."""

import io
import json
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot import app
from bot.config import Secrets, Settings
from bot.core import Core, open_core
from bot.demo import workspace
from bot.localslack.server import LocalSlack
from tests.acceptance.people import Persona
from tests.clocks import SettableClock

AUDIT_KEY = "a key of the acceptance tests"


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unpaced(settings: Settings) -> Settings:
    """The same without limits on sending: a clock that stands still would let one message out."""
    unlimited = ("posts_per_minute", "posts_per_minute_and_channel", "updates_per_minute")
    slack = settings.slack.model_copy(update=dict.fromkeys(unlimited, 0))
    return settings.model_copy(update={"slack": slack})


class World:
    """Starts, ticks, stops and restarts; what people do goes through `user()`."""

    def __init__(
        self, *, data: Path, database_url: str, clock: SettableClock, transport: str = "socket"
    ) -> None:
        self.clock = clock
        self._transport = transport
        self._database_url = database_url
        self._port = free_port() if transport == "http" else 0
        self.slack = LocalSlack(
            seed=workspace.practice_seed(),
            data=data,
            clock=clock,
            events_url=f"http://127.0.0.1:{self._port}/slack/events" if self._port else None,
        )
        self.slack.start()
        self.bot: app.Bot | None = None
        self.core: Core | None = None

    def start(self, settings: Settings | None = None) -> None:
        """Start the bot as `lapse run` does, its ticks driven by hand."""
        slack = self.slack
        secrets = Secrets(
            slack_bot_token=SecretStr(slack.bot_token),
            slack_app_token=SecretStr(slack.app_token),
            slack_signing_secret=SecretStr(slack.signing_secret),
            slack_api_url=slack.api_url,
            lapse_database_url=self._database_url,
            lapse_audit_key=SecretStr(AUDIT_KEY),
            lapse_transport=self._transport,
            lapse_http_port=self._port,
        )
        settings = unpaced(settings or workspace.practice_settings())
        self.core = open_core(settings, secrets, clock=self.clock)
        self.bot = app.build_bot(self.core, role="all")
        self.bot.listen()

    def stop(self) -> None:
        """Stop the bot; the workspace stays."""
        if self.bot is not None:
            self.bot.stop()
            self.bot = None
        if self.core is not None:
            self.core.database.dispose()
            self.core = None

    def close(self) -> None:
        """Stop everything."""
        self.stop()
        self.slack.stop()

    def restart(self) -> None:
        """Stop the bot and start it again, from its database alone."""
        self.stop()
        self.start()

    def user(self, handle: str) -> Persona:
        return Persona(self.slack.url, handle)

    def load(self, *subscriptions: Mapping[str, Any]) -> None:
        """Import subscriptions, as a file would bring them."""
        assert self.core is not None
        data = json.dumps(list(subscriptions)).encode()
        self.core.importing.run(io.BytesIO(data), "story.json", by="story")

    def tick(self, rounds: int = 3) -> None:
        """Let every tick run, a few times, so that what one owes the next one does."""
        assert self.bot is not None
        for _ in range(rounds):
            self.bot.scheduler.run_all()

    def advance(self, *, rounds: int = 3, **by: float) -> None:
        """Move the clock and tick."""
        self.clock.advance(timedelta(**by))
        self.tick(rounds)

    def advance_to(self, instant: datetime, *, rounds: int = 3) -> None:
        """Move the clock to an instant and tick."""
        self.clock.advance_to(instant)
        self.tick(rounds)

    def remarks(self) -> list[str]:
        """What a screen reader misses in the messages that people see."""
        return [
            f"{message.text}: {remark}"
            for person in self.slack.seed.humans
            for where in (*(each.name for each in self.slack.seed.channels), "Lapse")
            for message in self.user(person.handle).messages(where)
            for remark in message.data["problems"]
            if message.data["is_app"]
        ]
