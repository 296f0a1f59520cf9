"""The Directory port, spoken in Slack: who is who, remembered for five minutes."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from slack_sdk import WebClient

from bot.billing.subscription import SlackUser
from handlers.refusals import LOST

log = logging.getLogger(__name__)

FRESH = 300.0
RETRY = 20.0
"""Seconds for which an answer holds, and for which a failed look-up is not repeated."""

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


NOBODY = Person()
"""Somebody whom Slack does not know now: no rights beyond the settings', UTC."""


@dataclass(frozen=True, slots=True)
class _Remembered(Generic[Answer]):
    until: float
    answer: Answer


class SlackDirectory:
    """The Directory port over one workspace; `monotonic` counts seconds and never goes back."""

    def __init__(self, client: WebClient, *, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._monotonic = monotonic
        self._people: dict[str, _Remembered[Person]] = {}
        self._groups: dict[str, _Remembered[tuple[SlackUser, ...]]] = {}

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

    def group_members(self, group: str) -> Sequence[SlackUser]:
        """The members of a user group; empty when it cannot be read."""
        return self._remember(self._groups, group, self._read_group, unknown=())

    def _person(self, user: SlackUser) -> Person:
        return self._remember(self._people, user, self._read_person, unknown=NOBODY)

    def _read_person(self, user: str) -> Person:
        found = self._client.users_info(user=user)["user"]
        return Person(
            zone=_zone(found.get("tz")),
            admin=bool(found.get("is_admin") or found.get("is_owner")),
            guest=bool(found.get("is_restricted") or found.get("is_ultra_restricted")),
            left=bool(found.get("deleted")),
        )

    def _read_group(self, group: str) -> tuple[SlackUser, ...]:
        found = self._client.usergroups_users_list(usergroup=group)["users"]
        return tuple(SlackUser(user) for user in found)

    def _remember(
        self,
        known: dict[str, _Remembered[Answer]],
        name: str,
        read: Callable[[str], Answer],
        *,
        unknown: Answer,
    ) -> Answer:
        now = self._monotonic()
        before = known.get(name)
        if before is not None and now < before.until:
            return before.answer
        try:
            fresh = _Remembered(now + FRESH, read(name))
        except (*LOST, KeyError) as error:
            log.warning("slack.unknown_person", extra={"who": name, "error": type(error).__name__})
            fresh = _Remembered(now + RETRY, before.answer if before else unknown)
        if len(known) >= KEPT:
            known.clear()
        known[name] = fresh
        return fresh.answer


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name)) if name else UTC
    except (KeyError, ValueError, OSError):
        return UTC
