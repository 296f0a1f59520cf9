"""The Slack app's manifest: what the app asks for, and which commands it has."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml


def manifest() -> Mapping[str, Any]:
    """The parsed `manifest.yml`: packaged in the wheel, in a checkout the one at the root."""
    packaged = resources.files("bot").joinpath("manifest.yml")
    checkout = Path(__file__).parents[1] / "manifest.yml"
    text = (packaged if packaged.is_file() else checkout).read_text("utf-8")
    parsed: Mapping[str, Any] = yaml.safe_load(text)
    return parsed


def bot_scopes() -> frozenset[str]:
    """The scopes that the bot token needs."""
    return frozenset(manifest()["oauth_config"]["scopes"]["bot"])
