"""The Messenger port: says things to people; how it looks is the messenger's own business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.billing.subscription import SlackUser
from bot.facts.messages import Message


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands: the conversation and its timestamp, which is its identity there."""

    channel: str
    ts: str


class NotPosted(Exception):
    """Certainly not posted; may be tried again after `retry_after` seconds."""

    def __init__(self, error: str, *, retry_after: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.retry_after = retry_after


class Limited(NotPosted):
    """The method was called too often: nobody calls it again before `retry_after` seconds."""


class Unreachable(NotPosted):
    """Not a byte of it was sent: no connection was made, or too late."""


class LockedOut(NotPosted):
    """The workspace does not accept the token: nothing is taken anywhere."""


class Undeliverable(Exception):
    """Certainly not posted, and never will be; `closed` when its destination takes nothing."""

    def __init__(self, error: str, *, closed: bool = False) -> None:
        super().__init__(error)
        self.error = error
        self.closed = closed


class Unsettled(Exception):
    """It is not known whether it was posted: look before repeating.

    `retry_after` is more than 0 when looking itself was done too often.
    """

    def __init__(self, error: str, *, retry_after: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.retry_after = retry_after


class Unreadable(Unsettled):
    """Slack does not show the conversation, and may never do."""


class Messenger(Protocol):
    """Speaks to one workspace; never retries by itself and never answers twice.

    `delivery_id` and `reminder_ids` travel as message metadata (contract, section 6).
    """

    def post(
        self,
        message: Message,
        *,
        to: str,
        delivery_id: str,
        reminder_ids: Sequence[str] = (),
        thread: str | None = None,
        over_by: float = inf,
        may_repeat: bool = False,
    ) -> Posted:
        """Post once. `to` is a channel or a user id, `thread` the parent's ts.

        No byte leaves after `over_by`, an instant of `time.monotonic`, however long the process
        stood still before it. One that `may_repeat` an earlier message, which nobody could look
        for, says so.

        Raises NotPosted, Undeliverable or Unsettled.
        """

    def update(self, message: Message, *, at: Posted, over_by: float = inf) -> None:
        """Replace a message in place, with no byte after `over_by`; may be repeated.

        Raises NotPosted, Undeliverable, or Unsettled when it may still be carried out.
        """

    def copies(
        self,
        delivery_id: str,
        *,
        to: str,
        since: datetime,
        until: datetime,
        thread: str | None = None,
    ) -> Sequence[Posted]:
        """Every message of a delivery that the conversation shows, all pages, the earliest first.

        Raises Unsettled when it cannot be read now, Unreadable when Slack refuses to show it.
        """

    def take_back(self, at: Posted) -> None:
        """Delete an own message; harmless when it is gone. Raises NotPosted or Undeliverable."""

    def link(self, at: Posted) -> str | None:
        """A permalink to a message, or None when it cannot be had now. Raises Limited."""


class Links(Protocol):
    """Permalinks that may be missing."""

    def link(self, at: Posted) -> str | None:
        """A permalink to a message, or None when it cannot be had now."""


class Directory(Protocol):
    """Who is who in the workspace; answers are cached by the implementation for minutes."""

    def zone(self, user: SlackUser) -> ZoneInfo:
        """The person's time zone; UTC when unknown."""

    def is_admin(self, user: SlackUser) -> bool:
        """Whether the workspace calls the person an admin or owner."""

    def is_guest(self, user: SlackUser) -> bool:
        """Whether the person is a guest, who cannot use Lapse."""

    def has_left(self, user: SlackUser) -> bool:
        """Whether the person's account is deactivated; False when nobody knows."""

    def is_bot(self, user: SlackUser) -> bool:
        """Whether it is an app and nobody; False when nobody knows."""

    def group_members(self, group: str) -> Sequence[SlackUser] | None:
        """The members of a user group (S…), as they were read in the last 24 hours; else None."""

    def unread_for(self, group: str) -> timedelta:
        """For how long a user group could not be read; nothing while it can."""
