"""What happened in the workspace, told to whoever shows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "message", "gone", "channels", "unread", "modals", "home", "app", "refused", "notice",
    "announce", "panels", "clock", "reset",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change; `user` set means that only this person may learn of it."""

    kind: Kind
    channel: str | None = None
    ts: str | None = None
    user: str | None = None
    new: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


Tell = Callable[[Change], None]
