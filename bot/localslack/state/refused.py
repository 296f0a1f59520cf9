"""Payloads that Slack would refuse, remembered so that somebody notices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.localslack.blockkit.problem import Problem
from bot.localslack.stamps import new_id
from bot.localslack.state.changes import Change, Tell
from bot.localslack.state.workspace import Workspace

_KEEP: Final = 500
_WORDS: Final = {"message": "message", "ephemeral": "message", "response": "message"}
_WORDS_VIEW: Final = {"modal": "window", "home": "Home view"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One refusal; `ts` is where it would stand in `channel`, `user` who alone would see it."""

    id: str
    ts: str
    at: float
    method: str
    surface: str
    error: str
    sentence: str
    problems: tuple[Problem, ...]
    payload: Any
    channel: str | None = None
    user: str | None = None


class RefusedLog:
    """Every payload refused since the start."""

    def __init__(self, *, workspace: Workspace, tell: Tell) -> None:
        self._workspace = workspace
        self._tell = tell
        self._all: list[Refused] = []
        self.views: dict[tuple[str, str], Refused] = {}

    def all(self) -> tuple[Refused, ...]:
        """Oldest first."""
        return tuple(self._all)

    def clear(self) -> None:
        """Forget them."""
        self._all.clear()
        self.views.clear()

    def add(
        self,
        *,
        method: str,
        surface: str,
        error: str,
        problems: Sequence[Problem],
        payload: Any,
        channel: str | None = None,
        user: str | None = None,
    ) -> Refused:
        """Remember a refusal and tell of it."""
        word = {**_WORDS, **_WORDS_VIEW}[surface]
        why = problems[0].sentence if problems else error
        refused = Refused(
            id=new_id("R"),
            ts=self._workspace.next_ts(),
            at=self._workspace.now().timestamp(),
            method=method,
            surface=surface,
            error=error,
            sentence=f"Slack would refuse this {word}: {why}",
            problems=tuple(problems),
            payload=payload,
            channel=channel,
            user=user,
        )
        self._all.append(refused)
        del self._all[:-_KEEP]
        if user and surface in _WORDS_VIEW:
            self.views[user, surface] = refused
            self._tell(Change(kind="home" if surface == "home" else "modals", user=user))
        elif channel:
            self._tell(Change(kind="message", channel=channel, ts=refused.ts, user=user, new=True))
        self._tell(Change(kind="refused"))
        return refused

    def dismiss(self, refused_ts: str) -> Refused | None:
        """Forget where one stands; it still counts. Answers it when it was there."""
        for number, each in enumerate(self._all):
            if each.ts == refused_ts and each.channel:
                self._all[number] = replace(each, channel=None)
                return each
        return None

    def dismiss_view(self, user: str, surface: str) -> None:
        """Take a refused window or Home away from a person's sight."""
        if self.views.pop((user, surface), None):
            self._tell(Change(kind="home" if surface == "home" else "modals", user=user))
