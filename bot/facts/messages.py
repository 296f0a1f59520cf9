"""The messages that Lapse sends, as frozen values; how they look is the messenger's business."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.billing.change import Charge
from bot.billing.delegation import Delegation
from bot.billing.money import Money
from bot.billing.reminder import Reminder
from bot.billing.subscription import SlackChannel, SlackUser, Subscription
from bot.billing.unsubscription import Event, Request, State
from bot.billing.worst import Worst
from bot.facts.receipt import Form, ReceiptFacts, RecordHead, receipt_of


class Timing(StrEnum):
    """Whether a reminder comes when it should."""

    ON_TIME = "on-time"
    LATE = "late"
    MISSED = "missed"


WAS_OFF = "Lapse was not running."
"""The reason that a reminder is late where nobody ran when it fell due."""


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
    last_working_day: date | None
    safe_until: datetime
    settled: Settled = Settled.OPEN
    settled_by: SlackUser | None = None
    settled_at: datetime | None = None
    snoozed_until: datetime | None = None
    request_number: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """A channel that should have shown so many of a message and would not take them, and why."""

    channel: SlackChannel
    why: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderMessage:
    """One reminder, or a digest of at most ten; `zone` is the reader's.

    `why` says why a late or missed one is not on time; `meant` where it should have gone.
    `delivery_id` names the message in its own buttons. `off_by_request`: the settings ask for an
    approval before auto-renewal is turned off.
    """

    items: tuple[ReminderItem, ...]
    zone: ZoneInfo
    timing: Timing
    sent_at: datetime
    why: str | None = None
    meant: tuple[Meant, ...] = ()
    direct: bool = False
    dry_run: bool = False
    delivery_id: str = ""
    off_by_request: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRest:
    """The message that counts what is beyond forty items, with sums per currency.

    `timing`, `why` and `meant` say what they say of a reminder.
    """

    batch_id: str
    count: int
    sums: tuple[Money, ...]
    zone: ZoneInfo
    timing: Timing = Timing.ON_TIME
    why: str | None = None
    meant: tuple[Meant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What a stale request means at an instant: `refund` then and the `worst` from then on.

    A switch of auto-renewal has `charges` instead. `read_at` is when the cloud was read for it, as
    far as that is known. `cause` is the fact that makes the figures worse, where one can be named.
    """

    at: datetime
    read_at: datetime | None = None
    refund: Money | None = None
    worst: Worst | None = None
    charges: tuple[Charge, ...] = ()
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCard:
    """The request in the approvals channel, in its present state.

    It is `breakable` where the settings let somebody approve alone in an emergency. `fresh` is
    what a stale one means now, where that is known, and `several` why one that waits needs more
    approvals than others.
    """

    request: Request
    breakable: bool = False
    fresh: Fresh | None = None
    several: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """One line of history in the request's thread; `fresh` as in its message."""

    request: Request
    event: Event
    fresh: Fresh | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The receipt in the request's thread; `head` is None where none was noted when it ended.

    `cloud_requests` says of ids of subscriptions what the cloud called the call for them.
    """

    request: Request
    head: RecordHead | None = None
    cloud_requests: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> ReceiptFacts:
        """Everything that it says."""
        return receipt_of(self.request, head=self.head, cloud_requests=self.cloud_requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFile:
    """The same receipt as a file beside it."""

    receipt: Receipt
    form: Form

    @property
    def request(self) -> Request:
        """What it is the receipt of."""
        return self.receipt.request


@dataclass(frozen=True, slots=True, kw_only=True)
class RequesterNote:
    """A direct message to the requester: the request came into this state.

    What it offers can be pressed while it is `current`. `told` is the event that it tells of, and
    `fresh` what a stale one means now. `zone` is the reader's, None where it is not one person.
    """

    request: Request
    state: State
    link: str | None
    current: bool = True
    told: Event | None = None
    fresh: Fresh | None = None
    zone: ZoneInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenGlass:
    """Somebody approved a request alone, told to everybody in the channel."""

    request: Request
    event: Event
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """Nobody did in time what a person had to do by hand, told to the channel."""

    request: Request
    event: Event
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationNote:
    """Who decides for whom, told to the channel; `zone` is that of its days."""

    delegation: Delegation
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderLine:
    """One line in a reminder's thread: who pressed what, when."""

    item: ReminderItem


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorWarning:
    """Trouble told to those who run Lapse: what, since when, what to do.

    `over_at` is when it was over, `over` says how: it was `solved`, or nothing is left to go on.
    """

    subject: str
    since: datetime
    text: str
    over_at: datetime | None = None
    over: str = ""
    solved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """The three steps of the demo; each is true when it was really done."""

    seen: bool
    asked: bool
    decided: bool
    subject_ids: tuple[str, ...]
    approvals_channel: SlackChannel
    skipped: bool = False


Said = (
    RequestCard
    | RequestLine
    | Receipt
    | ReceiptFile
    | RequesterNote
    | BrokenGlass
    | Overdue
    | DelegationNote
    | ReminderMessage
    | ReminderRest
    | ReminderLine
    | OperatorWarning
    | Tour
)
"""A message with everything that it has to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discreet:
    """A message whose figures are hidden from its readers; `delivery_id` is what they ask for."""

    message: Said
    delivery_id: str


Message = Said | Discreet
