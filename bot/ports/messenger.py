"""The Messenger port: says things to people; how it looks is the messenger's own business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.billing.money import Money
from bot.billing.reminder import Reminder
from bot.billing.subscription import SlackChannel, SlackUser, Subscription
from bot.billing.unsubscription import Event, Request, State


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


class Undeliverable(Exception):
    """Certainly not posted, and this destination will not take it: archived, removed, revoked."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Unsettled(Exception):
    """It is not known whether it was posted: look before repeating."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Timing(StrEnum):
    """Whether a reminder comes when it should."""

    ON_TIME = "on-time"
    LATE = "late"
    MISSED = "missed"


class Settled(StrEnum):
    """What a person or the cloud did about what a reminder announced."""

    OPEN = "open"
    TURNING_OFF = "turning-off"
    TURNED_OFF = "turned-off"
    KEPT = "kept"
    SNOOZED = "snoozed"
    REQUESTED = "requested"
    NO_LONGER_DUE = "no-longer-due"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderItem:
    """One subscription in a reminder message, with what has become of it since."""

    reminder: Reminder
    reminder_id: str
    subscription: Subscription
    amount: Money | None
    last_working_day: datetime | None
    safe_until: datetime
    settled: Settled = Settled.OPEN
    settled_by: SlackUser | None = None
    settled_at: datetime | None = None
    snoozed_until: datetime | None = None
    request_number: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderMessage:
    """One reminder, or a digest of at most ten; `zone` is the reader's.

    `why` says why a late one is late. A first post that Slack never confirmed `may_repeat`.
    """

    items: tuple[ReminderItem, ...]
    zone: ZoneInfo
    timing: Timing
    sent_at: datetime
    why: str | None = None
    may_repeat: bool = False
    direct: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRest:
    """The message that counts what is beyond forty items, with sums per currency."""

    batch_id: str
    count: int
    sums: tuple[Money, ...]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCard:
    """The request in the approvals channel, in its present state."""

    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """One line of history in the request's thread."""

    request: Request
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The receipt in the request's thread."""

    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class RequesterNote:
    """A direct message to the requester: the request is now in this state."""

    request: Request
    state: State
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderLine:
    """One line in a reminder's thread: who pressed what, when."""

    item: ReminderItem


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorWarning:
    """Trouble told to those who run Lapse: what, since when, what to do."""

    subject: str
    since: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """The three steps of the demo; each is true when it was really done."""

    seen: bool
    asked: bool
    decided: bool
    subject_ids: tuple[str, ...]
    approvals_channel: SlackChannel
    skipped: bool = False


Message = (
    RequestCard
    | RequestLine
    | Receipt
    | RequesterNote
    | ReminderMessage
    | ReminderRest
    | ReminderLine
    | OperatorWarning
    | Tour
)


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
    ) -> Posted:
        """Post once, within 10 s. `to` is a channel or a user id, `thread` the parent's ts.

        Raises NotPosted, Undeliverable or Unsettled.
        """

    def update(self, message: Message, *, at: Posted) -> None:
        """Replace a message in place; harmless when repeated. Raises NotPosted or Undeliverable."""

    def find(
        self,
        delivery_id: str,
        *,
        to: str,
        since: datetime,
        until: datetime,
        thread: str | None = None,
    ) -> Posted | None:
        """Look in the conversation's history, all pages, for a delivery. Raises Unsettled when unreadable."""

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

    def group_members(self, group: str) -> Sequence[SlackUser]:
        """The members of a user group (S…); empty when it cannot be read."""
