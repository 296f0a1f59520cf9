"""Keeps the local Slack local: never beside a real workspace, never for another origin."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

LOCAL_MARK: Final = "-local-"
_REAL_PREFIXES: Final = ("xoxb-", "xoxp-", "xoxe", "xoxa-", "xapp-")
_ALWAYS_REAL: Final = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")


class RealWorkspaceConfigured(Exception):
    """A token of a real workspace is set, beside which the local Slack does not start."""


class PortInUse(Exception):
    """Another program listens on the port already."""


def refuse_beside_real_tokens(environ: Mapping[str, str]) -> None:
    """Raise `RealWorkspaceConfigured` when the environment names a workspace that is not local."""
    for name, value in sorted(environ.items()):
        if not value or LOCAL_MARK in value or not name.startswith("SLACK_"):
            continue
        if name in _ALWAYS_REAL or value.startswith(_REAL_PREFIXES):
            raise RealWorkspaceConfigured(
                f"`{name}` is set; the local Slack does not start beside a real workspace."
                " Unset it, start again."
            )


def is_own_host(host: str, *, port: int) -> bool:
    """Whether a Host header names this server: anything else is another site's trick."""
    # Slack's SDK leaves the port out when it opens a socket; a rebound name would be foreign.
    names = ("127.0.0.1", "localhost")
    return host in names or host in {f"{name}:{port}" for name in names}


def is_own_origin(origin: str | None, *, host: str) -> bool:
    """Whether a request comes from the page itself, or from no browser at all."""
    if origin is None:
        return True
    parts = urlsplit(origin)
    return parts.scheme == "http" and parts.netloc == host
