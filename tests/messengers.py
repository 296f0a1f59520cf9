"""A workspace in memory: posts, replaces and finds messages, and fails exactly as it is told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from math import inf
from zoneinfo import ZoneInfo

from bot.billing.subscription import SlackUser
from bot.facts.messages import Message, ReceiptFile
from bot.ports.messenger import NotPosted, Posted, Undeliverable, Unsettled
from tests.clocks import SettableClock


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as people see it now."""

    to: str
    ts: str
    delivery_id: str
    message: Message
    reminder_ids: tuple[str, ...]
    thread: str | None
    at: datetime
    may_repeat: bool = False


@dataclass
class FakeMessenger:
    """The Messenger port. `fail_next` runs instead of, or after, the next post."""

    clock: SettableClock
    shown: list[Shown] = field(default_factory=list)
    posts: int = 0
    updates: int = 0
    looks: int = 0
    links: int = 0
    history_unreadable: bool = False
    unreadable: Unsettled = field(default_factory=lambda: Unsettled("fatal_error"))
    no_links: NotPosted | None = None
    closed: dict[str, str] = field(default_factory=dict)
    no_files: str | None = None
    refuse_in: dict[str, str] = field(default_factory=dict)
    refuse_only: str | None = None
    refusals: list[NotPosted] = field(default_factory=list)
    lose_answers: int = 0
    lose_requests: int = 0
    before_post: Callable[[], None] | None = None
    undeletable: Exception | None = None
    deletions: list[datetime] = field(default_factory=list)
    taken_back: list[Posted] = field(default_factory=list)
    stamps: Iterator[int] = field(default_factory=lambda: count(1))

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
        self.posts += 1
        if self.before_post is not None:
            self.before_post()
        if to in self.closed:
            raise Undeliverable(self.closed[to], closed=True)
        if self.no_files is not None and isinstance(message, ReceiptFile):
            raise Undeliverable(self.no_files)
        if to in self.refuse_in and self.refuse_only in {None, delivery_id}:
            raise NotPosted(self.refuse_in[to], retry_after=30)
        if self.refusals:
            raise self.refusals.pop(0)
        channel = f"D{to[1:]}" if to.startswith("U") else to
        shown = Shown(
            to=channel,
            ts=f"{self.clock.now().timestamp():.0f}.{next(self.stamps):06d}",
            delivery_id=delivery_id,
            message=message,
            reminder_ids=tuple(reminder_ids),
            thread=thread,
            at=self.clock.now(),
            may_repeat=may_repeat,
        )
        if self.lose_requests:
            self.lose_requests -= 1
            raise Unsettled("timeout")
        self.shown.append(shown)
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unsettled("timeout")
        return Posted(channel, shown.ts)

    def update(self, message: Message, *, at: Posted, over_by: float = inf) -> None:
        self.updates += 1
        if self.refusals:
            raise self.refusals.pop(0)
        for index, each in enumerate(self.shown):
            if (each.to, each.ts) == (at.channel, at.ts):
                self.shown[index] = replace(each, message=message)
                return
        raise Undeliverable("message_not_found")

    def copies(
        self,
        delivery_id: str,
        *,
        to: str,
        since: datetime,
        until: datetime,
        thread: str | None = None,
    ) -> Sequence[Posted]:
        self.looks += 1
        if self.history_unreadable:
            raise self.unreadable
        channel = f"D{to[1:]}" if to.startswith("U") else to
        about = (channel, thread, delivery_id)
        return [
            Posted(each.to, each.ts)
            for each in self.shown
            if (each.to, each.thread, each.delivery_id) == about and since <= each.at <= until
        ]

    def take_back(self, at: Posted) -> None:
        self.deletions.append(self.clock.now())
        if self.undeletable is not None:
            raise self.undeletable
        if self.refusals:
            raise self.refusals.pop(0)
        self.taken_back.append(at)
        self.shown = [each for each in self.shown if (each.to, each.ts) != (at.channel, at.ts)]

    def link(self, at: Posted) -> str | None:
        self.links += 1
        if self.no_links is not None:
            raise self.no_links
        return f"https://slack.test/archives/{at.channel}/p{at.ts.replace('.', '')}"

    def of(self, kind: type, *, to: str | None = None) -> list[Shown]:
        """Messages of a kind, oldest first."""
        return [
            each for each in self.shown if isinstance(each.message, kind) and to in {None, each.to}
        ]


@dataclass
class FakeDirectory:
    """The Directory port with whom a test names."""

    zones: dict[str, ZoneInfo] = field(default_factory=dict)
    admins: set[str] = field(default_factory=set)
    guests: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    bots: set[str] = field(default_factory=set)
    unread: dict[str, timedelta] = field(default_factory=dict)
    groups: dict[str, tuple[SlackUser, ...]] = field(default_factory=dict)

    def zone(self, user: SlackUser) -> ZoneInfo:
        return self.zones.get(user, ZoneInfo("UTC"))

    def is_admin(self, user: SlackUser) -> bool:
        return user in self.admins

    def is_guest(self, user: SlackUser) -> bool:
        return user in self.guests

    def has_left(self, user: SlackUser) -> bool:
        return user in self.left

    def is_bot(self, user: SlackUser) -> bool:
        return user in self.bots

    def group_members(self, group: str) -> Sequence[SlackUser] | None:
        return self.groups.get(group)

    def unread_for(self, group: str) -> timedelta:
        return self.unread.get(group, timedelta(0))
