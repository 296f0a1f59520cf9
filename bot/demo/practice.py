"""Starts the practice workspace: an SQLite file, a catalogue, the local Slack, and the bot."""

import fcntl
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from bot import app
from bot.billing.renewal import CLOUD_ZONE
from bot.config import Secrets
from bot.demo.catalogue import demo_catalogue
from bot.demo.panels import ClockPanel, CloudPanel
from bot.demo.workspace import FINOPS, practice_seed, practice_settings
from bot.localslack.server import LocalSlack, refuse_beside_real_tokens
from storage.errors import DatabaseInUse
from storage.migrate import migrate


class Practice:
    """One practice workspace in a directory; started again, it goes on where it was."""

    def __init__(self, *, port: int, data: Path, environ: Mapping[str, str]) -> None:
        refuse_beside_real_tokens(environ)
        data.mkdir(parents=True, exist_ok=True)
        self._lock = _sole_user(data)
        url = f"sqlite:///{data / 'lapse.db'}"
        migrate(url)
        self._core = app.open_core(practice_settings(), Secrets(lapse_database_url=url))
        self._slack = LocalSlack(
            seed=practice_seed(), data=data, clock=self._core.clock, panels=[], port=port
        )
        self._bot: app.Bot | None = None

    @property
    def url(self) -> str:
        """The address of the page."""
        return self._slack.url
