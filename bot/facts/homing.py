"""App Home: what one person should see first."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.billing.subscription import SlackChannel, SlackUser, Subscription
from bot.billing.unsubscription import Request
from bot.facts.listing import UpcomingDay
from bot.facts.status import Health, Trouble


class Role(StrEnum):
    """As what the person looks; the first that holds, in this order."""

    APPROVER = "approver"
    OWNER = "owner"
    INSTALLER = "installer"
    NOBODY = "nobody"


class SetupStep(StrEnum):
    """The steps until the first reminder, in order."""

    SLACK = "slack"
    APPROVALS_CHANNEL = "approvals-channel"
    CATALOGUE = "catalogue"
    APPROVERS = "approvers"
    FIRST_REMINDER = "first-reminder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One step of setting up and whether it is done; the first open one comes next."""

    step: SetupStep
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFacts:
    """Everything on a person's Home; lists hold at most five, counts say how many there are.

    `next_day` is the person's next anchor with the subscriptions they own. `setup` is empty once
    every step is done, and for people who cannot set up. `sees_savings`: the person decides or
    operates.
    """

    user: SlackUser
    role: Role
    troubles: tuple[Trouble, ...]
    waiting: tuple[Request, ...]
    waiting_count: int
    next_day: UpcomingDay | None
    my_requests: tuple[Request, ...]
    without_owner: tuple[Subscription, ...]
    without_owner_count: int
    setup: tuple[Setup, ...]
    health: Health
    approvals_channel: SlackChannel
    operators: tuple[SlackUser, ...]
    schedule_zone: ZoneInfo
    sees_savings: bool
    now: datetime
