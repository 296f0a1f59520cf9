"""The Directory port, spoken in Slack: who is who, remembered for five minutes."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from slack_sdk import WebClient

from bot.billing.subscription import SlackUser
from handlers.refusals import LOST

log = logging.getLogger(__name__)

FRESH = 300.0
RETRY = 20.0
"""Seconds for which an answer holds, and for which a failed look-up is not repeated."""

HOLDS = 24 * 3600.0
"""Seconds for which the last answer still gives rights while Slack does not answer again."""

SLACKBOT = "USLACKBOT"

KEPT = 5000
UTC = ZoneInfo("UTC")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What Slack says of a person."""

    zone: ZoneInfo = UTC
    admin: bool = False
    guest: bool = False
    left: bool = False
    bot: bool = False


NOBODY = Person()
"""Somebody whom Slack does not know now: no rights beyond the settings', UTC."""


@dataclass(frozen=True, slots=True)
class _Remembered(Generic[Answer]):
    """An answer that holds `until`; `read_at` Slack gave it, `failing_since` it gives none."""

    until: float
    answer: Answer
    read_at: float | None = None
    failing_since: float | None = None


class SlackDirectory:
    """The Directory port over one workspace; `monotonic` counts seconds and never goes back."""

    def __init__(self, client: WebClient, *, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._monotonic = monotonic
        self._people: dict[str, _Remembered[Person]] = {}
        self._groups: dict[str, _Remembered[tuple[SlackUser, ...] | None]] = {}

    def zone(self, user: SlackUser) -> ZoneInfo:
        """The person's time zone; UTC when unknown."""
        return self._person(user).zone

    def is_admin(self, user: SlackUser) -> bool:
        """Whether the workspace calls the person an admin or owner."""
        return self._person(user).admin

    def is_guest(self, user: SlackUser) -> bool:
        """Whether the person is a guest, who cannot use Lapse."""
        return self._person(user).guest

    def has_left(self, user: SlackUser) -> bool:
        """Whether the person's account is deactivated."""
        return self._person(user).left

    def is_bot(self, user: SlackUser) -> bool:
        """Whether it is an app, or Slackbot, and nobody."""
        return user == SLACKBOT or self._person(user).bot

    def group_members(self, group: str) -> Sequence[SlackUser] | None:
        """The members of a user group; None where it was never read, or not for a day."""
        return self._group(group).answer

    def unread_for(self, group: str) -> timedelta:
        """For how long Slack has refused to show who is in a user group; nothing while it does."""
        since = self._group(group).failing_since
        return timedelta(seconds=self._monotonic() - since) if since is not None else timedelta(0)

    def _group(self, group: str) -> _Remembered[tuple[SlackUser, ...] | None]:
        return self._remember(self._groups, group, self._read_group, unknown=_nobody_known)

    def _person(self, user: SlackUser) -> Person:
        return self._remember(self._people, user, self._read_person, unknown=_without_rights).answer

    def _read_person(self, user: str) -> Person:
        found = self._client.users_info(user=user)["user"]
        return Person(
            zone=_zone(found.get("tz")),
            admin=bool(found.get("is_admin") or found.get("is_owner")),
            guest=bool(found.get("is_restricted") or found.get("is_ultra_restricted")),
            left=bool(found.get("deleted")),
            bot=bool(found.get("is_bot")),
        )

    def _read_group(self, group: str) -> tuple[SlackUser, ...] | None:
        found = self._client.usergroups_users_list(usergroup=group)["users"]
        return tuple(SlackUser(user) for user in found)

    def _remember(
        self,
        known: dict[str, _Remembered[Answer]],
        name: str,
        read: Callable[[str], Answer],
        *,
        unknown: Callable[[Answer | None], Answer],
    ) -> _Remembered[Answer]:
        """What Slack says, or said; `unknown` is what is left of an answer that is too old."""
        now = self._monotonic()
        before = known.get(name)
        if before is not None and now < before.until:
            return before
        try:
            fresh = _Remembered(now + FRESH, read(name), read_at=now)
        except (*LOST, KeyError) as error:
            log.warning("slack.unknown_person", extra={"who": name, "error": type(error).__name__})
            fresh = _failed(before, unknown, now=now)
        if len(known) >= KEPT:
            known.clear()
        known[name] = fresh
        return fresh


def _failed(
    before: _Remembered[Answer] | None,
    unknown: Callable[[Answer | None], Answer],
    *,
    now: float,
) -> _Remembered[Answer]:
    if before is None:
        return _Remembered(now + RETRY, unknown(None), failing_since=now)
    since = now if before.failing_since is None else before.failing_since
    holds = before.read_at is not None and now < before.read_at + HOLDS
    answer = before.answer if holds else unknown(before.answer)
    return replace(before, until=now + RETRY, answer=answer, failing_since=since)


def _nobody_known(_: tuple[SlackUser, ...] | None) -> None:
    """Of a group nothing is left: whoever was in it may not be any more."""


def _without_rights(person: Person | None) -> Person:
    """Whoever was an admin may not be any more; a guest stays one."""
    return replace(person or NOBODY, admin=False)


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name)) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC
