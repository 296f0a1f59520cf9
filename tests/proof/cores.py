"""What a worker of a trial shares with those who prepare and judge it: settings and database."""

from pathlib import Path

from pydantic import SecretStr

from bot.config import Secrets, load_settings
from bot.core import Core, open_core

KEY = "a key of the proof"


def opened_core(url: str, *, slack_url: str, directory: Path) -> Core:
    """A core on a database, with the settings of a directory; it listens on any free port."""
    secrets = Secrets(
        lapse_database_url=url,
        lapse_audit_key=SecretStr(KEY),
        lapse_http_port=0,
        slack_bot_token=SecretStr("xoxb-proof"),
        slack_api_url=slack_url,
    )
    return open_core(load_settings({}, directory=directory), secrets)
