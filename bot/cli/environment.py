"""The process's own surroundings: its environment, its directory, its log."""

import json
import logging
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.config import Secrets, Settings
    from bot.core import Core

STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def environment() -> Mapping[str, str]:
    """The process's environment, read here alone."""
    return dict(os.environ)  # noqa: TID251 - the one place


def environment_taken() -> Mapping[str, str]:
    """The environment, and Slack's part of it taken out.

    Bolt would act on some of it by itself, and a child process has no use for a secret.
    """
    environ = environment()
    for name in environ:
        if name.startswith("SLACK_"):
            del os.environ[name]  # noqa: TID251 - the one place
    return environ


def settings_taken() -> "tuple[Settings, Secrets]":
    """The settings of a process that stays; Slack's part of the environment is taken out."""
    return _settings(environment_taken())


def open_core() -> "Core":
    """Settings, database and use cases, as every command but `quote` needs them."""
    from bot import core

    origin = {"host": socket.gethostname(), "user": core.host_user()}
    return core.open_core(*_settings(environment()), origin=origin)


def _settings(environ: Mapping[str, str]) -> "tuple[Settings, Secrets]":
    from bot import config

    settings = config.load_settings(environ, directory=Path.cwd())
    return settings, config.load_secrets(environ)


class JsonLines(logging.Formatter):
    """One JSON object a line: when, how bad, the event, its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; its extra fields stand beside the event."""
        line: dict[str, object] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        extras = {k: v for k, v in vars(record).items() if k not in STANDARD_FIELDS and v != ""}
        if record.exc_info:
            extras["trace"] = self.formatException(record.exc_info)
        return json.dumps(line | extras, default=str, ensure_ascii=False)


def start_log(*, default: str = "info") -> None:
    """Log to standard error in JSON lines, at `LAPSE_LOG` (debug, info, warning, error)."""
    from handlers.correlation import Correlated

    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Correlated())
    handler.setFormatter(JsonLines())
    level = environment().get("LAPSE_LOG", default).upper()
    logging.basicConfig(
        level=level if level in logging.getLevelNamesMapping() else "INFO", handlers=[handler]
    )
    # Bolt and the SDK log whole payloads at debug; those hold free text and never belong in a log.
    for name in ("slack_bolt", "slack_sdk", "alembic", "urllib3", "apscheduler", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # A call that failed is told by whoever made it.
    logging.getLogger("slack_sdk.web.base_client").setLevel(logging.CRITICAL)
